//! Conversations that several gateways know.

use std::sync::Arc;
use std::time::Duration;

use nuncio::shared::NotKept;
use nuncio_tests::chaos::{Chaos, Toxic};
use nuncio_wss::Principal;

use super::{Farm, ROUTE, at, context, minutes, redis, renewed, until};

/// The moment for which one that was found is answered from memory.
const CACHE: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test]
async fn what_one_gateway_keeps_all_know() {
    let redis = redis!("what_one_gateway_keeps_all_know");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    for name in ["urn:uuid:1", "urn:uuid:1 urn:uuid:2"] {
        let before = farm.put(&one, name).await;
        let after = other.find(ROUTE, name, farm.now()).await.unwrap().unwrap();
        assert_eq!((after.name(), &after.principal), (name.to_owned(), &before.principal));
        assert_eq!(*after.principal, Principal::User("alice".into()));
        assert_eq!((after.created, after.expires), (before.created, before.expires));
        assert_eq!(after.conversation, before.conversation);
        assert_eq!(after.danger_key_octets(), before.danger_key_octets());
    }
    for (scope, name) in [("/other", "urn:uuid:1"), ("", "/echourn:uuid:1"), (ROUTE, "urn:uuid:3"), (ROUTE, "")] {
        assert!(other.find(scope, name, farm.now()).await.unwrap().is_none(), "{scope} {name}");
    }
    assert_eq!(other.unreadable(), 0);
    let stored: String = redis.say(&["KEYS", "{nuncio}:*"]).unwrap();
    assert_eq!(stored.lines().filter(|key| key.starts_with("{nuncio}:s:")).count(), 2);
}

/// It holds the key of a conversation, and who its caller is.
#[tokio::test]
async fn nothing_of_it_is_in_clear() {
    let redis = redis!("nothing_of_it_is_in_clear");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    farm.put(&one, "urn:uuid:1").await;
    let key = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap();
    let value = redis.get(&key).unwrap();
    for secret in [&[9; 8][..], b"alice", b"urn:uuid", b"/echo"] {
        assert!(!value.windows(secret.len()).any(|part| part == secret), "{secret:?}");
        assert!(!key.as_bytes().windows(secret.len()).any(|part| part == secret), "{secret:?}");
    }
}

#[tokio::test]
async fn a_cancel_elsewhere_is_obeyed_after_a_moment_and_one_here_at_once() {
    let redis = redis!("a_cancel_elsewhere_is_obeyed_after_a_moment_and_one_here_at_once");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    farm.put(&one, "urn:uuid:1").await;
    assert!(farm.knows(&other, "urn:uuid:1").await);
    assert_eq!(one.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(true));
    assert!(!farm.knows(&one, "urn:uuid:1").await, "at once");
    farm.pass_but(MILLISECOND, CACHE);
    assert!(farm.knows(&other, "urn:uuid:1").await, "it was found lately");
    farm.pass(MILLISECOND);
    assert!(!farm.knows(&other, "urn:uuid:1").await, "it asks again");
    assert_eq!(other.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(false));
}

#[tokio::test]
async fn of_many_cancels_at_once_one_finds_it() {
    let redis = redis!("of_many_cancels_at_once_one_finds_it");
    let farm = Farm::new();
    let gateways = [farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await];
    let gateways = gateways.map(Arc::new);
    for round in 0..5 {
        let name = format!("urn:uuid:{round}");
        farm.put(&gateways[0], &name).await;
        let cancels = (0..200).map(|number| {
            let (gateway, name) = (Arc::clone(&gateways[number % 2]), name.clone());
            let now = farm.now();
            tokio::spawn(async move { gateway.remove(ROUTE, &name, "user alice", now).await })
        });
        let mut found = 0;
        for cancel in cancels.collect::<Vec<_>>() {
            found += usize::from(cancel.await.unwrap().unwrap());
        }
        assert_eq!(found, 1);
    }
}

#[tokio::test]
async fn one_that_nobody_uses_ends_soon_and_one_that_is_used_lives() {
    let redis = redis!("one_that_nobody_uses_ends_soon_and_one_that_is_used_lives");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    for name in ["urn:uuid:unused", "urn:uuid:used", "urn:uuid:idle"] {
        farm.put(&one, name).await;
    }
    one.used(ROUTE, "urn:uuid:used", None, farm.now());
    one.used(ROUTE, "urn:uuid:idle", Some(farm.now().plus(minutes(10))), farm.now());
    assert!(one.settle(minutes(1)).await);
    farm.pass_but(MILLISECOND, minutes(2));
    assert!(farm.knows(&other, "urn:uuid:unused").await);
    farm.pass(MILLISECOND);
    assert!(!farm.knows(&other, "urn:uuid:unused").await && !farm.knows(&one, "urn:uuid:unused").await);
    one.used(ROUTE, "urn:uuid:unused", None, farm.now());
    assert!(one.settle(minutes(1)).await);
    assert!(!farm.knows(&one, "urn:uuid:unused").await, "too late");
    // Used elsewhere it lives everywhere.
    other.used(ROUTE, "urn:uuid:idle", Some(farm.now().plus(minutes(10))), farm.now());
    assert!(other.settle(minutes(1)).await);
    farm.pass_but(MILLISECOND, minutes(10));
    assert!(farm.knows(&one, "urn:uuid:idle").await);
    farm.pass(MILLISECOND);
    assert!(!farm.knows(&one, "urn:uuid:idle").await && !farm.knows(&other, "urn:uuid:idle").await);
    assert!(farm.knows(&one, "urn:uuid:used").await && farm.knows(&other, "urn:uuid:used").await);
    farm.pass_but(MILLISECOND, minutes(48));
    assert!(farm.knows(&other, "urn:uuid:used").await);
    farm.pass(MILLISECOND);
    assert!(!farm.knows(&other, "urn:uuid:used").await && !farm.knows(&one, "urn:uuid:used").await, "at its end");
}

/// What Redis was not told yet, this gateway knows.
#[tokio::test]
async fn f_11_a_use_is_told_once_redis_is_back() {
    let redis = redis!("f_11_a_use_is_told_once_redis_is_back");
    let (farm, chaos) = (Farm::new(), Chaos::to(redis.address()).unwrap());
    let (one, other) = (farm.connected(&at(chaos.address())).await, farm.connected(&at(redis.address())).await);
    farm.put(&one, "urn:uuid:1").await;
    farm.put(&one, "urn:uuid:2").await;
    farm.pass_but(Duration::from_millis(500), minutes(2));
    assert!(farm.knows(&one, "urn:uuid:1").await);
    chaos.set(Toxic::Down);
    until("it is lost", async || !one.is_healthy()).await;
    one.used(ROUTE, "urn:uuid:1", None, farm.now());
    one.retire(ROUTE, "urn:uuid:2", farm.now().plus(MILLISECOND), farm.now());
    assert_eq!(one.untold(), 2);
    assert!(!one.settle(Duration::from_millis(50)).await, "there is nobody to tell");
    farm.pass(Duration::from_millis(500));
    assert!(farm.knows(&one, "urn:uuid:1").await, "it was used, and found a moment ago");
    assert!(!farm.knows(&other, "urn:uuid:1").await, "which nobody else knows");
    chaos.set(Toxic::None);
    assert!(one.settle(minutes(1)).await);
    assert!(farm.knows_still(&other, "urn:uuid:1").await, "it was used before its end");
    farm.pass(minutes(50));
    assert!(farm.knows(&other, "urn:uuid:1").await && !farm.knows(&other, "urn:uuid:2").await);
}

#[tokio::test]
async fn one_that_was_replaced_ends_though_it_is_used() {
    let redis = redis!("one_that_was_replaced_ends_though_it_is_used");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    farm.put(&one, "urn:uuid:1").await;
    other.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(other.settle(minutes(1)).await);
    // As of each message under the new key: the first counts.
    for _ in 0..3 {
        one.retire(ROUTE, "urn:uuid:1", farm.now().plus(minutes(5)), farm.now());
        assert!(one.settle(minutes(1)).await);
        farm.pass(minutes(1));
    }
    // The other gateway found it before.
    other.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(other.settle(minutes(1)).await);
    farm.pass_but(MILLISECOND, minutes(2));
    assert!(farm.knows(&one, "urn:uuid:1").await && farm.knows(&other, "urn:uuid:1").await);
    farm.pass(MILLISECOND);
    assert!(!farm.knows(&one, "urn:uuid:1").await && !farm.knows(&other, "urn:uuid:1").await);
}

/// A use that is told late brings nothing back.
#[tokio::test]
async fn what_is_cancelled_stays_so_whatever_is_told_of_it() {
    let redis = redis!("what_is_cancelled_stays_so_whatever_is_told_of_it");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    farm.put(&one, "urn:uuid:1").await;
    assert!(farm.knows(&other, "urn:uuid:1").await);
    one.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await.unwrap();
    other.used(ROUTE, "urn:uuid:1", None, farm.now());
    other.retire(ROUTE, "urn:uuid:1", farm.now().plus(minutes(5)), farm.now());
    assert!(other.settle(minutes(1)).await);
    assert!(!farm.knows(&other, "urn:uuid:1").await, "it learnt so when it told");
    assert_eq!(redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap(), "");
}

/// What is used all the time is told once, and its time once in a while.
#[tokio::test]
async fn what_redis_knows_it_is_not_told_again() {
    let redis = redis!("what_redis_knows_it_is_not_told_again");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    farm.put(&one, "urn:uuid:1").await;
    let told = || {
        let stats = redis.say(&["INFO", "commandstats"]).unwrap();
        let line = stats.lines().find(|line| line.starts_with("cmdstat_eval:")).unwrap_or_default().to_owned();
        line.split(['=', ',']).nth(1).map_or(0, |calls| calls.parse::<u32>().unwrap())
    };
    let before = told();
    for _ in 0..1000 {
        one.used(ROUTE, "urn:uuid:1", None, farm.now());
        one.retire(ROUTE, "urn:uuid:0", farm.now().plus(minutes(5)), farm.now());
    }
    assert!(one.settle(minutes(1)).await);
    for _ in 0..5 {
        farm.pass(Duration::from_secs(10));
        one.used(ROUTE, "urn:uuid:1", None, farm.now());
        one.retire(ROUTE, "urn:uuid:0", farm.now().plus(minutes(5)), farm.now());
        assert!(one.settle(minutes(1)).await);
    }
    // Each once, or twice where the first was under way.
    let first = told() - before;
    assert!((2..=4).contains(&first), "{first}");
    farm.pass(Duration::from_secs(10));
    one.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(one.settle(minutes(1)).await);
    assert_eq!(told() - before, first + 1, "when it was used last");
    let seen = one.list(None, 10, farm.now(), |_| true).await.unwrap().seen;
    assert_eq!(seen[0].used, Some(farm.now()));
}

#[tokio::test]
async fn f_16_what_does_not_open_is_no_conversation() {
    let redis = redis!("f_16_what_does_not_open_is_no_conversation");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    farm.put(&one, "urn:uuid:1").await;
    let key = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap();
    let sound = redis.get(&key).unwrap();
    let head = 46;
    let mut values = vec![Vec::new(), b"hello".to_vec(), vec![0xFF; 400], sound[..head].to_vec()];
    for cut in [1, head - 1, head, head + 1, sound.len() - 1] {
        values.push(sound[..cut].to_vec());
    }
    for at in (0..head).step_by(9).chain((head..sound.len()).step_by(7)) {
        let mut changed = sound.clone();
        changed[at] ^= 0x80;
        values.push(changed);
    }
    values.push([&b"2"[..], &sound[1..]].concat());
    values.push([&sound[..], b"more"].concat());
    for (count, value) in (1..).zip(&values) {
        redis.put(&key, value).unwrap();
        assert!(!farm.knows_still(&one, "urn:uuid:1").await, "{value:?}");
        assert_eq!(one.unreadable(), count);
    }
    let unreadable = one.unreadable();
    redis.say(&["DEL", &key]).unwrap();
    redis.say(&["RPUSH", &key, "a list"]).unwrap();
    assert!(!farm.knows_still(&one, "urn:uuid:1").await);
    one.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(one.settle(minutes(1)).await, "and what is told of it is not told for ever");
    assert!(one.list(None, 10, farm.now(), |_| true).await.unwrap().seen.is_empty());
    assert_eq!(one.unreadable(), unreadable + 2);
    redis.put(&key, &sound).unwrap();
    assert!(farm.knows_still(&one, "urn:uuid:1").await, "and nothing was lost by it");
    // Under another name, and with another ring.
    farm.put(&one, "urn:uuid:2").await;
    let other = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap().lines().find(|name| *name != key).unwrap().to_owned();
    redis.put(&other, &sound).unwrap();
    assert!(!farm.knows_still(&one, "urn:uuid:2").await);
    let stranger = Farm::new().connected(&at(redis.address())).await;
    assert!(stranger.find(ROUTE, "urn:uuid:1", farm.now()).await.unwrap().is_none());
    assert_eq!(stranger.unreadable(), 1);
    assert!(stranger.is_healthy() && one.is_healthy());
}

/// The head is in clear; the end that was given is sealed too.
#[tokio::test]
async fn nobody_lengthens_a_life() {
    let redis = redis!("nobody_lengthens_a_life");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    farm.put(&one, "urn:uuid:1").await;
    let key = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap();
    let sound = redis.get(&key).unwrap();
    let forged = [&b"1999999999999999999999999999999000000000000001"[..], &sound[46..]].concat();
    redis.put(&key, &forged).unwrap();
    farm.pass_but(MILLISECOND, minutes(60));
    assert!(farm.knows(&one, "urn:uuid:1").await && farm.knows(&other, "urn:uuid:1").await);
    farm.pass(MILLISECOND);
    assert!(!farm.knows(&one, "urn:uuid:1").await && !farm.knows(&other, "urn:uuid:1").await);
    assert!(!farm.knows_still(&other, "urn:uuid:1").await);
}

#[tokio::test]
async fn conversations_are_listed_and_cut() {
    let redis = redis!("conversations_are_listed_and_cut");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    for number in 0..3000 {
        let user = if number % 3 == 0 { "bob" } else { "alice" };
        let context = context(&format!("urn:uuid:{number}"), user);
        one.put(ROUTE, &context, &farm.lease(), farm.now()).await.unwrap();
    }
    // What is not ours, and what looks so.
    redis.say(&["SET", "{nuncio}:s:hello", "1"]).unwrap();
    redis.say(&["SET", &format!("{{nuncio}}:s:{}", "AB".repeat(16)), "1"]).unwrap();
    redis.say(&["SET", "other:s:1", "1"]).unwrap();
    let is_bob = |context: &nuncio_wss::Context| context.principal.name() == Some("bob");
    let (mut names, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = other.list(after, 100, farm.now(), is_bob).await.unwrap();
        assert!(page.seen.len() < 100 + 1000, "{}", page.seen.len());
        names.extend(page.seen.iter().map(|seen| seen.value.name()));
        assert!(page.seen.iter().all(|seen| seen.used.is_none() && seen.end == farm.now().plus(minutes(2))));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 1000);
    assert!(pages > 1);
    assert_eq!(other.unreadable(), 0);

    assert!(farm.knows(&one, "urn:uuid:0").await && farm.knows(&other, "urn:uuid:3").await);
    assert_eq!(other.cut(farm.now(), is_bob).await, Ok(1000));
    assert!(!farm.knows(&other, "urn:uuid:3").await, "at once");
    farm.pass(CACHE);
    assert!(!farm.knows(&one, "urn:uuid:0").await && farm.knows(&one, "urn:uuid:1").await);
    assert_eq!(other.cut(farm.now(), is_bob).await, Ok(0));
    farm.pass(minutes(2));
    assert_eq!(other.cut(farm.now(), |_| true).await, Ok(0), "what is over is nobody's");
    assert!(other.list(None, 10_000, farm.now(), |_| true).await.unwrap().seen.is_empty());
}

/// A gateway knows a conversation for a moment more that another has ended: it is not renewed within that.
#[tokio::test]
async fn what_was_ended_elsewhere_is_not_renewed() {
    let redis = redis!("what_was_ended_elsewhere_is_not_renewed");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    for name in ["urn:uuid:1", "urn:uuid:2"] {
        farm.put(&one, name).await;
        assert!(farm.knows(&other, name).await);
    }
    let renew = async |old: &str| {
        let new = renewed(&format!("{old} urn:uuid:new"), old, "alice");
        other.put(ROUTE, &new, &farm.lease(), farm.now()).await
    };
    assert_eq!(one.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(true));
    assert!(farm.knows(&other, "urn:uuid:1").await, "for a moment");
    assert!(matches!(renew("urn:uuid:1").await, Err(NotKept::Over)));
    renew("urn:uuid:2").await.unwrap();
    for (name, lives) in [("urn:uuid:1 urn:uuid:new", false), ("urn:uuid:2 urn:uuid:new", true)] {
        assert_eq!((farm.knows(&one, name).await, farm.knows(&other, name).await), (lives, lives), "{name}");
    }
    assert_eq!(one.cut(farm.now(), |_| true).await, Ok(2));
    assert!(matches!(renew("urn:uuid:2").await, Err(NotKept::Over)));
    assert!(redis.say(&["KEYS", "{nuncio}:[so]:*"]).unwrap().is_empty());
}

/// The new key is where the walk has been, and the old one where it comes to.
#[tokio::test]
async fn what_is_renewed_while_it_is_cut_is_cut() {
    let redis = redis!("what_is_renewed_while_it_is_cut_is_cut");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    let (old, new) = ("urn:uuid:1", "urn:uuid:1 urn:uuid:2");
    one.put(ROUTE, &context(new, "alice"), &farm.lease(), farm.now()).await.unwrap();
    let key = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap();
    let value = redis.get(&key).unwrap();
    assert_eq!(one.remove(ROUTE, new, "user alice", farm.now()).await, Ok(true));
    farm.put(&one, old).await;
    // What there is comes with the first step, and is looked at after it.
    let renewed = std::cell::Cell::new(false);
    let which = |_: &nuncio_wss::Context| {
        if !renewed.replace(true) {
            redis.put(&key, &value).unwrap();
        }
        true
    };
    assert_eq!(one.cut(farm.now(), which).await, Ok(2));
    assert!(!farm.knows_still(&one, old).await && !farm.knows_still(&one, new).await);
}

/// What was opened once is not opened again while it is the same.
#[tokio::test]
async fn what_is_found_again_is_the_same() {
    let redis = redis!("what_is_found_again_is_the_same");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    let context = farm.put(&one, "urn:uuid:1").await;
    let find = async |shared: &nuncio::shared::Shared| {
        farm.pass(CACHE);
        shared.find(ROUTE, "urn:uuid:1", farm.now()).await.unwrap().unwrap()
    };
    assert!(Arc::ptr_eq(&find(&one).await, &context));
    let found = find(&other).await;
    other.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(other.settle(minutes(1)).await);
    assert!(Arc::ptr_eq(&find(&other).await, &found));
    // Put anew it is another.
    farm.put(&one, "urn:uuid:1").await;
    assert!(!Arc::ptr_eq(&find(&other).await, &found));
}

/// Redis drops what is over, by itself.
#[tokio::test]
async fn redis_keeps_nothing_for_ever() {
    let redis = redis!("redis_keeps_nothing_for_ever");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    farm.put(&one, "urn:uuid:1").await;
    let key = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap();
    let lasts = || redis.say(&["PTTL", &key]).unwrap().parse::<i64>().unwrap();
    // A minute more than it lives: what was said in it may be told later.
    assert!((120_000..=180_000).contains(&lasts()), "{}", lasts());
    one.used(ROUTE, "urn:uuid:1", None, farm.now());
    assert!(one.settle(minutes(1)).await);
    assert!((3_600_000..=3_660_000).contains(&lasts()), "{}", lasts());
    one.retire(ROUTE, "urn:uuid:1", farm.now().plus(minutes(5)), farm.now());
    assert!(one.settle(minutes(1)).await);
    assert!((300_000..=360_000).contains(&lasts()), "{}", lasts());
}
