//! What came before, comes too late or too early.

use nuncio_wss::{Class, Time};

use crate::bench::{Bench, CONVERSATION, MINUTE, NOW, PER_MESSAGE, edited, message};

const SEEN: &str = "the message was seen before";

#[test]
fn a_message_sent_twice() {
    for name in [
        PER_MESSAGE,
        "wcf-ws2007-anonymousForCertificate",
        "wcf-ws2007-mutualCertificate",
        CONVERSATION,
        // The signature with the client's certificate, or under the context, tells the messages apart.
        "wcf-ws2007-certificateOverTransport",
        "wcf-ws2007-userNameOverTransport-conversation",
        "wse-usernameForCertificateSecurity",
    ] {
        let bench = Bench::new(name);
        let request = bench.request("once");
        bench.pass(&request);
        bench.refuse(name, &request, Class::InvalidSecurity, SEEN);
        // To the last moment at which it would be fresh.
        bench.gateway.set_clock(NOW + 6 * MINUTE - 1);
        bench.refuse(name, &request, Class::InvalidSecurity, SEEN);
    }
}

#[test]
fn a_nonce_sent_twice() {
    let bench = Bench::new("wcf-ws2007-userNameOverTransport");
    let with = |nonce: &str| {
        edited(&bench.request("once"), "</o:Password>", &format!("</o:Password><o:Nonce>{nonce}</o:Nonce>"))
    };
    bench.pass(&with("AAECAwQFBgcICQoLDA0ODw=="));
    bench.refuse("another message with that nonce", &with("AAECAwQFBgcICQoLDA0ODw=="), Class::InvalidSecurity, SEEN);
    bench.pass(&with("AQECAwQFBgcICQoLDA0ODw=="));
}

#[test]
fn an_rst_sent_twice() {
    let bench = Bench::new(CONVERSATION);
    let (outbound, _) = bench.client.issue(bench.now(), &mut bench.numbers.clone()).unwrap();
    assert_eq!(bench.send(&message(&outbound)).status(), Some(200));
    bench.refuse("an RST", &message(&outbound), Class::InvalidSecurity, SEEN);
}

#[test]
fn an_old_timestamp() {
    for name in [PER_MESSAGE, CONVERSATION, "wcf-ws2007-userNameOverTransport"] {
        let bench = Bench::new(name);
        bench.honest("a conversation that is used");
        let request = bench.request("old");
        let later = NOW + 6 * MINUTE;
        bench.gateway.set_clock(later);
        let (created, expires) = (Time::from_millis(NOW), Time::from_millis(NOW + 5 * MINUTE));
        let reason = format!(
            "message created {created}, good until {expires}, is stale at {}, {} s later",
            Time::from_millis(later),
            (later - created.millis()) / 1000
        );
        bench.refuse(name, &request, Class::InvalidSecurity, &reason);
    }
}

#[test]
fn a_timestamp_from_the_future() {
    for name in [PER_MESSAGE, CONVERSATION, "wcf-ws2007-userNameOverTransport"] {
        let bench = Bench::new(name);
        let at = |at| {
            let plain = bench.plain("<Echo xmlns=\"http://nuncio.example/echo\"><text>x</text></Echo>");
            message(&bench.seal_at(&bench.client, &plain, Time::from_millis(at)).0)
        };
        // Clocks may differ by a minute.
        bench.pass(&at(NOW + MINUTE));
        let (created, now) = (Time::from_millis(NOW + MINUTE + 1), Time::from_millis(NOW));
        let reason = format!(
            "message created {created} is from the future at {now}, {} s earlier",
            (created.millis() - now.millis()) / 1000
        );
        bench.refuse(name, &at(NOW + MINUTE + 1), Class::InvalidSecurity, &reason);
    }
}

#[test]
fn no_timestamp() {
    let bench = Bench::new(PER_MESSAGE);
    let client = bench.misled(|policy| policy.properties.timestamp = false);
    let reason = "no timestamp where the policy asks for one";
    bench.refuse("no timestamp", &bench.request_by(&client, "x"), Class::InvalidSecurity, reason);
}
