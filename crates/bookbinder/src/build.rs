//! Building the book through the mdbook library.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use mdbook_driver::MDBook;

use crate::{
    evidence::Evidence,
    includes,
    preprocess::{self, Results},
    workspace::Workspace,
};

/// Builds the book into `out`, or where `book.toml` says; returns the folder.
///
/// A build that fails leaves the folder as it was.
pub(crate) fn build(workspace: &Workspace, out: Option<&Path>) -> Result<PathBuf> {
    let mut book = MDBook::load(&workspace.book)?;
    if let Some(out) = out {
        out.clone_into(&mut book.config.build.build_dir);
    }
    let built = book.build_dir_for("html");
    check_target(&built)?;
    check_includes(&book)?;
    let evidence = Evidence::read(&workspace.results, &workspace.benches())?;
    book.with_preprocessor(Results { evidence, models: workspace.models() });
    book.build()?;
    Ok(built)
}

/// mdbook empties the folder that it writes to: it must be one of its own.
fn check_target(folder: &Path) -> Result<()> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).context(format!("cannot use {}", folder.display())),
    };
    if is_empty || folder.join("toc.html").is_file() {
        return Ok(());
    }
    bail!(
        "{} holds something other than a built book, and building would delete it; \
         name an empty folder",
        folder.display()
    )
}

fn check_includes(book: &MDBook) -> Result<()> {
    let source = book.source_dir();
    let mut faults = Vec::new();
    for chapter in book.book.chapters() {
        let file = preprocess::file(chapter);
        let folder = source.join(&file).parent().map_or_else(|| source.clone(), Path::to_owned);
        let broken = includes::broken(&chapter.content, &folder);
        faults.extend(broken.into_iter().map(|fault| format!("{file}: {fault}")));
    }
    if faults.is_empty() {
        return Ok(());
    }
    bail!("the text includes what there is not:\n  {}", faults.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_folder_or_a_built_book_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_target(folder.path()).is_ok());
        assert!(check_target(&folder.path().join("new")).is_ok());
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        assert!(check_target(folder.path()).is_err());
        fs::write(folder.path().join("toc.html"), "").unwrap();
        assert!(check_target(folder.path()).is_ok());
    }
}
