//! What is written down: tracing on standard error, and one line a request, a watcher's too.

mod queue;

use std::fmt::{self, Display, Write as _};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use nuncio_wss::Request;
use tracing_subscriber::EnvFilter;

pub use queue::Flush;

use crate::metrics::Outcome;
use crate::trace::TraceParent;

/// The longest value in a line, in characters; the rest is cut.
pub const LONGEST: usize = 256;

/// A filter that tracing does not understand.
#[derive(Debug, thiserror::Error)]
#[error("log filter {filter:?}: {reason}")]
pub struct BadFilter {
    filter: String,
    reason: String,
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// For people: the fields of an access line behind each other.
    #[default]
    Text,
    /// For machines: an object of JSON a line, each field of an access line a member.
    Json,
}

/// Whether lines are objects of JSON: said once, before the first of them.
static JSON: AtomicBool = AtomicBool::new(false);

/// Sends the log to standard error, in colour only where that is a terminal. `filter` is in the syntax of `RUST_LOG`,
/// such as `info` or `nuncio=debug,warn`.
///
/// Does nothing where a subscriber is set already. What is given back keeps the log going: dropping it writes what is
/// still to be written.
pub fn start(filter: &str, format: Format) -> Result<Flush, BadFilter> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|error| BadFilter { filter: filter.to_owned(), reason: error.to_string() })?;
    let (queue, flush) = queue::start(std::io::stderr());
    let log = tracing_subscriber::fmt().with_writer(move || queue.clone()).with_env_filter(parsed);
    let _ = match format {
        Format::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => {
            JSON.store(true, Ordering::Relaxed);
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
    Ok(flush)
}

/// A value from outside, made fit for one line: control characters escaped, cut at [`LONGEST`] characters.
///
/// A line break in a user's name would otherwise write a line of its own, and an escape sequence colour the next one.
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, character) in self.0.chars().enumerate() {
            if count == LONGEST {
                return out.write_str("…");
            }
            // Beside the controls, what turns or hides the text around it.
            let unseen = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            if character.is_control() || unseen || character == '"' || character == '\\' {
                write!(out, "{}", character.escape_default())?;
            } else {
                out.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// What is known of a request when it has been answered. None of it is secret; all of it may come from outside.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Audit {
    /// Why it was refused, or why its backend did not answer; `None` when all went well.
    pub refused: Option<String>,
    /// What was asked for, as far as it was read.
    pub request: Option<Request>,
    /// What became of it.
    pub outcome: Outcome,
    /// Who called.
    pub principal: Option<String>,
    /// The conversation, by the id that the backend sees.
    pub conversation: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// The trace that it belongs to.
    pub trace: Option<TraceParent>,
    /// Headers that travelled although no signature covers them.
    pub unverified: Vec<String>,
}

impl Audit {
    /// The line of a request that was refused.
    pub fn refused(reason: impl Display) -> Self {
        Self { refused: Some(reason.to_string()), ..Self::default() }
    }

    /// The line's text, after its level and time.
    fn line(&self, peer: &str, path: &str, status: Option<StatusCode>, took: Duration) -> String {
        let mut line = format!("peer={peer} path=\"{}\"", Quoted(path));
        if let Some(status) = status {
            let _ = write!(line, " status={}", status.as_u16());
        }
        let mut field = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = write!(line, " {name}=\"{}\"", Quoted(value));
            }
        };
        field("principal", self.principal.as_deref());
        field("conversation", self.conversation.as_deref());
        field("action", self.action.as_deref());
        field("trace", self.trace.as_ref().map(TraceParent::trace));
        if !self.unverified.is_empty() {
            field("unverified", Some(&self.unverified.join(" ")));
        }
        field("refused", self.refused.as_deref());
        let _ = write!(line, " took={:.3}ms", took.as_secs_f64() * 1000.0);
        line
    }

    /// Writes the line: a refusal as a warning, everything else as information. Who went away got no status.
    pub(crate) fn write(&self, peer: &str, path: &str, status: Option<StatusCode>, took: Duration) {
        if JSON.load(Ordering::Relaxed) {
            return self.write_json(peer, path, status, took);
        }
        let line = self.line(peer, path, status, took);
        if self.refused.is_some() {
            tracing::warn!(target: "nuncio::audit", "{line}");
        } else {
            tracing::info!(target: "nuncio::audit", "{line}");
        }
    }

    /// The same fields, each by its name. What is written escapes them.
    fn write_json(&self, peer: &str, path: &str, status: Option<StatusCode>, took: Duration) {
        macro_rules! write {
            ($level:ident) => {
                tracing::$level!(
                    target: "nuncio::audit",
                    peer,
                    path = cut(path),
                    status = status.map(|status| status.as_u16()),
                    principal = self.principal.as_deref().map(cut),
                    conversation = self.conversation.as_deref(),
                    action = self.action.as_deref().map(cut),
                    trace = self.trace.as_ref().map(TraceParent::trace),
                    unverified = (!self.unverified.is_empty()).then(|| self.unverified.join(" ")).as_deref().map(cut),
                    refused = self.refused.as_deref().map(cut),
                    took_ms = took.as_secs_f64() * 1000.0,
                )
            };
        }
        if self.refused.is_some() { write!(warn) } else { write!(info) }
    }
}

/// A request to the admin listener, when it has been answered. None of it is secret.
pub(crate) struct Watched<'a> {
    pub(crate) peer: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// What was asked for, where that says whose conversations.
    pub(crate) query: Option<&'a str>,
    /// By what it was known that he may ask for these.
    pub(crate) by: Option<&'a str>,
    pub(crate) status: StatusCode,
}

impl Watched<'_> {
    /// The line's text, after its level and time.
    fn line(&self, took: Duration) -> String {
        let Self { peer, method, path, query, by, status } = *self;
        let mut line = format!("method=\"{}\" peer={peer} path=\"{}\"", Quoted(method), Quoted(path));
        for (name, value) in [("query", query), ("by", by)] {
            if let Some(value) = value {
                let _ = write!(line, " {name}=\"{}\"", Quoted(value));
            }
        }
        let _ = write!(line, " status={} took={:.3}ms", status.as_u16(), took.as_secs_f64() * 1000.0);
        line
    }

    /// Writes the line. It has a target of its own, so that who is asked every second whether he lives can leave that out.
    pub(crate) fn write(&self, took: Duration) {
        let bad = self.status.is_client_error() || self.status == StatusCode::INTERNAL_SERVER_ERROR;
        macro_rules! write {
            ($level:ident) => {
                if JSON.load(Ordering::Relaxed) {
                    tracing::$level!(
                        target: "nuncio::admin",
                        peer = self.peer,
                        method = cut(self.method),
                        path = cut(self.path),
                        query = self.query.map(cut),
                        by = self.by.map(cut),
                        status = self.status.as_u16(),
                        took_ms = took.as_secs_f64() * 1000.0,
                    )
                } else {
                    tracing::$level!(target: "nuncio::admin", "{}", self.line(took))
                }
            };
        }
        if bad { write!(warn) } else { write!(info) }
    }
}

/// No more than [`LONGEST`] characters.
fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let audit = Audit {
            refused: Some("user \"eve\x1b[31m\" is unknown".into()),
            principal: Some("a\nb\u{202e}".into()),
            action: Some("urn:do".into()),
            unverified: vec!["{urn:x}H".into(), "{urn:x}I".into()],
            ..Audit::default()
        };
        assert_eq!(
            audit.line("127.0.0.1", "/e\r", Some(StatusCode::INTERNAL_SERVER_ERROR), Duration::from_micros(1500)),
            "peer=127.0.0.1 path=\"/e\\r\" status=500 principal=\"a\\nb\\u{202e}\" action=\"urn:do\" \
             unverified=\"{urn:x}H {urn:x}I\" refused=\"user \\\"eve\\u{1b}[31m\\\" is unknown\" took=1.500ms"
        );
    }

    /// Whom it was about comes from outside, and so does who asked for it.
    #[test]
    fn a_watchers_line_stays_one_line_and_says_whom_it_was_about() {
        let all = Watched {
            peer: "127.0.0.1",
            method: "DELETE",
            path: "/sessions",
            query: Some("principal=a\"b\u{202e}"),
            by: Some("certificate CN=\nwatcher"),
            status: StatusCode::OK,
        };
        assert_eq!(
            all.line(Duration::from_micros(1500)),
            "method=\"DELETE\" peer=127.0.0.1 path=\"/sessions\" query=\"principal=a\\\"b\\u{202e}\" \
             by=\"certificate CN=\\nwatcher\" status=200 took=1.500ms"
        );
        let none = Watched { query: None, by: None, ..all };
        assert_eq!(
            none.line(Duration::ZERO),
            "method=\"DELETE\" peer=127.0.0.1 path=\"/sessions\" status=200 took=0.000ms"
        );
    }

    #[test]
    fn a_long_value_is_cut() {
        let shown = Quoted(&"é".repeat(LONGEST + 1)).to_string();
        assert_eq!(shown.chars().count(), LONGEST + 1);
        assert!(shown.ends_with("é…"));
        assert_eq!(Quoted(&"x".repeat(LONGEST)).to_string().len(), LONGEST);
    }

    #[test]
    fn a_bad_filter_is_an_error() {
        assert!(
            start("nuncio=loud=ly", Format::Text)
                .err()
                .unwrap()
                .to_string()
                .starts_with("log filter \"nuncio=loud=ly\": ")
        );
    }
}
