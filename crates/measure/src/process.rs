//! Child processes of a trial: started pinned, waited for with a deadline, and
//! never left behind.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        signal::{Signal, kill, killpg},
    },
    unistd::Pid,
};

use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::held::{Keeper, held};

/// How often a child is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(5);

/// A child process, killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    /// Its standard error: a file, which unlike a pipe never blocks who writes.
    said: PathBuf,
    /// It was asked to end: to ask twice is to hurry it.
    asked: bool,
    keeper: Option<Arc<Keeper>>,
}

/// Who starts processes, so that none outlives the bench.
#[derive(Clone, Debug)]
pub(crate) struct Nursery {
    /// The program with the verbs `held` and `keeper`.
    lab: PathBuf,
    keeper: Arc<Keeper>,
}

impl Nursery {
    pub(crate) fn open(lab: &Path) -> io::Result<Self> {
        Ok(Self { lab: lab.to_owned(), keeper: Arc::new(Keeper::start(lab)?) })
    }

    /// Starts `command` on `cores`. To be called by the thread that lives as long as
    /// the bench: what it starts dies with it.
    pub(crate) fn start(
        &self,
        name: &'static str,
        scratch: &Path,
        cores: &[usize],
        command: &Command,
    ) -> Result<Process, String> {
        let mut held = held(&self.lab, &self.keeper, cores, command);
        let mut process = Process::start(name, scratch, &mut held)?;
        process.keeper = Some(Arc::clone(&self.keeper));
        Ok(process)
    }
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    /// Context switches of all its threads, dead ones included; and those of the
    /// processes that it has started, if it has waited for them.
    pub(crate) context_switches: i64,
}

impl Process {
    /// Starts `command` in a group of its own: an interrupt at the terminal is for
    /// the bench, which ends its children in order.
    fn start(name: &'static str, scratch: &Path, command: &mut Command) -> Result<Self, String> {
        let said = scratch.join(format!("{name}.stderr"));
        let file = File::create(&said)
            .map_err(|error| format!("{} cannot be written: {error}", said.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        command.process_group(0);
        let child =
            command.spawn().map_err(|error| format!("the {name} cannot be started: {error}"))?;
        Ok(Self { child, name, said, asked: false, keeper: None })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes `text` to its standard input and closes it.
    pub(crate) fn tell(&mut self, text: &[u8]) -> Result<(), String> {
        let Some(mut stdin) = self.child.stdin.take() else { return Ok(()) };
        stdin.write_all(text).map_err(|error| format!("the {} does not listen: {error}", self.name))
    }

    /// Waits for the first line of its standard output.
    pub(crate) fn first_line(&mut self, patience: Duration) -> Result<String, String> {
        let stdout = self.child.stdout.take().ok_or("standard output was taken")?;
        let (line, arrival) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut text = String::new();
            let read = stdout.read_line(&mut text).map(|_| text);
            let _ = line.send(read);
            // Whatever else it says must not block it.
            let _ = io::copy(&mut stdout, &mut io::sink());
        });
        match arrival.recv_timeout(patience) {
            Ok(Ok(text)) if !text.is_empty() => Ok(text.trim_end().to_owned()),
            Ok(Ok(_)) => Err(self.ended("at once")),
            Ok(Err(error)) => Err(format!("the {} cannot be read: {error}", self.name)),
            Err(_) => Err(format!("the {} said nothing for {patience:?}", self.name)),
        }
    }

    /// Everything that it prints until it ends; `stop` ends it before.
    pub(crate) fn output(
        &mut self,
        patience: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Result<String, String> {
        let (status, text) = self.run_to_end(patience, stop)?;
        if text.is_empty() {
            return Err(self.ended(&format!("with {status}")));
        }
        Ok(text)
    }

    /// As [`Process::output`], of a process that must end well.
    pub(crate) fn result(
        &mut self,
        patience: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Result<String, String> {
        let (status, text) = self.run_to_end(patience, stop)?;
        if status.success() { Ok(text) } else { Err(self.ended(&format!("with {status}"))) }
    }

    fn run_to_end(
        &mut self,
        patience: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Result<(ExitStatus, String), String> {
        let mut stdout = self.child.stdout.take().ok_or("standard output was taken")?;
        let reader = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        let status = self.wait(patience, stop)?;
        let text = reader.join().map_err(|_| "the reading thread panicked")?;
        let text = text.map_err(|error| format!("the {} cannot be read: {error}", self.name))?;
        Ok((status, text))
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        if !self.asked {
            self.signal(Signal::SIGTERM);
            self.asked = true;
        }
    }

    /// Asks it to end, if nobody has, and waits for that.
    pub(crate) fn end(mut self, patience: Duration) -> Result<End, String> {
        self.ask_to_end();
        // What is counted of children is added when one is waited for, and no
        // other child ends meanwhile.
        let before = switches();
        let status = self.wait(patience, &|| false)?;
        Ok(End { status, context_switches: switches() - before })
    }

    fn wait(&mut self, patience: Duration, stop: &dyn Fn() -> bool) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + patience;
        loop {
            if self.has_ended()? {
                self.kill_group();
                let reaped = self.child.wait();
                return reaped.map_err(|error| self.lost(&error));
            }
            if stop() {
                return Err("interrupted".to_owned());
            }
            if Instant::now() >= deadline {
                return Err(format!("the {} did not end in {patience:?}", self.name));
            }
            thread::sleep(LOOK);
        }
    }

    /// Whether it has ended. It is not yet taken note of by the kernel, so its number,
    /// and that of its group, are still its own.
    fn has_ended(&self) -> Result<bool, String> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = waitid(WaitId::Pid(rustix::process::Pid::from_child(&self.child)), options);
        ended.map(|status| status.is_some()).map_err(|error| self.lost(&error.into()))
    }

    /// Ends those that it has started, where it has left them in its group. Not to be
    /// called once it was waited for: then the group is nobody's, or another's.
    fn kill_group(&self) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // It fails only if nobody is left.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }

    fn lost(&self, error: &io::Error) -> String {
        format!("the {} cannot be waited for: {error}", self.name)
    }

    /// That it ended without an answer, and what it said on standard error.
    fn ended(&self, how: &str) -> String {
        let said = fs::read_to_string(&self.said).unwrap_or_default();
        format!("the {} ended {how}: {}", self.name, said.trim())
    }

    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // It fails only if the process has ended, which is what we want.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended().is_ok() {
            self.kill_group();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(keeper) = &self.keeper {
            keeper.forget(self.child.id());
        }
    }
}

fn switches() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| {
        usage.voluntary_context_switches() + usage.involuntary_context_switches()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> (Process, tempfile::TempDir) {
        let scratch = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        let process = Process::start("server", scratch.path(), &mut command).unwrap();
        (process, scratch)
    }

    /// A hundred processes sleep, two generations below.
    #[test]
    fn context_switches_of_grandchildren_are_counted() {
        let sleeps = "i=0; while [ $i -lt 100 ]; do sleep 0.001; i=$((i+1)); done";
        let (mut server, _scratch) = shell(&format!("({sleeps}); echo; exec sleep 300"));
        // The line is empty.
        server.first_line(PATIENCE).unwrap();
        let end = server.end(PATIENCE).unwrap();
        assert!(end.context_switches >= 100, "{end:?}");
    }

    #[test]
    fn what_it_has_started_is_not_left_behind() {
        let (mut server, _scratch) = shell("sleep 300 & echo $!; wait");
        let child = server.first_line(PATIENCE).unwrap();
        drop(server);
        assert_gone(&child);
    }

    /// A shell that is asked to end does so, and tells nobody.
    #[test]
    fn what_it_has_started_is_not_left_behind_by_an_end_in_order() {
        let (mut server, _scratch) = shell("sleep 300 & echo $!; wait");
        let child = server.first_line(PATIENCE).unwrap();
        server.end(PATIENCE).unwrap();
        assert_gone(&child);
    }

    fn assert_gone(child: &str) {
        let deadline = Instant::now() + PATIENCE;
        let is_there = || {
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
        };
        while is_there() {
            assert!(Instant::now() < deadline, "{child} lives on");
            thread::sleep(LOOK);
        }
    }
}
