//! Many conversations at once: what they take in memory, and what it does to others when all of them are renewed within a
//! minute.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nuncio_wss::Context;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::caller::Caller;
use super::connection::{Connection, Target};
use super::drive::{Load, Measured, Pace, Until, begin, drive};
use super::figures::Figures;
use super::serving::{Backend, Demand, Gateway};
use super::usage;

/// The policy: neither to begin nor to renew takes a private key, so that there may be many.
const PRESET: &str = "wcf-ws2007-userNameOverTransport-conversation";
/// Connections over which conversations are begun and renewed.
const WORKERS: usize = 32;
/// Within which all are renewed.
const DUE: Duration = Duration::from_mins(1);
/// Calls a second of the others.
const OTHERS: f64 = 300.0;

struct Stage {
    gateway: Gateway,
    _backend: Backend,
    caller: Arc<Caller>,
    target: Target,
}

impl Stage {
    fn new(folder: &Path, octets: usize) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let backend = Backend::start(None)?;
        let gateway = Gateway::start(folder, &[("talk", Demand::Preset(PRESET))], true, &backend, None)?;
        let url = gateway.url("talk");
        let (caller, target) = (Arc::new(Caller::of_preset(&url, PRESET, octets)?), Target::new(&url)?);
        Ok(Self { gateway, _backend: backend, caller, target })
    }
}

/// What the gateway's process grows by for each of so many conversations.
///
/// # Errors
///
/// Where something cannot be started, one conversation cannot be begun, or one was dropped.
pub async fn many(folder: &Path, count: u64, octets: usize) -> Result<Figures, String> {
    let stage = Stage::new(folder, octets)?;
    let first = begin(&stage.caller, &stage.target, WORKERS, 500).await?;
    let (had, before) = (stage.gateway.conversations()?, usage::resident(stage.gateway.id())?);
    let begun = Instant::now();
    let errors = begin(&stage.caller, &stage.target, WORKERS, count).await?;
    let took = begun.elapsed();
    let grown = usage::resident(stage.gateway.id())?.saturating_sub(before);
    // Those that are there, and not those that were asked for.
    let count = stage.gateway.conversations()?.saturating_sub(had);
    let mut figures = Figures::default();
    #[expect(clippy::cast_precision_loss, reason = "far below what a float counts exactly")]
    let (grown, number) = (grown as f64, count as f64);
    figures.note("live_conversations", count);
    figures.note("octets_per_conversation", grown / number);
    figures.note("conversations_begun_rps", number / took.as_secs_f64());
    figures.note("errors", first.values().chain(errors.values()).sum::<u64>());
    Ok(figures)
}

/// What becomes of others' calls while so many conversations are renewed within a minute.
///
/// # Errors
///
/// As [`many`].
pub async fn renewals(folder: &Path, count: usize, octets: usize) -> Result<Figures, String> {
    let stage = Stage::new(folder, octets)?;
    eprintln!("== {count} conversations");
    let contexts = established(&stage, count).await?;
    eprintln!("== others alone");
    let alone = others(&stage, Duration::from_secs(20)).await?;
    eprintln!("== {count} renewals");
    let renewing = tokio::spawn(renew(Arc::clone(&stage.caller), stage.target.clone(), contexts));
    let beside = others(&stage, DUE).await?;
    let (renewed, failed, took) = renewing.await.map_err(|error| error.to_string())?;
    let mut figures = Figures::default();
    figures.note("renewed", renewed);
    figures.note("renewals_failed", failed);
    figures.note("renewed_within_seconds", took.as_secs_f64());
    for (name, measured) in [("alone", &alone), ("beside", &beside)] {
        eprint!("{}", measured.table());
        for percent in [50.0, 99.0, 99.9] {
            figures.note(&format!("others_{name}_p{percent}_ms"), measured.latencies.percentile(percent));
        }
    }
    figures.note("errors", alone.wrong() + beside.wrong() + failed);
    Ok(figures)
}

async fn others(stage: &Stage, elapsed: Duration) -> Result<Measured, String> {
    let load = Load {
        workers: 16,
        conversations: 16,
        warm_up: 200,
        pace: Pace::Open { rate: OTHERS },
        until: Until::Elapsed(elapsed),
        processes: vec![stage.gateway.id()],
    };
    drive(&stage.caller, &stage.target, &load).await
}

async fn established(stage: &Stage, count: usize) -> Result<Vec<Arc<Context>>, String> {
    let mut running = JoinSet::new();
    for worker in 0..WORKERS {
        let (caller, mut connection) = (Arc::clone(&stage.caller), Connection::new(stage.target.clone()));
        let own = count / WORKERS + usize::from(worker < count % WORKERS);
        running.spawn(async move {
            let mut contexts = Vec::with_capacity(own);
            for _ in 0..own {
                contexts.push(caller.open(&mut connection).await.map_err(|failed| failed.to_string())?);
            }
            Ok::<_, String>(contexts)
        });
    }
    let mut contexts = Vec::with_capacity(count);
    while let Some(ended) = running.join_next().await {
        contexts.extend(ended.map_err(|error| error.to_string())??);
    }
    Ok(contexts)
}

/// Renews all of them within [`DUE`], evenly; how many were, how many were not, and how long it took.
async fn renew(caller: Arc<Caller>, target: Target, contexts: Vec<Arc<Context>>) -> (u64, u64, Duration) {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    let share = contexts.len().div_ceil(WORKERS).max(1);
    for own in contexts.chunks(share) {
        let (caller, mut connection, own) = (Arc::clone(&caller), Connection::new(target.clone()), own.to_vec());
        running.spawn(async move {
            let step = DUE / u32::try_from(own.len()).unwrap_or(u32::MAX);
            let (mut renewed, mut failed) = (0, 0);
            for (number, context) in (0_u32..).zip(&own) {
                tokio::time::sleep_until(begun + step * number).await;
                match caller.renew(&mut connection, context).await {
                    Ok(_) => renewed += 1,
                    Err(_) => failed += 1,
                }
            }
            (renewed, failed)
        });
    }
    let (mut renewed, mut failed) = (0, 0);
    while let Some(ended) = running.join_next().await {
        let (well, ill) = ended.unwrap_or((0, 1));
        (renewed, failed) = (renewed + well, failed + ill);
    }
    (renewed, failed, begun.elapsed())
}
