//! Edits of the keys that sign and encrypt, and of how a message names them.

use crate::draft::Draft;

/// The signature's derived key token, and the encryption's: the first and the second of a message.
pub(crate) const SIGNATURE: usize = 0;
pub(crate) const ENCRYPTION: usize = 1;

/// Puts something into a derived key token, before its nonce or another child.
fn into_token(draft: &mut Draft<'_>, token: usize, before: &str, what: &str) {
    let range = draft.nth("DerivedKeyToken", token);
    let at = range.start + draft.text[range].find(before).unwrap();
    draft.text.insert_str(at, what);
}

/// Replaces something in a derived key token.
fn in_token(draft: &mut Draft<'_>, token: usize, from: &str, to: &str) {
    let range = draft.nth("DerivedKeyToken", token);
    let old = draft.text[range.clone()].to_owned();
    assert!(old.contains(from), "no {from} in {old}");
    draft.text.replace_range(range, &old.replacen(from, to, 1));
}

/// The part of a token from one mark to the end of another.
fn part_of(draft: &Draft<'_>, token: usize, from: &str, to: &str) -> String {
    let token = &draft.text[draft.nth("DerivedKeyToken", token)];
    let (start, end) = (token.find(from).unwrap(), token.find(to).unwrap() + to.len());
    token[start..end].to_owned()
}

/// The prefix of the namespace of derived key tokens.
pub(crate) fn prefix(draft: &Draft<'_>) -> String {
    let token = &draft.text[draft.element("DerivedKeyToken")];
    token[1..token.find(':').unwrap()].to_owned()
}

pub(crate) fn explicit_label(draft: &mut Draft<'_>) {
    let c = prefix(draft);
    let label = format!("<{c}:Label>WS-SecureConversationWS-SecureConversation</{c}:Label>");
    into_token(draft, SIGNATURE, &format!("<{c}:Nonce"), &label);
    into_token(draft, ENCRYPTION, &format!("<{c}:Nonce"), &label);
}

pub(crate) fn explicit_place_of_encryption_key(draft: &mut Draft<'_>) {
    let c = prefix(draft);
    let place = format!("<{c}:Offset>0</{c}:Offset><{c}:Length>32</{c}:Length>");
    into_token(draft, ENCRYPTION, &format!("<{c}:Nonce"), &place);
}

fn signature_length(draft: &mut Draft<'_>, length: &str) {
    let c = prefix(draft);
    let old = part_of(draft, SIGNATURE, &format!("<{c}:Length>"), &format!("</{c}:Length>"));
    in_token(draft, SIGNATURE, &old, &format!("<{c}:Length>{length}</{c}:Length>"));
}

pub(crate) fn signature_key_of_32(draft: &mut Draft<'_>) {
    signature_length(draft, "32");
}

pub(crate) fn signature_key_of_20(draft: &mut Draft<'_>) {
    signature_length(draft, "20");
}

pub(crate) fn signature_key_without_place(draft: &mut Draft<'_>) {
    let c = prefix(draft);
    let place = part_of(draft, SIGNATURE, &format!("<{c}:Offset>"), &format!("</{c}:Length>"));
    in_token(draft, SIGNATURE, &place, "");
}

pub(crate) fn generation(draft: &mut Draft<'_>) {
    let c = prefix(draft);
    let offset = part_of(draft, SIGNATURE, &format!("<{c}:Offset>"), &format!("</{c}:Offset>"));
    in_token(draft, SIGNATURE, &offset, &format!("<{c}:Generation>0</{c}:Generation>"));
}

pub(crate) fn nonce_of_32(draft: &mut Draft<'_>) {
    let nonce = base64_simd::STANDARD.encode_to_string([7; 32]);
    let c = prefix(draft);
    for token in [SIGNATURE, ENCRYPTION] {
        let old = part_of(draft, token, &format!("<{c}:Nonce>"), &format!("</{c}:Nonce>"));
        in_token(draft, token, &old, &format!("<{c}:Nonce>{nonce}</{c}:Nonce>"));
    }
}

/// What a derived key token or a context is referred to by, and its element.
pub(crate) fn token_id(draft: &Draft<'_>, token: usize) -> String {
    let token = &draft.text[draft.nth("DerivedKeyToken", token)];
    token.split(":Id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Has the signature made with another key.
fn signed_with(draft: &mut Draft<'_>, reference: &str) {
    let range = draft.element("Signature");
    let signature = draft.text[range.clone()].to_owned();
    let (start, end) =
        (signature.find("<o:Reference").unwrap(), signature.find("</o:SecurityTokenReference>").unwrap());
    draft.text.replace_range(range, &format!("{}{reference}{}", &signature[..start], &signature[end..]));
}

/// Has everything encrypted with another key.
fn encrypted_with(draft: &mut Draft<'_>, reference: &str) {
    draft.shells(|shell| {
        let (start, end) = (shell.find("<o:Reference").unwrap(), shell.find("</o:SecurityTokenReference>").unwrap());
        format!("{}{reference}{}", &shell[..start], &shell[end..])
    });
}

pub(crate) fn one_derived_key(draft: &mut Draft<'_>) {
    let id = token_id(draft, ENCRYPTION);
    draft.remove_nth("DerivedKeyToken", SIGNATURE);
    signed_with(draft, &format!("<o:Reference URI=\"#{id}\"/>"));
}

/// The reference by which derived keys name the context.
fn context_reference(draft: &Draft<'_>) -> String {
    part_of(draft, SIGNATURE, "<o:Reference", "/>")
}

pub(crate) fn signed_without_derivation(draft: &mut Draft<'_>) {
    let reference = context_reference(draft);
    signed_with(draft, &reference);
    draft.remove_nth("DerivedKeyToken", SIGNATURE);
}

pub(crate) fn encrypted_without_derivation(draft: &mut Draft<'_>) {
    let reference = context_reference(draft);
    encrypted_with(draft, &reference);
    draft.remove_nth("DerivedKeyToken", ENCRYPTION);
}

pub(crate) fn context_in_reply(draft: &mut Draft<'_>) {
    let reference = context_reference(draft);
    let identifier = reference.split("URI=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let c = prefix(draft);
    let namespace = draft.text[draft.element("DerivedKeyToken")].split(&format!("xmlns:{c}=\"")).nth(1).unwrap();
    let namespace = namespace.split('"').next().unwrap().to_owned();
    let token = format!(
        "<{c}:SecurityContextToken u:Id=\"_sct\" xmlns:{c}=\"{namespace}\"><{c}:Identifier>{identifier}</{c}:Identifier>\
         </{c}:SecurityContextToken>"
    );
    draft.before("DerivedKeyToken", &token);
    for token in [SIGNATURE, ENCRYPTION] {
        in_token(draft, token, &reference, "<o:Reference URI=\"#_sct\"/>");
    }
}

pub(crate) fn reference_without_type(draft: &mut Draft<'_>) {
    let reference = context_reference(draft);
    let untyped = format!("{}/>", reference.split(" ValueType").next().unwrap());
    for token in [SIGNATURE, ENCRYPTION] {
        in_token(draft, token, &reference, &untyped);
    }
}

pub(crate) fn reference_with_type(draft: &mut Draft<'_>) {
    let reference = context_reference(draft);
    // WCF writes it itself from 1.3 on.
    if reference.contains("ValueType") {
        return;
    }
    let namespace = draft.text[draft.element("SecurityContextToken")].split(" xmlns:").nth(1).unwrap();
    let namespace = namespace.split('"').nth(1).unwrap().to_owned();
    let typed = reference.replace("/>", &format!(" ValueType=\"{namespace}/sct\"/>"));
    for token in [SIGNATURE, ENCRYPTION] {
        in_token(draft, token, &reference, &typed);
    }
}

pub(crate) fn context_by_identifier(draft: &mut Draft<'_>) {
    let reference = context_reference(draft);
    let token = draft.remove("SecurityContextToken");
    let identifier = token.split("Identifier>").nth(1).unwrap().split('<').next().unwrap();
    for token in [SIGNATURE, ENCRYPTION] {
        in_token(draft, token, &reference, &format!("<o:Reference URI=\"{identifier}\"/>"));
    }
}

pub(crate) fn signed_context(draft: &mut Draft<'_>) {
    let id = draft.id("SecurityContextToken");
    draft.sign(&id);
}
