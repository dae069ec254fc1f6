//! The admin listener of a running gateway, as commands reach it: in clear on this machine, or over TLS.

use std::path::{Path, PathBuf};

use clap::Args;
use nuncio_crypto::secret::Secret;
use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::Failed;
use crate::config::first_line;
use crate::shared::client_config;

/// Where the admin listener is, and what it is shown.
#[derive(Debug, Args)]
pub(super) struct Watched {
    /// Where the admin listener is
    #[arg(long, global = true, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    pub(super) admin: String,
    /// A file whose one line is the token of that listener, where it is on another machine
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Asks over TLS, and believes who has one of these certificates, in PEM, or one that they issued
    #[arg(long, global = true, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// A certificate in PEM that the listener is shown, and those above it
    #[arg(long, global = true, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The certificate's key in PEM
    #[arg(long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Watched {
    /// The URL of a path there.
    pub(super) fn url(&self, path: &str) -> String {
        let scheme = if self.trust.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.admin)
    }

    /// The host in its address.
    pub(super) fn host(&self) -> &str {
        let host = self.admin.rsplit_once(':').map_or(&*self.admin, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The token that is shown, if any is.
    pub(super) fn token(&self) -> Result<Option<String>, Failed> {
        let Some(file) = &self.token_file else { return Ok(None) };
        let token = first_line(&read("token-file", file)?);
        let text = std::str::from_utf8(token.expose()).map_err(|error| failed("token-file", file, &error))?;
        Ok(Some(text.to_owned()))
    }

    /// How it is asked over TLS; `None` where it is asked in clear.
    pub(super) fn tls(&self) -> Result<Option<ClientConfig>, Failed> {
        let shown = match (&self.certificate, &self.key) {
            (None, None) => None,
            (Some(_), None) => return Err(Failed::Step("--certificate: it is there without --key".into())),
            (None, Some(_)) => return Err(Failed::Step("--key: it is there without --certificate".into())),
            (Some(certificate), Some(key)) => {
                let (mut pem, key) = (read("certificate", certificate)?, read("key", key)?);
                pem.push(b'\n');
                Some(Secret::new([&pem[..], &key[..]].concat()))
            }
        };
        match &self.trust {
            None if shown.is_some() => Err(Failed::Step("--certificate: it is there without --trust".into())),
            None => Ok(None),
            Some(file) => {
                let pem = read("trust", file)?;
                let config = client_config(Some(&pem), shown.as_ref());
                config.map(Some).map_err(|error| Failed::Step(format!("{}: {error}", self.url(""))))
            }
        }
    }
}

fn read(flag: &str, file: &Path) -> Result<Zeroizing<Vec<u8>>, Failed> {
    std::fs::read(file).map(Zeroizing::new).map_err(|error| failed(flag, file, &error))
}

fn failed(flag: &str, file: &Path, why: &dyn std::fmt::Display) -> Failed {
    Failed::Step(format!("--{flag}: {}: {why}", file.display()))
}
