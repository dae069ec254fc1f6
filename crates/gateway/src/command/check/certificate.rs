//! Certificates, told and judged.

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::RSA_BITS;
use nuncio_crypto::portrait::{Portrait, is_for};
use nuncio_policy::explain::Grade;
use nuncio_wss::Time;

use super::report::{CertificateReport, Findings};

/// From when on it is told that a certificate expires.
const SOON: i64 = 30;
/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// What a certificate is for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Role {
    /// A listener shows it.
    Tls,
    /// The service signs with it, and is encrypted to.
    Service {
        /// Whether a policy has it sign.
        signs: bool,
        /// Whether a policy has clients encrypt to it.
        opens: bool,
    },
    /// Clients encrypt to it, and nothing else.
    Encryption,
    /// Clients' are checked against it.
    Trust,
    /// A backend's is checked against it.
    Backend,
    /// A protected service is called as its holder.
    Client,
    /// One above another in a file: told and judged as one that issues.
    Above,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Tls | Self::Above => "tls",
            Self::Service { .. } => "service",
            Self::Encryption => "encryption",
            Self::Trust => "trust",
            Self::Backend => "backend",
            Self::Client => "client",
        }
    }
}

/// An instant, to the second.
pub(in crate::command) fn instant(time: Time) -> String {
    time.to_string().get(..19).map_or_else(|| time.to_string(), |seconds| format!("{seconds}Z"))
}

/// Tells a certificate, and finds what is wrong with it. `about` is who has it.
pub(super) fn look(
    certificate: &Certificate,
    role: Role,
    now: Time,
    about: &str,
    findings: &mut Findings,
) -> CertificateReport {
    let portrait = Portrait::of(certificate);
    let report = tell(certificate, &portrait, role, now);
    let mut find = |grade, text: String| {
        let subject = certificate.subject();
        let whose = if role == Role::Trust { "the trusted certificate" } else { "the certificate" };
        findings.add(grade, about, format!("{whose} {subject:?} {text}"));
    };
    let seconds = now.seconds();
    if seconds > certificate.not_after() {
        find(Grade::Danger, format!("expired on {}", day(&report.not_after)));
    } else if seconds < certificate.not_before() {
        find(Grade::Danger, format!("is not valid before {}", day(&report.not_before)));
    } else if report.days_left < SOON {
        find(Grade::Warning, format!("expires on {}, in {} days", day(&report.not_after), report.days_left));
    }
    match (certificate.public_key().rsa_bits(), certificate.public_key().curve()) {
        (Some(bits), _) if !RSA_BITS.contains(&bits) => {
            find(
                Grade::Danger,
                format!("has an RSA key of {bits} bits: those of {} to {} are sound", RSA_BITS.start(), RSA_BITS.end()),
            );
        }
        (None, None) => find(Grade::Warning, "has a key that is neither RSA nor on a known curve".to_owned()),
        _ => {}
    }
    if let Some(digest) = portrait.signature.weak {
        // Nobody asks for the signature of a certificate that is trusted for itself.
        let grade = if portrait.self_signed { Grade::Note } else { Grade::Warning };
        find(grade, format!("is signed over {digest}, for which collisions are found"));
    }
    let (signs, opens) = match role {
        Role::Tls | Role::Client => (true, false),
        Role::Service { signs, opens } => (signs, opens),
        Role::Encryption => (false, true),
        // An authority signs certificates, which is another usage.
        Role::Trust => (!certificate.is_authority(), false),
        Role::Backend | Role::Above => (false, false),
    };
    if signs && !certificate.may_sign() {
        find(Grade::Warning, "has a key usage without digitalSignature: who looks at it takes no signature".to_owned());
    }
    if opens && !certificate.may_encipher_keys() {
        find(
            Grade::Warning,
            "has a key usage without keyEncipherment: who looks at it encrypts nothing to it".to_owned(),
        );
    }
    if role == Role::Tls && !portrait.for_servers {
        find(Grade::Warning, "has an extended key usage without serverAuth: clients refuse it".to_owned());
    }
    let named = matches!(role, Role::Service { .. } | Role::Encryption | Role::Trust | Role::Client);
    if named && !certificate.is_authority() && certificate.subject_key_identifier().is_none() {
        find(Grade::Note, "has no subject key identifier: messages cannot name it by one".to_owned());
    }
    if role == Role::Tls && portrait.self_signed {
        find(Grade::Note, "is signed with its own key: each client must be given it".to_owned());
    }
    report
}

/// The certificates of a listener, its own first; `hosts` is where clients look for it.
pub(super) fn look_at_chain(
    chain: &[Certificate],
    hosts: &[(String, Grade)],
    now: Time,
    about: &str,
    findings: &mut Findings,
) -> Vec<CertificateReport> {
    let mut reports = Vec::new();
    for (number, certificate) in chain.iter().enumerate() {
        let role = if number == 0 { Role::Tls } else { Role::Above };
        reports.push(look(certificate, role, now, about, findings));
        if let Some(above) = chain.get(number + 1)
            && certificate.issuer() != above.subject()
        {
            let (below, above) = (certificate.subject(), above.subject());
            findings.add(Grade::Warning, about, format!("the certificate {below:?} is not issued by {above:?}, which follows it in its file: clients may find no way to their roots"));
        }
    }
    if let Some(own) = chain.first() {
        for (host, grade) in hosts.iter().filter(|(host, _)| !is_for(own, host)) {
            let subject = own.subject();
            findings.add(
                *grade,
                about,
                format!("the certificate {subject:?} is not for {host}: clients that look for it there refuse it"),
            );
        }
    }
    reports
}

fn tell(certificate: &Certificate, portrait: &Portrait, role: Role, now: Time) -> CertificateReport {
    let hex = |octets: &[u8]| octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02X}"));
    let at = |seconds: i64| instant(Time::from_millis(seconds.saturating_mul(1000)));
    CertificateReport {
        role: role.name(),
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
        not_before: at(certificate.not_before()),
        not_after: at(certificate.not_after()),
        days_left: certificate.not_after().saturating_sub(now.seconds()).div_euclid(DAY),
        key: portrait.key.clone(),
        signature: portrait.signature.algorithm.clone(),
        hosts: portrait.hosts.clone(),
        authority: certificate.is_authority(),
        thumbprint: hex(&certificate.thumbprint()),
        subject_key_identifier: certificate.subject_key_identifier().map(hex),
    }
}

/// The day of an instant.
fn day(instant: &str) -> &str {
    instant.get(..10).unwrap_or(instant)
}
