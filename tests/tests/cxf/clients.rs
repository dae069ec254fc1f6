//! CXF's client as its users set it otherwise: one that is told to cancel its conversations, and its streaming engine.

use std::path::PathBuf;

use nuncio_tests::cxf::{ROUNDS, class_path, judge, peer};
use nuncio_tests::peers;
use nuncio_tests::process::free_port;

use crate::{Route, failures, route};

/// Calls under those codes by clients of which that is set; the routes, after all of it went well.
fn calls(name: &str, setting: &str, codes: &[&str]) -> Option<Vec<Route>> {
    let class_path = class_path().unwrap()?;
    if peers::lacks("openssl") {
        peers::skip(name, "openssl is missing");
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    peers::stores(&folder).unwrap();
    let port = free_port().unwrap().to_string();
    peers::run(peer(&class_path, &folder).arg("publish").arg(&folder).arg(port).args(codes)).unwrap();

    let routes: Vec<_> = codes.iter().map(|code| route(code, &folder)).collect();
    let mut calls = peer(&class_path, &folder);
    calls.env("JAVA_TOOL_OPTIONS", setting).args(["calls", &ROUNDS.to_string(), "1000", "1", "0"]);
    for route in &routes {
        calls.args([route.urls()[0], &route.code]);
    }
    let said = peers::run(&mut calls).unwrap_or_else(|error| panic!("{}", failures(&error, &routes)));
    assert_eq!(said.matches(&format!("good {ROUNDS} bad 0;")).count(), codes.len(), "{said}");
    Some(routes)
}

/// A CXF client that is told to cancel does so under the policy of the bootstrap, which does not prove that it has the
/// context's key: that is refused, it takes no notice, and all that it calls for besides is answered.
#[test]
fn clients_cannot_cancel_without_the_key_of_their_conversation() {
    let codes = [
        "X10+wss10+wsa04+suite=Basic128",
        "X+wsa04+suite=Basic128",
        "A+d+es+wsa04+suite=Basic128",
        "U+d+ees+wsa04+suite=Basic128",
        "X+d+13",
    ];
    let Some(routes) = calls("cxf cancels", "-Dcancel=true", &codes) else { return };
    for route in &routes {
        judge(&route.code, &route.backend.seen(), ROUNDS).unwrap();
        let log = route.gateway.log();
        let cancels: Vec<_> = log.lines().filter(|line| line.contains("/RST/SCT/Cancel\"")).collect();
        assert_eq!(cancels.len(), ROUNDS, "{}: {log}", route.code);
        assert!(cancels.iter().all(|line| line.contains("refused=\"")), "{}: {log}", route.code);
    }
}

/// Echoes and one-way calls. Left out is what CXF's streaming engine does not do with CXF itself: its client takes no fault (a
/// policy of the answer is not satisfied, it says), and knows no endorsing certificates beside another that protects (`X`).
#[test]
fn streaming_clients_call() {
    #[rustfmt::skip]
    let codes = [
        "A", "A+d", "A+one", "A+13", "A+es", "A+d+ees+13", "U", "U+d", "U+one", "U+13", "X10", "X10+one+13", "UT", "UT+13",
        "UT+one", "XT", "XT+one",
    ];
    let Some(routes) = calls("cxf streams", "-Dstax=true", &codes) else { return };
    for route in &routes {
        judge(&route.code, &route.backend.seen(), 3 + ROUNDS).unwrap();
    }
}
