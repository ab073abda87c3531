//! The proxy as a program: options and report.

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use serde::Serialize;
use server::{
    Listeners, Stats, SystemCalls, ThreadReport,
    program::{Common, Failure, Program, conclude, positive_duration},
    say,
};

use crate::{Model, Proxy, Upstream};

/// Options of the proxy.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Server to pass connections on to; looked up once, at the start
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    upstream: String,
    /// Time that the upstream server gets to take a connection
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    connect_timeout: Duration,
    #[command(flatten)]
    common: Common,
}

fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("a host and a port, as 127.0.0.1:5555".to_owned()),
    }
}

/// What a proxy leaves behind with `--report`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The model.
    pub model: &'static str,
    /// Clients taken in.
    pub accepted: u64,
    /// Clients closed at once because a limit was reached.
    pub refused: u64,
    /// Clients closed because the upstream server took no connection in time.
    pub upstream_failed: u64,
    /// Connections of which one side was gone before both had ended.
    pub failed: u64,
    /// Connections still open when the drain ended.
    pub cut: u64,
    /// Bytes passed on from clients to the upstream server.
    pub bytes_up: u64,
    /// Bytes passed on from the upstream server to clients.
    pub bytes_down: u64,
    /// Most clients at once.
    pub connections_peak: u64,
    /// Most threads at once, those for signals included.
    pub threads_peak: u64,
    /// Times that a thread gave up its core to wait, dead threads included.
    pub context_switches_voluntary: i64,
    /// Times that a thread was made to give up its core, dead threads included.
    pub context_switches_involuntary: i64,
    /// CPU time of all threads, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Time that threads were ready to run and had no core, in seconds.
    pub run_queue_seconds: f64,
    /// System calls made for connections, on both sides.
    pub system_calls: Option<SystemCalls>,
    /// The threads that have ended, by role.
    pub threads: Vec<ThreadReport>,
}

impl Report {
    fn new(model: &'static str, upstream: &Upstream, stats: &Stats) -> Self {
        let of = stats.report(model, "proxy");
        Self {
            model,
            accepted: of.accepted,
            refused: of.refused,
            upstream_failed: upstream.failures(),
            failed: of.failed,
            cut: of.cut,
            bytes_up: of.bytes_in,
            bytes_down: of.bytes_out,
            connections_peak: of.connections_peak,
            threads_peak: of.threads_peak,
            context_switches_voluntary: of.context_switches_voluntary,
            context_switches_involuntary: of.context_switches_involuntary,
            cpu_seconds: of.cpu_seconds,
            run_queue_seconds: of.run_queue_seconds,
            system_calls: of.system_calls,
            threads: of.threads,
        }
    }
}

/// Runs `model` until a stop signal; tells on standard error why, if it cannot.
#[must_use]
pub fn run(model: &'static Model, options: &Options) -> ExitCode {
    conclude(&format!("proxy {}", model.name), serve(model, options))
}

fn serve(model: &'static Model, options: &Options) -> Result<(), Failure> {
    let Options { upstream, connect_timeout, common } = options;
    if common.workers.is_some() && !model.has_workers {
        say(format_args!("proxy {}: --workers has no effect on this model", model.name));
    }
    let upstream = Arc::new(Upstream::resolve(upstream, *connect_timeout)?);
    if upstream.is_at(common.listen) {
        return Err(Failure::Usage(format!(
            "it would pass connections on to itself: {} is both --listen and --upstream",
            common.listen
        )));
    }
    let known = Arc::clone(&upstream);
    let program = Program {
        name: model.name,
        options: common,
        listeners: Listeners::One,
        descriptors_each: 2,
        has_children: false,
        report: Arc::new(move |stats| {
            serde_json::to_string_pretty(&Report::new(model.name, &known, stats))
        }),
    };
    program.run(|listener, context| -> io::Result<()> {
        let proxy = Proxy { context: context.clone(), upstream };
        (model.serve)(listener, &proxy)
    })?;
    Ok(())
}
