//! `nuncio run`: what a configuration file says.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{Failed, drained, ready, stopped};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::gateway::Gateway;
use crate::random::Entropy;
use crate::world::World;

/// Serves what a configuration file says
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration, in YAML
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Run {
    pub(super) async fn run(self) -> Result<(), Failed> {
        serve(Configuration::load(&self.config)?, Clock::system()).await
    }
}

/// Serves a configuration until a signal comes.
pub(super) async fn serve(configuration: Configuration, clock: Clock) -> Result<(), Failed> {
    let shutdown = stopped()?;
    let world = Arc::new(World::new(clock, Entropy::system(), &configuration.stores));
    let gateway = Gateway::build(configuration, &world)?;
    let sockets = gateway.bind().await?;
    drained(gateway.serve(sockets, ready, shutdown).await)
}
