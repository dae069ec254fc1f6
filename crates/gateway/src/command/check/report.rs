//! What is told of a configuration: for people by `text.rs`, for programs as JSON, whose members these are.

use nuncio_policy::explain::{Explanation, Grade};
use nuncio_policy::model::SoapVersion;
use serde::Serialize;

pub(super) use crate::command::findings::{Finding, Findings};

/// All of it.
#[derive(Serialize)]
pub(super) struct Report {
    /// `fine`, `weak` where there is a finding that is more than a note, or `refused`.
    pub(super) outcome: &'static str,
    /// The instant that it is told for.
    pub(super) at: String,
    /// Why it cannot be served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) listeners: Vec<ListenerReport>,
    pub(super) admin: Option<String>,
    pub(super) routes: Vec<RouteReport>,
    /// What is weak, the worst first.
    pub(super) findings: Vec<Finding>,
}

#[derive(Serialize)]
pub(super) struct ListenerReport {
    pub(super) address: String,
    /// Whole sentences.
    pub(super) says: Vec<String>,
    pub(super) certificates: Vec<CertificateReport>,
}

#[derive(Serialize)]
pub(super) struct RouteReport {
    /// `ingress`, or `egress` where plain programs call a protected service.
    pub(super) side: &'static str,
    /// Its hosts and its path, as the log and the metrics have it.
    pub(super) name: String,
    pub(super) path: String,
    pub(super) policy: PolicyReport,
    /// What the gateway itself makes of it, each section about one thing.
    pub(super) sections: Vec<SectionReport>,
    pub(super) certificates: Vec<CertificateReport>,
}

#[derive(Serialize)]
pub(super) struct PolicyReport {
    /// The port, the preset or the file.
    pub(super) name: String,
    /// The versions of SOAP.
    pub(super) soap: Vec<&'static str>,
    /// Whether it is known when the service is asked for it, and not before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) published: bool,
    /// Each way in which a message may satisfy it; none where it demands nothing, or is not known yet.
    pub(super) alternatives: Vec<Vec<SectionReport>>,
}

#[derive(Serialize)]
pub(super) struct SectionReport {
    pub(super) heading: String,
    /// Whole sentences.
    pub(super) says: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct CertificateReport {
    /// `tls`, `service`, `encryption`, `trust`, `client` or `backend`.
    pub(super) role: &'static str,
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    /// Whole days until it expires; negative from when it has.
    pub(super) days_left: i64,
    pub(super) key: String,
    pub(super) signature: String,
    pub(super) hosts: Vec<String>,
    pub(super) authority: bool,
    /// SHA-1, in hexadecimal.
    pub(super) thumbprint: String,
    pub(super) subject_key_identifier: Option<String>,
}

impl Report {
    /// One that cannot be served.
    pub(super) fn refused(at: String, reason: String) -> Self {
        Self {
            outcome: "refused",
            at,
            reason: Some(reason),
            listeners: Vec::new(),
            admin: None,
            routes: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// How many of its findings are more than notes.
    pub(super) fn weak(&self) -> usize {
        self.findings.iter().filter(|finding| finding.grade > Grade::Note).count()
    }
}

impl PolicyReport {
    /// A policy with the explanations of its alternatives, whose weaknesses are `about` something.
    pub(super) fn new(
        name: &str,
        soap: &[SoapVersion],
        explained: &[Explanation],
        about: &str,
        findings: &mut Findings,
    ) -> Self {
        for (number, explanation) in explained.iter().enumerate() {
            let place =
                if explained.len() > 1 { format!("{about}, alternative {}", number + 1) } else { about.to_owned() };
            for warning in &explanation.warnings {
                let bootstrap = if warning.bootstrap { "where conversations begin: " } else { "" };
                findings.add(warning.grade(), &place, format!("{bootstrap}{}", warning.weakness));
            }
        }
        let sections = |explanation: &Explanation| {
            let section = |section: &nuncio_policy::explain::Section| SectionReport {
                heading: section.heading.to_owned(),
                says: section.sentences.clone(),
            };
            explanation.sections.iter().map(section).collect()
        };
        let soap = soap.iter().map(|version| version.number());
        let alternatives = explained.iter().map(sections).collect();
        Self { name: name.to_owned(), soap: soap.collect(), published: false, alternatives }
    }

    /// One that its service publishes there.
    pub(super) fn published(url: &str) -> Self {
        Self { name: url.to_owned(), soap: Vec::new(), published: true, alternatives: Vec::new() }
    }
}
