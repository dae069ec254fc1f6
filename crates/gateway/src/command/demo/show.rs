//! What the demonstration prints: in colour where there is a terminal.

use std::io::Write;
use std::time::Duration;

use crate::command::colour::Colour;

/// The longest text of an element that is shown whole, in characters.
const LONGEST: usize = 64;

/// Prints to standard output.
pub(super) struct Show {
    colour: Colour,
}

impl Show {
    pub(super) fn new() -> Self {
        Self { colour: Colour::of_stdout() }
    }

    pub(super) fn title(&self, text: &str) {
        line(&format!("\n{}", self.paint("1;36", text)));
    }

    /// Something to know.
    pub(super) fn note(text: &str) {
        line(&format!("  {text}"));
    }

    /// Something that went as it should.
    pub(super) fn step(&self, text: &str, took: Duration) {
        line(&format!("  {} {text} {}", self.paint("32", "✓"), self.paint("2", &millis(took))));
    }

    /// A call, and what its parts took.
    pub(super) fn call(&self, operation: &str, seal: Duration, way: Duration, open: Duration) {
        let parts = format!("(seal {}, there and back {}, open {})", millis(seal), millis(way), millis(open));
        self.step(&format!("{operation} {}", self.paint("2", &parts)), seal + way + open);
    }

    /// A message, with the headers that matter.
    pub(super) fn wire(&self, way: &str, headers: &[(&str, String)], message: &[u8]) {
        line(&format!("    {} {}", self.paint("1;33", way), self.paint("2", &format!("{} octets", message.len()))));
        for (name, value) in headers {
            line(&format!("      {}", self.paint("2", &format!("{name}: {value}"))));
        }
        for tag in indented(&String::from_utf8_lossy(message)) {
            line(&format!("      {}", self.paint("2", &tag)));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        self.colour.paint(code, text)
    }
}

fn line(text: &str) {
    // A reader that goes away ends the showing, not the steps.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn millis(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1000.0)
}

/// XML that we wrote, a line for each tag, long values cut: for eyes, not for parsers.
fn indented(xml: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
            match lines.last_mut() {
                // `<a>text</a>` stays on its line.
                Some(last) if !last.trim_start().starts_with("</") && opens(last, tag) => {
                    last.extend(["<", tag, ">"]);
                }
                _ => lines.push(format!("{}<{tag}>", "  ".repeat(depth))),
            }
        } else {
            lines.push(format!("{}<{}>{}", "  ".repeat(depth), cut(tag, 3 * LONGEST), cut(text, LONGEST)));
            if !tag.ends_with('/') {
                depth += 1;
            }
        }
    }
    lines
}

/// Whether a line is the start tag that `end`, with its slash, ends.
fn opens(line: &str, end: &str) -> bool {
    let name = line.trim_start().trim_start_matches('<');
    name.strip_prefix(&end[1..]).is_some_and(|rest| rest.starts_with([' ', '>']))
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_laid_out_for_eyes() {
        let long = "x".repeat(LONGEST + 1);
        let xml = format!("<a b=\"c\"><d>text</d><e/><f><g>{long}</g></f></a>");
        assert_eq!(
            indented(&xml),
            [
                "<a b=\"c\">",
                "  <d>text</d>",
                "  <e/>",
                "  <f>",
                &format!("    <g>{}…</g>", "x".repeat(LONGEST)),
                "  </f>",
                "</a>",
            ]
        );
    }
}
