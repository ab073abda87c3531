//! `lab sources`: slow servers, simulated, for `lab batch` to ask.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, Result};
use batch::sources::{Habits, Sources};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use server::program::{duration, raise_descriptor_limit};
use signal_hook::{
    consts::{SIGINT, SIGQUIT, SIGTERM},
    flag,
};

/// Options of `lab sources`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5556")]
    listen: SocketAddr,
    #[command(flatten)]
    habits: HabitArgs,
    /// End with this process
    #[arg(long, value_name = "PID", hide = true)]
    part_of: Option<i32>,
}

/// How the sources are.
#[derive(clap::Args, Clone)]
pub(crate) struct HabitArgs {
    /// How long a source thinks, on average: each between half of it and one and a half
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = duration)]
    delay: Duration,
    /// Records that each source has
    #[arg(long, value_name = "N", default_value_t = 100)]
    records: u32,
}

/// Answers until a stop signal.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    end_with(args.part_of)?;
    raise_descriptor_limit();
    for signal in [SIGINT, SIGTERM, SIGQUIT] {
        let always = Arc::new(AtomicBool::new(true));
        flag::register_conditional_shutdown(signal, 0, always).context("cannot watch signals")?;
    }
    let habits = Habits { delay: args.habits.delay, records: args.habits.records };
    let sources = Sources::bind(args.listen, habits).with_context(|| {
        format!("cannot listen on {}: choose with --listen (port 0 picks a free port)", args.listen)
    })?;
    // Whoever started us may not care to read it.
    let _ = writeln!(io::stdout(), "listening on {}", sources.address()?);
    sources.run().context("the sources cannot go on")?;
    Ok(ExitCode::SUCCESS)
}

/// Sources of a job's own, in a process that ends with the guard.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Started {
    pub(crate) fn start(habits: &HabitArgs) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["sources", "--listen", "127.0.0.1:0"])
            .args(["--part-of", &std::process::id().to_string()])
            .args(["--delay", &format!("{}us", habits.delay.as_micros())])
            .args(["--records", &habits.records.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the sources cannot be started")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim_end().strip_prefix("listening on ").map(str::parse);
        let Some(Ok(address)) = address else {
            let _ = child.kill();
            let _ = child.wait();
            anyhow::bail!("the sources did not say where they listen");
        };
        Ok(Self { address, child })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process end when the one that started it does, however that ends.
pub(crate) fn end_with(parent: Option<i32>) -> Result<()> {
    let Some(parent) = parent else { return Ok(()) };
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // It may have ended before that.
    anyhow::ensure!(getppid() == Pid::from_raw(parent), "whom this is a part of is gone");
    Ok(())
}
