//! Contexts that their clients keep: a cookie in the token, out and back.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use std::sync::Arc;

use ends::{Pair, policy, soap};
use nuncio_crypto::base64;
use nuncio_crypto::random::Random;
use nuncio_policy::model::{Binding, Include, Policy, SecureConversationToken, SoapVersion, Token};
use nuncio_policy::preset;
use nuncio_wss::{
    Class, Context, HttpFacts, Issue, Issued, MAX_COOKIE, Outbound, Principal, Received, Recipient, Refusal, SealCookie,
};

const CLEAR: &str = "wcf-ws2007-userNameOverTransport-conversation";
const PROTECTED: &str = "wcf-wshttp-mutualCertificate-conversation";
const OPEN: &str = "<dnse:Cookie xmlns:dnse=\"http://schemas.microsoft.com/ws/2006/05/security\">";

/// A cookie that says whose it is.
fn cookie(context: &Context) -> Vec<u8> {
    format!("the state of {}", context.name()).into_bytes()
}

/// It in the place of one that is sealed.
#[expect(clippy::unnecessary_wraps, reason = "as what seals has it")]
fn seal(context: &Context, _: &mut dyn Random) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(cookie(context))
}

/// A conversation of whose context the client keeps the state.
fn establish(pair: &mut Pair, seal: SealCookie<'_>) -> (Arc<Context>, Arc<Context>, String) {
    let (outbound, expectation) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let issued = Recipient::issue(opened, Principal::Anonymous, Some(seal), pair.now, &mut pair.numbers);
    let Issued { context: theirs, message, .. } = issued.unwrap_or_else(|refused| panic!("not issued: {refused}"));
    let opening = pair.answer(&message, &expectation).expect("answered");
    let ours = pair.initiator.established(&opening, &expectation, pair.now).expect("established");
    (Arc::new(ours), Arc::new(theirs), String::from_utf8(opening.plain().body).expect("text"))
}

fn read(pair: &Pair, outbound: &Outbound, text: &str) -> Received {
    let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
    pair.recipient.read(&http, text.as_bytes().to_vec()).expect("read")
}

fn text(outbound: &Outbound) -> String {
    String::from_utf8(outbound.body.clone()).expect("text")
}

fn conversations() -> impl Iterator<Item = (&'static str, SoapVersion)> {
    let names = preset::all().map(|preset| preset.name).filter(|name| name.ends_with("-conversation"));
    names.flat_map(|name| soap(name).iter().map(move |&version| (name, version)))
}

fn conversation(policy: &mut Policy) -> &mut SecureConversationToken {
    let token = match &mut policy.binding {
        Binding::Symmetric(binding) => &mut binding.protection,
        _ => &mut policy.supporting[0].token,
    };
    let Token::SecureConversation(token) = token else { panic!("no conversation") };
    token
}

/// It is the last child of the token that is issued, comes back in every request as it was, and is in no answer.
#[test]
fn what_was_issued_comes_back() {
    for (name, version) in conversations() {
        let mut pair = Pair::new(&policy(name), version);
        let (ours, theirs, answer) = establish(&mut pair, &seal);
        let element = format!("{OPEN}{}</dnse:Cookie>", base64::encode(&cookie(&theirs)));
        let (before, behind) = answer.split_once(&element).unwrap_or_else(|| panic!("{name}: {answer}"));
        assert!(
            before.ends_with(&format!("{}</c:Identifier>", theirs.identifier))
                || before.ends_with(&format!("{}</sc:Identifier>", theirs.identifier)),
            "{name}: {answer}"
        );
        assert!(
            behind.starts_with("</c:SecurityContextToken>") || behind.starts_with("</sc:SecurityContextToken>"),
            "{name}: {answer}"
        );
        assert!(!behind.contains("Cookie"), "{name}: {answer}");
        for _ in 0..2 {
            let (outbound, expectation) = pair.request("hello", Some(&ours));
            assert!(text(&outbound).contains(&element), "{name}: {}", text(&outbound));
            let received = read(&pair, &outbound, &text(&outbound));
            assert_eq!(received.context(), Some(theirs.name().as_str()), "{name}");
            assert_eq!(received.cookie().expect("a cookie"), Some(cookie(&theirs)), "{name}");
            let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs));
            let message = pair.echo(opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
            let opening = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            assert!(!opening.is_fault() && !String::from_utf8_lossy(&message.body).contains("Cookie"), "{name}");
        }
    }
}

/// A token may be named without being there: its cookie is not there either, and whoever keeps the context must know it.
#[test]
fn a_reference_brings_none() {
    let mut policy = policy(PROTECTED);
    conversation(&mut policy).include = Include::Never;
    let mut pair = Pair::new(&policy, soap(PROTECTED)[0]);
    let (ours, theirs, _) = establish(&mut pair, &seal);
    let (outbound, expectation) = pair.request("hello", Some(&ours));
    assert!(!text(&outbound).contains("Cookie"));
    let received = read(&pair, &outbound, &text(&outbound));
    assert_eq!((received.context(), received.cookie().expect("none")), (Some(theirs.name().as_str()), None));
    let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
    let message = pair.echo(opened);
    assert!(pair.answer(&message, &expectation).is_ok());
}

/// A key that replaces another has a cookie of its own, behind its instance.
#[test]
fn a_renewed_context_has_another() {
    for name in [CLEAR, PROTECTED] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (ours, theirs, _) = establish(&mut pair, &seal);
        let (outbound, expectation) = pair.initiator.renew(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let received = read(&pair, &outbound, &text(&outbound));
        assert_eq!(received.cookie().expect("a cookie"), Some(cookie(&theirs)), "{name}: of the one that is renewed");
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let renewed = Recipient::renew(opened, Principal::Anonymous, Some(&seal), pair.now, &mut pair.numbers);
        let Issued { context, message, .. } = renewed.unwrap_or_else(|refused| panic!("not renewed: {refused}"));
        let opening = pair.answer(&message, &expectation).expect("answered");
        let again = Arc::new(pair.initiator.established(&opening, &expectation, pair.now).expect("established"));
        assert_ne!(cookie(&context), cookie(&theirs), "{name}");
        let answer = String::from_utf8(opening.plain().body).expect("text");
        assert!(answer.contains(&format!("Instance>{OPEN}{}", base64::encode(&cookie(&context)))), "{name}: {answer}");
        let (outbound, _) = pair.request("hello", Some(&again));
        let received = read(&pair, &outbound, &text(&outbound));
        assert_eq!(received.cookie().expect("a cookie"), Some(cookie(&context)), "{name}");
    }
}

/// Where the policy protects tokens the signature covers the cookie; where it does not, whoever sealed it knows it again.
#[test]
fn it_is_part_of_the_token_that_is_signed() {
    for (protect, refused) in [(true, true), (false, false)] {
        let mut policy = policy(PROTECTED);
        policy.properties.protect_tokens = protect;
        let mut pair = Pair::new(&policy, soap(PROTECTED)[0]);
        let (ours, theirs, _) = establish(&mut pair, &seal);
        let (outbound, _) = pair.request("hello", Some(&ours));
        assert!(pair.open(&outbound, outbound.body.clone(), Some(&theirs)).is_ok());
        let changed = text(&outbound).replacen(&format!("{OPEN}dGhl"), &format!("{OPEN}dGhf"), 1);
        assert_ne!(changed, text(&outbound));
        assert_eq!(pair.open(&outbound, changed.into_bytes(), Some(&theirs)).is_err(), refused, "{protect}");
    }
}

#[test]
fn what_is_no_cookie_is_refused() {
    let mut pair = Pair::new(&policy(CLEAR), soap(CLEAR)[0]);
    let (ours, theirs, _) = establish(&mut pair, &seal);
    let (outbound, _) = pair.request("hello", Some(&ours));
    let (text, element) = (text(&outbound), format!("{OPEN}{}</dnse:Cookie>", base64::encode(&cookie(&theirs))));
    assert!(text.contains(&element), "{text}");
    let with = |content: &str| text.replace(&element, &format!("{OPEN}{content}</dnse:Cookie>"));
    let full = base64::encode(&[7; MAX_COOKIE]);
    assert_eq!(full.len(), 2048);
    for (content, octets) in
        [("", vec![]), (" YQ== ", b"a".to_vec()), ("Y\nQ==", b"a".to_vec()), (&*full, vec![7; MAX_COOKIE])]
    {
        let received = read(&pair, &outbound, &with(content));
        assert_eq!(received.cookie().expect("a cookie"), Some(octets), "{content}");
    }
    let full = base64::encode(&[7; MAX_COOKIE + 1]);
    for (content, why) in [
        ("YQ=", "security header: Cookie: is not base64"),
        ("Y!==", "security header: Cookie: is not base64"),
        ("YR==", "security header: Cookie: is not base64"),
        ("YQ==<a/>", "security header: Cookie: holds more than text"),
        ("<!-- -->YQ==", "security header: Cookie: holds more than text"),
        (&*full, "more than 1536 of octets of a cookie"),
    ] {
        let refusal = read(&pair, &outbound, &with(content)).cookie().expect_err(content);
        assert_eq!((refusal.to_string().as_str(), refusal.class()), (why, Class::InvalidSecurity));
    }
    // Two of them, in whatever order and beside whatever else: the token is none, and nobody is asked for its context.
    for twice in [element.repeat(2), format!("{element}<x xmlns=\"urn:x\"/>{OPEN}</dnse:Cookie>")] {
        let twice = text.replace(&element, &twice);
        let received = read(&pair, &outbound, &twice);
        assert_eq!((received.context(), received.cookie().expect("none")), (None, None));
        let refusal = pair.open(&outbound, twice.into_bytes(), None).err().expect("refused");
        assert_eq!(refusal.to_string(), "security header: SecurityContextToken: has more than one cookie");
    }
    // Another's element of that name is none.
    let others = text.replace(&element, "<Cookie xmlns=\"urn:x\">!</Cookie>");
    assert_eq!(read(&pair, &outbound, &others).cookie().expect("none"), None);
    // What asks for a context belongs to none, and has none.
    let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
    assert_eq!(read(&pair, &outbound, &self::text(&outbound)).cookie().expect("none"), None);
}

/// A context that would be lost is not handed out.
#[test]
fn where_none_is_sealed_nothing_is_issued() {
    let nothing = |_: &Context, _: &mut dyn Random| Err("no key is active".into());
    for (name, version) in conversations() {
        let mut pair = Pair::new(&policy(name), version);
        let (outbound, expectation) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let issued = Recipient::issue(opened, Principal::Anonymous, Some(&nothing), pair.now, &mut pair.numbers);
        let Err(issue @ Issue::NoCookie { .. }) = issued else { panic!("{name}: issued") };
        assert_eq!(issue.to_string(), "the context has no cookie: no key is active");
        let Issue::NoCookie { message, .. } = issue else { continue };
        let opening = pair.answer(&message, &expectation).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(opening.is_fault() && message.fault, "{name}");
        let plain = String::from_utf8(opening.plain().body).expect("text");
        assert!(plain.contains("The service is not available.") && !plain.contains("Cookie"), "{name}: {plain}");
    }
}

/// Under a policy without cancels, as services have it that keep no contexts, one is answered as WCF's services do.
#[test]
fn where_nothing_is_cancelled_a_cancel_is_told_so() {
    for (name, version) in conversations() {
        let allows = policy(name);
        let mut forbids = allows.clone();
        conversation(&mut forbids).cancel = false;
        let mut pair = Pair::unlike(&allows, &forbids, version);
        let (ours, theirs, _) = establish(&mut pair, &seal);
        let (outbound, expectation) = pair.initiator.cancel(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let received = read(&pair, &outbound, &text(&outbound));
        assert_eq!(received.cookie().expect("a cookie"), Some(cookie(&theirs)), "{name}");
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let Err(Issue::Refused { refusal, message }) = Recipient::cancel(opened, pair.now, &mut pair.numbers) else {
            panic!("{name}: cancelled")
        };
        assert!(matches!(refusal, Refusal::TrustRequest("is a cancel where the policy has none")), "{name}: {refusal}");
        let opening = pair.answer(&message, &expectation).expect("answered");
        assert!(message.fault && opening.is_fault(), "{name}");
        let plain = String::from_utf8(opening.plain().body).expect("text");
        assert!(
            plain.contains("f:SecureConversationCancellationNotAllowed")
                && plain.contains("xmlns:f=\"http://schemas.microsoft.com/ws/2006/05/security\""),
            "{name}: {plain}"
        );
    }
}
