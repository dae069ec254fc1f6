//! CXF's services behind an egress route each, and a plain client in front.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nuncio_policy::model::SoapVersion;

use super::{over_transport, peer, per_message};
use crate::http::HttpMessage;
use crate::peers::{self, PASSWORD, USER};
use crate::process::{Nuncio, free_port};
use crate::wire;

/// CXF's services, in a process that is killed when this is dropped.
pub struct Services(Child);

impl Drop for Services {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Services {
    /// Runs a command that serves, and waits until it does.
    pub fn run(command: &mut Command) -> Result<Self, String> {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let out = child.stdout.take().ok_or("no standard output")?;
        let err = child.stderr.take().ok_or("no standard error")?;
        let services = Self(child);
        // It is read to its end, so that whoever writes there never waits; what it said is wanted where it ends early.
        let said = std::thread::spawn(move || {
            let wrong = |line: &String| line.contains("Exception") || line.contains("Error");
            let lines = BufReader::new(err).lines().map_while(Result::ok);
            let mut said = Vec::new();
            for line in lines.filter(wrong) {
                if said.len() < 20 {
                    said.push(line);
                }
            }
            said.join("\n")
        });
        if BufReader::new(out).lines().map_while(Result::ok).any(|line| line == "up") {
            return Ok(services);
        }
        drop(services);
        Err(format!("CXF does not serve:\n{}", said.join().unwrap_or_default()))
    }
}

/// A service of CXF's under some code, and where plain clients call it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its code.
    pub code: String,
    /// Where it is.
    pub url: String,
    /// The path at the gateway.
    pub path: String,
}

/// Services, the gateway in front of them, and where that is.
pub struct Front {
    /// The services.
    pub services: Vec<Service>,
    /// What each is served with.
    folder: PathBuf,
    class_path: String,
    options: String,
    running: Option<Services>,
    gateway: Option<Nuncio>,
    configuration: PathBuf,
    /// Where plain clients call.
    address: String,
    admin: String,
}

impl Front {
    /// Starts a service for each of these codes, and a gateway that takes the policy of each from where it publishes that.
    /// `options` are the Java process's.
    pub fn start(class_path: &str, folder: &Path, codes: &[String], options: &str) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        peers::stores(folder)?;
        let port = || free_port().map_err(|error| error.to_string());
        let clear = port()?;
        let service = |(number, code): (usize, &String)| {
            // CXF takes TLS settings for a port once, before it listens there.
            let origin = if over_transport(code) {
                format!("https://127.0.0.1:{}", port()?)
            } else {
                format!("http://127.0.0.1:{clear}")
            };
            Ok(Service { code: code.clone(), url: format!("{origin}/{number}"), path: format!("/{number}") })
        };
        let services: Vec<Service> = codes.iter().enumerate().map(service).collect::<Result<_, String>>()?;
        let (address, admin) = (format!("127.0.0.1:{}", port()?), format!("127.0.0.1:{}", port()?));
        let configuration = folder.join("egress.yaml");
        std::fs::write(&configuration, said(&services, &address, &admin)).map_err(|error| error.to_string())?;
        let mut front = Self {
            services,
            folder: folder.to_owned(),
            class_path: class_path.to_owned(),
            options: options.to_owned(),
            running: None,
            gateway: None,
            configuration,
            address,
            admin,
        };
        front.serve()?;
        front.gateway = Some(front.gateway()?);
        Ok(front)
    }

    /// Starts the services, at the same addresses as before if they were there before.
    pub fn serve(&mut self) -> Result<(), String> {
        self.running = None;
        let mut command = peer(&self.class_path, &self.folder);
        command.env("JAVA_TOOL_OPTIONS", &self.options).arg("serve");
        for Service { code, url, .. } in &self.services {
            command.args([url, code]);
        }
        self.running = Some(Services::run(&mut command)?);
        Ok(())
    }

    /// Whether the services' process is there.
    pub fn is_serving(&mut self) -> bool {
        self.running.as_mut().is_some_and(|services| matches!(services.0.try_wait(), Ok(None)))
    }

    /// Ends the services.
    pub fn end(&mut self) {
        self.running = None;
    }

    fn gateway(&self) -> Result<Nuncio, String> {
        let arguments = [Path::new("run"), Path::new("--config"), &self.configuration];
        Nuncio::start(arguments).map_err(|error| error.to_string())
    }

    /// What the gateway logged.
    pub fn log(&self) -> String {
        self.gateway.as_ref().map(Nuncio::log).unwrap_or_default()
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
fn said(services: &[Service], address: &str, admin: &str) -> String {
    let key = |file: &str| peers::key(file).display().to_string();
    let mut yaml = format!("admin:\n  address: {admin}\negress:\n  listeners:\n  - address: {address}\n  routes:\n");
    for Service { url, path, .. } in services {
        let _ = write!(
            yaml,
            "  - path: {path}\n    service:\n      urls: [{url}]\n{}    wsdl: {url}?wsdl\n    reading: letter\n    \
             service_certificate: {}\n    user: {{ name: {USER}, password: {PASSWORD} }}\n    certificate: {}\n    key: {}\n    \
             warm: false\n",
            if url.starts_with("https") { format!("      trust: {}\n", key("server.pem")) } else { String::new() },
            key("server.pem"),
            key("client.pem"),
            key("client.key"),
        );
    }
    yaml
}

/// Whether CXF's service takes its own policy. It does not find the token that a derived key's signature protects; nor, where
/// the token is protected, what was encrypted of elements before.
pub fn serves(code: &str) -> bool {
    let has = |wanted: &str| code.split('+').any(|word| word.starts_with(wanted));
    let is = |wanted: &str| code.split('+').any(|word| word == wanted);
    !(has("pt") && is("d") || has("pt") && has("es") && has("el="))
}

/// Whether a plain client can call such a service by what it publishes alone: of where references lead no policy tells.
pub fn tells_all(code: &str) -> bool {
    !code.split('+').any(|word| word.starts_with("target="))
}
