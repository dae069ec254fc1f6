use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicUsize};
use std::sync::mpsc;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::*;
use crate::state::file::private;
use crate::state::tests::{Folder, mode, no_lock};

fn at_second(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn key(number: u64) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

/// One that ends after so many seconds.
fn kept(end: i64) -> Kept {
    Kept { end: at_second(end), pending: None, idle: None, sealed: vec![7; 300] }
}

fn open(folder: &Folder) -> Journal {
    Journal::open(&folder.0, "journal", no_lock()).unwrap()
}

/// All that is there at that second.
fn all(journal: &Journal, now: i64) -> BTreeMap<Key, Kept> {
    let mut all = BTreeMap::new();
    journal.each(at_second(now), |key, kept| assert!(all.insert(key, kept).is_none())).unwrap();
    all
}

fn keys(journal: &Journal, now: i64) -> Vec<Key> {
    all(journal, now).into_keys().collect()
}

/// How many records there are, whether they are over or not.
fn count(journal: &Journal) -> usize {
    let mut count = 0;
    let records = journal.shared.tables().as_ref().unwrap().read().unwrap();
    records.each(|_, _| count += 1).unwrap();
    count
}

/// Keeps the writer from bringing anything to the disk, until what this gives is dropped.
fn hold(journal: &Journal) -> mpsc::Sender<()> {
    let shared = Arc::clone(&journal.shared);
    let (let_go, held) = mpsc::channel::<()>();
    let (taken, is_taken) = mpsc::channel();
    std::thread::spawn(move || {
        let _tables = shared.tables();
        taken.send(()).unwrap();
        let _ = held.recv();
    });
    is_taken.recv().unwrap();
    let_go
}

#[tokio::test]
async fn what_was_kept_is_there_again() {
    let folder = Folder::made();
    let journal = open(&folder);
    let all_kinds = [
        Kept { pending: Some(at_second(5)), idle: Some(Duration::from_millis(1)), ..kept(10) },
        Kept { sealed: vec![], ..kept(i64::MAX / 1000) },
        Kept { sealed: vec![9; 100_000], idle: Some(Duration::ZERO), ..kept(1) },
    ];
    let mut made = BTreeMap::new();
    for (number, kept) in all_kinds.iter().enumerate() {
        journal.put(key(number as u64), kept.clone(), at_second(0)).await.unwrap();
        made.insert(key(number as u64), kept.clone());
    }
    assert_eq!(all(&journal, 0), made);
    let another = kept(20);
    journal.put(key(0), another.clone(), at_second(0)).await.unwrap();
    made.insert(key(0), another);
    drop(journal);
    assert_eq!(mode(&folder.file("journal.redb")), 0o600);
    assert_eq!(all(&open(&folder), 0), made);
}

/// What a kill leaves is what is in the file while the journal is open.
#[tokio::test]
async fn what_is_told_is_there_after_a_kill_and_what_is_removed_is_not() {
    let (folder, copy) = (Folder::made(), Folder::made());
    let journal = open(&folder);
    for number in 0..20 {
        journal.put(key(number), kept(100), at_second(0)).await.unwrap();
        if number % 2 == 1 {
            journal.remove(&[key(number - 1), key(99)]).await.unwrap();
        }
        std::fs::copy(folder.file("journal.redb"), copy.file("journal.redb")).unwrap();
        let there = (0..=number).filter(|one| one % 2 == 1 || *one == number).map(key).collect::<Vec<_>>();
        assert_eq!(keys(&open(&copy), 0), there, "after {number}");
    }
}

#[tokio::test]
async fn what_is_over_is_not_shown_and_removed_in_time() {
    let folder = Folder::made();
    let journal = open(&folder);
    journal.put(key(1), kept(10), at_second(0)).await.unwrap();
    journal.put(key(2), kept(100), at_second(0)).await.unwrap();
    let pending = Kept { pending: Some(at_second(10)), ..kept(100) };
    journal.put(key(3), pending.clone(), at_second(0)).await.unwrap();
    assert_eq!(keys(&journal, 9), [key(1), key(2), key(3)]);
    assert_eq!(keys(&journal, 10), [key(2)]);
    journal.put(key(4), kept(1000), at_second(119)).await.unwrap();
    assert_eq!(count(&journal), 4, "a note may be on its way");
    journal.put(key(4), kept(1000), at_second(120)).await.unwrap();
    assert_eq!(count(&journal), 2);
    journal.put(key(2), kept(500), at_second(70)).await.unwrap();
    journal.put(key(5), kept(1000), at_second(300)).await.unwrap();
    assert_eq!(keys(&journal, 300), [key(2), key(4), key(5)], "one that was replaced lives as long as the other");
    drop(journal);
    assert_eq!(keys(&open(&folder), 999), [key(4), key(5)]);
}

/// More than one transaction takes are removed by as many as it needs, though nothing else is asked for.
#[tokio::test]
async fn many_that_are_over_are_removed_piece_by_piece() {
    let folder = Folder::made();
    let journal = Arc::new(open(&folder));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..3000 {
        let journal = Arc::clone(&journal);
        tasks.spawn(async move { journal.put(key(number), kept(10), at_second(0)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(count(&journal), 3000);
    assert_eq!(keys(&journal, 200).len(), 0);
    while count(&journal) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn notes_are_written_later_and_at_the_end() {
    let folder = Folder::made();
    let journal = open(&folder);
    let pending = Kept { pending: Some(at_second(10)), idle: Some(Duration::from_secs(5)), ..kept(100) };
    for number in 1..=4 {
        journal.put(key(number), pending.clone(), at_second(0)).await.unwrap();
    }
    journal.note(key(1), Note::Used);
    journal.note(key(2), Note::Ends(at_second(5)));
    for note in [Note::Ends(at_second(60)), Note::Used, Note::Ends(at_second(50)), Note::Ends(at_second(200))] {
        journal.note(key(3), note);
    }
    journal.note(key(9), Note::Used);
    // Nobody waits for them and nothing else comes.
    while all(&journal, 0)[&key(1)].pending.is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    journal.note(key(4), Note::Ends(at_second(40)));
    drop(journal);
    let journal = open(&folder);
    let there = all(&journal, 0);
    assert_eq!(there.len(), 4, "what is not there is not noted");
    assert_eq!(there[&key(1)], Kept { pending: None, ..pending.clone() });
    assert_eq!(there[&key(2)], Kept { end: at_second(5), ..pending.clone() });
    assert_eq!(there[&key(3)], Kept { pending: None, end: at_second(50), ..pending.clone() });
    assert_eq!(there[&key(4)], Kept { end: at_second(40), ..pending.clone() });
    assert_eq!(keys(&journal, 40), [key(1), key(3)]);
    journal.put(key(5), kept(1000), at_second(170)).await.unwrap();
    assert_eq!(count(&journal), 2, "they are over when they were noted to be");
}

#[tokio::test]
async fn notes_are_of_the_record_that_was_there() {
    let folder = Folder::made();
    let journal = open(&folder);
    journal.put(key(1), kept(100), at_second(0)).await.unwrap();
    journal.put(key(2), kept(100), at_second(0)).await.unwrap();
    journal.note(key(1), Note::Ends(at_second(1)));
    journal.note(key(2), Note::Used);
    let put = journal.put(key(1), kept(200), at_second(0));
    let (put, removed) = tokio::join!(put, journal.remove(&[key(2)]));
    assert_eq!((put, removed), (Ok(()), Ok(())));
    drop(journal);
    assert_eq!(all(&open(&folder), 0), BTreeMap::from([(key(1), kept(200))]));
}

/// More notes than one transaction takes.
#[tokio::test]
async fn many_notes_are_all_written() {
    let folder = Folder::made();
    let journal = Arc::new(open(&folder));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..5000 {
        let journal = Arc::clone(&journal);
        let pending = Kept { pending: Some(at_second(10)), sealed: vec![], ..kept(100) };
        tasks.spawn(async move { journal.put(key(number), pending, at_second(0)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let held = hold(&journal);
    for number in 0..5000 {
        journal.note(key(number), Note::Used);
    }
    drop(held);
    drop(journal);
    assert_eq!(keys(&open(&folder), 50).len(), 5000);
}

#[tokio::test]
async fn those_who_wait_share_a_transaction() {
    const MANY: u64 = 1000;
    let folder = Folder::made();
    let journal = Arc::new(open(&folder));
    let held = hold(&journal);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..MANY {
        let journal = Arc::clone(&journal);
        tasks.spawn(async move { journal.put(key(number), kept(100), at_second(0)).await });
    }
    while journal.shared.queue().octets < MANY as usize * (300 + OVERHEAD) {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.commits(), 0);
    drop(held);
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    // What the writer had taken when it was held, and the rest.
    assert!(journal.commits() <= 2, "{}", journal.commits());
    assert_eq!(keys(&journal, 0).len(), MANY as usize);
}

#[tokio::test]
async fn what_waits_is_bounded_and_a_removal_is_never_turned_away() {
    let folder = Folder::made();
    let (opener, tables) = table::open(&folder.0, "journal").unwrap();
    let journal = Arc::new(Journal::start("journal", opener, tables, 4 * (300 + OVERHEAD), None).unwrap());
    let held = hold(&journal);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..4 {
        let journal = Arc::clone(&journal);
        tasks.spawn(async move { journal.put(key(number), kept(100), at_second(0)).await });
    }
    while journal.shared.queue().octets < 4 * (300 + OVERHEAD) {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.put(key(5), kept(100), at_second(0)).await, Err(JournalError::Busy));
    let removing = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.remove(&[key(0)]).await }
    });
    tokio::task::yield_now().await;
    drop(held);
    removing.await.unwrap().unwrap();
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(journal.shared.queue().octets, 0);
    journal.put(key(5), kept(100), at_second(0)).await.unwrap();
    assert_eq!(keys(&journal, 0), [key(1), key(2), key(3), key(5)]);
}

/// Who goes away does not take his record with him.
#[tokio::test]
async fn a_record_is_kept_though_nobody_waits_for_it() {
    let folder = Folder::made();
    let journal = Arc::new(open(&folder));
    let held = hold(&journal);
    let waiting = tokio::spawn({
        let journal = Arc::clone(&journal);
        async move { journal.put(key(1), kept(100), at_second(0)).await }
    });
    while journal.shared.queue().octets == 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.is_err());
    drop(held);
    drop(journal);
    assert_eq!(keys(&open(&folder), 0), [key(1)]);
}

#[tokio::test]
async fn many_are_removed_at_once() {
    let folder = Folder::made();
    let journal = Arc::new(open(&folder));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2000 {
        let journal = Arc::clone(&journal);
        tasks.spawn(async move { journal.put(key(number), kept(100), at_second(0)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    journal.remove(&(0..1999).map(key).collect::<Vec<_>>()).await.unwrap();
    journal.remove(&[]).await.unwrap();
    assert_eq!(count(&journal), 1);
}

/// A disk that does not do what it is asked.
#[derive(Clone, Debug)]
struct Disk {
    file: PathBuf,
    fault: Arc<AtomicU8>,
    opened: Arc<AtomicUsize>,
}

const SOUND: u8 = 0;
/// It takes nothing.
const FULL: u8 = 1;
/// It takes everything, and says that it did not.
const LYING: u8 = 2;

#[derive(Debug)]
struct Faulty {
    inner: FileBackend,
    fault: Arc<AtomicU8>,
}

impl Faulty {
    fn refuses(&self, with: &[u8]) -> io::Result<()> {
        let fault = self.fault.load(Ordering::Relaxed);
        if with.contains(&fault) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.refuses(&[FULL])?;
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()?;
        self.refuses(&[FULL, LYING])
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.refuses(&[FULL])?;
        self.inner.write(offset, data)
    }
}

impl Disk {
    fn start(folder: &Folder) -> (Journal, Self) {
        drop(open(folder));
        let disk = Self { file: folder.file("journal.redb"), fault: Arc::default(), opened: Arc::default() };
        let opener = {
            let disk = disk.clone();
            move || disk.open()
        };
        let tables = disk.open().unwrap();
        (Journal::start("journal", Box::new(opener), tables, WAITING, None).unwrap(), disk)
    }

    fn open(&self) -> Result<Tables, table::TableError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let inner = FileBackend::new(private().open(&self.file).unwrap())?;
        Tables::open(Faulty { inner, fault: Arc::clone(&self.fault) })
    }

    fn becomes(&self, fault: u8) {
        self.fault.store(fault, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_told_to_all_who_wait_and_nothing_is_kept_of_it() {
    for fault in [FULL, LYING] {
        let folder = Folder::made();
        let (journal, disk) = Disk::start(&folder);
        let journal = Arc::new(journal);
        journal.put(key(1), kept(100), at_second(0)).await.unwrap();
        journal.put(key(2), kept(100), at_second(0)).await.unwrap();
        let held = hold(&journal);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 10..20 {
            let journal = Arc::clone(&journal);
            tasks.spawn(async move { journal.put(key(number), kept(100), at_second(0)).await });
        }
        let removing = tokio::spawn({
            let journal = Arc::clone(&journal);
            async move { journal.remove(&[key(2)]).await }
        });
        while journal.shared.queue().octets < 10 * (300 + OVERHEAD) + 16 {
            tokio::task::yield_now().await;
        }
        journal.note(key(1), Note::Ends(at_second(50)));
        disk.becomes(fault);
        drop(held);
        while let Some(done) = tasks.join_next().await {
            assert!(matches!(done.unwrap(), Err(JournalError::Failed(_))), "{fault}");
        }
        assert!(matches!(removing.await.unwrap(), Err(JournalError::Failed(_))), "{fault}");
        assert_eq!(journal.shared.queue().octets, 0);
        disk.becomes(SOUND);
        // The pause after what failed twice may not be over.
        while journal.put(key(3), kept(100), at_second(0)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(keys(&journal, 0), [key(1), key(3)], "fault {fault}: a removal is made good");
        assert_eq!(all(&journal, 0)[&key(1)].end, at_second(50), "fault {fault}: a note is not lost");
        drop(Arc::into_inner(journal));
        assert_eq!(keys(&open(&folder), 0), [key(1), key(3)], "fault {fault}");
    }
}

/// Nobody has to ask for it: what was noted or removed meanwhile is made good once the disk is sound.
#[tokio::test]
async fn a_journal_mends_itself() {
    let folder = Folder::made();
    let (journal, disk) = Disk::start(&folder);
    journal.put(key(1), kept(100), at_second(0)).await.unwrap();
    journal.put(key(2), kept(100), at_second(0)).await.unwrap();
    disk.becomes(FULL);
    journal.note(key(2), Note::Ends(at_second(50)));
    assert!(journal.remove(&[key(1)]).await.is_err());
    disk.becomes(SOUND);
    while journal.shared.tables().is_none() || count(&journal) != 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(all(&journal, 0), BTreeMap::from([(key(2), kept(50))]));
}

/// A disk that stays full is looked at now and then, and not for everyone who asks.
#[tokio::test]
async fn a_disk_that_stays_full_is_left_alone() {
    let folder = Folder::made();
    let (journal, disk) = Disk::start(&folder);
    disk.becomes(FULL);
    for number in 0..200 {
        let refused = journal.put(key(number), kept(100), at_second(0)).await;
        assert!(matches!(refused, Err(JournalError::Failed(_))));
    }
    let opened = disk.opened.load(Ordering::Relaxed);
    assert!(opened < 100, "{opened}");
    assert!(journal.each(at_second(0), |_, _| ()).is_err());
    // What cannot be written at the end is given up.
    drop(journal);
    disk.becomes(SOUND);
    assert!(keys(&open(&folder), 0).is_empty());
}

#[tokio::test]
async fn a_file_that_was_half_made_is_made_anew() {
    let folder = Folder::made();
    std::fs::write(folder.file("journal.new"), "half").unwrap();
    let journal = open(&folder);
    journal.put(key(1), kept(100), at_second(0)).await.unwrap();
    assert!(!folder.file("journal.new").exists());
    assert_eq!(mode(&folder.file("journal.redb")), 0o600);
}

/// Cut anywhere, or with an octet changed anywhere, it is refused or has what it had; it is never taken for another.
#[tokio::test]
async fn f_20_a_damaged_file_is_told_of() {
    let folder = Folder::made();
    let journal = open(&folder);
    for number in 0..40 {
        journal.put(key(number), kept(100), at_second(0)).await.unwrap();
    }
    let there = all(&journal, 0);
    drop(journal);
    let file = folder.file("journal.redb");
    let whole = std::fs::read(&file).unwrap();
    let mut refused = 0;
    let mut look = |octets: &[u8], what: &str| {
        std::fs::write(&file, octets).unwrap();
        match Journal::open(&folder.0, "journal", no_lock()) {
            Ok(journal) => assert_eq!(all(&journal, 0), there, "{what}"),
            Err(NotOpened::Damaged { .. }) => refused += 1,
            Err(error) => panic!("{what}: {error}"),
        }
    };
    for at in (0..whole.len()).step_by(1021).chain((0..320).step_by(3)) {
        let mut octets = whole.clone();
        octets[at] ^= 0x55;
        look(&octets, &format!("octet {at}"));
    }
    for length in (0..whole.len()).step_by(9001) {
        look(&whole[..length], &format!("{length} octets"));
    }
    for other in [&b""[..], b"x", &[0; 8192], b"SQLite format 3\0"] {
        look(other, &format!("{other:?}"));
    }
    assert!(refused > 50, "{refused}");
    std::fs::write(&file, b"x").unwrap();
    let told = Journal::open(&folder.0, "journal", no_lock()).err().unwrap().to_string();
    assert!(told.contains("journal.redb is damaged"), "{told}");
}

/// What was damaged while it was open is an error for those who wait, and no panic of theirs.
#[test]
fn a_file_is_what_it_was_opened_as() {
    let folder = Folder::made();
    std::fs::create_dir(folder.file("journal.redb")).unwrap();
    assert!(matches!(Journal::open(&folder.0, "journal", no_lock()), Err(NotOpened::Io { .. })));
    let folder = Folder::made();
    let journal = open(&folder);
    assert!(matches!(Journal::open(&folder.0, "journal", no_lock()), Err(NotOpened::InUse(_))));
    drop(journal);
    assert!(File::open(folder.file("journal.redb")).is_ok());
}
