//! A process of a lesson's own, for flaws that hang or end one.

use std::{
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use crate::net::{PATIENCE, wait_until};

/// Another process. It says what happens in lines; dropped, it is ended.
#[derive(Debug)]
pub(crate) struct Actor {
    child: Child,
    lines: Receiver<String>,
}

impl Actor {
    /// Starts it. Its standard input stays open as long as we live.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.map_while(|line| sender.send(line).ok()).for_each(drop);
        });
        Ok(Self { child, lines })
    }

    /// The next line that it says, if it says one within `patience`.
    pub(crate) fn line(&self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// The address that it says it listens on.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        let line = self.line(PATIENCE).unwrap_or_default();
        line.parse().map_err(|_| io::Error::other(format!("no address from the server: {line:?}")))
    }

    /// How it ended, if it does within `patience`.
    pub(crate) fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let mut status = None;
        wait_until(patience, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        status
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        Ok(rustix::process::kill_process(id, rustix::process::Signal::TERM)?)
    }

    /// Our end of its standard error, where that is a pipe.
    pub(crate) fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
