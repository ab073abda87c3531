//! **Async tasks**: every connection gets a task of its own, as cheap as a
//! connection of a loop, and written as a thread's is: it waits where it stands.
//! A runtime runs all tasks on a few workers.
//!
//! ```text
//!            acceptor             tasks          workers        blocking pool
//! accept ─▶ [ main ] ──spawn──▶ ( c0 c1 c2 ) ─▶ [ 0 ] read ──job──▶ [ b ] work
//!                                 ▲    │    └─▶ [ 1 ] write ◀─done─ [ b ] work
//!                                 └────┘ .await
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a task, from one `.await` that waits to the next    |
//! | Threads               | the acceptor, `--workers`, and those that block     |
//! | Who accepts           | one thread, as a future                             |
//! | Where overload queues | in the workers' run queues, and in the blocking pool |
//! | What breaks it        | a task that blocks: a worker's tasks wait behind it |
//!
//! The runtime does what a reactor does, behind the `.await`: it waits for all
//! sockets at once and runs the tasks whose sockets are ready. A worker that has
//! nothing to run takes tasks from another. What a task does between two waits is
//! in `task-drive`; work that blocks or computes is never done there.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use server::{Attempt, Context, Knob, Listener, Listeners, Mode, Model};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::{Builder, Runtime},
    sync::watch,
    time::{sleep, timeout_at},
};

/// The model's name card.
pub const MODEL: Model = Model {
    name: "async-tasks",
    summary: "a task per connection on an asynchronous runtime; what blocks goes to a pool",
    threads: "1 + workers + up to 512 that block",
    seed: "",
    listeners: Listeners::One,
    knobs: &[Knob::Workers],
    serve,
    child: None,
    needs: None,
};

/// Threads for work that blocks or computes: as many as it takes, up to these.
const BLOCKING_THREADS: usize = 512;
/// How long to wait, after the drain, for tasks to be dropped. What still blocks
/// then ends with the process.
const AFTER_DRAIN: Duration = Duration::from_millis(500);

/// Serves `listener` until the stop is requested and every task is done.
///
/// # Errors
///
/// Fails if the runtime cannot be started or the listener is broken.
// ANCHOR: serve
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    context.stats.leave_system_calls_out(); // The runtime makes most of them.
    let runtime = start(context)?;
    let (stopping, _) = watch::channel(());
    let served = runtime.block_on(async {
        let accepted = accept(listener, context, &stopping).await;
        drain(context, &stopping).await;
        accepted
    });
    runtime.shutdown_timeout(AFTER_DRAIN); // Cuts every task that is left.
    served
}
// ANCHOR_END: serve

/// A runtime with `--workers`, and threads that the report can name.
// ANCHOR: start
fn start(context: &Context) -> io::Result<Runtime> {
    let workers = context.workers.get();
    server::ask_for_threads(workers)?; // Without them the runtime panics.
    let named = AtomicUsize::new(0);
    let name = move || match named.fetch_add(1, Relaxed) {
        worker if worker < workers => format!("worker-{worker}"), // They come first.
        _ => "blocking".to_owned(),
    };
    let context = context.clone();
    Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name_fn(name)
        .on_thread_start(move || context.adopt_thread())
        .enable_all()
        .build()
}
// ANCHOR_END: start

/// Spawns a task for each connection until the listener is closed.
// ANCHOR: accept
async fn accept(
    listener: &Listener,
    context: &Context,
    stopping: &watch::Sender<()>,
) -> io::Result<()> {
    let worker = context.stats.worker("tasks");
    let newcomers = watch(listener.as_fd())?;
    while !listener.is_done() {
        let mut waiting = newcomers.readable().await?; // Also when the stop has closed it.
        match listener.accept_now(Mode::Nonblocking, context)? {
            Attempt::Accepted(connection) => {
                let (context, worker) = (context.clone(), Arc::clone(&worker));
                tokio::spawn(task_drive::serve(connection, context, worker, stopping.subscribe()));
            }
            Attempt::Empty => waiting.clear_ready(),
            Attempt::Refused => {}
            Attempt::Exhausted => {
                if context.stop.is_requested() {
                    stopping.send_replace(()); // Those who end leave their descriptors.
                }
                sleep(Listener::EXHAUSTED_PAUSE).await;
            }
        }
    }
    Ok(())
}
// ANCHOR_END: accept

/// Makes the runtime tell when a descriptor becomes readable.
#[allow(deprecated, reason = "for descriptors that may be closed meanwhile: one borrowed is not")]
fn watch(descriptor: BorrowedFd) -> io::Result<AsyncFd<BorrowedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// Tells every task of the stop, and waits until the last has dropped what it
/// would be told by; or until the drain is over.
// ANCHOR: drain
async fn drain(context: &Context, stopping: &watch::Sender<()>) {
    stopping.send_replace(());
    if let Some(deadline) = context.stop.deadline() {
        let _ = timeout_at(deadline.into(), stopping.closed()).await;
    }
}
// ANCHOR_END: drain
