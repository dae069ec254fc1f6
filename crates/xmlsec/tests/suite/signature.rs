//! Signatures of the suite.

use std::path::Path;

use nuncio_crypto::algorithm::{DigestAlgorithm, MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::key::{PublicKey, RSA_BITS};
use nuncio_crypto::{digest, mac, sign};
use nuncio_xml::{Canonical, Document, Form, NodeId, canonicalise};
use nuncio_xmlsec::{DSIG, XENC};

use super::encryption::Ring;
use super::{Outcome, Skip, algorithm, child, elements, octets, outcome, read};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// What lies elsewhere, as the suite keeps it: by its URI, the files that it was at one time or another.
const ELSEWHERE: [(&str, &[&str]); 1] = [(
    "http://www.w3.org/TR/xml-stylesheet",
    &["external-data/xml-stylesheet-2005", "external-data/xml-stylesheet-2018"],
)];

/// What becomes of the signature of a file; none if it holds none.
pub(crate) fn judge(suite: &Path, case: &Path) -> Option<Outcome> {
    let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read(case).expect("a case");
    if !String::from_utf8_lossy(&text).contains("SignatureValue") {
        return None;
    }
    Some(match read(text) {
        Err(skip) => skip,
        Ok(document) => {
            let signature = elements(&document).into_iter().find(|&node| document.is(node, DSIG, "Signature"))?;
            let place = Place { suite, folder: case.parent().expect("a folder"), document: &document, signature };
            let verdict = place.verify();
            match (verdict, name.contains("-bad-")) {
                (Err(skip), _) => skip,
                (Ok(Verdict::Bad), true) => outcome::REFUSED,
                (Ok(Verdict::Good), false) => outcome::VERIFIED,
                (Ok(Verdict::Digests(besides)), false) => besides,
                (Ok(_), _) => "WRONG",
            }
        }
    })
}

enum Verdict {
    Good,
    Bad,
    /// The digests are right, and the signature over them is none that is built.
    Digests(Outcome),
}

struct Place<'a> {
    suite: &'a Path,
    folder: &'a Path,
    document: &'a Document,
    signature: NodeId,
}

impl Place<'_> {
    fn child(&self, parent: NodeId, local: &str) -> NodeId {
        child(self.document, parent, DSIG, local).unwrap_or_else(|| panic!("no {local}"))
    }

    fn verify(&self) -> Result<Verdict, Skip> {
        let document = self.document;
        let signed_info = self.child(self.signature, "SignedInfo");
        for reference in document.elements(signed_info).filter(|&node| document.is(node, DSIG, "Reference")) {
            if !self.digests(reference)? {
                return Ok(Verdict::Bad);
            }
        }
        let method = self.child(signed_info, "CanonicalizationMethod");
        let prefixes = prefixes(document, method);
        let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let how = canonical(&algorithm(document, method), &prefixes).ok_or(outcome::CANONICALISATION)?;
        let mut signed = Vec::new();
        canonicalise(document, signed_info, &how, usize::MAX, &mut signed).expect("all of it");
        self.is_made_by(self.child(signed_info, "SignatureMethod"), &signed)
    }

    fn is_made_by(&self, method: NodeId, signed: &[u8]) -> Result<Verdict, Skip> {
        let document = self.document;
        let value = octets(document, self.child(self.signature, "SignatureValue"));
        let uri = algorithm(document, method);
        let verdict = |good| if good { Verdict::Good } else { Verdict::Bad };
        if let Some(algorithm) = MacAlgorithm::from_uri(&uri) {
            if document.elements(method).next().is_some() {
                return Err(outcome::TRUNCATED);
            }
            return Ok(verdict(mac::mac(algorithm, &self.secret()?, &[signed]).matches(&value)));
        }
        let Some(algorithm) = SignatureAlgorithm::from_uri(&uri) else {
            return Ok(Verdict::Digests(match uri.rsplit('#').next().unwrap_or_default() {
                "dsa-sha1" | "dsa-sha256" => outcome::DSA,
                "rsa-sha224" | "ecdsa-sha1" => outcome::OTHER_DIGEST,
                _ => return Err(outcome::SIGNATURE),
            }));
        };
        if elements(document).into_iter().any(|node| document.is(node, DSIG, "RetrievalMethod")) {
            return Err(outcome::RETRIEVAL);
        }
        let keys = self.public_keys();
        if keys.is_empty() {
            return Ok(Verdict::Digests(outcome::NAMED));
        }
        if keys.iter().all(|key| key.rsa_bits().is_some_and(|bits| !RSA_BITS.contains(&bits))) {
            return Ok(Verdict::Digests(outcome::SHORT_RSA));
        }
        if keys.iter().all(|key| key.curve().is_some_and(|curve| value.len() < 2 * curve.size())) {
            return Err(outcome::SHORT_VALUE);
        }
        Ok(verdict(keys.iter().any(|key| sign::verify(key, algorithm, signed, &value))))
    }

    /// Whether the digest of a reference is right.
    fn digests(&self, reference: NodeId) -> Result<bool, Skip> {
        let document = self.document;
        let Some(digest) = DigestAlgorithm::from_uri(&algorithm(document, self.child(reference, "DigestMethod")))
        else {
            return Err(outcome::NO_DIGEST);
        };
        let claimed = octets(document, self.child(reference, "DigestValue"));
        let matches = |octets: &[u8]| digest::hash(digest, octets).matches(&claimed);
        let uri = document.attribute(reference, "", "URI").unwrap_or_default().into_owned();
        let transforms = child(document, reference, DSIG, "Transforms");
        let by_pointer = uri.strip_prefix("#xpointer(id('").and_then(|rest| rest.strip_suffix("'))"));
        let apex = match (uri.as_str(), by_pointer.or(uri.strip_prefix('#'))) {
            ("", _) => document.root(),
            (_, Some(id)) => elements(document)
                .into_iter()
                .find(|&node| ["Id", "ID"].iter().any(|name| document.attribute(node, "", name).as_deref() == Some(id)))
                .ok_or(outcome::NO_ID)?,
            _ if transforms.is_some() => return Err(outcome::OUTSIDE),
            _ => return self.elsewhere(&uri).map(|found| found.iter().any(|octets| matches(octets))),
        };
        let mut without = None;
        let mut last = (INCLUSIVE.to_owned(), Vec::new());
        for transform in transforms.into_iter().flat_map(|transforms| document.elements(transforms)) {
            let uri = algorithm(document, transform);
            match uri.as_str() {
                ENVELOPED => without = Some(self.signature),
                _ if canonical(&uri, &[]).is_some() => last = (uri, prefixes(document, transform)),
                _ => return Err(outcome::TRANSFORM),
            }
        }
        let prefixes: Vec<&str> = last.1.iter().map(String::as_str).collect();
        let how = canonical(&last.0, &prefixes).expect("a canonicalisation");
        // A reference by id leaves comments out whatever follows; one by XPointer does not ([XML Signature 1.1] 4.4.3.3).
        let how = Canonical { without, comments: how.comments && by_pointer.is_some(), ..how };
        let mut found = Vec::new();
        canonicalise(document, apex, &how, usize::MAX, &mut found).expect("all of it");
        Ok(matches(&found))
    }

    /// What a URI other than of this document leads to.
    fn elsewhere(&self, uri: &str) -> Result<Vec<Vec<u8>>, Skip> {
        let kept = ELSEWHERE.iter().find(|(known, _)| *known == uri);
        let files: Vec<_> = match kept {
            Some((_, files)) => files.iter().map(|file| self.suite.join(file)).collect(),
            None => vec![self.folder.join(uri)],
        };
        let found: Vec<_> = files.iter().filter_map(|file| std::fs::read(file).ok()).collect();
        if found.is_empty() { Err(outcome::NOT_HELD) } else { Ok(found) }
    }

    /// The key of an HMAC: encrypted beside it, or that of the folder or the suite.
    fn secret(&self) -> Result<Vec<u8>, Skip> {
        let document = self.document;
        let info = child(document, self.signature, DSIG, "KeyInfo").filter(|&info| {
            ["EncryptedKey", "AgreementMethod"].iter().any(|local| child(document, info, XENC, local).is_some())
        });
        if let Some(info) = info {
            let ring = Ring::read(self.suite, "merlin-xmlenc-five/keys.xml", Some("merlin-xmlenc-five/rsapriv.der"));
            return Ok(ring.key(document, info, 32)?.expose().to_vec());
        }
        let own = std::fs::read(self.folder.join("certs/hmackey.bin"));
        Ok(own.or_else(|_| std::fs::read(self.suite.join("keys/hmackey.bin"))).expect("the key"))
    }

    /// The public keys that the document holds.
    fn public_keys(&self) -> Vec<PublicKey> {
        let document = self.document;
        let mut keys = Vec::new();
        for node in elements(document) {
            if document.is(node, DSIG, "X509Certificate") {
                if let Ok(certificate) = Certificate::from_der(octets(document, node)) {
                    keys.push(certificate.public_key().clone());
                }
            } else if document.is(node, DSIG, "RSAKeyValue") {
                let number = |local| octets(document, self.child(node, local));
                let info = subject_public_key(&number("Modulus"), &number("Exponent"));
                keys.push(PublicKey::from_der(&info).expect("a key"));
            }
        }
        keys
    }
}

fn canonical<'a>(uri: &str, prefixes: &'a [&'a str]) -> Option<Canonical<'a>> {
    let (plain, comments) = match uri.strip_suffix("WithComments") {
        Some(rest) => (rest, true),
        None => (uri, false),
    };
    let form = match plain.trim_end_matches('#') {
        INCLUSIVE => Form::Inclusive,
        other if other == EXCLUSIVE.trim_end_matches('#') => Form::Exclusive(prefixes),
        _ => return None,
    };
    Some(Canonical { comments, ..Canonical::of(form) })
}

fn prefixes(document: &Document, node: NodeId) -> Vec<String> {
    let list = child(document, node, EXCLUSIVE, "InclusiveNamespaces");
    let list = list.and_then(|list| document.attribute(list, "", "PrefixList")).unwrap_or_default();
    list.split_ascii_whitespace().map(str::to_owned).collect()
}

/// `SubjectPublicKeyInfo` of an RSA key ([RFC 5280] section 4.1.2.7, [RFC 8017] appendix A.1.1).
fn subject_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut out = vec![tag];
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => out.push(short),
            _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        out.extend_from_slice(content);
        out
    }
    let number = |octets: &[u8]| {
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        tagged(2, &[&[0], &octets[zeros..]].concat()[usize::from(octets[zeros] < 0x80)..])
    };
    let key = tagged(0x30, &[number(modulus), number(exponent)].concat());
    // rsaEncryption, and the absence of parameters.
    let algorithm = tagged(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    tagged(0x30, &[algorithm, tagged(3, &[&[0], &key[..]].concat())].concat())
}
