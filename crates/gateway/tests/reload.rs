//! A configuration that takes the place of another while the gateway serves.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use program::{Running, accepted, key, nuncio, port};

/// How long a change may take to be seen; a machine under load is slow.
const PATIENCE: Duration = Duration::from_mins(1);

struct Gateway {
    running: Running,
    file: PathBuf,
    log: PathBuf,
    port: u16,
    admin: u16,
}

impl Gateway {
    fn start(name: &str) -> Self {
        Self::start_with(name, "", |_| {})
    }

    /// With `more` beside its routes, and what `prepare` puts into its folder.
    fn start_with(name: &str, more: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let (file, log) = (folder.join("nuncio.yaml"), folder.join("log"));
        let (port, admin) = (port(), port());
        std::fs::write(folder.join("password"), "wonderland-1865\n").unwrap();
        std::fs::write(&file, configuration(port, admin, &["/one"]) + more).unwrap();
        prepare(&folder);
        let mut command = nuncio();
        command.arg("run").arg("--config").arg(&file);
        let running = Running::start_logging(command, File::create(&log).unwrap().into());
        Self { running, file, log, port, admin }
    }

    /// Another configuration, and the signal to take it.
    fn change(&self, yaml: &str) {
        std::fs::write(&self.file, yaml).unwrap();
        assert!(Command::new("kill").args(["-HUP", &self.running.0.id().to_string()]).status().unwrap().success());
    }

    /// Waits for so many lines of the log that have `text`; the last of them.
    fn wait(&self, text: &str, count: usize) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap();
            let lines: Vec<_> = log.lines().filter(|line| line.contains(text)).collect();
            if lines.len() >= count {
                return lines.last().map(|line| (*line).to_owned()).unwrap();
            }
            assert!(Instant::now() < until, "{text:?} is not there {count} times:\n{log}");
            sleep(Duration::from_millis(20));
        }
    }

    fn measured(&self) -> String {
        get(self.admin, "/metrics")
    }
}

fn configuration(port: u16, admin: u16, paths: &[&str]) -> String {
    let (certificate, key) = (key("server.pem"), key("server.key"));
    let tls = format!("{{ certificate: {}, key: {} }}", certificate.display(), key.display());
    let route = |path: &&str| {
        format!(
            "  - path: {path}\n    backend: http://127.0.0.1:9/\n    preset: wcf-ws2007-userNameOverTransport\n    \
             users: [{{ name: alice, password_file: password }}]\n"
        )
    };
    format!(
        "listeners:\n  - address: 127.0.0.1:{port}\n    tls_terminated_by: [127.0.0.1]\n  - address: 127.0.0.1:0\n    \
         tls: {tls}\nadmin: {{ address: 127.0.0.1:{admin} }}\nroutes:\n{}",
        paths.iter().map(route).collect::<String>()
    )
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The status of a POST that is no message: 404 where there is no route.
fn status(stream: &mut TcpStream, path: &str) -> (u16, String) {
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/soap+xml\r\nContent-Length: 4\r\n\r\n<x/>"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        head.push(octet[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length =
        head.split_once("content-length: ").map_or(0, |(_, rest)| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), head)
}

fn ask(port: u16, path: &str) -> u16 {
    status(&mut TcpStream::connect(("127.0.0.1", port)).unwrap(), path).0
}

#[test]
fn a_signal_puts_another_configuration_in_force() {
    let gateway = Gateway::start("reload");
    let mut before = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    assert_eq!((status(&mut before, "/one").0, ask(gateway.port, "/two")), (500, 404));
    gateway.change(&configuration(gateway.port, gateway.admin, &["/two"]));
    gateway.wait("the configuration was reloaded", 1);
    assert_eq!((ask(gateway.port, "/one"), ask(gateway.port, "/two")), (404, 500));
    // A connection from before is answered by what is in force, and closed with it.
    let (found, head) = status(&mut before, "/two");
    assert!(found == 500 && head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(before.read(&mut [0]).unwrap_or(0), 0);
    assert!(gateway.measured().contains("\nnuncio_reloads_total{outcome=\"done\"} 1\n"), "{}", gateway.measured());
    assert_eq!(gateway.running.stop(), Some(0));
}

/// Keys take the place of others while it serves, and never of newer ones; what is made once takes a restart, and is not passed
/// over.
#[test]
fn key_rings_change_over_and_what_is_made_once_does_not() {
    let ring = |folder: &Path, epoch: u32, letter: char, more: &str| {
        let key = letter.to_string().repeat(42) + "A=";
        let yaml = format!("epoch: {epoch}\nkeys: [{{ id: k, key: {key}{more} }}]\n");
        std::fs::write(folder.join("ring.yaml"), yaml).unwrap();
    };
    let more = "key_ring: ring.yaml\n";
    let gateway = Gateway::start_with("reload-ring", more, |folder| {
        ring(folder, 2, 'B', "");
        std::fs::write(folder.join("token"), "0123456789abcdef\n").unwrap();
    });
    let folder = gateway.file.parent().unwrap();
    let own = configuration(gateway.port, gateway.admin, &["/one"]);
    for (epoch, letter, said, reason) in [
        (1, 'B', "", "epoch 1 of the key ring is before 2, which is in use"),
        (2, 'C', "", "the key ring has other keys, and epoch 2 as the one in use has"),
        (3, 'C', ", activate: '2999-01-01T00:00:00Z'", "no key of the key ring is active"),
    ] {
        ring(folder, epoch, letter, said);
        gateway.change(&(own.clone() + more));
        gateway.wait(reason, 1);
    }
    ring(folder, 3, 'C', "");
    let with_token =
        own.replace(&format!(":{} }}", gateway.admin), &format!(":{}, token_file: token }}", gateway.admin));
    assert_ne!(with_token, own);
    for (yaml, what) in [
        (own.clone(), "`key_ring`"),
        (with_token + more, "`admin`"),
        (format!("{own}{more}state: {{ directory: kept }}\n"), "`state`"),
        (format!("{own}{more}redis: {{ url: 'redis://cache' }}\n"), "`redis`"),
    ] {
        gateway.change(&yaml);
        gateway.wait(&format!("{what} changed, which takes a restart"), 1);
    }
    assert!(!std::fs::read_to_string(&gateway.log).unwrap().contains("the configuration was reloaded"));
    gateway.change(&(own + more));
    gateway.wait("the configuration was reloaded", 1);
    assert!(!folder.join("kept").exists());
}

#[test]
fn a_bad_configuration_changes_nothing_and_says_so() {
    let gateway = Gateway::start("reload-bad");
    let good = configuration(gateway.port, gateway.admin, &["/two"]);
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy_port = busy.local_addr().unwrap().port();
    let cases = [
        (good.replace("preset: wcf-ws2007-", "preset: wcf-ws2008-"), "nuncio.yaml:10: there is no preset"),
        (good.replace("routes:", "rutes:"), "nuncio.yaml:7: unknown field"),
        (good.replace("password_file: password", "password_file: nothing"), "cannot read nothing"),
        (format!("{good}stores: {{ replay_bytes: 1 MiB }}\n"), "`stores` changed, which takes a restart"),
        (format!("{good}connections: {{ headers: 65 }}\n"), "`connections` changed, which takes a restart"),
        (good.replace(&gateway.admin.to_string(), &port().to_string()), "`admin` changed, which takes a restart"),
        (good.replace("127.0.0.1:0", &format!("127.0.0.1:{busy_port}")), "cannot listen on 127.0.0.1:"),
    ];
    for (count, (yaml, reason)) in cases.iter().enumerate() {
        gateway.change(yaml);
        let line = gateway.wait("the configuration is not reloaded", count + 1);
        assert!(line.contains(reason), "{line}\n is not {reason}");
        assert_eq!((ask(gateway.port, "/one"), ask(gateway.port, "/two")), (500, 404), "{reason}");
    }
    assert!(gateway.measured().contains("\nnuncio_reloads_total{outcome=\"refused\"} 7\n"), "{}", gateway.measured());
    gateway.change(&good);
    gateway.wait("the configuration was reloaded", 1);
    assert_eq!(ask(gateway.port, "/two"), 500);
}

#[test]
fn a_file_that_changes_is_read_again_without_a_signal() {
    let gateway = Gateway::start("reload-file");
    std::fs::write(gateway.file.with_file_name("password"), "looking-glass-1871\n").unwrap();
    gateway.wait("the configuration was reloaded", 1);
    // A file that is not there any more is a bad configuration, once.
    std::fs::remove_file(gateway.file.with_file_name("password")).unwrap();
    gateway.wait("the configuration is not reloaded", 1);
    std::fs::write(gateway.file.with_file_name("password"), "wonderland-1865\n").unwrap();
    gateway.wait("the configuration was reloaded", 2);
    assert_eq!(ask(gateway.port, "/one"), 500);
}

/// What a configuration named that was refused for it: once it is there, and sound, the configuration is tried again.
#[test]
fn a_file_that_only_a_refused_configuration_names_is_waited_for() {
    let gateway = Gateway::start("reload-missing");
    let later = gateway.file.with_file_name("later");
    let _ = std::fs::remove_file(&later);
    let yaml = configuration(gateway.port, gateway.admin, &["/two"]);
    let (certificate, named) = (key("server.pem").display().to_string(), "certificate: later,");
    let yaml = yaml.replace(&format!("certificate: {certificate},"), named);
    assert!(yaml.contains(named));
    gateway.change(&yaml);
    let line = gateway.wait("the configuration is not reloaded", 1);
    assert!(line.contains("cannot read later"), "{line}");
    std::fs::write(&later, "no certificate\n").unwrap();
    let line = gateway.wait("the configuration is not reloaded", 2);
    assert!(!line.contains("cannot read later"), "{line}");
    assert_eq!((ask(gateway.port, "/one"), ask(gateway.port, "/two")), (500, 404));
    std::fs::copy(certificate, &later).unwrap();
    gateway.wait("the configuration was reloaded", 1);
    assert_eq!((ask(gateway.port, "/one"), ask(gateway.port, "/two")), (404, 500));
}

#[test]
fn listeners_come_and_go() {
    let gateway = Gateway::start("reload-listeners");
    let other = port();
    gateway.change(&configuration(other, gateway.admin, &["/one"]));
    gateway.wait("the configuration was reloaded", 1);
    assert_eq!(ask(other, "/one"), 500);
    let gone = TcpStream::connect(("127.0.0.1", gateway.port)).map(drop).map_err(|error| error.kind());
    assert_eq!(gone, Err(ErrorKind::ConnectionRefused));
}

#[test]
fn a_backend_that_is_new_is_connected_to() {
    let gateway = Gateway::start("reload-backend");
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let configuration = configuration(gateway.port, gateway.admin, &["/one"]);
    let ahead = format!("{{ urls: ['http://{}/'], connect_ahead: true }}", backend.local_addr().unwrap());
    gateway.change(&configuration.replace("http://127.0.0.1:9/", &ahead));
    drop(accepted(&backend));
    gateway.wait("the configuration was reloaded", 1);
}
