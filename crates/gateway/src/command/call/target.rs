//! What is called: from flags and a contract to the settings of an egress route.

use std::path::{Path, PathBuf};

use nuncio_policy::model::{Contract, Operation, Port};
use nuncio_policy::request::Request;
use nuncio_policy::wsdl::{self, Documents};

use super::Call;
use crate::clock::Clock;
use crate::command::Failed;
use crate::config::{
    AsUserInput, Backend, BackendInput, Base, EgressPolicy, EgressRouteInput, EgressSettings, Endpoint, Keeping,
    Lifetimes, MessageLimits, Password, Said, StoreLimits, Timeouts, called, certificates_of, documents_of,
};
use crate::fetched::Source;

/// What is called.
pub(super) struct Target {
    /// As an egress route has it.
    pub(super) settings: EgressSettings,
    /// The contract, if there is one.
    pub(super) documents: Option<Documents>,
    operations: Vec<Operation>,
    pub(super) limits: Limits,
}

/// What holds, as in a configuration that says nothing of it.
#[derive(Default)]
pub(super) struct Limits {
    pub(super) stores: StoreLimits,
    pub(super) timeouts: Timeouts,
    pub(super) lifetimes: Lifetimes,
}

impl Target {
    /// What the flags say; a contract at a URL is fetched.
    pub(super) async fn of(call: &Call, clock: &Clock) -> Result<Self, Failed> {
        let limits = Limits::default();
        let step = |error: &dyn std::fmt::Display| Failed::Step(error.to_string());
        let (documents, contract) = match &call.wsdl {
            None => (None, None),
            Some(at) if at.contains("://") => {
                let url = called(at).map_err(|reason| step(&format!("--wsdl: the URL {reason}")))?;
                let trust = call.trust.as_deref().map(pem).transpose()?;
                let backend = Backend { trust, ..Backend::new(url.clone()) };
                let source = Source::new(url, &backend, &limits.timeouts, call.danger_clear_contract);
                let obtained =
                    source.map_err(|error| step(&error))?.obtain(clock).await.map_err(|error| step(&error))?;
                (Some(obtained.documents), Some(obtained.contract))
            }
            Some(file) => {
                let documents = documents_of(Path::new(file))?;
                let contract = wsdl::read_all(&documents).map_err(|error| step(&error))?;
                (Some(documents), Some(contract))
            }
        };
        let url = match (&call.url, &contract) {
            (Some(url), _) => url.clone(),
            (None, Some(contract)) => address(contract, call.port.as_deref())
                .ok_or_else(|| step(&"the contract says no address: give --url"))?,
            (None, None) => return Err(step(&"give --url")),
        };
        let mut route = EgressRouteInput::new(
            Said::flag("path", "*".to_owned()),
            BackendInput::at(Said::flag("url", url), call.trust.clone().map(|file| Said::flag("trust", file))),
        );
        let file = |flag, file: &Option<PathBuf>| file.clone().map(|file| Said::flag(flag, file));
        route.preset = call.preset.clone().map(|name| Said::flag("preset", name));
        route.to = call.to.clone().map(|to| Said::flag("to", to));
        route.service_certificate = file("service-certificate", &call.service_certificate);
        route.certificate = file("certificate", &call.certificate);
        route.key = file("key", &call.key);
        route.soap = call.soap;
        route.reading = call.reading.unwrap_or_default();
        route.user = call.user.clone().map(|user| AsUserInput {
            name: Said::flag("user", user.name),
            password: Some(Password(user.password)),
            password_file: None,
        });
        let policy = match contract {
            None => None,
            Some(contract) => {
                let name = call.wsdl.as_deref().unwrap_or_default();
                let endpoint = Endpoint::of_contract(name, contract, call.port.as_deref());
                Some(EgressPolicy::Known(Box::new(endpoint.map_err(|error| step(&error))?)))
            }
        };
        let settings = route.build_under(policy, &MessageLimits::default(), &Keeping::default(), &Base::default())?;
        let operations = match &settings.policy {
            EgressPolicy::Known(endpoint) => endpoint.operations.clone(),
            EgressPolicy::Published(_) => Vec::new(),
        };
        Ok(Self { settings, documents, operations, limits })
    }

    /// The action of an operation.
    pub(super) fn action(&self, name: &str) -> Result<String, Failed> {
        if self.documents.is_none() {
            let why = "nothing tells of operations without a contract: give --action in its place";
            return Err(Failed::Step(format!("--operation: {why}")));
        }
        let found = self.operations.iter().find(|operation| operation.name == name);
        found.map(|operation| operation.input.action.clone()).ok_or_else(|| {
            let have: Vec<&str> = self.operations.iter().map(|operation| operation.name.as_str()).collect();
            Failed::Step(format!("--operation: there is no {name:?}, only {}", have.join(", ")))
        })
    }

    /// Does something with a request for the operation that is named.
    pub(super) fn request<T>(
        &self,
        call: &Call,
        what: impl FnOnce(Request<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let Some(documents) = &self.documents else {
            return Err(Failed::Step("--operation: nothing tells of operations without a contract".into()));
        };
        let operation = call.operation.as_deref().unwrap_or_default();
        let request = Request::new(documents, call.port.as_deref(), operation);
        what(request.map_err(|error| Failed::Step(error.to_string()))?)
    }
}

/// Where a contract says that its service is: of the port that is named, or of the first that has a policy.
fn address(contract: &Contract, port: Option<&str>) -> Option<String> {
    let has_policy = |port: &&Port| port.alternatives.as_ref().is_ok_and(|alternatives| !alternatives.is_empty());
    let found = match port {
        Some(name) => contract.ports.iter().find(|port| port.name == name),
        None => contract.ports.iter().find(has_policy),
    };
    found?.address.clone()
}

/// Certificates in PEM, which there are.
fn pem(file: &Path) -> Result<Vec<u8>, Failed> {
    Ok(certificates_of(&Said::flag("trust", file.to_owned()))?)
}
