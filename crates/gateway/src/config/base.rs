//! Where the files are that a configuration names, and which of them were read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::Said;
use super::error::{ConfigError, Problem, Troubled};

/// The folder that a configuration's paths are relative to. It keeps in mind what was read from it: when one of these files
/// changes, the configuration does.
#[derive(Debug, Default)]
pub(crate) struct Base {
    folder: PathBuf,
    files: RefCell<Vec<PathBuf>>,
}

impl Base {
    /// A folder; the empty path for the one that the program was started in.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: RefCell::default() }
    }

    /// Where a file is that will be read now.
    pub(super) fn find(&self, file: &Path) -> PathBuf {
        let found = self.folder.join(file);
        self.files.borrow_mut().push(found.clone());
        found
    }

    /// Every file that was asked for.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = self.files.borrow().clone();
        files.sort_unstable();
        files.dedup();
        files
    }
}

/// Reads a file that `said` names, below `base`.
pub(super) fn read(base: &Base, said: &Said<PathBuf>) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(base.find(&said.value)).map_err(|error| {
        said.problem(Problem::Unreadable { file: said.value.display().to_string(), reason: error.to_string() })
    })
}
