//! What is told of a message: for people by `text.rs`, for programs as JSON, whose members these are. No secret is among it.

use serde::Serialize;

use crate::command::findings::Finding;

/// All of it.
#[derive(Serialize)]
pub(super) struct Report {
    /// `read` where there is no policy to hold it to; `taken`, of an answer where a client would believe it; `refused`;
    /// `undecided` where something would have to be known; `unreadable`.
    pub(super) outcome: &'static str,
    /// The instant that it is told for.
    pub(super) at: String,
    /// What it is and what becomes of it, in a few sentences.
    pub(super) says: Vec<String>,
    pub(super) capture: CaptureReport,
    /// What is in it; none where it cannot be read.
    pub(super) message: Option<MessageReport>,
    /// The request that it answers, where that is given.
    pub(super) request: Option<RequestReport>,
    /// What a policy makes of it, where there is one.
    pub(super) policy: Option<PolicyVerdict>,
    /// Why it is refused, or is not decided.
    pub(super) refusal: Option<RefusalReport>,
    /// What is wrong or weak, the worst first.
    pub(super) findings: Vec<Finding>,
}

#[derive(Serialize)]
pub(super) struct CaptureReport {
    /// `envelope`, or `http`.
    pub(super) form: &'static str,
    pub(super) start_line: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) soap_action: Option<String>,
    /// Of the body.
    pub(super) octets: usize,
}

/// The request that an answer is to.
#[derive(Serialize)]
pub(super) struct RequestReport {
    /// As of a message.
    pub(super) kind: &'static str,
    pub(super) action: Option<String>,
    pub(super) message_id: Option<String>,
    /// When it says that it was made.
    pub(super) created: Option<String>,
}

#[derive(Serialize)]
pub(super) struct MessageReport {
    /// `1.1` or `1.2`.
    pub(super) soap: &'static str,
    /// `request` or `answer`.
    pub(super) direction: &'static str,
    /// `application`, `fault`, `issue`, `renew`, `cancel`, `issued`, `renewed`, `cancelled`, `token-request`,
    /// `token-response`, `sequence`, `empty`, or `sealed` where it cannot be seen.
    pub(super) kind: &'static str,
    /// That of WS-Addressing, or else the one that HTTP names.
    pub(super) action: Option<String>,
    pub(super) addressing: AddressingReport,
    /// When its timestamp, or else its user name, says it was made.
    pub(super) created: Option<String>,
    pub(super) expires: Option<String>,
    /// How long before `at` it was made; negative where that is later.
    pub(super) age_seconds: Option<i64>,
    /// The first element in its body; none where that cannot be seen.
    pub(super) payload: Option<String>,
    pub(super) body_signed: bool,
    pub(super) body_encrypted: bool,
    pub(super) fault: Option<FaultReport>,
    pub(super) trust: Option<TrustReport>,
    pub(super) tokens: Vec<TokenReport>,
    pub(super) signatures: Vec<SignatureReport>,
    pub(super) encrypted: Vec<EncryptedReport>,
    /// The suites of WS-SecurityPolicy that have all of its algorithms.
    pub(super) suites: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct AddressingReport {
    /// `1.0`, `2004/08`, or none.
    pub(super) version: Option<&'static str>,
    pub(super) action: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) relates_to: Option<String>,
    pub(super) to: Option<String>,
    pub(super) reply_to: Option<String>,
    pub(super) fault_to: Option<String>,
}

#[derive(Serialize)]
pub(super) struct FaultReport {
    pub(super) code: Option<String>,
    pub(super) subcode: Option<String>,
    pub(super) reason: String,
    pub(super) detail: Option<String>,
    /// What peers mean by it.
    pub(super) means: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct TrustReport {
    /// The namespace of WS-Trust.
    pub(super) generation: &'static str,
    pub(super) request: Option<String>,
    pub(super) token_type: Option<String>,
    pub(super) key_bits: Option<String>,
    pub(super) created: Option<String>,
    pub(super) expires: Option<String>,
    /// The security context that it is about, or grants.
    pub(super) context: Option<String>,
    pub(super) instance: Option<String>,
}

#[derive(Serialize)]
pub(super) struct TokenReport {
    /// `certificate`, `username`, `context`, `encrypted-key`, `derived-key` or `other`.
    pub(super) kind: &'static str,
    pub(super) id: Option<String>,
    /// Whole sentences.
    pub(super) says: Vec<String>,
    pub(super) problem: Option<String>,
}

#[derive(Serialize)]
pub(super) struct SignatureReport {
    /// From one, in the order in which they stand.
    pub(super) number: usize,
    pub(super) algorithm: String,
    pub(super) digests: Vec<&'static str>,
    /// `exclusive` or `inclusive`.
    pub(super) canonicalisation: &'static str,
    pub(super) key: String,
    pub(super) covers: Vec<CoverReport>,
    /// The numbers of the signatures that it endorses.
    pub(super) endorses: Vec<usize>,
    /// Whether it was made with its key: `good`, `bad`, or `untried` where the key is not at hand.
    pub(super) value: &'static str,
    pub(super) encrypted: bool,
    pub(super) problem: Option<String>,
}

#[derive(Serialize)]
pub(super) struct CoverReport {
    pub(super) part: String,
    /// Whether it is as it was signed: `good`, `bad`, or `untried` where it is encrypted.
    pub(super) digest: &'static str,
}

#[derive(Serialize)]
pub(super) struct EncryptedReport {
    pub(super) part: String,
    pub(super) algorithm: String,
    pub(super) key: String,
    /// `good`, `bad`, or `untried` where the key is not at hand.
    pub(super) opened: &'static str,
    /// The elements that came out.
    pub(super) reveals: Vec<String>,
    pub(super) problem: Option<String>,
}

#[derive(Serialize)]
pub(super) struct PolicyVerdict {
    /// The route, the port, the preset or the file.
    pub(super) name: String,
    /// Who the gateway is in it: `ingress` where it is the service, `egress` where it is the client; none where no route is
    /// named.
    pub(super) side: Option<&'static str>,
    /// Whether it is a message of the plain side of an egress route.
    pub(super) plain: bool,
    /// What is taken for granted, in whole sentences.
    pub(super) assumed: Vec<String>,
    /// Who sent it, where that was proved.
    pub(super) principal: Option<String>,
    /// Each alternative of the policy.
    pub(super) alternatives: Vec<AlternativeReport>,
}

#[derive(Serialize)]
pub(super) struct AlternativeReport {
    /// From one.
    pub(super) number: usize,
    /// `taken`, `refused`, `undecided`, or `not-served`.
    pub(super) outcome: &'static str,
    pub(super) reason: Option<String>,
}

/// A refusal with advice.
#[derive(Serialize)]
pub(super) struct RefusalReport {
    /// As the gateway's log has it.
    pub(super) reason: String,
    pub(super) means: String,
    /// What to change at the client.
    pub(super) client: Option<String>,
    /// What to change at the service, of an answer.
    pub(super) service: Option<String>,
    /// What to change in the route.
    pub(super) route: Option<String>,
}
