//! Listeners, as they are said.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::base::{Base, read_secret};
use super::credentials::PairInput;
use super::error::{ConfigError, Problem, Troubled};
use super::several::Several;
use super::trust::TrustInput;
use super::user::{Password, first_line};
use super::{AdminSettings, Cidr, ListenerSettings, Protection, Said};
use crate::handover::Binding;
use crate::listen::{ClientCertificates, Side, TlsSettings, server_config};

/// A listener.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerInput {
    /// Address and port, such as `127.0.0.1:8080`.
    pub(crate) address: Said<String>,
    /// The name of a socket that the service manager passes, in place of one that is bound. One that is passed with the
    /// listener's address is taken without it.
    pub(crate) socket: Option<Said<String>>,
    /// Whether other processes may listen at the same address (`SO_REUSEPORT`): a next gateway, before this one ends.
    #[serde(default)]
    pub(crate) reuse_port: bool,
    /// TLS of the gateway's own.
    pub(crate) tls: Option<TlsInput>,
    /// Whether HTTP/2 is spoken under `tls`, with who asks for it; it is, unless it is said.
    pub(crate) http2: Option<Said<bool>>,
    /// Whether clients prove by certificate to TLS who they are.
    #[serde(default)]
    pub(crate) client_certificates: ClientCertificatesInput,
    /// Which ones are believed then, as of messages; whether they may be revoked must be said (`crls`).
    pub(crate) trust: Option<TrustInput>,
    /// Plain HTTP, behind a proxy that takes TLS off: requests from these addresses (`10.0.0.0/8`) count as secure.
    #[serde(default)]
    pub(crate) tls_terminated_by: Vec<Said<String>>,
}

/// Whether clients prove by certificate to TLS who they are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientCertificatesInput {
    /// They are not asked.
    #[default]
    Off,
    /// They may.
    Optional,
    /// They must, or there is no connection.
    Required,
}

/// A certificate and its key.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsInput {
    /// A file with the certificate in PEM, and those above it.
    pub(crate) certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    pub(crate) key: Option<Said<PathBuf>>,
    /// A file with both in PKCS #12, in place of the two.
    pub(crate) pfx: Option<Said<PathBuf>>,
    /// The password of the PKCS #12 file.
    pub(crate) password: Option<Password>,
    /// A file whose one line is that password.
    pub(crate) password_file: Option<Said<PathBuf>>,
}

/// Where the gateway is watched over.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminInput {
    /// Address and port, such as `127.0.0.1:9901`.
    pub(crate) address: Said<String>,
    /// TLS of the gateway's own.
    pub(crate) tls: Option<TlsInput>,
    /// Whether watchers prove by certificate to TLS who they are: who does may do all from other machines too.
    #[serde(default)]
    pub(crate) client_certificates: ClientCertificatesInput,
    /// Which ones are believed then, as of a listener's clients; whether they may be revoked must be said (`crls`).
    pub(crate) trust: Option<TrustInput>,
    /// A file whose one line is a token: whoever shows it (`Authorization: Bearer`) may do all from other machines too. Without
    /// `tls` it travels in clear.
    pub(crate) token_file: Option<Said<PathBuf>>,
    /// Whether it may be watched from other machines by anybody: by who shows neither the token nor a certificate, or without
    /// `tls`.
    #[serde(default)]
    pub(crate) danger_admin_beyond_loopback: bool,
}

impl ListenerInput {
    /// A listener from the URL of a flag. `tls` is what an `https` one uses.
    pub(crate) fn of_url(url: &str, tls: Option<&TlsInput>, tls_terminated_by: &[String]) -> Result<Self, ConfigError> {
        let said = Said::flag("listen", url);
        let refuse = |problem: fn(String) -> Problem| said.problem(problem(url.to_owned()));
        let (scheme, address) = url.split_once("://").ok_or_else(|| refuse(Problem::Listen))?;
        let address = address.strip_suffix('/').unwrap_or(address);
        if address.contains(['/', '?', '#']) {
            return Err(refuse(Problem::ListenPath));
        }
        if !is_address(address) {
            return Err(refuse(Problem::Listen));
        }
        let (tls, terminators) = match scheme {
            "http" => (None, tls_terminated_by),
            "https" => (Some(tls.ok_or_else(|| refuse(Problem::ListenWithout))?.clone()), &[][..]),
            _ => return Err(refuse(Problem::Listen)),
        };
        Ok(Self {
            address: Said::flag("listen", address.to_owned()),
            tls,
            http2: None,
            client_certificates: ClientCertificatesInput::Off,
            trust: None,
            socket: None,
            reuse_port: false,
            tls_terminated_by: terminators.iter().map(|range| Said::flag("tls-terminated-by", range.clone())).collect(),
        })
    }

    /// Reads its files, below `base`.
    pub(crate) fn build(self, base: &Base) -> Result<ListenerSettings, ConfigError> {
        let address = &self.address;
        if !is_address(&address.value) {
            return Err(address.problem(Problem::Address(address.value.clone())));
        }
        let clients = self.client_certificates.build(self.trust, self.tls.is_some(), address, base)?;
        let mut certificates = Vec::new();
        let protection = match self.tls {
            Some(_) if !self.tls_terminated_by.is_empty() => {
                return Err(address.problem(Problem::Either {
                    owner: "listener",
                    first: "tls",
                    second: "tls_terminated_by",
                }));
            }
            Some(tls) => {
                let config;
                let client_certificates = clients.is_some();
                let http2 = self.http2.is_none_or(|said| said.value);
                (config, certificates) = tls.build(&address.with(()), http2, clients, base)?;
                Protection::Tls { config, client_certificates }
            }
            None if let Some(said) = self.http2.as_ref().filter(|said| said.value) => {
                return Err(said.problem(Problem::Half { given: "http2", missing: "tls" }));
            }
            None => Protection::Clear { tls_terminated_by: ranges(self.tls_terminated_by)? },
        };
        if let Some(socket) = self.socket.as_ref().filter(|_| self.reuse_port) {
            return Err(socket.problem(Problem::Either { owner: "listener", first: "socket", second: "reuse_port" }));
        }
        let binding = Binding { socket: self.socket.map(|said| said.value), reuse_port: self.reuse_port };
        let side = Side::Ingress;
        Ok(ListenerSettings { address: self.address, binding, side, protection, certificates })
    }
}

impl ClientCertificatesInput {
    /// Which clients are believed by certificate, if any are asked for one.
    fn build(
        self,
        trust: Option<TrustInput>,
        tls: bool,
        listener: &Said<String>,
        base: &Base,
    ) -> Result<Option<ClientCertificates>, ConfigError> {
        let half = |given, missing| Err(listener.problem(Problem::Half { given, missing }));
        match (self, trust) {
            (Self::Off, None) => Ok(None),
            (Self::Off, Some(_)) => half("trust", "client_certificates"),
            (_, _) if !tls => half("client_certificates", "tls"),
            (_, None) => half("client_certificates", "trust"),
            (mode, Some(trust)) => clients(mode, trust, listener, base).map(Some),
        }
    }
}

/// Which clients are believed by certificate. What is not said of that is not guessed.
fn clients(
    mode: ClientCertificatesInput,
    trust: TrustInput,
    listener: &Said<String>,
    base: &Base,
) -> Result<ClientCertificates, ConfigError> {
    if !matches!(&trust, Several::Other(rules) if rules.crls.is_some()) {
        return Err(listener.problem(Problem::RevocationUnsaid));
    }
    let trust = super::trust::trust(trust, base)?;
    if trust.is_nobody() {
        return Err(listener.problem(Problem::Empty("trust", "nobody would be believed")));
    }
    Ok(ClientCertificates { required: mode == ClientCertificatesInput::Required, trust })
}

impl TlsInput {
    /// `listener` is where neither way to say a certificate is told.
    fn build(
        self,
        listener: &Said<()>,
        http2: bool,
        clients: Option<ClientCertificates>,
        base: &Base,
    ) -> Result<(Arc<rustls::ServerConfig>, Vec<Certificate>), ConfigError> {
        let Self { certificate, key, pfx, password, password_file } = self;
        let pair = PairInput { certificate, key, pfx, password, password_file }.read(base)?;
        let (owner, first, second) = ("listener's `tls`", "certificate", "pfx");
        let pair = pair.ok_or_else(|| listener.problem(Problem::Either { owner, first, second }))?;
        let (certificate, key) = (&*pair.certificate, pair.key.expose());
        let config = server_config(TlsSettings { certificate, key, http2, clients }).map_err(|problem| {
            pair.certificate_file.problem(Problem::Tls {
                certificate: pair.certificate_file.value.display().to_string(),
                key: pair.key_file.value.display().to_string(),
                problem,
            })
        })?;
        // What TLS takes and we cannot read is served all the same: nothing here depends on what is in it.
        Ok((config, Certificate::from_pem(&pair.certificate).unwrap_or_default()))
    }
}

impl AdminInput {
    /// A name may lead anywhere, so what stays on this machine is written as an address.
    pub(super) fn build(self, base: &Base) -> Result<AdminSettings, ConfigError> {
        let Self { address, tls, client_certificates, trust, token_file, danger_admin_beyond_loopback: danger } = self;
        if !is_address(&address.value) {
            return Err(address.problem(Problem::Address(address.value.clone())));
        }
        let loopback = is_loopback(&address.value);
        let clients = client_certificates.build(trust, tls.is_some(), &address, base)?;
        let can_prove = tls.is_some() && (clients.is_some() || token_file.is_some());
        if !loopback && !danger && !can_prove {
            return Err(address.problem(Problem::AdminBeyondLoopback(address.value.clone())));
        }
        // Whoever must prove to TLS who he is, is not anybody.
        let proves = clients.as_ref().is_some_and(|clients| clients.required);
        let token = token_file.map(|said| token(&said, base)).transpose()?;
        let (protection, certificates) = match tls {
            None => (Protection::Clear { tls_terminated_by: Vec::new() }, Vec::new()),
            Some(tls) => {
                let client_certificates = clients.is_some();
                let (config, certificates) = tls.build(&address.with(()), false, clients, base)?;
                (Protection::Tls { config, client_certificates }, certificates)
            }
        };
        let (binding, side) = (Binding::default(), Side::Ingress);
        let listener = ListenerSettings { address, binding, side, protection, certificates };
        Ok(AdminSettings { listener, token, open: loopback || danger && !proves })
    }
}

/// Whether an address is one of this machine's own. A name may lead anywhere, so what stays here is written as a number.
pub(super) fn is_loopback(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().to_canonical().is_loopback())
}

/// The shortest token: nobody guesses it.
const SHORTEST_TOKEN: usize = 16;

/// The token of a file.
fn token(said: &Said<PathBuf>, base: &Base) -> Result<Secret, ConfigError> {
    let token = first_line(read_secret(base, said)?.expose());
    let sound = token.len() >= SHORTEST_TOKEN && token.expose().iter().all(u8::is_ascii_graphic);
    if sound { Ok(token) } else { Err(said.problem(Problem::Token(SHORTEST_TOKEN))) }
}

/// A name is looked up when the socket is bound; here it needs a port, and something before it.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn ranges(ranges: Vec<Said<String>>) -> Result<Vec<Cidr>, ConfigError> {
    let parse = |range: Said<String>| {
        let parsed = range.value.parse();
        parsed.map_err(|reason| range.problem(Problem::Cidr { text: range.value.clone(), reason }))
    };
    ranges.into_iter().map(parse).collect()
}
