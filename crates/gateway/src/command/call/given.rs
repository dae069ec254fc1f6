//! What is sent as it is given: what stands in the body, or a whole plain envelope.

use std::io::Read;
use std::path::Path;

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{Document, ReadError, Writer};

use crate::command::Failed;
use crate::config::MessageLimits;

const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// A file, or standard input.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failed> {
    let mut octets = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut octets).map(drop)
    } else {
        std::fs::read(file).map(|read| octets = read)
    };
    read.map_err(|error| Failed::Step(format!("--body: cannot read {}: {error}", file.display())))?;
    Ok(octets)
}

/// A plain envelope: what was given, where it is one, or else one around it.
///
/// # Errors
///
/// Where what was given is no XML in UTF-8, or none that SOAP allows.
pub(super) fn envelope(soap: SoapVersion, given: Vec<u8>) -> Result<Vec<u8>, Failed> {
    let none = |error: ReadError| Failed::Step(format!("--body: it is no XML that SOAP allows: {error}"));
    let document = Document::read(given, &MessageLimits::default().message().xml).map_err(none)?;
    let name = document.name(document.root());
    if name.local == "Envelope" && [V11, V12].contains(&name.namespace) {
        return Ok(document.source().to_vec());
    }
    let namespace = match soap {
        SoapVersion::V11 => V11,
        SoapVersion::V12 => V12,
    };
    // The root alone: a declaration, and what else stands beside it, has no place in a body.
    let mut writer = Writer::with_capacity(document.source().len() + 256);
    writer.start("s", namespace, "Envelope");
    writer.start("s", namespace, "Body");
    writer.copy(&document, document.root());
    writer.end();
    writer.end();
    Ok(writer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(given: &str) -> String {
        let envelope = envelope(SoapVersion::V12, given.as_bytes().to_vec()).unwrap_or_else(|_| panic!("{given}"));
        String::from_utf8(envelope).unwrap()
    }

    #[test]
    fn the_root_is_what_stands_in_the_body() {
        let root = "<a xmlns=\"urn:a\"><!-- kept -->x</a>";
        let expected = format!("<s:Envelope xmlns:s=\"{V12}\"><s:Body>{root}</s:Body></s:Envelope>");
        for (before, after) in
            [("", ""), ("\u{feff} ", "\n"), ("<?xml version=\"1.0\"?>\n<!-- <b/> -->", ""), ("", "<!-- z -->")]
        {
            assert_eq!(sent(&format!("{before}{root}{after}")), expected, "{before} {after}");
        }
    }

    #[test]
    fn a_whole_envelope_is_sent_as_it_is() {
        for namespace in [V11, V12] {
            let given = format!("<!-- a --><e:Envelope xmlns:e='{namespace}'><e:Body/></e:Envelope>");
            assert_eq!(sent(&given), given);
        }
    }

    #[test]
    fn what_is_no_xml_is_not_sent() {
        let octets: [&[u8]; 6] = [b"", b"hello", b"<a>", b"<a/><b/>", b"<a>\xe9</a>", b"<!DOCTYPE a><a/>"];
        for given in octets {
            let refused = envelope(SoapVersion::V11, given.to_vec()).err();
            assert!(refused.is_some_and(|failed| failed.to_string().starts_with("--body: it is no XML")), "{given:?}");
        }
    }
}
