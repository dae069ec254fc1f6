//! Another configuration for a gateway that serves: read whole, compiled whole, its sockets bound; then in force at one
//! moment, or not at all.
//!
//! What a conversation was established under holds until it ends: a route keeps its conversations if its policy and whom it
//! trusts stay the same (`route::scope`). Stores, caps of connections and the admin listener are made once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::config::{ConfigError, Configuration, ConnectionLimits, StoreLimits};
use crate::gateway::{Bound, CannotListen, Change, Gateway};
use crate::handover::{self, Told};
use crate::route::{RouteError, Service};
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
    admin: Option<String>,
    /// Collector, and the octets of the part that is kept.
    tracing: Option<(String, u64)>,
}

impl Fixed {
    fn of(configuration: &Configuration) -> Self {
        Self {
            connections: configuration.connections.clone(),
            stores: configuration.stores.clone(),
            admin: configuration.admin.as_ref().map(|admin| admin.address.value.clone()),
            tracing: configuration.tracing.as_ref().map(|to| (to.collector.to_string(), to.sample.to_bits())),
        }
    }

    fn allows(&self, other: &Self) -> Result<(), NotReloaded> {
        if self.connections != other.connections {
            Err(NotReloaded::Fixed("`connections`"))
        } else if self.stores != other.stores {
            Err(NotReloaded::Fixed("`stores`"))
        } else if self.admin != other.admin {
            Err(NotReloaded::Fixed("`admin`"))
        } else if self.tracing != other.tracing {
            Err(NotReloaded::Fixed("`tracing`"))
        } else {
            Ok(())
        }
    }
}

/// Puts the configuration of a file in force again and again.
pub struct Reloader {
    file: PathBuf,
    fixed: Arc<Fixed>,
    world: Arc<World>,
    bound: Bound,
    changes: mpsc::Sender<Change<Service>>,
    /// What the files looked like when they were read last.
    seen: Vec<Look>,
}

/// What a file looks like from outside: when it was changed, and how long it is; `None` where it is not there.
type Look = (PathBuf, Option<(SystemTime, u64)>);

fn look<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Vec<Look> {
    let one = |file: &PathBuf| {
        let seen = std::fs::metadata(file).and_then(|seen| Ok((seen.modified()?, seen.len())));
        (file.clone(), seen.ok())
    };
    files.into_iter().map(one).collect()
}

/// What files looked like when they were read: as they did `before` that, where it is known, so that what was changed while
/// they were read is seen as a change; as they did `after` it, of those that are named for the first time.
fn as_read(before: &[Look], after: Vec<Look>) -> Vec<Look> {
    let known = |file: &Path| before.iter().find(|(other, _)| other == file).map(|(_, seen)| *seen);
    after
        .into_iter()
        .map(|(file, seen)| {
            let seen = known(&file).unwrap_or(seen);
            (file, seen)
        })
        .collect()
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
            seen: look(&configuration.files),
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
        look(self.seen.iter().map(|(file, _)| file))
    }

    /// Reads the file and puts it in force.
    pub async fn reload(&mut self) -> Result<(), NotReloaded> {
        // What is not taken is not tried again until it changes again.
        self.seen = self.look();
        let (file, world, fixed) = (self.file.clone(), Arc::clone(&self.world), Arc::clone(&self.fixed));
        // Files are read, hashed and checked: not where messages are answered.
        let read = tokio::task::spawn_blocking(move || {
            let configuration = Configuration::load(&file)?;
            // First, since what is built begins to be measured, and its backends to be asked whether they are well.
            fixed.allows(&Fixed::of(&configuration))?;
            let looks = look(&configuration.files);
            Ok::<_, NotReloaded>((looks, Gateway::build(configuration, &world)?))
        });
        let (looks, gateway) = read.await.map_err(|_| NotReloaded::Panicked)??;
        let (made, is_made) = oneshot::channel();
        let change = gateway.change(&mut self.bound, made).await?;
        self.changes.send(change).await.map_err(|_| NotReloaded::Ending)?;
        is_made.await.map_err(|_| NotReloaded::Ending)?;
        self.seen = as_read(&self.seen, looks);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_while_it_is_read_is_a_change() {
        let look = |file: &str, octets| (PathBuf::from(file), Some((SystemTime::UNIX_EPOCH, octets)));
        let before = [look("a", 1), look("b", 1), look("gone", 1)];
        let after = vec![look("a", 2), look("b", 1), look("new", 7)];
        assert_eq!(as_read(&before, after), [look("a", 1), look("b", 1), look("new", 7)]);
    }
}
