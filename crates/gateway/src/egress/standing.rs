//! Who the service is called as, and the conversation that he has with it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use nuncio_crypto::random::Random;
use nuncio_wss::{Context, Initiator, Request, Time};

use super::failure::Failure;
use super::flight::{Flight, Outcome};
use super::line::{Answered, Line};
use crate::metrics::ContextEvent;

/// The latest part of a context's time, in hundredths, in which it is renewed; it is drawn, so that what began together is not
/// renewed together.
const RENEWED: std::ops::Range<i64> = 75..90;
/// How long before its end a context is not used any more: what is on its way must still find it.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a refusal stands before the service is asked again.
const REFUSED: Duration = Duration::from_millis(500);
/// From one attempt to renew ahead to the next.
const AGAIN: Duration = Duration::from_secs(5);

/// A context, and for how long.
pub(super) struct Held {
    pub(super) context: Arc<Context>,
    /// When it was established, by the clock that only goes on.
    pub(super) since: Instant,
    /// Until when it is used.
    until: Time,
    /// When it is renewed.
    renew: AtomicI64,
}

impl Held {
    fn new(context: Context, now: Time, draw: u64) -> Self {
        // Its times are the service's clock's: that it lasts so long is all that is taken from them.
        let lasts = context.expires.millis().saturating_sub(context.created.millis()).max(0);
        let end = context.expires.millis().min(now.millis().saturating_add(lasts));
        let left = end.saturating_sub(now.millis()).max(0);
        let margin = i64::try_from(MARGIN.as_millis()).unwrap_or(i64::MAX).min(left / 10);
        let span = u64::try_from(RENEWED.end - RENEWED.start).unwrap_or(1);
        let part = RENEWED.start + i64::try_from(draw % span).unwrap_or_default();
        Self {
            context: Arc::new(context),
            since: Instant::now(),
            until: Time::from_millis(end - margin),
            renew: AtomicI64::new(now.millis().saturating_add(left / 100 * part)),
        }
    }
}

impl Held {
    /// How long it is until its successor is due.
    pub(super) fn is_due_in(&self, now: Time) -> Duration {
        let millis = self.renew.load(Ordering::Relaxed).saturating_sub(now.millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}

/// Somebody as whom the service is called.
pub(super) struct Standing {
    pub(super) initiator: Arc<Initiator>,
    current: ArcSwapOption<Held>,
    flight: Flight<Arc<Held>>,
    /// Whether it is over: nobody calls any more.
    over: AtomicBool,
    /// The last refusal, and when it was.
    refused: Mutex<Option<(Instant, Arc<Failure>)>>,
}

impl Standing {
    pub(super) fn new(initiator: Initiator) -> Arc<Self> {
        Arc::new(Self {
            initiator: Arc::new(initiator),
            current: ArcSwapOption::empty(),
            flight: Flight::default(),
            over: AtomicBool::new(false),
            refused: Mutex::default(),
        })
    }

    /// Whether its calls belong to a conversation.
    pub(super) fn converses(&self) -> bool {
        self.initiator.conversation().is_some()
    }

    /// The context to call in: the one that there is, or else one that is begun, once for all who ask. One whose time is
    /// nearly over is renewed meanwhile.
    pub(super) async fn context(self: &Arc<Self>, line: &Arc<Line>) -> Outcome<Arc<Held>> {
        let now = line.now();
        if let Some(held) = self.current.load_full().filter(|held| now < held.until) {
            if now.millis() >= held.renew.load(Ordering::Relaxed) {
                self.renew_ahead(&held, line, now);
            }
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
    pub(super) fn lost(&self, held: &Arc<Held>) {
        let current = self.current.load();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, held)) {
            self.current.compare_and_swap(&*current, None);
        }
    }

    async fn begin(&self, line: &Line) -> Result<Arc<Held>, Failure> {
        let now = line.now();
        // Somebody was quicker.
        if let Some(held) = self.current.load_full().filter(|held| now < held.until) {
            return Ok(held);
        }
        let held = self.establish(None, line).await.inspect_err(|_| line.contexts.count(ContextEvent::Refused))?;
        line.contexts.count(ContextEvent::Begun);
        Ok(held)
    }

    fn renew_ahead(self: &Arc<Self>, held: &Arc<Held>, line: &Arc<Line>, now: Time) {
        // Whoever comes next need not look after it for a while.
        held.renew.store(now.plus(AGAIN).millis(), Ordering::Relaxed);
        let (standing, line, held) = (Arc::clone(self), Arc::clone(line), Arc::clone(held));
        self.flight.begin(move || async move { standing.renew(&held, &line).await });
    }

    /// Gets a new key for a conversation, as the policy has it, or else another conversation.
    async fn renew(&self, held: &Arc<Held>, line: &Line) -> Result<Arc<Held>, Failure> {
        // Somebody was quicker.
        if let Some(current) = self.current.load_full().filter(|current| !Arc::ptr_eq(current, held)) {
            return Ok(current);
        }
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
        let mut random = line.world.entropy.draw();
        let mut draw = [0; 8];
        random.fill(&mut draw);
        random.check()?;
        let held = Arc::new(Held::new(context, now, u64::from_le_bytes(draw)));
        self.current.store(Some(Arc::clone(&held)));
        if self.over.load(Ordering::SeqCst) {
            self.cancel(line).await;
        }
        Ok(held)
    }

    /// Ends what there is, and what is being begun.
    pub(super) async fn end(&self, line: &Line) {
        self.over.store(true, Ordering::SeqCst);
        self.cancel(line).await;
    }

    /// Ends its conversation, where the policy has it ended.
    pub(super) async fn cancel(&self, line: &Line) {
        let Some(held) = self.current.swap(None) else { return };
        if !self.initiator.conversation().is_some_and(|token| token.cancel) || line.now() >= held.until {
            return;
        }
        let cancelled = async {
            let (initiator, context) = (Arc::clone(&self.initiator), Arc::clone(&held.context));
            let seal = move |now, random: &mut crate::random::Draw| initiator.cancel(&context, now, random);
            let (message, expectation) = line.seal(self.initiator.uses_private_key(Request::Cancel), seal).await?;
            let answer = line.send(message, None).await?;
            line.open(&self.initiator, answer, expectation).await
        };
        match cancelled.await {
            Ok(_) => line.contexts.count(ContextEvent::Cancelled),
            Err(failure) => {
                tracing::info!(route = %line.name, %failure, "a conversation was left without being cancelled");
            }
        }
    }
}
