//! Where foreign peers and test keys are, and how a test says that it leaves one out.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::PrivateKey;
use nuncio_wss::Credential;

/// The user that peers say they are.
pub const USER: &str = "alice";
/// That user's password.
pub const PASSWORD: &str = "wonderland-1865";

/// A test key's or certificate's file, `server.pem` say.
pub fn key(file: &str) -> PathBuf {
    here("keys").join(file)
}

/// A test key with its certificate: `server`'s or `client`'s, say.
pub fn credential(owner: &str) -> Result<Credential, String> {
    let read = |file: String| std::fs::read(key(&file)).map_err(|error| format!("{file}: {error}"));
    let certificates = Certificate::from_pem(&read(format!("{owner}.pem"))?).map_err(|error| error.to_string())?;
    let certificate = certificates.into_iter().next().ok_or("there is no certificate")?;
    let key = PrivateKey::from_pem(&read(format!("{owner}.key"))?).map_err(|error| error.to_string())?;
    Ok(Credential::new(certificate, key))
}

/// A file or folder of this crate.
pub fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What lies beside the project: the folder named by `NUNCIO_SHARED`, else `shared` beside the workspace.
pub fn shared(path: &str) -> PathBuf {
    let shared = std::env::var_os("NUNCIO_SHARED").map_or_else(|| here("../../shared"), PathBuf::from);
    shared.join(path)
}

/// Whether a program is not to be found, and a test must leave out what it is for.
pub fn lacks(program: &str) -> bool {
    Command::new(program).arg("version").output().is_err()
}

/// Packs the test keys for .NET and Java into a folder.
pub fn stores(folder: &Path) -> Result<(), String> {
    run(Command::new(here("keys/stores")).arg(folder)).map(drop)
}

/// Runs a command to its end; its standard output, or what it said when it failed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let said = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    if output.status.success() {
        return Ok(said(&output.stdout));
    }
    Err(format!("{}\n{}{}", output.status, said(&output.stdout), said(&output.stderr)))
}

/// Says in a line that a test is left out, past the harness's capture.
pub fn skip(name: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skip {name}: {reason}");
}
