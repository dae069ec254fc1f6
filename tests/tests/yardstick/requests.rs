//! Requests: what the WCF service took and refused, and what our recipient makes of the same.

use nuncio_tests::player::Direction;
use nuncio_wss::Class;

use crate::bench::Verdict::{Refused, Taken};
use crate::bench::{ECHO, FEBRUARY_2005, Row, V13, judge_all, refused, row};
use crate::edits::{
    a_little_in_the_future, aes128, blanks_between_headers, blanks_in_security, body_in_clear, body_not_listed,
    byte_order_mark, context_first, control, data_without_key, derived_keys_first, digest_sha256, far_in_the_future,
    inclusive_c14n, inclusive_prefixes_without_effect, lines_of_cr_lf, lines_of_lf, list_last, no_action, no_expiry,
    no_list, no_message_id, no_milliseconds, no_reply_to, no_security_header, no_timestamp, no_to,
    security_need_not_be_understood, sha256, signature_after_timestamp, signature_in_clear, signed_from_added, stale,
    timestamp_last, two_security_headers, unknown_header, unknown_header_that_must_be_understood, unsigned_action,
    unsigned_body, unsigned_from_added, unsigned_message_id, unsigned_reply_to, unsigned_timestamp, unsigned_to,
    xml_declaration,
};
use crate::keys::{
    context_by_identifier, encrypted_without_derivation, explicit_label, explicit_place_of_encryption_key, generation,
    nonce_of_32, one_derived_key, reference_with_type, signature_key_of_20, signature_key_of_32,
    signature_key_without_place, signed_context, signed_without_derivation,
};

pub(crate) const ROWS: &[Row] = &[
    row("request: control: message decrypted, re-signed and re-encrypted without change", control, Taken),
    row("request: no Timestamp", no_timestamp, Refused(refused!(TokenMissing("timestamp")))),
    row(
        "request: Timestamp present but not signed",
        unsigned_timestamp,
        Refused(refused!(NotSigned(part) if part == "Timestamp")),
    ),
    row("request: Timestamp expired 10 minutes ago", stale, Refused(refused!(Expired { .. }))),
    row(
        "request: Timestamp created 10 minutes in the future",
        far_in_the_future,
        Refused(refused!(FromTheFuture { .. })),
    ),
    row("request: Timestamp created 4 minutes in the future", a_little_in_the_future, Taken),
    row("request: Timestamp without Expires", no_expiry, Taken),
    row("request: Timestamp without milliseconds", no_milliseconds, Taken),
    row("request: Timestamp last in Security header (layout is Strict)", timestamp_last, Refused(refused!(Layout(_)))),
    row("request: Action header not signed", unsigned_action, Refused(refused!(NotSigned(part) if part == "Action"))),
    row("request: no Action header", no_action, Refused(refused!(Addressing { header: "Action", .. }))),
    row("request: signed From header added", signed_from_added, Taken),
    row(
        "request: unsigned From header added",
        unsigned_from_added,
        Refused(refused!(NotSigned(part) if part == "From")),
    ),
    row("request: unsigned unknown header, no mustUnderstand", unknown_header, Taken),
    row(
        "request: unsigned unknown header with mustUnderstand=1",
        unknown_header_that_must_be_understood,
        Refused(refused!(NotUnderstood { local, .. } if local == "Extra")),
    ),
    row(
        "request: Signature not encrypted (policy has EncryptSignature)",
        signature_in_clear,
        Refused(refused!(NotEncrypted(part) if part == "Signature")),
    ),
    row(
        "request: Body signed but not encrypted",
        body_in_clear,
        Refused(refused!(NotEncrypted(part) if part == "Body")),
    ),
    row("request: Body encrypted but not signed", unsigned_body, Refused(refused!(NotSigned(part) if part == "Body"))),
    row(
        "request: whole Security header removed (unsecured success response)",
        no_security_header,
        Refused(refused!(TokenMissing("security header"))),
    ),
    row("request: no mustUnderstand on Security", security_need_not_be_understood, Taken),
    row("request: DerivedKeyToken with explicit Label (the default label text)", explicit_label, Taken),
    row(
        "request: DerivedKeyToken for encryption with explicit Offset 0 and Length 32",
        explicit_place_of_encryption_key,
        Taken,
    ),
    row("request: signature DerivedKeyToken with Length 32 instead of 24", signature_key_of_32, Taken),
    row("request: signature DerivedKeyToken without Offset/Length (32 bytes)", signature_key_without_place, Taken),
    row(
        "request: signature DerivedKeyToken with Length 20",
        signature_key_of_20,
        Refused(refused!(KeyReference("signs with a shorter key than the suite's"))),
    ),
    row("request: DerivedKeyToken with Generation 0 instead of Offset", generation, Taken),
    row("request: DerivedKeyToken nonce of 32 bytes", nonce_of_32, Taken),
    row("request: same DerivedKeyToken used for signature and encryption", one_derived_key, Taken),
    row(
        "request: signature made with the SCT key itself, no derived key",
        signed_without_derivation,
        Refused(refused!(KeyReference("signs with a key that is not derived"))),
    ),
    row(
        "request: body and signature encrypted with the SCT key itself, no derived key",
        encrypted_without_derivation,
        Refused(refused!(KeyReference("encrypts under a key that is not derived"))),
    ),
    row("request: DerivedKeyTokens before Timestamp", derived_keys_first, Taken),
    row("request: ReferenceList after the Signature (at the end of Security)", list_last, Refused(refused!(Layout(_)))),
    row(
        "request: Signature before the ReferenceList and DerivedKeyTokens (first after Timestamp)",
        signature_after_timestamp,
        Refused(refused!(Layout(_))),
    ),
    row(
        "request: HMAC-SHA256 signature and SHA256 digests under Basic256",
        sha256,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "request: digest SHA256 only, under Basic256",
        digest_sha256,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "request: aes128-cbc body under Basic256 (key length 16)",
        aes128,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "request: inclusive C14N (http://www.w3.org/TR/2001/REC-xml-c14n-20010315) named as CanonicalizationMethod",
        inclusive_c14n,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::AlgorithmNotAccepted(_)))),
    ),
    row(
        "request: exclusive C14N with an empty-effect InclusiveNamespaces PrefixList element",
        inclusive_prefixes_without_effect,
        Taken,
    ),
    row(
        "request: EncryptedData without KeyInfo",
        data_without_key,
        Refused(refused!(SecurityHeader { element: "EncryptedData", .. })),
    ),
    row(
        "request: EncryptedData Id not listed in ReferenceList (body)",
        body_not_listed,
        Refused(refused!(Invalid(nuncio_xmlsec::Invalid::DigestMismatch(_)))),
    ),
    row(
        "request: no ReferenceList at all",
        no_list,
        Refused(refused!(SecurityHeader { element: "EncryptedData", .. })),
    ),
    row(
        "request: two Security headers (second empty, no actor)",
        two_security_headers,
        Refused(refused!(SecurityHeader { element: "Security", .. })),
    ),
    row("request: XML declaration before Envelope", xml_declaration, Taken),
    row("request: UTF-8 BOM before Envelope", byte_order_mark, Taken),
    row("request: line break and blanks between header blocks (outside signed parts)", blanks_between_headers, Taken),
    row("request: whitespace between children of Security", blanks_in_security, Taken),
    row("request: line-wrapped base64 in CipherValue (76 columns, CRLF as &#xD;)", lines_of_cr_lf, Taken),
    row("request: line-wrapped base64 in CipherValue (LF)", lines_of_lf, Taken),
    row(
        "request: MessageID not signed",
        unsigned_message_id,
        Refused(refused!(NotSigned(part) if part == "MessageID")),
    ),
    row("request: no MessageID", no_message_id, Taken),
    row("request: no ReplyTo", no_reply_to, Taken),
    row("request: ReplyTo not signed", unsigned_reply_to, Refused(refused!(NotSigned(part) if part == "ReplyTo"))),
    row("request: To not signed", unsigned_to, Refused(refused!(NotSigned(part) if part == "To"))),
    row("request: no To", no_to, Refused(refused!(Addressing { header: "To", .. }))),
    row(
        "request: SecurityContextToken absent, DerivedKeyToken refers to the SCT by its Identifier URI",
        context_by_identifier,
        Refused(refused!(TokenMissing("security context token"))),
    ),
    row("request: STR Reference to SCT with ValueType added", reference_with_type, Taken),
    row("request: SecurityContextToken signed", signed_context, Taken),
    row("request: SecurityContextToken before Timestamp", context_first, Taken),
];

/// Refused requests whose fault at WCF was not `InvalidSecurity`: the code that it gave, none where it was not about security,
/// and the class of ours. Before anything else WCF looks for the context: what names none, or has two headers to name one in,
/// belongs to no conversation that it knows. `BadContextToken` is about a context that was named, and says to a client that cannot
/// converse that its context has expired; no client of any stack recovers upon it. So with us it is said of none.
pub(crate) const OTHER_FAULTS: &[(&str, &str, Class)] = &[
    (
        "request: whole Security header removed (unsecured success response)",
        "a:BadContextToken",
        Class::InvalidSecurity,
    ),
    ("request: two Security headers (second empty, no actor)", "a:BadContextToken", Class::InvalidSecurity),
    (
        "request: SecurityContextToken absent, DerivedKeyToken refers to the SCT by its Identifier URI",
        "a:BadContextToken",
        Class::InvalidSecurity,
    ),
    ("request: unsigned unknown header with mustUnderstand=1", "", Class::NotUnderstood),
    ("request: no To", "", Class::InvalidSecurity),
];

#[test]
fn requests_of_february_2005() {
    judge_all(FEBRUARY_2005, ECHO, Direction::Request, ROWS);
}

/// The experiments were made with the other generation: nothing differs between the two here.
#[test]
fn requests_of_1_3() {
    judge_all(V13, ECHO, Direction::Request, ROWS);
}
