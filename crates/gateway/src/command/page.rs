//! A page for people at a terminal.

use std::fmt::{self, Write};

use nuncio_policy::explain::Grade;

use super::colour::Colour;
use super::findings::Finding;

/// Columns of a line, where its words let it.
const WIDTH: usize = 100;

/// Writes for people.
pub(super) struct Page {
    colour: Colour,
    pub(super) text: String,
}

impl Page {
    pub(super) fn new(colour: Colour) -> Self {
        Self { colour, text: String::new() }
    }

    /// What is found that is at least so grave.
    pub(super) fn findings(&mut self, findings: &[Finding], least: Grade) {
        let told: Vec<&Finding> = findings.iter().filter(|finding| finding.grade >= least).collect();
        if !told.is_empty() {
            self.title("Findings");
        }
        for Finding { grade, about, text } in told {
            let code = match grade {
                Grade::Danger => "1;31",
                Grade::Warning => "33",
                Grade::Note => "2",
            };
            let grade = format!("{:8}", grade.to_string());
            let about = if about.is_empty() { String::new() } else { format!("{about}: ") };
            let words = wrap(&format!("{about}{text}"), WIDTH - 10);
            for (number, words) in words.iter().enumerate() {
                let before = if number == 0 { self.colour.paint(code, &grade) } else { " ".repeat(8) };
                self.write(format_args!("  {before} {words}"));
            }
        }
    }

    pub(super) fn title(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.write(format_args!("{}", self.colour.paint("1;36", text)));
    }

    pub(super) fn heading(&mut self, indent: usize, text: &str) {
        self.write(format_args!("{:indent$}{}", "", self.colour.paint("1", text)));
    }

    pub(super) fn write(&mut self, line: fmt::Arguments<'_>) {
        // A text takes whatever is written to it.
        let _ = writeln!(self.text, "{line}");
    }

    /// A sentence, over as many lines as it takes.
    pub(super) fn line(&mut self, indent: usize, sentence: &str) {
        for words in wrap(sentence, WIDTH - indent) {
            self.write(format_args!("{:indent$}{words}", ""));
        }
    }
}

/// A text in lines of `width` characters at the most, broken at spaces; a longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("a bb ccc", 3), ["a", "bb", "ccc"]);
        assert_eq!(wrap("longer b", 3), ["longer", "b"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
