//! The recordings, played to our own two ends: nothing fails, enough is opened, and only what is known not to be built is
//! left out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use nuncio_tests::ends::play;
use nuncio_tests::player::Outcome;
use nuncio_tests::recording;

/// Scenarios and messages that are played: more with what is built, never fewer.
const SCENARIOS: usize = 200;
const MESSAGES: usize = 2472;

/// Assertions that need not be built: MTOM.
const NOT_BUILT: &[&str] = &["OptimizedMimeSerialization"];

/// Whether a scenario may be left out for that reason.
///
/// A reason is taken apart and its assertion's name compared whole, so that no reason hides in another.
fn is_allowed(reason: &str) -> bool {
    // Messages.
    if reason == "media type multipart/related" {
        return true;
    }
    // Assertions of a contract: `FILE:LINE: NAME (NAMESPACE) is not built yet`.
    let assertion = reason
        .split_once(": ")
        .filter(|(place, _)| place.starts_with("wsdl.xml:") || place.starts_with("policy.xml:"))
        .and_then(|(_, rest)| rest.strip_suffix(" is not built yet"))
        .and_then(|rest| rest.split_once(" ("));
    assertion.is_some_and(|(name, _)| NOT_BUILT.contains(&name))
}

#[test]
fn recordings_play_and_only_what_is_not_built_is_left_out() {
    let (mut passed, mut opened) = (0, 0);
    for scenario in recording::load(&recording::packed()).unwrap() {
        let name = &scenario.name;
        match play(&scenario) {
            Outcome::Passed(messages) => {
                passed += 1;
                opened += messages;
            }
            Outcome::Failed(failures, _) => panic!("{name}: {}", failures[0]),
            Outcome::Skipped(reason) => assert!(is_allowed(&reason), "{name} may not be left out: {reason}"),
        }
    }
    assert!(passed >= SCENARIOS && opened >= MESSAGES, "{passed} scenarios passed, {opened} messages opened");
}

#[test]
fn no_other_reason_is_allowed() {
    const SP: &str = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";
    const MTOM: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization";
    assert!(is_allowed(&format!("wsdl.xml:1: OptimizedMimeSerialization ({MTOM}) is not built yet")));
    for reason in [
        "",
        "a policy of several alternatives",
        "a port without security",
        "it has no exchanges over HTTP",
        "media type text/plain",
        "a symmetric binding without encryption",
    ] {
        assert!(!is_allowed(reason), "{reason}");
    }
    for name in
        ["AsymmetricBinding", "Basic256", "TripleDesRsa15", "Lax", "Strict", "SecureConversationToken", "X509Token"]
    {
        assert!(!is_allowed(&format!("wsdl.xml:1: {name} ({SP}) is not built yet")), "{name}");
    }
}
