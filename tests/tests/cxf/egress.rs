//! Plain clients call CXF's services through the gateway, by the contracts that these publish.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nuncio_policy::model::SoapVersion;
use nuncio_tests::cxf::class_path;
use nuncio_tests::cxf::codes::{SERVED, tried};
use nuncio_tests::cxf::services::{Front, Service, serves, tells_all};
use nuncio_tests::peers;

/// Services for those codes behind a gateway; nothing where CXF cannot be run.
fn front(name: &str, codes: &[String], options: &str) -> Option<Front> {
    let class_path = class_path().unwrap()?;
    if peers::lacks("openssl") {
        peers::skip(name, "openssl is missing");
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    Some(Front::start(&class_path, &folder, codes, options).unwrap())
}

/// Every other client speaks another version of SOAP.
fn version(number: usize) -> SoapVersion {
    if number.is_multiple_of(2) { SoapVersion::V11 } else { SoapVersion::V12 }
}

#[test]
fn a_plain_client_calls_every_service() {
    let codes: Vec<_> = tried(&SERVED).into_iter().filter(|code| serves(code) && tells_all(code)).collect();
    let Some(front) = front("cxf egress", &codes, "-Xmx768m") else { return };
    let wrong: Vec<_> = front
        .services
        .iter()
        .enumerate()
        .filter_map(|(number, service)| {
            let error = front.converse(service, version(number)).err()?;
            Some(format!("{}: {}", service.code, error.chars().take(400).collect::<String>()))
        })
        .collect();
    let log = if wrong.is_empty() { String::new() } else { front.log() };
    assert!(wrong.is_empty(), "{} of {}:\n{}\n{log}", wrong.len(), codes.len(), wrong.join("\n"));
}

/// Contexts of three seconds have successors in time, and no call fails.
#[test]
fn conversations_have_successors_before_they_end() {
    let codes = ["U+d+13", "A", "X+d+ees+13", "UT+13", "A+nc", "X10+d"].map(str::to_owned);
    let Some(front) = front("cxf egress short", &codes, "-Dshort=true") else { return };
    let start = Instant::now();
    let begun = |service: &Service| front.count(service, "begun").unwrap();
    let mut calls = 0;
    while front.services.iter().any(|service| begun(service) < 4) {
        assert!(start.elapsed() < Duration::from_mins(2), "no successors:\n{}", front.log());
        for (number, service) in front.services.iter().enumerate() {
            front
                .echo(service, version(number), "again")
                .unwrap_or_else(|error| panic!("{} after {calls} calls: {error}\n{}", service.code, front.log()));
            calls += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A service that is killed has lost its contexts when it is there again: no call fails for that.
#[test]
fn a_service_that_was_restarted_is_called_as_before() {
    let codes = ["U+d+13", "A", "X+d+ees+13+soap11", "UT+13", "X10+d"].map(str::to_owned);
    let Some(mut front) = front("cxf egress restarted", &codes, "-Xmx512m") else { return };
    for round in 0..3 {
        if round > 0 {
            front.serve().unwrap();
        }
        for (number, service) in front.services.iter().enumerate() {
            front
                .every_operation(service, version(number))
                .unwrap_or_else(|error| panic!("{} in round {round}: {error}\n{}", service.code, front.log()));
        }
    }
    let of = |service: &Service, event| front.count(service, event).unwrap();
    for service in &front.services {
        assert_eq!((of(service, "begun"), of(service, "lost")), (3, 2), "{}\n{}", service.code, front.log());
    }
}
