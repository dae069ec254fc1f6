//! What calls services in this process, by what it was made of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::Hasher;

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
        limits,
        ..
    } = settings;
    let mut hash = Hasher::new(DigestAlgorithm::Sha256);
    let mut part = |octets: &[u8]| {
        hash.update(&(octets.len() as u64).to_le_bytes());
        hash.update(octets);
    };
    part(settings.name().as_bytes());
    part(
        format!(
            "{:?}\n{to}\n{soap:?}\n{reading:?}\n{pass_through}\n{shared_contexts}\n{limits:?}\n{lifetimes:?}",
            service.urls
        )
        .as_bytes(),
    );
    match policy {
        EgressPolicy::Known(endpoint) => {
            let Endpoint { soap, alternatives, operations, message_lifetime, identity, .. } = &**endpoint;
            part(format!("{soap:?}\n{alternatives:?}\n{operations:?}\n{message_lifetime:?}").as_bytes());
            part(identity.as_ref().map_or(&[], Certificate::der));
        }
        EgressPolicy::Published(published) => part(format!("{published:?}").as_bytes()),
    }
    part(certificate.as_ref().map_or(&[], Certificate::der));
    let mut tokens_of = |Tokens { user, identity }: &Tokens| {
        part(user.as_ref().map_or(&[], |(name, _)| name.as_bytes()));
        part(user.as_ref().map_or(&[], |(_, password)| password.expose()));
        part(identity.as_ref().map_or(&[], |identity| identity.certificate.der()));
    };
    tokens_of(tokens);
    for CallerSettings { name: _, proof: _, tokens } in callers {
        tokens_of(tokens);
    }
    for CallerSettings { name, proof, .. } in callers {
        part(format!("{name}\n{proof:?}").as_bytes());
    }
    hash.finish().as_ref().first_chunk().copied().unwrap_or_default()
}
