//! How large a message may be is the route's to say, not the tool's.

use std::path::Path;

use nuncio_tests::peers::{PASSWORD, key};
use nuncio_tests::time;

use crate::broken::{AT, judge, refused, unreadable};
use crate::spoken::{Exchanged, Spoken, asked, file};
use crate::{Told, arguments, inspect, octets};

const ALONE: &str = "wcf-ws2007-userNameForCertificate";

/// A message held to a route with those limits.
fn held(limits: &str, octets: &[u8], more: &[String]) -> Told {
    let text = format!(
        "listeners: [{{ address: \"127.0.0.1:0\" }}]\nroutes:\n  - path: /echo\n    backend: http://127.0.0.1:9/\n    preset: {ALONE}\n    \
         certificate: {}\n    key: {}\n    users: [{{ name: alice, password: {PASSWORD} }}]\n    limits: {limits}\n",
        key("server.pem").display(),
        key("server.key").display()
    );
    let config = file("nuncio.yaml", text.as_bytes());
    assert!(Path::new(&config).exists());
    let own = arguments(&["--config", &config, "--route", "/echo", "--json", "--clock", &time::format_utc(AT)]);
    inspect(octets, &[own, more.to_vec()].concat())
}

fn call(octets: usize) -> Exchanged {
    Spoken::unlike(ALONE, |_| (), &["server"]).call(&"x".repeat(octets))
}

#[test]
fn a_route_says_how_large_a_message_may_be() {
    let large = call(1_500_000);
    let told = held("{ body_bytes: 4 MiB }", &octets(&large.request), &[]);
    assert_eq!((told.status, told.json()["outcome"].as_str().unwrap()), (Some(0), "taken"));
    let told = held("{ body_bytes: 4 MiB }", &octets(&large.answer), &asked(&large.request));
    assert_eq!((told.status, told.json()["outcome"].as_str().unwrap()), (Some(0), "taken"));
    judge(
        "a large request",
        &held("{}", &octets(&large.request), &[]),
        &refused("more than the 1048576 octets", "body_bytes").of("route"),
    );
    let small = call(5);
    let too_large = || refused("octets", "body_bytes").of("route");
    judge("a small limit", &held("{ body_bytes: 4096 }", &octets(&small.request), &[]), &too_large());
    let told = held("{ body_bytes: 4096 }", &octets(&small.answer), &[]);
    judge("of an answer", &told, &refused("has more than 4096 octets", "Answer with less"));
    // What else the limits say is a verdict, too.
    judge("depth", &held("{ depth: 4 }", &octets(&small.request), &[]), &refused("nest", "limits").of("route"));
}

#[test]
fn what_is_larger_than_is_read_is_said_to_be() {
    let chunk = |octets: usize| format!("{octets:x}\r\n{}\r\n", "x".repeat(octets));
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let large = format!("{head}{}{}0\r\n\r\n", chunk(40 << 20), chunk(40 << 20));
    let told = inspect(large.as_bytes(), &arguments(&["--json"]));
    judge("chunks", &told, &unreadable("has more than", ""));
    let early = format!("{head}{}", "5\r\nabc");
    judge("an early end", &inspect(early.as_bytes(), &arguments(&["--json"])), &unreadable("ends early", ""));
}
