//! Messages in which one thing is wrong, and the diagnosis of each; and what is told of one that is sound, kept word for word.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use nuncio_policy::model::Policy;
use nuncio_policy::preset;
use nuncio_policy::suite::Suite;
use nuncio_tests::gateway::Numbers;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{PASSWORD, USER, credential, key};
use nuncio_tests::recording::{self, Exchange, Scenario};
use nuncio_tests::{ends, time};
use nuncio_wss::{Freshness, Initiator, InitiatorSettings, PolicyReading, Time};

use crate::{Files, Told, arguments, inspect, octets};

static SCENARIO: LazyLock<Scenario> = LazyLock::new(|| {
    let mut all = recording::load(&recording::packed()).unwrap();
    let at = all.iter().position(|scenario| scenario.name == "wcf-userNameForCertificate-sc-2005-02").unwrap();
    all.swap_remove(at)
});

/// A request for the conversation, and a message in it.
const ISSUE: usize = 0;
const CALL: usize = 2;

/// What must be told.
pub(crate) struct Expected {
    status: i32,
    outcome: &'static str,
    /// Part of the reason.
    reason: &'static str,
    /// Part of what to change, or of what is wanting.
    change: &'static str,
    /// At whom: the member of the report. Unless it is said, who sent the message.
    of: Option<&'static str>,
}

impl Expected {
    /// The same where that is said of another than who sent the message.
    pub(crate) const fn of(self, member: &'static str) -> Self {
        Self { of: Some(member), ..self }
    }
}

pub(crate) const fn refused(reason: &'static str, change: &'static str) -> Expected {
    Expected { status: 3, outcome: "refused", reason, change, of: None }
}

pub(crate) const fn unreadable(reason: &'static str, change: &'static str) -> Expected {
    Expected { status: 4, outcome: "unreadable", reason, change, of: None }
}

pub(crate) const fn undecided(reason: &'static str, change: &'static str) -> Expected {
    Expected { status: 0, outcome: "undecided", reason, change, of: Some("means") }
}

pub(crate) fn judge(case: &str, told: &Told, expected: &Expected) {
    let json = told.json();
    let why = json["refusal"]["reason"].as_str().or(json["says"][0].as_str()).unwrap();
    assert_eq!(
        (told.status, json["outcome"].as_str()),
        (Some(expected.status), Some(expected.outcome)),
        "{case}: {json:#}"
    );
    assert!(why.contains(expected.reason), "{case}: {why}");
    let of = expected.of.unwrap_or(if json["message"]["direction"] == "answer" { "service" } else { "client" });
    let advice = json["refusal"][of].as_str().unwrap_or_default();
    assert!(advice.contains(expected.change), "{case}: {of}: {}", json["refusal"]);
    assert!(!told.out.contains(PASSWORD) && !told.out.contains("wcf-Trace-Pw1"), "{case}: a password is told");
}

fn exchange(at: usize) -> &'static Exchange {
    &SCENARIO.exchanges[at]
}

/// The recorded message with something in its text replaced.
fn edited(at: usize, from: &str, to: &str) -> HttpMessage {
    let message = &exchange(at).request;
    let text = String::from_utf8(message.body.clone()).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    HttpMessage { body: text.replacen(from, to, 1).into_bytes(), ..message.clone() }
}

/// The same with another HTTP head.
fn headed(at: usize, start_line: &str, content_type: &str) -> HttpMessage {
    HttpMessage {
        start_line: start_line.to_owned(),
        headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
        ..exchange(at).request.clone()
    }
}

/// What stands between two texts, both included.
fn between(at: usize, from: &str, to: &str) -> String {
    let text = String::from_utf8(exchange(at).request.body.clone()).unwrap();
    let start = text.find(from).unwrap();
    let end = text[start..].find(to).unwrap();
    text[start..start + end + to.len()].to_owned()
}

/// All that is needed, at the time of that exchange.
fn all(files: &Files, at: usize) -> Vec<String> {
    let clock = time::format_utc(exchange(at).request_at);
    let more = arguments(&["--json", "--clock", &clock]);
    [files.keys(&SCENARIO), files.policy(&SCENARIO), more].concat()
}

/// The same with another value behind a flag.
fn with(mut all: Vec<String>, flag: &str, value: &str) -> Vec<String> {
    let at = all.iter().position(|argument| argument == flag).unwrap();
    value.clone_into(&mut all[at + 1]);
    all
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table with a row for each fault")]
fn recorded_messages_that_were_edited_are_diagnosed() {
    let files = Files::of(&SCENARIO);
    let of = |at: usize| all(&files, at);
    let call = || exchange(CALL).request.clone();
    let timestamp = between(CALL, "<u:Timestamp", "</u:Timestamp>");
    let security = between(CALL, "<o:Security", "</o:Security>");
    let action = between(CALL, "<a:Action", "</a:Action>");
    let identifier = SCENARIO.keys.security_context_tokens[0].identifier.clone();
    let other_key = format!("{identifier}={}", base64_simd::STANDARD.encode_to_string([7; 32]));
    let empty =
        "<o:Security xmlns:o=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\"/>";
    let half = call().body.len() / 2;
    let stranger = [key("server.pem"), key("server.key")].map(|file| file.display().to_string());
    let soap12 = "application/soap+xml; charset=utf-8";
    let later = time::format_utc(exchange(CALL).request_at + 86_400_000);
    let sooner = time::format_utc(exchange(CALL).request_at - 86_400_000);
    let rows: Vec<(&str, HttpMessage, Vec<String>, Expected)> = vec![
        (
            "a changed header",
            edited(CALL, "21030/echo<", "21030/other<"),
            of(CALL),
            refused("digests to another value", "changed on the way").of("means"),
        ),
        (
            "a changed timestamp",
            edited(CALL, "2026-11-22T07:30:27.384Z", "2026-11-22T07:30:28.384Z"),
            of(CALL),
            refused("digests to another value", "changes messages"),
        ),
        ("an old message", call(), with(of(CALL), "--clock", &later), refused("is stale at", "clock by NTP")),
        ("a message from the future", call(), with(of(CALL), "--clock", &sooner), refused("is from the future", "NTP")),
        (
            "another conversation",
            call(),
            with(of(CALL), "--context", "urn:uuid:other=AAAAAAAAAAAAAAAAAAAAAA=="),
            undecided("is not known here", "that are given are those of urn:uuid:other"),
        ),
        (
            "another key of the conversation",
            call(),
            with(of(CALL), "--context", &other_key),
            refused("decrypt", "key").of("route"),
        ),
        (
            "another certificate",
            exchange(ISSUE).request.clone(),
            with(with(of(ISSUE), "--certificate", &stranger[0]), "--key", &stranger[1]),
            refused("wraps a key under a certificate that is not ours", "present certificate"),
        ),
        (
            "another password",
            exchange(ISSUE).request.clone(),
            with(of(ISSUE), "--user", "alice:another"),
            refused("user \"alice\" is not known by that password", "name and password"),
        ),
        ("no timestamp", edited(CALL, &timestamp, ""), of(CALL), refused("no timestamp", "includeTimestamp")),
        (
            "no security header",
            edited(CALL, &security, ""),
            of(CALL),
            refused("no security header", "danger_plain").of("route"),
        ),
        (
            "two security headers",
            edited(CALL, "</s:Header>", &format!("{empty}</s:Header>")),
            of(CALL),
            refused("Security: is there twice", "one security header"),
        ),
        (
            "two actions",
            edited(CALL, "<a:MessageID", &format!("{}<a:MessageID", action.replace("_2", "_twice"))),
            of(CALL),
            refused("header Action: is there twice", "each header once"),
        ),
        (
            "one id twice",
            edited(CALL, "u:Id=\"_3\"", "u:Id=\"_2\""),
            of(CALL),
            unreadable("id \"_2\" is there twice", "an id of its own"),
        ),
        (
            "another action in the HTTP head",
            headed(CALL, "POST /echo HTTP/1.1", "application/soap+xml; charset=utf-8; action=\"urn:other\""),
            of(CALL),
            refused("action \"urn:other\" is not the message's own", "Name one action"),
        ),
        (
            "a header that must be understood",
            edited(CALL, "<a:MessageID", "<x:X xmlns:x=\"urn:x\" s:mustUnderstand=\"1\"/><a:MessageID"),
            of(CALL),
            refused("header {urn:x}X must be understood and is not", "mustUnderstand"),
        ),
        (
            "another address",
            call(),
            [of(CALL), arguments(&["--address", "http://elsewhere/echo"])].concat(),
            refused("To: is not an address of ours", "addresses").of("route"),
        ),
        (
            "a declaration of entities",
            edited(CALL, "<s:Envelope", "<!DOCTYPE s><s:Envelope"),
            of(CALL),
            unreadable("a document type declaration", "Leave the declaration out"),
        ),
        (
            "half of it",
            HttpMessage { body: call().body[..half].to_vec(), ..call() },
            of(CALL),
            unreadable("the document ends early", "Capture the whole message"),
        ),
        (
            "another version of SOAP",
            headed(CALL, "POST /echo HTTP/1.1", "text/xml; charset=utf-8"),
            of(CALL),
            refused("is of a version of SOAP that the route does not speak", "version of SOAP"),
        ),
        (
            "another media type",
            headed(CALL, "POST /echo HTTP/1.1", "application/json"),
            of(CALL),
            refused("Content-Type \"application/json\" is not SOAP in UTF-8", "content type"),
        ),
        (
            "another method",
            headed(CALL, "GET /echo HTTP/1.1", soap12),
            of(CALL),
            refused("method GET is not POST", "POST"),
        ),
        (
            "no key of the service",
            exchange(ISSUE).request.clone(),
            [files.policy(&SCENARIO), arguments(&["--json"])].concat(),
            undecided("not ours", "--certificate, --key"),
        ),
        (
            "no key of the conversation",
            call(),
            [files.policy(&SCENARIO), arguments(&["--json"])].concat(),
            undecided("is not known here", "--context"),
        ),
    ];
    assert!(rows.len() >= 12);
    for (case, message, arguments, expected) in rows {
        judge(case, &inspect(&octets(&message), &arguments), &expected);
    }
    let sound = inspect(&octets(&call()), &of(CALL));
    assert_eq!((sound.status, sound.json()["outcome"].as_str().unwrap()), (Some(0), "taken"));
}

/// What is changed is named: without any key where its digest is to be seen, and with the keys where it is hidden.
#[test]
fn the_part_that_was_changed_is_named() {
    let files = Files::of(&SCENARIO);
    let changed = edited(CALL, "21030/echo<", "21030/other<");
    let json = inspect(&octets(&changed), &[files.keys(&SCENARIO), arguments(&["--json"])].concat()).json();
    assert_eq!(json["outcome"], "read", "no policy was given");
    let findings: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(findings[0], "header To is not as it was signed: it digests to another value");
    let covers = json["message"]["signatures"][0]["covers"].as_array().unwrap();
    let bad: Vec<&str> =
        covers.iter().filter(|cover| cover["digest"] == "bad").map(|cover| cover["part"].as_str().unwrap()).collect();
    assert_eq!(bad, ["header To"]);
    assert_eq!(json["message"]["signatures"][0]["value"], "good", "what the signature says is what was signed");
}

/// An old message is told as one that would have been taken, unless somebody names the instant.
#[test]
fn without_an_instant_an_old_message_is_judged_at_its_own() {
    let files = Files::of(&SCENARIO);
    let keys = [files.keys(&SCENARIO), files.policy(&SCENARIO), arguments(&["--json"])].concat();
    let told = inspect(&octets(&exchange(CALL).request), &keys);
    let json = told.json();
    assert_eq!((told.status, json["outcome"].as_str().unwrap()), (Some(0), "taken"));
    assert!(json["refusal"]["reason"].as_str().unwrap().contains("is stale"), "{json:#}");
    // And what else is wrong is found all the same.
    let told = inspect(&octets(&edited(CALL, "21030/echo<", "21030/other<")), &keys);
    assert_eq!(told.status, Some(3));
    assert!(told.json()["refusal"]["reason"].as_str().unwrap().contains("digests to another value"));
}

pub(crate) const PRESET: &str = "wcf-ws2007-userNameForCertificate";
pub(crate) const AT: i64 = 1_796_083_200_000;

/// A request of a client that has another idea of the policy.
pub(crate) fn misled(name: &str, change: impl FnOnce(&mut Policy), service: &str) -> HttpMessage {
    let mut preset = preset::named(name).unwrap();
    change(&mut preset.policy);
    let soap = *preset.soap.last().unwrap();
    let client = Initiator::new(InitiatorSettings {
        alternatives: vec![preset.policy],
        soap,
        operations: Vec::new(),
        service: Some(credential(service).unwrap().certificate),
        username: Some((USER.to_owned(), PASSWORD.to_owned())),
        credential: Some(credential("client").unwrap()),
        to: "http://service.example/echo".to_owned(),
        reading: PolicyReading::default(),
        freshness: Freshness { skew: Duration::from_mins(1), window: Duration::from_mins(5) },
        message_lifetime: Duration::from_mins(5),
        limits: ends::limits(),
    });
    let plain = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><Echo xmlns=\"urn:e\"/></s:Body></s:Envelope>";
    let now = Time::from_millis(AT);
    let client = client.unwrap_or_else(|error| panic!("{error}"));
    let (sealed, _) = client.seal(plain.as_bytes().to_vec(), "urn:e/Echo", None, now, &mut Numbers::default()).unwrap();
    let headers = vec![("Content-Type".to_owned(), sealed.content_type.clone())];
    HttpMessage { start_line: "POST /echo HTTP/1.1".to_owned(), headers, body: sealed.body }
}

#[test]
fn messages_of_clients_with_another_policy_are_diagnosed() {
    let file = |name: &str| key(name).display().to_string();
    let held = |preset: &str, more: &[&str]| {
        let clock = time::format_utc(AT);
        let user = format!("{USER}:{PASSWORD}");
        let own = [
            "--preset",
            preset,
            "--json",
            "--clock",
            &clock,
            "--certificate",
            &file("server.pem"),
            "--key",
            &file("server.key"),
            "--user",
            &user,
        ];
        arguments(&[&own[..], more].concat())
    };
    let mutual = "wcf-ws2007-mutualCertificate";
    let over_tls = "wcf-ws2007-userNameOverTransport";
    let sealed = |change: fn(&mut Policy)| misled(PRESET, change, "server");
    let rows: Vec<(&str, HttpMessage, Vec<String>, Expected)> = vec![
        (
            "unsigned body",
            sealed(|policy| policy.parts.signed.body = false),
            held(PRESET, &[]),
            refused("Body is not signed", "Sign that part"),
        ),
        (
            "body in clear",
            sealed(|policy| policy.parts.encrypted.body = false),
            held(PRESET, &[]),
            refused("is not encrypted", "Encrypt that part"),
        ),
        (
            "another suite",
            sealed(|policy| policy.properties.suite = Suite::named("Basic128").unwrap()),
            held(PRESET, &[]),
            refused("is not accepted here", "algorithm suite"),
        ),
        (
            "no timestamp",
            sealed(|policy| policy.properties.timestamp = false),
            held(PRESET, &[]),
            refused("no timestamp", "timestamp"),
        ),
        (
            "no user",
            sealed(|policy| policy.supporting.clear()),
            held(PRESET, &[]),
            refused("no user name token", "credentials"),
        ),
        (
            "for another service",
            misled(PRESET, |_| (), "stranger"),
            held(PRESET, &[]),
            refused("not ours", "present certificate"),
        ),
        (
            "in clear where TLS is asked for",
            misled(over_tls, |_| (), "server"),
            held(over_tls, &["--transport", "clear"]),
            refused("did not come over a protected transport", "tls_terminated_by").of("route"),
        ),
        (
            "a stranger's certificate",
            misled(mutual, |_| (), "server"),
            held(mutual, &["--trust", &file("stranger.pem")]),
            refused("neither pinned nor issued", "`trust`").of("route"),
        ),
        (
            "nobody is trusted so far",
            misled(mutual, |_| (), "server"),
            held(mutual, &[]),
            undecided("neither pinned nor issued", "--trust"),
        ),
    ];
    for (case, message, arguments, expected) in rows {
        judge(case, &inspect(&octets(&message), &arguments), &expected);
    }
    for (preset, more, who) in [
        (PRESET, vec![], "the user alice"),
        (over_tls, vec![], "the user alice"),
        (mutual, vec!["--trust".to_owned(), file("client.pem")], "the holder of the certificate"),
    ] {
        let message = misled(preset, |_| (), "server");
        let told = inspect(&octets(&message), &[held(preset, &[]), more].concat());
        let json = told.json();
        assert_eq!((told.status, json["outcome"].as_str()), (Some(0), Some("taken")), "{preset}: {json:#}");
        assert!(json["policy"]["principal"].as_str().unwrap().starts_with(who), "{preset}: {json:#}");
    }
}

/// What is hostile or no message at all has its own words.
#[test]
fn what_is_no_message_is_said_to_be_none() {
    let http = |kind: &str, body: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n{body}");
    for (case, capture, reason) in [
        ("nothing", String::new(), "it is empty"),
        ("a text", "hello there".to_owned(), "neither a SOAP envelope nor an HTTP message"),
        ("another document", "<a/>".to_owned(), "is in no namespace of SOAP"),
        ("a page", http("text/html", "<html/>"), "a page of HTML"),
        ("parts", http("multipart/related; type=\"application/xop+xml\"", "--x"), "MTOM"),
        ("binary", http("application/soap+msbin1", "V\u{2}"), "binary encoding"),
        ("compressed", "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n\u{1f}".to_owned(), "compressed (gzip)"),
        ("chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".to_owned(), "chunked body"),
        ("much", format!("<a>{}</a>", "x".repeat(65 << 20)), "more than 67108864 octets"),
        ("deep", format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000)), "nested deeper than"),
        ("interim", "HTTP/1.1 100 Continue\r\n\r\n".repeat(30_000), "it has no body"),
        ("entities", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(), "a document type declaration"),
    ] {
        let told = inspect(capture.as_bytes(), &arguments(&["--json"]));
        let json = told.json();
        let says = json["says"][0].as_str().unwrap();
        assert_eq!((told.status, json["outcome"].as_str()), (Some(4), Some("unreadable")), "{case}");
        assert!(says.contains(reason), "{case}: {says}");
    }
    // Octets that are no text in UTF-8, without a head that says what they are.
    for (octets, reason, advice) in [
        (&b"\xff\xfe<\0a\0/\0>\0"[..], "in UTF-16", "Send UTF-8"),
        (b"\xfe\xff\0<\0a\0/\0>", "in UTF-16", "Send UTF-8"),
        (b"<\0a\0/\0>\0", "in UTF-16", "Send UTF-8"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed (gzip): capture it before it is", ""),
        (b"\xff\xff\xff", "neither a SOAP envelope nor an HTTP message", ""),
    ] {
        judge(reason, &inspect(octets, &arguments(&["--json"])), &unreadable(reason, advice));
    }
}

/// A fault without security is told with what its sender means by it.
#[test]
fn faults_are_explained() {
    let fault = |code: &str| {
        format!(
            "HTTP/1.1 500 No\r\nContent-Type: application/soap+xml\r\n\r\n<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:f=\"urn:f\"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>f:{code}</s:Value></s:Subcode>\
             </s:Code><s:Reason><s:Text xml:lang=\"en\">No.</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
        )
    };
    for (code, means) in [
        ("BadContextToken", "does not know the conversation"),
        ("RenewNeeded", "renew"),
        ("InvalidSecurity", "security header"),
        ("FailedAuthentication", "does not believe it"),
        ("MessageExpired", "too old"),
    ] {
        let json = inspect(fault(code).as_bytes(), &arguments(&["--json"])).json();
        assert_eq!((json["outcome"].as_str(), json["message"]["kind"].as_str()), (Some("read"), Some("fault")));
        assert_eq!(json["message"]["fault"]["subcode"], format!("{{urn:f}}{code}"));
        let said = json["message"]["fault"]["means"].as_str().unwrap();
        assert!(said.contains(means), "{code}: {said}");
    }
}

/// What is told of one message, word for word. With `NUNCIO_WRITE_INSPECTED` set it is written down.
#[test]
fn one_message_is_told_as_it_was() {
    let files = Files::of(&SCENARIO);
    let all = all(&files, ISSUE);
    let text: Vec<String> = all.iter().filter(|argument| *argument != "--json").cloned().collect();
    for (name, arguments) in [("issue.json", &all), ("issue.txt", &text)] {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inspect").join(name);
        let told = inspect(&octets(&exchange(ISSUE).request), arguments);
        assert_eq!(told.status, Some(0));
        assert!(!told.out.contains('\x1b') && !told.out.contains("wcf-Trace-Pw1"), "neither colour nor a password");
        if std::env::var_os("NUNCIO_WRITE_INSPECTED").is_some() {
            std::fs::write(&kept, &told.out).unwrap();
        }
        let known = std::fs::read_to_string(&kept).unwrap_or_default();
        assert!(told.out == known, "{} is not what is told:\n{}", kept.display(), told.out);
    }
}
