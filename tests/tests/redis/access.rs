//! Who we are to Redis, and who it is to us.

use std::process::Command;

use nuncio::clock::Clock;
use nuncio::keyring::{self, Keys};
use nuncio::random::Entropy;
use nuncio::replays::Claim;
use nuncio::shared::{BadSettings, Settings, Shared};
use nuncio_crypto::secret::Secret;
use nuncio_tests::peers;
use nuncio_tests::redis::Redis;

use super::{Farm, ROUTE, at, minutes, once, redis, until};

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// All that a store asks for.
async fn use_all(farm: &Farm, shared: &Shared) {
    farm.put(shared, "urn:uuid:1").await;
    shared.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(shared.settle(minutes(1)).await);
    assert!(farm.knows_still(shared, "urn:uuid:1").await);
    assert_eq!(shared.list(None, 10, farm.now(), |_| true).await.unwrap().seen.len(), 1);
    assert_eq!(shared.claim(&once(1, farm.now().plus(minutes(5))), farm.now()).await, Ok(Claim::Fresh));
    assert_eq!(shared.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(true));
}

/// What a user of Redis must be allowed, as `Settings::username` says.
const RULES: [&str; 10] =
    ["on", ">s3cret:p@ss", "~{nuncio}:*", "+get", "+set", "+del", "+zrem", "+eval", "+scan", "+info"];
/// What the scripts do.
const BESIDES: [&str; 7] = ["+getrange", "+setrange", "+pexpire", "+zadd", "+zcard", "+zrange", "+zrandmember"];

#[tokio::test]
async fn a_user_needs_few_rights_and_a_password() {
    let redis = redis!("a_user_needs_few_rights_and_a_password");
    let rules = [&["ACL", "SETUSER", "gateway", "reset"][..], &RULES, &BESIDES].concat();
    redis.say(&rules).unwrap();
    let farm = Farm::new();
    let known = Settings::at(&format!("redis://gateway:s3cret%3Ap%40ss@{}", redis.address())).unwrap();
    let known = Settings { timeout: minutes(1), ..known };
    use_all(&farm, &farm.connected(&known).await).await;

    let wrong = Settings { password: Some(secret("guess")), ..known.clone() };
    let shared = farm.gateway(&wrong).await;
    assert!(!shared.is_healthy());
    assert!(shared.claim(&once(2, farm.now()), farm.now()).await.is_err());
    let nobody = Settings { username: Some("nobody".to_owned()), ..known.clone() };
    assert!(!farm.gateway(&nobody).await.is_healthy());
    // One who may not do what is needed learns it at once.
    redis.say(&["ACL", "SETUSER", "gateway", "-eval"]).unwrap();
    redis.say(&["FLUSHALL"]).unwrap();
    assert!(!farm.gateway(&known).await.is_healthy());
    // As soon as the password is right, it is there.
    redis.say(&["ACL", "SETUSER", "gateway", "+eval", ">guess"]).unwrap();
    until("it is connected", async || shared.is_healthy()).await;
    use_all(&farm, &shared).await;
}

#[tokio::test]
async fn a_password_alone_is_of_the_default_user() {
    let redis = redis!("a_password_alone_is_of_the_default_user", "--requirepass", "s3cret");
    let farm = Farm::new();
    let settings = Settings { password: Some(secret("s3cret")), ..at(redis.address()) };
    let one = farm.connected(&settings).await;
    use_all(&farm, &one).await;
    assert!(!farm.gateway(&at(redis.address())).await.is_healthy(), "without it");
}

#[tokio::test]
async fn a_database_and_a_prefix_are_of_their_own() {
    let redis = redis!("a_database_and_a_prefix_are_of_their_own");
    let farm = Farm::new();
    let usual = at(redis.address());
    let one = farm.connected(&usual).await;
    let elsewhere = farm.connected(&Settings { database: 3, ..usual.clone() }).await;
    let besides = farm.connected(&Settings { prefix: "farm-2".to_owned(), ..usual.clone() }).await;
    farm.put(&one, "urn:uuid:1").await;
    for other in [&elsewhere, &besides] {
        assert!(!farm.knows(other, "urn:uuid:1").await);
        assert!(other.list(None, 10, farm.now(), |_| true).await.unwrap().seen.is_empty());
        assert_eq!(other.cut(farm.now(), |_| true).await, Ok(0));
    }
    assert!(farm.knows_still(&one, "urn:uuid:1").await);
    assert_eq!(redis.say(&["-n", "3", "KEYS", "*"]).unwrap(), "{nuncio}:epoch");
    assert_eq!(redis.say(&["KEYS", "{farm*"]).unwrap(), "{farm-2}:epoch");
    let keys = || std::sync::Arc::new(Keys::new(keyring::read("ring", &farm.ring).unwrap()));
    let bad = Settings { prefix: "*".to_owned(), ..usual };
    let refused = Shared::connect(&bad, keys(), Clock::system(), Entropy::system()).await;
    assert!(matches!(refused, Err(BadSettings::Prefix)));
}

/// A server that speaks TLS alone, with a test's certificate.
fn in_tls(clients: &str) -> Redis {
    let file = |name: &str| peers::key(name).display().to_string();
    let (certificate, key, client) = (file("server.pem"), file("server.key"), file("client.pem"));
    let port = nuncio_tests::process::free_port().unwrap().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let believed = ["--tls-ca-cert-file", &client, "--tls-auth-clients", clients];
    Redis::start(&[&tls[..], &believed].concat()).unwrap()
}

fn tls_port(redis: &Redis) -> String {
    redis.say(&["CONFIG", "GET", "tls-port"]).unwrap().lines().last().unwrap().to_owned()
}

fn pem(names: &[&str]) -> Vec<u8> {
    names.iter().flat_map(|name| std::fs::read(peers::key(name)).unwrap()).collect()
}

#[tokio::test]
async fn in_tls_each_shows_who_it_is() {
    if Redis::is_missing("in_tls_each_shows_who_it_is") {
        return;
    }
    let farm = Farm::new();
    let redis = in_tls("yes");
    let url = format!("rediss://localhost:{}", tls_port(&redis));
    let settings = Settings { timeout: minutes(1), ..Settings::at(&url).unwrap() };
    let ours = Some(Secret::new(pem(&["client.pem", "client.key"])));
    let both = Settings { trust: Some(pem(&["server.pem"])), identity: ours.clone(), ..settings.clone() };
    use_all(&farm, &farm.connected(&both).await).await;
    let strangers = Some(Secret::new(pem(&["stranger.pem", "stranger.key"])));
    for (what, wrong) in [
        ("it is not whom we believe", Settings { trust: Some(pem(&["stranger.pem"])), ..both.clone() }),
        ("nor does the system", Settings { trust: None, ..both.clone() }),
        ("its certificate is of another name", Settings { host: "127.0.0.2".to_owned(), ..both.clone() }),
        ("it does not believe us", Settings { identity: strangers, ..both.clone() }),
        ("it wants a certificate", Settings { identity: None, ..both.clone() }),
        ("it speaks TLS", Settings { tls: false, ..both.clone() }),
        ("it does not", Settings { port: redis.port(), ..both.clone() }),
    ] {
        assert!(!farm.gateway(&wrong).await.is_healthy(), "{what}");
    }
    let redis = in_tls("no");
    let port = tls_port(&redis).parse().unwrap();
    let open = Settings { trust: Some(pem(&["server.pem"])), port, ..settings };
    use_all(&farm, &farm.connected(&open).await).await;
}

/// What its own client says of it.
#[test]
fn the_servers_of_tests_are_their_own() {
    if Redis::is_missing("the_servers_of_tests_are_their_own") {
        return;
    }
    let (one, other) = (Redis::start(&[]).unwrap(), Redis::start(&[]).unwrap());
    one.put("key", b"\x00\xFF\r\n").unwrap();
    assert_eq!(one.get("key").unwrap(), b"\x00\xFF\r\n");
    assert_eq!(other.say(&["DBSIZE"]).unwrap(), "0");
    let port = one.port();
    drop(one);
    let gone = Command::new("redis-cli").args(["-p", &port.to_string(), "PING"]).output().unwrap();
    assert!(!gone.status.success());
}
