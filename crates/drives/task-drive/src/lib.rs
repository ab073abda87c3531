//! The drive of one connection, as a task: reads, has work done, writes, and
//! waits for whichever of these comes first. What event loops do between two
//! events, written as a thread's is.

mod output;
mod silence;

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    mem::MaybeUninit,
    pin::{Pin, pin},
    sync::Arc,
    task::{
        self,
        Poll::{self, Pending, Ready},
        ready,
    },
    time::Duration,
};

use server::{
    Connection, Context, READ_BYTES, Seat, SystemCalls, Tally, Worker,
    farewell::{self, LINGER},
    work,
};
use service::{Done, End, Phase, Session};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use output::Output;
use silence::Silence;

/// Jobs that one connection may have out; until one is back it is not read.
const JOBS_OUT: usize = 64;
/// How often a peer that is about to be left is looked after.
const FLUSH_STEP: Duration = Duration::from_millis(10);

/// Serves `connection` until it closes, or until the runtime drops the task. Its
/// errors are its own: they end it, and are counted. `stopping` tells of the stop by
/// a change.
// ANCHOR: serve
pub async fn serve(
    mut connection: Connection,
    context: Context,
    worker: Arc<Worker>,
    mut stopping: watch::Receiver<()>,
) {
    let ready = connection.make_nonblocking(&mut SystemCalls::default()); // Not to be reported.
    let (stream, seat) = connection.into_parts();
    let mut account = Account::open(&context, &worker, seat);
    let served = async {
        ready?;
        let stream = TcpStream::from_std(stream)?;
        let session = context.session();
        let mut dialogue = Dialogue::new(stream, session, context.idle_timeout, &mut account.tally);
        dialogue.run(pin!(stopping.changed())).await
    }
    .await;
    account.tally.failed = served.is_err();
}
// ANCHOR_END: serve

/// A connection's account. It is closed with the connection: also if a panic ends
/// that, or the end of the runtime.
struct Account<'a> {
    tally: Tally,
    context: &'a Context,
    worker: &'a Worker,
    _seat: Seat,
}

impl<'a> Account<'a> {
    fn open(context: &'a Context, worker: &'a Worker, seat: Seat) -> Self {
        let tally = Tally { failed: true, ..Tally::default() }; // Until it ends well.
        Self { tally, context, worker, _seat: seat }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.tally.cut = self.tally.failed && self.context.stop.is_over();
        self.worker.close(self.tally);
    }
}

/// One connection, from its first byte to its last.
struct Dialogue<'a> {
    stream: TcpStream,
    session: Box<dyn Session>,
    /// Work that the blocking pool has. What it has not begun when the
    /// connection closes, it will not begin.
    jobs: JoinSet<Done>,
    output: Output,
    silence: Silence,
    stopping: bool,
    /// Who ended the input, once all of it is read.
    end: Option<End>,
    tally: &'a mut Tally,
}

impl<'a> Dialogue<'a> {
    fn new(
        stream: TcpStream,
        session: Box<dyn Session>,
        idle_timeout: Option<Duration>,
        tally: &'a mut Tally,
    ) -> Self {
        Self {
            stream,
            session,
            jobs: JoinSet::new(),
            output: Output::default(),
            silence: Silence::new(idle_timeout),
            stopping: false,
            end: None,
            tally,
        }
    }

    /// Sends, hands work out, and takes what comes, in turns. That it sends first
    /// is the backpressure: while the peer does not read, nobody reads from the
    /// peer.
    // ANCHOR: run
    async fn run(&mut self, mut stop: Pin<&mut impl Future>) -> io::Result<()> {
        loop {
            self.send().await?;
            while self.has_room()
                && let Some(job) = self.session.next_job()
            {
                self.jobs.spawn_blocking(move || work::run(job));
            }
            match self.session.phase() {
                Phase::Reading | Phase::Working => {}
                // Nothing can come that would reset what the kernel has to send.
                Phase::Finished | Phase::Refused if self.end == Some(End::Peer) => return Ok(()),
                phase @ (Phase::Finished | Phase::Refused) => {
                    self.flush().await?;
                    let lingers = farewell::lingers(phase, self.end);
                    return if lingers { self.linger().await } else { Ok(()) };
                }
            }
            self.silence.begin();
            poll_fn(|task| self.poll_news(task, stop.as_mut())).await?;
        }
    }
    // ANCHOR_END: run

    /// Waits for whichever comes first: a job that is done, bytes of the peer, or
    /// the end of patience with it. The session answers. A stop comes as the end of
    /// the bytes.
    // ANCHOR: poll_news
    fn poll_news(
        &mut self,
        task: &mut task::Context,
        stop: Pin<&mut impl Future>,
    ) -> Poll<io::Result<()>> {
        if !self.jobs.is_empty()
            && let Ready(Some(done)) = self.jobs.poll_join_next(task)
        {
            // An error is the end of the runtime. A panic is something done.
            self.session.complete(done?, self.output.bytes());
            return Ready(Ok(()));
        }
        if self.wants_bytes()
            && let Ready(read) = self.poll_read(task)
        {
            return Ready(read);
        }
        if self.jobs.is_empty() && self.silence.poll_too_long(task).is_ready() {
            self.end = Some(End::Idle);
            self.session.end(End::Idle, self.output.bytes());
            return Ready(Ok(()));
        }
        // Asked last, and so once for each wait.
        if !self.stopping && stop.poll(task).is_ready() {
            self.stopping = true;
            farewell::stop_reading(&self.stream, &mut SystemCalls::default());
        }
        Pending
    }
    // ANCHOR_END: poll_news

    fn has_room(&self) -> bool {
        self.jobs.len() < JOBS_OUT
    }

    /// A session that takes completions in any order is read while jobs are out.
    fn wants_bytes(&self) -> bool {
        self.session.phase() == Phase::Reading && self.has_room() && self.end.is_none()
    }

    fn poll_read(&mut self, task: &mut task::Context) -> Poll<io::Result<()>> {
        let Self { stream, session, output, tally, .. } = self;
        let read = poll_input(stream, task, |bytes| {
            tally.bytes_in += bytes.len() as u64;
            if !bytes.is_empty() {
                session.receive(bytes, output.bytes());
            }
            bytes.len()
        });
        if ready!(read)? == 0 {
            let end = if self.stopping { End::Stop } else { End::Peer };
            self.end = Some(end);
            self.session.end(end, self.output.bytes());
        }
        Ready(Ok(()))
    }

    /// Sends all that is to be sent, and then holds no buffer.
    async fn send(&mut self) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.output.unsent().len() {
            self.silence.begin();
            sent += poll_fn(|task| self.poll_write(task, sent)).await?;
        }
        self.tally.bytes_out += sent as u64;
        self.tally.requests = self.session.answered();
        self.output.give_back();
        Ok(())
    }

    fn poll_write(&mut self, task: &mut task::Context, from: usize) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(task, &self.output.unsent()[from..]) {
            Ready(Ok(0)) => Ready(Err(ErrorKind::WriteZero.into())),
            Ready(wrote) => Ready(wrote),
            Pending => self.silence.poll_too_long(task).map(|()| Err(ErrorKind::TimedOut.into())),
        }
    }

    /// Waits until everything is sent, for as long as a silent peer is kept. Then
    /// the kernel is left to do what it can.
    async fn flush(&mut self) -> io::Result<()> {
        let stream = &self.stream;
        let calls = &mut SystemCalls::default(); // Not to be reported.
        farewell::announce(stream, calls)?;
        let deadline = self.silence.timeout.map(|timeout| Instant::now() + timeout);
        let mut step = Duration::ZERO;
        loop {
            let is_sent = stream.async_io(Interest::WRITABLE, || {
                let is_sent = farewell::is_sent(stream, Duration::ZERO, calls)?;
                is_sent.then_some(()).ok_or_else(|| ErrorKind::WouldBlock.into())
            });
            if let Ok(is_sent) = timeout(step, is_sent).await {
                return is_sent;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(());
            }
            let is_quiet = farewell::discard(stream, &mut [0; READ_BYTES], calls)? == 0;
            step = if is_quiet { FLUSH_STEP } else { Duration::ZERO };
        }
    }

    /// Says that nothing follows, and reads on for a while. Closing at once with
    /// input unread would send a reset, which may overtake the answer.
    async fn linger(&mut self) -> io::Result<()> {
        let stream = &mut self.stream;
        poll_fn(|task| Pin::new(&mut *stream).poll_shutdown(task)).await?;
        let ends = async {
            while poll_fn(|task| poll_input(stream, task, <[u8]>::len)).await? > 0 {}
            Ok(())
        };
        timeout(LINGER, ends).await.unwrap_or(Ok(()))
    }
}

/// Gives what the peer has sent to `take`; nothing, at the end of the input.
fn poll_input<R>(
    stream: &mut TcpStream,
    task: &mut task::Context,
    take: impl FnOnce(&[u8]) -> R,
) -> Poll<io::Result<R>> {
    let mut input = [MaybeUninit::uninit(); READ_BYTES]; // On the worker's stack.
    let mut input = ReadBuf::uninit(&mut input);
    ready!(Pin::new(stream).poll_read(task, &mut input))?;
    Ready(Ok(take(input.filled())))
}

#[cfg(test)]
mod tests;
