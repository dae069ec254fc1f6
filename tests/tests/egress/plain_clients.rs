//! Plain clients of others: .NET's, zeep, node-soap.

use std::path::PathBuf;
use std::process::Command;

use nuncio_policy::model::SoapVersion;
use nuncio_tests::peers;
use nuncio_tests::scripts::Peer;
use serde_json::{Value, json};

use crate::{CONTRACT, Egress, Protected};

#[test]
fn dotnet_calls_without_security() {
    let client = peers::shared("peers/dotnet/nuncio-peer-dotnet");
    if !client.exists() {
        return peers::skip("dotnet egress", "the client is not there");
    }
    let service = Protected::start();
    let egress = Egress::start("dotnet", &service.url(), "");
    for binding in ["plain", "plain11"] {
        let mut command = Command::new(&client);
        command.args(["--url", &format!("{}/", egress.address), "--binding", binding]);
        command.args(["--calls", "echo,reverse,whoami,notify,fail,session", "--repeat", "3"]);
        let said =
            peers::run(&mut command).unwrap_or_else(|error| panic!("{binding}: {error}\n{}", egress.gateway.log()));
        assert!(!said.contains("\"ok\":false"), "{said}");
    }
    assert_eq!(service.begun(), 1);
    assert!(service.backend.seen().iter().all(|seen| seen.header("x-nuncio-principal") == Some(peers::USER)));
}

/// The contract that a plain client has: where it calls is the gateway.
fn contract(name: &str, soap: SoapVersion, egress: &Egress) -> PathBuf {
    let binding = match soap {
        SoapVersion::V11 => "http://schemas.xmlsoap.org/wsdl/soap/",
        SoapVersion::V12 => "http://schemas.xmlsoap.org/wsdl/soap12/",
    };
    let text = CONTRACT
        .replace("http://schemas.xmlsoap.org/wsdl/soap/", binding)
        .replace("http://inside.example/", &format!("{}/", egress.address));
    let file = egress.file.with_file_name(format!("{name} {soap:?}.wsdl"));
    std::fs::write(&file, text).unwrap();
    file
}

/// A client of a library calls every operation with each of these, and hears what a plain service says.
fn calls_without_security(peer: Peer, ways: &[(SoapVersion, &[&str])]) {
    if peer.command().unwrap().is_none() {
        return;
    }
    let service = Protected::start();
    let egress = Egress::start(peer.name(), &service.url(), "");
    for (soap, more) in ways {
        let mut command = peer.command().unwrap().unwrap();
        command.arg(contract(peer.name(), *soap, &egress)).args(*more);
        let said = peers::run(&mut command)
            .unwrap_or_else(|error| panic!("{soap:?} {more:?}: {error}\n{}", egress.gateway.log()));
        let calls: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let fault = "failed as asked: on purpose";
        let wanted = [
            json!({"call": "Echo", "ok": true, "reply": "a < \u{e9}"}),
            json!({"call": "WhoAmI", "ok": true, "reply": peers::USER}),
            json!({"call": "Notify", "ok": true, "reply": null}),
            json!({"call": "Fail", "ok": false, "fault": fault}),
        ];
        assert_eq!(calls, wanted, "{soap:?} {more:?}");
        let seen = service.backend.take();
        let called: Vec<_> = ["Echo", "WhoAmI", "Notify", "Fail"].into();
        assert_eq!(seen.len(), called.len(), "{seen:?}");
        for (request, operation) in seen.iter().zip(called) {
            assert!(request.is_plain() && request.text().contains(operation), "{}", request.text());
            assert_eq!(request.header("x-nuncio-principal"), Some(peers::USER));
            assert!(request.header("x-nuncio-conversation").is_some());
        }
    }
    assert_eq!(service.begun(), 1);
}

#[test]
fn zeep_calls_without_security() {
    let none = ["--security", "none"].as_slice();
    let addressed = ["--security", "none", "--addressing"].as_slice();
    let (old, new) = (SoapVersion::V11, SoapVersion::V12);
    calls_without_security(Peer::Zeep, &[(old, none), (new, none), (old, addressed), (new, addressed)]);
}

#[test]
fn node_soap_calls_without_security() {
    let ways = [(SoapVersion::V11, ["none"].as_slice()), (SoapVersion::V12, &["none", "soap12=true"])];
    calls_without_security(Peer::NodeSoap, &ways);
}
