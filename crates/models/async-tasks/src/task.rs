//! The drive of one connection, as a task: reads, has work done, writes, and
//! waits for whichever of these comes first.

use std::{
    cell::Cell,
    future::poll_fn,
    io::{self, ErrorKind},
    mem::{self, MaybeUninit},
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
    Connection, Context, Seat, SystemCalls, Tally, Worker,
    farewell::{self, LINGER},
    work,
};
use service::{Done, End, Phase, Session};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::{Instant, Sleep, sleep, timeout},
};

/// Bytes read at once, through a buffer on the worker's stack.
const READ_BYTES: usize = 16 << 10;
/// A buffer for answers that has grown beyond this is not kept.
const SPARE_BYTES: usize = 64 << 10;
/// Jobs that one connection may have out; until one is back it is not read.
const JOBS_OUT: usize = 64;
/// How often a peer that is about to be left is looked after.
const FLUSH_STEP: Duration = Duration::from_millis(10);

/// Serves `connection` until it closes, or until the runtime drops the task. Its
/// errors are its own: they end it, and are counted.
// ANCHOR: serve
pub(crate) async fn serve(
    connection: Connection,
    context: Context,
    worker: Arc<Worker>,
    mut stopping: watch::Receiver<()>,
) {
    let (stream, seat) = connection.into_parts();
    let mut account = Account::open(&context, &worker, seat);
    let served = async {
        stream.set_nonblocking(true)?;
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
                Phase::Finished => return self.flush().await,
                Phase::Refused => {
                    self.flush().await?;
                    return self.linger().await;
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
        while sent < self.output.0.len() {
            self.silence.begin();
            sent += poll_fn(|task| self.poll_write(task, sent)).await?;
        }
        self.tally.bytes_out += sent as u64;
        self.tally.requests = self.session.answered();
        self.output.give_back();
        Ok(())
    }

    fn poll_write(&mut self, task: &mut task::Context, from: usize) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(task, &self.output.0[from..]) {
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
    let mut input = [MaybeUninit::uninit(); READ_BYTES];
    let mut input = ReadBuf::uninit(&mut input);
    ready!(Pin::new(stream).poll_read(task, &mut input))?;
    Ready(Ok(take(input.filled())))
}

thread_local! {
    /// The buffer that a worker's tasks pass on.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Answers that are not sent yet. A task that has none to send holds no buffer.
#[derive(Debug, Default)]
struct Output(Vec<u8>);

impl Output {
    /// Where answers are put.
    fn bytes(&mut self) -> &mut Vec<u8> {
        if self.0.capacity() == 0 {
            self.0 = SPARE.take();
        }
        &mut self.0
    }

    /// Leaves the buffer to the next task of the worker.
    fn give_back(&mut self) {
        let mut bytes = mem::take(&mut self.0);
        if (1..=SPARE_BYTES).contains(&bytes.capacity()) {
            bytes.clear();
            SPARE.set(bytes);
        }
    }
}

/// How long the peer has said nothing, and taken nothing.
struct Silence {
    timeout: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn new(timeout: Option<Duration>) -> Self {
        Self { timeout, timer: timeout.map(|timeout| Box::pin(sleep(timeout))) }
    }

    fn begin(&mut self) {
        if let (Some(timeout), Some(timer)) = (self.timeout, &mut self.timer) {
            timer.as_mut().reset(Instant::now() + timeout);
        }
    }

    fn poll_too_long(&mut self, task: &mut task::Context) -> Poll<()> {
        self.timer.as_mut().map_or(Pending, |timer| timer.as_mut().poll(task))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{self, Shutdown},
        sync::Mutex,
        thread,
    };

    use service::{Job, JobId, Work};
    use tokio::runtime::Runtime;

    use super::*;

    /// Each byte is a request: to block for so many milliseconds, and to be sent
    /// back after that, whenever that is.
    #[derive(Debug, Default)]
    struct Bells {
        waiting: std::collections::VecDeque<u8>,
        out: Vec<u8>,
        answered: u64,
        ended: bool,
        /// The most jobs that were out at once.
        out_peak: Arc<Mutex<usize>>,
    }

    impl Session for Bells {
        fn receive(&mut self, bytes: &[u8], _: &mut Vec<u8>) {
            self.waiting.extend(bytes);
        }

        fn end(&mut self, _: End, _: &mut Vec<u8>) {
            self.ended = true;
        }

        fn next_job(&mut self) -> Option<Job> {
            let ms = self.waiting.pop_front()?;
            self.out.push(ms);
            let mut peak = self.out_peak.lock().unwrap();
            *peak = self.out.len().max(*peak);
            let work = Work::Block(Duration::from_millis(ms.into()));
            Some(Job { id: JobId(ms.into()), work })
        }

        fn complete(&mut self, done: Done, output: &mut Vec<u8>) {
            let place = self.out.iter().position(|&ms| u64::from(ms) == done.id.0).unwrap();
            output.push(self.out.swap_remove(place));
            self.answered += 1;
        }

        fn phase(&self) -> Phase {
            match (self.ended, self.out.is_empty() && self.waiting.is_empty()) {
                (true, true) => Phase::Finished,
                (true, false) => Phase::Working,
                (false, _) => Phase::Reading,
            }
        }

        fn answered(&self) -> u64 {
            self.answered
        }
    }

    /// A client, talking to `session` on another thread.
    fn talk(
        session: Bells,
        idle_timeout: Option<Duration>,
        client: impl FnOnce(&net::TcpStream) + Send,
    ) -> (Tally, bool) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let ours = listener.accept().unwrap().0;
        ours.set_nonblocking(true).unwrap();
        let mut tally = Tally::default();
        let ended_well = thread::scope(|scope| {
            scope.spawn(move || client(&theirs));
            Runtime::new().unwrap().block_on(async {
                let ours = TcpStream::from_std(ours).unwrap();
                let session = Box::new(session);
                let mut dialogue = Dialogue::new(ours, session, idle_timeout, &mut tally);
                dialogue.run(pin!(std::future::pending::<()>())).await.is_ok()
            })
        });
        (tally, ended_well)
    }

    fn receive(mut stream: &net::TcpStream) -> u8 {
        let mut byte = [0];
        io::Read::read_exact(&mut stream, &mut byte).unwrap();
        byte[0]
    }

    fn send(mut stream: &net::TcpStream, bytes: &[u8]) {
        io::Write::write_all(&mut stream, bytes).unwrap();
    }

    #[test]
    fn jobs_run_side_by_side_and_the_peer_is_read_meanwhile() {
        let (tally, ended_well) = talk(Bells::default(), None, |stream| {
            send(stream, &[250]);
            send(stream, &[1]);
            assert_eq!(receive(stream), 1, "the short one overtakes");
            send(stream, &[2, 3]); // The long one is still out.
            let mut next = [receive(stream), receive(stream)];
            next.sort_unstable();
            assert_eq!(next, [2, 3]);
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(receive(stream), 250, "what is out is awaited at the end");
        });
        assert_eq!((tally.requests, tally.bytes_in, ended_well), (4, 4, true));
    }

    #[test]
    fn no_more_jobs_are_out_than_allowed() {
        let session = Bells::default();
        let out_peak = Arc::clone(&session.out_peak);
        let (tally, ended_well) = talk(session, None, |stream| {
            send(stream, &[5; 3 * JOBS_OUT]);
            stream.shutdown(Shutdown::Write).unwrap();
            (0..3 * JOBS_OUT).for_each(|_| assert_eq!(receive(stream), 5));
        });
        assert_eq!((tally.requests, ended_well), (3 * JOBS_OUT as u64, true));
        assert_eq!(*out_peak.lock().unwrap(), JOBS_OUT);
    }

    /// Who waits for us is not silent; who waits for nothing is.
    #[test]
    fn silence_does_not_count_while_a_job_is_out() {
        let (tally, ended_well) =
            talk(Bells::default(), Some(Duration::from_millis(50)), |stream| {
                send(stream, &[200]);
                assert_eq!(receive(stream), 200);
                let mut rest = Vec::new();
                io::Read::read_to_end(&mut &*stream, &mut rest).unwrap();
                assert!(rest.is_empty(), "then it is parted from");
            });
        assert_eq!((tally.requests, ended_well), (1, true));
    }

    #[test]
    fn a_buffer_is_held_by_nobody_who_has_nothing_to_send() {
        let mut output = Output::default();
        output.bytes().extend_from_slice(b"an answer");
        output.give_back();
        assert_eq!(output.0.capacity(), 0);
        assert!(output.bytes().capacity() >= 9, "the same one comes back");
        output.bytes().reserve(2 * SPARE_BYTES);
        output.give_back();
        assert_eq!(SPARE.take().capacity(), 0, "but for one that has grown too long");
    }
}
