//! A gateway that is killed while clients call, and started again: what was accepted is not accepted twice, and a conversation
//! that was handed out is known again wherever it is kept outside the process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuncio_tests::load::caller::{Call, Caller};
use nuncio_tests::load::connection::{Connection, Target};
use nuncio_tests::load::serving::Backend;
use nuncio_tests::peers;
use nuncio_tests::process::{Nuncio, free_port, program};
use nuncio_tests::redis::Redis;
use nuncio_wss::Context;

/// How often it is killed.
const KILLS: usize = 20;
/// Clients that call at once.
const CLIENTS: usize = 6;
const CONVERSATION: &str = "wcf-wshttp-mutualCertificate-conversation";
const MESSAGES: &str = "wcf-wshttp-mutualCertificate";

/// What became of all calls.
#[derive(Debug, Default)]
struct Counts {
    /// Calls that were answered as they should be.
    accepted: AtomicUsize,
    /// Conversations that were handed out and are not known any more.
    lost: AtomicUsize,
    /// Calls that were refused in words that ask to come again.
    busy: AtomicUsize,
    /// Calls that broke off with the process.
    broken: AtomicUsize,
    /// Whatever else came back.
    other: Mutex<Vec<String>>,
}

/// A gateway on one port that can be killed and started again.
struct Killed {
    file: PathBuf,
    url: String,
    process: Option<Nuncio>,
    _backend: Backend,
}

impl Killed {
    /// With one route under that policy, and more of its configuration and of the route.
    fn start(name: &str, preset: &str, more: &str, route: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kills-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let backend = Backend::start(None).unwrap();
        let (port, key) = (free_port().unwrap(), |file: &str| peers::key(file).display().to_string());
        let yaml = format!(
            "listeners: [{{ address: '127.0.0.1:{port}' }}]\n{more}routes:\n  - path: /echo\n    backend: {}\n    \
             preset: {preset}\n    certificate: {}\n    key: {}\n    trust: [{}]\n{route}",
            backend.url(),
            key("server.pem"),
            key("server.key"),
            key("client.pem"),
        );
        let file = folder.join("nuncio.yaml");
        std::fs::write(&file, yaml).unwrap();
        let mut killed = Self { file, url: format!("http://127.0.0.1:{port}/echo"), process: None, _backend: backend };
        killed.again();
        killed
    }

    fn again(&mut self) {
        let start = || {
            let mut command = Command::new(program().unwrap());
            command.args(["run", "--config"]).arg(&self.file);
            Nuncio::run(command, None)
        };
        let mut started = start();
        // While it was away somebody else's test may have had the port for a moment.
        for _ in 0..20 {
            match &started {
                Err(failed) if failed.0.contains("Address already in use") => {
                    std::thread::sleep(Duration::from_millis(100));
                    started = start();
                }
                _ => break,
            }
        }
        self.process = Some(started.unwrap());
    }

    /// Kills it as the kernel does; nothing is told to the process.
    fn kill(&mut self) {
        self.process = None;
    }
}

/// A conversation in which a client was answered, where the policy has some.
type Talking = Arc<Mutex<Option<Arc<Context>>>>;

/// One client: it goes on calling in one conversation, if the policy has some, until it is told to stop. What was accepted
/// lately is in `recent`.
async fn call(
    caller: Arc<Caller>,
    target: Target,
    counts: Arc<Counts>,
    (recent, talking): (Arc<Mutex<Vec<Call>>>, Talking),
    stop: Arc<AtomicBool>,
) {
    let mut connection = Connection::new(target);
    let mut context = None;
    while !stop.load(Ordering::Relaxed) {
        if caller.converses() && context.is_none() {
            let Ok(opened) = caller.open(&mut connection).await else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            context = Some(opened);
        }
        let call = caller.message(context.as_ref()).unwrap();
        let Ok(answer) = connection.post(call.message()).await else {
            counts.broken.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match caller.judge(&call, answer) {
            Ok(()) => {
                counts.accepted.fetch_add(1, Ordering::Relaxed);
                (*talking.lock().unwrap()).clone_from(&context);
                let mut recent = recent.lock().unwrap();
                recent.push(call);
                let many = recent.len().saturating_sub(20);
                recent.drain(..many);
            }
            Err(_) if text.contains("BadContextToken") => {
                counts.lost.fetch_add(1, Ordering::Relaxed);
                context = None;
            }
            Err(failed) if failed.to_string() == "busy" => {
                counts.busy.fetch_add(1, Ordering::Relaxed);
            }
            Err(failed) => counts.other.lock().unwrap().push(failed.to_string()),
        }
    }
}

/// Kills a gateway again and again under load; after each start, what was accepted before is sent again.
///
/// A message that was made before a kill and not sent until after it is taken where it is known that it was not: `outlives`.
async fn kill(name: &str, preset: &str, more: &str, route: &str, outlives: bool) -> Arc<Counts> {
    let mut gateway = Killed::start(name, preset, more, route);
    let caller = Arc::new(Caller::of_preset(&gateway.url, preset, 200).unwrap());
    let target = Target::new(&gateway.url).unwrap();
    let (counts, stop) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
    let (recent, talking) = (Arc::new(Mutex::new(Vec::new())), Talking::default());
    let client = || {
        let (caller, counts) = (Arc::clone(&caller), Arc::clone(&counts));
        let seen = (Arc::clone(&recent), Arc::clone(&talking));
        tokio::spawn(call(caller, target.clone(), counts, seen, Arc::clone(&stop)))
    };
    let clients: Vec<_> = (0..CLIENTS).map(|_| client()).collect();
    let (mut replayed, mut unsent) = (Vec::new(), 0);
    for round in 0..KILLS {
        let enough = counts.accepted.load(Ordering::Relaxed) + 10 * CLIENTS;
        while counts.accepted.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // At another moment of what is going on each time.
        tokio::time::sleep(Duration::from_millis(round as u64 * 7 % 40)).await;
        let made = caller.message(talking.lock().unwrap().as_ref()).unwrap();
        gateway.kill();
        let before: Vec<Call> = recent.lock().unwrap().drain(..).collect();
        assert!(!before.is_empty());
        gateway.again();
        let mut connection = Connection::new(target.clone());
        let answer = connection.post(made.message()).await.unwrap();
        unsent += usize::from(answer.status == 200);
        for call in &before {
            let answer = connection.post(call.message()).await.unwrap();
            if answer.status == 200 {
                replayed.push(round);
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    println!("{name}: killed {KILLS} times: {counts:?}, replayed {}, taken late {unsent}", replayed.len());
    assert_eq!(unsent, if outlives { KILLS } else { 0 }, "what was made before, and not sent");
    assert_eq!(replayed, [0; 0], "a message that was accepted is accepted again");
    assert_eq!(*counts.other.lock().unwrap(), Vec::<String>::new());
    counts
}

/// In memory conversations end with the process, and nothing is taken twice all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_memory_is_lost_and_never_taken_twice() {
    let counts = kill("memory", CONVERSATION, "", "", false).await;
    assert!(counts.lost.load(Ordering::Relaxed) >= KILLS, "each process begins without conversations: {counts:?}");
    kill("messages", MESSAGES, "", "", false).await;
}

/// In a state directory conversations outlive the process, and what was claimed is known to the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_disk_is_neither_lost_nor_taken_twice() {
    for (name, preset) in [("disk", CONVERSATION), ("disk-messages", MESSAGES)] {
        let counts = kill(name, preset, "state: { directory: state }\n", "", true).await;
        assert_eq!(counts.lost.load(Ordering::Relaxed), 0, "{counts:?}");
    }
}

/// A key ring for those who share conversations.
fn ring(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("kills-{name}-keys.yaml")).display().to_string();
    peers::run(Command::new(program().unwrap()).args(["keys", "--force", "--ring", &file])).unwrap();
    file
}

/// In Redis they outlive each process, and what one claimed no other takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_redis_is_neither_lost_nor_taken_twice() {
    if Redis::is_missing("kills") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let more = format!("redis: {{ url: 'redis://{}' }}\nkey_ring: {}\n", redis.address(), ring("redis"));
    for (name, preset) in [("redis", CONVERSATION), ("redis-messages", MESSAGES)] {
        let counts = kill(name, preset, &more, "    store: redis\n", true).await;
        assert_eq!(counts.lost.load(Ordering::Relaxed), 0, "{counts:?}");
    }
}

/// What clients keep themselves is not lost with a process, and nothing that was made before it began is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_cookies_is_neither_lost_nor_taken_twice() {
    let counts =
        kill("cookie", CONVERSATION, &format!("key_ring: {}\n", ring("cookie")), "    store: cookie\n", false).await;
    assert_eq!(counts.lost.load(Ordering::Relaxed), 0, "{counts:?}");
}
