//! The state directory of a real process that is killed at any moment: what it was told is kept is there again.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nuncio::state::{Claimed, Fence, Journal, Kept, Note, State};
use nuncio_wss::Time;

type Key = [u8; 16];

/// By which a process knows that it is the one that is killed: the directory that it is to use.
const CHILD: &str = "NUNCIO_STATE_OF_CHILD";
/// How many write records at once, and how many claims.
const WRITERS: u64 = 16;
const NOW: Time = Time::from_millis(0);
const END: Time = Time::from_millis(1_000_000);

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("state-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

fn kept(key: &Key, length: usize) -> Kept {
    Kept { end: END, pending: Some(END), idle: None, sealed: key.repeat(length / 16) }
}

/// What a gateway keeps: it ends ten hours from now, an hour more or less.
fn lasting(key: &Key, begun: Instant) -> Kept {
    let spread = u64::from_le_bytes(*key.first_chunk().unwrap()) % 7_200_000;
    let end = NOW.plus(begun.elapsed()).plus(Duration::from_hours(9)).plus(Duration::from_millis(spread));
    Kept { end, pending: None, ..kept(key, 400) }
}

fn say(what: &str, key: &Key) {
    let key = u128::from_be_bytes(*key);
    // One write, so that a kill leaves no half of it that looks like a whole.
    let _ = std::io::stdout().lock().write_all(format!("\n{what} {key:032x}\n").as_bytes());
}

/// Keys that nobody had before.
fn keys() -> impl Fn() -> Key {
    let (of_process, next) = (RandomState::new().hash_one(0), AtomicU64::new(0));
    move || {
        let key = u128::from(of_process) << 64 | u128::from(next.fetch_add(1, Ordering::Relaxed));
        // As a digest, it says nothing of when it was made.
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) ^ key).to_be_bytes()
    }
}

/// Not a test: what the process does that is killed.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let state = State::open(Path::new(&directory)).unwrap();
    let (claims, ..) = state.claims(NOW).unwrap();
    let journal = Arc::new(state.journal().unwrap());
    let fresh = Arc::new(keys());
    say("open", &[0; 16]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for _ in 0..WRITERS {
        let (journal, fresh) = (Arc::clone(&journal), Arc::clone(&fresh));
        runtime.spawn(async move {
            let mut before = None;
            loop {
                let key = fresh();
                journal.put(key, kept(&key, 320), NOW).await.unwrap();
                say("put", &key);
                journal.note(key, Note::Used);
                if let Some(before) = before.take().filter(|_| key[15].is_multiple_of(3)) {
                    say("removing", &before);
                    journal.remove(&[before]).await.unwrap();
                    say("removed", &before);
                }
                before = Some(key);
            }
        });
    }
    loop {
        let key = fresh();
        claims.append(&key, END).unwrap();
        say("claimed", &key);
        // The others are to come to words too.
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// What processes said before they were killed.
#[derive(Default)]
struct Told {
    there: HashSet<Key>,
    /// Either is right.
    open: HashSet<Key>,
    gone: HashSet<Key>,
    claimed: HashSet<Key>,
}

impl Told {
    fn hear(&mut self, said: &str) {
        // What is not a whole line was not said.
        let whole = said.rfind('\n').map_or("", |end| &said[..end]);
        for line in whole.lines() {
            let Some((what, key)) = line.split_once(' ') else { continue };
            let Ok(key) = u128::from_str_radix(key, 16).map(u128::to_be_bytes) else { continue };
            match what {
                "put" => assert!(self.there.insert(key)),
                "removing" => {
                    assert!(self.there.remove(&key));
                    self.open.insert(key);
                }
                "removed" => {
                    assert!(self.open.remove(&key));
                    self.gone.insert(key);
                }
                "claimed" => assert!(self.claimed.insert(key)),
                _ => {}
            }
        }
    }

    fn check(&self, directory: &Path, round: usize) {
        let state = State::open(directory).unwrap();
        let (_claims, claimed, fence) = state.claims(NOW).unwrap();
        assert_eq!(fence, Fence::Whole, "round {round}");
        let claimed: HashSet<_> = claimed.into_iter().map(|(key, until): Claimed| (key, until.millis())).collect();
        let missing = self.claimed.iter().filter(|key| !claimed.contains(&(**key, END.millis()))).count();
        assert_eq!(missing, 0, "round {round}: of {} claims", self.claimed.len());

        let mut records = BTreeMap::new();
        state.journal().unwrap().each(NOW, |key, kept| assert!(records.insert(key, kept).is_none())).unwrap();
        for (key, found) in &records {
            assert_eq!(found.sealed, kept(key, 320).sealed, "round {round}: {key:02x?}");
            assert!(!self.gone.contains(key), "round {round}: {key:02x?} was removed");
        }
        let missing = self.there.iter().filter(|key| !records.contains_key(*key)).count();
        assert_eq!(missing, 0, "round {round}: of {} records", self.there.len());
    }
}

/// A process is killed twenty times, now while it opens the directory and now while it writes, and its next finds the directory
/// as it left it, or as one that looked at it did.
#[test]
fn f_20_what_a_killed_process_was_told_is_there() {
    let directory = directory("killed");
    let mut told = Told::default();
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, &directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let heard = std::thread::spawn(move || {
            let mut said = String::new();
            out.read_to_string(&mut said).unwrap();
            said
        });
        std::thread::sleep(Duration::from_micros(RandomState::new().hash_one(round) % 400_000));
        // SIGKILL.
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "round {round}: it was alive when it was killed");
        told.hear(&heard.join().unwrap());
        if round % 2 == 1 {
            told.check(&directory, round);
        }
    }
    println!("{} records, {} removed, {} claims", told.there.len(), told.gone.len(), told.claimed.len());
    assert!(told.there.len() > 100 && told.gone.len() > 10 && told.claimed.len() > 100, "it was at work");
    let _ = std::fs::remove_dir_all(&directory);
}

/// So many who put one record after the other, for a few seconds: how many these were, and in how many transactions.
fn puts(journal: &Arc<Journal>, waiters: u64) -> (u64, u64, Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (fresh, begun, before) = (Arc::new(keys()), Instant::now(), journal.commits());
    let tasks = (0..waiters).map(|_| {
        let (journal, fresh) = (Arc::clone(journal), Arc::clone(&fresh));
        runtime.spawn(async move {
            let mut count = 0;
            while begun.elapsed() < Duration::from_secs(5) {
                let key = fresh();
                journal.put(key, lasting(&key, begun), NOW).await.unwrap();
                count += 1;
            }
            count
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let count = tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum();
    (count, journal.commits() - before, begun.elapsed())
}

/// Not a check, but figures, in an empty journal and in one of a million: `cargo test --release -p nuncio --test state -- --ignored
/// --nocapture`. Conversations end ten hours from when they began, an hour more or less.
#[test]
#[ignore = "it measures"]
fn how_many_records_a_second() {
    let directory = directory("measured");
    let state = State::open(&directory).unwrap();
    let journal = Arc::new(state.journal().unwrap());
    let figures = |journal: &Arc<Journal>| {
        for waiters in [1, 16, 256] {
            let (count, commits, took) = puts(journal, waiters);
            let a_second = 1000 * u128::from(count) / took.as_millis();
            println!("{waiters:>4} waiters: {a_second:>6} records a second, {} in a transaction", count / commits);
        }
    };
    figures(&journal);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let (fresh, begun) = (Arc::new(keys()), Instant::now());
    let tasks = (0..4000).map(|_| {
        let (journal, fresh) = (Arc::clone(&journal), Arc::clone(&fresh));
        runtime.spawn(async move {
            for _ in 0..250 {
                let key = fresh();
                journal.put(key, lasting(&key, begun), NOW).await.unwrap();
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    println!("a million more in {:?}", begun.elapsed());
    figures(&journal);
    let (file, read) = (directory.join("journal.redb"), |journal: &Journal| {
        let (begun, mut count) = (Instant::now(), 0);
        journal.each(NOW, |_, _| count += 1).unwrap();
        println!("{count} read in {:?}", begun.elapsed());
    });
    println!("{} octets in the file", std::fs::metadata(&file).unwrap().len());
    let left = directory.join("left.redb");
    std::fs::copy(&file, &left).unwrap();
    drop(journal);
    for what in ["closed in order", "left by a kill"] {
        let begun = Instant::now();
        let journal = state.journal().unwrap();
        println!("{what}: opened in {:?}", begun.elapsed());
        read(&journal);
        drop(journal);
        let _ = std::fs::rename(&left, &file);
    }
    let _ = std::fs::remove_dir_all(&directory);
}
