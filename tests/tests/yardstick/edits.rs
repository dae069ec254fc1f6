//! What was done to the messages: each edit once, for requests and replies alike.

use nuncio_tests::time;

use crate::draft::{C14N, Draft, Stage, WSU, XENC};
use crate::keys::{ENCRYPTION, SIGNATURE, prefix, token_id};

const MINUTE: i64 = 60_000;
const WSSE11: &str = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd";
const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";

pub(crate) fn control(_: &mut Draft<'_>) {}

// The timestamp.

pub(crate) fn no_timestamp(draft: &mut Draft<'_>) {
    without(draft, "Timestamp");
}

pub(crate) fn unsigned_timestamp(draft: &mut Draft<'_>) {
    draft.unsign("Timestamp");
}

fn stamp(draft: &mut Draft<'_>, created: i64) {
    let created = draft.at + created * MINUTE;
    draft.set("Created", &time::format_utc(created));
    draft.set("Expires", &time::format_utc(created + 5 * MINUTE));
}

pub(crate) fn stale(draft: &mut Draft<'_>) {
    stamp(draft, -15);
}

pub(crate) fn far_in_the_future(draft: &mut Draft<'_>) {
    stamp(draft, 10);
}

pub(crate) fn a_little_in_the_future(draft: &mut Draft<'_>) {
    stamp(draft, 4);
}

pub(crate) fn no_expiry(draft: &mut Draft<'_>) {
    draft.remove("Expires");
}

pub(crate) fn no_milliseconds(draft: &mut Draft<'_>) {
    let whole = time::format_utc(draft.at / 1000 * 1000);
    let seconds = |text: &str| text.replace(".000Z", "Z");
    draft.set("Created", &seconds(&whole));
    draft.set("Expires", &seconds(&time::format_utc(draft.at / 1000 * 1000 + 5 * MINUTE)));
}

pub(crate) fn timestamp_last(draft: &mut Draft<'_>) {
    let stamp = draft.remove("Timestamp");
    draft.append("Security", &stamp);
}

// Addressing.

fn without(draft: &mut Draft<'_>, name: &str) {
    draft.unsign(name);
    draft.remove(name);
}

pub(crate) fn unsigned_action(draft: &mut Draft<'_>) {
    draft.unsign("Action");
}

pub(crate) fn no_action(draft: &mut Draft<'_>) {
    without(draft, "Action");
}

pub(crate) fn unsigned_relates_to(draft: &mut Draft<'_>) {
    draft.unsign("RelatesTo");
}

pub(crate) fn no_relates_to(draft: &mut Draft<'_>) {
    without(draft, "RelatesTo");
}

pub(crate) fn relates_to_another(draft: &mut Draft<'_>) {
    draft.set("RelatesTo", "urn:uuid:00000000-0000-4000-8000-000000000000");
}

pub(crate) fn relationship_type(draft: &mut Draft<'_>) {
    let kind = "http://www.w3.org/2005/08/addressing/reply";
    draft.replace("<a:RelatesTo ", &format!("<a:RelatesTo RelationshipType=\"{kind}\" "));
}

pub(crate) fn relates_to_digest_wrong(draft: &mut Draft<'_>) {
    draft.to(Stage::Signed);
    draft.set("RelatesTo", "urn:uuid:00000000-0000-4000-8000-000000000000");
}

pub(crate) fn digest_wrong(draft: &mut Draft<'_>) {
    // The first reference is the body's, the next the action's.
    draft.to(Stage::Digested);
    let range = draft.nth("DigestValue", 1);
    draft.text.replace_range(range, "<DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</DigestValue>");
}

pub(crate) fn signature_wrong(draft: &mut Draft<'_>) {
    draft.to(Stage::Signed);
    draft.set("SignatureValue", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
}

pub(crate) fn action_of_another(draft: &mut Draft<'_>) {
    draft.set("Action", "urn:wcf-trace-test/Echo/FailResponse");
}

pub(crate) fn unsigned_to_added(draft: &mut Draft<'_>) {
    draft.after("Action", &format!("<a:To>{ANONYMOUS}</a:To>"));
}

pub(crate) fn signed_to_added(draft: &mut Draft<'_>) {
    draft.after("Action", &format!("<a:To u:Id=\"_more\">{ANONYMOUS}</a:To>"));
    draft.sign("_more");
}

pub(crate) fn unsigned_message_id_added(draft: &mut Draft<'_>) {
    draft.after("Action", "<a:MessageID>urn:uuid:00000000-0000-4000-8000-000000000001</a:MessageID>");
}

pub(crate) fn signed_message_id_added(draft: &mut Draft<'_>) {
    let header = "<a:MessageID u:Id=\"_more\">urn:uuid:00000000-0000-4000-8000-000000000001</a:MessageID>";
    draft.after("Action", header);
    draft.sign("_more");
}

pub(crate) fn unsigned_from_added(draft: &mut Draft<'_>) {
    draft.after("Action", &format!("<a:From><a:Address>{ANONYMOUS}</a:Address></a:From>"));
}

pub(crate) fn signed_from_added(draft: &mut Draft<'_>) {
    draft.after("Action", &format!("<a:From u:Id=\"_more\"><a:Address>{ANONYMOUS}</a:Address></a:From>"));
    draft.sign("_more");
}

pub(crate) fn unknown_header(draft: &mut Draft<'_>) {
    draft.after("Action", "<x:Extra xmlns:x=\"urn:x\">1</x:Extra>");
}

pub(crate) fn unknown_header_that_must_be_understood(draft: &mut Draft<'_>) {
    draft.after("Action", "<x:Extra xmlns:x=\"urn:x\" s:mustUnderstand=\"1\">1</x:Extra>");
}

pub(crate) fn unsigned_message_id(draft: &mut Draft<'_>) {
    draft.unsign("MessageID");
}

pub(crate) fn no_message_id(draft: &mut Draft<'_>) {
    without(draft, "MessageID");
}

pub(crate) fn unsigned_reply_to(draft: &mut Draft<'_>) {
    draft.unsign("ReplyTo");
}

pub(crate) fn no_reply_to(draft: &mut Draft<'_>) {
    without(draft, "ReplyTo");
}

pub(crate) fn unsigned_to(draft: &mut Draft<'_>) {
    draft.unsign("To");
}

pub(crate) fn no_to(draft: &mut Draft<'_>) {
    without(draft, "To");
}

// What is signed and encrypted.

pub(crate) fn signature_in_clear(draft: &mut Draft<'_>) {
    draft.show("Signature");
}

pub(crate) fn body_in_clear(draft: &mut Draft<'_>) {
    draft.show("Body");
}

pub(crate) fn unsigned_body(draft: &mut Draft<'_>) {
    draft.unsign("Body");
}

pub(crate) fn no_security_header(draft: &mut Draft<'_>) {
    draft.show("Signature");
    draft.show("Body");
    draft.to(Stage::Sealed);
    draft.remove("Security");
}

pub(crate) fn security_need_not_be_understood(draft: &mut Draft<'_>) {
    draft.replace("<o:Security s:mustUnderstand=\"1\"", "<o:Security");
}

// The order of the header.

pub(crate) fn context_first(draft: &mut Draft<'_>) {
    let token = draft.remove("SecurityContextToken");
    draft.before("Timestamp", &token);
}

pub(crate) fn derived_keys_first(draft: &mut Draft<'_>) {
    let signature = draft.remove_nth("DerivedKeyToken", SIGNATURE);
    let encryption = draft.remove("DerivedKeyToken");
    // A request's context comes before what is derived from it.
    let context = if draft.text.contains(":SecurityContextToken ") {
        draft.remove("SecurityContextToken")
    } else {
        String::new()
    };
    draft.before("Timestamp", &format!("{context}{signature}{encryption}"));
}

pub(crate) fn list_last(draft: &mut Draft<'_>) {
    let list = draft.remove("ReferenceList");
    draft.append("Security", &list);
}

pub(crate) fn signature_after_timestamp(draft: &mut Draft<'_>) {
    let signature = draft.remove("Signature");
    draft.after("Timestamp", &signature);
}

pub(crate) fn confirmation_added(draft: &mut Draft<'_>) {
    let value = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let confirmation =
        format!("<k:SignatureConfirmation u:Id=\"_more\" Value=\"{value}\" xmlns:k=\"{WSSE11}\" xmlns:u=\"{WSU}\"/>");
    draft.before("Signature", &confirmation);
    draft.sign("_more");
    draft.conceal("SignatureConfirmation", "_hidden");
}

// Algorithms.

pub(crate) fn sha256(draft: &mut Draft<'_>) {
    digest_sha256(draft);
    draft.replace("http://www.w3.org/2000/09/xmldsig#hmac-sha1", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256");
}

pub(crate) fn digest_sha256(draft: &mut Draft<'_>) {
    draft.text = draft.text.replace("http://www.w3.org/2000/09/xmldsig#sha1", &format!("{XENC}sha256"));
}

pub(crate) fn aes128(draft: &mut Draft<'_>) {
    draft.shells(|shell| {
        let body = shell.contains("#Content");
        if body { shell.replace("aes256-cbc", "aes128-cbc") } else { shell.to_owned() }
    });
    // The key is a derived one of 16 octets, beside that of 32 which encrypts the signature.
    let c = prefix(draft);
    let token = draft.text[draft.nth("DerivedKeyToken", ENCRYPTION)].to_owned();
    let id = token_id(draft, ENCRYPTION);
    let place = format!("<{c}:Offset>0</{c}:Offset><{c}:Length>16</{c}:Length><{c}:Nonce");
    let short = token.replacen(&id, "_short", 1).replace(&format!("<{c}:Nonce"), &place);
    draft.before("ReferenceList", &short);
    draft.shells(|shell| if shell.contains("#Content") { shell.replace(&id, "_short") } else { shell.to_owned() });
}

pub(crate) fn inclusive_c14n(draft: &mut Draft<'_>) {
    let method = format!("<CanonicalizationMethod Algorithm=\"{C14N}\"");
    draft.replace(&method, "<CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"");
}

pub(crate) fn inclusive_prefixes_without_effect(draft: &mut Draft<'_>) {
    // Prefixes that are not declared where it stands, and the empty list.
    let list = |prefixes: &str| {
        format!(">\n<InclusiveNamespaces PrefixList=\"{prefixes}\" xmlns=\"{C14N}\"/>").replace('\n', "")
    };
    let transform = format!("<Transform Algorithm=\"{C14N}\"");
    draft.replace(&format!("{transform}/>"), &format!("{transform}{}</Transform>", list("nothing nowhere")));
    draft.replace(&format!("{transform}/>"), &format!("{transform}{}</Transform>", list("")));
    let method = format!("<CanonicalizationMethod Algorithm=\"{C14N}\"");
    draft.replace(&format!("{method}/>"), &format!("{method}{}</CanonicalizationMethod>", list("nothing")));
}

// Encrypted data and its list.

pub(crate) fn data_without_key(draft: &mut Draft<'_>) {
    draft.to(Stage::Sealed);
    while draft.text.contains("<KeyInfo") {
        draft.remove("KeyInfo");
    }
}

pub(crate) fn body_not_listed(draft: &mut Draft<'_>) {
    draft.to(Stage::Sealed);
    let range = draft.element("Body");
    let data = draft.text[range].split("<e:EncryptedData Id=\"").nth(1).unwrap();
    let id = data.split('"').next().unwrap().to_owned();
    draft.replace(&format!("<e:DataReference URI=\"#{id}\"/>"), "");
}

pub(crate) fn no_list(draft: &mut Draft<'_>) {
    draft.to(Stage::Sealed);
    draft.remove("ReferenceList");
}

// What is around the message.

pub(crate) fn two_security_headers(draft: &mut Draft<'_>) {
    let wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    draft.after("Security", &format!("<o:Security xmlns:o=\"{wsse}\"/>"));
}

pub(crate) fn xml_declaration(draft: &mut Draft<'_>) {
    draft.to(Stage::Sealed);
    draft.text.insert_str(0, "<?xml version=\"1.0\" encoding=\"utf-8\"?>");
}

pub(crate) fn byte_order_mark(draft: &mut Draft<'_>) {
    draft.to(Stage::Sealed);
    draft.text.insert(0, '\u{feff}');
}

pub(crate) fn blanks_between_headers(draft: &mut Draft<'_>) {
    draft.before("Action", "\r\n  ");
    draft.before("Security", "\r\n  ");
    draft.after("Security", "\r\n");
}

pub(crate) fn blanks_in_security(draft: &mut Draft<'_>) {
    for name in ["Timestamp", "DerivedKeyToken", "ReferenceList", "Signature"] {
        draft.before(name, "\r\n    ");
    }
    draft.append("Security", "\r\n  ");
}

fn wrap_lines(draft: &mut Draft<'_>, end: &str) {
    draft.to(Stage::Sealed);
    let mut wrapped = String::new();
    let mut rest = draft.text.as_str();
    while let Some(at) = rest.find("<e:CipherValue>") {
        let (before, from) = rest.split_at(at + "<e:CipherValue>".len());
        let (value, after) = from.split_at(from.find('<').unwrap());
        wrapped.push_str(before);
        for line in value.as_bytes().chunks(76) {
            wrapped.extend([str::from_utf8(line).unwrap(), end]);
        }
        rest = after;
    }
    wrapped.push_str(rest);
    draft.text = wrapped;
}

pub(crate) fn lines_of_cr_lf(draft: &mut Draft<'_>) {
    wrap_lines(draft, "&#xD;\n");
}

pub(crate) fn lines_of_lf(draft: &mut Draft<'_>) {
    wrap_lines(draft, "\n");
}

/// The status that HTTP gave.
pub(crate) fn status(draft: &mut Draft<'_>, line: &str) {
    draft.http.start_line = format!("HTTP/1.1 {line}");
}

/// The content type that HTTP gave; none where it is empty.
pub(crate) fn content_type(draft: &mut Draft<'_>, value: &str) {
    draft.http.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    if !value.is_empty() {
        draft.http.headers.push(("Content-Type".to_owned(), value.to_owned()));
    }
}

/// Something else in place of the message.
pub(crate) fn instead(draft: &mut Draft<'_>, line: &str, kind: &str, body: &str) {
    draft.to(Stage::Sealed);
    status(draft, line);
    content_type(draft, kind);
    body.clone_into(&mut draft.text);
}

/// A fault without security in place of the message.
pub(crate) fn unsecured_fault(draft: &mut Draft<'_>, line: &str, code: &str, subcode: Option<(&str, &str)>) {
    let subcode = subcode.map_or_else(String::new, |(namespace, local)| {
        format!("<s:Subcode><s:Value xmlns:f=\"{namespace}\">f:{local}</s:Value></s:Subcode>")
    });
    let body = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
         <s:Header><a:Action s:mustUnderstand=\"1\">http://www.w3.org/2005/08/addressing/soap/fault</a:Action></s:Header>\
         <s:Body><s:Fault><s:Code><s:Value>s:{code}</s:Value>{subcode}</s:Code><s:Reason><s:Text xml:lang=\"en\">edited\
         </s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"
    );
    instead(draft, line, "application/soap+xml; charset=utf-8", &body);
}
