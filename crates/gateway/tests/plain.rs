//! A route without security: plain messages go through it, read as strictly as any.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use program::{Running, nuncio, port};

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A gateway without security before that backend.
struct Gateway {
    running: Running,
    log: PathBuf,
    port: u16,
}

fn gateway(name: &str, backend: &str) -> Gateway {
    let port = port();
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("plain-{name}.log"));
    let mut command = nuncio();
    let listen = format!("http://127.0.0.1:{port}");
    command.args(["proxy", "--danger-plain", "--listen", &listen, "--backend", backend]);
    let running = Running::start_logging(command, File::create(&log).unwrap().into());
    Gateway { running, log, port }
}

/// The plain service of our own, and its URL.
fn echo() -> (Running, String) {
    let url = format!("http://127.0.0.1:{}", port());
    let mut command = nuncio();
    command.args(["echo", "--listen", &url]);
    (Running::start(command), url)
}

fn envelope(soap: &str, header: &str, body: &str) -> String {
    format!("<e:Envelope xmlns:e='{soap}'><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>")
}

fn call(operation: &str, arguments: &str) -> String {
    format!("<{operation} xmlns='http://nuncio.example/echo'>{arguments}</{operation}>")
}

impl Gateway {
    fn ask(&self, soap: &str, message: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let media = if soap == SOAP_11 { "text/xml" } else { "application/soap+xml" };
        let length = message.len();
        write!(
            stream,
            "POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\
             X-Nuncio-Principal: mallory\r\n\r\n{message}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What it logged, once it has ended.
    fn end(self) -> String {
        assert_eq!(self.running.stop(), Some(0));
        std::fs::read_to_string(self.log).unwrap()
    }
}

#[test]
fn plain_messages_go_through_and_the_log_says_so_aloud() {
    let (_service, url) = echo();
    let gateway = gateway("through", &url);
    for (soap, media) in [(SOAP_11, "text/xml"), (SOAP_12, "application/soap+xml")] {
        for (body, status, said) in [
            (call("Echo", "<text>a &lt; b</text>"), "200 OK", "<EchoResult>a &lt; b</EchoResult>"),
            (call("Fail", "<why>on purpose</why>"), "500 Internal Server Error", "failed as asked: on purpose"),
            (call("Notify", "<text>x</text>"), "202 Accepted", ""),
            // A client's word for who it is goes nowhere.
            (call("WhoAmI", ""), "200 OK", "<WhoAmIResult></WhoAmIResult>"),
        ] {
            let answer = gateway.ask(soap, &envelope(soap, "", &body));
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")) && answer.contains(said), "{answer}");
            assert_eq!(answer.contains(&format!("content-type: {media}")), !said.is_empty(), "{answer}");
        }
    }
    let log = gateway.end();
    assert_eq!(log.matches("DANGER: the route has no security").count(), 1, "{log}");
    assert_eq!(log.matches("nuncio::audit").count(), 8, "{log}");
    assert!(!log.contains("mallory"), "{log}");
}

#[test]
fn what_is_no_plain_message_is_refused_and_goes_nowhere() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = gateway("refused", &format!("http://{}/", nobody.local_addr().unwrap()));
    let wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    for message in [
        envelope(SOAP_12, &format!("<o:Security xmlns:o='{wsse}' e:mustUnderstand='1'/>"), &call("Echo", "")),
        "<!DOCTYPE x>".to_owned() + &envelope(SOAP_12, "", &call("Echo", "")),
        envelope(SOAP_11, "", &call("Echo", "")),
        envelope(SOAP_12, "", "<open>"),
        String::new(),
    ] {
        let answer = gateway.ask(SOAP_12, &message);
        assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{message}: {answer}");
        assert!(answer.contains("<s:Fault>") && !answer.contains("DOCTYPE"), "{message}: {answer}");
    }
    nobody.set_nonblocking(true).unwrap();
    assert!(nobody.accept().is_err(), "the backend was called");
    let log = gateway.end();
    assert_eq!(log.matches(" refused=\"").count(), 5, "{log}");
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = gateway("babble", &format!("http://{}/", socket.local_addr().unwrap()));
    let answers =
        ["nothing".to_owned(), envelope(SOAP_11, "", ""), "<!DOCTYPE x>".to_owned() + &envelope(SOAP_12, "", "")];
    for answer in answers {
        let asked = std::thread::scope(|scope| {
            let asking = scope.spawn(|| gateway.ask(SOAP_12, &envelope(SOAP_12, "", &call("Echo", ""))));
            let (mut stream, _) = socket.accept().unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"Envelope>") {
                let mut octets = [0; 4096];
                let read = stream.read(&mut octets).unwrap();
                assert_ne!(read, 0);
                seen.extend_from_slice(&octets[..read]);
            }
            let length = answer.len();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nConnection: close";
            write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{answer}").unwrap();
            asking.join().unwrap()
        });
        assert!(asked.starts_with("HTTP/1.1 500 ") && asked.contains("The service is not available."), "{asked}");
        assert!(!asked.contains("nothing"), "{asked}");
    }
    let log = gateway.end();
    assert_eq!(log.matches("the backend's answer is not sent on: ").count(), 3, "{log}");
}

/// A certificate that flags name is the listener's there, for which it does without a policy; a user is nobody's.
#[test]
fn a_plain_proxy_has_tls_and_no_users() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/keys");
    let proxy = || {
        let mut command = nuncio();
        let listen = format!("https://127.0.0.1:{}", port());
        command.args(["proxy", "--danger-plain", "--listen", &listen, "--backend", "http://127.0.0.1:9/"]);
        command.arg("--certificate").arg(keys.join("server.pem")).arg("--key").arg(keys.join("server.key"));
        command
    };
    assert_eq!(Running::start(proxy()).stop(), Some(0));
    let refused = proxy().args(["--user", "alice:secret"]).output().unwrap();
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(errors.contains("--danger-plain: ") && errors.contains("user"), "{errors}");
}
