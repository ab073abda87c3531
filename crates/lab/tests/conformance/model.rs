//! The models, and the one thing that the suite knows about each.

use std::{io::ErrorKind, sync::OnceLock};

use io_uring::IoUring;

/// How many clients a model serves at once, as long as none of them leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    /// One.
    One,
    /// As many as it has workers.
    Workers,
    /// All of them.
    All,
}

/// A model under test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) serves: Serves,
}

pub(crate) const SINGLE_THREADED: Model = Model { name: "single-threaded", serves: Serves::One };
pub(crate) const THREAD_PER_CONNECTION: Model =
    Model { name: "thread-per-connection", serves: Serves::All };
pub(crate) const THREAD_POOL: Model = Model { name: "thread-pool", serves: Serves::Workers };
pub(crate) const EVENT_LOOP: Model = Model { name: "event-loop", serves: Serves::All };
pub(crate) const CONNECTION_PER_EVENT_BASE: Model =
    Model { name: "connection-per-event-base", serves: Serves::Workers };
pub(crate) const POOLED_EVENT_LOOPS: Model =
    Model { name: "pooled-event-loops", serves: Serves::All };
pub(crate) const REUSEPORT_LOOPS: Model = Model { name: "reuseport-loops", serves: Serves::All };
pub(crate) const DISPATCHING_REACTOR: Model =
    Model { name: "dispatching-reactor", serves: Serves::All };
pub(crate) const LOOPS_WITH_WORKERS: Model =
    Model { name: "loops-with-workers", serves: Serves::All };
pub(crate) const ASYNC_TASKS: Model = Model { name: "async-tasks", serves: Serves::All };
pub(crate) const PREFORK_LOOPS: Model = Model { name: "prefork-loops", serves: Serves::All };
pub(crate) const PROCESS_PER_CONNECTION: Model =
    Model { name: "process-per-connection", serves: Serves::All };
pub(crate) const COMPLETION_RINGS: Model = Model { name: "completion-rings", serves: Serves::All };
/// The same on a kernel that knows less: not a model, but held to as much.
pub(crate) const COMPLETION_RINGS_PLAIN: Model =
    Model { name: "completion-rings-plain", serves: Serves::All };

impl Model {
    /// How many of `clients` that stay are served by so many workers.
    pub(crate) fn at_once(&self, clients: usize, workers: usize) -> usize {
        match self.serves {
            Serves::One => clients.min(1),
            Serves::Workers => clients.min(workers),
            Serves::All => clients,
        }
    }

    /// Whether there is here what the model needs. Where nobody is given a ring there
    /// is nothing to check but that the server says so: see `no_rings`.
    pub(crate) fn can_run_here(&self) -> bool {
        let can = !self.name.starts_with("completion-rings") || rings_are_given();
        if !can {
            eprintln!("skipped: io_uring is not given here");
        }
        can
    }

    /// Whether connections are accepted ahead of being served.
    pub(crate) fn accepts_ahead(&self) -> bool {
        self.serves != Serves::One
    }

    /// Whether it makes its system calls itself, and so can count them. A runtime
    /// does not tell what it makes.
    pub(crate) fn counts_system_calls(&self) -> bool {
        self.name != ASYNC_TASKS.name
    }
}

/// Asked of the system itself: a container may forbid what the kernel has.
fn rings_are_given() -> bool {
    static GIVEN: OnceLock<bool> = OnceLock::new();
    *GIVEN.get_or_init(|| {
        let error = IoUring::new(2).err().map(|error| error.kind());
        !matches!(error, Some(ErrorKind::PermissionDenied | ErrorKind::Unsupported))
    })
}

/// Makes a test of each function for every model: `MODULE::MODEL::FUNCTION`.
macro_rules! for_every_model {
    ($($check:ident),+ $(,)?) => {
        $crate::model::for_models_of_threads!($($check),+);
        $crate::model::for_models!(prefork_loops = PREFORK_LOOPS: $($check),+);
        $crate::model::for_models!(process_per_connection = PROCESS_PER_CONNECTION: $($check),+);
    };
}

/// As [`for_every_model`], without those whose workers share no memory.
macro_rules! for_models_of_threads {
    ($($check:ident),+ $(,)?) => {
        $crate::model::for_models!(single_threaded = SINGLE_THREADED: $($check),+);
        $crate::model::for_models!(thread_per_connection = THREAD_PER_CONNECTION: $($check),+);
        $crate::model::for_models!(thread_pool = THREAD_POOL: $($check),+);
        $crate::model::for_models!(event_loop = EVENT_LOOP: $($check),+);
        $crate::model::for_models!(connection_per_event_base = CONNECTION_PER_EVENT_BASE: $($check),+);
        $crate::model::for_models!(pooled_event_loops = POOLED_EVENT_LOOPS: $($check),+);
        $crate::model::for_models!(reuseport_loops = REUSEPORT_LOOPS: $($check),+);
        $crate::model::for_models!(dispatching_reactor = DISPATCHING_REACTOR: $($check),+);
        $crate::model::for_models!(loops_with_workers = LOOPS_WITH_WORKERS: $($check),+);
        $crate::model::for_models!(async_tasks = ASYNC_TASKS: $($check),+);
        $crate::model::for_models!(completion_rings = COMPLETION_RINGS: $($check),+);
        $crate::model::for_models!(completion_rings_plain = COMPLETION_RINGS_PLAIN: $($check),+);
    };
}

macro_rules! for_models {
    ($module:ident = $model:ident: $($check:ident),+) => {
        mod $module {
            $(
                #[test]
                fn $check() {
                    if $crate::model::$model.can_run_here() {
                        super::$check($crate::model::$model);
                    }
                }
            )+
        }
    };
}

pub(crate) use {for_every_model, for_models, for_models_of_threads};
