//! Where the sources of the book are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The folders that the book is made from.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The folder that holds all others.
    pub(crate) root: PathBuf,
    /// The folder of `book.toml`.
    pub(crate) book: PathBuf,
    /// The results folder, which need not exist.
    pub(crate) results: PathBuf,
}

impl Workspace {
    /// Finds the workspace round the current folder, or round `book` if that is given.
    pub(crate) fn find(book: Option<&Path>, results: Option<&Path>) -> Result<Self> {
        let here = env::current_dir().context("cannot tell the current folder")?;
        let (root, book) = if let Some(book) = book {
            let book = here.join(book);
            let parent = book.parent().unwrap_or(&book).to_owned();
            (root_above(&book).unwrap_or(parent), book)
        } else if let Some(root) = root_above(&here) {
            let book = root.join("book");
            (root, book)
        } else {
            bail!(
                "there is no workspace in {} or above it; \
                 run this inside the repository, or name the book's folder with --book DIR",
                here.display()
            );
        };
        if !book.join("book.toml").is_file() {
            bail!("{} holds no book.toml; name the book's folder with --book DIR", book.display());
        }
        let results = match results {
            Some(folder) if !here.join(folder).is_dir() => bail!(
                "--results {}: there is no such folder; without --results the reference run is used",
                folder.display()
            ),
            Some(folder) => here.join(folder),
            None => root.join("results"),
        };
        Ok(Self { root, book, results })
    }

    /// The folder of the plans of the experiments.
    pub(crate) fn benches(&self) -> PathBuf {
        self.root.join("benches")
    }

    /// The folder of the crates.
    pub(crate) fn crates(&self) -> PathBuf {
        self.root.join("crates")
    }

    /// The folder of the model crates.
    pub(crate) fn models(&self) -> PathBuf {
        self.crates().join("models")
    }
}

/// The nearest folder, `start` or above it, whose `Cargo.toml` has a `[workspace]`.
fn root_above(start: &Path) -> Option<PathBuf> {
    let is_root = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
    };
    start.ancestors().find(is_root).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_nearest_folder_with_a_workspace_table() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("crates/a/src");
        fs::create_dir_all(&deep).unwrap();
        fs::write(folder.path().join("crates/a/Cargo.toml"), "[package]\n").unwrap();
        assert_ne!(root_above(&deep).as_deref(), Some(folder.path()));

        fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        assert_eq!(root_above(&deep).as_deref(), Some(folder.path()));
    }

    #[test]
    fn a_folder_without_a_book_is_refused_with_advice() {
        let folder = tempfile::tempdir().unwrap();
        let error = Workspace::find(Some(folder.path()), None).unwrap_err().to_string();
        assert!(error.contains("book.toml") && error.contains("--book"), "{error}");
    }
}
