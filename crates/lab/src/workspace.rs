//! Where the experiments and the results are.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The workspace: the nearest folder upwards that holds experiments.
pub(crate) fn root() -> Result<PathBuf> {
    let here = env::current_dir().context("cannot tell the current folder")?;
    let root = here.ancestors().find(|folder| folder.join("benches").is_dir());
    root.map(Path::to_owned).with_context(|| {
        format!("no benches/ in {} or above: run this within the workspace", here.display())
    })
}

/// The folder that the user names, or the workspace's `results`.
pub(crate) fn results(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(root()?.join("results")),
    }
}
