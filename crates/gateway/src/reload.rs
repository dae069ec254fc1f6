//! Another configuration for a gateway that serves: read whole, compiled whole, its sockets bound; then in force at one
//! moment, or not at all.
//!
//! What a conversation was established under holds until it ends: a route keeps its conversations if its policy and whom it
//! trusts stay the same (`route::scope`). Stores, caps of connections and the admin listener, but for its
//! certificates, are made once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_crypto::secret::Secret;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::config::{ConfigError, Configuration, ConnectionLimits, Look, StoreLimits};
use crate::gateway::{Bound, CannotListen, Change, Gateway};
use crate::handover::{self, Told};
use crate::keyring::{KeyRing, NotReplaced, NotSealed};
use crate::route::{RouteError, Service};
use crate::shared;
use crate::world::World;

/// How often the files are looked at. Their folders are not watched by the system's means: these miss what comes over a
/// network, and what a link is turned to.
const LOOK: Duration = Duration::from_secs(2);

/// Why a configuration was not put in force. What was in force stays.
#[derive(Debug, thiserror::Error)]
pub enum NotReloaded {
    /// It cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A route cannot be served.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// Its key ring is older than the one in use.
    #[error("key_ring: {0}")]
    Ring(#[from] NotReplaced),
    /// Its key ring has no key to seal with.
    #[error("key_ring: {0}")]
    Inactive(#[from] NotSealed),
    /// A socket cannot be bound.
    #[error(transparent)]
    Listen(#[from] CannotListen),
    /// It changes what is made once.
    #[error("{0} changed, which takes a restart")]
    Fixed(&'static str),
    /// Reading it panicked.
    #[error("reading it panicked, which is a fault of ours")]
    Panicked,
    /// The gateway ends.
    #[error("the gateway ends")]
    Ending,
}

/// What is made once, with a gateway.
#[derive(Debug, Eq, PartialEq)]
struct Fixed {
    connections: ConnectionLimits,
    stores: StoreLimits,
    state: Option<PathBuf>,
    /// Redis, and how it is asked.
    redis: Option<[u8; 32]>,
    /// Whether there is a key ring; which, may change.
    ring: bool,
    admin: Option<String>,
    /// A digest of the token.
    token: Option<[u8; 32]>,
    /// Whether whoever reaches the admin listener may watch.
    open: bool,
    /// Whether it has no TLS.
    clear: bool,
    /// Collector, and the octets of the part that is kept.
    tracing: Option<(String, u64)>,
}

impl Fixed {
    fn of(configuration: &Configuration) -> Self {
        Self {
            connections: configuration.connections.clone(),
            stores: configuration.stores.clone(),
            state: configuration.keeping.state.clone(),
            redis: configuration.keeping.redis.as_ref().map(shared::Settings::digest),
            ring: configuration.keeping.ring.is_some(),
            admin: configuration.admin.as_ref().map(|admin| admin.listener.address.value.clone()),
            token: configuration.admin.as_ref().and_then(|admin| admin.token.as_ref()).map(digest),
            open: configuration.admin.as_ref().is_some_and(|admin| admin.open),
            clear: configuration.admin.as_ref().is_some_and(|admin| admin.listener.is_clear()),
            tracing: configuration.tracing.as_ref().map(|to| (to.collector.to_string(), to.sample.to_bits())),
        }
    }

    fn allows(&self, other: &Self) -> Result<(), NotReloaded> {
        let admin = |fixed: &Self| (fixed.admin.clone(), fixed.token, fixed.open, fixed.clear);
        if self.connections != other.connections {
            Err(NotReloaded::Fixed("`connections`"))
        } else if self.stores != other.stores {
            Err(NotReloaded::Fixed("`stores`"))
        } else if self.state != other.state {
            Err(NotReloaded::Fixed("`state`"))
        } else if self.redis != other.redis {
            Err(NotReloaded::Fixed("`redis`"))
        } else if self.ring != other.ring {
            Err(NotReloaded::Fixed("`key_ring`"))
        } else if admin(self) != admin(other) {
            Err(NotReloaded::Fixed("`admin`"))
        } else if self.tracing != other.tracing {
            Err(NotReloaded::Fixed("`tracing`"))
        } else {
            Ok(())
        }
    }
}

/// By which it is known whether a secret is another.
fn digest(secret: &Secret) -> [u8; 32] {
    hash(DigestAlgorithm::Sha256, secret.expose()).as_ref().first_chunk().copied().unwrap_or_default()
}

/// Puts the configuration of a file in force again and again.
pub struct Reloader {
    file: PathBuf,
    fixed: Arc<Fixed>,
    world: Arc<World>,
    bound: Bound,
    changes: mpsc::Sender<Change<Service>>,
    /// The files of the configuration in force.
    files: Vec<PathBuf>,
    /// What the files looked like when they were read last: these and, where that is another configuration, those of the one
    /// that was refused last.
    seen: Vec<Look>,
}

/// What a refused configuration named, and besides, as they looked `before`, the files that are in force: not what was named by
/// another that was refused earlier.
fn with_refused(in_force: &[PathBuf], before: Vec<Look>, named: Vec<Look>) -> Vec<Look> {
    let mut all = named;
    for look in before {
        if in_force.contains(&look.file) && !all.iter().any(|other| other.file == look.file) {
            all.push(look);
        }
    }
    all
}

impl Reloader {
    /// For a gateway that serves `configuration`, read from `file`, and takes changes.
    pub fn new(
        file: &Path,
        configuration: &Configuration,
        world: Arc<World>,
        changes: mpsc::Sender<Change<Service>>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            fixed: Arc::new(Fixed::of(configuration)),
            world,
            bound: Bound::default(),
            changes,
            files: configuration.files.iter().map(|look| look.file.clone()).collect(),
            seen: configuration.files.clone(),
        }
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn bound(mut self, bound: Bound) -> Self {
        self.bound = bound;
        self
    }

    /// Reloads at each signal, and when a file has changed, for ever.
    pub async fn run(mut self, mut signal: mpsc::Receiver<()>) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(()) = signal.recv() => {}
                _ = ticks.tick() => if !self.changed().await { continue },
            }
            // What was asked for until now is what is read now.
            while signal.try_recv().is_ok() {}
            handover::tell(&Told::Reloading);
            let done = self.reload().await;
            handover::tell(&Told::Ready);
            match &done {
                Ok(()) => tracing::info!(file = %self.file.display(), "the configuration was reloaded"),
                Err(NotReloaded::Ending) => return,
                Err(reason) => tracing::error!("the configuration is not reloaded, and the one before stays: {reason}"),
            }
            self.world.metrics.reloaded(done.is_ok());
        }
    }

    /// Whether a file does not look as it did, and has come to rest: a file that is being written is not read.
    async fn changed(&self) -> bool {
        let mut last = self.look();
        if last == self.seen {
            return false;
        }
        loop {
            tokio::time::sleep(LOOK / 4).await;
            let now = self.look();
            if now == last {
                return true;
            }
            last = now;
        }
    }

    /// What the files look like now.
    fn look(&self) -> Vec<Look> {
        self.seen.iter().map(|look| Look::at(look.file.clone())).collect()
    }

    /// Reads the file and puts it in force.
    pub async fn reload(&mut self) -> Result<(), NotReloaded> {
        // What is not taken is not tried again until it, or a file that it names, changes again.
        self.seen = self.look();
        let mut named = Vec::new();
        let done = self.take(&mut named).await;
        if done.is_ok() {
            self.files = named.iter().map(|look| look.file.clone()).collect();
            self.seen = named;
        } else {
            self.seen = with_refused(&self.files, std::mem::take(&mut self.seen), named);
        }
        done
    }

    /// The same; `named` gets the files that it names, as they looked before they were read.
    async fn take(&mut self, named: &mut Vec<Look>) -> Result<(), NotReloaded> {
        let (file, world, fixed) = (self.file.clone(), Arc::clone(&self.world), Arc::clone(&self.fixed));
        // Files are read, hashed and checked: not where messages are answered.
        let read = tokio::task::spawn_blocking(move || {
            let mut named = Vec::new();
            let gateway = build(&file, &fixed, &world, &mut named);
            (named, gateway)
        });
        let gateway;
        (*named, gateway) = read.await.map_err(|_| NotReloaded::Panicked)?;
        let (made, is_made) = oneshot::channel();
        let (gateway, ring) = gateway?;
        let change = gateway.change(&mut self.bound, made).await?;
        if let (Some(ring), Some(keys)) = (ring, self.world.keys()) {
            keys.replace(&ring)?;
        }
        self.changes.send(change).await.map_err(|_| NotReloaded::Ending)?;
        is_made.await.map_err(|_| NotReloaded::Ending)
    }
}

/// What the configuration in a file makes, in that world, and its key ring.
fn build(
    file: &Path,
    fixed: &Fixed,
    world: &Arc<World>,
    named: &mut Vec<Look>,
) -> Result<(Gateway, Option<Arc<KeyRing>>), NotReloaded> {
    let configuration = Configuration::load_noting(file, named)?;
    // First, since what is built begins to be measured, and its backends to be asked whether they are well.
    fixed.allows(&Fixed::of(&configuration))?;
    let ring = configuration.keeping.ring.clone();
    if let (Some(ring), Some(keys)) = (&ring, world.keys()) {
        ring.active(world.clock.now())?;
        keys.allows(ring)?;
    }
    Ok((Gateway::build(configuration, world)?, ring))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in force is looked at as long as nothing takes its place.
    #[test]
    fn files_of_both_configurations_are_looked_at() {
        let looks = |files: &[&str]| files.iter().map(|file| Look::at(PathBuf::from(file))).collect::<Vec<_>>();
        let in_force = [PathBuf::from("a"), PathBuf::from("b")];
        let once = with_refused(&in_force, looks(&["a", "b"]), looks(&["b", "c"]));
        assert_eq!(once, looks(&["b", "c", "a"]));
        assert_eq!(
            with_refused(&in_force, once, looks(&["b", "d"])),
            looks(&["b", "d", "a"]),
            "what was refused first"
        );
    }
}
