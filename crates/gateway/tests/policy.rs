//! The policy of a route: in a policy file, in its place, by the short ways.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use nuncio::config::{Configuration, RouteSettings};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A configuration whose only route says this of its policy, in a folder of that name with files beside it.
fn load(name: &str, policy: &str, files: &[(&str, &str)]) -> Result<RouteSettings, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for (file, text) in files {
        let file = folder.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    let keys = repository().join("tests/keys");
    let keys = keys.display();
    let yaml = format!(
        "listeners:\n  - address: 127.0.0.1:0\n    tls: {{ certificate: {keys}/server.pem, key: {keys}/server.key }}\nroutes:\n  \
         - path: /echo\n    backend: http://127.0.0.1:9000/echo\n    certificate: {keys}/server.pem\n    key: \
         {keys}/server.key\n    trust: [{keys}/client.pem]\n{policy}"
    );
    let file = folder.join("nuncio.yaml");
    std::fs::write(&file, yaml).unwrap();
    let loaded = Configuration::load(&file).map_err(|error| error.to_string());
    loaded
        .map(|mut configuration| configuration.routes.remove(0))
        .map_err(|error| error.strip_prefix(&format!("{}:", file.display())).map_or(error.clone(), str::to_owned))
}

#[test]
fn every_example_is_a_routes_policy() {
    let mut examples = 0;
    for entry in std::fs::read_dir(repository().join("config/policies")).unwrap() {
        let file = std::fs::canonicalize(entry.unwrap().path()).unwrap();
        let route = load("examples", &format!("    policy: {}\n", file.display()), &[]);
        assert!(!route.unwrap_or_else(|error| panic!("{error}")).endpoint.alternatives.is_empty());
        examples += 1;
    }
    assert!(examples > 12, "{examples}");
}

/// The same policy in each of its places.
#[test]
fn a_policy_is_in_a_file_or_in_its_place() {
    let words = "preset: usernameForCertificateSecurity\nttlInSeconds: 60\nestablishSecurityContext: true\n";
    let in_a_file = load("file", "    policy: policies/a.yaml\n", &[("policies/a.yaml", words)]).unwrap();
    let inline = "    policy:\n      preset: usernameForCertificateSecurity\n      ttlInSeconds: 60\n      \
                  establishSecurityContext: true\n";
    let in_place = load("place", inline, &[]).unwrap();
    let short = load("short", "    preset: wse-usernameForCertificateSecurity-conversation\n", &[]).unwrap();
    for route in [&in_a_file, &in_place] {
        assert_eq!(route.endpoint.alternatives, short.endpoint.alternatives);
        assert_eq!(route.endpoint.message_lifetime, Some(Duration::from_mins(1)));
    }
    assert_eq!(short.endpoint.message_lifetime, None);
    // The short way knows the products' names, too.
    let product = load("product", "    preset: mutualCertificate10Security\n", &[]).unwrap();
    assert_eq!(product.endpoint.name, "mutualCertificate10Security");
}

/// The contract that a policy file names is beside that file, and is the one that clients may ask for.
#[test]
fn a_policy_file_may_name_a_contract() {
    let wsdl = std::fs::read_to_string(repository().join("crates/policy/tests/data/wcf-conversation.wsdl")).unwrap();
    let files = [("policies/c.yaml", "wsdl: c.wsdl\n"), ("policies/c.wsdl", &*wsdl)];
    let route = load("contract", "    policy: policies/c.yaml\n", &files).unwrap();
    assert_eq!(route.endpoint.name, "WS2007HttpBinding_ILibrary");
    assert!(matches!(route.contract, nuncio::config::ContractSettings::Documents(_)));
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    for (policy, file, expected) in [
        ("    policy: p.yaml\n    wsdl: c.wsdl\n", "", "11: a route says either `policy` or `wsdl`"),
        ("    policy: p.yaml\n    preset: x\n", "", "11: a route says either `policy` or `preset`"),
        ("    policy: p.yaml\n    danger_plain: true\n", "", "11: a route says either `danger_plain` or `policy`"),
        ("    policy: none.yaml\n", "", "10: cannot read none.yaml: "),
        ("    policy: p.yaml\n", "preset: wsHttpBinding\n", "p.yaml:1: without security, the binding takes Windows"),
        ("    policy: p.yaml\n", "\npreset: x\n", "p.yaml:2: there is no preset \"x\", only wcf-"),
        ("    policy: p.yaml\n", "preset: x\npresets: y\n", "p.yaml:2: unknown field `presets`"),
        ("    policy:\n      preset: kerberosSecurity\n", "", "11: kerberosSecurity is not built yet"),
        (
            "    policy:\n      binding: { transport: {} }\n      duplex: true\n",
            "",
            "11: port policy asks for replies to",
        ),
        ("    policy: [p.yaml]\n", "", "10: "),
        ("    preset: wsHttpBinding\n", "", "10: without security, the binding takes Windows"),
    ] {
        let error = load("wrong", policy, &[("p.yaml", file)]).map(drop).unwrap_err();
        assert!(error.starts_with(expected), "\n{error}\n is not\n{expected}");
    }
}
