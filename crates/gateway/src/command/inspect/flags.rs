//! What a message is looked at with, from flags and from a configuration.

use std::path::{Path, PathBuf};

use nuncio_crypto::certificate::Certificate;
use nuncio_policy::authorise::Authorisation;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::Transport;

use super::Inspect;
use super::capture::Capture;
use super::chosen::{Chosen, choose};
use super::judge::{ContextKey, Judge, Side, parse_context};
use super::outside::users;
use crate::command::Failed;
use crate::command::check::heard::heard;
use crate::config::{
    Base, CertificateInput, Configuration, Document, Endpoint, Identity, Lifetimes, Looked, MessageLimits, Password,
    RouteInput, Said, Several, UserInput, certificates_of,
};

impl Inspect {
    /// What the captures are looked at with.
    pub(super) fn judge(&self, captures: &[&Capture]) -> Result<Judge, Failed> {
        let mut judge = match &self.config {
            Some(file) => {
                // What is weak in a configuration is told by `check`.
                let (configuration, _) = heard(|| Configuration::of(Document::read(file)?, file));
                let Configuration { routes, egress, lifetimes, .. } = configuration?;
                match choose(routes, egress, self.route.as_deref(), captures)? {
                    Chosen::Ingress(route) => {
                        self.check_own(&route.name())?;
                        Judge::of_route(*route, &lifetimes, self.client()?)
                    }
                    Chosen::Egress(route) => {
                        if self.certificate.is_some() && self.key.is_none() {
                            let why = "the route has its service's certificate: give it with its key, or not at all";
                            return Err(Failed::Step(format!("--certificate: {why}")));
                        }
                        if self.client_certificate.is_some() {
                            let why = format!("the route egress {} has its own", route.name());
                            return Err(Failed::Step(format!("--client-certificate: {why}")));
                        }
                        let users = users(&route, &self.user);
                        Judge::of_egress(*route, &lifetimes, self.looked(None)?, users)
                    }
                }
            }
            None => self.of_flags()?,
        };
        judge.contexts.clone_from(&self.context);
        if let Some(file) = &self.context_file {
            judge.contexts.extend(contexts(file)?);
        }
        judge.answer = self.answer;
        judge.transport = self.transport.map(Transport::from);
        Ok(judge)
    }

    /// What a route that clients call has of its own is not given beside it.
    fn check_own(&self, route: &str) -> Result<(), Failed> {
        let given =
            [("certificate", self.certificate.is_some()), ("pfx", self.pfx.is_some()), ("user", !self.user.is_empty())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(Failed::Step(format!("--{flag}: the route {route} has its own"))),
            None => Ok(()),
        }
    }

    /// What the flags name; `own` is a policy that is read already.
    fn looked(&self, policy: Option<&Path>) -> Result<Looked, Failed> {
        let file = |flag, file: &Option<PathBuf>| file.clone().map(|file| Said::flag(flag, file));
        let mut input = RouteInput::new(Said::flag("policy", "*".to_owned()), Said::flag("backend", String::new()));
        input.preset = self.preset.clone().map(|name| Said::flag("preset", name));
        input.wsdl = file("wsdl", &self.wsdl);
        input.port = self.port.clone().map(|name| Said::flag("port", name));
        if self.key.is_some() {
            input.certificate = file("certificate", &self.certificate);
            input.key = file("key", &self.key);
        }
        let (pfx, password_file) = (file("pfx", &self.pfx), file("pfx-password-file", &self.pfx_password_file));
        input.certificates = pfx.map(|pfx| {
            let packed = CertificateInput { pfx: Some(pfx), password_file, ..CertificateInput::default() };
            Said::flag("pfx", vec![packed])
        });
        let users = self.user.iter().map(|user| UserInput {
            name: Said::flag("user", user.name.clone()),
            password: Some(Password(user.password.clone())),
            password_file: None,
            roles: Vec::new(),
        });
        input.users = users.collect();
        input.trust = Several::List(self.trust.iter().map(|file| Said::flag("trust", file.clone())).collect());
        input.policy = policy.map(|file| Said::flag("policy", nuncio_policy::said::Brief::Short(file.to_owned())));
        let (looked, _) = heard(|| input.looked_at(&Base::default()));
        Ok(looked?)
    }

    fn of_flags(&self) -> Result<Judge, Failed> {
        let is_yaml =
            |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let yaml = self.policy.as_ref().filter(is_yaml);
        let Looked { endpoint, identities, trust, users } = self.looked(yaml.map(PathBuf::as_path))?;
        let own = self.policy.as_ref().filter(|_| yaml.is_none()).map(|file| of_assertions(file)).transpose()?;
        let endpoint = endpoint.or(own);
        let service = self.certificate.as_ref().filter(|_| self.key.is_none());
        let service = service.map(|file| certificate(file)).transpose()?.flatten();
        Ok(Judge {
            name: endpoint.as_ref().map(|endpoint| endpoint.name.clone()).unwrap_or_default(),
            endpoint,
            identities,
            trust,
            users,
            addresses: self.address.clone(),
            forward_addressing: false,
            limits: MessageLimits::default(),
            lifetimes: Lifetimes::default(),
            authorisation: Authorisation::default(),
            contexts: Vec::new(),
            whole: false,
            answer: false,
            transport: None,
            side: Side::Flags { client: self.client()?, service },
            notes: Vec::new(),
        })
    }

    /// The client's certificate with its key.
    fn client(&self) -> Result<Option<Identity>, Failed> {
        let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) else { return Ok(None) };
        let mut input = RouteInput::new(Said::flag("policy", "*".to_owned()), Said::flag("backend", String::new()));
        input.certificate = Some(Said::flag("client-certificate", certificate.clone()));
        input.key = Some(Said::flag("client-key", key.clone()));
        let (looked, _) = heard(|| input.looked_at(&Base::default()));
        Ok(looked?.identities.into_iter().next())
    }
}

/// The keys of security contexts in a file. What is wrong with a line is said without it.
fn contexts(file: &Path) -> Result<Vec<ContextKey>, Failed> {
    let failed = |why: &dyn std::fmt::Display| Failed::Step(format!("--context-file: {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    keys.map(|(at, line)| parse_context(line).map_err(|why| failed(&format!("line {at}: {why}")))).collect()
}

/// The first certificate of a file.
fn certificate(file: &Path) -> Result<Option<Certificate>, Failed> {
    let pem = certificates_of(&Said::flag("certificate", file.to_owned()))?;
    let all = Certificate::from_pem(&pem).map_err(|error| Failed::Step(format!("--certificate: {error}")))?;
    Ok(all.into_iter().next())
}

/// The policy of a file of WS-SecurityPolicy.
fn of_assertions(file: &Path) -> Result<Endpoint, Failed> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| Failed::Step(format!("--policy: {name}: {error}")))?;
    let alternatives = nuncio_policy::bare::read(&name, &bytes).map_err(|error| Failed::Step(error.to_string()))?;
    let soap = vec![SoapVersion::V11, SoapVersion::V12];
    Ok(Endpoint { name, soap, alternatives, operations: Vec::new(), message_lifetime: None, identity: None })
}
