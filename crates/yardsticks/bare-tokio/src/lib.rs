//! **Bare tokio**: a task per connection, a buffer, `read`, `write_all`: the echo
//! server that every introduction to asynchronous Rust begins with. What
//! `async-tasks` costs beyond this is the model's, and not the runtime's.
//!
//! ```text
//!           acceptor             tasks           workers
//! accept ─▶ [ main ] ──spawn──▶ ( c0 c1 c2 ) ─▶ [ 0 ] read ▶ write_all
//!                                            └▶ [ 1 ] read ▶ write_all
//! ```
//!
//! | Question              | Answer                                              |
//! |-----------------------|-----------------------------------------------------|
//! | Unit of scheduling    | a task, from one `.await` that waits to the next    |
//! | Threads               | the acceptor, and `--workers`                       |
//! | Who accepts           | one thread, blocking                                |
//! | Where overload queues | in the workers' run queues                          |
//! | What breaks it        | anything: see below                                 |
//!
//! Not a server to copy. It speaks echo alone, and has neither timeouts nor
//! limits. Each task keeps its buffer while it is idle. It does not drain: on a
//! stop signal it ends, with whatever was under way.

use std::{io, sync::Arc, time::Duration};

use server::{
    Connection, Context, Knob, Listener, Listeners, Mode, Model, READ_BYTES, Tally, Worker,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
};

/// The yardstick's name card.
pub const MODEL: Model = Model {
    name: "bare-tokio",
    summary: "a task per connection, read, write_all: what async-tasks is held against (echo only)",
    threads: "1 + workers",
    seed: "",
    listeners: Listeners::One,
    knobs: &[Knob::Workers],
    serve,
    child: None,
    needs: None,
};

/// Within this a worker has dropped its tasks.
const END: Duration = Duration::from_secs(1);

/// A connection's account, closed with it: also if the runtime ends it.
struct Account {
    tally: Tally,
    worker: Arc<Worker>,
}

impl Drop for Account {
    fn drop(&mut self) {
        self.worker.close(self.tally);
    }
}

/// Echoes until the stop is requested.
///
/// # Errors
///
/// Fails if the runtime cannot be started or the listener is broken.
pub fn serve(listener: &Listener, context: &Context) -> io::Result<()> {
    context.stats.leave_system_calls_out(); // The runtime makes most of them.
    let worker = context.stats.worker("tasks");
    let adopting = context.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(context.workers.get())
        .on_thread_start(move || adopting.adopt_thread())
        .enable_io()
        .build()?;
    while let Some(connection) = listener.accept(Mode::Nonblocking, context)? {
        let account = Account { tally: Tally::default(), worker: Arc::clone(&worker) };
        runtime.spawn(async {
            // Its error is its own, and ends it.
            let _ = echo(connection, account).await;
        });
    }
    runtime.shutdown_timeout(END);
    Ok(())
}

async fn echo(connection: Connection, mut account: Account) -> io::Result<()> {
    let (stream, _seat) = connection.into_parts();
    let mut stream = TcpStream::from_std(stream)?;
    let mut buffer = vec![0; READ_BYTES]; // Each connection has its own.
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
        account.tally.requests += 1;
        account.tally.bytes_in += length as u64;
        account.tally.bytes_out += length as u64;
    }
}
