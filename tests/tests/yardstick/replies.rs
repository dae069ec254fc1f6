//! Replies of the application: what the WCF client took and refused, and what our initiator makes of the same.

use nuncio_tests::player::Direction;

use crate::bench::Verdict::{Laxer, Refused, Stricter, Taken};
use crate::bench::{ECHO, FAIL, FEBRUARY_2005, Row, V13, judge_all, refused, row};
use crate::edits::{
    a_little_in_the_future, action_of_another, aes128, blanks_between_headers, blanks_in_security, body_in_clear,
    body_not_listed, byte_order_mark, confirmation_added, content_type, control, data_without_key, derived_keys_first,
    digest_sha256, digest_wrong, far_in_the_future, inclusive_c14n, inclusive_prefixes_without_effect, instead,
    lines_of_cr_lf, lines_of_lf, list_last, no_action, no_expiry, no_list, no_milliseconds, no_relates_to,
    no_security_header, no_timestamp, relates_to_another, relates_to_digest_wrong, relationship_type,
    security_need_not_be_understood, sha256, signature_after_timestamp, signature_in_clear, signature_wrong,
    signed_from_added, signed_message_id_added, signed_to_added, stale, status, timestamp_last, two_security_headers,
    unknown_header, unknown_header_that_must_be_understood, unsecured_fault, unsigned_action, unsigned_body,
    unsigned_from_added, unsigned_message_id_added, unsigned_relates_to, unsigned_timestamp, unsigned_to_added,
    xml_declaration,
};
use crate::keys::{
    context_in_reply, encrypted_without_derivation, explicit_label, explicit_place_of_encryption_key, generation,
    nonce_of_32, one_derived_key, reference_without_type, signature_key_of_20, signature_key_of_32,
    signature_key_without_place, signed_without_derivation,
};

const SOAP: &str = "application/soap+xml";

pub(crate) const ROWS: &[Row] = &[
    row("control: response decrypted, re-signed and re-encrypted without change", control, Taken),
    row("no Timestamp in response", no_timestamp, Refused(refused!(TokenMissing("timestamp")))),
    row(
        "Timestamp present but not signed",
        unsigned_timestamp,
        Refused(refused!(NotSigned(part) if part == "Timestamp")),
    ),
    row("Timestamp expired 10 minutes ago", stale, Refused(refused!(Expired { .. }))),
    row("Timestamp created 10 minutes in the future", far_in_the_future, Refused(refused!(FromTheFuture { .. }))),
    row("Timestamp created 4 minutes in the future", a_little_in_the_future, Taken),
    row("Timestamp without Expires", no_expiry, Taken),
    row("Timestamp without milliseconds", no_milliseconds, Taken),
    row("Timestamp last in Security header (layout is Strict)", timestamp_last, Refused(refused!(Layout(_)))),
    row("Action header not signed", unsigned_action, Refused(refused!(NotSigned(part) if part == "Action"))),
    row("RelatesTo header not signed", unsigned_relates_to, Refused(refused!(NotSigned(part) if part == "RelatesTo"))),
    row("no RelatesTo header", no_relates_to, Taken),
    row(
        "RelatesTo names another message",
        relates_to_another,
        Stricter(
            refused!(Addressing { header: "RelatesTo", .. }),
            "the keys of a conversation do not tell its answers apart: another's would be taken for this one's",
        ),
    ),
    row("RelatesTo with RelationshipType attribute (reply)", relationship_type, Taken),
    row("Action names another operation", action_of_another, Refused(refused!(Action { .. }))),
    row("no Action header", no_action, Refused(refused!(Action { .. }))),
    row("unsigned To header added (anonymous)", unsigned_to_added, Refused(refused!(NotSigned(part) if part == "To"))),
    row("signed To header added (anonymous)", signed_to_added, Taken),
    row(
        "unsigned MessageID header added",
        unsigned_message_id_added,
        Refused(refused!(NotSigned(part) if part == "MessageID")),
    ),
    row("signed MessageID header added", signed_message_id_added, Taken),
    row("signed From header added", signed_from_added, Taken),
    row("unsigned From header added", unsigned_from_added, Refused(refused!(NotSigned(part) if part == "From"))),
    row("unsigned unknown header, no mustUnderstand", unknown_header, Taken),
    row(
        "unsigned unknown header with mustUnderstand=1",
        unknown_header_that_must_be_understood,
        Refused(refused!(NotUnderstood { local, .. } if local == "Extra")),
    ),
    row(
        "Signature not encrypted (policy has EncryptSignature)",
        signature_in_clear,
        Refused(refused!(NotEncrypted(part) if part == "Signature")),
    ),
    row("Body signed but not encrypted", body_in_clear, Refused(refused!(NotEncrypted(part) if part == "Body"))),
    row("Body encrypted but not signed", unsigned_body, Refused(refused!(NotSigned(part) if part == "Body"))),
    row(
        "whole Security header removed (unsecured success response)",
        no_security_header,
        Refused(refused!(TokenMissing("security header"))),
    ),
    row("no mustUnderstand on Security", security_need_not_be_understood, Taken),
    row("DerivedKeyToken with explicit Label (the default label text)", explicit_label, Taken),
    row("DerivedKeyToken for encryption with explicit Offset 0 and Length 32", explicit_place_of_encryption_key, Taken),
    row("signature DerivedKeyToken with Length 32 instead of 24", signature_key_of_32, Taken),
    row("signature DerivedKeyToken without Offset/Length (32 bytes)", signature_key_without_place, Taken),
    row(
        "signature DerivedKeyToken with Length 20",
        signature_key_of_20,
        Refused(refused!(KeyReference("signs with a shorter key than the suite's"))),
    ),
    row("DerivedKeyToken with Generation 0 instead of Offset", generation, Taken),
    row("DerivedKeyToken nonce of 32 bytes", nonce_of_32, Taken),
    row("same DerivedKeyToken used for signature and encryption", one_derived_key, Taken),
    row(
        "signature made with the SCT key itself, no derived key",
        signed_without_derivation,
        Refused(refused!(KeyReference("signs with a key that is not derived"))),
    ),
    row(
        "body and signature encrypted with the SCT key itself, no derived key",
        encrypted_without_derivation,
        Refused(refused!(KeyReference("encrypts under a key that is not derived"))),
    ),
    row(
        "SecurityContextToken included in the response, DerivedKeyToken refers to it by #id",
        context_in_reply,
        Laxer(
            "it names the conversation's own context, whose key nobody else has; WCF looks for it in a place of its own",
        ),
    ),
    row("DerivedKeyToken STR Reference without ValueType", reference_without_type, Taken),
    row("DerivedKeyTokens before Timestamp", derived_keys_first, Taken),
    row("ReferenceList after the Signature (at the end of Security)", list_last, Refused(refused!(Layout(_)))),
    row(
        "Signature before the ReferenceList and DerivedKeyTokens (first after Timestamp)",
        signature_after_timestamp,
        Refused(refused!(Layout(_))),
    ),
    row(
        "SignatureConfirmation added (client did not ask for it)",
        confirmation_added,
        Refused(refused!(SignatureConfirmation("was not asked for"))),
    ),
    row(
        "HMAC-SHA256 signature and SHA256 digests under Basic256",
        sha256,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "digest SHA256 only, under Basic256",
        digest_sha256,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "aes128-cbc body under Basic256 (key length 16)",
        aes128,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "inclusive C14N (http://www.w3.org/TR/2001/REC-xml-c14n-20010315) named as CanonicalizationMethod",
        inclusive_c14n,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "exclusive C14N with an empty-effect InclusiveNamespaces PrefixList element",
        inclusive_prefixes_without_effect,
        Taken,
    ),
    row(
        "EncryptedData without KeyInfo",
        data_without_key,
        Refused(refused!(SecurityHeader { element: "EncryptedData", .. })),
    ),
    row(
        "EncryptedData Id not listed in ReferenceList (body)",
        body_not_listed,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::DigestMismatch(_)))),
    ),
    row("no ReferenceList at all", no_list, Refused(refused!(SecurityHeader { element: "EncryptedData", .. }))),
    row(
        "two Security headers (second empty, no actor)",
        two_security_headers,
        Refused(refused!(SecurityHeader { element: "Security", .. })),
    ),
    row("XML declaration before Envelope", xml_declaration, Taken),
    row("UTF-8 BOM before Envelope", byte_order_mark, Taken),
    row("line break and blanks between header blocks (outside signed parts)", blanks_between_headers, Taken),
    row("whitespace between children of Security", blanks_in_security, Taken),
    row("line-wrapped base64 in CipherValue (76 columns, CRLF as &#xD;)", lines_of_cr_lf, Taken),
    row("line-wrapped base64 in CipherValue (LF)", lines_of_lf, Taken),
    row("HTTP status 500 with the correct reply", |draft| status(draft, "500 Internal Server Error"), Taken),
    row("HTTP status 202 with the correct reply", |draft| status(draft, "202 Accepted"), Taken),
    row(
        "HTTP Content-Type text/xml for SOAP 1.2",
        |draft| content_type(draft, "text/xml; charset=utf-8"),
        Refused(refused!(Envelope(_))),
    ),
    row("HTTP Content-Type without charset", |draft| content_type(draft, SOAP), Taken),
    row(
        "HTTP Content-Type with charset=UTF-8 and action parameter",
        |draft| {
            content_type(draft, "application/soap+xml; charset=UTF-8; action=\"urn:wcf-trace-test/Echo/EchoResponse\"");
        },
        Taken,
    ),
    row(
        "HTTP Content-Type with another action parameter",
        |draft| content_type(draft, "application/soap+xml; charset=utf-8; action=\"urn:other\""),
        Taken,
    ),
    row(
        "unsecured SOAP fault, HTTP 500, no RelatesTo",
        |draft| unsecured_fault(draft, "500 Internal Server Error", "Sender", None),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "unsecured SOAP fault, HTTP 200",
        |draft| unsecured_fault(draft, "200 OK", "Sender", None),
        Refused(refused!(UnsecuredFault(_))),
    ),
    row(
        "HTTP 500 with HTML body",
        |draft| instead(draft, "500 Internal Server Error", "text/html; charset=utf-8", "<html>oops</html>"),
        Refused(refused!(Envelope(_))),
    ),
    row("HTTP 401 without body", |draft| instead(draft, "401 Unauthorized", "", ""), Refused(refused!(Envelope(_)))),
    row(
        "DigestValue of Action wrong (signature recomputed over SignedInfo)",
        digest_wrong,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::DigestMismatch(_)))),
    ),
    row(
        "RelatesTo text changed after signing (digest mismatch)",
        relates_to_digest_wrong,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::DigestMismatch(_)))),
    ),
    row(
        "SignatureValue wrong (HMAC with another key)",
        signature_wrong,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::SignatureMismatch))),
    ),
];

/// WCF's client took these for faults too, and lost only the type of what they hold.
const UNTYPED: &str = "a fault at both: WCF lost its type, which its action gives, and our core has no types";

pub(crate) const FAULTS: &[Row] = &[
    row("secured application fault: control", control, Taken),
    row(
        "secured application fault: Action http://www.w3.org/2005/08/addressing/soap/fault",
        |draft| draft.set("Action", "http://www.w3.org/2005/08/addressing/soap/fault"),
        Taken,
    ),
    row(
        "secured application fault: Action http://www.w3.org/2005/08/addressing/fault",
        |draft| draft.set("Action", "http://www.w3.org/2005/08/addressing/fault"),
        Laxer(UNTYPED),
    ),
    row(
        "secured application fault: Action http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher/fault",
        |draft| {
            draft.set(
                "Action",
                "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher/fault",
            );
        },
        Laxer(UNTYPED),
    ),
    row(
        "secured application fault: Action of the normal reply",
        |draft| draft.set("Action", "urn:wcf-trace-test/Echo/FailResponse"),
        Laxer(UNTYPED),
    ),
    row("secured application fault: HTTP 200", |draft| status(draft, "200 OK"), Taken),
    row(
        "secured application fault: HTTP 400",
        |draft| status(draft, "400 Bad Request"),
        Laxer("the message is whole, and a status is nothing that is signed: it is for who holds the socket to judge"),
    ),
    row(
        "secured application fault: Signature not encrypted",
        signature_in_clear,
        Refused(refused!(NotEncrypted(part) if part == "Signature")),
    ),
    row(
        "secured application fault: Body not encrypted",
        body_in_clear,
        Refused(refused!(NotEncrypted(part) if part == "Body")),
    ),
];

#[test]
fn replies_of_february_2005() {
    judge_all(FEBRUARY_2005, ECHO, Direction::Response, ROWS);
}

/// The experiments were made with the other generation: nothing differs between the two here.
#[test]
fn replies_of_1_3() {
    judge_all(V13, ECHO, Direction::Response, ROWS);
}

#[test]
fn faults() {
    judge_all(FEBRUARY_2005, FAIL, Direction::Response, FAULTS);
    judge_all(V13, FAIL, Direction::Response, FAULTS);
}
