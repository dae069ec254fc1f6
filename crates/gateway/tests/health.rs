//! `nuncio health`, which a container without a shell is watched by.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;
mod watched;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use program::{nuncio, port};
use watched::{Backend, Gateway};

/// Its exit status, and what it says of it.
fn health(admin: SocketAddr, more: &[&str]) -> (Option<i32>, String) {
    let output = nuncio().args(["health", "--admin", &admin.to_string()]).args(more).output().unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_gateway_is_healthy_until_it_is_told_to_end() {
    let backend = Backend::start();
    let gateway = Gateway::start(&backend, "");
    let admin = gateway.admin;
    assert_eq!(health(admin, &[]), (Some(0), String::new()));
    assert_eq!(health(admin, &["--live"]), (Some(0), String::new()));
    let mut call = gateway.send(&gateway.call("Slow"), "");
    backend.arrived();
    gateway.running.tell();
    gateway.until("/readyz", |answer| answer.starts_with("HTTP/1.1 503 "));
    assert_eq!(health(admin, &[]), (Some(1), format!("nuncio: http://{admin}/readyz: the answer is 503\n")));
    assert_eq!(health(admin, &["--live"]), (Some(0), String::new()));
    backend.go_on();
    call.read_to_string(&mut String::new()).unwrap();
    assert_eq!(gateway.running.end(), Some(0));
    let (status, said) = health(admin, &["--live"]);
    assert!(status == Some(1) && said.starts_with(&format!("nuncio: http://{admin}/healthz: ")), "{said}");
}

#[test]
fn what_is_no_gateway_is_not_healthy() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], port()));
    assert_eq!(health(nobody, &[]).0, Some(1));
    for (answer, why) in [
        ("HTTP/1.1 404 Not Found\r\n\r\n", "the answer is 404"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"),
        ("", "the answer is not HTTP"),
    ] {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let other = std::thread::spawn(move || {
            let (mut stream, _) = socket.accept().unwrap();
            let mut octets = [0; 512];
            let read = stream.read(&mut octets).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            octets[..read].to_vec()
        });
        assert_eq!(health(address, &[]), (Some(1), format!("nuncio: http://{address}/readyz: {why}\n")));
        assert!(other.join().unwrap().starts_with(b"GET /readyz HTTP/1.1\r\n"));
    }
}
