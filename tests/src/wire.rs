//! Recorded octets sent over a real socket.

use crate::http::HttpMessage;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Header fields that belong to the connection on which a message was recorded.
const OF_THE_CONNECTION: [&str; 5] = ["host", "content-length", "transfer-encoding", "expect", "connection"];

/// Sends a message to a server (`http://ADDRESS:PORT/…`, only its authority counts) and reads the answer. The target, the
/// other header fields and the body are the message's; the connection is a new one, closed after the answer.
pub fn send(url: &str, message: &HttpMessage) -> io::Result<HttpMessage> {
    let authority = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let mut head = format!(
        "{}\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n",
        message.start_line,
        message.body.len()
    );
    for (name, value) in &message.headers {
        if !OF_THE_CONNECTION.contains(&name.to_ascii_lowercase().as_str()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // A server that refuses a message early may close before it has read all of it: its answer still counts.
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&message.body));
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    match HttpMessage::read(&answer) {
        Ok(answer) => Ok(answer),
        Err(error) => Err(sent.err().or(read.err()).unwrap_or_else(|| io::Error::other(error))),
    }
}
