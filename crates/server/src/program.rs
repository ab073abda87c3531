//! A model as a program: options, start, stop signals, report.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use rustix::process::{Resource, getrlimit, setrlimit};
use service::Service;
use signal_hook::{
    consts::{SIGINT, SIGQUIT, SIGTERM},
    iterator::Signals,
};

use crate::{
    Context, Inherited, Knob, Limits, Listener, Listeners, Model, QueueOrder, Stop,
    processes::{Outlet, allow_stop_signals},
    stats::Running,
};

/// Descriptors that a server needs beside its connections.
const DESCRIPTORS_BESIDE: u64 = 32;
/// How long a server may take to end once its drain is over.
const AFTER_DRAIN: Duration = Duration::from_secs(1);
/// As above, of a server whose children take that long themselves.
const AFTER_DRAIN_OF_CHILDREN: Duration = Duration::from_secs(2);

/// Options of every server.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5555")]
    listen: SocketAddr,
    /// Protocol to speak
    #[arg(long, default_value = "echo", value_parser = service_parser())]
    service: Service,
    /// Threads or loops that share the work [default: available cores]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Order in which waiting connections are taken [default: lifo]
    #[arg(long, value_name = "ORDER")]
    queue: Option<Order>,
    /// Most that may wait for a worker: connections, requests or jobs [default: 1024]
    #[arg(long, value_name = "N")]
    queue_limit: Option<NonZeroUsize>,
    /// Most connections at once; more are closed as they come [default: no limit]
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,
    /// Close connections that are silent for so long, as 10s [default: never]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    idle_timeout: Option<Duration>,
    /// Time that connections get to finish after a stop signal
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    drain: Duration,
    /// Leave a JSON report here when the server ends
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// Last come, first served
    Lifo,
    /// First come, first served
    Fifo,
}

fn service_parser() -> impl TypedValueParser<Value = Service> {
    PossibleValuesParser::new(Service::ALL.map(Service::name)).map(|name| {
        Service::ALL.into_iter().find(|service| service.name() == name).unwrap_or(Service::Echo)
    })
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("a duration above zero, as 10s".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// The `main` of a model's own program.
#[must_use]
pub fn main(model: &Model) -> ExitCode {
    let command = Arguments::command().name(model.name).about(model.summary);
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    match arguments {
        Ok(arguments) => run(model, &arguments.options),
        Err(error) => error.exit(),
    }
}

/// Runs `model` until a stop signal; tells on standard error why, if it cannot.
#[must_use]
pub fn run(model: &Model, options: &Options) -> ExitCode {
    match serve(model, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{}: {message}", model.name);
            ExitCode::FAILURE
        }
    }
}

fn serve(model: &Model, options: &Options) -> Result<(), String> {
    if let Some(child) = model.child {
        let inherited = Inherited::take().map_err(|error| format!("cannot start: {error}"))?;
        if let Some(inherited) = inherited {
            return serve_inherited(model, child, inherited, options);
        }
    }
    mention_unused(model, options);
    let descriptors = raise_descriptor_limit();
    check_descriptors(options, descriptors)?;
    if let Some(path) = &options.report {
        check_writable(path)?;
    }
    let context = Arc::new(context(options).map_err(|error| format!("cannot start: {error}"))?);
    check_processes(model, &context)?;
    let main = context.stats.thread("main");
    let listener = match model.listeners {
        Listeners::One => Listener::bind(options.listen),
        Listeners::PerWorker => Listener::bind_many(options.listen, context.workers),
    };
    let listener = listener.map_err(|error| refused(options, &error))?;
    let listener = Arc::new(listener);
    let address = listener.address().map_err(|error| format!("cannot start: {error}"))?;
    let ending = Ending {
        model: model.name,
        listener: Some(Arc::clone(&listener)),
        context: Arc::clone(&context),
        options: options.clone(),
        patience: if model.child.is_some() { AFTER_DRAIN_OF_CHILDREN } else { AFTER_DRAIN },
        outlet: None,
        begun: Arc::default(),
    };
    watch_signals(ending.clone()).map_err(|error| format!("cannot watch signals: {error}"))?;
    // Whoever started us may not care to read it.
    let _ = writeln!(io::stdout(), "listening on {address}");

    (model.serve)(&listener, &context).map_err(|error| format!("cannot go on: {error}"))?;
    ending.end(main)
}

/// A process that another has started: its socket is there, and who stops it
/// and who wants its report is its master.
fn serve_inherited(
    model: &Model,
    child: fn(Inherited, &Context) -> io::Result<()>,
    inherited: Inherited,
    options: &Options,
) -> Result<(), String> {
    let cannot = |error: io::Error| format!("{} cannot start: {error}", inherited.part());
    let mut context = context(options).map_err(cannot)?;
    context.limits.connections = inherited.connections();
    let context = Arc::new(context);
    let main = context.stats.thread(inherited.part());
    let ending = Ending {
        model: model.name,
        listener: None,
        context: Arc::clone(&context),
        options: options.clone(),
        patience: AFTER_DRAIN,
        outlet: Some(Arc::new(inherited.outlet().map_err(cannot)?)),
        begun: Arc::default(),
    };
    watch_signals(ending.clone()).and_then(|()| allow_stop_signals()).map_err(cannot)?;
    let part = inherited.part().to_owned();
    child(inherited, &context).map_err(|error| format!("{part} cannot go on: {error}"))?;
    ending.end(main)
}

fn context(options: &Options) -> io::Result<Context> {
    let workers = match options.workers {
        Some(workers) => workers,
        None => thread::available_parallelism()?,
    };
    let default = Limits::default();
    let limits = Limits {
        connections: options.max_connections.map_or(default.connections, NonZeroUsize::get),
        queue: options.queue_limit.map_or(default.queue, NonZeroUsize::get),
        ..default
    };
    Ok(Context {
        service: options.service,
        workers,
        queue_order: match options.queue {
            Some(Order::Fifo) => QueueOrder::Fifo,
            Some(Order::Lifo) | None => QueueOrder::Lifo,
        },
        idle_timeout: options.idle_timeout,
        limits,
        stop: Arc::new(Stop::new(options.drain)?),
        stats: Arc::default(),
    })
}

/// What processes cannot do, since they share no memory.
fn check_processes(model: &Model, context: &Context) -> Result<(), String> {
    let Context { service, workers, limits, .. } = context;
    if model.child.is_some() && service.shares_state() {
        return Err(format!(
            "the service {} keeps a state that all workers share, and processes share none: \
             choose another --service, or a model with threads",
            service.name()
        ));
    }
    let each_accepts = model.child.is_some() && model.listeners == Listeners::PerWorker;
    if each_accepts && limits.connections < workers.get() {
        return Err(format!(
            "--max-connections {0} cannot be divided among {workers} processes: \
             ask for at most {0} --workers",
            limits.connections
        ));
    }
    Ok(())
}

/// An option without effect is said, not refused: one command line serves all models.
fn mention_unused(model: &Model, options: &Options) {
    for (given, knob) in [
        (options.workers.is_some(), Knob::Workers),
        (options.queue.is_some(), Knob::Queue),
        (options.queue_limit.is_some(), Knob::QueueLimit),
    ] {
        if given && !model.knobs.contains(&knob) {
            eprintln!("{}: {} has no effect on this model", model.name, knob.option());
        }
    }
}

/// Raises the soft limit of descriptors to the hard one, and returns it.
fn raise_descriptor_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the soft limit, which is what counts then.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

fn check_descriptors(options: &Options, limit: Option<u64>) -> Result<(), String> {
    let (Some(wanted), Some(limit)) = (options.max_connections, limit) else { return Ok(()) };
    let room = limit.saturating_sub(DESCRIPTORS_BESIDE);
    if wanted.get() as u64 <= room {
        return Ok(());
    }
    Err(format!(
        "--max-connections {wanted} does not fit into the limit of {limit} descriptors: \
         raise it (ulimit -n) or ask for at most {room}"
    ))
}

/// A report that cannot be left is better known before the run than after.
fn check_writable(path: &Path) -> Result<(), String> {
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map(drop)
        .map_err(|error| format!("cannot write the report {}: {error}", path.display()))
}

fn refused(options: &Options, error: &io::Error) -> String {
    let address = options.listen;
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is taken: stop the other server, or choose with --listen (port 0 picks a free port)"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is not an address of this machine: choose with --listen")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{address} is not allowed: choose a port from 1024 up with --listen")
        }
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// What is to be done when the server ends, in order or not.
#[derive(Clone)]
struct Ending {
    model: &'static str,
    /// To be closed at the stop; a child's is its master's to close.
    listener: Option<Arc<Listener>>,
    context: Arc<Context>,
    options: Options,
    /// How long whatever hangs may take once the drain is over.
    patience: Duration,
    /// Where a child leaves its report.
    outlet: Option<Arc<Outlet>>,
    /// The server ends once: by itself, or because its drain is over.
    begun: Arc<AtomicBool>,
}

impl Ending {
    /// Whether it is the caller's to end the server.
    fn begin(&self) -> bool {
        !self.begun.swap(true, Relaxed)
    }

    /// Ends the server in order; `main` is the account of its main thread.
    fn end(&self, main: Running) -> Result<(), String> {
        while !self.begin() {
            thread::park(); // The report is being written; the process ends after that.
        }
        drop(main); // What it used belongs into the report.
        self.report()
    }

    fn report(&self) -> Result<(), String> {
        let stats = &self.context.stats;
        let report = stats.report(self.model, self.options.service.name());
        if let Some(outlet) = &self.outlet {
            return outlet.send(report).map_err(|error| format!("cannot report: {error}"));
        }
        if report.cut > 0 {
            eprintln!("{}: the drain ended with {} connections busy", self.model, report.cut);
        }
        let Some(path) = &self.options.report else { return Ok(()) };
        let failed = |error: String| format!("cannot write the report {}: {error}", path.display());
        let json =
            serde_json::to_string_pretty(&report).map_err(|error| failed(error.to_string()))?;
        fs::write(path, json + "\n").map_err(|error| failed(error.to_string()))
    }
}

/// First signal: stop, and end after the drain whatever hangs. Second: end at once.
fn watch_signals(ending: Ending) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT])?;
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
    };
    spawn(
        "signals",
        Box::new(move || {
            let _running = ending.context.stats.thread("signals");
            let mut signals = signals.forever();
            let Some(_) = signals.next() else { return };
            ending.context.stop.request();
            if let Some(listener) = &ending.listener {
                listener.close();
            }
            let after = ending.clone();
            if spawn("drain", Box::new(move || end_after_drain(&after))).is_err() {
                eprintln!(
                    "{}: no thread to end the drain with; a second signal ends it",
                    ending.model
                );
            }
            if let Some(signal) = signals.next() {
                std::process::exit(128 + signal);
            }
        }),
    )
}

/// Runs only if the server has not ended by itself.
fn end_after_drain(ending: &Ending) {
    thread::sleep(ending.options.drain);
    ending.context.stop.cut();
    thread::sleep(ending.patience);
    if !ending.begin() {
        return;
    }
    let code = match ending.report() {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("{}: {message}", ending.model);
            1
        }
    };
    std::process::exit(code);
}
