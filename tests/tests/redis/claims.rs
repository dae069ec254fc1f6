//! Messages that any gateway took are replays to all.

use std::sync::Arc;
use std::time::Duration;

use nuncio::replays::Claim;
use nuncio::shared::Shared;
use nuncio_wss::{Once, Time};

use super::{Farm, at, minutes, once, redis};

async fn claim(farm: &Farm, shared: &Shared, number: u8) -> Claim {
    shared.claim(&once(number, farm.now().plus(minutes(5))), farm.now()).await.unwrap()
}

#[tokio::test]
async fn a_claim_is_made_once_in_the_farm() {
    let redis = redis!("a_claim_is_made_once_in_the_farm");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    assert_eq!(claim(&farm, &one, 1).await, Claim::Fresh);
    assert_eq!(claim(&farm, &one, 1).await, Claim::Seen);
    assert_eq!(claim(&farm, &other, 1).await, Claim::Seen);
    assert_eq!(claim(&farm, &other, 2).await, Claim::Fresh);
    assert_eq!(claim(&farm, &one, 2).await, Claim::Seen);
    // Another end makes no other message.
    let later = farm.now().plus(minutes(60));
    assert_eq!(one.claim(&once(1, later), farm.now()).await, Ok(Claim::Seen));
    // Who begins now knows what was claimed before.
    drop((one, other));
    let next = farm.connected(&at(redis.address())).await;
    assert_eq!(claim(&farm, &next, 1).await, Claim::Seen);
}

/// At the same moment, on two gateways.
#[tokio::test(flavor = "multi_thread")]
async fn f_17_of_two_hundred_at_once_one_is_fresh() {
    let redis = redis!("f_17_of_two_hundred_at_once_one_is_fresh");
    let farm = Farm::new();
    let gateways = [farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await];
    let gateways = gateways.map(Arc::new);
    for round in 0..20 {
        let start = Arc::new(tokio::sync::Barrier::new(200));
        let (now, until) = (farm.now(), farm.now().plus(minutes(5)));
        let claims: Vec<_> = (0..200)
            .map(|number| {
                let (gateway, start) = (Arc::clone(&gateways[number % 2]), Arc::clone(&start));
                tokio::spawn(async move {
                    start.wait().await;
                    gateway.claim(&once(round, until), now).await
                })
            })
            .collect();
        let mut fresh = 0;
        for claim in claims {
            match claim.await.unwrap() {
                Ok(Claim::Fresh) => fresh += 1,
                claim => assert_eq!(claim, Ok(Claim::Seen)),
            }
        }
        assert_eq!(fresh, 1);
    }
}

/// By our clock, whatever Redis's shows, and a little longer.
#[tokio::test]
async fn a_claim_lasts_as_long_as_its_message() {
    let redis = redis!("a_claim_lasts_as_long_as_its_message");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    let lasts = |number: u8| {
        let name = format!("{{nuncio}}:r:{}", format!("{number:02x}").repeat(16));
        redis.say(&["PTTL", &name]).unwrap().parse::<i64>().unwrap()
    };
    for (number, until, life) in [
        (1, farm.now().plus(minutes(5)), 300_000),
        (2, farm.now().plus(Duration::from_hours(24)), 86_400_000),
        (3, farm.now(), 0),
        (4, farm.now().minus(minutes(5)), 0),
        (5, Time::from_millis(i64::MIN), 0),
    ] {
        assert_eq!(one.claim(&once(number, until), farm.now()).await, Ok(Claim::Fresh));
        let lasts = lasts(number);
        // By as much longer as clocks may differ; and a test may be late.
        assert!(lasts <= life + 60_000 && lasts > 0 && (lasts > life - 30_000 || life == 0), "{lasts} of {life}");
    }
}

/// A message has several things that no other may have: its signature, its key, the nonces of its users.
#[tokio::test]
async fn a_message_is_fresh_if_all_of_it_is() {
    let redis = redis!("a_message_is_fresh_if_all_of_it_is");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    let until = farm.now().plus(minutes(5));
    let all = |numbers: &[u8]| numbers.iter().flat_map(|&number| once(number, until)).collect::<Vec<_>>();
    let claim = async |shared: &Shared, numbers: &[u8]| shared.claim(&all(numbers), farm.now()).await.unwrap();
    assert_eq!(claim(&one, &[1, 2, 3]).await, Claim::Fresh);
    for seen in [&[1][..], &[2], &[3], &[1, 4], &[5, 2], &[6, 7, 3], &[8, 8]] {
        assert_eq!(claim(&other, seen).await, Claim::Seen, "{seen:?}");
    }
    assert_eq!(claim(&other, &[9, 10]).await, Claim::Fresh);
    assert_eq!(claim(&other, &[]).await, Claim::Fresh, "what nothing makes unique");
    // What was taken is taken, though there is no room for the rest.
    redis.say(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"]).unwrap();
    assert_eq!(claim(&one, &[11, 12]).await, Claim::Full);
    redis.say(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    // Each is there for as long as its message may come, whichever is asked first.
    let short = farm.now().plus(minutes(1));
    let both: [Once; 2] = [once(20, short), once(21, until)].map(|[once]| once);
    assert_eq!(one.claim(&both, farm.now()).await, Ok(Claim::Fresh));
    let lasts = |number: u8| {
        let name = format!("{{nuncio}}:r:{}", format!("{number:02x}").repeat(16));
        redis.say(&["PTTL", &name]).unwrap().parse::<i64>().unwrap()
    };
    assert!(lasts(20) <= 120_000 && lasts(21) > 180_000);
}

/// However many they are: Redis reads what came at once in one go.
#[tokio::test]
async fn a_message_waits_for_redis_once() {
    let redis = redis!("a_message_waits_for_redis_once");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    let reads = || {
        let said = redis.say(&["INFO", "stats"]).unwrap();
        let reads = said.lines().find_map(|line| line.strip_prefix("total_reads_processed:")).unwrap();
        reads.trim().parse::<u32>().unwrap()
    };
    let until = farm.now().plus(minutes(5));
    let all: Vec<Once> = (0..100).flat_map(|number| once(number, until)).collect();
    let before = reads();
    assert_eq!(one.claim(&all, farm.now()).await, Ok(Claim::Fresh));
    // Who asks how often it read, and a heartbeat, are among them.
    let read = reads() - before;
    assert!(read < 50, "{read}");
}
