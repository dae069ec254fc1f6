//! Which work takes an operation with a private key of ours, which costs some hundred times what a message of a conversation
//! does: whoever has many messages to handle may want to do that work elsewhere.

use nuncio_policy::model::{Binding, Token};
use nuncio_xmlsec::XENC;

use crate::dialect::{Dialect, TrustVerb};
use crate::received::{HttpFacts, Received, Request};
use crate::recipient::{Opened, Recipient};
use crate::reply::Reply;
use crate::terms::Terms;

impl Terms {
    /// Whether answers to such requests are signed with our private key.
    fn signs_by_certificate(&self, request: Request) -> bool {
        let policy = match (request, self.bootstrap()) {
            (Request::Issue | Request::Renew, Some((policy, _))) => policy,
            _ => &self.policy,
        };
        matches!(policy.binding, Binding::Asymmetric(_))
    }

    /// Whether requests under that action cannot be opened without a private key: each brings a key that was encrypted for a
    /// certificate of ours, or is encrypted for one itself.
    fn demands_private_key(&self, action: Option<&str>) -> bool {
        let asks_for_context =
            || matches!(action.and_then(Dialect::of_action), Some((_, TrustVerb::Issue | TrustVerb::Renew)));
        let policy = match self.bootstrap() {
            Some((policy, _)) if asks_for_context() => policy,
            _ => &self.policy,
        };
        match &policy.binding {
            Binding::Asymmetric(_) => true,
            Binding::Symmetric(binding) => matches!(binding.protection, Token::X509(_)),
            Binding::Transport(_) => false,
        }
    }
}

impl Recipient {
    /// Whether a message of which HTTP says this cannot be opened without an operation with a private key, as far as that can
    /// be said before it is read. If HTTP does not say true it may be wrong either way; nothing but the message's turn may hang
    /// on it.
    pub fn demands_private_key(&self, http: &HttpFacts<'_>) -> bool {
        let action = http.action();
        self.terms().all(|terms| terms.demands_private_key(action))
    }

    /// Whether opening a message that was read takes an operation with a private key, or many with public ones: it brings an
    /// encrypted key, or may come under an asymmetric binding.
    pub fn opens_by_private_key(&self, received: &Received) -> bool {
        let Received { envelope, readings, .. } = received;
        let document = &envelope.document;
        let brings = |security| document.elements(security).any(|child| document.is(child, XENC, "EncryptedKey"));
        envelope.security.is_some_and(|security| {
            brings(security)
                || readings.iter().any(|reading| {
                    self.terms()
                        .nth(reading.alternative)
                        .is_some_and(|terms| terms.signs_by_certificate(reading.request))
                })
        })
    }
}

impl Opened {
    /// Whether issuing or renewing the context that it asks for takes an operation with a private key.
    pub fn grants_by_private_key(&self) -> bool {
        let document = &self.envelope.document;
        let brings = |node| document.elements(node).any(|child| document.is(child, XENC, "EncryptedKey"));
        self.terms.signs_by_certificate(self.request)
            || self.envelope.payload().is_some_and(|asked| document.elements(asked).any(brings))
    }
}

impl Reply {
    /// Whether sealing an answer takes an operation with a private key.
    pub fn seals_by_private_key(&self) -> bool {
        let opened = self.opened();
        opened.terms.signs_by_certificate(opened.request())
    }
}
