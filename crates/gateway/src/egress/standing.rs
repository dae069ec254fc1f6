//! Who the service is called as, and the conversation that he has with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use nuncio_crypto::random::Random;
use nuncio_wss::{Context, Initiator, Request};

use super::failure::Failure;
use super::flight::{Flight, Outcome};
use super::held::Held;
use super::kept::{LOOK, PATIENCE, Place};
use super::line::{Answered, Line};
use crate::metrics::ContextEvent;
use crate::random::NoEntropy;

/// How long a refusal stands before the service is asked again.
const REFUSED: Duration = Duration::from_millis(500);
/// From one attempt to renew ahead to the next.
const AGAIN: Duration = Duration::from_secs(5);

/// Somebody as whom the service is called.
pub(super) struct Standing {
    pub(super) initiator: Arc<Initiator>,
    current: ArcSwapOption<Held>,
    flight: Flight<Arc<Held>>,
    /// Whether it is over: nobody calls any more.
    over: AtomicBool,
    /// The last refusal, and when it was.
    refused: Mutex<Option<(Instant, Arc<Failure>)>>,
    /// Where its contexts are kept, if they are kept elsewhere than here.
    place: Option<Place>,
    /// What the context is called that the service did not know last: it may still be kept.
    gone: Mutex<Option<String>>,
}

impl Standing {
    /// One who has no context yet, and whose contexts are kept there.
    pub(super) fn new(initiator: Initiator, place: Option<Place>) -> Arc<Self> {
        Arc::new(Self {
            initiator: Arc::new(initiator),
            current: ArcSwapOption::empty(),
            flight: Flight::default(),
            over: AtomicBool::new(false),
            refused: Mutex::default(),
            place,
            gone: Mutex::default(),
        })
    }

    /// Whether its calls belong to a conversation.
    pub(super) fn converses(&self) -> bool {
        self.initiator.conversation().is_some()
    }

    /// The context that there is to call in, if there is one. One whose time is nearly over is renewed meanwhile.
    pub(super) fn ready(self: &Arc<Self>, line: &Arc<Line>) -> Option<Arc<Held>> {
        let now = line.now();
        let held = self.current.load_full().filter(|held| held.lives(now))?;
        // Whoever comes next need not look after it for a while.
        if held.is_due(now, AGAIN) {
            self.renew_ahead(&held, line);
        } else if self.place.as_ref().is_some_and(Place::is_shared) && held.is_looked_after(now) {
            self.look_ahead(&held, line);
        }
        Some(held)
    }

    /// The same, or else one that is begun, once for all who ask.
    pub(super) async fn context(self: &Arc<Self>, line: &Arc<Line>) -> Outcome<Arc<Held>> {
        if let Some(held) = self.ready(line) {
            return Ok(held);
        }
        if let Some((at, refused)) = &*self.refused.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < REFUSED
        {
            return Err(Arc::clone(refused));
        }
        let (standing, line) = (Arc::clone(self), Arc::clone(line));
        let outcome = self.flight.join(move || async move { standing.begin(&line).await }).await;
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = match &outcome {
            Err(failure) if failure.is_refusal() => Some((Instant::now(), Arc::clone(failure))),
            _ => None,
        };
        outcome
    }

    /// Says that the service does not know a context any more.
    pub(super) async fn lost(&self, held: &Arc<Held>, line: &Line) {
        let current = self.current.load_full();
        if !current.as_ref().is_some_and(|current| Arc::ptr_eq(current, held)) {
            return;
        }
        let name = held.context.name();
        // First: who finds no current one looks where it is kept.
        *self.gone() = Some(name.clone());
        let was = self.current.compare_and_swap(&current, None);
        if was.as_ref().is_some_and(|was| Arc::ptr_eq(was, held))
            && let Some(place) = &self.place
        {
            place.forget(&name, &self.initiator, line).await;
        }
    }

    /// The context that is kept, or else a new one: of several gateways that have theirs together, one begins it.
    async fn begin(&self, line: &Line) -> Result<Arc<Held>, Failure> {
        let now = line.now();
        // Somebody was quicker.
        if let Some(held) = self.current.load_full().filter(|held| held.lives(now)) {
            return Ok(held);
        }
        let Some(place) = &self.place else { return self.begin_anew(line).await };
        let since = Instant::now();
        loop {
            let turn = place.try_turn(line).await;
            // Behind the turn: who had it before may just have begun one.
            if let Some(held) = self.kept(place, line).await {
                self.current.store(Some(Arc::clone(&held)));
                line.contexts.count(ContextEvent::TakenUp);
                if let Some(turn) = turn {
                    place.over(turn).await;
                }
                return Ok(held);
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

    /// The context that is kept, if there is one to go on in.
    async fn kept(&self, place: &Place, line: &Line) -> Option<Arc<Held>> {
        let record = place.find(&self.initiator, line).await?;
        let now = line.now();
        let held = Held::kept(record, now, draw(line).ok()?);
        let is_gone = self.gone().as_ref().is_some_and(|gone| *gone == held.context.name());
        (held.lives(now) && !is_gone).then(|| Arc::new(held))
    }

    async fn begin_anew(&self, line: &Line) -> Result<Arc<Held>, Failure> {
        let held = self.establish(None, line).await.inspect_err(|_| line.contexts.count(ContextEvent::Refused))?;
        line.contexts.count(ContextEvent::Begun);
        Ok(held)
    }

    /// Looks beside the calls what other gateways have by now: a newer one is taken up, and what they do not know is kept.
    fn look_ahead(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>) {
        let (standing, line, held) = (Arc::clone(self), Arc::clone(line), Arc::clone(held));
        tokio::spawn(async move {
            let Some(place) = &standing.place else { return };
            match standing.kept(place, &line).await {
                Some(other) if other.is_newer_than(&held) => standing.replace(&held, other, &line),
                Some(_) => {}
                None => place.keep(&held.record(), &line).await,
            }
        });
    }

    /// Takes up what another gateway has in place of a context, if that is still the current one.
    fn replace(&self, held: &Arc<Held>, other: Arc<Held>, line: &Line) {
        let current = self.current.load_full();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, held)) {
            self.current.compare_and_swap(&current, Some(other));
            line.contexts.count(ContextEvent::TakenUp);
        }
    }

    fn renew_ahead(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>) {
        let (standing, line, held) = (Arc::clone(self), Arc::clone(line), Arc::clone(held));
        self.flight.begin(move || async move { standing.renew(&held, &line).await });
    }

    /// Gets a new key for a conversation, as the policy has it, or else another conversation.
    async fn renew(&self, held: &Arc<Held>, line: &Line) -> Result<Arc<Held>, Failure> {
        match self.current.load_full() {
            Some(current) if Arc::ptr_eq(&current, held) => {}
            // Somebody was quicker.
            Some(current) => return Ok(current),
            // The service lost it meanwhile.
            None => return self.begin(line).await,
        }
        let Some(place) = self.place.as_ref().filter(|place| place.is_shared()) else {
            return self.renew_here(held, line).await;
        };
        let turn = place.try_turn(line).await;
        if let Some(other) = self.kept(place, line).await.filter(|other| other.is_newer_than(held)) {
            self.replace(held, Arc::clone(&other), line);
            if let Some(turn) = turn {
                place.over(turn).await;
            }
            return Ok(other);
        }
        // Another gateway is at it.
        let Some(turn) = turn else { return Ok(Arc::clone(held)) };
        let renewed = self.renew_here(held, line).await;
        place.over(turn).await;
        renewed
    }

    async fn renew_here(&self, held: &Arc<Held>, line: &Line) -> Result<Arc<Held>, Failure> {
        if self.initiator.renews() {
            match self.establish(Some(&held.context), line).await {
                Ok(held) => {
                    line.contexts.count(ContextEvent::Renewed);
                    return Ok(held);
                }
                Err(failure) => {
                    tracing::info!(route = %line.name, %failure, "a conversation is not renewed: another is begun");
                }
            }
        }
        let begun = self.establish(None, line).await;
        match &begun {
            Ok(_) => line.contexts.count(ContextEvent::Begun),
            Err(failure) => {
                line.contexts.count(ContextEvent::Refused);
                tracing::warn!(route = %line.name, %failure, "a conversation that ends soon has no successor yet");
            }
        }
        begun
    }

    async fn establish(&self, renewed: Option<&Arc<Context>>, line: &Line) -> Result<Arc<Held>, Failure> {
        let request = if renewed.is_some() { Request::Renew } else { Request::Issue };
        let (initiator, context) = (Arc::clone(&self.initiator), renewed.cloned());
        let seal = move |now, random: &mut crate::random::Draw| match &context {
            Some(context) => initiator.renew(context, now, random),
            None => initiator.issue(now, random),
        };
        let (message, expectation) = line.seal(self.initiator.uses_private_key(request), seal).await?;
        let answer = line.send(message, None).await?;
        let (answered, expectation) = line.open(&self.initiator, answer, expectation).await?;
        let Answered::Message(opening) = answered else { return Err(Failure::NoAnswer) };
        if opening.is_fault() {
            return Err(Failure::NoConversation(opening.reason()));
        }
        let now = line.now();
        let context = self.initiator.established(&opening, &expectation, now)?;
        let held = Arc::new(Held::established(context, now, draw(line)?));
        // First: a process that is killed while it calls in it finds it again.
        if let Some(place) = &self.place {
            place.keep(&held.record(), line).await;
        }
        self.current.store(Some(Arc::clone(&held)));
        if self.over.load(Ordering::SeqCst) {
            self.cancel(line).await;
        }
        Ok(held)
    }

    /// Ends what there is, and what is being begun, unless it is kept for who calls later, or for others.
    pub(super) async fn end(&self, line: &Line) {
        if self.place.as_ref().is_none_or(|place| place.give_up(line.world.is_ending())) {
            self.over.store(true, Ordering::SeqCst);
            self.cancel(line).await;
        }
    }

    /// Ends its conversation, where the policy has it ended.
    pub(super) async fn cancel(&self, line: &Line) {
        let Some(held) = self.current.swap(None) else { return };
        if let Some(place) = &self.place {
            place.forget(&held.context.name(), &self.initiator, line).await;
        }
        if !self.initiator.conversation().is_some_and(|token| token.cancel) || !held.lives(line.now()) {
            return;
        }
        let cancelled = async {
            let (initiator, context) = (Arc::clone(&self.initiator), Arc::clone(&held.context));
            let seal = move |now, random: &mut crate::random::Draw| initiator.cancel(&context, now, random);
            let (message, expectation) = line.seal(self.initiator.uses_private_key(Request::Cancel), seal).await?;
            let answer = line.send(message, None).await?;
            let (answered, expectation) = line.open(&self.initiator, answer, expectation).await?;
            let Answered::Message(opening) = answered else { return Err(Failure::NoAnswer) };
            if opening.is_fault() {
                return Err(Failure::NotCancelled(opening.reason()));
            }
            Ok(self.initiator.cancelled(&opening, &expectation)?)
        };
        match cancelled.await {
            Ok(()) => line.contexts.count(ContextEvent::Cancelled),
            Err(failure) => {
                tracing::info!(route = %line.name, %failure, "a conversation was left without being cancelled");
            }
        }
    }

    fn gone(&self) -> MutexGuard<'_, Option<String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is drawn for a context.
fn draw(line: &Line) -> Result<u64, NoEntropy> {
    let (mut draw, mut random) = ([0; 8], line.world.entropy.draw());
    random.fill(&mut draw);
    random.check()?;
    Ok(u64::from_le_bytes(draw))
}
