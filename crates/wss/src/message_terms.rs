//! What is asked of one message: parts, supporting tokens, and whether the binding holds for it at all.

use nuncio_policy::model::{ElementPath, HeaderPart, Message, PartSet, Parts, Policy, Step, SupportingToken};

use crate::names::{SOAP11, SOAP12, WSSE, WSU};
use crate::terms::NotBuilt;

/// What is asked of one message, the port's policy and the message's own merged (WS-PolicyAttachment 1.5, section 4).
#[derive(Clone)]
pub(crate) struct MessageTerms {
    /// What must be protected in a message that comes.
    pub(crate) parts: Parts,
    /// What is protected in a message that goes: what is asked for as elements is signed as what is around them.
    pub(crate) sealed: Parts,
    /// The supporting tokens of a request.
    pub(crate) supporting: Vec<SupportingToken>,
    /// Whether the security binding holds for it.
    pub(crate) protected: bool,
}

impl MessageTerms {
    /// What a policy asks of every message.
    pub(crate) fn of_policy(policy: &Policy) -> Result<Self, NotBuilt> {
        Self::new(policy.parts.clone(), policy.supporting.clone(), true)
    }

    /// What a policy and the contract ask of a message.
    pub(crate) fn of_message(policy: &Policy, message: &Message) -> Result<Self, NotBuilt> {
        let mut parts = policy.parts.clone();
        parts.merge(&message.parts);
        let supporting = policy.supporting.iter().chain(&message.supporting).cloned().collect();
        Self::new(parts, supporting, message.protected)
    }

    /// Whether as much is asked of both.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.parts == other.parts
            && self.supporting.len() == other.supporting.len()
            && self.protected == other.protected
    }

    /// These parts, and those supporting tokens.
    pub(crate) fn new(parts: Parts, supporting: Vec<SupportingToken>, protected: bool) -> Result<Self, NotBuilt> {
        let mut sealed = parts.clone();
        for path in &parts.signed_elements {
            sign_around(path, &mut sealed)?;
        }
        Ok(Self { parts, sealed, supporting, protected })
    }
}

/// Adds the smallest part that covers the elements of a path: a header block, the body, or, where the path says of no
/// place, all of them. The timestamp is signed wherever there is one.
fn sign_around(path: &ElementPath, parts: &mut Parts) -> Result<(), NotBuilt> {
    match path.steps.as_slice() {
        [envelope, body, ..] if is_soap(envelope, "Envelope") && is_soap(body, "Body") => parts.signed.body = true,
        [envelope, header, security, child, ..]
            if is_soap(envelope, "Envelope") && is_soap(header, "Header") && is(security, WSSE, "Security") =>
        {
            if !is(child, WSU, "Timestamp") {
                return Err(NotBuilt("SignedElements of tokens in the security header"));
            }
        }
        [envelope, header, Step { anywhere_below: false, namespace: Some(namespace), local }, ..]
            if is_soap(envelope, "Envelope") && is_soap(header, "Header") =>
        {
            let signed = Parts {
                signed: PartSet {
                    headers: vec![HeaderPart { name: local.clone(), namespace: namespace.clone() }],
                    ..PartSet::default()
                },
                ..Parts::default()
            };
            parts.merge(&signed);
        }
        _ => {
            parts.signed.body = true;
            parts.signed.every_header = true;
        }
    }
    Ok(())
}

/// Whether a step names that child.
fn is(step: &Step, namespace: &str, local: &str) -> bool {
    !step.anywhere_below && step.namespace.as_deref() == Some(namespace) && step.local.as_deref() == Some(local)
}

/// Whether a step names that child in either version of SOAP.
fn is_soap(step: &Step, local: &str) -> bool {
    is(step, SOAP11, local) || is(step, SOAP12, local)
}
