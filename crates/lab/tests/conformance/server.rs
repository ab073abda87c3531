//! A server process under test.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    LIFE_MAX,
    client::Client,
    http_client::HttpClient,
    model::{Model, PROCESS_PER_CONNECTION},
    tree,
    wait::{PATIENCE, eventually},
};

/// The command under test.
pub(crate) const LAB: &str = env!("CARGO_BIN_EXE_lab");

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Arc<Mutex<Child>>,
    pid: Pid,
    /// Sockets that it has open for itself.
    own_sockets: usize,
    /// It starts a process for each connection.
    process_each: bool,
    output: Option<JoinHandle<String>>,
    errors: Option<JoinHandle<String>>,
    /// Dropping it ends the watchdog.
    _alive: mpsc::Sender<()>,
    folder: TempDir,
}

/// What a server left behind.
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    /// Standard output, after the first line.
    pub(crate) output: String,
    pub(crate) errors: String,
    pub(crate) report: Option<Report>,
}

/// The JSON report of a server.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Value);

impl Server {
    /// Starts `lab serve MODEL` on a port of its own.
    pub(crate) fn start(model: Model, service: &str, options: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", model, service, options)
    }

    /// As [`Server::start`], on an address of the caller's choice.
    pub(crate) fn start_at(address: &str, model: Model, service: &str, options: &[&str]) -> Self {
        let mut command = Command::new(LAB);
        command.args(["serve", model.name, "--listen", address, "--service", service]);
        command.args(options);
        Self::run_model(model, command)
    }

    /// As [`Server::start`], with so few descriptors.
    pub(crate) fn start_limited(
        descriptors: usize,
        model: Model,
        service: &str,
        options: &[&str],
    ) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")).arg(LAB);
        command.args(["serve", model.name, "--listen", "127.0.0.1:0", "--service", service]);
        command.args(options);
        Self::run_model(model, command)
    }

    fn run_model(model: Model, command: Command) -> Self {
        let mut server = Self::run(command);
        server.process_each = model.name == PROCESS_PER_CONNECTION.name;
        server
    }

    /// Runs a command that serves, adding `--report`.
    pub(crate) fn run(command: Command) -> Self {
        Self::try_run(command).unwrap_or_else(|(_, errors)| {
            panic!("no line on standard output; on standard error: {errors}")
        })
    }

    /// As [`Server::run`]; or how it ended instead of listening, and what it said.
    pub(crate) fn try_run(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        raise_descriptor_limit();
        let folder = tempfile::tempdir().expect("a folder for the report");
        command.arg("--report").arg(folder.path().join("report.json"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let pid = Pid::from_child(&child);
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let child = Arc::new(Mutex::new(child));
        let alive = watch(&child);
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let (first_line, output) = read_lines(stdout);
        let Ok(line) = first_line.recv_timeout(PATIENCE) else {
            return Err((end_of(&child), errors.join().expect("stderr is text")));
        };
        let address = line
            .strip_prefix("listening on ")
            .and_then(|address| address.trim_end().parse().ok())
            .unwrap_or_else(|| panic!("no address in {line:?}"));
        let mut server = Self {
            address,
            child,
            pid,
            own_sockets: 0,
            process_each: false,
            output: Some(output),
            errors: Some(errors),
            _alive: alive,
            folder,
        };
        server.own_sockets = server.sockets();
        Ok(server)
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// A new connection to talk HTTP over.
    pub(crate) fn connect_http(&self) -> HttpClient {
        HttpClient::new(self.connect())
    }

    /// Waits until the server has so many connections accepted and open.
    #[track_caller]
    pub(crate) fn await_open(&self, connections: usize) {
        let what = format!("{connections} connections are open");
        eventually(&what, || self.open() == connections);
    }

    /// Connections that the server has accepted and not closed. Where each has a
    /// process, those processes: one that has closed its connection has its seat
    /// until the master has taken leave of it.
    pub(crate) fn open(&self) -> usize {
        if self.process_each {
            return tree::children(self.number()).len();
        }
        self.sockets().saturating_sub(self.own_sockets)
    }

    fn sockets(&self) -> usize {
        tree::sockets(&self.processes())
    }

    /// Its processes, the first of which it is itself.
    pub(crate) fn processes(&self) -> Vec<i32> {
        tree::processes(self.number())
    }

    /// CPU time of all threads of all its processes so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let ticks: u64 = self.of_processes(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
            // Its own, user and system, and those of processes that it has waited for.
            let fields = fields.split_whitespace().skip(11).take(4);
            Some(fields.map(|ticks| ticks.parse::<u64>().expect("times are numbers")).sum())
        });
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// The most memory that was ever resident, in bytes: the sum over the processes
    /// that are alive.
    pub(crate) fn memory_peak(&self) -> usize {
        let kib: u64 = self.of_processes(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            // One that has ended and was not yet waited for has none.
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().strip_suffix(" kB").expect("VmHWM in kB").parse().ok()
        });
        usize::try_from(kib).expect("a size") << 10
    }

    /// The sum over its processes. One that it has started may end meanwhile.
    fn of_processes(&self, figure: impl Fn(i32) -> Option<u64>) -> u64 {
        figure(self.number()).expect("the server lives");
        self.processes().into_iter().filter_map(figure).sum()
    }

    /// The number of its process.
    pub(crate) fn number(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    pub(crate) fn is_running(&self) -> bool {
        lock(&self.child).try_wait().expect("it is our child").is_none()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the server lives");
    }

    /// Stops all its processes in their tracks, so that the kernel alone takes connections.
    #[track_caller]
    pub(crate) fn freeze(&self) {
        for pid in self.processes() {
            tree::signal(pid, Signal::STOP);
            eventually("it stands still", || tree::stands_still(pid));
        }
    }

    /// Lets all go on.
    pub(crate) fn thaw(&self) {
        self.processes().into_iter().for_each(|pid| tree::signal(pid, Signal::CONT));
    }

    /// Sends SIGTERM and waits for the end.
    #[track_caller]
    pub(crate) fn stop(self) -> End {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Sends SIGTERM, waits for the end, and wants it to be a good one.
    #[track_caller]
    pub(crate) fn stop_well(self) -> Report {
        let end = self.stop();
        assert!(end.status.success(), "{}: {}", end.status, end.errors);
        assert_eq!(end.output, "", "there is one line on standard output");
        assert!(!end.errors.contains("panicked at crates"), "{}", end.errors);
        end.report.expect("there is a report")
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> End {
        let since = Instant::now();
        let mut status = None;
        eventually("the server ends", || {
            status = lock(&self.child).try_wait().expect("it is our child");
            status.is_some()
        });
        let took = since.elapsed();
        let text = |thread: Option<JoinHandle<String>>| thread?.join().ok();
        let json = fs::read_to_string(self.folder.path().join("report.json")).unwrap_or_default();
        End {
            status: status.expect("it has ended"),
            took,
            output: text(self.output.take()).expect("stdout is text"),
            errors: text(self.errors.take()).expect("stderr is text"),
            report: serde_json::from_str(&json).ok().map(Report),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
        drop(child);
        if thread::panicking()
            && let Some(Ok(errors)) = self.errors.take().map(JoinHandle::join)
        {
            eprintln!("the server said: {errors}");
        }
    }
}

impl Report {
    #[track_caller]
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("no count {name:?} in {:?}", self.0))
    }

    /// How many system calls of a kind were made.
    #[track_caller]
    pub(crate) fn system_calls(&self, kind: &str) -> u64 {
        self.0["system_calls"][kind].as_u64().expect("a count of system calls")
    }

    /// The sum of a count over all workers.
    #[track_caller]
    pub(crate) fn workers_sum(&self, name: &str) -> u64 {
        let workers = self.0["workers"].as_array().expect("a list of workers");
        workers.iter().map(|worker| worker[name].as_u64().expect("a count")).sum()
    }

    /// Checks that the parts are as much as the whole.
    #[track_caller]
    pub(crate) fn assert_adds_up(&self) {
        for name in ["served", "requests", "bytes_in", "bytes_out"] {
            assert_eq!(self.workers_sum(name), self.count(name), "{name} in {self:?}");
        }
        assert_eq!(self.workers_sum("connections"), self.count("accepted"), "{self:?}");
    }
}

/// Kills the server of a test that takes too long.
fn watch(child: &Arc<Mutex<Child>>) -> mpsc::Sender<()> {
    let (alive, ended) = mpsc::channel();
    let child = Arc::clone(child);
    thread::spawn(move || {
        if ended.recv_timeout(LIFE_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = lock(&child).kill();
        }
    });
    alive
}

/// How a process ends that is about to. One that is not is killed.
fn end_of(child: &Mutex<Child>) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = lock(child).try_wait().expect("it is our child") {
            return status;
        }
        if Instant::now() > deadline {
            let _ = lock(child).kill();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reads the first line, and everything after it.
fn read_lines(stdout: ChildStdout) -> (mpsc::Receiver<String>, JoinHandle<String>) {
    let (sender, first_line) = mpsc::channel();
    let rest = thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let (mut line, mut rest) = (String::new(), String::new());
        if stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
            let _ = sender.send(line);
        }
        drop(sender);
        let _ = stdout.read_to_string(&mut rest);
        rest
    });
    (first_line, rest)
}

/// Hundreds of clients live in this process, in each of several tests.
fn raise_descriptor_limit() {
    static RAISE: Once = Once::new();
    RAISE.call_once(|| {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).expect("the soft limit may be the hard one");
    });
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
