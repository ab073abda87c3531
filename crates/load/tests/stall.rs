//! A process that is stopped goes on, whatever becomes of the run.

mod common;

use std::{
    fs,
    process::{Child, Command},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use common::{echo, plan, serve};
use load::{Plan, Stall};

/// A process that is killed with the test.
struct Watched(Child);

impl Watched {
    fn start() -> Self {
        Self(Command::new("sleep").arg("300").spawn().unwrap())
    }

    fn is_stopped(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        stat.contains(") T ")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stalling(watched: &Watched, lasts: Duration) -> Plan {
    let after = Duration::from_millis(20);
    Plan {
        watch: Some(watched.0.id()),
        stall: Some(Stall { after, lasts }),
        duration: Duration::from_secs(60),
        ..plan(serve(|_, stream| echo(stream, |_, _| {})), 2)
    }
}

/// Interrupts a run once the process is seen as `until` says.
fn run_until(plan: &Plan, mut until: impl FnMut() -> bool + Send) {
    let interrupt = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let began = Instant::now();
            while !until() && began.elapsed() < Duration::from_secs(30) {
                thread::sleep(Duration::from_millis(1));
            }
            interrupt.store(true, Ordering::Relaxed);
        });
        load::run(plan, &interrupt).unwrap();
    });
}

#[test]
fn the_process_stands_still_and_goes_on() {
    let watched = Watched::start();
    let (mut stood, mut went_on) = (false, false);
    run_until(&stalling(&watched, Duration::from_millis(50)), || {
        let stopped = watched.is_stopped();
        went_on |= stood && !stopped;
        stood |= stopped;
        went_on
    });
    assert!(stood && went_on);
}

#[test]
fn an_interrupt_lets_it_go_on() {
    let watched = Watched::start();
    let began = Instant::now();
    run_until(&stalling(&watched, Duration::from_secs(50)), || watched.is_stopped());
    assert!(!watched.is_stopped() && began.elapsed() < Duration::from_secs(25));
}
