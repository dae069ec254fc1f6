//! `nuncio run`: what a configuration file says.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::{Failed, drained, ready, stopped};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::gateway::Gateway;
use crate::handover::Inherited;
use crate::listen::unchanging;
use crate::random::{Entropy, seed_ahead};
use crate::reload::Reloader;
use crate::world::World;

/// Serves what a configuration file says
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration, in YAML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Run {
    pub(super) async fn run(self, mut inherited: Inherited) -> Result<(), Failed> {
        seed_ahead();
        let shutdown = stopped()?;
        let mut hangup = signal(SignalKind::hangup()).map_err(Failed::Signals)?;
        let configuration = Configuration::load(&self.config)?;
        let world = World::new(Clock::system(), Entropy::system(), &configuration.stores).after_another();
        let world = world.with(&configuration.keeping).await?;
        let world = Arc::new(world.traced(configuration.tracing.as_ref())?);
        let (change, changes) = mpsc::channel(1);
        let reloader = Reloader::new(&self.config, &configuration, Arc::clone(&world), change);
        let gateway = Gateway::build(configuration, &world)?;
        let mut sockets = gateway.bind_among(&mut inherited).await?;
        unused(&inherited)?;
        let (asked, asks) = mpsc::channel(1);
        let reload = tokio::spawn(reloader.bound(sockets.take_bound()).run(asks));
        let listen = tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                let _ = asked.send(()).await;
            }
        });
        let cut = gateway.serve(sockets, changes, ready, shutdown).await;
        reload.abort();
        listen.abort();
        drained(cut)
    }
}

/// Serves a configuration until a signal comes. `recorded` where the clock is not the present's.
pub(super) async fn serve(
    configuration: Configuration,
    clock: Clock,
    recorded: bool,
    mut inherited: Inherited,
) -> Result<(), Failed> {
    let shutdown = stopped()?;
    let world = World::new(clock, Entropy::system(), &configuration.stores);
    // What was recorded is older than its clock's beginning.
    let world = if recorded { world } else { world.after_another() };
    let world = Arc::new(world.with(&configuration.keeping).await?);
    let gateway = Gateway::build(configuration, &world)?;
    let sockets = gateway.bind_among(&mut inherited).await?;
    unused(&inherited)?;
    drained(gateway.serve(sockets, unchanging(), ready, shutdown).await)
}

/// Whoever connects to a socket that was passed and that nobody serves would wait for ever.
fn unused(inherited: &Inherited) -> Result<(), Failed> {
    inherited.left().next().map_or(Ok(()), |socket| Err(Failed::Unused(socket)))
}
