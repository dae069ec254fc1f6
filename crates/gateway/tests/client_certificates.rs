//! Clients that prove by certificate to TLS who they are.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;
mod serving;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use nuncio::clock::Clock;
use nuncio::listen::ClientCertificates;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::trust::{RevocationList, Settings, Thumbprint};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use program::{Running, key, nuncio, port};
use serving::{Options, Server, whole};

/// An authority, and what it issues.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A client's certificate, and its key in PEM.
#[derive(Clone)]
struct Client {
    pem: String,
    key: String,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2120, 1, 1));
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, serial: u64, year: i32, purpose: ExtendedKeyUsagePurpose) -> Client {
        let mut params = named(name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_after = date_time_ymd(year, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Client { pem, key: key.serialize_pem() }
    }

    fn client(&self, name: &str, serial: u64) -> Client {
        self.issue(name, serial, 2120, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A list of revoked certificates that is good until that year: PEM and DER.
    fn revoking(&self, serials: &[u64], year: i32) -> (String, Vec<u8>) {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2021, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap();
        (list.pem().unwrap(), list.der().to_vec())
    }
}

fn certificate(pem: &str) -> Certificate {
    Certificate::from_pem(pem.as_bytes()).unwrap().remove(0)
}

/// What a server answers that client: the body, or nothing where TLS does not come to be.
async fn ask(server: &Server, client: Option<&Client>) -> Option<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(Client { pem, key }) => {
            let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect("localhost".try_into().unwrap(), server.connect().await).await.ok()?;
    stream.write_all(whole("/transport").as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

async fn server(required: bool, trust: &[&str], crls: Option<&[Vec<u8>]>) -> Server {
    let lists = |crls: &[Vec<u8>]| crls.iter().flat_map(|der| RevocationList::from_file(der).unwrap()).collect();
    let certificates = trust.iter().map(|pem| certificate(pem)).collect();
    let trust = Settings { certificates, revocation: crls.map(lists), ..Settings::default() };
    let clients = Some(ClientCertificates { required, trust });
    Server::start(Options { tls: true, clients, ..serving::options() }).await
}

#[tokio::test]
async fn a_certificate_is_asked_for_and_judged() {
    let (authority, other) = (Authority::new("A"), Authority::new("B"));
    let (alice, mallory) = (authority.client("alice", 1), other.client("alice", 1));
    let old = authority.issue("old", 2, 2021, ExtendedKeyUsagePurpose::ClientAuth);
    let wrong = authority.issue("server", 3, 2120, ExtendedKeyUsagePurpose::ServerAuth);
    for required in [true, false] {
        let server = server(required, &[&authority.pem], None).await;
        assert_eq!(ask(&server, Some(&alice)).await.as_deref(), Some("Authenticated"));
        for (who, client) in [("another authority's", &mallory), ("an expired one", &old), ("a server's", &wrong)] {
            assert_eq!(ask(&server, Some(client)).await, None, "{who} where required: {required}");
        }
        assert_eq!(ask(&server, None).await.as_deref(), (!required).then_some("Secure"));
    }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_so_is_one_of_which_nothing_is_known() {
    let (authority, other) = (Authority::new("A"), Authority::new("B"));
    let (alice, bob) = (authority.client("alice", 1), authority.client("bob", 2));
    let trust = [&*authority.pem, &*other.pem];
    let both = [authority.revoking(&[2], 2120).1, other.revoking(&[], 2120).1];
    let sound = server(true, &trust, Some(&both)).await;
    assert!(ask(&sound, Some(&alice)).await.is_some());
    assert_eq!(ask(&sound, Some(&bob)).await, None, "it is revoked");
    assert!(ask(&sound, Some(&other.client("carol", 1))).await.is_some());
    let outdated = server(true, &trust, Some(&[authority.revoking(&[2], 2022).1])).await;
    assert_eq!(ask(&outdated, Some(&alice)).await, None, "the list is out of date");
    let unknown = server(true, &trust, Some(&[other.revoking(&[], 2120).1])).await;
    assert_eq!(ask(&unknown, Some(&alice)).await, None, "no list is its issuer's");
}

#[tokio::test]
async fn the_very_certificate_of_a_client_is_believed_and_issues_nothing() {
    let authority = Authority::new("A");
    let (alice, bob) = (authority.client("alice", 1), authority.client("bob", 2));
    let pinned = server(true, &[&alice.pem], None).await;
    assert!(ask(&pinned, Some(&alice)).await.is_some());
    assert_eq!(ask(&pinned, Some(&bob)).await, None, "its authority is not trusted");
    let by_thumbprint = Settings {
        certificates: vec![certificate(&Authority::new("B").pem)],
        thumbprints: vec![Thumbprint::Sha1(certificate(&alice.pem).thumbprint())],
        ..Settings::default()
    };
    let clients = Some(ClientCertificates { required: true, trust: by_thumbprint });
    let by_thumbprint = Server::start(Options { tls: true, clients, ..serving::options() }).await;
    assert!(ask(&by_thumbprint, Some(&alice)).await.is_some());
    assert_eq!(ask(&by_thumbprint, Some(&bob)).await, None);
    // Alice's key signs a certificate.
    let issuer = Issuer::new(named("alice"), KeyPair::from_pem(&alice.key).unwrap());
    let made = Authority { pem: alice.pem.clone(), issuer }.client("bob", 3);
    assert_eq!(ask(&pinned, Some(&made)).await, None, "she is no authority");
}

const WSDL: &str = r##"<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" targetNamespace="urn:t"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:wsp="http://www.w3.org/ns/ws-policy"
    xmlns:sp="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"
    xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">
  <wsp:Policy wsu:Id="P"><sp:TransportBinding><wsp:Policy>
    <sp:TransportToken><wsp:Policy><sp:HttpsToken><wsp:Policy><sp:RequireClientCertificate/></wsp:Policy></sp:HttpsToken>
    </wsp:Policy></sp:TransportToken>
    <sp:AlgorithmSuite><wsp:Policy><sp:Basic256/></wsp:Policy></sp:AlgorithmSuite><sp:IncludeTimestamp/>
  </wsp:Policy></sp:TransportBinding></wsp:Policy>
  <wsdl:portType name="T"/>
  <wsdl:binding name="B" type="t:T"><wsp:PolicyReference URI="#P"/>
    <soap:binding transport="http://schemas.xmlsoap.org/soap/http"/></wsdl:binding>
  <wsdl:service name="S"><wsdl:port name="Port" binding="t:B"><soap:address location="https://localhost/"/></wsdl:port>
  </wsdl:service>
</wsdl:definitions>
"##;

fn keep(name: &str, text: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).unwrap();
    file
}

/// A policy that demands a client's certificate, of TLS alone, and a timestamp of its messages.
const STAMPED: &str = "    wsdl: clients.wsdl\n    publish: false\n";
/// One that demands nothing of messages.
const BARE: &str = "    policy:\n      preset: basicHttpBinding\n      \
    security: { mode: Transport, transport: { clientCredentialType: Certificate } }\n";

/// A configuration with a policy that demands a client's certificate.
fn configuration(name: &str, listener: &str, backend: &str) -> PathBuf {
    configuration_with(name, listener, backend, STAMPED)
}

fn configuration_with(name: &str, listener: &str, backend: &str, policy: &str) -> PathBuf {
    keep("clients.wsdl", WSDL);
    let text = format!("listeners:\n{listener}routes:\n  - path: /echo\n    backend: {backend}\n{policy}");
    keep(&format!("clients-{name}.yaml"), &text)
}

fn tls(port: u16, rest: &str) -> String {
    let (certificate, key) = (key("server.pem"), key("server.key"));
    let (certificate, key) = (certificate.display(), key.display());
    format!("  - address: 127.0.0.1:{port}\n    tls: {{ certificate: {certificate}, key: {key} }}\n{rest}")
}

#[test]
fn a_policy_that_demands_one_names_the_caller_by_it() {
    names_the_caller("curl", STAMPED);
}

#[test]
fn a_policy_that_demands_nothing_else_names_the_caller_by_it() {
    names_the_caller("bare", BARE);
}

fn names_the_caller(name: &str, policy: &str) {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skip: there is no curl");
        return;
    }
    let authority = Authority::new("A");
    let (alice, bob) = (authority.client("alice", 1), authority.client("bob", 2));
    let file = |file: &str, text: &str| keep(&format!("clients-{name}-{file}"), text);
    file("ca.pem", &authority.pem);
    file("crl.pem", &authority.revoking(&[2], 2120).0);
    let backend = format!("http://127.0.0.1:{}", port());
    let mut command = nuncio();
    command.args(["echo", "--listen", &backend]);
    let _echo = Running::start(command);
    let port = port();
    let rest = format!(
        "    client_certificates: optional\n    trust: {{ certificates: [clients-{name}-ca.pem], crls: [clients-{name}-crl.pem] }}\n"
    );
    let mut command = nuncio();
    command.arg("run").arg("--config");
    command.arg(configuration_with(name, &tls(port, &rest), &format!("{backend}/echo"), policy));
    let _running = Running::start_logging(command, Stdio::null());
    let ask = |version: &str, client: Option<&Client>| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", version, "--cacert"]).arg(key("server.pem"));
        if let Some(client) = client {
            let (certificate, key) = (file("own.pem", &client.pem), file("own.key", &client.key));
            curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        let created = Clock::system().now();
        let security = format!(
            "<o:Security s:mustUnderstand='1' \
             xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd' \
             xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'><u:Timestamp>\
             <u:Created>{created}</u:Created></u:Timestamp></o:Security>"
        );
        let security = if policy == STAMPED { security } else { String::new() };
        let body = format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Header>{security}</s:Header><s:Body>\
             <WhoAmI xmlns='http://nuncio.example/echo'/></s:Body></s:Envelope>"
        );
        let output = curl
            .args([
                "--header",
                "Content-Type: text/xml",
                "--data",
                &body,
                "--write-out",
                "\n%{http_version} %{http_code}",
            ])
            .arg(format!("https://127.0.0.1:{port}/echo"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (version, number) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let answer = ask(version, Some(&alice));
        assert!(answer.ends_with(&format!("\n{number} 200")) && answer.contains("CN=alice"), "{answer}");
        let answer = ask(version, None);
        assert!(answer.ends_with(&format!("\n{number} 500")) && !answer.contains("WhoAmI"), "{answer}");
        assert!(ask(version, Some(&bob)).ends_with(" 000"), "TLS refuses a revoked one");
    }
}

#[test]
fn what_is_said_of_clients_is_whole_or_refused() {
    let authority = Authority::new("A");
    keep("clients-ca.pem", &authority.pem);
    keep("clients-none.crl", &authority.pem);
    let optional = "    client_certificates: optional\n";
    let trusting = |rest: &str| format!("{optional}    trust: {{ certificates: [clients-ca.pem]{rest} }}\n");
    let behind = "  - address: 127.0.0.1:1\n    tls_terminated_by: [127.0.0.1]\n";
    let unsaid = "says in `crls` which files have lists of revoked certificates, or `off`";
    for (name, listener, says) in [
        ("trust", tls(1, optional), "`client_certificates` is there without `trust`"),
        ("crls", tls(1, &trusting("")), unsaid),
        ("list", tls(1, &format!("{optional}    trust: [clients-ca.pem]\n")), unsaid),
        ("none", tls(1, &trusting(", crls: [clients-none.crl]")), "there is no revocation list"),
        ("nobody", tls(1, &format!("{optional}    trust: {{ crls: off }}\n")), "nobody would be believed"),
        ("off", tls(1, "    trust: [clients-ca.pem]\n"), "`trust` is there without `client_certificates`"),
        ("clear", format!("{behind}{}", trusting(", crls: off")), "`client_certificates` is there without `tls`"),
        ("front", behind.to_owned(), "demands that TLS asks for the client's certificate"),
        ("unasked", tls(1, ""), "demands that TLS asks for the client's certificate"),
    ] {
        let mut command = nuncio();
        let output =
            command.arg("run").arg("--config").arg(configuration(name, &listener, "http://127.0.0.1:1")).output();
        let said = String::from_utf8(output.unwrap().stderr).unwrap();
        assert!(said.contains(says), "{name}: {said}");
    }
}
