//! Servers that are not ours, measured as ours are: by a process and TCP.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use results::LeftOut;
use serde::{Deserialize, Serialize};

use crate::traffic::Load;

/// How often a server that does not say when it listens is tried.
const TRY: Duration = Duration::from_millis(5);

/// A server that is not a model of ours: how to start it, and how to ask it.
///
/// In `command`, `file`, `build` and `version`, `{port}` is the port of
/// 127.0.0.1 that it is to listen on, `{workers}` the number of workers,
/// `{file}` the path of its file, `{built}` that of what `build` makes,
/// `{benches}` the folder of the experiments, `{scratch}` a folder of its own,
/// `{x}` the value of the sweep, `{lab}` the program that measures, and `{backend}` the port of the experiment's
/// backend on 127.0.0.1. It must stay in the foreground, and
/// end on SIGTERM.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its name in files and charts.
    pub name: String,
    /// The variants that it can be asked.
    pub variants: Vec<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What prints its version.
    pub version: Vec<String>,
    /// Makes a program first, if it must be made.
    #[serde(default)]
    pub build: Option<Vec<String>>,
    /// The content of a file that it reads.
    #[serde(default)]
    pub file: Option<String>,
    /// What must be installed, for whoever lacks it.
    #[serde(default)]
    pub package: Option<String>,
    /// How it is asked, where that differs from the variant.
    #[serde(default)]
    pub load: Load,
}

/// A server that those measured talk to, as a proxy does. It runs beside the
/// generator, on its cores, from before each trial until after it, and is not
/// measured. In `command`, `{port}` is the port of 127.0.0.1 that it is to listen
/// on, and `{benches}`, `{scratch}` and `{lab}` are those of a [`Peer`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl Backend {
    /// The command that starts it.
    pub(crate) fn start(&self, words: &Words) -> Command {
        command(self.command.iter().map(|part| words.expand(part)), words)
    }
}

/// What the words in braces stand for in a trial.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    pub(crate) lab: &'a Path,
    pub(crate) benches: &'a Path,
    /// The folder of the server itself.
    pub(crate) scratch: &'a Path,
    /// The folder of what is built, once for all.
    pub(crate) built: &'a Path,
    pub(crate) port: u16,
    /// The port of the backend, once it listens.
    pub(crate) backend: Option<u16>,
    pub(crate) workers: u32,
    /// The value of the sweep.
    pub(crate) x: u32,
}

impl Words<'_> {
    fn expand(&self, text: &str) -> String {
        let text = match self.backend {
            Some(port) => text.replace("{backend}", &port.to_string()),
            None => text.to_owned(),
        };
        text.replace("{port}", &self.port.to_string())
            .replace("{workers}", &self.workers.to_string())
            .replace("{x}", &self.x.to_string())
            .replace("{benches}", &self.benches.display().to_string())
            .replace("{scratch}", &self.scratch.display().to_string())
            .replace("{lab}", &self.lab.display().to_string())
    }
}

impl Peer {
    /// Builds it if need be, and asks for its version.
    ///
    /// # Errors
    ///
    /// What is missing, and how to get it.
    pub(crate) fn prepare(&self, words: &Words) -> Result<String, LeftOut> {
        let left_out = |why: String| LeftOut { model: self.name.clone(), above: None, why };
        let how = match &self.package {
            Some(package) => format!("`just peers` installs it, or apt-get install {package}"),
            None => "install it, and measure again".to_owned(),
        };
        for program in [self.build.as_ref(), Some(&self.command)].into_iter().flatten() {
            let name = self.expand(&program[0], words);
            if name != self.built(words) && find(&name).is_none() {
                return Err(left_out(format!("{name} is not here: {how}")));
            }
        }
        if let Some(build) = &self.build {
            let output = self
                .run(build, words)
                .map_err(|why| left_out(format!("cannot be built: {why}")))?;
            if !output.0 {
                // What lacks a library says so in the compiler's words.
                let said = output.1;
                return Err(left_out(format!("cannot be built ({how}): {said}")));
            }
        }
        let (_, said) = self
            .run(&self.version, words)
            .map_err(|why| left_out(format!("does not tell its version: {why}")))?;
        Ok(said
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or("unknown")
            .to_owned())
    }

    /// The command that starts it, its file written.
    pub(crate) fn start(&self, words: &Words) -> Result<Command, String> {
        if let Some(content) = &self.file {
            fs::write(self.path(words), self.expand(content, words))
                .map_err(|error| format!("its file cannot be written: {error}"))?;
        }
        Ok(self.command(&self.command, words))
    }

    fn run(&self, line: &[String], words: &Words) -> Result<(bool, String), String> {
        let output = self.command(line, words).output().map_err(|error| error.to_string())?;
        // Some print their version to standard error.
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&said).trim().to_owned()))
    }

    fn command(&self, line: &[String], words: &Words) -> Command {
        command(line.iter().map(|part| self.expand(part, words)), words)
    }

    fn path(&self, words: &Words) -> PathBuf {
        words.scratch.join(format!("{}.conf", self.name))
    }

    fn built(&self, words: &Words) -> String {
        words.built.join(format!("{}.built", self.name)).display().to_string()
    }

    fn expand(&self, text: &str, words: &Words) -> String {
        words
            .expand(text)
            .replace("{file}", &self.path(words).display().to_string())
            .replace("{built}", &self.built(words))
    }
}

/// A command of the parts of a line, the first of which is the program.
fn command(mut parts: impl Iterator<Item = String>, words: &Words) -> Command {
    let program = parts.next().unwrap_or_default();
    let mut command = Command::new(find(&program).unwrap_or_else(|| program.into()));
    command.args(parts).current_dir(words.scratch);
    command
}

/// Where daemons are installed, and only root looks.
const SBIN: [&str; 2] = ["/usr/local/sbin", "/usr/sbin"];

/// Where a program is: at its path, or by its name in `PATH` or where daemons are.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.exists());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SBIN.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.exists())
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> Result<u16, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    Ok(listener.map_err(|error| format!("there is no free port: {error}"))?.port())
}

/// Waits until somebody listens on `port`.
pub(crate) fn wait_until_listening(port: u16, patience: Duration) -> Result<SocketAddr, String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + patience;
    loop {
        match TcpStream::connect(address) {
            Ok(_) => return Ok(address),
            Err(_) if Instant::now() < deadline => thread::sleep(TRY),
            Err(error) => return Err(format!("it does not listen on {address}: {error}")),
        }
    }
}
