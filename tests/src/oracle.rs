//! What was in a recorded message, found without a line of the code that is tested.
//!
//! Keys come from the recording's own list: an `EncryptedKey`'s by the digest of its ciphertext, a context's by identifier
//! and instance, a derived key by its secret, nonce and place. What the list lacks, because its recipient never opened it
//! or it was made since, is unwrapped with the recording's private keys, and derived. Signatures are not looked at.

use crate::recording::Keys;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit};
use hmac::{Hmac, Mac};
use roxmltree::{Document, Node};
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Oaep, Pkcs1v15Encrypt};
use sha1::{Digest, Sha1};

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// WS-Addressing 1.0 and that of August 2004.
const WSA: [&str; 2] = ["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"];

/// What both parties put together when a derived key has no label.
const DEFAULT_LABEL: &str = "WS-SecureConversationWS-SecureConversation";

/// The oracle cannot tell.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// A part does not decrypt with the key that the recording gives.
    #[error("a part encrypted with {0} does not decrypt")]
    Decrypt(String),
    /// An element lacks a part that must be there.
    #[error("{0} has no {1}")]
    Lacks(String, &'static str),
    /// The recording lists no key for this.
    #[error("the recording has no key for {0}")]
    NoKey(String),
    /// The message is not XML.
    #[error("the message is not XML: {0}")]
    NotXml(String),
    /// A key is referred to in a way that the oracle does not know.
    #[error("a key is referred to by {0}")]
    Reference(String),
}

/// The message with every `EncryptedData` replaced by what it hides, as text.
pub fn open(message: &[u8], keys: &Keys) -> Result<String, OracleError> {
    let text = str::from_utf8(message).map_err(|error| OracleError::NotXml(error.to_string()))?;
    let mut text = text.trim_start_matches('\u{feff}').to_owned();
    // What is decrypted may hold EncryptedData again, or the token that another part's key hangs on.
    loop {
        let document = parse(&text)?;
        let mut opened = Vec::new();
        let mut first_error = None;
        for part in document.descendants().filter(|node| is(*node, XENC, "EncryptedData")) {
            match decrypt(part, keys) {
                Ok(plain) => opened.push((part.range(), plain)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match (opened.is_empty(), first_error) {
            (true, None) => return Ok(text),
            (true, Some(error)) => return Err(error),
            (false, _) => {}
        }
        let mut next = text.clone();
        for (range, plain) in opened.into_iter().rev() {
            next.replace_range(range, &plain);
        }
        text = next;
    }
}

/// A user name and password in an opened message's security header.
pub fn credentials(opened: &str) -> Result<Option<(String, String)>, OracleError> {
    let document = parse(opened)?;
    let Some(token) = document.descendants().find(|node| is(*node, WSSE, "UsernameToken")) else { return Ok(None) };
    let word = |name| child(token, name).ok_or(OracleError::Lacks("UsernameToken".into(), name)).map(text_of);
    Ok(Some((word("Username")?, word("Password")?)))
}

/// The identifiers of the security contexts that an opened message's header carries.
pub fn contexts(opened: &str) -> Result<Vec<String>, OracleError> {
    let document = parse(opened)?;
    let Some(header) = security_header(&document) else { return Ok(Vec::new()) };
    Ok(header
        .children()
        .filter(|node| local(*node) == "SecurityContextToken")
        .filter_map(|token| child(token, "Identifier"))
        .map(text_of)
        .collect())
}

/// The security context that an opened message issues: its identifier and instance.
pub fn issued(opened: &str) -> Result<Option<(String, Option<String>)>, OracleError> {
    let document = parse(opened)?;
    let token = document
        .descendants()
        .find(|node| local(*node) == "RequestedSecurityToken")
        .and_then(|requested| child(requested, "SecurityContextToken"));
    let Some(token) = token else { return Ok(None) };
    let identifier =
        child(token, "Identifier").ok_or(OracleError::Lacks("SecurityContextToken".into(), "Identifier"))?;
    Ok(Some((text_of(identifier), child(token, "Instance").map(text_of))))
}

/// The text of a header block of WS-Addressing of an opened message.
pub fn addressing(opened: &str, name: &str) -> Result<Option<String>, OracleError> {
    let document = parse(opened)?;
    let header = child(document.root_element(), "Header");
    let mut blocks = header.into_iter().flat_map(|header| header.children());
    let found = blocks.find(|node| {
        local(*node) == name && node.tag_name().namespace().is_some_and(|namespace| WSA.contains(&namespace))
    });
    Ok(found.map(|block| text_of(block).trim().to_owned()))
}

/// Whether a message has a security header.
pub fn is_secured(message: &str) -> Result<bool, OracleError> {
    Ok(security_header(&parse(message)?).is_some())
}

/// Whether a message is a fault without a security header.
pub fn is_unsecured_fault(message: &str) -> Result<bool, OracleError> {
    let document = parse(message)?;
    let fault = document
        .root_element()
        .children()
        .filter(|node| local(*node) == "Body")
        .any(|body| child(body, "Fault").is_some());
    Ok(fault && security_header(&document).is_none())
}

fn security_header<'a, 'i>(document: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    child(document.root_element(), "Header")?.children().find(|node| is(*node, WSSE, "Security"))
}

fn parse(text: &str) -> Result<Document<'_>, OracleError> {
    Document::parse(text).map_err(|error| OracleError::NotXml(error.to_string()))
}

/// What an `EncryptedData` hides, as text.
pub fn decrypt(part: Node<'_, '_>, keys: &Keys) -> Result<String, OracleError> {
    let algorithm = child(part, "EncryptionMethod")
        .and_then(|method| method.attribute("Algorithm"))
        .ok_or(OracleError::Lacks("EncryptedData".into(), "EncryptionMethod"))?;
    let data = cipher_value(part)?;
    let candidates = match child(part, "KeyInfo") {
        Some(info) => referred(info, keys)?,
        None => of_owner(part, keys)?,
    };
    candidates
        .iter()
        .filter_map(|key| decipher(algorithm, key, &data))
        .find_map(|plain| String::from_utf8(plain).ok())
        .ok_or_else(|| OracleError::Decrypt(algorithm.to_owned()))
}

/// The secret of the `EncryptedKey` whose `ReferenceList` names this part.
fn of_owner(part: Node<'_, '_>, keys: &Keys) -> Result<Vec<Vec<u8>>, OracleError> {
    let target = format!("#{}", part.attribute("Id").unwrap_or_default());
    part.document()
        .descendants()
        .filter(|node| is(*node, XENC, "DataReference") && node.attribute("URI") == Some(&target))
        .find_map(|reference| reference.ancestors().find(|node| is(*node, XENC, "EncryptedKey")))
        .ok_or(OracleError::Lacks("EncryptedData".into(), "KeyInfo"))
        .and_then(|owner| secrets(owner, keys))
}

/// The secrets that a `KeyInfo` or a token's `SecurityTokenReference` may mean.
pub fn referred(info: Node<'_, '_>, keys: &Keys) -> Result<Vec<Vec<u8>>, OracleError> {
    let reference = child(info, "SecurityTokenReference")
        .ok_or(OracleError::Lacks(local(info).into(), "SecurityTokenReference"))?;
    let what = reference.first_element_child().ok_or(OracleError::Lacks("SecurityTokenReference".into(), "child"))?;
    match local(what) {
        "Reference" => {
            let uri = what.attribute("URI").ok_or(OracleError::Lacks("Reference".into(), "URI"))?;
            if let Some(id) = uri.strip_prefix('#') {
                return secrets(by_id(what.document(), id).ok_or_else(|| OracleError::Reference(uri.into()))?, keys);
            }
            let instance =
                [what, reference].into_iter().flat_map(|node| node.attributes()).find(|of| of.name() == "Instance");
            of_context(uri, instance.map(|instance| instance.value()), keys)
        }
        "KeyIdentifier" if what.attribute("ValueType").is_some_and(|of| of.ends_with("#EncryptedKeySHA1")) => {
            of_encrypted_key(&text_of(what), keys)
        }
        other => Err(OracleError::Reference(other.to_owned())),
    }
}

/// The secrets that a token in the message may have.
fn secrets(token: Node<'_, '_>, keys: &Keys) -> Result<Vec<Vec<u8>>, OracleError> {
    match local(token) {
        "EncryptedKey" => {
            let digest = Sha1::digest(cipher_value(token)?);
            of_encrypted_key(&base64_simd::STANDARD.encode_to_string(digest), keys)
                .or_else(|error| unwrapped(token, keys).ok_or(error))
        }
        "SecurityContextToken" => {
            let identifier =
                child(token, "Identifier").ok_or(OracleError::Lacks("SecurityContextToken".into(), "Identifier"))?;
            of_context(&text_of(identifier), child(token, "Instance").map(text_of).as_deref(), keys)
        }
        "DerivedKeyToken" => derived(token, keys),
        other => Err(OracleError::Reference(other.to_owned())),
    }
}

fn of_context(identifier: &str, instance: Option<&str>, keys: &Keys) -> Result<Vec<Vec<u8>>, OracleError> {
    let same = keys.security_context_tokens.iter().filter(|context| context.identifier == identifier);
    let exact = same.filter(|context| context.instance.as_deref() == instance).map(|context| context.key.clone());
    found(exact.collect(), || format!("context {identifier} {}", instance.unwrap_or_default()))
}

fn of_encrypted_key(digest: &str, keys: &Keys) -> Result<Vec<Vec<u8>>, OracleError> {
    let name = format!("EncryptedKeySHA1={digest}");
    let same = keys.encrypted_keys.iter().filter(|key| key.name.ends_with(&name));
    found(same.map(|key| key.key.clone()).collect(), || name.clone())
}

/// What one of the recording's private keys unwraps.
fn unwrapped(token: Node<'_, '_>, keys: &Keys) -> Option<Vec<Vec<u8>>> {
    let wrapped = cipher_value(token).ok()?;
    let method = child(token, "EncryptionMethod")?.attribute("Algorithm")?;
    keys.private_keys.iter().find_map(|pem| {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = rsa::PrivateKey::from_pkcs8_der(&base64(&body)?).ok()?;
        let secret = match method.strip_prefix(XENC)? {
            "rsa-1_5" => key.decrypt(Pkcs1v15Encrypt, &wrapped),
            _ => key.decrypt(Oaep::<Sha1>::new(), &wrapped),
        };
        secret.ok().map(|secret| vec![secret])
    })
}

/// `P_SHA1` ([RFC 5246] section 5, with SHA-1): the octets from `offset`.
fn p_sha1(secret: &[u8], label: &str, nonce: &[u8], offset: usize, length: usize) -> Option<Vec<u8>> {
    let hmac = |parts: [&[u8]; 2]| {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
        for part in parts {
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().to_vec())
    };
    let seed = [label.as_bytes(), nonce].concat();
    let (mut chained, mut out) = (seed.clone(), Vec::new());
    while out.len() < offset + length {
        chained = hmac([&chained, &[]])?;
        out.extend(hmac([&chained, &seed])?);
    }
    Some(out[offset..offset + length].to_vec())
}

fn derived(token: Node<'_, '_>, keys: &Keys) -> Result<Vec<Vec<u8>>, OracleError> {
    let secrets = referred(token, keys)?;
    let nonce = child(token, "Nonce").ok_or(OracleError::Lacks("DerivedKeyToken".into(), "Nonce")).map(text_of)?;
    let nonce = base64(&nonce).ok_or(OracleError::Lacks("DerivedKeyToken".into(), "Nonce"))?;
    let number = |name| child(token, name).and_then(|node| text_of(node).trim().parse::<usize>().ok());
    let length = number("Length").unwrap_or(32);
    let offset = number("Offset").or(number("Generation").map(|generation| generation * length)).unwrap_or(0);
    let label = child(token, "Label").map_or_else(|| DEFAULT_LABEL.to_owned(), text_of);
    let same = keys.derived_keys.iter().filter(|key| {
        key.nonce == nonce
            && key.length_bits == length * 8
            && key.offset == offset
            && key.label == label
            && secrets.contains(&key.secret)
    });
    let mut all: Vec<Vec<u8>> = same.map(|key| key.derived.clone()).collect();
    if all.is_empty() {
        all.extend(secrets.iter().filter_map(|secret| p_sha1(secret, &label, &nonce, offset, length)));
    }
    found(all, || format!("a derived key of {length} octets at {offset}"))
}

fn found(keys: Vec<Vec<u8>>, of: impl Fn() -> String) -> Result<Vec<Vec<u8>>, OracleError> {
    if keys.is_empty() { Err(OracleError::NoKey(of())) } else { Ok(keys) }
}

fn decipher(algorithm: &str, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut plain = match algorithm.strip_prefix(XENC)? {
        "aes128-cbc" => cbc_decrypt::<aes::Aes128>(key, data, 16),
        "aes192-cbc" => cbc_decrypt::<aes::Aes192>(key, data, 16),
        "aes256-cbc" => cbc_decrypt::<aes::Aes256>(key, data, 16),
        "tripledes-cbc" => cbc_decrypt::<des::TdesEde3>(key, data, 8),
        _ => None,
    }?;
    // XML Encryption section 5.2: the last octet counts the padding, the others are anything.
    let padding = usize::from(*plain.last()?);
    plain.truncate(plain.len().checked_sub(padding)?);
    Some(plain)
}

fn cbc_decrypt<C: BlockCipherDecrypt + KeyInit>(key: &[u8], data: &[u8], block: usize) -> Option<Vec<u8>> {
    let (iv, ciphertext) = data.split_at_checked(block)?;
    let cipher = C::new_from_slice(key).ok()?;
    cbc::Decryptor::<C>::inner_iv_slice_init(cipher, iv).ok()?.decrypt_padded_vec::<NoPadding>(ciphertext).ok()
}

fn cipher_value(of: Node<'_, '_>) -> Result<Vec<u8>, OracleError> {
    let value = child(of, "CipherData").and_then(|data| child(data, "CipherValue")).map(text_of);
    value.as_deref().and_then(base64).ok_or_else(|| OracleError::Lacks(local(of).into(), "CipherValue"))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.split_ascii_whitespace().collect();
    base64_simd::STANDARD.decode_to_vec(packed).ok()
}

/// The element with that id.
pub fn by_id<'a, 'i>(document: &'a Document<'i>, id: &str) -> Option<Node<'a, 'i>> {
    document.descendants().find(|node| {
        node.attribute((WSU, "Id")) == Some(id)
            || ["Id", "ID", "AssertionID"].iter().any(|name| node.attribute(*name) == Some(id))
    })
}

/// The first child of that local name.
pub fn child<'a, 'i>(of: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    of.children().find(|node| local(*node) == name)
}

/// An element's local name; nothing of another node.
pub fn local<'a>(node: Node<'a, '_>) -> &'a str {
    if node.is_element() { node.tag_name().name() } else { "" }
}

fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.has_tag_name((namespace, name))
}

/// All text in an element.
pub fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording;

    #[test]
    fn every_packed_message_opens() {
        let mut opened = 0;
        for scenario in recording::load(&recording::packed()).unwrap() {
            for exchange in &scenario.exchanges {
                for message in [&exchange.request, &exchange.response] {
                    if !message.media_type().ends_with("xml") {
                        continue;
                    }
                    let plain = open(&message.body, &scenario.keys)
                        .unwrap_or_else(|error| panic!("{} exchange {}: {error}", scenario.name, exchange.n));
                    assert!(!plain.contains("CipherValue") || plain.contains("EncryptedKey"), "{}", scenario.name);
                    opened += 1;
                }
            }
        }
        assert!(opened > 2000, "{opened}");
    }

    #[test]
    fn credentials_contexts_and_faults_are_seen() {
        let scenarios = recording::load(&recording::packed()).unwrap();
        let named = |name: &str| scenarios.iter().find(|scenario| scenario.name == name).unwrap();
        let request =
            |name: &str, n: usize| open(&named(name).exchanges[n - 1].request.body, &named(name).keys).unwrap();
        let response =
            |name: &str, n: usize| open(&named(name).exchanges[n - 1].response.body, &named(name).keys).unwrap();

        let wrong = "wcf-userNameForCertificate-sc-1.3-badPassword";
        let (user, password) = credentials(&request(wrong, 1)).unwrap().unwrap();
        assert_eq!(user, "alice");
        assert_ne!(Some(&password), named(wrong).meta.users().get("alice"));
        assert!(is_unsecured_fault(&response(wrong, 1)).unwrap());

        let right = "wcf-userNameForCertificate-sc-2005-02";
        assert_eq!(credentials(&request(right, 1)).unwrap().unwrap().1, named(right).meta.users()["alice"]);
        let (identifier, instance) = issued(&response(right, 1)).unwrap().unwrap();
        assert_eq!((identifier.as_str(), instance), ("urn:uuid:79bf4bb9-b7ce-4484-9ac0-18dcbbc188dc", None));
        assert_eq!(contexts(&request(right, 2)).unwrap(), [identifier]);
        assert!(!is_unsecured_fault(&response(right, 4)).unwrap());
    }
}
