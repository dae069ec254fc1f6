//! An answer opened, and what it brings.

use std::sync::Arc;

use nuncio_crypto::derive;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{Binding, Policy};
use nuncio_xml::{Encoding, exclusive};

use super::{Expectation, Initiator, Opening};
use crate::addressing::{self, Headers};
use crate::conversation::{Besides, Carried, Context, ConversationId};
use crate::demand::{Demand, Direction};
use crate::dialect::{Dialect, TrustVerb};
use crate::envelope::Envelope;
use crate::fault::Told;
use crate::keys::{Credentials, Keys};
use crate::message_terms::MessageTerms;
use crate::open::{self, Confirm};
use crate::received::{HttpFacts, Request};
use crate::refusal::{RELATES_TO_ANOTHER, Refusal, SIGNS_ANOTHER};
use crate::terms::Terms;
use crate::time::Time;
use crate::trust::response::{Proof, TokenResponse, read_cancelled};
use crate::trust::secret::Unwrapping;

impl Initiator {
    /// Opens the answer to a request, which came on the back channel.
    pub fn open(
        &self,
        http: &HttpFacts<'_>,
        body: Vec<u8>,
        expectation: &Expectation,
        now: Time,
    ) -> Result<Opening, Refusal> {
        let confirm = Confirm::These(&expectation.signatures);
        self.open_envelope(self.read(&expectation.terms, http, body)?, expectation, confirm, now)
    }

    /// Reads a message under those terms; its security is left as it is.
    pub(super) fn read(&self, terms: &Terms, http: &HttpFacts<'_>, body: Vec<u8>) -> Result<Envelope, Refusal> {
        if http.soap() != Some(terms.soap) {
            return Err(Refusal::Envelope("is of another version of SOAP than the request"));
        }
        let mut envelope = Envelope::read_sealed(body, http.encoding(), terms.soap, &self.limits)?;
        envelope.addressing = Headers::read(&envelope.document, &envelope.blocks, terms.addressing(), terms.replies())?;
        Ok(envelope)
    }

    /// Opens the answer to a request; `confirm` is what it has to confirm where the policy asks for that.
    pub(super) fn open_envelope(
        &self,
        envelope: Envelope,
        expectation: &Expectation,
        confirm: Confirm<'_>,
        now: Time,
    ) -> Result<Opening, Refusal> {
        let terms = &*expectation.terms;
        let unsecured_fault = envelope.security.is_none() && envelope.is_fault();
        let (policy, messages) = match response_terms(&envelope, expectation) {
            Ok((policy, messages))
                if unsecured_fault
                    && are_protected(messages)
                    && !may_fault_without_header(policy, messages, expectation.request) =>
            {
                return Err(Refusal::UnsecuredFault(Told::by(&envelope)));
            }
            Err(_) if unsecured_fault => return Err(Refusal::UnsecuredFault(Told::by(&envelope))),
            terms => terms?,
        };
        // Where a fault may come in clear, its action must not bring anything else in: nobody vouches for that action.
        let operation = terms.operation(expectation.action.as_deref(), None);
        let protected = are_protected(messages);
        if !protected && !envelope.is_fault() && are_protected(terms.outputs(operation, expectation.way)) {
            return Err(Refusal::TokenMissing("security header"));
        }
        let action = envelope.addressing.action.as_ref().map(|text| text.value.as_str());
        let cancelled = expectation.request == Request::Cancel && action.is_some_and(Dialect::is_cancelled);
        let demand = |message| {
            let demand = Demand::of(policy, Direction::Response, message);
            Demand { cancelled, ..demand.about(expectation.request) }
        };
        let asymmetric = matches!(policy.binding, Binding::Asymmetric(_));
        let keys = Keys {
            credentials: Credentials::at(self.credentials(), now),
            context: expectation.context.as_deref(),
            // Under an asymmetric binding the answer brings a key of its own.
            shared: expectation.shared.as_ref().filter(|_| !asymmetric),
            trust: &self.trust,
            passwords: None,
        };
        let confirm = if policy.wss.signature_confirmation && protected { confirm } else { Confirm::Nothing };
        let opening = self.open_under_any(envelope, messages.iter().map(demand), keys, confirm, now)?;
        // It may have been encrypted.
        if let (Some(relates), Some(sent)) = (&opening.envelope.addressing.relates_to, &expectation.message_id)
            && relates.value != *sent
        {
            return Err(Refusal::Addressing { header: "RelatesTo", fault: RELATES_TO_ANOTHER });
        }
        Ok(opening)
    }

    /// Opens a message of the service's under the first of these demands that it satisfies.
    ///
    /// # Errors
    ///
    /// Why it does not satisfy the first.
    pub(super) fn open_under_any<'a>(
        &self,
        envelope: Envelope,
        demands: impl ExactSizeIterator<Item = Demand<'a>>,
        keys: Keys<'_>,
        confirm: Confirm<'_>,
        now: Time,
    ) -> Result<Opening, Refusal> {
        // Opening takes it apart.
        let octets = (demands.len() > 1).then(|| envelope.document.source().to_vec());
        let (soap, replies) = (envelope.soap, envelope.addressing.replies);
        let mut envelope = Some(envelope);
        let mut refused = None;
        for demand in demands {
            let envelope = match (envelope.take(), &octets) {
                (Some(envelope), _) => envelope,
                (None, Some(octets)) => {
                    let mut envelope = Envelope::read_sealed(octets.clone(), Encoding::Utf8, soap, &self.limits)?;
                    let Envelope { document, blocks, .. } = &envelope;
                    envelope.addressing = Headers::read(document, blocks, demand.policy.addressing, replies)?;
                    envelope
                }
                (None, None) => break,
            };
            match self.open_under(envelope, demand, keys, confirm, now) {
                Ok(opening) => return Ok(opening),
                Err(refusal) => refused = refused.or(Some(refusal)),
            }
        }
        Err(refused.unwrap_or(Refusal::Envelope("comes under no alternative of the policy")))
    }

    /// Opens a message of the service's.
    fn open_under(
        &self,
        envelope: Envelope,
        demand: Demand<'_>,
        keys: Keys<'_>,
        confirm: Confirm<'_>,
        now: Time,
    ) -> Result<Opening, Refusal> {
        let (envelope, evidence) = open::open(envelope, demand, keys, confirm, &self.freshness, now, &self.limits)?;
        // Trust reaches to what the service's certificate issued; answers come from the service itself.
        if demand.asymmetric().is_some() && demand.protected && evidence.certificate != self.service {
            return Err(Refusal::KeyReference(SIGNS_ANOTHER));
        }
        Ok(Opening { envelope, once: evidence.once, shared: evidence.shared, unverified: evidence.unverified })
    }

    /// The security context that an answer establishes.
    pub fn established(&self, opening: &Opening, expectation: &Expectation, now: Time) -> Result<Context, Refusal> {
        let terms = &*expectation.terms;
        let dialect = terms.dialect();
        let Opening { envelope, .. } = opening;
        let document = &envelope.document;
        let keys = Unwrapping {
            credentials: Credentials::at(self.credentials(), now),
            shared: opening.shared.as_ref().or(expectation.shared.as_ref()),
            context: expectation.context.as_deref(),
            suite: terms.bootstrap_suite(),
        };
        let response = TokenResponse::read(document, envelope.payload(), dialect, &keys, expectation.key_size)?;
        let octets = response.key_size.unwrap_or(expectation.key_size);
        let suite = terms.policy.properties.suite;
        if !(suite.minimum_key..=suite.maximum_key).contains(&octets) {
            return Err(Refusal::TrustResponse("gives a key of another size than the suite's"));
        }
        let secret = agreed_key(&response, expectation, octets)?;
        if secret.len() != octets {
            return Err(Refusal::TrustResponse("gives a key of another size than it says"));
        }
        let renewed = expectation.context.as_deref().filter(|_| expectation.request == Request::Renew);
        if renewed.is_some_and(|old| {
            *old.identifier != *response.token.identifier || old.instance() == response.token.instance.as_deref()
        }) {
            return Err(Refusal::TrustResponse("renews another context than was asked for"));
        }
        let (created, expires) = response.lifetime.unwrap_or((now, Time::from_millis(i64::MAX)));
        if expires <= now || expires <= created {
            return Err(Refusal::TrustResponse("issues a context that has expired"));
        }
        let id = document.id(response.node).ok_or(Refusal::TrustResponse("issues a token without an id"))?.into_owned();
        let mut octets = Vec::new();
        exclusive(document, response.node, &[], &mut octets);
        Ok(Context {
            conversation: renewed
                .map_or_else(|| ConversationId::of(&response.token.identifier), |old| old.conversation),
            identifier: response.token.identifier.into(),
            dialect,
            principal: Arc::clone(&self.nobody),
            created,
            expires,
            secret,
            derived: self.derived_keys.lease(),
            besides: Some(Box::new(Besides {
                instance: response.token.instance.map(Into::into),
                replaces: None,
                carried: Some(Carried { id, octets }),
            })),
        })
    }

    /// Whether an answer says that the context was cancelled, in the generation in which that was asked.
    pub fn cancelled(&self, opening: &Opening, expectation: &Expectation) -> Result<(), Refusal> {
        read_cancelled(&opening.envelope.document, opening.envelope.payload(), expectation.terms.dialect())
    }
}

/// The key that both sides agreed on: nothing else than what was asked for.
fn agreed_key(response: &TokenResponse, expectation: &Expectation, octets: usize) -> Result<Secret, Refusal> {
    match (&response.proof, &expectation.entropy, &response.entropy) {
        (Proof::Computed, Some(ours), Some(theirs)) => derive::computed_key(ours.expose(), theirs.expose(), octets)
            .map_err(|_| Refusal::TrustResponse("gives too long a key")),
        (Proof::Computed, _, _) => Err(Refusal::TrustResponse("computes a key without the entropy for it")),
        (Proof::Given(secret), None, None) => Ok(secret.clone()),
        (Proof::Given(_), _, _) => Err(Refusal::TrustResponse("gives a key where entropy was sent")),
        (Proof::Own, Some(ours), None) => Ok(ours.clone()),
        (Proof::Own, _, _) => Err(Refusal::TrustResponse("gives no key")),
    }
}

/// Whether the binding holds for a message, whose alternatives these are.
fn are_protected(messages: &[MessageTerms]) -> bool {
    messages.iter().all(|message| message.protected)
}

/// Whether a fault without a security header is an answer like any other: where the transport does all that is asked of one,
/// it vouches for it.
fn may_fault_without_header(policy: &Policy, messages: &[MessageTerms], request: Request) -> bool {
    let mut demands = messages.iter().map(|message| Demand::of(policy, Direction::Response, message));
    request == Request::Application
        && !policy.wss.signature_confirmation
        && demands.all(|demand| demand.is_left_to_transport())
}

/// The policy of an answer, and what it asks of it: any of these. Its action must be one that the request may have.
fn response_terms<'a>(
    envelope: &Envelope,
    expectation: &'a Expectation,
) -> Result<(&'a Policy, &'a [MessageTerms]), Refusal> {
    let terms = &*expectation.terms;
    let way = expectation.way;
    let (policy, message, verb) = match (expectation.request, terms.bootstrap()) {
        (Request::Issue, Some((policy, message))) => (policy, message, Some(TrustVerb::Issue)),
        (Request::Renew, Some((policy, message))) => (policy, message, Some(TrustVerb::Renew)),
        (Request::Cancel, _) => (&terms.policy, terms.cancel(), Some(TrustVerb::Cancel)),
        _ => (&terms.policy, terms.any_response(), None),
    };
    let action = envelope.addressing.action.as_ref().map(|text| text.value.as_str());
    let found = || action.unwrap_or_default().to_owned();
    if addressing::namespace(terms.addressing()).is_some() && action.is_none() {
        return Err(Refusal::Action { found: found(), expected: "one at all" });
    }
    if let Some(verb) = verb {
        let expected = terms.dialect().response_action(verb);
        return if action == Some(&expected) || action.is_some_and(addressing::is_fault_action) {
            Ok((policy, std::slice::from_ref(message)))
        } else {
            Err(Refusal::Action { found: found(), expected: "the answer to the trust request" })
        };
    }
    let operation = terms.operation(expectation.action.as_deref(), None);
    // The body may be encrypted: whether it is a fault, the action must say.
    if let Some(action) = action
        && (addressing::is_fault_action(action)
            || Terms::is_fault(operation, action)
            || expectation.action.as_deref().is_some_and(|asked| addressing::is_default_fault_of(asked, action)))
    {
        return Ok((policy, terms.faults(operation, way, action)));
    }
    let expected = operation.and_then(|terms| terms.operation.output.as_ref()).map(|output| output.action.as_str());
    match (expected, action) {
        (Some(expected), Some(action)) if expected != action => {
            Err(Refusal::Action { found: action.to_owned(), expected: "the answer to the request" })
        }
        _ => Ok((policy, terms.outputs(operation, way))),
    }
}
