//! What is said well is taken as it is said.

use std::time::Duration;

use nuncio::config::{BackendTimeouts, Balance, Configuration, Ejection, Health, StoreKind, StoreLimits};
use nuncio::users::Keep;

use crate::{BACKEND, PRESET, SOUND, folder, repository};

#[test]
fn a_sound_configuration_is_taken() {
    let folder = folder("sound");
    let file = folder.join("nuncio.yaml");
    std::fs::write(&file, SOUND).unwrap();
    let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
    assert_eq!(configuration.listeners.len(), 1);
    let route = &configuration.routes[0];
    assert_eq!(route.backend.urls[0].0.as_str(), "http://127.0.0.1:9000/echo");
    assert!(route.endpoint.needs_transport() && route.endpoint.admits_users());
    assert!(!route.endpoint.admits_certificates() && !route.endpoint.needs_identity());
    assert!(!route.users.is_empty());
}

/// What is not said of a backend is as in the table of defaults, or as it is for all.
#[test]
fn a_backend_is_said_in_one_word_or_at_length() {
    let file = folder("pools").join("nuncio.yaml");
    let load = |backend: &str| {
        std::fs::write(&file, SOUND.replace(BACKEND, backend)).unwrap();
        let mut configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
        configuration.routes.remove(0).backend
    };
    let long = load("    backend: { urls: ['http://127.0.0.1:9000/echo'] }\n");
    let short = load(BACKEND);
    assert_eq!((&long.urls, long.calls, &long.timeouts), (&short.urls, short.calls, &short.timeouts));
    assert!(long.health.is_none() && long.ejection.is_none() && long.identity.is_none() && long.trust.is_none());
    let all = load(
        "    backend:\n      urls: ['https://a/x', { url: 'http://b/', weight: 3 }]\n      trust: server.pem\n      \
         certificate: server.pem\n      key: server.key\n      balance: round_robin\n      calls: 7\n      \
         health: { path: /h, interval: 1s }\n      ejection: { for: 9s }\n      timeouts: { read: 2s }\n",
    );
    let urls: Vec<_> = all.urls.iter().map(|(url, weight)| (url.as_str(), *weight)).collect();
    assert_eq!(urls, [("https://a/x", 1), ("http://b/", 3)]);
    assert!(all.trust.is_some() && all.identity.is_some());
    assert_eq!((all.balance, all.calls), (Balance::RoundRobin, 7));
    let seconds = Duration::from_secs;
    assert_eq!(all.health, Some(Health { path: "/h".into(), interval: seconds(1), ..Health::default() }));
    assert_eq!(all.ejection, Some(Ejection { r#for: seconds(9), ..Ejection::default() }));
    assert_eq!(all.timeouts, BackendTimeouts { read: Some(seconds(2)), ..BackendTimeouts::default() });
}

/// Nobody watches where nobody said so, and from other machines only by a word more.
#[test]
fn an_admin_listener_stays_on_its_machine_unless_it_is_said() {
    let file = folder("admin").join("nuncio.yaml");
    let admin = |admin: &str| {
        std::fs::write(&file, format!("{admin}{SOUND}")).unwrap();
        let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
        configuration.admin.map(|admin| admin.listener.address.value)
    };
    assert_eq!(admin(""), None);
    for address in ["127.0.0.1:9901", "127.9.0.1:0", "[::1]:9901", "[::ffff:127.0.0.1]:9901"] {
        assert_eq!(admin(&format!("admin: {{ address: '{address}' }}\n")).unwrap(), address);
    }
    for address in ["0.0.0.0:9901", "localhost:9901"] {
        let said = format!("admin: {{ address: '{address}', danger_admin_beyond_loopback: true }}\n");
        assert_eq!(admin(&said).unwrap(), address);
    }
}

/// Traces go nowhere where nobody said where, and all that begin here go there where nobody said how many.
#[test]
fn traces_go_where_the_operator_says() {
    let file = folder("traces").join("nuncio.yaml");
    let load = |tracing: &str| {
        std::fs::write(&file, format!("{tracing}{SOUND}")).unwrap();
        Configuration::load(&file).map_err(|error| error.to_string())
    };
    assert!(load("").unwrap().tracing.is_none());
    for (said, sample) in [("", 1.0), (", sample: 0", 0.0), (", sample: 0.25", 0.25)] {
        let tracing = load(&format!("tracing: {{ otlp: 'http://collector:4318'{said} }}\n")).unwrap().tracing.unwrap();
        assert_eq!((tracing.collector.as_str(), tracing.sample), ("http://collector:4318/", sample));
    }
    for (said, reason) in [
        ("otlp: 'http://c', sample: 1.5", "1.5 is not from 0 to 1"),
        ("otlp: 'http://c', sample: -1", "-1 is not from 0 to 1"),
        ("otlp: 'http://c', sample: .nan", "NaN is not from 0 to 1"),
        ("otlp: 'collector:4318'", "collector \"collector:4318\" is neither http:// nor https://"),
        ("otlp: 'http://me:secret@c'", "collector \"http://me:secret@c\" has a user in it"),
        ("sample: 1", "missing field `otlp`"),
        ("otlp: 'http://c', ratio: 1", "unknown field `ratio`"),
    ] {
        let error = load(&format!("tracing: {{ {said} }}\n")).err().unwrap();
        assert!(error.contains("nuncio.yaml:1: ") && error.contains(reason), "{said}: {error}");
    }
}

/// A route keeps what it keeps where there is such a place, and says nothing of a place that is not there.
#[test]
fn routes_keep_conversations_where_the_operator_says() {
    let folder = folder("keeping");
    let file = folder.join("nuncio.yaml");
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    std::fs::write(folder.join("ring.yaml"), format!("epoch: 1\nkeys: [{{ id: a, key: {key} }}]\n")).unwrap();
    std::fs::write(folder.join("bad.yaml"), format!("epoch: 1\nkeys: [{{ id: a, key: {key}AAAA }}]\n")).unwrap();
    std::fs::write(folder.join("password"), "s3cret\n").unwrap();
    let load = |besides: &str, store: &str| {
        let route = SOUND.replace("    users:\n", &format!("{store}    users:\n"));
        std::fs::write(&file, format!("{besides}{route}")).unwrap();
        Configuration::load(&file).map_err(|error| error.to_string())
    };
    let (state, ring) = ("state: { directory: kept }\n", "key_ring: ring.yaml\n");
    let redis = "redis: { url: 'redis://me@cache', password_file: password, timeout: 50ms, prefix: farm }\n";
    for (besides, store, kind) in [
        ("", "", StoreKind::Memory),
        (state, "", StoreKind::Disk),
        (state, "    store: memory\n", StoreKind::Memory),
        (ring, "", StoreKind::Memory),
        (ring, "    store: cookie\n", StoreKind::Cookie),
        (state, "    store: cookie\n", StoreKind::Cookie),
        (&format!("{ring}{redis}"), "    store: redis\n", StoreKind::Redis),
    ] {
        let configuration = load(besides, store).unwrap_or_else(|error| panic!("{besides}{store}: {error}"));
        assert_eq!(configuration.routes[0].store, kind, "{besides}{store}");
    }
    let all = load(&format!("{ring}{redis}"), "").unwrap().keeping;
    let redis = all.redis.unwrap();
    assert!(all.ring.is_some() && redis.password.unwrap().matches(b"s3cret"));
    assert_eq!((redis.host.as_str(), redis.username.as_deref(), redis.prefix.as_str()), ("cache", Some("me"), "farm"));
    assert_eq!((redis.timeout, redis.cache), (Duration::from_millis(50), Duration::from_secs(1)));
    assert!(!folder.join("kept").exists(), "nothing is made by reading");

    for (besides, store, reason) in [
        ("", "    store: disk\n", "a route with `store: disk` needs `state: { directory: DIRECTORY }`"),
        (ring, "    store: redis\n", "a route with `store: redis` needs `redis: { url: URL }`"),
        ("", "    store: cookie\n", "a route with `store: cookie` needs `key_ring: FILE`"),
        ("", "    store: tape\n", "unknown variant `tape`"),
        ("redis: { url: 'redis://cache' }\n", "", "sealed with keys that all gateways have"),
        ("key_ring: ring.yaml\nredis: { url: 'http://s3cret@cache' }\n", "", "redis: a Redis is said as"),
        ("key_ring: ring.yaml\nredis: { host: cache }\n", "", "unknown field `host`"),
        ("key_ring: ring.yaml\nredis: { url: 'redis://cache/x' }\n", "", "nuncio.yaml:2: redis: behind the URL"),
        ("key_ring: missing.yaml\n", "", "missing.yaml"),
        ("key_ring: bad.yaml\n", "", "key_ring: bad.yaml:2: "),
        ("key_ring: nuncio.yaml\n", "", "key_ring: nuncio.yaml:"),
        ("state: {}\n", "", "missing field `directory`"),
    ] {
        let error = load(besides, store).err().unwrap_or_else(|| panic!("{besides}{store} is taken"));
        assert!(error.contains("nuncio.yaml:") && error.contains(reason), "{besides}{store}: {error}");
        assert!(!error.contains("s3cret") && !error.contains("AAAA"), "{error}");
    }
}

/// Whatever cannot be used of a Redis is found before anything is asked of it, where it is said.
#[test]
fn a_redis_that_cannot_be_asked_is_refused() {
    let folder = folder("redis");
    let file = folder.join("nuncio.yaml");
    std::fs::write(
        folder.join("ring.yaml"),
        "epoch: 1\nkeys: [{ id: a, key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= }]\n",
    )
    .unwrap();
    std::fs::write(folder.join("octets"), [0xFF, b'\n']).unwrap();
    std::fs::write(folder.join("password"), "s3cret\n").unwrap();
    let keys = repository().join("tests/keys");
    for name in ["server.pem", "server.key"] {
        std::fs::copy(keys.join(name), folder.join(name)).unwrap();
    }
    let [certificate, key] = ["server.pem", "server.key"].map(|name| std::fs::read_to_string(keys.join(name)).unwrap());
    std::fs::write(folder.join("both.pem"), format!("{certificate}{key}")).unwrap();
    let load = |redis: &str| {
        std::fs::write(&file, format!("key_ring: ring.yaml\nredis:\n  {}\n{SOUND}", redis.replace("; ", "\n  ")))
            .unwrap();
        Configuration::load(&file).map(drop).map_err(|error| error.to_string())
    };
    for sound in [
        "url: redis://cache; prefix: farm-2.a_b:c",
        "url: rediss://cache; trust: server.pem; identity: both.pem",
        "url: rediss://me:s3cret@cache",
        "url: redis://cache; username: me; password_file: password",
    ] {
        assert_eq!(load(sound), Ok(()), "{sound}");
    }
    for (redis, refusal) in [
        ("url: rediss://cache; prefix: '{farm}'", "4: redis: a prefix is up to 64 letters"),
        ("url: redis://cache; prefix: ''", "4: redis: a prefix is"),
        ("url: redis://cache; prefix: \"a\\nb\"", "4: redis: a prefix is"),
        ("url: redis://cache; prefix: 'nuncio*'", "4: redis: a prefix is"),
        ("url: redis://", "3: redis: a Redis is said as"),
        ("url: cache:6379", "3: redis: a Redis is said as"),
        ("url: redis://cache/?db=3", "3: redis: behind the URL of a Redis"),
        ("url: redis://me@cache", "3: redis: there is a user name and no password"),
        ("url: redis://cache; username: me", "4: redis: there is a user name and no password"),
        ("url: redis://cache; password_file: octets", "4: redis: the password is not UTF-8"),
        ("url: redis://cache; password_file: missing", "4: cannot read missing: "),
        ("url: rediss://cache; trust: missing", "4: cannot read missing: "),
        ("url: rediss://cache; trust: password", "4: redis: there is no certificate in PEM to believe"),
        ("url: rediss://cache; identity: missing", "4: cannot read missing: "),
        ("url: rediss://cache; identity: server.pem", "4: redis: there is no certificate with its key in PEM to show"),
        (
            "url: rediss://cache; trust: server.pem; identity: server.key",
            "5: redis: there is no certificate with its key",
        ),
        ("url: redis://cache; trust: server.pem", "4: redis: without rediss:// it is asked without TLS"),
        ("url: redis://cache; identity: both.pem", "4: redis: without rediss:// it is asked without TLS"),
        ("url: redis://cache; timeout: 0s", "4"),
        ("url: redis://cache; connect_timeout: 0ms", "4"),
        ("url: redis://cache; operations: 0", "4"),
        ("url: redis://cache; principal_conversations: 0", "4"),
    ] {
        let error = load(redis).err().unwrap_or_else(|| panic!("{redis} is taken"));
        assert!(error.contains(&format!("nuncio.yaml:{refusal}")), "{redis}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

/// Keys may be wrapped for another certificate than the one that signs, which stays the first.
#[test]
fn a_route_may_have_another_certificate_for_encryption() {
    let folder = folder("encryption");
    let client = repository().join("tests/keys/client.key");
    std::fs::copy(client, folder.join("client.key")).unwrap();
    let file = folder.join("nuncio.yaml");
    let both = "    certificate: server.pem\n    key: server.key\n    encryption: { certificate: client.pem, key: client.key }\n";
    std::fs::write(&file, SOUND.replace("    users:\n", &format!("{both}    users:\n"))).unwrap();
    let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
    let route = &configuration.routes[0];
    let [identity, encryption] = &route.identities[..] else { panic!("two") };
    assert!(identity.certificate.subject().contains("server"), "{}", identity.certificate.subject());
    assert!(encryption.certificate.subject().contains("client"), "{}", encryption.certificate.subject());
}

/// Hashed passwords are checked against what can be read again, and it takes a word to keep that.
#[test]
fn passwords_are_kept_readable_where_the_operator_says_so() {
    let file = folder("kept").join("nuncio.yaml");
    for (said, keep) in [("readable", Keep::Readable), ("sha1", Keep::Sha1)] {
        let policy = format!("    wsdl: hashed.wsdl\n    port: Basic\n    danger_keep_passwords: {said}\n");
        std::fs::write(&file, SOUND.replacen(PRESET, &policy, 1)).unwrap();
        let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
        let route = &configuration.routes[0];
        assert!(route.endpoint.hashes_passwords() && route.endpoint.admits_users());
        assert_eq!(route.users.keep(), keep);
    }
    let policy = "    wsdl: endorsing.wsdl\n    port: Basic\n    danger_keep_passwords: readable\n";
    std::fs::write(&file, SOUND.replacen(PRESET, policy, 1)).unwrap();
    let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
    let endpoint = &configuration.routes[0].endpoint;
    assert!(endpoint.derives_keys() && endpoint.admits_users() && !endpoint.takes_names_alone());
    assert_eq!(configuration.routes[0].users.keep(), Keep::Readable);
    std::fs::write(&file, SOUND).unwrap();
    let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
    assert_eq!(configuration.routes[0].users.keep(), Keep::Hashed);
}

#[test]
fn a_principals_share_is_a_quarter_unless_it_is_said() {
    let file = folder("share").join("nuncio.yaml");
    for (stores, share) in [
        ("{ session_bytes: 4 KiB }", 1024),
        ("{ session_bytes: 4 KiB, principal_bytes: 3 KiB }", 3072),
        ("{ replay_bytes: 4 KiB }", StoreLimits::default().principal_bytes),
    ] {
        std::fs::write(&file, format!("{SOUND}stores: {stores}\n")).unwrap();
        let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
        assert_eq!(configuration.stores.principal_bytes, share, "{stores}");
    }
    for (stores, share) in [
        ("{ sessions: 4000 }", 1000),
        ("{ sessions: 3 }", 1),
        ("{ sessions: 4000, sessions_per_principal: 3000 }", 3000),
        ("{ replay_bytes: 4 KiB }", StoreLimits::default().sessions_per_principal),
    ] {
        std::fs::write(&file, format!("{SOUND}stores: {stores}\n")).unwrap();
        let configuration = Configuration::load(&file).map_err(|error| error.to_string()).unwrap();
        assert_eq!(configuration.stores.sessions_per_principal, share, "{stores}");
    }
}
