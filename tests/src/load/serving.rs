//! What is measured: the gateway's program before its own plain service, and CXF's services, each under the policy that CXF
//! publishes for a code.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::connection::{Connection, Target};
use crate::http::HttpMessage;
use crate::peers::{self, PASSWORD, USER};
use crate::process::{Nuncio, free_port, program};
use crate::wire;

/// The processors that a process may run on, as `taskset` wants them; any where it is `None`.
pub type Processors<'a> = Option<&'a str>;

/// A command that runs a program on those processors alone.
fn on(processors: Processors<'_>, program: &Path) -> Command {
    let Some(processors) = processors else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["-c", processors]).arg(program);
    command
}

fn port() -> Result<u16, String> {
    free_port().map_err(|error| error.to_string())
}

/// The gateway's own plain service, which logs no calls.
pub struct Backend {
    process: Nuncio,
    url: String,
}

impl Backend {
    /// Starts it.
    pub fn start(processors: Processors<'_>) -> Result<Self, String> {
        let url = format!("http://127.0.0.1:{}", port()?);
        let mut command = on(processors, &program()?);
        command.args(["echo", "--listen", &url, "--log", "warn"]);
        let process = Nuncio::run(command, None).map_err(|error| error.to_string())?;
        Ok(Self { process, url: url + "/echo" })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// What a route of a gateway demands.
#[derive(Clone, Debug)]
pub enum Demand {
    /// The policy of a contract.
    Contract(PathBuf),
    /// A policy by its name.
    Preset(&'static str),
    /// Nothing.
    Nothing,
}

impl Demand {
    /// What a route says of its policy.
    fn said(&self) -> String {
        match self {
            Self::Nothing => "danger_plain: true".to_owned(),
            Self::Contract(file) => format!("wsdl: {}", file.display()),
            Self::Preset(name) => format!("preset: {name}"),
        }
    }
}

/// Where a gateway keeps conversations: what is said beside the routes, and the store of each.
#[derive(Clone, Copy, Debug)]
pub struct Keeping<'a> {
    /// Lines of the configuration.
    pub more: &'a str,
    /// The store.
    pub store: &'a str,
}

/// A running gateway.
pub struct Gateway {
    process: Nuncio,
    origin: String,
    admin: String,
    file: PathBuf,
}

impl Gateway {
    /// Starts a gateway with these routes, the path of each being its name, in the clear or under TLS. Its configuration and
    /// its log stay in `folder`, and with room for as many conversations as one likes.
    pub fn start(
        folder: &Path,
        routes: &[(&str, Demand)],
        tls: bool,
        backend: &Backend,
        processors: Processors<'_>,
    ) -> Result<Self, String> {
        Self::start_as("server", folder, routes, tls, backend, processors)
    }

    /// As [`Gateway::start`], with the certificate and the key of one of the test keys.
    pub fn start_as(
        service: &str,
        folder: &Path,
        routes: &[(&str, Demand)],
        tls: bool,
        backend: &Backend,
        processors: Processors<'_>,
    ) -> Result<Self, String> {
        Self::start_with(service, None, folder, routes, tls, backend, processors)
    }

    /// As [`Gateway::start`], with conversations kept there.
    pub fn start_keeping(
        keeping: Keeping<'_>,
        folder: &Path,
        routes: &[(&str, Demand)],
        tls: bool,
        backend: &Backend,
    ) -> Result<Self, String> {
        Self::start_with("server", Some(keeping), folder, routes, tls, backend, None)
    }

    fn start_with(
        service: &str,
        keeping: Option<Keeping<'_>>,
        folder: &Path,
        routes: &[(&str, Demand)],
        tls: bool,
        backend: &Backend,
        processors: Processors<'_>,
    ) -> Result<Self, String> {
        let address = format!("127.0.0.1:{}", port()?);
        let mut yaml =
            configuration(service, &address, routes, tls, &backend.url, keeping.map(|keeping| keeping.store));
        yaml += keeping.map_or("", |keeping| keeping.more);
        Self::run(folder, &address, if tls { "https" } else { "http" }, &yaml, processors)
    }

    /// Starts a gateway with a route `egress` in the clear, for plain clients of the service at `url` that demands this. It calls
    /// that as `alice` with her password, and with the test client's certificate.
    pub fn start_egress(folder: &Path, demand: &Demand, url: &str) -> Result<Self, String> {
        let address = format!("127.0.0.1:{}", port()?);
        let key = |file: &str| peers::key(file).display().to_string();
        let yaml = format!(
            "egress:\n  listeners: [{{ address: '{address}' }}]\n  routes:\n  - path: /egress\n    service: {url}\n    {}\n    \
             service_certificate: {}\n    certificate: {}\n    key: {}\n    user: {{ name: {USER}, password: {PASSWORD} }}\n",
            demand.said(),
            key("server.pem"),
            key("client.pem"),
            key("client.key"),
        );
        Self::run(folder, &address, "http", &yaml, None)
    }

    fn run(folder: &Path, address: &str, scheme: &str, yaml: &str, processors: Processors<'_>) -> Result<Self, String> {
        let admin = format!("127.0.0.1:{}", port()?);
        let file = folder.join(format!("gateway-{}.yaml", address.replace(':', "-")));
        let yaml = format!("{yaml}admin: {{ address: '{admin}' }}\n");
        std::fs::write(&file, yaml).map_err(|error| error.to_string())?;
        let log = File::create(file.with_extension("log")).map_err(|error| error.to_string())?;
        let mut command = on(processors, &program()?);
        command.args(["run", "--config"]).arg(&file);
        let process = Nuncio::run(command, Some(log));
        let process = process.map_err(|error| {
            let log = std::fs::read_to_string(file.with_extension("log")).unwrap_or_default();
            format!("{error}{log}")
        })?;
        Ok(Self { process, origin: format!("{scheme}://{address}"), admin, file })
    }

    /// Its configuration; its log is beside it, under the same name with `log` at its end.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Where a route is.
    pub fn url(&self, route: &str) -> String {
        format!("{}/{route}", self.origin)
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the gateway counts under that name, without labels.
    pub fn count(&self, name: &str) -> Result<u64, String> {
        let start_line = "GET /metrics HTTP/1.1".to_owned();
        let request = HttpMessage { start_line, headers: Vec::new(), body: Vec::new() };
        let answer = wire::send(&format!("http://{}", self.admin), &request).map_err(|error| error.to_string())?;
        counted(&String::from_utf8_lossy(&answer.body), name)
    }

    /// Waits until it has begun a conversation with the service that it calls.
    pub fn begins_conversation(&self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(10);
        while self.count("nuncio_egress_conversations_total{route=\"egress /egress\",event=\"begun\"}")? == 0 {
            if Instant::now() > end {
                return Err("it begins no conversation".to_owned());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// How many conversations it has. An error where it dropped any: those that were begun are not those that there are.
    pub fn conversations(&self) -> Result<u64, String> {
        match self.count("nuncio_conversations_dropped_total")? {
            0 => self.count("nuncio_conversations"),
            dropped => Err(format!("it dropped {dropped} conversations: give `stores` more")),
        }
    }
}

/// What is counted under that name, without labels, in Prometheus's text format.
fn counted(metrics: &str, name: &str) -> Result<u64, String> {
    let count = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
    count.ok_or_else(|| format!("it does not count {name}:\n{metrics}"))
}

fn configuration(
    service: &str,
    address: &str,
    routes: &[(&str, Demand)],
    tls: bool,
    backend: &str,
    store: Option<&str>,
) -> String {
    let key = |file: &str| peers::key(file).display().to_string();
    let (certificate, private, client) =
        (key(&format!("{service}.pem")), key(&format!("{service}.key")), key("client.pem"));
    let tls = if tls { format!(", tls: {{ certificate: {certificate}, key: {private} }}") } else { String::new() };
    let mut yaml = format!("listeners: [{{ address: '{address}'{tls} }}]\nroutes:\n");
    for (name, demand) in routes {
        let _ = write!(yaml, "  - path: /{name}\n    backend: {backend}\n");
        let _ = writeln!(yaml, "    {}", demand.said());
        if let Some(store) = store {
            let _ = writeln!(yaml, "    store: {store}");
        }
        if !matches!(demand, Demand::Nothing) {
            let _ = writeln!(
                yaml,
                "    certificate: {certificate}\n    key: {private}\n    trust: [{client}]\n    \
                 users: [{{ name: {USER}, password: {PASSWORD} }}]"
            );
        }
    }
    yaml + "stores: { session_bytes: 16 GiB, principal_bytes: 16 GiB, sessions: 20000000, sessions_per_principal: 20000000 }\n\
            lifetimes: { pending: 1h }\n"
}

/// Apache CXF, its keys and the contracts that it publishes.
pub struct Cxf {
    class_path: String,
    folder: PathBuf,
}

impl Cxf {
    /// Packs the keys for Java, and has each code's contract published, all into `folder`.
    pub fn new(folder: &Path, codes: &[&str]) -> Result<Self, String> {
        peers::stores(folder)?;
        let class_path = peers::run(&mut Command::new(peers::here("peers/cxf/build")))?.trim().to_owned();
        let cxf = Self { class_path, folder: folder.to_owned() };
        peers::run(cxf.command().arg("publish").arg(folder).arg(port()?.to_string()).args(codes))?;
        Ok(cxf)
    }

    /// The contract of a code.
    pub fn contract(&self, code: &str) -> PathBuf {
        self.folder.join(format!("{code}.wsdl"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("java");
        command.args(["-cp", &self.class_path, "nuncio.peer.Peer"]).env("KEYS", &self.folder);
        command
    }

    /// Starts a service under the policy of a code, in a process of its own.
    pub fn serve(&self, code: &str) -> Result<CxfService, String> {
        let url = format!("http://127.0.0.1:{}/echo", port()?);
        let mut command = self.command();
        command.args(["serve", &url, code]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let out = child.stdout.take();
        let service = CxfService { child, url };
        let mut lines = BufReader::new(out.ok_or("it has no output")?).lines().map_while(Result::ok);
        if lines.any(|line| line == "up") { Ok(service) } else { Err(format!("CXF does not serve {code}")) }
    }
}

/// A service of CXF's; its process is killed when this is dropped.
pub struct CxfService {
    child: Child,
    /// Where it is.
    pub url: String,
}

impl CxfService {
    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for CxfService {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of the service at `url`, under the policy of the contract that it publishes. Its key is the test key `service`.
pub async fn caller(url: &str, service: &str, octets: usize) -> Result<Caller, String> {
    let published = Connection::new(Target::new(url)?).get("wsdl").await?;
    if published.status != 200 {
        return Err(format!("{url}?wsdl is answered with {}", published.status));
    }
    Caller::of_contract(url, service, &published.body, octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_found_by_its_whole_name() {
        let metrics = "# TYPE nuncio_conversations gauge\nnuncio_conversations_pending 3\nnuncio_conversations 5\n\
                       nuncio_conversations_dropped_total 0\n";
        assert_eq!(counted(metrics, "nuncio_conversations"), Ok(5));
        assert_eq!(counted(metrics, "nuncio_conversations_dropped_total"), Ok(0));
        assert!(counted(metrics, "nuncio_conversations_dropped").is_err());
    }
}
