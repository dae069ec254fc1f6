//! A service's own contract: fetched from where the service publishes it, with what it imports, and kept on disk for when the
//! service is not there.
//!
//! A contract says how calls are protected. So it is fetched from nowhere but the [`Source`] that an operator named (`gather.rs`),
//! over a connection on which nobody can change it, and what changes from one time to the next is told (`changes.rs`).
//! `kept.rs` has the file on disk.

mod changes;
mod gather;
mod kept;

use std::path::PathBuf;
use std::time::Duration;

use nuncio_policy::PolicyError;
use nuncio_policy::model::Contract;
use nuncio_policy::publish::Unpublishable;
use nuncio_policy::wsdl::{self, Documents};
use reqwest::{Client, Url};

pub(crate) use self::gather::{Gathered, gather};
pub use self::kept::NotKept;
pub(crate) use self::kept::kept;
use crate::clock::Clock;
use crate::config::{Backend, Timeouts};
use crate::host;
use crate::log::Quoted;
use crate::upstream::{Unavailable, UpstreamProblem, client};

/// How long it may take to fetch a contract, with all that it imports.
const FETCH: Duration = Duration::from_secs(10);

/// Where a service publishes its contract.
pub struct Source {
    url: Url,
    client: Client,
    directory: Option<PathBuf>,
}

/// Why a contract is not obtained from a URL.
#[derive(Debug, thiserror::Error)]
pub enum SourceProblem {
    /// Over clear HTTP anyone on the way can change it.
    #[error("{0} is not https: whoever is on the way could write the policy by which calls are protected")]
    Clear(Url),
    /// There is no client for it.
    #[error(transparent)]
    Client(#[from] UpstreamProblem),
}

/// Why a contract was not fetched. For the operator alone: it may name hosts.
#[derive(Debug, thiserror::Error)]
pub enum NotFetched {
    /// A document of it was not to be had.
    #[error("{}: {reason}", Quoted(.url.as_str()))]
    Unavailable {
        /// Which.
        url: Box<Url>,
        /// What came of it.
        reason: Unavailable,
    },
    /// A document is none of a contract, or there are too many.
    #[error(transparent)]
    Documents(#[from] Unpublishable),
    /// The documents are no contract.
    #[error(transparent)]
    Contract(#[from] PolicyError),
    /// It took too long.
    #[error("it did not come within {FETCH:?}")]
    Slow,
}

/// Why there is no contract.
#[derive(Debug, thiserror::Error)]
pub enum NotObtained {
    /// It was not fetched, and nothing is kept.
    #[error("the service's contract was not fetched: {0}")]
    NotFetched(NotFetched),
    /// It was not fetched, and what is kept cannot be used.
    #[error("the service's contract was not fetched: {fetched}; and the one that is kept is of no use: {kept}")]
    Neither {
        /// Why it was not fetched.
        fetched: Box<NotFetched>,
        /// Why what is kept is of no use.
        kept: Box<NotKept>,
    },
}

/// A contract.
#[derive(Debug)]
pub struct Obtained {
    /// Its documents.
    pub documents: Documents,
    /// What they say.
    pub contract: Contract,
    /// Where it is from.
    pub from: Origin,
}

/// Where a contract is from.
#[derive(Debug)]
pub enum Origin {
    /// The service. What is said of each port that is not as it was in what had been kept is told here, a line each.
    Fetched(Vec<String>),
    /// What had been kept.
    Kept {
        /// How long ago it was fetched.
        age: Duration,
        /// Why it was not fetched now.
        reason: NotFetched,
    },
}

impl Source {
    /// A contract at a URL, which is asked with the TLS settings of that backend. Otherwise as [`Source::over`].
    pub fn new(url: Url, tls: &Backend, timeouts: &Timeouts, danger_clear: bool) -> Result<Self, SourceProblem> {
        let backend = Backend { trust: tls.trust.clone(), identity: tls.identity.clone(), ..Backend::new(url.clone()) };
        let client = client(&backend, &tls.timeouts.over(timeouts))?;
        Self::over(url, client, danger_clear)
    }

    /// A contract at a URL, which is asked by that client. Where anyone on the way could change it, there is none unless
    /// `danger_clear` says otherwise: over clear HTTP from anywhere but this machine.
    pub fn over(mut url: Url, client: Client, danger_clear: bool) -> Result<Self, SourceProblem> {
        url.set_fragment(None);
        let is_here = url.host_str().is_some_and(host::is_loopback);
        if url.scheme() != "https" && !is_here && !danger_clear {
            return Err(SourceProblem::Clear(url));
        }
        Ok(Self { url, client, directory: None })
    }

    /// The same, kept in a directory: made if it is not there, and shared by whatever contracts there are.
    #[must_use]
    pub fn kept_in(self, directory: PathBuf) -> Self {
        Self { directory: Some(directory), ..self }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Fetches the contract; where that fails, the one that was fetched before stands for it, if it was kept. It says in the
    /// log which it is, and what of it is not as it was.
    pub async fn obtain(&self, clock: &Clock) -> Result<Obtained, NotObtained> {
        let (kept, fetched) = (self.kept().await, self.fetch().await);
        let url = Quoted(self.url.as_str());
        match (fetched, kept) {
            (Ok((documents, contract)), kept) => {
                let changes = match &kept {
                    Some(Ok((_, before, _))) => changes::between(before, &contract),
                    Some(Err(reason)) => {
                        tracing::warn!(%url, %reason, "the contract that was kept is of no use, and is replaced");
                        Vec::new()
                    }
                    None => Vec::new(),
                };
                for change in &changes {
                    tracing::warn!(%url, "the service's contract is not what it was: {}", Quoted(change));
                }
                let documents = self.keep(documents, clock).await;
                Ok(Obtained { documents, contract, from: Origin::Fetched(changes) })
            }
            (Err(reason), Some(Ok((documents, contract, at)))) => {
                let age = clock.now().millis().saturating_sub(at.millis()).try_into().unwrap_or_default();
                let age = Duration::from_millis(age);
                let seconds = age.as_secs();
                tracing::warn!(%url, %reason, seconds, "the service's contract was not fetched: the one of so long ago is used");
                Ok(Obtained { documents, contract, from: Origin::Kept { age, reason } })
            }
            (Err(fetched), Some(Err(kept))) => {
                Err(NotObtained::Neither { fetched: Box::new(fetched), kept: Box::new(kept) })
            }
            (Err(reason), None) => Err(NotObtained::NotFetched(reason)),
        }
    }

    async fn fetch(&self) -> Result<(Documents, Contract), NotFetched> {
        let Gathered { documents, left } = gather(&self.client, &self.url).await?;
        for location in &left {
            let (url, location) = (Quoted(self.url.as_str()), Quoted(location));
            tracing::warn!(%url, %location, "an import of the service's contract is left out: it is not the service's");
        }
        let contract = wsdl::read_all(&documents)?;
        Ok((documents, contract))
    }
}
