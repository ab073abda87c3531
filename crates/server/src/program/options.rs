//! The options of the programs, and what they mean together.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, thread, time::Duration};

use clap::{
    Args, Command,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use service::{Service, Shared, StoreSize};

use super::bounds::{
    QUEUE_MOST, SHARDS_MOST, WORKERS_MOST, count, duration, positive_duration, size,
};
use crate::{Context, Knob, Limits, Listeners, Model, Queue, say};

/// Options of every server.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    pub(super) common: Common,
    /// Protocol to speak
    #[arg(long, default_value = "echo", value_parser = service_parser())]
    pub(super) service: Service,
    /// How waiting connections are queued, in models that have a choice
    #[arg(long, value_name = "QUEUE", value_parser = queue_parser(&Queue::ALL))]
    queue: Option<Queue>,
    /// Most that may wait for a worker: connections, requests or jobs [default: 1024]
    #[arg(long, value_name = "N", value_parser = count(QUEUE_MOST))]
    queue_limit: Option<NonZeroUsize>,
    /// Memory of the cache, in bytes or as 64m; what is used least goes first [default: 64m]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<usize>,
    /// Parts of the cache that are locked each for itself [default: 16]
    #[arg(long, value_name = "N", value_parser = count(SHARDS_MOST))]
    shards: Option<NonZeroUsize>,
}

/// Options of every program that listens, whatever it does with who connects.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5555")]
    pub listen: SocketAddr,
    /// Threads, loops or processes that share the work [default: available cores]
    #[arg(long, value_name = "N", value_parser = count(WORKERS_MOST))]
    pub workers: Option<NonZeroUsize>,
    /// Most connections at once; more are closed as they come [default: no limit]
    #[arg(long, value_name = "N")]
    pub(super) max_connections: Option<NonZeroUsize>,
    /// Close connections that are silent for so long, as 10s [default: never]
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(super) idle_timeout: Option<Duration>,
    /// Time that connections get to finish after a stop signal
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(super) drain: Duration,
    /// Leave a JSON report here when the server ends
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

/// The command line of a model's own program, which knows what the model has.
pub(super) fn suited_to(model: &Model, command: Command) -> Command {
    let command = command.name(model.name).about(model.summary);
    let queues @ [first, ..] = model.queues() else { return command };
    let help = format!("How waiting connections are queued [default: {}]", first.name());
    let queues = queue_parser(queues);
    command.mut_arg("queue", |queue| queue.value_parser(queues).help(help))
}

fn service_parser() -> impl TypedValueParser<Value = Service> {
    PossibleValuesParser::new(Service::ALL.map(Service::name)).map(|name| {
        Service::ALL.into_iter().find(|service| service.name() == name).unwrap_or(Service::Echo)
    })
}

fn queue_parser(queues: &[Queue]) -> impl TypedValueParser<Value = Queue> + use<> {
    let value = |queue: &Queue| PossibleValue::new(queue.name()).help(queue.summary());
    PossibleValuesParser::new(queues.iter().map(value)).map(|name| {
        Queue::ALL.into_iter().find(|queue| queue.name() == name).unwrap_or(Queue::Fifo)
    })
}

impl Options {
    /// The context of a server with these options.
    pub(super) fn suit(&self, model: &Model, context: &Context) -> Context {
        let store = StoreSize::default();
        let store = StoreSize {
            bytes: self.memory.unwrap_or(store.bytes),
            shards: self.shards.unwrap_or(store.shards),
        };
        let queue = self.queue_limit.map_or(context.limits.queue, NonZeroUsize::get);
        Context {
            service: self.service,
            shared: Shared::new(context.shared.clock, store),
            queue: self.queue.or(model.queues().first().copied()).unwrap_or(Queue::Fifo),
            limits: Limits { queue, ..context.limits },
            ..context.clone()
        }
    }

    /// An option without effect is said, not refused: one command line serves all models.
    pub(super) fn mention_unused(&self, model: &Model) {
        let has = |knob| model.knobs.contains(&knob);
        for (option, unused) in [
            ("--workers", self.common.workers.is_some() && !has(Knob::Workers)),
            ("--queue", self.queue.is_some() && model.queues().is_empty()),
            ("--queue-limit", self.queue_limit.is_some() && !has(Knob::QueueLimit)),
        ] {
            if unused {
                say(format_args!("{}: {option} has no effect on this model", model.name));
            }
        }
        let of_the_cache =
            [(self.memory.is_some(), "--memory"), (self.shards.is_some(), "--shards")];
        for (given, option) in of_the_cache {
            if given && self.service != Service::Cache {
                let service = self.service.name();
                let name = model.name;
                say(format_args!("{name}: {option} has no effect on the service {service}"));
            }
        }
    }

    /// A queue that this model has not, while it has others, is a mistake.
    pub(super) fn check_queue(&self, model: &Model) -> Result<(), String> {
        let queues = model.queues();
        match self.queue {
            Some(queue) if !queues.is_empty() && !queues.contains(&queue) => {
                let names: Vec<_> = queues.iter().map(|queue| queue.name()).collect();
                let (queue, names) = (queue.name(), names.join(" or "));
                Err(format!("--queue {queue} is another model's: choose {names}"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what processes cannot do, since they share no memory.
    pub(super) fn check_processes(&self, model: &Model) -> Result<(), String> {
        if model.child.is_none() {
            return Ok(());
        }
        if self.service.shares_state() {
            return Err(format!(
                "the service {} keeps a state that all workers share, and processes share none: \
                 choose another --service, or a model with threads",
                self.service.name()
            ));
        }
        let workers = self.common.workers.or_else(|| thread::available_parallelism().ok());
        if let (Some(connections), Some(workers)) = (self.common.max_connections, workers)
            && model.listeners == Listeners::PerWorker
            && connections < workers
        {
            return Err(format!(
                "--max-connections {connections} cannot be divided among {workers} processes: \
                 ask for at most {connections} --workers"
            ));
        }
        Ok(())
    }
}
