//! What a message says, as a tree, with the values taken out that no two messages share.
//!
//! What is encrypted is opened where it stands. A value that must differ is told by its length or form, an id by what it
//! stands at, a reference by what it leads to.

use std::collections::BTreeMap;

use nuncio_tests::oracle::{self, child, local, text_of};
use nuncio_tests::recording::Keys;
use nuncio_tests::time::parse_utc;
use roxmltree::{Document, Node};

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// What stands for a ciphertext once it is opened.
const OPENED: &str = "urn:mirror:opened";

/// By what a namespace is called here.
const NAMESPACES: &[(&str, &str)] = &[
    ("http://schemas.xmlsoap.org/soap/envelope/", "s"),
    ("http://www.w3.org/2003/05/soap-envelope", "s12"),
    ("http://www.w3.org/2005/08/addressing", "a"),
    ("http://schemas.xmlsoap.org/ws/2004/08/addressing", "a04"),
    ("http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd", "o"),
    (WSU, "u"),
    ("http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd", "k"),
    (DSIG, "d"),
    (XENC, "e"),
    ("http://schemas.xmlsoap.org/ws/2005/02/trust", "t"),
    ("http://docs.oasis-open.org/ws-sx/ws-trust/200512", "t13"),
    ("http://schemas.xmlsoap.org/ws/2005/02/sc", "c"),
    ("http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512", "c13"),
];

/// An element: what it is called, its attributes, its text, its children.
pub(crate) struct Element {
    pub(crate) label: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

/// A message as a tree, with what HTTP says of it as attributes of its root.
pub(crate) fn of(content_type: &str, soap_action: Option<&str>, body: &[u8], keys: &Keys) -> Element {
    let text = opened(body, keys);
    let document = Document::parse(&text).unwrap();
    let shape = Shape { labels: labels(&document), keys };
    let envelope = shape.element(document.root_element());
    let mut attributes = BTreeMap::new();
    let mut parameters = content_type.split(';').map(str::trim);
    attributes.insert("Content-Type".to_owned(), parameters.next().unwrap_or_default().to_owned());
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        attributes.insert(format!("Content-Type; {name}"), value.trim_matches('"').to_owned());
    }
    attributes.extend(soap_action.map(|action| ("SOAPAction".to_owned(), action.to_owned())));
    Element { label: "HTTP".to_owned(), attributes, text: String::new(), children: vec![envelope] }
}

/// The message with every ciphertext that the recording's keys open replaced by what it hides, its `EncryptedData` around it.
fn opened(body: &[u8], keys: &Keys) -> String {
    let mut text = std::str::from_utf8(body).unwrap().trim_start_matches('\u{feff}').to_owned();
    loop {
        let document = Document::parse(&text).unwrap();
        let hidden = document.descendants().filter(|node| node.has_tag_name((XENC, "EncryptedData")));
        let values = hidden.filter_map(|part| Some((part, child(child(part, "CipherData")?, "CipherValue")?)));
        let mut closed = values.filter(|(_, value)| value.first_element_child().is_none());
        let Some((part, value)) = closed.next() else { break };
        let plain = oracle::decrypt(part, keys).unwrap_or_else(|error| panic!("{error}: {text}"));
        let range = value.first_child().unwrap().range().start..value.last_child().unwrap().range().end;
        let plain = format!("<m:Opened xmlns:m=\"{OPENED}\">{plain}</m:Opened>");
        text.replace_range(range, &plain);
    }
    text
}

/// An element's name here.
fn name(node: Node<'_, '_>) -> String {
    prefixed(node.tag_name().namespace(), local(node))
}

fn prefixed(namespace: Option<&str>, local: &str) -> String {
    match namespace {
        None | Some("") => local.to_owned(),
        Some(namespace) => match NAMESPACES.iter().find(|(known, _)| *known == namespace) {
            Some((_, prefix)) => format!("{prefix}:{local}"),
            None => format!("{{{namespace}}}{local}"),
        },
    }
}

/// An element by what distinguishes it: of what is encrypted, what that is.
fn label(node: Node<'_, '_>) -> String {
    if node.has_tag_name((XENC, "EncryptedData")) {
        let within = node.descendants().find(|node| node.tag_name().namespace() == Some(OPENED));
        let content = node.attribute("Type").is_some_and(|kind| kind.ends_with("#Content"));
        let what = if content { node.parent() } else { within.and_then(|opened| opened.first_element_child()) };
        return format!("e:EncryptedData({})", what.map(name).unwrap_or_default());
    }
    name(node)
}

/// What a signature covers or a list names: one of many, told apart by what it leads to.
fn is_list_entry(node: Node<'_, '_>) -> bool {
    node.has_tag_name((DSIG, "Reference")) || node.has_tag_name((XENC, "DataReference"))
}

fn id<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.attribute((WSU, "Id")).or_else(|| node.attribute("Id"))
}

/// What each id stands at; where several such elements have ids, they are numbered.
fn labels(document: &Document<'_>) -> BTreeMap<String, String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for node in document.descendants().filter(Node::is_element) {
        if let Some(id) = id(node) {
            let label = label(node);
            let n = seen.entry(label.clone()).or_default();
            *n += 1;
            let label = if *n == 1 { label } else { format!("{label}#{n}") };
            assert!(labels.insert(id.to_owned(), label).is_none(), "two elements have the id {id}");
        }
    }
    labels
}

struct Shape<'k> {
    labels: BTreeMap<String, String>,
    keys: &'k Keys,
}

impl Shape<'_> {
    fn element(&self, node: Node<'_, '_>) -> Element {
        let labelled = id(node).and_then(|id| self.labels.get(id)).cloned();
        let target = node.attribute("URI").filter(|_| is_list_entry(node)).map(|uri| self.reference(uri));
        let labelled = labelled.or(target.map(|target| format!("{}({target})", name(node))));
        let attributes = node.attributes().filter(|of| of.name() != "URI" || !is_list_entry(node)).map(|of| {
            let name = prefixed(of.namespace(), of.name());
            let value = match name.as_str() {
                "u:Id" | "Id" => String::new(),
                "URI" => self.reference(of.value()),
                _ => of.value().to_owned(),
            };
            (name, value)
        });
        let mut element = Element {
            label: labelled.unwrap_or_else(|| label(node)),
            attributes: attributes.collect(),
            text: String::new(),
            children: Vec::new(),
        };
        // How long a key is, nothing in the message need say.
        if matches!(local(node), "KeyInfo" | "DerivedKeyToken")
            && let Ok(secrets) = oracle::referred(node, self.keys)
        {
            element.attributes.insert("octets of the key".to_owned(), secrets[0].len().to_string());
        }
        self.content(node, &mut element);
        element
    }

    fn content(&self, node: Node<'_, '_>, element: &mut Element) {
        let leaf = node.first_element_child().is_none();
        for child in node.children() {
            if child.tag_name().namespace() == Some(OPENED) {
                self.content(child, element);
            } else if child.is_element() {
                element.children.push(self.element(child));
            } else if let (true, false, Some(text)) = (child.is_text(), leaf, child.text()) {
                element.text.push_str(text);
            }
        }
        if leaf {
            element.text = value(node, &text_of(node));
        }
    }

    fn reference(&self, uri: &str) -> String {
        match uri.strip_prefix('#') {
            Some(id) => format!("#{}", self.labels.get(id).unwrap_or_else(|| panic!("nothing has the id {id}"))),
            None => uri.to_owned(),
        }
    }
}

/// A text, or its kind and length where no two messages share it.
fn value(node: Node<'_, '_>, text: &str) -> String {
    let octets = || {
        let packed: String = text.split_ascii_whitespace().collect();
        let octets = base64_simd::STANDARD.decode_to_vec(packed).unwrap_or_else(|_| panic!("{text} is no base64"));
        format!("{} octets", octets.len())
    };
    let digested = || node.attribute("Type").is_some_and(|kind| kind.ends_with("#PasswordDigest"));
    match local(node) {
        "CipherValue" | "DigestValue" | "SignatureValue" | "Nonce" | "BinarySecret" => octets(),
        "Password" if digested() => octets(),
        "Created" | "Expires" => {
            let at = |text: &str| parse_utc(text).unwrap_or_else(|| panic!("{text} is no instant"));
            let written: String = text.chars().map(|of| if of.is_ascii_digit() { '0' } else { of }).collect();
            let created = node.parent().and_then(|above| child(above, "Created")).filter(|created| *created != node);
            created
                .map_or(written.clone(), |created| format!("{written}, {} ms later", at(text) - at(&text_of(created))))
        }
        "MessageID" => match text.strip_prefix("urn:uuid:") {
            Some(uuid) => {
                let written = uuid.chars().map(|of| if matches!(of, '0'..='9' | 'a'..='f') { 'x' } else { of });
                format!("urn:uuid:{}", written.collect::<String>())
            }
            None => text.to_owned(),
        },
        _ => text.to_owned(),
    }
}
