//! `nuncio inspect`: a captured message in plain words, and what a policy makes of it.

mod capture;
mod describe;
mod form;
mod judge;
mod remarks;
mod report;
mod text;
mod verdict;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nuncio_policy::authorise::Authorisation;
use nuncio_policy::explain::Grade;
use nuncio_policy::model::SoapVersion;
use nuncio_wss::portrait::{Given, Kind, Portrait};
use nuncio_wss::{HttpFacts, Passwords, Refusal, Time, Transport, V13};

use self::capture::Capture;
use self::form::{other_form, turned_away};
use self::judge::{ContextKey, Judge, parse_context};
use self::report::{CaptureReport, RefusalReport, Report};
use self::verdict::{advised, conclude};
use super::Failed;
use super::check::heard::heard;
use super::check::{json, parse_instant, say};
use super::colour::Colour;
use super::findings::Findings;
use super::page::Page;
use super::proxy::{User, parse_user};
use crate::clock::Clock;
use crate::config::{
    Base, CertificateInput, Configuration, Document, Endpoint, Lifetimes, Looked, MessageLimits, Password, RouteInput,
    RoutePath, RouteSettings, Said, Several, UserInput,
};
use crate::media;

const POLICY: &str = "What it is held to";
const KEYS: &str = "What is known";

/// Explains a captured message in plain words: what is in it, what protects it, and what a policy makes of it
///
/// It reads a SOAP envelope, or an HTTP message as tools save them. Without a policy and keys it tells what can be seen; with
/// keys it looks inside; with a policy it says whether a gateway would take it, why not, and what to change. It calls nobody
/// and changes nothing. No password and no key is told.
///
/// The exit status is 0 for a message that would be taken, or that could be read where there is nothing to hold it to, or not
/// all that is needed to decide; 3 for one that would be refused; 4 for what cannot be read as a SOAP message; and 1 where a
/// file that it needs cannot be read.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The capture; standard input where it is `-`, or not named
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The configuration of a gateway: policy, keys, users and rules are a route's
    #[arg(long, value_name = "FILE", help_heading = POLICY, conflicts_with_all = ["preset", "wsdl", "policy", "certificate", "pfx", "user", "trust", "address"])]
    config: Option<PathBuf>,
    /// Which route of it: its path, or its hosts and its path; else the one with the path of the request, or the only one
    #[arg(long, value_name = "PATH", requires = "config", help_heading = POLICY)]
    route: Option<String>,
    /// A policy by its usual name; `nuncio help proxy` lists them
    #[arg(long, value_name = "NAME", help_heading = POLICY, conflicts_with_all = ["wsdl", "policy"])]
    preset: Option<String>,
    /// The contract with the policy
    #[arg(long, value_name = "FILE", help_heading = POLICY, conflicts_with = "policy")]
    wsdl: Option<PathBuf>,
    /// The contract's port; needed where more than one has a policy
    #[arg(long, value_name = "NAME", requires = "wsdl", help_heading = POLICY)]
    port: Option<String>,
    /// A file with the policy, in YAML or of WS-SecurityPolicy
    #[arg(long, value_name = "FILE", help_heading = POLICY)]
    policy: Option<PathBuf>,
    /// The service's certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "key", help_heading = KEYS)]
    certificate: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "certificate", help_heading = KEYS)]
    key: Option<PathBuf>,
    /// The certificate and its key in one file of PKCS #12, in place of the two
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "key"], help_heading = KEYS)]
    pfx: Option<PathBuf>,
    /// A file whose one line is the password of --pfx
    #[arg(long, value_name = "FILE", requires = "pfx", help_heading = KEYS)]
    pfx_password_file: Option<PathBuf>,
    /// Certificates, in PEM, that clients' are checked against, or that messages name without bringing them; may be repeated
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    trust: Vec<PathBuf>,
    /// A user; may be repeated
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = parse_user, help_heading = KEYS)]
    user: Vec<User>,
    /// The key of a security context, in base64, behind its identifier (and, behind a space, its instance where it was renewed); may be repeated
    #[arg(long, value_name = "IDENTIFIER=BASE64", value_parser = parse_context, help_heading = KEYS)]
    context: Vec<ContextKey>,
    /// An address of the service; may be repeated. Without it any is
    #[arg(long, value_name = "URL", help_heading = KEYS)]
    address: Vec<String>,
    /// How it came, where a policy asks; without it, as the policy wants it
    #[arg(long, value_name = "HOW", help_heading = KEYS)]
    transport: Option<How>,
    /// The instant at which it is judged, in place of the present; then a message that is too old at it is refused
    #[arg(long, value_name = "RFC3339", value_parser = parse_instant)]
    clock: Option<Time>,
    /// Tells it as JSON
    #[arg(long)]
    json: bool,
}

/// How a message came.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    /// In clear.
    Clear,
    /// Over TLS.
    Tls,
    /// Over TLS, with a certificate of the client's.
    ClientCertificate,
}

impl From<How> for Transport {
    fn from(how: How) -> Self {
        match how {
            How::Clear => Self::Clear,
            How::Tls => Self::Secure,
            How::ClientCertificate => Self::Authenticated,
        }
    }
}

/// What comes of looking.
struct Told {
    report: Report,
    ends: Option<Failed>,
}

/// Tells of a message which tokens it has, and what is signed and encrypted by what.
pub(super) fn protection(page: &mut Page, portrait: &Portrait, answer: bool, now: Time) {
    let message = describe::describe(portrait, answer, now);
    page.tokens(&message);
    page.protection(&message);
}

impl Inspect {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let now = self.clock.unwrap_or_else(|| Clock::system().now());
        let limit = MessageLimits::default().body_bytes;
        let octets = capture::octets(self.file.as_deref(), limit).map_err(|error| {
            let name = self.file.as_ref().map_or_else(|| "standard input".into(), |file| file.display().to_string());
            Failed::Step(format!("{name}: {error}"))
        })?;
        let captured = Capture::read(&octets, limit);
        let judge = self.judge(captured.as_ref().ok())?;
        let Told { report, ends } = match captured {
            Ok(capture) => look(&judge, capture, now, self.clock.is_some()).await?,
            Err(error) => {
                let nothing = Capture { body: octets, ..Capture::default() };
                unreadable(&nothing, now, error.to_string(), None, Findings::default())
            }
        };
        if self.json {
            json(&report);
        } else {
            say(&Page::new(Colour::of_stdout()).message(&report));
        }
        ends.map_or(Ok(()), Err)
    }

    /// What it is looked at with.
    fn judge(&self, capture: Option<&Capture>) -> Result<Judge, Failed> {
        let mut judge = match &self.config {
            Some(file) => {
                // What is weak in a configuration is told by `check`.
                let (configuration, _) = heard(|| Configuration::of(Document::read(file)?, file));
                let Configuration { routes, lifetimes, .. } = configuration?;
                let path = capture.and_then(Capture::request).map(|(_, path)| path);
                Judge::of_route(route(routes, self.route.as_deref(), path)?, &lifetimes)
            }
            None => self.of_flags()?,
        };
        judge.contexts.clone_from(&self.context);
        judge.transport = self.transport.map(Transport::from);
        Ok(judge)
    }

    fn of_flags(&self) -> Result<Judge, Failed> {
        let file = |flag, file: &Option<PathBuf>| file.clone().map(|file| Said::flag(flag, file));
        let mut input = RouteInput::new(Said::flag("policy", "*".to_owned()), Said::flag("backend", String::new()));
        input.preset = self.preset.clone().map(|name| Said::flag("preset", name));
        input.wsdl = file("wsdl", &self.wsdl);
        input.port = self.port.clone().map(|name| Said::flag("port", name));
        input.certificate = file("certificate", &self.certificate);
        input.key = file("key", &self.key);
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
        let mut own = None;
        match &self.policy {
            Some(file) if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") => {
                input.policy = Some(Said::flag("policy", nuncio_policy::said::Brief::Short(file.clone())));
            }
            Some(file) => own = Some(of_assertions(file)?),
            None => {}
        }
        let (looked, _) = heard(|| input.looked_at(&Base::default()));
        let Looked { endpoint, identities, trust, users } = looked?;
        let endpoint = endpoint.or(own);
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
            transport: None,
        })
    }
}

/// The policy of a file of WS-SecurityPolicy.
fn of_assertions(file: &std::path::Path) -> Result<Endpoint, Failed> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| Failed::Step(format!("--policy: {name}: {error}")))?;
    let alternatives = nuncio_policy::bare::read(&name, &bytes).map_err(|error| Failed::Step(error.to_string()))?;
    let soap = vec![SoapVersion::V11, SoapVersion::V12];
    Ok(Endpoint { name, soap, alternatives, operations: Vec::new(), message_lifetime: None, identity: None })
}

/// The route that is meant.
fn route(routes: Vec<RouteSettings>, wanted: Option<&str>, path: Option<&str>) -> Result<RouteSettings, Failed> {
    let names: Vec<String> = routes.iter().map(RouteSettings::name).collect();
    let only = routes.len() == 1;
    let is = |route: &RouteSettings| match wanted {
        Some(wanted) => route.name() == wanted || route.path.to_string() == wanted,
        None => only || matches!(&route.path, RoutePath::Exact(own) if Some(&**own) == path),
    };
    let found = routes.into_iter().find(is);
    found.ok_or_else(|| match wanted {
        Some(wanted) => Failed::Step(format!("--route: there is no route {wanted:?}, only {}", names.join(", "))),
        None => Failed::Step(format!("--route: name one of {}", names.join(", "))),
    })
}

/// Looks at what was captured.
async fn look(judge: &Judge, capture: Capture, now: Time, strict: bool) -> Result<Told, Failed> {
    let mut findings = Findings::default();
    for odd in &capture.odd {
        findings.add(Grade::Note, "capture", odd.clone());
    }
    if let Some(why) = other_form(&capture) {
        return Ok(unreadable(&capture, now, why, None, findings));
    }
    if capture.body.trim_ascii().is_empty() {
        return Ok(empty(&capture, now, findings));
    }
    let credentials = judge.credentials()?;
    let (certificates, contexts) = (judge.certificates(), judge.contexts(&V13, now));
    let passwords: &dyn Passwords = &*judge.users;
    let given = Given {
        credentials: &credentials,
        certificates: &certificates,
        contexts: &contexts,
        passwords: Some(passwords),
        answers: None,
    };
    let said = capture.header("Content-Type");
    let facts = |content_type| HttpFacts { content_type, soap_action: capture.header("SOAPAction") };
    let limits = judge.limits.message();
    let portrait = match Portrait::of(capture.body.clone(), said.map(facts).as_ref(), &given, &limits) {
        Ok(portrait) => portrait,
        Err(refusal) => return Ok(unreadable(&capture, now, refusal.to_string(), Some(&refusal), findings)),
    };
    let answer = capture.is_answer().unwrap_or_else(|| {
        matches!(portrait.kind, Kind::Issued | Kind::Renewed | Kind::Cancelled | Kind::TokenResponse | Kind::Fault)
            || portrait.addressing.relates_to.is_some()
    });
    remarks::remark(&portrait, answer, now, &mut findings);
    let mut report = Report {
        outcome: "read",
        at: now.to_string(),
        says: introduction(&capture, &portrait, answer),
        capture: told(&capture),
        message: Some(describe::describe(&portrait, answer, now)),
        policy: None,
        refusal: None,
        findings: findings.sorted(),
    };
    let rejected = if answer { None } else { turned_away(&capture) };
    let endpoint = judge.endpoint.as_ref().filter(|_| !answer);
    let mut ends = None;
    match (endpoint, rejected) {
        (Some(endpoint), None) => {
            let content_type = said.map_or(media::content_type(portrait.soap), |said| said);
            let verdict = judge.judge(endpoint, &facts(content_type), &capture.body, now).await?;
            ends = conclude(&mut report, judge, verdict, strict);
        }
        (Some(_), Some(rejection)) => {
            report.outcome = "refused";
            let means = "A gateway turns it away by its HTTP head, before it reads the message.".to_owned();
            let client = Some(
                "Send one POST of SOAP in UTF-8, with the content type of its version and no compression.".to_owned(),
            );
            report.refusal = Some(RefusalReport { reason: rejection.to_string(), means, client, route: None });
            report.says.push(format!("It would be refused: {rejection}."));
            ends = Some(Failed::WouldBeRefused(rejection.to_string()));
        }
        (None, _) => match &portrait.refused {
            Some(refusal) => {
                report.outcome = "refused";
                report.says.push(format!("No policy takes it: {refusal}."));
                report.refusal = Some(advised(refusal));
                ends = Some(Failed::WouldBeRefused(refusal.to_string()));
            }
            None if answer && judge.endpoint.is_some() => {
                report.says.push("It is an answer: routes take requests, so the policy is not asked.".to_owned());
            }
            None if answer => {}
            None => report.says.push("No policy is given: whether it would be taken is not said.".to_owned()),
        },
    }
    Ok(Told { report, ends })
}

/// What it is, in a few sentences.
fn introduction(capture: &Capture, portrait: &Portrait, answer: bool) -> Vec<String> {
    let soap = match portrait.soap {
        SoapVersion::V11 => "1.1",
        SoapVersion::V12 => "1.2",
    };
    let what = if answer { "An answer" } else { "A request" };
    let mut says = vec![format!("{what} in SOAP {soap}, of {} octets.", capture.body.len()), portrait.kind.to_string()];
    if let Some(payload) = &portrait.body.payload {
        let hidden = if portrait.body.encrypted { ", which came encrypted" } else { "" };
        says.push(format!("In its body is {}{hidden}.", payload.local));
    } else if portrait.body.encrypted {
        says.push("What is in its body is encrypted.".to_owned());
    }
    says.extend(describe::context_of(portrait).map(|context| format!("It belongs to {context}.")));
    says
}

fn told(capture: &Capture) -> CaptureReport {
    CaptureReport {
        form: if capture.headers.is_some() { "http" } else { "envelope" },
        start_line: capture.start_line.clone(),
        content_type: capture.header("Content-Type").map(str::to_owned),
        soap_action: capture.header("SOAPAction").map(str::to_owned),
        octets: capture.body.len(),
    }
}

/// A message without a body.
fn empty(capture: &Capture, now: Time, findings: Findings) -> Told {
    if capture.is_answer() != Some(true) {
        return unreadable(capture, now, "it has no body".to_owned(), None, findings);
    }
    let says =
        vec!["An answer without a body: the service took a message that needs no answer, or says no more.".to_owned()];
    let report = Report {
        outcome: "read",
        at: now.to_string(),
        says,
        capture: told(capture),
        message: None,
        policy: None,
        refusal: None,
        findings: findings.sorted(),
    };
    Told { report, ends: None }
}

/// What cannot be read.
fn unreadable(capture: &Capture, now: Time, why: String, refusal: Option<&Refusal>, findings: Findings) -> Told {
    let report = Report {
        outcome: "unreadable",
        at: now.to_string(),
        says: vec![format!("It cannot be read as a SOAP message: {why}.")],
        capture: told(capture),
        message: None,
        policy: None,
        refusal: refusal.map(advised),
        findings: findings.sorted(),
    };
    Told { report, ends: Some(Failed::NotRead(why)) }
}
