//! What each way to keep conversations costs beside the others: a message of one, and one that is begun.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::connection::Target;
use super::drive::{Load, Pace, Until, begin, drive};
use super::figures::Figures;
use super::serving::{Backend, Demand, Gateway, Keeping};
use super::usage;
use crate::peers;
use crate::process::program;
use crate::redis::Redis;

/// The policy: to begin a conversation takes no private key, so that what it costs is the store's.
const PRESET: &str = "wcf-ws2007-userNameOverTransport-conversation";
/// The stores.
const STORES: [&str; 4] = ["memory", "disk", "redis", "cookie"];
/// Connections.
const WORKERS: usize = 32;

/// Measures them one after the other. Bodies have about `octets` octets; each store is called for that long, and so many
/// conversations are begun in it.
///
/// # Errors
///
/// Where something cannot be started, Redis among it.
pub async fn stores(folder: &Path, each: Duration, begun: u64, octets: usize) -> Result<Figures, String> {
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let (redis, backend) = (Redis::start(&[])?, Backend::start(None)?);
    let ring = folder.join("stores-keys.yaml").display().to_string();
    peers::run(Command::new(program()?).args(["keys", "--force", "--ring", &ring]))?;
    let state = folder.join("stores-state");
    let _ = std::fs::remove_dir_all(&state);
    let mut figures = Figures::default();
    let mut wrong = 0;
    for store in STORES {
        eprintln!("== {store}");
        let more = match store {
            "disk" => format!("state: {{ directory: {} }}\n", state.display()),
            "redis" => format!("redis: {{ url: 'redis://{}' }}\nkey_ring: {ring}\n", redis.address()),
            "cookie" => format!("key_ring: {ring}\n"),
            _ => String::new(),
        };
        let keeping = Keeping { more: &more, store };
        let gateway = Gateway::start_keeping(keeping, folder, &[("talk", Demand::Preset(PRESET))], true, &backend)?;
        let url = gateway.url("talk");
        let (caller, target) = (Arc::new(Caller::of_preset(&url, PRESET, octets)?), Target::new(&url)?);
        let load = Load {
            workers: WORKERS,
            conversations: 4 * WORKERS,
            warm_up: 2000,
            pace: Pace::Closed,
            until: Until::Elapsed(each),
            processes: vec![gateway.id()],
        };
        let measured = drive(&caller, &target, &load).await?;
        eprint!("{}", measured.table());
        wrong += measured.wrong();
        figures.note(&format!("{store}_message_micros"), measured.processor_micros());
        figures.note(&format!("{store}_message_rps"), measured.rate());
        figures.note(&format!("{store}_message_p50_ms"), measured.latencies.percentile(50.0));
        figures.note(&format!("{store}_message_p99_ms"), measured.latencies.percentile(99.0));
        let (before, start) = (usage::processor_time(gateway.id())?, Instant::now());
        let errors = begin(&caller, &target, WORKERS, begun).await?;
        let took = start.elapsed().as_secs_f64();
        let spent = usage::processor_time(gateway.id())?.saturating_sub(before);
        for (reason, count) in &errors {
            eprintln!("{count} × {reason}");
        }
        wrong += errors.values().sum::<u64>();
        #[expect(clippy::cast_precision_loss, reason = "far below what a float counts exactly")]
        let count = begun as f64;
        figures.note(&format!("{store}_begun_rps"), count / took);
        figures.note(&format!("{store}_begun_micros"), spent.as_secs_f64() * 1e6 / count);
    }
    figures.note("errors", wrong);
    Ok(figures)
}
