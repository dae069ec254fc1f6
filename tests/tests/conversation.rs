//! Recorded conversations over real sockets, at a gateway in this process that draws the numbers of the recorded service:
//! so it issues the recorded contexts again, and every later recorded message opens under them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::config::{Endpoint, Keeping, StoreKind, StoreLimits};
use nuncio::keyring::{self, KeyRing};
use nuncio::random::Entropy;
use nuncio::shared;
use nuncio_policy::{bare, wsdl};
use nuncio_tests::ends::Ends;
use nuncio_tests::gateway::{NotStarted, Running, Settings};
use nuncio_tests::http::HttpMessage;
use nuncio_tests::plain::{Backend, Seen};
use nuncio_tests::player::{Outcome, play};
use nuncio_tests::recording::{self, Exchange, Scenario};
use nuncio_tests::redis::Redis;
use nuncio_tests::{compare, oracle, peers, wire};

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// What came of the scenarios.
#[derive(Default)]
struct Tally {
    scenarios: usize,
    conversations: usize,
    calls: usize,
    renewed: usize,
    cancelled: usize,
    refused: usize,
}

/// Wherever a gateway keeps its conversations. Not in cookies: the recorded clients bring none, or the recorded service's own.
#[test]
fn recorded_conversations_are_held_over_sockets() {
    let redis = (!Redis::is_missing("recorded conversations")).then(|| Redis::start(&[]).unwrap());
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for (number, scenario) in recording::load(&recording::packed()).unwrap().into_iter().enumerate() {
        if !holds_conversations(&scenario) {
            continue;
        }
        let name = &scenario.name;
        // What the core cannot play yet, the gateway cannot.
        match play::<Ends>(&scenario) {
            Outcome::Passed(_) => {}
            Outcome::Skipped(why) => {
                peers::skip(name, &why);
                continue;
            }
            Outcome::Failed(failures, _) => panic!("{name}: {}", failures[0]),
        }
        // A plain service keeps no sequences.
        if endpoint(&scenario)
            .is_ok_and(|endpoint| endpoint.alternatives.iter().all(|policy| policy.reliable.is_some()))
        {
            continue;
        }
        let mut places =
            vec![("memory", Place::Memory), ("disk", Place::Disk(state("recorded conversations", &scenario)))];
        places.extend(redis.iter().map(|redis| ("redis", Place::redis(redis, number))));
        for (place, keeping) in places {
            let tally = tallies.entry(place).or_default();
            match Stage::new(&scenario, keeping) {
                Ok(stage) => stage.play(tally),
                Err(NotStarted::NotBuilt(why)) => peers::skip(name, &why),
                Err(error) => panic!("{name} {place}: {error}"),
            }
        }
    }
    for (place, tally) in &tallies {
        let Tally { scenarios, conversations, calls, renewed, cancelled, refused } = tally;
        let told = format!(
            "{place}: {scenarios} scenarios: {conversations} conversations, {calls} calls, {renewed} renewed, {cancelled} \
             cancelled, {refused} refused"
        );
        eprintln!("{told}");
        assert!(*scenarios >= 137 && *conversations >= 134, "{told}");
        assert!(*renewed >= 20, "{told}");
        assert!(*calls >= 662 && *cancelled >= 115, "{told}");
    }
    assert_eq!(tallies.len(), if redis.is_some() { 3 } else { 2 });
}

/// Where the recorded service was started anew and had forgotten its conversations, ours opens its state directory anew, or
/// asks its Redis: the message that was refused is answered, and the conversation goes on.
#[test]
fn recorded_restarts_lose_nothing_that_is_kept() {
    let redis = (!Redis::is_missing("recorded restarts")).then(|| Redis::start(&[]).unwrap());
    let mut names = Vec::new();
    for scenario in recording::load(&recording::packed()).unwrap() {
        if scenario.meta.replay.forget_before.is_empty() || !holds_conversations(&scenario) {
            continue;
        }
        let mut in_memory = Tally::default();
        Stage::new(&scenario, Place::Memory).unwrap().play(&mut in_memory);
        let mut places = vec![Place::Disk(state("recorded restarts", &scenario))];
        places.extend(redis.iter().map(|redis| Place::redis(redis, 0)));
        for place in places {
            let mut kept = Tally::default();
            Stage::new(&scenario, place).unwrap().play(&mut kept);
            assert!(kept.refused < in_memory.refused, "{}: what was lost is not", scenario.name);
            assert_eq!(kept.calls + kept.refused, in_memory.calls + in_memory.refused, "{}", scenario.name);
        }
        names.push(scenario.name);
    }
    assert_eq!(names, ["wcf-anonymousForCertificate-sc-2005-02-serverRestart"]);
}

fn holds_conversations(scenario: &Scenario) -> bool {
    let policy = scenario.policy.as_ref().or(scenario.wsdl.as_ref());
    policy.is_some_and(|text| String::from_utf8_lossy(text).contains("SecureConversationToken"))
}

/// Where a scenario's gateway keeps conversations.
enum Place {
    Memory,
    Disk(PathBuf),
    /// A Redis, and the keys under which it is sealed there.
    Redis(shared::Settings, Arc<KeyRing>),
}

impl Place {
    /// In a part of a Redis that is that scenario's own.
    fn redis(redis: &Redis, number: usize) -> Self {
        let mut settings = shared::Settings::at(&format!("redis://{}", redis.address())).unwrap();
        settings.prefix = format!("scenario{number}");
        let ring = keyring::write(&mut Entropy::system().draw());
        Self::Redis(settings, Arc::new(keyring::read("keys.yaml", ring.expose()).unwrap()))
    }

    fn keeping(&self) -> (StoreKind, Keeping) {
        match self {
            Self::Memory => (StoreKind::Memory, Keeping::default()),
            Self::Disk(state) => (StoreKind::Disk, Keeping { state: Some(state.clone()), ..Keeping::default() }),
            Self::Redis(settings, ring) => {
                let (redis, ring) = (Some(settings.clone()), Some(Arc::clone(ring)));
                (StoreKind::Redis, Keeping { redis, ring, ..Keeping::default() })
            }
        }
    }
}

/// A state directory that is not there yet.
fn state(test: &str, scenario: &Scenario) -> PathBuf {
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test).join(&scenario.name);
    let _ = std::fs::remove_dir_all(&state);
    state
}

/// One scenario's gateway and plain service.
struct Stage<'s> {
    scenario: &'s Scenario,
    backend: Backend,
    gateway: Running,
    place: Place,
    /// Contexts that the gateway has issued and not forgotten, with what the backend saw of each.
    known: BTreeMap<String, Conversation>,
    /// What the backend was told of all conversations there ever were.
    told: BTreeSet<String>,
}

#[derive(Default)]
struct Conversation {
    /// The user who established it; nobody where no name was given.
    user: Option<String>,
    /// The name that the backend knows it by.
    told: Option<String>,
    /// The last message in it.
    last: Option<HttpMessage>,
}

impl<'s> Stage<'s> {
    fn new(scenario: &'s Scenario, place: Place) -> Result<Self, NotStarted> {
        let backend = Backend::start().unwrap();
        let first = scenario.exchanges[0].request_at;
        if matches!(place, Place::Redis(..)) {
            // What was made before Redis was there is refused, and it was there before the recording.
            let gateway = start(scenario, &backend, &place, first - HOUR)?;
            let start = Instant::now();
            while !gateway.take_log().iter().any(|line| line.contains("connected to Redis")) {
                assert!(start.elapsed() < Duration::from_secs(30), "it is not connected");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let gateway = start(scenario, &backend, &place, first)?;
        Ok(Self { scenario, backend, gateway, place, known: BTreeMap::new(), told: BTreeSet::new() })
    }

    fn play(mut self, tally: &mut Tally) {
        for exchange in &self.scenario.exchanges {
            if self.scenario.meta.replay.forget_before.contains(&exchange.n) {
                self.gateway.stop();
                self.gateway = start(self.scenario, &self.backend, &self.place, exchange.request_at).unwrap();
                if matches!(self.place, Place::Memory) {
                    self.known.clear();
                }
            }
            self.exchange(exchange, tally);
        }
        tally.scenarios += 1;
    }

    fn exchange(&mut self, exchange: &Exchange, tally: &mut Tally) {
        let at = format!("{} exchange {:02}", self.scenario.name, exchange.n);
        let plain = oracle::open(&exchange.request.body, &self.scenario.keys).unwrap();
        let recorded = oracle::open(&exchange.response.body, &self.scenario.keys);
        let issued = recorded.ok().and_then(|plain| oracle::issued(&plain).unwrap());
        if let Some((identifier, instance)) = &issued {
            self.gateway.foretell(&self.drawn(identifier, instance.as_deref(), &plain));
        }
        let contexts = oracle::contexts(&plain).unwrap();
        let (response, seen) = self.send(exchange);
        let status = response.status();
        let log = self.gateway.take_log().join("\n");

        if self.is_refused(&plain, &contexts) {
            assert_eq!((status, seen.len()), (Some(500), 0), "{at}: {log}");
            assert!(oracle::is_unsecured_fault(str::from_utf8(&response.body).unwrap()).unwrap(), "{at}");
            tally.refused += 1;
        } else if let Some((identifier, instance)) = issued {
            assert_eq!((status, seen.len()), (Some(200), 0), "{at}: {log}");
            assert_eq!(self.gateway.untold(), 0, "{at}: the recorded numbers are drawn");
            let user = oracle::credentials(&plain).unwrap().map(|(user, _)| user);
            if instance.is_some() {
                assert!(self.known.contains_key(&identifier), "{at}: it goes on under its new key");
                tally.renewed += 1;
            } else {
                self.known.insert(identifier, Conversation { user, ..Conversation::default() });
                tally.conversations += 1;
            }
        } else if payload(&plain) == "RequestSecurityToken" {
            assert_eq!((status, seen.len()), (Some(200), 0), "{at}: {log}");
            let [context] = contexts.as_slice() else {
                // The recorded service could not answer, and what ours would draw is not known.
                assert!(seen.is_empty(), "{at}: {log}");
                return;
            };
            let conversation = self.known.remove(context).unwrap();
            if let Some(last) = conversation.last {
                self.refuse_cancelled(&last, &at);
            }
            tally.cancelled += 1;
        } else {
            let [seen] = seen.as_slice() else { panic!("{at}: {}\n{log}", response.start_line) };
            Self::judge(exchange, &plain, &response, seen, &at);
            if let [context] = contexts.as_slice() {
                self.follow(context, exchange, seen, &at);
            }
            tally.calls += 1;
        }
    }

    /// Sends a request at its time; the answer, and what the backend saw.
    fn send(&self, exchange: &Exchange) -> (HttpMessage, Vec<Seen>) {
        self.gateway.set_clock(exchange.request_at);
        let response = wire::send(&self.gateway.url(), &exchange.request).unwrap();
        (response, self.backend.take())
    }

    /// What the recorded service drew to issue that context: its identifier, its entropy or the key itself, and then what
    /// our gateway names the conversation by; to renew one, its instance and the entropy or key.
    fn drawn(&self, identifier: &str, instance: Option<&str>, request: &str) -> Vec<u8> {
        let keys = &self.scenario.keys;
        let uuid = instance.unwrap_or(identifier).strip_prefix("urn:uuid:").unwrap().replace('-', "");
        let octet = |at: usize| u8::from_str_radix(&uuid[2 * at..2 * at + 2], 16).unwrap();
        let mut octets: Vec<u8> = (0..16).map(octet).collect();
        let same = |of: &&recording::ContextKey| of.identifier == identifier && of.instance.as_deref() == instance;
        let key = &keys.security_context_tokens.iter().find(same).unwrap().key;
        match keys.combined_entropy.iter().find(|of| of.combined == *key) {
            Some(combined) => octets.extend(&combined.server),
            // The client's entropy is the key, and the service draws nothing for it.
            None if request.contains("Entropy>") => {}
            None => octets.extend(key),
        }
        // Any name that is each conversation's own; a renewed one keeps its.
        if instance.is_none() {
            octets.extend((0..16).rev().map(octet));
        }
        octets
    }

    /// The recorded service refused it, and so must the gateway.
    fn is_refused(&self, plain: &str, contexts: &[String]) -> bool {
        let given = oracle::credentials(plain).unwrap();
        given.is_some_and(|(user, password)| self.scenario.meta.users().get(&user) != Some(&password))
            || contexts.iter().any(|context| !self.known.contains_key(context))
    }

    /// The backend got the body that was sent, and the client an answer.
    fn judge(exchange: &Exchange, plain: &str, response: &HttpMessage, seen: &Seen, at: &str) {
        compare::bodies(plain, seen.text()).unwrap_or_else(|difference| panic!("{at}: {difference}"));
        if exchange.response.status() == Some(202) {
            assert_eq!((response.status(), response.body.len()), (Some(202), 0), "{at}");
        } else {
            // The recorded service failed now and then where ours need not.
            let expected = if payload(plain) == "Fail" { 500 } else { 200 };
            assert_eq!(response.status(), Some(expected), "{at}");
            assert!(!oracle::is_unsecured_fault(str::from_utf8(&response.body).unwrap()).unwrap(), "{at}");
        }
    }

    /// The backend is told who established the conversation, and knows it by one name, which is no other's and not its
    /// identifier.
    fn follow(&mut self, context: &str, exchange: &Exchange, seen: &Seen, at: &str) {
        let name = seen.header("x-nuncio-conversation").unwrap().to_owned();
        assert!(!context.contains(&name) && !seen.text().contains(context), "{at}: {name}");
        let conversation = self.known.get_mut(context).unwrap();
        match (&conversation.user, seen.header("x-nuncio-principal")) {
            (Some(user), principal) => assert_eq!(principal, Some(user.as_str()), "{at}"),
            (None, principal) => {
                assert!(principal.is_none_or(|subject| subject.contains("CN=")), "{at}: {principal:?}");
            }
        }
        match &conversation.told {
            Some(told) => assert_eq!(*told, name, "{at}"),
            None => assert!(self.told.insert(name.clone()), "{at}: {name} is another's"),
        }
        conversation.told = Some(name);
        conversation.last = Some(exchange.request.clone());
    }

    fn refuse_cancelled(&self, message: &HttpMessage, at: &str) {
        let response = wire::send(&self.gateway.url(), message).unwrap();
        let text = String::from_utf8(response.body.clone()).unwrap();
        assert!(response.status() == Some(500) && text.contains(":BadContextToken<"), "{at}: {text}");
        assert!(self.backend.take().is_empty(), "{at}");
        let log = self.gateway.take_log().join("\n");
        assert!(log.contains("is not known here"), "{at}: {log}");
    }
}

fn start(scenario: &Scenario, backend: &Backend, place: &Place, now: i64) -> Result<Running, NotStarted> {
    let endpoint = endpoint(scenario).map_err(NotStarted::NotBuilt)?;
    let certificates = &scenario.meta.certificates;
    let service = &certificates.service;
    let (store, keeping) = place.keeping();
    Running::start(Settings {
        // The octets are those inside TLS.
        inside_tls: endpoint.needs_transport(),
        endpoint,
        identity: (service.certificate_pem.clone(), service.private_key_pem.clone()),
        users: scenario.meta.users().into_iter().collect(),
        trust: certificates.client.iter().map(|client| client.certificate_pem.clone()).collect(),
        addresses: vec![scenario.meta.service_address.clone()],
        backend: backend.url(),
        stores: StoreLimits::default(),
        store,
        keeping,
        now,
    })
}

/// The policy that the recorded service enforced: its WSDL's, or what stands in place of it.
fn endpoint(scenario: &Scenario) -> Result<Endpoint, String> {
    let contract = wsdl::read("wsdl.xml", scenario.wsdl.as_ref().unwrap()).map_err(|error| error.to_string())?;
    let port = contract.ports.into_iter().next().unwrap();
    let alternatives = match &scenario.policy {
        Some(policy) => bare::read("policy.xml", policy),
        None => port.alternatives,
    };
    let alternatives = alternatives.map_err(|error| error.to_string())?;
    // Refused at load, as the configuration's own tests show.
    if alternatives.iter().all(|policy| policy.duplex) {
        return Err("replies to another address are not built yet".into());
    }
    Ok(Endpoint {
        name: port.name,
        soap: vec![port.soap],
        alternatives,
        operations: port.operations,
        message_lifetime: None,
        identity: None,
    })
}

/// The local name of what a message's body holds.
fn payload(plain: &str) -> String {
    let document = roxmltree::Document::parse(plain).unwrap();
    let body = document.root_element().children().find(|node| node.tag_name().name() == "Body");
    body.and_then(|body| body.first_element_child()).map(|of| of.tag_name().name().to_owned()).unwrap_or_default()
}
