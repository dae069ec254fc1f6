//! Guessed passwords, slowed down without locking out whose they are.
//!
//! Wrong passwords fill buckets that leak: one for each user and address, one for each user over all addresses from which
//! he has not come before, one for each address over all users. Where one of them is full, a try is not looked at. Whoever
//! has come from an address before is let try from there always: what others do elsewhere is nothing to him, and if wrong
//! passwords come from that very address, each answer to one of them is held back, but never that to a right one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio_wss::Time;

use crate::listen::network;

/// For how long an answer is held back.
pub const HELD: Duration = Duration::from_secs(5);
/// How many buckets that are not empty are kept, and as many users with an address: some 5 MiB.
const KEPT: usize = 65_536;
/// For how long it is remembered from where a user came.
const KNOWN: i64 = 30 * 24 * 3_600_000;
/// How often that he came is noted: a user may come many times in a second.
const NOTED: i64 = 60_000;

/// How many wrong passwords go into a bucket, and in how many milliseconds one leaks.
#[derive(Clone, Copy)]
struct Size {
    holds: i64,
    leaks: i64,
}

/// Of one user from one address.
const PAIR: Size = Size { holds: 10, leaks: 12_000 };
/// Of one user, from addresses that are new for him. It leaks faster than that of one address fills: who has one alone slows
/// nobody but himself.
const USER: Size = Size { holds: 50, leaks: 4_000 };
/// Of one address: many people may be behind it.
const ADDRESS: Size = Size { holds: 100, leaks: 1_000 };

/// What becomes of a try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leave {
    /// It is looked at.
    Free,
    /// It is looked at; if it is wrong, the answer waits.
    Held,
    /// It is not looked at.
    Refused,
}

/// Who tries, and from where.
#[derive(Clone, Copy)]
pub struct Try<'a> {
    /// The route: users of one name on two may be two.
    pub route: &'a str,
    /// The name.
    pub user: &'a str,
    /// The address.
    pub from: IpAddr,
}

/// Wrong passwords, as far as they are remembered.
#[derive(Default)]
pub struct Guesses {
    /// Names are chosen by whoever sends them; without the key of these hashes, nobody chooses which bucket.
    hashes: RandomState,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// When each bucket will be empty, in milliseconds since 1970.
    buckets: HashMap<u64, i64>,
    /// When each user last came from an address.
    known: HashMap<u64, i64>,
}

/// The buckets that a try may fall into.
struct Buckets {
    pair: u64,
    user: u64,
    address: u64,
}

impl Guesses {
    /// What becomes of a try.
    pub fn ask(&self, tried: Try<'_>, now: Time) -> Leave {
        let (Buckets { pair, user, address }, now) = (self.buckets(tried), now.millis());
        let mut book = self.lock();
        let pair_full = book.is_full(pair, PAIR, now);
        if book.is_known(pair, now) {
            return if pair_full { Leave::Held } else { Leave::Free };
        }
        let full = pair_full | book.is_full(user, USER, now) | book.is_full(address, ADDRESS, now);
        if full { Leave::Refused } else { Leave::Free }
    }

    /// Remembers a wrong password.
    pub fn wrong(&self, tried: Try<'_>, now: Time) {
        let (Buckets { pair, user, address }, now) = (self.buckets(tried), now.millis());
        let mut book = self.lock();
        book.fill(pair, PAIR, now);
        // From where he comes himself he may mistype without barring himself elsewhere.
        if !book.is_known(pair, now) {
            book.fill(user, USER, now);
            book.fill(address, ADDRESS, now);
        }
    }

    /// Remembers that a user came from there: of a message that was not there before, or whoever sends one again that he
    /// saw would be taken for its sender.
    pub fn right(&self, tried: Try<'_>, now: Time) {
        let (pair, now) = (self.buckets(tried).pair, now.millis());
        let mut book = self.lock();
        if book.known.get(&pair).is_none_or(|last| (now - last).abs() > NOTED) {
            if book.known.len() >= KEPT {
                drop_least(&mut book.known);
            }
            book.known.insert(pair, now);
        }
    }

    fn buckets(&self, Try { route, user, from }: Try<'_>) -> Buckets {
        let from = network(from);
        Buckets {
            pair: self.hashes.hash_one((0, route, user, from)),
            user: self.hashes.hash_one((1, route, user)),
            address: self.hashes.hash_one((2, from)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // Every change under the lock is whole before anything can panic.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// How long it takes a bucket to leak what is in it. More than it holds, after the clock was set back, is full.
    fn level(&mut self, bucket: u64, size: Size, now: i64) -> i64 {
        self.buckets.get_mut(&bucket).map_or(0, |empty| {
            *empty = (*empty).min(now + size.holds * size.leaks);
            (*empty - now).max(0)
        })
    }

    fn is_full(&mut self, bucket: u64, size: Size, now: i64) -> bool {
        self.level(bucket, size, now) > (size.holds - 1) * size.leaks
    }

    fn is_known(&self, pair: u64, now: i64) -> bool {
        self.known.get(&pair).is_some_and(|last| now - last < KNOWN)
    }

    fn fill(&mut self, bucket: u64, size: Size, now: i64) {
        let level = (self.level(bucket, size, now) + size.leaks).min(size.holds * size.leaks);
        if self.buckets.len() >= KEPT && !self.buckets.contains_key(&bucket) {
            self.buckets.retain(|_, empty| *empty > now);
            if self.buckets.len() >= KEPT {
                // To make one bucket be forgotten takes wrong passwords for as many others.
                drop_least(&mut self.buckets);
            }
        }
        self.buckets.insert(bucket, now + level);
    }
}

/// Drops the quarter with the least values, and what is equal to the last of it.
fn drop_least(map: &mut HashMap<u64, i64>) {
    let mut values: Vec<i64> = map.values().copied().collect();
    if let Some(at) = (values.len() / 4).checked_sub(1) {
        let (_, least, _) = values.select_nth_unstable(at);
        let least = *least;
        map.retain(|_, value| *value > least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(1_767_225_600_000 + seconds * 1000)
    }

    fn from<'a>(user: &'a str, address: &str) -> Try<'a> {
        Try { route: "0", user, from: address.parse().unwrap() }
    }

    /// So many wrong passwords at once; how many were looked at.
    fn guess(guesses: &Guesses, tried: Try<'_>, count: usize, now: Time) -> usize {
        let looked = |_: &usize| match guesses.ask(tried, now) {
            Leave::Refused => false,
            Leave::Free | Leave::Held => {
                guesses.wrong(tried, now);
                true
            }
        };
        (0..count).filter(looked).count()
    }

    #[test]
    fn tk_01_one_address_guesses_a_few_times_a_minute() {
        let guesses = Guesses::default();
        let (eve, alice) = (from("alice", "192.0.2.66"), from("alice", "192.0.2.1"));
        assert_eq!(guess(&guesses, eve, 10_000, at(0)), 10);
        assert_eq!(guess(&guesses, eve, 10_000, at(11)), 0);
        assert_eq!(guess(&guesses, eve, 10_000, at(12)), 1);
        assert_eq!(guess(&guesses, eve, 10_000, at(132)), 10, "a bucket that leaked");
        let hour: usize = (133..3733).map(|second| guess(&guesses, eve, 10, at(second))).sum();
        assert_eq!(hour, 300);
        assert_eq!(guesses.ask(alice, at(3732)), Leave::Free, "whose name it is comes from elsewhere");
        assert_eq!(guesses.ask(from("bob", "192.0.2.66"), at(3732)), Leave::Free, "and others from there");
        assert_eq!(guesses.ask(Try { route: "1", ..eve }, at(3732)), Leave::Free, "another route's user");
    }

    #[test]
    fn tk_01_many_addresses_slow_whom_they_guess_at_from_new_addresses_alone() {
        let guesses = Guesses::default();
        let home = from("alice", "192.0.2.1");
        guesses.right(home, at(0));
        let all: usize =
            (0..200).map(|host| guess(&guesses, from("alice", &format!("198.51.100.{host}")), 10, at(1))).sum();
        assert_eq!(all, 50);
        assert_eq!(guesses.ask(from("alice", "203.0.113.9"), at(1)), Leave::Refused, "from where she never was");
        assert_eq!(guesses.ask(home, at(1)), Leave::Free, "from where she comes");
        assert_eq!(guesses.ask(from("bob", "203.0.113.9"), at(1)), Leave::Free, "somebody else");
        assert_eq!(guesses.ask(from("alice", "203.0.113.9"), at(5)), Leave::Free, "a little later");
    }

    #[test]
    fn tk_01_one_address_that_tries_every_name_is_slowed() {
        let guesses = Guesses::default();
        let names: Vec<String> = (0..1000).map(|number| format!("user{number}")).collect();
        let looked: usize = names.iter().map(|name| guess(&guesses, from(name, "192.0.2.66"), 1, at(0))).sum();
        assert_eq!(looked, 100);
        let six = (0..1000).map(|host| format!("2001:db8:0:1::{host:x}"));
        let looked: usize = six.zip(&names).map(|(host, name)| guess(&guesses, from(name, &host), 1, at(0))).sum();
        assert_eq!(looked, 100, "one network of the sixth version is one address");
        let mapped = "::ffff:192.0.2.66";
        assert_eq!(guesses.ask(from("somebody", mapped), at(0)), Leave::Refused, "and one address has one spelling");
    }

    /// Behind the address from which somebody comes there may be others who guess: he is never slowed, they are.
    #[test]
    fn tk_01_whoever_came_from_there_is_looked_at_always() {
        let guesses = Guesses::default();
        let home = from("alice", "192.0.2.1");
        guesses.right(home, at(0));
        assert_eq!(guess(&guesses, home, 10, at(1)), 10);
        assert_eq!(guesses.ask(home, at(1)), Leave::Held);
        guesses.right(home, at(2));
        assert_eq!(guesses.ask(home, at(2)), Leave::Held, "that the right one came sets no other free");
        assert_eq!(guesses.ask(from("alice", "203.0.113.9"), at(2)), Leave::Free, "nor are new addresses slowed");
        assert_eq!(guesses.ask(home, at(70)), Leave::Free);
        assert_eq!(guesses.ask(home, at(31 * 24 * 3600)), Leave::Free);
        assert_eq!(guess(&guesses, home, 20, at(31 * 24 * 3600)), 10, "and it is forgotten in a month");
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_fullest_stays() {
        let guesses = Guesses::default();
        let eve = from("alice", "192.0.2.66");
        assert_eq!(guess(&guesses, eve, 100, at(0)), 10);
        for number in 0..100_000u32 {
            let host = IpAddr::from((u128::from(number) << 64).to_be_bytes());
            guesses.wrong(Try { route: "0", user: "bob", from: host }, at(1));
            guesses.right(Try { route: "0", user: "carol", from: host }, at(1 + i64::from(number)));
        }
        let book = guesses.lock();
        assert!(book.buckets.len() <= KEPT && book.known.len() <= KEPT);
        drop(book);
        assert_eq!(guesses.ask(eve, at(1)), Leave::Refused);
        let last = IpAddr::from((99_999u128 << 64).to_be_bytes());
        assert!(
            guesses.lock().known.contains_key(&guesses.buckets(Try { route: "0", user: "carol", from: last }).pair)
        );
    }

    #[test]
    fn tk_07_a_clock_that_jumps_locks_nobody_out_for_longer() {
        let guesses = Guesses::default();
        let eve = from("alice", "192.0.2.66");
        assert_eq!(guess(&guesses, eve, 100, at(3600)), 10);
        assert_eq!(guesses.ask(eve, at(0)), Leave::Refused);
        assert_eq!(guesses.ask(eve, at(12)), Leave::Free);
    }
}
