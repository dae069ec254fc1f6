//! Answers about contexts, and faults without security: what the WCF client took and refused, and what our initiator makes
//! of the same.

use nuncio_tests::player::Direction;
use nuncio_tests::time;

use crate::bench::Verdict::{Refused, Taken};
use crate::bench::{CANCEL, ECHO, FEBRUARY_2005, ISSUE, Row, V13, judge_all, refused, row};
use crate::draft::Draft;
use crate::edits::{control, instead, unsecured_fault, unsigned_body};

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const TRUST_2005: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
const CONVERSATION_2005: &str = "http://schemas.xmlsoap.org/ws/2005/02/sc";
const CONVERSATION_13: &str = "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512";

/// What precedes the name of an edit of an RST's answer.
pub(crate) const ISSUED_2005: &str = "RST/SCT reply (2005-02): ";
pub(crate) const ISSUED_13: &str = "RST/SCT reply (1.3-bsp): ";

/// The edits of an RST's answer, without the generation before them: each was made with both.
pub(crate) const ISSUED: &[Row] = &[
    row("control", control, Taken),
    row("TokenType removed", |draft| drop(draft.remove("TokenType")), Taken),
    row("RequestedAttachedReference removed", |draft| drop(draft.remove("RequestedAttachedReference")), Taken),
    row("RequestedUnattachedReference removed", |draft| drop(draft.remove("RequestedUnattachedReference")), Taken),
    row("Lifetime removed", |draft| drop(draft.remove("Lifetime")), Taken),
    row("KeySize removed", |draft| drop(draft.remove("KeySize")), Taken),
    row(
        "Entropy removed",
        |draft| drop(draft.remove("Entropy")),
        Refused(refused!(TrustResponse("computes a key without the entropy for it"))),
    ),
    row(
        "RequestedProofToken removed",
        |draft| drop(draft.remove("RequestedProofToken")),
        Refused(refused!(TrustResponse("gives no key"))),
    ),
    row(
        "RequestedSecurityToken removed",
        |draft| drop(draft.remove("RequestedSecurityToken")),
        Refused(refused!(TrustResponse("issues no token"))),
    ),
    row(
        "SignatureConfirmation removed",
        no_confirmation,
        Refused(refused!(SignatureConfirmation("does not confirm the signatures of the request"))),
    ),
    row(
        "SignatureConfirmation not encrypted",
        |draft| draft.show("SignatureConfirmation"),
        Refused(refused!(NotEncrypted(part) if part == "SignatureConfirmation")),
    ),
    row("both references and Lifetime, KeySize, TokenType removed", next_to_nothing, Taken),
    row("Lifetime already expired", expired, Refused(refused!(TrustResponse("issues a context that has expired")))),
    row(
        "unknown extra element in RSTR",
        |draft| draft.after("TokenType", "<x:Extra xmlns:x=\"urn:x\">1</x:Extra>"),
        Taken,
    ),
    row("Context attribute on RSTR", context_attribute, Taken),
    row(
        "RequestedProofToken carries BinarySecret (server-chosen key) instead of ComputedKey; Entropy removed",
        key_given,
        Refused(refused!(TrustResponse("gives a key where entropy was sent"))),
    ),
    row("Action ends with IssueFinal", |draft| action(draft, "/RSTRC/IssueFinal"), Refused(refused!(Action { .. }))),
    row("Action RSTRC/SCT", |draft| action(draft, "/RSTRC/SCT"), Refused(refused!(Action { .. }))),
    row("bare RSTR / RSTRC swapped", collection_swapped, Refused(refused!(TrustResponse(_)))),
    row(
        "SecurityContextToken without wsu:Id, attached reference removed",
        token_without_id,
        Refused(refused!(TrustResponse("issues a token without an id"))),
    ),
    row(
        "KeySize 128",
        |draft| draft.set("KeySize", "128"),
        Refused(refused!(TrustResponse("gives a key of another size than the suite's"))),
    ),
];

fn no_confirmation(draft: &mut Draft<'_>) {
    draft.show("SignatureConfirmation");
    draft.unsign("SignatureConfirmation");
    draft.remove("SignatureConfirmation");
}

fn next_to_nothing(draft: &mut Draft<'_>) {
    for name in ["RequestedAttachedReference", "RequestedUnattachedReference", "Lifetime", "KeySize", "TokenType"] {
        draft.remove(name);
    }
}

fn expired(draft: &mut Draft<'_>) {
    let lifetime = draft.element("Lifetime");
    let instant = |minutes: i64| time::format_utc(draft.at + minutes * 60_000);
    let (created, expires) = (instant(-120), instant(-60));
    let mut inside = draft.text[lifetime.clone()].to_owned();
    for (name, value) in [("Created", created), ("Expires", expires)] {
        let (start, end) = (inside.find(&format!("{name}>")).unwrap(), inside.find(&format!("</u:{name}>")).unwrap());
        inside.replace_range(start + name.len() + 1..end, &value);
    }
    draft.text.replace_range(lifetime, &inside);
}

fn context_attribute(draft: &mut Draft<'_>) {
    let element = &draft.text[draft.element("RequestSecurityTokenResponse")];
    let name = element[..element.find([' ', '>']).unwrap()].to_owned();
    let at = draft.element("RequestSecurityTokenResponse").start + name.len();
    draft.text.insert_str(at, " Context=\"uuid-1\"");
}

fn key_given(draft: &mut Draft<'_>) {
    let entropy = draft.remove("Entropy");
    let start = entropy.find('>').unwrap() + 1;
    let secret = entropy[start..entropy.rfind("</").unwrap()].to_owned();
    draft.set("RequestedProofToken", &secret);
}

fn action(draft: &mut Draft<'_>, suffix: &str) {
    let range = draft.element("Action");
    let element = draft.text[range.clone()].to_owned();
    assert!(element.contains("/RSTR/SCT<"), "{element}");
    draft.text.replace_range(range, &element.replace("/RSTR/SCT<", &format!("{suffix}<")));
}

fn collection_swapped(draft: &mut Draft<'_>) {
    if draft.text.contains(":RequestSecurityTokenResponseCollection ") {
        let inner = draft.text[draft.element("RequestSecurityTokenResponse")].to_owned();
        let range = draft.element("RequestSecurityTokenResponseCollection");
        let start = draft.text[range.clone()].split(" xmlns:").nth(1).unwrap().split('>').next().unwrap().to_owned();
        let inner =
            inner.replacen("RequestSecurityTokenResponse", &format!("RequestSecurityTokenResponse xmlns:{start}"), 1);
        draft.text.replace_range(range, &inner);
    } else {
        let range = draft.element("RequestSecurityTokenResponse");
        let inner = draft.text[range.clone()].to_owned();
        let name = "t:RequestSecurityTokenResponseCollection";
        draft.text.replace_range(range, &format!("<{name} xmlns:t=\"{TRUST_2005}\">{inner}</{name}>"));
    }
}

fn token_without_id(draft: &mut Draft<'_>) {
    draft.remove("RequestedAttachedReference");
    let id = draft.id("SecurityContextToken");
    draft.replace(&format!(" u:Id=\"{id}\""), "");
}

/// Answers to a Cancel.
pub(crate) const CANCELLED: &[Row] = &[
    row(
        "Cancel reply replaced by HTTP 202 Accepted, empty body",
        |draft| instead(draft, "202 Accepted", "", ""),
        Refused(refused!(Envelope(_))),
    ),
    row(
        "Cancel reply replaced by HTTP 200 OK, empty body",
        |draft| instead(draft, "200 OK", "application/soap+xml; charset=utf-8", ""),
        Refused(refused!(Unreadable(_))),
    ),
    row(
        "Cancel reply replaced by HTTP 500 Internal Server Error, unsecured fault",
        |draft| unsecured_fault(draft, "500 Internal Server Error", "Sender", None),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row("Cancel reply: control", control, Taken),
    row(
        "Cancel reply: RequestedTokenCancelled removed",
        |draft| drop(draft.remove("RequestedTokenCancelled")),
        Refused(refused!(TrustResponse("cancels nothing"))),
    ),
    row("Cancel reply: Body not signed", unsigned_body, Refused(refused!(NotSigned(part) if part == "Body"))),
];

const FAILED: &str = "500 Internal Server Error";

/// Faults without security in place of a call's answer. None is believed, whatever it says: WCF lets the application see
/// the reason of some, and so can who asks ours.
pub(crate) const UNSECURED: &[Row] = &[
    row(
        "unsecured fault s:Sender / wsse:InvalidSecurity, no RelatesTo, HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some((WSSE, "InvalidSecurity"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured fault s:Sender / wsse:InvalidSecurity, HTTP 200",
        |draft| unsecured_fault(draft, "200 OK", "Sender", Some((WSSE, "InvalidSecurity"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured fault s:Sender / wsc:BadContextToken (2005/02/sc), HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some((CONVERSATION_2005, "BadContextToken"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured fault s:Sender / wsc:BadContextToken of the other (200512) namespace, HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some((CONVERSATION_13, "BadContextToken"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured fault s:Sender / wst:RequestFailed (2005/02/trust), HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some((TRUST_2005, "RequestFailed"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured fault s:Receiver / wsse:InvalidSecurity, HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Receiver", Some((WSSE, "InvalidSecurity"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured fault s:Sender / own subcode namespace, HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some(("urn:own", "Own"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
];

/// The same in place of an RST's answer.
pub(crate) const UNSECURED_ISSUE: &[Row] = &[
    row(
        "in place of the RST/SCT reply: unsecured fault s:Sender / wsse:InvalidSecurity, no RelatesTo, HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some((WSSE, "InvalidSecurity"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "in place of the RST/SCT reply: unsecured fault s:Sender / wst:RequestFailed (2005/02/trust), HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Sender", Some((TRUST_2005, "RequestFailed"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "in place of the RST/SCT reply: unsecured fault s:Receiver / wsse:InvalidSecurity, HTTP 500",
        |draft| unsecured_fault(draft, FAILED, "Receiver", Some((WSSE, "InvalidSecurity"))),
        Refused(refused!(UnsecuredFault(_))),
    ),
];

#[test]
fn contexts_that_are_issued() {
    judge_all(FEBRUARY_2005, ISSUE, Direction::Response, ISSUED);
    judge_all(V13, ISSUE, Direction::Response, ISSUED);
}

#[test]
fn contexts_that_are_cancelled() {
    judge_all(FEBRUARY_2005, CANCEL, Direction::Response, CANCELLED);
    judge_all(V13, CANCEL, Direction::Response, CANCELLED);
}

#[test]
fn faults_without_security() {
    judge_all(FEBRUARY_2005, ECHO, Direction::Response, UNSECURED);
    judge_all(V13, ECHO, Direction::Response, UNSECURED);
    judge_all(FEBRUARY_2005, ISSUE, Direction::Response, UNSECURED_ISSUE);
    judge_all(V13, ISSUE, Direction::Response, UNSECURED_ISSUE);
}
