//! The contract on disk: its documents as they were fetched, in one file that is whole or not there.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::hash;
use nuncio_policy::PolicyError;
use nuncio_policy::model::Contract;
use nuncio_policy::publish::Unpublishable;
use nuncio_policy::wsdl::{self, Documents};
use nuncio_wss::Time;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::Source;
use super::gather::assemble;
use crate::clock::Clock;
use crate::log::Quoted;
use crate::shared::hex;
use crate::state::{NotOpened, file, prepare};

/// The largest file that is read, in octets: the documents of a contract, written as JSON has them.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Why what is kept of a contract is of no use.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The directory is none to keep it in.
    #[error(transparent)]
    Directory(#[from] NotOpened),
    /// The file cannot be read.
    #[error("{}: {reason}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What came of it.
        reason: io::Error,
    },
    /// The file is not as it was written.
    #[error("{} is damaged: {reason}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The documents in it are none of a contract.
    #[error(transparent)]
    Documents(#[from] Unpublishable),
    /// The documents in it are no contract.
    #[error(transparent)]
    Contract(#[from] PolicyError),
}

/// What is in the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Where the contract is published.
    url: String,
    /// When it was fetched, in milliseconds since 1970.
    fetched: i64,
    /// Where each document is, and what it says.
    documents: Vec<(String, String)>,
}

/// A contract that was kept, with when it was fetched.
type Kept = (Documents, Contract, Time);

impl Source {
    /// What is kept; `None` where nothing is.
    pub(super) async fn kept(&self) -> Option<Result<Kept, NotKept>> {
        let (directory, url) = (self.directory.clone()?, self.url.clone());
        let read = tokio::task::spawn_blocking(move || read(&directory, &url).transpose()).await;
        // It ends by a panic alone.
        read.unwrap_or_default()
    }

    /// Keeps documents, and gives them back. That they are not kept is told, and is no reason not to use them.
    pub(super) async fn keep(&self, documents: Documents, clock: &Clock) -> Documents {
        let Some(directory) = self.directory.clone() else { return documents };
        let texts = documents.texts().map(|(at, text)| (at.to_owned(), text.to_owned())).collect();
        let written = Written { url: self.url.to_string(), fetched: clock.now().millis(), documents: texts };
        let name = name(&self.url);
        let kept = tokio::task::spawn_blocking(move || write(&directory, &name, &written)).await;
        if let Ok(Err(reason)) = kept {
            let url = Quoted(self.url.as_str());
            tracing::warn!(%url, %reason, "the service's contract is not kept: should the service be down at the next start, there is none");
        }
        documents
    }
}

/// The contract that was fetched from a URL before and kept in a directory, and when it was fetched; `None` where none is kept.
/// Nobody is asked.
pub(crate) fn kept(directory: &Path, url: &Url) -> Result<Option<(Contract, Time)>, NotKept> {
    let mut url = url.clone();
    url.set_fragment(None);
    Ok(read(directory, &url)?.map(|(_, contract, fetched)| (contract, fetched)))
}

fn write(directory: &Path, name: &str, written: &Written) -> Result<(), NotKept> {
    prepare(directory)?;
    let at = |reason| NotKept::Io { file: directory.join(name), reason };
    let octets = serde_json::to_vec(written).map_err(|error| at(error.into()))?;
    file::replace(directory, name, &octets).map_err(at)
}

fn read(directory: &Path, url: &Url) -> Result<Option<Kept>, NotKept> {
    let file = directory.join(name(url));
    let opened = match File::open(&file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(NotKept::Io { file, reason }),
    };
    // Whoever may write there could write the policy.
    prepare(directory)?;
    let mut octets = Vec::new();
    if let Err(reason) = opened.take(FILE_BYTES + 1).read_to_end(&mut octets) {
        return Err(NotKept::Io { file, reason });
    }
    let damaged = |reason: String| NotKept::Damaged { file: file.clone(), reason };
    if octets.len() as u64 > FILE_BYTES {
        return Err(damaged(format!("it has more than {FILE_BYTES} octets")));
    }
    let written: Written = serde_json::from_slice(&octets).map_err(|error| damaged(error.to_string()))?;
    if written.url != url.as_str() {
        return Err(damaged("it is the contract of another URL".to_owned()));
    }
    let documents = assemble(url, &written.documents)?;
    let contract = wsdl::read_all(&documents)?;
    Ok(Some((documents, contract, Time::from_millis(written.fetched))))
}

/// The name of the file of a contract that is published there.
fn name(url: &Url) -> String {
    let digest = hash(DigestAlgorithm::Sha256, url.as_str().as_bytes());
    format!("contract-{}.json", hex(&digest.as_ref().first_chunk().copied().unwrap_or_default()))
}
