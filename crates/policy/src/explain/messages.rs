//! What is asked of which messages: the policy's parts and the contract's, merged, and what several have in common once.

use crate::model::{Addressing, Message, MessageKind, Operation, Parts, Policy, SupportingToken};
use crate::names;

/// Messages of which the same is asked.
pub(super) struct Group {
    /// Of which kinds they are, each with the operations whose they are; none where they are all of the kind.
    of: Vec<(MessageKind, Vec<String>)>,
    /// What is asked of them: any of these. Never empty.
    pub(super) alternatives: Vec<Asked>,
    /// Whether the security binding holds for them.
    pub(super) protected: bool,
}

/// What is asked of a message beside the policy's own tokens.
#[derive(Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) supporting: Vec<SupportingToken>,
}

impl Group {
    /// Which messages they are: `requests of Add and responses`.
    pub(super) fn name(&self) -> String {
        let named = self.of.iter().map(|(kind, operations)| {
            let kind = match kind {
                MessageKind::Request => "requests",
                MessageKind::Response => "responses",
                MessageKind::Fault => "faults",
            };
            if operations.is_empty() { kind.to_owned() } else { format!("{kind} of {}", and(operations)) }
        });
        and(&named.collect::<Vec<_>>())
    }

    /// Whether there are messages of that kind among them.
    pub(super) fn has(&self, kind: MessageKind) -> bool {
        self.of.iter().any(|(of, _)| *of == kind)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.alternatives == other.alternatives && self.protected == other.protected
    }
}

/// The messages under a policy, those of which the same is asked together.
pub(super) fn groups(policy: &Policy, operations: &[Operation]) -> Vec<Group> {
    let kinds = [MessageKind::Request, MessageKind::Response, MessageKind::Fault];
    let mut groups = Vec::new();
    for kind in kinds {
        let mut of_kind: Vec<Group> = Vec::new();
        if operations.is_empty() {
            let asked = Asked { parts: effective(policy, kind, &Parts::default()), supporting: Vec::new() };
            of_kind.push(Group { of: vec![(kind, Vec::new())], alternatives: vec![asked], protected: true });
        }
        for operation in operations {
            for message in operation.kinds().zip(operation.messages()).filter(|(of, _)| *of == kind).map(|(_, own)| own)
            {
                let own = one(policy, kind, operation, message);
                match of_kind.iter_mut().find(|group| group.is_like(&own)) {
                    Some(group) => {
                        for (_, names) in &mut group.of {
                            if !names.contains(&operation.name) {
                                names.push(operation.name.clone());
                            }
                        }
                    }
                    None => of_kind.push(own),
                }
            }
        }
        if let [only] = &mut *of_kind {
            only.of = vec![(kind, Vec::new())];
        }
        groups.extend(of_kind);
    }
    let mut together: Vec<Group> = Vec::new();
    for group in groups {
        match together.iter_mut().find(|other| other.is_like(&group)) {
            Some(other) => other.of.extend(group.of),
            None => together.push(group),
        }
    }
    together
}

fn one(policy: &Policy, kind: MessageKind, operation: &Operation, message: &Message) -> Group {
    let going = message.alternatives.iter().filter(|own| own.goes_with(policy));
    let mut alternatives: Vec<Asked> = Vec::new();
    for own in going {
        let asked = Asked { parts: effective(policy, kind, &own.parts), supporting: own.supporting.clone() };
        if !alternatives.contains(&asked) {
            alternatives.push(asked);
        }
    }
    if alternatives.is_empty() {
        alternatives.push(Asked { parts: effective(policy, kind, &Parts::default()), supporting: Vec::new() });
    }
    Group { of: vec![(kind, vec![operation.name.clone()])], alternatives, protected: message.protected }
}

fn effective(policy: &Policy, kind: MessageKind, own: &Parts) -> Parts {
    let mut parts = policy.parts.clone();
    parts.merge(policy.messages.of(kind));
    parts.merge(own);
    parts
}

/// The namespace of an addressing in messages; `None` where there is none.
pub(super) fn namespace(addressing: Addressing) -> Option<&'static str> {
    match addressing {
        Addressing::None => None,
        Addressing::August2004 => Some(names::ADDRESSING_2004),
        Addressing::V10 => Some(names::ADDRESSING_10),
    }
}

/// `a, b and c`.
pub(super) fn and<T: AsRef<str>>(all: &[T]) -> String {
    let Some((last, before)) = all.split_last() else { return String::new() };
    let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
    if before.is_empty() { last.as_ref().to_owned() } else { format!("{} and {}", before.join(", "), last.as_ref()) }
}

/// The same with a capital at the beginning.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
