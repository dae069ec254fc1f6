//! `nuncio run`: what a configuration file says.

use std::path::PathBuf;

use clap::Args;

use super::{Failed, drained, ready, stopped};
use crate::clock::Clock;
use crate::config::Configuration;

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

pub(super) async fn serve(_configuration: Configuration, _clock: Clock) -> Result<(), Failed> {
    let _ = (drained, ready, stopped);
    Ok(())
}
