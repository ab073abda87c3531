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
    let (tally, ended_well) = talk(Bells::default(), Some(Duration::from_millis(50)), |stream| {
        send(stream, &[200]);
        assert_eq!(receive(stream), 200);
        let mut rest = Vec::new();
        io::Read::read_to_end(&mut &*stream, &mut rest).unwrap();
        assert!(rest.is_empty(), "then it is parted from");
    });
    assert_eq!((tally.requests, ended_well), (1, true));
}
