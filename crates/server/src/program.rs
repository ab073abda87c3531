//! A model as a program: options, start, stop signals, report.
//!
//! ```text
//! options ─▶ Program: limits ▶ listener ▶ "listening on" ▶ serve ▶ Ending ─▶ report
//!               signals ────────────────────────────── stop ──┘
//! ```

mod bounds;
mod ending;
mod limits;
mod options;

use std::{
    io::{self, Write},
    num::NonZeroUsize,
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use crate::{
    Context, Inherited, Limits, Listener, Listeners, Model, Stats, processes::allow_stop_signals,
    say,
};
use clap::{CommandFactory, FromArgMatches, Parser};

pub use bounds::{WORKERS_MOST, count, duration, positive_duration};
pub use limits::raise_descriptor_limit;
pub use options::{Common, Options};

use ending::Ending;
use limits::{check_descriptors, check_writable, refused};

/// What a program ends with that was asked for what it has not.
const WRONG_USAGE: u8 = 2;
/// How long a server may take to end once its drain is over.
const AFTER_DRAIN: Duration = Duration::from_secs(1);
/// As above, of a server whose children take that long themselves.
const AFTER_DRAIN_OF_CHILDREN: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

/// The `main` of a model's own program.
#[must_use]
pub fn main(model: &Model) -> ExitCode {
    let command = options::suited_to(model, Arguments::command());
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    match arguments {
        Ok(arguments) => run(model, &arguments.options),
        Err(error) => error.exit(),
    }
}

/// Runs `model` until a stop signal; tells on standard error why, if it cannot.
#[must_use]
pub fn run(model: &Model, options: &Options) -> ExitCode {
    let ended = options.check_queue(model).map_err(Failure::Usage);
    conclude(model.name, ended.and_then(|()| serve(model, options).map_err(Failure::Run)))
}

/// Why a program has not ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was asked for what it has not.
    Usage(String),
    /// It could not start, go on or report.
    Run(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Run(message)
    }
}

/// Says on standard error why a program has ended, if not well; gives its exit code.
#[must_use]
pub fn conclude(name: &str, ended: Result<(), Failure>) -> ExitCode {
    let (message, code) = match ended {
        Ok(()) => (None, ExitCode::SUCCESS),
        Err(Failure::Usage(message)) => (Some(message), ExitCode::from(WRONG_USAGE)),
        Err(Failure::Run(message)) => (Some(message), ExitCode::FAILURE),
    };
    if let Some(message) = message {
        say(format_args!("{name}: {message}"));
    }
    say::finish();
    code
}

fn serve(model: &Model, options: &Options) -> Result<(), String> {
    if let Some(child) = model.child {
        let inherited = Inherited::take().map_err(|error| format!("cannot start: {error}"))?;
        if let Some(inherited) = inherited {
            return serve_inherited(model, child, inherited, options);
        }
    }
    options.mention_unused(model);
    options.check_processes(model)?;
    if let Some(needs) = model.needs {
        needs().map_err(|error| format!("cannot start: {error}"))?;
    }
    let (name, service) = (model.name, options.service);
    let program = Program {
        name,
        options: &options.common,
        listeners: model.listeners,
        descriptors_each: 1,
        has_children: model.child.is_some(),
        report: Arc::new(move |stats| {
            serde_json::to_string_pretty(&stats.report(name, service.name()))
        }),
    };
    program.run(|listener, context| (model.serve)(listener, &options.suit(model, context)))
}

/// A process that another has started: its socket is there, and who stops it
/// and who wants its report is its master.
fn serve_inherited(
    model: &Model,
    child: fn(Inherited, &Context) -> io::Result<()>,
    inherited: Inherited,
    options: &Options,
) -> Result<(), String> {
    say::say_panics();
    let cannot = |error: io::Error| format!("{} cannot start: {error}", inherited.part());
    let mut context = options.suit(model, &context(&options.common).map_err(cannot)?);
    context.limits.connections = inherited.connections();
    let context = Arc::new(context);
    let main = context.stats.thread(inherited.part());
    let (name, service) = (model.name, options.service.name());
    let outlet = inherited.outlet().map_err(cannot)?;
    let ending = Ending {
        name,
        listener: inherited.listens(),
        context: Arc::clone(&context),
        patience: AFTER_DRAIN,
        report: Arc::new(move |stats| {
            let report = stats.report(name, service);
            outlet.send(report).map_err(|error| format!("cannot report: {error}"))
        }),
        begun: Arc::default(),
    };
    ending.watch_signals().and_then(|()| allow_stop_signals()).map_err(cannot)?;
    let part = inherited.part().to_owned();
    child(inherited, &context).map_err(|error| format!("{part} cannot go on: {error}"))?;
    ending.end(main)
}

/// A program that listens until a stop signal, and then reports.
pub struct Program<'a> {
    /// What its messages begin with.
    pub name: &'static str,
    /// Its options.
    pub options: &'a Common,
    /// The sockets that it accepts from.
    pub listeners: Listeners,
    /// Descriptors that each connection takes.
    pub descriptors_each: u64,
    /// Whether it starts processes, which have a drain of their own.
    pub has_children: bool,
    /// Makes its report, as JSON.
    pub report: Arc<MakeReport>,
}

/// Makes a program's report, as JSON, from what was counted.
pub type MakeReport = dyn Fn(&Stats) -> serde_json::Result<String> + Send + Sync;

impl Program<'_> {
    /// Runs `serve` until it ends, which a stop signal makes it do; then reports.
    /// The context that it is given speaks echo.
    ///
    /// # Errors
    ///
    /// Says why it cannot start, go on or report, and what to do.
    pub fn run(
        self,
        serve: impl FnOnce(&Listener, &Context) -> io::Result<()>,
    ) -> Result<(), String> {
        say::say_panics();
        let options = self.options;
        let descriptors = raise_descriptor_limit();
        check_descriptors(options, self.descriptors_each, descriptors)?;
        if let Some(path) = &options.report {
            check_writable(path)?;
        }
        let context = Arc::new(context(options).map_err(|error| format!("cannot start: {error}"))?);
        let main = context.stats.thread("main");
        let listener = match self.listeners {
            Listeners::One => Listener::bind(options.listen),
            Listeners::PerWorker => Listener::bind_many(options.listen, context.workers),
        };
        let listener = Arc::new(listener.map_err(|error| refused(options, &error))?);
        let address = listener.address().map_err(|error| format!("cannot start: {error}"))?;
        let ending = Ending {
            name: self.name,
            listener: Some(Arc::clone(&listener)),
            context: Arc::clone(&context),
            patience: if self.has_children { AFTER_DRAIN_OF_CHILDREN } else { AFTER_DRAIN },
            report: ending::to_file(self.name, options.report.clone(), self.report),
            begun: Arc::default(),
        };
        ending.watch_signals().map_err(|error| format!("cannot watch signals: {error}"))?;
        // Whoever started us may not care to read it.
        let _ = writeln!(io::stdout(), "listening on {address}");

        serve(&listener, &context).map_err(|error| format!("cannot go on: {error}"))?;
        ending.end(main)
    }
}

fn context(options: &Common) -> io::Result<Context> {
    let connections = options.max_connections.map_or(usize::MAX, NonZeroUsize::get);
    Ok(Context {
        workers: match options.workers {
            Some(workers) => workers,
            None => thread::available_parallelism()?,
        },
        idle_timeout: options.idle_timeout,
        limits: Limits { connections, ..Limits::default() },
        ..Context::new(options.drain)?
    })
}
