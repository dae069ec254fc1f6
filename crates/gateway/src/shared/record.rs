//! A conversation as Redis has it: a head in clear, which Redis itself changes, and the context, sealed.
//!
//! The head is a line of digits: its version, and three instants of fifteen digits each. What they say is the life of the
//! conversation; that Redis drops it some time later is housekeeping. Nobody lengthens that life by changing the head: the end
//! that it was given is sealed as well.

use nuncio_crypto::random::Random;
use nuncio_wss::{Context, NotARecord, Restorer, Time};
use zeroize::Zeroizing;

use crate::keyring::{Binding, KeyRing, NotSealed};

/// What is sealed here.
const PURPOSE: &str = "shared session";
/// The version of a head, its first octet.
const VERSION: u8 = b'1';
/// Digits of an instant.
const DIGITS: usize = 15;
/// Octets of a head.
pub(super) const HEAD: usize = 1 + 3 * DIGITS;
/// The last instant that has so many digits.
const LAST: i64 = 999_999_999_999_999;

/// By what a conversation is known: a digest of its scope and its name.
pub(super) type Key = [u8; 16];

/// The life of a conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Life {
    /// When it ends as things are.
    pub(super) end: Time,
    /// When it ends at the latest.
    pub(super) full: Time,
    /// When it was used last, as far as that was told; `None` where nothing was said in it yet.
    pub(super) used: Option<Time>,
}

/// An instant in digits; one before 1970 is none, and one of which there are no digits the last.
pub(super) fn digits(time: Time) -> String {
    format!("{:0DIGITS$}", time.millis().clamp(0, LAST))
}

impl Life {
    /// The head that says it.
    pub(super) fn head(&self) -> String {
        let used = self.used.unwrap_or(Time::from_millis(0));
        format!("{}{}{}{}", char::from(VERSION), digits(self.end), digits(self.full), digits(used))
    }

    /// What a head says, and what is behind it. `None` for what is no head, or one of another version.
    pub(super) fn read(value: &[u8]) -> Option<(Self, &[u8])> {
        let (head, sealed) = value.split_first_chunk::<HEAD>()?;
        let (version, instants) = head.split_first()?;
        if *version != VERSION || !instants.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let instant = |which: usize| {
            let digits = &instants[which * DIGITS..(which + 1) * DIGITS];
            Time::from_millis(digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
        };
        let used = Some(instant(2)).filter(|used| used.millis() > 0);
        Some((Self { end: instant(0), full: instant(1), used }, sealed))
    }

    /// The same with what was noted since.
    pub(super) fn with(mut self, note: &Note) -> Self {
        if let Some(ends) = note.ends {
            self.full = self.full.min(ends);
        }
        if let Some(used) = note.used
            && used.first < self.end
        {
            self.used = self.used.max(Some(used.last));
            self.end = self.end.max(used.until);
        }
        self.end = self.end.min(self.full);
        self
    }
}

/// What is to be told of a conversation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Note {
    /// That it was used.
    pub(super) used: Option<Used>,
    /// When it ends at the latest.
    pub(super) ends: Option<Time>,
}

/// Uses of a conversation, each while it lived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Used {
    pub(super) first: Time,
    pub(super) last: Time,
    /// Until when it lives by them.
    pub(super) until: Time,
}

impl Note {
    /// Both, as if they had come one after the other.
    pub(super) fn and(self, other: Self) -> Self {
        let used = match (self.used, other.used) {
            (Some(one), Some(two)) => Some(Used {
                first: one.first.min(two.first),
                last: one.last.max(two.last),
                until: one.until.max(two.until),
            }),
            (one, two) => one.or(two),
        };
        Self { used, ends: self.ends.into_iter().chain(other.ends).min() }
    }
}

/// The value of a conversation. `context` is its record.
pub(super) fn seal(
    ring: &KeyRing,
    key: &Key,
    life: &Life,
    context: &[u8],
    now: Time,
    random: &mut dyn Random,
) -> Result<Vec<u8>, NotSealed> {
    // It never grows: no copy of the key is left behind.
    let mut text = Zeroizing::new(Vec::with_capacity(8 + context.len()));
    text.extend_from_slice(&life.full.millis().to_be_bytes());
    text.extend_from_slice(context);
    let mut value = life.head().into_bytes();
    value.extend_from_slice(&ring.seal(&text, binding(key), now, random)?);
    Ok(value)
}

/// The context of what is sealed, and the latest end that it was given.
pub(super) fn open(
    ring: &KeyRing,
    key: &Key,
    sealed: &[u8],
    now: Time,
    restorer: &Restorer,
) -> Result<(Context, Time), NotARecord> {
    let text = ring.open(sealed, binding(key), now).map_err(|_| NotARecord)?;
    let (full, record) = text.split_first_chunk().ok_or(NotARecord)?;
    Ok((restorer.restore(record)?, Time::from_millis(i64::from_be_bytes(*full))))
}

/// For what it is sealed: the key says its scope and its name.
fn binding(key: &Key) -> Binding<'_> {
    Binding { purpose: PURPOSE, scope: "", name: key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn life(end: i64, full: i64, used: Option<i64>) -> Life {
        Life { end: at(end), full: at(full), used: used.map(at) }
    }

    #[test]
    fn a_head_says_a_life() {
        let life = life(1_795_332_617_547, 1_795_332_999_999, Some(5));
        let head = life.head();
        assert_eq!(head, "1001795332617547001795332999999000000000000005");
        assert_eq!(head.len(), HEAD);
        assert_eq!(Life::read(format!("{head}sealed").as_bytes()), Some((life, &b"sealed"[..])));
        let unused = Life { used: None, ..life };
        assert_eq!(Life::read(unused.head().as_bytes()), Some((unused, &[][..])));
        let odd = Life { end: at(-5), full: at(i64::MAX), used: None };
        let read = Life { end: at(0), full: at(LAST), used: None };
        assert_eq!(Life::read(odd.head().as_bytes()), Some((read, &[][..])), "what has no digits");
    }

    #[test]
    fn f_16_what_is_no_head_says_nothing() {
        let head = life(1, 2, Some(3)).head().into_bytes();
        for length in 0..HEAD {
            assert_eq!(Life::read(&head[..length]), None, "{length} octets");
        }
        for at in 0..HEAD {
            for octet in [b'-', b' ', b':', b'/', 0, 0xFF] {
                let mut changed = head.clone();
                changed[at] = octet;
                assert_eq!(Life::read(&changed), None, "{octet} at {at}");
            }
        }
        let mut next = head;
        next[0] = b'2';
        assert_eq!(Life::read(&next), None, "of another version");
    }

    #[test]
    fn what_was_noted_changes_a_life_as_redis_will() {
        let used = |first, last, until| Note {
            used: Some(Used { first: at(first), last: at(last), until: at(until) }),
            ends: None,
        };
        let ends = |end| Note { used: None, ends: Some(at(end)) };
        let pending = life(120, 1000, None);
        assert_eq!(pending.with(&Note::default()), pending);
        assert_eq!(pending.with(&used(10, 10, i64::MAX)), life(1000, 1000, Some(10)));
        assert_eq!(pending.with(&used(119, 119, 400)), life(400, 1000, Some(119)));
        assert_eq!(pending.with(&used(120, 120, 400)), pending, "it was over");
        assert_eq!(pending.with(&used(10, 200, 500)), life(500, 1000, Some(200)), "it was used before it was over");
        assert_eq!(life(500, 1000, Some(50)).with(&used(20, 20, 100)), life(500, 1000, Some(50)), "what came late");
        assert_eq!(pending.with(&ends(100)), life(100, 100, None));
        assert_eq!(pending.with(&ends(2000)), pending);
        assert_eq!(pending.with(&used(10, 10, i64::MAX).and(ends(300))), life(300, 300, Some(10)));
    }

    #[test]
    fn notes_come_together() {
        let note = |first, last, until, ends: Option<i64>| Note {
            used: Some(Used { first: at(first), last: at(last), until: at(until) }),
            ends: ends.map(at),
        };
        let both = note(10, 20, 500, Some(90)).and(note(5, 30, 400, Some(80)));
        assert_eq!(both, note(5, 30, 500, Some(80)));
        let ends = Note { used: None, ends: Some(at(7)) };
        assert_eq!(note(1, 2, 3, None).and(ends), note(1, 2, 3, Some(7)));
        assert_eq!(ends.and(note(1, 2, 3, None)), note(1, 2, 3, Some(7)));
    }
}
