//! A gateway with an admin listener, before a backend that does as it is told.

// Not every suite asks for all of it.
#![allow(dead_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nuncio_wss::Time;

use crate::program::{Running, key, nuncio, port};

/// A plain service that remembers what it got. It answers `Fail` with a fault, `Babble` with what is no SOAP, and `Slow`
/// when it is told to go on.
pub(crate) struct Backend {
    address: SocketAddr,
    arrived: Receiver<()>,
    go_on: Sender<()>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Backend {
    pub(crate) fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (come, arrived) = channel();
        let (go_on, told) = channel();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                serve(stream.unwrap(), &come, &told, &seen);
            }
        });
        Self { address, arrived, go_on, requests }
    }

    /// Its host and port.
    pub(crate) fn name(&self) -> String {
        self.address.to_string()
    }

    /// Waits for a request that is slow.
    pub(crate) fn arrived(&self) {
        self.arrived.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    /// Lets it be answered.
    pub(crate) fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// The requests that came, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, come: &Sender<()>, told: &Receiver<()>, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"Envelope>") {
        let mut octets = [0; 4096];
        match stream.read(&mut octets) {
            Ok(read) if read > 0 => request.extend_from_slice(&octets[..read]),
            _ => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    let slow = request.contains("<Slow");
    let (status, media_type, body) = if request.contains("<Fail") {
        ("500 Oops", "application/soap+xml", "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code></s:Fault>")
    } else if request.contains("<Babble") {
        ("200 OK", "text/html", "")
    } else {
        ("200 OK", "application/soap+xml", "<y xmlns='urn:y'/>")
    };
    seen.lock().unwrap().push(request);
    if slow {
        come.send(()).unwrap();
        let _ = told.recv();
    }
    let body =
        format!("<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body>{body}</s:Body></s:Envelope>");
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}");
    // Whoever asked may be gone.
    let _ = write!(stream, "{head}\r\nConnection: close\r\n\r\n{body}");
}

/// A gateway for a user over TLS that somebody in front takes off: `/echo` for messages alone, `/talk` for conversations.
pub(crate) struct Gateway {
    pub(crate) running: Running,
    /// Where it logs.
    pub(crate) log: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Gateway {
    /// `more` are lines of `/echo`.
    pub(crate) fn start(backend: &Backend, more: &str) -> Self {
        Self::start_with(backend, more, "")
    }

    /// `besides` are lines beside the routes.
    pub(crate) fn start_with(backend: &Backend, more: &str, besides: &str) -> Self {
        Self::start_in(backend, more, besides, &[])
    }

    /// `admin` is more of its admin listener.
    pub(crate) fn start_admin(backend: &Backend, admin: &str) -> Self {
        Self::start_so(backend, "", "", admin, &[])
    }

    /// As [`Gateway::start_with`], in that environment.
    pub(crate) fn start_in(backend: &Backend, more: &str, besides: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_so(backend, more, besides, "", environment)
    }

    fn start_so(backend: &Backend, more: &str, besides: &str, more_admin: &str, environment: &[(&str, &str)]) -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (address, admin) = (local(port()), local(port()));
        let (certificate, private) = (key("server.pem"), key("server.key"));
        let route = |path, preset, more| {
            format!(
                "  - path: {path}\n    backend: http://{}/plain\n    preset: {preset}\n    certificate: {}\n    key: {}\n    \
                 users: [{{ name: alice, password: wonderland-1865 }}]\n{more}",
                backend.address,
                certificate.display(),
                private.display(),
            )
        };
        let yaml = format!(
            "listeners: [{{ address: '{address}', tls_terminated_by: [127.0.0.1] }}]\nadmin: {{ address: '{admin}'{more_admin} }}\n\
             {besides}routes:\n{}{}",
            route("/echo", "wcf-ws2007-userNameOverTransport", more),
            route("/talk", "wcf-ws2007-userNameOverTransport-conversation", ""),
        );
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("watched-{}.yaml", admin.port()));
        std::fs::write(&file, yaml).unwrap();
        let log = file.with_extension("log");
        let mut command = nuncio();
        command.arg("run").arg("--config").arg(file).envs(environment.iter().copied());
        let running = Running::start_logging(command, File::create(&log).unwrap().into());
        Self { running, log, address, admin }
    }

    /// Kills it, and starts another in its place.
    pub(crate) fn again(self) -> Self {
        let Self { running, log, address, admin } = self;
        drop(running);
        let mut command = nuncio();
        command.arg("run").arg("--config").arg(log.with_extension("yaml"));
        let running = Running::start_logging(command, File::create(&log).unwrap().into());
        Self { running, log, address, admin }
    }

    /// The admin listener's answer.
    pub(crate) fn get(&self, path: &str) -> String {
        say(self.admin, &format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
    }

    /// Asks until the answer is as it should be.
    pub(crate) fn until(&self, path: &str, sound: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let answer = self.get(path);
            if sound(&answer) {
                return answer;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{answer}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A call of an operation, as alice makes it.
    pub(crate) fn call(&self, operation: &str) -> String {
        self.message("/echo", &format!("urn:{operation}"), &format!("<{operation} xmlns='urn:x'/>"))
    }

    /// A message to that path, as alice sends it.
    pub(crate) fn message(&self, path: &str, action: &str, body: &str) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Time::from_millis(since.as_millis().try_into().unwrap());
        let to = format!("https://{}{path}", self.address);
        format!(
            "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' \
             xmlns:a='http://www.w3.org/2005/08/addressing'><s:Header><a:Action>{action}</a:Action>\
             <a:To>{to}</a:To><a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>\
             <o:Security s:mustUnderstand='1' \
             xmlns:o='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd' \
             xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>\
             <u:Timestamp><u:Created>{now}</u:Created></u:Timestamp><o:UsernameToken><o:Username>alice</o:Username>\
             <o:Password>wonderland-1865</o:Password></o:UsernameToken></o:Security></s:Header>\
             <s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    /// Sends a message to `/echo`, with more header lines; the connection.
    pub(crate) fn send(&self, message: &str, headers: &str) -> TcpStream {
        self.send_to("/echo", message, headers)
    }

    /// The same to that path.
    pub(crate) fn send_to(&self, path: &str, message: &str, headers: &str) -> TcpStream {
        let mut stream = connect(self.address);
        let length = message.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}");
        write!(stream, "{head}Content-Type: application/soap+xml\r\n\r\n{message}").unwrap();
        stream
    }

    /// Sends a message to `/echo`, with more header lines; the answer.
    pub(crate) fn ask(&self, message: &str, headers: &str) -> String {
        rest(self.send(message, headers))
    }

    /// Asks for a conversation at `/talk`; the answer.
    pub(crate) fn talk(&self) -> String {
        let trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
        let body = format!(
            "<t:RequestSecurityToken xmlns:t='{trust}'>\
             <t:TokenType>http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/sct</t:TokenType>\
             <t:RequestType>{trust}/Issue</t:RequestType><t:Entropy><t:BinarySecret Type='{trust}/Nonce'>\
             AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</t:BinarySecret></t:Entropy><t:KeySize>256</t:KeySize>\
             </t:RequestSecurityToken>"
        );
        rest(self.send_to("/talk", &self.message("/talk", &format!("{trust}/RST/SCT"), &body), ""))
    }
}

/// Sends octets on a new connection and reads until the other side closes.
pub(crate) fn say(address: SocketAddr, octets: &str) -> String {
    let mut stream = connect(address);
    // Whoever has heard enough may close before all is sent.
    let _ = stream.write_all(octets.as_bytes());
    rest(stream)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What comes until the other side closes.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}
