//! `nuncio check`: what a configuration means, and what of it is weak, before it is served.

pub(super) mod certificate;
mod egress;
pub(super) mod heard;
mod report;
mod route;
mod text;

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use nuncio_policy::explain::{Grade, explain};
use nuncio_policy::model::{Operation, Policy, Port, SoapVersion};
use nuncio_policy::said::NotRead;
use nuncio_policy::yaml::{self, PolicyFile, Source, Stated};
use nuncio_policy::{bare, preset, said, wsdl};
use nuncio_wss::Time;
use reqwest::Url;

use self::certificate::{instant, look_at_chain};
use self::egress::look_at_egress;
use self::heard::{Line, heard};
use self::report::{Findings, ListenerReport, PolicyReport, Report, RouteReport};
use self::route::look_at_route;
use super::Failed;
use super::colour::Colour;
use super::page::Page;
use crate::clock::Clock;
use crate::config::{Configuration, Document, ListenerSettings, Protection, RouteHost};
use crate::gateway::Gateway;
use crate::random::Entropy;
use crate::world::World;

/// Explains a configuration in plain words, and says what of it is weak
///
/// It reads everything that `run` reads and refuses what `run` refuses, with the same words; it binds no port and calls
/// nobody. The exit status is 0 for what can be served, 1 for what cannot, and with --strict 2 for what can and has a
/// finding that is more than a note.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration, in YAML
    #[arg(long, value_name = "FILE", required_unless_present = "policy")]
    config: Option<PathBuf>,
    /// Tells of this route alone: its path, or its hosts and its path
    #[arg(long, value_name = "PATH", conflicts_with = "policy")]
    route: Option<String>,
    /// A policy in place of a configuration: a preset's name, or a file in YAML or of WS-SecurityPolicy
    #[arg(long, value_name = "PRESET|FILE", conflicts_with = "config")]
    policy: Option<String>,
    /// Tells it as JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Tells what is weak alone, without notes
    #[arg(long)]
    quiet: bool,
    /// Ends with status 2 where something is weak
    #[arg(long)]
    strict: bool,
    /// The instant for which certificates are judged, in place of the present
    #[arg(long, value_name = "RFC3339", value_parser = parse_instant)]
    at: Option<Time>,
}

pub(super) fn parse_instant(text: &str) -> Result<Time, &'static str> {
    Time::parse(text).ok_or("it is not an instant such as 2026-11-22T10:00:00Z")
}

/// A user that a route names.
struct Named {
    name: String,
    /// Where his password is written out.
    in_clear: Option<String>,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failed> {
        let now = self.at.unwrap_or_else(|| Clock::system().now());
        let colour = Colour::of_stdout();
        let report = match (&self.config, &self.policy) {
            (Some(file), _) => {
                let report = configuration(file, self.route.as_deref(), now).inspect_err(|failed| {
                    if self.json {
                        json(&Report::refused(instant(now), failed.to_string()));
                    }
                })?;
                match (self.json, self.quiet) {
                    (true, _) => json(&report),
                    (_, true) => say(&Page::new(colour).brief(&report)),
                    _ => say(&Page::new(colour).report(&report)),
                }
                report
            }
            (None, Some(name)) => {
                let (policy, report) = policy(name, now)?;
                match (self.json, self.quiet) {
                    (true, _) => json(&PolicyAlone { policy: &policy, findings: &report.findings }),
                    (_, true) => say(&Page::new(colour).brief(&report)),
                    _ => say(&text::policy(colour, &policy, &report)),
                }
                report
            }
            // clap asks for one of them.
            (None, None) => return Ok(()),
        };
        match report.weak() {
            0 => Ok(()),
            weak if self.strict => Err(Failed::Weak(weak)),
            _ => Ok(()),
        }
    }
}

/// Reads a configuration as `run` does, and looks at it.
fn configuration(file: &Path, route: Option<&str>, now: Time) -> Result<Report, Failed> {
    let (outcome, lines) = heard(|| {
        let document = Document::read(file)?;
        let users: Vec<Vec<Named>> = document.routes.value.iter().map(named).collect();
        let configuration = Configuration::of(document, file)?;
        let mut findings = Findings::default();
        let mut report = look(&configuration, &users, now, &mut findings);
        let world = World::new(Clock::system(), Entropy::system(), &configuration.stores).looked_at();
        Gateway::build(configuration, &Arc::new(world))?;
        if let Some(wanted) = route {
            let names: Vec<String> = report.routes.iter().map(|route| route.name.clone()).collect();
            report.routes.retain(|route| route.name == wanted || route.path == wanted);
            if report.routes.is_empty() {
                let have = names.join(", ");
                return Err(Failed::Step(format!("--route: there is no route {wanted:?}, only {have}")));
            }
        }
        Ok((report, findings))
    });
    let (mut report, mut findings) = outcome?;
    for Line { grade, route, text } in lines {
        findings.add(grade, &route.map(|route| format!("route {route}")).unwrap_or_default(), text);
    }
    report.findings = findings.sorted();
    if route.is_some() {
        // Of another route nothing is told; what is about no route in particular is about this one too.
        let of = |route: &RouteReport| match route.side {
            "egress" => format!("egress route {}", route.name),
            _ => format!("route {}", route.name),
        };
        let own: Vec<String> = report.routes.iter().map(of).collect();
        let is_own = |about: &str| own.iter().any(|own| about == own || about.starts_with(&format!("{own},")));
        let of_some = |about: &str| about.starts_with("route ") || about.starts_with("egress route ");
        report.findings.retain(|finding| !of_some(&finding.about) || is_own(&finding.about));
    }
    report.outcome = if report.weak() == 0 { "fine" } else { "weak" };
    Ok(report)
}

fn named(route: &crate::config::RouteInput) -> Vec<Named> {
    let users = route.users.iter().map(|user| Named {
        name: user.name.value.clone(),
        in_clear: user.password.as_ref().map(|_| user.name.origin.to_string()),
    });
    users.collect()
}

/// Looks at what can be served.
fn look(configuration: &Configuration, users: &[Vec<Named>], now: Time, findings: &mut Findings) -> Report {
    let Configuration { listeners, routes, egress, admin, .. } = configuration;
    let addresses = routes.iter().flat_map(|route| &route.addresses).filter_map(|url| public(url));
    let hosts = routes.iter().flat_map(|route| &route.hosts).filter_map(|host| match host {
        RouteHost::Exact(host) => Some(host.clone()),
        RouteHost::Below(_) => None,
    });
    let public: Vec<String> = addresses.chain(hosts).collect();
    let listeners = listeners.iter().map(|listener| look_at_listener(listener, &public, now, findings)).collect();
    let admin = admin.as_ref().map(|admin| {
        let address = &admin.listener.address.value;
        let about = format!("admin listener {address}");
        let here = is_here(host(address));
        if !here && admin.open {
            findings.add(Grade::Danger, &about, "it can be reached from other machines, by anybody");
        }
        if !here && admin.token.is_some() && admin.listener.is_clear() {
            findings.add(Grade::Danger, &about, "its token travels in clear");
        }
        let hosts = if is_anywhere(host(address)) { Vec::new() } else { vec![(host(address).to_owned(), Grade::Note)] };
        look_at_chain(&admin.listener.certificates, &hosts, now, &about, findings);
        address.clone()
    });
    let mut told: Vec<_> =
        routes.iter().zip(users).map(|(route, users)| look_at_route(route, users, now, findings)).collect();
    told.extend(egress.iter().map(|route| look_at_egress(route, now, findings)));
    let routes = told;
    Report { outcome: "fine", at: instant(now), reason: None, listeners, admin, routes, findings: Vec::new() }
}

/// Tells a listener, and finds what is weak in it. `public` is where clients look for the services behind it.
fn look_at_listener(
    listener: &ListenerSettings,
    public: &[String],
    now: Time,
    findings: &mut Findings,
) -> ListenerReport {
    let address = &listener.address.value;
    let about = format!("listener {address}");
    let here = is_here(host(address));
    let says = match &listener.protection {
        Protection::Tls { client_certificates: false, .. } => vec!["It speaks TLS.".to_owned()],
        Protection::Tls { client_certificates: true, .. } => {
            vec!["It speaks TLS.".to_owned(), "TLS asks clients for a certificate.".to_owned()]
        }
        Protection::Clear { tls_terminated_by } if tls_terminated_by.is_empty() => {
            let grade = if here { Grade::Note } else { Grade::Warning };
            findings.add(grade, &about, "it has no TLS: whoever is between reads what messages do not encrypt");
            vec!["Whatever comes, comes in clear.".to_owned()]
        }
        Protection::Clear { tls_terminated_by } => {
            if tls_terminated_by.iter().any(crate::config::Cidr::is_everybody) {
                findings.add(
                    Grade::Danger,
                    &about,
                    "everybody counts as one who takes TLS off in front of it: nothing shows that there is TLS at all",
                );
            }
            let who: Vec<String> = tls_terminated_by.iter().map(ToString::to_string).collect();
            let who = who.join(", ");
            vec![format!("It speaks plain HTTP; what comes from {who} counts as having come by TLS.")]
        }
    };
    let own = host(address);
    let hosts: Vec<(String, Grade)> = match public {
        [] if !is_anywhere(own) => vec![(own.to_owned(), Grade::Note)],
        public => public.iter().map(|host| (host.clone(), Grade::Warning)).collect(),
    };
    let certificates = look_at_chain(&listener.certificates, &hosts, now, &about, findings);
    ListenerReport { address: address.clone(), says, certificates }
}

/// The host of an address of a service that is reached by TLS.
fn public(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned())
}

/// The host of a listener's address, which has a port.
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
}

/// Whether a host is this machine and can only be reached from it.
fn is_here(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.to_canonical().is_loopback())
}

/// Whether a host stands for every address of this machine.
fn is_anywhere(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

/// A policy that is in no configuration.
struct Alone {
    soap: Vec<SoapVersion>,
    alternatives: Vec<Policy>,
    operations: Vec<Operation>,
}

impl Alone {
    /// A preset, a file in YAML, or one of WS-SecurityPolicy.
    fn read(name: &str) -> Result<Self, Failed> {
        if let Some(preset) = preset::named(name) {
            return Ok(Self::whatever(preset.soap, vec![preset.policy]));
        }
        let file = Path::new(name);
        let bytes = std::fs::read(file).map_err(|error| {
            let have = preset::all().map(|preset| preset.name).collect::<Vec<_>>().join(", ");
            Failed::Step(format!("--policy: {name:?} is none of the presets ({have}), and no file: {error}"))
        })?;
        if !file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let read = bare::read(name, &bytes).map_err(|error| Failed::Step(error.to_string()))?;
            return Ok(Self::whatever(&[SoapVersion::V11, SoapVersion::V12], read));
        }
        let wrong = |error: NotRead| Failed::Step(error.to_string());
        let source = said::read::<PolicyFile>(name, &bytes).map_err(wrong)?.source().map_err(wrong)?;
        match source {
            Source::Stated(Stated { soap, alternatives, operations, .. }) => {
                Ok(Self { soap, alternatives, operations })
            }
            Source::Contract(contract) => Self::of_contract(&contract, file),
        }
    }

    fn whatever(soap: &[SoapVersion], alternatives: Vec<Policy>) -> Self {
        Self { soap: soap.to_vec(), alternatives, operations: Vec::new() }
    }

    /// That of the port which is named, or of the only one that has a policy.
    fn of_contract(contract: &yaml::Contract, file: &Path) -> Result<Self, Failed> {
        let wrong = |error: String| Failed::Step(format!("{}: {error}", contract.wsdl.origin));
        let wsdl = file.parent().unwrap_or(Path::new("")).join(&contract.wsdl.value);
        let bytes = std::fs::read(&wsdl).map_err(|error| wrong(format!("cannot read {}: {error}", wsdl.display())))?;
        let read = wsdl::read(&wsdl.display().to_string(), &bytes).map_err(|error| Failed::Step(error.to_string()))?;
        let is = |port: &Port| match &contract.port {
            Some(name) => port.name == name.value,
            None => port.alternatives.as_ref().map_or(true, |alternatives| !alternatives.is_empty()),
        };
        let mut ports = read.ports.into_iter().filter(is);
        match (ports.next(), ports.next()) {
            (Some(port), None) => {
                let alternatives = port.alternatives.map_err(|error| Failed::Step(error.to_string()))?;
                Ok(Self { soap: vec![port.soap], alternatives, operations: port.operations })
            }
            (None, _) => Err(wrong(format!("{} has no such port with a policy", wsdl.display()))),
            (Some(_), Some(_)) => Err(wrong(format!("several ports of {} have a policy: name one", wsdl.display()))),
        }
    }
}

/// Tells a policy by its name or in a file.
fn policy(name: &str, now: Time) -> Result<(PolicyReport, Report), Failed> {
    let Alone { soap, alternatives, operations } = Alone::read(name)?;
    let mut findings = Findings::default();
    let explained: Vec<_> = alternatives.iter().map(|policy| explain(policy, &operations)).collect();
    let policy = PolicyReport::new(name, &soap, &explained, "", &mut findings);
    let mut report = Report {
        outcome: "fine",
        at: instant(now),
        reason: None,
        listeners: Vec::new(),
        admin: None,
        routes: Vec::new(),
        findings: findings.sorted(),
    };
    report.outcome = if report.weak() == 0 { "fine" } else { "weak" };
    Ok((policy, report))
}

/// A policy that is in no configuration, with what is weak in it.
#[derive(serde::Serialize)]
struct PolicyAlone<'a> {
    policy: &'a PolicyReport,
    findings: &'a [report::Finding],
}

pub(super) fn json(value: &impl serde::Serialize) {
    // A struct of texts and numbers is always JSON.
    if let Ok(text) = serde_json::to_string_pretty(value) {
        say(&format!("{text}\n"));
    }
}

pub(super) fn say(text: &str) {
    // A reader that goes away ends the telling, not the check.
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
