//! What may happen to Redis, and on the way to it: what is not known is refused, at once, and all is well a little after it is.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nuncio::replays::Claim;
use nuncio::shared::{NotKept, Settings, Shared, Unavailable};
use nuncio_tests::chaos::{Chaos, Toxic};
use nuncio_wss::Once;

use super::{Farm, ROUTE, at, context, minutes, once, redis, until};

const TIMEOUT: Duration = Duration::from_millis(200);

/// Asked as is usual.
fn usual(address: std::net::SocketAddr) -> Settings {
    Settings { timeout: TIMEOUT, ..at(address) }
}

async fn claim(farm: &Farm, shared: &Shared, number: u8) -> Result<Claim, Unavailable> {
    shared.claim(&once(number, farm.now().plus(minutes(5))), farm.now()).await
}

/// What a gateway does while a toxic is set.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// All that it should.
    Serves,
    /// Nothing but what it found a moment ago.
    Refuses,
}

/// The fault table: each thing that may happen on the way, and what comes of it.
const FAULTS: [(&str, Toxic, Then); 9] = [
    ("F-11: it dies", Toxic::Down, Then::Refuses),
    ("F-11: it is reset", Toxic::Reset, Then::Refuses),
    ("F-12: slower than an operation may be", Toxic::Latency(Duration::from_millis(500)), Then::Refuses),
    ("F-12: slow", Toxic::Latency(Duration::from_millis(10)), Then::Serves),
    ("F-12: a line that holds nothing", Toxic::Bandwidth(100), Then::Refuses),
    ("F-12: a line that holds little", Toxic::Bandwidth(1_000_000), Then::Serves),
    ("F-13: nobody answers any more", Toxic::Timeout, Then::Refuses),
    ("in pieces", Toxic::Slice(40, Duration::from_millis(1)), Then::Serves),
    ("closed late", Toxic::SlowClose(Duration::from_millis(500)), Then::Serves),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_survived() {
    let redis = redis!("each_fault_is_survived");
    let (farm, chaos) = (Farm::new(), Chaos::to(redis.address()).unwrap());
    let one = farm.connected(&usual(chaos.address())).await;
    let other = farm.connected(&at(redis.address())).await;
    for (number, (what, toxic, then)) in (0..).zip(FAULTS) {
        let name = format!("urn:uuid:{number}");
        farm.put(&other, &name).await;
        // One that is found now.
        until("it finds it", async || one.find(ROUTE, &name, farm.now()).await.is_ok_and(|found| found.is_some()))
            .await;
        chaos.set(toxic);
        if then == Then::Serves {
            // A machine that is busy may be slower than that once.
            until(what, async || claim(&farm, &one, number).await.is_ok()).await;
            until(what, async || farm_finds(&farm, &one, &name).await).await;
            assert_eq!(claim(&farm, &other, number).await, Ok(Claim::Seen), "{what}");
        } else {
            // What is under way may still pass; then nothing does.
            until(what, async || claim(&farm, &one, 100).await.is_err()).await;
            for _ in 0..20 {
                let refused = claim(&farm, &one, number).await;
                assert!(refused.is_err(), "{what}: {refused:?}");
                assert!(one.find(ROUTE, &name, farm.now()).await.unwrap().is_some(), "{what}: it was found lately");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            farm.pass(Duration::from_secs(1));
            assert!(one.find(ROUTE, &name, farm.now()).await.is_err(), "{what}: for a moment, and no longer");
            let kept = one.put(ROUTE, &context("urn:uuid:new", "bob"), &farm.lease(), farm.now()).await;
            assert!(matches!(kept, Err(NotKept::Unavailable(_))), "{what}");
            assert!(one.remove(ROUTE, &name, "user alice", farm.now()).await.is_err(), "{what}");
            assert!(one.list(None, 10, farm.now(), |_| true).await.is_err(), "{what}");
            until(what, async || !one.is_healthy()).await;
        }
        chaos.set(Toxic::None);
        let begun = Instant::now();
        until("it is well again", async || one.is_healthy() && farm_finds(&farm, &one, &name).await).await;
        println!("{what}: well again after {:?}", begun.elapsed());
        assert_ne!(claim(&farm, &other, number).await, Ok(Claim::Full));
        assert_eq!(one.under_way(), 0, "{what}");
    }
}

async fn farm_finds(farm: &Farm, shared: &Shared, name: &str) -> bool {
    farm.pass(Duration::from_secs(1));
    shared.find(ROUTE, name, farm.now()).await.is_ok_and(|found| found.is_some())
}

/// A thousand at once, of which eight may ask: nobody waits for anybody, and Redis is not asked more than that.
#[tokio::test(flavor = "multi_thread")]
async fn f_12_nothing_piles_up() {
    let redis = redis!("f_12_nothing_piles_up");
    let (farm, chaos) = (Farm::new(), Chaos::to(redis.address()).unwrap());
    let settings = Settings { operations: 8, ..usual(chaos.address()) };
    let one = Arc::new(farm.connected(&settings).await);
    for toxic in [Toxic::Timeout, Toxic::Latency(Duration::from_millis(500))] {
        until("it is there", async || one.is_healthy()).await;
        let connections = chaos.taken();
        chaos.set(toxic);
        let (now, until_then) = (farm.now(), farm.now().plus(minutes(5)));
        let claims: Vec<_> = (0..1000_u32)
            .map(|number| {
                let one = Arc::clone(&one);
                tokio::spawn(async move {
                    let mut key = [0; 16];
                    key[..4].copy_from_slice(&number.to_be_bytes());
                    let claimed = one.claim(&[Once { key, until: until_then }], now).await;
                    (claimed, one.under_way())
                })
            })
            .collect();
        let (mut busy, mut asked) = (0, 0);
        for claim in claims {
            let (claimed, under_way) = claim.await.unwrap();
            assert!(under_way <= 8);
            match claimed {
                Err(Unavailable::Busy) => busy += 1,
                Err(Unavailable::Slow | Unavailable::Lost(_)) => asked += 1,
                Err(Unavailable::Away) => {}
                claimed => panic!("{claimed:?}"),
            }
        }
        assert!(busy > 0 && (1..=8).contains(&asked), "{busy} were too many, {asked} asked");
        assert_eq!(one.under_way(), 0);
        // It is tried again and again, and not all the time: each try is a connection.
        let tried = chaos.taken() - connections;
        assert!(tried < 50, "{tried}");
        chaos.set(Toxic::None);
    }
    until("it is well again", async || claim(&farm, &one, 200).await.is_ok()).await;
}

/// Whoever names conversations that nobody knows has a place for each in half of what may be asked. The other half is for those
/// that go on, and for what was proved.
#[tokio::test(flavor = "multi_thread")]
async fn f_12_strangers_take_no_more_than_half() {
    let redis = redis!("f_12_strangers_take_no_more_than_half");
    let (farm, chaos) = (Farm::new(), Chaos::to(redis.address()).unwrap());
    let settings = Settings { operations: 8, timeout: minutes(1), ..usual(chaos.address()) };
    let one = Arc::new(farm.connected(&settings).await);
    farm.put(&one, "urn:uuid:1").await;
    chaos.set(Toxic::Latency(Duration::from_secs(2)));
    let now = farm.now();
    let strangers: Vec<_> = (0..100)
        .map(|number| {
            let one = Arc::clone(&one);
            tokio::spawn(async move { one.find(ROUTE, &format!("urn:uuid:stranger-{number}"), now).await.map(drop) })
        })
        .collect();
    until("they ask", async || strangers.iter().filter(|stranger| stranger.is_finished()).count() == 96).await;
    assert_eq!(one.under_way(), 4);
    let (one, farm) = (&*one, &farm);
    farm.pass(Duration::from_secs(1));
    let (found, claimed, kept, ended) = tokio::join!(
        one.find(ROUTE, "urn:uuid:1", farm.now()),
        claim(farm, one, 1),
        farm.put(one, "urn:uuid:2"),
        one.remove(ROUTE, "urn:uuid:3", "user alice", farm.now()),
    );
    assert!(found.unwrap().is_some() && kept.name() == "urn:uuid:2");
    assert_eq!((claimed, ended), (Ok(Claim::Fresh), Ok(false)));
    let mut busy = 0;
    for stranger in strangers {
        match stranger.await.unwrap() {
            Ok(()) => {}
            Err(Unavailable::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(busy, 96);
}

#[tokio::test]
async fn f_10_redis_may_be_down_at_the_start() {
    let mut redis = redis!("f_10_redis_may_be_down_at_the_start");
    redis.kill();
    let farm = Farm::new();
    let one = farm.gateway(&usual(redis.address())).await;
    assert!(!one.is_healthy());
    assert_eq!(one.fence(), None);
    assert_eq!(claim(&farm, &one, 1).await, Err(Unavailable::Away));
    assert!(one.find(ROUTE, "urn:uuid:1", farm.now()).await.is_err());
    redis.restart().unwrap();
    until("it is there", async || one.is_healthy()).await;
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
}

/// A host that is not there, and one of which nobody has heard.
#[tokio::test]
async fn f_10_so_may_its_name_be_unknown() {
    let farm = Farm::new();
    for host in ["redis.invalid", "127.255.255.254"] {
        let settings = Settings { connect_timeout: TIMEOUT, ..Settings::at(&format!("redis://{host}:1")).unwrap() };
        let one = farm.gateway(&settings).await;
        assert!(!one.is_healthy());
    }
}

/// It is there, and does nothing.
#[tokio::test]
async fn f_13_a_process_that_stands_still_is_given_up() {
    let redis = redis!("f_13_a_process_that_stands_still_is_given_up");
    let farm = Farm::new();
    let one = farm.connected(&usual(redis.address())).await;
    farm.put(&one, "urn:uuid:1").await;
    redis.pause(true).unwrap();
    assert!(claim(&farm, &one, 1).await.is_err());
    until("it is given up", async || !one.is_healthy()).await;
    assert_eq!(claim(&farm, &one, 1).await, Err(Unavailable::Away), "without waiting");
    redis.pause(false).unwrap();
    until("it is well again", async || one.is_healthy()).await;
    until("it finds", async || farm_finds(&farm, &one, "urn:uuid:1").await).await;
    // What was asked may have been done, though nobody heard of it: then it was claimed.
    assert!(matches!(claim(&farm, &one, 1).await, Ok(Claim::Fresh | Claim::Seen)));
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Seen));
}

/// Though nobody asks anything.
#[tokio::test]
async fn f_13_it_is_noticed_by_itself() {
    let redis = redis!("f_13_it_is_noticed_by_itself");
    let (farm, chaos) = (Farm::new(), Chaos::to(redis.address()).unwrap());
    let one = farm.connected(&usual(chaos.address())).await;
    chaos.set(Toxic::Timeout);
    until("it is given up", async || !one.is_healthy()).await;
    chaos.set(Toxic::None);
    until("it is well again", async || one.is_healthy()).await;
}

#[tokio::test]
async fn f_15_a_full_redis_takes_nothing_new_and_keeps_what_it_has() {
    let redis = redis!("f_15_a_full_redis_takes_nothing_new_and_keeps_what_it_has");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    farm.put(&one, "urn:uuid:1").await;
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"]).unwrap();
    assert_eq!(claim(&farm, &one, 2).await, Ok(Claim::Full));
    assert!(matches!(claim(&farm, &one, 1).await, Ok(Claim::Full | Claim::Seen)), "never fresh");
    let kept = one.put(ROUTE, &context("urn:uuid:2", "bob"), &farm.lease(), farm.now()).await;
    assert!(matches!(kept, Err(NotKept::Full)));
    // Who is there goes on, and is not dropped after a while.
    assert!(one.is_healthy() && farm.knows_still(&one, "urn:uuid:1").await);
    one.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(one.settle(minutes(1)).await);
    farm.pass(minutes(3));
    assert!(farm.knows(&one, "urn:uuid:1").await && farm.knows(&other, "urn:uuid:1").await);
    // A gateway that begins now finds them, and one is told so who looks.
    let next = farm.connected(&at(redis.address())).await;
    assert!(farm.knows(&next, "urn:uuid:1").await);
    assert_eq!(next.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(true));
    redis.say(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(claim(&farm, &one, 2).await, Ok(Claim::Fresh));
    farm.put(&one, "urn:uuid:2").await;
}

#[tokio::test]
async fn f_15_each_answer_that_is_none_is_refused() {
    let redis = redis!("f_15_each_answer_that_is_none_is_refused", "--min-replicas-max-lag", "1");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    // It takes nothing for want of replicas, and says so.
    redis.say(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    assert!(matches!(claim(&farm, &one, 1).await, Err(Unavailable::Refused(_))));
    redis.say(&["CONFIG", "SET", "min-replicas-to-write", "0"]).unwrap();
    until("it takes it", async || claim(&farm, &one, 1).await == Ok(Claim::Fresh)).await;
    // Who we are is taken back while we are there.
    redis.say(&["ACL", "SETUSER", "default", "-set"]).unwrap();
    assert!(matches!(claim(&farm, &one, 2).await, Err(Unavailable::Refused(_))));
    redis.say(&["ACL", "SETUSER", "default", "+set"]).unwrap();
    until("it takes it", async || claim(&farm, &one, 2).await == Ok(Claim::Fresh)).await;
    // Something of another kind is where a claim would be.
    redis.say(&["RPUSH", &format!("{{nuncio}}:r:{}", "03".repeat(16)), "a list"]).unwrap();
    assert_eq!(claim(&farm, &one, 3).await, Ok(Claim::Seen));
    assert!(one.is_healthy());
}

/// A node of a cluster has some of the keys, and sends elsewhere for the others: it is refused before anything is kept there,
/// whether or not it has all of them at the moment.
#[tokio::test]
async fn f_15_a_node_of_a_cluster_is_refused() {
    let redis = redis!("f_15_a_node_of_a_cluster_is_refused", "--cluster-enabled", "yes");
    let (farm, log) = (Farm::new(), Log::default());
    let guard = log.start();
    for slots in [None, Some("0 16383")] {
        if let Some(slots) = slots {
            let slots: Vec<_> = slots.split(' ').collect();
            redis.say(&[&["CLUSTER", "ADDSLOTSRANGE"][..], &slots].concat()).unwrap();
        }
        let one = farm.gateway(&usual(redis.address())).await;
        assert!(!one.is_healthy());
        assert_eq!(claim(&farm, &one, 1).await, Err(Unavailable::Away));
    }
    let said = log.text();
    assert_eq!(said.matches("Redis refuses: it is a node of a cluster").count(), 2, "{said}");
    assert_eq!(redis.say(&["DBSIZE"]).unwrap(), "0");
    drop(guard);
}

/// While it reads what it has on its disk it answers nothing else, and knows all of it after.
#[tokio::test(flavor = "multi_thread")]
async fn f_15_one_that_loads_is_waited_for() {
    let redis = redis!("f_15_one_that_loads_is_waited_for", "--enable-debug-command", "yes");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
    for number in 0..8 {
        redis.put(&format!("other:{number}"), &[b'x'; 4096]).unwrap();
    }
    // Half a second for each key, between which it looks who asks.
    for (setting, value) in [("key-load-delay", "500000"), ("loading-process-events-interval-bytes", "1024")] {
        redis.say(&["CONFIG", "SET", setting, value]).unwrap();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| redis.say(&["DEBUG", "RELOAD"]).unwrap());
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                until("it loads", async || !one.is_healthy()).await;
                assert!(claim(&farm, &one, 1).await.is_err());
            });
        });
    });
    until("it is well again", async || one.is_healthy()).await;
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Seen));
    assert_eq!(claim(&farm, &one, 2).await, Ok(Claim::Fresh));
    assert_eq!(one.fence(), Some(farm.now()), "it is the same, and forgot nothing");
}

/// Who must say a password from now on.
#[tokio::test]
async fn f_15_a_password_that_is_new_is_asked_for() {
    let mut redis = redis!("f_15_a_password_that_is_new_is_asked_for");
    let farm = Farm::new();
    let one = farm.connected(&usual(redis.address())).await;
    redis.say(&["CONFIG", "SET", "requirepass", "s3cret"]).unwrap();
    // Whoever is there is known; who comes again is not.
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
    assert_eq!(redis.say(&["-a", "s3cret", "CLIENT", "KILL", "SKIPME", "yes"]).map(|said| said != "0"), Ok(true));
    until("it is lost", async || !one.is_healthy()).await;
    assert!(claim(&farm, &one, 2).await.is_err());
    let known =
        Settings { password: Some(nuncio_crypto::secret::Secret::new(b"s3cret".to_vec())), ..usual(redis.address()) };
    let other = farm.connected(&known).await;
    assert_eq!(claim(&farm, &other, 1).await, Ok(Claim::Seen));
    redis.kill();
}

/// What the log says, of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }
}

/// What an operator must know is told, once, and no secret.
#[tokio::test]
async fn f_15_what_is_wrong_is_told() {
    let mut redis =
        redis!("f_15_what_is_wrong_is_told", "--maxmemory-policy", "allkeys-lru", "--requirepass", "s3cret");
    let farm = Farm::new();
    let (log, settings) = (Log::default(), usual(redis.address()));
    let guard = log.start();
    let password = |text: &str| Some(nuncio_crypto::secret::Secret::new(text.as_bytes().to_vec()));
    drop(farm.gateway(&Settings { password: password("wr0ng-guess"), ..settings.clone() }).await);
    let said = log.text();
    assert!(
        said.contains("no connection to Redis at 127.0.0.1:")
            && said.contains("Redis refuses: Password authentication failed"),
        "{said}"
    );
    let one = farm.connected(&Settings { password: password("s3cret"), ..settings }).await;
    let said = log.text();
    assert_eq!(said.matches("(maxmemory-policy allkeys-lru)").count(), 1, "{said}");
    assert!(said.contains("connected to Redis"));
    redis.kill();
    until("it is lost", async || !one.is_healthy()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(log.text().matches("no connection to Redis").count(), 2, "{}", log.text());
    redis.restart().unwrap();
    until("it is back", async || one.is_healthy()).await;
    let said = log.text();
    assert_eq!(said.matches("DROPS WHAT LIVES").count(), 1, "{said}");
    assert!(said.contains("Redis forgot what it was told"), "{said}");
    assert!(!said.contains("s3cret") && !said.contains("wr0ng"));
    drop(guard);
}
