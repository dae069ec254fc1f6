//! A service that goes away, comes back, or forgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nuncio_policy::model::SoapVersion;

use crate::{Egress, Protected, assert_echoed, echo, eventually, row, text};

/// Its contexts are gone, and nobody notices: one call is made twice, of which the service has not taken the first.
#[test]
fn a_service_that_forgets_is_called_anew() {
    let mut service = Protected::start();
    let egress = Egress::start("forgets", &service.url(), "");
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "one")), "one");
    for round in 1..=3 {
        service.serve();
        assert_echoed(&egress.post(&echo(SoapVersion::V12, "again")), "again");
        assert_eq!((egress.count("lost"), egress.count("begun")), (round, round + 1), "{}", egress.gateway.log());
    }
    assert_eq!(service.backend.seen().len(), 4, "nothing was done twice");
}

/// Without it said, one who is told of a lost conversation is told so.
#[test]
fn a_call_is_not_repeated_where_that_is_not_wanted() {
    let mut service = Protected::start();
    let egress = Egress::start("once", &service.url(), "repeat: false");
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "one")), "one");
    service.serve();
    let refused = egress.post(&echo(SoapVersion::V12, "two"));
    assert!(
        refused.status() == Some(500) && text(&refused).contains("refused the secured message"),
        "{}",
        text(&refused)
    );
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "three")), "three");
}

/// Under eight clients that never stop: who calls while it is gone gets a plain fault at once; who calls once it is back is
/// answered.
#[test]
fn a_service_that_is_gone_for_a_while_is_called_as_soon_as_it_is_back() {
    let mut service = Protected::start();
    let egress = Arc::new(Egress::start("gone", &service.url(), ""));
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "before")), "before");
    let over = Arc::new(AtomicBool::new(false));
    let (good, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (egress, over) = (Arc::clone(&egress), Arc::clone(&over));
            let (good, gone) = (Arc::clone(&good), Arc::clone(&gone));
            std::thread::spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::SeqCst) {
                    number += 1;
                    let said = format!("call {number} of {client}");
                    let answer = egress.post(&echo(SoapVersion::V12, &said));
                    if answer.status() == Some(200) {
                        assert_echoed(&answer, &said);
                        good.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    let body = text(&answer);
                    let told = ["not available", "could not be verified", "refused the secured message", "in time"];
                    assert!(told.iter().any(|told| body.contains(told)), "{body}");
                    gone.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let wait = |of: &AtomicUsize, until: usize| {
        while of.load(Ordering::SeqCst) < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    wait(&good, 50);
    service.end();
    std::thread::sleep(Duration::from_secs(10));
    let while_gone = gone.load(Ordering::SeqCst);
    assert!(while_gone > 0);
    service.serve();
    // Nothing is held against it: the next call is answered.
    let returned = Instant::now();
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "after")), "after");
    println!("answered {:?} after its return", returned.elapsed());
    let back = good.load(Ordering::SeqCst);
    wait(&good, back + 100);
    over.store(true, Ordering::SeqCst);
    for client in clients {
        client.join().unwrap();
    }
    println!("{back} calls answered before and at once after, {while_gone} told while it was gone");
    // Nobody waits for anything any more.
    assert!(eventually(|| row(egress.admin, "nuncio_requests_in_flight") == 0));
    // Each begins for all who call: neither a stampede, nor one for each who was told.
    assert!(service.begun() <= 2, "{}", service.begun());
}

/// One that is not there at the start is called when it is.
#[test]
fn a_service_may_start_later() {
    let mut service = Protected::start();
    service.end();
    let egress = Egress::start("later", &service.url(), "");
    let told = egress.post(&echo(SoapVersion::V12, "early"));
    assert!(told.status() == Some(500) && text(&told).contains("The service is not available."), "{}", text(&told));
    service.serve();
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "late")), "late");
}

/// One that does not answer is not waited for longer than is said; its client is told that it may have acted.
#[test]
fn a_service_that_is_slow_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let slow = format!("{{ urls: [\"{url}\"], timeouts: {{ read: 300ms }} }}");
    let more = "warm: false\npreset: wcf-ws2007-userNameForCertificate";
    let egress = Egress::start("slow", &slow, more);
    let told = egress.post(&echo(SoapVersion::V12, "patience"));
    assert!(told.status() == Some(500) && text(&told).contains("did not answer in time"), "{}", text(&told));
}

/// Whoever goes away while he waits takes nothing from those who come after him.
#[test]
fn a_client_that_goes_away_leaves_no_trace() {
    use std::io::Write;

    let service = Protected::start();
    let egress = Egress::start("aborts", &service.url(), "warm: false");
    let address = egress.address.trim_start_matches("http://");
    for number in 0..20 {
        let request = echo(SoapVersion::V12, &format!("goes away {number}"));
        let mut client = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: here\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            request.content_type(),
            request.body.len()
        );
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&request.body).unwrap();
    }
    assert_echoed(&egress.post(&echo(SoapVersion::V12, "stays")), "stays");
    assert_eq!(service.begun(), 1);
}
