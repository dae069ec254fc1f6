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
use super::kept::Place;
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
    pub(super) current: ArcSwapOption<Held>,
    flight: Flight<Arc<Held>>,
    /// Whether it is over: nobody calls any more.
    over: AtomicBool,
    /// The last refusal, and when it was.
    refused: Mutex<Option<(Instant, Arc<Failure>)>>,
    /// Where its contexts are kept, if they are kept elsewhere than here.
    pub(super) place: Option<Arc<Place>>,
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
            place: place.map(Arc::new),
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
        let shared = self.looks().is_some();
        if shared && held.is_stale(now) {
            return None;
        }
        // Whoever comes next need not look after it for a while.
        if held.is_due(now, AGAIN) {
            self.renew_ahead(&held, line);
        } else if shared && held.is_looked_after(now) {
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
        let join = || {
            let (standing, line) = (Arc::clone(self), Arc::clone(line));
            self.flight.join(move || async move { standing.begin(&line).await })
        };
        let mut outcome = join().await;
        // What was under way may have been about one that the service has lost since.
        if outcome.as_ref().is_ok_and(|held| self.is_gone(held)) {
            outcome = join().await;
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = match &outcome {
            Err(failure) if failure.is_refusal() => Some((Instant::now(), Arc::clone(failure))),
            _ => None,
        };
        outcome
    }

    /// Begins a context, whatever there is.
    pub(super) async fn begin_anew(&self, line: &Arc<Line>) -> Result<Arc<Held>, Failure> {
        let held = self.establish(None, line).await.inspect_err(|_| line.contexts.count(ContextEvent::Refused))?;
        line.contexts.count(ContextEvent::Begun);
        Ok(held)
    }

    fn renew_ahead(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>) {
        let (standing, line, held) = (Arc::clone(self), Arc::clone(line), Arc::clone(held));
        self.flight.begin(move || async move { standing.renew(&held, &line).await });
    }

    /// Gets a new key for a conversation, as the policy has it, or else another conversation.
    pub(super) async fn renew_here(&self, held: &Arc<Held>, line: &Arc<Line>) -> Result<Arc<Held>, Failure> {
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

    async fn establish(&self, renewed: Option<&Arc<Context>>, line: &Arc<Line>) -> Result<Arc<Held>, Failure> {
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
        let every = self.looks().unwrap_or_default();
        let held = Arc::new(Held::established(context, now, every, draw(line)?));
        self.keep(&held, line).await;
        self.current.store(Some(Arc::clone(&held)));
        if self.over.load(Ordering::SeqCst) {
            self.cancel(line).await;
        }
        Ok(held)
    }

    /// Gives up what there is, and what is being begun, unless it is kept for who calls later, or for others; whether it did, and it is
    /// to be cancelled. Who calls all the same has each conversation cancelled as soon as it is begun.
    pub(super) fn give_up(&self, line: &Line) -> bool {
        let gives_up = self.place.as_ref().is_none_or(|place| place.give_up(line.world.is_ending()));
        if gives_up {
            self.close();
        }
        gives_up
    }

    /// Waits until nothing is being begun: what comes of that ends its conversation itself where it was given up.
    pub(super) async fn settle(&self) {
        self.flight.settle().await;
    }

    /// Lets no conversation of its be kept any more.
    pub(super) fn close(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Ends its conversation, where the policy has it ended.
    pub(super) async fn cancel(&self, line: &Line) {
        let Some(held) = self.current.swap(None) else { return };
        self.forget(&held, line).await;
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

    /// Whether the service said of it last that it does not know it.
    pub(super) fn is_gone(&self, held: &Held) -> bool {
        self.gone().as_ref().is_some_and(|gone| *gone == held.context.name())
    }

    /// Whether it was ended: who calls later is somebody else.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub(super) fn gone(&self) -> MutexGuard<'_, Option<String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is drawn for a context.
pub(super) fn draw(line: &Line) -> Result<u64, NoEntropy> {
    let (mut draw, mut random) = ([0; 8], line.world.entropy.draw());
    random.fill(&mut draw);
    random.check()?;
    Ok(u64::from_le_bytes(draw))
}
