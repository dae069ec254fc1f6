//! A Redis of a test's own: a real server on a free port, with a directory of its own. `NUNCIO_REDIS_SERVER` names another program
//! than `redis-server`, such as a Valkey's.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use crate::peers;
use crate::process::free_port;

/// How long the server may take to serve.
const START: Duration = Duration::from_secs(30);

/// A running server; it is killed, and its directory removed, when this is dropped.
pub struct Redis {
    child: Child,
    port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl Redis {
    /// Whether there is no Redis here; says so in a line, for a test that is left out.
    pub fn is_missing(test: &str) -> bool {
        let missing = [&*server(), "redis-cli"].into_iter().any(peers::lacks);
        if missing {
            peers::skip(test, &format!("{} and redis-cli are not here", server()));
        }
        missing
    }

    /// Starts a server that keeps nothing on its disk, with these arguments besides.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("nuncio-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let port = free_port().map_err(|error| error.to_string())?;
        let child = run(port, &directory, &arguments)?;
        Ok(Self { child, port, directory, arguments })
    }

    /// Kills it, as a machine that loses its power does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on its port, after [`Redis::kill`].
    pub fn restart(&mut self) -> Result<(), String> {
        self.child = run(self.port, &self.directory, &self.arguments)?;
        Ok(())
    }

    /// Has it stop where it is, and go on.
    pub fn pause(&self, pause: bool) -> Result<(), String> {
        let signal = if pause { "-STOP" } else { "-CONT" };
        peers::run(Command::new("kill").arg(signal).arg(self.child.id().to_string())).map(drop)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it says to a command, by its own client; the answer to a file's octets, where they are its last argument.
    pub fn say(&self, command: &[&str]) -> Result<String, String> {
        let port = self.port.to_string();
        peers::run(Command::new("redis-cli").args(["-p", &port]).args(command)).map(|said| said.trim_end().to_owned())
    }

    /// Puts octets under a key.
    pub fn put(&self, key: &str, octets: &[u8]) -> Result<(), String> {
        let file = self.directory.join("value");
        fs::write(&file, octets).map_err(|error| error.to_string())?;
        let value = fs::File::open(&file).map_err(|error| error.to_string())?;
        let port = self.port.to_string();
        peers::run(Command::new("redis-cli").args(["-p", &port, "-x", "SET", key]).stdin(value)).map(drop)
    }

    /// The octets under a key.
    pub fn get(&self, key: &str) -> Result<Vec<u8>, String> {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port, "GET", key]).output();
        let mut octets = output.map_err(|error| error.to_string())?.stdout;
        octets.pop();
        Ok(octets)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The server's program.
fn server() -> String {
    std::env::var("NUNCIO_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

fn run(port: u16, directory: &Path, arguments: &[String]) -> Result<Child, String> {
    let mut child = Command::new(server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let Some(out) = child.stdout.take() else { return Err("it has no output".to_owned()) };
    let (ready, served) = mpsc::channel();
    std::thread::spawn(move || {
        let mut log = String::new();
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            log.push_str(&line);
            log.push('\n');
            // It says so once for each kind of socket.
            if line.contains("Ready to accept connections") {
                let _ = ready.send(Ok(()));
            }
        }
        let _ = ready.send(Err(log));
    });
    match served.recv_timeout(START) {
        Ok(Ok(())) => Ok(child),
        Ok(Err(log)) => Err(log),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(format!("{} is not ready after {START:?}", server()))
        }
    }
}
