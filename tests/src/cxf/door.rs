//! A gateway in front of services, and plain clients that come to it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use nuncio_policy::model::SoapVersion;

use super::per_message;
use super::services::Service;
use crate::http::HttpMessage;
use crate::load::serving::Keeping;
use crate::peers::{self, PASSWORD, USER};
use crate::process::{Nuncio, free_port};
use crate::wire;

/// A gateway with a route for each of some services.
pub struct Door {
    gateway: Nuncio,
    configuration: PathBuf,
    /// Where plain clients call.
    address: String,
    admin: String,
}

impl Door {
    /// Opens one, whose configuration stands in that folder, with its conversations kept there; in memory unless it is said.
    pub fn open(folder: &Path, services: &[Service], keeping: Option<Keeping<'_>>) -> Result<Self, String> {
        let port = || free_port().map_err(|error| error.to_string());
        let (address, admin) = (format!("127.0.0.1:{}", port()?), format!("127.0.0.1:{}", port()?));
        let configuration = folder.join(format!("egress-{}.yaml", address.replace(':', "-")));
        let mut yaml = said(services, &address, &admin, keeping.map_or("memory", |keeping| keeping.store));
        yaml += keeping.map_or("", |keeping| keeping.more);
        std::fs::write(&configuration, yaml).map_err(|error| error.to_string())?;
        Ok(Self { gateway: run(&configuration)?, configuration, address, admin })
    }

    /// Has its configuration say something else, for all routes: what they have of conversations is ended.
    pub fn change(&self, from: &str, to: &str) -> Result<(), String> {
        let yaml = std::fs::read_to_string(&self.configuration).map_err(|error| error.to_string())?;
        std::fs::write(&self.configuration, yaml.replace(from, to)).map_err(|error| error.to_string())
    }

    /// Kills the gateway, and starts it again.
    pub fn kill_and_open(&mut self) -> Result<(), String> {
        self.gateway.kill();
        self.gateway = run(&self.configuration)?;
        Ok(())
    }

    /// What the gateway logged.
    pub fn log(&self) -> String {
        self.gateway.log()
    }

    /// Sends a plain request to a service.
    pub fn post(&self, service: &Service, request: HttpMessage) -> Result<HttpMessage, String> {
        let request = HttpMessage { start_line: format!("POST {} HTTP/1.1", service.path), ..request };
        wire::send(&format!("http://{}/", self.address), &request).map_err(|error| error.to_string())
    }

    /// How often that happened to conversations with a service.
    pub fn count(&self, service: &Service, event: &str) -> Result<usize, String> {
        let request =
            HttpMessage { start_line: "GET /metrics HTTP/1.1".to_owned(), headers: Vec::new(), body: Vec::new() };
        let answer = wire::send(&format!("http://{}/", self.admin), &request).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let row = format!("nuncio_egress_conversations_total{{route=\"egress {}\",event=\"{event}\"}} ", service.path);
        let count = text.lines().find_map(|line| line.strip_prefix(&row)?.parse().ok());
        count.ok_or_else(|| format!("no row {row}"))
    }

    /// An echo, a call that must bring a fault, and one without an answer; by a client of that version of SOAP.
    pub fn every_operation(&self, service: &Service, soap: SoapVersion) -> Result<(), String> {
        self.echo(service, soap, "a &lt; \u{e9}")?;
        let fault = self.post(service, plain(soap, "Fail", "why", "on purpose"))?;
        let text = String::from_utf8_lossy(&fault.body).into_owned();
        // What the contract does not declare CXF sends under the policy of the endpoint, and not the operation's.
        let clear = service.code.split('+').any(|word| word == "clear");
        if fault.status() != Some(500) || !clear && !text.contains("on purpose") || !text.contains(namespace(soap)) {
            return Err(format!("no fault of the service's: {} {text}", fault.start_line));
        }
        let taken = self.post(service, plain(soap, "Notify", "text", "x"))?;
        if taken.status() != Some(202) || !taken.body.is_empty() {
            return Err(format!("one way: {} {}", taken.start_line, String::from_utf8_lossy(&taken.body)));
        }
        Ok(())
    }

    /// An echo.
    pub fn echo(&self, service: &Service, soap: SoapVersion, text: &str) -> Result<(), String> {
        let answer = self.post(service, plain(soap, "Echo", "text", text))?;
        let echoed = String::from_utf8_lossy(&answer.body).into_owned();
        let plain = !["Security", "EncryptedData", "Signature"].iter().any(|secured| echoed.contains(secured));
        let said = echoed.contains("EchoResult") && echoed.contains(text) && echoed.contains(namespace(soap));
        if answer.status() == Some(200) && said && plain {
            Ok(())
        } else {
            Err(format!("{}: {echoed}", answer.start_line))
        }
    }

    /// Calls a service in every way, and looks at what conversations it took: one, or none.
    pub fn converse(&self, service: &Service, soap: SoapVersion) -> Result<(), String> {
        self.every_operation(service, soap)?;
        let wanted = usize::from(!per_message(&service.code));
        match self.count(service, "begun")? {
            begun if begun == wanted => Ok(()),
            begun => Err(format!("{begun} conversations were begun, and not {wanted}")),
        }
    }
}

fn run(configuration: &Path) -> Result<Nuncio, String> {
    Nuncio::start([Path::new("run"), Path::new("--config"), configuration]).map_err(|error| error.to_string())
}

fn namespace(soap: SoapVersion) -> &'static str {
    match soap {
        SoapVersion::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion::V12 => "http://www.w3.org/2003/05/soap-envelope",
    }
}

/// A plain request, without addressing.
pub fn plain(soap: SoapVersion, operation: &str, child: &str, text: &str) -> HttpMessage {
    let action = format!("http://nuncio.example/echo/IEcho/{operation}");
    let headers = match soap {
        SoapVersion::V11 => vec![
            ("Content-Type".to_owned(), "text/xml; charset=utf-8".to_owned()),
            ("SOAPAction".to_owned(), format!("\"{action}\"")),
        ],
        SoapVersion::V12 => {
            let content_type = format!("application/soap+xml; charset=utf-8; action=\"{action}\"");
            vec![("Content-Type".to_owned(), content_type)]
        }
    };
    let body = format!(
        "<s:Envelope xmlns:s=\"{}\"><s:Body><e:{operation} xmlns:e=\"http://nuncio.example/echo\"><e:{child}>{text}</e:{child}>\
         </e:{operation}></s:Body></s:Envelope>",
        namespace(soap)
    );
    HttpMessage { start_line: String::new(), headers, body: body.into_bytes() }
}

/// The gateway's configuration.
fn said(services: &[Service], address: &str, admin: &str, store: &str) -> String {
    let key = |file: &str| peers::key(file).display().to_string();
    let mut yaml = format!("admin:\n  address: {admin}\negress:\n  listeners:\n  - address: {address}\n  routes:\n");
    for Service { url, path, .. } in services {
        let _ = write!(
            yaml,
            "  - path: {path}\n    service:\n      urls: [{url}]\n{}    wsdl: {url}?wsdl\n    reading: letter\n    \
             service_certificate: {}\n    user: {{ name: {USER}, password: {PASSWORD} }}\n    certificate: {}\n    key: {}\n    \
             warm: false\n    store: {store}\n",
            if url.starts_with("https") { format!("      trust: {}\n", key("server.pem")) } else { String::new() },
            key("server.pem"),
            key("client.pem"),
            key("client.key"),
        );
    }
    yaml
}
