//! A report for people at a terminal.

use nuncio_policy::explain::Grade;

use super::report::{CertificateReport, PolicyReport, Report, SectionReport};
use crate::command::colour::Colour;
use crate::command::page::Page;

impl Page {
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
        self.findings(&report.findings, Grade::Note);
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
        self.findings(&report.findings, Grade::Warning);
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
}

/// A policy alone.
pub(super) fn policy(colour: Colour, policy: &PolicyReport, report: &Report) -> String {
    let mut page = Page::new(colour);
    page.policy(policy);
    page.findings(&report.findings, Grade::Note);
    page.text
}
