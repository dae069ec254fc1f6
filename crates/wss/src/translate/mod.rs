//! An envelope written in the other version of SOAP: for a plain service that speaks that one alone.
//!
//! What both versions have goes over: header blocks with whom they are for and whether they must be understood, the body,
//! and a fault with its code, its reason and its detail. `relay` is SOAP 1.2's alone, and of several texts of a reason SOAP
//! 1.1 gets the first. What the body holds stays as it is: an encoding that was said of it is said of it still.

mod fault;

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{Document, Kind, NodeId, Writer};
use nuncio_xmlsec::{DSIG, XENC};

use crate::envelope::Envelope;
use crate::names::{SOAP11, SOAP12, WSSE, WSSE11, WSU, soap};
use crate::plain;

/// The namespace of the prefix `xml`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Whoever gets a message next, as SOAP 1.1 calls him.
const NEXT11: &str = "http://schemas.xmlsoap.org/soap/actor/next";
/// The same in SOAP 1.2.
const NEXT12: &str = "http://www.w3.org/2003/05/soap-envelope/role/next";
/// Whom a message is for in the end: in SOAP 1.1 by saying nothing.
const ULTIMATE12: &str = "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver";
/// No encoding in particular: in SOAP 1.1 by saying nothing.
const NO_ENCODING12: &str = "http://www.w3.org/2003/05/soap-envelope/encoding/none";

/// What of a fault goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Faults {
    /// All of it.
    Whole,
    /// Its code and its reason. Details and addresses stay behind, and so does what comes with it in headers.
    Sanitised,
}

/// Writes an envelope anew in a version of SOAP, its own or the other, with what `besides` writes after the header blocks.
pub(crate) fn write(
    envelope: &Envelope,
    blocks: &[NodeId],
    version: SoapVersion,
    faults: Faults,
    besides: Option<&dyn Fn(&mut Writer)>,
) -> Vec<u8> {
    let translation = Translation { document: &envelope.document, from: envelope.soap, to: version };
    let fault = envelope.payload().filter(|_| envelope.is_fault());
    let namespace = soap(version);
    let mut writer = Writer::new();
    writer.omit(&plain::MEANINGLESS);
    if version != envelope.soap {
        // A name in content that is of one version's envelope means nothing in a message of the other.
        writer.omit(&[soap(envelope.soap)]);
    }
    writer.start("s", namespace, "Envelope");
    writer.omit_comments();
    let travels = |block: &NodeId| {
        // Those of SOAP itself tell of its own version, and of nothing in the other.
        let of_soap = envelope.document.name(*block).namespace == soap(envelope.soap);
        (fault.is_none() || faults == Faults::Whole) && (version == envelope.soap || !of_soap)
    };
    let mut blocks = blocks.iter().copied().filter(travels).peekable();
    if blocks.peek().is_some() || besides.is_some() {
        writer.start("s", namespace, "Header");
        for block in blocks {
            translation.block(&mut writer, block);
        }
        if let Some(besides) = besides {
            besides(&mut writer);
        }
        writer.end();
    }
    writer.start("s", namespace, "Body");
    match fault {
        Some(fault) => translation.read_fault(fault).write(&mut writer, &translation, faults),
        None => translation.body(&mut writer, envelope.body),
    }
    writer.end();
    writer.end();
    writer.into_bytes()
}

struct Translation<'a> {
    document: &'a Document,
    from: SoapVersion,
    to: SoapVersion,
}

impl Translation<'_> {
    /// A header block.
    fn block(&self, writer: &mut Writer, block: NodeId) {
        self.element(writer, block, |local, value| match (self.to, local) {
            (_, "mustUnderstand") => match value.trim() {
                "1" | "true" => Some(("mustUnderstand", "1".to_owned())),
                "0" | "false" => Some(("mustUnderstand", "0".to_owned())),
                other => Some(("mustUnderstand", other.to_owned())),
            },
            (SoapVersion::V12, "actor") if value.is_empty() => None,
            (SoapVersion::V11, "role") if value.is_empty() || value == ULTIMATE12 => None,
            (SoapVersion::V12, "actor") if value == NEXT11 => Some(("role", NEXT12.to_owned())),
            (SoapVersion::V11, "role") if value == NEXT12 => Some(("actor", NEXT11.to_owned())),
            (SoapVersion::V12, "actor") => Some(("role", value.to_owned())),
            (SoapVersion::V11, "role") => Some(("actor", value.to_owned())),
            (_, "encodingStyle") => self.encoding(value),
            _ => None,
        });
    }

    /// What a body holds. SOAP 1.1 may say its encoding above it, SOAP 1.2 may not.
    fn body(&self, writer: &mut Writer, body: NodeId) {
        let above = [Some(body), self.document.parent(body)];
        let said = |node| self.document.attribute(node, soap(self.from), "encodingStyle");
        let inherited = above.into_iter().flatten().find_map(said);
        for child in self.document.children(body) {
            match self.document.kind(child) {
                Kind::Element => self.entry(writer, child, inherited.as_deref()),
                _ => writer.copy(self.document, child),
            }
        }
    }

    /// An element of a body or of a detail.
    fn entry(&self, writer: &mut Writer, entry: NodeId, inherited: Option<&str>) {
        let own = self.document.attribute(entry, soap(self.from), "encodingStyle");
        if own.is_none() && inherited.is_none() || self.from == self.to {
            writer.copy(self.document, entry);
            return;
        }
        self.start(writer, entry, |local, value| match local {
            "encodingStyle" => self.encoding(value),
            _ => None,
        });
        let encoding = inherited.filter(|_| own.is_none()).and_then(|value| self.encoding(value));
        if let Some((local, value)) = encoding {
            writer.attribute_ns("s", soap(self.to), local, &value);
        }
        writer.copy_children(self.document, entry);
        writer.end();
    }

    fn encoding(&self, value: &str) -> Option<(&'static str, String)> {
        let none = value.is_empty() || self.to == SoapVersion::V11 && value == NO_ENCODING12;
        (!none).then(|| ("encodingStyle", value.to_owned()))
    }

    /// An element whose attributes of SOAP become what `translate` says.
    fn element(
        &self,
        writer: &mut Writer,
        node: NodeId,
        translate: impl Fn(&str, &str) -> Option<(&'static str, String)>,
    ) {
        if self.from == self.to {
            writer.copy(self.document, node);
            return;
        }
        self.start(writer, node, translate);
        writer.copy_children(self.document, node);
        writer.end();
    }

    fn start(
        &self,
        writer: &mut Writer,
        node: NodeId,
        translate: impl Fn(&str, &str) -> Option<(&'static str, String)>,
    ) {
        let name = self.document.name(node);
        writer.start(self.document.prefix(node), name.namespace, name.local);
        self.declare(writer, node);
        for attribute in self.document.attributes(node) {
            if attribute.namespace.is_empty() {
                writer.attribute(attribute.local, &attribute.value);
            } else if attribute.namespace != soap(self.from) {
                writer.attribute_ns(attribute.prefix, attribute.namespace, attribute.local, &attribute.value);
            } else if let Some((local, value)) = translate(attribute.local, &attribute.value) {
                writer.attribute_ns("s", soap(self.to), local, &value);
            }
        }
    }

    /// Declares what is in scope, for names in content; but not what means nothing here.
    fn declare(&self, writer: &mut Writer, node: NodeId) {
        for (prefix, namespace) in self.document.in_scope(node) {
            let meaningless = [SOAP11, SOAP12, WSSE, WSSE11, WSU, DSIG, XENC].contains(&namespace);
            if !meaningless {
                writer.declare(prefix, namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests;
