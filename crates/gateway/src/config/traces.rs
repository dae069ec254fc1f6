//! Where traces go, as it is said.

use schemars::JsonSchema;
use serde::Deserialize;

use super::backend::called;
use super::error::{ConfigError, Problem, Troubled};
use super::{Said, TracingSettings};

/// Where spans of the gateway's own go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracingInput {
    /// The URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; traces go to `/v1/traces` there,
    /// unless it has a path of its own.
    pub(crate) otlp: Said<String>,
    /// Which part of the traces that begin at the gateway is kept, from 0 to 1. Of others, whoever began them says it.
    pub(crate) sample: Option<Said<f64>>,
}

impl TracingInput {
    pub(super) fn build(self) -> Result<TracingSettings, ConfigError> {
        let collector = called(&self.otlp.value)
            .map_err(|reason| self.otlp.problem(Problem::Collector { url: self.otlp.value.clone(), reason }))?;
        let sample = match self.sample {
            Some(said) if !(0.0..=1.0).contains(&said.value) => return Err(said.problem(Problem::Part(said.value))),
            Some(said) => said.value,
            None => 1.0,
        };
        Ok(TracingSettings { collector, sample })
    }
}
