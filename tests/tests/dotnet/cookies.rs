//! The client where it keeps its conversation itself, in the cookie of its token: under a contract without cancels it never
//! renews, and begins anew before its conversation ends; under one with cancels it renews.

use std::collections::BTreeSet;

use nuncio_tests::configured::{Configured, Setting};
use nuncio_tests::peers;
use nuncio_tests::plain::Backend;

use super::restarts::ring;
use super::{client_of, folder, recorded};

/// Calls of the client, one after the other.
const CALLS: usize = 5;

/// A client that is set so calls under the contract of that scenario, told to renew after two seconds. Its gateway, and the
/// names of its conversations.
fn called(scenario: &str, lifetime: &str, pause: u32, options: &[&str]) -> Option<(Configured, BTreeSet<String>)> {
    let name = format!("cookies {scenario}");
    let mut client = client_of(&name)?;
    let (wsdl, backend) = (folder(&name).join("service.wsdl"), Backend::start().unwrap());
    std::fs::write(&wsdl, recorded(scenario).unwrap()).unwrap();
    let more = format!("key_ring: '{}'\nlifetimes: {{ conversation: {lifetime} }}\n", ring(&name));
    let setting = Setting { wsdl: &wsdl, backend: backend.url(), tls: true, more: &more, store: "cookie" };
    let gateway = Configured::start(&folder(&name).join("nuncio.yaml"), &setting).unwrap();
    client.args(["--url", gateway.url(), "--calls", "echo", "--repeat", &CALLS.to_string()]);
    client.args(["--pause", &pause.to_string(), "--renew-after", "2", "--rollover", "1"]).args(options);
    peers::run(&mut client).unwrap_or_else(|error| panic!("{name}: {error}\n{}", gateway.log()));
    let seen = backend.seen();
    assert_eq!(seen.len(), CALLS, "{name}: {}", gateway.log());
    let told = seen.iter().map(|request| request.header("x-nuncio-conversation").unwrap().to_owned()).collect();
    Some((gateway, told))
}

/// How many conversations were begun, renewed and cancelled; nothing was refused.
fn counts(gateway: &Configured) -> [usize; 3] {
    let kinds = ["issue", "renew", "cancel"];
    for kind in kinds.iter().chain(&["application"]) {
        assert_eq!(gateway.count(kind, "refused").unwrap(), 0, "{kind}: {}", gateway.log());
    }
    kinds.map(|kind| gateway.count(kind, "answered").unwrap())
}

/// When three fifths of its time are over; it takes no notice of when it was told to renew.
#[test]
fn clients_that_may_not_cancel_begin_anew() {
    for (generation, version) in [
        ("13b", "WSSecurity11WSTrust13WSSecureConversation13WSSecurityPolicy12BasicSecurityProfile10"),
        (
            "0205b",
            "WSSecurity11WSTrustFebruary2005WSSecureConversationFebruary2005WSSecurityPolicy11BasicSecurityProfile10",
        ),
    ] {
        let scenario = format!("custom-username-sccookie-{generation}-soap12wsa10");
        let options = ["--binding", "custom", "--require-cancel", "false", "--message-security", version];
        let Some((gateway, told)) = called(&scenario, "10s", 3500, &options) else { return };
        let [begun, renewed, cancelled] = counts(&gateway);
        // The calls are made over fourteen seconds.
        assert!(begun >= 2, "{scenario}: {}", gateway.log());
        assert_eq!((told.len(), renewed, cancelled), (begun, 0, 0), "{scenario}: {}", gateway.log());
    }
}

/// Under a new key, and with another cookie.
#[test]
fn clients_that_cancel_renew() {
    for binding in ["ws2007", "wshttp"] {
        let options = ["--binding", binding, "--credential", "username"];
        let Some((gateway, told)) = called(&format!("{binding}-username-sc"), "10h", 1500, &options) else { return };
        let [begun, renewed, cancelled] = counts(&gateway);
        assert!(renewed >= 1, "{binding}: {}", gateway.log());
        assert_eq!((told.len(), begun, cancelled), (1, 1, 1), "{binding}: {}", gateway.log());
    }
}
