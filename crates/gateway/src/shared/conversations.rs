//! Conversations that any of the gateways issued.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_wss::{Context, Time};
use redis::{Pipeline, Value};
use tokio::time::Instant;

use super::connection::Answers;
use super::local::{Found, digest};
use super::record::{self, Key, Life, Note, Used};
use super::{Shared, Unavailable, hex, session};
use crate::keyring::NotSealed;
use crate::metrics::Operation;
use crate::random::NoEntropy;
use crate::sessions::{Lease, Place, Seen, owner};

/// By how much the end of a conversation that nobody uses any more may be too early, in milliseconds: a use so little later than
/// the one before is not told.
const COARSE: i64 = 1000;
/// How often it is told when a conversation was used last, where it does not live longer for it, in milliseconds.
const USED: i64 = 60_000;
/// How often it is told that there are values that are no conversations.
const TOLD: Duration = Duration::from_mins(1);
/// Keys that Redis looks at in one step of a walk, and steps of a page.
const STEP: usize = 500;
const STEPS: usize = 200;
/// Walks of a cut at most: none but the last two finds anything, unless somebody renews what is cut again and again.
const WALKS: usize = 4;

/// Why a conversation is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Redis has no room.
    #[error("Redis has no room for a conversation")]
    Full,
    /// Its caller has as many as he may.
    #[error("the caller's share of Redis is full")]
    Share,
    /// The one that it replaces was ended meanwhile, by whichever gateway.
    #[error("the conversation was ended while it was renewed")]
    Over,
    /// Its caller's name is longer than a record has it.
    #[error("the conversation has no record: its caller's name is too long")]
    TooLong,
    /// Nothing can be sealed.
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    /// A fault of the machine's.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// Redis has no answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Some of the conversations.
pub struct Page {
    /// In no order. One that is put or ended meanwhile may be among them or not, and any may be in two pages.
    pub seen: Vec<Seen<Context>>,
    /// Where the next page begins; none behind the last.
    pub next: Option<u64>,
}

/// By what a conversation is known.
fn key(scope: &str, name: &str) -> Key {
    let mut octets = Vec::with_capacity(8 + scope.len() + name.len());
    octets.extend_from_slice(&(scope.len() as u64).to_be_bytes());
    octets.extend_from_slice(scope.as_bytes());
    octets.extend_from_slice(name.as_bytes());
    hash(DigestAlgorithm::Sha256, &octets).as_ref().first_chunk().copied().unwrap_or_default()
}

impl Shared {
    /// The conversation of that name in that scope, if it is live at `now`.
    ///
    /// For as long as the settings' `cache` says one that was found is answered without Redis.
    pub async fn find(&self, scope: &str, name: &str, now: Time) -> Result<Option<Arc<Context>>, Unavailable> {
        let key = key(scope, name);
        let known = self.local.find(&key, now);
        if let Some(found) = known.as_ref().filter(|found| found.is_fresh(self.cache, self.steady())) {
            return Ok(self.live(&key, found, now));
        }
        let (ended, asked) = (self.local.ended(), self.steady());
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("GET").arg(session(&self.prefix, &key));
        let operation = if known.is_some() { Operation::Find } else { Operation::Seek };
        let answers = self.connection.ask(operation, &commands).await?;
        let Some(value) = octets(&answers)? else {
            self.local.forget(&key);
            return Ok(None);
        };
        let Some(found) = self.read(&key, &value, known, asked, now) else {
            self.local.forget(&key);
            return Ok(None);
        };
        match found {
            Read::Again(found) => {
                self.local.keep_on(&key, now);
                Ok(self.live(&key, &found, now))
            }
            Read::New(found) => {
                self.local.keep(&key, &found, ended, now);
                Ok(self.live(&key, &found, now))
            }
        }
    }

    /// Keeps a conversation, if its caller has not as many as he may, and, where it replaces another, if that is there: who ended
    /// it, whichever gateway he asked, ended it with all that comes of it. When this is done, every gateway of the farm knows it.
    pub async fn put(&self, scope: &str, context: &Arc<Context>, lease: &Lease<'_>, now: Time) -> Result<(), NotKept> {
        let key = key(scope, &context.name());
        let record = context.record().ok_or(NotKept::TooLong)?;
        let life = Life { end: lease.pending.min(lease.end), full: lease.end, used: None };
        let mut random = self.connection.entropy.draw();
        let ring = self.keys.ring();
        let value = record::seal(&ring, &key, &life, &record, now, &mut random)?;
        random.check()?;
        let sealed = Life::read(&value).map(|(_, sealed)| digest(ring.epoch(), sealed)).unwrap_or_default();
        let (ended, asked) = (self.local.ended(), self.steady());
        let replaced = context.replaces().map(|name| self::key(scope, name));
        let commands = self.put_in_share(&ring, lease.owner.name, (&key, replaced), (value, &life), now)?;
        let answers = self.connection.ask(Operation::Keep, &commands).await?;
        match answers.values.first() {
            Some(Value::Int(1)) => {
                let found = Found::new(Arc::clone(context), life.full, sealed, life, asked);
                self.local.keep(&key, &Arc::new(found), ended, now);
                Ok(())
            }
            Some(Value::Int(0)) => Err(NotKept::Share),
            Some(Value::Int(-1)) => Err(NotKept::Over),
            Some(Value::ServerError(error)) if error.code() == "OOM" => Err(NotKept::Full),
            _ => Err(unexpected(&answers).into()),
        }
    }

    /// The conversation was used at `now`: it lives until `idle`, if that is said, or else its whole life. Redis is told a little
    /// later, and again until it has answered; meanwhile another gateway does not know it.
    pub fn used(&self, scope: &str, name: &str, idle: Option<Time>, now: Time) {
        let key = key(scope, name);
        let until = idle.unwrap_or(Time::from_millis(i64::MAX));
        let tell = self.local.find(&key, now).is_none_or(|found| {
            let life = found.life();
            let lives = until.min(life.full).millis().saturating_sub(life.end.millis()) <= COARSE;
            let known = life.used.is_some_and(|used| now.millis().saturating_sub(used.millis()) < USED);
            !(lives && known)
        });
        if tell {
            self.uses.note(&key, Note { used: Some(Used { first: now, last: now, until }), ends: None });
        }
    }

    /// Lets the conversation end at `end`, if it would end later, used or not. Redis is told as of a use.
    pub fn retire(&self, scope: &str, name: &str, end: Time, now: Time) {
        let key = key(scope, name);
        let is_known = match self.local.find(&key, now) {
            Some(found) => found.life().full <= end,
            None => false,
        };
        if !is_known && !self.uses.has_ended(&key, end) {
            self.uses.note(&key, Note { used: None, ends: Some(end) });
        }
    }

    /// Ends the conversation. Whether it was there: of several at once, anywhere in the farm, one is told so. An error says that
    /// it is not known whether it is ended. `owner` is whose share it counts against.
    pub async fn remove(&self, scope: &str, name: &str, owner: &str, now: Time) -> Result<bool, Unavailable> {
        let key = key(scope, name);
        self.local.end(&key);
        let answers = self.connection.ask(Operation::End, &self.deletions(&[(key, owner)], now)).await;
        // Somebody may have read it meanwhile.
        self.local.end(&key);
        Ok(deleted(&answers?, 1)? == 1)
    }

    /// Deletes conversations; then, each for itself, has them counted no more.
    fn deletions(&self, of: &[(Key, impl AsRef<str>)], now: Time) -> Pipeline {
        let mut commands = Pipeline::with_capacity(2 * of.len());
        for (key, _) in of {
            commands.cmd("DEL").arg(session(&self.prefix, key));
        }
        for (key, owner) in of {
            self.give_back(&mut commands, owner.as_ref(), key, now);
        }
        commands
    }

    /// Those of the conversations alive at `now` that `which` takes: `most` of them, or a few more, from where `after` says.
    ///
    /// Redis is walked through: a page may have fewer, or none, and not be the last.
    pub async fn list(
        &self,
        after: Option<u64>,
        most: usize,
        now: Time,
        which: impl Fn(&Context) -> bool,
    ) -> Result<Page, Unavailable> {
        let _one = self.walk.lock().await;
        let (mut seen, mut cursor) = (Vec::new(), after.unwrap_or(0));
        for _ in 0..STEPS {
            let step = self.step(cursor, now).await?;
            cursor = step.cursor;
            for (key, context, life) in step.found {
                if life.end > now && which(&context) {
                    let Ok(place) = hex(&key).parse::<Place>() else { continue };
                    seen.push(Seen { place, value: context, used: life.used, end: life.end });
                }
            }
            if cursor == 0 {
                return Ok(Page { seen, next: None });
            }
            if seen.len() >= most {
                break;
            }
        }
        Ok(Page { seen, next: Some(cursor) })
    }

    /// Ends the conversations that `which` takes, for every gateway; how many these were. An error says that some may be left.
    pub async fn cut(&self, now: Time, which: impl Fn(&Context) -> bool) -> Result<usize, Unavailable> {
        let _one = self.walk.lock().await;
        let mut count = 0;
        // What is renewed behind a walk while its old key is still ahead of it is found by the next.
        for _ in 0..WALKS {
            let (found, live) = self.cut_once(now, &which).await?;
            count += live;
            if found == 0 {
                break;
            }
        }
        Ok(count)
    }

    /// The same, in one walk: how many were found, and how many of these lived and were ended by this.
    async fn cut_once(&self, now: Time, which: impl Fn(&Context) -> bool) -> Result<(usize, usize), Unavailable> {
        let (mut found, mut count, mut cursor) = (0, 0, 0);
        loop {
            let step = self.step(cursor, now).await?;
            cursor = step.cursor;
            let meant = step.found.iter().filter(|(_, context, _)| which(context));
            let (live, over): (Vec<_>, Vec<_>) = meant.partition(|(_, _, life)| life.end > now);
            // What looks over too, uncounted: a use that is told late would have it go on.
            for (these, counts) in [(live, 1), (over, 0)] {
                let of: Vec<_> = these.iter().map(|(key, context, _)| (*key, owner(&context.principal))).collect();
                if of.is_empty() {
                    continue;
                }
                found += of.len();
                let answers = self.connection.ask_beside(Operation::End, &self.deletions(&of, now)).await;
                for (key, _) in &of {
                    self.local.end(key);
                }
                count += counts * deleted(&answers?, of.len())?;
            }
            if cursor == 0 {
                return Ok((found, count));
            }
        }
    }

    /// How many values were found that are no conversations of ours: foreign, changed, of another version, or sealed with a key
    /// that the ring does not have.
    pub fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// Some of the conversations.
    async fn step(&self, cursor: u64, now: Time) -> Result<Step, Unavailable> {
        let mut commands = Pipeline::with_capacity(1);
        let scan = commands.cmd("SCAN").arg(cursor).arg("MATCH").arg(format!("{}:s:*", self.prefix));
        scan.arg("COUNT").arg(STEP);
        let answers = self.connection.ask_beside(Operation::List, &commands).await?;
        let Some(Value::Array(parts)) = answers.values.first() else { return Err(unexpected(&answers)) };
        let [Value::BulkString(next), Value::Array(names)] = &**parts else { return Err(unexpected(&answers)) };
        let cursor =
            str::from_utf8(next).ok().and_then(|next| next.parse().ok()).ok_or_else(|| unexpected(&answers))?;
        let keys: Vec<Key> = names.iter().filter_map(|name| self.named(name)).collect();
        if keys.is_empty() {
            return Ok(Step { cursor, found: Vec::new() });
        }
        let mut commands = Pipeline::with_capacity(keys.len());
        for key in &keys {
            commands.cmd("GET").arg(session(&self.prefix, key));
        }
        let asked = self.steady();
        let answers = self.connection.ask_beside(Operation::List, &commands).await?;
        let mut found = Vec::new();
        for (key, value) in keys.into_iter().zip(&answers.values) {
            match value {
                Value::BulkString(value) => {
                    let known = self.local.find(&key, now);
                    if let Some(Read::Again(one) | Read::New(one)) = self.read(&key, value, known, asked, now) {
                        let life = self.noted(&key, one.life());
                        found.push((key, Arc::clone(&one.context), life));
                    }
                }
                Value::Nil => {}
                Value::ServerError(error) if error.code() == "WRONGTYPE" => self.count_unreadable(),
                Value::ServerError(error) => return Err(answers.link.refused(error)),
                _ => return Err(unexpected(&answers)),
            }
        }
        Ok(Step { cursor, found })
    }

    /// Whose name that is in Redis.
    fn named(&self, name: &Value) -> Option<Key> {
        let Value::BulkString(name) = name else { return None };
        let hex = str::from_utf8(name).ok()?.strip_prefix(&*self.prefix)?.strip_prefix(":s:")?;
        let key = u128::from_str_radix(hex, 16).ok()?.to_be_bytes();
        // Written otherwise it is another's.
        (super::hex(&key) == hex).then_some(key)
    }

    /// What a value says, if it is a conversation: what was opened before is not opened again.
    fn read(&self, key: &Key, value: &[u8], known: Option<Arc<Found>>, asked: i64, now: Time) -> Option<Read> {
        let Some((life, sealed)) = Life::read(value) else {
            self.count_unreadable();
            return None;
        };
        let ring = self.keys.ring();
        // A key that is taken away opens nothing more, whatever was opened with it before.
        if ring.retires(sealed).is_some_and(|retires| retires <= now) {
            self.count_unreadable();
            return None;
        }
        let digest = digest(ring.epoch(), sealed);
        if let Some(found) = known.filter(|found| found.is_of(&digest)) {
            found.said(life, asked);
            return Some(Read::Again(found));
        }
        let Ok((context, full)) = record::open(&ring, key, sealed, now, &self.restorer) else {
            self.count_unreadable();
            return None;
        };
        Some(Read::New(Arc::new(Found::new(Arc::new(context), full, digest, life, asked))))
    }

    fn count_unreadable(&self) {
        let count = self.unreadable.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= TOLD) {
            *told = Some(Instant::now());
            tracing::warn!(
                count,
                "there are values in Redis under {}:s: that are no conversations, or do not open with the key ring",
                self.prefix
            );
        }
    }

    /// The conversation, if it lives.
    fn live(&self, key: &Key, found: &Found, now: Time) -> Option<Arc<Context>> {
        (self.noted(key, found.life()).end > now).then(|| Arc::clone(&found.context))
    }

    /// A life with what Redis was not told yet.
    fn noted(&self, key: &Key, life: Life) -> Life {
        self.uses.of(key).map_or(life, |note| life.with(&note))
    }

    fn steady(&self) -> i64 {
        self.connection.clock.steady()
    }
}

/// A conversation that was read.
enum Read {
    /// It was known.
    Again(Arc<Found>),
    New(Arc<Found>),
}

/// Some of the conversations, and where it goes on.
struct Step {
    cursor: u64,
    found: Vec<(Key, Arc<Context>, Life)>,
}

/// The octets that are answered to one command; none where there is nothing.
fn octets(answers: &Answers) -> Result<Option<Vec<u8>>, Unavailable> {
    match answers.values.first() {
        Some(Value::BulkString(octets)) => Ok(Some(octets.clone())),
        Some(Value::Nil) => Ok(None),
        // Something else is there: it is no conversation.
        Some(Value::ServerError(error)) if error.code() == "WRONGTYPE" => Ok(Some(Vec::new())),
        _ => Err(unexpected(answers)),
    }
}

/// How many of so many keys were there to be deleted. What is said of counts does not matter: what is over is found there.
fn deleted(answers: &Answers, of: usize) -> Result<usize, Unavailable> {
    let count =
        |value: &Value| if let Value::Int(count @ (0 | 1)) = value { Some(usize::from(*count == 1)) } else { None };
    answers.values.iter().take(of).map(count).sum::<Option<usize>>().ok_or_else(|| unexpected(answers))
}

/// An error of Redis's, or an answer that is none.
pub(super) fn unexpected(answers: &Answers) -> Unavailable {
    let error = answers.values.iter().find_map(|value| match value {
        Value::ServerError(error) => Some(error),
        _ => None,
    });
    match error {
        Some(error) => answers.link.refused(error),
        None => answers.link.end(Unavailable::Refused("it answers what was not asked".to_owned())),
    }
}
