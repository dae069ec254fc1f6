//! The plain service behind a route, as it is said.

use std::path::PathBuf;

use reqwest::Url;

use super::base::{Base, read};
use super::credentials::certificates;
use super::error::{ConfigError, Problem, Troubled};
use super::{Backend, Said};

/// A backend of its URL, and of the certificates that it is checked against.
pub(super) fn backend(url: &Said<String>, trust: Option<Said<PathBuf>>, base: &Base) -> Result<Backend, ConfigError> {
    let url = backend_url(url)?;
    // reqwest has its own type of certificate, and takes PEM; that it is PEM is checked here, where the line is known.
    let trust = trust.map(|file| certificates(&file, base).and_then(|_| read(base, &file))).transpose()?;
    Ok(Backend { url, trust })
}

fn backend_url(backend: &Said<String>) -> Result<Url, ConfigError> {
    let refuse = |reason| backend.problem(Problem::Backend { url: backend.value.clone(), reason });
    let url = Url::parse(&backend.value).map_err(|_| refuse("is not an absolute URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("is neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("has a user in it"));
    }
    if url.fragment().is_some() {
        return Err(refuse("has a fragment, which no request carries"));
    }
    Ok(url)
}
