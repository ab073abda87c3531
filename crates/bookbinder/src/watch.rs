//! Notices that a source changed, by asking for modification times.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// What a set of folders looked like at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

/// Looks at every file below `folders`, but not into `except`.
pub(crate) fn snapshot(folders: &[PathBuf], except: &Path) -> Snapshot {
    let mut files = Vec::new();
    let mut waiting = folders.to_vec();
    while let Some(folder) = waiting.pop() {
        // A folder that is not there has no files; one may come.
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if path == except {
                continue;
            }
            if metadata.is_dir() {
                waiting.push(path);
            } else {
                files.push((path, metadata.modified().ok(), metadata.len()));
            }
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    Snapshot(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_a_changed_and_a_removed_file_are_noticed_and_the_output_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (source, out) = (folder.path().join("src"), folder.path().join("build"));
        fs::create_dir(&source).unwrap();
        fs::create_dir(&out).unwrap();
        let look = || snapshot(&[folder.path().to_owned()], &out);

        let empty = look();
        fs::write(source.join("a.md"), "a").unwrap();
        let one = look();
        assert_ne!(empty, one);
        fs::write(source.join("a.md"), "longer").unwrap();
        assert_ne!(one, look());
        fs::remove_file(source.join("a.md")).unwrap();
        assert_eq!(empty, look());
        fs::write(out.join("index.html"), "").unwrap();
        assert_eq!(empty, look());
    }
}
