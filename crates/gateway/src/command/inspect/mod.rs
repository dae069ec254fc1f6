//! `nuncio inspect`: a captured message in plain words, and what a policy makes of it.

mod answer;
mod asked;
mod capture;
mod chosen;
mod client;
mod describe;
mod flags;
mod form;
mod judge;
mod look;
mod outside;
mod plain;
mod remarks;
mod report;
mod silent;
mod text;
mod verdict;
mod wide;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use nuncio_wss::portrait::Portrait;
use nuncio_wss::{Refusal, Time, Transport};
use nuncio_xml::ReadError;

use self::capture::{Capture, NotCaptured};
use self::judge::{ContextKey, parse_context};
use self::look::{Told, look, unreadable};
use self::report::RefusalReport;
use super::Failed;
use super::check::{json, parse_instant, say};
use super::colour::Colour;
use super::findings::Findings;
use super::page::Page;
use super::proxy::{User, parse_user};
use super::quiet::Quiet;
use crate::clock::Clock;

const POLICY: &str = "What it is held to";
const KEYS: &str = "What is known";

/// Explains a captured message in plain words: what is in it, what protects it, and what a policy makes of it
///
/// It reads a SOAP envelope, or an HTTP message as tools save them. Without a policy and keys it tells what can be seen; with
/// keys it looks inside; with a policy it says whether a gateway would take it, or of an answer whether a client would believe
/// it, why not, and what to change. It calls nobody and changes nothing. No password and no key is told.
///
/// The exit status is 0 for a message that would be taken or believed, or that could be read where there is nothing to hold it
/// to, or not all that is needed to decide; 3 for one that would be refused; 4 for what cannot be read as a SOAP message; 2 for
/// a wrong command line; and 1 where a file that it needs cannot be read.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The capture; standard input where it is `-`, or not named
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The request that it answers
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// It is an answer, where no status line says so
    #[arg(long)]
    answer: bool,
    /// The configuration of a gateway: policy, keys, users and rules are a route's
    #[arg(long, value_name = "FILE", help_heading = POLICY, conflicts_with_all = ["preset", "wsdl", "policy", "trust", "address"])]
    config: Option<PathBuf>,
    /// Which route of it: its path, or its hosts and its path, behind the word `egress` where both sides have it; else the one
    /// whose path fits that of the request most closely, or the only one
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
    /// The service's certificate, in PEM; without its key, the one that answers are known by. Beside a configuration, for a
    /// route that calls a service
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
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
    /// The client's certificate, in PEM: answers may be encrypted for it
    #[arg(long, value_name = "FILE", requires = "client_key", help_heading = KEYS)]
    client_certificate: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, value_name = "FILE", requires = "client_certificate", help_heading = KEYS)]
    client_key: Option<PathBuf>,
    /// Certificates, in PEM, that clients' are checked against, or that messages name without bringing them; may be repeated
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    trust: Vec<PathBuf>,
    /// A user; may be repeated
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = Quiet(parse_user), help_heading = KEYS)]
    user: Vec<User>,
    /// The key of a security context, in base64, behind its identifier (and, behind a space, its instance where it was renewed); may be repeated
    #[arg(long, value_name = "IDENTIFIER=BASE64", value_parser = Quiet(parse_context), help_heading = KEYS)]
    context: Vec<ContextKey>,
    /// A file of such keys, one a line; lines that begin with # are comments
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    context_file: Option<PathBuf>,
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

/// Tells of a message which tokens it has, and what is signed and encrypted by what.
pub(super) fn protection(page: &mut Page, portrait: &Portrait, answer: bool, now: Time) {
    let message = describe::describe(portrait, answer, now);
    page.tokens(&message);
    page.protection(&message);
}

impl Inspect {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let now = self.clock.unwrap_or_else(|| Clock::system().now());
        let (octets, captured) = read(self.file.as_deref())?;
        let request = match &self.request {
            None => None,
            Some(file) => {
                let (_, captured) = read(Some(file))?;
                Some(captured.map_err(|error| Failed::Step(format!("--request: {}: {error}", file.display())))?)
            }
        };
        let all: Vec<&Capture> = captured.iter().chain(&request).collect();
        let judge = self.judge(&all)?;
        let Told { report, ends } = match &captured {
            Ok(capture) => look(&judge, capture, request.as_ref(), now, self.clock.is_some()).await?,
            Err(error) => {
                let nothing = Capture { body: octets, ..Capture::default() };
                let unread = matches!(error, NotCaptured::Utf16).then_some(Refusal::Unreadable(ReadError::NotUtf8));
                let advice = unread.map(|refusal| RefusalReport {
                    reason: error.to_string(),
                    ..judge.advised(&refusal, self.request.is_some())
                });
                unreadable(&nothing, now, &error.to_string(), advice, Findings::default())
            }
        };
        if self.json {
            json(&report);
        } else {
            say(&Page::new(Colour::of_stdout()).message(&report));
        }
        ends.map_or(Ok(()), Err)
    }
}

/// The octets of a file, or of standard input, and the capture that they are.
fn read(file: Option<&Path>) -> Result<(Vec<u8>, Result<Capture, NotCaptured>), Failed> {
    let octets = capture::octets(file, wide::OCTETS).map_err(|error| {
        let name = file.map_or_else(|| "standard input".into(), |file| file.display().to_string());
        Failed::Step(format!("{name}: {error}"))
    })?;
    let captured = Capture::read(&octets, wide::OCTETS);
    Ok((octets, captured))
}
