//! What HTTP and the way to us decide: media types, methods, TLS, and who a client says it is.

use std::path::PathBuf;

use nuncio::config::Configuration;
use nuncio_policy::model::SoapVersion;
use nuncio_tests::peers::key;
use nuncio_wss::Class;

use crate::bench::{Bench, CONVERSATION, PER_MESSAGE, without_relates_to};

#[test]
fn another_content_type() {
    let bench = Bench::new(PER_MESSAGE);
    for content_type in [
        "application/xml",
        "text/plain",
        "multipart/related; type=\"application/xop+xml\"",
        "application/soap+xml; charset=utf-16",
    ] {
        let mut request = bench.request("x");
        request.headers[0].1 = content_type.to_owned();
        let reason = format!("Content-Type {content_type:?} is not SOAP in UTF-8");
        bench.reject(content_type, &request, 415, &reason);
    }
    let mut request = bench.request("x");
    request.headers.clear();
    bench.reject("none", &request, 415, "Content-Type \"\" is not SOAP in UTF-8");
}

#[test]
fn another_method() {
    let bench = Bench::new(PER_MESSAGE);
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let mut request = bench.request("x");
        request.start_line = format!("{method} /echo?wsdl HTTP/1.1");
        bench.reject(method, &request, 405, &format!("method {method} is not POST"));
    }
}

#[test]
fn a_policy_over_tls_without_tls() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let load = |name: &str, listener: &str, preset: &str| {
        let file = folder.join(name);
        let yaml = format!(
            "listeners:\n  - address: 127.0.0.1:0\n{listener}routes:\n  - path: /echo\n    backend: http://127.0.0.1:9/\n    \
             preset: {preset}\n    certificate: {}\n    key: {}\n",
            key("server.pem").display(),
            key("server.key").display()
        );
        std::fs::write(&file, yaml).unwrap();
        Configuration::load(&file).err().map(|error| error.to_string())
    };
    for preset in ["wcf-ws2007-userNameOverTransport", "wcf-ws2007-userNameOverTransport-conversation"] {
        let error = load("clear.yaml", "", preset).unwrap();
        assert!(error.contains("clear.yaml:2: ") && error.contains("demands TLS"), "{error}");
    }
    let terminated = "    tls_terminated_by: [10.0.0.1]\n";
    assert_eq!(load("terminated.yaml", terminated, "wcf-ws2007-userNameOverTransport"), None);
    assert_eq!(load("symmetric.yaml", "", PER_MESSAGE), None);
}

#[test]
fn a_message_that_did_not_come_over_tls() {
    // The configuration was not asked: the message itself is.
    let bench = Bench::speaking("wcf-ws2007-userNameOverTransport", SoapVersion::V12, false);
    let reason = "the message did not come over a protected transport";
    let answer = bench.refused("in clear", &bench.request("x"), reason);
    assert_eq!(without_relates_to(&answer.body), bench.fault(Class::InvalidSecurity));
}

#[test]
fn a_principal_that_a_client_claims_to_be() {
    for name in [PER_MESSAGE, CONVERSATION, "wcf-ws2007-anonymousForCertificate"] {
        let bench = Bench::new(name);
        for header in [
            "X-Nuncio-Principal",
            "x-nuncio-principal",
            "X-NUNCIO-PRINCIPAL",
            "X_Nuncio_Principal",
            "X-Nuncio_Principal",
            "X-Nuncio-Conversation",
            "X_NUNCIO_CONVERSATION",
            "X-Nuncio-Anything",
        ] {
            let mut request = bench.request("x");
            request.headers.push((header.to_owned(), "mallory".to_owned()));
            let seen = bench.pass(&request);
            assert!(seen.headers.iter().all(|(_, value)| value != "mallory"), "{name}, {header}: {:?}", seen.headers);
            let ours = |name: &str| name.replace('_', "-").starts_with("x-nuncio");
            let told: Vec<_> =
                seen.headers.iter().filter(|(name, _)| ours(name)).map(|(name, _)| name.as_str()).collect();
            let expected: &[&str] = match name {
                PER_MESSAGE => &["x-nuncio-principal"],
                CONVERSATION => &["x-nuncio-principal", "x-nuncio-conversation"],
                _ => &[],
            };
            assert_eq!(told, expected, "{name}, {header}");
            if name != "wcf-ws2007-anonymousForCertificate" {
                assert_eq!(seen.header("x-nuncio-principal"), Some("alice"), "{name}, {header}");
            }
        }
    }
}

#[test]
fn a_principal_that_a_client_claims_to_be_twice() {
    let bench = Bench::new(PER_MESSAGE);
    let mut request = bench.request("x");
    for value in ["mallory", "alice"] {
        request.headers.push(("X-Nuncio-Principal".to_owned(), value.to_owned()));
    }
    let seen = bench.pass(&request);
    let told: Vec<_> = seen.headers.iter().filter(|(name, _)| name.starts_with("x-nuncio")).collect();
    assert_eq!(told, [&("x-nuncio-principal".to_owned(), "alice".to_owned())]);
}
