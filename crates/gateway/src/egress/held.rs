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
        let end = now.millis().saturating_add(lasts).min(now.plus(LONGEST).millis());
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

#[cfg(test)]
mod tests {
    use nuncio_wss::Principal;

    use super::*;
    use crate::sessions::cookie::tests::context;

    const EVERY: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    /// One that the service says lasts from then until then, by its own clock.
    fn lasting(created: Time, expires: Time, draw: u64) -> Held {
        let mut context = context(Principal::Anonymous, at(0));
        (context.created, context.expires) = (created, expires);
        Held::established(context, at(0), EVERY, draw)
    }

    /// Of what the service's clock says it is taken how long a context lasts.
    #[test]
    fn a_context_is_used_as_long_as_it_lasts() {
        for (created, expires, last) in [(0, 100, 94), (-3600, -3500, 94), (3600, 3700, 94), (0, 10, 8)] {
            let held = lasting(at(created), at(expires), 0);
            assert!(held.lives(at(last)) && !held.lives(at(last + 2)), "{created} {expires}");
        }
        let held = lasting(at(0), Time::from_millis(i64::MAX), 7);
        assert!(held.lives(at(29 * 86400)) && !held.lives(at(30 * 86400)), "however long it lasts");
        assert!(held.record().end <= at(30 * 86400));
    }

    /// Whatever is drawn, its successor is due with time to spare, and not before its time is half over.
    #[test]
    fn a_successor_is_due_before_the_end() {
        for lasts in [3_u32, 60, 36_000] {
            let (mut drawn, whole) = (Vec::new(), Duration::from_secs(lasts.into()));
            for draw in 0..100 {
                let held = lasting(at(0), at(lasts.into()), draw);
                let due = held.is_due_in(at(0));
                assert!(due > whole / 2);
                assert!(held.lives(at(0).plus(due).plus(whole * 9 / 100)), "{lasts} {draw}");
                drawn.push(due);
            }
            drawn.sort_unstable();
            drawn.dedup();
            assert!(drawn.len() > 10, "what begins together is not renewed together");
        }
        let held = lasting(at(0), at(100), 0);
        let again = Duration::from_secs(5);
        assert!(!held.is_due(at(64), again) && held.is_due(at(66), again));
        assert!(!held.is_due(at(67), again) && held.is_due(at(71), again), "again after a while");
    }

    #[test]
    fn what_others_have_is_looked_at_in_time() {
        let held = lasting(at(0), at(36_000), 0);
        assert!(!held.is_looked_after(at(29)) && held.is_looked_after(at(30)) && !held.is_looked_after(at(31)));
        assert!(!held.is_stale(at(89)) && held.is_stale(at(90)), "nobody looked since");
        held.looked(at(90));
        assert!(!held.is_stale(at(149)) && held.is_stale(at(150)));
        assert!(held.was_there(Instant::now()));
        let kept = Held::kept(held.record(), at(10), EVERY, 0);
        assert!(kept.was_there(Instant::now()) && !kept.is_other_than(&held));
    }
}
