//! CXF's client with the contract that a running gateway publishes, at the address that is in it.

use std::path::PathBuf;

use nuncio_tests::cxf::{ROUNDS, class_path, peer};
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::{self, Answer, Backend};
use nuncio_tests::process::{Nuncio, free_port};

use crate::{failures, route};

/// Every binding, in conversations and without, in both generations; tokens beside each other; policies of operations.
#[rustfmt::skip]
const CODES: [&str; 14] = [
    "A+13", "A+one+13", "X+d+13", "X10+one+13", "UT+13", "XT+13", "U+d", "X+d+ees", "X10+d+es+13", "A+wsa04", "UT+one+hash",
    "A+one+13+choice", "X+one+13+clear", "X10+one+13+purposes",
];

#[test]
fn the_client_loads_its_contract_from_the_gateway() {
    let Some(class_path) = class_path().unwrap() else { return };
    if peers::lacks("openssl") {
        return peers::skip("cxf contract", "openssl is missing");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cxf contract");
    peers::stores(&folder).unwrap();
    let port = free_port().unwrap().to_string();
    peers::run(peer(&class_path, &folder).arg("publish").arg(&folder).arg(port).args(CODES)).unwrap();

    let routes: Vec<_> = CODES.iter().map(|code| route(code, &folder)).collect();
    let mut calls = peer(&class_path, &folder);
    calls.env("JAVA_TOOL_OPTIONS", "-Dpublished=true");
    calls.args(["calls", &ROUNDS.to_string(), "1000", "1", "0"]);
    for route in &routes {
        calls.args([route.urls()[0], &route.code]);
    }
    let said = peers::run(&mut calls).unwrap_or_else(|error| panic!("{}", failures(&error, &routes)));
    assert_eq!(said.matches(&format!("good {ROUNDS} bad 0;")).count(), CODES.len(), "{said}");
    for route in &routes {
        let loaded = |line: &str| line.contains("path=\"/echo\" status=200 took=");
        assert!(route.gateway.log().lines().any(loaded), "{}: {}", route.code, route.gateway.log());
        // The address in the file is where CXF published it: nothing listens there any more.
        assert_eq!(route.backend.seen().len(), 4 + ROUNDS, "{}", route.code);
    }
}

/// Presets, and the code whose tokens a client needs to have for each.
const PRESETS: [(&str, &str); 6] = [
    ("wcf-ws2007-userNameOverTransport-conversation", "UT+13"),
    ("wcf-ws2007-mutualCertificate-conversation", "X+d+13"),
    ("wcf-ws2007-userNameForCertificate", "U+13"),
    ("wcf-wshttp-mutualCertificate-conversation", "X+d"),
    ("wse-mutualCertificate11Security-conversation", "X+d+wsa04"),
    ("wse-usernameForCertificateSecurity", "U+wsa04"),
];

#[test]
fn the_client_loads_the_backends_contract_with_a_preset_in_it() {
    let Some(class_path) = class_path().unwrap() else { return };
    if peers::lacks("openssl") {
        return peers::skip("cxf contract", "openssl is missing");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cxf preset");
    peers::stores(&folder).unwrap();
    let contract = peers::run(peer(&class_path, &folder).args(["wsdl", "http://127.0.0.1:9/inside", "plain"])).unwrap();
    let mut calls = peer(&class_path, &folder);
    calls.env("JAVA_TOOL_OPTIONS", "-Dpublished=true");
    calls.args(["calls", &ROUNDS.to_string(), "1000", "1", "0"]);
    let mut gateways = Vec::new();
    for (preset, code) in PRESETS {
        let contract = contract.clone();
        let backend = Backend::answering(move |asked| match asked.target.as_str() {
            "/plain?wsdl" => {
                Answer { status: 200, content_type: "text/xml".into(), body: contract.clone().into_bytes() }
            }
            _ => plain::echo(asked),
        });
        let backend = backend.unwrap();
        let scheme = if preset.contains("OverTransport") { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{}", free_port().unwrap());
        let key = |file: &str| peers::key(file).display().to_string();
        let arguments = [
            ["proxy", "--listen", &url, "--backend", &backend.url(), "--preset", preset, "--contract", "backend"]
                .map(str::to_owned)
                .to_vec(),
            vec!["--certificate".into(), key("server.pem"), "--key".into(), key("server.key")],
            vec!["--trust".into(), key("client.pem"), "--user".into(), format!("{USER}:{PASSWORD}")],
        ];
        let gateway = Nuncio::start(arguments.concat()).unwrap_or_else(|error| panic!("{preset}: {error}"));
        calls.args([&format!("{url}/echo"), code]);
        gateways.push((preset, gateway, backend));
    }
    let log = |(preset, gateway, _): &(&str, Nuncio, Backend)| format!("\n== {preset}\n{}", gateway.log());
    let logs = || gateways.iter().map(log).collect::<Vec<_>>().concat();
    let said = peers::run(&mut calls).unwrap_or_else(|error| panic!("{error}{}", logs()));
    assert_eq!(said.matches(&format!("good {ROUNDS} bad 0;")).count(), PRESETS.len(), "{said}");
    for (preset, _, backend) in &gateways {
        // The contract, and the calls.
        assert_eq!(backend.seen().len(), 1 + 4 + ROUNDS, "{preset}");
    }
}
