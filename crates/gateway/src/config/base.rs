//! Where the files are that a configuration names, and which of them were read.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nuncio_crypto::secret::Secret;

use super::Said;
use super::error::{ConfigError, Problem, Troubled};

/// A file as it looks from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Look {
    /// Where it is.
    pub file: PathBuf,
    /// When it was changed, and how long it is; `None` where it is not there.
    seen: Option<(SystemTime, u64)>,
}

impl Look {
    /// Looks at a file.
    pub fn at(file: PathBuf) -> Self {
        let seen = std::fs::metadata(&file).and_then(|seen| Ok((seen.modified()?, seen.len())));
        Self { file, seen: seen.ok() }
    }
}

/// The folder that a configuration's paths are relative to. It keeps in mind what was read from it: when one of these files
/// changes, the configuration does.
#[derive(Debug, Default)]
pub(crate) struct Base {
    folder: PathBuf,
    /// Each as it looked before it was read, so that what changes meanwhile is seen as a change.
    files: RefCell<Vec<Look>>,
    /// Those of them that have secrets and that others can read.
    open: RefCell<Vec<PathBuf>>,
}

impl Base {
    /// A folder; the empty path for the one that the program was started in.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: RefCell::default(), open: RefCell::default() }
    }

    /// Where a file is that will be read now.
    pub(super) fn find(&self, file: &Path) -> PathBuf {
        let found = self.folder.join(file);
        self.files.borrow_mut().push(Look::at(found.clone()));
        found
    }

    /// Where a directory is that is written, and that nobody reads a configuration from.
    pub(super) fn place(&self, directory: &Path) -> PathBuf {
        self.folder.join(directory)
    }

    /// Warns of secrets that others can read; of a configuration that is refused there is more to say first.
    pub(super) fn warn_of_open_secrets(&self) {
        let mut open = self.open.borrow().clone();
        open.sort_unstable();
        open.dedup();
        for file in open {
            tracing::warn!(
                file = %file.display(),
                "a secret is in a file that every user of this machine can read or change: take the mode for others from it"
            );
        }
    }

    /// Every file that was asked for, there or not, as it looked before it was read first.
    pub(super) fn files(&self) -> Vec<Look> {
        let mut files = self.files.borrow().clone();
        files.sort_by(|one, other| one.file.cmp(&other.file));
        files.dedup_by(|later, first| later.file == first.file);
        files
    }
}

/// Reads a file that `said` names, below `base`.
pub(super) fn read(base: &Base, said: &Said<PathBuf>) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(base.find(&said.value)).map_err(|error| {
        said.problem(Problem::Unreadable { file: said.value.display().to_string(), reason: error.to_string() })
    })
}

/// Reads a file that has a secret in it: as [`read`] does, but what others on this machine can read is warned of.
pub(super) fn read_secret(base: &Base, said: &Said<PathBuf>) -> Result<Secret, ConfigError> {
    let octets = Secret::new(read(base, said)?);
    let file = base.folder.join(&said.value);
    if is_open(&file) {
        base.open.borrow_mut().push(file);
    }
    Ok(octets)
}

/// Whether others than its owner and group can read or change a file. That a group can is how containers are given secrets.
#[cfg(unix)]
fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|facts| facts.permissions().mode() & 0o006 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// What is asked for is kept in mind whether or not it is there, and as it was before.
    #[test]
    fn files_look_as_they_did_before_they_were_read() {
        let folder = std::env::temp_dir().join(format!("nuncio-looks-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let base = Base::new(&folder);
        let said = |name: &str| Said::flag("key", PathBuf::from(name));
        std::fs::write(folder.join("there"), "x").unwrap();
        assert!(read(&base, &said("there")).is_ok() && read(&base, &said("missing")).is_err());
        for name in ["there", "missing"] {
            std::fs::write(folder.join(name), "longer").unwrap();
            assert!(read(&base, &said(name)).is_ok());
        }
        let files = base.files();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|look| *look != Look::at(look.file.clone())), "{files:?}");
        let _ = std::fs::remove_dir_all(&folder);
    }

    /// A secret that every user can read is noted; that a group can read it is how containers are given secrets.
    #[test]
    fn si_03_secrets_that_everybody_reads_are_noted() {
        let folder = std::env::temp_dir().join(format!("nuncio-secrets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let base = Base::new(&folder);
        for (name, mode) in [("own", 0o600), ("group", 0o640), ("all", 0o644), ("written", 0o602)] {
            std::fs::write(folder.join(name), "x").unwrap();
            std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
            let secret = read_secret(&base, &Said::flag("key", PathBuf::from(name)));
            assert!(secret.is_ok_and(|secret| secret.matches(b"x")), "{name}");
        }
        assert_eq!(*base.open.borrow(), ["all", "written"].map(|name| folder.join(name)));
        let _ = std::fs::remove_dir_all(&folder);
    }
}
