//! A recorded message taken apart with the recording's keys, edited, and put together again: digests, signature and
//! ciphertext made anew, so that nothing is wrong with it but the edit. Shares no code with what it is shown to.

use std::ops::Range;

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockCipherEncrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use hmac::{Hmac, Mac};
use nuncio_tests::http::HttpMessage;
use nuncio_tests::oracle::{by_id, child, decrypt, local, referred};
use nuncio_tests::recording::Keys;
use nuncio_tests::{canonical, oracle};
use roxmltree::{Document, Node};
use sha1::{Digest, Sha1};
use sha2::Sha256;

pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(crate) const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
pub(crate) const C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// How far a draft is on its way back to a message.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Stage {
    /// Everything is in clear, and may be edited.
    Clear,
    /// The digests fit.
    Digested,
    /// The signature fits.
    Signed,
    /// What was encrypted is so again.
    Sealed,
}

/// A part that is encrypted in the message.
struct Hidden {
    /// Its `EncryptedData` without the ciphertext.
    shell: String,
    /// The local name of the element, or of the one whose content it is.
    name: String,
    content: bool,
}

/// A message in the making.
pub(crate) struct Draft<'k> {
    /// The message as HTTP has it; its body is not looked at before it is finished.
    pub(crate) http: HttpMessage,
    /// The envelope.
    pub(crate) text: String,
    /// When it is opened, in milliseconds since 1970.
    pub(crate) at: i64,
    stage: Stage,
    hidden: Vec<Hidden>,
    keys: &'k Keys,
}

fn parse(text: &str) -> Document<'_> {
    Document::parse(text.trim_start_matches('\u{feff}')).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The elements of a document in their order.
fn elements<'a, 'i>(document: &'a Document<'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    document.descendants().filter(Node::is_element)
}

fn base64(octets: impl AsRef<[u8]>) -> String {
    base64_simd::STANDARD.encode_to_string(octets)
}

impl<'k> Draft<'k> {
    /// Takes a message apart that was signed before it was encrypted.
    pub(crate) fn open(message: &HttpMessage, at: i64, keys: &'k Keys) -> Self {
        let mut text = String::from_utf8(message.body.clone()).unwrap();
        let mut hidden = Vec::new();
        let source = text.clone();
        let document = parse(&source);
        let parts: Vec<_> = elements(&document).filter(|node| node.has_tag_name((XENC, "EncryptedData"))).collect();
        for part in parts.into_iter().rev() {
            let plain = decrypt(part, keys).unwrap();
            let content = part.attribute("Type").is_some_and(|kind| kind.ends_with("#Content"));
            let name = if content {
                local(part.parent().unwrap()).to_owned()
            } else {
                local(parse(&wrapped(&plain, part)).root_element().first_element_child().unwrap()).to_owned()
            };
            let value = elements(&document)
                .find(|node| node.has_tag_name((XENC, "CipherValue")) && node.ancestors().any(|above| above == part));
            let value = value.unwrap().first_child().unwrap().range();
            let shell = format!("{}{}", &source[part.range().start..value.start], &source[value.end..part.range().end]);
            hidden.push(Hidden { shell, name, content });
            text.replace_range(part.range(), &plain);
        }
        Self { http: message.clone(), text, at, stage: Stage::Clear, hidden, keys }
    }

    /// The message, whole again.
    pub(crate) fn finish(mut self) -> HttpMessage {
        self.to(Stage::Sealed);
        HttpMessage { body: self.text.into_bytes(), ..self.http }
    }

    /// Goes on to that stage.
    pub(crate) fn to(&mut self, stage: Stage) {
        if self.stage < Stage::Digested && stage >= Stage::Digested {
            self.digest();
        }
        if self.stage < Stage::Signed && stage >= Stage::Signed {
            self.sign_again();
        }
        if self.stage < Stage::Sealed && stage >= Stage::Sealed {
            for part in std::mem::take(&mut self.hidden) {
                self.hide(&part);
            }
        }
        self.stage = self.stage.max(stage);
    }

    fn digest(&mut self) {
        let text = self.text.clone();
        let document = parse(&text);
        let references: Vec<_> = elements(&document).filter(|node| node.has_tag_name((DSIG, "Reference"))).collect();
        for reference in references.into_iter().rev() {
            let target = reference.attribute("URI").and_then(|uri| by_id(&document, &uri[1..]));
            let octets = canonical::exclusive(target.unwrap_or_else(|| panic!("nothing is signed by {reference:?}")));
            let method = child(reference, "DigestMethod").unwrap().attribute("Algorithm").unwrap();
            let digest =
                if method.ends_with("#sha1") { base64(Sha1::digest(octets)) } else { base64(Sha256::digest(octets)) };
            self.text.replace_range(text_range(child(reference, "DigestValue").unwrap()), &digest);
        }
    }

    fn sign_again(&mut self) {
        let text = self.text.clone();
        let document = parse(&text);
        let Some(signature) = elements(&document).find(|node| node.has_tag_name((DSIG, "Signature"))) else { return };
        let value = signature_value(signature, self.keys);
        self.text.replace_range(text_range(child(signature, "SignatureValue").unwrap()), &base64(value));
    }

    fn hide(&mut self, part: &Hidden) {
        let range = self.element(&part.name);
        let range = if part.content { content_range(&self.text, range) } else { range };
        let plain = self.text[range.clone()].to_owned();
        self.text.replace_range(range, &part.shell);
        let text = self.text.clone();
        let document = parse(&text);
        let shell = parse_id(&part.shell);
        let data = by_id(&document, &shell).unwrap();
        let method = child(data, "EncryptionMethod").unwrap().attribute("Algorithm").unwrap();
        let keys = referred(child(data, "KeyInfo").unwrap(), self.keys).unwrap();
        let value = child(child(data, "CipherData").unwrap(), "CipherValue").unwrap().range();
        let at = value.start + text[value.clone()].find('>').unwrap() + 1;
        self.text.insert_str(at, &base64(encrypt(method, &keys[0], plain.as_bytes())));
    }

    /// Where the first element of that local name is.
    pub(crate) fn element(&self, name: &str) -> Range<usize> {
        self.nth(name, 0)
    }

    /// Where an element of that local name is: they are counted from 0.
    pub(crate) fn nth(&self, name: &str, n: usize) -> Range<usize> {
        let document = parse(&self.text);
        let found = elements(&document).filter(|node| local(*node) == name).nth(n);
        let bom = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        let range = found.unwrap_or_else(|| panic!("no {name} in {}", self.text)).range();
        range.start + bom..range.end + bom
    }

    /// The id of the first element of that local name.
    pub(crate) fn id(&self, name: &str) -> String {
        let document = parse(&self.text);
        let element = elements(&document).find(|node| local(*node) == name).unwrap();
        element.attribute((WSU, "Id")).or(element.attribute("Id")).unwrap().to_owned()
    }

    /// Replaces the first such text, which must be there.
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        assert!(self.text.contains(from), "no {from} in {}", self.text);
        self.text = self.text.replacen(from, to, 1);
    }

    /// Replaces the text within an element of that local name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let range = content_range(&self.text, self.element(name));
        self.text.replace_range(range, value);
    }

    /// Takes the first element of that local name out, and gives it.
    pub(crate) fn remove(&mut self, name: &str) -> String {
        self.remove_nth(name, 0)
    }

    /// Takes an element of that local name out, and gives it.
    pub(crate) fn remove_nth(&mut self, name: &str, n: usize) -> String {
        let range = self.nth(name, n);
        self.text.drain(range).collect()
    }

    /// Puts something before the first element of that local name.
    pub(crate) fn before(&mut self, name: &str, what: &str) {
        let at = self.element(name).start;
        self.text.insert_str(at, what);
    }

    /// Puts something behind the first element of that local name.
    pub(crate) fn after(&mut self, name: &str, what: &str) {
        let at = self.element(name).end;
        self.text.insert_str(at, what);
    }

    /// Puts something at the end of the first element of that local name.
    pub(crate) fn append(&mut self, name: &str, what: &str) {
        let at = content_range(&self.text, self.element(name)).end;
        self.text.insert_str(at, what);
    }

    /// The signature covers the element of that local name no more.
    pub(crate) fn unsign(&mut self, name: &str) {
        let uri = format!("#{}", self.id(name));
        let document = parse(&self.text);
        let reference = elements(&document)
            .find(|node| node.has_tag_name((DSIG, "Reference")) && node.attribute("URI") == Some(&uri))
            .unwrap_or_else(|| panic!("{name} is not signed"));
        let range = reference.range();
        self.text.drain(range);
    }

    /// The signature covers that id too.
    pub(crate) fn sign(&mut self, id: &str) {
        let reference = format!(
            "<Reference URI=\"#{id}\"><Transforms><Transform Algorithm=\"{C14N}\"/></Transforms><DigestMethod \
             Algorithm=\"{DSIG}sha1\"/><DigestValue>x</DigestValue></Reference>"
        );
        self.append("SignedInfo", &reference);
    }

    /// The element of that local name, or its content, stays in clear.
    pub(crate) fn show(&mut self, name: &str) {
        let at = self.hidden.iter().position(|part| part.name == name).unwrap();
        let part = self.hidden.remove(at);
        let listed = format!("<e:DataReference URI=\"#{}\"/>", parse_id(&part.shell));
        self.replace(&listed, "");
    }

    /// The element of that local name is encrypted as the signature is, under that id, and listed.
    pub(crate) fn conceal(&mut self, name: &str, id: &str) {
        let model = self.hidden.iter().find(|part| part.name == "Signature").unwrap();
        let shell = model.shell.replacen(&format!("Id=\"{}\"", parse_id(&model.shell)), &format!("Id=\"{id}\""), 1);
        self.hidden.push(Hidden { shell, name: name.to_owned(), content: false });
        self.append("ReferenceList", &format!("<e:DataReference URI=\"#{id}\"/>"));
    }

    /// Edits the `EncryptedData` of every part that is encrypted.
    pub(crate) fn shells(&mut self, edit: impl Fn(&str) -> String) {
        for part in &mut self.hidden {
            part.shell = edit(&part.shell);
        }
    }
}

/// A plain part below the declarations of its place, so that it can be parsed.
fn wrapped(plain: &str, place: Node<'_, '_>) -> String {
    let mut text = "<x".to_owned();
    for namespace in place.namespaces() {
        match namespace.name() {
            Some(prefix) if prefix != "xml" => text.extend([" xmlns:", prefix, "=\"", namespace.uri(), "\""]),
            Some(_) => {}
            None => text.extend([" xmlns=\"", namespace.uri(), "\""]),
        }
    }
    format!("{text}>{plain}</x>")
}

/// The id of an `EncryptedData` as it is written.
fn parse_id(shell: &str) -> String {
    shell.split(" Id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Where the content of the element at `range` is.
fn content_range(text: &str, range: Range<usize>) -> Range<usize> {
    let element = &text[range.clone()];
    let (start, end) = (element.find('>').unwrap() + 1, element.rfind("</").unwrap());
    range.start + start..range.start + end
}

fn text_range(of: Node<'_, '_>) -> Range<usize> {
    content_range(of.document().input_text(), of.range())
}

/// What the value of a signature must be, by the keys of the recording.
pub(crate) fn signature_value(signature: Node<'_, '_>, keys: &Keys) -> Vec<u8> {
    let signed_info = child(signature, "SignedInfo").unwrap();
    let octets = canonical::exclusive(signed_info);
    let key = referred(child(signature, "KeyInfo").unwrap(), keys).unwrap().remove(0);
    match child(signed_info, "SignatureMethod").unwrap().attribute("Algorithm").unwrap() {
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1" => {
            Hmac::<Sha1>::new_from_slice(&key).unwrap().chain_update(octets).finalize().into_bytes().to_vec()
        }
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256" => {
            Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(octets).finalize().into_bytes().to_vec()
        }
        other => panic!("signs by {other}"),
    }
}

/// XML Encryption section 5.2, with an initialisation vector that is always the same.
fn encrypt(method: &str, key: &[u8], plain: &[u8]) -> Vec<u8> {
    const IV: [u8; 16] = [0x5a; 16];
    let mut padded = plain.to_vec();
    let padding = 16 - plain.len() % 16;
    padded.resize(plain.len() + padding - 1, 0);
    padded.push(padding as u8);
    let ciphertext = match method.strip_prefix(XENC).unwrap() {
        "aes128-cbc" => cbc_encrypt::<Aes128>(&key[..16], &IV, &padded),
        "aes192-cbc" => cbc_encrypt::<Aes192>(&key[..24], &IV, &padded),
        "aes256-cbc" => cbc_encrypt::<Aes256>(&key[..32], &IV, &padded),
        other => panic!("encrypts by {other}"),
    };
    [&IV[..], &ciphertext].concat()
}

fn cbc_encrypt<C: BlockCipherEncrypt + KeyInit>(key: &[u8], iv: &[u8; 16], padded: &[u8]) -> Vec<u8> {
    let cipher = C::new_from_slice(key).unwrap();
    cbc::Encryptor::<C>::inner_iv_slice_init(cipher, iv).unwrap().encrypt_padded_vec::<NoPadding>(padded)
}

/// The message in clear, as the oracle has it.
pub(crate) fn plain(message: &[u8], keys: &Keys) -> String {
    oracle::open(message, keys).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(message)))
}

#[test]
fn a_message_comes_out_as_it_went_in() {
    for scenario in [crate::bench::scenario(crate::bench::FEBRUARY_2005), crate::bench::scenario(crate::bench::V13)] {
        for exchange in &scenario.exchanges {
            for message in [&exchange.request, &exchange.response] {
                if message.body.is_empty() {
                    continue;
                }
                let before = plain(&message.body, &scenario.keys);
                let draft = Draft::open(message, 0, &scenario.keys);
                assert_eq!(draft.text, before);
                let after = plain(&draft.finish().body, &scenario.keys);
                assert_eq!(after, before, "{} {}", scenario.name, exchange.n);
            }
        }
    }
}
