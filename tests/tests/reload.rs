//! Configurations that take the place of each other under load: nobody notices.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nuncio_tests::load::caller::Caller;
use nuncio_tests::load::connection::Target;
use nuncio_tests::load::drive::{Load, Measured, Pace, Until, drive};
use nuncio_tests::load::serving::{Backend, Demand, Gateway};

const PRESET: &str = "wcf-wshttp-mutualCertificate-conversation";

/// How long a reload may take to be noted; a machine under load is slow.
const PATIENCE: Duration = Duration::from_mins(1);

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A log that is being written, read on from where it was read to.
struct Log(BufReader<File>);

impl Log {
    fn of(gateway: &Gateway) -> Self {
        Self(BufReader::new(File::open(gateway.file().with_extension("log")).unwrap()))
    }

    /// Waits for the next line that has one of `texts`.
    fn wait(&mut self, texts: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        let mut line = String::new();
        loop {
            if self.0.read_line(&mut line).unwrap() == 0 {
                assert!(Instant::now() < until, "{texts:?} is not in the log");
                std::thread::sleep(Duration::from_millis(5));
            } else if line.ends_with('\n') {
                if texts.iter().any(|text| line.contains(text)) {
                    return line;
                }
                line.clear();
            }
        }
    }
}

fn hang_up(gateway: &Gateway) {
    assert!(Command::new("kill").args(["-HUP", &gateway.id().to_string()]).status().unwrap().success());
}

/// Puts each of `yamls` in force, in turn, so many times.
fn reload(gateway: &Gateway, yamls: &[String], times: usize) {
    let mut log = Log::of(gateway);
    for yaml in yamls.iter().cycle().take(times) {
        // In one step: nobody reads half of it.
        let beside = gateway.file().with_extension("next");
        std::fs::write(&beside, yaml).unwrap();
        std::fs::rename(&beside, gateway.file()).unwrap();
        hang_up(gateway);
        let line = log.wait(&["the configuration was reloaded", "the configuration is not reloaded"]);
        assert!(line.contains("was reloaded"), "{line}");
    }
}

fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// Calls in conversations while `meanwhile` happens.
async fn call(gateway: &Arc<Gateway>, meanwhile: impl FnOnce(&Gateway) + Send + 'static) -> Measured {
    let url = gateway.url("secured");
    let caller = Arc::new(Caller::of_preset(&url, PRESET, 100).unwrap());
    let ended = Arc::new(AtomicBool::new(false));
    let load = Load {
        workers: 4,
        conversations: 8,
        warm_up: 4,
        pace: Pace::Closed,
        until: Until::Said(Arc::clone(&ended)),
        processes: Vec::new(),
    };
    let changing = {
        let gateway = Arc::clone(gateway);
        tokio::task::spawn_blocking(move || {
            // It ends with a failure too.
            struct End(Arc<AtomicBool>);
            impl Drop for End {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            let _end = End(ended);
            meanwhile(&gateway);
        })
    };
    let measured = drive(&caller, &Target::new(&url).unwrap(), &load).await.unwrap();
    changing.await.unwrap();
    measured
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_reloads_under_load_cost_nobody_a_call() {
    let backend = Backend::start(None).unwrap();
    let routes = [("secured", Demand::Preset(PRESET))];
    let gateway = Arc::new(Gateway::start(&folder("reloads"), &routes, false, &backend, None).unwrap());
    let first = text(gateway.file());
    let other = format!("{first}timeouts: {{ keep_alive: 50s }}\n");
    let measured = call(&gateway, move |gateway| reload(gateway, &[other, first], 300)).await;
    assert_eq!((measured.wrong(), measured.busy), (0, 0), "{measured:?}");
    assert!(measured.good > 300, "{measured:?}");
}

/// What a conversation was established under is not so any more: it ends, and another one begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_trust_changes_ends_its_conversations() {
    let backend = Backend::start(None).unwrap();
    let routes = [("secured", Demand::Preset(PRESET))];
    let gateway = Arc::new(Gateway::start(&folder("trust"), &routes, false, &backend, None).unwrap());
    let first = text(gateway.file());
    let (before, rest) = first.split_once("trust: [").unwrap();
    let client = rest.split_once(']').unwrap().0;
    let other = format!("{before}trust: [{}, {rest}", client.replace("client.pem", "server.pem"));
    let measured = call(&gateway, move |gateway| {
        let mut log = Log::of(gateway);
        // One is in use, so that there is something to end.
        log.wait(&["IEcho/Echo"]);
        reload(gateway, &[other], 1);
        log.wait(&["is not known here"]);
    })
    .await;
    assert!(measured.wrong() > 0, "{measured:?}");
    let again = call(&gateway, |_| {}).await;
    assert_eq!((again.wrong(), again.busy), (0, 0), "{again:?}");
}
