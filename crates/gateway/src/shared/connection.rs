//! The connection to a Redis, kept up: there or not, bounded in how much is asked at once, made anew when it is lost.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use nuncio_crypto::random::Random;
use nuncio_wss::Time;
use redis::{Pipeline, Value};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::epoch::{self, Epochs};
use super::link::{Dialer, Link};
use super::{BadSettings, Settings, Unavailable};
use crate::clock::Clock;
use crate::metrics::{Operation, RedisMetrics};
use crate::random::Entropy;

/// How often a connection is asked whether somebody is behind it, and whether Redis remembers.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long to wait, about, before the first and before the last of many tries to connect.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How often it is told that there is still no connection.
const TOLD: Duration = Duration::from_secs(30);
/// The oldest version that has all that is asked of it.
const VERSION: u32 = 7;

/// The connection to a Redis.
pub(super) struct Connection {
    dialer: Dialer,
    place: String,
    timeout: Duration,
    link: ArcSwapOption<Link>,
    operations: Semaphore,
    /// Those of them in which it is asked what anybody may ask.
    unproved: Semaphore,
    metrics: RedisMetrics,
    limit: usize,
    pub(super) epochs: Epochs,
    /// Somebody saw that Redis does not remember.
    suspect: Notify,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    /// Whether it was told that Redis drops what lives.
    evicts: AtomicBool,
    /// When it was told that it is not there.
    told: Mutex<Option<Instant>>,
}

/// What is answered to commands, and on which connection.
pub(super) struct Answers {
    pub(super) link: Arc<Link>,
    pub(super) values: Vec<Value>,
}

impl Connection {
    /// One that is not connected yet.
    pub(super) fn new(
        settings: &Settings,
        clock: Clock,
        entropy: Entropy,
        metrics: RedisMetrics,
    ) -> Result<Self, BadSettings> {
        Ok(Self {
            dialer: Dialer::new(settings)?,
            place: settings.place(),
            timeout: settings.timeout,
            link: ArcSwapOption::empty(),
            operations: Semaphore::new(settings.operations),
            unproved: Semaphore::new(settings.operations.div_ceil(2)),
            metrics,
            limit: settings.operations,
            epochs: Epochs::new(&settings.tag()),
            suspect: Notify::new(),
            clock,
            entropy,
            evicts: AtomicBool::new(false),
            told: Mutex::default(),
        })
    }

    /// Whether it is there.
    pub(super) fn is_healthy(&self) -> bool {
        self.link.load().is_some()
    }

    /// Operations that are under way.
    pub(super) fn under_way(&self) -> usize {
        self.limit - self.operations.available_permits()
    }

    /// What Redis answers to each command, within the time of an operation: for a message, which never waits for others.
    pub(super) async fn ask(&self, operation: Operation, commands: &Pipeline) -> Result<Answers, Unavailable> {
        let answers = async {
            let link = self.link.load_full().ok_or(Unavailable::Away)?;
            let place = |of| Semaphore::try_acquire(of).map_err(|_| Unavailable::Busy);
            let _unproved = (operation == Operation::Seek).then(|| place(&self.unproved)).transpose()?;
            let _turn = place(&self.operations)?;
            let values = link.ask(commands, self.timeout).await?;
            Ok(Answers { link, values })
        };
        self.counted(operation, answers).await
    }

    /// The same for what goes on beside messages, one at a time of each kind.
    pub(super) async fn ask_beside(&self, operation: Operation, commands: &Pipeline) -> Result<Answers, Unavailable> {
        let answers = async {
            let link = self.link.load_full().ok_or(Unavailable::Away)?;
            let values = link.ask(commands, self.timeout).await?;
            Ok(Answers { link, values })
        };
        self.counted(operation, answers).await
    }

    async fn counted(
        &self,
        operation: Operation,
        answers: impl Future<Output = Result<Answers, Unavailable>>,
    ) -> Result<Answers, Unavailable> {
        let begun = Instant::now();
        let answers = answers.await;
        self.metrics.asked(operation, answers.as_ref().map(|answers| &*answers.values), begun.elapsed());
        answers
    }

    /// Has it looked at once whether Redis remembers.
    pub(super) fn suspect(&self) {
        self.suspect.notify_one();
    }

    /// Connects, again and again, for as long as this is polled. `tried` is told when it was tried once.
    pub(super) async fn keep(self: Arc<Self>, tried: watch::Sender<bool>) {
        let mut wait = WAITS.0;
        loop {
            let begun = self.begin().await;
            let lost = match begun {
                Err(why) => Some(why),
                Ok(link) => {
                    tracing::info!("connected to Redis at {}", self.place);
                    *self.told() = None;
                    let link = Arc::new(link);
                    self.link.store(Some(Arc::clone(&link)));
                    tried.send_replace(true);
                    let (why, lasted) = self.watch(&link).await;
                    self.link.store(None);
                    if lasted {
                        wait = WAITS.0;
                    }
                    Some(why)
                }
            };
            tried.send_replace(true);
            if let Some(why) = lost {
                self.tell(&why);
            }
            sleep(self.spread(wait)).await;
            wait = (wait * 2).min(WAITS.1);
        }
    }

    /// A connection to a Redis that we can use, and of which is known since when it remembers.
    async fn begin(&self) -> Result<Link, Unavailable> {
        let link = self.dialer.dial().await?;
        let server = epoch::server(&link, self.timeout).await?;
        if server.is_replica {
            return Err(Unavailable::Refused("it is a replica, which takes nothing".to_owned()));
        }
        if server.is_of_cluster {
            return Err(Unavailable::Refused("it is a node of a cluster, which has some of the keys only".to_owned()));
        }
        if server.version.is_some_and(|version| version < VERSION) {
            return Err(Unavailable::Refused(format!("it is older than version {VERSION}")));
        }
        self.epochs.learn(&link, &server, &self.clock, &self.entropy, self.timeout).await?;
        let evicts = server.eviction.filter(|policy| policy != "noeviction");
        if let Some(policy) = &evicts
            && !self.evicts.load(Ordering::Relaxed)
        {
            tracing::warn!(
                "REDIS AT {} DROPS WHAT LIVES WHEN IT IS FULL (maxmemory-policy {policy}): messages could be replayed and \
                 conversations lost; set it to noeviction",
                self.place
            );
        }
        self.evicts.store(evicts.is_some(), Ordering::Relaxed);
        Ok(link)
    }

    /// Watches a connection until it is lost; why, and whether it was good for a while.
    async fn watch(&self, link: &Link) -> (Unavailable, bool) {
        let mut heartbeats = interval(HEARTBEAT);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeats.tick().await;
        let mut lasted = false;
        loop {
            tokio::select! {
                why = link.ended() => return (why, lasted),
                _ = heartbeats.tick() => {}
                () = self.suspect.notified() => {}
            }
            if let Err(why) = self.look(link).await {
                return (why, lasted);
            }
            lasted = true;
        }
    }

    /// Whether somebody answers, and remembers.
    async fn look(&self, link: &Link) -> Result<(), Unavailable> {
        let mut commands = Pipeline::with_capacity(1);
        self.epochs.ask(&mut commands);
        let answers = link.ask(&commands, self.timeout).await?;
        match answers.first() {
            Some(answer) if self.epochs.is_known(answer) => Ok(()),
            Some(Value::ServerError(error)) => Err(link.refused(error)),
            _ => {
                let server = epoch::server(link, self.timeout).await?;
                self.epochs.learn(link, &server, &self.clock, &self.entropy, self.timeout).await
            }
        }
    }

    /// Tells that it is not there: at first, and once in a while.
    fn tell(&self, why: &Unavailable) {
        let mut told = self.told();
        if told.is_none_or(|told| told.elapsed() >= TOLD) {
            *told = Some(Instant::now());
            tracing::warn!(
                "no connection to Redis at {}: {why}; until there is one, what is kept there is refused",
                self.place
            );
        }
    }

    fn told(&self) -> MutexGuard<'_, Option<Instant>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A time from half of it to one and a half: a farm does not come all at once.
    fn spread(&self, time: Duration) -> Duration {
        let (mut draw, mut octet) = (self.entropy.draw(), [0]);
        draw.fill(&mut octet);
        time / 2 + time * u32::from(octet[0]) / 255
    }

    /// The instant before which messages may have been claimed and forgotten.
    pub(super) fn fence(&self) -> Option<Time> {
        self.epochs.fence()
    }
}
