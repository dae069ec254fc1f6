//! What is wrong is refused with file, line and reason.

use std::path::Path;

use nuncio::config::Configuration;

use crate::{BACKEND, MUTUAL, PRESET, SOUND, TLS, USER, folder};

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
        ("http://127.0.0.1:9000/echo", "http://a:b@c/", "6: backend \"http://c/\" has a user in it"),
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
