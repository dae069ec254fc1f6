//! Contracts that a running gateway publishes: with its own policy and address, from a file or from the backend, and not to
//! requests that could make something else of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use nuncio_policy::model::Token;
use nuncio_policy::model::{Binding, Port};
use nuncio_policy::wsdl;
use nuncio_tests::peers;
use nuncio_tests::plain::{Answer, Backend, Seen};
use nuncio_tests::process::{Nuncio, free_port};

const PRESET: &str = "preset: wcf-wshttp-mutualCertificate-conversation";

struct Gateway {
    authority: String,
    process: Nuncio,
}

impl Gateway {
    /// A gateway with one route at `/echo`, of which the configuration says this.
    fn start(name: &str, backend: &str, said: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        let data = peers::here("../crates/policy/tests/data/cxf-mutual.wsdl");
        let text = std::fs::read_to_string(data).unwrap();
        let imports = "<import namespace='urn:x' schemaLocation='sub/x.xsd'/><import schemaLocation='../../etc/passwd'/>\
                       <import schemaLocation='http://elsewhere.example/y.xsd'/>";
        let (before, after) = text.split_once("<message").unwrap();
        let text = format!(
            "{before}<types><schema xmlns='http://www.w3.org/2001/XMLSchema'>{imports}</schema></types><message{after}"
        );
        std::fs::write(folder.join("service.wsdl"), text).unwrap();
        std::fs::write(folder.join("sub/x.xsd"), SCHEMA).unwrap();
        let [certificate, key, trust] = ["server.pem", "server.key", "client.pem"].map(peers::key);
        let authority = format!("127.0.0.1:{}", free_port().unwrap());
        let configuration = format!(
            "listeners:\n  - address: {authority}\nroutes:\n  - path: /echo\n    backend: {backend}\n    certificate: {}\n    \
             key: {}\n    trust: [{}]\n    {said}\n",
            certificate.display(),
            key.display(),
            trust.display()
        );
        let file = folder.join("nuncio.yaml");
        std::fs::write(&file, configuration).unwrap();
        let process = Nuncio::start(["run".into(), "--config".into(), file]).unwrap_or_else(|error| panic!("{error}"));
        Self { authority, process }
    }

    /// Sends a request, with the lines given after its first, and gives status line, headers and body.
    fn ask(&self, first: &str, lines: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.authority).unwrap();
        stream.write_all(format!("{first}\r\n{lines}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        answer.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned())).unwrap()
    }

    fn get(&self, target: &str) -> (String, String) {
        self.ask(&format!("GET {target} HTTP/1.1"), "Host: public.example:8443\r\n")
    }

    fn status(&self, first: &str, lines: &str) -> String {
        self.ask(first, lines).0.split(' ').nth(1).unwrap().to_owned()
    }
}

const SCHEMA: &str = "<schema targetNamespace='urn:x' xmlns='http://www.w3.org/2001/XMLSchema'/>";

fn nowhere() -> &'static str {
    "http://127.0.0.1:9/"
}

fn ports(text: &str) -> Vec<Port> {
    wsdl::read("published", text.as_bytes()).unwrap().ports
}

#[test]
fn a_contract_from_a_file() {
    let gateway = Gateway::start("contract file", nowhere(), "wsdl: service.wsdl");
    let (head, body) = gateway.get("/echo?wsdl");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-type: text/xml; charset=utf-8"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    let found = ports(&body);
    assert_eq!(found[0].address.as_deref(), Some("http://public.example:8443/echo"));
    assert!(matches!(found[0].alternatives.as_ref().unwrap()[0].binding, Binding::Symmetric(_)));
    assert!(body.contains("schemaLocation='http://public.example:8443/echo?xsd=1'"), "{body}");
    assert!(body.contains("'../../etc/passwd'") && body.contains("'http://elsewhere.example/y.xsd'"), "as they stand");
    for target in ["/echo?WSDL", "/echo?singleWsdl", "/echo?wsdl=0"] {
        assert_eq!(gateway.get(target).1, body, "{target}");
    }
    assert_eq!(gateway.get("/echo?xsd=1").1, SCHEMA);
    let (head, nothing) = gateway.ask("HEAD /echo?wsdl HTTP/1.1", "Host: public.example:8443\r\n");
    assert!(head.contains(&format!("content-length: {}", body.len())) && nothing.is_empty(), "{head}");

    let host = "Host: h\r\n";
    for (first, lines, status) in [
        ("GET /echo HTTP/1.1", host, "405"),
        ("GET /echo?disco HTTP/1.1", host, "405"),
        ("GET /echo?wsdl=1 HTTP/1.1", host, "405"),
        ("GET /echo?xsd=2 HTTP/1.1", host, "405"),
        ("GET /echo?xsd=0 HTTP/1.1", host, "405"),
        ("GET /echo?xsd=99999999999999999999 HTTP/1.1", host, "405"),
        ("PUT /echo?wsdl HTTP/1.1", host, "405"),
        ("GET /other?wsdl HTTP/1.1", host, "404"),
        ("GET /echo?wsdl HTTP/1.1", "", "400"),
        ("GET /echo?wsdl HTTP/1.0", "", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: a\r\nHost: b\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: a'/><x>\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: user@a\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: a/evil?\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: h\r\nContent-Length: 3\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: h\r\nTransfer-Encoding: chunked\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: h\r\nExpect: 100-continue\r\n", "400"),
        ("GET /echo?wsdl HTTP/1.1", "Host: h\r\nContent-Length: 0\r\n", "200"),
    ] {
        assert_eq!(gateway.status(first, lines), status, "{first} {lines}");
    }
    // Nothing but the configuration says where the service is, where it does.
    let forwarded =
        gateway.ask("GET /echo?wsdl HTTP/1.1", "Host: h\r\nX-Forwarded-Host: evil\r\nForwarded: host=evil\r\n");
    assert!(!forwarded.1.contains("evil"));
}

#[test]
fn the_configured_address_and_no_publication() {
    let said = "wsdl: service.wsdl\n    addresses: [https://service.example/x, http://second.example/y]";
    let gateway = Gateway::start("contract address", nowhere(), said);
    let address =
        |host: &str| ports(&gateway.ask("GET /echo?wsdl HTTP/1.1", &format!("Host: {host}\r\n")).1)[0].address.clone();
    assert_eq!(address("evil.example").unwrap(), "https://service.example/x");
    assert_eq!(address("second.example").unwrap(), "http://second.example/y");
    let (_, body) = gateway.ask("GET /echo?wsdl HTTP/1.0", "");
    assert_eq!(ports(&body)[0].address.as_deref(), Some("https://service.example/x"));

    for (name, said) in [("no publish", "wsdl: service.wsdl\n    publish: false"), ("no contract", PRESET)] {
        let gateway = Gateway::start(name, nowhere(), said);
        assert_eq!(gateway.status("GET /echo?wsdl HTTP/1.1", "Host: h\r\n"), "405", "{name}");
    }
}

/// A plain contract in two documents and a schema, as WCF publishes it.
fn published(host: &str, asked: &Seen) -> Answer {
    let definitions = |content: &str| {
        format!(
            "<definitions targetNamespace='urn:t' xmlns='http://schemas.xmlsoap.org/wsdl/' xmlns:t='urn:t' \
             xmlns:s='http://schemas.xmlsoap.org/wsdl/soap12/'>{content}</definitions>"
        )
    };
    let types = |location: &str| {
        format!(
            "<types><schema xmlns='http://www.w3.org/2001/XMLSchema'><import schemaLocation='{location}'/></schema></types>"
        )
    };
    let body = match asked.target.as_str() {
        "/plain?wsdl" => definitions(&format!(
            "<import location='{host}/plain?wsdl=wsdl0'/>{}<binding name='B' type='t:P'><s:binding \
             transport='http://schemas.xmlsoap.org/soap/http'/><operation name='O'><input/><output/></operation></binding>\
             <service name='S'><port name='P' binding='t:B'><s:address location='{host}/plain'/></port></service>",
            types("http://127.0.0.1:1/elsewhere.xsd")
        )),
        "/plain?wsdl=wsdl0" => definitions(
            "<message name='M'/><portType name='P'><operation name='O'><input message='t:M'/><output message='t:M'/>\
             </operation></portType>",
        )
        .replace("<message", &(types("plain?xsd=xsd0") + "<message")),
        "/plain?xsd=xsd0" => SCHEMA.to_owned(),
        _ => return Answer { status: 404, content_type: String::new(), body: Vec::new() },
    };
    Answer { status: 200, content_type: "text/xml".into(), body: body.into_bytes() }
}

#[test]
fn a_contract_from_the_backend() {
    let backend = Backend::answering(|asked| {
        let host = asked.header("host").unwrap_or_default();
        published(&format!("http://{host}"), asked)
    })
    .unwrap();
    let gateway = Gateway::start("contract backend", &backend.url(), &format!("{PRESET}\n    contract: backend"));
    assert!(backend.seen().is_empty(), "it may be down when the gateway starts");
    let (head, main) = gateway.get("/echo?wsdl");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head} {}", gateway.process.log());
    let address = "http://public.example:8443/echo";
    assert!(main.contains(&format!("<import location='{address}?wsdl=1'/>")), "{main}");
    assert!(main.contains("'http://127.0.0.1:1/elsewhere.xsd'"), "what is not the backend's stays");
    assert!(gateway.process.logs("an import is published as it stands: it is not the backend's"), "and is told of");
    let inside = backend.url();
    let documents: Vec<String> = ["/echo?wsdl=1", "/echo?xsd=2"].map(|target| gateway.get(target).1).to_vec();
    assert!(documents[0].contains(&format!("schemaLocation='{address}?xsd=2'")) && documents[1] == SCHEMA);
    assert!([&main, &documents[0]].iter().all(|text| !text.contains(inside.trim_end_matches("/plain"))));
    // Clients read both together.
    let both = format!("<Metadata xmlns='http://schemas.xmlsoap.org/ws/2004/09/mex'>{main}{}</Metadata>", documents[0]);
    let port = ports(&both).remove(0);
    assert_eq!(port.address.as_deref(), Some(address));
    let alternatives = port.alternatives.unwrap();
    let Binding::Symmetric(binding) = &alternatives[0].binding else { panic!("not symmetric") };
    assert!(matches!(binding.protection, Token::SecureConversation(_)));
    let input = &port.operations[0].input.alternatives[0].parts;
    assert!(input.signed.body && input.encrypted.body, "parts are the messages'");
    assert_eq!(backend.take().len(), 3, "each document once");
    gateway.get("/echo?wsdl");
    assert!(backend.take().is_empty(), "and kept");
}

#[test]
fn a_backend_without_a_usable_contract() {
    let answer =
        |status: u16, body: &str| Answer { status, content_type: "text/xml".into(), body: body.as_bytes().to_vec() };
    let large = format!("<a>{}</a>", " ".repeat(5 * 1024 * 1024));
    for (name, said, reason) in [
        ("contract none", answer(404, ""), "the backend answered 404"),
        ("contract fault", answer(500, "<a/>"), "the backend answered 500"),
        ("contract other", answer(200, "<html/>"), "is no contract"),
        ("contract broken", answer(200, "<a>"), "the file ends before"),
        ("contract doctype", answer(200, "<!DOCTYPE a><a/>"), "a DOCTYPE"),
        ("contract large", answer(200, &large), "has more than 4194304 octets"),
    ] {
        let backend = Backend::answering(move |_| said.clone()).unwrap();
        let gateway = Gateway::start(name, &backend.url(), &format!("{PRESET}\n    contract: backend"));
        let (head, body) = gateway.get("/echo?wsdl");
        assert!(head.starts_with("HTTP/1.1 503 ") && body.is_empty(), "{name}: {head}");
        assert!(gateway.process.logs(reason), "{name}: {}", gateway.process.log());
        assert_eq!(gateway.get("/echo?wsdl").0.split(' ').nth(1), Some("503"));
        assert_eq!(backend.seen().len(), 1, "{name}: it is left alone for a while");
    }
}

/// A backend that compresses what nobody asked it to compress.
#[test]
fn a_backend_that_compresses_its_contract() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/echo", socket.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let mut stream = socket.accept().unwrap().0;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            request.push(octet[0]);
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n";
        stream.write_all(&[head.as_bytes(), b"\x1f\x8b\x08\x00"].concat()).unwrap();
        String::from_utf8(request).unwrap().to_ascii_lowercase()
    });
    let gateway = Gateway::start("contract compressed", &url, &format!("{PRESET}\n    contract: backend"));
    let (head, body) = gateway.get("/echo?wsdl");
    assert!(head.starts_with("HTTP/1.1 503 ") && body.is_empty(), "{head}");
    assert!(gateway.process.logs("the backend's document has Content-Encoding"), "{}", gateway.process.log());
    let asked = asked.join().unwrap();
    assert!(!asked.contains("gzip") && !asked.contains("deflate"), "{asked}");
}
