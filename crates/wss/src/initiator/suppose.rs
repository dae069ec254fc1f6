//! What may have been asked, as far as an answer alone tells: for whoever has captured an answer and not its request.
//!
//! Which request it answers and which signatures it confirms is then not known, and not looked at. All else is.

use std::sync::Arc;

use super::{Expectation, Initiator, Opening};
use crate::addressing::{self, Headers};
use crate::conversation::Context;
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::header;
use crate::limits::Limits;
use crate::open::{Confirm, Evidence};
use crate::operation_terms::OperationTerms;
use crate::received::{HttpFacts, Request};
use crate::recipient::{Opened, Recipient};
use crate::refusal::Refusal;
use crate::terms::Terms;
use crate::time::Time;

/// What may have been asked. No [`Expectation`]: an answer that opens by it is not proved to be one to any request, and so
/// [`Initiator::open`] does not take it.
pub struct Supposed(Expectation);

impl Supposed {
    /// What was asked for.
    pub fn request(&self) -> Request {
        self.0.request()
    }

    /// The context that the answer is under.
    pub fn context(&self) -> Option<&Arc<Context>> {
        self.0.context()
    }

    /// Whether its answer counts on TLS: see [`Expectation::needs_transport`].
    pub fn needs_transport(&self) -> bool {
        self.0.needs_transport()
    }

    /// The same where the id of the request is known, though nobody vouches for it: an answer that says otherwise is to another.
    #[must_use]
    pub fn answering(self, message_id: Option<String>) -> Self {
        Self(Expectation { message_id, ..self.0 })
    }
}

/// Finds a security context by its name ([`Context::name`]) and its generation.
type Find<'a> = &'a dyn Fn(&str, &'static Dialect) -> Option<Arc<Context>>;

impl Initiator {
    /// What may have been remembered of the request that a message answers, the likeliest first: under each alternative of the
    /// policy, of each operation that has such an answer. Never empty. `find` finds the security context that the message names.
    ///
    /// An answer that is encrypted or signed under a key of its request does not open so.
    ///
    /// # Errors
    ///
    /// Where the message cannot be read, or its context is not found.
    pub fn suppose(&self, http: &HttpFacts<'_>, body: &[u8], find: Find<'_>) -> Result<Vec<Supposed>, Refusal> {
        suppose(&mut self.built.iter(), http, body, find, &self.limits)
    }

    /// Opens what may be the answer to such a request; where that is a Cancel, it must say that it was done. Which request it
    /// answers is not known then, nor which signatures it must confirm, but that it must confirm some.
    ///
    /// # Errors
    ///
    /// As [`Initiator::open`].
    pub fn open_supposed(
        &self,
        http: &HttpFacts<'_>,
        body: Vec<u8>,
        Supposed(expectation): &Supposed,
        now: Time,
    ) -> Result<Opening, Refusal> {
        let envelope = self.read(&expectation.terms, http, body)?;
        let opening = self.open_envelope(envelope, expectation, Confirm::Unknown, now)?;
        if expectation.request == Request::Cancel && !opening.is_fault() {
            self.cancelled(&opening, expectation)?;
        }
        Ok(opening)
    }
}

impl Recipient {
    /// The same of a message that answers a request to this recipient, in whichever generation of WS-Trust that was: see
    /// [`Initiator::suppose`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn suppose(&self, http: &HttpFacts<'_>, body: &[u8], find: Find<'_>) -> Result<Vec<Supposed>, Refusal> {
        suppose(&mut self.terms(), http, body, find, &self.settings.limits)
    }
}

impl Opened {
    /// Whether it may have been made by that initiator, as far as the tokens tell that it was made with: the certificate that
    /// signed it, the user that it names. A call in a conversation may have been made by any.
    pub fn may_be_of(&self, initiator: &Initiator) -> bool {
        let Evidence { certificate, username, user, .. } = &self.evidence;
        let signed = certificate.as_ref().is_none_or(|certificate| {
            let own = initiator.credential.as_ref();
            own.is_some_and(|credential| credential.certificate == *certificate)
        });
        let name = username.as_ref().map(|username| &username.name).or(user.as_ref());
        let named = name.is_none_or(|name| initiator.username.as_ref().is_some_and(|(own, _)| own == name));
        signed && named
    }
}

fn suppose(
    alternatives: &mut dyn Iterator<Item = &Arc<Terms>>,
    http: &HttpFacts<'_>,
    body: &[u8],
    find: Find<'_>,
    limits: &Limits,
) -> Result<Vec<Supposed>, Refusal> {
    let mut supposed = Vec::new();
    let mut refused = None;
    for terms in alternatives {
        match under(terms, http, body, find, limits) {
            Ok(found) => supposed.extend(found),
            // A message about a conversation is nothing else under the other alternatives.
            Err(refusal @ Refusal::UnknownContext(_)) => return Err(refusal),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    match refused {
        Some(refusal) if supposed.is_empty() => Err(refusal),
        _ => Ok(supposed),
    }
}

/// What may have been asked under those terms.
fn under(
    terms: &Arc<Terms>,
    http: &HttpFacts<'_>,
    body: &[u8],
    find: Find<'_>,
    limits: &Limits,
) -> Result<Vec<Supposed>, Refusal> {
    if http.soap() != Some(terms.soap) {
        return Err(Refusal::Envelope("is of another version of SOAP than the port's"));
    }
    let envelope = Envelope::read_sealed(body.to_vec(), http.encoding(), terms.soap, limits)?;
    let headers = Headers::read(&envelope.document, &envelope.blocks, terms.addressing(), terms.replies())?;
    let named = envelope.security.filter(|_| terms.conversation().is_some());
    let named = named.and_then(|node| header::context_name(&envelope.document, node));
    let context = match named {
        Some(named) if named.dialect.version != terms.dialect().version => {
            return Err(Refusal::KeyReference("names a security context in another generation than the policy's"));
        }
        Some(named) => {
            Some(find(&named.name, named.dialect).ok_or_else(|| Refusal::UnknownContext(named.name.clone()))?)
        }
        None => None,
    };
    let action = headers.action.as_ref().map(|text| text.value.as_str());
    let mut supposed = Vec::new();
    for &request in requests(terms, action, context.is_some()) {
        let operations: Vec<Option<&OperationTerms>> = match action.filter(|_| request == Request::Application) {
            Some(action) => terms.answered_by(action).map(Some).collect(),
            None => Vec::new(),
        };
        let operations = if operations.is_empty() { vec![None] } else { operations };
        for operation in operations {
            for way in 0..operation.map_or(1, OperationTerms::ways) {
                supposed.push(Supposed(Expectation {
                    terms: Arc::clone(terms),
                    request,
                    action: operation.map(|terms| terms.operation.input.action.clone()),
                    way,
                    message_id: None,
                    signatures: Vec::new(),
                    shared: None,
                    context: context.clone(),
                    entropy: None,
                    key_size: terms.policy.properties.suite.key,
                    addresses: Vec::new(),
                }));
            }
        }
    }
    Ok(supposed)
}

/// What a message with that action may be an answer to; `within` says whether it names a security context.
fn requests(terms: &Terms, action: Option<&str>, within: bool) -> &'static [Request] {
    let converses = terms.conversation().is_some();
    let answers = |verb| converses && action == Some(&terms.dialect().response_action(verb));
    if answers(TrustVerb::Issue) {
        &[Request::Issue]
    } else if answers(TrustVerb::Renew) {
        &[Request::Renew]
    } else if answers(TrustVerb::Cancel) {
        &[Request::Cancel]
    } else if converses && action.is_some_and(addressing::is_fault_action) {
        // The fault to a Renew is protected as the one to an Issue.
        if within { &[Request::Application, Request::Cancel] } else { &[Request::Issue, Request::Application] }
    } else {
        &[Request::Application]
    }
}
