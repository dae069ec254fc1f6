//! What the store keeps, refuses, tells and forgets.

use super::*;

fn at(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

/// 100 octets of somebody's, until that second whether it is used or not.
fn until(end: i64) -> Lease<'static> {
    Lease { owner: named("somebody"), octets: 100, pending: at(end), end: at(end), idle: None }
}

/// Whose conversations share as much as his own entry takes less.
fn named(name: &str) -> Owner<'_> {
    Owner { name, octets: 200 - OWNER }
}

fn taken<V>(store: &Memory<V>) -> usize {
    let accounts = lock(&store.accounts);
    assert_eq!(accounts.total, accounts.owners.values().map(|account| account.taken).sum::<usize>());
    accounts.total
}

const MANY: usize = 10_000;
/// What one conversation takes.
const ONE: usize = OVERHEAD + 100;
/// What those of one owner take besides.
const SHARED: usize = 200;

#[test]
fn a_conversation_lives_until_its_end() {
    let store = Memory::new(MANY, MANY);
    store.put("a", Arc::new(1), until(10), at(0)).unwrap();
    assert_eq!(store.find("a", at(9)).as_deref(), Some(&1));
    assert_eq!(store.find("a", at(10)), None, "the end is not part of its life");
    assert_eq!(store.find("b", at(0)), None);
    store.sweep(at(10));
    assert!(store.is_empty());
}

#[test]
fn what_is_not_used_ends_soon() {
    let store = Memory::new(MANY, MANY);
    let lease = Lease { pending: at(10), ..until(100) };
    store.put("used", Arc::new(1), lease, at(0)).unwrap();
    store.put("unused", Arc::new(2), lease, at(0)).unwrap();
    store.used("used", None, at(0));
    store.used("used", None, at(0));
    store.used("unknown", None, at(0));
    assert!(store.find("used", at(99)).is_some() && store.find("used", at(100)).is_none());
    assert!(store.find("unused", at(9)).is_some() && store.find("unused", at(10)).is_none());
    store.sweep(at(10));
    assert_eq!((store.len(), taken(&store)), (1, SHARED + ONE), "and gives its place back");
    store.sweep(at(100));
    assert_eq!((store.len(), taken(&store)), (0, 0));
    // A pending life never outlasts the whole one.
    store.put("short", Arc::new(3), Lease { pending: at(20), ..until(10) }, at(0)).unwrap();
    assert_eq!(store.find("short", at(10)), None);
}

#[test]
fn what_is_idle_ends_before_its_end() {
    let store = Memory::new(MANY, MANY);
    store.put("a", Arc::new(1), Lease { pending: at(10), ..until(100) }, at(0)).unwrap();
    let used = |now: i64| store.used("a", Some(at(now + 30)), at(now));
    used(5);
    assert_eq!(store.census(at(6)).pending, 0);
    assert!(store.find("a", at(34)).is_some() && store.find("a", at(35)).is_none());
    used(34);
    used(60);
    assert!(store.find("a", at(89)).is_some() && store.find("a", at(90)).is_none());
    used(89);
    assert!(store.find("a", at(99)).is_some() && store.find("a", at(100)).is_none(), "its end is its end");
    store.retire("a", at(95));
    used(94);
    assert!(store.find("a", at(94)).is_some() && store.find("a", at(95)).is_none());
    store.sweep(at(95));
    assert_eq!((store.len(), taken(&store)), (0, 0));
}

#[test]
fn all_are_seen_a_page_at_a_time_and_those_that_are_meant_are_cut() {
    let store = Memory::new(usize::MAX, usize::MAX);
    for number in 0..100 {
        store.put(&number.to_string(), Arc::new(number), until(10 + number), at(0)).unwrap();
    }
    store.used("20", None, at(3));
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = store.look(after, 7, at(19), |number| number % 2 == 0);
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7 && page.is_sorted_by_key(|seen| seen.place));
        after = Some(last.place.to_string().parse().unwrap());
        for seen in page {
            assert_eq!(seen.end, at(10 + *seen.value));
            assert_eq!(seen.used, (*seen.value == 20).then(|| at(3)));
            numbers.push(*seen.value);
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (10..100).filter(|number| number % 2 == 0).collect::<Vec<_>>(), "each once");
    assert_eq!(store.cut(at(19), |number| number % 2 == 0).len(), 45, "the ended ones are nobody's");
    assert!(store.cut(at(19), |number| number % 2 == 0).is_empty());
    assert_eq!((store.len(), taken(&store)), (45, SHARED + 45 * ONE));
    assert!(store.look(None, 100, at(19), |_| true).iter().all(|seen| seen.value.as_ref() % 2 == 1));
    assert_eq!(store.look(None, 0, at(19), |_| true).len(), 0);
    for text in ["", "x", "-1", "100000000000000000000000000000000"] {
        assert!(text.parse::<Place>().is_err(), "{text}");
    }
}

#[test]
fn a_census_counts_what_lives_and_what_was_not_used() {
    let store = Memory::new(MANY, MANY);
    let lease = Lease { pending: at(10), ..until(100) };
    for name in ["1", "2", "3"] {
        store.put(name, Arc::new(0), lease, at(0)).unwrap();
    }
    store.used("1", None, at(0));
    let census = |conversations, pending| {
        let shared = if conversations > 0 { SHARED } else { 0 };
        Census { conversations, pending, octets: shared + conversations * ONE }
    };
    assert_eq!(store.census(at(9)), census(3, 2));
    assert_eq!(store.census(at(10)), census(1, 0));
    store.retire("1", at(50));
    assert_eq!(store.census(at(49)), census(1, 0));
    assert_eq!(store.census(at(50)), census(0, 0));
}

#[test]
fn what_is_retired_ends_sooner_and_never_later() {
    let store = Memory::new(MANY, MANY);
    let lease = Lease { pending: at(10), ..until(100) };
    for name in ["in use", "pending", "short"] {
        store.put(name, Arc::new(0), lease, at(0)).unwrap();
    }
    store.used("in use", None, at(0));
    store.retire("in use", at(50));
    store.retire("in use", at(60));
    assert!(store.find("in use", at(49)).is_some() && store.find("in use", at(50)).is_none());
    store.retire("pending", at(50));
    assert!(store.find("pending", at(10)).is_none(), "nobody used it");
    store.used("pending", None, at(0));
    assert!(store.find("pending", at(49)).is_some() && store.find("pending", at(50)).is_none());
    store.retire("short", at(5));
    store.used("short", None, at(0));
    assert!(store.find("short", at(4)).is_some() && store.find("short", at(5)).is_none());
    store.retire("unknown", at(5));
    store.sweep(at(50));
    assert_eq!((store.len(), taken(&store)), (0, 0));
}

#[test]
fn nobody_gets_more_than_a_share() {
    let store = Memory::new(2 * SHARED + 4 * ONE, SHARED + 2 * ONE);
    let of = |name| Lease { owner: named(name), ..until(10) };
    for name in ["a", "b"] {
        assert_eq!(store.has_room(named("eve"), 100, at(0)), Ok(()));
        store.put(name, Arc::new(0), of("eve"), at(0)).unwrap();
    }
    assert_eq!(store.has_room(named("eve"), 100, at(0)), Err(Full::Share));
    assert_eq!(store.put("c", Arc::new(0), of("eve"), at(0)), Err(Full::Share));
    assert_eq!(store.has_room(named("alice"), 100, at(0)), Ok(()));
    for name in ["c", "d"] {
        store.put(name, Arc::new(0), of("alice"), at(0)).unwrap();
    }
    assert_eq!(store.has_room(named("bob"), 100, at(0)), Err(Full::Store));
    // What is ended or has expired is nobody's.
    store.remove("a").unwrap();
    store.put("a", Arc::new(0), of("eve"), at(0)).unwrap();
    assert_eq!(store.has_room(named("bob"), 100, at(10)), Ok(()));
    assert_eq!(taken(&store), 0);
}

#[test]
fn a_removed_conversation_is_gone() {
    let store = Memory::new(MANY, MANY);
    store.put("a", Arc::new(1), until(10), at(0)).unwrap();
    assert_eq!(store.remove("a").as_deref(), Some(&1));
    assert_eq!(store.remove("a"), None);
    assert_eq!(store.find("a", at(0)), None);
    assert_eq!(taken(&store), 0);
}

#[test]
fn a_full_store_refuses_and_keeps_what_lives() {
    let store = Memory::new(SHARED + 3 * ONE, MANY);
    for name in ["a", "b", "c"] {
        store.put(name, Arc::new(0), until(10), at(0)).unwrap();
    }
    assert_eq!(store.put("d", Arc::new(0), until(20), at(9)), Err(Full::Store));
    assert!(["a", "b", "c"].iter().all(|name| store.find(name, at(9)).is_some()));
    // The expired ones make place, wherever they lie.
    store.put("d", Arc::new(0), until(20), at(10)).unwrap();
    assert_eq!(store.len(), 1);
}

#[test]
fn what_is_larger_than_any_store_has_no_room() {
    let store = Memory::new(usize::MAX, usize::MAX);
    for octets in [u32::MAX as usize, usize::MAX] {
        assert_eq!(store.put("a", Arc::new(0), Lease { octets, ..until(10) }, at(0)), Err(Full::Store));
    }
    assert!(store.is_empty());
}

#[test]
fn a_replaced_conversation_gives_its_place_back() {
    let store = Memory::new(MANY, MANY);
    for value in 0..1000 {
        store.put("a", Arc::new(value), until(value), at(0)).unwrap();
    }
    assert_eq!(store.find("a", at(998)).as_deref(), Some(&999));
    assert_eq!(taken(&store), SHARED + ONE);
    store.sweep(at(999));
    assert_eq!(taken(&store), 0);
}

#[test]
fn the_account_is_right_after_a_crowd() {
    let store = Memory::new(usize::MAX, usize::MAX);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                let owner = (thread % 3).to_string();
                for round in 0..500_i64 {
                    let identifier = (round % 37).to_string();
                    let lease =
                        Lease { owner: named(&owner), octets: 10, pending: at(round - 10), end: at(round), idle: None };
                    store.put(&identifier, Arc::new(thread), lease, at(round - 20)).unwrap();
                    if round % 3 == 0 {
                        store.used(&identifier, None, at(0));
                    }
                    if round % 5 == 0 {
                        store.remove(&identifier);
                    }
                }
            });
        }
    });
    store.sweep(at(1000));
    assert!(store.is_empty());
    assert_eq!(taken(&store), 0);
}
