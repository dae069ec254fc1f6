//! Apache CXF's client through a running `nuncio proxy` to a plain service, over HTTP and over TLS.
//!
//! The contract of each code is the one that CXF itself publishes. One Java process makes all calls: its start is most of
//! the time. Which codes: `codes.rs`. The contract from the gateway itself: `contract.rs`. The other direction: `service.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod codes;
mod contract;
mod service;

use codes::{FIXED, tried};
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Echoes after the four calls that every client makes: echo, one that must bring a fault, one-way, echo.
const ROUNDS: usize = 3;

/// The subject of the client's test certificate, as RFC 2253 writes it.
const SUBJECT: &str = "CN=nuncio-test-client,O=Test only";

fn over_transport(code: &str) -> bool {
    ["UT", "XT", "KT"].iter().any(|boot| code.starts_with(boot))
}

/// Whether users sign with keys of their passwords.
fn has_keys_of_passwords(code: &str) -> bool {
    code.starts_with("KT") || code.contains("with=K")
}

fn per_message(code: &str) -> bool {
    code.split('+').any(|word| word == "one")
}

/// Whether its calls belong to a conversation: one that is only named proves nothing.
fn is_in_conversation(code: &str) -> bool {
    let kind = code.split('+').find_map(|word| word.strip_prefix("sct="));
    !per_message(code) && kind.is_none_or(|kind| kind.contains("Endorsing"))
}

/// Who the plain service is told that calls; nobody where the client is anonymous. A certificate that signs nothing proves
/// nothing. In a conversation it is who began it, whatever comes with its messages.
fn principal(code: &str) -> Option<&'static str> {
    let word = |name: &str| code.split('+').find_map(|word| word.strip_prefix(name));
    let further = word("with=").filter(|_| per_message(code)).unwrap_or_default();
    match code.split('+').next().unwrap_or_default() {
        // The user name comes with the request for the conversation.
        "UT" if !per_message(code) && !is_in_conversation(code) => None,
        "U" | "UT" | "KT" => Some(USER),
        _ if further.starts_with("U:") || further.starts_with('K') => Some(USER),
        "X" | "XT" if word("as=").is_some_and(|kind| !kind.contains("Endorsing")) => None,
        "X" | "X10" | "XT" => Some(SUBJECT),
        _ => Some(SUBJECT).filter(|_| further.contains("Endorsing")),
    }
}

/// The peer's class path, or nothing where there is no Java to build it with.
fn class_path() -> Option<String> {
    let output = Command::new(peers::here("peers/cxf/build")).output().unwrap();
    let said = |octets: &[u8]| String::from_utf8_lossy(octets).trim().to_owned();
    match output.status.code() {
        Some(0) => Some(said(&output.stdout)),
        Some(3) => {
            peers::skip("cxf", said(&output.stderr).lines().last().unwrap_or_default());
            None
        }
        _ => panic!("{}", said(&output.stderr)),
    }
}

fn peer(class_path: &str, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command.args(["-cp", class_path, "nuncio.peer.Peer"]).env("KEYS", folder);
    command
}

struct Route {
    code: String,
    http: String,
    https: String,
    backend: Backend,
    gateway: Nuncio,
}

impl Route {
    /// Where its clients call.
    fn urls(&self) -> Vec<&str> {
        match (over_transport(&self.code), FIXED.contains(&self.code.as_str())) {
            (true, _) => vec![&self.https],
            (false, true) => vec![&self.http, &self.https],
            (false, false) => vec![&self.http],
        }
    }
}

fn route(code: &str, folder: &Path) -> Route {
    let backend = Backend::start().unwrap();
    let (http, https) = (free_port().unwrap(), free_port().unwrap());
    let (http, https) = (format!("http://127.0.0.1:{http}"), format!("https://127.0.0.1:{https}"));
    let mut arguments = vec!["proxy".to_owned(), "--listen".into(), https.clone()];
    if !over_transport(code) {
        arguments.extend(["--listen".into(), http.clone()]);
    }
    arguments.extend(["--backend".into(), backend.url()]);
    arguments.extend(["--wsdl".into(), folder.join(format!("{code}.wsdl")).display().to_string()]);
    arguments.extend(["--certificate".into(), peers::key("server.pem").display().to_string()]);
    arguments.extend(["--key".into(), peers::key("server.key").display().to_string()]);
    arguments.extend(["--trust".into(), peers::key("client.pem").display().to_string()]);
    arguments.extend(["--user".into(), format!("{USER}:{PASSWORD}")]);
    if code.split('+').any(|word| word == "hash") || has_keys_of_passwords(code) {
        arguments.extend(["--danger-keep-passwords".into(), "readable".into()]);
    }
    let gateway = Nuncio::start(arguments).unwrap_or_else(|error| panic!("{code}: {error}"));
    Route { code: code.to_owned(), http: http + "/echo", https: https + "/echo", backend, gateway }
}

/// What went wrong, and what the gateways concerned said of it.
fn failures(said: &str, routes: &[Route]) -> String {
    let code = |line: &str| line.split([' ', ':']).next().unwrap_or_default().to_owned();
    let is_bad = |line: &&str| !line.contains(" bad 0;") && routes.iter().any(|route| route.code == code(line));
    let bad: Vec<_> = said.lines().filter(is_bad).collect();
    let concerned = |route: &&Route| bad.iter().any(|line| route.code == code(line));
    let logs = routes.iter().filter(concerned).map(|route| format!("\n== {}\n{}", route.code, route.gateway.log()));
    bad.join("\n") + &logs.collect::<String>()
}

#[test]
fn every_code_works_over_http_and_over_tls() {
    let Some(class_path) = class_path() else { return };
    if peers::lacks("openssl") {
        return peers::skip("cxf", "openssl is missing");
    }
    let codes = tried(&[]);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cxf");
    peers::stores(&folder).unwrap();
    let port = free_port().unwrap().to_string();
    peers::run(peer(&class_path, &folder).arg("publish").arg(&folder).arg(port).args(&codes)).unwrap();

    let routes: Vec<_> = codes.iter().map(|code| route(code, &folder)).collect();
    let mut calls = peer(&class_path, &folder);
    calls.args(["calls", &ROUNDS.to_string(), "1000", "1", "0"]);
    let mut clients = 0;
    for route in &routes {
        let urls = route.urls();
        clients += urls.len();
        for url in urls {
            calls.args([url, &route.code]);
        }
    }
    let said = peers::run(&mut calls).unwrap_or_else(|error| panic!("{}", failures(&error, &routes)));
    assert_eq!(said.matches(&format!("good {ROUNDS} bad 0;")).count(), clients, "{said}");

    for route in &routes {
        let code = route.code.as_str();
        let seen = route.backend.seen();
        assert_eq!(
            seen.len(),
            route.urls().len() * (4 + ROUNDS),
            "{code}: the plain service gets the calls and nothing else"
        );
        for request in &seen {
            let text = request.text();
            // What comes in clear comes from nobody.
            let clear = code.ends_with("+clear") && text.contains("Notify");
            let principal = principal(code).filter(|_| !clear);
            assert_eq!(request.header("x-nuncio-principal"), principal, "{code}: {text}");
            assert_eq!(request.header("x-nuncio-conversation").is_some(), is_in_conversation(code), "{code}: {text}");
            assert!(request.is_plain(), "{code}: {text}");
        }
    }
}
