//! Default actions (WS-Addressing 1.0 Metadata, section 4.4.4).

/// What a message is in its operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role<'a> {
    /// The request; `one_way` where nothing answers it.
    Input {
        /// The name that the contract gives it.
        name: Option<&'a str>,
        /// Whether nothing answers it.
        one_way: bool,
    },
    /// The response, with the name that the contract gives it.
    Output(Option<&'a str>),
    /// A fault of that name.
    Fault(&'a str),
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
        Role::Input { name: Some(name), .. } | Role::Output(Some(name)) => push(name),
        Role::Input { name: None, one_way: true } => push(operation),
        Role::Input { name: None, one_way: false } => push(&format!("{operation}Request")),
        Role::Output(None) => push(&format!("{operation}Response")),
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
        let input = Role::Input { name: None, one_way: false };
        let check = |space, role, expect| assert_eq!(default_action(space, "Stock", "Quote", role), expect);
        check("http://example.com/q", input, "http://example.com/q/Stock/QuoteRequest");
        check("http://example.com/q/", input, "http://example.com/q/Stock/QuoteRequest");
        check("http://example.com/q", Role::Input { name: None, one_way: true }, "http://example.com/q/Stock/Quote");
        check(
            "http://example.com/q",
            Role::Input { name: Some("Ask"), one_way: false },
            "http://example.com/q/Stock/Ask",
        );
        check("http://example.com/q", Role::Output(None), "http://example.com/q/Stock/QuoteResponse");
        check("http://example.com/q", Role::Fault("Bad"), "http://example.com/q/Stock/Quote/Fault/Bad");
        check("urn:example", input, "urn:example:Stock:QuoteRequest");
        check("URN:example:", Role::Fault("Bad"), "URN:example:Stock:Quote:Fault:Bad");
    }
}
