//! CXF's client where its conversations end: when their time is over, or because it cancels them after each call. It proves
//! by no message about a conversation that it has its key, so none of these is granted; and it begins another conversation
//! where it cannot renew. So it is in every store, and nobody is refused who calls.

use std::collections::BTreeSet;
use std::path::Path;

use nuncio_tests::configured::{Configured, Setting};
use nuncio_tests::cxf::{is_in_conversation, peer};
use nuncio_tests::peers;
use nuncio_tests::plain::Backend;
use nuncio_tests::redis::Redis;
use nuncio_tests::turns::Turns;

use crate::restarts::{published, ring};

/// Bootstraps of three kinds, with both generations.
const CODES: [&str; 3] = ["X+d", "A+13", "U"];
/// Echoes of each client.
const ROUNDS: usize = 2;

/// A client's gateways, which answer in turn where there are two, and what is behind them.
struct Stage {
    name: String,
    code: &'static str,
    /// As the admin listener has it.
    store: Option<&'static str>,
    gateways: Vec<Configured>,
    turns: Option<Turns>,
    backend: Backend,
}

impl Stage {
    fn url(&self) -> String {
        self.turns.as_ref().map_or_else(|| self.gateways[0].url().to_owned(), Turns::url)
    }

    /// How many requests of that kind had that outcome at all of its gateways.
    fn count(&self, kind: &str, outcome: &str) -> usize {
        self.gateways.iter().map(|gateway| gateway.count(kind, outcome).unwrap()).sum()
    }

    /// The conversations that a gateway of them has.
    fn conversations(&self) -> BTreeSet<String> {
        self.gateways.iter().flat_map(|gateway| gateway.conversations(self.store).unwrap()).collect()
    }

    /// Those in which the plain service was called.
    fn told(&self) -> BTreeSet<String> {
        let told = |name: &str| name.to_owned();
        self.backend.seen().iter().filter_map(|seen| seen.header("x-nuncio-conversation").map(told)).collect()
    }

    fn logs(&self) -> String {
        let logs: Vec<_> = self.gateways.iter().map(Configured::log).collect();
        format!("== {}\n{}", self.name, logs.join("\n== the other\n"))
    }
}

/// Every code with every store, and two gateways in turn with what they share.
fn stages(folder: &Path, redis: &Redis, more: &str) -> Vec<Stage> {
    let shared = format!("key_ring: '{}'\n", ring(folder));
    let in_redis = format!("{shared}redis: {{ url: 'redis://{}' }}\n", redis.address());
    let stores = [
        ("memory", None, 1, String::new()),
        ("disk", None, 1, "state".to_owned()),
        ("redis", Some("redis"), 1, in_redis.clone()),
        ("redis", Some("redis"), 2, in_redis),
        ("cookie", Some("cookie"), 1, shared.clone()),
        ("cookie", Some("cookie"), 2, shared),
    ];
    let mut stages = Vec::new();
    for (store, asked, count, keeping) in &stores {
        for code in CODES {
            let name = format!("{code} {store} {count}");
            // Nobody shares a conversation with another stage, which has another prefix.
            let keeping = match *store {
                "disk" => format!("state: {{ directory: '{}' }}\n", folder.join(format!("state {name}")).display()),
                "redis" => keeping.replace("' }", &format!("', prefix: 'stage{}' }}", stages.len())),
                _ => keeping.clone(),
            };
            let (backend, wsdl) = (Backend::start().unwrap(), folder.join(format!("{code}.wsdl")));
            let gateway = |number| {
                let more = format!("{keeping}{more}");
                let setting = Setting { wsdl: &wsdl, backend: backend.url(), tls: false, more: &more, store };
                let file = folder.join(format!("{name} {number}.yaml"));
                Configured::start(&file, &setting).unwrap_or_else(|error| panic!("{name}: {error}"))
            };
            let gateways: Vec<_> = (0..*count).map(gateway).collect();
            let urls = gateways.iter().map(|gateway| gateway.url().to_owned());
            let turns = (*count > 1).then(|| Turns::between(urls).unwrap());
            stages.push(Stage { name, code, store: *asked, gateways, turns, backend });
        }
    }
    stages
}

/// The stages of a test, after clients of which that is set have called at each of them.
fn called(name: &str, settings: &str, more: &str) -> Option<(Redis, Vec<Stage>)> {
    let (class_path, folder) = published(name, &CODES)?;
    if Redis::is_missing(name) {
        return None;
    }
    let redis = Redis::start(&[]).unwrap();
    let stages = stages(&folder, &redis, more);
    let mut clients = peer(&class_path, &folder);
    clients.env("JAVA_TOOL_OPTIONS", settings).args(["calls", &ROUNDS.to_string(), "1000", "1", "0"]);
    for stage in &stages {
        clients.args([&stage.url(), stage.code]);
    }
    let logs = || stages.iter().map(Stage::logs).collect::<String>();
    let said = peers::run(&mut clients).unwrap_or_else(|error| panic!("{error}\n{}", logs()));
    assert_eq!(said.matches(&format!("good {ROUNDS} bad 0;")).count(), stages.len(), "{said}\n{}", logs());
    assert!(stages.iter().all(|stage| is_in_conversation(stage.code)));
    Some((redis, stages))
}

/// Each of its last calls comes when the conversation is over: it asks to renew it, is refused, and begins another.
#[test]
fn clients_begin_anew_when_their_conversation_is_over() {
    let settings = "-Dtogether=true -Dpause=13000";
    let Some((_redis, stages)) = called("cxf over", settings, "lifetimes: { conversation: 12s }\n") else { return };
    for stage in &stages {
        let (begun, asked) = (stage.count("issue", "answered"), stage.count("renew", "refused"));
        assert!(asked >= ROUNDS, "{asked}: {}", stage.logs());
        assert_eq!(begun, 1 + asked, "{}", stage.logs());
        assert_eq!(stage.told().len(), begun, "{}", stage.logs());
        assert_eq!(stage.backend.seen().len(), 4 + ROUNDS, "{}", stage.logs());
        let other = [("issue", "refused"), ("renew", "answered"), ("application", "refused")];
        assert!(other.iter().all(|(kind, outcome)| stage.count(kind, outcome) == 0), "{}", stage.logs());
    }
}

/// Every call is in a conversation of its own, whose cancel is refused: so it is still there afterwards.
#[test]
fn what_clients_cancel_without_its_key_goes_on() {
    let Some((_redis, stages)) = called("cxf cancelled", "-Dcancel=true", "") else { return };
    for stage in &stages {
        let (begun, refused) = (stage.count("issue", "answered"), stage.count("cancel", "refused"));
        assert_eq!((begun, refused), (ROUNDS, ROUNDS), "{}", stage.logs());
        let told = stage.told();
        assert_eq!(told.len(), ROUNDS, "{}", stage.logs());
        assert_eq!(stage.conversations(), told, "{}", stage.logs());
        let other = [("issue", "refused"), ("cancel", "answered"), ("application", "refused")];
        assert!(other.iter().all(|(kind, outcome)| stage.count(kind, outcome) == 0), "{}", stage.logs());
    }
}
