//! The policy of a service, from the contract that it publishes.

use nuncio_crypto::certificate::Certificate;

use crate::config::{Endpoint, Published};
use crate::upstream::Upstream;

/// The largest contract, in octets.
const LARGEST: usize = 8 << 20;

/// Why nothing is known of a service's policy.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotPublished {
    /// It does not publish it, or nobody could ask.
    #[error(transparent)]
    Unavailable(#[from] crate::upstream::Unavailable),
    /// What it publishes is of no use.
    #[error("{0}")]
    Unusable(String),
}

/// What a service's contract asks for, and the certificate that it names as the service's.
pub(super) async fn obtain(
    published: &Published,
    upstream: &Upstream,
) -> Result<(Endpoint, Option<Certificate>), NotPublished> {
    let octets = upstream.document(published.url.clone(), LARGEST).await?;
    let name = published.url.to_string();
    let endpoint = Endpoint::of_contract(&name, &octets, published.port.as_deref());
    Ok((endpoint.map_err(|reason| NotPublished::Unusable(reason.to_string()))?, None))
}
