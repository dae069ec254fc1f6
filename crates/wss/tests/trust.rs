//! Messages about security contexts: what may stand in them, in which forms secrets come, and what is refused.
//!
//! Over a transport nothing in the message protects the body, so that requests and answers can be changed here as a peer
//! would have written them.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use std::time::Duration;

use ends::{Pair, policy, soap};
use nuncio_crypto::base64;
use nuncio_policy::model::{Policy, SoapVersion, Trust, TrustVersion};
use nuncio_wss::{Class, Context, Issue, Issued, Principal, Recipient, RecipientSettings, Refusal};

const FEBRUARY: &str = "wcf-wshttp-userNameOverTransport-conversation";
const V13: &str = "wcf-ws2007-userNameOverTransport-conversation";

/// What was asked and answered.
struct Exchange {
    pair: Pair,
    request: String,
    granted: Result<(Context, String), (Refusal, String)>,
    expectation: nuncio_wss::Expectation,
}

/// Asks for a context with a request that was changed on its way.
fn ask(name: &str, policy: &Policy, change: impl Fn(String) -> String) -> Exchange {
    let mut pair = Pair::new(policy, soap(name)[0]);
    let (outbound, expectation) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
    let request = change(String::from_utf8(outbound.body.clone()).expect("text"));
    let opened = pair.open(&outbound, request.clone().into_bytes(), None);
    let opened = opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let text = |body: Vec<u8>| String::from_utf8(body).expect("text");
    let granted = match Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers) {
        Ok(Issued { context, message, .. }) => Ok((context, text(message.body))),
        Err(Issue::Refused { refusal, message }) => Err((refusal, text(message.body))),
        Err(other) => panic!("{name}: {other}"),
    };
    Exchange { pair, request, granted, expectation }
}

impl Exchange {
    fn granted(&self) -> &(Context, String) {
        self.granted.as_ref().unwrap_or_else(|(refusal, _)| panic!("{refusal}: {}", self.request))
    }

    fn refused(&self) -> &Refusal {
        match &self.granted {
            Err((refusal, _)) => refusal,
            Ok((_, message)) => panic!("granted: {message}"),
        }
    }

    /// What its client makes of an answer that was changed on its way.
    fn established(&self, change: impl Fn(String) -> String) -> Result<Context, Refusal> {
        let body = change(self.granted().1.clone()).into_bytes();
        let content_type = match self.pair.soap {
            SoapVersion::V11 => "text/xml; charset=utf-8",
            SoapVersion::V12 => "application/soap+xml; charset=utf-8",
        };
        let message = nuncio_wss::Message { content_type, fault: false, body };
        let opening = self.pair.answer(&message, &self.expectation).expect("opened");
        self.pair.initiator.established(&opening, &self.expectation, self.pair.now)
    }
}

/// The prefix of WS-Trust in a generation's messages.
fn prefix(name: &str) -> &'static str {
    if name == FEBRUARY { "t" } else { "trust" }
}

fn namespace(name: &str) -> &'static str {
    if name == FEBRUARY {
        "http://schemas.xmlsoap.org/ws/2005/02/trust"
    } else {
        "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
    }
}

/// Adds elements to a request.
fn with(name: &str, elements: &str) -> impl Fn(String) -> String {
    let end = format!("</{}:RequestSecurityToken>", prefix(name));
    move |request| request.replace(&end, &format!("{elements}{end}"))
}

fn element(name: &str, local: &str, content: &str) -> String {
    let prefix = prefix(name);
    format!("<{prefix}:{local}>{content}</{prefix}:{local}>")
}

fn lifetime(name: &str, created: Option<&str>, expires: Option<&str>) -> String {
    let instant = |local: &str, text: Option<&str>| {
        text.map_or_else(String::new, |text| format!("<u:{local} xmlns:u=\"{UTILITY}\">{text}</u:{local}>"))
    };
    element(name, "Lifetime", &(instant("Created", created) + &instant("Expires", expires)))
}

const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// Drops an element of WS-Trust from a message.
fn without(name: &str, local: &str) -> impl Fn(String) -> String {
    let prefix = prefix(name);
    move |message| {
        let (start, end) = (format!("<{prefix}:{local}"), format!("</{prefix}:{local}>"));
        let from = message.find(&start).unwrap_or_else(|| panic!("no {local}: {message}"));
        let to = message[from..].find(&end).expect("its end") + from + end.len();
        format!("{}{}", &message[..from], &message[to..])
    }
}

fn replaced(from: &str, to: &str) -> impl Fn(String) -> String + use<> {
    let (from, to) = (from.to_owned(), to.to_owned());
    move |message| {
        assert!(message.contains(&from), "no {from}: {message}");
        message.replacen(&from, &to, 1)
    }
}

/// Each mode of agreeing on a key, in both generations, gives both sides one key.
#[test]
fn both_sides_agree_on_a_key_from_any_entropy() {
    for name in [FEBRUARY, V13] {
        let version = policy(name).trust.map_or(TrustVersion::V13, |trust| trust.version);
        for (client_entropy, server_entropy) in [(true, true), (true, false), (false, true)] {
            let mut policy = policy(name);
            policy.trust = Some(Trust { client_entropy, server_entropy, ..policy.trust.unwrap_or(any(version)) });
            let exchange = ask(name, &policy, |request| request);
            let (context, answer) = exchange.granted();
            let ours = exchange.established(|answer| answer).expect("established");
            assert_eq!(ours.danger_key_octets(), context.danger_key_octets(), "{client_entropy} {server_entropy}");
            assert_eq!(exchange.request.contains("Entropy"), client_entropy);
            assert_eq!(answer.contains("ComputedKey"), client_entropy && server_entropy);
            assert!(answer.contains(&element(name, "KeySize", "256")), "{answer}");
        }
    }
}

fn any(version: TrustVersion) -> Trust {
    policy(if version == TrustVersion::V13 { V13 } else { FEBRUARY }).trust.expect("a trust assertion")
}

/// Metro's client computed a key of no octets where nothing said its length: what is not said is the suite's, or what was
/// asked for, and we always say it.
#[test]
fn a_length_that_is_not_said_is_the_suites() {
    for name in [FEBRUARY, V13] {
        let exchange = ask(name, &policy(name), without(name, "KeySize"));
        let (context, answer) = exchange.granted();
        assert_eq!(context.danger_key_octets().len(), 32);
        assert!(answer.contains(&element(name, "KeySize", "256")), "{answer}");
        let ours = exchange.established(without(name, "KeySize")).expect("established");
        assert_eq!(ours.danger_key_octets(), context.danger_key_octets());
    }
}

/// SC-07: entropy that is missing, short or of no type, keys of absurd lengths, other ways to compute one.
#[test]
fn sc_07_keys_that_are_not_agreed_on_so() {
    for name in [FEBRUARY, V13] {
        let suite = "asks for a key of another size than the suite's";
        let absurd = "asks for a key of no sensible size";
        let entropy = "has entropy that cannot be used";
        let nonce = format!(" Type=\"{}/Nonce\"", namespace(name));
        let size = |bits: &str| replaced(&element(name, "KeySize", "256"), &element(name, "KeySize", bits));
        for bits in ["0", "32", "64", "127", "257", "1024", "131072", "-256", "256.0", "99999999999999999999", ""] {
            let exchange = ask(name, &policy(name), size(bits));
            assert!(matches!(exchange.refused(), Refusal::TrustRequest(fault) if *fault == absurd), "{bits}");
        }
        for bits in ["128", "192", "512"] {
            let exchange = ask(name, &policy(name), size(bits));
            assert!(matches!(exchange.refused(), Refusal::TrustRequest(fault) if *fault == suite), "{bits}");
        }
        let exchange = ask(name, &policy(name), without(name, "Entropy"));
        let missing = "has no entropy where the policy asks for it";
        assert!(matches!(exchange.refused(), Refusal::TrustRequest(fault) if *fault == missing));
        for (what, change) in [
            ("nothing", replaced(&nonce, &format!(" Type=\"{}/AsymmetricKey\"", namespace(name)))),
            ("no type", replaced(&nonce, " Type=\"\"")),
        ] {
            let exchange = ask(name, &policy(name), change);
            assert!(matches!(exchange.refused(), Refusal::TrustRequest(fault) if *fault == entropy), "{what}");
        }
        for secret in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAA", &"A".repeat(88), "!"] {
            let change = |request: String| {
                let from = request.find(&nonce).expect("entropy") + nonce.len();
                let from = request[from..].find('>').expect("its start") + from + 1;
                let to = request[from..].find('<').expect("its end") + from;
                format!("{}{secret}{}", &request[..from], &request[to..])
            };
            let exchange = ask(name, &policy(name), change);
            assert!(matches!(exchange.refused(), Refusal::TrustRequest(fault) if *fault == entropy), "{secret}");
        }
        let twice = element(name, "KeySize", "256");
        let exchange = ask(name, &policy(name), with(name, &twice));
        assert!(matches!(exchange.refused(), Refusal::TrustRequest("has an element twice")));
        let hash = element(name, "ComputedKeyAlgorithm", &format!("{}/CK/HASH", namespace(name)));
        let exchange = ask(name, &policy(name), with(name, &hash));
        assert!(matches!(exchange.refused(), Refusal::TrustRequest("computes keys in a way that is not known")));
    }
}

/// What CXF and Metro say beside what WCF says, and what nobody knows, changes nothing.
#[test]
fn what_peers_say_beside_is_taken() {
    for name in [FEBRUARY, V13] {
        let base = namespace(name);
        let address = "<a:EndpointReference xmlns:a=\"http://www.w3.org/2005/08/addressing\"><a:Address>\
                       http://service.example/echo</a:Address></a:EndpointReference>";
        for extra in [
            element(name, "KeyType", &format!("{base}/SymmetricKey")),
            element(name, "ComputedKeyAlgorithm", &format!("{base}/CK/PSHA1")),
            element(name, "Renewing", ""),
            element(name, "Claims", "<x xmlns=\"urn:x\"/>"),
            format!("<p:AppliesTo xmlns:p=\"http://www.w3.org/ns/ws-policy\">{address}</p:AppliesTo>"),
            format!("<p:AppliesTo xmlns:p=\"http://schemas.xmlsoap.org/ws/2004/09/policy\">{address}</p:AppliesTo>"),
            "<x:unknown xmlns:x=\"urn:x\">1</x:unknown>".to_owned(),
        ] {
            let exchange = ask(name, &policy(name), with(name, &extra));
            let (context, _) = exchange.granted();
            let ours = exchange.established(|answer| answer).expect("established");
            assert_eq!(ours.danger_key_octets(), context.danger_key_octets(), "{extra}");
        }
        for missing in ["TokenType", "RequestType"] {
            ask(name, &policy(name), without(name, missing)).granted();
        }
        let start = format!("<{}:RequestSecurityToken", prefix(name));
        let exchange = ask(name, &policy(name), replaced(&start, &format!("{start} Context=\"c &amp; 1\"")));
        let (_, answer) = exchange.granted();
        assert!(answer.contains(" Context=\"c &amp; 1\""), "{answer}");
    }
}

#[test]
fn what_asks_for_something_else_is_refused() {
    for name in [FEBRUARY, V13] {
        let (base, other) = (namespace(name), namespace(if name == FEBRUARY { V13 } else { FEBRUARY }));
        let public = element(name, "KeyType", &format!("{base}/PublicKey"));
        for (change, fault) in [
            (with(name, &public), "asks for a key that is not symmetric"),
            (with(name, &element(name, "OnBehalfOf", "")), "asks for a token in another's name"),
            (
                with(name, "<p:AppliesTo xmlns:p=\"http://www.w3.org/ns/ws-policy\"/>"),
                "applies to something that has no address",
            ),
        ] {
            let exchange = ask(name, &policy(name), change);
            assert!(matches!(exchange.refused(), Refusal::TrustRequest(found) if *found == fault), "{fault}");
        }
        // The element, the action and the entropy of two generations do not make one request.
        let exchange = ask(name, &policy(name), |request| {
            let (head, body) = request.split_once("<s:Body").expect("a body");
            format!("{head}<s:Body{}", body.replace(base, other))
        });
        let fault = "is no request of the generation of its action";
        assert!(matches!(exchange.refused(), Refusal::TrustRequest(found) if *found == fault));
    }
}

/// A service whose address is said, and that knows nobody.
fn settings(soap: SoapVersion) -> RecipientSettings {
    RecipientSettings {
        alternatives: vec![policy(V13)],
        soap,
        operations: Vec::new(),
        credentials: Vec::new(),
        trust: nuncio_crypto::trust::Trust::nobody(),
        passwords: None,
        addresses: vec!["http://service.example/echo".to_owned()],
        freshness: ends::FRESHNESS,
        message_lifetime: Duration::from_mins(5),
        context_lifetime: Duration::from_hours(1),
        context_jitter: 0,
        forward_addressing: false,
        limits: ends::limits(),
    }
}

/// A context is for the service that issues it: a request that names another gets none.
#[test]
fn a_context_for_another_service_is_refused() {
    let mut pair = Pair::new(&policy(V13), soap(V13)[0]);
    pair.recipient = Recipient::new(settings(pair.soap)).expect("built");
    for (address, granted) in [("http://service.example/echo", true), ("http://service.example/other", false)] {
        let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
        let scope = format!(
            "<p:AppliesTo xmlns:p=\"http://www.w3.org/ns/ws-policy\"><a:EndpointReference \
             xmlns:a=\"http://www.w3.org/2005/08/addressing\"><a:Address>{address}</a:Address>\
             </a:EndpointReference></p:AppliesTo>"
        );
        let request = with(V13, &scope)(String::from_utf8(outbound.body.clone()).expect("text"));
        let opened = pair.open(&outbound, request.into_bytes(), None).expect("opened");
        match Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers) {
            Ok(_) => assert!(granted, "{address}"),
            Err(refused) => {
                assert_eq!(refused.to_string(), "trust request: applies to another service than ours");
                assert!(!granted, "{address}");
            }
        }
    }
}

/// Metro's example asks for half a minute; others for ten years, or for a time that is none.
#[test]
fn a_lifetime_is_what_was_asked_for_and_never_longer_than_ours() {
    let hour = Duration::from_hours(1);
    for name in [FEBRUARY, V13] {
        let now = ends::NOW;
        let at = |seconds: i64| nuncio_wss::Time::from_millis(now.millis() + seconds * 1000).to_string();
        for (created, expires, lasts) in [
            (Some(at(0)), Some(at(36)), Duration::from_secs(36)),
            (Some(at(0)), Some(at(300)), Duration::from_mins(5)),
            (Some(at(0)), Some(at(36_000)), hour),
            (Some(at(0)), Some("9999-12-31T23:59:59Z".to_owned()), hour),
            // By a clock that is two minutes behind or ahead, half a minute is half a minute.
            (Some(at(-120)), Some(at(-90)), Duration::from_secs(30)),
            (Some(at(120)), Some(at(150)), Duration::from_secs(30)),
            (None, Some(at(60)), Duration::from_mins(1)),
            (Some(at(0)), None, hour),
            (None, None, hour),
        ] {
            let asked = lifetime(name, created.as_deref(), expires.as_deref());
            let exchange = ask(name, &policy(name), with(name, &asked));
            let (context, answer) = exchange.granted();
            assert_eq!((context.created, context.expires), (now, now.plus(lasts)), "{asked}");
            let ours = exchange.established(|answer| answer).expect("established");
            assert_eq!((ours.created, ours.expires), (now, now.plus(lasts)), "{asked}: {answer}");
        }
        for (created, expires) in [
            (Some(at(60)), at(0)),
            (Some(at(0)), at(0)),
            (None, at(-1)),
            (Some(at(-7200)), at(-3600)),
            (Some(at(3600)), at(7200)),
            (None, "0001-01-01T00:00:00Z".to_owned()),
        ] {
            let asked = lifetime(name, created.as_deref(), Some(&expires));
            let exchange = ask(name, &policy(name), with(name, &asked));
            let refusal = exchange.refused();
            assert!(matches!(refusal, Refusal::TimeRange { .. }), "{asked}: {refusal}");
            assert_eq!(refusal.class(), Class::InvalidTimeRange);
            let Err((_, fault)) = &exchange.granted else { panic!("granted") };
            assert!(fault.contains("InvalidTimeRange") && fault.contains(namespace(name)), "{fault}");
        }
        for asked in [lifetime(name, Some("soon"), None), lifetime(name, None, Some("2026-11-22T07:30:17-04:00"))] {
            let exchange = ask(name, &policy(name), with(name, &asked));
            let fault = "has a lifetime that cannot be read";
            assert!(matches!(exchange.refused(), Refusal::TrustRequest(found) if *found == fault), "{asked}");
        }
    }
}

/// Those that were issued together end one after the other: none later than it was said or asked for, and none sooner by more
/// than a tenth of that.
#[test]
fn f_40_contexts_that_were_issued_together_do_not_end_together() {
    let now = ends::NOW;
    let of = |pair: &mut Pair, asked: &str| {
        let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
        let request = with(V13, asked)(String::from_utf8(outbound.body.clone()).expect("text"));
        let opened = pair.open(&outbound, request.into_bytes(), None).expect("opened");
        let issued = Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers);
        issued.unwrap_or_else(|issue| panic!("{issue}")).context.expires.millis() - now.millis()
    };
    let five = nuncio_wss::Time::from_millis(now.millis() + 300_000).to_string();
    let (minute, asked) = (60_000, lifetime(V13, None, Some(&five)));
    for (asked, whole) in [("", 60 * minute), (asked.as_str(), 5 * minute)] {
        let mut pair = Pair::new(&policy(V13), soap(V13)[0]);
        pair.recipient = pair_with_jitter(&pair, 10);
        let mut lives: Vec<_> = (0..200).map(|_| of(&mut pair, asked)).collect();
        lives.sort_unstable();
        let (first, last) = (lives[0], lives[lives.len() - 1]);
        assert!(first >= whole - whole / 10 && last <= whole, "{first} {last}");
        assert!(first < whole - whole / 12 && last > whole - whole / 60, "{first} {last}: over the whole tenth");
        lives.dedup();
        assert!(lives.len() > 190, "{}", lives.len());
        pair.recipient = pair_with_jitter(&pair, 0);
        assert_eq!(of(&mut pair, asked), whole);
    }
}

/// The recipient of a pair, whose contexts may end so much sooner.
fn pair_with_jitter(pair: &Pair, context_jitter: u8) -> std::sync::Arc<Recipient> {
    Recipient::new(RecipientSettings { context_jitter, ..settings(pair.soap) }).expect("built")
}

/// A change of a message.
type Edit = Box<dyn Fn(String) -> String>;

/// Answers as WCF's client takes them, and as it does not.
#[test]
fn answers_are_held_to_what_was_asked() {
    for name in [FEBRUARY, V13] {
        let exchange = ask(name, &policy(name), |request| request);
        let (context, _) = exchange.granted();
        let end = format!("</{}:RequestSecurityTokenResponse>", prefix(name));
        for (what, answer) in [
            ("no token type", exchange.established(without(name, "TokenType"))),
            (
                "no references",
                exchange.established(|answer| {
                    without(name, "RequestedUnattachedReference")(without(name, "RequestedAttachedReference")(answer))
                }),
            ),
            ("no lifetime", exchange.established(without(name, "Lifetime"))),
            ("an element more", exchange.established(replaced(&end, &format!("<x xmlns=\"urn:x\"/>{end}")))),
        ] {
            let ours = answer.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
            assert_eq!(ours.danger_key_octets(), context.danger_key_octets(), "{what}");
        }
        let computed = format!("{}/CK/PSHA1", namespace(name));
        let reference = format!("URI=\"{}\"", context.identifier);
        let cases: [(_, Edit); 8] = [
            ("computes a key without the entropy for it", Box::new(without(name, "Entropy"))),
            ("gives no key", Box::new(without(name, "RequestedProofToken"))),
            ("computes the key in a way that is not known", Box::new(replaced(&computed, "urn:other"))),
            ("refers to another token than its own", Box::new(replaced(&reference, "URI=\"urn:uuid:another\""))),
            ("issues no token", Box::new(without(name, "RequestedSecurityToken"))),
            (
                "gives a key of another size than the suite's",
                Box::new(replaced(&element(name, "KeySize", "256"), &element(name, "KeySize", "128"))),
            ),
            (
                "gives a key of no sensible size",
                Box::new(replaced(&element(name, "KeySize", "256"), &element(name, "KeySize", "12"))),
            ),
            (
                "gives a key of no sensible size",
                Box::new(replaced(&element(name, "KeySize", "256"), &element(name, "KeySize", "9223372036854775800"))),
            ),
        ];
        for (fault, change) in cases {
            match exchange.established(change) {
                Err(Refusal::TrustResponse(found)) => assert_eq!(found, fault),
                other => panic!("{fault}: {:?}", other.err()),
            }
        }
    }
}

/// Entropy that is encrypted by itself is answered with entropy that is: under the client's certificate, or under the key
/// of its request, or in clear where there is neither.
#[test]
fn entropy_may_be_encrypted_by_itself() {
    for name in [
        "wcf-ws2007-anonymousForCertificate-conversation",
        "wcf-wshttp-userNameForCertificate-conversation",
        "wcf-ws2007-mutualCertificate-conversation",
        "wse-mutualCertificate10Security-conversation",
        V13,
        FEBRUARY,
    ] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        pair.initiator = pair.initiator.wrapping_entropy();
        let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
        let request = String::from_utf8(outbound.body).expect("text");
        if name == V13 || name == FEBRUARY {
            assert!(request.contains("<e:EncryptedKey") && !request.contains("BinarySecret"), "{request}");
        }
        let (ours, theirs) = pair.establish();
        assert_eq!(ours.danger_key_octets(), theirs.danger_key_octets(), "{name}");
        let (request, _) = pair.request("hello", Some(&ours));
        pair.open(&request, request.body.clone(), Some(&theirs)).expect("opened");
        // A renewal, too.
        let (outbound, expectation) = pair.initiator.renew(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let opened = pair.open(&outbound, outbound.body.clone(), Some(&theirs)).expect("opened");
        let renewed = Recipient::renew(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers);
        let Ok(Issued { context, message, .. }) = renewed else { panic!("{name}") };
        let opening = pair.answer(&message, &expectation).expect("answered");
        let again = pair.initiator.established(&opening, &expectation, pair.now).expect("established");
        assert_eq!(again.danger_key_octets(), context.danger_key_octets(), "{name}");
    }
}

/// What is encrypted for somebody else, or was changed, is no entropy.
#[test]
fn entropy_that_cannot_be_decrypted_is_refused() {
    let mut pair = Pair::new(&policy(V13), soap(V13)[0]);
    pair.initiator = pair.initiator.wrapping_entropy();
    let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
    let request = String::from_utf8(outbound.body.clone()).expect("text");
    let between = |start: &str, end: &str| {
        let from = request.rfind(start).expect("its start") + start.len();
        request[from..from + request[from..].find(end).expect("its end")].to_owned()
    };
    let (value, thumbprint) = (between("<e:CipherValue>", "<"), between("#ThumbprintSHA1\">", "<"));
    let flipped = if value.starts_with('A') { "B" } else { "A" };
    let other = base64::encode(&ends::client().certificate.thumbprint());
    for (from, to) in [
        (value.clone(), format!("{flipped}{}", &value[1..])),
        (value, String::new()),
        (thumbprint, other),
        ("xmlenc#rsa-oaep-mgf1p".to_owned(), "xmlenc#rsa-1_5".to_owned()),
        ("xmlenc#rsa-oaep-mgf1p".to_owned(), "xmlenc#kw-aes256".to_owned()),
    ] {
        let changed = request.replacen(&from, &to, 1);
        assert_ne!(changed, request);
        let opened = pair.open(&outbound, changed.into_bytes(), None).expect("opened");
        match Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers) {
            Err(Issue::Refused { refusal: Refusal::TrustRequest("has entropy that cannot be used"), .. }) => {}
            Err(other) => panic!("{to}: {other}"),
            Ok(_) => panic!("{to}: granted"),
        }
    }
}

/// CXF renews so: the whole token is the target, and no entropy is brought. The answer gives a whole key.
#[test]
fn a_renewal_of_a_whole_token_without_entropy_is_given_a_whole_key() {
    for name in [FEBRUARY, V13] {
        let mut pair = Pair::new(&policy(name), soap(name)[0]);
        let (ours, theirs) = pair.establish();
        let (outbound, _) = pair.initiator.renew(&ours, pair.now, &mut pair.numbers).expect("sealed");
        let request = without(name, "Entropy")(String::from_utf8(outbound.body.clone()).expect("text"));
        let target = element(name, "RenewTarget", "|");
        let (start, end) = target.split_once('|').expect("both tags");
        let from = request.find(start).expect("a target") + start.len();
        let to = request.find(end).expect("its end");
        let conversations = if name == FEBRUARY {
            "http://schemas.xmlsoap.org/ws/2005/02/sc"
        } else {
            "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512"
        };
        let token = format!(
            "<w:SecurityContextToken xmlns:w=\"{conversations}\"><w:Identifier>{}</w:Identifier></w:SecurityContextToken>",
            ours.identifier
        );
        let request = format!("{}{token}{}", &request[..from], &request[to..]);
        let opened = pair.open(&outbound, request.into_bytes(), Some(&theirs));
        let opened = opened.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let renewed = Recipient::renew(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers);
        let Issued { context, message, .. } = renewed.unwrap_or_else(|issue| panic!("{name}: {issue}"));
        assert_eq!(context.identifier, theirs.identifier, "{name}");
        assert_eq!(context.danger_key_octets().len(), 32, "{name}");
        assert_ne!(context.danger_key_octets(), theirs.danger_key_octets(), "{name}");
        let answer = String::from_utf8(message.body).expect("text");
        assert!(!answer.contains("ComputedKey>") && !answer.contains("Entropy>"), "{name}: {answer}");
        assert!(answer.contains(&format!(">{}</", base64::encode(context.danger_key_octets()))), "{name}: {answer}");
    }
}
