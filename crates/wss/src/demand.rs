//! What a policy demands of one message: the policy, the direction, the parts.

use nuncio_policy::model::{
    AsymmetricBinding, Binding, Canonicalization, DerivedKeys, Include, Layout, MessageKind, Parts, Policy,
    PolicyVersion, ProtectionOrder, SupportingToken, SymmetricBinding, Token, TrustVersion, X509Token,
};
use nuncio_policy::suite::Suite;
use nuncio_xmlsec::{Accepted, C14n};

use crate::dialect::Dialect;
use crate::message_terms::MessageTerms;
use crate::received::Request;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Request,
    Response,
}

impl Direction {
    /// The way of a message of that kind.
    pub(crate) fn of(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Request => Self::Request,
            MessageKind::Response | MessageKind::Fault => Self::Response,
        }
    }
}

/// What a message must satisfy.
#[derive(Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) direction: Direction,
    /// What is signed and encrypted. Meaningless under a transport binding, where the transport does it.
    pub(crate) parts: &'a Parts,
    /// The supporting tokens that the message must bring: none in a response.
    pub(crate) supporting: &'a [SupportingToken],
    /// Whether the binding holds for the message.
    pub(crate) protected: bool,
    /// What is asked for, or answered. Keys need not be derived for Cancel, which WCF does not hold to it; and the context
    /// that is renewed must endorse a Renew, beside what the bootstrap policy asks for.
    pub(crate) about: Request,
    /// Whether it is the answer to a Cancel, which need not confirm signatures nor have the timestamp first or last: CXF gives
    /// it under a policy of its own making. It is signed with the key of a context that says such a thing once.
    pub(crate) cancelled: bool,
}

impl<'a> Demand<'a> {
    /// What a message that comes must satisfy.
    pub(crate) fn of(policy: &'a Policy, direction: Direction, terms: &'a MessageTerms) -> Self {
        let (terms, supporting) = match direction {
            Direction::Request => (terms.of_request(), &*terms.supporting),
            Direction::Response => (terms, &[][..]),
        };
        let protected = terms.protected;
        let about = Request::Application;
        Self { policy, direction, parts: &terms.parts, supporting, protected, about, cancelled: false }
    }

    /// What a message that goes is made to satisfy.
    pub(crate) fn to_seal(policy: &'a Policy, direction: Direction, terms: &'a MessageTerms) -> Self {
        let (terms, supporting) = match direction {
            Direction::Request => (terms.of_request(), &*terms.sealing),
            Direction::Response => (terms, &[][..]),
        };
        Self { parts: &terms.sealed, supporting, ..Self::of(policy, direction, terms) }
    }

    /// The same of a message about a context.
    pub(crate) fn about(self, about: Request) -> Self {
        Self { about, ..self }
    }

    /// Whether the context that is renewed must endorse.
    pub(crate) fn renew(&self) -> bool {
        self.direction == Direction::Request && self.about == Request::Renew
    }

    /// The algorithm suite of the binding.
    pub(crate) fn suite(&self) -> &'static Suite {
        self.policy.properties.suite
    }

    /// The binding, if it is the symmetric one.
    pub(crate) fn symmetric(&self) -> Option<&'a SymmetricBinding> {
        match &self.policy.binding {
            Binding::Transport(_) | Binding::Asymmetric(_) => None,
            Binding::Symmetric(binding) => Some(binding),
        }
    }

    /// The binding, if it is the asymmetric one.
    pub(crate) fn asymmetric(&self) -> Option<&'a AsymmetricBinding> {
        match &self.policy.binding {
            Binding::Transport(_) | Binding::Symmetric(_) => None,
            Binding::Asymmetric(binding) => Some(binding),
        }
    }

    /// Which comes first where the message protects itself, signing or encrypting; `None` where the transport does.
    pub(crate) fn order(&self) -> Option<ProtectionOrder> {
        let over_transport = matches!(self.policy.binding, Binding::Transport(_));
        (self.protected && !over_transport).then_some(self.policy.properties.order)
    }

    /// The layout of the security header.
    pub(crate) fn layout(&self) -> Layout {
        self.policy.properties.layout
    }

    /// Whether there must be a timestamp.
    pub(crate) fn timestamp(&self) -> bool {
        self.policy.properties.timestamp && self.protected
    }

    /// Whether the transport does all that is asked: a security header would have nothing in it.
    pub(crate) fn is_left_to_transport(&self) -> bool {
        let over_transport = matches!(self.policy.binding, Binding::Transport(_));
        self.protected && over_transport && !self.timestamp() && self.supporting.is_empty() && !self.renew()
    }

    /// Whether the message brings a token that is such, and endorses.
    pub(crate) fn endorsed_by(&self, is: impl Fn(&Token) -> bool) -> bool {
        self.supporting.iter().any(|token| token.endorsing && is(&token.token))
    }

    /// Whether keys are derived from passwords.
    pub(crate) fn has_password_key(&self) -> bool {
        self.endorsed_by(|token| matches!(token, Token::Username(_)))
    }

    /// Whether the primary signature covers the token that made it.
    pub(crate) fn protect_tokens(&self) -> bool {
        self.policy.properties.protect_tokens
    }

    /// How the keys that sign and encrypt are derived.
    pub(crate) fn derived_keys(&self) -> DerivedKeys {
        match &self.policy.binding {
            _ if self.about == Request::Cancel => DerivedKeys::None,
            Binding::Transport(_) => DerivedKeys::None,
            Binding::Symmetric(binding) => match &binding.protection {
                Token::X509(token) => token.derived_keys,
                Token::SecureConversation(token) => token.derived_keys,
                Token::Username(_) => DerivedKeys::None,
            },
            Binding::Asymmetric(binding) => {
                self.wrapped_for(binding).map_or(DerivedKeys::None, |token| token.derived_keys)
            }
        }
    }

    /// Whether the protection token is referred to as if it were not in the message, even where it travels.
    pub(crate) fn refers_outside(&self) -> bool {
        self.symmetric().is_some_and(|binding| match &binding.protection {
            Token::SecureConversation(token) => token.target.is_outside(),
            // What is referred to is the encrypted key, and that is in the message.
            Token::X509(_) | Token::Username(_) => false,
        })
    }

    /// Whether a token travels in a message of this direction.
    pub(crate) fn includes(&self, include: Include) -> bool {
        match self.direction {
            Direction::Request => include.to_recipient(),
            Direction::Response => include.to_initiator(),
        }
    }

    /// The certificate token that keys are wrapped under.
    pub(crate) fn wrapping(&self) -> Option<&'a X509Token> {
        match &self.policy.binding {
            Binding::Symmetric(SymmetricBinding { protection: Token::X509(token) }) => Some(token),
            Binding::Asymmetric(binding) => self.wrapped_for(binding),
            Binding::Symmetric(_) | Binding::Transport(_) => None,
        }
    }

    /// The token of an asymmetric binding that signs a message of this direction.
    pub(crate) fn signed_by(&self, binding: &'a AsymmetricBinding) -> &'a X509Token {
        match self.direction {
            Direction::Request => &binding.initiator,
            Direction::Response => &binding.recipient,
        }
    }

    /// The token of an asymmetric binding that a message of this direction is encrypted for; `None` where none is.
    pub(crate) fn wrapped_for(&self, binding: &'a AsymmetricBinding) -> Option<&'a X509Token> {
        match (self.direction, &binding.encryption) {
            (Direction::Request, None) => Some(&binding.recipient),
            (Direction::Response, None) => Some(&binding.initiator),
            (Direction::Request, Some(tokens)) => tokens.recipient.as_ref(),
            (Direction::Response, Some(tokens)) => tokens.initiator.as_ref(),
        }
    }

    /// Whether a message is encrypted, in parts or in tokens, that has no token to be encrypted for.
    pub(crate) fn is_encrypted_for_nobody(&self) -> bool {
        let hidden = |token: &SupportingToken| token.encrypted || has_password(token);
        self.asymmetric().is_some_and(|binding| self.wrapped_for(binding).is_none())
            && self.protected
            && (self.parts.encrypts() || self.supporting.iter().any(hidden))
    }

    /// Whether the signatures must be encrypted: where the policy says so and something else is.
    pub(crate) fn signature_encrypted(&self) -> bool {
        self.policy.properties.encrypt_signature && self.order().is_some() && self.parts.encrypts()
    }

    /// Whether a header block may be encrypted.
    pub(crate) fn may_hide_blocks(&self) -> bool {
        !self.parts.encrypted.headers.is_empty() || !self.parts.encrypted_elements.is_empty()
    }

    /// How signatures and what they sign are canonicalised.
    pub(crate) fn canonicalisation(&self) -> C14n {
        match self.policy.properties.options.canonicalization {
            Canonicalization::Inclusive => C14n::Inclusive,
            // The other is refused when the policy is compiled.
            Canonicalization::Exclusive | Canonicalization::Inclusive11 => C14n::Exclusive,
        }
    }

    /// The algorithms that the suite lets in. Where stacks read a suite differently, both readings: WSS4J canonicalises
    /// what it signs exclusively, whatever the suite says of that.
    pub(crate) fn accepted(&self) -> Accepted {
        let suite = self.suite();
        let (canonicalisations, transforms): (&[C14n], &[C14n]) = match self.canonicalisation() {
            C14n::Exclusive => (&[C14n::Exclusive], &[C14n::Exclusive]),
            C14n::Inclusive => (&[C14n::Inclusive], &[C14n::Inclusive, C14n::Exclusive]),
        };
        Accepted {
            canonicalisations,
            transforms,
            digests: vec![suite.digest],
            macs: std::iter::once(suite.mac).chain(suite.also_mac).collect(),
            signatures: std::iter::once(suite.signature).chain(suite.also_signature).collect(),
            ciphers: vec![suite.cipher],
            transports: vec![suite.transport],
            wraps: Vec::new(),
        }
    }
}

/// Whether a supporting token may have its user's password in it: then it is always encrypted, for which WS-SecurityPolicy 1.1
/// has no word. One that endorses has the salt of a key in its place.
pub(crate) fn has_password(token: &SupportingToken) -> bool {
    matches!(token.token, Token::Username(_)) && !token.endorsing
}

/// The generation of WS-SecureConversation that a policy implies where no context says it.
pub(crate) fn dialect(policy: &Policy) -> &'static Dialect {
    Dialect::of(match (&policy.trust, policy.version) {
        (Some(trust), _) => trust.version,
        (None, PolicyVersion::V11) => TrustVersion::February2005,
        (None, PolicyVersion::V12) => TrustVersion::V13,
    })
}
