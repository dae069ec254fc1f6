//! How much is in hand at once, and who waits for his turn.
//!
//! Requests in hand are bounded, over all and of each peer: what is beyond is turned away before anything of it is looked
//! at. Of those in hand only a few for each processor are worked on at once; the others wait, their bodies unread, and
//! those that wait for too long are turned away. While a request waits for its client, for its backend or for a thread
//! another one has its turn: so a slow backend holds up nobody, and what is worked on is answered before what is new begins.
//!
//! To wait costs nothing, and who waits sends nothing more; to turn away costs a good part of an answer. What would be turned
//! away for want of a private key is turned away before all that ([`crate::gateway::Handler::has_room`]). So at ten times the
//! load that a machine can carry it goes on carrying what it can.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ConnectionLimits;
use crate::listen::{Arrival, Counted, Peers};

/// Requests that are worked on at once, for each processor. Enough that none is ever without work, and so few that each is
/// answered some milliseconds after its turn came.
const AT_WORK: usize = 16;

/// What is in hand.
#[derive(Debug)]
pub(crate) struct Load {
    places: Arc<Semaphore>,
    peers: Arc<Peers>,
    per_peer: usize,
    turns: Arc<Semaphore>,
}

/// A request in hand, until this is dropped.
#[derive(Debug)]
pub(crate) struct Present {
    load: Arc<Load>,
    _place: OwnedSemaphorePermit,
    _counted: Option<Counted>,
}

/// A request that is worked on, until this is dropped.
#[derive(Debug)]
pub(crate) struct Work {
    load: Arc<Load>,
    turn: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Load {
    /// Nothing is in hand yet.
    pub(crate) fn new(limits: &ConnectionLimits) -> Arc<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_turns(limits, processors * AT_WORK)
    }

    fn with_turns(limits: &ConnectionLimits, turns: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS))),
            peers: Arc::default(),
            per_peer: limits.requests_per_peer,
            turns: Arc::new(Semaphore::new(turns)),
        })
    }

    /// Takes a request in hand, unless as many are as may be, over all or of its peer. Whoever takes TLS off in front
    /// speaks for many.
    pub(crate) fn enter(self: &Arc<Self>, arrival: &Arrival) -> Option<Present> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let counted = if arrival.inside { None } else { Some(self.peers.count(arrival.peer, self.per_peer)?) };
        Some(Present { load: Arc::clone(self), _place: place, _counted: counted })
    }
}

impl Present {
    /// Waits for the request's turn, for `patience` at most.
    pub(crate) async fn turn(&self, patience: Duration) -> Option<Work> {
        let turns = Arc::clone(&self.load.turns);
        let turn = match Arc::clone(&turns).try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => tokio::time::timeout(patience, turns.acquire_owned()).await.ok()?.ok()?,
        };
        Some(Work { load: Arc::clone(&self.load), turn: Mutex::new(Some(turn)) })
    }
}

impl Work {
    /// Does work that waits for others now and then: for its client, for its backend, for a thread. While it waits another
    /// request has its turn. When it can go on it does, and takes a turn only if one is free: what was begun comes before
    /// what is new.
    pub(crate) async fn carry<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(|context| {
            self.resume();
            let polled = work.as_mut().poll(context);
            if polled.is_pending() {
                self.turn().take();
            }
            polled
        })
        .await
    }

    fn resume(&self) {
        let mut turn = self.turn();
        if turn.is_none() {
            *turn = Arc::clone(&self.load.turns).try_acquire_owned().ok();
        }
    }

    fn turn(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use nuncio_wss::Transport;
    use tokio::time::Instant;

    use super::*;
    use crate::listen::{Pace, Side};

    const PATIENCE: Duration = Duration::from_secs(1);

    fn load(requests: usize, requests_per_peer: usize, turns: usize) -> Arc<Load> {
        Load::with_turns(&ConnectionLimits { requests, requests_per_peer, ..ConnectionLimits::default() }, turns)
    }

    fn from(peer: &str, inside: bool) -> Arrival {
        let side = Side::Ingress;
        Arrival {
            peer: peer.parse().unwrap(),
            side,
            transport: Transport::Clear,
            client: None,
            inside,
            pace: Pace::new(),
        }
    }

    #[test]
    fn places_are_bounded_over_all_and_of_each_peer() {
        let load = load(4, 2, 1);
        let (here, there, proxy) = (from("192.0.2.1", false), from("192.0.2.2", false), from("192.0.2.3", true));
        let mut taken = vec![load.enter(&here).unwrap(), load.enter(&here).unwrap()];
        assert!(load.enter(&here).is_none(), "its peer has as many as it may");
        assert_eq!(load.places.available_permits(), 2, "what is turned away takes no place");
        taken.push(load.enter(&there).unwrap());
        taken.push(load.enter(&proxy).unwrap());
        assert!(load.enter(&there).is_none() && load.enter(&proxy).is_none(), "all places are taken");
        drop(taken);
        let all: Vec<_> = (0..4).map(|_| load.enter(&proxy).unwrap()).collect();
        assert_eq!(all.len(), 4, "a proxy speaks for many");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_too_long_is_turned_away() {
        let load = load(3, 3, 1);
        let peer = from("192.0.2.1", false);
        let [first, second, third] = [(); 3].map(|()| load.enter(&peer).unwrap());
        let work = first.turn(PATIENCE).await.unwrap();
        let start = Instant::now();
        assert!(second.turn(PATIENCE).await.is_none());
        assert_eq!(start.elapsed(), PATIENCE);
        let waiting = tokio::spawn(async move { third.turn(PATIENCE).await.is_some() });
        tokio::task::yield_now().await;
        drop(work);
        assert!(waiting.await.unwrap(), "whose turn comes in time has it");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_others_gives_his_turn_away_and_goes_on_without() {
        let load = load(3, 3, 1);
        let peer = from("192.0.2.1", false);
        let (first, second) = (load.enter(&peer).unwrap(), load.enter(&peer).unwrap());
        let work = first.turn(PATIENCE).await.unwrap();
        assert_eq!(work.carry(async { 1 }).await, 1);
        assert!(second.turn(Duration::ZERO).await.is_none(), "what is done at once is no wait");
        let (called, answered) = tokio::sync::oneshot::channel();
        let calling = work.carry(async { answered.await.unwrap() });
        let meanwhile = async {
            let other = second.turn(PATIENCE).await.expect("a turn is free");
            called.send(2).unwrap();
            other
        };
        let (answer, other) = tokio::join!(calling, meanwhile);
        assert_eq!(answer, 2, "it goes on while the other has the turn");
        drop(work);
        assert!(first.turn(Duration::ZERO).await.is_none());
        drop(other);
        assert!(first.turn(Duration::ZERO).await.is_some(), "no turn is lost, and none is made");
        assert_eq!(load.turns.available_permits(), 1);
    }
}
