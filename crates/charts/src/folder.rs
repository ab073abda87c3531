//! The charts of a results folder: drawn, written, and none left that nobody names.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use results::{Experiment, Store, write_atomically};

use crate::{Error, draw, readme, soak};

/// The file of the soak's chart, without its end.
const SOAK: &str = "soak";

/// Draws every chart of `store` into `charts/`, takes away those that no
/// experiment names any more, and writes the `README.md` that shows them.
/// Returns what it wrote; nothing, and nothing is touched, if the folder has no
/// experiments.
///
/// # Errors
///
/// Fails if a file cannot be read or written, if a chart has no proper file
/// name, or if two have the same.
pub fn draw_all(store: &Store) -> Result<Vec<PathBuf>, Error> {
    let experiments = store.experiments()?;
    if experiments.is_empty() {
        return Ok(Vec::new());
    }
    check_names(&experiments)?;
    let mut written = Vec::new();
    for experiment in &experiments {
        for chart in &experiment.charts {
            let path = store.charts().join(format!("{}.svg", chart.file));
            write_atomically(&path, draw(experiment, chart)?.as_bytes())?;
            written.push(path);
        }
    }
    let soaked = store.soak()?;
    if let Some(soaked) = &soaked {
        let path = store.charts().join(format!("{SOAK}.svg"));
        write_atomically(&path, soak::draw(soaked).as_bytes())?;
        written.push(path);
    }
    remove_stale(&store.charts(), &written)?;
    let readme = store.folder().join("README.md");
    let environment = store.environment()?;
    write_atomically(
        &readme,
        readme::text(environment.as_ref(), &experiments, soaked.as_ref()).as_bytes(),
    )?;
    written.push(readme);
    Ok(written)
}

/// Before anything is written: each chart has a name of its own that stays in its folder.
fn check_names(experiments: &[Experiment]) -> Result<(), Error> {
    let soak = SOAK.to_owned();
    let mut owners = BTreeMap::from([(&soak, &soak)]);
    for experiment in experiments {
        for chart in experiment.charts.iter().map(|c| &c.file) {
            let proper = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if chart.is_empty() || !chart.chars().all(proper) {
                let (chart, experiment) = (chart.clone(), experiment.name.clone());
                return Err(Error::Name { chart, experiment });
            }
            if let Some(first) = owners.insert(chart, &experiment.name) {
                return Err(Error::Twice {
                    chart: chart.clone(),
                    first: first.clone(),
                    second: experiment.name.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Removes those charts of `folder` that were not `written` now.
fn remove_stale(folder: &Path, written: &[PathBuf]) -> Result<(), Error> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed("read", folder))?.path();
        if path.extension().is_some_and(|e| e == "svg") && !written.contains(&path) {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}
