//! How often a message allocates, and how many octets: counted, so that a regression shows on any machine.

#![allow(clippy::expect_used, clippy::panic, reason = "a test's helpers fail the test")]

mod ends;
mod measured;

use allocation_counter::measure;
use measured::{Body, CONVERSATION, Case, PER_MESSAGE};

/// Allocations and octets of them at most: some per cent more than there are.
type Most = (u64, u64);

#[track_caller]
fn check(preset: &str, body: Body, kibibytes: usize, [open, seal, ask, hear]: [Most; 4]) {
    let mut case = Case::new(preset, body, kibibytes * 1024);
    let mut request = Some(case.request());
    let mut opened = None;
    let opening = measure(|| opened = request.take().map(|request| case.open(request)));
    assert!(opened.is_some());
    let mut answer = Some(case.answer());
    let mut sealed = None;
    let sealing = measure(|| sealed = answer.take().map(|answer| case.seal(answer)));
    assert!(sealed.is_some());
    let (mut plain, mut asked) = (Some(case.answer()), None);
    let asking = measure(|| asked = plain.take().map(|plain| case.ask(plain)));
    assert!(asked.is_some());
    let (mut answer, mut heard) = (Some(case.sealed()), None);
    let hearing = measure(|| heard = answer.take().map(|sealed| case.hear(sealed)));
    assert!(heard.is_some());
    for (what, found, most) in
        [("open", opening, open), ("seal", sealing, seal), ("ask", asking, ask), ("hear", hearing, hear)]
    {
        let found = (found.count_total, found.bytes_total);
        println!("{what}, {preset}, {body:?}, {kibibytes} KiB: {} allocations, {} octets", found.0, found.1);
        assert!(found.0 <= most.0 && found.1 <= most.1, "{what}, {preset}, {body:?}, {kibibytes} KiB: {found:?}");
        // A bound that is far off would let half a regression through.
        assert!(found.0 > most.0 * 4 / 5, "{what}, {preset}, {body:?}, {kibibytes} KiB: only {found:?}");
    }
}

/// Text of any length takes as many allocations, and not many times its octets.
#[test]
fn text() {
    check(CONVERSATION, Body::Text, 1, [(150, 80_000), (158, 75_000), (160, 76_000), (180, 85_000)]);
    check(CONVERSATION, Body::Text, 10, [(150, 145_000), (158, 160_000), (160, 160_000), (180, 182_000)]);
    check(CONVERSATION, Body::Text, 100, [(152, 165_000), (158, 560_000), (160, 560_000), (182, 490_000)]);
    check(CONVERSATION, Body::Text, 1024, [(150, 1_200_000), (158, 5_200_000), (160, 5_200_000), (182, 4_500_000)]);
}

/// Markup takes a node for each element and text, in a table that grows a few times.
#[test]
fn markup() {
    check(CONVERSATION, Body::Markup, 10, [(150, 145_000), (160, 180_000), (162, 180_000), (182, 182_000)]);
    check(CONVERSATION, Body::Markup, 100, [(158, 600_000), (164, 1_180_000), (165, 1_180_000), (196, 1_075_000)]);
    check(
        CONVERSATION,
        Body::Markup,
        1024,
        [(158, 5_600_000), (168, 11_000_000), (168, 11_000_000), (204, 11_600_000)],
    );
}

/// Without a conversation, certificates are read and an RSA operation does its own.
#[test]
fn per_message() {
    check(PER_MESSAGE, Body::Text, 1, [(320, 125_000), (190, 85_000), (1920, 570_000), (224, 112_000)]);
}

/// What opens the next message of a conversation takes no more than what opened the one before: nothing is left behind.
#[test]
fn nothing_grows() {
    let mut case = Case::new(CONVERSATION, Body::Text, 1024);
    let (request, answer) = (case.request(), case.answer());
    // The first of a conversation leave their derived keys.
    drop(case.open(request.clone()));
    drop(case.seal(answer.clone()));
    let first = measure(|| drop(case.open(request.clone())));
    let after = measure(|| {
        for _ in 0..100 {
            drop(case.open(request.clone()));
            drop(case.seal(answer.clone()));
        }
    });
    assert_eq!((after.count_current, after.bytes_current), (0, 0));
    let last = measure(|| drop(case.open(request.clone())));
    assert_eq!((first.count_total, first.bytes_total), (last.count_total, last.bytes_total));
}

/// A live conversation takes little: there may be a million of them. What it takes in a table of theirs comes to it.
#[test]
fn a_context_is_small() {
    let name = "wcf-wshttp-mutualCertificate-conversation";
    let mut pair = ends::Pair::new(&ends::policy(name), ends::soap(name)[0]);
    let mut contexts = Vec::with_capacity(3);
    let one = |pair: &mut ends::Pair, contexts: &mut Vec<_>| {
        let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).expect("sealed");
        let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
        let nuncio_wss::Claim::Certificate(certificate) = opened.claim() else { panic!("no certificate") };
        let principal = nuncio_wss::Principal::from(certificate);
        let issued = nuncio_wss::Recipient::issue(opened, principal, None, pair.now, &mut pair.numbers);
        contexts.push(std::sync::Arc::new(issued.unwrap_or_else(|refused| panic!("{refused}")).context));
    };
    one(&mut pair, &mut contexts);
    let kept = measure(|| one(&mut pair, &mut contexts)).bytes_current;
    println!("a context: {kept} octets");
    assert!((200..=370).contains(&kept), "{kept}");
    // What is counted for it is that, and what allocators round up.
    let counted = i64::try_from(contexts[1].octets() + contexts[1].principal.octets()).expect("few");
    println!("counted: {counted}");
    assert!((kept..=kept * 4 / 3).contains(&counted), "{counted} for {kept}");
}
