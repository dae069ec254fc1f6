//! What an initiator remembers of a request until it is answered.

use std::sync::Arc;

use nuncio_crypto::secret::Secret;
use nuncio_policy::model::Binding;

use crate::conversation::Context;
use crate::dialect::{Dialect, TrustVerb};
use crate::keys::SharedKey;
use crate::received::Request;
use crate::recipient::Opened;
use crate::refusal::Refusal;
use crate::terms::Terms;
use crate::trust::request::TokenRequest;
use crate::trust::secret::Unwrapping;

/// What an initiator remembers of a request, to open its answer.
#[derive(Clone)]
pub struct Expectation {
    /// The alternative of the policy that it was made under, and that its answer comes under.
    pub(super) terms: Arc<Terms>,
    pub(super) request: Request,
    pub(super) action: Option<String>,
    /// The alternative of its operation's policies that it was made under.
    pub(super) way: usize,
    pub(super) message_id: Option<String>,
    /// The values of its signatures.
    pub(super) signatures: Vec<Vec<u8>>,
    pub(super) shared: Option<SharedKey>,
    pub(super) context: Option<Arc<Context>>,
    pub(super) entropy: Option<Secret>,
    pub(super) key_size: usize,
    /// The addresses that it asked to be answered at, if not on the back channel.
    pub(super) addresses: Vec<String>,
}

impl Expectation {
    /// What was asked for.
    pub fn request(&self) -> Request {
        self.request
    }

    /// The context that the request was under.
    pub fn context(&self) -> Option<&Arc<Context>> {
        self.context.as_ref()
    }

    /// The id of the request, which an answer refers to.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// Whether its answer counts on TLS.
    pub fn needs_transport(&self) -> bool {
        let policy = match (self.request, self.terms.bootstrap()) {
            (Request::Issue | Request::Renew, Some((policy, _))) => policy,
            _ => &self.terms.policy,
        };
        matches!(policy.binding, Binding::Transport(_))
    }

    /// Whether an answer that opens is one to this request, whatever its headers say: it comes under a key that the request brought,
    /// or confirms the signatures of the request.
    pub fn binds(&self) -> bool {
        let policy = &self.terms.policy;
        let symmetric = matches!(policy.binding, Binding::Symmetric(_));
        let keyed = self.shared.is_some() && symmetric && self.context.is_none();
        keyed || policy.wss.signature_confirmation && !self.signatures.is_empty()
    }

    /// The key that came with the request, if that is its `EncryptedKeySHA1`.
    pub(crate) fn shared(&self, sha1: &[u8]) -> Option<&Secret> {
        self.shared.as_ref().filter(|shared| shared.sha1 == sha1).map(|shared| &shared.secret)
    }

    /// What the sender of an opened request remembers.
    pub(crate) fn of(opened: &Opened) -> Result<Self, Refusal> {
        let terms = &opened.terms;
        let envelope = &opened.envelope;
        let suite = terms.policy.properties.suite;
        let (entropy, key_size) = match opened.request {
            Request::Issue | Request::Renew => {
                let dialect: &Dialect = terms.dialect();
                let verb = if opened.request == Request::Issue { TrustVerb::Issue } else { TrustVerb::Renew };
                let keys = Unwrapping::of(opened);
                let request = TokenRequest::read(&envelope.document, envelope.payload(), dialect, verb, &keys)?;
                (request.entropy.map(|brought| brought.secret), request.key_size.unwrap_or(suite.key))
            }
            _ => (None, suite.key),
        };
        Ok(Self {
            terms: Arc::clone(terms),
            request: opened.request,
            action: opened.action.clone(),
            way: opened.way,
            message_id: envelope.addressing.message_id.as_ref().map(|text| text.value.clone()),
            signatures: opened.evidence.signatures.clone(),
            shared: opened.evidence.shared.clone(),
            context: opened.context.clone(),
            entropy,
            key_size,
            addresses: [&envelope.addressing.reply_to, &envelope.addressing.fault_to]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        })
    }
}
