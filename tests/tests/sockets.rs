//! Recorded per-message requests over real sockets, at the program with its clock set: the plain service gets the bodies
//! that were sent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::recording::{self, Scenario};
use nuncio_tests::{compare, oracle, peers, time, wire};
use std::path::{Path, PathBuf};

/// Every message brings its own credentials, by the WSDL's own words.
fn per_message(scenario: &Scenario) -> bool {
    let says = |policy: &Option<Vec<u8>>, word| {
        policy.as_ref().is_some_and(|text| String::from_utf8_lossy(text).contains(word))
    };
    let conversation = "SecureConversationToken";
    // A port without a suite has no security, and is refused at load.
    says(&scenario.wsdl, "AlgorithmSuite")
        && !says(&scenario.wsdl, conversation)
        && !says(&scenario.policy, conversation)
}

fn start(
    scenario: &Scenario,
    backend: &Backend,
    folder: &Path,
) -> (String, Result<Nuncio, nuncio_tests::process::NotStarted>) {
    std::fs::create_dir_all(folder).unwrap();
    let file = |name: &str, octets: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, octets).unwrap();
        path.display().to_string()
    };
    let certificates = &scenario.meta.certificates;
    let url = format!("http://127.0.0.1:{}", free_port().unwrap());
    let mut arguments = vec!["proxy".to_owned(), "--listen".into(), url.clone(), "--backend".into(), backend.url()];
    arguments.extend(["--wsdl".into(), file("service.wsdl", scenario.wsdl.as_ref().unwrap())]);
    arguments.extend(["--certificate".into(), file("server.pem", certificates.service.certificate_pem.as_bytes())]);
    arguments.extend(["--key".into(), file("server.key", certificates.service.private_key_pem.as_bytes())]);
    if let Some(client) = &certificates.client {
        arguments.extend(["--trust".into(), file("client.pem", client.certificate_pem.as_bytes())]);
    }
    for (user, password) in scenario.meta.users() {
        arguments.extend(["--user".into(), format!("{user}:{password}")]);
    }
    arguments.extend(["--clock".into(), time::format_utc(scenario.exchanges[0].request_at)]);
    // The octets are those inside TLS, where there was any.
    arguments.extend(["--tls-terminated-by".into(), "127.0.0.1/32".into()]);
    (url, Nuncio::start(arguments))
}

#[test]
fn recorded_messages_reach_the_plain_service() {
    let mut played = 0;
    for scenario in recording::load(&recording::packed()).unwrap() {
        // A policy that stands in place of the WSDL's has no flag.
        if !per_message(&scenario) || scenario.policy.is_some() {
            continue;
        }
        let name = &scenario.name;
        if scenario.exchanges.iter().any(|exchange| !exchange.request.media_type().ends_with("xml")) {
            peers::skip(name, "another media type");
            continue;
        }
        let backend = Backend::start().unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sockets").join(name);
        let (url, gateway) = start(&scenario, &backend, &folder);
        let gateway = match gateway {
            Ok(gateway) => gateway,
            Err(error) if error.0.contains("not built") => {
                peers::skip(name, error.0.lines().last().unwrap_or_default());
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        for exchange in &scenario.exchanges {
            let response = wire::send(&url, &exchange.request).unwrap();
            let seen = backend.take();
            let plain = oracle::open(&exchange.request.body, &scenario.keys).unwrap();
            let at = format!("{name} exchange {:02}", exchange.n);
            if wrong_password(&scenario, &plain) {
                assert!(seen.is_empty(), "{at}");
                assert_eq!(response.status(), Some(500), "{at}");
                continue;
            }
            assert_eq!(seen.len(), 1, "{at}: {}\n{}", response.start_line, gateway.log());
            compare::bodies(&plain, seen[0].text()).unwrap_or_else(|difference| panic!("{at}: {difference}"));
            played += 1;
        }
    }
    assert!(played > 100, "{played}");
}

fn wrong_password(scenario: &Scenario, plain: &str) -> bool {
    let given = oracle::credentials(plain).unwrap();
    given.is_some_and(|(user, password)| scenario.meta.users().get(&user) != Some(&password))
}
