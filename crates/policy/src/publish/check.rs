//! What is published, read again: is it what is served?

use super::Unpublishable;
use super::contract::{Ports, Publication, Served};
use crate::documents::DocumentKind;
use crate::model::{Message, MessageKind, MessageParts, Operation, Parts, Policy, Port, SupportingToken};
use crate::wsdl;

/// An address that is none.
const NOWHERE: &str = "urn:nowhere";

/// Refuses a publication that says another policy than what is served.
pub(super) fn same(publication: &Publication, served: &Served<'_>) -> Result<(), Unpublishable> {
    let contract = wsdl::read("the contract as it is published", together(publication).as_bytes())?;
    let ports = contract.ports.into_iter().filter(|port| match served.ports {
        Ports::Named(name) => port.name == name,
        Ports::OfSoap(versions) => versions.contains(&port.soap),
    });
    let mut ports = ports.peekable();
    if ports.peek().is_none() {
        return Err(Unpublishable::NoPort);
    }
    for port in ports {
        if !is_served(&port, served)? {
            return Err(Unpublishable::Lost);
        }
    }
    Ok(())
}

/// All definitions in one file, as an answer of WS-MetadataExchange has them.
fn together(publication: &Publication) -> String {
    let mut all = String::from("<Metadata xmlns=\"http://schemas.xmlsoap.org/ws/2004/09/mex\">");
    for (number, kind) in publication.kinds().enumerate() {
        let Some(text) = publication.document(number, NOWHERE).filter(|_| kind == DocumentKind::Wsdl) else { continue };
        let declaration = text.starts_with("<?xml").then(|| text.find("?>")).flatten().map_or(0, |end| end + 2);
        all += &text[declaration..];
    }
    all + "</Metadata>"
}

fn is_served(port: &Port, served: &Served<'_>) -> Result<bool, Unpublishable> {
    let alternatives = port.alternatives.as_ref().map_err(Clone::clone)?;
    if served.operations.is_empty() {
        let expected = |kind| -> Vec<_> {
            served.alternatives.iter().map(|policy| Effective::new(policy, kind, &Parts::default(), &[])).collect()
        };
        let mut messages = port.operations.iter().flat_map(|operation| operation.kinds().zip(operation.messages()));
        return Ok(messages
            .all(|(kind, message)| message.protected && effective(alternatives, kind, message) == expected(kind)));
    }
    let same = |((one, other), kind): ((&Message, &Message), MessageKind)| {
        one.protected == other.protected
            && (one.protected || is_same_in_clear(one, other))
            && effective(alternatives, kind, one) == effective(served.alternatives, kind, other)
    };
    let attached = served.alternatives.iter().any(|policy| policy.attached.is_some());
    Ok(port.operations.len() == served.operations.len()
        && port.operations.iter().zip(served.operations).all(|(one, other)| {
            one.name == other.name
                && one.messages().count() == other.messages().count()
                && one.messages().zip(other.messages()).zip(other.kinds()).all(same)
                && (attached || exchanges(one) == exchanges(other))
                && (!attached || other.messages().all(|message| one_exchange_each(served.alternatives, message)))
        }))
}

/// What is asked of a message under one alternative of a port's policy and one of its own.
#[derive(PartialEq)]
struct Effective {
    policy: Policy,
    supporting: Vec<SupportingToken>,
}

impl Effective {
    fn new(policy: &Policy, kind: MessageKind, parts: &Parts, supporting: &[SupportingToken]) -> Self {
        let mut all = policy.parts.clone();
        all.merge(policy.messages.of(kind));
        all.merge(parts);
        let messages = MessageParts::default();
        Self {
            policy: Policy { parts: sorted(all), messages, attached: None, ..policy.clone() },
            supporting: supporting.to_vec(),
        }
    }
}

fn effective(alternatives: &[Policy], kind: MessageKind, message: &Message) -> Vec<Effective> {
    let of = |policy| {
        let going = message.alternatives.iter().filter(move |one| one.goes_with(policy));
        going.map(move |one| Effective::new(policy, kind, &one.parts, &one.supporting))
    };
    alternatives.iter().flat_map(of).collect()
}

fn is_same_in_clear(one: &Message, other: &Message) -> bool {
    let says = |message: &Message| -> Vec<_> {
        message.alternatives.iter().map(|one| (sorted(one.parts.clone()), one.supporting.clone())).collect()
    };
    says(one) == says(other)
}

/// Which alternatives of an operation's messages belong to one exchange: each message's, by the operation's.
fn exchanges(operation: &Operation) -> Vec<Vec<usize>> {
    operation.messages().map(|message| message.alternatives.iter().map(|one| one.operation).collect()).collect()
}

/// Whether the alternative of the port's policy says already which of the operation's it is.
fn one_exchange_each(alternatives: &[Policy], message: &Message) -> bool {
    alternatives.iter().all(|policy| {
        let mut going = message.alternatives.iter().filter(|one| one.goes_with(policy)).map(|one| one.operation);
        let first = going.next();
        going.all(|other| Some(other) == first)
    })
}

/// Parts in one order: they are a set.
fn sorted(mut parts: Parts) -> Parts {
    let key = |header: &crate::model::HeaderPart| (header.namespace.clone(), header.name.clone());
    for headers in [&mut parts.signed.headers, &mut parts.encrypted.headers, &mut parts.required] {
        headers.sort_by_key(key);
    }
    let paths = [
        &mut parts.signed_elements,
        &mut parts.encrypted_elements,
        &mut parts.content_encrypted_elements,
        &mut parts.required_elements,
    ];
    for paths in paths {
        paths.sort_by(|one, other| one.text.cmp(&other.text));
    }
    parts
}
