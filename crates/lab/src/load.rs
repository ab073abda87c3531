//! `lab load`: drives any server, ours or not, and says what it did.

mod escapes;
mod text;

use std::{
    fs::File,
    io::{self, Write},
    net::{SocketAddr, ToSocketAddrs},
    num::NonZeroU32,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use ::load::{Arrivals, Error, Exact, Hot, Kind, Method, Mode, Plan, Report, Request, Stall};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::de::DeserializeOwned;
use serde_json::Value;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use crate::console::{self, code};

/// The largest message: 64 MiB.
const BYTES_MOST: usize = 64 << 20;

/// Drive any server, ours or not.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Address of the server, such as 127.0.0.1:5555 or localhost:5555
    #[arg(required_unless_present = "plan")]
    addr: Option<String>,

    /// Connections to make
    #[arg(long, value_name = "N", default_value_t = 64, conflicts_with = "plan")]
    connections: usize,

    /// Requests that each connection may have in flight, unanswered
    #[arg(long, value_name = "N", default_value = "1", conflicts_with_all = ["plan", "idle"])]
    in_flight: NonZeroU32,

    /// Threads that make the load, each with its share of the connections
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "plan")]
    threads: usize,

    /// How long to measure
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time, conflicts_with = "plan")]
    duration: Duration,

    /// Traffic before that, not counted; goes on until the rate is steady
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time, conflicts_with = "plan")]
    warmup: Duration,

    /// The longest that may take [default: three times --warmup]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "plan")]
    warmup_most: Option<Duration>,

    /// What the server speaks [default: echo; http where a path, rpc where a method is given]
    #[arg(long, conflicts_with = "plan")]
    protocol: Option<Protocol>,

    /// Size of an echoed payload, or of a POST's body [default: 64]
    #[arg(long, value_name = "N", value_parser = bytes, conflicts_with = "plan")]
    bytes: Option<usize>,

    /// HTTP: what to ask for [default: /]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["plan", "mix", "slow"])]
    path: Option<String>,

    /// HTTP: POST a body instead of GET; to /echo it must come back
    #[arg(long, conflicts_with_all = ["plan", "mix", "slow"])]
    post: bool,

    /// JSON-RPC, a line each way: the method to call
    #[arg(long, value_name = "METHOD",
        conflicts_with_all = ["plan", "bytes", "path", "post", "mix", "slow", "exact"])]
    rpc: Option<String>,

    /// Its parameters, an array or an object
    #[arg(long, value_name = "JSON", value_parser = json, requires = "rpc")]
    params: Option<Value>,

    /// The result it must have [default: of echo the parameters, else the first one's]
    #[arg(long, value_name = "JSON", value_parser = json, requires = "rpc")]
    result: Option<Value>,

    /// One path of a mix, with its weight; of --protocol rpc a method, and its parameters
    /// behind a space; may be repeated
    #[arg(long, value_name = "WEIGHT:PATH", value_parser = weighted, conflicts_with = "plan")]
    mix: Vec<(u32, String)>,

    /// The same, with latencies told apart from those of --mix
    #[arg(long, value_name = "WEIGHT:PATH", value_parser = weighted, conflicts_with = "plan")]
    slow: Vec<(u32, String)>,

    /// Any protocol: what to send, with \r, \n, \t, \0 and \\ understood
    #[arg(long, value_name = "TEXT", value_parser = escapes::read, requires = "expect",
        conflicts_with_all = ["plan", "protocol", "bytes", "path", "post", "mix", "slow"])]
    exact: Option<String>,

    /// What must come back for it, to the last byte
    #[arg(long, value_name = "TEXT", value_parser = escapes::read, requires = "exact")]
    expect: Option<String>,

    /// Ask this once before the run; may be repeated
    #[arg(long, value_name = "SEND=>EXPECT", value_parser = escapes::pair, conflicts_with = "plan")]
    prepare: Vec<Exact>,

    /// Open loop: requests a second in all, whether or not the server keeps up
    #[arg(long, value_name = "N", conflicts_with_all = ["plan", "think", "idle"])]
    rate: Option<f64>,

    /// Open loop: random gaps, as of many independent users, instead of equal ones
    #[arg(long, requires = "rate")]
    poisson: bool,

    /// Closed loop: pause of each connection between an answer and its next request
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with_all = ["plan", "idle"])]
    think: Option<Duration>,

    /// Closed loop: only every N-th connection thinks as --think says, or not at all
    #[arg(long, value_name = "N", requires = "cold_think", conflicts_with_all = ["plan", "rate", "idle"])]
    hot_every: Option<NonZeroU32>,

    /// Pause of all the others
    #[arg(long, value_name = "TIME", value_parser = time, requires = "hot_every")]
    cold_think: Option<Duration>,

    /// Closed loop: make a new connection after so many answers
    #[arg(long, value_name = "N", conflicts_with_all = ["plan", "rate", "idle"])]
    requests_per_connection: Option<NonZeroU32>,

    /// Besides, so many connections that ask without pause and hardly read
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "plan")]
    slow_readers: usize,

    /// Ask once on each connection, then only hold it
    #[arg(long, conflicts_with = "plan")]
    idle: bool,

    /// Decides payloads, mix and arrivals: same seed, same run
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "plan")]
    seed: u64,

    /// Connections of each thread whose answers the kernel stamps, to tell how late they were noted
    #[arg(long, value_name = "N", default_value_t = 4, conflicts_with = "plan")]
    stamped: usize,

    /// Process of the server, to tell its CPU time (and memory, with --idle)
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// Stop that process for a while in the window, such as 1400ms@1s
    #[arg(long, value_name = "LASTS@AFTER", value_parser = stall, conflicts_with = "plan")]
    stall: Option<Stall>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Read the whole plan as JSON from a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Echo,
    Http,
    Rpc,
}

/// Runs the verb and returns the exit code: 0 all well, 1 errors on
/// connections, 2 usage, 3 the environment cannot, 4 the generator was the
/// bottleneck.
///
/// # Errors
///
/// Only if the report cannot be written.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let plan = match args.to_plan() {
        Ok(plan) => plan,
        Err(why) => return Ok(fail("load", code::USAGE, &format!("{why:#}"))),
    };
    let interrupt = Arc::new(AtomicBool::new(false));
    interruptible(&interrupt)?;
    let report = match ::load::run(&plan, &interrupt) {
        Ok(report) => report,
        Err(why @ Error::Plan(_)) => return Ok(fail("load", code::USAGE, &why.to_string())),
        Err(why) => return Ok(fail("load", code::ENVIRONMENT, &why.to_string())),
    };
    let printed =
        if args.json { serde_json::to_string(&report)? } else { text::of(&plan, &report) };
    writeln!(io::stdout().lock(), "{}", printed.trim_end()).context("cannot write the report")?;
    Ok(verdict(&plan, &report))
}

/// Has a signal set `interrupt`: the first ends the run, which prints what there
/// is; a second ends the program.
pub(crate) fn interruptible(interrupt: &Arc<AtomicBool>) -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(interrupt))?;
        flag::register(signal, Arc::clone(interrupt))?;
    }
    Ok(())
}

pub(crate) fn fail(verb: &str, code: u8, why: &str) -> ExitCode {
    console::tell(format_args!("lab {verb}: {why}"));
    ExitCode::from(code)
}

fn verdict(plan: &Plan, report: &Report) -> ExitCode {
    let errors = &report.errors;
    if report.established == 0 && errors.refused > 0 {
        let target = plan.target;
        return fail(
            "load",
            code::FAILED,
            &format!(
                "{target} refused the connection: is the server running? \
                 start one with `cargo lab serve MODEL --listen {target}`"
            ),
        );
    }
    if errors.total() > 0 {
        let first = errors.first.first().map_or("", String::as_str);
        return fail(
            "load",
            code::FAILED,
            &format!("{} errors, the first: {first}", errors.total()),
        );
    }
    match &report.void {
        Some(why) => fail("load", code::VOID, &format!("the run is void: {why}")),
        None => ExitCode::SUCCESS,
    }
}

impl Args {
    fn to_plan(&self) -> Result<Plan> {
        let mut plan = match &self.plan {
            Some(file) => {
                let mut plan: Plan = read(file, "plan")?;
                if let Some(addr) = &self.addr {
                    plan.target = resolve(addr)?;
                }
                plan
            }
            None => Plan {
                connections: self.connections,
                in_flight: self.in_flight,
                threads: self.threads,
                duration: self.duration,
                warmup: self.warmup,
                warmup_most: self.warmup_most,
                prepare: self.prepare.clone(),
                requests: self.requests()?,
                mode: self.mode(),
                hot: self
                    .hot_every
                    .zip(self.cold_think)
                    .map(|(every, cold_think)| Hot { every, cold_think }),
                requests_per_connection: self.requests_per_connection,
                slow_readers: self.slow_readers,
                seed: self.seed,
                stamped: self.stamped,
                stall: self.stall,
                watch_memory: self.idle && self.pid.is_some(),
                ..Plan::new(resolve(self.addr.as_deref().unwrap_or_default())?)
            },
        };
        plan.watch = self.pid.or(plan.watch);
        Ok(plan)
    }

    fn mode(&self) -> Mode {
        if self.idle {
            return Mode::Idle { probe: true };
        }
        match self.rate {
            Some(rate) => {
                let arrivals = if self.poisson { Arrivals::Poisson } else { Arrivals::Fixed };
                Mode::Open { rate, arrivals }
            }
            None => Mode::Closed { think: self.think.unwrap_or_default() },
        }
    }

    fn requests(&self) -> Result<Vec<Request>> {
        if let (Some(send), Some(expect)) = (self.exact.clone(), self.expect.clone()) {
            return Ok(vec![Request::new(Kind::Exact { send, expect })]);
        }
        if self.rpc.is_some() || self.protocol == Some(Protocol::Rpc) {
            return self.calls();
        }
        let has_paths = !(self.mix.is_empty() && self.slow.is_empty());
        let is_http = self.post || self.path.is_some() || has_paths;
        if self.protocol.map_or(!is_http, |protocol| protocol == Protocol::Echo) {
            ensure!(!is_http, "--path, --post, --mix and --slow need --protocol http");
            return Ok(vec![Request::new(Kind::Echo { bytes: self.bytes.unwrap_or(64) })]);
        }
        if !self.post && self.bytes.is_some() {
            bail!("a GET sends no body: --bytes needs --post, or --protocol echo");
        }
        let http = |path: &str| Kind::Http {
            method: if self.post { Method::Post } else { Method::Get },
            path: path.to_owned(),
            body_bytes: if self.post { self.bytes.unwrap_or(64) } else { 0 },
            expect_status: 200,
            expect_body: None,
        };
        if !has_paths {
            return Ok(vec![Request::new(http(self.path.as_deref().unwrap_or("/")))]);
        }
        self.mixed(|path| Ok(http(path)))
    }

    /// The requests of --mix and --slow, each of the kind that its text says.
    fn mixed(&self, kind: impl Fn(&str) -> Result<Kind>) -> Result<Vec<Request>> {
        let short = self.mix.iter().map(|one| (one, false));
        let all = short.chain(self.slow.iter().map(|one| (one, true)));
        all.map(|((weight, text), slow)| Ok(Request { weight: *weight, slow, kind: kind(text)? }))
            .collect()
    }

    fn calls(&self) -> Result<Vec<Request>> {
        ensure!(
            self.protocol.is_none_or(|protocol| protocol == Protocol::Rpc),
            "--rpc is a protocol of its own: leave out --protocol"
        );
        ensure!(
            self.path.is_none() && !self.post && self.bytes.is_none(),
            "--path, --post and --bytes are not of JSON-RPC"
        );
        if let Some(method) = self.rpc.clone() {
            let (params, expect) = (self.params.clone(), self.result.clone());
            return Ok(vec![Request::new(Kind::Rpc { method, params, expect })]);
        }
        let calls = self.mixed(|text| {
            let (method, params) = match text.split_once(' ') {
                Some((method, params)) => (method, Some(json(params).map_err(anyhow::Error::msg)?)),
                None => (text, None),
            };
            Ok(Kind::Rpc { method: method.to_owned(), params, expect: None })
        })?;
        ensure!(
            !calls.is_empty(),
            "what is to be called? name a method with --rpc, --mix or --slow"
        );
        Ok(calls)
    }
}

/// Reads what a file holds as JSON, or standard input where it is `-`.
pub(crate) fn read<T: DeserializeOwned>(file: &Path, what: &str) -> Result<T> {
    let read = if file == Path::new("-") {
        serde_json::from_reader(io::stdin().lock())
    } else {
        let file = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        serde_json::from_reader(io::BufReader::new(file))
    };
    read.with_context(|| format!("{} is no {what}", file.display()))
}

fn resolve(addr: &str) -> Result<SocketAddr> {
    let usage = || format!("{addr:?} is no address such as 127.0.0.1:5555");
    addr.to_socket_addrs().with_context(usage)?.next().with_context(usage)
}

fn time(text: &str) -> Result<Duration, String> {
    server::program::duration(text)
}

/// Each connection holds a message in memory, and the generator all that can be sent.
fn bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok().filter(|&bytes| bytes <= BYTES_MOST);
    bytes.ok_or_else(|| format!("a number of bytes of at most {BYTES_MOST}"))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|why| format!("{text:?} is no JSON: {why}"))
}

fn stall(text: &str) -> Result<Stall, String> {
    let (lasts, after) = text.split_once('@').ok_or("expected LASTS@AFTER, such as 1400ms@1s")?;
    let read = |text| time(text).map_err(|why| format!("{text:?} is no time: {why}"));
    Ok(Stall { after: read(after)?, lasts: read(lasts)? })
}

fn weighted(text: &str) -> Result<(u32, String), String> {
    let (weight, path) = text.split_once(':').ok_or("expected WEIGHT:PATH, such as 9:/fast")?;
    let weight = weight.parse().map_err(|_| format!("{weight:?} is no whole number"))?;
    Ok((weight, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn plan(line: &str) -> Result<Plan> {
        Command::try_parse_from(line.split_whitespace())?.args.to_plan()
    }

    #[test]
    fn defaults_are_the_plans() {
        assert_eq!(
            plan("load 127.0.0.1:5555").unwrap(),
            Plan::new(SocketAddr::from(([127, 0, 0, 1], 5555)))
        );
    }

    #[test]
    fn a_mix_is_http_with_a_slow_class() {
        let plan = plan("load 127.0.0.1:1 --mix 9:/fast --slow 1:/work --rate 10 --poisson");
        let plan = plan.unwrap();
        assert_eq!(plan.mode, Mode::Open { rate: 10.0, arrivals: Arrivals::Poisson });
        let told: Vec<_> = plan.requests.iter().map(|one| (one.weight, one.slow)).collect();
        assert_eq!(told, [(9, false), (1, true)]);
        assert!(matches!(&plan.requests[1].kind, Kind::Http { path, .. } if path == "/work"));
    }

    #[test]
    fn a_stall_has_a_length_and_a_beginning() {
        let plan = plan("load 127.0.0.1:1 --pid 7 --stall 1400ms@1s").unwrap();
        let (after, lasts) = (Duration::from_secs(1), Duration::from_millis(1400));
        assert_eq!((plan.stall, plan.watch), (Some(Stall { after, lasts }), Some(7)));
    }

    #[test]
    fn exact_texts_are_unescaped() {
        let plan = plan(r"load 127.0.0.1:1 --exact GET\r\n --expect +\\\n --prepare a\n=>b\n");
        let plan = plan.unwrap();
        let (send, expect) = ("GET\r\n".to_owned(), "+\\\n".to_owned());
        assert_eq!(plan.requests[0].kind, Kind::Exact { send, expect });
        assert_eq!(plan.prepare, [Exact { send: "a\n".to_owned(), expect: "b\n".to_owned() }]);
    }

    #[test]
    fn calls_have_parameters_and_may_be_mixed() {
        let plan = plan("load 127.0.0.1:1 --rpc sum --params [1,2] --result 3 --in-flight 8");
        let plan = plan.unwrap();
        let (params, expect) = (Some(json!([1, 2])), Some(json!(3)));
        assert_eq!(plan.requests[0].kind, Kind::Rpc { method: "sum".to_owned(), params, expect });
        assert_eq!(plan.in_flight.get(), 8);

        let line = ["load", "127.0.0.1:1", "--protocol", "rpc", "--mix", "99:echo [1]"];
        let line = line.iter().chain(&["--slow", "1:sleep {\"ms\": 20}", "--mix", "5:ping"]);
        let plan = Command::try_parse_from(line).unwrap().args.to_plan().unwrap();
        let told: Vec<_> = plan.requests.iter().map(|one| (one.weight, one.slow)).collect();
        assert_eq!(told, [(99, false), (5, false), (1, true)]);
        let kind = |method: &str, params| Kind::Rpc { method: method.into(), params, expect: None };
        assert_eq!(plan.requests[1].kind, kind("ping", None));
        assert_eq!(plan.requests[2].kind, kind("sleep", Some(json!({"ms": 20}))));
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "load",
            "load nowhere",
            "load 127.0.0.1:1 --protocol echo --path /",
            "load 127.0.0.1:1 --path / --bytes 5",
            "load 127.0.0.1:1 --rate 5 --think 1s",
            "load 127.0.0.1:1 --mix fast",
            "load --plan x --connections 5",
            "load 127.0.0.1:1 --pid 7 --stall 5s",
            "load 127.0.0.1:1 --exact a",
            "load 127.0.0.1:1 --exact a --expect b --path /",
            r"load 127.0.0.1:1 --exact a\q --expect b",
            "load 127.0.0.1:1 --prepare a",
            "load 127.0.0.1:1 --in-flight 0",
            "load 127.0.0.1:1 --in-flight 2 --idle",
            "load 127.0.0.1:1 --params []",
            "load 127.0.0.1:1 --rpc sum --params [1",
            "load 127.0.0.1:1 --rpc sum --path /",
            "load 127.0.0.1:1 --rpc sum --protocol http",
            "load 127.0.0.1:1 --protocol rpc",
            "load 127.0.0.1:1 --protocol rpc --mix 1:sum [1",
        ] {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
