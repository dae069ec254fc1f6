//! Conversations: contexts that are unknown, over, or asked for in few words.

use std::sync::Arc;

use nuncio_policy::model::{Binding, Token};
use nuncio_wss::{Class, Context, HttpFacts, Issue, Message, Principal, Recipient, Refusal, Time, Transport};

use crate::ends::{Numbers, Pair, policy, soap};
use crate::forge::{Stage, WSU, element, within, without};

const TLS: &str = "wcf-ws2007-userNameOverTransport-conversation";

/// A context that another node issued, or that a restart forgot, is unknown: said before any cryptography, in those words.
#[test]
fn a_context_that_another_node_knows() {
    for name in ["wcf-ws2007-mutualCertificate-conversation", TLS] {
        let mut stage = Stage::of(name, |_| {});
        let identifier = stage.contexts.as_ref().unwrap().0.identifier.clone();
        stage.contexts = None;
        // Its signature is bad besides: nobody looked.
        let broken = stage.text.replacen("<SignatureValue>", "<SignatureValue>AAAA", 1);
        for text in [&stage.text, &broken] {
            let refusal = stage.open(text).err().expect("refused");
            assert!(matches!(&refusal, Refusal::UnknownContext(found) if **found == *identifier), "{refusal}");
            assert_eq!(refusal.class(), Class::BadContextToken);
            let said = refusal.to_string();
            assert!(said.contains("is not known here") && !said.contains("expired"), "{said}");
        }
    }
}

/// A user name alone, where a conversation is asked for: it had no context, and is told nothing of one.
#[test]
fn a_single_message_where_a_conversation_is_asked_for() {
    let alone = "wcf-ws2007-userNameOverTransport";
    let stage = Stage::with(&policy(alone), &policy(alone), soap(alone)[0]);
    let service = Pair::new(&policy(TLS), soap(TLS)[0]);
    let http = HttpFacts { content_type: &stage.outbound.content_type, soap_action: None };
    let received = service.recipient.read(&http, stage.text.clone().into_bytes()).unwrap();
    assert_eq!(received.context(), None);
    let refusal = service.recipient.open(received, None, Transport::Secure, service.now).err().expect("refused");
    assert!(matches!(refusal, Refusal::TokenMissing("signature by the security context")), "{refusal}");
    assert_eq!(refusal.class(), Class::InvalidSecurity);
}

/// A key that is over opens no message, and still ends its conversation or renews it.
#[test]
fn a_key_that_is_over() {
    for name in ["wcf-ws2007-mutualCertificate-conversation", TLS] {
        let mut stage = Stage::of(name, |_| {});
        let (ours, theirs) = stage.contexts.clone().unwrap();
        let at = |stage: &mut Stage, millis: i64| stage.pair.now = Time::from_millis(millis);
        let end = theirs.expires.millis();
        let message = |stage: &mut Stage| stage.pair.request("hello", Some(&ours)).0;
        at(&mut stage, end - 1);
        let last = message(&mut stage);
        assert!(stage.pair.open(&last, last.body.clone(), Some(&theirs)).is_ok(), "{name}");
        at(&mut stage, end);
        let late = message(&mut stage);
        let refusal = stage.pair.open(&late, late.body.clone(), Some(&theirs)).err().expect("refused");
        assert!(matches!(refusal, Refusal::OutlivedContext(_)), "{name}: {refusal}");
        says_that_it_must_be_renewed(&mut stage, &theirs, name);
        let now = stage.pair.now;
        let (renew, _) =
            stage.pair.initiator.renew(&ours, now, &mut Numbers(5)).unwrap_or_else(|_| panic!("{name}: not sealed"));
        assert!(stage.pair.open(&renew, renew.body.clone(), Some(&theirs)).is_ok(), "{name}");
        let (cancel, _) =
            stage.pair.initiator.cancel(&ours, now, &mut Numbers(6)).unwrap_or_else(|_| panic!("{name}: not sealed"));
        assert!(stage.pair.open(&cancel, cancel.body.clone(), Some(&theirs)).is_ok(), "{name}");
    }
}

/// Who has the key is told under it; who has not, and of a context that cannot be renewed, nothing but that it is over.
fn says_that_it_must_be_renewed(stage: &mut Stage, theirs: &Arc<Context>, name: &str) {
    let (ours, _) = stage.contexts.clone().unwrap();
    let (late, expectation) = stage.pair.request("hello", Some(&ours));
    let open = |pair: &Pair, body: &[u8]| {
        let http = HttpFacts { content_type: &late.content_type, soap_action: late.soap_action.as_deref() };
        let received = pair.recipient.read(&http, body.to_vec()).unwrap_or_else(|refusal| panic!("{refusal}"));
        pair.recipient.open_outlived(received, Arc::clone(theirs), Transport::Secure, pair.now)
    };
    let outlived = open(&stage.pair, &late.body).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let message = outlived.seal(stage.pair.now, &mut Numbers(4)).unwrap();
    let opening = stage.pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    assert!(message.fault && opening.is_fault() && opening.needs_renewal(), "{name}");
    let action = "http://schemas.microsoft.com/ws/2006/05/security/SecureConversationFault";
    assert_eq!(opening.action(), Some(action), "{name}");

    let mut forged = late.body.clone();
    // Where the signature is encrypted, what hides it.
    let text = String::from_utf8_lossy(&forged);
    let value = ["SignatureValue>", "CipherValue>"].into_iter().find_map(|tag| Some(text.find(tag)? + tag.len()));
    let at = value.unwrap();
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    assert!(open(&stage.pair, &forged).is_err(), "{name}");
    let in_time = stage.pair.now;
    stage.pair.now = Time::from_millis(theirs.expires.millis() - 1);
    let early = open(&stage.pair, &late.body).err();
    assert!(matches!(early, Some(Refusal::OutlivedContext(_))), "{name}: its time is not over");
    stage.pair.now = in_time;

    let mut policy = policy(name);
    let mut supporting = policy.supporting.iter_mut().map(|supporting| &mut supporting.token);
    let token = match &mut policy.binding {
        Binding::Symmetric(binding) => Some(&mut binding.protection),
        _ => supporting.next(),
    };
    let Some(Token::SecureConversation(token)) = token else { panic!("{name}") };
    token.renew = false;
    let other = Pair { now: stage.pair.now, ..Pair::new(&policy, stage.pair.soap) };
    let refusal = open(&other, &late.body).err();
    assert!(matches!(refusal, Some(Refusal::OutlivedContext(_))), "{name}: {refusal:?}");
}

/// Who does not say how long a key is gets one of the suite's length, and is told; and we need not be told either.
#[test]
fn keys_of_no_said_size() {
    let mut pair = Pair::new(&policy(TLS), soap(TLS)[0]);
    let (outbound, expectation) =
        pair.initiator.issue(pair.now, &mut pair.numbers).unwrap_or_else(|_| panic!("not sealed"));
    let asked = str::from_utf8(&outbound.body).unwrap();
    let silent = without(asked, "RequestSecurityToken/KeySize");
    let opened = pair.open(&outbound, silent.into_bytes(), None).unwrap();
    let issued = Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers)
        .unwrap_or_else(|_| panic!("not issued"));
    assert_eq!(issued.context.danger_key_octets().len(), 32);
    let answer = String::from_utf8(issued.message.body.clone()).unwrap();
    assert!(element(&answer, "RequestSecurityTokenResponse/KeySize").contains(">256<"), "{answer}");
    let silent = without(&answer, "RequestSecurityTokenResponse/KeySize");
    let message = Message { content_type: issued.message.content_type, fault: false, body: silent.into_bytes() };
    let opening = pair.answer(&message, &expectation).unwrap();
    let ours = pair.initiator.established(&opening, &expectation, pair.now).unwrap();
    assert_eq!(ours.danger_key_octets(), issued.context.danger_key_octets());
}

/// A client says how long its context is to last, by its own clock: it gets that, and no more than there is.
#[test]
fn lifetimes_that_clients_ask_for() {
    let issued = |lifetime: &str| {
        let mut pair = Pair::new(&policy(TLS), soap(TLS)[0]);
        let (outbound, expectation) =
            pair.initiator.issue(pair.now, &mut pair.numbers).unwrap_or_else(|_| panic!("not sealed"));
        let trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
        let lifetime = format!("<t:Lifetime xmlns:t=\"{trust}\" xmlns:u=\"{WSU}\">{lifetime}</t:Lifetime>");
        let asked = within(str::from_utf8(&outbound.body).unwrap(), "Body/RequestSecurityToken", &lifetime);
        let opened = pair.open(&outbound, asked.into_bytes(), None).unwrap();
        match Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers) {
            Ok(issued) => {
                let opening = pair.answer(&issued.message, &expectation).unwrap();
                let ours = pair.initiator.established(&opening, &expectation, pair.now).unwrap();
                assert_eq!(ours.expires, issued.context.expires, "what the answer says is what it is");
                Ok((ours.expires.millis() - ours.created.millis()) / 1000)
            }
            Err(Issue::Refused { refusal, .. }) => Err(format!("{refusal:?}")),
            Err(other) => panic!("{other}"),
        }
    };
    let from = |created: &str, expires: &str| {
        issued(&format!("<u:Created>{created}</u:Created><u:Expires>{expires}</u:Expires>"))
    };
    assert_eq!(from("2026-12-01T00:00:00Z", "2026-12-01T00:00:36Z"), Ok(36));
    assert_eq!(from("2026-11-30T23:55:00Z", "2026-11-30T23:55:36Z"), Ok(36), "its clock is late");
    assert_eq!(issued("<u:Expires>2026-12-01T00:00:36Z</u:Expires>"), Ok(36));
    assert_eq!(from("2026-12-01T00:00:00Z", "2026-12-01T10:00:00Z"), Ok(3600));
    assert_eq!(from("2026-12-01T00:00:00Z", "2036-12-01T00:00:00Z"), Ok(3600));
    for out_of_range in
        [from("2026-12-01T00:00:36Z", "2026-12-01T00:00:00Z"), issued("<u:Expires>2026-11-30T23:59:59Z</u:Expires>")]
    {
        assert!(out_of_range.as_ref().is_err_and(|refusal| refusal.starts_with("TimeRange {")), "{out_of_range:?}");
    }
    assert_eq!(issued("<u:Created>2026-12-01T00:00:00Z</u:Created>"), Ok(3600), "no end is asked for");
    let malformed = issued("<u:Expires>soon</u:Expires>");
    assert!(malformed.as_ref().is_err_and(|refusal| refusal.starts_with("TrustRequest(")), "{malformed:?}");
}
