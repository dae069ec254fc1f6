//! CXF's client goes on in its conversation while the gateway is killed and started again between its calls.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nuncio_tests::cxf::{class_path, peer};
use nuncio_tests::peers;
use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port, program};
use nuncio_tests::redis::Redis;
use nuncio_tests::turns::Turns;

use crate::{Route, route_with};

/// Calls of the client beside the four that it begins with.
const CALLS: usize = 4;

/// Waits until the plain service was called so often.
fn wait(backend: &Backend, calls: usize) {
    let start = Instant::now();
    while backend.seen().len() < calls {
        assert!(start.elapsed() < Duration::from_mins(2), "the client stands still");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where the contracts are, published for those codes; nothing where CXF cannot be run.
pub(crate) fn published(name: &str, codes: &[&str]) -> Option<(String, PathBuf)> {
    let class_path = class_path().unwrap()?;
    if peers::lacks("openssl") {
        peers::skip(name, "openssl is missing");
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    peers::stores(&folder).unwrap();
    let port = free_port().unwrap().to_string();
    peers::run(peer(&class_path, &folder).arg("publish").arg(&folder).arg(port).args(codes)).unwrap();
    Some((class_path, folder))
}

/// Kills the gateway after each call of a client under that code. How many conversations it begins.
fn killed(class_path: &str, folder: &Path, code: &str, more: &[&str]) -> usize {
    let Route { http, backend, gateway, arguments, .. } = route_with(code, folder, more);
    let mut client = peer(class_path, folder);
    client.env("JAVA_TOOL_OPTIONS", "-Dpause=2000").args(["calls", &CALLS.to_string(), "1000", "1", "0", &http, code]);
    let calling = std::thread::spawn(move || peers::run(&mut client));
    let (mut gateway, mut log) = (Some(gateway), String::new());
    for call in 0..CALLS {
        // It calls four operations before it begins to pause.
        wait(&backend, 4 + call);
        std::thread::sleep(Duration::from_millis(300));
        if let Some(gateway) = gateway.take() {
            log += &gateway.log();
        }
        gateway = Some(Nuncio::start(&arguments).unwrap_or_else(|error| panic!("{code}: {error}")));
    }
    let said = calling.join().unwrap();
    log += &gateway.map(|gateway| gateway.log()).unwrap_or_default();
    let said = said.unwrap_or_else(|error| panic!("{code}: {error}\n{log}"));
    assert!(said.contains(&format!("good {CALLS} bad 0;")), "{said}\n{log}");
    log.lines().filter(|line| line.contains("/RST/SCT\"") && !line.contains("refused=")).count()
}

/// With a state directory a conversation is begun once, whatever the policy's bootstrap and generation.
#[test]
fn a_conversation_on_disk_outlives_the_process() {
    let codes = ["X+d", "A+13", "U"];
    let Some((class_path, folder)) = published("cxf killed", &codes) else { return };
    for code in codes {
        let state = folder.join(format!("state {code}")).display().to_string();
        assert_eq!(killed(&class_path, &folder, code, &["--state", &state]), 1, "{code}");
    }
}

/// A key ring for those who share conversations.
pub(crate) fn ring(folder: &Path) -> String {
    let file = folder.join("keys.yaml").display().to_string();
    peers::run(Command::new(program().unwrap()).args(["keys", "--force", "--ring", &file])).unwrap();
    file
}

/// In Redis, and in the tokens that the client brings, as on disk.
#[test]
fn a_conversation_that_is_shared_outlives_the_process() {
    let codes = ["X+d", "A+13"];
    let Some((class_path, folder)) = published("cxf killed shared", &codes) else { return };
    if Redis::is_missing("cxf killed shared") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let (url, ring) = (format!("redis://{}", redis.address()), ring(&folder));
    for more in [&["--redis", &url, "--key-ring", &ring][..], &["--cookie-key", &ring]] {
        for code in codes {
            assert_eq!(killed(&class_path, &folder, code, more), 1, "{code} {more:?}");
        }
    }
}

/// Two gateways answer in turn, a request each: a conversation is begun once, and each of them knows it.
#[test]
fn two_gateways_answer_in_turn() {
    let codes = ["X+d", "A+13"];
    let Some((class_path, folder)) = published("cxf in turn", &codes) else { return };
    if Redis::is_missing("cxf in turn") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let (url, ring) = (format!("redis://{}", redis.address()), ring(&folder));
    for more in [&["--redis", &url, "--key-ring", &ring][..], &["--cookie-key", &ring]] {
        for code in codes {
            let routes = [(); 2].map(|()| route_with(code, &folder, more));
            let turns = Turns::between(routes.each_ref().map(|route| route.http.clone())).unwrap();
            let mut client = peer(&class_path, &folder);
            client.args(["calls", "10", "1000", "1", "0", &turns.url(), code]);
            let logs = || routes.each_ref().map(|route| route.gateway.log()).join("\n== the other\n");
            let said = peers::run(&mut client).unwrap_or_else(|error| panic!("{code}: {error}\n{}", logs()));
            assert!(said.contains("good 10 bad 0;"), "{said}\n{}", logs());
            let begun = logs().lines().filter(|line| line.contains("/RST/SCT\"")).count();
            let calls = routes.each_ref().map(|route| route.backend.seen().len());
            assert_eq!((begun, calls.iter().sum::<usize>()), (1, 14), "{code}: {calls:?}");
            assert!(calls.iter().all(|&calls| calls >= 6), "{code}: {calls:?}");
        }
    }
}
