use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::state::tests::{Folder, mode, no_lock};

fn at_second(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn key(number: u64) -> [u8; 16] {
    let mut key = [7; 16];
    key[..8].copy_from_slice(&number.to_le_bytes());
    key
}

/// On the machine's start of that name, at that second.
fn open_on(folder: &Folder, boot: &str, now: i64) -> (ClaimFiles, Vec<Claimed>, Fence) {
    let (files, mut claims, fence) = ClaimFiles::open_on(&folder.0, no_lock(), at_second(now), boot).unwrap();
    claims.sort_unstable();
    (files, claims, fence)
}

fn open(folder: &Folder, now: i64) -> (ClaimFiles, Vec<Claimed>, Fence) {
    open_on(folder, "one", now)
}

/// As a kill does: nothing is brought to the disk, and nothing is said.
fn kill(files: ClaimFiles) {
    std::mem::forget(files);
}

fn names(folder: &Folder) -> Vec<String> {
    let names = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(PREFIX)).collect();
    names.sort_unstable();
    names
}

#[test]
fn sc_10_what_was_claimed_is_known_after_a_kill() {
    let folder = Folder::made();
    let (files, claims, fence) = open(&folder, 0);
    assert_eq!((claims, fence), (vec![], Fence::New));
    let made = [(key(1), at_second(29)), (key(2), at_second(30)), (key(3), at_second(300))];
    for (key, until) in &made {
        files.append(key, *until).unwrap();
    }
    assert_eq!(names(&folder), ["claims-0", "claims-1", "claims-10"]);
    assert_eq!(mode(&folder.file("claims-0")), 0o600);
    kill(files);
    let (files, claims, fence) = open(&folder, 0);
    assert_eq!((claims.as_slice(), fence), (made.as_slice(), Fence::Whole));
    files.append(&key(4), at_second(301)).unwrap();
    drop(files);
    let (_, claims, fence) = open(&folder, 30);
    let left = vec![made[1], made[2], (key(4), at_second(301))];
    assert_eq!((claims, fence), (left, Fence::Whole), "one lives through its last instant");
}

#[test]
fn files_of_slices_that_are_over_are_removed() {
    let folder = Folder::made();
    let (files, ..) = open(&folder, 0);
    for seconds in [-1, 10, 40, 70] {
        files.append(&key(1), at_second(seconds)).unwrap();
    }
    assert_eq!(names(&folder), ["claims--1", "claims-0", "claims-1", "claims-2"]);
    files.drop_before(at_second(30)).unwrap();
    assert_eq!(names(&folder), ["claims-1", "claims-2"]);
    kill(files);
    let (files, ..) = open(&folder, 1000);
    assert_eq!(files.len(), 2, "those that another process left are known");
    std::fs::remove_file(folder.file("claims-1")).unwrap();
    files.drop_before(at_second(1000)).unwrap();
    assert!(names(&folder).is_empty() && files.is_empty());
}

/// Cut at every octet, as a crash may leave it: what is whole is there, and what is written next too.
#[test]
fn a_torn_record_is_cut_off() {
    for length in 0..=2 * RECORD {
        let folder = Folder::made();
        let (files, ..) = open(&folder, 0);
        files.append(&key(1), at_second(10)).unwrap();
        files.append(&key(2), at_second(10)).unwrap();
        kill(files);
        let file = folder.file("claims-0");
        file::private().open(&file).unwrap().set_len(length as u64).unwrap();
        let (files, claims, fence) = open(&folder, 0);
        let whole: Vec<_> = (1..=length / RECORD).map(|number| (key(number as u64), at_second(10))).collect();
        assert_eq!((claims.as_slice(), fence), (whole.as_slice(), Fence::Whole), "{length}");
        files.append(&key(9), at_second(10)).unwrap();
        kill(files);
        let (_files, claims, fence) = open(&folder, 0);
        assert_eq!(claims.len(), whole.len() + 1, "{length}");
        assert_eq!((claims[whole.len()].0, fence), (key(9), Fence::Whole), "{length}");
    }
}

#[test]
fn a_damaged_record_raises_the_fence_and_a_place_that_nobody_filled_does_not() {
    let folder = Folder::made();
    let (files, ..) = open(&folder, 0);
    for number in 1..=3 {
        files.append(&key(number), at_second(10)).unwrap();
    }
    kill(files);
    let file = folder.file("claims-0");
    let whole = std::fs::read(&file).unwrap();
    for bit in 0..RECORD * 8 {
        let mut octets = whole.clone();
        octets[RECORD + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&file, octets).unwrap();
        let (files, claims, fence) = open(&folder, 0);
        assert_eq!(fence, Fence::Damaged, "bit {bit}");
        assert_eq!(claims, [(key(1), at_second(10)), (key(3), at_second(10))], "bit {bit}");
        kill(files);
    }
    let mut octets = whole;
    octets[RECORD..2 * RECORD].fill(0);
    std::fs::write(&file, octets).unwrap();
    let (_files, claims, fence) = open(&folder, 0);
    assert_eq!((claims.len(), fence), (2, Fence::Whole));
}

/// A file of more records than are read at once, and other files beside it.
#[test]
fn long_files_are_read_whole_and_others_are_left_alone() {
    let folder = Folder::made();
    for name in ["claims-", "claims-x", "claims-1.new", "claim-1"] {
        std::fs::write(folder.file(name), "whatever").unwrap();
    }
    let (files, ..) = open(&folder, 0);
    let many = 2 * PIECE / RECORD + 1;
    for number in 0..many {
        files.append(&key(number as u64), at_second(10)).unwrap();
    }
    kill(files);
    let (files, claims, fence) = open(&folder, 0);
    assert_eq!((claims.len(), fence), (many, Fence::Whole));
    files.drop_before(at_second(1000)).unwrap();
    assert_eq!(names(&folder), ["claims-", "claims-1.new", "claims-x"]);
}

#[test]
fn a_machine_that_stopped_raises_the_fence_unless_all_was_on_the_disk() {
    let folder = Folder::made();
    kill(open_on(&folder, "one", 0).0);
    let (files, _, fence) = open_on(&folder, "two", 0);
    assert_eq!(fence, Fence::Stopped);
    kill(files);
    let (files, _, fence) = open_on(&folder, "two", 0);
    assert_eq!(fence, Fence::Whole, "the same start of the machine");
    files.append(&key(1), at_second(10)).unwrap();
    drop(files);
    let (files, claims, fence) = open_on(&folder, "three", 0);
    assert_eq!((claims.len(), fence), (1, Fence::Whole), "the process ended in order");
    kill(files);
    assert_eq!(open_on(&folder, "four", 0).2, Fence::Stopped, "and that is said once");
}

/// Where the system does not say which start it is, each may be another.
#[test]
fn an_unknown_start_of_the_machine_is_none_that_was_before() {
    let folder = Folder::made();
    kill(open_on(&folder, "", 0).0);
    let (files, _, fence) = open_on(&folder, "", 0);
    assert_eq!(fence, Fence::Stopped);
    kill(files);
    for said in [&b""[..], b"\xff\xfe", &[b'x'; 10_000], b"one two", b"ended", b"ended\nended\n"] {
        std::fs::write(folder.file(BOOT), said).unwrap();
        let (files, _, fence) = open_on(&folder, "one", 0);
        assert_eq!(fence, Fence::Stopped, "{said:?}");
        kill(files);
    }
}

#[test]
fn what_cannot_be_written_down_is_an_error() {
    let folder = Folder::made();
    let (files, ..) = open(&folder, 0);
    std::fs::create_dir(folder.file("claims-0")).unwrap();
    assert!(files.append(&key(1), at_second(10)).is_err());
    std::fs::remove_dir(folder.file("claims-0")).unwrap();
    files.append(&key(1), at_second(10)).unwrap();
    kill(files);
    assert_eq!(open(&folder, 0).1, [(key(1), at_second(10))]);
    let folder = Folder::made();
    std::fs::create_dir(folder.file("claims-0")).unwrap();
    assert!(ClaimFiles::open_on(&folder.0, no_lock(), at_second(0), "one").is_err());
}

/// However many slices messages end in, so many files are open, and a file that is opened again goes on where it was.
#[test]
fn files_that_are_open_at_once_are_bounded() {
    let folder = Folder::made();
    let (files, ..) = open(&folder, 0);
    let slices = 2 * OPEN;
    for round in 0..2 {
        for slice in 0..slices {
            files.append(&key(round), at_second(0).plus(Duration::from_secs(30 * slice as u64))).unwrap();
            assert!(files.lock().values().filter(|slice| slice.file.is_some()).count() <= OPEN);
        }
    }
    drop(files);
    let (_, claims, fence) = open_on(&folder, "two", 0);
    assert_eq!((claims.len(), fence), (2 * slices, Fence::Whole));
}

#[test]
fn claims_that_are_written_at_once_are_all_there() {
    let folder = Folder::made();
    let (files, ..) = open(&folder, 0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let files = &files;
            scope.spawn(move || {
                for number in 0..200_u8 {
                    files
                        .append(&key(thread * 1000 + u64::from(number)), at_second(25 + i64::from(number % 10)))
                        .unwrap();
                }
            });
        }
    });
    kill(files);
    let (_, claims, fence) = open(&folder, 0);
    let keys: HashSet<_> = claims.iter().map(|(key, _)| *key).collect();
    assert_eq!((keys.len(), fence), (1600, Fence::Whole));
}
