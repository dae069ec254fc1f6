//! The policy of a service, from the contract that it publishes.

use crate::clock::Clock;
use crate::config::{Endpoint, Published};
use crate::fetched::{NotObtained, Source, SourceProblem};
use crate::upstream::Upstream;

/// Why nothing is known of a service's policy.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotPublished {
    /// It is not to be had from there.
    #[error(transparent)]
    Source(#[from] SourceProblem),
    /// It does not publish it, or nobody could ask.
    #[error(transparent)]
    NotObtained(#[from] NotObtained),
    /// What it publishes is of no use.
    #[error("{0}")]
    Unusable(String),
}

/// What a service's contract asks for.
pub(super) async fn obtain(
    published: &Published,
    upstream: &Upstream,
    clock: &Clock,
) -> Result<Endpoint, NotPublished> {
    let source = Source::over(published.url.clone(), upstream.client().clone(), published.danger_clear)?;
    let source = match &published.cache {
        Some(directory) => source.kept_in(directory.clone()),
        None => source,
    };
    let contract = source.obtain(clock).await?.contract;
    let endpoint = Endpoint::of_contract(source.url().as_str(), contract, published.port.as_deref());
    endpoint.map_err(|reason| NotPublished::Unusable(reason.to_string()))
}
