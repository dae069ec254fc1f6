//! What of a contract is not as it was: in policy and in who the service is, which is what calls are protected by.

use nuncio_policy::model::{Contract, Message, Operation, Port};

/// What is not as it was, a line for each port of which something is.
pub(super) fn between(before: &Contract, now: &Contract) -> Vec<String> {
    let named = |contract: &'_ Contract, name: &str| contract.ports.iter().any(|port| port.name == name);
    let gone = before.ports.iter().filter(|port| !named(now, &port.name));
    let mut lines: Vec<String> = gone.map(|port| format!("port {} is gone", port.name)).collect();
    for port in &now.ports {
        let line = match before.ports.iter().find(|other| other.name == port.name) {
            None => Some("is new".to_owned()),
            Some(other) => of_port(other, port),
        };
        lines.extend(line.map(|line| format!("port {} {line}", port.name)));
    }
    lines
}

fn of_port(before: &Port, now: &Port) -> Option<String> {
    let differs = match (&before.alternatives, &now.alternatives) {
        (Ok(one), Ok(other)) => one != other,
        (Err(_), Err(_)) => false,
        (Ok(_), Err(reason)) => return Some(format!("cannot be used any more: {reason}")),
        (Err(_), Ok(_)) => return Some("can be used now".to_owned()),
    };
    if differs {
        return Some("has another policy".to_owned());
    }
    let der = |port: &Port| port.identity.as_ref().map(|certificate| certificate.der().to_vec());
    if der(before) != der(now) {
        return Some("has another certificate".to_owned());
    }
    let find = |name: &str| before.operations.iter().find(|other| other.name == name);
    let changed =
        now.operations.iter().find(|operation| find(&operation.name).is_some_and(|one| !is_same(one, operation)));
    changed.map(|operation| format!("has another policy for messages of {}", operation.name))
}

/// Whether the messages of an operation are protected alike.
fn is_same(one: &Operation, other: &Operation) -> bool {
    let same =
        |(one, other): (&Message, &Message)| one.protected == other.protected && one.alternatives == other.alternatives;
    one.messages().count() == other.messages().count() && one.messages().zip(other.messages()).all(same)
}
