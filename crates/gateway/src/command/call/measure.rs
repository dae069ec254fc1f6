//! Many calls, and how long they took.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nuncio_policy::model::SoapVersion;

use crate::command::Failed;
use crate::egress::{Direct, DirectOutcome};
use crate::media;

/// What came of the calls of one task.
#[derive(Default)]
struct Counted {
    took: Vec<Duration>,
    faults: usize,
    failed: usize,
    /// The first reason.
    why: Option<String>,
}

/// Calls so often in all, so many at once, and tells what it took. How long the first call took is told alone: it begins the
/// conversation.
pub(super) async fn measure(
    direct: Arc<Direct>,
    action: &str,
    soap: SoapVersion,
    body: Vec<u8>,
    (repeat, concurrency): (usize, usize),
) -> Result<(), Failed> {
    let start = Instant::now();
    let mut all = Counted::default();
    match direct.call(action, media::content_type(soap), body.clone()).await {
        DirectOutcome::Answered(answer) => all.faults += usize::from(answer.fault),
        DirectOutcome::Taken => {}
        DirectOutcome::NotSent(why) => return Err(Failed::Step(why)),
        DirectOutcome::Failed(why) => {
            direct.end().await;
            return Err(Failed::NoAnswer(why));
        }
    }
    let first = start.elapsed();
    let left = Arc::new(AtomicUsize::new(repeat - 1));
    let start = Instant::now();
    let tasks: Vec<_> = (0..concurrency.clamp(1, repeat))
        .map(|_| {
            let (direct, left, action, body) =
                (Arc::clone(&direct), Arc::clone(&left), action.to_owned(), body.clone());
            tokio::spawn(async move {
                let mut counted = Counted::default();
                let next =
                    || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
                while next() {
                    let begun = Instant::now();
                    let outcome = direct.call(&action, media::content_type(soap), body.clone()).await;
                    counted.took.push(begun.elapsed());
                    match outcome {
                        DirectOutcome::Answered(answer) => counted.faults += usize::from(answer.fault),
                        DirectOutcome::Taken => {}
                        DirectOutcome::Failed(why) | DirectOutcome::NotSent(why) => {
                            counted.failed += 1;
                            counted.why.get_or_insert(why);
                        }
                    }
                }
                counted
            })
        })
        .collect();
    for task in tasks {
        let counted = task.await.map_err(|error| Failed::Step(error.to_string()))?;
        all.took.extend(counted.took);
        all.faults += counted.faults;
        all.failed += counted.failed;
        all.why = all.why.or(counted.why);
    }
    let took = start.elapsed();
    direct.end().await;
    all.took.sort_unstable();
    tell(&all, first, took);
    match (all.why, all.faults) {
        (Some(why), _) => Err(Failed::NoAnswer(format!("{} of {repeat} calls: {why}", all.failed))),
        (None, 0) => Ok(()),
        (None, _) => Err(Failed::Faulted),
    }
}

fn tell(all: &Counted, first: Duration, took: Duration) {
    let of = |part: usize| {
        let at = (all.took.len() * part / 1000).min(all.took.len().saturating_sub(1));
        all.took.get(at).map_or(0.0, Duration::as_secs_f64) * 1000.0
    };
    let calls = u32::try_from(all.took.len()).map_or(f64::INFINITY, f64::from);
    let rate = calls / took.as_secs_f64().max(f64::EPSILON);
    let text = format!(
        "first call, with what it begins: {:.1} ms\n{} more in {:.2} s: {rate:.0} a second\n50 % within {:.2} ms, 90 % {:.2}, 99 % \
         {:.2}, all {:.2}\n{} faults, {} without an answer\n",
        first.as_secs_f64() * 1000.0,
        all.took.len(),
        took.as_secs_f64(),
        of(500),
        of(900),
        of(990),
        of(1000),
        all.faults,
        all.failed,
    );
    let _ = std::io::stdout().write_all(text.as_bytes());
}
