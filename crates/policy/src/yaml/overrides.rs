//! Single properties of a policy, changed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::parts::{PartsTerms, addressing_headers};
use super::suite::SuiteTerms;
use super::token::Derive;
use crate::model::{
    Addressing, Binding, HeaderPart, Layout, Parts, PasswordKind, Policy, ProtectionOrder, ReferenceTarget,
    SoapVersion, Token, X509Reference, X509Token,
};
use crate::names;

/// Single properties of a policy, over those of a preset, in the words of WS-SecurityPolicy. Where conversations are held,
/// they hold for the messages by which these begin too, but for the parts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Overrides {
    /// The versions of SOAP.
    pub(super) soap: Option<Vec<SoapVersion>>,
    /// The addressing that messages have.
    pub(super) addressing: Option<Addressing>,
    /// The algorithms.
    pub(super) algorithm_suite: Option<SuiteTerms>,
    /// The order of the security header.
    pub(super) layout: Option<Layout>,
    /// Whether every message has a timestamp.
    pub(super) include_timestamp: Option<bool>,
    /// Whether messages are encrypted first, and signed then.
    pub(super) encrypt_before_signing: Option<bool>,
    /// Whether the signature is encrypted too.
    pub(super) encrypt_signature: Option<bool>,
    /// Whether the signature covers the token that made it.
    pub(super) protect_tokens: Option<bool>,
    /// Whether answers repeat the signatures of their requests.
    pub(super) require_signature_confirmation: Option<bool>,
    /// Whether keys are derived, where one protects messages.
    pub(super) require_derived_keys: Option<Derive>,
    /// Whether the client contributes to the key of a conversation.
    pub(super) require_client_entropy: Option<bool>,
    /// Whether the service contributes to the key of a conversation.
    pub(super) require_server_entropy: Option<bool>,
    /// Whether clients never cancel a conversation.
    pub(super) must_not_send_cancel: Option<bool>,
    /// Whether clients never renew a conversation.
    pub(super) must_not_send_renew: Option<bool>,
    /// What stands for the password in a user name token.
    pub(super) password: Option<PasswordKind>,
    /// Whether a user name token must have a nonce.
    pub(super) nonce: Option<bool>,
    /// Whether a user name token must say when it was made.
    pub(super) created: Option<bool>,
    /// How certificates are referred to.
    pub(super) reference: Option<X509Reference>,
    /// Where references to certificates lead.
    pub(super) reference_target: Option<ReferenceTarget>,
    /// Whether TLS itself asks for the client's certificate.
    pub(super) require_client_certificate: Option<bool>,
    /// What is signed, encrypted and required in every message, in place of what the preset has.
    pub(super) parts: Option<PartsTerms>,
    /// The same of requests, beside that.
    pub(super) request: Option<PartsTerms>,
    /// The same of responses that are no faults.
    pub(super) response: Option<PartsTerms>,
    /// The same of faults.
    pub(super) fault: Option<PartsTerms>,
    /// What holds for the messages by which conversations begin alone.
    pub(super) bootstrap_policy: Option<Box<Self>>,
}

impl Overrides {
    /// Changes a policy.
    ///
    /// # Errors
    ///
    /// What of it no policy of that binding has.
    pub(super) fn apply(&self, policy: &mut Policy) -> Result<(), &'static str> {
        self.change(policy)?;
        let addressing = policy.addressing;
        if let Some(bootstrap) = bootstrap(policy) {
            self.change(bootstrap)?;
            if let Some(own) = &self.bootstrap_policy {
                own.change(bootstrap)?;
                if let Some(parts) = &own.parts {
                    bootstrap.parts = parts.clone().model(addressing);
                }
                if own.bootstrap_policy.is_some() {
                    return Err("a bootstrap policy has none of its own");
                }
                if own.soap.is_some() || own.request.is_some() || own.response.is_some() || own.fault.is_some() {
                    return Err("a bootstrap policy has no soap, request, response or fault of its own");
                }
            }
        } else if self.bootstrap_policy.is_some() {
            return Err("bootstrapPolicy is said of a policy without conversations");
        }
        if let Some(parts) = &self.parts {
            policy.parts = parts.clone().model(addressing);
        }
        let messages = &mut policy.messages;
        let kinds = [
            (&self.request, &mut messages.request),
            (&self.response, &mut messages.response),
            (&self.fault, &mut messages.fault),
        ];
        for (terms, parts) in kinds {
            if let Some(terms) = terms {
                *parts = terms.clone().model(addressing);
            }
        }
        Ok(())
    }

    /// Changes one policy, and not the one within it.
    fn change(&self, policy: &mut Policy) -> Result<(), &'static str> {
        if let Some(addressing) = self.addressing {
            readdress(policy, addressing);
        }
        if let Some(suite) = self.algorithm_suite {
            (policy.properties.suite, policy.properties.options) = suite.model();
        }
        put(&mut policy.properties.layout, self.layout);
        put(&mut policy.properties.timestamp, self.include_timestamp);
        let sequence = [self.encrypt_before_signing, self.encrypt_signature, self.protect_tokens];
        if matches!(policy.binding, Binding::Transport(_)) {
            if sequence.iter().any(Option::is_some) {
                return Err(
                    "encryptBeforeSigning, encryptSignature and protectTokens say nothing where TLS protects messages",
                );
            }
        } else {
            let order = |encrypt_first| {
                if encrypt_first { ProtectionOrder::EncryptBeforeSign } else { ProtectionOrder::SignBeforeEncrypt }
            };
            put(&mut policy.properties.order, self.encrypt_before_signing.map(order));
            put(&mut policy.properties.encrypt_signature, self.encrypt_signature);
            put(&mut policy.properties.protect_tokens, self.protect_tokens);
        }
        put(&mut policy.wss.signature_confirmation, self.require_signature_confirmation);
        if let Some(trust) = &mut policy.trust {
            put(&mut trust.client_entropy, self.require_client_entropy);
            put(&mut trust.server_entropy, self.require_server_entropy);
        }
        if let Some(required) = self.require_client_certificate {
            match &mut policy.binding {
                Binding::Transport(binding) => binding.client_certificate = required,
                _ => return Err("requireClientCertificate is said of a policy without TLS"),
            }
        }
        self.change_tokens(policy);
        Ok(())
    }

    fn change_tokens(&self, policy: &mut Policy) {
        if let Some(Derive(derived)) = self.require_derived_keys {
            super::derive(policy, derived);
        }
        let certificate = |token: &mut X509Token| {
            put(&mut token.reference, self.reference);
            put(&mut token.target, self.reference_target);
        };
        let change = |token: &mut Token| match token {
            Token::X509(token) => certificate(token),
            Token::Username(token) => {
                put(&mut token.password, self.password);
                put(&mut token.nonce, self.nonce);
                put(&mut token.created, self.created);
            }
            Token::SecureConversation(token) => {
                put(&mut token.cancel, self.must_not_send_cancel.map(|must_not| !must_not));
                put(&mut token.renew, self.must_not_send_renew.map(|must_not| !must_not));
            }
        };
        match &mut policy.binding {
            Binding::Transport(_) => {}
            Binding::Symmetric(binding) => change(&mut binding.protection),
            Binding::Asymmetric(binding) => {
                certificate(&mut binding.initiator);
                certificate(&mut binding.recipient);
            }
        }
        for supporting in &mut policy.supporting {
            change(&mut supporting.token);
        }
    }
}

fn put<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}

/// The policy under which the conversations of another begin.
pub(super) fn bootstrap(policy: &mut Policy) -> Option<&mut Policy> {
    let protection = match &mut policy.binding {
        Binding::Symmetric(binding) => Some(&mut binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    let mut tokens = protection.into_iter().chain(policy.supporting.iter_mut().map(|own| &mut own.token));
    tokens.find_map(|token| match token {
        Token::SecureConversation(token) => Some(&mut *token.bootstrap),
        Token::X509(_) | Token::Username(_) => None,
    })
}

/// Has a policy, but not the one within it, be of another addressing: its headers are that one's.
pub(super) fn readdress(policy: &mut Policy, addressing: Addressing) {
    let before = std::mem::replace(&mut policy.addressing, addressing);
    if before == Addressing::None && policy.parts.signed.body {
        policy.parts.signed.headers.extend(addressing_headers(addressing));
    }
    let own = |parts: &mut Parts| {
        for headers in [&mut parts.signed.headers, &mut parts.encrypted.headers, &mut parts.required] {
            renamed(headers, addressing);
        }
    };
    own(&mut policy.parts);
    own(&mut policy.messages.request);
    own(&mut policy.messages.response);
    own(&mut policy.messages.fault);
    for supporting in &mut policy.supporting {
        own(&mut supporting.parts);
    }
}

fn renamed(headers: &mut Vec<HeaderPart>, addressing: Addressing) {
    let all = addressing_headers(addressing);
    match all.first() {
        None => headers.retain(|header| !names::is_addressing(&header.namespace)),
        Some(HeaderPart { namespace, .. }) => {
            for header in headers.iter_mut().filter(|header| names::is_addressing(&header.namespace)) {
                header.namespace.clone_from(namespace);
            }
        }
    }
}
