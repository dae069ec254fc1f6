//! What conversations take in the store: counted, so that what is bounded is what there is.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::sync::Arc;

use allocation_counter::measure;
use nuncio::sessions::{Lease, Memory, Owner, Principals};
use nuncio_wss::{Principal, Time};

const MANY: usize = 100_000;

/// What the store takes, and what it says that it takes, for each of many conversations of so many owners.
fn taken(owners: usize) -> (usize, usize) {
    let store = Memory::new(usize::MAX, usize::MAX);
    let principals = Principals::default();
    let now = Time::from_millis(0);
    let end = Time::from_millis(1);
    let taken = measure(|| {
        for number in 0..MANY {
            let principal = principals.shared(Arc::new(Principal::User(format!("user {}", number % owners).into())));
            let name = principal.name().unwrap().to_owned();
            let owner = Owner { name: &name, octets: principal.octets() };
            let lease = Lease { owner, octets: 0, pending: end, end };
            store.put(&number.to_string(), principal, lease, now).unwrap();
        }
    });
    let counted = store.census(now);
    assert_eq!(counted.conversations, MANY);
    (usize::try_from(taken.bytes_current).unwrap() / MANY, counted.octets / MANY)
}

#[test]
fn what_is_counted_is_what_is_taken() {
    for (owners, most) in [(1, 104), (MANY, 330)] {
        let (found, counted) = taken(owners);
        println!("{found} octets of {counted}, {owners} owners");
        assert!(found <= counted && counted <= found * 3 / 2 && counted <= most, "{found} {counted}");
    }
}
