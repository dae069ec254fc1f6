//! The contract of a route, for clients that load it before they call: `GET …?wsdl`, with the route's own policy and the
//! address under which the client asked.
//!
//! Whoever can reach the route may read it, as in the products whose clients ask for it: it says how to call, and lets nobody
//! in.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hyper::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use nuncio_policy::model::{Policy, SoapVersion};
use nuncio_policy::publish::{DocumentKind, Ports, Publication, Served, Unpublishable};
use nuncio_wss::{Tenure, Transport};
use reqwest::Url;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::fetched::{Gathered, NotFetched, gather};
use crate::host;
use crate::http::{Outbound, Rejection};
use crate::log::{Audit, Quoted};
use crate::upstream::Upstream;

/// How long a backend that gave none is left alone, whoever asks.
const PAUSE: Duration = Duration::from_secs(5);

/// A route's contract.
pub struct Contract {
    source: Source,
    /// The addresses of the service that are configured.
    addresses: Vec<String>,
}

enum Source {
    Known(Editions),
    Backend(Box<Backend>),
}

/// The certificates that a contract may name, in DER, each for its time. None where the policy has no use for one.
#[derive(Clone)]
pub(crate) struct Certificates {
    all: Arc<[(Tenure, Vec<u8>)]>,
    clock: Clock,
}

impl Certificates {
    /// Those, at the time of that clock.
    pub(crate) fn new(all: impl IntoIterator<Item = (Tenure, Vec<u8>)>, clock: Clock) -> Self {
        Self { all: all.into_iter().collect(), clock }
    }
}

/// A contract once for each certificate that it may name.
pub(crate) struct Editions {
    certificates: Certificates,
    publications: Vec<Publication>,
}

impl Editions {
    /// Publishes with each certificate, or once without any.
    pub(crate) fn new(
        certificates: &Certificates,
        publish: impl Fn(Option<&[u8]>) -> Result<Publication, Unpublishable>,
    ) -> Result<Self, Unpublishable> {
        let publications = match &*certificates.all {
            [] => vec![publish(None)?],
            all => all.iter().map(|(_, der)| publish(Some(der))).collect::<Result<_, _>>()?,
        };
        Ok(Self { certificates: certificates.clone(), publications })
    }

    /// The one with the certificate that signs now; `None` where none does.
    fn current(&self) -> Option<&Publication> {
        let Certificates { all, clock } = &self.certificates;
        let newest = || Tenure::newest(all.iter().map(|(tenure, _)| tenure), clock.now());
        self.publications.get(if all.is_empty() { 0 } else { newest()? })
    }
}

/// A contract that the backend publishes. It is fetched when it is asked for first, and kept.
struct Backend {
    upstream: Upstream,
    soap: Vec<SoapVersion>,
    alternatives: Vec<Policy>,
    certificates: Certificates,
    kept: OnceLock<Editions>,
    /// When it was not to be had. Who fetches holds the lock, so that one does.
    failed: Mutex<Option<Instant>>,
}

/// Why a backend's contract is not published. For the log alone.
#[derive(Debug, thiserror::Error)]
enum NoContract {
    #[error(transparent)]
    NotFetched(#[from] NotFetched),
    #[error(transparent)]
    Unpublishable(#[from] Unpublishable),
    #[error("it was not to be had a moment ago")]
    Lately,
}

/// What a request asks for.
pub(crate) struct Asked {
    /// Which document: the contract itself is number 0.
    number: usize,
    /// Which kind it must be.
    kind: DocumentKind,
}

impl Asked {
    /// What a request asks for; `None` where it is none for a contract.
    pub(crate) fn of(method: &Method, query: Option<&str>) -> Option<Self> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let (name, number) = query?.split_once('=').map_or((query?, None), |(name, number)| (name, Some(number)));
        let number = match number {
            None => None,
            // One spelling of a number is enough.
            Some(text) => Some(text.parse().ok().filter(|number: &usize| number.to_string() == text)?),
        };
        let (number, kind) = match (name.to_ascii_lowercase().as_str(), number) {
            ("wsdl" | "singlewsdl", None) => (0, DocumentKind::Wsdl),
            ("wsdl", Some(number)) => (number, DocumentKind::Wsdl),
            ("xsd", Some(number)) => (number, DocumentKind::Schema),
            _ => return None,
        };
        Some(Self { number, kind })
    }
}

impl Contract {
    /// A contract that is there.
    pub(crate) fn known(editions: Editions, addresses: Vec<String>) -> Self {
        Self { source: Source::Known(editions), addresses }
    }

    /// A contract that the backend publishes, for what is served in these versions of SOAP under these alternatives.
    pub(crate) fn of_backend(
        upstream: Upstream,
        soap: Vec<SoapVersion>,
        alternatives: Vec<Policy>,
        certificates: Certificates,
        addresses: Vec<String>,
    ) -> Self {
        let (kept, failed) = (OnceLock::new(), Mutex::new(None));
        let backend = Backend { upstream, soap, alternatives, certificates, kept, failed };
        Self { source: Source::Backend(Box::new(backend)), addresses }
    }

    /// The address at which a client reaches the service: a configured one, that which it used before others; else that
    /// which it used.
    pub(crate) fn address(&self, scheme: &str, host: Option<&str>, path: &str) -> Option<String> {
        address(&self.addresses, scheme, host, path)
    }

    /// Answers; `None` where there is no such document.
    pub(crate) async fn answer(&self, asked: &Asked, address: &str, audit: &mut Audit) -> Option<Outbound> {
        let editions = match &self.source {
            Source::Known(editions) => editions,
            Source::Backend(backend) => match backend.editions().await {
                Ok(editions) => editions,
                Err(reason) => {
                    audit.refused = Some(format!("the backend's contract: {reason}"));
                    return Some(Outbound::empty(StatusCode::SERVICE_UNAVAILABLE));
                }
            },
        };
        let Some(publication) = editions.current() else {
            audit.refused = Some("no certificate of the route is active".to_owned());
            return Some(Outbound::empty(StatusCode::SERVICE_UNAVAILABLE));
        };
        publication.kind(asked.number).filter(|kind| *kind == asked.kind)?;
        Some(Outbound {
            status: StatusCode::OK,
            content_type: Some("text/xml; charset=utf-8".to_owned()),
            body: publication.document(asked.number, address)?.into_bytes(),
        })
    }
}

fn address(configured: &[String], scheme: &str, host: Option<&str>, path: &str) -> Option<String> {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
    let used = host.and_then(|host| origin(&format!("{scheme}://{host}/")));
    let same = |address: &&String| used.is_some() && origin(address) == used;
    let configured = configured.iter().find(same).or(configured.first()).cloned();
    configured.or_else(|| Some(format!("{scheme}://{}{path}", host?)))
}

impl Backend {
    async fn editions(&self) -> Result<&Editions, NoContract> {
        if let Some(kept) = self.kept.get() {
            return Ok(kept);
        }
        let mut failed = self.failed.lock().await;
        if let Some(kept) = self.kept.get() {
            return Ok(kept);
        }
        if failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(NoContract::Lately);
        }
        // Should the client leave meanwhile, the next one waits too.
        *failed = Some(Instant::now());
        let fetched = self.fetch().await;
        *failed = Some(Instant::now());
        let editions = fetched?;
        Ok(self.kept.get_or_init(|| editions))
    }

    async fn fetch(&self) -> Result<Editions, NoContract> {
        let mut contract = self.upstream.url().clone();
        contract.set_query(Some("wsdl"));
        let Gathered { documents, left } = gather(self.upstream.client(), &contract).await?;
        for location in &left {
            let location = Quoted(location);
            tracing::warn!(%location, "an import is published as it stands: it is not the backend's");
        }
        let publish = |certificate: Option<&[u8]>| {
            let (ports, alternatives) = (Ports::OfSoap(&self.soap), &*self.alternatives);
            Publication::new(&documents, &Served { ports, alternatives, operations: &[], certificate })
        };
        Ok(Editions::new(&self.certificates, publish)?)
    }
}

/// Where a request came in: scheme, and host where it says one. Both end up in what is answered.
pub(crate) fn came_by(head: &Parts, transport: Transport) -> Result<(&'static str, Option<&str>), Rejection> {
    let has_body = head.headers.contains_key(TRANSFER_ENCODING)
        || head.headers.get_all(CONTENT_LENGTH).iter().any(|length| length.as_bytes() != b"0");
    if has_body || head.headers.contains_key(EXPECT) {
        return Err(Rejection::Body);
    }
    let scheme = if transport == Transport::Clear { "http" } else { "https" };
    match host::named(&head.uri, &head.headers, head.version)? {
        Some(host) if !is_host(host) => Err(Rejection::Malformed("Host")),
        host => Ok((scheme, host)),
    }
}

/// Whether a text is a name or an address, with or without a port (RFC 3986, section 3.2.2), and not another part of a URL.
pub(crate) fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.len() < 256 && name.bytes().all(|o| o.is_ascii_alphanumeric() || b"-._".contains(&o))
    };
    let is_address = |text: &str| text.parse::<std::net::Ipv6Addr>().is_ok();
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    port.is_none_or(|port| port.bytes().all(|octet| octet.is_ascii_digit()) && port.parse::<u16>().is_ok())
        && bracketed.map_or_else(|| is_name(host), is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let asked = |query| Asked::of(&Method::GET, Some(query)).map(|asked| (asked.number, asked.kind));
        for query in ["wsdl", "WSDL", "singleWsdl", "wsdl=0"] {
            assert_eq!(asked(query), Some((0, DocumentKind::Wsdl)), "{query}");
        }
        assert_eq!(
            (asked("wsdl=12"), asked("XSD=1")),
            (Some((12, DocumentKind::Wsdl)), Some((1, DocumentKind::Schema)))
        );
        for query in
            ["", "xsd", "wsdl=", "wsdl=01", "wsdl=+1", "wsdl=-1", "wsdl&x", "x=wsdl", "singleWsdl=0", "%77sdl", "disco"]
        {
            assert_eq!(asked(query), None, "{query}");
        }
        assert!(Asked::of(&Method::HEAD, Some("wsdl")).is_some());
        assert!(Asked::of(&Method::POST, Some("wsdl")).is_none() && Asked::of(&Method::GET, None).is_none());
    }

    #[test]
    fn hosts_are_names_or_addresses_and_nothing_else() {
        for host in ["a.example", "A-b_c:8443", "127.0.0.1:1", "[::1]", "[2001:db8::1]:443"] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "", ":80", "a:", "a:b", "a:65536", "a:+1", "a/b", "a@b", "a b", "a?b", "a#b", "a\"b", "<a>", "é", "[::1",
            "::1", "[a]", "a:1:2", "a'", "a&b",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn the_configured_address_stands_before_the_one_that_was_used() {
        let said = |addresses: &[&str], host| {
            let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
            address(&addresses, "https", host, "/p")
        };
        assert_eq!(said(&[], Some("h:1")).unwrap(), "https://h:1/p");
        assert_eq!(said(&[], None), None);
        for (host, expected) in [(Some("b:443"), "https://b"), (Some("evil"), "http://a/x"), (None, "http://a/x")] {
            assert_eq!(said(&["http://a/x", "https://b"], host).unwrap(), expected, "as it is configured");
        }
    }
}
