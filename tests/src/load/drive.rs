//! The load itself: workers that call, and what became of their calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nuncio_wss::Context;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::caller::{Call, Caller, Failed};
use super::connection::{Connection, Target};
use super::usage;

/// How calls follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each worker calls again once it has been answered.
    Closed,
    /// So many calls a second are meant to begin, whatever becomes of those before them. Latency counts from when a call was
    /// meant to begin; where all workers wait for answers, it begins later.
    Open {
        /// Calls a second.
        rate: f64,
    },
}

/// When a load ends.
#[derive(Clone, Debug)]
pub enum Until {
    /// After so many calls.
    Calls(u64),
    /// After so long.
    Elapsed(Duration),
    /// When it is said.
    Said(Arc<AtomicBool>),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Load {
    /// Connections, each of which has one call under way at a time.
    pub workers: usize,
    /// Conversations over all of them, where the policy has some; a worker takes its own in turn. At least one a worker.
    pub conversations: usize,
    /// Calls before anything is counted.
    pub warm_up: u64,
    /// How calls follow each other.
    pub pace: Pace,
    /// When it ends.
    pub until: Until,
    /// The processes whose processor time is counted, each for itself.
    pub processes: Vec<u32>,
}

/// Latencies, in microseconds and in order.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Those of so many microseconds each.
    pub fn new(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }

    /// The latency, in milliseconds, that so many of a hundred calls do not pass; nothing where there was no call.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        #[expect(clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a count")]
        let rank = (percent / 100.0 * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).or(self.0.last()).map(|micros| f64::from(*micros) / 1000.0)
    }

    fn json(&self) -> Value {
        json!({
            "p50": self.percentile(50.0), "p90": self.percentile(90.0), "p99": self.percentile(99.0),
            "p99.9": self.percentile(99.9), "max": self.percentile(100.0),
        })
    }
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Calls that were answered as they should be.
    pub good: u64,
    /// Calls that the service had no room for.
    pub busy: u64,
    /// Other calls that were not, by reason.
    pub errors: BTreeMap<String, u64>,
    /// From the first call to the last answer.
    pub took: Duration,
    /// Conversations in which was called.
    pub conversations: usize,
    /// Calls before.
    pub warm_up: u64,
    /// From when each good call was meant to begin to its answer.
    pub latencies: Latencies,
    /// From when each good call did begin.
    pub served: Latencies,
    /// Processor time of each process that was asked for.
    pub processors: Vec<Duration>,
}

impl Measured {
    /// Calls that were answered as they should be, a second.
    pub fn rate(&self) -> f64 {
        share(self.good, self.took.as_secs_f64())
    }

    /// All calls a second.
    pub fn sent_rate(&self) -> f64 {
        share(self.good + self.busy + self.wrong(), self.took.as_secs_f64())
    }

    /// Processor time of each call, in microseconds, of all processes that were asked for.
    pub fn processor_micros(&self) -> Option<f64> {
        let each = self.each_micros();
        (!each.is_empty()).then(|| each.iter().sum())
    }

    /// Processor time of each call, in microseconds, of each process that was asked for; nothing where there was no call.
    pub fn each_micros(&self) -> Vec<f64> {
        let micros = |time: &Duration| time.as_secs_f64() * 1e6 / to_float(self.good);
        if self.good > 0 { self.processors.iter().map(micros).collect() } else { Vec::new() }
    }

    /// Calls that went wrong, beside those for which there was no room.
    pub fn wrong(&self) -> u64 {
        self.errors.values().sum()
    }

    /// All of it.
    pub fn json(&self) -> Value {
        json!({
            "calls": self.good + self.busy + self.wrong(), "good": self.good, "busy": self.busy, "errors": self.errors,
            "seconds": self.took.as_secs_f64(), "rps": self.rate(), "conversations": self.conversations,
            "warm_up_calls": self.warm_up, "latency_ms": self.latencies.json(), "served_ms": self.served.json(),
            "cpu_us_per_call": self.processor_micros(),
        })
    }

    /// The most of it, in lines for people.
    pub fn table(&self) -> String {
        let time = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let latency = |percent| time(self.latencies.percentile(percent));
        let mut lines = format!(
            "calls {:>9}   busy {}   errors {}   in {:.1} s: {:.0} a second\nlatency, ms: 50 % {}   90 % {}   99 % {}   most {}\n",
            self.good,
            self.busy,
            self.wrong(),
            self.took.as_secs_f64(),
            self.rate(),
            latency(50.0),
            latency(90.0),
            latency(99.0),
            latency(100.0),
        );
        if let Some(micros) = self.processor_micros() {
            let _ = writeln!(lines, "processor time a call, µs: {micros:.1}");
        }
        for (reason, count) in &self.errors {
            let _ = writeln!(lines, "{count} × {reason}");
        }
        lines
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below what a float counts exactly")]
fn to_float(count: u64) -> f64 {
    count as f64
}

fn share(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { to_float(count) / seconds } else { 0.0 }
}

/// One connection, and its conversations.
struct Worker {
    connection: Connection,
    contexts: Vec<Arc<Context>>,
    next: usize,
    /// What the service was too busy to take.
    refused: Option<Call>,
}

impl Worker {
    /// Makes the next call: the one before again, if the service was busy, as any client would.
    async fn call(&mut self, caller: &Caller) -> Result<(), Failed> {
        let call = if let Some(call) = self.refused.take() {
            call
        } else {
            let context = self.contexts.get(self.next % self.contexts.len().max(1));
            self.next += 1;
            caller.message(context)?
        };
        let answered = caller.call(&mut self.connection, &call).await;
        self.refused = matches!(answered, Err(Failed::Busy { again: true })).then_some(call);
        answered
    }
}

/// What one worker has to tell.
#[derive(Default)]
struct Tally {
    latencies: Vec<u32>,
    served: Vec<u32>,
    busy: u64,
    errors: BTreeMap<String, u64>,
}

/// What the workers of a phase share.
struct Phase {
    caller: Arc<Caller>,
    pace: Pace,
    until: Until,
    begun: AtomicU64,
    start: Instant,
}

impl Phase {
    /// When the next call is meant to begin; `None` when there is none any more.
    fn next(&self) -> Option<Instant> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let meant = match self.pace {
            Pace::Closed => Instant::now(),
            Pace::Open { rate } => self.start + Duration::from_secs_f64(to_float(number) / rate),
        };
        let goes_on = match &self.until {
            Until::Calls(calls) => number < *calls,
            Until::Elapsed(time) => meant.max(Instant::now()) < self.start + *time,
            Until::Said(said) => !said.load(Ordering::Relaxed),
        };
        goes_on.then_some(meant)
    }

    async fn work(&self, worker: &mut Worker) -> Tally {
        let mut tally = Tally::default();
        while let Some(meant) = self.next() {
            if meant > Instant::now() {
                tokio::time::sleep_until(meant.into()).await;
            }
            let begun = Instant::now();
            match worker.call(&self.caller).await {
                Ok(()) => {
                    tally.latencies.push(micros(meant.elapsed()));
                    tally.served.push(micros(begun.elapsed()));
                }
                Err(Failed::Busy { .. }) => tally.busy += 1,
                Err(Failed::Wrong(reason)) => *tally.errors.entry(reason).or_default() += 1,
            }
        }
        tally
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Lets every worker call until the phase ends; the workers come back with what became of it.
async fn phase(
    caller: &Arc<Caller>,
    workers: Vec<Worker>,
    pace: Pace,
    until: Until,
) -> Result<(Vec<Worker>, Vec<Tally>, Duration), String> {
    let start = Instant::now();
    let phase = Arc::new(Phase { caller: Arc::clone(caller), pace, until, begun: AtomicU64::new(0), start });
    let mut running = JoinSet::new();
    for mut worker in workers {
        let phase = Arc::clone(&phase);
        running.spawn(async move {
            let tally = phase.work(&mut worker).await;
            (worker, tally)
        });
    }
    let (mut workers, mut tallies) = (Vec::new(), Vec::new());
    while let Some(ended) = running.join_next().await {
        let (worker, tally) = ended.map_err(|error| error.to_string())?;
        workers.push(worker);
        tallies.push(tally);
    }
    Ok((workers, tallies, start.elapsed()))
}

/// Opens every worker's connection and conversations.
async fn prepared(caller: &Arc<Caller>, target: &Target, load: &Load) -> Result<Vec<Worker>, String> {
    let each = if caller.converses() { load.conversations.div_ceil(load.workers).max(1) } else { 0 };
    let mut opening = JoinSet::new();
    for _ in 0..load.workers {
        let (caller, mut connection) = (Arc::clone(caller), Connection::new(target.clone()));
        opening.spawn(async move {
            let mut contexts = Vec::with_capacity(each);
            for _ in 0..each {
                contexts.push(caller.open(&mut connection).await?);
            }
            Ok::<_, Failed>(Worker { connection, contexts, next: 0, refused: None })
        });
    }
    let mut workers = Vec::new();
    while let Some(opened) = opening.join_next().await {
        workers.push(opened.map_err(|error| error.to_string())?.map_err(|error| format!("no conversation: {error}"))?);
    }
    Ok(workers)
}

/// Warms up, and measures.
///
/// # Errors
///
/// Where not even a conversation begins, or the process is not there. What goes wrong later is in what was measured.
pub async fn drive(caller: &Arc<Caller>, target: &Target, load: &Load) -> Result<Measured, String> {
    let workers = prepared(caller, target, load).await?;
    let conversations = workers.iter().map(|worker| worker.contexts.len()).sum();
    let (workers, warming, _) = phase(caller, workers, Pace::Closed, Until::Calls(load.warm_up)).await?;
    let time = || load.processes.iter().map(|process| usage::processor_time(*process)).collect::<Result<Vec<_>, _>>();
    let before = time()?;
    let (_, tallies, took) = phase(caller, workers, load.pace, load.until.clone()).await?;
    let after = time()?;
    let mut measured = Measured { took, conversations, warm_up: load.warm_up, ..Measured::default() };
    measured.processors = after.iter().zip(before).map(|(after, before)| after.saturating_sub(before)).collect();
    let (mut latencies, mut served) = (Vec::new(), Vec::new());
    for tally in tallies {
        latencies.extend(tally.latencies);
        served.extend(tally.served);
        measured.busy += tally.busy;
        add(&mut measured.errors, tally.errors, "");
    }
    for tally in warming {
        add(&mut measured.errors, tally.errors, "while warming up: ");
    }
    measured.good = latencies.len() as u64;
    (measured.latencies, measured.served) = (Latencies::new(latencies), Latencies::new(served));
    Ok(measured)
}

fn add(errors: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>, when: &str) {
    for (reason, count) in more {
        *errors.entry(format!("{when}{reason}")).or_default() += count;
    }
}

/// Begins so many conversations, and calls in none of them; how many could not be begun, by reason. What the client keeps of
/// them is dropped.
pub async fn begin(
    caller: &Arc<Caller>,
    target: &Target,
    workers: usize,
    conversations: u64,
) -> Result<BTreeMap<String, u64>, String> {
    let left = Arc::new(AtomicU64::new(conversations));
    let mut running = JoinSet::new();
    for _ in 0..workers {
        let (caller, left, mut connection) = (Arc::clone(caller), Arc::clone(&left), Connection::new(target.clone()));
        running.spawn(async move {
            let mut errors = BTreeMap::<String, u64>::new();
            let one = |left: u64| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one).is_ok() {
                if let Err(error) = caller.open(&mut connection).await {
                    *errors.entry(error.to_string()).or_default() += 1;
                }
            }
            errors
        });
    }
    let mut errors = BTreeMap::new();
    while let Some(ended) = running.join_next().await {
        add(&mut errors, ended.map_err(|error| error.to_string())?, "");
    }
    Ok(errors)
}

/// The times, in microseconds, of so many calls one after the other on one connection, from the first of a conversation on.
pub async fn one_by_one(caller: &Caller, target: &Target, calls: usize) -> Result<Vec<u32>, Failed> {
    let mut connection = Connection::new(target.clone());
    let context = if caller.converses() { Some(caller.open(&mut connection).await?) } else { None };
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        caller.call(&mut connection, &caller.message(context.as_ref())?).await?;
        times.push(micros(begun.elapsed()));
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_calls_that_were_made() {
        let latencies = Latencies::new((1..=1000).rev().collect());
        assert_eq!(latencies.percentile(50.0), Some(0.5));
        assert_eq!(latencies.percentile(99.0), Some(0.99));
        assert_eq!(latencies.percentile(100.0), Some(1.0));
        assert_eq!(Latencies::new(vec![7000]).percentile(50.0), Some(7.0));
        assert_eq!(Latencies::default().percentile(50.0), None);
    }

    #[test]
    fn nothing_measured_is_nothing_shared() {
        let nothing = Measured { processors: vec![Duration::from_secs(1)], ..Measured::default() };
        assert_eq!((nothing.rate().to_bits(), nothing.processor_micros()), (0, None));
        assert!(nothing.json()["latency_ms"]["p50"].is_null());
    }

    fn paced(pace: Pace, until: Until) -> Phase {
        let caller = Arc::new(Caller::plain(1));
        Phase { caller, pace, until, begun: AtomicU64::new(0), start: Instant::now() }
    }

    #[test]
    fn an_open_loop_means_calls_at_its_rate_whoever_takes_them() {
        let phase = paced(Pace::Open { rate: 10.0 }, Until::Calls(3));
        let meant: Vec<_> = (0..4).map(|_| phase.next().map(|meant| (meant - phase.start).as_millis())).collect();
        assert_eq!(meant, [Some(0), Some(100), Some(200), None]);
        // One that is meant for after the end is not begun.
        let phase = paced(Pace::Open { rate: 0.001 }, Until::Elapsed(Duration::from_mins(1)));
        assert!(phase.next().is_some() && phase.next().is_none());
    }
}
