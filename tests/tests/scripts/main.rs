//! Clients in scripting languages through a running `nuncio proxy` to a plain service: zeep (Python) and node-soap.
//!
//! Neither reads a policy, neither encrypts: a user name over TLS, and messages that are signed and no more, are what they have.
//! The contract they load from the gateway. Where Python, Node.js or their packages cannot be had, the tests say so in a line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::scripts::Peer;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The subject of the client's test certificate, as RFC 2253 writes it.
const SUBJECT: &str = "CN=nuncio-test-client,O=Test only";

/// The echo service's contract, without its policy.
const CONTRACT: &str = include_str!("echo.wsdl");

const SECURITY_POLICY: &str = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702";

fn nested(name: &str, inner: &str) -> String {
    format!("<p:{name}><w:Policy>{inner}</w:Policy></p:{name}>")
}

fn suite(name: &str) -> String {
    nested("AlgorithmSuite", &format!("<p:{name}/>")) + &nested("Layout", "<p:Lax/>") + "<p:IncludeTimestamp/>"
}

/// A user name over TLS.
fn user_name(hashed: bool) -> String {
    let password = if hashed { "<p:HashPassword/>" } else { "" };
    let token = format!(
        "<p:UsernameToken p:IncludeToken='{SECURITY_POLICY}/IncludeToken/AlwaysToRecipient'>\
         <w:Policy>{password}<p:WssUsernameToken10/></w:Policy></p:UsernameToken>"
    );
    let token_of_transport = nested("TransportToken", &nested("HttpsToken", ""));
    nested("TransportBinding", &(token_of_transport + &suite("Basic256"))) + &nested("SignedSupportingTokens", &token)
}

/// Bodies and timestamps signed in both directions and nothing encrypted, by certificates that go along with the messages.
fn signed(suite_name: &str) -> String {
    let token = |of: &str, include: &str| {
        let x509 = format!(
            "<p:X509Token p:IncludeToken='{SECURITY_POLICY}/IncludeToken/{include}'>\
             <w:Policy><p:WssX509V3Token10/></w:Policy></p:X509Token>"
        );
        nested(of, &x509)
    };
    let sides = token("InitiatorToken", "AlwaysToRecipient") + &token("RecipientToken", "AlwaysToInitiator");
    nested("AsymmetricBinding", &(sides + &suite(suite_name) + "<p:OnlySignEntireHeadersAndBody/>"))
        + "<p:SignedParts><p:Body/></p:SignedParts>"
}

/// A running gateway in front of a plain service, and where its contract is.
struct Stage {
    gateway: Nuncio,
    backend: Backend,
    contract: String,
}

fn stage(name: &str, assertions: &str, tls: bool, more: &[&str]) -> Stage {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("scripts");
    std::fs::create_dir_all(&folder).unwrap();
    let wsdl = folder.join(format!("{name}.wsdl"));
    std::fs::write(&wsdl, CONTRACT.replace("<!-- policy -->", assertions)).unwrap();
    let backend = Backend::start().unwrap();
    let url = format!("{}://127.0.0.1:{}", if tls { "https" } else { "http" }, free_port().unwrap());
    let key = |file: &str| peers::key(file).display().to_string();
    let mut arguments = ["proxy", "--listen", &url, "--backend", &backend.url()].map(str::to_owned).to_vec();
    arguments.extend(["--wsdl".into(), wsdl.display().to_string()]);
    arguments.extend(["--certificate".into(), key("server.pem"), "--key".into(), key("server.key")]);
    arguments.extend(["--trust".into(), key("client.pem"), "--user".into(), format!("{USER}:{PASSWORD}")]);
    arguments.extend(more.iter().map(|&word| word.to_owned()));
    let gateway = Nuncio::start(arguments).unwrap_or_else(|error| panic!("{name}: {error}"));
    // Their messages tell whole seconds, and of what was made before it began the gateway takes nothing.
    std::thread::sleep(Duration::from_secs(1));
    Stage { gateway, backend, contract: format!("{url}/echo?wsdl") }
}

impl Stage {
    /// Every call once, by that principal.
    fn answers(&self, command: &mut Command, principal: &str) {
        let said = peers::run(command).unwrap_or_else(|error| panic!("{error}\n{}", self.gateway.log()));
        let calls: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |call: &str| calls.iter().find(|line| line["call"] == call).unwrap();
        assert_eq!(of("Echo")["reply"], "a < \u{e9}", "{said}");
        assert_eq!(of("WhoAmI")["reply"], principal, "{said}");
        assert!(of("Fail")["fault"].as_str().unwrap().contains("on purpose"), "{said}");
        let seen = self.backend.take();
        assert_eq!(seen.len(), 4, "{said}");
        for request in &seen {
            assert!(request.is_plain(), "{}", request.text());
            assert_eq!(request.header("x-nuncio-principal"), Some(principal));
        }
    }

    /// No call is let through, for that reason.
    fn refuses(&self, command: &mut Command, reason: &str) {
        let before = self.gateway.log().len();
        let said = peers::run(command).expect_err("a refusal");
        assert!(said.matches("\"ok\": false").count() + said.matches("\"ok\":false").count() == 4, "{said}");
        assert!(!said.contains("on purpose"), "{said}");
        assert!(self.gateway.logs(reason), "{}", &self.gateway.log()[before..]);
        let log = self.gateway.log();
        assert_eq!(log[before..].matches(reason).count(), 4, "{}", &log[before..]);
        assert!(self.backend.take().is_empty());
    }
}

fn key(owner: &str) -> String {
    peers::key(owner).display().to_string()
}

/// The client's command for a user name.
fn user(peer: Peer, stage: &Stage, kind: &str, password: &str) -> Command {
    let mut command = peer.command().unwrap().unwrap();
    match peer {
        Peer::Zeep => command.arg(&stage.contract).args(["--security", kind, "--user", USER, "--password", password]),
        Peer::NodeSoap => {
            command.args([&stage.contract, kind, &format!("user={USER}"), &format!("password={password}")])
        }
    };
    match peer {
        Peer::Zeep => command.args(["--ca", &key("server.pem")]),
        Peer::NodeSoap => command.env("NODE_EXTRA_CA_CERTS", key("server.pem")),
    };
    command
}

fn user_names(peer: Peer) {
    if peer.command().unwrap().is_none() {
        return;
    }
    let name = peer.name();
    let text = stage(&format!("{name} text"), &user_name(false), true, &[]);
    text.answers(&mut user(peer, &text, "text", PASSWORD), USER);
    text.refuses(&mut user(peer, &text, "text", "looking-glass"), "is not known by that password");
    let readable = ["--danger-keep-passwords", "readable"];
    let digest = stage(&format!("{name} digest"), &user_name(true), true, &readable);
    digest.answers(&mut user(peer, &digest, "digest", PASSWORD), USER);
    digest.refuses(&mut user(peer, &digest, "digest", "looking-glass"), "is not known by that password");
    // A hash where the policy has the password itself, and the reverse.
    text.refuses(&mut user(peer, &text, "digest", PASSWORD), "refused=\"");
    digest.refuses(&mut user(peer, &digest, "text", PASSWORD), "refused=\"");
}

#[test]
fn zeep_calls_with_a_user_name() {
    user_names(Peer::Zeep);
}

#[test]
fn node_soap_calls_with_a_user_name() {
    user_names(Peer::NodeSoap);
}

#[test]
fn zeep_signs() {
    let Some(_) = Peer::Zeep.command().unwrap() else { return };
    for (suite, hash) in [("Basic256", "sha1"), ("Basic256Sha256", "sha256")] {
        let stage = stage(&format!("zeep {suite}"), &signed(suite), false, &[]);
        let call = |kind: &str, owner: &str| {
            let mut command = Peer::Zeep.command().unwrap().unwrap();
            command.arg(&stage.contract).args(["--security", &format!("{kind}-{hash}"), "--key", &key(owner)]);
            command.args(["--service", &key("server.pem")]);
            command
        };
        for kind in ["binary", "issuer"] {
            stage.answers(&mut call(kind, "client"), SUBJECT);
            stage.refuses(&mut call(kind, "stranger"), "neither pinned nor issued under a configured root");
            stage.refuses(call(kind, "client").arg("--changed"), "digests to another value");
        }
    }
}

#[test]
fn node_soap_signs() {
    let Some(_) = Peer::NodeSoap.command().unwrap() else { return };
    let stage = stage("node-soap certificate", &signed("Basic256Sha256"), false, &[]);
    let call = |owner: &str, more: &str| {
        let mut command = Peer::NodeSoap.command().unwrap().unwrap();
        command.args([&stage.contract, "certificate", &format!("key={}", key(owner)), more]);
        command
    };
    stage.answers(&mut call("client", "transforms=exclusive"), SUBJECT);
    stage.refuses(&mut call("stranger", "transforms=exclusive"), "neither pinned nor issued under a configured root");
    stage.refuses(call("client", "transforms=exclusive").arg("changed=true"), "digests to another value");
    // Its own transforms let a signature within what it signs, which no message of WS-Security needs.
    stage.refuses(&mut call("client", "transforms="), "enveloped-signature\\\" is not accepted here");
}
