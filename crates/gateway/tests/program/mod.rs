//! The program, started and ended.

// Not every suite asks for all of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn nuncio() -> Command {
    Command::new(env!("CARGO_BIN_EXE_nuncio"))
}

pub(crate) fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/keys").join(name)
}

/// A port that is free, and that nobody else is given: below those that the system gives, and not the same in two
/// processes of tests that run at once.
pub(crate) fn port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(61) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(number % 22_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The next connection to a socket, which is opened before long. It blocks nobody.
pub(crate) fn accepted(socket: &TcpListener) -> TcpStream {
    socket.set_nonblocking(true).unwrap();
    let start = Instant::now();
    loop {
        if let Ok((stream, _)) = socket.accept() {
            stream.set_nonblocking(true).unwrap();
            return stream;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "nobody connects");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server that has said that it is ready.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_logging(command, Stdio::null())
    }

    /// One whose log goes to `log`.
    pub(crate) fn start_logging(mut command: Command, log: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "nuncio: ready");
        Self(child)
    }

    /// Tells it to end, by SIGTERM.
    pub(crate) fn tell(&self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
    }

    /// Ends it by SIGTERM; its exit status.
    pub(crate) fn stop(self) -> Option<i32> {
        self.tell();
        self.end()
    }

    /// Waits for its end; its exit status.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
