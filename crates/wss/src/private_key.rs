//! Which work takes an operation with a private key of ours, which costs some hundred times what a message of a conversation
//! does: whoever has many messages to handle may want to do that work elsewhere.

use nuncio_policy::model::Binding;
use nuncio_xmlsec::XENC;

use crate::received::{Received, Request};
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
}

impl Recipient {
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
