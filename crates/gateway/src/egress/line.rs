//! One message to the service and its answer.

use std::sync::Arc;
use std::time::Instant;

use nuncio_wss::{Expectation, HttpFacts, Initiator, Opening, Outbound, Plain, Time};

use super::failure::Failure;
use super::recorder::Recorder;
use crate::metrics::{ContextMetrics, RouteMetrics};
use crate::replays::{Claim, Claims};
use crate::trace::Trace;
use crate::upstream::{Answer, Upstream};
use crate::world::World;

/// How a service is reached.
pub(super) struct Line {
    /// What the route is called.
    pub(super) name: String,
    pub(super) upstream: Upstream,
    pub(super) metrics: RouteMetrics,
    pub(super) contexts: ContextMetrics,
    pub(super) world: Arc<World>,
    /// Where answers are claimed that could be given again: for whoever has the same contexts.
    pub(super) claims: Claims,
    /// Who writes down what goes over the wire, if anybody does.
    pub(super) recorder: Option<Recorder>,
}

/// What came back.
pub(super) enum Answered {
    /// An answer, opened.
    Message(Box<Opening>),
    /// Nothing, with a status of success.
    Nothing,
}

impl Line {
    /// What time it is.
    pub(super) fn now(&self) -> Time {
        self.world.clock.now()
    }

    /// Seals what `seal` seals. What takes a private key waits for its turn.
    pub(super) async fn seal<E: Into<Failure> + Send + 'static>(
        &self,
        costly: bool,
        seal: impl FnOnce(Time, &mut crate::random::Draw) -> Result<(Outbound, Expectation), E> + Send + 'static,
    ) -> Result<(Outbound, Expectation), Failure> {
        let start = Instant::now();
        let (now, mut random) = (self.now(), self.world.entropy.draw());
        let work = move || {
            let sealed = seal(now, &mut random);
            (sealed, random.check())
        };
        let (sealed, entropy) = if costly { Box::pin(self.world.private_keys.run(work)).await? } else { work() };
        let (message, expectation) = sealed.map_err(Into::into)?;
        entropy?;
        if let Some(recorder) = &self.recorder {
            recorder.sealed(&expectation, &message, start.elapsed());
        }
        Ok((message, expectation))
    }

    /// Sends a message; the status and what came, unopened.
    pub(super) async fn send(&self, message: Outbound, trace: Option<&Trace>) -> Result<Answer, Failure> {
        let Outbound { content_type, soap_action, body } = message;
        let sent = Instant::now();
        let answer = self.upstream.deliver(Plain { content_type, soap_action, body }, [], trace).await;
        self.metrics.called(sent.elapsed());
        if let (Some(recorder), Ok(answer)) = (&self.recorder, &answer) {
            recorder.answered(answer, sent.elapsed());
        }
        Ok(answer?)
    }

    /// Opens an answer.
    pub(super) async fn open(
        &self,
        initiator: &Arc<Initiator>,
        answer: Answer,
        expectation: Expectation,
    ) -> Result<(Answered, Expectation), Failure> {
        let Answer { status, content_type, body } = answer;
        if body.is_empty() {
            return if status < 300 { Ok((Answered::Nothing, expectation)) } else { Err(Failure::NoAnswer) };
        }
        let (now, start) = (self.now(), Instant::now());
        let costly = initiator.uses_private_key(expectation.request());
        let initiator = Arc::clone(initiator);
        let work = move || {
            let http = HttpFacts { content_type: &content_type, soap_action: None };
            let opened = initiator.open(&http, body, &expectation, now);
            (opened, expectation)
        };
        // The service has acted: its answer is never turned away.
        let (opened, expectation) = if costly { Box::pin(self.world.private_keys.finish(work)).await } else { work() };
        if let Some(recorder) = &self.recorder {
            recorder.opened(start.elapsed());
        }
        let opening = opened?;
        // Where no header says, so that it is proved, which request it answers, one answer could be given again for another. What a
        // request without an id is answered refers to nothing.
        if !(opening.is_correlated() && expectation.message_id().is_some())
            && let Some(once) = opening.once()
        {
            let at = self.world.clock.moment(now);
            match self.claims.claim(std::iter::once(once), None, at).await {
                Ok(Claim::Fresh) => {}
                Ok(Claim::Seen | Claim::Forgotten) => return Err(Failure::Replayed),
                Ok(Claim::Full) => return Err(Failure::Unnoted),
                Err(reason) => return Err(Failure::Unclaimed(reason)),
            }
        }
        Ok((Answered::Message(Box::new(opening)), expectation))
    }
}
