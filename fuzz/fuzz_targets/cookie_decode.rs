//! What a cookie brings: a record is one that would be written so again, or none; the cookie of a token is its base64, within
//! bounds, or none.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use nuncio_crypto::base64;
use nuncio_crypto::random::Random;
use nuncio_fuzz::ends::{Pair, policy, soap};
use nuncio_wss::{Context, HttpFacts, Issued, MAX_COOKIE, Principal, Recipient, Restorer};

const CONVERSATION: &str = "wcf-ws2007-userNameOverTransport-conversation";

/// A message before and behind the text of its cookie, and who reads it.
struct Stage {
    pair: Pair,
    content_type: String,
    before: String,
    behind: String,
    restorer: Restorer,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let mut pair = Pair::new(&policy(CONVERSATION), soap(CONVERSATION)[0]);
        let (outbound, expectation) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let seal = |_: &Context, _: &mut dyn Random| Ok(b"a cookie".to_vec());
        let issued = Recipient::issue(opened, Principal::Anonymous, Some(&seal), pair.now, &mut pair.numbers);
        let Issued { message, .. } = issued.expect("issued");
        let opening = pair.answer(&message, &expectation).expect("answered");
        let ours = pair.initiator.established(&opening, &expectation, pair.now).expect("established");
        let (outbound, _) = pair.request("hello", Some(&ours.into()));
        let text = String::from_utf8(outbound.body).expect("text");
        let (before, behind) = text.split_once(&base64::encode(b"a cookie")).expect("a cookie");
        let (before, behind) = (before.to_owned(), behind.to_owned());
        Stage { content_type: outbound.content_type, before, behind, restorer: Restorer::new(4), pair }
    })
}

fuzz_target!(init: { stage(); }, |data: &[u8]| {
    let Stage { pair, content_type, before, behind, restorer } = stage();
    if let Ok(context) = restorer.restore(data) {
        assert!(context.record().is_some_and(|record| **record == *data), "it is written in one way");
    }
    let http = HttpFacts { content_type, soap_action: None };
    let message = [before.as_bytes(), data, behind.as_bytes()].concat();
    let Ok(received) = pair.recipient.read(&http, message) else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    // With markup in it, it may be more than the text of one cookie.
    let is_text = !text.contains(['<', '&', ']']);
    match received.cookie() {
        Ok(cookie) => {
            assert!(cookie.as_ref().is_none_or(|cookie| cookie.len() <= MAX_COOKIE));
            assert!(!is_text || cookie == base64::decode(text).ok(), "it is what its text spells");
        }
        Err(_) => {
            let fits = base64::decode(text).is_ok_and(|octets| octets.len() <= MAX_COOKIE);
            assert!(!is_text || !fits, "what fits is taken");
        }
    }
});
