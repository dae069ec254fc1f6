//! Which octets of a recorded message its signatures and ciphers protect, by the recording's keys and not by our code.

use std::collections::BTreeSet;
use std::ops::Range;

use nuncio_tests::canonical;
use nuncio_tests::oracle::{self, by_id, child, local, text_of};
use nuncio_tests::recording::Keys;
use roxmltree::{Document, Node};
use sha1::{Digest, Sha1};
use sha2::Sha256;

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// What is protected of one message.
pub(crate) struct Protected<'k> {
    /// Octets that are signed as they are written, or that are ciphertext.
    spans: Vec<Range<usize>>,
    /// The canonical form of everything that is signed, and of what says so.
    said: BTreeSet<String>,
    keys: &'k Keys,
}

impl<'k> Protected<'k> {
    pub(crate) fn of(message: &[u8], keys: &'k Keys) -> Self {
        let clear = oracle::open(message, keys).unwrap_or_else(|error| panic!("{error}"));
        let clear = Document::parse(&clear).unwrap();
        let text = str::from_utf8(message).unwrap();
        let trimmed = text.trim_start_matches('\u{feff}');
        let shift = text.len() - trimmed.len();
        let wire = Document::parse(trimmed).unwrap();

        let mut spans = Vec::new();
        for (id, digest) in references(&clear) {
            let Some(node) = by_id(&wire, &id) else { continue };
            // Whatever is encrypted after it was signed is no more than a wrapping of ciphertext.
            let as_written = digest == digested(node, digest.len());
            let mut at = node.range().start;
            for data in node.descendants().filter(|node| !as_written && node.has_tag_name((XENC, "EncryptedData"))) {
                spans.push(at..data.range().start);
                at = data.range().end;
            }
            spans.push(at..node.range().end);
        }
        let inside = |node: Node<'_, '_>| node.first_child().map_or(0..0, |child| child.range());
        for node in wire.descendants() {
            match local(node) {
                "CipherValue" | "SignatureValue" => spans.push(inside(node)),
                "SignedInfo" => spans.push(node.range()),
                _ => {}
            }
        }
        let spans = spans.into_iter().map(|span| span.start + shift..span.end + shift).collect();
        Self { spans, said: said(&clear), keys }
    }

    /// Whether any of these octets is protected; of none, whether what is put there would be.
    pub(crate) fn touches(&self, octets: &Range<usize>) -> bool {
        self.spans.iter().any(|span| {
            let point = octets.is_empty() && span.start < octets.start && octets.start < span.end;
            point || span.start < octets.end && octets.start < span.end
        })
    }

    /// Whether a message that was changed says the same under its signatures.
    pub(crate) fn says_the_same(&self, changed: &[u8]) -> bool {
        let Ok(clear) = oracle::open(changed, self.keys) else { return false };
        Document::parse(&clear).is_ok_and(|clear| said(&clear) == self.said)
    }
}

/// The ids that signatures name, with the digests.
fn references(document: &Document<'_>) -> Vec<(String, Vec<u8>)> {
    let references = document.descendants().filter(|node| node.has_tag_name((DSIG, "Reference")));
    let named = references.filter_map(|reference| {
        let digest = base64_simd::STANDARD.decode_to_vec(text_of(child(reference, "DigestValue")?)).ok()?;
        Some((reference.attribute("URI")?.strip_prefix('#')?.to_owned(), digest))
    });
    named.collect()
}

fn digested(node: Node<'_, '_>, length: usize) -> Vec<u8> {
    let octets = canonical::exclusive(node);
    if length == 20 { Sha1::digest(octets).to_vec() } else { Sha256::digest(octets).to_vec() }
}

/// Each once: the same said in two places is nothing more.
fn said(document: &Document<'_>) -> BTreeSet<String> {
    let signed = references(document).into_iter().map(|(id, _)| by_id(document, &id).map(canonical::exclusive));
    let signatures = document.descendants().filter(|node| ["SignedInfo", "SignatureValue"].contains(&local(*node)));
    signed.map(Option::unwrap_or_default).chain(signatures.map(canonical::exclusive)).collect()
}

/// Where in a message an octet is: the innermost element, and whether it is in its markup, an attribute or its text.
pub(crate) fn place(message: &[u8], at: usize) -> String {
    let text = str::from_utf8(message).unwrap();
    let trimmed = text.trim_start_matches('\u{feff}');
    let Some(at) = at.checked_sub(text.len() - trimmed.len()) else { return "the byte order mark".to_owned() };
    let document = Document::parse(trimmed).unwrap();
    let innermost = document.descendants().rfind(|node| node.is_element() && node.range().contains(&at));
    let Some(node) = innermost else { return "outside".to_owned() };
    if node.children().any(|child| child.is_text() && child.range().contains(&at)) {
        return format!("{} text", local(node));
    }
    if let Some(attribute) = node.attributes().find(|attribute| attribute.range().contains(&at)) {
        return format!("{} @{}", local(node), attribute.name());
    }
    let tag = &trimmed[node.range().start..];
    let tag = &tag[..tag.find('>').unwrap_or(tag.len())];
    let declared = tag.match_indices(" xmlns").find(|(start, _)| {
        let rest = &tag[start + 1..];
        let end = rest.match_indices('"').nth(1).map_or(rest.len(), |(end, _)| end + 1);
        (start + 1..start + 1 + end).contains(&(at - node.range().start))
    });
    if declared.is_some() { format!("{} declaration", local(node)) } else { format!("{} markup", local(node)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio_tests::recording::Scenario;

    fn scenario(name: &str) -> &'static Scenario {
        crate::PACKED.iter().find(|scenario| scenario.name == name).unwrap()
    }

    /// Where the first such text is, and so many octets into it.
    fn at(message: &[u8], text: &str, into: usize) -> Range<usize> {
        let at = str::from_utf8(message).unwrap().find(text).unwrap_or_else(|| panic!("no {text}")) + into;
        at..at + 1
    }

    #[test]
    fn what_is_signed_or_ciphertext_is_protected() {
        let scenario = scenario("wcf-anonymousForCertificate-sc-2005-02");
        let message = &scenario.exchanges[1].request.body;
        let protected = Protected::of(message, &scenario.keys);
        for inside in ["<a:Action", "<a:MessageID", "<a:To", "<u:Timestamp", "<u:Created>", "<s:Body"] {
            assert!(protected.touches(&at(message, inside, 3)), "{inside}");
        }
        for (outside, into) in [
            ("<s:Envelope", 3),
            ("<o:Security ", 3),
            ("<c:DerivedKeyToken", 3),
            ("<e:CipherValue>", 3),
            ("<e:DataReference", 3),
        ] {
            assert!(!protected.touches(&at(message, outside, into)), "{outside}");
        }
        assert!(protected.touches(&at(message, "<e:CipherValue>", 40)));
        // Between two blocks nothing is signed, and within one everything.
        let between = at(message, "<a:MessageID", 0).start;
        assert!(!protected.touches(&(between..between)));
        assert!(protected.touches(&(between + 4..between + 4)));
    }

    #[test]
    fn what_was_encrypted_first_is_protected_with_its_wrapping() {
        let scenario = scenario("wcf-anonymousForCertificate-sc-2005-02-order-EncryptBeforeSign");
        let message = &scenario.exchanges[1].request.body;
        let protected = Protected::of(message, &scenario.keys);
        let body = at(message, "<s:Body", 0).start;
        let method = body + at(&message[body..], "<e:EncryptionMethod", 3).start;
        assert!(protected.touches(&(method..method + 1)));
    }

    #[test]
    fn blanks_say_the_same_and_letters_do_not() {
        let scenario = scenario("wcf-anonymousForCertificate-sc-2005-02");
        let message = String::from_utf8(scenario.exchanges[1].request.body.clone()).unwrap();
        let protected = Protected::of(message.as_bytes(), &scenario.keys);
        assert!(protected.says_the_same(message.replace("<a:Action s:", "<a:Action  s:").as_bytes()));
        assert!(protected.says_the_same(message.replace("<a:Action", "<!-- c --><a:Action").as_bytes()));
        assert!(!protected.says_the_same(message.replace("/Echo/Echo<", "/Echo/Ecko<").as_bytes()));
        assert!(!protected.says_the_same(message.replace("<u:Created>2026", "<u:Created>2027").as_bytes()));
        assert!(!protected.says_the_same(message.replace("<s:Body u:Id=", "<s:Body u:Ip=").as_bytes()));
        assert!(!protected.says_the_same(b"<x"));
    }
}
