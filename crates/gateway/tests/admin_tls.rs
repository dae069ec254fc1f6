//! The admin listener under TLS, and who is believed there: by certificate, by token, or nobody.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod program;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use program::{Running, key, nuncio, port};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

const TOKEN: &str = "0123456789abcdef";
/// A name by which a gateway is not asked from its own machine.
const FAR: &str = "gateway.example";

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    /// A server's own.
    fn of_server() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// A client's, and the authority's that issued it.
    fn of_client() -> (String, Self) {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let own = KeyPair::generate().unwrap();
        let root = authority.self_signed(&own).unwrap().pem();
        let mut client = CertificateParams::new(Vec::new()).unwrap();
        client.distinguished_name.push(rcgen::DnType::CommonName, "watcher");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = client.signed_by(&key, &Issuer::new(authority, own)).unwrap().pem();
        (root, Self { certificate, key: key.serialize_pem() })
    }
}

/// A gateway whose admin listener is at an address of its own making.
struct Gateway {
    running: Running,
    folder: PathBuf,
    admin: u16,
    server: Pair,
    /// Who issued the certificate of a client that is believed.
    client: Pair,
}

impl Gateway {
    /// `admin` is what is said of it beside address and certificate.
    fn start(name: &str, address: &str, tls: bool, admin: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (server, (root, client), port) = (Pair::of_server(), Pair::of_client(), port());
        let write = |file: &str, text: &str| std::fs::write(folder.join(file), text).unwrap();
        write("ca.pem", &root);
        write("token", TOKEN);
        write("watcher.pem", &client.certificate);
        write("watcher.key", &client.key);
        let tls = if tls { ", tls: { certificate: server.pem, key: server.key }" } else { "" };
        let yaml = format!(
            "listeners: [{{ address: '127.0.0.1:0' }}]\nadmin: {{ address: '{address}:{port}'{tls}{admin} }}\nroutes:\n  \
             - path: /echo\n    backend: http://127.0.0.1:9/\n    preset: wcf-wshttp-anonymousForCertificate\n    \
             certificate: {}\n    key: {}\n",
            key("server.pem").display(),
            key("server.key").display(),
        );
        write("nuncio.yaml", &yaml);
        certify(&folder, &server);
        let mut command = nuncio();
        command.args(["run", "--config"]).arg(folder.join("nuncio.yaml"));
        let log = File::create(folder.join("log")).unwrap();
        Self { running: Running::start_logging(command, log.into()), folder, admin: port, server, client }
    }

    /// The status of the answer to a request under that name by who shows that; nothing where there is none.
    fn ask(&self, shown: Option<&Pair>, host: &str, path: &str, headers: &str) -> Option<u16> {
        ask(self.admin, &self.server.certificate, shown, host, path, headers)
    }

    /// What a command says, and whether it went well, with flags that are files of the folder.
    fn command(&self, words: &[&str], flags: &[(&str, &str)]) -> (bool, String) {
        let mut command = nuncio();
        command.args(words).args(["--admin", &format!("localhost:{}", self.admin)]);
        for (flag, file) in flags {
            command.arg(flag).arg(self.folder.join(file));
        }
        let output = command.output().unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Waits until it has logged that: lines are written by a thread of their own.
    fn logs(&self, what: &str) {
        let start = Instant::now();
        while !self.log().contains(what) {
            assert!(start.elapsed() < Duration::from_secs(30), "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Puts that certificate where the configuration says.
fn certify(folder: &Path, server: &Pair) {
    std::fs::write(folder.join("server.key"), &server.key).unwrap();
    std::fs::write(folder.join("server.pem"), &server.certificate).unwrap();
}

fn ask(port: u16, trust: &str, shown: Option<&Pair>, host: &str, path: &str, headers: &str) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trust.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some(Pair { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap().strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

const PATHS: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/sessions"];

/// Beyond this machine, and without a dangerous word: who shows no certificate of that authority gets no connection.
#[test]
fn who_must_prove_by_certificate_does_so_or_hears_nothing() {
    let more = ", client_certificates: required, trust: { certificates: [ca.pem], crls: off }";
    let gateway = Gateway::start("admin-required", "0.0.0.0", true, more);
    let (_, stranger) = Pair::of_client();
    for path in PATHS {
        for host in [FAR, "localhost"] {
            assert_eq!(gateway.ask(Some(&gateway.client), host, path, ""), Some(200), "{host} {path}");
            assert_eq!(gateway.ask(None, host, path, ""), None, "{host} {path}: no certificate");
            assert_eq!(gateway.ask(Some(&stranger), host, path, ""), None, "{host} {path}: another authority's");
        }
    }
    assert!(!gateway.log().contains("DANGER"), "{}", gateway.log());

    let all = [("--trust", "server.pem"), ("--certificate", "watcher.pem"), ("--key", "watcher.key")];
    assert_eq!(gateway.command(&["sessions", "list"], &all), (true, String::new()));
    assert_eq!(gateway.command(&["health"], &all), (true, String::new()));
    for words in [&["sessions", "list"][..], &["health"]] {
        assert!(!gateway.command(words, &all[..1]).0, "{words:?}: no certificate");
        let other = [("--trust", "ca.pem"), all[1], all[2]];
        let (good, said) = gateway.command(words, &other);
        assert!(!good && said.contains("invalid peer certificate"), "{words:?}: another server's: {said}");
        for half in [&all[..2], &[all[0], all[2]], &all[1..]] {
            let (good, said) = gateway.command(words, half);
            assert!(!good && said.contains("it is there without --"), "{words:?}: {said}");
        }
    }
    assert_eq!(gateway.running.stop(), Some(0));
}

/// Who shows neither is told nothing but no, though he seems to be on this machine, as all do whom a relay there brings; what comes
/// without TLS is told nothing at all.
#[test]
fn a_token_is_shown_under_tls() {
    let more = ", token_file: token, client_certificates: optional, trust: { certificates: [ca.pem], crls: off }";
    let gateway = Gateway::start("admin-token", "0.0.0.0", true, more);
    let (_, stranger) = Pair::of_client();
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    for path in PATHS {
        assert_eq!(gateway.ask(None, FAR, path, &token), Some(200), "{path}");
        assert_eq!(gateway.ask(Some(&gateway.client), FAR, path, ""), Some(200), "{path}: a certificate");
        assert_eq!(gateway.ask(None, FAR, path, ""), Some(403), "{path}: neither");
        assert_eq!(gateway.ask(None, FAR, path, "Authorization: Bearer 0123456789abcdeX\r\n"), Some(403), "{path}");
        assert_eq!(gateway.ask(Some(&stranger), FAR, path, &token), None, "{path}: another authority's");
        for host in ["localhost", "127.0.0.1"] {
            assert_eq!(gateway.ask(None, host, path, ""), Some(403), "{path}: from here");
        }
        assert_eq!(gateway.ask(None, FAR, &format!("{path}/none"), ""), Some(403), "{path}");

        let mut clear = TcpStream::connect(("127.0.0.1", gateway.admin)).unwrap();
        let _ = write!(clear, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{token}Connection: close\r\n\r\n");
        let mut answer = Vec::new();
        let _ = clear.read_to_end(&mut answer);
        // An alert of TLS at most (RFC 8446 section 6).
        assert!(answer.len() <= 7 && answer.first().is_none_or(|&kind| kind == 21), "{path}: {answer:?}");
    }
    assert!(!gateway.log().contains("DANGER"), "{}", gateway.log());

    // Each line says by what it was known that he may.
    gateway.ask(Some(&gateway.client), FAR, "/sessions?principal=alice", "");
    gateway.ask(None, FAR, "/sessions?principal=bob", &token);
    gateway.logs("path=\"/sessions\" query=\"principal=alice\" by=\"certificate CN=watcher\" status=200 ");
    gateway.logs("path=\"/sessions\" query=\"principal=bob\" by=\"token\" status=200 ");

    let flags = [("--trust", "server.pem"), ("--token-file", "token")];
    assert_eq!(gateway.command(&["sessions", "list"], &flags), (true, String::new()));
    assert_eq!(gateway.command(&["health", "--live"], &flags), (true, String::new()));
    assert!(!gateway.command(&["health"], &flags[1..]).0, "in clear");
    assert_eq!(gateway.running.stop(), Some(0));
}

/// Without TLS it takes a dangerous word, and is loud: whoever is between reads the token.
#[test]
fn a_token_in_clear_is_loud() {
    let gateway =
        Gateway::start("admin-clear", "0.0.0.0", false, ", token_file: token, danger_admin_beyond_loopback: true");
    gateway.logs("DANGER: the admin listener can be reached from other machines, by anybody");
    gateway.logs("DANGER: the token of the admin listener travels in clear");
    // Anybody may watch; names, and what ends anything, are for who proves himself.
    for (path, headers, status) in [
        ("/metrics", "", "200"),
        ("/sessions", "", "403"),
        ("/sessions", "Authorization: Bearer 0123456789abcdef\r\n", "200"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.admin)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
    assert_eq!(gateway.running.stop(), Some(0));

    for (more, why) in [
        (", token_file: token", "is not at a loopback address"),
        (", tls: { certificate: server.pem, key: server.key }", "is not at a loopback address"),
        (", client_certificates: required, trust: { certificates: [ca.pem], crls: off }", "`tls`"),
        (", tls: { certificate: server.pem, key: server.key }, client_certificates: required", "`trust`"),
    ] {
        let file = gateway.folder.join("bad.yaml");
        let yaml = std::fs::read_to_string(gateway.folder.join("nuncio.yaml")).unwrap();
        let yaml = yaml.replace(", token_file: token, danger_admin_beyond_loopback: true", more);
        std::fs::write(&file, yaml).unwrap();
        let output = nuncio().args(["check", "--config"]).arg(&file).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(why), "{more}: {said}");
    }
}

/// On this machine it is as it was without TLS, and whoever is here needs nothing.
#[test]
fn a_certificate_changes_without_a_restart() {
    let gateway = Gateway::start("admin-renewed", "127.0.0.1", true, "");
    assert_eq!(gateway.ask(None, "localhost", "/readyz", ""), Some(200));
    assert_eq!(gateway.ask(None, FAR, "/metrics", ""), Some(200));
    assert_eq!(gateway.ask(None, FAR, "/sessions", ""), Some(403));
    let next = Pair::of_server();
    certify(&gateway.folder, &next);
    let start = Instant::now();
    while ask(gateway.admin, &next.certificate, None, "localhost", "/sessions", "") != Some(200) {
        assert!(start.elapsed() < Duration::from_secs(30), "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(gateway.ask(None, "localhost", "/readyz", ""), None, "the one before is shown no more");

    // What is not only TLS takes a restart.
    let file = gateway.folder.join("nuncio.yaml");
    let yaml = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, yaml.replace("server.key }", "server.key }, token_file: token")).unwrap();
    gateway.logs("`admin` changed, which takes a restart");
    // Nor does it lose its TLS: what is shown would travel in clear, and nobody would be told.
    let before = gateway.log().matches("which takes a restart").count();
    std::fs::write(&file, yaml.replace(", tls: { certificate: server.pem, key: server.key }", "")).unwrap();
    while gateway.log().matches("which takes a restart").count() == before {
        assert!(start.elapsed() < Duration::from_mins(1), "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask(gateway.admin, &next.certificate, None, "localhost", "/readyz", ""), Some(200));
    assert_eq!(gateway.running.stop(), Some(0));
}
