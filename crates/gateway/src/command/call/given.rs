//! What is sent as it is given: what stands in the body, or a whole plain envelope.

use std::io::Read;
use std::path::Path;

use nuncio_policy::model::SoapVersion;
use nuncio_xml::{Document, ReadError};

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
    let text = std::str::from_utf8(document.source()).map_err(|_| none(ReadError::NotUtf8))?;
    let namespace = match soap {
        SoapVersion::V11 => V11,
        SoapVersion::V12 => V12,
    };
    let root = without_prolog(text);
    Ok(format!("<s:Envelope xmlns:s=\"{namespace}\"><s:Body>{root}</s:Body></s:Envelope>").into_bytes())
}

/// A document that was read from its root on: a declaration and comments may stand before that.
fn without_prolog(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    for (start, end) in std::iter::repeat([("<?", "?>"), ("<!--", "-->")]).flatten() {
        if !rest.starts_with("<?") && !rest.starts_with("<!--") {
            break;
        }
        if let Some(within) = rest.strip_prefix(start) {
            rest = within.split_once(end).map_or("", |(_, behind)| behind).trim_start();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_what_stands_in_the_body() {
        for text in ["<a/>", "\u{feff} <a/>", "<?xml version=\"1.0\"?>\n<!-- <b/> -->\n<!--?>--><a/>", "<!-- --><a/>"] {
            assert_eq!(without_prolog(text), "<a/>", "{text}");
        }
        for cut in ["", "<?", "<!-- ", "<?xml ?><!--"] {
            assert_eq!(without_prolog(cut), "", "{cut}");
        }
    }
}
