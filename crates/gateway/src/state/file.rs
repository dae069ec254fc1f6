//! Files that are whole or not there, whatever happens to the machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Its owner alone may read and write it.
const PRIVATE: u32 = 0o600;

/// How a file is opened that its owner alone may read, from its first octet on.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(PRIVATE);
    options
}

/// A file that was not there a moment ago.
pub(super) fn create(file: &Path) -> io::Result<File> {
    // What somebody left who was killed while he wrote it.
    remove(file)?;
    private().create_new(true).open(file)
}

/// Removes a file, if it is there.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts a file of `octets` in the place of the one with that name: after a crash, this one or that one is there.
pub(crate) fn replace(directory: &Path, name: &str, octets: &[u8]) -> io::Result<()> {
    let fresh = directory.join(format!("{name}.new"));
    let mut file = create(&fresh)?;
    file.write_all(octets)?;
    file.sync_all()?;
    settle(directory, &fresh, name)
}

/// Gives a file that is written and durable the name by which it is known.
pub(super) fn settle(directory: &Path, fresh: &Path, name: &str) -> io::Result<()> {
    std::fs::rename(fresh, directory.join(name))?;
    sync(directory)
}

/// Makes durable which files a directory has.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
