//! Who calls, as a backend is told, and who may call what.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use program::{Running, nuncio, port};

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// A gateway in front of a backend that keeps what it is asked.
struct Bench {
    _running: Running,
    port: u16,
    seen: Receiver<String>,
    log: PathBuf,
}

impl Bench {
    /// `more` is what the route says beside its policy and users.
    fn start(name: &str, more: &str) -> Self {
        Self::start_with(name, more, &[])
    }

    fn start_with(name: &str, more: &str, flags: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let backend = socket.local_addr().unwrap();
        let (tell, seen) = channel();
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let request = take(stream.as_ref().unwrap());
                let answer = format!("<s:Envelope xmlns:s=\"{SOAP}\"><s:Body/></s:Envelope>");
                let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/soap+xml";
                write!(stream.unwrap(), "{head}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).unwrap();
                if tell.send(request).is_err() {
                    return;
                }
            }
        });
        let port = port();
        let yaml = format!(
            "listeners:\n  - address: 127.0.0.1:{port}\n    tls_terminated_by: [127.0.0.1]\nroutes:\n  - path: /echo\n    \
             backend: http://{backend}/\n    preset: wcf-ws2007-userNameOverTransport\n    users:\n      \
             - {{ name: alice, password: a }}\n      - {{ name: bob, password: b }}\n{more}"
        );
        let (file, log) = (folder.join("nuncio.yaml"), folder.join("log"));
        std::fs::write(&file, yaml).unwrap();
        let mut command: Command = nuncio();
        command.arg("run").arg("--config").arg(file).args(flags);
        let running = Running::start_logging(command, File::create(&log).unwrap().into());
        Self { _running: running, port, seen, log }
    }

    /// Sends a message with header blocks and header lines of the client's own; the answer.
    fn call(&self, user: &str, action: &str, blocks: &str, lines: &str) -> String {
        let password = &user[..1];
        let now = {
            let output = Command::new("date").args(["-u", "+%FT%T.%3NZ"]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let body = format!(
            "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"http://www.w3.org/2005/08/addressing\"><s:Header>\
             <a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:To s:mustUnderstand=\"1\">http://h/echo</a:To>{blocks}\
             <o:Security s:mustUnderstand=\"1\" xmlns:o=\"{WSSE}\" xmlns:u=\"{WSU}\">\
             <u:Timestamp><u:Created>{now}</u:Created></u:Timestamp><o:UsernameToken><o:Username>{user}</o:Username>\
             <o:Password>{password}</o:Password></o:UsernameToken></o:Security></s:Header><s:Body><x/></s:Body></s:Envelope>"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/soap+xml";
        write!(stream, "{head}\r\nContent-Length: {}\r\n{lines}\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What the backend was asked; the call must have been answered.
    fn seen(&self, user: &str, blocks: &str, lines: &str) -> String {
        let answer = self.call(user, "urn:do", blocks, lines);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        self.seen.recv_timeout(Duration::from_mins(1)).unwrap()
    }
}

/// A whole request.
fn take(mut stream: &TcpStream) -> String {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).unwrap();
        request.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&request);
        if read == 0 || text.ends_with("</s:Envelope>") {
            return text.into_owned();
        }
    }
}

fn lines<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let named = |line: &&str| line.to_ascii_lowercase().replace('_', "-").starts_with(&format!("{name}:"));
    request.lines().filter(named).collect()
}

/// However a client spells the headers, the backend sees ours alone.
#[test]
fn headers_that_a_client_makes_up_do_not_arrive() {
    let bench = Bench::start("identity-spoofed", "");
    let mut spoofed = String::new();
    for name in ["X-Nuncio-Principal", "X-Nuncio-Conversation", "X-Nuncio-Roles", "X-Forwarded-User", "X-Remote-User"] {
        let lower = name.to_lowercase();
        let (under, mixed) = (name.replace('-', "_"), lower.replacen('-', "_", 1));
        for spelled in [name, &lower, &name.to_uppercase(), &under, &under.to_lowercase(), &mixed] {
            spoofed.extend([spelled, ": mallory\r\n"]);
        }
    }
    assert_eq!(spoofed.lines().count(), 30);
    let request = bench.seen("alice", "", &spoofed);
    assert_eq!(lines(&request, "x-nuncio-principal"), ["x-nuncio-principal: alice"]);
    assert!(!request.contains("mallory"), "{request}");
}

#[test]
fn the_backend_is_told_what_the_route_says() {
    let told = "    identity:\n      headers: { principal: X-User, proof: X-Proof, roles: X-Roles, issuer: X-Issuer }\n    \
                authorise:\n      roles: { clerk: { users: [al*] }, 'a,b': { users: [alice] } }\n      \
                rules: [{ allow: {} }]\n";
    let bench = Bench::start("identity-headers", told);
    let request = bench.seen("alice", "", "");
    assert_eq!(lines(&request, "x-user"), ["x-user: alice"]);
    assert_eq!(lines(&request, "x-proof"), ["x-proof: password"]);
    assert_eq!(lines(&request, "x-roles"), ["x-roles: a%2Cb,clerk"]);
    assert!(lines(&request, "x-issuer").is_empty() && lines(&request, "x-nuncio-principal").is_empty(), "{request}");
    let request = bench.seen("bob", "", "");
    assert!(lines(&request, "x-roles").is_empty(), "{request}");
}

#[test]
fn the_message_says_who_calls_and_nobody_else_does() {
    let told = "    identity: { soap: header }\n    authorise:\n      roles: { clerk: { users: [alice] } }\n      \
                rules: [{ allow: {} }]\n";
    let bench = Bench::start("identity-soap", told);
    let spoofed = "<n:Identity xmlns:n=\"urn:nuncio:identity:1\"><n:Principal>mallory</n:Principal></n:Identity>";
    let elsewhere = spoofed.replace("<n:Identity ", "<n:Identity s:role=\"urn:somebody\" ");
    let request = bench.seen("alice", &format!("{spoofed}<k:Kept xmlns:k=\"urn:k\"/>{elsewhere}"), "");
    let identity = "<n:Identity xmlns:n=\"urn:nuncio:identity:1\"><n:Principal>alice</n:Principal>\
                    <n:Proof>password</n:Proof><n:Role>clerk</n:Role></n:Identity></s:Header>";
    assert!(request.contains(identity) && request.contains("Kept") && !request.contains("mallory"), "{request}");
}

/// What one route says of callers, no client says on another.
#[test]
fn where_the_message_does_not_say_who_calls_nobody_does() {
    let bench = Bench::start("identity-unsaid", "");
    let spoofed = "<n:Identity xmlns:n=\"urn:nuncio:identity:1\"><n:Principal>mallory</n:Principal></n:Identity>";
    let elsewhere = spoofed.replace("<n:Identity ", "<n:Identity s:role=\"urn:somebody\" ");
    let request = bench.seen("alice", &format!("{spoofed}<k:Kept xmlns:k=\"urn:k\"/>{elsewhere}"), "");
    assert!(request.contains("Kept") && !request.contains("mallory"), "{request}");
}

#[test]
fn a_user_name_token_says_who_calls_and_nobody_else_does() {
    let bench = Bench::start("identity-token", "    identity: { soap: username_token, headers: {} }\n");
    let spoofed = format!(
        "<o:Security s:role=\"urn:somebody\" xmlns:o=\"{WSSE}\"><o:UsernameToken><o:Username>mallory</o:Username>\
         </o:UsernameToken></o:Security>"
    );
    let request = bench.seen("alice", &spoofed, "");
    let token = format!(
        "<s:Header><o:Security xmlns:o=\"{WSSE}\"><o:UsernameToken><o:Username>alice</o:Username></o:UsernameToken>\
         </o:Security></s:Header>"
    );
    assert!(request.contains(&token) && !request.contains("mallory"), "{request}");
    assert!(lines(&request, "x-nuncio-principal").is_empty(), "{request}");
}

#[test]
fn who_may_not_call_is_told_so_and_the_backend_is_not_asked() {
    let rules = "    authorise:\n      rules:\n        - deny: { users: [bob], actions: ['urn:do/secret*'] }\n        \
                 - allow: { users: [bob], actions: ['urn:do*'] }\n        - allow: { users: [alice] }\n";
    let bench = Bench::start("identity-rules", rules);
    for (user, action, allowed) in [
        ("alice", "urn:do/secret", true),
        ("bob", "urn:do", true),
        ("bob", "urn:do/secret/1", false),
        ("bob", "urn:else", false),
    ] {
        let answer = bench.call(user, action, "", "");
        if allowed {
            assert!(answer.starts_with("HTTP/1.1 200"), "{user} {action}: {answer}");
            bench.seen.recv_timeout(Duration::from_mins(1)).unwrap();
        } else {
            assert!(answer.starts_with("HTTP/1.1 500"), "{user} {action}: {answer}");
            // It is secured like any answer, and tells what a wrong password would be told.
            assert!(answer.contains("FailedAuthentication") && answer.contains("Timestamp"), "{answer}");
            assert!(bench.seen.try_recv().is_err(), "{user} {action}: the backend was asked");
        }
    }
    // The log is written beside the answers.
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let log = std::fs::read_to_string(&bench.log).unwrap();
        let is_denied = |line: &&str| line.contains("principal=\"bob\"") && line.contains("the rules of the route");
        if log.lines().filter(is_denied).count() == 2 {
            return;
        }
        assert!(Instant::now() < until, "{log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A line of the log for machines is an object, whatever a peer says of itself.
#[test]
fn an_access_line_can_be_an_object() {
    let bench = Bench::start_with("identity-json", "", &["--log-format", "json"]);
    let action = format!("urn:&quot;do&#10;{}", "x".repeat(300));
    assert!(bench.call("alice", &action, "", "").starts_with("HTTP/1.1 200"));
    assert!(bench.call("alice2", "urn:do", "", "").starts_with("HTTP/1.1 500"));
    let until = Instant::now() + Duration::from_mins(1);
    let lines = loop {
        let log = std::fs::read_to_string(&bench.log).unwrap();
        let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let lines: Vec<_> = lines.into_iter().filter(|line| line["target"] == "nuncio::audit").collect();
        if lines.len() == 2 {
            break lines;
        }
        assert!(Instant::now() < until, "{log}");
        std::thread::sleep(Duration::from_millis(10));
    };
    let [taken, refused] = &lines[..] else { panic!("two lines") };
    assert_eq!(
        (&taken["principal"], &taken["status"], &taken["level"]),
        (&"alice".into(), &200.into(), &"INFO".into())
    );
    let told = taken["action"].as_str().unwrap();
    assert!(told.starts_with("urn:\"do") && told.chars().count() == 256, "{told}");
    assert!(taken["took_ms"].is_f64() && taken.get("refused").is_none(), "{taken}");
    assert_eq!((&refused["status"], &refused["level"]), (&500.into(), &"WARN".into()));
    assert!(refused["refused"].as_str().unwrap().contains("alice2"), "{refused}");
}
