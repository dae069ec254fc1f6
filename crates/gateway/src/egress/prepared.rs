//! What calls a service: at once where its policy is known, else as soon as the service has published it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::runtime::Handle;

use super::callers::{Callers, Farewell};
use super::failure::Failure;
use super::flight::{Flight, Outcome};
use super::line::Line;
use super::material::Material;
use super::published::{self, NotPublished};
use super::standing::Standing;
use crate::config::Published;

/// How long it stands that a service's policy is of no use, before the service is asked again.
const UNUSABLE: Duration = Duration::from_secs(5);

/// How long a kept conversation waits for somebody who goes on in it.
const FOUND: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody's calls are over.
const UNUSED: Duration = Duration::from_secs(1);

/// All that calls a service: who may, and as whom.
pub(crate) struct Prepared {
    pub(super) callers: Callers,
    /// How the service is reached, for the end.
    line: Arc<ArcSwap<Line>>,
}

/// What calls a service, or is to.
pub(crate) struct Preparing {
    ready: ArcSwapOption<Prepared>,
    flight: Flight<Arc<Prepared>>,
    /// That it is of no use, and since when.
    failed: Mutex<Option<(Instant, Arc<Failure>)>>,
    /// Where its policy comes from, if that is not known; and all that is known besides.
    published: Option<(Published, Arc<Material>)>,
    /// How the service is reached now: a reload may change that.
    pub(super) line: Arc<ArcSwap<Line>>,
    /// Whether somebody begins conversations ahead.
    pub(super) warming: AtomicBool,
}

impl Preparing {
    /// Of callers that are known.
    pub(super) fn known(callers: Callers, line: Arc<ArcSwap<Line>>) -> Self {
        let ready = Some(Arc::new(Prepared { callers, line: Arc::clone(&line) }));
        Self::new(ready, None, line)
    }

    /// Of those that are known when the service says under which policy it is called.
    pub(super) fn published(published: Published, material: Material, line: Arc<ArcSwap<Line>>) -> Self {
        Self::new(None, Some((published, Arc::new(material))), line)
    }

    fn new(
        ready: Option<Arc<Prepared>>,
        published: Option<(Published, Arc<Material>)>,
        line: Arc<ArcSwap<Line>>,
    ) -> Self {
        let (ready, flight) = (ArcSwapOption::new(ready), Flight::default());
        Self { ready, flight, failed: Mutex::default(), published, line, warming: AtomicBool::new(false) }
    }

    /// What calls the service, once its policy is known.
    pub(super) async fn prepared(self: &Arc<Self>) -> Outcome<Arc<Prepared>> {
        if let Some(prepared) = self.ready.load_full() {
            return Ok(prepared);
        }
        if let Some((at, failure)) = &*self.failed.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < UNUSABLE
        {
            return Err(Arc::clone(failure));
        }
        let preparing = Arc::clone(self);
        let prepared = self.flight.join(move || async move { preparing.prepare().await }).await;
        let failed = prepared.as_ref().err().filter(|failure| matches!(***failure, Failure::Unusable(_)));
        let failed = failed.map(|failure| (Instant::now(), Arc::clone(failure)));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        prepared
    }

    async fn prepare(&self) -> Result<Arc<Prepared>, Failure> {
        if let Some(prepared) = self.ready.load_full() {
            return Ok(prepared);
        }
        let Some((published, material)) = &self.published else {
            return Err(Failure::Unprepared("nothing says where it is".to_owned()));
        };
        let line = self.line.load_full();
        let obtained = published::obtain(published, &line.upstream, &line.world.clock).await;
        let endpoint = obtained.map_err(|reason| match reason {
            NotPublished::Unusable(reason) => Failure::Unusable(reason),
            other => Failure::Unprepared(other.to_string()),
        })?;
        let callers = material
            .callers(&endpoint, farewell(&self.line))
            .map_err(|reason| Failure::Unusable(reason.to_string()))?;
        let prepared = Arc::new(Prepared { callers, line: Arc::clone(&self.line) });
        self.ready.store(Some(Arc::clone(&prepared)));
        Ok(prepared)
    }

    /// Ends its conversations, though somebody may still have them.
    pub(super) fn end(&self) {
        if let Some(prepared) = self.ready.load_full() {
            prepared.end();
        }
    }
}

impl Prepared {
    /// Ends its conversations, where their policy has that.
    fn end(&self) {
        self.callers.all().into_iter().for_each(|standing| end(&self.line, standing));
    }
}

impl Drop for Prepared {
    /// Nobody calls any more.
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends a conversation, for whom nobody waits but a process that ends. One that is kept may be that of a route in whose place another
/// was put, which has yet to find it.
fn end(line: &ArcSwap<Line>, standing: Arc<Standing>) {
    let line = line.load_full();
    if standing.place.is_none() || line.world.is_ending() {
        return end_now(line, standing);
    }
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            tokio::time::sleep(FOUND).await;
            end_now(line, standing);
        });
    }
}

fn end_now(line: Arc<Line>, standing: Arc<Standing>) {
    if !standing.give_up(&line) {
        return;
    }
    let (farewells, beginning) = (Arc::clone(&line.world.farewells), Arc::clone(&standing));
    farewells.add(async move { beginning.settle().await }, async move { standing.cancel(&line).await });
}

/// What does so for those that are forgotten, once no call of theirs is under way. Who is remembered again by then is left alone.
pub(super) fn farewell(line: &Arc<ArcSwap<Line>>) -> Farewell {
    let line = Arc::clone(line);
    Arc::new(move |standing| {
        let (line, Ok(runtime)) = (Arc::clone(&line), Handle::try_current()) else { return };
        runtime.spawn(async move {
            let patience = line.load().upstream.total();
            let since = Instant::now();
            while Arc::strong_count(&standing) > 1 {
                if since.elapsed() > patience {
                    return;
                }
                tokio::time::sleep(UNUSED).await;
            }
            end_now(line.load_full(), standing);
        });
    })
}
