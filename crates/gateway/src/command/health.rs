//! `nuncio health`: asks a gateway whether it serves, where there is no shell to ask from.

use std::time::Duration;

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use clap::Args;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Failed;
use super::watched::Watched;

/// How long an answer may take: a gateway that is slower to say that it serves does not serve.
const PATIENCE: Duration = Duration::from_secs(3);
/// A status line is much shorter.
const LONGEST: u64 = 256;

/// Asks the admin listener of a gateway whether it serves; the exit status tells
#[derive(Debug, Args)]
pub(super) struct Health {
    #[command(flatten)]
    watched: Watched,
    /// Asks whether it lives, which it does while it drains too
    #[arg(long)]
    live: bool,
}

impl Health {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let Self { watched, live } = self;
        let path = if live { "/healthz" } else { "/readyz" };
        let url = watched.url(path);
        let failed = |why: &str| Failed::Step(format!("{url}: {why}"));
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", watched.admin);
        if let Some(token) = watched.token()? {
            let _ = write!(request, "Authorization: Bearer {token}\r\n");
        }
        request += "\r\n";
        let tls = watched.tls()?.map(Arc::new);
        let asked = async {
            let stream = TcpStream::connect(&watched.admin).await?;
            let Some(tls) = tls else { return ask(stream, &request).await };
            let name = ServerName::try_from(watched.host().to_owned()).map_err(io::Error::other)?;
            ask(TlsConnector::from(tls).connect(name, stream).await?, &request).await
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await;
        let answer = answer.map_err(|_| failed("no answer within three seconds"))?;
        let answer = answer.map_err(|error| failed(&error.to_string()))?;
        match status(&answer) {
            Some("200") => Ok(()),
            Some(status) => Err(failed(&format!("the answer is {status}"))),
            None => Err(failed("the answer is not HTTP")),
        }
    }
}

/// The beginning of the answer.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// The status of a response of HTTP/1.1 (RFC 9112 section 4).
fn status(answer: &[u8]) -> Option<&str> {
    let line = answer.strip_prefix(b"HTTP/1.1 ")?.get(..4)?;
    let (code, space) = std::str::from_utf8(line).ok()?.split_at_checked(3)?;
    (space == " " && code.bytes().all(|digit| digit.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_line_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some("200"));
        assert_eq!(status(b"HTTP/1.1 503 \r\n"), Some("503"));
        for answer in [
            &b""[..],
            b"HTTP/1.1 200",
            b"HTTP/1.1 2000 \r\n",
            b"HTTP/1.1 +20 OK",
            b"SSH-2.0-x 200 OK",
            b"HTTP/1.1 \xff\xff\xff\xff",
        ] {
            assert_eq!(status(answer), None, "{answer:?}");
        }
    }
}
