//! Faults in either version of SOAP: read as what they say, and written as the other says it.

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{Kind, NodeId, Writer};

use super::{Faults, Translation, XML};
use crate::names::{SOAP11, SOAP12, soap};

/// The language of a reason that says none, which SOAP 1.2 must have.
const LANGUAGE: &str = "en";
/// Subcodes within one another that are read; more say nothing to anybody.
const SUBCODES: usize = 8;

impl Translation<'_> {
    pub(super) fn read_fault(&self, fault: NodeId) -> Fault {
        match self.from {
            SoapVersion::V11 => self.read_fault_11(fault),
            SoapVersion::V12 => self.read_fault_12(fault),
        }
    }

    fn child(&self, of: NodeId, namespace: &str, local: &str) -> Option<NodeId> {
        self.document.elements(of).find(|&child| self.document.is(child, namespace, local))
    }

    fn text(&self, of: NodeId, namespace: &str, local: &str) -> Option<String> {
        self.child(of, namespace, local).map(|node| self.document.text(node).trim().to_owned())
    }

    fn reason(&self, node: NodeId) -> (Option<String>, String) {
        let language = self.document.attribute(node, XML, "lang").map(std::borrow::Cow::into_owned);
        (language.filter(|language| !language.is_empty()), self.document.text(node).into_owned())
    }

    fn read_fault_11(&self, fault: NodeId) -> Fault {
        let code = self.child(fault, "", "faultcode").and_then(|node| self.qualified(node));
        let (general, specific) = match code {
            Some((namespace, local)) if namespace.is_empty() || namespace == SOAP11 => {
                // A dot sets what it is in particular apart from what it is in general (SOAP 1.1 section 4.4.1).
                let (first, more) = local.split_once('.').map_or((&*local, false), |(first, _)| (first, true));
                match General::of(first) {
                    Some(general) if more => (Some(general), vec![(SOAP11.to_owned(), local)]),
                    Some(general) => (Some(general), Vec::new()),
                    None => (None, vec![(namespace, local)]),
                }
            }
            Some(specific) => (None, vec![specific]),
            None => (None, Vec::new()),
        };
        Fault {
            general,
            specific,
            reasons: self.child(fault, "", "faultstring").map(|node| self.reason(node)).into_iter().collect(),
            node: self.text(fault, "", "faultactor"),
            role: None,
            detail: self.child(fault, "", "detail"),
        }
    }

    fn read_fault_12(&self, fault: NodeId) -> Fault {
        let mut code = self.child(fault, SOAP12, "Code");
        let value = |code| self.child(code, SOAP12, "Value").and_then(|node| self.qualified(node));
        let general = code.and_then(value).and_then(|(_, local)| General::of(&local));
        let mut specific = Vec::new();
        while specific.len() < SUBCODES {
            code = code.and_then(|code| self.child(code, SOAP12, "Subcode"));
            let Some(subcode) = code.and_then(value) else { break };
            specific.push(subcode);
        }
        let reasons = self.child(fault, SOAP12, "Reason").map(|reason| self.document.elements(reason));
        Fault {
            general,
            specific,
            reasons: reasons.into_iter().flatten().map(|text| self.reason(text)).collect(),
            node: self.text(fault, SOAP12, "Node"),
            role: self.text(fault, SOAP12, "Role"),
            detail: self.child(fault, SOAP12, "Detail"),
        }
    }

    /// The name that an element's text is; its namespace is empty where its prefix is bound to nothing. `None` where it is no
    /// name.
    fn qualified(&self, node: NodeId) -> Option<(String, String)> {
        let text = self.document.text(node);
        let (prefix, local) = text.trim().split_once(':').unwrap_or(("", text.trim()));
        let mut characters = local.chars();
        let begins = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
        let goes_on = characters.all(|other| other.is_alphanumeric() || matches!(other, '.' | '-' | '_'));
        let namespace = self.document.lookup_prefix(node, prefix).unwrap_or_default();
        (begins && goes_on).then(|| (namespace.to_owned(), local.to_owned()))
    }
}

/// What a fault is in general.
#[derive(Clone, Copy)]
enum General {
    Sender,
    Receiver,
    MustUnderstand,
    VersionMismatch,
    DataEncodingUnknown,
}

impl General {
    /// By its name in either version.
    fn of(local: &str) -> Option<Self> {
        Some(match local {
            "Client" | "Sender" => Self::Sender,
            "Server" | "Receiver" => Self::Receiver,
            "MustUnderstand" => Self::MustUnderstand,
            "VersionMismatch" => Self::VersionMismatch,
            "DataEncodingUnknown" => Self::DataEncodingUnknown,
            _ => return None,
        })
    }

    fn name(self, version: SoapVersion) -> &'static str {
        match (self, version) {
            // An encoding that is unknown is a fault of who chose it.
            (Self::Sender | Self::DataEncodingUnknown, SoapVersion::V11) => "Client",
            (Self::Receiver, SoapVersion::V11) => "Server",
            (Self::Sender, SoapVersion::V12) => "Sender",
            (Self::Receiver, SoapVersion::V12) => "Receiver",
            (Self::DataEncodingUnknown, SoapVersion::V12) => "DataEncodingUnknown",
            (Self::MustUnderstand, _) => "MustUnderstand",
            (Self::VersionMismatch, _) => "VersionMismatch",
        }
    }
}

/// A fault, as either version has it.
pub(super) struct Fault {
    /// `None` where SOAP 1.1 says what it is in particular alone.
    general: Option<General>,
    /// Namespace and local name, from the outer to the inner.
    specific: Vec<(String, String)>,
    /// Language and text.
    reasons: Vec<(Option<String>, String)>,
    node: Option<String>,
    role: Option<String>,
    detail: Option<NodeId>,
}

impl Fault {
    pub(super) fn write(&self, writer: &mut Writer, translation: &Translation<'_>, faults: Faults) {
        writer.start("s", soap(translation.to), "Fault");
        match translation.to {
            SoapVersion::V11 => self.write_11(writer, faults),
            SoapVersion::V12 => self.write_12(writer, faults),
        }
        if let Some(detail) = self.detail.filter(|_| faults == Faults::Whole) {
            match translation.to {
                SoapVersion::V11 => writer.start("", "", "detail"),
                SoapVersion::V12 => writer.start("s", SOAP12, "Detail"),
            }
            translation.declare(writer, detail);
            for attribute in translation.document.attributes(detail) {
                if attribute.namespace.is_empty() {
                    writer.attribute(attribute.local, &attribute.value);
                } else if attribute.namespace != soap(translation.from) {
                    writer.attribute_ns(attribute.prefix, attribute.namespace, attribute.local, &attribute.value);
                }
            }
            for child in translation.document.children(detail) {
                match translation.document.kind(child) {
                    Kind::Element => translation.entry(writer, child, None),
                    _ => writer.copy(translation.document, child),
                }
            }
            writer.end();
        }
        writer.end();
    }

    fn write_11(&self, writer: &mut Writer, faults: Faults) {
        writer.start("", "", "faultcode");
        // SOAP 1.1 has the specific code in place of the general one, as WCF has it.
        if let Some(code) = self.specific.first() {
            write_name(writer, code);
        } else {
            writer.text("s:");
            writer.text(self.general.unwrap_or(General::Receiver).name(SoapVersion::V11));
        }
        writer.end();
        writer.start("", "", "faultstring");
        if let Some((language, text)) = self.reasons.first() {
            if let Some(language) = language {
                writer.attribute_ns("xml", XML, "lang", language);
            }
            writer.text(text);
        }
        writer.end();
        if let Some(actor) = self.node.as_ref().or(self.role.as_ref()).filter(|_| faults == Faults::Whole) {
            writer.start("", "", "faultactor");
            writer.text(actor);
            writer.end();
        }
    }

    fn write_12(&self, writer: &mut Writer, faults: Faults) {
        writer.start("s", SOAP12, "Code");
        writer.start("s", SOAP12, "Value");
        writer.text("s:");
        // Where nobody says whose fault it is, it is not said to be the client's.
        writer.text(self.general.unwrap_or(General::Receiver).name(SoapVersion::V12));
        writer.end();
        for code in &self.specific {
            writer.start("s", SOAP12, "Subcode");
            writer.start("s", SOAP12, "Value");
            write_name(writer, code);
            writer.end();
        }
        for _ in &self.specific {
            writer.end();
        }
        writer.end();
        writer.start("s", SOAP12, "Reason");
        let unsaid = [(None, String::new())];
        let reasons = if self.reasons.is_empty() { &unsaid[..] } else { &self.reasons };
        for (language, text) in reasons {
            writer.start("s", SOAP12, "Text");
            writer.attribute_ns("xml", XML, "lang", language.as_deref().unwrap_or(LANGUAGE));
            writer.text(text);
            writer.end();
        }
        writer.end();
        for (local, value) in [("Node", &self.node), ("Role", &self.role)] {
            if let Some(value) = value.as_ref().filter(|_| faults == Faults::Whole) {
                writer.start("s", SOAP12, local);
                writer.text(value);
                writer.end();
            }
        }
    }
}

/// A qualified name as the text of the started element.
fn write_name(writer: &mut Writer, (namespace, local): &(String, String)) {
    if !namespace.is_empty() {
        writer.declare("f", namespace);
        writer.text("f:");
    }
    writer.text(local);
}
