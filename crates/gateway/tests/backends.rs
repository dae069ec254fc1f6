//! Backends behind a route of the program: by action, of another version of SOAP, and what of their faults goes on.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod program;
mod watched;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use program::accepted;
use watched::{Backend, Gateway};

/// A service that gives one answer, and remembers what it got.
struct Service {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn answering(answer: String) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in socket.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut octets = [0; 4096];
                while !request.ends_with(b"Envelope>") {
                    match stream.read(&mut octets) {
                        Ok(read) if read > 0 => request.extend_from_slice(&octets[..read]),
                        _ => break,
                    }
                }
                seen.lock().unwrap().push(String::from_utf8(request).unwrap());
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, requests }
    }

    fn soap11(status: &str, body: &str) -> Self {
        let body = format!(
            "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body>{body}</soap:Body></soap:Envelope>"
        );
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {length}");
        Self::answering(format!("{head}\r\nConnection: close\r\n\r\n{body}"))
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

#[test]
fn a_connection_is_there_before_anybody_calls() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let urls = format!("urls: ['http://{}/pay']", other.local_addr().unwrap());
    let more = format!(
        "    actions: [{{ actions: ['urn:Pay', 'urn:deep/*'], backend: {{ {urls}, connect_ahead: true }} }}]\n"
    );
    let _gateway = Gateway::start(&Backend::start(), &more);
    let read = accepted(&other).read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(read, Err(ErrorKind::WouldBlock), "nothing is sent on it, and it stays");
    assert!(other.accept().is_err(), "one for a backend, however many actions it has");
}

#[test]
fn a_message_goes_where_its_verified_action_says() {
    let other = Service::soap11("200 OK", "<y xmlns='urn:y'/>");
    let backend = Backend::start();
    let more = format!(
        "    actions: [{{ actions: ['urn:Pay', 'urn:deep/*'], backend: {{ urls: ['http://{}/pay'], soap: '1.1' }} }}]\n",
        other.address
    );
    let gateway = Gateway::start(&backend, &more);
    let ask = |action: &str, headers: &str| {
        let message = gateway.message("/echo", action, "<x xmlns='urn:x'/>");
        let answer = gateway.ask(&message, headers);
        (answer.split(' ').nth(1).unwrap().to_owned(), backend.requests().len(), other.take().len())
    };
    let sent = |to_other: usize, so_far: usize| ("200".to_owned(), so_far, to_other);
    assert_eq!(ask("urn:Quick", ""), sent(0, 1));
    assert_eq!(ask("urn:Pay", ""), sent(1, 1));
    assert_eq!(ask("urn:deep/er", ""), sent(1, 1));
    assert_eq!(ask("urn:Pays", ""), sent(0, 2));
    // What HTTP says beside the message changes nothing.
    assert_eq!(ask("urn:Quick", "SOAPAction: \"urn:Pay\"\r\n"), sent(0, 3));
    assert_eq!(ask("urn:Pay", "SOAPAction: \"urn:Quick\"\r\n"), sent(1, 3));
}

#[test]
fn a_backend_of_the_other_version_of_soap_is_spoken_to_in_its_own() {
    let sound = Service::soap11("200 OK", "<y xmlns='urn:y'>done</y>");
    let fault = Service::soap11(
        "500 Oops",
        "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>no</faultstring><detail><d xmlns='urn:d'/></detail>\
         </soap:Fault>",
    );
    let babble = Service::soap11("200 OK", "<y>");
    let backend = Backend::start();
    let by = |action: &str, service: &Service| {
        format!(
            "      - {{ actions: ['urn:{action}'], backend: {{ urls: ['http://{}/svc'], soap: '1.1' }} }}\n",
            service.address
        )
    };
    let more = format!("    actions:\n{}{}{}", by("Sound", &sound), by("Fault", &fault), by("Babble", &babble));
    let gateway = Gateway::start(&backend, &more);
    let ask = |action: &str| {
        let header = "<h:H xmlns:h='urn:h' s:mustUnderstand='false' s:role='urn:other'/><o:Security ";
        let message = gateway.message("/echo", &format!("urn:{action}"), "<x xmlns='urn:x'/>");
        gateway.ask(&message.replacen("<o:Security ", header, 1), "")
    };
    let answer = ask("Sound");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-type: application/soap+xml"), "{answer}");
    assert!(answer.contains("=\"http://www.w3.org/2003/05/soap-envelope\"") && answer.contains(">done<"), "{answer}");
    assert!(!answer.contains("schemas.xmlsoap.org/soap/envelope"), "{answer}");
    let [request] = &sound.take()[..] else { panic!("one") };
    for part in [
        "content-type: text/xml; charset=utf-8\r\n",
        "soapaction: \"urn:Sound\"\r\n",
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header><h:H ",
        " s:actor=\"urn:other\" s:mustUnderstand=\"0\"></h:H></s:Header><s:Body><x xmlns=\"urn:x\"",
    ] {
        assert!(request.contains(part), "{part}\n{request}");
    }
    let answer = ask("Fault");
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    for part in [">s:Sender<", ">no<", "Detail><d xmlns=\"urn:d\"></d>"] {
        assert!(answer.contains(part), "{part}\n{answer}");
    }
    let answer = ask("Babble");
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("The service is not available."), "{answer}");
    assert_eq!(gateway.running.stop(), Some(0));
    let log = std::fs::read_to_string(gateway.log).unwrap();
    assert!(log.contains("the backend's answer is not sent on: "), "{log}");
}

#[test]
fn of_a_fault_goes_on_what_the_route_says() {
    let fault = |detail: &str| {
        Service::soap11(
            "500 Oops",
            &format!(
                "<soap:Fault><faultcode>soap:Server</faultcode><faultstring>no</faultstring><faultactor>http://inside/\
                 </faultactor><detail>{detail}</detail></soap:Fault>"
            ),
        )
    };
    let small = fault("<d xmlns='urn:d'>at System.Orders.Pay() in C:\\orders.cs</d>");
    let large = fault(&format!("<d xmlns='urn:d'>{}</d>", "x".repeat(65_536)));
    let by = |action: &str, service: &Service| {
        format!(
            "      - {{ actions: ['urn:{action}'], backend: {{ urls: ['http://{}/svc'], soap: '1.1' }} }}\n",
            service.address
        )
    };
    let actions = format!("    actions:\n{}{}", by("Small", &small), by("Large", &large));
    for (faults, detail) in [("pass", true), ("sanitise", false)] {
        let backend = Backend::start();
        let gateway = Gateway::start(&backend, &format!("    faults: {faults}\n{actions}"));
        let answer = gateway.ask(&gateway.call("Small"), "");
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains(">no<"), "{answer}");
        assert_eq!((answer.contains("orders.cs"), answer.contains("http://inside/")), (detail, detail), "{answer}");
        // A fault that comes in the version of the route is no other.
        let answer = gateway.ask(&gateway.call("Fail"), "");
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains(">s:Receiver<"), "{answer}");
        let answer = gateway.ask(&gateway.call("Large"), "");
        assert!(answer.contains("The service is not available.") && !answer.contains("xxx"), "{answer}");
        assert_eq!(gateway.running.stop(), Some(0));
        let log = std::fs::read_to_string(gateway.log).unwrap();
        assert!(log.contains("the backend's answer has more than 65536 octets"), "{log}");
    }
}

/// What fails is called no more, and that is told where a watcher looks.
#[test]
fn an_ejected_backend_is_logged_and_counted() {
    let down = format!("127.0.0.1:{}", program::port());
    let backend = Backend::start();
    let more = format!(
        "    actions: [{{ actions: ['urn:Down'], backend: {{ urls: ['http://{down}/'], ejection: {{ failures: 2, for: 1h }} }} }}]\n"
    );
    let gateway = Gateway::start(&backend, &more);
    let row =
        |name: &str, labels: &str| format!("\nnuncio_backend_{name}{{route=\"/echo\",backend=\"{down}\"{labels}}} ");
    assert!(gateway.get("/metrics").contains(&(row("in_service", "") + "1\n")));
    for _ in 0..4 {
        let answer = gateway.ask(&gateway.call("Down"), "");
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("The service is not available."), "{answer}");
    }
    assert!(gateway.ask(&gateway.call("Quick"), "").starts_with("HTTP/1.1 200 "));
    let metrics = gateway.get("/metrics");
    for (name, labels, value) in [
        ("in_service", "", "0"),
        ("ejections_total", "", "1"),
        ("calls_total", ",result=\"unreachable\"", "2"),
        ("calls_in_flight", "", "0"),
    ] {
        assert!(metrics.contains(&format!("{}{value}\n", row(name, labels))), "{name}: {metrics}");
    }
    assert_eq!(gateway.running.stop(), Some(0));
    let log = std::fs::read_to_string(gateway.log).unwrap();
    for (said, times) in [
        ("refused=\"the backend cannot be reached: ", 2),
        ("refused=\"the backend is out of service\"", 2),
        ("calls of it fail: it is not called for a while", 1),
    ] {
        assert_eq!(log.matches(said).count(), times, "{said}: {log}");
    }
}

#[test]
fn a_call_too_many_is_told_that_it_is_busy() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let backend = Backend::start();
    let more = format!(
        "    actions: [{{ actions: ['urn:Hang'], backend: {{ urls: ['http://{}/'], calls: 1 }} }}]\n",
        socket.local_addr().unwrap()
    );
    let gateway = Gateway::start(&backend, &more);
    let first = gateway.send(&gateway.call("Hang"), "");
    let (mut called, _) = socket.accept().unwrap();
    called.read_exact(&mut [0]).unwrap();
    let answer = gateway.ask(&gateway.call("Hang"), "");
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("The service is too busy."), "{answer}");
    let busy = "nuncio_requests_total{route=\"/echo\",kind=\"application\",outcome=\"busy\"} 1\n";
    assert!(gateway.get("/metrics").contains(busy));
    drop((first, called));
}

/// The same thing has the same name where there is no security.
#[test]
fn a_plain_call_too_many_is_told_that_it_is_busy() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "  - path: /plain\n    backend: {{ urls: ['http://{}/'], calls: 1 }}\n    danger_plain: true\n",
        socket.local_addr().unwrap()
    );
    let gateway = Gateway::start(&Backend::start(), &more);
    let call = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body><x xmlns='urn:x'/></s:Body></s:Envelope>";
    let first = gateway.send_to("/plain", call, "");
    let called = socket.accept().unwrap();
    let answer = watched::rest(gateway.send_to("/plain", call, ""));
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("The service is too busy."), "{answer}");
    let row =
        |outcome: &str| format!("nuncio_requests_total{{route=\"/plain\",kind=\"application\",outcome=\"{outcome}\"}}");
    let metrics = gateway.get("/metrics");
    assert!(
        metrics.contains(&format!("{} 1\n", row("busy"))) && metrics.contains(&format!("{} 0\n", row("unavailable")))
    );
    drop((first, called));
    assert_eq!(gateway.running.stop(), Some(0));
    let log = std::fs::read_to_string(gateway.log).unwrap();
    assert_eq!(log.matches("refused=\"each URL of the backend has the 1 calls that it may have\"").count(), 1, "{log}");
}

/// The environment of an operator's shell is no part of the configuration.
#[test]
fn no_proxy_of_the_environment_is_asked() {
    let canary = Service::soap11("200 OK", "<y xmlns='urn:y'/>");
    let backend = Backend::start();
    let proxy = format!("http://{}", canary.address);
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let environment: Vec<_> = names.iter().map(|name| (*name, proxy.as_str())).collect();
    let gateway = Gateway::start_in(&backend, "", "", &environment);
    assert!(gateway.ask(&gateway.call("Quick"), "").starts_with("HTTP/1.1 200 "));
    assert_eq!((backend.requests().len(), canary.take().len()), (1, 0));
}
