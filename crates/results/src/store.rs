//! Reading and writing a results folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Environment, Experiment, SCHEMA, Soak, SystemCalls};

/// A results folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Why a file of a results folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not what this version writes.
    #[error(
        "{} is not a results file of this version: {source}; \
         measure again with `cargo lab bench`, or name another folder",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// The file has another schema version.
    #[error(
        "{} has schema {found}, this program reads {SCHEMA}; measure again with `cargo lab bench`",
        path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl Error {
    /// Takes a file of another version for none: for who will replace it.
    ///
    /// # Errors
    ///
    /// Every other one.
    pub fn or_outdated<T: Default>(found: Result<T, Self>) -> Result<T, Self> {
        match found {
            Err(Self::Schema { .. }) => Ok(T::default()),
            found => found,
        }
    }
}

impl Store {
    /// The results folder at `folder`, which need not exist yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder's path.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the charts.
    #[must_use]
    pub fn charts(&self) -> PathBuf {
        self.folder.join("charts")
    }

    /// Reads `environment.json`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is of another version.
    pub fn environment(&self) -> Result<Option<Environment>, Error> {
        read(&self.folder.join("environment.json"))
    }

    /// Reads the experiment `name`; `None` if it was not measured.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is of another version.
    pub fn experiment(&self, name: &str) -> Result<Option<Experiment>, Error> {
        read(&self.folder.join(format!("{name}.json")))
    }

    /// Reads every experiment of the folder, by name; none if there is no folder.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read or is of another version.
    pub fn experiments(&self) -> Result<Vec<Experiment>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(Error::Io { action: "read", path: self.folder.clone(), source });
            }
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|file| Some(file.strip_suffix(".json")?.to_owned()))
            .filter(|name| !["environment", "soak"].contains(&name.as_str()))
            .collect();
        names.sort();
        names.iter().filter_map(|name| self.experiment(name).transpose()).collect()
    }

    /// Reads `traced/system-calls.json`; `None` if none were counted.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or has another shape.
    pub fn system_calls(&self) -> Result<Option<SystemCalls>, Error> {
        read(&self.folder.join("traced/system-calls.json"))
    }

    /// Reads `soak.json`; `None` if no server was soaked.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or has another shape.
    pub fn soak(&self) -> Result<Option<Soak>, Error> {
        read(&self.folder.join("soak.json"))
    }

    /// Writes `soak.json`.
    ///
    /// # Errors
    ///
    /// Fails if the folder or the file cannot be written.
    pub fn write_soak(&self, soak: &Soak) -> Result<(), Error> {
        let path = self.folder.join("soak.json");
        write_atomically(&path, &lines(soak).map_err(format_error(&path))?)
    }

    /// Writes `environment.json`.
    ///
    /// # Errors
    ///
    /// Fails if the folder or the file cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<(), Error> {
        write(&self.folder.join("environment.json"), environment)
    }

    /// Writes `NAME.json`.
    ///
    /// # Errors
    ///
    /// Fails if the folder or the file cannot be written.
    pub fn write_experiment(&self, experiment: &Experiment) -> Result<(), Error> {
        let path = self.folder.join(format!("{}.json", experiment.name));
        write_atomically(&path, &lines(experiment).map_err(format_error(&path))?)
    }
}

/// Writes `content` to a temporary name beside `path` and renames it, so that
/// an interrupted run leaves the old file or the new one, never half of one.
///
/// # Errors
///
/// Fails if the folder cannot be made, or the file not written or renamed.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |action, path: &Path, source| Error::Io { action, path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| failed("make", folder, source))?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, content).map_err(|source| failed("write", path, source));
    let written = written.and_then(|()| {
        fs::rename(&temporary, path).map_err(|source| failed("replace", path, source))
    });
    if written.is_err() {
        // A part of it helps nobody, and the disk may be full.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut json = serde_json::to_vec_pretty(value).map_err(format_error(path))?;
    json.push(b'\n');
    write_atomically(path, &json)
}

/// A file with a line for each element of its lists, such as trials and comparisons, of
/// which there are thousands.
fn lines(content: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::new();
    let Value::Object(fields) = serde_json::to_value(content)? else { return Ok(json) };
    for (name, value) in fields {
        json.extend(if json.is_empty() { b"{\n" } else { b",\n" });
        serde_json::to_writer(&mut json, &name)?;
        json.extend(b": ");
        match value {
            Value::Array(all) if all.first().is_some_and(Value::is_object) => {
                for (n, one) in all.iter().enumerate() {
                    json.extend(if n == 0 { b"[\n" } else { b",\n" });
                    serde_json::to_writer(&mut json, one)?;
                }
                json.extend(b"\n]");
            }
            other => serde_json::to_writer(&mut json, &other)?,
        }
    }
    json.extend(b"\n}\n");
    Ok(json)
}

fn format_error(path: &Path) -> impl FnOnce(serde_json::Error) -> Error {
    move |source| Error::Format { path: path.to_owned(), source }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Io { action: "read", path: path.to_owned(), source }),
    };
    // The version first: a file of another version must not be told broken.
    let value: Value = serde_json::from_slice(&bytes).map_err(format_error(path))?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(SCHEMA) => {
            Err(Error::Schema { path: path.to_owned(), found })
        }
        _ => serde_json::from_value(value).map_err(format_error(path)).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_none_and_a_foreign_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert!(store.experiment("throughput").unwrap().is_none());
        assert!(store.experiments().unwrap().is_empty());

        fs::write(folder.path().join("throughput.json"), r#"{"schema": 99}"#).unwrap();
        let error = store.experiment("throughput").unwrap_err();
        assert!(matches!(error, Error::Schema { found: 99, .. }), "{error}");

        fs::write(folder.path().join("throughput.json"), "{").unwrap();
        assert!(matches!(store.experiment("throughput"), Err(Error::Format { .. })));
    }

    #[test]
    fn what_cannot_be_written_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::create_dir(&path).unwrap(); // A folder, which no file can replace.
        let error = write_atomically(&path, b"one").unwrap_err();
        assert!(error.to_string().contains("a.json"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn writing_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("charts/a.svg");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
