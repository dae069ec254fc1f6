use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::keyring::Binding;
use crate::random::Entropy;

/// A folder of a test's own, which is removed with it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("nuncio-state-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    pub(super) fn made() -> Self {
        let folder = Self::new();
        std::fs::create_dir(&folder.0).unwrap();
        folder
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A lock of no directory.
pub(super) fn no_lock() -> Arc<Lock> {
    Arc::new(Lock { _file: File::open("/dev/null").unwrap() })
}

pub(super) fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().mode() & 0o777
}

fn set_mode(file: &Path, mode: u32) {
    std::fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
}

const NOW: Time = Time::from_millis(0);
const HERE: Binding<'_> = Binding { purpose: "test", scope: "", name: b"" };

fn ring(state: &State) -> Result<KeyRing, NotOpened> {
    state.ring(NOW, &mut Entropy::system().draw())
}

#[test]
fn si_03_all_that_is_made_is_its_owners_alone() {
    let folder = Folder::new();
    let directory = folder.file("below/there");
    std::fs::create_dir_all(&folder.0).unwrap();
    let state = State::open(&directory).unwrap();
    ring(&state).unwrap();
    let _journal = state.journal().unwrap();
    let (claims, _, _) = state.claims(NOW).unwrap();
    claims.append(&[1; 16], NOW).unwrap();
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_directory_is_one_process_s_while_it_or_anything_in_it_is_open() {
    let folder = Folder::new();
    let state = State::open(&folder.0).unwrap();
    let refused = || State::open(&folder.0).err().unwrap().to_string();
    assert!(refused().contains("in use by another process"), "{}", refused());
    let (journal, (claims, _, _)) = (state.journal().unwrap(), state.claims(NOW).unwrap());
    drop(state);
    assert!(refused().contains("in use"), "its journal is written");
    drop(journal);
    assert!(refused().contains("in use"), "its claims are written");
    drop(claims);
    State::open(&folder.0).unwrap();
}

#[test]
fn a_directory_in_which_everybody_writes_is_refused() {
    let folder = Folder::made();
    for mode in [0o777, 0o703, 0o1777] {
        set_mode(&folder.0, mode);
        assert!(matches!(State::open(&folder.0), Err(NotOpened::WrittenByAll(_))), "{mode:o}");
    }
    // As service managers and containers make it.
    for mode in [0o755, 0o770] {
        set_mode(&folder.0, mode);
        assert!(State::open(&folder.0).is_ok(), "{mode:o}");
    }
    let file = folder.file("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(State::open(&file), Err(NotOpened::Io { .. })));
}

#[test]
fn a_ring_is_made_once() {
    let folder = Folder::new();
    let state = State::open(&folder.0).unwrap();
    let sealed = ring(&state).unwrap().seal(b"x", HERE, NOW, &mut Entropy::system().draw()).unwrap();
    drop(state);
    let state = State::open(&folder.0).unwrap();
    assert_eq!(**ring(&state).unwrap().open(&sealed, HERE, NOW).unwrap(), *b"x");
}

/// Whoever was killed while he made it left the half of another file.
#[test]
fn f_21_half_a_ring_is_none() {
    let folder = Folder::new();
    let state = State::open(&folder.0).unwrap();
    std::fs::write(folder.file("keys.yaml.new"), "epoch: 1\nke").unwrap();
    set_mode(&folder.file("keys.yaml.new"), 0o644);
    ring(&state).unwrap();
    assert!(!folder.file("keys.yaml.new").exists());
    assert_eq!(mode(&folder.file("keys.yaml")), 0o600);
}

#[test]
fn a_ring_that_everybody_reads_or_that_is_none_is_refused() {
    let folder = Folder::new();
    let state = State::open(&folder.0).unwrap();
    ring(&state).unwrap();
    let file = folder.file("keys.yaml");
    for mode in [0o644, 0o602] {
        set_mode(&file, mode);
        assert!(matches!(ring(&state), Err(NotOpened::KeysOpenToAll(_))), "{mode:o}");
    }
    set_mode(&file, 0o640);
    ring(&state).unwrap();
    let yaml = std::fs::read_to_string(&file).unwrap();
    let later = format!("{yaml}    activate: 2026-01-31T00:00:00Z\n");
    std::fs::write(&file, later).unwrap();
    assert!(matches!(ring(&state), Err(NotOpened::NotSealed(_))), "none of its keys seals yet");
    std::fs::write(&file, &yaml[..yaml.len() / 2]).unwrap();
    assert!(matches!(ring(&state), Err(NotOpened::BadRing(_))));
    std::fs::write(&file, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(ring(&state), Err(NotOpened::Damaged { .. })));
}

#[test]
fn no_key_is_made_of_octets_that_are_not_random() {
    let folder = Folder::new();
    let state = State::open(&folder.0).unwrap();
    assert!(matches!(state.ring(NOW, &mut Draw::failing()), Err(NotOpened::NoEntropy(_))));
    assert!(!folder.file("keys.yaml").exists());
}
