//! One bench at a time in a results folder.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// A results folder that nobody else writes to, until this is dropped. The lock is on
/// the folder itself, so no file is left, and the kernel takes it off a dead process.
#[derive(Debug)]
pub struct FolderLock {
    _folder: Option<File>,
}

impl FolderLock {
    /// Makes the folder if need be, and locks it.
    ///
    /// # Errors
    ///
    /// Fails if another process has it, which is named, or if it cannot be made.
    pub fn take(folder: &Path) -> Result<Self, Error> {
        let cannot = |why: io::Error| Error::system(format!("make {}", folder.display()))(why);
        fs::create_dir_all(folder).map_err(cannot)?;
        let open = File::open(folder).map_err(cannot)?;
        match flock(&open, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _folder: Some(open) }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let owner = owner(&open).map_or_else(
                    || "another process".to_owned(),
                    |pid| format!("the process {pid}"),
                );
                Err(Error::Taken { folder: folder.to_owned(), owner })
            }
            // A file system without locks: nothing can be known there.
            Err(_) => Ok(Self { _folder: None }),
        }
    }
}

/// The process that has it locked, as the kernel lists it.
fn owner(folder: &File) -> Option<i32> {
    let inode = folder.metadata().ok()?.ino();
    let lines = fs::read_to_string("/proc/locks").ok()?;
    lines.lines().find_map(|line| {
        // 1: FLOCK  ADVISORY  WRITE 4711 fe:00:1057 0 EOF
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, file, ..] = words[..] else { return None };
        let is_it = file.rsplit(':').next()?.parse() == Ok(inode);
        if is_it { pid.parse().ok().filter(|&pid| pid > 0) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_had_by_one_and_the_other_learns_by_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        let first = FolderLock::take(&path).unwrap();
        let said = FolderLock::take(&path).unwrap_err().to_string();
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
        drop(first);
        FolderLock::take(&path).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "nothing is left in it");
    }
}
