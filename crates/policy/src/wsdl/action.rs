//! Default actions (WS-Addressing 1.0 Metadata, section 4.4.4).

/// What a message is in its operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'a> {
    /// The one that begins it: the request, or what the service sends by itself.
    First {
        /// The name that the contract gives it.
        name: Option<&'a str>,
        /// What kind of operation it begins.
        of: Kind,
    },
    /// The one that answers it, with the name that the contract gives it.
    Answer(Option<&'a str>),
    /// A fault of that name.
    Fault(&'a str),
}

/// The kinds of operations (WSDL 1.1, section 2.4).
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A message and no answer, from either side.
    OneWay,
    /// A request of the client's, and the response.
    RequestResponse,
    /// A message of the service's, and the client's answer.
    SolicitResponse,
}

impl Kind {
    /// The kind of an operation that begins with `input` or `output`.
    pub(super) fn new(first: &str, answered: bool) -> Self {
        match (first, answered) {
            (_, false) => Self::OneWay,
            ("input", true) => Self::RequestResponse,
            (_, true) => Self::SolicitResponse,
        }
    }
}

/// The action of a message that declares none.
pub(super) fn default_action(target_namespace: &str, port_type: &str, operation: &str, role: Role<'_>) -> String {
    let urn = target_namespace.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"));
    let delimiter = if urn { ':' } else { '/' };
    let mut action = target_namespace.strip_suffix(delimiter).unwrap_or(target_namespace).to_owned();
    let mut push = |part: &str| {
        action.push(delimiter);
        action.push_str(part);
    };
    push(port_type);
    match role {
        // Names that are not given default as WSDL 1.1 has it, section 2.4.5.
        Role::First { name: Some(name), .. } | Role::Answer(Some(name)) => push(name),
        Role::First { name: None, of: Kind::OneWay } => push(operation),
        Role::First { name: None, of: Kind::RequestResponse } => push(&format!("{operation}Request")),
        Role::First { name: None, of: Kind::SolicitResponse } => push(&format!("{operation}Solicit")),
        Role::Answer(None) => push(&format!("{operation}Response")),
        Role::Fault(name) => {
            push(operation);
            push("Fault");
            push(name);
        }
    }
    action
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_action_pattern() {
        let input = Role::First { name: None, of: Kind::RequestResponse };
        let check = |space, role, expect| assert_eq!(default_action(space, "Stock", "Quote", role), expect);
        check("http://example.com/q", input, "http://example.com/q/Stock/QuoteRequest");
        check("http://example.com/q/", input, "http://example.com/q/Stock/QuoteRequest");
        check("http://example.com/q", Role::First { name: None, of: Kind::OneWay }, "http://example.com/q/Stock/Quote");
        check(
            "http://example.com/q",
            Role::First { name: Some("Ask"), of: Kind::RequestResponse },
            "http://example.com/q/Stock/Ask",
        );
        check("http://example.com/q", Role::Answer(None), "http://example.com/q/Stock/QuoteResponse");
        check("http://example.com/q", Role::Fault("Bad"), "http://example.com/q/Stock/Quote/Fault/Bad");
        let solicit = Role::First { name: None, of: Kind::SolicitResponse };
        check("http://example.com/q", solicit, "http://example.com/q/Stock/QuoteSolicit");
        check("urn:example", input, "urn:example:Stock:QuoteRequest");
        check("URN:example:", Role::Fault("Bad"), "URN:example:Stock:Quote:Fault:Bad");
    }
}
