//! Every wrong experiment file is refused before anything runs: with its name, the
//! line, what is wrong there, and exit code 2.

use std::fs;

use crate::rig::{TINY, living, run, said, workspace};

/// What replaces what in a right file, and what is then said.
type Wrong = (&'static str, &'static str, &'static str);

/// What TOML or the types do not allow.
const SHAPES: [Wrong; 26] = [
    ("[x]", "[x", "line 3"),
    ("title = \"Tiny\"", "title = ", "line 1"),
    ("title = \"Tiny\"", "title = 5", "line 1"),
    ("title = \"Tiny\"\n", "", "missing field `title`"),
    ("title = \"Tiny\"", "title = \"Tiny\"\ntitle = \"Tiny\"", "duplicate key"),
    ("[server]", "[servre]", "unknown field `servre`"),
    ("[server]", "[[server]]", "line 6"),
    ("workers = 2", "workers = -2", "line 8"),
    ("workers = 2", "workers = 2.5", "line 8"),
    ("workers = 2", "workers = \"two\"", "line 8"),
    ("workers = 2", "workers = 99999999999", "line 8"),
    ("workers = 2", "workers = 2\noptions = \"--queue\"", "line 9"),
    ("varies = \"connections\"", "varies = \"conections\"", "unknown variant `conections`"),
    ("bytes = 64", "bytes = -1", "line 10"),
    ("bytes = 64", "byts = 64", "line 10"),
    ("echo = { bytes = 64 }", "ecko = { bytes = 64 }", "unknown variant `ecko`"),
    ("requests = [", "in_flight = 0\nrequests = [", "line 10"),
    ("\"requests_per_second\"", "\"requests_a_second\"", "line 13"),
    ("blocks = 2", "blocks = 0", "line 16"),
    ("blocks = 2", "blocks = 2\nrounds = 0", "line 17"),
    ("duration = \"80ms\"", "duration = 80", "line 18"),
    ("duration = \"80ms\"", "duration = \"80 parsecs\"", "line 18"),
    ("values = [1, 8]", "values = [1, -8]", "line 19"),
    ("values = [1, 8]", "values = 8", "line 19"),
    ("figure = \"served\"\n[[claim]]", "figure = \"severed\"\n[[claim]]", "line 29"),
    ("x = 8 }", "y = 8 }", "line 34"),
];

/// What contradicts itself, or has no bound.
const SENSE: [Wrong; 48] = [
    ("at = [8]", "at = [8]\nfloors = { served = 2 }", "must be one of `figures`"),
    ("at = [8]", "at = [8]\nfloors = { served = 0 }", "give more than 0"),
    ("workers = 2", "workers = 0", "line 8: 0 workers"),
    ("workers = 2", "workers = 4000000000", "line 8: 4000000000 workers"),
    ("workers = 2", "workers = 2\nworkers_of = { thread-pool = 0 }", "line 9: 0 workers"),
    ("[load]", "[load]\nconnections = 5", "line 9: give `connections` in a load or vary"),
    (
        "varies = \"connections\"",
        "varies = \"workers\"",
        "line 9: give `connections` in a load or vary",
    ),
    ("requests = [{ kind = { echo = { bytes = 64 } } }]", "", "line 9: give `requests`"),
    ("requests = [{ kind = { echo = { bytes = 64 } } }]", "requests = []", "name at least one"),
    ("bytes = 64", "bytes = 0", "line 9: "),
    ("bytes = 64", "bytes = 9000000000000000000", "use at most 67108864"),
    ("kind = { echo", "weight = 0, kind = { echo", "every request has weight 0"),
    ("requests = [", "connect_timeout = \"9999999y\"\nrequests = [", "use at most 24h"),
    (
        "requests = [",
        "hot = { every = 2, cold_think = \"9999y\" }\nrequests = [",
        "use at most 24h",
    ),
    ("requests = [", "in_flight = 4000000000\nrequests = [", "ask for less"),
    ("requests = [", "mode = { open = { rate = 0 } }\nrequests = [", "above 0"),
    ("requests = [", "mode = { open = { rate = nan } }\nrequests = [", "above 0"),
    ("requests = [", "mode = { open = { rate = inf } }\nrequests = [", "above 0"),
    ("requests = [", "mode = { closed = { think = \"9999y\" } }\nrequests = [", "think is more"),
    ("requests = [", "slow_readers = 4294967295\nrequests = [", "does not fit 32 bits"),
    (
        "requests = [",
        "stall = { after = \"0s\", lasts = \"0s\" }\nrequests = [",
        "the stall lasts no time",
    ),
    (
        "[{ kind = { echo = { bytes = 64 } } }]",
        "[{ kind = { http = { path = \"no slash\" } } }]",
        "must start with /",
    ),
    (
        "[{ kind = { echo = { bytes = 64 } } }]",
        "[{ kind = { exact = { send = \"\", expect = \"\" } } }]",
        "empty text",
    ),
    ("baseline = \"event-loop\"", "baseline = \"evnt-loop\"", "line 12: the baseline `evnt-loop`"),
    ("[\"requests_per_second\"]", "[]", "line 13: `compare.figures` names no figure"),
    (
        "[\"requests_per_second\"]",
        "[\"requests_per_second\", \"requests_per_second\"]",
        "line 13: a figure is there twice",
    ),
    ("at = [8]", "at = [9]", "line 14: `compare.at` meets none"),
    ("at = [8]", "at = [8, 9]", "line 14: 9 is not among"),
    ("at = [8]", "at = [8, nan]", "line 14: NaN is not among"),
    ("at = [8]", "equivalent = 0.0", "line 14: `equivalent` is a share"),
    ("at = [8]", "equivalent = nan", "line 14: `equivalent` is a share"),
    ("at = [8]", "equivalent_tail = -1", "line 14: `equivalent_tail` is a share"),
    ("blocks = 2", "blocks = 4000000000", "line 16: `blocks` is at most 1000"),
    ("blocks = 2", "blocks = 2\nrounds = 4000000000", "line 17: `rounds` is at most 10000"),
    ("duration = \"80ms\"", "duration = \"0s\"", "line 18: `duration` is 0"),
    (
        "duration = \"80ms\"",
        "duration = \"18446744073709551615s\"",
        "line 18: `duration` is at most 1h",
    ),
    ("warmup = \"20ms\"", "warmup = \"18446744073709551615s\"", "line 17: `warmup` is at most 1h"),
    ("values = [1, 8]", "values = []", "line 19: `values` needs at least one"),
    ("values = [1, 8]", "values = [0, 8]", "line 19: `values` needs at least one"),
    ("values = [1, 8]", "values = [1, 8, 1]", "line 19: 1 is there twice"),
    ("file = \"tiny-served\"", "file = \"../../tiny\"", "line 26: `../../tiny` is no file name"),
    ("file = \"tiny-served\"", "file = \"\"", "line 26: `` is no file name"),
    (
        "figure = \"served\"\n[[claim]]",
        "figure = \"served\"\nvariant = \"v\"\n[[claim]]",
        "line 30: chart",
    ),
    ("at_least = 2, at_most = 2", "at_least = 3, at_most = 2", "line 34: claim `tiny` can never"),
    (", at_least = 2, at_most = 2", "", "line 34: claim `tiny` has neither"),
    ("at_least = 2", "at_least = nan", "line 34: claim `tiny` has a bound"),
    ("x = 8 }", "x = 7 }", "line 34: claim `tiny` looks at 7"),
    (
        "model = \"thread-pool\", x",
        "model = \"tread-pool\", x",
        "line 34: there is no model or peer",
    ),
];

/// What names something that is not there, or is there twice.
const NAMES: [Wrong; 24] = [
    ("service = \"echo\"", "service = \"ecko\"", "line 7: there is no service `ecko`; there are "),
    ("[x]", "models = [\"evnt-loop\"]\n[x]", "line 3: there is no model `evnt-loop`; there are"),
    (
        "[x]",
        "models = [\"event-loop\", \"event-loop\"]\n[x]",
        "line 3: `event-loop` is there twice",
    ),
    ("[x]", "models = []\n[x]", "line 3: no model is named"),
    ("workers = 2", "workers = 2\nworkers_of = { pool = 2 }", "line 9: there is no model `pool`"),
    (
        "workers = 2",
        "workers = 2\noptions = [\"--listen\", \"127.0.0.1:80\"]",
        "leave out `--listen`",
    ),
    ("workers = 2", "workers = 2\noptions = [\"--listen=127.0.0.1:80\"]", "line 9: leave out"),
    ("workers = 2", "workers = 2\noptions = [\"--workers\", \"3\"]", "give `workers`"),
    ("workers = 2", "workers = 2\noptions = [\"--service\", \"http\"]", "give `service`"),
    ("workers = 2", "workers = 2\noptions = [\"--report\", \"x\"]", "leave out `--report`"),
    ("workers = 2", "workers = 2\noptions = [\"--drain\", \"1s\"]", "leave out `--drain`"),
    ("workers = 2", "workers = 2\noptions = [\"--nonsense\"]", "line 9: `lab serve "),
    ("workers = 2", "workers = 2\noptions = [\"--queue-limit\", \"0\"]", "line 9: `lab serve "),
    ("workers = 2", "workers = 2\noptions = [\"--queue\", \"lifo\"]", "is another model's: choose"),
    ("workers = 2", "workers = 2\noptions = [\"--help\"]", "line 9: `lab serve "),
    ("service = \"echo\"", "service = \"cache\"", "line 6: `lab serve prefork-loops` refuses"),
    (
        "[compare]",
        "[[left_out]]\nmodel = \"pool\"\nwhy = \"w\"\n[compare]",
        "line 12: there is no model",
    ),
    (
        "[compare]",
        "[[left_out]]\nmodel = \"thread-pool\"\nwhy = \"w\"\n[[left_out]]\nmodel = \"thread-pool\"\nwhy = \"w\"\n[compare]",
        "line 14: `thread-pool` is left out twice",
    ),
    (
        "[compare]",
        "[[left_out]]\nmodel = \"event-loop\"\nwhy = \"w\"\n[compare]",
        "line 15: the baseline `event-loop` is not measured",
    ),
    ("[compare]", "[[variant]]\nname = \"\"\n[compare]", "line 12: a variant needs a name"),
    (
        "[compare]",
        "[[variant]]\nname = \"v\"\n[[variant]]\nname = \"v\"\n[compare]",
        "line 13: `v` is there twice",
    ),
    (
        "[compare]",
        "[[variant]]\nname = \"v\"\nservice = \"htp\"\n[compare]",
        "claim `tiny` names no variant",
    ),
    ("id = \"tiny\"", "id = \"tiny\"\nsays = \"twice\"", "duplicate key"),
    (
        "[[chart]]",
        "[[chart]]\nfile = \"tiny-served\"\ntitle = \"t\"\nlook_for = \"l\"\nfigure = \"served\"\n[[chart]]",
        "line 30: `tiny-served` is there twice",
    ),
];

/// Servers of others, and what stands behind them.
const PEERS: [Wrong; 15] = [
    ("command = [\"p\"]", "command = []", "line 38: the `command` of `p` is empty"),
    ("command = [\"p\"]", "command = [\"\"]", "line 38: the `command` of `p` is empty"),
    ("command = [\"p\"]", "command = \"p\"", "line 38"),
    ("command = [\"p\"]", "", "missing field `command`"),
    ("version = [\"p\"]", "version = []", "line 39: the `version` of `p` is empty"),
    ("version = [\"p\"]", "version = [\"p\"]\nbuild = []", "line 40: the `build` of `p` is empty"),
    ("name = \"p\"", "name = \"../p\"", "line 36: the name `../p` is no file name"),
    ("name = \"p\"", "name = \"\"", "line 36: the name `` is no file name"),
    ("name = \"p\"", "name = \"event-loop\"", "line 36: `event-loop` is a model of ours"),
    ("variants = []", "variants = [\"v\"]", "line 37: `p` speaks `v`, no variant"),
    (
        "command = [\"p\"]",
        "command = [\"p\", \"{backend}\"]",
        "line 35: peer `p` talks to {backend}",
    ),
    (
        "name = \"p\"",
        "name = \"p\"\nload = { connections = 0 }",
        "line 37: the connections are varied",
    ),
    ("[[peer]]", "[backend]\ncommand = []\n[[peer]]", "line 36: the `command` of [backend]"),
    ("[[peer]]", "[job]\nreads = {}\n[[peer]]", "line 5: `varies = \"job\"` and a [job]"),
    (
        "[[peer]]",
        "[[peer]]\nname = \"p\"\nvariants = []\ncommand = [\"p\"]\nversion = [\"p\"]\n[[peer]]",
        "line 40: `p` is there twice",
    ),
];

const PEER: &str = "[[peer]]\nname = \"p\"\nvariants = []\ncommand = [\"p\"]\nversion = [\"p\"]\n";

fn assert_refused(base: &str, table: &[Wrong]) {
    let folder = workspace(&[]);
    let path = folder.path().join("own.toml");
    let mark = folder.path().display().to_string();
    for (from, to, says) in table {
        assert!(base.contains(from), "{from} is not there to be replaced");
        fs::write(&path, base.replacen(from, to, 1)).unwrap();
        let output = run(folder.path(), &["bench", "own.toml"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{to}: {said}");
        assert!(said.contains("own.toml") && said.contains(says), "{to}: {said}");
        assert!(!said.contains("panicked"), "{to}: {said}");
        assert!(!folder.path().join("results").exists(), "{to}: nothing is begun");
        assert_eq!(living(&mark), [""; 0], "{to}: nothing runs");
    }
}

#[test]
fn what_toml_or_the_types_do_not_allow() {
    assert_refused(TINY, &SHAPES);
}

#[test]
fn what_contradicts_itself_or_has_no_bound() {
    assert_refused(TINY, &SENSE);
}

#[test]
fn what_is_not_there_or_there_twice() {
    assert_refused(TINY, &NAMES);
}

#[test]
fn servers_of_others() {
    assert_refused(&format!("{TINY}{PEER}"), &PEERS);
}

#[test]
fn a_name_that_is_taken() {
    let folder = workspace(&[("tiny.toml", TINY)]);
    for (file, text, says) in [
        ("environment.toml", TINY, "cannot be named `environment`"),
        ("a b.toml", TINY, "the name `a b` is no file name"),
        ("tiny.toml", TINY, "two experiments are named `tiny`"),
        ("other.toml", TINY, "the chart `tiny-served` is named by `tiny` and by `other`"),
        ("empty.toml", "", "missing field"),
        ("binary.toml", "\0\u{1}\u{7f}", "line 1"),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
        let output = run(folder.path(), &["bench", "tiny", file]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{file}: {said}");
        assert!(said.contains(says) && !said.contains("panicked"), "{file}: {said}");
        assert!(!folder.path().join("results").exists(), "{file}: nothing is begun");
    }
    fs::write(folder.path().join("latin.toml"), b"title = \"\xe9\"").unwrap();
    for file in ["latin.toml", "missing.toml", "benches.toml/x.toml"] {
        let output = run(folder.path(), &["bench", file]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{file}: {said}");
        assert!(said.contains(file), "{said}");
    }
}
