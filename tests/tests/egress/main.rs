//! The other side: plain clients call protected services through the gateway.
//!
//! Most services here are gateways of our own, which is enough for what is asked: who gets which conversation, and what
//! becomes of a call when something is wrong. That strangers' services are called rightly is shown with CXF's, in
//! `tests/tests/cxf/egress.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod addressed;
mod callers;
mod cold;
mod gone;
mod kept;
mod lying;
mod plain_clients;
mod published;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nuncio_policy::model::SoapVersion;
use nuncio_tests::cxf::door;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::{self, Answer, Backend, Seen};
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::wire;

/// What the services here ask for, unless it is said.
const POLICY: &str = "wcf-ws2007-userNameForCertificate-conversation";

/// The echo service's contract in SOAP 1.1, its policy left out.
const CONTRACT: &str = include_str!("../scripts/echo.wsdl");

/// A plain service, with a gateway in front that protects it.
struct Protected {
    backend: Backend,
    gateway: Option<Nuncio>,
    port: u16,
    admin: u16,
    policy: &'static str,
    /// How long its conversations last, where that is not as long as they do.
    lasts: Option<&'static str>,
    /// Whether it publishes its contract, with the policy.
    publishes: bool,
}

impl Protected {
    fn start() -> Self {
        Self::under(POLICY)
    }

    fn under(policy: &'static str) -> Self {
        Self::lasting(policy, None)
    }

    fn lasting(policy: &'static str, lasts: Option<&'static str>) -> Self {
        let (port, admin) = (free_port().unwrap(), free_port().unwrap());
        let mut protected =
            Self { backend: Backend::start().unwrap(), gateway: None, port, admin, policy, lasts, publishes: false };
        protected.serve();
        protected
    }

    /// One that publishes the contract of the echo service.
    fn publishing() -> Self {
        let mut protected = Self::before(|seen| {
            if !seen.target.contains("wsdl") {
                return plain::echo(seen);
            }
            let contract =
                CONTRACT.replace("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/");
            Answer { status: 200, content_type: "text/xml; charset=utf-8".into(), body: contract.into_bytes() }
        });
        protected.publishes = true;
        protected.serve();
        protected
    }

    /// One before a service that answers so.
    fn before(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let mut protected = Self::start();
        protected.backend = Backend::answering(answer).unwrap();
        protected.serve();
        protected
    }

    /// Starts the gateway, at the same address as before.
    fn serve(&mut self) {
        self.gateway = None;
        if let Some(lasts) = self.lasts {
            self.gateway = Some(self.serve_lasting(lasts));
            return;
        }
        let mut arguments =
            vec!["proxy".to_owned(), "--listen".into(), self.url(), "--backend".into(), self.backend.url()];
        arguments.extend([
            "--preset".into(),
            self.policy.into(),
            "--admin".into(),
            format!("127.0.0.1:{}", self.admin),
        ]);
        let key = |file| peers::key(file).display().to_string();
        arguments.extend(["--certificate".into(), key("server.pem"), "--key".into(), key("server.key")]);
        for user in [USER, "bob", "carol"] {
            arguments.extend(["--user".into(), format!("{user}:{PASSWORD}")]);
        }
        if self.publishes {
            arguments.extend(["--contract".into(), "backend".into()]);
        }
        self.gateway = Some(Nuncio::start(arguments).unwrap());
    }

    fn serve_lasting(&self, lasts: &str) -> Nuncio {
        let key = |file| peers::key(file).display().to_string();
        let yaml = format!(
            "listeners: [{{ address: '127.0.0.1:{}' }}]\nadmin: {{ address: '127.0.0.1:{}' }}\nlifetimes: {{ conversation: {lasts} }}\n\
             routes:\n- path: '*'\n  backend: {}\n  preset: {}\n  certificate: {}\n  key: {}\n  users: [{{ name: {USER}, password: \
             {PASSWORD} }}]\n",
            self.port,
            self.admin,
            self.backend.url(),
            self.policy,
            key("server.pem"),
            key("server.key"),
        );
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("service {}.yaml", self.port));
        std::fs::write(&file, yaml).unwrap();
        run(&file)
    }

    fn end(&mut self) {
        self.gateway = None;
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many conversations it was asked to begin.
    fn begun(&self) -> usize {
        self.asked("issue")
    }

    /// How many it was asked to end.
    fn cancelled(&self) -> usize {
        self.asked("cancel")
    }

    fn asked(&self, kind: &str) -> usize {
        row(self.admin, &format!("nuncio_requests_total{{route=\"*\",kind=\"{kind}\",outcome=\"answered\"}}"))
    }
}

/// A row of a gateway's metrics.
fn row(admin: u16, name: &str) -> usize {
    let get = HttpMessage { start_line: "GET /metrics HTTP/1.1".to_owned(), headers: Vec::new(), body: Vec::new() };
    let text = wire::send(&format!("http://127.0.0.1:{admin}/"), &get).unwrap().body;
    let text = String::from_utf8(text).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no row {name} in\n{text}"))
}

/// A gateway that calls a protected service for plain clients.
struct Egress {
    gateway: Nuncio,
    address: String,
    admin: u16,
    /// What it was started with.
    file: PathBuf,
}

impl Egress {
    /// One with a route `/` to that service, of which that is said besides, each line as it stands in YAML.
    fn start(name: &str, service: &str, more: &str) -> Self {
        Self::keeping(name, service, more, "")
    }

    /// The same, with that said beside its routes.
    fn keeping(name: &str, service: &str, more: &str, besides: &str) -> Self {
        let (port, admin) = (free_port().unwrap(), free_port().unwrap());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.yaml"));
        std::fs::write(&file, said(port, admin, service, more) + besides).unwrap();
        Self { gateway: run(&file), address: format!("http://127.0.0.1:{port}"), admin, file }
    }

    /// Kills it, as a machine that loses its power does, and starts it again.
    fn kill_and_start(&mut self) {
        self.gateway.kill();
        self.gateway = run(&self.file);
    }

    /// Ends it as an operator does, and starts it again.
    fn end_and_start(&mut self) {
        peers::run(std::process::Command::new("kill").arg(self.gateway.id().to_string())).unwrap();
        assert!(self.gateway.ends(), "{}", self.gateway.log());
        self.gateway = run(&self.file);
    }

    /// Why one is not started, of which that is said.
    fn refused(name: &str, more: &str) -> String {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("refused {name}.yaml"));
        std::fs::write(&file, said(free_port().unwrap(), free_port().unwrap(), "", more)).unwrap();
        Nuncio::start(["run".as_ref(), "--config".as_ref(), file.as_os_str()]).err().unwrap().to_string()
    }

    fn post(&self, request: &HttpMessage) -> HttpMessage {
        wire::send(&self.address, request).unwrap()
    }

    fn count(&self, event: &str) -> usize {
        row(self.admin, &format!("nuncio_egress_conversations_total{{route=\"egress /\",event=\"{event}\"}}"))
    }
}

fn run(file: &std::path::Path) -> Nuncio {
    Nuncio::start(["run".as_ref(), "--config".as_ref(), file.as_os_str()]).unwrap()
}

fn said(port: u16, admin: u16, service: &str, more: &str) -> String {
    let certificate = peers::key("server.pem").display().to_string();
    let says = |word: &str| more.lines().any(|line| line.starts_with(word));
    let policy = if says("preset:") || says("wsdl:") || says("policy:") {
        String::new()
    } else {
        format!("    preset: {POLICY}\n")
    };
    let user = format!("    user: {{ name: {USER}, password: {PASSWORD} }}\n");
    let user = if says("pass_through") || more.contains("user:") { String::new() } else { user };
    let more = more.lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    let service = if says("service:") { String::new() } else { format!("    service: {service}\n") };
    format!(
        "admin: {{ address: \"127.0.0.1:{admin}\" }}\negress:\n  listeners:\n  - address: 127.0.0.1:{port}\n  routes:\n  - path: /\n{service}    \
         service_certificate: {certificate}\n{policy}{user}{more}"
    )
}

/// Until that is so, or for long enough to know that it is not.
fn eventually(is: impl Fn() -> bool) -> bool {
    within(Duration::from_secs(10), is)
}

/// The same of as long as that.
fn within(time: Duration, is: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !is() {
        if start.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// A plain echo request.
fn echo(soap: SoapVersion, text: &str) -> HttpMessage {
    HttpMessage { start_line: "POST / HTTP/1.1".to_owned(), ..door::plain(soap, "Echo", "text", text) }
}

fn text(message: &HttpMessage) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

#[track_caller]
fn assert_echoed(answer: &HttpMessage, said: &str) {
    let body = text(answer);
    assert!(answer.status() == Some(200) && body.contains("EchoResult") && body.contains(said), "{answer:?} {body}");
}
