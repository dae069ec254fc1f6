//! From what an operator said, in a file or by flags, to what can be served.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::secret::Secret;
use reqwest::Url;

use super::error::{ConfigError, Problem, Sited, read};
use super::limits::{ConnectionLimits, Lifetimes, MessageLimits, StoreLimits, Timeouts};
use super::{
    Backend, Cidr, Configuration, ContractSettings, Endpoint, Identity, ListenerSettings, Protection, RoutePath,
    RouteSettings,
};
use crate::listen::server_config;
use crate::users::{Keep, Users};

/// A whole configuration, as it was said.
pub(crate) struct Document {
    pub(crate) listeners: Sited<Vec<ListenerInput>>,
    pub(crate) routes: Sited<Vec<RouteInput>>,
    pub(crate) admin: Option<AdminInput>,
    pub(crate) connections: ConnectionLimits,
    pub(crate) stores: StoreLimits,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) timeouts: Timeouts,
}

/// A listener, as it was said.
pub(crate) struct ListenerInput {
    pub(crate) address: Sited<String>,
    pub(crate) tls: Option<TlsInput>,
    pub(crate) tls_terminated_by: Vec<Sited<String>>,
}

/// The admin listener, as it was said.
pub(crate) struct AdminInput {
    pub(crate) address: Sited<String>,
    /// Whether it may be reached from other machines.
    pub(crate) beyond_loopback: bool,
}

/// A certificate and its key, as they were said.
pub(crate) type TlsInput = (Sited<PathBuf>, Sited<PathBuf>);

/// A route, as it was said.
pub(crate) struct RouteInput {
    /// `None` for every path.
    pub(crate) path: Option<Sited<String>>,
    pub(crate) backend: Sited<String>,
    pub(crate) backend_trust: Option<Sited<PathBuf>>,
    pub(crate) policy: PolicyInput,
    /// Where the contract is, if not where the policy is.
    pub(crate) contract: Option<Sited<String>>,
    /// Whether clients may ask for it.
    pub(crate) publish: bool,
    pub(crate) certificate: Option<Sited<PathBuf>>,
    pub(crate) key: Option<Sited<PathBuf>>,
    /// Another certificate and key, which sign nothing.
    pub(crate) encryption: Option<(Sited<PathBuf>, Sited<PathBuf>)>,
    pub(crate) users: Vec<UserInput>,
    /// In which form that can be read again passwords are kept; `None` for none.
    pub(crate) keep_passwords: Option<Sited<String>>,
    pub(crate) trust: Vec<Sited<PathBuf>>,
    pub(crate) addresses: Vec<Sited<String>>,
    pub(crate) forward_addressing: bool,
    /// Whether a request that comes without a trace begins one.
    pub(crate) trace: bool,
    pub(crate) limits: MessageLimits,
}

/// Where a route's policy is, as it was said.
pub(crate) struct PolicyInput {
    pub(crate) wsdl: Option<Sited<PathBuf>>,
    pub(crate) port: Option<Sited<String>>,
    pub(crate) preset: Option<Sited<String>>,
}

/// A user, as it was said.
pub(crate) struct UserInput {
    pub(crate) name: Sited<String>,
    pub(crate) password: PasswordInput,
}

/// A password, as it was said.
pub(crate) struct PasswordInput {
    pub(crate) plain: Option<Sited<Secret>>,
    pub(crate) file: Option<Sited<PathBuf>>,
}

impl ListenerInput {
    /// A listener from the URL of a flag. `tls` is what an `https` one uses.
    pub(crate) fn of_url(url: &str, tls: Option<&TlsInput>, tls_terminated_by: &[String]) -> Result<Self, ConfigError> {
        let said = Sited::flag("listen", url);
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
            address: Sited::flag("listen", address.to_owned()),
            tls,
            tls_terminated_by: terminators
                .iter()
                .map(|range| Sited::flag("tls-terminated-by", range.clone()))
                .collect(),
        })
    }

    /// As [`Document::build`], a listener alone.
    pub(crate) fn build(self, base: &Path) -> Result<ListenerSettings, ConfigError> {
        listener(self, base)
    }
}

impl Document {
    /// Reads the files that are named, below `base`, and checks all that can be checked before a policy is read.
    pub(crate) fn build(self, base: &Path) -> Result<Configuration, ConfigError> {
        if self.listeners.value.is_empty() {
            return Err(self.listeners.problem(Problem::Empty("listeners", "nobody could reach it")));
        }
        if self.routes.value.is_empty() {
            return Err(self.routes.problem(Problem::Empty("routes", "nothing would be served")));
        }
        let mut paths = HashSet::new();
        for path in self.routes.value.iter().filter_map(|route| route.path.as_ref()) {
            if !paths.insert(&path.value) {
                return Err(path.problem(Problem::Twice { what: "path", value: path.value.clone() }));
            }
        }
        let listeners: Vec<_> =
            self.listeners.value.into_iter().map(|input| listener(input, base)).collect::<Result<_, _>>()?;
        let routes: Vec<_> = self.routes.value.into_iter().map(|input| route(input, base)).collect::<Result<_, _>>()?;
        // Every route is served on every listener.
        let clear = listeners.iter().find(|listener| listener.is_clear());
        let secure = routes.iter().find(|route| route.endpoint.needs_transport());
        if let (Some(listener), Some(route)) = (clear, secure) {
            return Err(listener.address.problem(Problem::TransportInClear {
                route: route.path.to_string(),
                listener: listener.address.value.clone(),
            }));
        }
        Ok(Configuration {
            listeners,
            routes,
            admin: self.admin.map(admin).transpose()?,
            connections: self.connections,
            stores: self.stores,
            lifetimes: self.lifetimes,
            timeouts: self.timeouts,
        })
    }
}

fn listener(input: ListenerInput, base: &Path) -> Result<ListenerSettings, ConfigError> {
    let address = &input.address;
    if !is_address(&address.value) {
        return Err(address.problem(Problem::Address(address.value.clone())));
    }
    let protection = match input.tls {
        Some(_) if !input.tls_terminated_by.is_empty() => {
            return Err(address.problem(Problem::Either {
                owner: "listener",
                first: "tls",
                second: "tls_terminated_by",
            }));
        }
        Some((certificate, key)) => Protection::Tls(tls(&certificate, &key, base)?),
        None => Protection::Clear { tls_terminated_by: ranges(input.tls_terminated_by)? },
    };
    Ok(ListenerSettings { address: input.address, protection })
}

/// The admin listener. A name may lead anywhere, so what stays on this machine is written as an address.
fn admin(AdminInput { address, beyond_loopback }: AdminInput) -> Result<ListenerSettings, ConfigError> {
    if !is_address(&address.value) {
        return Err(address.problem(Problem::Address(address.value.clone())));
    }
    let loopback = address.value.parse::<SocketAddr>().is_ok_and(|address| address.ip().to_canonical().is_loopback());
    if !loopback && !beyond_loopback {
        return Err(address.problem(Problem::AdminBeyondLoopback(address.value.clone())));
    }
    Ok(ListenerSettings { address, protection: Protection::Clear { tls_terminated_by: Vec::new() } })
}

/// A name is looked up when the socket is bound; here it needs a port, and something before it.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn tls(
    certificate: &Sited<PathBuf>,
    key: &Sited<PathBuf>,
    base: &Path,
) -> Result<Arc<rustls::ServerConfig>, ConfigError> {
    server_config(&read(base, certificate)?, Secret::new(read(base, key)?).expose()).map_err(|problem| {
        certificate.problem(Problem::Tls {
            certificate: certificate.value.display().to_string(),
            key: key.value.display().to_string(),
            problem,
        })
    })
}

fn ranges(ranges: Vec<Sited<String>>) -> Result<Vec<Cidr>, ConfigError> {
    let parse = |range: Sited<String>| {
        let parsed = range.value.parse();
        parsed.map_err(|reason| range.problem(Problem::Cidr { text: range.value.clone(), reason }))
    };
    ranges.into_iter().map(parse).collect()
}

fn route(input: RouteInput, base: &Path) -> Result<RouteSettings, ConfigError> {
    let said = input.path.as_ref().unwrap_or(&input.backend).clone();
    let path = input.path.map_or(Ok(RoutePath::Any), exact_path)?;
    let url = backend_url(&input.backend)?;
    // reqwest has its own type of certificate, and takes PEM; that it is PEM is checked here, where the line is known.
    let trust =
        input.backend_trust.map(|file| certificates(&file, base).and_then(|_| read(base, &file))).transpose()?;
    // What is wrong with a policy is said where the policy is named.
    let named =
        [input.policy.wsdl.as_ref().map(|file| &file.place), input.policy.preset.as_ref().map(|name| &name.place)];
    let named = Sited { value: (), place: named.into_iter().flatten().next().unwrap_or(&said.place).clone() };
    let contract = ContractSettings::load(input.policy.wsdl.as_ref(), input.contract.as_ref(), input.publish, base)?;
    let endpoint = Endpoint::load(input.policy, &said, base)?;
    let identity = identity(input.certificate, input.key, base)?;
    let encryption = match input.encryption {
        // The first that there is signs.
        Some((certificate, _)) if identity.is_none() => {
            return Err(certificate.problem(Problem::Half { given: "encryption", missing: "certificate" }));
        }
        Some((certificate, key)) => self::identity(Some(certificate), Some(key), base)?,
        None => None,
    };
    let mut client_trust = Vec::new();
    for file in &input.trust {
        client_trust.extend(certificates(file, base)?);
    }
    if endpoint.admits_certificates() && client_trust.is_empty() {
        return Err(named.problem(Problem::Untrusting));
    }
    if endpoint.needs_identity() && identity.is_none() {
        return Err(named.problem(Problem::NoIdentity));
    }
    let keep = keep(input.keep_passwords.as_ref(), &endpoint, !input.users.is_empty(), &named)?;
    Ok(RouteSettings {
        path,
        backend: Backend { url, trust },
        endpoint,
        contract,
        identity,
        encryption,
        users: Arc::new(users(input.users, keep, base)?),
        trust: client_trust,
        addresses: input.addresses.into_iter().map(address).collect::<Result<_, _>>()?,
        forward_addressing: input.forward_addressing,
        trace: input.trace,
        limits: input.limits,
        place: named.place,
    })
}

/// Whether a text is the path of a URL, as a request writes it.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&octet))
}

fn exact_path(path: Sited<String>) -> Result<RoutePath, ConfigError> {
    if is_path(&path.value) {
        Ok(RoutePath::Exact(path.value))
    } else {
        Err(path.problem(Problem::Path(path.value.clone())))
    }
}

fn backend_url(backend: &Sited<String>) -> Result<Url, ConfigError> {
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

fn identity(
    certificate: Option<Sited<PathBuf>>,
    key: Option<Sited<PathBuf>>,
    base: &Path,
) -> Result<Option<Identity>, ConfigError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), None) => Err(certificate.problem(Problem::Half { given: "certificate", missing: "key" })),
        (None, Some(key)) => Err(key.problem(Problem::Half { given: "key", missing: "certificate" })),
        (Some(certificate), Some(key)) => {
            let shown = certificate.value.display().to_string();
            let chain = certificates(&certificate, base)?;
            let file = key.value.display().to_string();
            let pem = Secret::new(read(base, &key)?);
            let private = PrivateKey::from_pem(pem.expose())
                .map_err(|reason| key.problem(Problem::Key { file: file.clone(), reason }))?;
            match chain.into_iter().next() {
                Some(leaf) if private.matches(&leaf) => Ok(Some(Identity { certificate: leaf, key: pem })),
                _ => Err(key.problem(Problem::KeyOfAnother { certificate: shown, key: file })),
            }
        }
    }
}

fn certificates(file: &Sited<PathBuf>, base: &Path) -> Result<Vec<Certificate>, ConfigError> {
    let shown = file.value.display().to_string();
    Certificate::from_pem(&read(base, file)?)
        .map_err(|reason| file.problem(Problem::Certificate { file: shown, reason }))
}

/// In which form a route keeps its passwords: one that can be read again where its policy needs it and its operator says
/// so, and not otherwise.
fn keep(
    said: Option<&Sited<String>>,
    endpoint: &Endpoint,
    users: bool,
    policy: &Sited<()>,
) -> Result<Keep, ConfigError> {
    let Some(said) = said else {
        return match users {
            true if endpoint.derives_keys() => Err(policy.problem(Problem::UnderivedKeys)),
            true if endpoint.hashes_passwords() => Err(policy.problem(Problem::UnreadablePasswords)),
            _ => Ok(Keep::Hashed),
        };
    };
    let keep = match &*said.value {
        "readable" => Keep::Readable,
        "sha1" if endpoint.derives_keys() => return Err(said.problem(Problem::UnderivedKeys)),
        "sha1" => Keep::Sha1,
        other => return Err(said.problem(Problem::KeepPasswords(other.to_owned()))),
    };
    if endpoint.hashes_passwords() || endpoint.derives_keys() {
        Ok(keep)
    } else {
        Err(said.problem(Problem::ReadablePasswords))
    }
}

fn users(input: Vec<UserInput>, keep: Keep, base: &Path) -> Result<Users, ConfigError> {
    let mut names = HashSet::new();
    let mut users = Vec::with_capacity(input.len());
    for UserInput { name, password } in input {
        if !names.insert(name.value.clone()) {
            return Err(name.problem(Problem::Twice { what: "user", value: name.value.clone() }));
        }
        let password = match (password.plain, password.file) {
            (Some(plain), None) => plain.value,
            (None, Some(file)) => first_line(&read(base, &file)?),
            _ => {
                return Err(name.problem(Problem::Either {
                    owner: "user",
                    first: "password",
                    second: "password_file",
                }));
            }
        };
        users.push((name.value, password));
    }
    Ok(Users::kept(keep, users))
}

/// A password file is one line; editors end it with a line break that nobody means.
fn first_line(octets: &[u8]) -> Secret {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    Secret::from(octets.strip_suffix(b"\r").unwrap_or(octets))
}

fn address(address: Sited<String>) -> Result<String, ConfigError> {
    if Url::parse(&address.value).is_ok() {
        Ok(address.value)
    } else {
        Err(address.problem(Problem::AddressOfService(address.value.clone())))
    }
}
