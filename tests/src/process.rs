//! The gateway's program, run as an operator runs it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long the program may take to serve.
const START: Duration = Duration::from_secs(30);

/// A running program; it is killed when this is dropped.
pub struct Nuncio {
    child: Child,
    log: Arc<Mutex<String>>,
}

/// The program ended, or did not serve in time: its log.
#[derive(Debug, thiserror::Error)]
#[error("nuncio did not start:\n{0}")]
pub struct NotStarted(pub String);

impl Nuncio {
    /// Runs the program with these arguments and waits until it serves.
    pub fn start<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(arguments: I) -> Result<Self, NotStarted> {
        let mut command = Command::new(program().map_err(NotStarted)?);
        command.args(arguments);
        Self::run(command, None)
    }

    /// Runs a command that is the program, and waits until it serves. Its log goes to that file, or is kept.
    pub fn run(mut command: Command, log: Option<File>) -> Result<Self, NotStarted> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.map_or_else(Stdio::piped, Stdio::from))
            .spawn()
            .map_err(|error| NotStarted(error.to_string()))?;
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, served) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    if line == "nuncio: ready" {
                        let _ = ready.send(());
                    }
                }
            });
        }
        if let Some(err) = child.stderr.take() {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(err).lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        }
        let running = Self { child, log };
        match served.recv_timeout(START) {
            Ok(()) => Ok(running),
            Err(RecvTimeoutError::Timeout) => Err(NotStarted(format!("{}not ready in {START:?}", running.log()))),
            Err(RecvTimeoutError::Disconnected) => {
                // Its standard output is closed: the rest of its log is a moment away.
                std::thread::sleep(Duration::from_millis(100));
                Err(NotStarted(running.log()))
            }
        }
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it logs that. Lines come a little after the answers that they are about.
    pub fn logs(&self, what: &str) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.log().contains(what) {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Whether it ends within half a minute.
    pub fn ends(&mut self) -> bool {
        let end = Instant::now() + START;
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Kills it, as a machine that loses its power does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nuncio {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program: what `NUNCIO_BIN` names, else built once per test process, in this one's profile.
pub fn program() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("NUNCIO_BIN") {
        return Ok(program.into());
    }
    // …/target/PROFILE/deps/THIS or …/target/PROFILE/THIS
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let profile = this.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).ok_or("no target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    // The whole workspace's features, so that nothing is compiled twice.
    cargo.args(["build", "--quiet", "--workspace", "--bin", "nuncio"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = profile.parent() {
        cargo.env("CARGO_TARGET_DIR", target);
    }
    let output = cargo.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(profile.join("nuncio"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A port that is free, and that nobody else is given: below those that the system gives, and not the same in two processes
/// of tests that run at once.
pub fn free_port() -> std::io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let from = (std::process::id().wrapping_mul(61) % 22_000) as u16;
    let mut refused = None;
    for _ in 0..1000 {
        let port = 10_000 + (from + NEXT.fetch_add(1, Ordering::Relaxed) % 22_000) % 22_000;
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}
