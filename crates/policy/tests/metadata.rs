//! Files of policies and contracts from others: they name nothing outside themselves.

#![allow(clippy::panic, reason = "a test's helpers fail the test")]

use nuncio_policy::{bare, wsdl};

const POLICY: &str = "<wsp:Policy xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2004/09/policy\">";

/// Nothing is fetched that a contract or a policy names: it is refused, or ends where the file ends.
#[test]
fn sc_11_a_contract_names_nothing_outside() {
    let external = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    for file in [
        format!("{external}{POLICY}</wsp:Policy>"),
        format!("{external}<wsdl:definitions xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\">&e;</wsdl:definitions>"),
    ] {
        for error in [bare::read("x", file.as_bytes()).map(drop), wsdl::read("x", file.as_bytes()).map(drop)] {
            let error = error.expect_err("refused").to_string();
            assert!(error.contains("x:1: ") && error.contains("DOCTYPE"), "{error}");
        }
    }
    let entity = format!("{POLICY}&e;</wsp:Policy>");
    let error = bare::read("x", entity.as_bytes()).expect_err("refused").to_string();
    assert!(error.contains("entity &e;"), "{error}");
    for uri in ["http://example.com/policy.xml#p", "file:///etc/passwd", "policy.xml", "#nothing"] {
        let reference = format!("{POLICY}<wsp:PolicyReference URI=\"{uri}\"/></wsp:Policy>");
        let error = bare::read("x", reference.as_bytes()).expect_err("refused").to_string();
        assert!(error.contains(uri.trim_start_matches('#')), "{error}");
    }
}
