//! Policies that have TLS itself authenticate the client (`RequireClientCertificate`).

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use ends::{Pair, policy, soap};
use nuncio_policy::model::{Binding, TransportBinding};
use nuncio_wss::{Claim, Class, HttpFacts, Opened, Refusal, Transport};

const PRESET: &str = "wcf-ws2007-userNameOverTransport";

/// Opens a message that came over that transport, under a policy with a user name or with nobody's.
fn open(client_certificate: bool, user: bool, transport: Transport) -> Result<Opened, Refusal> {
    let mut policy = policy(PRESET);
    policy.binding = Binding::Transport(TransportBinding { client_certificate });
    if !user {
        policy.supporting.clear();
    }
    let mut pair = Pair::new(&policy, soap(PRESET)[0]);
    let (outbound, _) = pair.request("hello", None);
    let http = HttpFacts { content_type: &outbound.content_type, soap_action: outbound.soap_action.as_deref() };
    let received = pair.recipient.read(&http, outbound.body).expect("it can be read");
    pair.recipient.open(received, None, transport, pair.now)
}

#[test]
fn tls_must_have_authenticated_the_client_where_the_policy_says_so() {
    for (client_certificate, transport, refusal) in [
        (true, Transport::Clear, Some(Refusal::UnprotectedTransport)),
        (true, Transport::Secure, Some(Refusal::UnauthenticatedTransport)),
        (true, Transport::Authenticated, None),
        (false, Transport::Clear, Some(Refusal::UnprotectedTransport)),
        (false, Transport::Secure, None),
        (false, Transport::Authenticated, None),
    ] {
        let found = open(client_certificate, false, transport).err();
        let (found, refusal) = (found.map(|found| found.to_string()), refusal.map(|refusal| refusal.to_string()));
        assert_eq!(found, refusal, "{client_certificate} {transport:?}");
    }
    assert_eq!(Refusal::UnauthenticatedTransport.class(), Class::InvalidSecurity);
}

#[test]
fn whom_tls_authenticated_is_who_sent_it_where_the_policy_asks_and_nobody_else_is_named() {
    let opened = open(true, false, Transport::Authenticated).expect("opened");
    assert!(matches!(opened.claim(), Claim::Transport));
    let opened = open(false, false, Transport::Authenticated).expect("opened");
    assert!(matches!(opened.claim(), Claim::Anonymous), "a policy that does not ask names nobody by it");
    let opened = open(true, true, Transport::Authenticated).expect("opened");
    assert!(matches!(opened.claim(), Claim::Username(_)));
}
