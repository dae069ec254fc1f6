//! Plain clients call CXF's services through the gateway, by the contracts that these publish.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nuncio_policy::model::SoapVersion;
use nuncio_tests::cxf::class_path;
use nuncio_tests::cxf::codes::{SERVED, tried};
use nuncio_tests::cxf::door::Door;
use nuncio_tests::cxf::services::{Front, Service, serves, tells_all};
use nuncio_tests::load::serving::Keeping;
use nuncio_tests::peers;
use nuncio_tests::process::program;
use nuncio_tests::redis::Redis;

/// Services for those codes behind a gateway; nothing where CXF cannot be run.
fn front(name: &str, codes: &[String], options: &str) -> Option<Front> {
    keeping(name, codes, options, |_| None)
}

/// The same, with conversations kept as is said of the folder in which all is: the store, and what is said beside the routes.
fn keeping(
    name: &str,
    codes: &[String],
    options: &str,
    kept: impl FnOnce(&Path) -> Option<(&'static str, String)>,
) -> Option<Front> {
    let class_path = class_path().unwrap()?;
    if peers::lacks("openssl") {
        peers::skip(name, "openssl is missing");
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let kept = kept(&folder);
    let keeping = kept.as_ref().map(|(store, more)| Keeping { store, more });
    Some(Front::start(&class_path, &folder, codes, options, keeping).unwrap())
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
            let error = front.door.converse(service, version(number)).err()?;
            Some(format!("{}: {}", service.code, error.chars().take(400).collect::<String>()))
        })
        .collect();
    let log = if wrong.is_empty() { String::new() } else { front.door.log() };
    assert!(wrong.is_empty(), "{} of {}:\n{}\n{log}", wrong.len(), codes.len(), wrong.join("\n"));
}

/// Contexts of three seconds have successors in time, and no call fails.
#[test]
fn conversations_have_successors_before_they_end() {
    let codes = ["U+d+13", "A", "X+d+ees+13", "UT+13", "A+nc", "X10+d"].map(str::to_owned);
    let Some(front) = front("cxf egress short", &codes, "-Dshort=true") else { return };
    let start = Instant::now();
    let begun = |service: &Service| front.door.count(service, "begun").unwrap();
    let mut calls = 0;
    while front.services.iter().any(|service| begun(service) < 4) {
        assert!(start.elapsed() < Duration::from_mins(2), "no successors:\n{}", front.door.log());
        for (number, service) in front.services.iter().enumerate() {
            front
                .door
                .echo(service, version(number), "again")
                .unwrap_or_else(|error| panic!("{} after {calls} calls: {error}\n{}", service.code, front.door.log()));
            calls += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // Some were there before anybody waited: all, but for the first and where the machine is busy for as long as a successor has.
    for service in &front.services {
        let (begun, awaited) = (begun(service), front.door.count(service, "awaited").unwrap());
        println!("{}: {begun} begun, {awaited} waited for", service.code);
        assert!(awaited < begun, "{}: {begun} begun, {awaited} waited for\n{}", service.code, front.door.log());
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
                .door
                .every_operation(service, version(number))
                .unwrap_or_else(|error| panic!("{} in round {round}: {error}\n{}", service.code, front.door.log()));
        }
    }
    let of = |service: &Service, event| front.door.count(service, event).unwrap();
    for service in &front.services {
        assert_eq!((of(service, "begun"), of(service, "lost")), (3, 2), "{}\n{}", service.code, front.door.log());
    }
}

/// A gateway that is killed goes on in the conversations that it had begun: CXF is asked for none again.
#[test]
fn a_gateway_that_was_killed_goes_on_in_its_conversations() {
    let codes = ["U+d+13", "A", "X+d+ees+13", "UT+13", "X10+d"].map(str::to_owned);
    let state =
        |folder: &Path| Some(("disk", format!("state: {{ directory: '{}' }}\n", folder.join("state").display())));
    let Some(mut front) = keeping("cxf egress killed", &codes, "-Xmx512m", state) else { return };
    for round in 0..3 {
        if round > 0 {
            front.door.kill_and_open().unwrap();
        }
        for (number, service) in front.services.iter().enumerate() {
            let called = front.door.every_operation(service, version(number));
            called.unwrap_or_else(|error| panic!("{} in round {round}: {error}\n{}", service.code, front.door.log()));
            let of = |event| front.door.count(service, event).unwrap();
            let wanted = if round == 0 { (1, 0, 0) } else { (0, 1, 0) };
            assert_eq!((of("begun"), of("taken-up"), of("lost")), wanted, "{}", service.code);
        }
    }
}

/// Two gateways with a Redis call in the same conversations of three seconds: what one begins the other takes up, and no call fails.
#[test]
fn gateways_that_share_a_redis_take_up_each_others_conversations() {
    if Redis::is_missing("gateways_that_share_a_redis_take_up_each_others_conversations") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let codes = ["U+d+13", "A", "X+d+ees+13", "UT+13", "X10+d"].map(str::to_owned);
    let mut more = String::new();
    let shared = |folder: &Path| {
        let ring = folder.join("keys.yaml");
        peers::run(Command::new(program().unwrap()).args(["keys", "--ring"]).arg(&ring)).unwrap();
        more = format!("key_ring: '{}'\nredis: {{ url: 'redis://{}' }}\n", ring.display(), redis.address());
        Some(("redis", more.clone()))
    };
    let Some(front) = keeping("cxf egress farm", &codes, "-Dshort=true", shared) else { return };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cxf egress farm");
    let doors =
        [&front.door, &Door::open(&folder, &front.services, Some(Keeping { store: "redis", more: &more })).unwrap()];
    let of = |service: &Service, event| doors.iter().map(|door| door.count(service, event).unwrap()).sum::<usize>();
    let start = Instant::now();
    while front.services.iter().any(|service| of(service, "begun") < 4) {
        assert!(start.elapsed() < Duration::from_mins(2), "no successors:\n{}", front.door.log());
        for (number, service) in front.services.iter().enumerate() {
            for door in doors {
                let called = door.echo(service, version(number), "together");
                called.unwrap_or_else(|error| panic!("{}: {error}\n{}", service.code, door.log()));
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    for service in &front.services {
        let (begun, taken_up) = (of(service, "begun"), of(service, "taken-up"));
        println!("{}: {begun} begun, {taken_up} taken up", service.code);
        assert!(taken_up + 2 >= begun, "{}: {begun} begun, {taken_up} taken up\n{}", service.code, front.door.log());
    }
}

/// Whose conversations nobody calls in any more are cancelled as CXF has it: over TLS under a policy of its own making, too.
#[test]
fn conversations_are_cancelled_where_they_end() {
    let codes =
        ["A", "U+d+13", "X+d+ees+13", "X10+d", "A+soap11", "UT", "UT+d+13", "XT", "XT+d+13+soap11"].map(str::to_owned);
    let Some(front) = front("cxf egress cancels", &codes, "-Xmx512m") else { return };
    for (number, service) in front.services.iter().enumerate() {
        let called = front.door.every_operation(service, version(number));
        called.unwrap_or_else(|error| panic!("{}: {error}\n{}", service.code, front.door.log()));
    }
    front.door.change("warm: false", "shared_contexts: true").unwrap();
    let is_over = |service: &&Service| front.door.count(service, "cancelled").unwrap() == 1;
    let start = Instant::now();
    while front.services.iter().filter(is_over).count() < codes.len() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let left: Vec<_> = front.services.iter().filter(|service| !is_over(service)).map(|service| &service.code).collect();
    assert!(left.is_empty(), "{left:?}\n{}", front.door.log());
}
