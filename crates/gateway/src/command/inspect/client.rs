//! The client of an answer: who might have asked, and what of his own it may be for want of that an answer does not open.

use nuncio_policy::model::Policy;
use nuncio_wss::{Freshness, Initiator, InitiatorSettings, Lack, PolicyReading, Recipient, Refusal, Tenure, Time};

use super::judge::{Judge, Side};
use crate::command::Failed;
use crate::config::{Endpoint, Identity};

impl Judge {
    /// Who might have asked. Never empty.
    pub(super) fn initiators(
        &self,
        endpoint: &Endpoint,
        recipient: &Recipient,
        at: Time,
    ) -> Result<Vec<Initiator>, Failed> {
        if let Side::Egress(outside) = &self.side {
            return outside
                .material
                .initiators(endpoint)
                .map_err(|problem| Failed::Step(format!("{}: {problem}", self.name)));
        }
        let client = match &self.side {
            Side::Flags { client, .. } | Side::Ingress { client } => client.as_ref(),
            Side::Egress(_) => None,
        };
        let credential = client.map(Identity::credential).transpose();
        let lasts = |otherwise| endpoint.message_lifetime.unwrap_or(otherwise);
        let alternatives: Vec<Policy> = endpoint.alternatives.clone();
        let initiator = Initiator::new(InitiatorSettings {
            alternatives,
            soap: recipient.soap(),
            operations: endpoint.operations.clone(),
            service: self.service(endpoint, at),
            username: None,
            credential: credential.map_err(|error| Failed::Step(error.to_string()))?,
            to: self.addresses.first().cloned().unwrap_or_default(),
            // By it requests are sealed; answers are opened alike.
            reading: PolicyReading::default(),
            freshness: Freshness { skew: self.lifetimes.skew, window: lasts(self.lifetimes.message) },
            message_lifetime: lasts(self.lifetimes.answer),
            limits: self.limits.message(),
        });
        let initiator = initiator.map_err(|reason| Failed::Step(format!("policy of {}: {reason}", endpoint.name)))?;
        Ok(vec![initiator])
    }

    /// The certificate by which the client knows the service.
    fn service(&self, endpoint: &Endpoint, at: Time) -> Option<nuncio_crypto::certificate::Certificate> {
        match &self.side {
            Side::Egress(outside) => outside.material.service(endpoint).cloned(),
            Side::Flags { service: Some(service), .. } => Some(service.clone()),
            Side::Flags { .. } | Side::Ingress { .. } => {
                let signs = Tenure::newest(self.identities.iter().map(|identity| &identity.tenure), at);
                let own = signs.and_then(|at| self.identities.get(at)).map(|identity| identity.certificate.clone());
                own.or_else(|| endpoint.identity.clone())
            }
        }
    }

    /// For want of what alone an answer may have been refused; `remembered` says whether its request is known.
    pub(super) fn wanting_of_answer(&self, endpoint: &Endpoint, refusal: &Refusal, remembered: bool) -> Option<Lack> {
        let has_client = match &self.side {
            Side::Flags { client, .. } | Side::Ingress { client } => client.is_some(),
            // What it does not have, it does not have.
            Side::Egress(_) => true,
        };
        refusal.lacks().filter(|lack| match lack {
            Lack::Context => self.lacks_context(refusal),
            Lack::PrivateKey => !has_client,
            Lack::Trust => {
                let known = self.service(endpoint, Time::from_millis(0)).is_some() || !self.identities.is_empty();
                !known && self.outside().is_none()
            }
            Lack::Request => !remembered,
            Lack::Password => false,
        })
    }
}
