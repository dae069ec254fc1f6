//! A report for people at a terminal.

use std::fmt::{self, Write};

use nuncio_policy::explain::Grade;

use super::report::{CertificateReport, Finding, PolicyReport, Report, SectionReport};
use crate::command::colour::Colour;

/// Columns of a line, where its words let it.
const WIDTH: usize = 100;

/// Writes for people.
pub(super) struct Page {
    colour: Colour,
    text: String,
}

impl Page {
    pub(super) fn new(colour: Colour) -> Self {
        Self { colour, text: String::new() }
    }

    /// All of a report, as one text.
    pub(super) fn report(mut self, report: &Report) -> String {
        for listener in &report.listeners {
            self.title(&format!("Listener {}", listener.address));
            for sentence in &listener.says {
                self.line(2, sentence);
            }
            self.certificates(&listener.certificates);
        }
        if let Some(admin) = &report.admin {
            self.title(&format!("Admin listener {admin}"));
            self.line(2, "It answers /healthz, /readyz and /metrics, to whoever reaches it.");
        }
        for route in &report.routes {
            let side = if route.side == "egress" { "Egress route" } else { "Route" };
            self.title(&format!("{side} {}", route.name));
            self.policy(&route.policy);
            self.sections(2, &route.sections);
            self.certificates(&route.certificates);
        }
        self.findings(report, Grade::Note);
        let weak = match report.weak() {
            0 => "It can be served.".to_owned(),
            1 => "It can be served; one of its choices is weak.".to_owned(),
            weak => format!("It can be served; {weak} of its choices are weak."),
        };
        self.write(format_args!("\n{weak}"));
        self.text
    }

    /// What is weak alone.
    pub(super) fn brief(mut self, report: &Report) -> String {
        self.findings(report, Grade::Warning);
        self.text
    }

    fn policy(&mut self, policy: &PolicyReport) {
        if policy.published {
            self.heading(2, &format!("Policy of {}", policy.name));
            self.line(4, "It is what the service publishes there when it is asked.");
            return;
        }
        let soap = policy.soap.join(" and ");
        self.heading(2, &format!("Policy {}, SOAP {soap}", policy.name));
        if policy.alternatives.is_empty() {
            self.line(4, "It demands nothing, and protects nothing.");
        }
        for (number, sections) in policy.alternatives.iter().enumerate() {
            if policy.alternatives.len() > 1 {
                self.heading(4, &format!("Alternative {}", number + 1));
                self.sections(6, sections);
            } else {
                self.sections(4, sections);
            }
        }
    }

    fn sections(&mut self, indent: usize, sections: &[SectionReport]) {
        for SectionReport { heading, says } in sections {
            self.heading(indent, heading);
            for sentence in says {
                self.line(indent + 2, sentence);
            }
        }
    }

    fn certificates(&mut self, certificates: &[CertificateReport]) {
        for certificate in certificates {
            let role = match certificate.role {
                "tls" => "TLS",
                other => other,
            };
            self.heading(2, &format!("Certificate ({role}) {}", certificate.subject));
            let issuer = if certificate.issuer == certificate.subject { "itself" } else { &certificate.issuer };
            self.line(4, &format!("Issued by {issuer}; {}, signed by {}.", certificate.key, certificate.signature));
            let (from, to) = (&certificate.not_before, &certificate.not_after);
            self.line(4, &format!("Valid from {from} to {to}."));
            if !certificate.hosts.is_empty() {
                self.line(4, &format!("For {}.", certificate.hosts.join(", ")));
            }
            self.line(4, &format!("Thumbprint {}.", certificate.thumbprint));
        }
    }

    fn findings(&mut self, report: &Report, least: Grade) {
        let told: Vec<&Finding> = report.findings.iter().filter(|finding| finding.grade >= least).collect();
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

    fn title(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.write(format_args!("{}", self.colour.paint("1;36", text)));
    }

    fn heading(&mut self, indent: usize, text: &str) {
        self.write(format_args!("{:indent$}{}", "", self.colour.paint("1", text)));
    }

    fn write(&mut self, line: fmt::Arguments<'_>) {
        // A text takes whatever is written to it.
        let _ = writeln!(self.text, "{line}");
    }

    /// A sentence, over as many lines as it takes.
    fn line(&mut self, indent: usize, sentence: &str) {
        for words in wrap(sentence, WIDTH - indent) {
            self.write(format_args!("{:indent$}{words}", ""));
        }
    }
}

/// A policy alone.
pub(super) fn policy(colour: Colour, policy: &PolicyReport, report: &Report) -> String {
    let mut page = Page::new(colour);
    page.policy(policy);
    page.findings(report, Grade::Note);
    page.text
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
