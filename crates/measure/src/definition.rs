//! The files in `benches/`: a question, a sweep, the claims it settles.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    slice,
    time::Duration,
};

use results::{Axis, Chart, Claim, Compare, Figure, LeftOut, Scale};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error,
    peer::{Backend, Peer},
    traffic::Load,
    wrong::Wrong,
};

/// An experiment as its file defines it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// The file and its text, for the lines in messages; empty of one that was not read.
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    text: String,
    /// A few words for headings.
    pub title: String,
    /// The question that the experiment answers.
    pub question: String,
    /// Measured only where it is asked for by name: what it shows does not change from
    /// day to day.
    #[serde(default)]
    pub on_request: bool,
    /// The models measured; without it all that are not left out.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Models not measured, and why.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Servers that are not models of ours.
    #[serde(default, rename = "peer")]
    pub peers: Vec<Peer>,
    /// A server that those measured talk to, and that is not measured.
    #[serde(default)]
    pub backend: Option<Backend>,
    /// What is measured are no servers under a load, but jobs: programs that run
    /// to their end.
    #[serde(default)]
    pub job: Option<Job>,
    /// What is varied.
    pub x: Sweep,
    /// How the servers are started.
    pub server: Server,
    /// What they are asked.
    #[serde(default)]
    pub load: Load,
    /// Variations of it; each model and x is measured with each.
    #[serde(default, rename = "variant")]
    pub variants: Vec<Variant>,
    /// Who is compared with whom.
    pub compare: Compare,
    /// The effort of a full run.
    pub full: Effort,
    /// The effort of a quick run.
    pub quick: Effort,
    /// What to draw.
    #[serde(default, rename = "chart")]
    pub charts: Vec<Chart>,
    /// What it settles.
    #[serde(default, rename = "claim")]
    pub claims: Vec<Claim>,
}

/// What an experiment varies along its x axis.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The label of the axis.
    pub label: String,
    /// How the axis is divided.
    #[serde(default)]
    pub scale: Scale,
    /// What the values are.
    pub varies: Varies,
}

/// What the values of a sweep are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Varies {
    /// Connections of the generator.
    Connections,
    /// Requests that each connection may have in flight.
    InFlight,
    /// The server's `--workers`.
    Workers,
    /// Arrivals a second of an open loop.
    Rate,
    /// Bytes of every echo.
    Bytes,
    /// Requests that a connection makes before another takes its place.
    RequestsPerConnection,
    /// Connections beside the others that hardly read.
    SlowReaders,
    /// Cores that the server may use, and its `--workers`.
    ServerCores,
    /// Milliseconds of a slice.
    SliceMs,
    /// A number in the commands of jobs: `{x}`.
    Job,
}

/// Programs that run to their end, and then print one JSON object. They are the
/// experiment's peers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Where in that object each figure is, as a JSON pointer (RFC 6901) without
    /// its first `/`.
    pub reads: BTreeMap<Figure, String>,
}

/// How the servers are started.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The `--service`, where a variant does not say.
    pub service: String,
    /// The `--workers`, for every model.
    pub workers: u32,
    /// The `--workers` of models that need other numbers.
    #[serde(default)]
    pub workers_of: BTreeMap<String, u32>,
    /// More options of `lab serve`, for every model.
    // Part of the plan's hash only if there are any, as in a variant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// A variation: of the load, of the service, of who is measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name in files and charts.
    pub name: String,
    /// The `--service` of our models.
    #[serde(default)]
    pub service: Option<String>,
    /// More options of `lab serve`, after those of the experiment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The models measured; without it those of the experiment.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// What differs from the experiment's load.
    #[serde(default)]
    pub load: Load,
}

/// How much is measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// How often the whole sweep is measured, each time in another order and with
    /// fresh processes. Fixed beforehand, whatever is found.
    pub blocks: NonZeroU32,
    /// With it, servers are loaded in turn: so many slices each in a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<NonZeroU32>,
    /// Traffic before the window, at least; with `rounds` the ramp of each slice.
    #[serde(with = "humantime_serde")]
    pub warmup: Duration,
    /// The measured window; with `rounds` the length of each slice, ten times that of
    /// the longest request.
    #[serde(with = "humantime_serde")]
    pub duration: Duration,
    /// The values of the sweep.
    pub values: Vec<u32>,
}

impl Definition {
    /// Reads the definition in `path`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such file, or with the line that is not understood.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        match Self::parse(&name, &text) {
            Ok(definition) => Ok(Self { path: path.to_owned(), text, ..definition }),
            Err(message) => Err(Error::Definition { path: path.to_owned(), message }),
        }
    }

    /// That its file is wrong, and where.
    pub(crate) fn refused(&self, wrong: &Wrong) -> Error {
        Error::Definition { path: self.path.clone(), message: wrong.told(&self.text) }
    }

    /// Reads every definition of `folder`, by name.
    ///
    /// # Errors
    ///
    /// As [`Definition::read`].
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, Error> {
        let failed = |source| Error::Read { path: folder.to_owned(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Understands the text of a definition.
    ///
    /// # Errors
    ///
    /// Fails with the line that is not understood, or that cannot be.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let definition: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let definition = Self { name: name.to_owned(), ..definition };
        definition.check().map_err(|wrong| wrong.told(text))?;
        Ok(definition)
    }

    /// The variants, or the one that has no name.
    pub(crate) fn variants(&self) -> Vec<Option<&Variant>> {
        if self.variants.is_empty() { vec![None] } else { self.variants.iter().map(Some).collect() }
    }

    /// What a variant asks.
    pub(crate) fn load(&self, variant: Option<&Variant>) -> Load {
        variant.map_or_else(|| self.load.clone(), |variant| variant.load.over(&self.load))
    }

    /// What `lab serve` is given beside what every trial gives it.
    pub(crate) fn options<'d>(
        &'d self,
        variant: Option<&'d Variant>,
    ) -> impl Iterator<Item = &'d String> {
        self.server.options.iter().chain(variant.into_iter().flat_map(|v| &v.options))
    }

    /// The models that a variant names, or the experiment; `None` is all there are.
    pub(crate) fn named<'d>(&'d self, variant: Option<&'d Variant>) -> Option<&'d Vec<String>> {
        variant.and_then(|variant| variant.models.as_ref()).or(self.models.as_ref())
    }

    /// The models to measure, of `all` that there are.
    #[must_use]
    pub fn models(&self, all: &[String]) -> Vec<String> {
        let wanted = |model: &&String| {
            let in_variant = |variant| self.measures(variant, model, None);
            self.variants().into_iter().any(in_variant)
        };
        all.iter().filter(wanted).cloned().collect()
    }

    /// Whether a variant measures a model of ours, at `x` or anywhere.
    fn measures(&self, variant: Option<&Variant>, model: &String, x: Option<u32>) -> bool {
        self.named(variant).is_none_or(|named| named.contains(model)) && !self.is_left_out(model, x)
    }

    fn is_left_out(&self, name: &str, x: Option<u32>) -> bool {
        self.left_out.iter().any(|out| out.is_out(name, x))
    }

    /// Those of `there`, models and peers, that a variant measures at `x`.
    pub(crate) fn measured<'n>(
        &self,
        variant: Option<&Variant>,
        x: u32,
        there: &'n [String],
    ) -> Vec<&'n String> {
        let is_in = |name: &&'n String| match self.peer(name) {
            Some(peer) => {
                variant.is_none_or(|variant| peer.variants.contains(&variant.name))
                    && !self.is_left_out(name, Some(x))
            }
            None => self.measures(variant, name, Some(x)),
        };
        there.iter().filter(is_in).collect()
    }

    /// Whether a model or peer is measured at any of the values of a quick or a
    /// full run.
    pub(crate) fn takes_part(&self, name: &String, quick: bool) -> bool {
        let is_at =
            |variant, &x: &u32| !self.measured(variant, x, slice::from_ref(name)).is_empty();
        let values = &self.effort(quick).values;
        self.variants().into_iter().any(|variant| values.iter().any(|x| is_at(variant, x)))
    }

    pub(crate) fn peer(&self, name: &str) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.name == name)
    }

    /// The effort of a quick or a full run.
    #[must_use]
    pub fn effort(&self, quick: bool) -> &Effort {
        if quick { &self.quick } else { &self.full }
    }

    /// The x axis, for the results.
    #[must_use]
    pub fn axis(&self) -> Axis {
        Axis { label: self.x.label.clone(), scale: self.x.scale }
    }

    /// Everything that determines the trials of `models`: no words and no charts.
    #[must_use]
    pub fn plan(&self, quick: bool, models: &[String]) -> Value {
        let above: Vec<&LeftOut> = self.left_out.iter().filter(|out| out.above.is_some()).collect();
        json!({
            "varies": self.x.varies,
            "server": self.server,
            "load": self.load,
            "variants": self.variants,
            "peers": self.peers,
            "backend": self.backend,
            "job": self.job,
            "baseline": self.compare.baseline,
            "at": self.compare.at,
            "effort": self.effort(quick),
            "models": models,
            "left_out_above": above.iter().map(|out| (&out.model, out.above)).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
title = "t"
question = "q"
[x]
label = "connections"
varies = "connections"
[server]
service = "echo"
workers = 4
[load]
requests = [{ kind = { echo = { bytes = 64 } } }]
[compare]
baseline = "a"
figures = ["requests_per_server_cpu_second"]
[full]
blocks = 2
warmup = "100ms"
duration = "1s"
values = [1, 64]
[quick]
blocks = 1
warmup = "100ms"
duration = "200ms"
values = [1]
"#;

    #[test]
    fn an_unknown_key_names_its_line() {
        let text = EXAMPLE.replace("workers = 4", "workers = 4\nworkres = 5");
        let message = Definition::parse("e", &text).unwrap_err();
        assert!(message.contains("line 10") && message.contains("workres"), "{message}");
    }

    #[test]
    fn the_plan_follows_the_trials_and_not_the_words() {
        let models = ["a".to_owned()];
        let plan = |text: &str| Definition::parse("e", text).unwrap().plan(false, &models);
        assert_eq!(plan(EXAMPLE), plan(&EXAMPLE.replace("\"q\"", "\"why?\"")));
        assert_ne!(plan(EXAMPLE), plan(&EXAMPLE.replace("[1, 64]", "[1, 65]")));
        let definition = Definition::parse("e", EXAMPLE).unwrap();
        assert_ne!(definition.plan(false, &models), definition.plan(true, &models));
        assert_ne!(definition.plan(false, &models), definition.plan(false, &[]));
        let with = |command: &str| format!("{EXAMPLE}[backend]\ncommand = [\"{command}\"]\n");
        assert_ne!(plan(EXAMPLE), plan(&with("one")));
        assert_ne!(plan(&with("one")), plan(&with("other")));
    }

    #[test]
    fn who_names_the_backend_needs_one() {
        let peer = "[[peer]]\nname = \"p\"\nvariants = []\ncommand = [\"p\", \"{backend}\"]\nversion = [\"p\"]\n";
        let message = Definition::parse("e", &format!("{EXAMPLE}{peer}")).unwrap_err();
        assert!(message.contains("[backend]"), "{message}");
        let backend = "[backend]\ncommand = [\"b\", \"{port}\"]\n";
        Definition::parse("e", &format!("{EXAMPLE}{peer}{backend}")).unwrap();
        let message = Definition::parse("e", &format!("{EXAMPLE}[backend]\ncommand = []\n"));
        assert!(message.unwrap_err().contains("command"));
    }

    #[test]
    fn options_of_a_variant_follow_those_of_the_server() {
        let text = EXAMPLE.replace("workers = 4", "workers = 4\noptions = [\"--queue\", \"fifo\"]");
        let variant = "[[variant]]\nname = \"v\"\noptions = [\"--queue\", \"lifo\"]\n[compare]";
        let definition = Definition::parse("e", &text.replace("[compare]", variant)).unwrap();
        let options = |variant| definition.options(variant).cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(options(None), "--queue fifo");
        assert_eq!(options(definition.variants.first()), "--queue fifo --queue lifo");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (from, to, why) in [
            ("[load]", "[load]\nconnections = 5", "connections"),
            ("values = [1]", "values = []", "values"),
            ("requests = [{ kind = { echo = { bytes = 64 } } }]", "", "requests"),
            // The full run has 64, the quick one only 1: it would have no control.
            ("[compare]", "[compare]\nat = [64]", "[quick]"),
        ] {
            let message = Definition::parse("e", &EXAMPLE.replace(from, to)).unwrap_err();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn a_model_left_out_is_not_measured() {
        let text =
            EXAMPLE.replace("[full]", "[[left_out]]\nmodel = \"b\"\nwhy = \"because\"\n[full]");
        let definition = Definition::parse("e", &text).unwrap();
        assert_eq!(definition.models(&["a".to_owned(), "b".to_owned()]), ["a"]);
    }

    #[test]
    fn a_model_may_be_left_out_of_great_values_alone() {
        let out = "[[left_out]]\nmodel = \"b\"\nabove = 1\nwhy = \"because\"\n[full]";
        let definition = Definition::parse("e", &EXAMPLE.replace("[full]", out)).unwrap();
        let models = definition.models(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(models, ["a", "b"]);
        assert_eq!(definition.measured(None, 1, &models), [&models[0], &models[1]]);
        assert_eq!(definition.measured(None, 64, &models), [&models[0]]);
        assert!(definition.takes_part(&models[1], true), "a quick run has 1");
        let great = out.replace("above = 1", "above = 0");
        let definition = Definition::parse("e", &EXAMPLE.replace("[full]", &great)).unwrap();
        assert!(!definition.takes_part(&models[1], true), "and nothing below");
    }
}
