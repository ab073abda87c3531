//! The soak: each server is asked much, right and wrong, for long. What it takes of the
//! machine is flat in the end.
//!
//! In full each has `SOAK_SECONDS`, 138 if that is not set: half an hour for the models of
//! a service. With `WRITE=1` what was seen goes to `results/soak.json`.

use std::{
    env,
    path::Path,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use results::{Course, Sample, Soak, Soaked, Store};

use crate::{
    footprint::Footprint,
    in_full,
    model::{
        COMPLETION_RINGS_PLAIN, Model, PREFORK_LOOPS, PROCESS_PER_CONNECTION, for_every_model,
    },
    server::Server,
    traffic::{self, Came},
};

for_every_model!(what_a_server_takes_is_flat);

const CLIENTS: u32 = 8;
const WORKERS: u32 = 4;
const SAMPLES: u32 = 60;
/// All at once would share the cores; and the courses are written together.
static COURSES: Mutex<Vec<Course>> = Mutex::new(Vec::new());

fn what_a_server_takes_is_flat(model: Model) {
    let seconds = env::var("SOAK_SECONDS").map(|text| text.parse().expect("SOAK_SECONDS"));
    let seconds = if in_full() { seconds.unwrap_or(138.0) } else { 0.5 };
    let run = Soaked { seconds, clients: CLIENTS, workers: WORKERS, system: system() };
    for service in ["echo", "http", "rpc", "cache"] {
        if service == "cache" && shares_no_memory(model) {
            continue;
        }
        let mut courses = COURSES.lock().unwrap_or_else(PoisonError::into_inner);
        let course = soak(model, service, Duration::from_secs_f64(seconds));
        let memory = course.growth(|sample| sample.memory_bytes).expect("samples");
        println!(
            "{service} {}: {} valid, {} invalid, {memory:+.0} bytes of {}",
            model.name, course.valid, course.invalid, course.after.memory_bytes
        );
        let growing = course.growing(&run);
        courses.push(course);
        if in_full() && env::var_os("WRITE").is_some() {
            write(&run, &courses);
        }
        drop(courses);
        assert_eq!(growing, None);
    }
}

fn soak(model: Model, service: &str, length: Duration) -> Course {
    let server = Server::start(model, service, &["--workers", &WORKERS.to_string()]);
    let is_over = AtomicBool::new(false);
    let (came, samples) = thread::scope(|scope| {
        let clients: Vec<_> = (0..u64::from(CLIENTS))
            .map(|seed| {
                let (server, is_over) = (&server, &is_over);
                scope.spawn(move || live(server, service, seed, || is_over.load(Relaxed)))
            })
            .collect();
        let samples = sample(&server, length);
        is_over.store(true, Relaxed);
        let came = clients.into_iter().map(|client| client.join().expect("all was right"));
        let sum = |all: Came, one: Came| Came {
            valid: all.valid + one.valid,
            invalid: all.invalid + one.invalid,
        };
        (came.fold(Came::default(), sum), samples)
    });
    server.await_open(0);
    let after = Footprint::of(&server).into();
    let end = server.stop();
    assert!(end.status.success(), "{}: {}", end.status, end.errors);
    Course {
        service: service.to_owned(),
        model: model.name.to_owned(),
        valid: came.valid,
        invalid: came.invalid,
        samples,
        after,
    }
}

/// One connection after the other.
fn live(server: &Server, service: &str, seed: u64, is_over: impl Fn() -> bool) -> Came {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut sum = Came::default();
    while !is_over() {
        let came = traffic::client(service, server.address, &mut chance);
        sum = Came { valid: sum.valid + came.valid, invalid: sum.invalid + came.invalid };
    }
    sum
}

fn sample(server: &Server, length: Duration) -> Vec<Sample> {
    let begin = Instant::now();
    (1..=SAMPLES)
        .map(|number| {
            thread::sleep((length * number / SAMPLES).saturating_sub(begin.elapsed()));
            Footprint::of(server).into()
        })
        .collect()
}

impl From<Footprint> for Sample {
    fn from(Footprint { memory_bytes, descriptors, threads }: Footprint) -> Self {
        Self { memory_bytes, descriptors, threads }
    }
}

fn write(run: &Soaked, courses: &[Course]) {
    let mut courses: Vec<Course> = courses
        .iter()
        .filter(|course| course.model != COMPLETION_RINGS_PLAIN.name)
        .cloned()
        .collect();
    courses.sort_by(|one, other| (&one.service, &one.model).cmp(&(&other.service, &other.model)));
    let store = Store::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results"));
    store.write_soak(&Soak { run: run.clone(), courses }).expect("results/ can be written");
}

fn shares_no_memory(model: Model) -> bool {
    [PREFORK_LOOPS.name, PROCESS_PER_CONNECTION.name].contains(&model.name)
}

fn system() -> String {
    let output = Command::new("uname").arg("-srm").output().expect("uname runs");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
