//! `nuncio keys`: certificates and keys to develop with.

mod issue;

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::pfx::Pfx;
use nuncio_crypto::secret::Secret;
use rustls_pki_types::ServerName;

pub(super) use self::issue::{Issued, Subject, Validity};
use super::Failed;
use crate::clock::Clock;
use crate::config::first_line;
use crate::keyring;
use crate::random::Entropy;

/// Where a service is that is told nothing else: on this machine, in each way that a client may write it.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The longest common name of a certificate (RFC 5280, `ub-common-name`).
const LONGEST_NAME: usize = 64;

/// Makes certificates and keys to develop with
///
/// An authority, a certificate of the service under it, and one for each client that is named. The authority's own key is
/// not kept, so that nobody can issue anything in its name later: make all of it anew instead.
#[derive(Debug, Args)]
pub(super) struct Keys {
    /// The folder that they are written to
    #[arg(long, value_name = "DIR", required_unless_present = "ring")]
    out: Option<PathBuf>,
    /// Makes a key ring, with which conversations are sealed that are kept in Redis or by their clients: for all gateways that
    /// share them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "name", "client", "days", "pfx"])]
    ring: Option<PathBuf>,
    /// A host or an address of the service; may be repeated
    #[arg(long, value_name = "HOST", default_values = HERE, value_parser = parse_host)]
    name: Vec<String>,
    /// A client; may be repeated
    #[arg(long, value_name = "NAME", value_parser = parse_client)]
    client: Vec<String>,
    /// For how many days they are valid
    #[arg(long, visible_alias = "lifetime", value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    /// Packs each key with its certificate in PKCS #12 as well, under the password that is the one line of this file
    #[arg(long, value_name = "PASSWORD-FILE")]
    pfx: Option<PathBuf>,
    /// Writes over files that are there
    #[arg(long)]
    force: bool,
}

/// A host as a certificate has it: a name, an address, or `*.` before a name.
fn parse_host(text: &str) -> Result<String, &'static str> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let wild = name.len() != text.len();
    match ServerName::try_from(name) {
        Ok(ServerName::IpAddress(_)) if wild => Err("an address has no names below it"),
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("it is not a host's name or address, without scheme and port"),
    }
}

/// A client's name is the name of its files too.
fn parse_client(text: &str) -> Result<String, &'static str> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    if text.is_empty() || text.len() > LONGEST_NAME || !text.bytes().all(plain) || text.starts_with(['.', '-']) {
        return Err("it is not of letters, digits, `-`, `_` and `.`, 64 at most");
    }
    if matches!(text, "authority" | "service") {
        return Err("the authority and the service have files of that name");
    }
    Ok(text.to_owned())
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Failed> {
        if let Some(ring) = &self.ring {
            return self.make_ring(ring);
        }
        let fail = |error: rcgen::Error| Failed::Step(format!("no certificate can be made: {error}"));
        let mut parties = vec![("service".to_owned(), Subject::Service(&self.name))];
        for client in &self.client {
            // On some file systems `Alice` is `alice`.
            if parties.iter().any(|(name, _)| name.eq_ignore_ascii_case(client)) {
                return Err(Failed::Step(format!("--client: {client:?} is there twice")));
            }
            parties.push((client.clone(), Subject::Client(client)));
        }

        let file = |name: &str, extension: &str| self.folder().join(format!("{name}.{extension}"));
        let password = self.pfx.as_deref().map(password).transpose()?;
        let mut files = vec![file("authority", "pem")];
        for (name, _) in &parties {
            files.extend([file(name, "pem"), file(name, "key")]);
            files.extend(password.is_some().then(|| file(name, "pfx")));
        }
        if !self.force {
            // Before anything is written: half of another set beside half of this one would be neither.
            if let Some(there) = files.iter().find(|file| file.symlink_metadata().is_ok()) {
                let there = there.display();
                return Err(Failed::Step(format!("{there} is there already: --force writes over it")));
            }
        }
        DirBuilder::new().recursive(true).create(self.folder()).map_err(|error| cannot(self.folder(), &error))?;

        let lifetime = Duration::from_hours(24 * u64::from(self.days));
        let validity = Validity { now: Clock::system().now(), lifetime };
        let authority = Issued::self_signed(&Subject::Authority, validity).map_err(fail)?;
        let write = |file: PathBuf, octets: &[u8], mode| -> Result<PathBuf, Failed> {
            write(&file, octets, mode, self.force).map_err(|error| cannot(&file, &error))?;
            Ok(file)
        };
        let pem = write(file("authority", "pem"), authority.certificate_pem().as_bytes(), PUBLIC)?;
        say(&format!("{}  the authority, for whoever trusts what is below", pem.display()));
        for (name, subject) in &parties {
            let issued = authority.issue(subject, validity).map_err(fail)?;
            let key = write(file(name, "key"), issued.key_pem().expose(), PRIVATE)?;
            let pem = write(file(name, "pem"), issued.certificate_pem().as_bytes(), PUBLIC)?;
            let whose = match subject {
                Subject::Service(hosts) => format!("the service at {}", hosts.join(", ")),
                _ => format!("the client {name}"),
            };
            say(&format!("{}  {whose}", pem.display()));
            say(&format!("{}  its key, which its owner alone can read", key.display()));
            if let Some(password) = &password {
                let octets = packed(&issued, &authority, password)?;
                let pfx = write(file(name, "pfx"), &octets, PRIVATE)?;
                say(&format!("{}  both, with the authority, in PKCS #12", pfx.display()));
            }
        }
        self.explain();
        Ok(())
    }

    fn make_ring(&self, file: &Path) -> Result<(), Failed> {
        let mut random = Entropy::system().draw();
        let ring = keyring::write(&mut random);
        random.check().map_err(|error| Failed::Step(error.to_string()))?;
        if !self.force && file.symlink_metadata().is_ok() {
            return Err(Failed::Step(format!("{} is there already: --force writes over it", file.display())));
        }
        write(file, ring.expose(), PRIVATE, self.force).map_err(|error| cannot(file, &error))?;
        say(&format!("{}  keys that each of the gateways must have, and nobody else", file.display()));
        Ok(())
    }

    /// The folder that all is written to.
    fn folder(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new(""))
    }

    /// How to use them: what can be copied into a shell.
    fn explain(&self) {
        let file = |name: &str| self.folder().join(name).display().to_string();
        say(&format!(
            "\nValid for {} days. They are for development: whoever trusts {} trusts all of them.",
            self.days,
            file("authority.pem")
        ));
        say("\nUsers over TLS:");
        say("  nuncio proxy --listen https://127.0.0.1:8443 --backend http://127.0.0.1:9000/echo \\");
        say(&format!("    --certificate {} --key {} \\", file("service.pem"), file("service.key")));
        say("    --preset wcf-ws2007-userNameOverTransport-conversation --user alice:PASSWORD");
        if let Some(client) = self.client.first() {
            say("Clients by certificate:");
            say("  nuncio proxy --listen http://127.0.0.1:8080 --backend http://127.0.0.1:9000/echo \\");
            say(&format!("    --certificate {} --key {} \\", file("service.pem"), file("service.key")));
            say(&format!("    --preset wcf-ws2007-mutualCertificate-conversation --trust {}", file("authority.pem")));
            say(&format!(
                "  and {client} signs with {} and {}",
                file(&format!("{client}.pem")),
                file(&format!("{client}.key"))
            ));
        }
        let host = self.name.first().map_or("localhost", String::as_str);
        say("A client that checks the service's certificate:");
        say(&format!("  curl --cacert {} 'https://{host}:8443/?singleWsdl'", file("authority.pem")));
    }
}

/// The password of a file.
fn password(file: &Path) -> Result<Secret, Failed> {
    let octets =
        std::fs::read(file).map_err(|error| Failed::Step(format!("--pfx: cannot read {}: {error}", file.display())))?;
    let password = first_line(Secret::new(octets).expose());
    // Under no password everybody opens it.
    let sound = !password.is_empty() && !password.expose().contains(&b'\n');
    sound
        .then_some(password)
        .ok_or_else(|| Failed::Step(format!("--pfx: {} does not have one line, which is the password", file.display())))
}

/// A key with its certificate and the authority's, in PKCS #12.
fn packed(issued: &Issued, authority: &Issued, password: &Secret) -> Result<Vec<u8>, Failed> {
    let fail = |error: &dyn std::fmt::Display| Failed::Step(format!("no PKCS #12 file can be made: {error}"));
    let chain = [issued, authority].map(|own| Certificate::from_der(own.certificate_der().to_vec()));
    let chain = chain.into_iter().collect::<Result<_, _>>().map_err(|error| fail(&error))?;
    Pfx { key: issued.key_der(), chain }.write(password).map_err(|error| fail(&error))
}

/// Anybody may read it.
const PUBLIC: u32 = 0o644;
/// Its owner alone may.
const PRIVATE: u32 = 0o600;

/// Writes a file that nobody else can read a moment longer than `mode` says: it has that mode from its first octet on.
fn write(file: &Path, octets: &[u8], mode: u32, over: bool) -> std::io::Result<()> {
    if over {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?.write_all(octets)
}

fn cannot(file: &Path, error: &std::io::Error) -> Failed {
    Failed::Step(format!("cannot write {}: {error}", file.display()))
}

fn say(line: &str) {
    // A reader that goes away ends the telling, not the work.
    let _ = writeln!(std::io::stdout(), "{line}");
}
