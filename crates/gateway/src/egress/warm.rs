//! Conversations that are there before anybody calls, and stay there while nobody does.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::prepared::Preparing;
use super::standing::Standing;

/// The first and the longest pause between attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// The shortest time until a conversation is looked at again.
const SHORTEST: Duration = Duration::from_millis(200);

/// Begins conversations for all who may call, as soon as the service lets it, and has their successors in time; as long as
/// somebody may come. Who does so already goes on.
pub(super) fn warm(preparing: &Arc<Preparing>) {
    if preparing.warming.swap(true, Ordering::Relaxed) {
        return;
    }
    let preparing = Arc::downgrade(preparing);
    tokio::spawn(async move {
        let mut pause = PAUSES.0;
        let prepared = loop {
            let Some(here) = preparing.upgrade() else { return };
            match here.prepared().await {
                Ok(prepared) => break prepared,
                Err(failure) => {
                    let route = here.line.load().name.clone();
                    tracing::warn!(%route, %failure, "no conversation is begun ahead yet");
                }
            }
            drop(here);
            tokio::time::sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        };
        for standing in prepared.callers.settled().filter(|standing| standing.converses()) {
            tokio::spawn(keep(preparing.clone(), Arc::downgrade(standing)));
        }
    });
}

/// Keeps somebody's conversation. Where the service refuses him, it is not asked again before he calls: what refuses a password
/// often may lock who has it out.
async fn keep(preparing: Weak<Preparing>, standing: Weak<Standing>) {
    let mut pause = PAUSES.0;
    loop {
        let (Some(here), Some(standing)) = (preparing.upgrade(), standing.upgrade()) else { return };
        let line = here.line.load_full();
        drop(here);
        let until = match standing.context(&line).await {
            Ok(held) => {
                pause = PAUSES.0;
                // What others have is looked at too, though nobody calls.
                let due = held.is_due_in(line.now());
                standing.looks().map_or(due, |looks| due.min(looks)).max(SHORTEST)
            }
            Err(failure) if failure.is_refusal() => {
                tracing::warn!(route = %line.name, %failure, "no conversation is begun ahead: the service refuses");
                return;
            }
            Err(failure) => {
                tracing::warn!(route = %line.name, %failure, "no conversation is begun ahead yet");
                let now = pause;
                pause = PAUSES.1.min(pause * 2);
                now
            }
        };
        drop((standing, line));
        tokio::time::sleep(until).await;
    }
}
