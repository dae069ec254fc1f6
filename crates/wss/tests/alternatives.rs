//! A policy of several alternatives: the recipient takes a message under any of them, the initiator makes it under one.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{Addressing, Binding, Policy, Token, TrustVersion};
use nuncio_policy::preset;
use nuncio_wss::{Claim, Class, Refusal};

/// Alternatives that differ in the binding, the tokens, the suite, the addressing and the conversation.
const NAMES: [&str; 6] = [
    "wcf-ws2007-userNameForCertificate-conversation",
    "wcf-ws2007-userNameForCertificate",
    "wcf-ws2007-mutualCertificate",
    "wcf-ws2007-anonymousForCertificate",
    "wcf-ws2007-userNameOverTransport",
    "wcf-wsHttp-anonymousForCertificate-conversation",
];

fn set() -> Vec<Policy> {
    let mut set: Vec<Policy> = NAMES.iter().map(|name| policy(name)).collect();
    let mut unaddressed = policy("wcf-ws2007-mutualCertificate");
    unaddressed.addressing = Addressing::None;
    unaddressed.parts.signed.headers.clear();
    set.push(unaddressed);
    set
}

#[test]
fn a_message_under_any_alternative_is_opened_and_answered_under_it() {
    let soap = soap(NAMES[0])[0];
    for (at, alternative) in set().iter().enumerate() {
        let mut pair = Pair::among(alternative, &set(), soap);
        assert_eq!(pair.recipient.alternatives().len(), set().len());
        let conversation = NAMES.get(at).is_some_and(|name| name.ends_with("-conversation"));
        let contexts = conversation.then(|| pair.establish());
        let (ours, theirs) = contexts.as_ref().map(|(ours, theirs)| (ours, theirs)).unzip();
        let (outbound, expectation) = pair.request("hello", ours);
        let opened = pair.open(&outbound, outbound.body.clone(), theirs);
        let opened = opened.unwrap_or_else(|refusal| panic!("alternative {at}: {refusal}"));
        match opened.claim() {
            Claim::Context(_) => assert!(conversation, "{at}"),
            Claim::Username(_) => assert!([1, 4].contains(&at), "{at}"),
            Claim::User(_) | Claim::Transport => panic!("{at}: nobody of that kind"),
            Claim::Certificate(_) => assert!([2, 6].contains(&at), "{at}"),
            Claim::Anonymous => assert_eq!(at, 3),
        }
        let message = pair.echo(opened);
        let answer = pair.answer(&message, &expectation);
        assert!(answer.is_ok(), "alternative {at}: {:?}", answer.err());
    }
}

/// What comes under no alternative is refused, and what is told is no more than one of them would tell.
#[test]
fn a_message_under_no_alternative_is_refused() {
    let soap = soap(NAMES[0])[0];
    let mut pair = Pair::among(&policy("wcf-ws2007-anonymousForCertificate"), &set()[..3], soap);
    let (outbound, _) = pair.request("hello", None);
    let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("anonymous");
    assert_eq!(refusal.class(), Class::InvalidSecurity, "{refusal}");

    let mut pair = Pair::among(&policy("wcf-ws2007-userNameForCertificate-conversation"), &set(), soap);
    let (ours, _) = pair.establish();
    let (outbound, _) = pair.request("hello", Some(&ours));
    let refusal = pair.open(&outbound, outbound.body.clone(), None).map(drop).expect_err("a lost context");
    assert!(matches!(refusal, Refusal::UnknownContext(_)), "{refusal}");
}

/// The initiator takes the first alternative for which it has the tokens.
#[test]
fn the_initiator_picks_what_it_has_the_tokens_for() {
    let soap = soap(NAMES[0])[0];
    let mutual = policy("wcf-ws2007-mutualCertificate");
    let anonymous = policy("wcf-ws2007-anonymousForCertificate");
    for (credential, expected) in [(true, true), (false, false)] {
        let mut pair = Pair::picking(&[mutual.clone(), anonymous.clone()], soap, credential);
        let (outbound, _) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        assert_eq!(matches!(opened.claim(), Claim::Certificate(_)), expected);
    }
}

/// A client of either generation asks at one address, and is answered in its own.
#[test]
fn a_context_is_issued_in_the_generation_in_which_it_is_asked_for() {
    let served = policy(NAMES[0]);
    let of = |version| {
        let mut policy = served.clone();
        let in_version = |policy: &mut Policy| policy.trust.as_mut().expect("trust").version = version;
        in_version(&mut policy);
        let Binding::Symmetric(binding) = &mut policy.binding else { panic!("not symmetric") };
        let Token::SecureConversation(token) = &mut binding.protection else { panic!("no conversation") };
        in_version(&mut token.bootstrap);
        policy
    };
    for version in [TrustVersion::February2005, TrustVersion::V13] {
        let mut pair = Pair::among(&of(version), std::slice::from_ref(&served), soap(NAMES[0])[0]);
        assert_eq!(pair.recipient.alternatives().len(), 1);
        let (ours, theirs) = pair.establish();
        let (outbound, expectation) = pair.request("hello", Some(&ours));
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let message = pair.echo(opened);
        let answer = pair.answer(&message, &expectation);
        assert!(answer.is_ok(), "{version:?}: {:?}", answer.err());
    }
}

/// To name a context proves nothing: whoever puts another's token into a message of his own is not that other, whatever
/// alternative his message satisfies without it.
#[test]
fn sc_03_a_context_that_is_only_named_is_nobodys() {
    let name = NAMES[0];
    let conversation = policy(name);
    for other in &NAMES[1..5] {
        let set = [conversation.clone(), policy(other)];
        let mut victim = Pair::among(&conversation, &set, soap(name)[0]);
        let (_, theirs) = victim.establish();
        let mut pair = Pair::among(&policy(other), &set, soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let refusal = victim.open(&outbound, borrowing(&outbound.body, &theirs.identifier), Some(&theirs)).map(drop);
        assert!(refusal.is_err(), "{other}");
        assert!(victim.open(&outbound, outbound.body.clone(), None).is_ok(), "{other}: honest");
    }
}

/// The same where a context may endorse and need not; and a Cancel without its signature cancels nothing.
#[test]
fn sc_03_a_context_that_may_endorse_does_or_is_nobodys() {
    for preset in preset::all() {
        let mut policy = preset.policy.clone();
        let mut optional = false;
        for supporting in &mut policy.supporting {
            optional |= matches!(supporting.token, Token::SecureConversation(_));
            supporting.optional |= optional;
        }
        if !optional {
            continue;
        }
        let mut pair = Pair::new(&policy, preset.soap[0]);
        let (bare, _) = pair.request("hello", None);
        let opened = pair.open(&bare, bare.body.clone(), None).expect("it need not be there");
        assert!(matches!(opened.claim(), Claim::Anonymous), "{}", preset.name);
        let (ours, theirs) = pair.establish();
        let (outbound, _) = pair.initiator.cancel(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let text = String::from_utf8(outbound.body.clone()).expect("text");
        let (start, end) = (text.find("<Signature").expect("one"), text.find("</Signature>").expect("one"));
        let unsigned = format!("{}{}", &text[..start], &text[end + "</Signature>".len()..]);
        let refusal = pair.open(&outbound, unsigned.into_bytes(), Some(&theirs)).map(drop);
        assert!(matches!(refusal, Err(Refusal::TokenMissing(_))), "{}: {refusal:?}", preset.name);
        assert!(pair.open(&outbound, outbound.body.clone(), Some(&theirs)).is_ok(), "{}: honest", preset.name);
    }
}

/// A message with the token of a context put into its security header.
fn borrowing(body: &[u8], identifier: &str) -> Vec<u8> {
    let text = str::from_utf8(body).expect("text");
    let at = text.find("Security ").map(|at| at + text[at..].find('>').expect("a tag") + 1).expect("a header");
    let namespace = "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512";
    let token = format!(
        "<c:SecurityContextToken xmlns:c=\"{namespace}\"><c:Identifier>{identifier}</c:Identifier></c:SecurityContextToken>"
    );
    format!("{}{token}{}", &text[..at], &text[at..]).into_bytes()
}
