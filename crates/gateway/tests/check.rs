//! `nuncio check`: what it tells of the examples, what it finds, and how it ends.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nuncio_wss::Time;
use program::nuncio;
use serde_json::Value;

const AT: &str = "2026-12-01T00:00:00Z";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        let copy = to.join(entry.file_name());
        std::fs::copy(entry.path(), &copy).unwrap();
        // What a checkout leaves open is not what is looked at here.
        std::fs::set_permissions(copy, PermissionsExt::from_mode(0o600)).unwrap();
    }
}

/// A folder with what the examples are relative to.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("check").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    copy(&repository().join("config"), &folder.join("config"));
    copy(&repository().join("tests/keys"), &folder.join("tests/keys"));
    copy(&repository().join("crates/crypto/tests/data"), &folder.join("certificates"));
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    nuncio().current_dir(folder).arg("check").args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Grade, about what, and the words of each finding.
fn findings(told: &Value) -> Vec<[String; 3]> {
    let findings = told["findings"].as_array().unwrap().iter();
    findings.map(|found| ["grade", "about", "text"].map(|member| found[member].as_str().unwrap().to_owned())).collect()
}

/// Each example, as it is told. With `NUNCIO_WRITE_CHECKED` set, what is told is written down.
#[test]
fn every_example_is_told_as_it_was() {
    let folder = folder("examples");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checked");
    let mut examples = 0;
    for entry in std::fs::read_dir(folder.join("config")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        examples += 1;
        let name = file.file_stem().unwrap().to_str().unwrap();
        let config = format!("config/{name}.yaml");
        for (extension, more) in [("txt", None), ("json", Some("--json"))] {
            let arguments: Vec<&str> = ["--config", &config, "--at", AT].into_iter().chain(more).collect();
            let output = check(&folder, &arguments);
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{name}");
            let told = text(&output.stdout);
            assert!(!told.contains("1865") && !told.contains('\x1b'), "neither a password nor colour");
            let kept = kept.join(format!("{name}.{extension}"));
            if std::env::var_os("NUNCIO_WRITE_CHECKED").is_some() {
                std::fs::write(&kept, &told).unwrap();
            }
            let known = std::fs::read_to_string(&kept).unwrap_or_default();
            assert!(told == known, "{} is not what is told:\n{told}", kept.display());
        }
    }
    assert!(examples >= 3, "the examples are gone");
}

const SOUND: &str = "\
listeners:
  - address: 127.0.0.1:0
    tls: { certificate: tests/keys/server.pem, key: tests/keys/server.key }
routes:
  - path: /echo
    backend: http://127.0.0.1:9000/echo
    preset: wcf-ws2007-userNameOverTransport
    addresses: [https://localhost/echo]
    users: [{ name: alice, password_file: password }]
    authorise: { rules: [{ allow: { users: [alice] } }] }
";
const LISTENER: &str = "    tls: { certificate: tests/keys/server.pem, key: tests/keys/server.key }\n";
const PRESET: &str = "    preset: wcf-ws2007-userNameOverTransport\n";

/// All that the route says of security.
const SECURED: &str = "    preset: wcf-ws2007-userNameOverTransport
    addresses: [https://localhost/echo]
    users: [{ name: alice, password_file: password }]
    authorise: { rules: [{ allow: { users: [alice] } }] }
";

fn sound(folder: &Path) -> Value {
    std::fs::write(folder.join("password"), "wonderland-1865\n").unwrap();
    std::fs::write(folder.join("token"), "0123456789abcdef\n").unwrap();
    for file in ["password", "token"] {
        std::fs::set_permissions(folder.join(file), PermissionsExt::from_mode(0o600)).unwrap();
    }
    std::fs::write(folder.join("nuncio.yaml"), SOUND).unwrap();
    let output = check(folder, &["--config", "nuncio.yaml", "--at", AT, "--json", "--strict"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    json(&output)
}

#[test]
fn what_is_sound_has_nothing_but_notes() {
    let told = sound(&folder("sound"));
    assert_eq!((told["outcome"].as_str(), told["at"].as_str()), (Some("fine"), Some(AT)));
    for [grade, about, text] in findings(&told) {
        assert_eq!(grade, "note", "{about}: {text}");
    }
    let certificate = &told["listeners"][0]["certificates"][0];
    assert_eq!(certificate["role"], "tls");
    assert_eq!(certificate["hosts"], serde_json::json!(["localhost", "127.0.0.1"]));
    assert!(certificate["days_left"].as_i64().unwrap() > 30_000);
}

/// What is changed in the sound configuration, into what, and what is found then: grade, about what, and the beginning.
#[rustfmt::skip]
const FOUND: &[(&str, &str, [&str; 3])] = &[
    ("password_file: password", "password: wonderland-1865", ["warning", "route /echo", "the password of alice stands in clear at nuncio.yaml:9: give it as `password_file`"]),
    ("[{ name: alice, password_file: password }]", "[]", ["warning", "route /echo", "the policy admits users, and none is named: nobody gets in"]),
    ("    authorise: { rules: [{ allow: { users: [alice] } }] }\n", "", ["note", "route /echo", "there are no rules (`authorise`)"]),
    ("    addresses: [https://localhost/echo]\n", "", ["note", "route /echo", "no `addresses` are named"]),
    ("https://localhost/echo", "https://echo.example/echo", ["warning", "listener 127.0.0.1:0", "the certificate \"CN=nuncio-test-server,O=Test only\" is not for echo.example: clients that look"]),
    ("http://127.0.0.1:9000/echo", "http://plain:9000/echo", ["warning", "route /echo", "the backend http://plain:9000/echo is called in clear"]),
    (PRESET, "    preset: wcf-ws2007-userNameOverTransport\n    trust: [tests/keys/client.pem]\n", ["warning", "route /echo", "`trust` is named, and the policy asks nobody for a certificate"]),
    (PRESET, "    preset: wcf-wshttp-anonymousForCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n", ["warning", "route /echo", "users are named, and the policy asks nobody for a password"]),
    ("routes:\n", "admin: { address: '0.0.0.0:9901', danger_admin_beyond_loopback: true }\nroutes:\n", ["danger", "admin listener 0.0.0.0:9901", "it can be reached from other machines, by anybody"]),
    ("routes:\n", "admin: { address: '0.0.0.0:9901', danger_admin_beyond_loopback: true, token_file: token }\nroutes:\n", ["danger", "admin listener 0.0.0.0:9901", "its token travels in clear"]),
    (SECURED, "    danger_plain: true\n", ["danger", "route /echo", "the route has no security: whoever reaches it calls the backend"]),
    (PRESET, "    preset: wcf-wshttp-userNameForCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n", ["warning", "route /echo", "what is signed is digested by SHA-1"]),
    ("    preset:", "    actions: [{ actions: ['urn:far*'], backend: 'http://far.example/' }]\n    preset:", ["warning", "route /echo", "the backend http://far.example/ is called in clear"]),
    (LISTENER, "    tls_terminated_by: [0.0.0.0/0]\n", ["danger", "listener 127.0.0.1:0", "everybody counts as one who takes TLS off"]),
    (PRESET, "    preset: wcf-wshttp-mutualCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n    trust: [certificates/expired.pem]\n", ["danger", "route /echo", "the trusted certificate \"emailAddress=test@localhost,CN=localhost,OU=Gateway,O=Nuncio Tests,L=Berlin,ST=Berlin,C=DE\" expired on 2021-01-01"]),
    (PRESET, "    preset: wcf-wshttp-mutualCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n    trust: [certificates/weak.pem]\n", ["danger", "route /echo", "the trusted certificate \"CN=weak\" has an RSA key of 1024 bits"]),
    (PRESET, "    preset: wcf-wshttp-mutualCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n    trust: [certificates/encipher-only.pem]\n", ["warning", "route /echo", "the trusted certificate \"CN=encipher only\" has a key usage without digitalSignature"]),
    (PRESET, "    preset: wcf-wshttp-mutualCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n    trust: [certificates/no-ski.pem]\n", ["note", "route /echo", "the trusted certificate \"CN=no identifier\" has no subject key identifier"]),
    (PRESET, "    preset: wcf-wshttp-mutualCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n    trust: [certificates/foreign.pem]\n", ["warning", "route /echo", "the trusted certificate \"CN=foreign\" has a key that is neither RSA nor on a known curve"]),
    (PRESET, "    preset: wcf-wshttp-mutualCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n    trust: [certificates/sha1.pem]\n", ["note", "route /echo", "the trusted certificate \"CN=sha1\" is signed over SHA-1"]),
    (LISTENER, "    tls: { certificate: certificates/self-signed.pem, key: certificates/leaf.key.pem }\n", ["note", "listener 127.0.0.1:0", "the certificate \"CN=self-signed,O=Nuncio Tests,C=DE\" is signed with its own key"]),
];

/// Where no contract ties actions to what is in the body, rules by action bind whoever goes by the action alone.
#[test]
fn rules_by_action_without_a_contract_are_found() {
    let folder = folder("actions");
    sound(&folder);
    let wsdl = repository().join("crates/policy/tests/data/wcf-over-transport.wsdl");
    std::fs::copy(wsdl, folder.join("own.wsdl")).unwrap();
    let contract = "    wsdl: own.wsdl\n    port: Basic\n";
    let rules = |rule: &str| format!("    authorise: {{ rules: [{rule}] }}\n");
    let by_user = rules("{ allow: { users: [alice] } }");
    for (policy, rule, warned) in [
        (PRESET, "{ allow: { users: [alice] } }", false),
        (PRESET, "{ allow: { users: [alice], actions: ['urn:a*'] } }", true),
        (PRESET, "{ deny: { actions: ['urn:a'] } }, { allow: { users: [alice] } }", true),
        (contract, "{ allow: { users: [alice], actions: ['urn:a*'] } }", false),
    ] {
        assert!(SOUND.contains(&by_user));
        let yaml = SOUND.replacen(PRESET, policy, 1).replacen(&by_user, &rules(rule), 1);
        std::fs::write(folder.join("nuncio.yaml"), yaml).unwrap();
        let output = check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json"]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{policy}{rule}");
        let found = findings(&json(&output));
        let is = |found: &&[String; 3]| found[2].starts_with("its rules (`authorise`) go by action");
        let own: Vec<_> = found.iter().filter(is).map(|found| (&*found[0], &*found[1])).collect();
        assert_eq!(own, if warned { vec![("warning", "route /echo")] } else { Vec::new() }, "{policy}{rule}");
    }
}

/// Where messages go, and in what form, is told of every backend.
#[test]
fn every_backend_is_told_of() {
    let folder = folder("backends");
    sound(&folder);
    let said = "    faults: sanitise\n    actions: [{ actions: ['urn:a*', 'urn:b'], backend: { urls: ['http://127.0.0.1:1/'], soap: '1.1' } }]\n";
    std::fs::write(folder.join("nuncio.yaml"), SOUND.replacen(PRESET, &format!("{PRESET}{said}"), 1)).unwrap();
    let output = check(&folder, &["--config", "nuncio.yaml", "--at", AT]);
    let told = text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        "Messages with the action urn:a* or urn:b go to http://127.0.0.1:1/, in clear, and stay on this machine.",
        "It is called in SOAP 1.1, whichever version the client speaks.",
        "Their code and reason go on to the client; their details do not.",
    ] {
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
}

#[test]
fn what_is_weak_is_found() {
    let folder = folder("weak");
    let before = findings(&sound(&folder));
    for (from, to, [grade, about, words]) in FOUND {
        assert!(SOUND.contains(from), "{from}");
        std::fs::write(folder.join("nuncio.yaml"), SOUND.replacen(from, to, 1)).unwrap();
        let output = check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json"]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{to}");
        let found = findings(&json(&output));
        let is = |found: &[String; 3]| found[0] == *grade && found[1] == *about && found[2].starts_with(words);
        assert!(found.iter().any(is), "{words}: {found:#?}");
        assert!(!before.iter().any(is), "{words}: it was there before");
        let strict = check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--strict", "--quiet"]);
        let weak = found.iter().filter(|found| found[0] != "note").count();
        let (status, errors) = match weak {
            0 => (Some(0), String::new()),
            weak => (Some(2), format!("nuncio: it can be served, and {weak} of its choices are weak\n")),
        };
        assert_eq!((strict.status.code(), text(&strict.stderr)), (status, errors), "{to}");
        assert!(!text(&strict.stdout).contains(" note "), "{}", text(&strict.stdout));
    }
}

/// Who is said to call a service that does not ask for him is not who calls it.
#[test]
fn whom_a_service_is_not_told_of_is_found() {
    let folder = folder("untold");
    let egress = |preset: &str| {
        format!(
            "egress:\n  listeners: [{{ address: \"127.0.0.1:0\" }}]\n  routes:\n  - path: /out\n    service: http://127.0.0.1:9/\n    \
             preset: {preset}\n    service_certificate: tests/keys/server.pem\n    user: {{ name: alice, password: x }}\n    \
             certificate: tests/keys/client.pem\n    key: tests/keys/client.key\n"
        )
    };
    for (preset, untold) in [
        ("wcf-ws2007-userNameForCertificate-conversation", "a certificate is said"),
        ("wcf-ws2007-mutualCertificate-conversation", "a user is said"),
    ] {
        std::fs::write(folder.join("nuncio.yaml"), egress(preset)).unwrap();
        let found = findings(&json(&check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json"])));
        let found: Vec<_> = found.iter().filter(|found| found[2].contains("is said as whom")).collect();
        let [[grade, about, words]] = &found[..] else { panic!("{preset}: {found:?}") };
        assert!(grade == "warning" && about == "egress route /out" && words.starts_with(untold), "{found:?}");
    }
}

/// What a gateway says at its start is said here too: that others can read its secrets.
#[test]
fn secrets_that_others_can_read_are_found() {
    let folder = folder("open");
    sound(&folder);
    for file in ["password", "tests/keys/server.key"] {
        let open = |mode| std::fs::set_permissions(folder.join(file), PermissionsExt::from_mode(mode)).unwrap();
        let found = || findings(&json(&check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json"])));
        let is = |found: &[String; 3]| {
            found[0] == "warning" && found[2].starts_with("a secret is in a file") && found[2].contains(file)
        };
        open(0o644);
        let told = found();
        assert!(told.iter().any(is), "{file}: {told:#?}");
        open(0o640);
        assert!(!found().iter().any(is), "{file}: a group is how containers are given secrets");
    }
}

/// A Redis is not asked, and what is wrong with what is said of it is found all the same.
#[test]
fn what_is_said_of_a_redis_is_looked_at() {
    let folder = folder("redis");
    sound(&folder);
    let made = nuncio().current_dir(&folder).args(["keys", "--ring", "keys.yaml"]).output().unwrap();
    assert!(made.status.success());
    let told = |redis: &str| {
        std::fs::write(folder.join("nuncio.yaml"), format!("key_ring: keys.yaml\nredis: {{ {redis} }}\n{SOUND}"))
            .unwrap();
        check(&folder, &["--config", "nuncio.yaml", "--json", "--at", AT])
    };
    for (url, open) in
        [("redis://redis.example", true), ("redis://127.0.0.1", false), ("rediss://redis.example", false)]
    {
        let found = findings(&json(&told(&format!("url: '{url}'"))));
        let is =
            |found: &[String; 3]| found[0] == "warning" && found[2].contains("redis.example:6379 is asked without TLS");
        assert_eq!(found.iter().filter(|found| is(found)).count(), usize::from(open), "{url}: {found:#?}");
    }
    let refused = told("url: 'redis://redis.example', prefix: '{farm}'");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).starts_with("nuncio: nuncio.yaml:2: redis: a prefix is"),
        "{}",
        text(&refused.stderr)
    );
}

/// A listener in clear is a note where it stays on this machine, and more where it does not.
#[test]
fn clear_listeners_are_found() {
    let folder = folder("clear");
    sound(&folder);
    let clear = SOUND.replace(LISTENER, "").replace(
        PRESET,
        "    preset: wcf-ws2007-userNameForCertificate\n    certificate: tests/keys/server.pem\n    key: tests/keys/server.key\n",
    );
    for (address, grade) in [
        ("127.0.0.1:0", "note"),
        ("localhost:0", "note"),
        ("'[::1]:0'", "note"),
        ("0.0.0.0:0", "warning"),
        ("echo.example:0", "warning"),
    ] {
        std::fs::write(folder.join("nuncio.yaml"), clear.replacen("127.0.0.1:0", address, 1)).unwrap();
        let output = check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json"]);
        let found = findings(&json(&output));
        let about = format!("listener {}", address.trim_matches('\''));
        let own: Vec<_> = found.iter().filter(|found| found[1] == about).collect();
        assert!(own.len() == 1 && own[0][0] == grade && own[0][2].starts_with("it has no TLS"), "{found:#?}");
    }
}

/// The clock is an argument: one certificate, before its time, in it, at its end and after it.
#[test]
fn certificates_are_judged_for_the_instant_that_is_given() {
    let folder = folder("instant");
    sound(&folder);
    let made = nuncio().current_dir(&folder).args(["keys", "--out", "own", "--days", "60"]).output().unwrap();
    assert!(made.status.success());
    let own = SOUND.replace("tests/keys/server.", "own/service.");
    std::fs::write(folder.join("nuncio.yaml"), own).unwrap();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for (days, expected) in [
        (-1, Some(("danger", "is not valid before "))),
        (1, None),
        (29, None),
        (40, Some(("warning", "expires on "))),
        (61, Some(("danger", "expired on "))),
    ] {
        let at = Time::from_millis(now + days * 86_400_000).to_string();
        let output = check(&folder, &["--config", "nuncio.yaml", "--at", &at, "--json"]);
        let found = findings(&json(&output));
        let of = |words: &str| found.iter().find(|found| found[2].contains(words)).map(|found| found[0].clone());
        for words in ["is not valid before ", "expires on ", "expired on "] {
            let expected = expected.filter(|(_, own)| *own == words).map(|(grade, _)| grade);
            assert_eq!(of(words).as_deref(), expected, "{days} days: {found:#?}");
        }
    }
    let start = Time::from_millis(now).plus(Duration::from_hours(40 * 24));
    let output = check(&folder, &["--config", "nuncio.yaml", "--at", &start.to_string(), "--quiet"]);
    let told = text(&output.stdout);
    assert!(told.starts_with("Findings\n  warning  listener 127.0.0.1:0: the certificate \"CN=localhost,"), "{told}");
    let (status, errors) = (output.status.code(), text(&check(&folder, &["--config", "x", "--at", "soon"]).stderr));
    assert!(status == Some(0) && errors.contains("it is not an instant such as 2026-11-22T10:00:00Z"), "{errors}");
}

/// A certificate whose file goes on with one that did not issue it.
#[test]
fn a_broken_chain_is_found() {
    let folder = folder("chain");
    sound(&folder);
    let read = |name: &str| std::fs::read_to_string(folder.join("certificates").join(name)).unwrap();
    for (above, broken) in [("root.pem", false), ("intermediate.pem", true)] {
        std::fs::write(folder.join("chain.pem"), read("leaf.pem") + &read(above)).unwrap();
        let chained = SOUND.replace(LISTENER, "    tls: { certificate: chain.pem, key: certificates/leaf.key.pem }\n");
        std::fs::write(folder.join("nuncio.yaml"), chained).unwrap();
        let told = json(&check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json"]));
        assert_eq!(told["listeners"][0]["certificates"].as_array().unwrap().len(), 2);
        let found = findings(&told);
        assert_eq!(found.iter().any(|found| found[2].contains("which follows it in its file")), broken, "{found:#?}");
    }
}

/// What cannot be served is refused by both commands in the same words: one that is wrong as it is said, and one whose policy
/// is not built.
#[test]
fn what_run_refuses_is_refused_in_the_same_words() {
    let folder = folder("refused");
    sound(&folder);
    for (from, to) in [("/echo\n", "echo\n"), ("tests/keys/server.key }", "none.key }"), ("listeners:", "listener:")] {
        assert!(SOUND.contains(from), "{from}");
        std::fs::write(folder.join("nuncio.yaml"), SOUND.replacen(from, to, 1)).unwrap();
        let run =
            nuncio().current_dir(&folder).args(["run", "--log", "off", "--config", "nuncio.yaml"]).output().unwrap();
        let checked = check(&folder, &["--config", "nuncio.yaml"]);
        assert_eq!(run.status.code(), Some(1));
        let said = text(&run.stderr);
        assert!(said.starts_with("nuncio: nuncio.yaml:"), "{said}");
        assert_eq!(
            (checked.status.code(), text(&checked.stdout), text(&checked.stderr)),
            (Some(1), String::new(), said.clone())
        );
        let output = check(&folder, &["--config", "nuncio.yaml", "--json", "--at", AT]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), said.clone()));
        let told = json(&output);
        let reason = said.strip_prefix("nuncio: ").unwrap().trim_end();
        assert_eq!((told["outcome"].as_str(), told["reason"].as_str()), (Some("refused"), Some(reason)));
    }
}

#[test]
fn one_route_is_told_alone() {
    let folder = folder("route");
    sound(&folder);
    let two = format!("{SOUND}  - {{ path: /plain, backend: 'http://far.example/', danger_plain: true }}\n");
    std::fs::write(folder.join("nuncio.yaml"), two).unwrap();
    let of = |path: &str| json(&check(&folder, &["--config", "nuncio.yaml", "--at", AT, "--json", "--route", path]));
    for (path, danger) in [("/echo", false), ("/plain", true)] {
        let told = of(path);
        let [route] = &told["routes"].as_array().unwrap()[..] else { panic!("one route") };
        assert_eq!(route["path"], path);
        let found = findings(&told);
        assert_eq!(found.iter().any(|found| found[0] == "danger"), danger, "{path}: {found:#?}");
        assert_eq!(told["outcome"], if danger { "weak" } else { "fine" });
    }
    let hosted = SOUND.replace("path: /echo\n", "path: /echo\n    hosts: [echo.example, '*.below.example']\n");
    std::fs::write(folder.join("hosted.yaml"), hosted).unwrap();
    for name in ["/echo", "echo.example,*.below.example/echo"] {
        let told = json(&check(&folder, &["--config", "hosted.yaml", "--at", AT, "--json", "--route", name]));
        let found = findings(&told);
        // The host is one at which clients look for the certificate.
        assert!(found.iter().any(|found| found[2].contains(" is not for echo.example: ")), "{found:#?}");
        assert_eq!(told["routes"][0]["name"], "echo.example,*.below.example/echo");
    }
    let none = check(&folder, &["--config", "nuncio.yaml", "--route", "/other"]);
    let said = "nuncio: --route: there is no route \"/other\", only /echo, /plain\n";
    assert_eq!((none.status.code(), text(&none.stderr)), (Some(1), said.to_owned()));
}

#[test]
fn a_policy_is_told_without_a_configuration() {
    let folder = folder("policy");
    let told = check(&folder, &["--policy", "wcf-ws2007-userNameOverTransport-conversation"]);
    let words = text(&told.stdout);
    assert!(told.status.success() && words.contains("Who begins one brings a user name and password"), "{words}");
    assert!(words.contains("\nFindings\n  warning  what is signed is digested by SHA-1"), "{words}");
    let strict = check(&folder, &["--policy", "wcf-ws2007-userNameOverTransport-conversation", "--strict"]);
    assert_eq!(strict.status.code(), Some(2));
    let policy = "<wsp:Policy xmlns:wsp=\"http://www.w3.org/ns/ws-policy\" \
        xmlns:sp=\"http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702\"><sp:TransportBinding><wsp:Policy>\
        <sp:TransportToken><wsp:Policy><sp:HttpsToken><wsp:Policy/></sp:HttpsToken></wsp:Policy></sp:TransportToken>\
        <sp:AlgorithmSuite><wsp:Policy><sp:Basic256Sha256/></wsp:Policy></sp:AlgorithmSuite>\
        <sp:Layout><wsp:Policy><sp:Lax/></wsp:Policy></sp:Layout></wsp:Policy></sp:TransportBinding></wsp:Policy>";
    std::fs::write(folder.join("policy.xml"), policy).unwrap();
    let told = json(&check(&folder, &["--policy", "policy.xml", "--json"]));
    assert_eq!(told["policy"]["name"], "policy.xml");
    assert_eq!(told["policy"]["alternatives"].as_array().unwrap().len(), 1);
    let found = findings(&told);
    assert!(found.iter().any(|found| found[2].contains("no timestamp")), "{found:#?}");
    std::fs::write(folder.join("policy.yaml"), "preset: mutualCertificate11Security\nestablishSecurityContext: true\n")
        .unwrap();
    let told = check(&folder, &["--policy", "policy.yaml"]);
    let words = text(&told.stdout);
    assert!(
        told.status.success() && words.contains("Who begins one brings a certificate"),
        "{words}{}",
        text(&told.stderr)
    );
    std::fs::copy(repository().join("crates/policy/tests/data/wcf-conversation.wsdl"), folder.join("own.wsdl"))
        .unwrap();
    std::fs::write(folder.join("policy.yaml"), "wsdl: own.wsdl\n").unwrap();
    let told = check(&folder, &["--policy", "policy.yaml"]);
    assert!(told.status.success() && text(&told.stdout).contains("Conversations"), "{}", text(&told.stderr));
    std::fs::write(folder.join("policy.yaml"), "preset: none\n").unwrap();
    let wrong = check(&folder, &["--policy", "policy.yaml"]);
    assert!(
        wrong.status.code() == Some(1) && text(&wrong.stderr).starts_with("nuncio: policy.yaml:1: "),
        "{}",
        text(&wrong.stderr)
    );
    std::fs::write(folder.join("broken.xml"), "<a>").unwrap();
    let broken = check(&folder, &["--policy", "broken.xml"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stderr).starts_with("nuncio: broken.xml:1: "), "{}", text(&broken.stderr));
    let none = check(&folder, &["--policy", "none"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        text(&none.stderr).starts_with("nuncio: --policy: \"none\" is none of the presets (wcf-"),
        "{}",
        text(&none.stderr)
    );
    assert_eq!(check(&folder, &[]).status.code(), Some(2), "neither is a usage error");
    assert_eq!(check(&folder, &["--policy", "a", "--config", "b"]).status.code(), Some(2), "nor both");
}
