//! What calls services in this process, by what it was made of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::Hasher;
use nuncio_crypto::secret::Secret;

use super::prepared::Preparing;
use crate::config::{CallerSettings, EgressPolicy, EgressSettings, Endpoint, Lifetimes, Tokens};
use crate::route::RouteProblem;

/// Those of the process, by what they were made of: a reload that changes nothing of one goes on with its conversations.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<[u8; 32], Weak<Preparing>>>);

impl Registry {
    pub(super) fn take(
        &self,
        key: [u8; 32],
        make: impl FnOnce() -> Result<Preparing, RouteProblem>,
    ) -> Result<Arc<Preparing>, RouteProblem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, preparing| preparing.strong_count() > 0);
        if let Some(preparing) = all.get(&key).and_then(Weak::upgrade) {
            return Ok(preparing);
        }
        let preparing = Arc::new(make()?);
        all.insert(key, Arc::downgrade(&preparing));
        Ok(preparing)
    }

    /// Ends the conversations of all that are still there: of a process that ends, whose last calls were cut off.
    pub(crate) fn end(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there: Vec<_> = all.values().filter_map(Weak::upgrade).collect();
        drop(all);
        for preparing in there {
            preparing.end();
        }
    }
}

/// A digest of several parts, each after its length.
pub(super) struct Parts(Hasher);

impl Parts {
    pub(super) fn new() -> Self {
        Self(Hasher::new(DigestAlgorithm::Sha256))
    }

    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Those of a policy.
    pub(super) fn endpoint(&mut self, endpoint: &Endpoint) {
        let Endpoint { soap, alternatives, operations, message_lifetime, identity, .. } = endpoint;
        self.add(format!("{soap:?}\n{alternatives:?}\n{operations:?}\n{message_lifetime:?}").as_bytes());
        self.add(identity.as_ref().map_or(&[], Certificate::der));
    }

    /// Those of as whom a service is called.
    pub(super) fn tokens(&mut self, Tokens { user, identity }: &Tokens) {
        self.add(user.as_ref().map_or(&[], |(name, _)| name.as_bytes()));
        self.add(user.as_ref().map_or(&[], |(_, password)| password.expose()));
        self.add(identity.as_ref().map_or(&[], |identity| identity.certificate.der()));
    }

    /// Whom TLS shows the service, by the certificate in PEM: some go by that. With a new certificate he is the same.
    pub(super) fn shown(&mut self, pem: Option<&Secret>) {
        let certificates = pem.and_then(|pem| Certificate::from_pem(pem.expose()).ok()).unwrap_or_default();
        self.add(match certificates.first() {
            None => &[],
            Some(certificate) if certificate.subject().is_empty() => certificate.der(),
            Some(certificate) => certificate.subject().as_bytes(),
        });
    }

    pub(super) fn digest(self) -> [u8; 32] {
        self.0.finish().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

/// What conversations of a route depend on: where one of these changes, others are begun.
pub(super) fn key(settings: &EgressSettings, lifetimes: &Lifetimes) -> [u8; 32] {
    let EgressSettings {
        service,
        to,
        policy,
        soap,
        reading,
        certificate,
        tokens,
        callers,
        pass_through,
        shared_contexts,
        store,
        limits,
        ..
    } = settings;
    let mut parts = Parts::new();
    parts.add(settings.name().as_bytes());
    parts.add(
        format!(
            "{:?}\n{to}\n{soap:?}\n{reading:?}\n{pass_through}\n{shared_contexts}\n{store:?}\n{limits:?}\n{lifetimes:?}",
            service.urls
        )
        .as_bytes(),
    );
    parts.shown(service.identity.as_ref());
    match policy {
        EgressPolicy::Known(endpoint) => parts.endpoint(endpoint),
        EgressPolicy::Published(published) => parts.add(format!("{published:?}").as_bytes()),
    }
    parts.add(certificate.as_ref().map_or(&[], Certificate::der));
    parts.tokens(tokens);
    for CallerSettings { name, proof, tokens } in callers {
        parts.add(format!("{name}\n{proof:?}").as_bytes());
        parts.tokens(tokens);
    }
    parts.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some services go by whom TLS shows them: as another, another conversation is begun. With another certificate he is the same.
    #[test]
    fn whom_tls_shows_a_service_is_part_of_who_calls() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/keys/");
        let pem = |files: &[&str]| {
            let all: Vec<u8> =
                files.iter().flat_map(|file| std::fs::read(format!("{folder}{file}")).unwrap()).collect();
            Secret::new(all)
        };
        let digest = |shown: Option<Secret>| {
            let mut parts = Parts::new();
            parts.shown(shown.as_ref());
            parts.digest()
        };
        let client = digest(Some(pem(&["client.pem", "client.key"])));
        assert_ne!(client, digest(None));
        assert_ne!(client, digest(Some(pem(&["stranger.pem", "stranger.key"]))));
        assert_eq!(client, digest(Some(pem(&["client.pem", "stranger.key"]))));
    }
}
