//! Many clients at once before a service that answers as it likes: each gets the answer to its own call, or none.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuncio_tests::gateway::Numbers;
use nuncio_wss::{Context, HttpFacts, Initiator};

use crate::bench::{Bench, CONVERSATION, message};

const CLIENTS: usize = 64;
const CALLS: usize = 6;

/// What is in an answer that nobody asked for.
const EVIL: &str = "canary-of-nobody";

#[test]
fn no_client_gets_an_answer_to_anothers_call() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut bench = Bench::behind(CONVERSATION, chaos(&seen));
    let first = bench.context.take();
    let (answered, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (bench, answered, failed) = (&bench, &answered, &failed);
            scope.spawn(move || {
                let context = converse(bench, &bench.client);
                for call in 0..CALLS {
                    let canary = format!("canary-{client}-{call}");
                    let plain = bench
                        .plain(&format!("<Echo xmlns=\"http://nuncio.example/echo\"><text>{canary}</text></Echo>"));
                    let numbers = &mut bench.numbers.clone();
                    let sealed = bench.client.seal(
                        plain.into_bytes(),
                        crate::bench::ACTION,
                        Some(&context),
                        bench.now(),
                        numbers,
                    );
                    let (outbound, expectation) = sealed.unwrap();
                    let answer = bench.send(&message(&outbound));
                    let facts = HttpFacts { content_type: answer.content_type(), soap_action: None };
                    let opening = bench.client.open(&facts, answer.body.clone(), &expectation, bench.now());
                    let opening = opening.unwrap_or_else(|refusal| panic!("{canary}: {refusal}"));
                    let plain = String::from_utf8(opening.plain().body).unwrap();
                    if opening.is_fault() {
                        assert!(!plain.contains("canary") && plain.contains("not available"), "{canary}: {plain}");
                        failed.fetch_add(1, Ordering::Relaxed);
                    } else {
                        assert!(plain.contains(&format!(">{canary}<")), "{canary}: {plain}");
                        assert_eq!(plain.matches("canary").count(), 1, "{canary}: {plain}");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(first.is_some());
    let (answered, failed) = (answered.into_inner(), failed.into_inner());
    assert_eq!(answered + failed, CLIENTS * CALLS);
    assert!(answered > CLIENTS && failed > CLIENTS, "{answered} answered, {failed} failed");
    // Whatever became of it, no call was made twice.
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    let calls = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), calls);
    // Each one that failed is in the log with its reason, and with no word of anybody's message.
    let log = bench.gateway.take_log();
    let unavailable = log.iter().filter(|line| line.contains(" refused=\"the backend")).count();
    assert_eq!(unavailable, failed);
    assert!(!log.iter().any(|line| line.contains("canary")));
}

/// A conversation of one client alone.
fn converse(bench: &Bench, client: &Initiator) -> Arc<Context> {
    let numbers: &mut Numbers = &mut bench.numbers.clone();
    let (outbound, expectation) = client.issue(bench.now(), numbers).unwrap();
    let answer = bench.send(&message(&outbound));
    let facts = HttpFacts { content_type: answer.content_type(), soap_action: None };
    let opening = client.open(&facts, answer.body.clone(), &expectation, bench.now()).unwrap();
    Arc::new(client.established(&opening, &expectation, bench.now()).unwrap())
}

/// A service that does something else with each call; its URL.
fn chaos(seen: &Arc<Mutex<Vec<String>>>) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/chaos", socket.local_addr().unwrap());
    let seen = Arc::clone(seen);
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let (stream, seen) = (stream.unwrap(), Arc::clone(&seen));
            std::thread::spawn(move || serve(stream, &seen));
        }
    });
    url
}

/// Answers calls on one connection, until one of them ends it.
fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>) -> Option<()> {
    loop {
        let mut request = Vec::new();
        let mut octets = [0; 4096];
        while !request.ends_with(b"Envelope>") {
            match stream.read(&mut octets) {
                Ok(read) if read > 0 => request.extend_from_slice(&octets[..read]),
                _ => return None,
            }
        }
        let request = String::from_utf8(request).ok()?;
        let canary = request.split_once("<text>")?.1.split('<').next()?.to_owned();
        let sound = response("200 OK", "application/soap+xml", &canary);
        let page = response("200 OK", "text/html", &canary);
        let failure = response("500 Oops", "application/soap+xml", &canary);
        let half = sound.len() - 40;
        let call = {
            let mut seen = seen.lock().ok()?;
            seen.push(canary);
            seen.len()
        };
        let all: Vec<String> = match call % 11 {
            0 => return None,
            1 => vec![sound[..half].to_owned()],
            2 => vec![page],
            3 => vec![failure],
            4 => vec![sound.clone() + &response("200 OK", "application/soap+xml", EVIL)],
            5 => vec![sound.replace("Content-Length", "Transfer-Encoding: chunked\r\nX-Length")],
            6 => vec![sound.replacen("Content-Length: ", "Content-Length: 7\r\nContent-Length: ", 1)],
            7 => vec![sound[..half].to_owned(), sound[half..].to_owned()],
            8 => vec![String::new(), sound.clone()],
            _ => vec![sound.clone()],
        };
        for part in &all {
            stream.write_all(part.as_bytes()).ok()?;
            std::thread::sleep(Duration::from_millis(2));
        }
        if all.concat() != sound {
            return None;
        }
    }
}

fn response(status: &str, media_type: &str, canary: &str) -> String {
    let body = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><EchoResponse \
         xmlns=\"http://nuncio.example/echo\"><EchoResult>{canary}</EchoResult></EchoResponse></s:Body></s:Envelope>"
    );
    format!("HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
