//! A whole conversation between our two ends, for every preset that is built.

#![allow(clippy::panic, reason = "a test's helpers fail the test")]

mod ends;

use std::sync::Arc;

use ends::{ACTION, Pair, policy, soap};
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{
    Binding, Layout, MessageParts, PartSet, Parts, Policy, ProtectionOrder, SymmetricBinding, Token,
};
use nuncio_policy::preset;
use nuncio_wss::{Answer, Claim, Fault, Issue, Issued, Principal, Recipient, Refusal, Request, Restorer};

fn presets() -> Vec<&'static str> {
    preset::all().map(|preset| preset.name).collect()
}

#[test]
fn every_preset_carries_a_call_and_its_answer() {
    let names = presets();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        for &soap in soap(name) {
            let mut pair = Pair::new(&policy(name), soap);
            let (ours, theirs) = if name.ends_with("-conversation") {
                let (ours, theirs) = pair.establish();
                assert_eq!(ours.identifier, theirs.identifier, "{name}");
                assert_eq!(ours.danger_key_octets(), theirs.danger_key_octets(), "{name}");
                (Some(ours), Some(theirs))
            } else {
                (None, None)
            };
            for text in ["hello", "a &lt;b&gt; &amp; \u{e9}\r\n&#13;", ""] {
                let (outbound, expectation) = pair.request(text, ours.as_ref());
                let opened = pair.open(&outbound, outbound.body.clone(), theirs.as_ref());
                let opened = opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
                assert_eq!(opened.action(), Some(ACTION), "{name}");
                assert_eq!(opened.request(), Request::Application, "{name}");
                let plain = String::from_utf8(opened.plain().body).expect("text");
                assert!(plain.contains("xsi:type=\"xsd:string\""), "{name}: {plain}");
                assert!(plain.contains("xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""), "{name}: {plain}");
                let message = pair.echo(opened);
                let opening = pair.answer(&message, &expectation);
                let opening = opening.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
                assert_eq!(String::from_utf8(opening.plain().body).expect("text"), plain, "{name}");
                assert!(!opening.is_fault(), "{name}");
            }
        }
    }
}

#[test]
fn who_calls_is_known() {
    for (name, expected) in [
        ("wcf-ws2007-userNameOverTransport", "alice"),
        ("wcf-wshttp-userNameForCertificate", "alice"),
        ("wcf-ws2007-certificateOverTransport", "CN=nuncio-test-client"),
        ("wcf-ws2007-mutualCertificate", "CN=nuncio-test-client"),
        ("wcf-ws2007-anonymousForCertificate", ""),
    ] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (outbound, _) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let found = match opened.claim() {
            Claim::Anonymous => String::new(),
            Claim::Username(user) => {
                assert!(user.proves(&Secret::from(&b"wonderland-1865"[..])), "{name}");
                user.name.clone()
            }
            Claim::Certificate(certificate) => certificate.subject().to_owned(),
            Claim::User(_) | Claim::Transport => panic!("{name}: nobody of that kind"),
            Claim::Context(context) => context.identifier.to_string(),
        };
        assert!(found.starts_with(expected) && found.is_empty() == expected.is_empty(), "{name}: {found}");
    }
}

#[test]
fn a_context_is_cancelled_by_its_holder() {
    for name in presets().into_iter().filter(|name| name.ends_with("-conversation")) {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, expectation) = pair.initiator.cancel(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        assert_eq!(opened.request(), Request::Cancel, "{name}");
        let cancelled = Recipient::cancel(opened, pair.now, &mut pair.numbers);
        // WSE's conversations are never cancelled.
        if name.starts_with("wse-") {
            assert!(matches!(cancelled, Err(Issue::Refused { .. })), "{name}");
            continue;
        }
        let Ok((message, _)) = cancelled else { panic!("{name}") };
        let opening = pair.answer(&message, &expectation).expect("answered");
        pair.initiator.cancelled(&opening, &expectation).expect("cancelled");
    }
}

/// CXF's answer to a Cancel confirms nothing and has its timestamp where it likes. What it does confirm must be right, and no
/// other answer is let off.
#[test]
fn the_answer_to_a_cancel_need_not_confirm_it() {
    let name = "wcf-ws2007-mutualCertificate-conversation";
    let mut theirs = policy(name);
    theirs.properties.layout = Layout::Lax;
    let mut ours = theirs.clone();
    ours.wss.signature_confirmation = true;
    ours.properties.layout = Layout::LaxTimestampLast;
    for (served, confirms) in [(&theirs, false), (&ours, true)] {
        let mut pair = Pair::unlike(&ours, served, soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let mut cancel = || pair.initiator.cancel(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let ((outbound, expectation), (_, other)) = (cancel(), cancel());
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let Ok((message, _)) = Recipient::cancel(opened, pair.now, &mut pair.numbers) else { panic!("not cancelled") };
        let opening = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{confirms}: {refusal}"));
        pair.initiator.cancelled(&opening, &expectation).expect("cancelled");
        let refused = pair.answer(&message, &other).map(drop);
        assert!(
            matches!(refused, Err(Refusal::SignatureConfirmation(_))) == confirms && refused.is_err(),
            "{refused:?}"
        );

        let (outbound, expectation) = pair.request("hello", Some(&ours));
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let message = pair.echo(opened);
        assert_eq!(pair.answer(&message, &expectation).is_ok(), confirms);
    }
}

#[test]
fn a_context_is_renewed_for_whoever_established_it() {
    let conversations = presets().into_iter().filter(|name| name.ends_with("-conversation"));
    for name in conversations {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, expectation) = pair.initiator.renew(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let open = |pair: &Pair| {
            let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs));
            let opened = opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert_eq!(opened.request(), Request::Renew, "{name}");
            opened
        };
        let somebody = Principal::User("mallory".into());
        let renewed = Recipient::renew(open(&pair), somebody, None, pair.now, &mut pair.numbers);
        assert!(matches!(renewed, Err(Issue::Refused { .. })), "{name}: for somebody else");

        let renewed = Recipient::renew(open(&pair), Principal::Anonymous, None, pair.now, &mut pair.numbers);
        let Ok(Issued { context: theirs_again, message, .. }) = renewed else { panic!("{name}") };
        let opening = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let ours_again = pair.initiator.established(&opening, &expectation, pair.now).expect("established");
        assert_eq!(ours_again.danger_key_octets(), theirs_again.danger_key_octets(), "{name}");
        assert_ne!(ours_again.danger_key_octets(), ours.danger_key_octets(), "{name}");
        assert_eq!(ours_again.identifier, ours.identifier, "{name}");
        assert_ne!(ours_again.instance(), ours.instance(), "{name}");
        assert_eq!(theirs_again.conversation, theirs.conversation, "{name}: it is the same conversation");

        let (ours_again, theirs_again) = (Arc::new(ours_again), Arc::new(theirs_again));
        let (request, expectation) = pair.request("hello", Some(&ours_again));
        assert!(pair.open(&request, request.body.clone(), Some(&theirs)).is_err(), "{name}: the old key opens nothing");
        let opened = pair.open(&request, request.body.clone(), Some(&theirs_again));
        let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
        assert!(pair.answer(&message, &expectation).is_ok(), "{name}");
    }
}

/// Its token and its key are all that an initiator needs, in whatever process.
#[test]
fn a_context_goes_on_from_its_record() {
    for name in presets().into_iter().filter(|name| name.ends_with("-conversation")) {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let record = ours.record().expect("a record");
        let again = Arc::new(Pair::new(&policy(name), soap(name)[0]).initiator.restore(&record).expect("a context"));
        assert_eq!((again.name(), again.conversation), (ours.name(), ours.conversation), "{name}");
        assert_eq!((again.created, again.expires), (ours.created, ours.expires), "{name}");

        let (request, expectation) = pair.request("hello", Some(&again));
        let opened = pair.open(&request, request.body.clone(), Some(&theirs));
        let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
        assert!(pair.answer(&message, &expectation).is_ok(), "{name}");

        // What was issued here is no context of a service's, nor the other way about.
        let issued = theirs.record().expect("a record");
        assert!(pair.initiator.restore(&issued).is_err() && Restorer::new(4).restore(&record).is_err(), "{name}");
        assert!(Restorer::new(4).restore(&issued).is_ok(), "{name}");
    }
}

#[test]
fn a_renewal_is_refused_where_it_is_not_due() {
    let name = "wcf-ws2007-mutualCertificate-conversation";
    let policy = policy(name);
    let mut pair = Pair::new(&policy, soap(name)[0]);
    let (ours, theirs) = pair.establish();
    let (another, others) = pair.establish();
    let (outbound, _) = pair.initiator.renew(&ours, pair.now, &mut pair.numbers).expect("sealed");
    assert!(pair.open(&outbound, outbound.body.clone(), Some(&theirs)).is_ok());
    assert!(pair.open(&outbound, outbound.body.clone(), Some(&others)).is_err(), "another context's key");
    assert!(pair.open(&outbound, outbound.body.clone(), None).is_err(), "no context");

    // What asks for a renewal without the context's signature.
    let (issue, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
    let opened = pair.open(&issue, issue.body.clone(), Some(&theirs)).expect("a request for a new context");
    assert!(matches!(
        Recipient::renew(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers),
        Err(Issue::Refused { .. })
    ));

    let mut forbids = policy.clone();
    let Binding::Symmetric(SymmetricBinding { protection: Token::SecureConversation(token) }) = &mut forbids.binding
    else {
        panic!("no conversation")
    };
    token.renew = false;
    let mut pair = Pair::unlike(&policy, &forbids, soap(name)[0]);
    let (ours, theirs) = pair.establish();
    let (outbound, _) = pair.initiator.renew(&ours, pair.now, &mut pair.numbers).expect("sealed");
    let renewed = match pair.open(&outbound, outbound.body.clone(), Some(&theirs)) {
        Ok(opened) => Recipient::renew(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers).is_ok(),
        Err(_) => false,
    };
    assert!(!renewed, "the policy forbids it");
    assert_ne!(another.identifier, ours.identifier);
}

#[test]
fn what_the_backend_cannot_say_is_a_sealed_fault() {
    let name = "wcf-ws2007-anonymousForCertificate";
    for answer in ["", "<html>", "<!DOCTYPE x><x/>", "<s:Envelope xmlns:s=\"urn:other\"/>", "\u{0}"] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let answer = Answer::Envelope(answer.as_bytes().to_vec());
        let (message, trouble) = opened.into_reply().seal(answer, pair.now, &mut pair.numbers).expect("sealed");
        assert!(message.fault && trouble.is_some());
        let opening = pair.answer(&message, &expectation).expect("opened");
        assert!(opening.is_fault());
        let text = String::from_utf8(opening.plain().body).expect("text");
        assert!(
            text.contains("<s:Value>s:Receiver</s:Value>") && text.contains("The service is not available."),
            "{text}"
        );
    }
}

#[test]
fn a_fault_of_ours_is_sealed_in_both_versions() {
    for name in ["wcf-wshttp-userNameForCertificate", "wse-usernameForCertificateSecurity"] {
        for &soap in soap(name) {
            let mut pair = Pair::new(&policy(name), soap);
            let (outbound, expectation) = pair.request("hello", None);
            let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
            let reply = opened.into_reply();
            let (message, _) = reply.seal(Answer::Fault(Fault::busy()), pair.now, &mut pair.numbers).expect("sealed");
            assert!(pair.answer(&message, &expectation).expect("opened").is_fault(), "{name}");
        }
    }
}

/// The parts of a policy stand for each kind of message, in a conversation and outside of one: here requests are encrypted,
/// responses and faults are signed alone.
#[test]
fn parts_of_one_kind_of_message_are_its_own() {
    for name in [
        "wcf-ws2007-mutualCertificate",
        "wse-mutualCertificate10Security",
        "wse-usernameForCertificateSecurity-conversation",
    ] {
        let both = policy(name);
        let mut parts = both.parts.clone();
        parts.encrypted = PartSet::default();
        let messages = MessageParts { request: both.parts.clone(), response: parts.clone(), fault: parts };
        let own = Policy { parts: Parts::default(), messages, ..both.clone() };
        let mut pair = Pair::new(&own, soap(name)[0]);
        let (ours, theirs) = if name.ends_with("-conversation") {
            let (ours, theirs) = pair.establish();
            (Some(ours), Some(theirs))
        } else {
            (None, None)
        };
        let is_clear = |octets: &[u8]| octets.windows(6).any(|found| found == b"hello!");
        let (outbound, expectation) = pair.request("hello!", ours.as_ref());
        assert!(!is_clear(&outbound.body), "{name}");
        let opened = pair.open(&outbound, outbound.body.clone(), theirs.as_ref()).expect("opened");
        let message = pair.echo(opened);
        assert!(is_clear(&message.body), "{name}");
        assert!(!pair.answer(&message, &expectation).expect("answered").is_fault(), "{name}");
        let (outbound, expectation) = pair.request("hello!", ours.as_ref());
        let opened = pair.open(&outbound, outbound.body.clone(), theirs.as_ref()).expect("opened");
        let fault = opened.into_reply().seal(Answer::Fault(Fault::busy()), pair.now, &mut pair.numbers);
        let (message, _) = fault.expect("sealed");
        assert!(message.body.windows(5).any(|found| found == b"Fault"), "{name}");
        assert!(pair.answer(&message, &expectation).expect("answered").is_fault(), "{name}");
        // Whoever demands the encryption of all three takes neither, and the request that lacks it is refused.
        let mut pair = Pair::unlike(&both, &own, soap(name)[0]);
        if ours.is_none() {
            let (outbound, expectation) = pair.request("hello!", None);
            let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
            let message = pair.echo(opened);
            assert!(pair.answer(&message, &expectation).is_err(), "{name}");
            let lacking = MessageParts { request: own.messages.response.clone(), ..own.messages.clone() };
            let mut pair = Pair::unlike(&Policy { messages: lacking, ..own.clone() }, &own, soap(name)[0]);
            let (outbound, _) = pair.request("hello!", None);
            assert!(pair.open(&outbound, outbound.body.clone(), None).is_err(), "{name}");
        }
    }
}

/// Options that no preset has: what one end writes, the other accepts.
#[test]
fn options_of_policies_are_kept_by_both_ends() {
    type Change = fn(&mut Policy);
    let changes: [(&str, &str, Change); 5] = [
        ("confirmation over a transport", "wcf-ws2007-certificateOverTransport", |policy| {
            policy.wss.signature_confirmation = true;
        }),
        ("confirmation where nothing was signed", "wcf-ws2007-userNameOverTransport", |policy| {
            policy.wss.signature_confirmation = true;
        }),
        ("the timestamp last", "wcf-ws2007-mutualCertificate", |policy| {
            policy.properties.layout = Layout::LaxTimestampLast;
        }),
        ("the timestamp first", "wcf-ws2007-userNameForCertificate", |policy| {
            policy.properties.layout = Layout::LaxTimestampFirst;
        }),
        ("encryption first", "wcf-ws2007-mutualCertificate", |policy| {
            policy.properties.order = ProtectionOrder::EncryptBeforeSign;
            policy.properties.encrypt_signature = false;
        }),
    ];
    for (what, name, change) in changes {
        let mut policy = policy(name);
        change(&mut policy);
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None);
        let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{what}: {refusal}")));
        let opening = pair.answer(&message, &expectation);
        assert!(opening.is_ok(), "{what}: {:?}", opening.err());
    }
}
