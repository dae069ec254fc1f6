//! A context in use, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use nuncio_wss::{Context, Time};

use super::kept::Record;

/// The part of a context's time, in hundredths, in which it is renewed; it is drawn, so that what began together is not renewed
/// together. Of the shortest contexts, which are not used in their last tenth, another tenth is left for that.
const RENEWED: std::ops::Range<i64> = 65..80;
/// How long before its end a context is not used any more: what is on its way must still find it.
const MARGIN: Duration = Duration::from_secs(5);
/// The longest that one is used: services may say none, or a hundred years.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// A context, and for how long.
pub(super) struct Held {
    pub(super) context: Arc<Context>,
    /// When it was established here, by the clock that only goes on; `None` for one that was before.
    since: Option<Instant>,
    /// When it was begun, and when it ends, by our clock.
    begun: Time,
    end: Time,
    /// Until when it is used.
    until: Time,
    /// When it is renewed.
    renew: AtomicI64,
    /// When it is looked next what others have, and how often that is.
    look: AtomicI64,
    every: Duration,
}

impl Held {
    /// One that was established at `now`; so often it is looked what others have.
    pub(super) fn established(context: Context, now: Time, every: Duration, draw: u64) -> Self {
        // Its times are the service's clock's: that it lasts so long is all that is taken from them.
        let lasts = context.expires.millis().saturating_sub(context.created.millis()).max(0);
        let end = context.expires.millis().min(now.millis().saturating_add(lasts)).min(now.plus(LONGEST).millis());
        let record = Record { context: Arc::new(context), begun: now, end: Time::from_millis(end) };
        Self { since: Some(Instant::now()), ..Self::kept(record, now, every, draw) }
    }

    /// One that was kept until `now`.
    pub(super) fn kept(Record { context, begun, end }: Record, now: Time, every: Duration, draw: u64) -> Self {
        let lasts = end.millis().saturating_sub(begun.millis()).max(0);
        let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX).min(lasts / 10);
        let span = u64::try_from(RENEWED.end - RENEWED.start).unwrap_or(1);
        let part = RENEWED.start + i64::try_from(draw % span).unwrap_or_default();
        Self {
            context,
            since: None,
            begun,
            end,
            until: Time::from_millis(end.millis() - margin),
            renew: AtomicI64::new(begun.millis().saturating_add(lasts / 100 * part)),
            look: AtomicI64::new(now.plus(every).millis()),
            every,
        }
    }

    /// It as it is kept.
    pub(super) fn record(&self) -> Record {
        Record { context: Arc::clone(&self.context), begun: self.begun, end: self.end }
    }

    /// Whether it is used at `now`.
    pub(super) fn lives(&self, now: Time) -> bool {
        now < self.until
    }

    /// Whether it was there before that instant.
    pub(super) fn was_there(&self, at: Instant) -> bool {
        self.since.is_none_or(|since| since < at)
    }

    /// Whether it is another context, or another key of the same one.
    pub(super) fn is_other_than(&self, other: &Self) -> bool {
        self.context.name() != other.context.name()
    }

    /// How long it is until its successor is due.
    pub(super) fn is_due_in(&self, now: Time) -> Duration {
        let millis = self.renew.load(Ordering::Relaxed).saturating_sub(now.millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }

    /// Whether its successor is due; then it is not for who asks next, for a while.
    pub(super) fn is_due(&self, now: Time, again: Duration) -> bool {
        once(&self.renew, now, again)
    }

    /// The same of a look at what others have.
    pub(super) fn is_looked_after(&self, now: Time) -> bool {
        once(&self.look, now, self.every)
    }

    /// Whether it was not looked for so long what others have that it is looked before anybody calls in it.
    pub(super) fn is_stale(&self, now: Time) -> bool {
        now.millis() >= self.look.load(Ordering::Relaxed).saturating_add(self.every.as_millis() as i64)
    }

    /// It was looked at `now` what others have.
    pub(super) fn looked(&self, now: Time) {
        self.look.store(now.plus(self.every).millis(), Ordering::Relaxed);
    }
}

fn once(due: &AtomicI64, now: Time, again: Duration) -> bool {
    let is_due = |due: i64| (now.millis() >= due).then(|| now.plus(again).millis());
    due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due).is_ok()
}
