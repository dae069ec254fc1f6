//! What was captured: a SOAP envelope, or an HTTP message as tools save them.

use std::io::Read;
use std::path::Path;

/// Octets of a head that are looked at.
const HEAD: usize = 64 * 1024;

/// The methods of requests.
const METHODS: [&str; 7] = ["POST", "GET", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"];

/// A message as it was captured.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Capture {
    /// The request or status line, where there is one.
    pub(super) start_line: Option<String>,
    /// The headers, in their order; `None` where the envelope stands alone.
    pub(super) headers: Option<Vec<(String, String)>>,
    /// The body, its transfer coding taken off.
    pub(super) body: Vec<u8>,
    /// What is odd about how it was captured.
    pub(super) odd: Vec<String>,
}

/// Why there is nothing to look at.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NotCaptured {
    /// It is neither. What it is may be a secret.
    #[error("it is neither a SOAP envelope nor an HTTP message, by its first line")]
    Neither,
    /// It is text in another encoding than UTF-8.
    #[error("it is in UTF-16, and no message in UTF-8")]
    Utf16,
    /// It is compressed.
    #[error("it is compressed (gzip): capture it before it is, or take the compression off")]
    Compressed,
    /// Nothing is there.
    #[error("it is empty")]
    Empty,
    /// It is larger than what is looked at.
    #[error("it has more than {0} octets: it is not looked at")]
    TooLarge(usize),
    /// Its head does not end, or is no text.
    #[error("its HTTP head is longer than {HEAD} octets, or no text")]
    Head,
    /// A line of the head is no header.
    #[error("line {0} of its HTTP head is no header")]
    Line(usize),
    /// Its chunks are malformed or end early.
    #[error("its chunked body is malformed, or ends early")]
    Chunks,
}

/// The octets of a file, or of standard input where it is none or `-`; `limit` is how many a body may have.
pub(super) fn octets(file: Option<&Path>, limit: usize) -> std::io::Result<Vec<u8>> {
    let most = limit.saturating_add(HEAD).saturating_add(1) as u64;
    let mut octets = Vec::new();
    match file.filter(|file| *file != Path::new("-")) {
        Some(file) => std::fs::File::open(file)?.take(most).read_to_end(&mut octets)?,
        None => std::io::stdin().lock().take(most).read_to_end(&mut octets)?,
    };
    Ok(octets)
}

impl Capture {
    /// Reads a capture whose body has at most `limit` octets.
    pub(super) fn read(octets: &[u8], limit: usize) -> Result<Self, NotCaptured> {
        // The rest of it was not read.
        if octets.len() > limit.saturating_add(HEAD) {
            return Err(NotCaptured::TooLarge(limit));
        }
        match octets {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'<', 0, ..] | [0, b'<', ..] => return Err(NotCaptured::Utf16),
            [0x1F, 0x8B, ..] => return Err(NotCaptured::Compressed),
            _ => {}
        }
        let rest = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
        let start = rest.iter().position(|octet| !octet.is_ascii_whitespace()).ok_or(NotCaptured::Empty)?;
        let capture = if rest[start..].starts_with(b"<") {
            // White space before an XML declaration is the message's own fault.
            Self { body: octets.to_vec(), ..Self::default() }
        } else {
            Self::read_http(&rest[start..])?
        };
        if capture.body.len() > limit { Err(NotCaptured::TooLarge(limit)) } else { Ok(capture) }
    }

    fn read_http(mut octets: &[u8]) -> Result<Self, NotCaptured> {
        let (start_line, lines, rest) = loop {
            let (head, rest) = split(octets)?;
            let lines = head.lines().enumerate();
            let mut lines = lines.filter(|(_, line)| !line.starts_with('#') && !line.starts_with("//")).peekable();
            let first = lines.peek().map(|(_, line)| *line).unwrap_or_default();
            let word = first.split(' ').next().unwrap_or_default();
            let start_line = (word.starts_with("HTTP/") || METHODS.contains(&word)).then(|| first.to_owned());
            if start_line.is_some() {
                lines.next();
            }
            let status = start_line.as_deref().filter(|line| line.starts_with("HTTP/"));
            let status = status.and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
            if !(status.len() == 3 && status.starts_with('1')) {
                break (start_line, lines, rest);
            }
            // The final answer follows.
            octets = rest;
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for (at, line) in lines {
            let header = line.split_once(':').filter(|(name, _)| !name.is_empty() && !name.contains([' ', '\t', '<']));
            match header {
                Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
                None if start_line.is_none() && headers.is_empty() => {
                    return Err(NotCaptured::Neither);
                }
                None => return Err(NotCaptured::Line(at + 1)),
            }
        }
        let mut capture = Self { start_line, headers: Some(headers), ..Self::default() };
        capture.body = capture.body_of(rest)?;
        Ok(capture)
    }

    fn body_of(&mut self, rest: &[u8]) -> Result<Vec<u8>, NotCaptured> {
        if self.header("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            // Some tools take the coding off and leave the header.
            if rest.trim_ascii_start().starts_with(b"<") {
                self.odd.push("Transfer-Encoding says chunked, and the body has no chunks: the capture was written down without them".to_owned());
                return Ok(rest.to_vec());
            }
            return unchunk(rest).ok_or(NotCaptured::Chunks);
        }
        let Some(said) = self.header("Content-Length").and_then(|length| length.parse::<usize>().ok()) else {
            return Ok(rest.to_vec());
        };
        if rest.len() < said {
            self.odd.push(format!(
                "Content-Length says {said} octets and {} are there: the capture is cut short, or was edited",
                rest.len()
            ));
        } else if let Some(more) = rest.get(said..).filter(|more| !more.trim_ascii().is_empty()) {
            let behind = more.trim_ascii_start();
            let another =
                behind.starts_with(b"HTTP/") || METHODS.iter().any(|method| behind.starts_with(method.as_bytes()));
            if another {
                self.odd.push("another HTTP message follows in the capture, which is not looked at".to_owned());
                return Ok(rest[..said].to_vec());
            }
            self.odd.push(format!(
                "Content-Length says {said} octets and {} are there: the capture was edited",
                rest.len()
            ));
        }
        Ok(rest.to_vec())
    }

    /// The value of the first header of that name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().flatten();
        headers.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it is an answer, by its status line; `None` where there is no such line.
    pub(super) fn is_answer(&self) -> Option<bool> {
        self.start_line.as_ref().map(|line| line.starts_with("HTTP/"))
    }

    /// The status of an answer; zero where its status line has none.
    pub(super) fn status(&self) -> Option<u16> {
        let line = self.start_line.as_deref().filter(|line| line.starts_with("HTTP/"))?;
        Some(line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default())
    }

    /// The method and the path of a request.
    pub(super) fn request(&self) -> Option<(&str, &str)> {
        let line = self.start_line.as_deref().filter(|line| !line.starts_with("HTTP/"))?;
        let (method, rest) = line.split_once(' ')?;
        let target = rest.split(' ').next().unwrap_or_default();
        let path = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        Some((method, path.split('?').next().unwrap_or_default()))
    }
}

/// A head, and what is behind the empty line at its end. A head alone ends where it ends.
fn split(octets: &[u8]) -> Result<(&str, &[u8]), NotCaptured> {
    let looked = &octets[..octets.len().min(HEAD)];
    // The first line end behind which another one follows; one pass, however many heads there are.
    let ends = looked.iter().enumerate().filter(|(_, octet)| **octet == b'\n').map(|(at, _)| at + 1);
    let found = ends.into_iter().find_map(|at| {
        let rest = &octets[at..];
        let behind = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"));
        behind.map(|behind| (at, behind))
    });
    let (head, rest) = match found {
        Some((at, behind)) => (&octets[..at], behind),
        None if octets.len() <= HEAD => (octets, &[][..]),
        None => return Err(NotCaptured::Head),
    };
    match std::str::from_utf8(head) {
        Ok(head) => Ok((head, rest)),
        Err(_) => Err(NotCaptured::Neither),
    }
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.iter().position(|octet| *octet == b'\n')?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = rest.get(line + 1..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?;
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Capture, NotCaptured> {
        Capture::read(text.as_bytes(), 64)
    }

    #[test]
    fn envelopes_and_http_messages_are_told_apart() {
        let alone = read("\u{feff}\n <a/>").unwrap();
        assert_eq!((alone.headers, alone.start_line), (None, None));
        let request = read("POST /echo?x HTTP/1.1\r\nSOAPAction: \"urn:a\"\r\n\r\n<a/>").unwrap();
        assert_eq!((request.request(), request.header("soapaction")), (Some(("POST", "/echo")), Some("\"urn:a\"")));
        assert_eq!((request.is_answer(), &*request.body), (Some(false), &b"<a/>"[..]));
        let absolute = read("# saved by hand\nPOST https://a.example/b\nContent-Type: text/xml\n\n<a/>\n").unwrap();
        assert_eq!(absolute.request(), Some(("POST", "/b")));
        let answer = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\n<a/>").unwrap();
        assert_eq!((answer.is_answer(), &*answer.body, answer.odd.len()), (Some(true), &b"<a/>"[..], 0));
        let head = read("Content-Type: text/xml\n\n<a/>").unwrap();
        assert_eq!((head.is_answer(), head.header("content-type")), (None, Some("text/xml")));
    }

    #[test]
    fn bodies_are_taken_as_they_are_framed() {
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n<a\r\n2\r\n/>\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap().body, b"<a/>");
        let plain = read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n<a/>").unwrap();
        assert_eq!((&*plain.body, plain.odd.len()), (&b"<a/>"[..], 1));
        for (length, rest, body, odd) in [
            (9, "<a/>", "<a/>", 1),
            (4, "<a/>\n", "<a/>\n", 0),
            (2, "<a/>", "<a/>", 1),
            (4, "<a/>\r\nHTTP/1.1 200 OK\r\n\r\n", "<a/>", 1),
        ] {
            let read = read(&format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{rest}")).unwrap();
            assert_eq!((&*read.body, read.odd.len()), (body.as_bytes(), odd), "{length} {rest}");
        }
    }

    #[test]
    fn what_is_neither_is_said_to_be() {
        assert_eq!(read(" \n"), Err(NotCaptured::Empty));
        assert!(matches!(read("hello there"), Err(NotCaptured::Neither)));
        assert_eq!(read("POST / HTTP/1.1\r\nno header\r\n\r\n"), Err(NotCaptured::Line(2)));
        assert_eq!(Capture::read(b"\xff\xfe<\0", 64), Err(NotCaptured::Utf16));
        assert_eq!(Capture::read(b"\x1f\x8b\x08", 64), Err(NotCaptured::Compressed));
        assert_eq!(Capture::read(b"\xff\xff", 64), Err(NotCaptured::Neither));
        assert_eq!(read(&format!("<a>{}</a>", "x".repeat(64))), Err(NotCaptured::TooLarge(64)));
        let chunks = |rest: &str| read(&format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{rest}"));
        for broken in
            ["", "5\r\nabc", "zz\r\n", "ffffffffffffffffff\r\n", "3\r\nabcdef\r\n0\r\n", "ffffffffffffffff\r\nabc\r\n"]
        {
            assert_eq!(chunks(broken), Err(NotCaptured::Chunks), "{broken}");
        }
    }
}
