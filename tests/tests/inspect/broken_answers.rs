//! Answers in which one thing is wrong, and the diagnosis of each.

use nuncio_policy::model::Policy;
use nuncio_policy::suite::Suite;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::time;

use crate::broken::{AT, Expected, judge, refused, unreadable};
use crate::spoken::{Exchanged, Spoken, asked, client, held_to, path, policy, service, with_bootstrap};
use crate::{Told, arguments, inspect, octets};

/// Protected under a key of the request, one message at a time.
pub(crate) const ALONE: &str = "wcf-ws2007-userNameForCertificate";
pub(crate) const CONVERSATION: &str = "wcf-ws2007-userNameForCertificate-conversation";
/// The service signs with its certificate and encrypts for the client's.
pub(crate) const ASYMMETRIC: &str = "wse-mutualCertificate10Security";
const TLS_CONVERSATION: &str = "wcf-ws2007-userNameOverTransport-conversation";
pub(crate) const OVER_TLS: &str = "wcf-ws2007-userNameOverTransport";

/// The conversation's policy, and each answer confirms the signatures of its request.
const CONFIRMING: &str = "confirming";

pub(crate) fn confirm(policy: &mut Policy) {
    policy.wss.signature_confirmation = true;
}

pub(crate) fn confirming() -> Policy {
    let mut policy = policy(CONVERSATION);
    confirm(&mut policy);
    policy
}

/// At that time, as JSON.
pub(crate) fn at(millis: i64) -> Vec<String> {
    arguments(&["--json", "--clock", &time::format_utc(millis)])
}

/// An answer held to a policy with all that there is.
pub(crate) fn held(exchanged: &Exchanged, policies: &[Policy], more: &[String]) -> Told {
    let trust = arguments(&["--trust", &path("client.pem")]);
    let all = [held_to(policies), service(), client(), trust, asked(&exchanged.request), at(AT), more.to_vec()];
    inspect(&octets(&exchanged.answer), &all.concat())
}

/// The same, of an answer that somebody edited.
fn edited(exchanged: &Exchanged, from: &str, to: &str) -> Exchanged {
    let text = String::from_utf8(exchanged.answer.body.clone()).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    let answer = HttpMessage { body: text.replacen(from, to, 1).into_bytes(), ..exchanged.answer.clone() };
    Exchanged { answer, request: exchanged.request.clone() }
}

/// The same with another content type.
fn headed(exchanged: &Exchanged, content_type: &str) -> Exchanged {
    let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
    Exchanged { answer: HttpMessage { headers, ..exchanged.answer.clone() }, request: exchanged.request.clone() }
}

/// The first half of an answer.
fn cut(exchanged: &Exchanged) -> Exchanged {
    let body = exchanged.answer.body[..exchanged.answer.body.len() / 2].to_vec();
    Exchanged { answer: HttpMessage { body, ..exchanged.answer.clone() }, request: exchanged.request.clone() }
}

/// What stands between two texts of an answer, both included.
fn between<'a>(exchanged: &'a Exchanged, from: &str, to: &str) -> &'a str {
    let text = std::str::from_utf8(&exchanged.answer.body).unwrap();
    let start = text.find(from).unwrap();
    let end = text[start..].find(to).unwrap();
    &text[start..start + end + to.len()]
}

/// The answer of one exchange as if it had come to the request of another.
pub(crate) fn mixed_up(request: &Exchanged, answer: &Exchanged) -> Exchanged {
    Exchanged { request: request.request.clone(), answer: answer.answer.clone() }
}

/// A fault that nothing protects.
pub(crate) fn bare_fault(exchanged: &Exchanged) -> Exchanged {
    let body = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
                <s:Header><a:Action>http://www.w3.org/2005/08/addressing/soap/fault</a:Action></s:Header><s:Body><s:Fault><s:Code>\
                <s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">No such luck.</s:Text></s:Reason></s:Fault>\
                </s:Body></s:Envelope>";
    let answer = HttpMessage { body: body.as_bytes().to_vec(), ..exchanged.answer.clone() };
    Exchanged { answer, request: exchanged.request.clone() }
}

/// A client takes an answer under the alternative of its request, and under no other.
#[test]
fn an_answer_under_another_alternative_is_not_believed() {
    let small = |policy: &mut Policy| {
        for properties in with_bootstrap(policy) {
            properties.suite = Suite::named("Basic256Sha256").unwrap();
        }
    };
    let mut first = Spoken::unlike(CONVERSATION, |_| (), &["server"]);
    first.begin();
    let mut other_policy = policy(CONVERSATION);
    small(&mut other_policy);
    let other = Spoken::alike(CONVERSATION, small).within(&first).call("hello");
    let asked_first = mixed_up(&first.call("hello"), &other);
    let keys = arguments(&["--context", &first.key()]);
    let both = [policy(CONVERSATION), other_policy];
    let told = held(&asked_first, &both, &keys);
    judge("another alternative", &told, &refused("is not accepted here", "algorithm suite"));
    let json = told.json();
    let alternatives: Vec<_> =
        (0..2).map(|at| json["policy"]["alternatives"][at]["outcome"].as_str().unwrap()).collect();
    assert_eq!(alternatives, ["refused", "refused"]);
    let why = json["policy"]["alternatives"][1]["reason"].as_str().unwrap();
    assert!(why.starts_with("its request does not come under it: "), "{why}");
    // Under its own it is; and where nothing says what was asked, under either.
    let told = held(&other, &both, &keys);
    assert_eq!((told.status, told.json()["outcome"].as_str().unwrap()), (Some(0), "taken"));
    let told = inspect(&octets(&other.answer), &[held_to(&both), keys, at(AT)].concat());
    let json = told.json();
    assert_eq!((told.status, json["outcome"].as_str().unwrap()), (Some(0), "taken"), "{json:#}");
    assert!(json["policy"]["assumed"][0].as_str().unwrap().starts_with("Its request is not given"), "{json:#}");
}

/// A service that does what it should is believed, whatever it answers.
#[test]
fn answers_of_services_that_do_as_they_should_are_believed() {
    for name in [ALONE, CONVERSATION, ASYMMETRIC, OVER_TLS, "wse-mutualCertificate11Security-conversation"] {
        let mut spoken = Spoken::unlike(name, |_| (), &["server"]);
        let (mut all, mut keys) = (Vec::new(), Vec::new());
        if name.ends_with("conversation") {
            all.push(("issued", spoken.begin()));
            keys = arguments(&["--context", &spoken.key()]);
        }
        all.push(("application", spoken.call("hello")));
        all.push(("fault", spoken.fault()));
        // WSE's conversations are never cancelled.
        if name == CONVERSATION {
            all.push(("cancelled", spoken.cancel()));
        }
        for (kind, exchanged) in &all {
            let told = held(exchanged, &[policy(name)], &keys);
            let json = told.json();
            let found = (told.status, json["outcome"].as_str(), json["message"]["kind"].as_str());
            assert_eq!(found, (Some(0), Some("taken"), Some(*kind)), "{name}: {json:#}");
            assert_eq!(json["policy"]["alternatives"][0]["outcome"], "taken", "{name} {kind}");
            assert!(json["request"]["created"].is_string() && json["refusal"].is_null(), "{name} {kind}");
            // With its request all of it is seen.
            for (part, state) in [("signatures", "value"), ("encrypted", "opened")] {
                for one in json["message"][part].as_array().unwrap() {
                    assert_eq!(one[state], "good", "{name} {kind}: {one:#}");
                }
            }
        }
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table with a row for each fault")]
fn answers_of_services_with_another_policy_are_diagnosed() {
    let alone = |change: fn(&mut Policy)| Spoken::unlike(ALONE, change, &["server"]).call("hello");
    let mut spoken = Spoken::unlike(ALONE, |_| (), &["server"]);
    let (one, other) = (spoken.call("one"), spoken.call("other"));
    let mut silent = Spoken::unlike(CONVERSATION, |_| (), &["server"]);
    silent.begin();
    let (silent_one, silent_other) = (silent.call("one"), silent.call("other"));
    let silent_key = arguments(&["--context", &silent.key()]);
    let mut talking = Spoken::alike(CONVERSATION, confirm);
    let issued = talking.begin();
    let call = talking.call("hello");
    let talking_key = arguments(&["--context", &talking.key()]);
    let identifier = talking.key().split('=').next().unwrap().to_owned();
    let wrong_key = format!("{identifier}={}", base64_simd::STANDARD.encode_to_string([7; 32]));
    let asymmetric = Spoken::unlike(ASYMMETRIC, |_| (), &["server"]).call("hello");
    let by_stranger = Spoken::unlike(ASYMMETRIC, |_| (), &["stranger", "server"]).call("hello");
    let tls = Spoken::unlike(OVER_TLS, |_| (), &["server"]).call("hello");
    let stamp = between(&tls, "<u:Timestamp", "</u:Timestamp>").to_owned();
    let security = between(&tls, "<o:Security", "</o:Security>").to_owned();
    let relates = between(&tls, "<a:RelatesTo", "</a:RelatesTo>").to_owned();
    let to_another = relates.replace("urn:uuid:", "urn:uuid:f");
    let twice = relates.repeat(2);
    let first_id = between(&asymmetric, "u:Id=\"", "-1\"").to_owned();
    let mut over_tls = Spoken::unlike(TLS_CONVERSATION, |_| (), &["server"]);
    let (granted, over) = (over_tls.begin(), over_tls.cancel());
    let tls_key = arguments(&["--context", &over_tls.key()]);
    let day = 86_400_000;
    let rows: Vec<(&str, Exchanged, &str, Vec<String>, Expected)> = vec![
        (
            "unsigned body",
            alone(|policy| policy.parts.signed.body = false),
            ALONE,
            vec![],
            refused("Body is not signed", "Sign that part of answers"),
        ),
        (
            "body in clear",
            alone(|policy| policy.parts.encrypted.body = false),
            ALONE,
            vec![],
            refused("is not encrypted", "EncryptAndSign"),
        ),
        (
            "unsigned headers",
            alone(|policy| policy.parts.signed.headers.clear()),
            ALONE,
            vec![],
            refused("is not signed", "Sign that part of answers"),
        ),
        (
            "no timestamp",
            alone(|policy| policy.properties.timestamp = false),
            ALONE,
            vec![],
            refused("no timestamp", "includeTimestamp"),
        ),
        (
            "no signature confirmation",
            silent_one.clone(),
            CONFIRMING,
            silent_key.clone(),
            refused("does not confirm the signatures of the request", "Confirm every signature"),
        ),
        (
            "the answer to another message",
            mixed_up(&one, &other),
            ALONE,
            vec![],
            refused("names an encrypted key that is not known", "belong together").of("client"),
        ),
        (
            "signatures of another request confirmed",
            mixed_up(&talking.call("another"), &call),
            CONFIRMING,
            talking_key.clone(),
            refused("does not confirm the signatures of the request", "Confirm every signature"),
        ),
        (
            "the answer to a call where a conversation is begun",
            mixed_up(&issued, &call),
            CONVERSATION,
            talking_key.clone(),
            refused("is not the answer to the trust request", "belongs to that request").of("client"),
        ),
        (
            "the answer to another message of the conversation",
            mixed_up(&silent_one, &silent_other),
            CONVERSATION,
            silent_key.clone(),
            refused("RelatesTo: names another message", "MessageID into RelatesTo"),
        ),
        (
            "a confirmation that nobody asked for",
            call.clone(),
            CONVERSATION,
            talking_key.clone(),
            refused("signature confirmation: was not asked for", "RequireSignatureConfirmation"),
        ),
        (
            "another key of the conversation",
            call.clone(),
            CONVERSATION,
            arguments(&["--context", &wrong_key]),
            refused("does not decrypt", "keys given").of("client"),
        ),
        (
            "too old",
            Spoken::unlike(ALONE, |_| (), &["server"]).call_at("hello", AT - day),
            ALONE,
            vec![],
            refused("is stale at", "NTP"),
        ),
        (
            "from the future",
            Spoken::unlike(ALONE, |_| (), &["server"]).call_at("hello", AT + day),
            ALONE,
            vec![],
            refused("is from the future", "NTP"),
        ),
        (
            "a fault without security",
            bare_fault(&one),
            ALONE,
            vec![],
            refused("a fault without security came in place of an answer: No such luck.", "service's log"),
        ),
        (
            "signed by another",
            by_stranger,
            ASYMMETRIC,
            vec![],
            refused("names a certificate that is not there", "Sign with the certificate that the contract has"),
        ),
        (
            "no timestamp over TLS",
            edited(&tls, &stamp, ""),
            OVER_TLS,
            vec![],
            refused("no timestamp", "includeTimestamp"),
        ),
        (
            "a key of another size than was asked for",
            edited(&granted, "KeySize>256", "KeySize>128"),
            TLS_CONVERSATION,
            vec![],
            refused("gives a key of another size", "Grant what the request asks for"),
        ),
        (
            "a conversation that is not cancelled",
            edited(
                &edited(&over, "RequestedTokenCancelled", "RequestedTokenKept"),
                "/trust:RequestedTokenCancelled",
                "/trust:RequestedTokenKept",
            ),
            TLS_CONVERSATION,
            tls_key,
            refused("trust response", "WS-SecureConversation"),
        ),
        (
            "no security header",
            edited(&tls, &security, ""),
            OVER_TLS,
            vec![],
            refused("no security header", "takes the header off"),
        ),
        (
            "to another message, over TLS",
            edited(&tls, &relates, &to_another),
            OVER_TLS,
            vec![],
            refused("RelatesTo: names another message", "MessageID into RelatesTo"),
        ),
        (
            "to two messages, over TLS",
            edited(&tls, &relates, &twice),
            OVER_TLS,
            vec![],
            refused("RelatesTo: is there twice", "each header once"),
        ),
        (
            "a changed header",
            edited(&asymmetric, "urn:e/EchoResponse", "urn:e/OtherResponse"),
            ASYMMETRIC,
            vec![],
            refused("digests to another value", "changes messages between service and client"),
        ),
        (
            "a changed timestamp",
            edited(&asymmetric, "2026-12-01T00:05:00.000Z", "2026-12-01T00:06:00.000Z"),
            ASYMMETRIC,
            vec![],
            refused("digests to another value", "changed on the way").of("means"),
        ),
        (
            "an id twice",
            edited(&asymmetric, &first_id.replace("-1\"", "-2\""), &first_id),
            ASYMMETRIC,
            vec![],
            unreadable("is there twice", "Give every element an id of its own").of("service"),
        ),
        (
            "half of it",
            cut(&asymmetric),
            ASYMMETRIC,
            vec![],
            unreadable("ends early", "Capture the whole answer").of("service"),
        ),
        (
            "another version of SOAP",
            headed(&one, "text/xml; charset=utf-8"),
            ALONE,
            vec![],
            refused("is of another version of SOAP than the request", "version of SOAP"),
        ),
        (
            "a header that must be understood",
            edited(&asymmetric, "<a:Action", "<x:X xmlns:x=\"urn:x\" s:mustUnderstand=\"1\"/><a:Action"),
            ASYMMETRIC,
            vec![],
            refused("header {urn:x}X must be understood and is not", "mustUnderstand"),
        ),
    ];
    for (case, exchanged, name, more, expected) in rows {
        let policy = if name == CONFIRMING { confirming() } else { policy(name) };
        judge(case, &held(&exchanged, &[policy], &more), &expected);
    }
}

/// What cannot be read is told with advice for whoever sent it, and for a route where there is one.
#[test]
fn what_cannot_be_read_is_told_for_its_side() {
    let advice = |octets: &[u8]| {
        let json = inspect(octets, &arguments(&["--json"])).json();
        assert_eq!(json["outcome"], "unreadable", "{json:#}");
        ["client", "service", "route"].map(|of| json["refusal"][of].as_str().unwrap_or_default().to_owned())
    };
    let head = |start: &str| format!("{start}\r\nContent-Type: text/xml; charset=utf-8\r\n\r\n");
    let [client, service, route] = advice((head("HTTP/1.1 200 OK") + "<s:Envelope xmlns:s=\"u").as_bytes());
    assert!(
        client.is_empty() && route.is_empty() && service.contains("Capture the whole"),
        "{client} {service} {route}"
    );
    let [client, service, route] = advice((head("HTTP/1.1 200 OK") + "<a/>").as_bytes());
    assert!(!client.is_empty() && !service.is_empty() && route.is_empty(), "{client} {service} {route}");
    let [client, service, route] = advice((head("POST /echo HTTP/1.1") + "<a/>").as_bytes());
    assert!(!client.is_empty() && service.is_empty() && route.is_empty(), "{client} {service} {route}");
}
