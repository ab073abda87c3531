//! Servers and loads as processes, pinned apart as the harness pins them.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{CpuSet, sched_getaffinity},
};
use serde_json::Value;

pub(crate) const LAB: &str = env!("CARGO_BIN_EXE_lab");

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two truths at a time would disturb each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose cores a process gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// All but the last.
    Server,
    /// The last.
    Client,
}

/// A command on the cores of its side, if there are two to divide.
pub(crate) fn pinned(side: Side, program: &str) -> Command {
    let allowed = sched_getaffinity(None).unwrap();
    let cores: Vec<String> = (0..CpuSet::MAX_CPU)
        .filter(|&core| allowed.is_set(core))
        .map(|core| core.to_string())
        .collect();
    let (client, server) = cores.split_last().unwrap();
    if server.is_empty() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    let list = if side == Side::Server { server.join(",") } else { client.clone() };
    command.args(["-c", &list, program]);
    command
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Open as long as the server may write to it.
    _output: Option<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts `lab serve` with `options`, the model first.
    pub(crate) fn lab(options: &[&str]) -> Self {
        let mut command = pinned(Side::Server, LAB);
        command.arg("serve").args(options).args(["--listen", "127.0.0.1:0"]);
        Self::that_says_where(command)
    }

    /// Starts a server that prints where it listens.
    pub(crate) fn that_says_where(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").map(str::parse);
        let address = address.unwrap_or_else(|| panic!("{command:?} said {line:?}")).unwrap();
        Self { address, child, _output: Some(output) }
    }

    /// Starts a server that was told its port, and waits until it listens.
    pub(crate) fn on_port(mut command: Command, port: u16) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let server = Self { address, child, _output: None };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{command:?} does not listen on {address}");
            thread::sleep(Duration::from_millis(5));
        }
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn stop(mut self) -> ExitStatus {
        signal(&self.child, Signal::TERM);
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A load under way.
#[derive(Debug)]
pub(crate) struct Load(pub(crate) Child);

/// What a load came to.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) code: Option<i32>,
    /// What it said on standard error.
    pub(crate) said: String,
    report: Value,
}

impl Load {
    /// Starts `lab load` with a plan.
    pub(crate) fn start(plan: &Value) -> Self {
        let mut child = pinned(Side::Client, LAB)
            .args(["load", "--json", "--plan", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
        Self(child)
    }

    pub(crate) fn wait(self) -> Loaded {
        let Output { status, stdout, stderr } = self.0.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&stderr).into_owned();
        let report = serde_json::from_slice(&stdout).unwrap_or_else(|_| panic!("{said}"));
        Loaded { code: status.code(), said, report }
    }
}

/// Runs a load to its end.
pub(crate) fn load(plan: &Value) -> Loaded {
    Load::start(plan).wait()
}

impl Loaded {
    /// A number of the report, by its path.
    pub(crate) fn number(&self, path: &str) -> f64 {
        let value = self.report.pointer(path).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no {path} in {}: {}", self.report, self.said))
    }

    /// Seconds of CPU that the server used in the window.
    pub(crate) fn server_cpu_seconds(&self) -> f64 {
        (self.number("/watch/end/cpu_ns") - self.number("/watch/start/cpu_ns")) / 1e9
    }
}

/// Prints rows under a heading, aligned.
pub(crate) fn table(title: &str, heads: &[&str], rows: &[Vec<String>]) {
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&heads).chain(rows).collect();
    println!("\n{title}");
    for line in &lines {
        let cells = line.iter().enumerate().map(|(column, cell)| {
            let width = lines.iter().filter_map(|line| Some(line.get(column)?.chars().count()));
            let width = width.max().unwrap_or(0);
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        println!("  {}", cells.collect::<Vec<_>>().join("  "));
    }
}
