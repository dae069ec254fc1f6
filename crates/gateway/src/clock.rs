//! What time it is: the one place where the gateway reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nuncio_wss::Time;

/// A clock.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Started { at: Time, since: Instant },
    Given(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
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
            Source::System => {
                // A system clock before 1970 is 1970: every message is then from the future, and refused.
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Started { at, since } => at.plus(since.elapsed()),
            Source::Given(millis) => Time::from_millis(millis.load(Ordering::Relaxed)),
        }
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
    fn a_given_clock_shows_what_is_set() {
        let hands = Arc::new(AtomicI64::new(5));
        let clock = Clock::given(Arc::clone(&hands));
        assert_eq!(clock.now(), Time::from_millis(5));
        hands.store(9, Ordering::Relaxed);
        assert_eq!(clock.now(), Time::from_millis(9));
    }
}
