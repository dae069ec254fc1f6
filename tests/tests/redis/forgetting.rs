//! What Redis forgot: it is noticed, and what may have been claimed before is not taken again.

use nuncio::replays::Claim;
use nuncio::shared::{Shared, Unavailable};
use nuncio_tests::chaos::{Chaos, Toxic};

use super::{Farm, at, minutes, once, redis, until};

async fn claim(farm: &Farm, shared: &Shared, number: u8) -> Result<Claim, Unavailable> {
    shared.claim(&once(number, farm.now().plus(minutes(5))), farm.now()).await
}

/// Claims one message after the other until Redis is known to have forgotten, and is believed again.
async fn claim_in_the_end(farm: &Farm, shared: &Shared) -> Claim {
    for number in 100.. {
        if let Ok(claim) = claim(farm, shared, number).await {
            return claim;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    unreachable!()
}

#[tokio::test]
async fn a_redis_that_never_forgot_fences_off_nothing_of_later() {
    let redis = redis!("a_redis_that_never_forgot_fences_off_nothing_of_later");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    assert_eq!(one.fence(), Some(farm.now()), "what was before the first is not known");
    farm.pass(minutes(60));
    let other = farm.connected(&at(redis.address())).await;
    let fence = farm.now().minus(minutes(60));
    assert_eq!((one.fence(), other.fence()), (Some(fence), Some(fence)), "it remembers since then");
    drop((one, other));
    let next = farm.connected(&at(redis.address())).await;
    assert_eq!(next.fence(), Some(fence), "whoever begins");
}

/// Between the flush and whatever comes next nothing is believed.
#[tokio::test]
async fn f_14_no_claim_is_believed_of_a_redis_that_was_emptied() {
    let redis = redis!("f_14_no_claim_is_believed_of_a_redis_that_was_emptied");
    let farm = Farm::new();
    let (one, other) = (farm.connected(&at(redis.address())).await, farm.connected(&at(redis.address())).await);
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
    farm.pass(minutes(1));
    redis.say(&["FLUSHALL"]).unwrap();
    // Either it was noticed already, or this notices it: the message was made before the fence.
    for gateway in [&one, &other] {
        let replayed = claim(&farm, gateway, 1).await;
        let is_fenced = gateway.fence() == Some(farm.now());
        assert!(is_fenced || matches!(replayed, Err(Unavailable::Forgotten) | Ok(Claim::Seen)), "{replayed:?}");
    }
    assert_eq!(claim_in_the_end(&farm, &one).await, Claim::Fresh);
    until("both know", async || {
        let _ = claim(&farm, &other, 3).await;
        one.fence() == Some(farm.now()) && other.fence() == Some(farm.now())
    })
    .await;
    farm.pass(minutes(1));
    assert_eq!(claim(&farm, &one, 4).await, Ok(Claim::Fresh));
    assert_eq!(claim(&farm, &other, 4).await, Ok(Claim::Seen));
    assert_eq!(one.fence(), Some(farm.now().minus(minutes(1))), "and what is made later is taken");
}

#[tokio::test]
async fn f_14_it_is_noticed_though_nobody_asks() {
    let redis = redis!("f_14_it_is_noticed_though_nobody_asks");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    farm.pass(minutes(1));
    redis.say(&["FLUSHALL"]).unwrap();
    until("it is noticed", async || one.fence() == Some(farm.now())).await;
    assert!(one.is_healthy());
}

/// What a gateway that begins just then writes, those that are there believe as little.
#[tokio::test]
async fn f_14_another_who_noticed_it_first_changes_nothing() {
    let redis = redis!("f_14_another_who_noticed_it_first_changes_nothing");
    let farm = Farm::new();
    let one = farm.connected(&at(redis.address())).await;
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
    let epoch = redis.get("{nuncio}:epoch").unwrap();
    farm.pass(minutes(1));
    redis.say(&["FLUSHALL"]).unwrap();
    let other = farm.connected(&at(redis.address())).await;
    assert_eq!(other.fence(), Some(farm.now()));
    let replayed = claim(&farm, &one, 1).await;
    assert!(replayed.is_err() || one.fence() == Some(farm.now()), "{replayed:?}");
    until("both know", async || one.fence() == Some(farm.now())).await;
    assert_ne!(redis.get("{nuncio}:epoch").unwrap(), epoch);
    // Nor does what says nothing.
    farm.pass(minutes(1));
    redis.put("{nuncio}:epoch", b"\xFF for ever").unwrap();
    until("it is noticed", async || one.fence() == Some(farm.now()) && other.fence() == Some(farm.now())).await;
    assert_eq!(claim_in_the_end(&farm, &one).await, Claim::Fresh);
}

/// It kept nothing, or not the last second.
#[tokio::test]
async fn f_14_one_that_was_started_again_may_have_forgotten() {
    for kept in ["no", "yes"] {
        let mut redis = redis!("f_14_one_that_was_started_again_may_have_forgotten", "--appendonly", kept);
        let farm = Farm::new();
        let one = farm.connected(&at(redis.address())).await;
        let context = farm.put(&one, "urn:uuid:1").await;
        assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
        // What is kept is on its disk after a second.
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        redis.kill();
        assert!(claim(&farm, &one, 2).await.is_err());
        farm.pass(minutes(1));
        redis.restart().unwrap();
        until("it is connected again", async || one.is_healthy()).await;
        assert_eq!(one.fence(), Some(farm.now()));
        let again = if kept == "yes" { Claim::Seen } else { Claim::Fresh };
        assert_eq!(claim(&farm, &one, 1).await, Ok(again), "which the fence refuses");
        assert_eq!(farm.knows(&one, &context.name()).await, kept == "yes");
    }
}

/// A replica that takes its master's place may not have had all of it. The connection breaks when it does.
#[tokio::test]
async fn f_14_a_successor_may_not_know_all() {
    let master = redis!("f_14_a_successor_may_not_know_all");
    let redis = redis!("f_14_a_successor_may_not_know_all");
    let (farm, chaos) = (Farm::new(), Chaos::to(redis.address()).unwrap());
    let one = farm.connected(&at(chaos.address())).await;
    assert_eq!(claim(&farm, &one, 1).await, Ok(Claim::Fresh));
    // It becomes the replica of another, which takes nothing.
    redis.say(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    until("it takes nothing", async || claim(&farm, &one, 2).await.is_err() && !one.is_healthy()).await;
    farm.pass(minutes(1));
    assert!(claim(&farm, &one, 1).await.is_err());
    let has_data = || redis.say(&["INFO", "replication"]).is_ok_and(|said| said.contains("master_link_status:up"));
    until("it has the other's data", async || has_data()).await;
    assert!(claim(&farm, &one, 1).await.is_err() && !one.is_healthy());
    redis.say(&["REPLICAOF", "NO", "ONE"]).unwrap();
    until("it is the master", async || one.is_healthy()).await;
    assert_eq!(one.fence(), Some(farm.now()));
    // Nothing was lost to whoever only lost the connection.
    farm.pass(minutes(1));
    chaos.set(Toxic::Down);
    until("it is lost", async || !one.is_healthy()).await;
    chaos.set(Toxic::None);
    until("it is back", async || one.is_healthy()).await;
    assert_eq!(one.fence(), Some(farm.now().minus(minutes(1))));
}
