//! One HTTP message, from its recorded octets.

/// A request or response with its body whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HttpMessage {
    /// The request or status line.
    pub start_line: String,
    /// Header fields in their order, names as written.
    pub headers: Vec<(String, String)>,
    /// The body, transfer coding taken off; empty where there is none.
    pub body: Vec<u8>,
}

/// The octets are no HTTP/1.1 message.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotHttp {
    /// The body ends before the length that the headers promise.
    #[error("the body has {actual} octets, its headers promise {promised}")]
    BodyTooShort {
        /// Octets promised by Content-Length.
        promised: usize,
        /// Octets there.
        actual: usize,
    },
    /// A chunk of a chunked body does not parse.
    #[error("a chunk of the body does not parse")]
    Chunk,
    /// The head is not text, has no end, or has a line that is no header field.
    #[error("the head does not parse")]
    Head,
}

impl HttpMessage {
    /// Reads one message; interim responses (status 1xx) before it are passed over.
    pub fn read(octets: &[u8]) -> Result<Self, NotHttp> {
        let end = find(octets, b"\r\n\r\n").ok_or(NotHttp::Head)?;
        let head = std::str::from_utf8(&octets[..end]).map_err(|_| NotHttp::Head)?;
        let rest = &octets[end + 4..];
        let mut lines = head.split("\r\n");
        let start_line = lines.next().unwrap_or_default().to_owned();
        if start_line.starts_with("HTTP/1.1 1") {
            return Self::read(rest);
        }
        let headers = lines
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
            .collect::<Option<_>>()
            .ok_or(NotHttp::Head)?;
        let mut message = Self { start_line, headers, body: Vec::new() };
        message.body = message.body_of(rest)?;
        Ok(message)
    }

    fn body_of(&self, rest: &[u8]) -> Result<Vec<u8>, NotHttp> {
        if self.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return unchunk(rest).ok_or(NotHttp::Chunk);
        }
        let Some(promised) = self.header("Content-Length").and_then(|length| length.parse().ok()) else {
            return Ok(rest.to_vec());
        };
        rest.get(..promised).map(<[u8]>::to_vec).ok_or(NotHttp::BodyTooShort { promised, actual: rest.len() })
    }

    /// The value of the first header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(written, _)| written.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The Content-Type, or nothing.
    pub fn content_type(&self) -> &str {
        self.header("Content-Type").unwrap_or_default()
    }

    /// The media type alone, in lower case.
    pub fn media_type(&self) -> String {
        self.content_type().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// SOAP 1.1's `SOAPAction` header, as written (with its quotes).
    pub fn soap_action(&self) -> Option<&str> {
        self.header("SOAPAction")
    }

    /// A response's status.
    pub fn status(&self) -> Option<u16> {
        self.start_line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// A request's target.
    pub fn target(&self) -> Option<&str> {
        self.start_line.split(' ').nth(1)
    }
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

pub(crate) fn find(octets: &[u8], what: &[u8]) -> Option<usize> {
    octets.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_length_chunks_and_interim_responses() {
        let plain = HttpMessage::read(b"POST /echo HTTP/1.1\r\nhost: a:1\r\nContent-Length: 2\r\n\r\nabc").unwrap();
        assert_eq!(
            (plain.target(), plain.header("HOST"), plain.body.as_slice()),
            (Some("/echo"), Some("a:1"), &b"ab"[..])
        );

        let chunked = HttpMessage::read(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\nTransfer-Encoding: Chunked\r\nContent-Type: Text/XML; charset=utf-8\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        )
        .unwrap();
        assert_eq!((chunked.status(), chunked.media_type().as_str()), (Some(500), "text/xml"));
        assert_eq!(chunked.body, b"abc0123456789");
    }

    #[test]
    fn refuses_what_is_cut_off() {
        let short = HttpMessage::read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
        assert_eq!(short, Err(NotHttp::BodyTooShort { promised: 9, actual: 3 }));
        assert_eq!(HttpMessage::read(b"HTTP/1.1 200 OK\r\nContent-Length: 9"), Err(NotHttp::Head));
        assert_eq!(
            HttpMessage::read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"),
            Err(NotHttp::Chunk)
        );
    }
}
