//! A message without security: what a plain peer gets.

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{NodeId, Writer};
use nuncio_xmlsec::{DSIG, XENC};

use crate::addressing::is_addressing;
use crate::asserted::{Asserted, IDENTITY};
use crate::envelope::Envelope;
use crate::names::{WSSE, WSSE11, WSU, soap};

/// A plain message, and what the transport says of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plain {
    /// The `Content-Type`, with the action of SOAP 1.2 in it.
    pub content_type: String,
    /// The `SOAPAction` of SOAP 1.1, quoted.
    pub soap_action: Option<String>,
    /// The envelope.
    pub body: Vec<u8>,
}

/// The content type of a version of SOAP.
pub(crate) const fn content_type(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V11 => "text/xml; charset=utf-8",
        SoapVersion::V12 => "application/soap+xml; charset=utf-8",
    }
}

/// The local names of what of an envelope is handed on and no signature covers: these header blocks, and those that are
/// addressed to others. Addressing headers that do not travel are nobody's concern.
pub(crate) fn unverified<'a>(
    envelope: &'a Envelope,
    blocks: &'a [NodeId],
    addressing: bool,
) -> impl Iterator<Item = &'a str> {
    let passing = envelope.passing.iter().map(|(_, node)| node);
    let names = blocks.iter().chain(passing).map(|&node| envelope.document.name(node));
    names.filter(move |name| addressing || !is_addressing(name.namespace)).map(|name| name.local)
}

/// Namespaces of what a client declares for its security header, which means nothing without one.
pub(crate) const MEANINGLESS: [&str; 5] = [WSSE, WSSE11, WSU, DSIG, XENC];

/// The header blocks of an envelope that are handed on, those that are addressed to others in their places. None says who
/// calls in our words: a backend that reads them must not find a client's, whatever route it came by.
pub(crate) fn travelling(envelope: &Envelope, addressing: bool) -> Vec<NodeId> {
    let mut passing = envelope.passing.iter().peekable();
    let mut blocks: Vec<NodeId> = Vec::new();
    for (at, &block) in envelope.blocks.iter().enumerate() {
        while let Some((_, other)) = passing.next_if(|(before, _)| *before <= at) {
            blocks.push(*other);
        }
        blocks.push(block);
    }
    blocks.extend(passing.map(|(_, other)| other));
    blocks.retain(|&block| {
        let namespace = envelope.document.name(block).namespace;
        namespace != IDENTITY && (addressing || !is_addressing(namespace))
    });
    blocks
}

/// Writes an envelope anew from its nodes: without its security header and, unless they travel, its addressing headers; with
/// the header blocks that are addressed to others ([SOAP 1.2] section 2.7: a node removes what is its own), and what is
/// asserted of who sent it.
pub(crate) fn write(
    envelope: &Envelope,
    blocks: &[NodeId],
    action: Option<&str>,
    asserted: Option<&Asserted<'_>>,
) -> Plain {
    let asserted = asserted.filter(|asserted| asserted.is_said());
    let write = |writer: &mut Writer| asserted.into_iter().for_each(|asserted| asserted.write(writer));
    let body = write_with(envelope, blocks, asserted.is_some().then_some(&write));
    sent(envelope.soap, action, body)
}

/// The octets of the same, with what `besides` writes after the header blocks.
pub(crate) fn write_with(envelope: &Envelope, blocks: &[NodeId], besides: Option<&dyn Fn(&mut Writer)>) -> Vec<u8> {
    let document = &envelope.document;
    let namespace = soap(envelope.soap);
    let mut writer = Writer::new();
    writer.omit(&MEANINGLESS);
    writer.start("s", namespace, "Envelope");
    writer.omit_comments();
    if !blocks.is_empty() || besides.is_some() {
        writer.start("s", namespace, "Header");
        for &block in blocks {
            writer.copy(document, block);
        }
        if let Some(besides) = besides {
            besides(&mut writer);
        }
        writer.end();
    }
    writer.start("s", namespace, "Body");
    writer.copy_children(document, envelope.body);
    writer.end();
    writer.end();
    writer.into_bytes()
}

/// Whether an action can stand between quotes in a header.
pub(crate) fn is_quotable(action: &str) -> bool {
    action.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'"' && byte != b'\\')
}

/// An envelope of that version, with what the transport says of it.
pub(crate) fn sent(version: SoapVersion, action: Option<&str>, body: Vec<u8>) -> Plain {
    // An action goes into a header: what cannot stand there is left out, and the backend decides by the body.
    let action = action.filter(|action| is_quotable(action));
    let mut content_type = content_type(version).to_owned();
    let mut soap_action = None;
    match version {
        SoapVersion::V11 => soap_action = Some(format!("\"{}\"", action.unwrap_or_default())),
        SoapVersion::V12 => {
            if let Some(action) = action {
                content_type.push_str("; action=\"");
                content_type.push_str(action);
                content_type.push('"');
            }
        }
    }
    Plain { content_type, soap_action, body }
}
