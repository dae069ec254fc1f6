//! The load generator, with a few calls: what it counts, and what it says of that.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use nuncio_tests::load::caller::Caller;
use nuncio_tests::load::connection::Target;
use nuncio_tests::load::drive::{Load, Pace, Until, begin, drive, one_by_one};
use nuncio_tests::load::figures::Figures;
use nuncio_tests::load::serving::{Backend, Demand, Gateway};
use nuncio_tests::load::start::Starts;
use serde_json::Value;

const CALLS: u64 = 20;

fn load() -> Load {
    Load {
        workers: 2,
        conversations: 4,
        warm_up: 3,
        pace: Pace::Closed,
        until: Until::Calls(CALLS),
        processes: Vec::new(),
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a conversation is protected by, in the clear and under TLS.
const PRESET: &str = "wcf-wshttp-mutualCertificate-conversation";
const OVER_TLS: &str = "wcf-ws2007-userNameOverTransport-conversation";

/// A gateway with a plain route and one for conversations, before a backend.
fn gateway(name: &str, tls: bool, backend: &Backend) -> Gateway {
    let demand = Demand::Preset(if tls { OVER_TLS } else { PRESET });
    Gateway::start(&folder(name), &[("plain", Demand::Nothing), ("secured", demand)], tls, backend, None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_what_became_of_them() {
    let backend = Backend::start(None).unwrap();
    let gateway = gateway("load", false, &backend);
    let plain = Arc::new(Caller::plain(100));
    let url = gateway.url("plain");
    let mut load = Load { processes: vec![gateway.id()], ..load() };
    let measured = drive(&plain, &Target::new(&url).unwrap(), &load).await.unwrap();
    assert_eq!(
        (measured.good, measured.busy, measured.wrong(), measured.conversations),
        (CALLS, 0, 0, 0),
        "{measured:?}"
    );
    assert_eq!(measured.processors.len(), 1);

    let url = gateway.url("secured");
    let target = Target::new(&url).unwrap();
    let secured = Arc::new(Caller::of_preset(&url, PRESET, 100).unwrap());
    assert!(secured.converses());
    load.pace = Pace::Open { rate: 1000.0 };
    let measured = drive(&secured, &target, &load).await.unwrap();
    assert_eq!(
        (measured.good, measured.busy, measured.wrong(), measured.conversations),
        (CALLS, 0, 0, 4),
        "{measured:?}"
    );
    let said = measured.json();
    for key in ["calls", "good", "busy", "errors", "seconds", "rps", "latency_ms", "served_ms", "cpu_us_per_call"] {
        assert!(!said[key].is_null(), "{key}: {said}");
    }
    for percentile in ["p50", "p90", "p99", "p99.9", "max"] {
        assert!(said["latency_ms"][percentile].is_f64(), "{percentile}: {said}");
    }
    assert!(measured.table().contains("errors 0"), "{}", measured.table());
    assert!(begin(&secured, &target, 2, 5).await.unwrap().is_empty());
    assert_eq!(one_by_one(&secured, &target, 3).await.unwrap().len(), 3);

    // Behind the gateway nobody answers any more.
    drop(backend);
    let measured = drive(&secured, &target, &load).await.unwrap();
    assert_eq!((measured.good, measured.wrong()), (0, CALLS + load.warm_up), "{measured:?}");
    assert_eq!(measured.json()["errors"]["answered with a fault"], CALLS, "{measured:?}");
}

/// What each of them takes is counted for itself.
#[tokio::test(flavor = "multi_thread")]
async fn plain_calls_go_through_two_gateways_back_to_back() {
    let backend = Backend::start(None).unwrap();
    let ingress = gateway("load back to back", false, &backend);
    let demand = Demand::Preset(PRESET);
    let egress = Gateway::start_egress(&folder("load back to back"), &demand, &ingress.url("secured")).unwrap();
    let load = Load { processes: vec![egress.id(), ingress.id()], ..load() };
    let target = Target::new(&egress.url("egress")).unwrap();
    let measured = drive(&Arc::new(Caller::plain(100)), &target, &load).await.unwrap();
    assert_eq!((measured.good, measured.busy, measured.wrong()), (CALLS, 0, 0), "{measured:?}");
    assert_eq!(measured.each_micros().len(), 2);
    assert_eq!(measured.processor_micros(), Some(measured.each_micros().iter().sum()));
    drop(ingress);
    let measured = drive(&Arc::new(Caller::plain(100)), &target, &load).await;
    assert!(measured.is_err(), "the process of the second one is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_made_under_tls() {
    let backend = Backend::start(None).unwrap();
    let gateway = gateway("load over tls", true, &backend);
    let url = gateway.url("secured");
    let secured = Arc::new(Caller::of_preset(&url, OVER_TLS, 100).unwrap());
    let measured = drive(&secured, &Target::new(&url).unwrap(), &load()).await.unwrap();
    assert_eq!((measured.good, measured.wrong()), (CALLS, 0), "{measured:?}");
    assert_eq!(backend.log(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_it_in_one_line_and_by_its_status() {
    let backend = Backend::start(None).unwrap();
    let gateway = gateway("load program", false, &backend);
    let run = |route: &str, more: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_load"));
        program.args(["run", &gateway.url(route), "--workers", "2", "--warm-up", "2", "--calls", "10"]).args(more);
        let output = program.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said.lines().last().map(|line| serde_json::from_str::<Value>(line).unwrap()))
    };
    for (route, more) in
        [("plain", &["--plain"][..]), ("secured", &["--preset", PRESET, "--rate", "500", "--conversations", "2"])]
    {
        let (status, said) = run(route, more);
        assert_eq!(status, Some(0));
        assert_eq!(said.unwrap()["good"], 10);
    }
    // What needs security does not answer plain calls, and the result says so.
    let (status, said) = run("secured", &["--plain"]);
    let said = said.unwrap();
    assert_eq!(
        (status, &said["good"], &said["errors"]["answered with 500"]),
        (Some(1), &0.into(), &10.into()),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_are_timed_with_the_calls_that_follow() {
    let backend = Backend::start(None).unwrap();
    let starts = Starts { folder: &folder("start"), backend: &backend, count: 1, octets: 100 };
    let mut figures = Figures::default();
    starts.measure(&Demand::Preset(PRESET), &mut figures).await.unwrap();
    for name in ["start_ms", "first_call_ms", "hundredth_call_ms"] {
        assert!(figures.number(name).is_some_and(|figure| figure > 0.0), "{name}");
    }
}
