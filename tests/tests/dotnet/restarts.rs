//! The client's conversation goes on while the gateway is killed and started again between its calls.

use std::process::Command;
use std::time::{Duration, Instant};

use nuncio_tests::peers;
use nuncio_tests::plain::{Backend, Seen};
use nuncio_tests::process::{Nuncio, program};
use nuncio_tests::redis::Redis;

use super::{Stage, Variant, folder, stage_of};

/// Calls of the client, one after the other.
const CALLS: usize = 5;

/// Waits until the plain service was called so often.
fn wait(backend: &Backend, calls: usize) {
    let start = Instant::now();
    while backend.seen().len() < calls {
        assert!(start.elapsed() < Duration::from_mins(1), "the client stands still");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Kills the gateway after each call; `more` says where it keeps its conversations. The name by which the plain service knows
/// the conversation at each call.
fn killed(store: &str, more: &[&str], renew: bool) -> Option<Vec<Option<String>>> {
    let variant = Variant { binding: "ws2007", credential: "username", conversation: true, channels: 1 };
    let name = format!("killed {store}");
    let wsdl = folder(&name).join("service.wsdl");
    std::fs::create_dir_all(folder(&name)).unwrap();
    std::fs::write(&wsdl, variant.wsdl()).unwrap();
    let wsdl = wsdl.display().to_string();
    let policy = [&["--wsdl", &wsdl], more].concat();
    let stage = stage_of(&name, &policy, Backend::start().unwrap());
    let Stage { mut client, gateway, backend, arguments } = stage?;
    client.args(["--binding", variant.binding, "--credential", variant.credential, "--calls", "echo"]);
    client.args(["--repeat", &CALLS.to_string(), "--pause", "2000"]);
    if renew {
        client.args(["--renew-after", "3", "--rollover", "1"]);
    }
    let calling = std::thread::spawn(move || peers::run(&mut client));
    let (mut gateway, mut log) = (Some(gateway), String::new());
    for call in 1..CALLS {
        wait(&backend, call);
        // Its answer is on its way.
        std::thread::sleep(Duration::from_millis(300));
        log += &gateway.take().map(|gateway| gateway.log()).unwrap_or_default();
        gateway = Some(Nuncio::start(&arguments).unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    let said = calling.join().unwrap();
    log += &gateway.map(|gateway| gateway.log()).unwrap_or_default();
    said.unwrap_or_else(|error| panic!("{name}: {error}\n{log}"));
    assert_eq!(log.contains("/RST/SCT/Renew"), renew, "{name}: {log}");
    let told = |request: &Seen| request.header("x-nuncio-conversation").map(str::to_owned);
    let told: Vec<_> = backend.seen().iter().map(told).collect();
    assert_eq!(told.len(), CALLS, "{name}");
    Some(told)
}

/// With a state directory one conversation goes on through all of it, under a new key too.
#[test]
fn a_conversation_on_disk_outlives_the_process() {
    for renew in [false, true] {
        let store = format!("disk {renew}");
        let state = folder(&store).join("state");
        let _ = std::fs::remove_dir_all(&state);
        let Some(told) = killed(&store, &["--state", &state.display().to_string()], renew) else { return };
        assert!(told[0].is_some() && told.iter().all(|one| *one == told[0]), "{told:?}");
    }
}

/// A key ring for those who share conversations.
pub(crate) fn ring(name: &str) -> String {
    std::fs::create_dir_all(folder(name)).unwrap();
    let file = folder(name).join("keys.yaml").display().to_string();
    peers::run(Command::new(program().unwrap()).args(["keys", "--force", "--ring", &file])).unwrap();
    file
}

/// In Redis as on disk.
#[test]
fn a_conversation_in_redis_outlives_the_process() {
    if Redis::is_missing("dotnet killed redis") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let (url, ring) = (format!("redis://{}", redis.address()), ring("redis"));
    for renew in [false, true] {
        let Some(told) = killed(&format!("redis {renew}"), &["--redis", &url, "--key-ring", &ring], renew) else {
            return;
        };
        assert!(told[0].is_some() && told.iter().all(|one| *one == told[0]), "{told:?}");
    }
}

/// And in the token that the client brings, which is another one when it was renewed; nothing is kept here.
#[test]
fn a_conversation_in_a_cookie_outlives_the_process() {
    let ring = ring("cookie");
    for renew in [false, true] {
        let Some(told) = killed(&format!("cookie {renew}"), &["--cookie-key", &ring], renew) else { return };
        assert!(told[0].is_some() && told.iter().all(|one| *one == told[0]), "{told:?}");
    }
}
