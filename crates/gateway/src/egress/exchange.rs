//! One call of the service, once more in another conversation where it has lost the one of before.

use std::sync::Arc;
use std::time::Instant;

use nuncio_wss::{Request, SealPlain, Unsecured};

use super::failure::Failure;
use super::line::{Answered, Line};
use super::standing::Standing;
use crate::metrics::ContextEvent;
use crate::random::Draw;
use crate::trace::Trace;

/// How often a call is made once more at the most: in place of the context that there was, of what was kept, and of what another
/// gateway kept meanwhile.
const REPEATS: u32 = 3;

/// A call that is to be made.
pub(super) struct Exchange<'a> {
    pub(super) line: &'a Arc<Line>,
    /// As whom.
    pub(super) standing: &'a Arc<Standing>,
    pub(super) message: Arc<Unsecured>,
    pub(super) action: String,
    pub(super) trace: Option<Trace>,
    /// Whether it is made once more where the service did not take its conversation.
    pub(super) repeat: bool,
    /// When it came.
    pub(super) came: Instant,
}

/// What is known of a call, however it ended.
#[derive(Default)]
pub(super) struct Known {
    /// The conversation that it was made in last.
    pub(super) conversation: Option<String>,
    /// The HTTP status of the service.
    pub(super) status: Option<u16>,
}

impl Exchange<'_> {
    /// Makes it.
    pub(super) async fn make(self, known: &mut Known) -> Result<Answered, Arc<Failure>> {
        let Self { line, standing, .. } = self;
        let mut repeated = 0;
        loop {
            let held = match standing.converses().then(|| standing.ready(line)) {
                None => None,
                Some(Some(held)) => Some(held),
                Some(None) => {
                    line.contexts.count(ContextEvent::Awaited);
                    // It is made in none, unless there is another.
                    known.conversation = None;
                    Some(standing.context(line).await?)
                }
            };
            known.conversation = held.as_ref().map(|held| held.context.conversation.to_string());
            let context = held.as_ref().map(|held| Arc::clone(&held.context));
            let initiator = Arc::clone(&standing.initiator);
            let costly = initiator.uses_private_key(Request::Application);
            let (message, action) = (Arc::clone(&self.message), self.action.clone());
            let seal = move |now, random: &mut Draw| -> Result<_, SealPlain> {
                initiator.seal_unsecured(&message, &action, context.as_ref(), now, random)
            };
            let (sealed, expectation) = line.seal(costly, seal).await?;
            let answer = line.send(sealed, self.trace.as_ref()).await?;
            known.status = Some(answer.status);
            let opened = line.open(&standing.initiator, answer, expectation).await;
            let lost = match &opened {
                Ok((Answered::Message(opening), _)) => opening.is_of_lost_context(),
                Ok(_) => false,
                Err(failure) => failure.is_of_security(),
            };
            // A context that was there before may be lost to its service, which then has not acted on the message. So may the next
            // be, where that was kept.
            if let Some(held) = held.filter(|held| lost && held.was_there(self.came)) {
                standing.lost(&held, line);
                line.contexts.count(ContextEvent::Lost);
                tracing::info!(route = %line.name, "the service does not know a conversation any more");
                if self.repeat && repeated < REPEATS {
                    repeated += 1;
                    continue;
                }
            }
            return Ok(opened?.0);
        }
    }
}
