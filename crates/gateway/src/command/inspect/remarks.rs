//! What is wrong or weak in a message, whatever a policy makes of it.

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport};
use nuncio_policy::explain::Grade;
use nuncio_wss::Time;
use nuncio_wss::portrait::{KeyMethod, Kind, Part, Portrait, Proof, Shape};

use crate::command::findings::Findings;

/// Finds it. `now` is when certificates are judged, where nothing says when it was made; `tls` whether TLS is known to have
/// protected it.
pub(super) fn remark(portrait: &Portrait, answer: bool, now: Time, findings: &mut Findings) {
    unsound(portrait, findings);
    malformed(portrait, findings);
    if portrait.securities == 0 {
        let text = if portrait.kind == Kind::Fault {
            "nothing protects the fault: what it says is nobody's word. Services answer so where they did not take a request"
        } else {
            "it has no security header: whoever is between reads it and can change it, unless TLS protects it"
        };
        findings.add(if portrait.kind == Kind::Fault { Grade::Note } else { Grade::Warning }, "message", text);
    } else {
        unprotected(portrait, answer, findings);
    }
    algorithms(portrait, findings);
    let at = portrait.created().unwrap_or(now);
    for token in &portrait.tokens {
        let Shape::Certificate { certificate: Some(certificate), .. } = &token.shape else { continue };
        let subject = certificate.subject();
        if !certificate.valid_at(at.seconds()) {
            findings.add(Grade::Warning, "token", format!("the certificate of {subject} was out of its time at {at}"));
        }
    }
}

/// What is not as it was signed or encrypted.
fn unsound(portrait: &Portrait, findings: &mut Findings) {
    for signature in &portrait.signatures {
        let about = format!("signature {}", signature.number);
        for signed in &signature.covers {
            if let Proof::Bad(_) = &signed.digest {
                let part = &signed.part;
                let text = match part {
                    Part::Nothing(_) => format!("it covers {part}"),
                    _ => format!("{part} is not as it was signed: it digests to another value"),
                };
                findings.add(Grade::Danger, &about, text);
            }
        }
        if let (Proof::Bad(why), None) = (&signature.value, &signature.problem) {
            findings.add(Grade::Danger, &about, format!("it was not made with {}: {why}", signature.key.words));
        }
        if let Some(problem) = &signature.problem {
            findings.add(Grade::Danger, &about, format!("it cannot be read: {problem}"));
        }
    }
    for hidden in &portrait.hidden {
        if let Proof::Bad(why) = &hidden.proof {
            findings.add(Grade::Danger, "encryption", format!("{} does not open: {why}", hidden.part));
        }
        if !hidden.listed {
            let text = format!(
                "{} is encrypted, and no list names it: who reads the message does not look for it",
                hidden.part
            );
            findings.add(Grade::Warning, "encryption", text);
        }
    }
}

/// What is not in the form that specifications have.
fn malformed(portrait: &Portrait, findings: &mut Findings) {
    if portrait.securities > 1 {
        let text = format!("{} security headers are there: two for one reader are refused", portrait.securities);
        findings.add(Grade::Warning, "header", text);
    }
    for name in &portrait.addressing.repeated {
        findings.add(Grade::Danger, "header", format!("the header {name} is there more than once"));
    }
    for named in &portrait.strange {
        let text = format!(
            "its child {} (of {}) is not known here: a message with it is refused",
            named.local, named.namespace
        );
        findings.add(Grade::Warning, "security header", text);
    }
    if portrait.timestamps.len() > 1 {
        findings.add(Grade::Danger, "security header", "it has more than one timestamp");
    }
    for problem in portrait.timestamps.iter().filter_map(|stamp| stamp.problem.as_ref()) {
        findings.add(Grade::Danger, "timestamp", problem.clone());
    }
    for token in &portrait.tokens {
        if let Some(problem) = &token.problem {
            findings.add(Grade::Danger, "token", problem.clone());
        }
    }
}

/// What travels in clear, and what anybody can change.
fn unprotected(portrait: &Portrait, answer: bool, findings: &mut Findings) {
    // Where nothing is hidden and no signature is over the body, the protection is TLS's.
    let over_tls = portrait.hidden.is_empty() && !portrait.body.signed;
    let grade = if over_tls { Grade::Note } else { Grade::Warning };
    let sealed = portrait.hidden.iter().any(|hidden| hidden.part == Part::HiddenChild && hidden.proof != Proof::Good);
    let unseen = sealed && portrait.signatures.is_empty();
    let can_be_seen = if over_tls { "; TLS must do it" } else { "" };
    if unseen {
        findings.add(
            Grade::Note,
            "message",
            "what is signed cannot be seen: the signature is encrypted, and its key is not given",
        );
    } else {
        if !portrait.body.signed {
            findings.add(grade, "body", format!("it is not signed: whoever is between can change it{can_be_seen}"));
        }
        for block in portrait.blocks.iter().filter(|block| !block.signed) {
            let name = &block.name.local;
            if block.is_addressing() && matches!(name.as_str(), "Action" | "To" | "MessageID" | "RelatesTo" | "ReplyTo")
            {
                findings.add(grade, "header", format!("{name} is not signed{can_be_seen}"));
            } else if block.must_be_understood && !over_tls {
                findings.add(grade, "header", format!("{name} must be understood, and is not signed"));
            }
        }
        if portrait.timestamps.iter().any(|stamp| !stamp.signed) {
            findings.add(
                grade,
                "timestamp",
                format!("it is not signed: an old message can be made young{can_be_seen}"),
            );
        }
    }
    if !portrait.body.encrypted && portrait.body.payload.is_some() {
        let expected = matches!(portrait.kind, Kind::Cancel | Kind::Cancelled | Kind::Sequence);
        let grade = if expected { Grade::Note } else { grade };
        findings.add(grade, "body", format!("it is not encrypted: whoever is between reads it{can_be_seen}"));
    }
    if portrait.timestamps.is_empty() && !answer {
        findings.add(Grade::Note, "security header", "it has no timestamp: nothing makes the message too old");
    }
    for token in &portrait.tokens {
        if let Shape::Username { password: "a password in clear", .. } = &token.shape {
            let came_out = portrait
                .hidden
                .iter()
                .any(|hidden| matches!(&hidden.part, Part::Token(name) if name == "user name token"));
            let text = if came_out {
                "it has a password, which came encrypted"
            } else {
                "it has a password in clear: who has the capture has the password"
            };
            findings.add(if came_out { Grade::Note } else { Grade::Warning }, "token", text);
        }
    }
}

fn algorithms(portrait: &Portrait, findings: &mut Findings) {
    if portrait.uses_algorithms && portrait.suites.is_empty() {
        let text = "no suite of WS-SecurityPolicy has all of its algorithms: no policy that names a suite takes it";
        findings.add(Grade::Warning, "algorithms", text);
    }
    if portrait.signatures.iter().any(|signature| signature.digests.contains(&DigestAlgorithm::Sha1)) {
        let text =
            "SHA-1 digests what is signed: collisions are found for it, and under a secret key they do not matter yet";
        findings.add(Grade::Note, "algorithms", text);
    }
    let ciphers = || portrait.hidden.iter().filter_map(|hidden| hidden.cipher);
    if ciphers().any(|cipher| cipher == CipherAlgorithm::TripleDesCbc) {
        findings.add(Grade::Warning, "algorithms", "Triple DES encrypts: its blocks are short, and it is slow");
    }
    if ciphers().any(|cipher| cipher.tag_size().is_none()) {
        let text = "a mode encrypts that protects nothing against change (CBC): it counts on the signature";
        findings.add(Grade::Note, "algorithms", text);
    }
    let is_15 = |method: &KeyMethod| *method == KeyMethod::Transport(KeyTransport::Rsa15);
    let wraps = portrait.tokens.iter().filter_map(|token| match &token.shape {
        Shape::EncryptedKey { method, .. } => method.as_ref(),
        _ => None,
    });
    if wraps.into_iter().any(is_15) {
        findings.add(
            Grade::Warning,
            "algorithms",
            "RSA of PKCS #1 1.5 encrypts a key: what opens it tells attackers much",
        );
    }
}
