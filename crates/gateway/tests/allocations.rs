//! What conversations take in the store: counted, so that what is bounded is what there is.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::sync::Arc;

use allocation_counter::measure;
use nuncio::sessions::{Lease, Memory, Owner, Principals, Room};
use nuncio_wss::{Principal, Time};

/// At the one the tables have just grown, at the other they are nearly full.
const COUNTS: [usize; 2] = [57_400, 100_000];

/// What the store takes, and what it says that it takes, for each of so many conversations of so many owners, in use
/// or not yet.
fn taken(count: usize, owners: usize, used: bool) -> (usize, usize) {
    let store = Memory::new(Room::of(usize::MAX), Room::of(usize::MAX));
    let principals = Principals::default();
    let now = Time::from_millis(0);
    let end = Time::from_millis(1);
    let taken = measure(|| {
        for number in 0..count {
            let principal = principals.shared(Arc::new(Principal::User(format!("user {}", number % owners).into())));
            let name = principal.name().unwrap().to_owned();
            let owner = Owner { name: &name, octets: principal.octets() };
            let lease = Lease { owner, octets: 0, pending: end, end, idle: None };
            store.put(&number.to_string(), principal, lease, now).unwrap();
            if used {
                store.used(&number.to_string(), None, now);
            }
        }
    });
    let counted = store.census(now);
    assert_eq!(counted.conversations, count);
    (usize::try_from(taken.bytes_current).unwrap() / count, counted.octets / count)
}

#[test]
fn what_is_counted_is_what_is_taken() {
    for count in COUNTS {
        for (owners, most) in [(1, 112), (count, 336)] {
            for used in [false, true] {
                let (found, counted) = taken(count, owners, used);
                println!("{found} octets of {counted}, {count} of {owners} owners, used: {used}");
                assert!(found <= counted && counted <= found * 3 / 2 && counted <= most, "{found} {counted}");
            }
        }
    }
}
