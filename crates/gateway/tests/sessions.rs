//! Conversations as whoever runs a gateway sees them, through its admin listener and by `nuncio sessions`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

#[path = "program/mod.rs"]
mod program;
mod watched;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use program::nuncio;
use serde_json::Value;
use watched::{Backend, Gateway, say};

/// Runs `nuncio sessions`; whether it went well, and what it said.
fn sessions(gateway: &Gateway, arguments: &[&str]) -> (bool, String) {
    let mut command = nuncio();
    command.args(["sessions", "--admin", &gateway.admin.to_string()]).args(arguments);
    let output = command.output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// The admin listener's answer to a request by its own name.
fn ask(gateway: &Gateway, method: &str, path: &str) -> String {
    let host = gateway.admin;
    say(gateway.admin, &format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

fn json(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-type: application/json"), "{answer}");
    assert!(head.contains("cache-control: no-store"), "{answer}");
    serde_json::from_str(body).unwrap()
}

fn list(gateway: &Gateway, query: &str) -> (Vec<Value>, Option<String>) {
    let page = json(&ask(gateway, "GET", &format!("/sessions{query}")));
    (page["sessions"].as_array().unwrap().clone(), page["next"].as_str().map(str::to_owned))
}

/// What is noted of a message that names the conversation of that identifier.
fn refusal(gateway: &Gateway, identifier: &str) -> String {
    let token = format!(
        "<c:SecurityContextToken xmlns:c='http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512'>\
         <c:Identifier>{identifier}</c:Identifier></c:SecurityContextToken></o:Security>"
    );
    let message = gateway.message("/talk", "urn:Call", "<x xmlns='urn:x'/>").replace("</o:Security>", &token);
    let noted = || {
        let log = std::fs::read_to_string(&gateway.log).unwrap();
        log.lines().filter(|line| line.contains("refused=")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = noted().len();
    let mut stream = gateway.send_to("/talk", &message, "");
    stream.read_to_end(&mut Vec::new()).unwrap();
    // Lines are written by a thread of their own.
    let start = Instant::now();
    loop {
        if let Some(line) = noted().get(before) {
            return line.clone();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "nothing is noted");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn conversations_are_listed_shown_and_cut() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    assert_eq!(sessions(&gateway, &["list"]), (true, String::new()));
    for _ in 0..5 {
        assert!(gateway.talk().contains("SecurityContextToken"));
    }
    // A page at a time.
    let (mut all, mut query) = (Vec::new(), "?most=2".to_owned());
    loop {
        let (page, next) = list(&gateway, &query);
        assert!(page.len() <= 2);
        all.extend(page);
        match next {
            Some(next) => query = format!("?most=2&after={next}"),
            None => break,
        }
    }
    let ids: BTreeSet<_> = all.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((all.len(), ids.len()), (5, 5));
    // What is told of one is this and no more: no key, and nothing of one.
    let fields: Vec<_> = all[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["created", "ends", "expires", "id", "identifier", "principal", "used", "version"]);
    assert_eq!(all[0]["principal"], serde_json::json!({ "kind": "user", "name": "alice" }));
    assert_eq!((&all[0]["used"], &all[0]["version"]), (&Value::Null, &Value::from("1.3")));

    let (done, lines) = sessions(&gateway, &["list"]);
    assert!(
        done && lines.lines().count() == 5 && lines.lines().all(|line| line.ends_with("used never  alice")),
        "{lines}"
    );
    assert_eq!(sessions(&gateway, &["list", "--principal", "bob"]), (true, String::new()));
    assert_eq!(sessions(&gateway, &["list", "--issuer", "CN=ca"]), (true, String::new()));

    let (one, identifier) = (all[0]["id"].as_str().unwrap(), all[0]["identifier"].as_str().unwrap());
    let (done, shown) = sessions(&gateway, &["show", one]);
    assert!(done && shown.contains(identifier) && shown.contains("user          alice\n"), "{shown}");
    let log = std::fs::read_to_string(&gateway.log).unwrap();
    assert!(log.contains(one), "access lines know it by that number");

    assert!(!refusal(&gateway, identifier).contains("is not known here"));
    assert_eq!(sessions(&gateway, &["cut", one]), (true, "1 cut\n".to_owned()));
    assert!(refusal(&gateway, identifier).contains("is not known here"));
    for arguments in [&["show", one], &["cut", one]] {
        let (done, said) = sessions(&gateway, arguments);
        assert!(!done && said.contains("there is no such conversation"), "{said}");
    }
    assert_eq!(sessions(&gateway, &["cut", "--principal", "bob"]), (true, "0 cut\n".to_owned()));
    assert_eq!(sessions(&gateway, &["cut", "--json", "--principal", "alice"]), (true, "{\"cut\":4}\n".to_owned()));
    assert_eq!(list(&gateway, ""), (Vec::new(), None));
}

#[test]
fn what_is_not_asked_here_and_so_is_refused() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    assert!(gateway.talk().contains("SecurityContextToken"));
    let id = list(&gateway, "").0[0]["id"].as_str().unwrap().to_owned();
    for (method, path, status) in [
        ("DELETE", "/sessions", 400),
        ("DELETE", "/sessions?most=1", 400),
        ("DELETE", "/sessions?most=1&principal=alice", 400),
        ("DELETE", "/sessions?store=redis&principal=alice", 400),
        ("DELETE", "/sessions?after=0&issuer=CN=ca", 400),
        ("DELETE", "/sessions/ID?principal=bob", 400),
        ("DELETE", "/sessions/ID?store=cookie", 400),
        ("GET", "/sessions/ID?principal=bob", 400),
        ("GET", "/sessions/ID?most=1", 400),
        ("GET", "/sessions?everything=1", 400),
        ("GET", "/sessions?most=-1", 400),
        ("GET", "/sessions?after=x", 400),
        ("GET", "/sessions/", 404),
        ("GET", "/sessions/x", 404),
        ("DELETE", "/sessions/", 404),
        ("DELETE", "/sessions/x", 404),
        ("GET", "/sessionsx", 404),
        ("POST", "/sessions", 405),
        ("PUT", "/sessions/x", 405),
    ] {
        let answer = ask(&gateway, method, &path.replace("ID", &id));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answer}");
    }
    // A page of somebody else's, in a browser here, whose name was made to lead to this machine.
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "1"] {
        for method in ["GET", "DELETE"] {
            let request =
                format!("{method} /sessions?principal=alice HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let answer = say(gateway.admin, &request);
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("\r\n\r\n"), "{host}: {answer}");
        }
    }
    for host in ["localhost", "LOCALHOST:9901", "[::1]:9901", "127.0.0.2"] {
        let answer =
            say(gateway.admin, &format!("GET /sessions HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
    assert_eq!(list(&gateway, "").0.len(), 1, "nothing was cut");
    // Nor is it anybody's who may call the service.
    let answer = say(gateway.address, "GET /sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let (done, said) = sessions(&gateway, &["cut"]);
    assert!(!done && said.contains("required"), "{said}");
}

/// In a state directory what was cut stays cut, and what was not is there again, whatever became of the process.
#[test]
fn what_is_cut_on_disk_does_not_come_back() {
    let backend = Backend::start();
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sessions-state-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&state);
    let mut gateway = Gateway::start_with(&backend, "", &format!("state: {{ directory: {} }}\n", state.display()));
    for _ in 0..3 {
        assert!(gateway.talk().contains("SecurityContextToken"));
    }
    let all = list(&gateway, "").0;
    let identifier = |at: usize| all[at]["identifier"].as_str().unwrap();
    assert_eq!(sessions(&gateway, &["cut", all[1]["id"].as_str().unwrap()]), (true, "1 cut\n".to_owned()));
    for _ in 0..2 {
        gateway = gateway.again();
        assert_eq!(list(&gateway, "").0, [all[0].clone(), all[2].clone()], "each as it was");
        assert!(refusal(&gateway, identifier(1)).contains("is not known here"));
        assert!(!refusal(&gateway, identifier(2)).contains("is not known here"));
    }
    // A ring that does not open what was sealed makes no conversation of it.
    std::fs::remove_file(state.join("keys.yaml")).unwrap();
    gateway = gateway.again();
    assert_eq!(list(&gateway, "").0, Vec::<Value>::new());
    // Lines are written by a thread of their own.
    let start = Instant::now();
    loop {
        let log = std::fs::read_to_string(&gateway.log).unwrap();
        if log.contains("not all conversations are known again") && log.contains("unreadable=2") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Two gateways would write over each other.
#[test]
fn a_state_directory_is_one_gateways() {
    let backend = Backend::start();
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sessions-one-{}", std::process::id()));
    let besides = format!("state: {{ directory: {} }}\n", state.display());
    let gateway = Gateway::start_with(&backend, "", &besides);
    let mut second = nuncio();
    second.arg("run").arg("--config").arg(gateway.log.with_extension("yaml"));
    let output = second.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("is in use by another process"), "{said}");
    assert!(gateway.talk().contains("SecurityContextToken"), "the first goes on");
}

/// Who shows the token is answered under whatever name he asks; a wrong one, or none, is as it was without.
#[test]
fn a_token_opens_the_list_to_others() {
    let backend = Backend::start();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sessions.token");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let gateway = Gateway::start_admin(&backend, &format!(", token_file: {}", file.display()));
    let host = "gateway.example";
    for (authorization, status) in [
        ("", 403),
        ("Authorization: Bearer 0123456789abcdef\r\n", 200),
        ("Authorization: bearer 0123456789abcdef\r\n", 200),
        ("Authorization: Bearer 0123456789abcdeX\r\n", 403),
        ("Authorization: Bearer 0123456789abcde\r\n", 403),
        ("Authorization: Bearer \r\n", 403),
        ("Authorization: Basic 0123456789abcdef\r\n", 403),
        ("Authorization: 0123456789abcdef\r\n", 403),
    ] {
        let request = format!("GET /sessions HTTP/1.1\r\nHost: {host}\r\n{authorization}Connection: close\r\n\r\n");
        let answer = say(gateway.admin, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{authorization}: {answer}");
    }
    let token = file.display().to_string();
    assert_eq!(sessions(&gateway, &["list", "--token-file", &token]), (true, String::new()));
    // One that is easily guessed is none.
    std::fs::write(&file, "short\n").unwrap();
    let mut command = nuncio();
    command.args(["check", "--config"]).arg(gateway.log.with_extension("yaml"));
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("a token is one line of 16 visible characters") && !said.contains("short"), "{said}");
}
