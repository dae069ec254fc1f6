//! The plain service behind a route, as it is said: one URL, or several with what holds of them.

use std::collections::HashSet;
use std::path::PathBuf;

use nuncio_crypto::secret::Secret;
use nuncio_policy::model::SoapVersion;
use nuncio_policy::said::Brief;
use nuncio_wss::Tenure;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use super::base::{Base, read};
use super::credentials::{Pair, PairInput, certificates};
use super::error::{ConfigError, Problem, Troubled};
use super::limits::{CALLS, Health};
use super::scalar::{Count, Span};
use super::tables::EjectionInput;
use super::{Backend, BackendTimeouts, Balance, Said};

/// The heaviest weight: a round of turns is as long as all weights together.
const HEAVIEST: usize = 100;

/// A backend, by its URL or at length.
pub(crate) type BackendSaid = Said<Brief<String, BackendInput>>;

/// A plain service: its URLs, and what holds of each.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendInput {
    /// Where it is: every message is sent to one of these, exactly as it stands.
    #[schemars(length(min = 1))]
    urls: Said<Vec<Said<Brief<String, WeightedInput>>>>,
    /// For `https`: a file of certificates in PEM to check it against, in place of the system's.
    trust: Option<Said<PathBuf>>,
    /// For `https`: a file with the certificate in PEM that the gateway shows, and those above it.
    certificate: Option<Said<PathBuf>>,
    /// A file with its key in PEM.
    key: Option<Said<PathBuf>>,
    /// Who is called next.
    #[serde(default)]
    balance: Balance,
    /// Asking each URL whether it is well. Nobody is asked, unless it is said.
    health: Option<HealthInput>,
    /// Not calling a URL for a while whose calls fail. Each is called, unless it is said.
    ejection: Option<EjectionInput>,
    /// Calls of each URL at once; each has a connection of its own. A call for which there is no room is answered as busy.
    calls: Option<Count>,
    /// Whether a connection to each URL is opened before the first call, on which nothing is sent. Not for a service that has
    /// one connection at a time, and would wait for what comes on it.
    #[serde(default)]
    connect_ahead: bool,
    /// How long it may keep the gateway waiting, over what holds for all.
    #[serde(default)]
    timeouts: BackendTimeoutsInput,
    /// The version of SOAP that it speaks, if it is not the one in which it is called: messages are translated both ways.
    soap: Option<SoapInput>,
}

/// A URL with its weight.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeightedInput {
    /// The URL.
    url: Said<String>,
    /// How many calls it gets for one of those of a URL of weight 1: up to 100.
    weight: Option<Said<Count>>,
}

/// How a URL is asked whether it is well: by `GET`, and a status of success says that it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthInput {
    /// The path, and a query if it takes one.
    path: Said<String>,
    /// From one question to the next.
    interval: Option<Span>,
    /// For an answer.
    timeout: Option<Span>,
    /// Answers one after the other that say so, until it is called again.
    healthy: Option<Count>,
    /// Answers one after the other that do not say so, until it is not called.
    unhealthy: Option<Count>,
}

/// How long a backend may keep the gateway waiting.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackendTimeoutsInput {
    /// To connect, TLS included.
    connect: Option<Span>,
    /// Without an octet from it.
    read: Option<Span>,
    /// From sending a request to the end of its answer.
    total: Option<Span>,
    /// An idle connection is kept.
    idle: Option<Span>,
}

/// A version of SOAP.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, clap::ValueEnum)]
pub(crate) enum SoapInput {
    /// SOAP 1.1.
    #[serde(rename = "1.1")]
    #[value(name = "1.1")]
    V11,
    /// SOAP 1.2.
    #[serde(rename = "1.2")]
    #[value(name = "1.2")]
    V12,
}

/// A backend with its files, read below `base`.
pub(super) fn backend(said: BackendSaid, base: &Base) -> Result<Backend, ConfigError> {
    let origin = said.with(());
    match said.value {
        Brief::Short(url) => Ok(Backend::new(backend_url(&origin.with(url))?)),
        Brief::Long(input) => input.build(base),
    }
}

/// Whether messages are translated for it.
pub(super) fn translates(said: &BackendSaid) -> bool {
    matches!(&said.value, Brief::Long(BackendInput { soap: Some(_), .. }))
}

impl BackendInput {
    /// The service at one URL, whose TLS is checked against that file where there is one.
    pub(crate) fn at(url: Said<String>, trust: Option<Said<PathBuf>>) -> BackendSaid {
        let Some(trust) = trust else { return url.map(Brief::Short) };
        let at = url.with(());
        let urls = at.with(vec![url.map(Brief::Short)]);
        at.map(|()| {
            Brief::Long(Self {
                urls,
                trust: Some(trust),
                certificate: None,
                key: None,
                balance: Balance::default(),
                health: None,
                ejection: None,
                calls: None,
                connect_ahead: false,
                timeouts: BackendTimeoutsInput::default(),
                soap: None,
            })
        })
    }

    fn build(self, base: &Base) -> Result<Backend, ConfigError> {
        if self.urls.value.is_empty() {
            return Err(self.urls.problem(Problem::Empty("urls", "nothing could be called")));
        }
        let mut seen = HashSet::new();
        let mut urls = Vec::new();
        for said in self.urls.value {
            let place = said.with(());
            let (url, weight) = match said.value {
                Brief::Short(url) => (place.with(url), None),
                Brief::Long(WeightedInput { url, weight }) => (url, weight),
            };
            let parsed = backend_url(&url)?;
            if !seen.insert(parsed.clone()) {
                return Err(url.problem(Problem::Twice { what: "url", value: url.value.clone() }));
            }
            urls.push((parsed, weight.map_or(Ok(1), |said| weigh(&said))?));
        }
        let secure = urls.iter().any(|(url, _)| url.scheme() == "https");
        for (what, said) in [("trust", &self.trust), ("certificate", &self.certificate), ("key", &self.key)] {
            if let Some(said) = said.as_ref().filter(|_| !secure) {
                return Err(said.problem(Problem::OnlyWithTls(what)));
            }
        }
        // reqwest has its own type of certificate, and takes PEM; that it is PEM is checked here, where the line is known.
        let trust = self.trust.map(|file| certificates(&file, base).and_then(|_| read(base, &file))).transpose()?;
        let own = PairInput { certificate: self.certificate, key: self.key, ..PairInput::default() };
        own.identity(Tenure::ALWAYS, base)?;
        let pem = |Pair { mut certificate, key, .. }: Pair| {
            certificate.push(b'\n');
            certificate.extend_from_slice(key.expose());
            Secret::new(certificate)
        };
        let identity = own.read(base)?.map(pem);
        let BackendTimeoutsInput { connect, read, total, idle } = self.timeouts;
        let span = |said: Option<Span>| said.map(Into::into);
        Ok(Backend {
            urls,
            trust,
            identity,
            balance: self.balance,
            health: self.health.map(HealthInput::build).transpose()?,
            ejection: self.ejection.map(EjectionInput::over_defaults),
            calls: self.calls.map_or(CALLS, usize::from),
            connect_ahead: self.connect_ahead,
            timeouts: BackendTimeouts {
                connect: span(connect),
                read: span(read),
                total: span(total),
                idle: span(idle),
            },
            soap: self.soap.map(SoapInput::version),
        })
    }
}

impl SoapInput {
    /// The version.
    pub(super) fn version(self) -> SoapVersion {
        match self {
            Self::V11 => SoapVersion::V11,
            Self::V12 => SoapVersion::V12,
        }
    }
}

impl HealthInput {
    fn build(self) -> Result<Health, ConfigError> {
        let path = &self.path.value;
        let target = path.split_once('?').map_or(&**path, |(path, _)| path);
        // Two slashes would begin another host.
        let sound =
            super::is_path(target) && !path.starts_with("//") && path.bytes().all(|octet| octet.is_ascii_graphic());
        if !sound || path.contains('#') {
            return Err(self.path.problem(Problem::Path(path.clone())));
        }
        let default = Health::default();
        Ok(Health {
            path: self.path.value,
            interval: self.interval.map_or(default.interval, Into::into),
            timeout: self.timeout.map_or(default.timeout, Into::into),
            healthy: self.healthy.map_or(default.healthy, usize::from),
            unhealthy: self.unhealthy.map_or(default.unhealthy, usize::from),
        })
    }
}

fn weigh(said: &Said<Count>) -> Result<u32, ConfigError> {
    let weight = usize::from(said.value);
    let fits = u32::try_from(weight).ok().filter(|_| weight <= HEAVIEST);
    fits.ok_or_else(|| said.problem(Problem::Weight { weight, heaviest: HEAVIEST }))
}

fn backend_url(backend: &Said<String>) -> Result<Url, ConfigError> {
    let refuse = |reason| backend.problem(Problem::Backend { url: without_user(&backend.value), reason });
    called(&backend.value).map_err(refuse)
}

/// What is written as a URL, without the name and password that may stand before its host.
fn without_user(url: &str) -> String {
    if !url.contains('@') {
        return url.to_owned();
    }
    if let Ok(mut parsed) = Url::parse(url)
        && parsed.set_username("").is_ok()
        && parsed.set_password(None).is_ok()
    {
        return parsed.into();
    }
    // Where it is none, nothing says where the password ends.
    match (url.find("://"), url.rfind('@')) {
        (Some(start), Some(end)) if start < end => format!("{}://{}", &url[..start], &url[end + 1..]),
        _ => url.to_owned(),
    }
}

/// A URL that the gateway calls; else what is wrong with it.
pub(crate) fn called(url: &str) -> Result<Url, &'static str> {
    let url = Url::parse(url).map_err(|_| "is not an absolute URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is neither http:// nor https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user in it");
    }
    if url.fragment().is_some() {
        return Err("has a fragment, which no request carries");
    }
    Ok(url)
}
