//! Configurations: the examples are read, what is wrong is refused with file, line and reason.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use nuncio::config::{
    BackendTimeouts, Balance, Configuration, ConnectionLimits, Ejection, Health, Lifetimes, MessageLimits, RoutePath,
    StoreKind, StoreLimits, Timeouts,
};
use nuncio::users::Keep;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_example_is_read() {
    let mut examples = 0;
    for entry in std::fs::read_dir(repository().join("config")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "yaml") {
            examples += 1;
            if let Err(error) = Configuration::load(&file) {
                panic!("{error}");
            }
        }
    }
    assert!(examples >= 3, "the examples are gone");
}

#[test]
fn the_example_of_every_option_says_the_defaults() {
    let all = Configuration::load(&repository().join("config/every-option.yaml")).unwrap();
    assert_eq!(all.connections, ConnectionLimits::default());
    assert_eq!(all.stores, StoreLimits::default());
    assert_eq!(all.lifetimes, Lifetimes::default());
    assert_eq!(all.timeouts, Timeouts::default());
    assert_eq!(all.admin.unwrap().listener.address.value, "127.0.0.1:9901");
    let route = &all.routes[0];
    assert_eq!(route.path, RoutePath::Exact("/echo".into()));
    // The longest text goes with the body.
    let body = 4 << 20;
    assert_eq!(route.limits, MessageLimits { body_bytes: body, text_bytes: body, ..MessageLimits::default() });
}

/// The schema that editors use is the one that the program has.
#[test]
fn the_schema_is_the_programs() {
    let kept = std::fs::read_to_string(repository().join("config/schema.json")).unwrap();
    let own = format!("{:#}\n", nuncio::config::schema().as_value());
    assert!(kept == own, "write it anew: cargo run -p nuncio -- schema > config/schema.json");
}

/// A folder with the test keys, and files of its own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for key in ["server.pem", "server.key", "client.pem"] {
        std::fs::copy(repository().join("tests/keys").join(key), folder.join(key)).unwrap();
    }
    for wsdl in std::fs::read_dir(repository().join("crates/policy/tests/data")).unwrap() {
        let wsdl = wsdl.unwrap();
        std::fs::copy(wsdl.path(), folder.join(wsdl.file_name())).unwrap();
    }
    std::fs::write(folder.join("empty.pem"), "nothing").unwrap();
    let over_transport = std::fs::read_to_string(folder.join("wcf-over-transport.wsdl")).unwrap();
    assert!(over_transport.contains("<sp:WssUsernameToken10/>"));
    let hashed = over_transport.replace("<sp:WssUsernameToken10/>", "<sp:HashPassword/><sp:WssUsernameToken10/>");
    std::fs::write(folder.join("hashed.wsdl"), hashed).unwrap();
    let endorsing = over_transport
        .replace("<sp:WssUsernameToken10/>", "<sp:NoPassword/><sp:WssUsernameToken10/>")
        .replace("sp:SignedSupportingTokens", "sp:EndorsingSupportingTokens");
    assert!(endorsing.contains("</sp:EndorsingSupportingTokens>"));
    std::fs::write(folder.join("endorsing.wsdl"), endorsing).unwrap();
    folder
}

const SOUND: &str = "\
listeners:
  - address: 127.0.0.1:0
    tls: { certificate: server.pem, key: server.key }
routes:
  - path: /echo
    backend: http://127.0.0.1:9000/echo
    preset: wcf-ws2007-userNameOverTransport
    users:
      - name: alice
        password: wonderland-1865
";

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

const USER: &str = "      - name: alice\n        password: wonderland-1865\n";
const TLS: &str = "    tls: { certificate: server.pem, key: server.key }\n";
const BACKEND: &str = "    backend: http://127.0.0.1:9000/echo\n";
const PRESET: &str = "    preset: wcf-ws2007-userNameOverTransport\n";
const MUTUAL: &str = "    preset: wcf-wshttp-mutualCertificate\n";

/// What is changed in the sound configuration, into what, and how that is refused: the line, the reason.
#[rustfmt::skip]
const REFUSALS: &[(&str, &str, &str)] = &[
        ("    backend:", "    bakend:", "6: unknown field `bakend`"),
        ("routes:", "timeouts: { drain: soon }\nroutes:", "4: \"soon\" is not a time above zero, such as 30s"),
        ("routes:", "limits: { depth: 0 }\nroutes:", "4: \"0\" is not a number above zero"),
        ("routes:", "stores: { sessions: 0 }\nroutes:", "4: \"0\" is not a number above zero"),
        ("routes:", "lifetimes: { jitter: 11% }\nroutes:", "4: \"11%\" is not a percentage from 0 to 10"),
        (
            "listeners:\n",
            "listeners:\n  - address: nowhere\n",
            "2: \"nowhere\" is not an address and a port, such as 127.0.0.1:8080",
        ),
        (
            "listeners:\n",
            "listeners:\n  - address: 127.0.0.1:0\n    tls_terminated_by: [127.0.0.1]\n",
            "4: listener \"127.0.0.1:0\" is there twice",
        ),
        ("127.0.0.1:0", ":80", "2: \":80\" is not an address and a port, such as 127.0.0.1:8080"),
        (
            "certificate: server.pem",
            "certificate: none.pem",
            "3: cannot read none.pem: No such file or directory (os error 2)",
        ),
        (
            "certificate: server.pem",
            "certificate: empty.pem",
            "3: TLS with empty.pem and server.key: there is no certificate in it",
        ),
        (
            "certificate: server.pem",
            "certificate: client.pem",
            "3: TLS with client.pem and server.key: TLS refuses them: keys may not be consistent: KeyMismatch",
        ),
        (
            TLS,
            "",
            "2: the policy of route /echo demands TLS, and listener 127.0.0.1:0 has none: give it `tls`, or say in `tls_terminated_by` who takes TLS off in front of it",
        ),
        (TLS, "    tls_terminated_by: [10.0.0.1/8]\n", "3: \"10.0.0.1/8\" has bits set behind its prefix"),
        (
            "routes:",
            "    tls_terminated_by: [10.0.0.0/8]\nroutes:",
            "2: a listener says either `tls` or `tls_terminated_by`",
        ),
        (
            "/echo\n    backend",
            "echo\n    backend",
            "5: path \"echo\" does not begin with a slash, or has octets that no request's path has",
        ),
        (
            "http://127.0.0.1:9000/echo",
            "ftp://127.0.0.1/",
            "6: backend \"ftp://127.0.0.1/\" is neither http:// nor https://",
        ),
        ("http://127.0.0.1:9000/echo", "/echo", "6: backend \"/echo\" is not an absolute URL"),
        ("http://127.0.0.1:9000/echo", "http://a:b@c/", "6: backend \"http://a:b@c/\" has a user in it"),
        (PRESET, "", "5: a route says its policy, by one of `policy`, `wsdl` and `preset`"),
        (PRESET, "    danger_plain: false\n", "5: a route says its policy, by one of `policy`, `wsdl` and `preset`"),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    danger_plain: true\n",
            "8: a route says either `danger_plain` or `preset`",
        ),
        (PRESET, "    danger_plain: true\n    wsdl: a.wsdl\n", "7: a route says either `danger_plain` or `wsdl`"),
        (PRESET, "    danger_plain: true\n    port: p\n", "7: a route says either `danger_plain` or `port`"),
        (PRESET, "    danger_plain: true\n    contract: backend\n", "7: a route says either `danger_plain` or `contract`"),
        (PRESET, "    preset: x\n    wsdl: cxf-mutual.wsdl\n", "8: a route says either `wsdl` or `preset`"),
        (
            PRESET,
            "    wsdl: cxf-mutual.wsdl\n    contract: backend\n",
            "8: a route says either `wsdl` or `contract`",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    contract: c.wsdl\n",
            "8: unknown variant `c.wsdl`, expected one of backend",
        ),
        (PRESET, "    preset: wcf-ws2007-userNameOverTransport\n    port: p\n", "8: `port` is there without `wsdl`"),
        (PRESET, "    wsdl: wcf-over-transport.wsdl\n    port: none\n", "8: there is no port \"none\", only "),
        (PRESET, "    wsdl: server.pem\n", "7: server.pem:1: "),
        (PRESET, MUTUAL, "7: the policy admits clients by certificate, and `trust` names none: anybody's would do"),
        (
            PRESET,
            "    preset: wcf-wshttp-mutualCertificate\n    trust: [client.pem]\n",
            "7: the policy protects messages with the service's certificate: give `certificate` and `key`",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    key: server.key\n",
            "8: `key` is there without `certificate`",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    certificate: client.pem\n    key: server.key\n",
            "9: the key in server.key is not that of the certificate in client.pem",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    encryption: { certificate: server.pem, key: server.key }\n",
            "8: `encryption` is there without `certificate`",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    certificate: server.pem\n    key: server.key\n    \
             encryption: { certificate: client.pem, key: server.key }\n",
            "10: the key in server.key is not that of the certificate in client.pem",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    trust: [empty.pem]\n",
            "8: empty.pem: there is no certificate in it",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    addresses: [here]\n",
            "8: \"here\" is not an absolute URI",
        ),
        (
            PRESET,
            "    wsdl: hashed.wsdl\n    port: Basic\n",
            "7: the policy has passwords hashed, which only a password that can be read again is checked against: give `danger_keep_passwords`",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    danger_keep_passwords: readable\n",
            "8: passwords are kept readable, and no client's comes hashed: leave it out",
        ),
        (
            PRESET,
            "    wsdl: endorsing.wsdl\n    port: Basic\n",
            "7: the policy has users sign with keys of their passwords, which come of passwords that can be read again: give `danger_keep_passwords: readable`",
        ),
        (
            PRESET,
            "    wsdl: endorsing.wsdl\n    port: Basic\n    danger_keep_passwords: sha1\n",
            "9: the policy has users sign with keys of their passwords, which come of passwords that can be read again: give `danger_keep_passwords: readable`",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    identity: { headers: { principal: Host } }\n",
            "8: \"Host\" is no header that can tell who calls: it is none, or a request has it for something else",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    identity: { headers: { principal: X-A_B, roles: x_a-b } }\n",
            "8: header \"x_a-b\" is there twice",
        ),
        (
            PRESET,
            "    preset: wcf-ws2007-userNameOverTransport\n    authorise: { rules: [] }\n",
            "8: `rules` is empty: nobody could call",
        ),
        (
            PRESET,
            "    wsdl: hashed.wsdl\n    port: Basic\n    danger_keep_passwords: plain\n",
            "9: unknown variant `plain`, expected one of readable, sha1",
        ),
        (
            "routes:\n",
            "admin: { address: 0.0.0.0:9901 }\nroutes:\n",
            "4: the admin listener at 0.0.0.0:9901 is not at a loopback address such as 127.0.0.1:9901: whoever reaches it may read from it; give it `tls` with `client_certificates` or a `token_file`, or say `danger_admin_beyond_loopback: true` if that is meant",
        ),
        (
            "routes:\n",
            "admin: { address: 'localhost:9901' }\nroutes:\n",
            "4: the admin listener at localhost:9901 is not at a loopback address",
        ),
        (
            "routes:\n",
            "admin: { address: '[::]:9901', danger_admin_beyond_loopback: false }\nroutes:\n",
            "4: the admin listener at [::]:9901 is not at a loopback address",
        ),
        (
            "routes:\n",
            "admin: { address: '9901', danger_admin_beyond_loopback: true }\nroutes:\n",
            "4: \"9901\" is not an address and a port",
        ),
        ("routes:\n", "admin: { port: 9901 }\nroutes:\n", "4: unknown field"),
        ("        password: wonderland-1865\n", "", "9: a user says either `password` or `password_file`"),
        (USER, "      - { name: a, password: b }\n      - { name: a, password: c }\n", "10: user \"a\" is there twice"),
        (
            "routes:\n",
            "routes:\n  - { path: /echo, backend: 'http://a/', preset: wcf-ws2007-userNameOverTransport }\n",
            "6: path \"/echo\" is there twice",
        ),
        (BACKEND, "    backend: { urls: [] }\n", "6: `urls` is empty: nothing could be called"),
        (BACKEND, "    backend: { urls: ['http://a/', 'http://A:80/'] }\n", "6: url \"http://A:80/\" is there twice"),
        (
            BACKEND,
            "    backend:\n      urls:\n        - http://a/\n        - { url: 'http://b/', weight: 101 }\n",
            "9: weight 101 is above 100",
        ),
        (
            BACKEND,
            "    backend:\n      urls: ['http://a/']\n      trust: server.pem\n",
            "8: `trust` is there, and no URL is https",
        ),
        (
            BACKEND,
            "    backend:\n      urls: ['https://a/']\n      certificate: server.pem\n",
            "8: `certificate` is there without `key`",
        ),
        (
            BACKEND,
            "    backend:\n      urls: ['https://a/']\n      certificate: client.pem\n      key: server.key\n",
            "9: the key in server.key is not that of the certificate in client.pem",
        ),
        (
            BACKEND,
            "    backend: { urls: ['https://a/'], trust: empty.pem }\n",
            "6: empty.pem: there is no certificate in it",
        ),
        (
            BACKEND,
            "    backend:\n      urls: ['http://a/']\n      health: { path: //b/ }\n",
            "8: path \"//b/\" does not begin with a slash",
        ),
        (
            BACKEND,
            "    backend: { urls: ['http://a/'], ejection: { most: 101 } }\n",
            "6: \"101\" is not a percentage from 1 to 100",
        ),
        (BACKEND, "    backend: { urls: ['http://a/'], balance: luck }\n", "6: unknown variant `luck`"),
        (BACKEND, "    backend: [http://a/]\n", "6: invalid type: sequence, expected a text or a mapping"),
        (BACKEND, "    backend: { urls: ['http://a/'], soap: '1.3' }\n", "6: unknown variant `1.3`"),
        (PRESET, "    actions: [{ actions: [], backend: 'http://a/' }]\n", "7: `actions` is empty: nothing would go there"),
        (
            PRESET,
            "    actions: [{ actions: [a, b, a], backend: 'http://a/' }]\n",
            "7: action \"a\" is there twice",
        ),
        (
            PRESET,
            "    actions: [{ actions: ['a*b'], backend: 'http://a/' }]\n",
            "7: action \"a*b\" is empty, or has a `*` elsewhere than at its end",
        ),
        (PRESET, "    actions: [{ actions: [a], backend: 'a' }]\n", "7: backend \"a\" is not an absolute URL"),
        (PRESET, "    faults: hide\n", "7: unknown variant `hide`"),
        ("path: /echo", "path: /echo*", "5: path \"/echo*\" has a `*` elsewhere than behind its last slash"),
        (
            "path: /echo\n",
            "path: /echo/*\n    hosts: [a, '*.b', A.]\n",
            "5: host a with path \"/echo/*\" is there twice",
        ),
        (
            "path: /echo\n",
            "path: /echo\n    hosts:\n      - a\n      - b:80\n",
            "8: \"b:80\" is not the name of a host without its port, or `*.` before one",
        ),
];

/// Where nobody is known and nothing is protected, what tells of that is a mistake: it would be obeyed by nobody.
#[test]
fn a_plain_route_says_nothing_of_security() {
    let folder = folder("plain");
    let file = folder.join("nuncio.yaml");
    let start = SOUND.split("    preset").next().unwrap();
    let load = |said: &str| {
        std::fs::write(&file, format!("{start}    danger_plain: true\n{said}")).unwrap();
        Configuration::load(&file).map(drop).map_err(|error| error.to_string())
    };
    load("    trace: true\n").unwrap();
    for (what, said) in [
        ("policy", "    policy: { preset: wcf-ws2007-userNameOverTransport }\n"),
        ("users", USER),
        ("user_file", "    user_file: users\n"),
        ("trust", "    trust: [client.pem]\n"),
        ("trust", "    trust: { crls: off }\n"),
        ("identity", "    identity: { soap: header }\n"),
        ("addresses", "    addresses: ['http://a/']\n"),
        ("authorise", "    authorise: { rules: [{ allow: {} }] }\n"),
        ("certificate", "    certificate: server.pem\n    key: server.key\n"),
        ("certificates", "    certificates: [{ certificate: server.pem, key: server.key }]\n"),
        ("encryption", "    encryption: { certificate: server.pem, key: server.key }\n"),
        ("faults", "    faults: sanitise\n"),
    ] {
        let said = if what == "users" { format!("    users:\n{said}") } else { said.to_owned() };
        let refusal = load(&said).unwrap_err();
        assert!(refusal.ends_with(&format!("7: a route says either `danger_plain` or `{what}`")), "{what}: {refusal}");
    }
    let translating = start.replace(BACKEND, "    backend: { urls: ['http://127.0.0.1:9000/'], soap: '1.1' }\n");
    std::fs::write(&file, format!("{translating}    danger_plain: true\n")).unwrap();
    let refusal = Configuration::load(&file).map(drop).unwrap_err().to_string();
    assert!(refusal.ends_with("7: a route says either `danger_plain` or `soap`"), "{refusal}");
}

/// Each change of the sound configuration is refused, at the line and for the reason that stand beside it.
#[test]
fn what_is_wrong_is_refused_with_line_and_reason() {
    let folder = folder("wrong");
    let file = folder.join("nuncio.yaml");
    for (from, to, refusal) in REFUSALS {
        assert!(SOUND.contains(*from), "{from}");
        std::fs::write(&file, SOUND.replacen(from, to, 1)).unwrap();
        let error = Configuration::load(&file).map(drop).expect_err(refusal).to_string();
        let expected = format!("{}:{refusal}", file.display());
        assert!(error.starts_with(&expected), "\n{error}\n is not\n{expected}");
    }
    std::fs::write(&file, "listeners: []\nroutes: []\n").unwrap();
    let error = Configuration::load(&file).map(drop).unwrap_err().to_string();
    assert_eq!(error, format!("{}:1: `listeners` is empty: nobody could reach it", file.display()));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Configuration::load(Path::new("none.yaml")).map(drop).unwrap_err().to_string();
    assert_eq!(error, "--config: cannot read none.yaml: No such file or directory (os error 2)");
}

/// Secrets of a file are never in an error about it, nor does a value that is not YAML bring its neighbours along.
#[test]
fn an_error_does_not_tell_a_password() {
    let folder = folder("secret");
    let file = folder.join("nuncio.yaml");
    for broken in [
        SOUND.replace("password: wonderland-1865", "password: [wonderland-1865"),
        SOUND.replace("    users", "  users"),
    ] {
        std::fs::write(&file, broken).unwrap();
        let error = Configuration::load(&file).map(drop).unwrap_err().to_string();
        assert!(!error.contains("1865"), "{error}");
    }
}
