//! No caller takes more of a Redis than his share.

use std::time::Duration;

use nuncio::sessions::{Lease, Owner};
use nuncio::shared::{NotKept, Settings, Shared};
use nuncio_crypto::base64;
use nuncio_tests::redis::Redis;

use super::{Farm, ROUTE, at, context, minutes, redis};

/// A gateway that grants each caller so many.
async fn granting(farm: &Farm, redis: &Redis, principal_conversations: usize) -> Shared {
    farm.connected(&Settings { principal_conversations, ..at(redis.address()) }).await
}

/// Puts a conversation of that user's; whether there is room for it.
async fn is_kept(farm: &Farm, shared: &Shared, user: &str, name: &str) -> bool {
    let owner = format!("user {user}");
    let lease = Lease { owner: Owner { name: &owner, octets: 0 }, ..farm.lease() };
    match shared.put(ROUTE, &context(name, user), &lease, farm.now()).await {
        Ok(()) => true,
        Err(NotKept::Share) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_caller_has_a_share_in_all_the_farm() {
    let redis = redis!("a_caller_has_a_share_in_all_the_farm");
    let farm = Farm::new();
    let (one, other) = (granting(&farm, &redis, 3).await, granting(&farm, &redis, 3).await);
    assert!(is_kept(&farm, &one, "alice", "urn:uuid:1").await);
    assert!(is_kept(&farm, &other, "alice", "urn:uuid:2").await);
    assert!(is_kept(&farm, &one, "alice", "urn:uuid:3").await);
    for gateway in [&one, &other] {
        assert!(!is_kept(&farm, gateway, "alice", "urn:uuid:4").await);
        assert!(!farm.knows(gateway, "urn:uuid:4").await);
        for name in ["urn:uuid:1", "urn:uuid:2", "urn:uuid:3"] {
            assert!(farm.knows_still(gateway, name).await, "what is there is not touched");
        }
    }
    assert!(is_kept(&farm, &one, "bob", "urn:uuid:5").await, "others have theirs");
    // One that is cancelled, at whichever gateway, makes room for one, at once.
    assert_eq!(other.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(true));
    assert!(is_kept(&farm, &one, "alice", "urn:uuid:6").await);
    assert!(!is_kept(&farm, &one, "alice", "urn:uuid:7").await);
    // So do those that are cut.
    assert_eq!(one.cut(farm.now(), |context| context.principal.name() == Some("alice")).await, Ok(3));
    assert_eq!(redis.say(&["KEYS", "{nuncio}:o:*"]).unwrap().lines().count(), 1, "bob's alone");
    assert!(is_kept(&farm, &one, "alice", "urn:uuid:8").await);
}

#[tokio::test]
async fn what_is_over_counts_no_more_and_what_is_used_does() {
    let redis = redis!("what_is_over_counts_no_more_and_what_is_used_does");
    let farm = Farm::new();
    let (one, other) = (granting(&farm, &redis, 4).await, granting(&farm, &redis, 4).await);
    for name in ["urn:uuid:unused", "urn:uuid:idle", "urn:uuid:used", "urn:uuid:replaced"] {
        assert!(is_kept(&farm, &one, "alice", name).await);
    }
    one.used(ROUTE, "urn:uuid:idle", Some(farm.now().plus(minutes(10))), farm.now());
    for name in ["urn:uuid:used", "urn:uuid:replaced"] {
        one.used(ROUTE, name, None, farm.now());
    }
    assert!(one.settle(minutes(1)).await);
    // Two minutes, and one in which a use could still be told.
    farm.pass_but(Duration::from_millis(1), minutes(3));
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:1").await);
    farm.pass(Duration::from_millis(1));
    assert!(is_kept(&farm, &other, "alice", "urn:uuid:1").await, "one was not used");
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:2").await);
    farm.pass(minutes(8));
    // With the one that was idle goes the one that was put since.
    assert!(is_kept(&farm, &other, "alice", "urn:uuid:3").await);
    assert!(is_kept(&farm, &other, "alice", "urn:uuid:4").await);
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:5").await);
    // One that ends sooner than it would have.
    one.retire(ROUTE, "urn:uuid:replaced", farm.now().plus(minutes(1)), farm.now());
    assert!(one.settle(minutes(1)).await);
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:5").await);
    farm.pass_but(Duration::from_millis(1), minutes(2));
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:5").await);
    farm.pass(Duration::from_millis(1));
    assert!(is_kept(&farm, &other, "alice", "urn:uuid:5").await);
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:6").await);
    for (name, lives) in [("urn:uuid:idle", false), ("urn:uuid:used", true), ("urn:uuid:replaced", false)] {
        assert_eq!(farm.knows(&other, name).await, lives, "{name}");
    }
}

/// What looks over goes on where a use is told late: nobody has his share again meanwhile.
#[tokio::test]
async fn what_a_late_use_would_have_go_on_counts() {
    let redis = redis!("what_a_late_use_would_have_go_on_counts");
    let farm = Farm::new();
    let (one, other) = (granting(&farm, &redis, 1).await, granting(&farm, &redis, 1).await);
    assert!(is_kept(&farm, &one, "alice", "urn:uuid:1").await);
    farm.pass_but(Duration::from_millis(1), minutes(2));
    let used = farm.now();
    farm.pass(Duration::from_millis(1));
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:2").await);
    one.used(ROUTE, "urn:uuid:1", None, used);
    assert!(one.settle(minutes(1)).await);
    farm.pass(minutes(10));
    assert!(!is_kept(&farm, &other, "alice", "urn:uuid:2").await);
    assert!(farm.knows(&other, "urn:uuid:1").await);
}

/// More of them are over than are looked at in one turn.
#[tokio::test]
async fn a_crowd_that_has_left_makes_room() {
    let redis = redis!("a_crowd_that_has_left_makes_room");
    let farm = Farm::new();
    let one = granting(&farm, &redis, 200).await;
    for number in 0..200 {
        assert!(is_kept(&farm, &one, "alice", &format!("urn:uuid:{number}")).await);
    }
    assert!(!is_kept(&farm, &one, "alice", "urn:uuid:more").await);
    farm.pass(minutes(3));
    for number in 200..400 {
        assert!(is_kept(&farm, &one, "alice", &format!("urn:uuid:{number}")).await, "{number}");
    }
    assert!(!is_kept(&farm, &one, "alice", "urn:uuid:more").await);
}

/// The count lasts as long as what is counted, and no longer.
#[tokio::test]
async fn a_count_lives_as_long_as_the_longest_of_it() {
    let redis = redis!("a_count_lives_as_long_as_the_longest_of_it");
    let farm = Farm::new();
    let one = granting(&farm, &redis, 3).await;
    let owner = Owner { name: "user alice", octets: 0 };
    for (name, end) in [("urn:uuid:1", 60), ("urn:uuid:2", 90), ("urn:uuid:3", 30)] {
        let lease = Lease { owner, end: farm.now().plus(minutes(end)), ..farm.lease() };
        one.put(ROUTE, &context(name, "alice"), &lease, farm.now()).await.unwrap();
    }
    let set = redis.say(&["KEYS", "{nuncio}:o:*"]).unwrap();
    let left: u64 = redis.say(&["PTTL", &set]).unwrap().parse().unwrap();
    assert!((90 * 60_000..=91 * 60_000).contains(&left), "{left}");
}

/// Nor of what is written there besides.
#[tokio::test]
async fn whose_share_it_is_cannot_be_read() {
    let redis = redis!("whose_share_it_is_cannot_be_read");
    let farm = Farm::new();
    let one = granting(&farm, &redis, 3).await;
    assert!(is_kept(&farm, &one, "alice", "urn:uuid:1").await);
    let set = redis.say(&["KEYS", "{nuncio}:o:*"]).unwrap();
    assert_eq!(redis.say(&["KEYS", "*"]).unwrap().lines().count(), 3);
    let there = format!("{set}\n{}", redis.say(&["ZRANGE", &set, "0", "-1", "WITHSCORES"]).unwrap());
    assert!(!there.contains("alice") && !there.contains("urn:uuid") && !there.contains("echo"), "{there}");
    // It is nothing that anybody could make of the name, without the keys.
    let strangers = Farm::new();
    let other = granting(&strangers, &redis, 3).await;
    assert!(is_kept(&strangers, &other, "alice", "urn:uuid:2").await);
    assert_eq!(redis.say(&["KEYS", "{nuncio}:o:*"]).unwrap().lines().count(), 2);
}

/// While one key takes the place of another nobody has a second share.
#[tokio::test]
async fn a_new_key_makes_no_new_share() {
    let redis = redis!("a_new_key_makes_no_new_share");
    let key = |octet| base64::encode(&[octet; 32]);
    let at_start = "2027-01-15T08:00:00Z";
    let (old, new) = (format!("- {{ id: old, key: {} }}", key(1)), format!("- {{ id: new, key: {}", key(2)));
    let farms =
        [format!("epoch: 1\nkeys:\n{old}\n"), format!("epoch: 2\nkeys:\n{old}\n{new}, activate: {at_start} }}\n")];
    let mut farm = Farm::new();
    let gateway = async |farm: &mut Farm, ring: &str| {
        farm.ring = ring.as_bytes().to_vec();
        granting(farm, &redis, 2).await
    };
    let before = gateway(&mut farm, &farms[0]).await;
    assert!(is_kept(&farm, &before, "alice", "urn:uuid:1").await);
    let after = gateway(&mut farm, &farms[1]).await;
    assert!(is_kept(&farm, &after, "alice", "urn:uuid:2").await);
    assert_eq!(redis.say(&["KEYS", "{nuncio}:o:*"]).unwrap().lines().count(), 2, "it is counted under the new key");
    assert!(!is_kept(&farm, &after, "alice", "urn:uuid:3").await, "with what was counted under the old");
    assert_eq!(after.remove(ROUTE, "urn:uuid:1", "user alice", farm.now()).await, Ok(true));
    assert!(is_kept(&farm, &after, "alice", "urn:uuid:3").await);
}

/// What others wrote where conversations are is nobody's.
#[tokio::test]
async fn f_16_what_is_none_counts_for_nobody() {
    let redis = redis!("f_16_what_is_none_counts_for_nobody");
    let farm = Farm::new();
    let one = granting(&farm, &redis, 2).await;
    for name in ["urn:uuid:1", "urn:uuid:2"] {
        assert!(is_kept(&farm, &one, "alice", name).await);
    }
    let keys = redis.say(&["KEYS", "{nuncio}:s:*"]).unwrap();
    let keys: Vec<&str> = keys.lines().collect();
    redis.say(&["DEL", keys[0]]).unwrap();
    redis.say(&["RPUSH", keys[0], "a list"]).unwrap();
    redis.put(keys[1], &[b'x'; 100]).unwrap();
    for name in ["urn:uuid:3", "urn:uuid:4"] {
        assert!(is_kept(&farm, &one, "alice", name).await);
    }
    assert!(!is_kept(&farm, &one, "alice", "urn:uuid:5").await);
    // Nor does it stop anybody where his count would be: he is refused, and others are not.
    let set = redis.say(&["KEYS", "{nuncio}:o:*"]).unwrap();
    redis.put(&set, b"no set").unwrap();
    let kept = one.put(ROUTE, &context("urn:uuid:6", "alice"), &farm.lease(), farm.now()).await;
    assert!(matches!(kept, Err(NotKept::Unavailable(_))));
    assert!(is_kept(&farm, &one, "bob", "urn:uuid:7").await && one.is_healthy());
    assert_eq!(one.remove(ROUTE, "urn:uuid:7", "user alice", farm.now()).await, Ok(true), "it ends all the same");
}
