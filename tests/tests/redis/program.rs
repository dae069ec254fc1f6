//! The program with a Redis, from outside: what its callers are told, and what is counted.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use nuncio_tests::load::caller::Caller;
use nuncio_tests::load::connection::{Connection, Target};
use nuncio_tests::load::serving::Backend;
use nuncio_tests::peers;
use nuncio_tests::process::{Nuncio, free_port, program};

use super::{redis, until};

const PRESET: &str = "wcf-wshttp-mutualCertificate-conversation";

/// A gateway with a Redis, and where it is watched.
struct Watched {
    process: Nuncio,
    _backend: Backend,
    url: String,
    admin: u16,
}

impl Watched {
    /// With more said of its Redis.
    fn start(name: &str, redis: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let ring = folder.join("keys.yaml");
        peers::run(Command::new(program().unwrap()).args(["keys", "--ring"]).arg(ring)).unwrap();
        let backend = Backend::start(None).unwrap();
        let (port, admin, key) =
            (free_port().unwrap(), free_port().unwrap(), |file| peers::key(file).display().to_string());
        let yaml = format!(
            "listeners: [{{ address: '127.0.0.1:{port}' }}]\nadmin: {{ address: '127.0.0.1:{admin}' }}\nkey_ring: keys.yaml\n\
             redis: {{ {redis} }}\nroutes:\n  - path: /echo\n    backend: {}\n    preset: {PRESET}\n    store: redis\n    \
             certificate: {}\n    key: {}\n    trust: [{}]\n",
            backend.url(),
            key("server.pem"),
            key("server.key"),
            key("client.pem"),
        );
        let file = folder.join("nuncio.yaml");
        std::fs::write(&file, yaml).unwrap();
        let mut command = Command::new(program().unwrap());
        command.args(["run", "--config"]).arg(&file);
        let process = Nuncio::run(command, None).unwrap();
        Self { process, _backend: backend, url: format!("http://127.0.0.1:{port}/echo"), admin }
    }

    /// What is counted of Redis, but for what is zero.
    fn counted(&self) -> BTreeMap<String, String> {
        let mut admin = TcpStream::connect(("127.0.0.1", self.admin)).unwrap();
        admin.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        admin.read_to_string(&mut text).unwrap();
        let rows = text.lines().filter_map(|line| line.strip_prefix("nuncio_redis_")?.rsplit_once(' '));
        rows.filter(|(_, value)| !matches!(*value, "0" | "0.0"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn operations(&self, operation: &str, outcome: &str) -> u32 {
        let name = format!("operations_total{{operation=\"{operation}\",outcome=\"{outcome}\"}}");
        self.counted().get(&name).map_or(0, |count| count.parse().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_is_asked_is_counted() {
    let mut redis = redis!("what_redis_is_asked_is_counted");
    let said = format!("url: 'redis://{}', timeout: 2s, principal_conversations: 2", redis.address());
    let gateway = Watched::start("counted", &said);
    assert_eq!(gateway.counted(), BTreeMap::from([("up".to_owned(), "1".to_owned())]));
    let caller = Caller::of_preset(&gateway.url, PRESET, 100).unwrap();
    let mut connection = Connection::new(Target::new(&gateway.url).unwrap());
    let context = caller.open(&mut connection).await.unwrap();
    let call = caller.message(Some(&context)).unwrap();
    assert!(caller.call(&mut connection, &call).await.is_ok());
    let told = || gateway.operations("tell", "answered") == 1;
    until("it is told that it was used", async || told()).await;
    let counted = gateway.counted();
    let durations = counted.iter().filter(|(name, _)| name.starts_with("duration_seconds_"));
    assert_eq!(counted.get("duration_seconds_count").map(String::as_str), Some("4"), "{counted:?}");
    assert!(durations.count() > 2);
    let rest: Vec<_> = counted.iter().filter(|(name, _)| !name.starts_with("duration_")).collect();
    let row = |operation: &str| format!("operations_total{{operation=\"{operation}\",outcome=\"answered\"}}");
    for (operation, count) in [("keep", "1"), ("claim", "2"), ("tell", "1")] {
        assert_eq!(counted.get(&row(operation)).map(String::as_str), Some(count), "{operation}: {counted:?}");
    }
    assert_eq!(rest.len(), 4, "{rest:?}");

    // One that has as many as he may is told to come again, and what he has goes on.
    let other = caller.open(&mut connection).await.unwrap();
    assert!(caller.open(&mut connection).await.is_err());
    assert!(gateway.process.logs("the caller's share of Redis is full"), "{}", gateway.process.log());
    for context in [&context, &other] {
        let call = caller.message(Some(context)).unwrap();
        assert!(caller.call(&mut connection, &call).await.is_ok());
    }

    // Who names one that is not there has it asked.
    let stranger = Watched::start("stranger", &said);
    let mut connection = Connection::new(Target::new(&stranger.url).unwrap());
    let unknown = caller.message(Some(&context)).unwrap();
    assert!(caller.call(&mut connection, &unknown).await.is_err());
    assert_eq!(stranger.operations("seek", "answered"), 1);
    // What is there is none of its own: it has other keys.
    assert_eq!(stranger.counted().get("unreadable").map(String::as_str), Some("1"));

    redis.kill();
    until("it is down", async || !gateway.counted().contains_key("up")).await;
    assert!(caller.open(&mut connection).await.is_err());
    assert!(caller.call(&mut connection, &caller.message(Some(&context)).unwrap()).await.is_err());
    let mut connection = Connection::new(Target::new(&gateway.url).unwrap());
    assert!(caller.open(&mut connection).await.is_err());
    assert!(gateway.operations("claim", "away") > 0, "{:?}", gateway.counted());
    redis.restart().unwrap();
    until("it is up", async || gateway.counted().contains_key("up")).await;
}
