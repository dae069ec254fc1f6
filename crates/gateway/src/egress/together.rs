//! Contexts that are kept: taken up, begun and renewed by one gateway for all that have them together, and looked after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::held::Held;
use super::kept::{Found, LOOK, PATIENCE, Place, Turn};
use super::line::Line;
use super::standing::{Standing, draw};
use crate::metrics::ContextEvent;

/// How long who calls waits until a context is kept: a store that is slow goes on with that by itself.
const KEPT_WITHIN: Duration = Duration::from_millis(250);

/// What is kept of somebody's.
enum Kept {
    This(Arc<Held>),
    /// Nothing that is of use.
    Nothing,
    Unknown,
}

impl Standing {
    /// How often it is looked what others have; `None` where they have others.
    pub(super) fn looks(&self) -> Option<Duration> {
        self.place.as_ref()?.looks()
    }

    /// The context that is kept, or else a new one: of several gateways that have theirs together, one begins it.
    pub(super) async fn begin(self: &Arc<Self>, line: &Arc<Line>) -> Result<Arc<Held>, Failure> {
        let now = line.now();
        let current = self.current.load_full().filter(|held| held.lives(now));
        let Some(place) = &self.place else {
            return match current {
                // Somebody was quicker.
                Some(held) => Ok(held),
                None => self.begin_anew(line).await,
            };
        };
        if let Some(held) = &current
            && (self.looks().is_none() || !held.is_stale(now))
        {
            return Ok(Arc::clone(held));
        }
        match (self.kept(place, line).await, current) {
            (Kept::This(other), Some(held)) if other.is_other_than(&held) => {
                return Ok(self.replace(&held, other, line));
            }
            (_, Some(held)) => {
                held.looked(now);
                return Ok(held);
            }
            (Kept::This(held), None) => return Ok(self.take_up(held, line)),
            (Kept::Nothing | Kept::Unknown, None) => {}
        }
        let since = Instant::now();
        loop {
            let turn = place.try_turn(line).await;
            // Behind the turn: who had it before may just have begun one.
            if let Kept::This(held) = self.kept(place, line).await {
                over(place, turn).await;
                return Ok(self.take_up(held, line));
            }
            match turn {
                Some(turn) => {
                    let begun = self.begin_anew(line).await;
                    place.over(turn).await;
                    return begun;
                }
                None if since.elapsed() >= PATIENCE => return self.begin_anew(line).await,
                None => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// The successor of a context: one that others have, or else a new key or another context, of which one of several gateways sees
    /// to it.
    pub(super) async fn renew(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>) -> Result<Arc<Held>, Failure> {
        if !self.is_current(held, line) {
            return self.begin(line).await;
        }
        let Some(place) = self.place.as_ref().filter(|_| self.looks().is_some()) else {
            return self.renew_here(held, line).await;
        };
        let turn = place.try_turn(line).await;
        match self.kept(place, line).await {
            Kept::This(other) if other.is_other_than(held) => {
                over(place, turn).await;
                return Ok(self.replace(held, other, line));
            }
            // Meanwhile the service may have lost it, or its time be over.
            _ if !self.is_current(held, line) => {
                over(place, turn).await;
                return self.begin(line).await;
            }
            _ => {}
        }
        // Without the turn another gateway is at it.
        let Some(turn) = turn else { return Ok(Arc::clone(held)) };
        let renewed = self.renew_here(held, line).await;
        place.over(turn).await;
        renewed
    }

    /// Looks beside the calls what others have by now: that is taken up, and what nobody has is kept.
    pub(super) fn look_ahead(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>) {
        let (standing, line, held) = (Arc::clone(self), Arc::clone(line), Arc::clone(held));
        tokio::spawn(async move {
            let Some(place) = &standing.place else { return };
            match standing.kept(place, &line).await {
                Kept::This(other) if other.is_other_than(&held) => {
                    standing.replace(&held, other, &line);
                }
                Kept::Nothing if standing.is_current(&held, &line) => place.keep(&held.record(), true, &line).await,
                Kept::This(_) | Kept::Nothing | Kept::Unknown => {}
            }
        });
    }

    /// Says that the service does not know a context any more.
    pub(super) fn lost(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>) {
        let current = self.current.load_full();
        if !current.as_ref().is_some_and(|current| Arc::ptr_eq(current, held)) {
            return;
        }
        // First: who finds no current one looks where it is kept.
        *self.gone() = Some(held.context.name());
        let was = self.current.compare_and_swap(&current, None);
        if was.as_ref().is_some_and(|was| Arc::ptr_eq(was, held)) && self.place.is_some() {
            // Who calls does not wait for that: here it is gone.
            let (standing, line, held) = (Arc::clone(self), Arc::clone(line), Arc::clone(held));
            tokio::spawn(async move { standing.forget(&held, &line).await });
        }
    }

    /// Has it forgotten where contexts are kept, if it is what is kept.
    pub(super) async fn forget(&self, held: &Held, line: &Line) {
        if let Some(place) = &self.place {
            place.forget(&held.context.name(), &self.initiator, line).await;
        }
    }

    /// Keeps a context before anybody calls in it, if the store is quick: a process that is killed meanwhile finds it again.
    pub(super) async fn keep(&self, held: &Held, line: &Arc<Line>) {
        let Some(place) = self.place.clone() else { return };
        let (record, line) = (held.record(), Arc::clone(line));
        let keeping = tokio::spawn(async move { place.keep(&record, false, &line).await });
        let _ = tokio::time::timeout(KEPT_WITHIN, keeping).await;
    }

    /// What is kept, if that is one to go on in.
    async fn kept(&self, place: &Place, line: &Line) -> Kept {
        let record = match place.find(&self.initiator, line).await {
            Found::This(record) => record,
            Found::Nothing => return Kept::Nothing,
            Found::Unknown => return Kept::Unknown,
        };
        let (now, Ok(draw)) = (line.now(), draw(line)) else { return Kept::Unknown };
        let held = Held::kept(record, now, self.looks().unwrap_or_default(), draw);
        if held.lives(now) && !self.is_gone(&held) { Kept::This(Arc::new(held)) } else { Kept::Nothing }
    }

    fn take_up(&self, held: Arc<Held>, line: &Line) -> Arc<Held> {
        self.current.store(Some(Arc::clone(&held)));
        line.contexts.count(ContextEvent::TakenUp);
        held
    }

    /// Takes up what others have in place of a context, if that is still the current one; what is current then.
    fn replace(&self, held: &Arc<Held>, other: Arc<Held>, line: &Line) -> Arc<Held> {
        let current = self.current.load_full();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, held)) {
            self.current.compare_and_swap(&current, Some(Arc::clone(&other)));
            line.contexts.count(ContextEvent::TakenUp);
        }
        self.current.load_full().unwrap_or(other)
    }

    fn is_current(&self, held: &Arc<Held>, line: &Line) -> bool {
        held.lives(line.now()) && self.current.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, held))
    }
}

async fn over(place: &Place, turn: Option<Turn>) {
    if let Some(turn) = turn {
        place.over(turn).await;
    }
}
