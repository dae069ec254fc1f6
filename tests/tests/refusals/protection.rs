//! What is protected otherwise than the policy has it, or changed on its way.

use std::ops::Range;

use nuncio_policy::suite::Suite;
use nuncio_tests::http::HttpMessage;
use nuncio_wss::Class;

use crate::bench::{
    Bench, CONVERSATION, PER_MESSAGE, edited, message, range, symmetric, text, with_body, without_relates_to,
};

const TEXT: &str = "the octets of this text";

/// Where the octets are that are to be changed.
type Places = fn(&HttpMessage) -> Vec<Range<usize>>;

/// Every `stride`th octet in those places, changed, refuses the message; but in attributes that begin so, which may say
/// nothing: then what comes through is what was sent.
fn tampered(bench: &Bench, places: Places, stride: usize, harmless: &[&str]) {
    let mut request = bench.request(TEXT);
    let (mut refused, mut same) = (0, 0);
    for at in places(&request).into_iter().flatten().step_by(stride) {
        let mut body = request.body.clone();
        body[at] ^= 1;
        let around = String::from_utf8_lossy(&body[at.saturating_sub(20)..(at + 20).min(body.len())]).into_owned();
        bench.gateway.take_log();
        let answer = bench.send(&with_body(&request, body));
        let log = bench.gateway.take_log();
        let seen = bench.backend.take();
        if answer.status() == Some(200) {
            let before = text(&request)[..at].rsplit(' ').next().unwrap().len();
            let attribute = &text(&request)[at - before..];
            assert!(harmless.iter().any(|name| attribute.starts_with(name)), "…{around}… reached the plain service");
            assert!(seen.len() == 1 && seen[0].is_plain() && seen[0].text().contains(TEXT), "{seen:?}");
            same += 1;
            // That one has been seen now. The next is of the same length in all its parts.
            request = bench.request(TEXT);
            continue;
        }
        assert!(seen.is_empty(), "octet {at} of …{around}… reached the plain service");
        assert!(matches!(log.as_slice(), [line] if line.contains(" refused=")), "octet {at} of …{around}…: {log:?}");
        bench.sound(&log[0]);
        let told = without_relates_to(&answer.body);
        let classes = [Class::InvalidSecurity, Class::Unreadable, Class::NotUnderstood, Class::BadContextToken];
        assert!(classes.iter().any(|class| told == bench.fault(*class)), "octet {at} of …{around}…: {told}");
        refused += 1;
    }
    assert!(refused > 100 && refused > 5 * same, "{refused} refused, {same} the same");
    bench.honest("none of them");
    bench.pass(&request);
}

/// The signed headers, the timestamp, and the body: its start tag and its ciphertext, or its content where that is clear.
fn signed(request: &HttpMessage) -> Vec<Range<usize>> {
    let headers = ["Action", "MessageID", "ReplyTo", "To"].map(|header| range(request, "Header", header));
    let mut places: Vec<_> = headers.into_iter().chain([range(request, "Security", "Timestamp")]).collect();
    let body = range(request, "Envelope", "Body");
    let content = &text(request)[body.clone()];
    match (content.find("<e:EncryptedData"), content.find("<e:CipherValue>"), content.find("</e:CipherValue>")) {
        (Some(content), Some(from), Some(to)) => {
            places.extend([body.start..body.start + content, body.start + from..body.start + to]);
        }
        _ => places.push(body),
    }
    places
}

/// Of the security header, all but the timestamp; and how the body is encrypted.
fn unsigned(request: &HttpMessage) -> Vec<Range<usize>> {
    let stamp = range(request, "Security", "Timestamp");
    vec![stamp.end..range(request, "Header", "Security").end, range(request, "Body", "EncryptedData")]
}

#[test]
fn one_octet_changed_under_the_signature() {
    for name in [PER_MESSAGE, CONVERSATION, "wcf-ws2007-mutualCertificate"] {
        // Without the declaration that an element further out makes too, the message is the same to the signature.
        tampered(&Bench::new(name), signed, 7, &["xmlns:s="]);
    }
}

#[test]
fn one_octet_changed_in_a_body_that_is_not_encrypted() {
    let bench = Bench::changed("wcf-ws2007-anonymousForCertificate", |policy| policy.parts.encrypted.body = false);
    assert!(text(&bench.request(TEXT)).contains(TEXT));
    tampered(&bench, signed, 2, &["xmlns:s="]);
}

#[test]
fn one_octet_changed_in_the_security_header() {
    for name in [PER_MESSAGE, CONVERSATION] {
        // Hints, which a reader does not need: of what type and form a reference is.
        tampered(&Bench::new(name), unsigned, 3, &["ValueType=", "EncodingType=", "k:TokenType=", "xmlns:"]);
    }
}

#[test]
fn another_algorithm_than_the_policys() {
    let bench = Bench::new(PER_MESSAGE);
    for (suite, found) in [
        ("Basic128", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        ("Basic256Sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
    ] {
        let client = bench.misled(|policy| policy.properties.suite = Suite::named(suite).unwrap());
        let request = bench.request_by(&client, "x");
        bench.refuse(suite, &request, Class::InvalidSecurity, &format!("algorithm \"{found}\" is not accepted here"));
    }
}

#[test]
fn a_body_that_is_not_signed() {
    for name in [PER_MESSAGE, CONVERSATION] {
        let bench = Bench::new(name);
        let client = bench.misled(|policy| policy.parts.signed.body = false);
        bench.refuse(name, &bench.request_by(&client, "x"), Class::InvalidSecurity, "Body is not signed");
    }
}

#[test]
fn headers_that_are_not_signed() {
    for header in ["Action", "To", "ReplyTo", "MessageID"] {
        let bench = Bench::new(PER_MESSAGE);
        let client =
            bench.misled(|policy| policy.parts.signed.headers.retain(|part| part.name.as_deref() != Some(header)));
        let reason = format!("{header} is not signed");
        bench.refuse(header, &bench.request_by(&client, "x"), Class::InvalidSecurity, &reason);
    }
}

#[test]
fn a_body_that_is_not_encrypted() {
    for name in [PER_MESSAGE, CONVERSATION] {
        let bench = Bench::new(name);
        let client = bench.misled(|policy| policy.parts.encrypted.body = false);
        bench.refuse(name, &bench.request_by(&client, "x"), Class::InvalidSecurity, "Body is not encrypted");
    }
}

#[test]
fn a_signature_that_is_not_encrypted() {
    for name in [PER_MESSAGE, CONVERSATION] {
        let bench = Bench::new(name);
        let client = bench.misled(|policy| policy.properties.encrypt_signature = false);
        bench.refuse(name, &bench.request_by(&client, "x"), Class::InvalidSecurity, "Signature is not encrypted");
    }
}

#[test]
fn a_password_that_is_not_encrypted() {
    let bench = Bench::new(PER_MESSAGE);
    let client = bench.misled(|policy| {
        policy.supporting[0].encrypted = false;
        policy.properties.encrypt_signature = false;
    });
    let request = bench.request_by(&client, "x");
    bench.refuse("a password in clear", &request, Class::InvalidSecurity, "Signature is not encrypted");
}

#[test]
fn keys_that_are_not_derived() {
    let bench = Bench::new(CONVERSATION);
    let client = bench.misled(|policy| {
        if let nuncio_policy::model::Token::SecureConversation(token) = &mut symmetric(policy).protection {
            token.derived_keys = nuncio_policy::model::DerivedKeys::None;
        }
    });
    let reason = "key reference: encrypts under a key that is not derived";
    bench.refuse("the context's own key", &bench.request_by(&client, "x"), Class::InvalidSecurity, reason);
}

#[test]
fn an_encrypted_element_that_is_not_listed() {
    for name in [PER_MESSAGE, CONVERSATION] {
        let bench = Bench::new(name);
        let request = bench.request("x");
        let id = |element: &str| element.split(" Id=\"").nth(1).and_then(|id| id.split('"').next()).unwrap().to_owned();
        // It stays as it is, and that is not what was signed.
        let body = id(&text(&request)[range(&request, "Body", "EncryptedData")]);
        let unlisted = edited(&request, &format!("<e:DataReference URI=\"#{body}\"></e:DataReference>"), "");
        let stays = bench.refused(
            name,
            &unlisted,
            &format!("the element with id \"{}\" digests to another value", {
                let body = &text(&request)[range(&request, "Envelope", "Body")];
                body.split("u:Id=\"").nth(1).and_then(|id| id.split('"').next()).unwrap()
            }),
        );
        assert_eq!(without_relates_to(&stays.body), bench.fault(Class::InvalidSecurity), "{name}");
        // One more, which nobody signed.
        let token = &text(&request)[range(&request, "Security", "EncryptedData")];
        let more = token.replace(&id(token), "_more");
        let request = edited(&request, "</o:Security>", &format!("{more}</o:Security>"));
        let reason = "security header: EncryptedData: is not listed";
        bench.refuse(name, &request, Class::InvalidSecurity, reason);
    }
    // Over a transport no signature would tell.
    let bench = Bench::new("wcf-ws2007-userNameOverTransport");
    let hidden = "<e:EncryptedData xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"></e:EncryptedData>";
    let (outbound, _) = bench.seal_at(&bench.client, &bench.plain(hidden), bench.now());
    let reason = "security header: EncryptedData: in the body is not listed";
    bench.refuse("over TLS", &message(&outbound), Class::InvalidSecurity, reason);
}

#[test]
fn refusals_of_a_class_are_the_same_octets() {
    let bench = Bench::new(PER_MESSAGE);
    let by = |client: nuncio_wss::Initiator| bench.request_by(&client, "x");
    let once = bench.request("x");
    bench.pass(&once);
    let changed = |parent, local| {
        let request = bench.request("x");
        let mut body = request.body.clone();
        // In the midst of the cipher value's text.
        let value = range(&request, parent, local);
        let end = value.end - "</e:CipherValue></e:CipherData></e:EncryptedData>".len() - 40;
        body[end] = if body[end] == b'A' { b'B' } else { b'A' };
        with_body(&request, body)
    };
    let refused = [
        ("a replay", once),
        ("another suite", by(bench.misled(|policy| policy.properties.suite = Suite::named("Basic128").unwrap()))),
        ("an unsigned body", by(bench.misled(|policy| policy.parts.signed.body = false))),
        ("a body in clear", by(bench.misled(|policy| policy.parts.encrypted.body = false))),
        ("a signature in clear", by(bench.misled(|policy| policy.properties.encrypt_signature = false))),
        ("no timestamp", by(bench.misled(|policy| policy.properties.timestamp = false))),
        ("no user", by(bench.misled(|policy| policy.supporting.clear()))),
        ("a changed body", changed("Body", "EncryptedData")),
        ("a changed token", changed("Security", "EncryptedData")),
        ("an old message", edited(&bench.request("x"), ":Created>2026-", ":Created>2025-")),
        (
            "a changed address",
            edited(&bench.request("x"), "http://service.example/echo", "http://service.example/evil"),
        ),
    ];
    let mut reasons = std::collections::BTreeSet::new();
    for (what, request) in refused {
        bench.gateway.take_log();
        let answer = bench.send(&request);
        let log = bench.gateway.take_log().join("");
        assert!(bench.backend.take().is_empty(), "{what}");
        assert_eq!(without_relates_to(&answer.body), bench.fault(Class::InvalidSecurity), "{what}: {log}");
        let relates = text(&answer).matches("<a:RelatesTo ").count() + text(&answer).matches("<a:RelatesTo>").count();
        assert_eq!(relates, 1, "{what}");
        // All the rest of the answer too; its length is that of the fault.
        let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| name != "date").collect();
        assert_eq!(headers.len(), 3, "{what}: {headers:?}");
        assert_eq!(answer.content_type(), "application/soap+xml; charset=utf-8", "{what}");
        assert_eq!(answer.start_line, "HTTP/1.1 500 Internal Server Error", "{what}");
        let reason = log.split(" refused=\"").nth(1).unwrap().split("\" took=").next().unwrap().to_owned();
        reasons.insert(reason);
    }
    // It is not that they were refused for one and the same thing.
    assert!(reasons.len() >= 9, "{reasons:?}");
    bench.honest("all of them");
}
