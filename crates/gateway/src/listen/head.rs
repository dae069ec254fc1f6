//! Requests that say twice how long they are.
//!
//! `Content-Length` beside `Transfer-Encoding` is how one request is made to look like two to the next reader, and must
//! be refused (RFC 9112 section 6.3). hyper takes the latter, drops the former and closes the connection after the
//! answer, and tells nobody; so the octets are looked at on their way to it. What is read here decides nothing but this.

const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";

/// Looks at the octets of one request's head, as they come.
#[derive(Debug, Default)]
pub(super) struct Head {
    at: At,
    /// The beginning of the line that is being read, as long as the longer name, in lower case.
    line: Vec<u8>,
    length: bool,
    coding: bool,
}

/// How far a head has come.
#[derive(Debug, Default, Eq, PartialEq)]
enum At {
    /// Before the request line; empty lines there are passed over (RFC 9112 section 2.2).
    #[default]
    Start,
    Headers,
    End,
}

impl Head {
    /// Takes more octets. Those behind the end of the head are passed over.
    pub(super) fn read(&mut self, octets: &[u8]) {
        for &octet in octets {
            match octet {
                _ if self.at == At::End => return,
                b'\n' => self.line_ended(),
                b'\r' => {}
                _ if self.line.len() < TRANSFER_ENCODING.len() => self.line.push(octet.to_ascii_lowercase()),
                _ => {}
            }
        }
    }

    /// Whether the head, as far as it has come, has both headers.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.length && self.coding
    }

    fn line_ended(&mut self) {
        match (&self.at, self.line.is_empty()) {
            (At::Start, true) | (At::End, _) => {}
            (At::Start, false) => self.at = At::Headers,
            (At::Headers, true) => self.at = At::End,
            (At::Headers, false) => {
                self.length |= self.line.starts_with(CONTENT_LENGTH);
                self.coding |= self.line.starts_with(TRANSFER_ENCODING);
            }
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_are_found_however_they_are_written() {
        for (head, ambiguous) in [
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("\r\n\r\nPOST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nX: y\r\nCONTENT-LENGTH:5\r\n\r\n", true),
            ("POST / HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nContent-Length: 5\r\n", false),
            ("POST / HTTP/1.1\r\nX: Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nX-Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length-X: 5\r\nTransfer-Encodings: chunked\r\n\r\n", false),
        ] {
            for piece in [1, 7, head.len()] {
                let mut found = Head::default();
                for octets in head.as_bytes().chunks(piece) {
                    found.read(octets);
                }
                assert_eq!(found.is_ambiguous(), ambiguous, "{head:?} by {piece}");
            }
        }
    }
}
