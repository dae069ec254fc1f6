//! Requests that say twice how long they are.
//!
//! `Content-Length` beside `Transfer-Encoding` is how one request is made to look like two to the next reader, and must
//! be refused (RFC 9112 section 6.3). hyper takes the latter, drops the former and closes the connection after the
//! answer, and tells nobody; so the octets are looked at on their way to it. What is read here decides nothing but this.

/// The longest name that is looked for.
const LONGEST: usize = TRANSFER_ENCODING.len();
const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// Looks at the octets of one request's head, as they come.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The beginning of the line that is being read, up to its colon.
    name: Vec<u8>,
    /// Whether the name is complete, or longer than any that is looked for.
    named: bool,
    /// Whether the line has any octet.
    begun: bool,
    /// Whether a line with something in it has ended: empty ones before that are passed over (RFC 9112 section 2.2).
    started: bool,
    ended: bool,
    length: bool,
    coding: bool,
}

impl Head {
    /// Takes more octets. Those behind the end of the head are passed over.
    pub(super) fn read(&mut self, octets: &[u8]) {
        for &octet in octets {
            if self.ended {
                return;
            }
            match octet {
                b'\n' => self.line(),
                b'\r' => {}
                _ => self.octet(octet),
            }
        }
    }

    /// Whether the head, as far as it has come, has both headers.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.length && self.coding
    }

    fn octet(&mut self, octet: u8) {
        self.begun = true;
        if self.named {
            return;
        }
        if octet == b':' {
            self.length |= self.name == CONTENT_LENGTH;
            self.coding |= self.name == TRANSFER_ENCODING;
            self.named = true;
        } else if self.name.len() < LONGEST {
            self.name.push(octet.to_ascii_lowercase());
        } else {
            self.named = true;
        }
    }

    fn line(&mut self) {
        self.ended = !self.begun && self.started;
        self.started |= self.begun;
        self.begun = false;
        self.named = false;
        self.name.clear();
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
