//! Conversations are begun once for all who wait, and ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nuncio_policy::model::SoapVersion;
use nuncio_tests::{peers, plain, wire};

use crate::{Egress, Protected, assert_echoed, echo, eventually};

#[test]
fn fifty_clients_at_once_begin_one_conversation() {
    let service = Protected::start();
    let egress = Arc::new(Egress::start("cold", &service.url(), "warm: false"));
    let clients: Vec<_> = (0..50)
        .map(|number| {
            let egress = Arc::clone(&egress);
            std::thread::spawn(move || {
                let said = format!("client {number}");
                assert_echoed(&egress.post(&echo(SoapVersion::V12, &said)), &said);
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!((service.begun(), egress.count("begun")), (1, 1));
    assert_eq!(service.backend.seen().len(), 50);
}

#[test]
fn a_conversation_is_there_before_the_first_call_and_cancelled_at_the_end() {
    let service = Protected::start();
    let egress = Egress::start("warm", &service.url(), "");
    assert!(eventually(|| egress.count("begun") == 1), "{}", egress.gateway.log());
    assert_echoed(&egress.post(&echo(SoapVersion::V11, "warm")), "warm");
    assert_eq!(service.begun(), 1);
    let stopped = std::process::Command::new("kill").arg(egress.gateway.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(eventually(|| service.cancelled() == 1), "{}", egress.gateway.log());
}

/// Where a call outlasts the drain and is cut off, its conversation is ended all the same.
#[test]
fn a_conversation_is_cancelled_though_a_call_in_it_is_cut_off() {
    let came = Arc::new(AtomicBool::new(false));
    let comes = Arc::clone(&came);
    let service = Protected::before(move |seen| {
        if seen.text().contains("slow") {
            comes.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_secs(20));
        }
        plain::echo(seen)
    });
    let egress = Egress::keeping("cut off", &service.url(), "", "timeouts: { drain: 300ms }\n");
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "quick")), "quick");
    let address = egress.address.clone();
    std::thread::spawn(move || wire::send(&address, &echo(SoapVersion::V12, "slow")));
    assert!(eventually(|| came.load(Ordering::Relaxed)));
    peers::run(std::process::Command::new("kill").arg(egress.gateway.id().to_string())).unwrap();
    assert!(eventually(|| service.cancelled() == 1), "{}", egress.gateway.log());
}

/// A configuration that is refused changes nothing: not even how the conversations are ended that there are.
#[test]
fn a_reload_that_is_refused_changes_nothing_of_a_route() {
    let service = Protected::start();
    let mut egress = Egress::start("refused reload", &service.url(), "");
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "before")), "before");
    let yaml = std::fs::read_to_string(&egress.file).unwrap();
    let line = format!("    service: {}\n", service.url());
    let changed =
        yaml.replace(&line, &format!("    service: {{ urls: [\"{}\"], timeouts: {{ total: 1ms }} }}\n", service.url()));
    assert_ne!(changed, yaml);
    let other = "  - path: /other\n    service: \"http://127.0.0.1:9/\"\n    preset: wcf-ws2007-mutualCertificate\n";
    std::fs::write(&egress.file, changed + other).unwrap();
    assert!(egress.gateway.logs("it asks for"), "{}", egress.gateway.log());
    peers::run(std::process::Command::new("kill").arg(egress.gateway.id().to_string())).unwrap();
    assert!(egress.gateway.ends(), "{}", egress.gateway.log());
    assert_eq!(service.cancelled(), 1, "{}", egress.gateway.log());
    assert!(!egress.gateway.log().contains("without being cancelled"), "{}", egress.gateway.log());
}

/// A reload that changes nothing of a route leaves it its conversation; one that changes it ends that and begins another.
#[test]
fn a_conversation_outlives_a_reload_that_does_not_change_its_route() {
    let service = Protected::start();
    let egress = Egress::start("reload", &service.url(), "warm: false");
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "before")), "before");
    let yaml = std::fs::read_to_string(&egress.file).unwrap();
    std::fs::write(&egress.file, format!("{yaml}    trace: true\n")).unwrap();
    assert!(egress.gateway.logs("the configuration was reloaded"));
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "after")), "after");
    assert_eq!((egress.count("begun"), egress.count("cancelled")), (1, 0));
    let changed = yaml.replace("name: alice", "name: bob");
    assert_ne!(changed, yaml);
    std::fs::write(&egress.file, changed).unwrap();
    assert!(eventually(|| {
        assert_echoed(&egress.post(&echo(SoapVersion::V12, "as bob")), "as bob");
        egress.count("begun") == 2 && egress.count("cancelled") == 1
    }));
    let callers: Vec<_> =
        service.backend.seen().iter().map(|seen| seen.header("x-nuncio-principal").map(str::to_owned)).collect();
    assert_eq!(callers.last().cloned().flatten().as_deref(), Some("bob"));
}
