//! `nuncio schema`: what editors need to complete and check a configuration.

use std::io::Write;

use clap::Args;

use super::Failed;
use crate::config::schema;

/// Prints the JSON Schema of configuration files
#[derive(Debug, Args)]
pub(super) struct PrintSchema;

impl PrintSchema {
    pub(super) fn run() -> Result<(), Failed> {
        let printed = writeln!(std::io::stdout(), "{:#}", schema().as_value());
        printed.map_err(|error| Failed::Step(format!("standard output: {error}")))
    }
}
