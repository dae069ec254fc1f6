//! The URLs of a backend: which of them is called next, which are out of service, and how many calls each has.
//!
//! One lock for all of it, held for no longer than a choice takes: so no cap and no share is ever overrun.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Url;
use tokio::time::Instant;

use super::Unavailable;
use super::balance::Turns;
use crate::config::{Balance, Ejection, Health};
use crate::metrics::{BackendMetrics, Call};

/// By how much at most a member is out for longer than the first time.
const LONGEST: u32 = 10;

/// The URLs of one backend.
pub(super) struct Pool {
    pub(super) members: Vec<Member>,
    balance: Balance,
    ejection: Option<Ejection>,
    /// Calls that one member may have at once.
    cap: usize,
    route: String,
    state: Mutex<State>,
}

/// One URL.
pub(super) struct Member {
    pub(super) url: Url,
    /// What it is called in logs and metrics.
    pub(super) name: String,
    pub(super) weight: u32,
    pub(super) metrics: BackendMetrics,
}

struct State {
    turns: Turns,
    standings: Vec<Standing>,
}

/// How a member stands.
#[derive(Clone, Default)]
struct Standing {
    /// Calls that it has.
    calls: usize,
    /// Calls that failed, one after the other.
    failures: usize,
    /// How often it was ejected of late.
    times: u32,
    /// Until when it is out; and behind that, until a call of it went well.
    ejected: Option<Instant>,
    /// Whether a call is under way to see if it is well again.
    on_trial: bool,
    /// What its health checks say.
    health: Checked,
}

/// What health checks say.
#[derive(Clone, Copy, Default)]
struct Checked {
    out: bool,
    /// Checks that said otherwise, one after the other.
    otherwise: usize,
}

impl Standing {
    /// Whether it may be called. A member whose time is over is called once, and again only when that went well.
    fn serves(&self, now: Instant) -> bool {
        !self.health.out && self.ejected.is_none_or(|until| until <= now && !self.on_trial)
    }
}

impl Pool {
    pub(super) fn new(
        route: &str,
        members: Vec<Member>,
        balance: Balance,
        ejection: Option<Ejection>,
        cap: usize,
    ) -> Arc<Self> {
        let turns = Turns::new(&members.iter().map(|member| member.weight).collect::<Vec<_>>());
        let state = Mutex::new(State { turns, standings: vec![Standing::default(); members.len()] });
        for member in &members {
            member.metrics.serves(true);
        }
        Arc::new(Self { members, balance, ejection, cap, route: route.to_owned(), state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The member to call next, beside those that were tried. Where all are out nothing is called: a service that is down
    /// comes back no sooner for calls that wait for it.
    pub(super) fn choose(self: &Arc<Self>, tried: &[usize]) -> Result<UnderWay, Unavailable> {
        let now = Instant::now();
        let mut state = self.state();
        let State { turns, standings } = &mut *state;
        let serving: Vec<usize> =
            (0..standings.len()).filter(|at| !tried.contains(at) && standings[*at].serves(now)).collect();
        if serving.is_empty() {
            return Err(Unavailable::OutOfService);
        }
        let free: Vec<usize> = serving.into_iter().filter(|at| standings[*at].calls < self.cap).collect();
        let chosen = match self.balance {
            Balance::RoundRobin => turns.next(&free),
            Balance::LeastRequests => turns.lesser(&free, |at| standings[at].calls),
        };
        let at = chosen.ok_or(Unavailable::Busy(self.cap))?;
        let standing = &mut standings[at];
        standing.calls += 1;
        standing.on_trial = standing.ejected.is_some();
        self.members[at].metrics.began();
        Ok(UnderWay { pool: Arc::clone(self), at, on_trial: standing.on_trial, result: Call::Abandoned })
    }

    /// The URL of a member that serves, or of the first.
    pub(super) fn url(&self) -> &Url {
        let now = Instant::now();
        let at = self.state().standings.iter().position(|standing| standing.serves(now)).unwrap_or(0);
        &self.members[at].url
    }

    /// Notes what a health check of a member said.
    pub(super) fn checked(&self, at: usize, well: bool, health: &Health) {
        let mut state = self.state();
        let Checked { out, otherwise } = &mut state.standings[at].health;
        if *out != well {
            *otherwise = 0;
            return;
        }
        *otherwise += 1;
        if *otherwise < if well { health.healthy } else { health.unhealthy } {
            return;
        }
        *out = !well;
        *otherwise = 0;
        let Member { name, metrics, .. } = &self.members[at];
        metrics.serves(state.standings[at].serves(Instant::now()));
        drop(state);
        if well {
            tracing::info!(route = %self.route, backend = %name, "its health checks go well again: it is called again");
        } else {
            tracing::warn!(route = %self.route, backend = %name, "its health checks fail: it is not called");
        }
    }

    /// Notes the end of a call.
    fn ended(&self, at: usize, on_trial: bool, result: Call) {
        let now = Instant::now();
        let Member { name, metrics, .. } = &self.members[at];
        let mut state = self.state();
        let standing = &mut state.standings[at];
        standing.calls -= 1;
        standing.on_trial &= !on_trial;
        metrics.ended(result);
        let Some(ejection) = &self.ejection else { return };
        match result {
            Call::Abandoned => {}
            Call::Answered => {
                standing.failures = 0;
                if let Some(until) = standing.ejected.filter(|_| on_trial) {
                    standing.ejected = None;
                    // What fails again soon is out for longer.
                    standing.times = if now >= until + ejection.length(standing.times) { 0 } else { standing.times };
                    metrics.serves(!standing.health.out);
                    tracing::info!(route = %self.route, backend = %name, "it answers again: it is called again");
                }
            }
            Call::Unreachable | Call::Failed => {
                standing.failures += 1;
                let again = on_trial && standing.ejected.is_some();
                if !again && (standing.ejected.is_some() || standing.failures < ejection.failures) {
                    return;
                }
                let out = state.standings.iter().filter(|standing| standing.ejected.is_some()).count();
                let out = if again { out } else { out + 1 };
                if out * 100 > ejection.most * self.members.len() {
                    return;
                }
                let standing = &mut state.standings[at];
                standing.failures = 0;
                standing.times = standing.times.saturating_add(1);
                let length = ejection.length(standing.times);
                standing.ejected = Some(now + length);
                metrics.ejected();
                drop(state);
                tracing::warn!(route = %self.route, backend = %name, ?length, "calls of it fail: it is not called for a while");
            }
        }
    }
}

impl Ejection {
    /// For how long a member is out the so-manieth time.
    fn length(&self, times: u32) -> std::time::Duration {
        self.r#for * times.clamp(1, LONGEST)
    }
}

/// A call of a member, from its choice to its end.
pub(super) struct UnderWay {
    pool: Arc<Pool>,
    pub(super) at: usize,
    on_trial: bool,
    result: Call,
}

impl UnderWay {
    pub(super) fn member(&self) -> &Member {
        &self.pool.members[self.at]
    }

    /// It ended so. A call that is dropped without a word says nothing of the member: its client left.
    pub(super) fn ended(mut self, result: Call) {
        self.result = result;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.pool.ended(self.at, self.on_trial, self.result);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Metrics;

    const SECOND: Duration = Duration::from_secs(1);

    fn pool(weights: &[u32], balance: Balance, ejection: Option<Ejection>, cap: usize) -> Arc<Pool> {
        let route = Metrics::default().route("/");
        let member = |(at, weight): (usize, &u32)| {
            let name = format!("h:{at}");
            let metrics = route.backend(&name);
            Member { url: format!("http://{name}/").parse().unwrap(), name, weight: *weight, metrics }
        };
        Pool::new("/", weights.iter().enumerate().map(member).collect(), balance, ejection, cap)
    }

    fn ejection(failures: usize, most: usize) -> Ejection {
        Ejection { failures, r#for: SECOND, most }
    }

    /// Has one call end so; which member it was.
    fn call(pool: &Arc<Pool>, result: impl Fn(usize) -> Call) -> Option<usize> {
        let call = pool.choose(&[]).ok()?;
        let at = call.at;
        call.ended(result(at));
        Some(at)
    }

    #[tokio::test]
    async fn turns_go_by_weight() {
        let pool = pool(&[3, 1, 2], Balance::RoundRobin, None, 1);
        let turns: Vec<_> = (0..12).map(|_| call(&pool, |_| Call::Answered).unwrap()).collect();
        assert_eq!(turns[..6], turns[6..]);
        let count = |of| turns.iter().filter(|at| **at == of).count();
        assert_eq!((count(0), count(1), count(2)), (6, 2, 4));
        assert!(turns.windows(3).all(|three| three != [0, 0, 0]), "spread: {turns:?}");
    }

    #[tokio::test]
    async fn of_two_the_one_with_fewer_calls_is_called() {
        let pool = pool(&[1, 1], Balance::LeastRequests, None, 100);
        let calls: Vec<_> = (0..60).map(|_| pool.choose(&[]).unwrap()).collect();
        assert_eq!(calls.iter().filter(|call| call.at == 0).count(), 30);
        let heavy = self::pool(&[3, 1], Balance::LeastRequests, None, 100);
        let calls: Vec<_> = (0..80).map(|_| heavy.choose(&[]).unwrap()).collect();
        let first = calls.iter().filter(|call| call.at == 0).count();
        assert!((56..=64).contains(&first), "{first} of 80 for three quarters");
    }

    #[tokio::test]
    async fn what_is_over_the_cap_is_busy() {
        let pool = pool(&[1, 1], Balance::RoundRobin, None, 1);
        let (first, second) = (pool.choose(&[]).unwrap(), pool.choose(&[]).unwrap());
        assert_ne!(first.at, second.at);
        assert!(matches!(pool.choose(&[]).err(), Some(Unavailable::Busy(1))));
        drop(second);
        assert!(pool.choose(&[]).is_ok());
    }

    #[tokio::test]
    async fn each_is_tried_once() {
        let pool = pool(&[1, 1], Balance::LeastRequests, None, 9);
        assert_eq!(pool.choose(&[1]).unwrap().at, 0);
        assert!(matches!(pool.choose(&[0, 1]).err(), Some(Unavailable::OutOfService)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_out_for_longer_each_time() {
        let pool = pool(&[1], Balance::LeastRequests, Some(ejection(3, 100)), 9);
        for _ in 0..2 {
            call(&pool, |_| Call::Failed).unwrap();
        }
        call(&pool, |_| Call::Answered).unwrap();
        for _ in 0..3 {
            call(&pool, |_| Call::Unreachable).expect("failures count one after the other");
        }
        for length in [1, 2, 3] {
            assert!(call(&pool, |_| Call::Answered).is_none());
            tokio::time::advance((SECOND * length).saturating_sub(Duration::from_millis(1))).await;
            assert!(matches!(pool.choose(&[]).err(), Some(Unavailable::OutOfService)), "{length}");
            tokio::time::advance(Duration::from_millis(1)).await;
            // One call tries it, and the others do not wait for that.
            let trial = pool.choose(&[]).unwrap();
            assert!(pool.choose(&[]).is_err());
            trial.ended(Call::Failed);
        }
        tokio::time::advance(SECOND * 4).await;
        drop(pool.choose(&[]).unwrap());
        call(&pool, |_| Call::Answered).expect("a trial that was abandoned is none");
        assert!(pool.choose(&[]).is_ok_and(|_| pool.choose(&[]).is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_out_than_may_be() {
        let pool = pool(&[1, 1, 1], Balance::RoundRobin, Some(ejection(1, 50)), 9);
        let called: Vec<_> = (0..9).map(|_| call(&pool, |_| Call::Failed).unwrap()).collect();
        assert_eq!(called[0], 0);
        assert!(called[1..].iter().all(|at| *at != 0), "one of three: {called:?}");
        assert!(called[1..].contains(&1) && called[1..].contains(&2));
    }

    #[tokio::test]
    async fn health_checks_take_out_and_take_in() {
        let health = Health { healthy: 2, unhealthy: 3, ..Health::default() };
        let pool = pool(&[1, 1], Balance::RoundRobin, None, 9);
        let check = |results: &[bool]| results.iter().for_each(|well| pool.checked(0, *well, &health));
        let both = || {
            let called: Vec<_> = (0..4).map(|_| call(&pool, |_| Call::Answered).unwrap()).collect();
            called.contains(&0)
        };
        check(&[false, false, true, false, false]);
        assert!(both(), "not three of them one after the other");
        check(&[false]);
        assert!(!both());
        check(&[true, false, true]);
        assert!(!both());
        check(&[true]);
        assert!(both());
        check(&[false, false, false]);
        (0..3).for_each(|_| pool.checked(1, false, &health));
        assert!(matches!(pool.choose(&[]).err(), Some(Unavailable::OutOfService)));
    }
}
