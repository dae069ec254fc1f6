//! Apache CXF's client through a running `nuncio proxy` to a plain service, over HTTP and over TLS.
//!
//! The contract of each code is the one that CXF itself publishes. One Java process makes all calls: its start is most of
//! the time. Which codes: `cxf/codes.rs` of the library. Clients that are set otherwise: `clients.rs`. The contract from the
//! gateway itself: `contract.rs`. Conversations that end: `endings.rs`. The other direction: `service.rs`. The whole table: `cxf-table`, among the programs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod clients;
mod contract;
mod egress;
mod endings;
mod restarts;
mod service;

use nuncio_tests::cxf::codes::{FIXED, tried};
use nuncio_tests::cxf::{ROUNDS, class_path, has_keys_of_passwords, judge, over_transport, peer};
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port};
use std::path::{Path, PathBuf};

struct Route {
    code: String,
    http: String,
    https: String,
    backend: Backend,
    gateway: Nuncio,
    /// The gateway's command line.
    arguments: Vec<String>,
}

impl Route {
    /// Where its clients call.
    fn urls(&self) -> Vec<&str> {
        match (over_transport(&self.code), FIXED.contains(&self.code.as_str())) {
            (true, _) => vec![&self.https],
            (false, true) => vec![&self.http, &self.https],
            (false, false) => vec![&self.http],
        }
    }
}

fn route(code: &str, folder: &Path) -> Route {
    route_with(code, folder, &[])
}

/// The same, whose gateway is told more.
fn route_with(code: &str, folder: &Path, more: &[&str]) -> Route {
    let backend = Backend::start().unwrap();
    let (http, https) = (free_port().unwrap(), free_port().unwrap());
    let (http, https) = (format!("http://127.0.0.1:{http}"), format!("https://127.0.0.1:{https}"));
    let mut arguments = vec!["proxy".to_owned(), "--listen".into(), https.clone()];
    if !over_transport(code) {
        arguments.extend(["--listen".into(), http.clone()]);
    }
    arguments.extend(["--backend".into(), backend.url()]);
    arguments.extend(["--wsdl".into(), folder.join(format!("{code}.wsdl")).display().to_string()]);
    arguments.extend(["--certificate".into(), peers::key("server.pem").display().to_string()]);
    arguments.extend(["--key".into(), peers::key("server.key").display().to_string()]);
    arguments.extend(["--trust".into(), peers::key("client.pem").display().to_string()]);
    arguments.extend(["--user".into(), format!("{USER}:{PASSWORD}")]);
    if code.split('+').any(|word| word == "hash") || has_keys_of_passwords(code) {
        arguments.extend(["--danger-keep-passwords".into(), "readable".into()]);
    }
    arguments.extend(more.iter().map(|&word| word.to_owned()));
    let gateway = Nuncio::start(&arguments).unwrap_or_else(|error| panic!("{code}: {error}"));
    Route { code: code.to_owned(), http: http + "/echo", https: https + "/echo", backend, gateway, arguments }
}

/// What went wrong, and what the gateways concerned said of it.
fn failures(said: &str, routes: &[Route]) -> String {
    let code = |line: &str| line.split([' ', ':']).next().unwrap_or_default().to_owned();
    let is_bad = |line: &&str| !line.contains(" bad 0;") && routes.iter().any(|route| route.code == code(line));
    let bad: Vec<_> = said.lines().filter(is_bad).collect();
    let concerned = |route: &&Route| bad.iter().any(|line| route.code == code(line));
    let logs = routes.iter().filter(concerned).map(|route| format!("\n== {}\n{}", route.code, route.gateway.log()));
    bad.join("\n") + &logs.collect::<String>()
}

#[test]
fn every_code_works_over_http_and_over_tls() {
    let Some(class_path) = class_path().unwrap() else { return };
    if peers::lacks("openssl") {
        return peers::skip("cxf", "openssl is missing");
    }
    let codes = tried(&[]);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cxf");
    peers::stores(&folder).unwrap();
    let port = free_port().unwrap().to_string();
    peers::run(peer(&class_path, &folder).arg("publish").arg(&folder).arg(port).args(&codes)).unwrap();

    let routes: Vec<_> = codes.iter().map(|code| route(code, &folder)).collect();
    let mut calls = peer(&class_path, &folder);
    calls.args(["calls", &ROUNDS.to_string(), "1000", "1", "0"]);
    let mut clients = 0;
    for route in &routes {
        let urls = route.urls();
        clients += urls.len();
        for url in urls {
            calls.args([url, &route.code]);
        }
    }
    let said = peers::run(&mut calls).unwrap_or_else(|error| panic!("{}", failures(&error, &routes)));
    assert_eq!(said.matches(&format!("good {ROUNDS} bad 0;")).count(), clients, "{said}");

    for route in &routes {
        judge(&route.code, &route.backend.seen(), route.urls().len() * (4 + ROUNDS)).unwrap();
    }
}
