//! Which messages take a private key, told before they are read and after.

#![allow(clippy::panic, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::Policy;
use nuncio_policy::preset;
use nuncio_wss::{HttpFacts, Outbound};

fn facts(outbound: &Outbound) -> HttpFacts<'_> {
    HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() }
}

/// Whether a message takes a private key, as it is told from HTTP alone and from what was read. HTTP says its action, as
/// with many clients, or does not.
fn told(pair: &Pair, outbound: &Outbound, said: bool) -> (bool, bool) {
    let received = pair.recipient.read(&facts(outbound), outbound.body.clone()).expect("read");
    let content_type = outbound.content_type.split(';').next().expect("a media type");
    let quoted = format!("\"{}\"", received.action().expect("an action"));
    let with_action = format!("{content_type}; action={quoted}");
    let http = if said {
        HttpFacts { content_type: &with_action, soap_action: Some(&quoted) }
    } else {
        HttpFacts { content_type, soap_action: None }
    };
    (pair.recipient.demands_private_key(&http), pair.recipient.opens_by_private_key(&received))
}

/// What is told before a message is read is what is told after, under every preset; of a request for a conversation it is, if
/// HTTP says the action.
#[test]
fn what_http_says_is_what_is_found() {
    let mut seen = Vec::new();
    for preset in preset::all() {
        let (name, conversation) = (preset.name, preset.policy.conversation().is_some());
        for &soap in soap(name) {
            let mut pair = Pair::new(&policy(name), soap);
            if conversation {
                let (issue, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("asked");
                let (before, after) = told(&pair, &issue, true);
                assert_eq!(before, after, "{name}: to issue");
                seen.push(("issue", before));
                assert!(!told(&pair, &issue, false).0, "{name}: to issue, silently");
            }
            let context = conversation.then(|| pair.establish().0);
            let (request, _) = pair.request("hello", context.as_ref());
            let (before, after) = told(&pair, &request, false);
            assert_eq!(before, after, "{name}");
            seen.push((if context.is_some() { "conversation" } else { "message" }, before));
        }
    }
    for (kind, either) in [("issue", true), ("issue", false), ("message", true), ("message", false)] {
        assert!(seen.contains(&(kind, either)), "{kind} {either}");
    }
    assert!(!seen.contains(&("conversation", true)));
}

/// Where one alternative takes no private key nothing is said before the message is read.
#[test]
fn all_alternatives_must_take_one() {
    let names = ["wcf-ws2007-mutualCertificate", "wcf-ws2007-userNameForCertificate"];
    let [ours, theirs] = names.map(policy);
    let cheap = policy("wcf-ws2007-userNameForCertificate-conversation");
    let soap = soap(names[0])[0];
    let demands = |alternatives: &[Policy]| {
        let mut pair = Pair::among(&ours, alternatives, soap);
        let (request, _) = pair.request("hello", None);
        pair.recipient.demands_private_key(&facts(&request))
    };
    assert!(demands(&[ours.clone(), theirs]));
    assert!(!demands(&[ours.clone(), cheap]));
}
