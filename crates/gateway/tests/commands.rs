//! The program, as a shell sees it.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use program::{Running, key, nuncio, port};

/// `nuncio proxy` with what every use has in common, and `more`.
fn proxy(more: &[&str]) -> Command {
    let mut command = nuncio();
    command.args(["proxy", "--backend", "http://127.0.0.1:9/", "--user", "alice:wonderland-1865"]);
    command.arg("--certificate").arg(key("server.pem")).arg("--key").arg(key("server.key")).args(more);
    command
}

fn outcome(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_demonstration_does_every_step() {
    let output = nuncio().args(["demo", "--once", "--log", "off"]).output().unwrap();
    let (status, errors) = outcome(&output);
    assert_eq!((status, &*errors), (Some(0), ""));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("Every step did what it should"), "{shown}");
    assert!(!shown.contains('\x1b'), "there is no terminal, and yet there is colour");
    for way in ["client to gateway", "gateway to service", "service to gateway", "gateway to client"] {
        assert!(shown.contains(way), "{way}: {shown}");
    }
    let sealed = shown.split_once("gateway to client").unwrap().1;
    assert!(sealed.contains("e:CipherValue") && sealed.contains("Reverse"), "{sealed}");
    let refused = shown.matches("is refused (InvalidSecurity)").count();
    assert!(refused == 2 && shown.contains("is refused (BadContextToken)"), "{shown}");
    assert!(shown.contains("e:CipherValue") && shown.contains("X-Nuncio-Principal: alice"), "{shown}");
}

#[test]
fn the_plain_service_answers_and_ends_when_it_is_told() {
    let port = port();
    let mut command = nuncio();
    command.args(["echo", "--listen", &format!("http://127.0.0.1:{port}")]);
    let running = Running::start(command);
    let body = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
                <WhoAmI xmlns=\"http://nuncio.example/echo\"/></s:Body></s:Envelope>";
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\nContent-Length: {length}");
    write!(stream, "{head}\r\nX-Nuncio-Principal: bob\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("<WhoAmIResult>bob</WhoAmIResult>"), "{answer}");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let port = port();
    let mut command = nuncio();
    command.args(["echo", "--listen", &format!("http://127.0.0.1:{port}")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "nuncio: ready");
    let running = Running(child);
    // A line of the log each, and together many times what a pipe holds and what may wait.
    let path = "x".repeat(200);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for _ in 0..10_000 {
        stream.write_all(request.as_bytes()).unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            let mut octets = [0; 512];
            let read = stream.read(&mut octets).unwrap();
            assert_ne!(read, 0);
            seen.extend_from_slice(&octets[..read]);
        }
        assert!(seen.starts_with(b"HTTP/1.1 405 "), "{}", String::from_utf8_lossy(&seen));
    }
    assert_eq!(running.stop(), Some(0), "nor the end");
}

#[test]
fn a_proxy_says_that_it_is_ready_and_ends_when_it_is_told() {
    let (clear, secure) = (format!("http://127.0.0.1:{}", port()), format!("https://127.0.0.1:{}", port()));
    let preset = "wcf-ws2007-userNameForCertificate-conversation";
    let running = Running::start(proxy(&["--listen", &clear, "--listen", &secure, "--preset", preset]));
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn a_proxy_that_would_not_be_safe_is_refused() {
    let over_transport = ["--preset", "wcf-ws2007-userNameOverTransport"];
    let mutual = ["--preset", "wcf-ws2007-mutualCertificate"];
    let listen = ["--listen", "http://127.0.0.1:0"];
    for (flags, refusal) in [
        (
            [listen, over_transport].concat(),
            "nuncio: --listen: the policy demands TLS, and http://127.0.0.1:0 has none: listen on https://, or say with \
             --tls-terminated-by who takes TLS off in front of it\n",
        ),
        (
            [listen, mutual].concat(),
            "nuncio: --preset: the policy admits clients by certificate, and there is no --trust to check them against",
        ),
        ([listen, ["--preset", "none"]].concat(), "nuncio: --preset: there is no preset \"none\", only wcf-ws2007-"),
        ([listen, ["--wsdl", "none.wsdl"]].concat(), "nuncio: --wsdl: cannot read none.wsdl: No such file"),
        (
            [["--listen", "ws://127.0.0.1:0"], over_transport].concat(),
            "nuncio: --listen: \"ws://127.0.0.1:0\" is not http:// or https:// with an address and a port",
        ),
        (
            [listen, over_transport, ["--tls-terminated-by", "here"]].concat(),
            "nuncio: --tls-terminated-by: \"here\" is not an address range",
        ),
        (
            [listen, over_transport, ["--clock", "yesterday"]].concat(),
            "nuncio: --clock: \"yesterday\" is not an instant",
        ),
        (
            [listen, over_transport, ["--tls-key", "k"]].concat(),
            "nuncio: --tls-key: it is there without --tls-certificate\n",
        ),
        (
            [["--listen", "http://127.0.0.1:1/echo"], over_transport].concat(),
            "nuncio: --listen: \"http://127.0.0.1:1/echo\" has a path, which does not belong there",
        ),
        (
            [["--listen", "http://127.0.0.1"], over_transport].concat(),
            "nuncio: --listen: \"http://127.0.0.1\" is not http:// or https:// with an address and a port",
        ),
    ] {
        let (status, errors) = outcome(&proxy(&flags).output().unwrap());
        assert_eq!(status, Some(1), "{flags:?}");
        assert!(errors.starts_with(refusal), "{errors}\n is not\n{refusal}");
    }
    // Without what `proxy` gives to each.
    let (certificate, key) = (key("server.pem"), key("server.key"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let secure = ["--listen", "https://127.0.0.1:0"];
    let encrypting = ["--preset", "wcf-ws2007-anonymousForCertificate"];
    for (flags, refusal) in [
        (
            [&secure[..], &over_transport, &["--certificate", certificate]].concat(),
            "nuncio: --certificate: it is there without --key\n",
        ),
        (
            [&secure[..], &over_transport, &["--key", key]].concat(),
            "nuncio: --key: it is there without --certificate\n",
        ),
        (
            [&secure[..], &over_transport].concat(),
            "nuncio: --listen: \"https://127.0.0.1:0\" needs --certificate and --key, or --tls-certificate and --tls-key\n",
        ),
        (
            [&listen[..], &encrypting].concat(),
            "nuncio: --preset: the policy protects messages with the service's certificate: give --certificate and --key\n",
        ),
    ] {
        let output = nuncio().args(["proxy", "--backend", "http://127.0.0.1:9/"]).args(&flags).output().unwrap();
        assert_eq!(outcome(&output), (Some(1), refusal.to_owned()), "{flags:?}");
    }
    let (status, errors) = outcome(&proxy(&listen).output().unwrap());
    assert_eq!(status, Some(2), "neither a contract nor a preset is a usage error");
    assert!(errors.contains("--wsdl <FILE|URL>"), "{errors}");
}

#[test]
fn a_password_is_in_no_error() {
    let (_, errors) = outcome(&proxy(&["--listen", "nowhere", "--preset", "none", "--user", "bob"]).output().unwrap());
    assert!(errors.contains("it is not NAME:PASSWORD") && !errors.contains("1865"), "{errors}");
}

/// Who does not know the names of policies finds them where they are asked for, each with what it is.
#[test]
fn the_help_names_each_preset() {
    let output = nuncio().args(["help", "proxy"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, presets) = help.split_once("\nPresets:\n").unwrap();
    for preset in nuncio_policy::preset::all() {
        let named = |line: &str| line.split_whitespace().next() == Some(preset.name);
        assert!(presets.lines().any(named), "{}: {presets}", preset.name);
    }
    assert!(output.status.success() && help.contains("\nWho may call, and where:\n"), "{help}");
}
