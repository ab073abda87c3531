//! What was measured, and how to say that something was not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use anyhow::{Context, Result};
use results::{Chart, Environment, Experiment, Store, SystemCalls};

use crate::nearest::advice;

/// Why a directive cannot show what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody measured it yet: the book shows a note.
    Missing(Missing),
    /// It is misspelt: the book is not built.
    Wrong(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}

/// Something not measured yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What is wrong, as `not measured yet`.
    pub(crate) what: String,
    /// The command that mends it.
    pub(crate) command: String,
}

impl Missing {
    /// The experiment `name` was not run.
    pub(crate) fn experiment(name: &str) -> Self {
        Self {
            what: "not measured yet".to_owned(),
            command: format!("cargo lab bench {name}").trim_end().to_owned(),
        }
    }

    /// The experiment was run without the point wanted, as by `--quick`.
    pub(crate) fn point(name: &str, point: &str) -> Self {
        Self { what: format!("not measured at {point}"), ..Self::experiment(name) }
    }
}

/// The planned experiments, and the charts that each will have.
type Plans = BTreeMap<String, BTreeSet<String>>;

/// A results folder, read once, and what is planned.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    store: Option<Store>,
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) environment: Option<Environment>,
    plans: Plans,
}

impl Evidence {
    /// Reads the folder `results`, and from the plans in `benches` what there could be;
    /// either folder may be absent.
    pub(crate) fn read(results: &Path, benches: &Path) -> Result<Self> {
        let store = Store::new(results);
        let experiments = store.experiments()?;
        let environment = store.environment()?;
        Ok(Self { store: Some(store), experiments, environment, plans: plans(benches)? })
    }

    /// The experiment `name`.
    pub(crate) fn experiment(&self, name: &str) -> Result<&Experiment, Failure> {
        if let Some(experiment) = self.experiments.iter().find(|e| e.name == name) {
            return Ok(experiment);
        }
        let known = self.known();
        if known.is_empty() || known.contains(name) {
            return Err(Failure::Missing(Missing::experiment(name)));
        }
        Err(Failure::Wrong(format!("no experiment `{name}`{}", advice(name, known))))
    }

    /// The chart `file` with its experiment.
    pub(crate) fn chart(&self, file: &str) -> Result<(&Experiment, &Chart), Failure> {
        let charts = || self.experiments.iter().flat_map(|e| e.charts.iter().map(move |c| (e, c)));
        if let Some(found) = charts().find(|(_, chart)| chart.file == file) {
            return Ok(found);
        }
        if let Some((name, _)) = self.plans.iter().find(|(_, charts)| charts.contains(file)) {
            return Err(Failure::Missing(Missing::experiment(name)));
        }
        if self.known().is_empty() {
            return Err(Failure::Missing(Missing::experiment("")));
        }
        let planned = self.plans.values().flatten().map(String::as_str);
        let files = charts().map(|(_, chart)| chart.file.as_str()).chain(planned);
        Err(Failure::Wrong(format!("no chart `{file}`{}", advice(file, files))))
    }

    /// The system calls that were counted.
    pub(crate) fn system_calls(&self) -> Result<SystemCalls, Failure> {
        let read = self.store.as_ref().map(Store::system_calls).transpose();
        let found = read.map_err(|error| error.to_string())?.flatten();
        found.ok_or_else(|| {
            let what = "not counted yet".to_owned();
            Failure::Missing(Missing { what, command: "just calls".to_owned() })
        })
    }

    /// The SVG of the chart `file`; `None` if it was not drawn.
    pub(crate) fn svg(&self, file: &str) -> io::Result<Option<String>> {
        let Some(store) = &self.store else { return Ok(None) };
        match fs::read_to_string(store.charts().join(format!("{file}.svg"))) {
            Ok(svg) => Ok(Some(svg)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Planned experiments that were not measured.
    pub(crate) fn unmeasured(&self) -> impl Iterator<Item = &str> {
        let measured = |name: &&str| self.experiments.iter().any(|e| e.name == **name);
        self.plans.keys().map(String::as_str).filter(move |name| !measured(name))
    }

    fn known(&self) -> BTreeSet<&str> {
        let measured = self.experiments.iter().map(|e| e.name.as_str());
        self.plans.keys().map(String::as_str).chain(measured).collect()
    }
}

/// The plans of a folder: one TOML file an experiment.
fn plans(benches: &Path) -> Result<Plans> {
    let entries = match fs::read_dir(benches) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Plans::new()),
        Err(error) => return Err(error).context(format!("cannot read {}", benches.display())),
    };
    let mut plans = Plans::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml"));
        let Some(name) = name else { continue };
        let read = || anyhow::Ok(toml::from_str(&fs::read_to_string(&path)?)?);
        let plan: toml::Table = read().with_context(|| format!("in {}", path.display()))?;
        plans.insert(name.to_owned(), charts(&plan));
    }
    Ok(plans)
}

/// The files of the charts of a plan: `file` in each of `[[chart]]`.
fn charts(plan: &toml::Table) -> BTreeSet<String> {
    let charts = plan.get("chart").and_then(toml::Value::as_array);
    let files = charts.into_iter().flatten().filter_map(|chart| chart.get("file")?.as_str());
    files.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn an_experiment_that_is_planned_is_missing_and_one_that_is_not_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        fixture::results(folder.path());
        let benches = folder.path().join("benches");
        fs::create_dir(&benches).unwrap();
        fs::write(benches.join("idle-memory.toml"), "[[chart]]\nfile = \"idle-threads\"").unwrap();
        let evidence = Evidence::read(&folder.path().join("results"), &benches).unwrap();

        assert!(evidence.experiment("starvation").is_ok());
        let Err(Failure::Missing(missing)) = evidence.experiment("idle-memory") else { panic!() };
        assert_eq!(missing.command, "cargo lab bench idle-memory");
        let Err(Failure::Wrong(reason)) = evidence.experiment("starvatoin") else { panic!() };
        assert!(reason.ends_with("did you mean `starvation`?"), "{reason}");
        assert_eq!(evidence.unmeasured().collect::<Vec<_>>(), ["idle-memory"]);

        let Err(Failure::Missing(missing)) = evidence.chart("idle-threads") else { panic!() };
        assert_eq!(missing.command, "cargo lab bench idle-memory");
        assert!(matches!(evidence.chart("starvation-servde"), Err(Failure::Wrong(_))));
        assert!(matches!(evidence.chart("other"), Err(Failure::Wrong(_))));

        fs::write(benches.join("idle-memory.toml"), "chart = ").unwrap();
        let error = Evidence::read(&folder.path().join("results"), &benches).unwrap_err();
        assert!(format!("{error:#}").contains("idle-memory.toml"), "{error:#}");
    }

    #[test]
    fn where_nothing_is_known_all_is_missing() {
        let nowhere = Path::new("no-such-folder");
        let evidence = Evidence::read(nowhere, nowhere).unwrap();
        assert!(matches!(evidence.experiment("a"), Err(Failure::Missing(_))));
        let Err(Failure::Missing(missing)) = evidence.chart("a") else { panic!() };
        assert_eq!(missing.command, "cargo lab bench");
    }
}
