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
    lock(&store.accounts).check_sum().octets
}

const MANY: usize = 10_000;
/// What one conversation takes.
const ONE: usize = OVERHEAD + 100;
/// What those of one owner take besides.
const SHARED: usize = 200;

#[test]
fn a_conversation_lives_until_its_end() {
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
    store.put("a", Arc::new(1), until(10), at(0)).unwrap();
    assert_eq!(store.find("a", at(9)).as_deref(), Some(&1));
    assert_eq!(store.find("a", at(10)), None, "the end is not part of its life");
    assert_eq!(store.find("b", at(0)), None);
    store.sweep(at(10));
    assert!(store.is_empty());
}

#[test]
fn what_is_not_used_ends_soon() {
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
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
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
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
    let store = Memory::new(Room::of(usize::MAX), Room::of(usize::MAX));
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
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
    let lease = Lease { pending: at(10), ..until(100) };
    for name in ["1", "2", "3"] {
        store.put(name, Arc::new(0), lease, at(0)).unwrap();
    }
    store.used("1", None, at(0));
    let census = |conversations, pending| {
        let shared = if conversations > 0 { SHARED } else { 0 };
        Census { conversations, pending, octets: shared + conversations * ONE, dropped: 0 }
    };
    assert_eq!(store.census(at(9)), census(3, 2));
    assert_eq!(store.census(at(10)), census(1, 0));
    store.retire("1", at(50));
    assert_eq!(store.census(at(49)), census(1, 0));
    assert_eq!(store.census(at(50)), census(0, 0));
}

#[test]
fn what_is_retired_ends_sooner_and_never_later() {
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
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
    let store = Memory::new(Room::of(2 * SHARED + 4 * ONE), Room::of(SHARED + 2 * ONE));
    let of = |name| Lease { owner: named(name), ..until(10) };
    for name in ["a", "b"] {
        assert_eq!(store.has_room(named("eve"), 100, at(0)), Ok(()));
        store.put(name, Arc::new(0), of("eve"), at(0)).unwrap();
        store.used(name, None, at(0));
    }
    assert_eq!(store.has_room(named("eve"), 100, at(0)), Err(Full::Share));
    assert_eq!(store.put("c", Arc::new(0), of("eve"), at(0)), Err(Full::Share));
    assert_eq!(store.has_room(named("alice"), 100, at(0)), Ok(()));
    for name in ["c", "d"] {
        store.put(name, Arc::new(0), of("alice"), at(0)).unwrap();
        store.used(name, None, at(0));
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
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
    store.put("a", Arc::new(1), until(10), at(0)).unwrap();
    assert_eq!(store.remove("a").as_deref(), Some(&1));
    assert_eq!(store.remove("a"), None);
    assert_eq!(store.find("a", at(0)), None);
    assert_eq!(taken(&store), 0);
}

#[test]
fn a_full_store_refuses_and_keeps_what_lives() {
    let store = Memory::new(Room::of(SHARED + 3 * ONE), Room::of(MANY));
    for name in ["a", "b", "c"] {
        store.put(name, Arc::new(0), until(10), at(0)).unwrap();
        store.used(name, None, at(0));
    }
    assert_eq!(store.put("d", Arc::new(0), until(20), at(9)), Err(Full::Store));
    assert!(["a", "b", "c"].iter().all(|name| store.find(name, at(9)).is_some()));
    // The expired ones make place, wherever they lie.
    store.put("d", Arc::new(0), until(20), at(10)).unwrap();
    assert_eq!(store.len(), 1);
}

#[test]
fn what_is_larger_than_any_store_has_no_room() {
    let store = Memory::new(Room::of(usize::MAX), Room::of(usize::MAX));
    for octets in [u32::MAX as usize, usize::MAX] {
        assert_eq!(store.put("a", Arc::new(0), Lease { octets, ..until(10) }, at(0)), Err(Full::Store));
    }
    assert!(store.is_empty());
}

#[test]
fn a_replaced_conversation_gives_its_place_back() {
    let store = Memory::new(Room::of(MANY), Room::of(MANY));
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
    let store = Memory::new(Room::of(usize::MAX), Room::of(usize::MAX));
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

/// Room for so many conversations, of one owner too.
fn for_so_many(count: usize) -> Memory<u32> {
    Memory::new(Room { octets: usize::MAX, count }, Room::of(usize::MAX))
}

/// One of somebody's that waits until that second.
fn of(name: &str, pending: i64) -> Lease<'_> {
    Lease { owner: named(name), pending: at(pending), ..until(100) }
}

fn names(store: &Memory<u32>, names: &[&'static str]) -> Vec<&'static str> {
    names.iter().filter(|name| store.find(name, at(0)).is_some()).copied().collect()
}

#[test]
fn what_nobody_used_yet_makes_room_and_what_is_in_use_does_not() {
    for (store, what) in [
        (Memory::new(Room::of(SHARED + 3 * ONE), Room::of(MANY)), "octets"),
        (Memory::new(Room { octets: MANY, count: 3 }, Room::of(MANY)), "a count"),
        (Memory::new(Room::of(MANY), Room::of(SHARED + 3 * ONE)), "a share"),
        (Memory::new(Room::of(MANY), Room { octets: MANY, count: 3 }), "a share by count"),
    ] {
        let lease = |pending| Lease { pending: at(pending), ..until(100) };
        for (name, pending) in [("used", 10), ("soon", 20), ("late", 30)] {
            store.put(name, Arc::new(0), lease(pending), at(0)).unwrap();
        }
        store.used("used", None, at(0));
        let all = ["used", "soon", "late", "next", "last"];
        assert_eq!(store.has_room(named("somebody"), 100, at(0)), Ok(()), "{what}");
        assert_eq!(names(&store, &all), ["used", "soon", "late"], "{what}: who only asks drops nothing");
        store.put("next", Arc::new(0), lease(40), at(0)).unwrap();
        let expected = ["used", "late", "next"];
        assert_eq!(names(&store, &all), expected, "{what}");
        for name in all {
            store.used(name, None, at(0));
        }
        assert!(store.has_room(named("somebody"), 100, at(0)).is_err(), "{what}");
        assert!(store.put("last", Arc::new(0), lease(50), at(0)).is_err(), "{what}");
        assert_eq!(names(&store, &all), expected, "{what}: nothing is dropped for what has no room");
        assert_eq!(store.census(at(0)), Census { conversations: 3, pending: 0, octets: SHARED + 3 * ONE, dropped: 1 });
        assert_eq!(taken(&store), SHARED + 3 * ONE);
    }
}

#[test]
fn nothing_is_dropped_where_that_is_not_enough() {
    let store = Memory::new(Room::of(MANY), Room::of(SHARED + 3 * ONE));
    for name in ["used", "a", "b"] {
        store.put(name, Arc::new(0), until(10), at(0)).unwrap();
    }
    store.used("used", None, at(0));
    let large = |octets| Lease { octets, ..until(10) };
    assert_eq!(store.put("c", Arc::new(0), large(2 * ONE), at(0)), Err(Full::Share));
    assert_eq!(store.has_room(named("somebody"), 2 * ONE, at(0)), Err(Full::Share));
    assert_eq!(names(&store, &["used", "a", "b"]).len(), 3);
    // Two make room for one of twice their size.
    store.put("c", Arc::new(0), large(100 + ONE), at(0)).unwrap();
    assert_eq!(names(&store, &["used", "a", "b", "c"]), ["used", "c"]);
    assert_eq!(taken(&store), SHARED + 3 * ONE);
}

#[test]
fn a_share_is_made_room_in_by_its_owners_own() {
    let store = Memory::new(Room::of(usize::MAX), Room { octets: usize::MAX, count: 2 });
    // Alice's are the first to end of all.
    for (name, lease) in [("a", of("alice", 5)), ("b", of("alice", 6)), ("e", of("eve", 50)), ("f", of("eve", 60))] {
        store.put(name, Arc::new(0), lease, at(0)).unwrap();
    }
    for round in 0..100 {
        store.put(&format!("g{round}"), Arc::new(0), of("eve", 70), at(0)).unwrap();
    }
    assert_eq!(names(&store, &["a", "b", "e", "f"]), ["a", "b"]);
    assert_eq!(store.len(), 4);
}

/// Whoever asks for more and more drops his own, though others wait for longer.
#[test]
fn a_flood_does_not_push_out_what_others_have_begun() {
    let store = for_so_many(100);
    for name in ["a", "b"] {
        store.put(name, Arc::new(0), of(name, 5), at(0)).unwrap();
    }
    for round in 0..10_000 {
        store.put(&format!("flood {round}"), Arc::new(0), of("eve", 10 + round % 50), at(0)).unwrap();
        if round % 100 == 99 {
            let name = format!("honest {}", round / 100 % 5);
            store.put(&name, Arc::new(0), of(&name, 60), at(0)).unwrap();
        }
    }
    assert_eq!(names(&store, &["a", "b", "honest 0", "honest 1", "honest 2", "honest 3", "honest 4"]).len(), 7);
    assert_eq!(store.len(), 100);
    taken(&store);
}

/// Where all have as many that wait, it is the first to end.
#[test]
fn of_equals_the_first_to_end_makes_room() {
    let store = for_so_many(50);
    let put = |number: u32| {
        let name = number.to_string();
        let lease = Lease { owner: named(&name), pending: at(10 + i64::from(number)), ..until(1000) };
        store.put(&name, Arc::new(number), lease, at(0)).unwrap();
    };
    (0..200).for_each(put);
    let mut left: Vec<_> = store.look(None, usize::MAX, at(0), |_| true).iter().map(|seen| *seen.value).collect();
    left.sort_unstable();
    assert_eq!(left, (150..200).collect::<Vec<_>>());
}

#[test]
fn what_ends_before_its_time_is_told() {
    let store = for_so_many(2);
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    store.tell(move |key, end| lock(&telling).push((key, end)));
    let told = move || std::mem::take(&mut *lock(&told));
    store.put("dropped", Arc::new(0), Lease { pending: at(10), ..until(100) }, at(0)).unwrap();
    store.put("idle", Arc::new(0), Lease { pending: at(20), ..until(100) }, at(0)).unwrap();
    store.used("idle", Some(at(30)), at(0));
    store.put("pending", Arc::new(0), Lease { pending: at(20), ..until(100) }, at(5)).unwrap();
    assert_eq!(told(), [(key("dropped"), at(5))]);
    store.sweep(at(20));
    assert_eq!(told(), [], "until when it would wait was known");
    store.put("whole", Arc::new(0), until(35), at(20)).unwrap();
    store.used("whole", None, at(20));
    store.sweep(at(40));
    assert_eq!(told(), [(key("idle"), at(30))], "and when it would end at the latest");
    store.put("removed", Arc::new(0), until(100), at(40)).unwrap();
    store.remove("removed");
    assert_eq!(told(), [], "who ends it knows");
}

#[test]
fn a_crowd_finds_room_where_some_wait() {
    let store = for_so_many(64);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let store = &store;
            scope.spawn(move || {
                let owner = (thread % 3).to_string();
                for round in 0..500 {
                    let name = format!("{thread} {round}");
                    let lease = Lease { owner: named(&owner), ..until(100) };
                    // All but eight are in use at the most.
                    if store.put(&name, Arc::new(0), lease, at(0)).is_ok() && round < 7 {
                        store.used(&name, None, at(0));
                    }
                }
            });
        }
    });
    assert!(store.len() <= 64 && store.len() >= 56, "{}", store.len());
    store.sweep(at(100));
    assert_eq!((store.len(), taken(&store)), (0, 0));
}

/// Whoever puts one drops no more of what has ended than a few; a sweep drops it all.
#[test]
fn nobody_pays_for_a_crowd_that_has_left() {
    let store = Memory::new(Room::of(usize::MAX), Room::of(usize::MAX));
    for number in 0..100 * SHARDS {
        store.put(&number.to_string(), Arc::new(number), until(10), at(0)).unwrap();
    }
    let before = store.len();
    store.put("late", Arc::new(0), until(20), at(10)).unwrap();
    assert_eq!(before + 1 - store.len(), AT_ONCE);
    store.sweep(at(10));
    assert_eq!((store.len(), taken(&store)), (1, SHARED + ONE));
}
