//! The gateway's program with a configuration file, for what its flags do not say, and what it counts.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::http::HttpMessage;
use crate::peers::{self, PASSWORD, USER};
use crate::process::{Nuncio, free_port, program};
use crate::wire;

/// What a gateway is to be.
pub struct Setting<'a> {
    /// The contract with the policy.
    pub wsdl: &'a Path,
    /// The URL of the plain service.
    pub backend: String,
    /// Whether its listener speaks TLS.
    pub tls: bool,
    /// More of its configuration, whole lines of YAML: where it keeps what it keeps, and for how long.
    pub more: &'a str,
    /// The store of its one route.
    pub store: &'a str,
}

/// A running gateway with one route for every path, and an admin listener.
pub struct Configured {
    process: Nuncio,
    url: String,
    admin: String,
}

impl Configured {
    /// Writes the configuration to that file, and runs it.
    pub fn start(file: &Path, setting: &Setting<'_>) -> Result<Self, String> {
        let key = |file: &str| peers::key(file).display().to_string();
        let (certificate, private) = (key("server.pem"), key("server.key"));
        let port = || free_port().map(|port| format!("127.0.0.1:{port}")).map_err(|error| error.to_string());
        let (address, admin) = (port()?, port()?);
        let tls = if setting.tls {
            format!(", tls: {{ certificate: {certificate}, key: {private} }}")
        } else {
            String::new()
        };
        let mut yaml = format!("listeners: [{{ address: '{address}'{tls} }}]\nadmin: {{ address: '{admin}' }}\n");
        yaml += setting.more;
        let _ = write!(
            yaml,
            "routes:\n  - path: '*'\n    backend: {}\n    wsdl: '{}'\n    store: {}\n    certificate: {certificate}\n    \
             key: {private}\n    trust: [{}]\n    users: [{{ name: {USER}, password: {PASSWORD} }}]\n",
            setting.backend,
            setting.wsdl.display(),
            setting.store,
            key("client.pem"),
        );
        std::fs::write(file, yaml).map_err(|error| error.to_string())?;
        let mut command = Command::new(program()?);
        command.args(["run", "--config"]).arg(file);
        let process = Nuncio::run(command, None).map_err(|error| error.to_string())?;
        // The name is that in the certificate.
        let url = if setting.tls {
            format!("https://{}/echo", address.replace("127.0.0.1", "localhost"))
        } else {
            format!("http://{address}/echo")
        };
        Ok(Self { process, url, admin })
    }

    /// Where its clients call.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// How many requests of that kind it answered with that outcome, as it counts them itself.
    pub fn count(&self, kind: &str, outcome: &str) -> Result<usize, String> {
        let labels = format!("kind=\"{kind}\",outcome=\"{outcome}\"}} ");
        let metrics = self.ask("/metrics")?;
        let line = metrics.lines().find(|line| line.starts_with("nuncio_requests_total{") && line.contains(&labels));
        let count = line.and_then(|line| line.rsplit(' ').next()).and_then(|count| count.parse().ok());
        count.ok_or_else(|| format!("it does not count {kind} {outcome}:\n{metrics}"))
    }

    /// The numbers of the conversations that it has in `store`: `redis`, `cookie`, or nothing for its own.
    pub fn conversations(&self, store: Option<&str>) -> Result<Vec<String>, String> {
        let query = store.map(|store| format!("?store={store}")).unwrap_or_default();
        let page: Value =
            serde_json::from_str(&self.ask(&format!("/sessions{query}"))?).map_err(|why| why.to_string())?;
        let sessions = page["sessions"].as_array().ok_or("it lists none")?;
        Ok(sessions.iter().map(|one| one["id"].as_str().unwrap_or_default().to_owned()).collect())
    }

    fn ask(&self, path: &str) -> Result<String, String> {
        let request = HttpMessage { start_line: format!("GET {path} HTTP/1.1"), headers: Vec::new(), body: Vec::new() };
        let answer = wire::send(&format!("http://{}", self.admin), &request).map_err(|error| error.to_string())?;
        String::from_utf8(answer.body).map_err(|error| error.to_string())
    }
}
