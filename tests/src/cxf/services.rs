//! CXF's services, each behind an egress route.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::door::Door;
use super::{over_transport, peer};
use crate::load::serving::Keeping;
use crate::peers;
use crate::process::free_port;

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

/// Services, and the gateway in front of them.
pub struct Front {
    /// The services.
    pub services: Vec<Service>,
    /// The gateway.
    pub door: Door,
    /// What each is served with.
    folder: PathBuf,
    class_path: String,
    options: String,
    running: Option<Services>,
}

impl Front {
    /// Starts a service for each of these codes, and a gateway that takes the policy of each from where it publishes that.
    /// `options` are the Java process's; `keeping` is where the gateway keeps its conversations, if not in memory.
    pub fn start(
        class_path: &str,
        folder: &Path,
        codes: &[String],
        options: &str,
        keeping: Option<Keeping<'_>>,
    ) -> Result<Self, String> {
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
        let running = serve(class_path, folder, options, &services)?;
        let door = Door::open(folder, &services, keeping)?;
        let (folder, class_path, options) = (folder.to_owned(), class_path.to_owned(), options.to_owned());
        Ok(Self { services, door, folder, class_path, options, running: Some(running) })
    }

    /// Starts the services, at the same addresses as before if they were there before.
    pub fn serve(&mut self) -> Result<(), String> {
        self.running = None;
        self.running = Some(serve(&self.class_path, &self.folder, &self.options, &self.services)?);
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
}

fn serve(class_path: &str, folder: &Path, options: &str, services: &[Service]) -> Result<Services, String> {
    let mut command = peer(class_path, folder);
    command.env("JAVA_TOOL_OPTIONS", options).arg("serve");
    for Service { code, url, .. } in services {
        command.args([url, code]);
    }
    Services::run(&mut command)
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
