//! What is told of conversations a little later: that they were used, and that they end sooner.
//!
//! A message does not wait for it. What is noted of one conversation is told at once with what was noted before, and until
//! Redis has answered it is not forgotten.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nuncio_wss::Time;
use redis::{Pipeline, Value};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Unavailable;
use super::connection::Connection;
use super::local::Local;
use super::record::{Key, Life, Note, digits};
use super::{GRACE, session};
use crate::metrics::Operation;

/// Conversations of which something may be left to tell.
const MOST: usize = 1 << 17;
/// What is told in one turn.
const TURN: usize = 128;
/// How long to wait for more to come together.
const PAUSE: Duration = Duration::from_millis(100);
/// How long to wait, at first and at most, when Redis could not be told.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Changes the head of a conversation, if it is there, and lets Redis keep it for as long as it may be needed; what the head says
/// then. It changes what is there and takes no more room, so a full Redis does it too.
///
/// What is given is the time, when it was used first and last and until when it lives by that, when it ends at the latest, each
/// empty where it is not meant, and for how much longer Redis keeps it.
const CHANGE: &str = "#!lua flags=allow-oom
local head = redis.call('GETRANGE', KEYS[1], 0, 45)
if #head ~= 46 or string.sub(head, 1, 1) ~= '1' or string.find(head, '%D') then return false end
local last, full, used = string.sub(head, 2, 16), string.sub(head, 17, 31), string.sub(head, 32, 46)
local now, first, at, till, ends = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local function less(one, two) return tonumber(one) < tonumber(two) end
if ends ~= '' and less(ends, full) then full = ends end
if first ~= '' and less(first, last) then
  if less(used, at) then used = at end
  if less(last, till) then last = till end
end
if less(full, last) then last = full end
local changed = '1' .. last .. full .. used
if changed ~= head then
  redis.call('SETRANGE', KEYS[1], 0, changed)
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(tonumber(last) - now, 0) + tonumber(ARGV[6])))
end
return changed";

/// What is left to tell.
pub(super) struct Uses {
    notes: Mutex<HashMap<Key, Note>>,
    /// How many of them there are, with those that are being told.
    left: AtomicUsize,
    /// Ends that were told of conversations that are not in use here.
    ended: Mutex<HashMap<Key, Time>>,
    begin: Notify,
    /// Whether it was said that there is no room.
    full: AtomicBool,
    prefix: String,
}

impl Uses {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            notes: Mutex::default(),
            left: AtomicUsize::new(0),
            ended: Mutex::default(),
            begin: Notify::new(),
            full: AtomicBool::new(false),
            prefix: prefix.to_owned(),
        }
    }

    /// Notes something of a conversation. What there is no room for is not noted, and comes again with the next use.
    pub(super) fn note(&self, key: &Key, note: Note) {
        let mut notes = lock(&self.notes);
        if let Some(before) = notes.get_mut(key) {
            *before = before.and(note);
        } else if notes.len() < MOST {
            notes.insert(*key, note);
            self.left.fetch_add(1, Ordering::Relaxed);
        } else {
            if !self.full.swap(true, Ordering::Relaxed) {
                tracing::warn!("uses of conversations are not told to Redis: {MOST} are waiting for it");
            }
            return;
        }
        drop(notes);
        self.begin.notify_one();
    }

    /// What is left to tell of a conversation.
    pub(super) fn of(&self, key: &Key) -> Option<Note> {
        if self.left() == 0 { None } else { lock(&self.notes).get(key).copied() }
    }

    /// Of how many conversations something is left to tell.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether it was told that a conversation ends then or sooner.
    pub(super) fn has_ended(&self, key: &Key, end: Time) -> bool {
        lock(&self.ended).get(key).is_some_and(|told| *told <= end)
    }

    /// Tells Redis, for as long as this is polled.
    pub(super) async fn tell(self: Arc<Self>, connection: Arc<Connection>, local: Arc<Local>) {
        let mut wait = WAITS.0;
        loop {
            let turn = self.turn();
            if turn.is_empty() {
                self.begin.notified().await;
                continue;
            }
            if self.tell_turn(&turn, &connection, &local).await.is_ok() {
                wait = WAITS.0;
                sleep(PAUSE).await;
            } else {
                sleep(wait).await;
                wait = (wait * 2).min(WAITS.1);
            }
        }
    }

    /// As much as is told in one turn. It stays noted, so that who asks meanwhile finds it.
    fn turn(&self) -> Vec<(Key, Note)> {
        lock(&self.notes).iter().take(TURN).map(|(key, note)| (*key, *note)).collect()
    }

    async fn tell_turn(&self, turn: &[(Key, Note)], connection: &Connection, local: &Local) -> Result<(), Unavailable> {
        let now = connection.clock.now();
        let mut commands = Pipeline::with_capacity(turn.len());
        for (key, note) in turn {
            let used = note.used.map(|used| [used.first, used.last, used.until].map(digits)).unwrap_or_default();
            let ends = note.ends.map(digits).unwrap_or_default();
            let command = commands.cmd("EVAL").arg(CHANGE).arg(1).arg(session(&self.prefix, key));
            command.arg(digits(now)).arg(&used).arg(ends).arg(GRACE.as_millis() as u64);
        }
        let answers = connection.ask_beside(Operation::Tell, &commands).await?;
        let mut failed = None;
        for ((key, note), answer) in turn.iter().zip(answers.values) {
            match answer {
                Value::BulkString(head) => {
                    if let Some((life, _)) = Life::read(&head) {
                        local.learn(key, life, now);
                    }
                    self.told(key, note, now);
                }
                // It is nobody's business any more that it was used.
                Value::Nil => {
                    local.forget(key);
                    self.told(key, note, now);
                }
                // What is there is no conversation.
                Value::ServerError(error) if matches!(error.code(), "ERR" | "WRONGTYPE") => {
                    tracing::debug!("a use is not told to Redis: {error}");
                    self.told(key, note, now);
                }
                Value::ServerError(error) => failed = Some(answers.link.refused(&error)),
                _ => failed = Some(Unavailable::Refused("it answers what was not asked".to_owned())),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// It was told, and is noted no more if nothing came to it.
    fn told(&self, key: &Key, note: &Note, now: Time) {
        let mut notes = lock(&self.notes);
        if notes.get(key) == Some(note) {
            notes.remove(key);
            self.left.fetch_sub(1, Ordering::Relaxed);
            self.full.store(false, Ordering::Relaxed);
        }
        drop(notes);
        if let Some(end) = note.ends {
            let mut ended = lock(&self.ended);
            if ended.len() >= MOST {
                ended.retain(|_, end| *end > now);
            }
            // What is forgotten is told again.
            if ended.len() >= MOST {
                ended.clear();
            }
            ended.insert(*key, end);
        }
    }
}

/// Every change under the lock is whole before anything can panic, so what a panicking thread left is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::record::Used;

    fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn used(when: i64) -> Note {
        Note { used: Some(Used { first: at(when), last: at(when), until: at(when + 100) }), ends: None }
    }

    fn key(number: usize) -> Key {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn what_there_is_no_room_for_is_not_noted_and_what_is_noted_stays() {
        let uses = Uses::new("nuncio");
        for number in 0..=MOST {
            uses.note(&key(number), used(1));
        }
        assert_eq!((uses.left(), uses.of(&key(MOST))), (MOST, None));
        uses.note(&key(0), used(2));
        let both = uses.of(&key(0)).unwrap();
        assert_eq!(both, used(1).and(used(2)), "of what is noted more is");
        uses.told(&key(0), &used(1), at(5));
        assert_eq!(uses.of(&key(0)), Some(both), "something came to it while it was told");
        uses.told(&key(0), &both, at(5));
        assert_eq!((uses.left(), uses.of(&key(0))), (MOST - 1, None));
        uses.note(&key(MOST), used(3));
        assert_eq!(uses.of(&key(MOST)), Some(used(3)), "and makes room");
    }

    #[test]
    fn an_end_that_was_told_is_known_for_a_while() {
        let uses = Uses::new("nuncio");
        let ends = |end| Note { used: None, ends: Some(at(end)) };
        uses.told(&key(1), &ends(50), at(0));
        assert!(uses.has_ended(&key(1), at(50)) && uses.has_ended(&key(1), at(90)));
        assert!(!uses.has_ended(&key(1), at(49)) && !uses.has_ended(&key(2), at(50)));
        for number in 2..=MOST {
            uses.told(&key(number), &ends(100), at(0));
        }
        uses.told(&key(MOST + 1), &ends(100), at(60));
        assert!(!uses.has_ended(&key(1), at(50)), "it is over");
        assert!(uses.has_ended(&key(2), at(100)));
        uses.told(&key(MOST + 2), &ends(100), at(60));
        assert!(!uses.has_ended(&key(2), at(100)), "what there is no room for is told again");
        assert_eq!(lock(&uses.ended).len(), 1);
    }
}
