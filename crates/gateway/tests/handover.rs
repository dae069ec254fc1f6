//! One gateway takes another's place, as real processes, while clients call: nobody is refused and no call is lost.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use program::{Running, nuncio, port};

const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
    <Echo xmlns=\"http://nuncio.example/echo\"><text>hello</text></Echo></s:Body></s:Envelope>";

/// A configuration with one plain route at `port`, and what else its listener and its timeouts say.
fn configuration(name: &str, backend: &str, port: u16, listener: &str, rest: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("handover-{name}.yaml"));
    let text = format!(
        "listeners:\n  - address: 127.0.0.1:{port}\n{listener}routes:\n  - path: \"*\"\n    backend: {backend}\n    \
         danger_plain: true\n{rest}"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn run(configuration: &Path) -> Command {
    let mut command = nuncio();
    command.arg("run").arg("--config").arg(configuration);
    command
}

/// The plain service of our own, and its URL.
fn echo() -> (Running, String) {
    let url = format!("http://127.0.0.1:{}", port());
    let mut command = nuncio();
    command.args(["echo", "--listen", &url]);
    (Running::start(command), url)
}

/// One call on a connection of its own: the status line, or what went wrong.
fn call(port: u16) -> Result<String, String> {
    let said = |step: &'static str| move |error: std::io::Error| format!("{step}: {error}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(said("connect"))?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = ENVELOPE.len();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n\
         {ENVELOPE}"
    );
    stream.write_all(request.as_bytes()).map_err(said("send"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(said("read"))?;
    Ok(answer.lines().next().unwrap_or("nothing").to_owned())
}

/// Clients that call without a pause until they are stopped.
struct Clients {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Clients {
    fn start(port: u16) -> Self {
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..4).map(|_| {
            let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
            std::thread::spawn(move || {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match call(port) {
                        Ok(status) if status == "HTTP/1.1 200 OK" => {}
                        Ok(other) | Err(other) => failed.push(other),
                    }
                    calls.fetch_add(1, Ordering::Relaxed);
                }
                failed
            })
        });
        let threads = threads.collect();
        Self { stop, calls, threads }
    }

    /// Waits until so many calls more were made.
    fn go_on(&self, more: usize) {
        let (until, end) = (self.calls.load(Ordering::Relaxed) + more, Instant::now() + Duration::from_mins(1));
        while self.calls.load(Ordering::Relaxed) < until {
            assert!(Instant::now() < end, "the clients stand still");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What went wrong.
    fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

#[test]
fn a_next_gateway_listens_beside_the_one_that_ends() {
    let (_echo, backend) = echo();
    let port = port();
    let file = configuration("beside", &backend, port, "    reuse_port: true\n", "");
    let mut serving = Running::start(run(&file));
    let clients = Clients::start(port);
    for _ in 0..5 {
        clients.go_on(50);
        let next = Running::start(run(&file));
        assert_eq!(serving.stop(), Some(0));
        serving = next;
    }
    clients.go_on(50);
    assert_eq!(clients.stop(), Vec::<String>::new());
}

/// Runs a gateway that is passed a socket as a service manager passes it.
fn passed(socket: &TcpListener, name: &str, configuration: &Path) -> Command {
    let mut command = Command::new("sh");
    let script = "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";
    command.args(["-c", script, "sh"]).arg(nuncio().get_program());
    command.arg("run").arg("--config").arg(configuration).env("LISTEN_FDNAMES", name);
    command.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    command
}

#[test]
fn a_socket_that_is_kept_goes_from_one_gateway_to_the_next() {
    let (_echo, backend) = echo();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    // By its name, and by its address.
    for listener in ["    socket: front\n", ""] {
        let file = configuration("kept", &backend, port, listener, "");
        let mut serving = Running::start(passed(&socket, "front", &file));
        let clients = Clients::start(port);
        for _ in 0..5 {
            clients.go_on(50);
            assert_eq!(serving.stop(), Some(0));
            // Nobody serves; who connects meanwhile waits.
            serving = Running::start(passed(&socket, "front", &file));
        }
        clients.go_on(50);
        assert_eq!(clients.stop(), Vec::<String>::new());
        assert_eq!(serving.stop(), Some(0));
    }
}

#[test]
fn a_socket_that_is_no_listeners_is_refused() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = configuration("unused", "http://127.0.0.1:1", port(), "", "");
    let ended = passed(&socket, "other", &file).output().unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8(ended.stderr).unwrap();
    let own = format!("nuncio: no listener is for the socket other ({}) that was passed", socket.local_addr().unwrap());
    assert!(said.lines().any(|line| line == own), "{said}");
    let file = configuration("missing", "http://127.0.0.1:1", port(), "    socket: front\n", "");
    let ended = run(&file).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("no socket named \"front\" was passed"), "{said}");
}

#[test]
fn systemds_own_activation_is_understood() {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        println!("skip: there is no systemd-socket-activate");
        return;
    }
    let (_echo, backend) = echo();
    let port = port();
    let file = configuration("systemd", &backend, port, "    socket: front\n", "");
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--fdname=front", "--listen", &format!("127.0.0.1:{port}")]).arg(nuncio().get_program());
    command.arg("run").arg("--config").arg(&file);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        match call(port) {
            Err(reason) if reason.starts_with("connect") && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => break other,
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answer.unwrap(), "HTTP/1.1 200 OK");
}

#[test]
fn the_service_manager_is_told() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("notify-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let told = || {
        let mut message = [0; 200];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let file = configuration("notify", "http://127.0.0.1:1", port(), "", "");
    let mut command = run(&file);
    command.env("NOTIFY_SOCKET", &path);
    let running = Running::start(command);
    assert_eq!(told().trim(), "READY=1");
    let hangup = Command::new("kill").args(["-HUP", &running.0.id().to_string()]).status().unwrap();
    assert!(hangup.success());
    let reloading = told();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(told().trim(), "READY=1");
    assert_eq!(running.stop(), Some(0));
    assert_eq!(told().trim(), "STOPPING=1");
    let _ = std::fs::remove_file(&path);
}

#[test]
fn a_gateway_that_ends_says_so_before_it_closes() {
    let (_echo, backend) = echo();
    let (port, admin) = (port(), port());
    let rest = format!("admin:\n  address: 127.0.0.1:{admin}\ntimeouts:\n  drain_delay: 2s\n");
    let file = configuration("delay", &backend, port, "", &rest);
    let running = Running::start(run(&file));
    let readiness = || {
        let mut stream = TcpStream::connect(("127.0.0.1", admin)).unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(readiness(), "200");
    running.tell();
    while readiness() == "200" {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(call(port).unwrap(), "HTTP/1.1 200 OK", "who was sent still finds it");
    assert_eq!(running.end(), Some(0));
    assert_eq!(TcpStream::connect(("127.0.0.1", port)).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
