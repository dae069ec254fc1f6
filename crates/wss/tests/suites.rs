//! Every suite of the table, between our two ends: under a symmetric binding, an asymmetric one and in a conversation.

#![allow(clippy::panic, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{Binding, Policy, Token};
use nuncio_policy::suite::{SUITES, Suite};

/// Gives a policy, and the one that a conversation begins under, another suite.
fn set_suite(policy: &mut Policy, suite: &'static Suite) {
    policy.properties.suite = suite;
    if let Binding::Symmetric(binding) = &mut policy.binding
        && let Token::SecureConversation(token) = &mut binding.protection
    {
        set_suite(&mut token.bootstrap, suite);
    }
}

#[test]
fn every_suite_carries_a_call_and_its_answer() {
    for name in [
        "wcf-ws2007-mutualCertificate",
        "wcf-ws2007-anonymousForCertificate-conversation",
        "wse-mutualCertificate10Security",
    ] {
        for suite in SUITES {
            let mut policy = policy(name);
            set_suite(&mut policy, suite);
            let mut pair = Pair::new(&policy, soap(name)[0]);
            let contexts = name.ends_with("-conversation").then(|| pair.establish());
            let (ours, theirs) = contexts.unzip();
            let (outbound, expectation) = pair.request("hello", ours.as_ref());
            let sealed = String::from_utf8_lossy(&outbound.body);
            assert!(sealed.contains(suite.cipher.uri()), "{name} {}: another cipher", suite.name);
            let opened = pair
                .open(&outbound, outbound.body.clone(), theirs.as_ref())
                .unwrap_or_else(|refusal| panic!("{name} {}: {refusal}", suite.name));
            let plain = opened.plain().body;
            let message = pair.echo(opened);
            let opening = pair
                .answer(&message, &expectation)
                .unwrap_or_else(|refusal| panic!("{name} {}: {refusal}", suite.name));
            assert_eq!(opening.plain().body, plain, "{name} {}", suite.name);
        }
    }
}
