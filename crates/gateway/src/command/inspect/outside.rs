//! A message held to an egress route: the gateway is the client, and the service is somebody else's.

use std::sync::Arc;

use nuncio_crypto::trust;
use nuncio_policy::authorise::Authorisation;
use reqwest::Url;

use super::capture::Capture;
use super::judge::{Judge, Side};
use crate::config::{EgressPolicy, EgressSettings, Endpoint, Identity, Lifetimes, Looked, Published, RoutePath};
use crate::egress::Material;
use crate::fetched::kept;
use crate::users::{Keep, Users};

/// What is on the other side of an egress route, and how it is called.
pub(super) struct Outside {
    pub(super) material: Material,
    /// Where plain programs call.
    path: RoutePath,
    /// Where the service is.
    pub(super) urls: Vec<Url>,
    /// Whether anybody may call.
    pub(super) open: bool,
    /// The certificates as whose holders it is called, with their keys.
    pub(super) clients: Vec<Identity>,
    /// Whether callers bring user names and passwords of which nothing is known here.
    pub(super) passes: bool,
}

impl Outside {
    /// Whether a request was captured where plain programs call, and not where the service is called: nothing protects it, and
    /// it is for the route's own path.
    pub(super) fn is_plain(&self, capture: &Capture, secured: bool) -> bool {
        let Some((_, path)) = capture.request().filter(|_| !secured) else { return false };
        self.path.fit(path).is_some()
            && !self.urls.iter().any(|url| url.path() == path && capture.header("Host") == authority(url).as_deref())
    }
}

/// What `Host` says of a request to a URL.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

impl Judge {
    /// What an egress route is made of; `given` has what is known of the service beside: its key, and passwords.
    pub(super) fn of_egress(settings: EgressSettings, lifetimes: &Lifetimes, given: Looked, users: Users) -> Self {
        let name = format!("egress {}", settings.name());
        let (open, passes) = (settings.is_open(), settings.pass_through);
        let (path, to) = (settings.path.clone(), settings.to.clone());
        let urls = settings.service.urls.iter().map(|(url, _)| url.clone()).collect();
        let tokens = settings.callers.iter().map(|caller| &caller.tokens).chain([&settings.tokens]);
        let clients: Vec<Identity> = tokens.filter_map(|tokens| tokens.identity.clone()).collect();
        let certificates = clients.iter().map(|identity| identity.certificate.clone()).collect();
        let limits = settings.limits.clone();
        let (policy, material) = Material::of(settings, lifetimes, None);
        let mut notes = Vec::new();
        let endpoint = match policy {
            EgressPolicy::Known(endpoint) => Some(*endpoint),
            EgressPolicy::Published(published) => of_copy(&published, &mut notes),
        };
        // It is called in one version of SOAP.
        let endpoint = endpoint.map(|endpoint| Endpoint { soap: Vec::from_iter(material.soap(&endpoint)), ..endpoint });
        Self {
            name,
            endpoint,
            identities: given.identities,
            trust: trust::Settings { certificates, ..trust::Settings::default() },
            users: Arc::new(users),
            addresses: vec![to],
            forward_addressing: false,
            limits,
            lifetimes: lifetimes.clone(),
            authorisation: Authorisation::default(),
            contexts: Vec::new(),
            whole: false,
            answer: false,
            transport: None,
            side: Side::Egress(Box::new(Outside { material, path, urls, open, clients, passes })),
            notes,
        }
    }
}

/// Whom the service knows by password, as far as a route does: as whom it is called, and those of whom somebody says so.
pub(super) fn users(settings: &EgressSettings, given: &[crate::command::proxy::User]) -> Users {
    let tokens = settings.callers.iter().map(|caller| &caller.tokens).chain([&settings.tokens]);
    let own = tokens.filter_map(|tokens| tokens.user.clone());
    let given = given.iter().map(|user| (user.name.clone(), user.password.clone()));
    Users::kept(Keep::Readable, own.chain(given))
}

/// What the copy says that was kept of a contract which the service publishes; `None` where there is none of use. `notes` gets
/// what is to be said of it.
fn of_copy(published: &Published, notes: &mut Vec<String>) -> Option<Endpoint> {
    let url = &published.url;
    let unknown = |why: String| {
        format!(
            "The policy of the route is what its service publishes at {url}, and {why}: the policy is not known here."
        )
    };
    let copy = match &published.cache {
        None => Err(unknown("the configuration keeps no copy".to_owned())),
        Some(directory) => match kept(directory, url) {
            Ok(Some(copy)) => Ok(copy),
            Ok(None) => Err(unknown("no copy is kept so far".to_owned())),
            Err(reason) => Err(unknown(format!("the copy that is kept is of no use ({reason})"))),
        },
    };
    let read = copy.and_then(|(contract, fetched)| {
        let endpoint = Endpoint::of_contract(url.as_str(), contract, published.port.as_deref());
        let endpoint =
            endpoint.map_err(|problem| unknown(format!("the copy that is kept is of no use ({problem})")))?;
        Ok((endpoint, format!("The policy is that of the copy which was fetched from {url} at {fetched}.")))
    });
    match read {
        Ok((endpoint, note)) => {
            notes.push(note);
            Some(endpoint)
        }
        Err(note) => {
            notes.push(note);
            None
        }
    }
}
