//! How often a message allocates, and how much: counted, so that a regression shows on any machine.

mod ends;
mod measured;

use allocation_counter::measure;
use measured::{Body, CONVERSATION, Case, PER_MESSAGE, SIZES};

/// Allocations and octets at most: of opening, of sealing.
#[track_caller]
fn check(preset: &str, body: Body, (label, size): (&str, usize), open: (u64, u64), seal: (u64, u64)) {
    let mut case = Case::new(preset, body, size);
    let mut request = Some(case.request());
    let mut opened = None;
    let opening = measure(|| opened = request.take().map(|request| case.open(request)));
    assert!(opened.is_some());
    let mut answer = Some(case.answer());
    let sealing = measure(|| drop(answer.take().map(|answer| case.seal(answer))));
    println!(
        "{preset}, {body:?}, {label}: open {} {}, seal {} {}",
        opening.count_total, opening.bytes_total, sealing.count_total, sealing.bytes_total
    );
    let within = |found: (u64, u64), most: (u64, u64)| found.0 <= most.0 && found.1 <= most.1;
    assert!(within((opening.count_total, opening.bytes_total), open), "open, {label}, {body:?}: {opening:?}");
    assert!(within((sealing.count_total, sealing.bytes_total), seal), "seal, {label}, {body:?}: {sealing:?}");
}

#[test]
fn bounds() {
    for size in SIZES {
        check(CONVERSATION, Body::Text, size, (9999, 1 << 30), (9999, 1 << 30));
        check(CONVERSATION, Body::Markup, size, (9999, 1 << 30), (9999, 1 << 30));
    }
    check(PER_MESSAGE, Body::Text, SIZES[0], (9999, 1 << 30), (9999, 1 << 30));
}
