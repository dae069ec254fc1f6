//! Ourselves beside WCF: every request of every recorded client, made once more by our initiator under the service's own
//! contract, with the same caller, context and body. The two say the same, but for what is listed in [`expected`].
//!
//! Both are opened with the recording's keys by what shares no code with us. Ids, instants, numbers, keys and what comes of
//! them are not compared, but for their lengths and forms; references are, by what they lead to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod differences;
mod expected;
mod made;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use differences::Difference::{Added, Lacking, Order, Value};
use differences::between;
use expected::KINDS;
use nuncio_tests::recording;
use shape::Element;

/// How many requests are compared, of how many scenarios.
const REQUESTS: usize = 1316;
const SCENARIOS: usize = 199;

/// Whether a name is such; `*` stands for any text.
fn is_such(name: &str, such: &str) -> bool {
    match such.split_once('*') {
        None => name == such,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|name| (0..=name.len()).filter_map(|at| name.get(at..)).any(|name| is_such(name, rest))),
    }
}

#[test]
fn requests_are_those_of_wcf_but_for_what_is_listed() {
    let twins = made::twins(&recording::load(&recording::packed()).unwrap());
    let mut unlisted = Vec::new();
    let mut seen: Vec<BTreeSet<(&str, u32)>> = KINDS.iter().map(|_| BTreeSet::new()).collect();
    let mut alike = 0;
    for twin in &twins {
        let found = between(&twin.recorded, &twin.ours);
        alike += usize::from(found.is_empty());
        for difference in found {
            let kinds: Vec<usize> = (0..KINDS.len()).filter(|&at| (KINDS[at].is)(&difference)).collect();
            match kinds[..] {
                [kind] => drop(seen[kind].insert((&twin.scenario, twin.n))),
                _ => unlisted.push(format!("{} {}: {difference:?}: {} kinds", twin.scenario, twin.n, kinds.len())),
            }
        }
    }
    let scenarios: BTreeSet<_> = twins.iter().map(|twin| &twin.scenario).collect();
    eprintln!("{} requests of {} scenarios compared, {alike} say the very same", twins.len(), scenarios.len());
    for (kind, seen) in KINDS.iter().zip(&seen) {
        let of: BTreeSet<_> = seen.iter().map(|(scenario, _)| *scenario).collect();
        eprintln!("{:5} requests of {:3} scenarios: {}: {}", seen.len(), of.len(), kind.what, kind.why);
        let listed = |name: &str| kind.scenarios.iter().any(|such| is_such(name, such));
        unlisted.extend(of.iter().filter(|name| !listed(name)).map(|name| format!("{name}: {}", kind.what)));
        let idle = kind.scenarios.iter().filter(|such| !of.iter().any(|name| is_such(name, such)));
        unlisted.extend(idle.map(|such| format!("no {such}: {}", kind.what)));
        if seen.len() != kind.requests {
            unlisted.push(format!("{} requests, {} expected: {}", seen.len(), kind.requests, kind.what));
        }
    }
    assert!(unlisted.is_empty(), "{} are not listed:\n{}", unlisted.len(), unlisted.join("\n"));
    assert_eq!((twins.len(), scenarios.len()), (REQUESTS, SCENARIOS));
}

#[test]
fn names_are_compared_whole() {
    for (name, such, is) in [
        ("a-b-c", "*", true),
        ("a-b-c", "a-*-c", true),
        ("a-b-c", "*b*", true),
        ("a-b-c", "a-b-c", true),
        ("a-b-c", "a-b", false),
        ("a-b-c", "*-b", false),
        ("a-b-c", "b*", false),
    ] {
        assert_eq!(is_such(name, such), is, "{name} {such}");
    }
}

#[test]
fn what_differs_is_found_where_it_is() {
    let leaf = |label: &str, text: &str| Element {
        label: label.to_owned(),
        attributes: BTreeMap::from([("u:Id".to_owned(), String::new())]),
        text: text.to_owned(),
        children: Vec::new(),
    };
    let tree = |children| Element { children, ..leaf("a", "") };
    let at = |at: &str| at.to_owned();
    let recorded = tree(vec![leaf("b", "1"), leaf("c", ""), leaf("c", "2"), leaf("d", "")]);
    assert_eq!(between(&recorded, &tree(vec![leaf("b", "1"), leaf("c", ""), leaf("c", "2"), leaf("d", "")])), []);

    let mut other = tree(vec![leaf("c", ""), leaf("b", "1"), leaf("c", "3"), leaf("e", "")]);
    other.children[0].attributes.clear();
    let expected = [
        Order { at: at("a"), recorded: at("b c c~2"), ours: at("c b c~2") },
        Value { at: at("a/c @u:Id"), recorded: Some(String::new()), ours: None },
        Value { at: at("a/c~2"), recorded: Some(at("2")), ours: Some(at("3")) },
        Lacking { at: at("a/d") },
        Added { at: at("a/e") },
    ];
    assert_eq!(between(&recorded, &other), expected);
}
