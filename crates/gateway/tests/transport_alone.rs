//! A policy of TLS alone, served: WCF's standard bindings in the mode `Transport`.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use program::{Running, nuncio, port};

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// A gateway before a plain service, where TLS is taken off by whoever has the address `front`.
struct Bench {
    _gateway: Running,
    _service: Running,
    port: u16,
}

impl Bench {
    fn start(name: &str, binding: &str, front: &str) -> Self {
        let url = format!("http://127.0.0.1:{}", port());
        let mut command = nuncio();
        command.args(["echo", "--listen", &url]);
        let service = Running::start(command);
        let port = port();
        let yaml = format!(
            "listeners:\n  - address: 127.0.0.1:{port}\n    tls_terminated_by: [{front}]\nroutes:\n  - path: /echo\n    \
             backend: {url}/echo\n    policy:\n      preset: {binding}\n      security: {{ mode: Transport, transport: \
             {{ clientCredentialType: None }} }}\n"
        );
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("transport-{name}.yaml"));
        std::fs::write(&file, yaml).unwrap();
        let mut command = nuncio();
        command.arg("run").arg("--config").arg(file);
        Self { _gateway: Running::start(command), _service: service, port }
    }

    /// Sends an envelope with these header blocks; the answer.
    fn ask(&self, soap: &str, blocks: &str) -> String {
        let body = format!(
            "<s:Envelope xmlns:s='{soap}'><s:Header>{blocks}</s:Header><s:Body><Echo xmlns='http://nuncio.example/echo'>\
             <text>hello</text></Echo></s:Body></s:Envelope>"
        );
        let media = if soap == SOAP_11 { "text/xml" } else { "application/soap+xml" };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: {media}");
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn security(created: &str) -> String {
    format!(
        "<o:Security s:mustUnderstand='1' xmlns:o='{WSSE}' xmlns:u='{WSU}'><u:Timestamp><u:Created>{created}</u:Created>\
         </u:Timestamp></o:Security>"
    )
}

const ADDRESSING: &str = "<a:Action s:mustUnderstand='1' xmlns:a='http://www.w3.org/2005/08/addressing'>\
    http://nuncio.example/echo/IEcho/Echo</a:Action><a:MessageID xmlns:a='http://www.w3.org/2005/08/addressing'>urn:uuid:1\
    </a:MessageID><a:To s:mustUnderstand='1' xmlns:a='http://www.w3.org/2005/08/addressing'>https://h/echo</a:To>";

#[test]
fn calls_and_answers_have_no_security_header() {
    for (name, binding, soap, blocks) in [
        ("basic", "basicHttpBinding", SOAP_11, ""),
        ("wshttp", "wsHttpBinding", SOAP_12, ADDRESSING),
        ("ws2007", "ws2007HttpBinding", SOAP_12, ADDRESSING),
    ] {
        let bench = Bench::start(name, binding, "127.0.0.1");
        let answer = bench.ask(soap, blocks);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{binding}: {answer}");
        assert!(answer.contains("<EchoResult>hello</EchoResult>"), "{binding}: {answer}");
        assert!(!answer.contains("Security"), "{binding}: {answer}");
        assert_eq!(answer.contains("RelatesTo"), !blocks.is_empty(), "{binding}: {answer}");
        // One that comes is held to what it says.
        let answer = bench.ask(soap, &format!("{blocks}{}", security("2001-01-01T00:00:00Z")));
        assert!(answer.starts_with("HTTP/1.1 500 ") && !answer.contains("hello"), "{binding}: {answer}");
    }
}

#[test]
fn what_did_not_come_over_tls_is_refused() {
    let bench = Bench::start("clear", "basicHttpBinding", "127.0.0.9");
    let answer = bench.ask(SOAP_11, "");
    assert!(answer.starts_with("HTTP/1.1 500 ") && !answer.contains("hello"), "{answer}");
}
