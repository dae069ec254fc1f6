//! A message taken apart by somebody who has a key: elements found, moved, replaced, and what they became signed again.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm};
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, cipher, derive, digest, mac, transport};
use nuncio_policy::model::{Binding, DerivedKeys, Policy, SoapVersion, SymmetricBinding, Token};
use nuncio_wss::{Class, Context, Expectation, Opened, Outbound, Refusal};
use nuncio_xml::{Document, exclusive};
use roxmltree::Node;

use crate::ends::{Numbers, Pair, limits, policy, server, soap};

pub(crate) const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
pub(crate) const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// Signed under the sender's own key, everything in clear, keys as they were wrapped: parts can be moved about.
pub(crate) const CLEAR: &str = "wse-anonymousForCertificateSecurity";

/// Two ends, and a message that the one sealed for the other.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    pub(crate) outbound: Outbound,
    pub(crate) expectation: Expectation,
    /// The message.
    pub(crate) text: String,
    /// The session key of the message, or of its conversation.
    pub(crate) key: Secret,
    /// Where there is a conversation: the initiator's context and the recipient's.
    pub(crate) contexts: Option<(Arc<Context>, Arc<Context>)>,
}

impl Stage {
    /// Under the policy of a preset, changed.
    pub(crate) fn of(name: &str, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = policy(name);
        change(&mut policy);
        Self::with(&policy, &policy, soap(name)[0])
    }

    /// A message as the first policy has it, for a recipient who has the second.
    pub(crate) fn with(theirs: &Policy, ours: &Policy, soap: SoapVersion) -> Self {
        Self::on(Pair::unlike(theirs, ours, soap), ours)
    }

    /// Between these ends.
    pub(crate) fn on(mut pair: Pair, policy: &Policy) -> Self {
        let conversation = match &policy.binding {
            Binding::Symmetric(binding) => Some(&binding.protection),
            Binding::Transport(_) | Binding::Asymmetric(_) => policy.supporting.first().map(|token| &token.token),
        };
        let conversation = matches!(conversation, Some(Token::SecureConversation(_)));
        let contexts = conversation.then(|| pair.establish());
        let (mut outbound, expectation) = pair.request("hello", contexts.as_ref().map(|(ours, _)| ours));
        // The transport's word for the action decides nothing here.
        outbound.soap_action = None;
        outbound.content_type = outbound.content_type.split(';').next().unwrap().to_owned();
        let text = String::from_utf8(outbound.body.clone()).unwrap();
        let key = match &contexts {
            Some((ours, _)) => Secret::from(ours.danger_key_octets()),
            None => unwrapped(&text),
        };
        Self { pair, outbound, expectation, text, key, contexts }
    }

    /// [`CLEAR`], with nothing encrypted and no derived keys.
    pub(crate) fn clear() -> Self {
        Self::of(CLEAR, |policy| {
            policy.parts.encrypted.body = false;
            plain_keys(policy);
        })
    }

    /// The same with the body encrypted.
    pub(crate) fn hidden() -> Self {
        Self::of(CLEAR, plain_keys)
    }

    pub(crate) fn open(&self, text: &str) -> Result<Opened, Refusal> {
        self.pair.open(&self.outbound, text.as_bytes().to_vec(), self.contexts.as_ref().map(|(_, theirs)| theirs))
    }

    /// Opens, and is the message that was sealed.
    #[track_caller]
    pub(crate) fn accepted(&self, what: &str, text: &str) -> Opened {
        let opened = self.open(text).unwrap_or_else(|refusal| panic!("{what}: {refusal}: {text}"));
        let honest = self.open(&self.text).unwrap();
        assert_eq!(plain(&opened), plain(&honest), "{what}");
        opened
    }

    /// Refused as what `expected` begins, in the words of `Debug`.
    #[track_caller]
    pub(crate) fn refused(&self, what: &str, text: &str, expected: &str) {
        assert_ne!(text, self.text, "{what}: nothing was edited");
        match self.open(text) {
            Ok(opened) => panic!("{what} was opened: {}", plain(&opened)),
            Err(refusal) => {
                let found = format!("{refusal:?}");
                assert!(found.starts_with(expected), "{what}: {found} instead of {expected}: {text}");
                // It is told what every other bad message is told, or that it is no message at all.
                let class = refusal.class();
                let coarse = [Class::InvalidSecurity, Class::Unreadable, Class::NotUnderstood].contains(&class);
                assert!(coarse, "{what}: {class:?}");
            }
        }
    }

    /// The message with digests and value of its signature made anew under the session key.
    pub(crate) fn resigned(&self, text: &str) -> String {
        resigned(text, |octets| hmac(self.key.expose(), octets))
    }
}

/// What the backend would get.
pub(crate) fn plain(opened: &Opened) -> String {
    String::from_utf8(opened.plain().body).unwrap()
}

/// The symmetric binding of a policy that has one.
pub(crate) fn symmetric(policy: &mut Policy) -> &mut SymmetricBinding {
    match &mut policy.binding {
        Binding::Symmetric(binding) => binding,
        Binding::Transport(_) | Binding::Asymmetric(_) => panic!("not a symmetric binding"),
    }
}

/// Keys as they were wrapped or agreed on.
pub(crate) fn plain_keys(policy: &mut Policy) {
    match &mut symmetric(policy).protection {
        Token::X509(token) => token.derived_keys = DerivedKeys::None,
        Token::SecureConversation(token) => token.derived_keys = DerivedKeys::None,
        Token::Username(_) => panic!("a token without keys"),
    }
}

pub(crate) fn hmac(key: &[u8], octets: &[u8]) -> Vec<u8> {
    mac::mac(MacAlgorithm::HmacSha1, key, &[octets]).as_ref().to_vec()
}

/// The key that a message brings for the service; nothing where it brings none.
pub(crate) fn unwrapped(text: &str) -> Secret {
    let document = parse(text);
    let Some(key) = document.descendants().find(|node| node.tag_name().name() == "EncryptedKey") else {
        return Secret::new(Vec::new());
    };
    let value = key.descendants().find(|node| node.tag_name().name() == "CipherValue").unwrap().text().unwrap();
    let old = key.descendants().any(|node| node.attribute("Algorithm").is_some_and(|uri| uri.ends_with("rsa-1_5")));
    let transport = if old { KeyTransport::Rsa15 } else { KeyTransport::OAEP_SHA1 };
    transport::unwrap(&server().key, transport, &base64::decode(value).unwrap(), &[32])
        .unwrap_or_else(|_| panic!("not ours to unwrap: {text}"))
}

/// The key that the derived key token with that id stands for, with `root` as what it is derived from.
pub(crate) fn derived(text: &str, id: &str, root: &Secret) -> Secret {
    let document = parse(text);
    let token = by_id(&document, id);
    let child = |local: &str| {
        token.descendants().find(|node| node.tag_name().name() == local).and_then(|node| node.text()).unwrap_or("0")
    };
    let number = |local: &str| child(local).parse::<usize>().unwrap();
    let nonce = base64::decode(child("Nonce")).unwrap();
    let range = number("Offset")..number("Offset") + number("Length");
    derive::derived_key(root.expose(), derive::DEFAULT_LABEL, &nonce, range).unwrap_or_else(|_| panic!("too long"))
}

/// `xml`, which must be well-formed, as a tree.
pub(crate) fn parse(xml: &str) -> roxmltree::Document<'_> {
    roxmltree::Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"))
}

fn by_id<'a>(document: &'a roxmltree::Document<'a>, id: &str) -> Node<'a, 'a> {
    let is = |node: &Node<'_, '_>| node.attribute((WSU, "Id")).or(node.attribute("Id")) == Some(id);
    document.descendants().find(is).unwrap_or_else(|| panic!("nothing has the id {id}"))
}

/// Where the first element is that a path of local names leads to: `Security/Timestamp` is a child of the first
/// `Security` that has one.
pub(crate) fn range(text: &str, path: &str) -> Range<usize> {
    let document = parse(text);
    let names: Vec<&str> = path.split('/').collect();
    let is = |node: &Node<'_, '_>| {
        node.is_element()
            && names.iter().rev().zip(node.ancestors()).all(|(name, node)| node.tag_name().name() == *name)
    };
    document.descendants().find(is).unwrap_or_else(|| panic!("no {path} in {text}")).range()
}

/// The element at a path.
pub(crate) fn element<'a>(text: &'a str, path: &str) -> &'a str {
    &text[range(text, path)]
}

/// The id of the element at a path.
pub(crate) fn id(text: &str, path: &str) -> String {
    let element = element(text, path);
    let tag = &element[..element.find('>').unwrap()];
    tag.split("Id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("{tag}")).to_owned()
}

/// With something in the place of the element at a path.
pub(crate) fn replaced(text: &str, path: &str, with: &str) -> String {
    let range = range(text, path);
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Without the element at a path.
pub(crate) fn without(text: &str, path: &str) -> String {
    replaced(text, path, "")
}

/// With something right before the element at a path.
pub(crate) fn before(text: &str, path: &str, what: &str) -> String {
    let start = range(text, path).start;
    format!("{}{what}{}", &text[..start], &text[start..])
}

/// With something right after the element at a path.
pub(crate) fn after(text: &str, path: &str, what: &str) -> String {
    let end = range(text, path).end;
    format!("{}{what}{}", &text[..end], &text[end..])
}

/// With something as the last child of the element at a path.
pub(crate) fn within(text: &str, path: &str, what: &str) -> String {
    let range = range(text, path);
    let end = range.start + text[range].rfind("</").unwrap();
    format!("{}{what}{}", &text[..end], &text[end..])
}

/// With something as the first child of the element at a path.
pub(crate) fn first(text: &str, path: &str, what: &str) -> String {
    let start = range(text, path).start;
    let start = start + text[start..].find('>').unwrap() + 1;
    format!("{}{what}{}", &text[..start], &text[start..])
}

/// With the first `from` replaced, which must be there.
#[track_caller]
pub(crate) fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from} in {text}");
    text.replacen(from, to, 1)
}

/// The message with the digests of its signature, and its value, made anew by whoever signs so. A reference that leads
/// nowhere keeps its digest.
pub(crate) fn resigned(text: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    resigned_but(text, None, sign)
}

/// The same, but for the reference to one id, whose digest is given; where it is empty it stays as it is.
pub(crate) fn resigned_but(text: &str, given: Option<(&str, &str)>, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let mut text = text.to_owned();
    let count = parse(&text).descendants().filter(|node| node.tag_name().name() == "DigestValue").count();
    for at in 0..count {
        let (range, digest) = {
            let tree = parse(&text);
            let value = tree.descendants().filter(|node| node.tag_name().name() == "DigestValue").nth(at).unwrap();
            let reference = value.parent().unwrap();
            let target = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')).unwrap_or_default();
            let document = Document::read(text.clone().into_bytes(), &limits().xml);
            let document = document.unwrap_or_else(|error| panic!("{error}: {text}"));
            let digest = match (given, document.by_id(target)) {
                (Some((id, digest)), _) if id == target => digest.to_owned(),
                (_, Some(target)) => {
                    let mut octets = Vec::new();
                    exclusive(&document, target, &prefixes(reference), &mut octets);
                    base64::encode(digest::hash(DigestAlgorithm::Sha1, &octets).as_ref())
                }
                (_, None) => String::new(),
            };
            (content(&text, value.range()), digest)
        };
        if !digest.is_empty() {
            text.replace_range(range, &digest);
        }
    }
    let (range, octets) = {
        let tree = parse(&text);
        let info = tree.descendants().find(|node| node.tag_name().name() == "SignedInfo").unwrap();
        let method = info.descendants().find(|node| node.tag_name().name() == "CanonicalizationMethod").unwrap();
        let document =
            Document::read(text.clone().into_bytes(), &limits().xml).unwrap_or_else(|error| panic!("{error}"));
        let place = tree.descendants().filter(Node::is_element).position(|node| node == info).unwrap();
        let mut octets = Vec::new();
        exclusive(&document, nth(&document, place), &prefixes(method), &mut octets);
        let value = tree.descendants().find(|node| node.tag_name().name() == "SignatureValue").unwrap();
        (content(&text, value.range()), octets)
    };
    text.replace_range(range, &base64::encode(&sign(&octets)));
    text
}

/// What is between the tags of the element there.
fn content(text: &str, element: Range<usize>) -> Range<usize> {
    let whole = &text[element.clone()];
    element.start + whole.find('>').unwrap() + 1..element.start + whole.rfind("</").unwrap()
}

/// The prefixes of the `InclusiveNamespaces` below a node.
fn prefixes<'a>(node: Node<'a, 'a>) -> Vec<&'a str> {
    let list = node.descendants().find(|node| node.tag_name().name() == "InclusiveNamespaces");
    list.and_then(|list| list.attribute("PrefixList")).unwrap_or_default().split_ascii_whitespace().collect()
}

/// The element of that number in document order.
fn nth(document: &Document, place: usize) -> nuncio_xml::NodeId {
    let (mut waiting, mut seen) = (vec![document.root()], 0);
    while let Some(node) = waiting.pop() {
        if seen == place {
            return node;
        }
        seen += 1;
        let mut children: Vec<_> = document.elements(node).collect();
        children.reverse();
        waiting.extend(children);
    }
    panic!("no element {place}")
}

/// An `EncryptedData` with that plaintext under that key, which its `KeyInfo` names.
pub(crate) fn encrypted(key: &Secret, id: &str, form: &str, plaintext: &str, key_info: &str) -> String {
    encrypted_octets(key, id, form, plaintext.as_bytes(), key_info)
}

/// The same for octets that need be no text.
pub(crate) fn encrypted_octets(key: &Secret, id: &str, form: &str, plaintext: &[u8], key_info: &str) -> String {
    let mut octets = Vec::new();
    cipher::encrypt(CipherAlgorithm::Aes256Cbc, key, &mut Numbers(9), plaintext, &mut octets)
        .unwrap_or_else(|_| panic!("not encrypted"));
    let value = base64::encode(&octets);
    format!(
        "<e:EncryptedData xmlns:e=\"{XENC}\" Id=\"{id}\" Type=\"{XENC}{form}\"><e:EncryptionMethod \
         Algorithm=\"{XENC}aes256-cbc\"/>{key_info}<e:CipherData><e:CipherValue>{value}</e:CipherValue>\
         </e:CipherData></e:EncryptedData>"
    )
}

/// A `KeyInfo` with one security token reference that holds this.
pub(crate) fn key_info(reference: &str) -> String {
    format!(
        "<KeyInfo xmlns=\"{DSIG}\"><o:SecurityTokenReference xmlns:o=\"{WSSE}\">{reference}\
         </o:SecurityTokenReference></KeyInfo>"
    )
}

/// A `ReferenceList` of these ids.
pub(crate) fn reference_list(ids: &[&str]) -> String {
    let references = ids.iter().fold(String::new(), |mut text, id| {
        write!(text, "<e:DataReference URI=\"#{id}\"/>").unwrap();
        text
    });
    format!("<e:ReferenceList xmlns:e=\"{XENC}\">{references}</e:ReferenceList>")
}
