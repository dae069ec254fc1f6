//! What time it is: the one place where the gateway reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nuncio_wss::Time;

/// A clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System { since: Instant, ahead: Arc<AtomicI64> },
    Started { at: Time, since: Instant },
    Given(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System { since: Instant::now(), ahead: Arc::new(AtomicI64::new(i64::MIN)) })
    }

    /// A clock that shows `instant` now and runs on from there. For recordings: messages of long ago are fresh to it,
    /// so whoever recorded one may replay it. It says so in the log.
    pub fn started_at(instant: Time) -> Self {
        tracing::warn!(
            "THE CLOCK STARTS AT {instant}, NOT AT THE PRESENT: old messages count as fresh; for recordings only"
        );
        Self(Source::Started { at: instant, since: Instant::now() })
    }

    /// A clock that shows what somebody else sets, in milliseconds since 1970: a test that steps the time by hand.
    pub fn given(millis: Arc<AtomicI64>) -> Self {
        Self(Source::Given(millis))
    }

    /// The time.
    pub fn now(&self) -> Time {
        match &self.0 {
            Source::System { since, ahead } => {
                // A system clock before 1970 is 1970: every message is then from the future, and refused.
                let now = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
                let jump = jump(ahead, now - millis(since.elapsed()));
                if jump.abs() >= JUMP {
                    tracing::warn!(
                        seconds = jump / 1000,
                        "the clock jumped: messages may be refused for their age, and none is taken twice for it"
                    );
                }
                Time::from_millis(now)
            }
            Source::Started { at, since } => at.plus(since.elapsed()),
            Source::Given(millis) => Time::from_millis(millis.load(Ordering::Relaxed)),
        }
    }

    /// Milliseconds that passed since some moment: they pass whatever the clock is set to.
    pub fn steady(&self) -> i64 {
        match &self.0 {
            Source::System { since, .. } | Source::Started { since, .. } => millis(since.elapsed()),
            Source::Given(millis) => millis.load(Ordering::Relaxed),
        }
    }
}

/// A difference to the steady clock that is told of, in milliseconds: more than a clock is corrected by at once.
const JUMP: i64 = 60_000;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// By how much a clock went further ahead of the steady one than it was when it was asked last.
fn jump(ahead: &AtomicI64, now: i64) -> i64 {
    match ahead.swap(now, Ordering::Relaxed) {
        // It was not asked before.
        i64::MIN => 0,
        before => now - before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_clock_runs_on() {
        let start = Time::from_millis(1_000_000);
        let clock = Clock::started_at(start);
        let first = clock.now().millis();
        assert!((1_000_000..1_060_000).contains(&first));
        while clock.now().millis() == first {
            std::thread::yield_now();
        }
        assert!(clock.now().millis() > first);
    }

    #[test]
    fn tk_07_a_jump_is_seen_once() {
        let ahead = AtomicI64::new(i64::MIN);
        let jumps = [5_000, 5_010, 3_605_010, 3_605_000, 5_000].map(|now| jump(&ahead, now));
        assert_eq!(jumps, [0, 10, 3_600_000, -10, -3_600_000]);
    }

    #[test]
    fn a_given_clock_shows_what_is_set() {
        let hands = Arc::new(AtomicI64::new(5));
        let clock = Clock::given(Arc::clone(&hands));
        assert_eq!(clock.now(), Time::from_millis(5));
        hands.store(9, Ordering::Relaxed);
        assert_eq!(clock.now(), Time::from_millis(9));
    }
}
