//! A security context cancelled ([WS-SecureConversation 1.4] section 6).

use nuncio_crypto::random::Random;
use nuncio_xml::Writer;

use super::issue::refuse;
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::fault::Fault;
use crate::recipient::{Issue, Opened};
use crate::refusal::Refusal;
use crate::reply::{Answer, Message, Reply};
use crate::terms::Terms;
use crate::time::Time;
use crate::trust::request::TokenRequest;
use crate::trust::response::write_cancelled;
use crate::trust::secret::Unwrapping;

/// Answers a Cancel, which only the holder of the context's own key may ask for.
pub(crate) fn cancel(opened: Opened, now: Time, random: &mut dyn Random) -> Result<(Message, Reply), Issue> {
    let dialect = opened.terms.dialect();
    let read = target(&opened, dialect);
    let reply = opened.into_reply();
    match read {
        Ok(correlation) => {
            let write = |writer: &mut Writer| write_cancelled(writer, dialect, correlation.as_deref());
            let message = reply.seal_trust(dialect, TrustVerb::Cancel, &write, now, random)?;
            Ok((message, reply))
        }
        Err(refusal) if reply.opened().terms.conversation().is_some_and(|token| !token.cancel) => {
            let (message, _) = reply.seal(Answer::Fault(Fault::cancellation_not_allowed()), now, random)?;
            Err(Issue::Refused { refusal, message })
        }
        Err(refusal) => Err(refuse(&reply, refusal, now, random)?),
    }
}

/// Checks that the request is about the context that signed it.
fn target(opened: &Opened, dialect: &Dialect) -> Result<Option<String>, Refusal> {
    check_target(&opened.terms, &opened.envelope, dialect, &Unwrapping::of(opened))
}

/// Checks that a Cancel, from whichever side, is about the context that signed it: what correlates its answer.
pub(crate) fn check_target(
    terms: &Terms,
    envelope: &Envelope,
    dialect: &Dialect,
    keys: &Unwrapping<'_>,
) -> Result<Option<String>, Refusal> {
    if terms.conversation().is_some_and(|token| !token.cancel) {
        return Err(Refusal::TrustRequest("is a cancel where the policy has none"));
    }
    let request = TokenRequest::read(&envelope.document, envelope.payload(), dialect, TrustVerb::Cancel, keys)?;
    let (identifier, instance) = request.target.ok_or(Refusal::TrustRequest("names no context to cancel"))?;
    match keys.context {
        Some(context) if context.key(&identifier, instance.as_deref()).is_some() => Ok(request.correlation),
        _ => Err(Refusal::TrustRequest("is about another context than the one that signed it")),
    }
}
