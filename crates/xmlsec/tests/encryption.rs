//! What is encrypted decrypts into the same nodes, and whatever stands in the wrong place, or is not understood, is
//! refused.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

use nuncio_crypto::algorithm::{
    CipherAlgorithm, DigestAlgorithm, KeyTransport, KeyWrap, MacAlgorithm, SignatureAlgorithm,
};
use nuncio_crypto::keywrap;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer, exclusive};
use nuncio_xmlsec::encryption::{
    EncryptedData, EncryptedKey, Encrypting, Form, KeyMethod, decrypt, encrypt, encrypted_key, read_reference_list,
    reference_list,
};
use nuncio_xmlsec::{Accepted, C14n, DSIG, Invalid, XENC};

struct Ones;

impl Random for Ones {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(1);
    }
}

fn accepted() -> Accepted {
    Accepted {
        canonicalisations: &[C14n::Exclusive],
        transforms: &[C14n::Exclusive],
        digests: vec![DigestAlgorithm::Sha1],
        macs: vec![MacAlgorithm::HmacSha1],
        signatures: vec![SignatureAlgorithm::RsaSha1],
        ciphers: vec![CipherAlgorithm::Aes256Cbc],
        transports: vec![KeyTransport::OAEP_SHA1],
        wraps: Vec::new(),
    }
}

fn key() -> Secret {
    Secret::new(vec![7; 32])
}

fn document(text: &str) -> Document {
    let limits = nuncio_xml::Limits {
        bytes: 1 << 20,
        depth: 8,
        attributes: 16,
        attribute_bytes: 4096,
        declarations: 16,
        declarations_in_scope: 32,
        elements: 100,
        children: 100,
        name_bytes: 100,
        names: 1000,
        text_bytes: 1 << 16,
    };
    Document::read(text.as_bytes().to_vec(), &limits).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A root in whose place for content, or for an element, stands what `plain` became.
fn encrypted(form: Form, plain: &str) -> String {
    encrypted_by(CipherAlgorithm::Aes256Cbc, &key(), form, plain)
}

fn encrypted_by(cipher: CipherAlgorithm, key: &Secret, form: Form, plain: &str) -> String {
    let mut writer = Writer::new();
    writer.start("r", "urn:root", "root");
    writer.declare("s", "urn:in-scope");
    let mut encrypting = Encrypting { cipher, key, random: &mut Ones };
    encrypt(&mut writer, &mut encrypting, "data", form, plain.as_bytes(), |_| {}).expect("encrypted");
    writer.end();
    String::from_utf8(writer.into_bytes()).expect("text")
}

fn only(document: &Document) -> NodeId {
    document.elements(document.root()).next().expect("one")
}

fn open(text: &str, key: &Secret) -> Result<Document, Invalid> {
    open_by(accepted().ciphers[0], text, key)
}

fn open_by(cipher: CipherAlgorithm, text: &str, key: &Secret) -> Result<Document, Invalid> {
    let document = document(text);
    let accepted = Accepted { ciphers: vec![cipher], ..accepted() };
    let data = EncryptedData::read(&document, only(&document), &accepted)?;
    decrypt(document, data, key).map(|(document, _)| document)
}

#[test]
fn content_and_elements_come_back() {
    for (form, plain) in [
        (Form::Content, "<s:a xmlns:t=\"urn:t\">text</s:a> and <b/>"),
        (Form::Content, ""),
        (Form::Content, "only text &amp; entities"),
        (Form::Element, "<s:a><c xmlns=\"urn:c\"/></s:a>"),
    ] {
        let opened = open(&encrypted(form, plain), &key()).expect("opened");
        let mut found = Vec::new();
        exclusive(&opened, opened.root(), &[], &mut found);
        let straight = document(&format!("<r:root xmlns:r=\"urn:root\" xmlns:s=\"urn:in-scope\">{plain}</r:root>"));
        let mut expected = Vec::new();
        exclusive(&straight, straight.root(), &[], &mut expected);
        assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected), "{plain}");
    }
}

/// Each cipher opens what it sealed; its octets under the name of another are not decrypted where that is not accepted,
/// and give nothing where it is.
#[test]
fn xe_04_every_cipher_is_its_own() {
    for cipher in CipherAlgorithm::ALL {
        let key = Secret::new((0..cipher.key_size() as u8).collect());
        let text = encrypted_by(cipher, &key, Form::Content, "<s:a>text</s:a>");
        let opened = open_by(cipher, &text, &key).expect("opened");
        assert_eq!(opened.text(only(&opened)), "text", "{cipher:?}");
        for other in CipherAlgorithm::ALL.into_iter().filter(|other| *other != cipher) {
            let renamed = text.replacen(cipher.uri(), other.uri(), 1);
            let refused = open_by(cipher, &renamed, &key);
            assert!(matches!(refused, Err(Invalid::AlgorithmNotAccepted(_))), "{cipher:?} as {other:?}");
            assert!(open_by(other, &renamed, &key).is_err(), "{cipher:?} as {other:?}");
        }
    }
}

#[test]
fn xe_12_plaintext_that_does_not_fit_its_place_is_refused() {
    for (form, plain) in [
        (Form::Content, "</r:root><r:root>"),
        (Form::Content, "<s:a>"),
        (Form::Content, "<undeclared:a/>"),
        (Form::Content, "<!DOCTYPE a>"),
        (Form::Content, "<?pi?>"),
        (Form::Content, "\u{feff}<a/>"),
        (Form::Content, "<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>"),
        (
            Form::Content,
            "<u:a xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\" u:Id=\"data\"/>",
        ),
        (Form::Element, "<s:a/><s:a/>"),
        (Form::Element, "text"),
        (Form::Element, ""),
    ] {
        let opened = open(&encrypted(form, plain), &key());
        assert!(matches!(opened, Err(Invalid::Plaintext(_))), "{plain} was let in");
    }
}

#[test]
fn xe_11_a_wrong_key_or_a_cut_value_is_one_refusal() {
    let text = encrypted(Form::Content, "<s:a/>");
    let value = text.find("<e:CipherValue>").expect("one") + "<e:CipherValue>".len();
    let cut = format!("{}{}", &text[..value], &text[text.find("</e:CipherValue>").expect("one")..]);
    assert!(matches!(open(&cut, &key()), Err(Invalid::Undecryptable)));
    assert!(matches!(open(&text, &Secret::new(vec![7; 16])), Err(Invalid::Undecryptable)));
    // Under another key of the right size the padding is right one time in sixteen, and the text then hardly ever.
    assert!(open(&text, &Secret::new(vec![8; 32])).is_err());
}

/// Why something is not read: the element that is at fault, or the algorithm.
fn reason(text: &str) -> String {
    let document = document(text);
    match EncryptedData::read(&document, only(&document), &accepted()) {
        Err(Invalid::Malformed { element, .. }) => element.to_owned(),
        Err(Invalid::AlgorithmNotAccepted(uri)) => uri,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("read: {text}"),
    }
}

/// Ciphertext is in the message: nothing is fetched, transformed, included or inflated.
#[test]
fn xe_08_ciphertext_from_elsewhere() {
    let text = encrypted(Form::Content, "<s:a/>");
    let value = "<e:CipherValue>";
    let whole = &text[text.find(value).expect("one")..text.find("</e:CipherData>").expect("one")];
    let reference = |uri: &str, inner: &str| format!("<e:CipherReference URI=\"{uri}\">{inner}</e:CipherReference>");
    let transforms = format!(
        "<e:Transforms><Transform xmlns=\"{DSIG}\" Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/></e:Transforms>"
    );
    let include = "<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:x\"/>";
    for (what, with, of) in [
        ("a reference", reference("http://example.com/", ""), "CipherData"),
        ("a file", reference("file:///etc/passwd", ""), "CipherData"),
        ("one in the message", reference("#data", ""), "CipherData"),
        ("one with transforms", reference("", &transforms), "CipherData"),
        ("a reference before the value", reference("", "") + whole, "CipherData"),
        ("a reference behind the value", whole.to_owned() + &reference("", ""), "CipherData"),
        ("two values", whole.repeat(2), "CipherData"),
        ("an attachment", format!("{value}{include}</e:CipherValue>"), "CipherValue"),
        ("an attachment beside octets", whole.replacen("</", &format!("{include}</"), 1), "CipherValue"),
        ("a comment", whole.replacen("</", "<!-- --></", 1), "CipherValue"),
        ("nothing", String::new(), "CipherData"),
    ] {
        assert_eq!(reason(&text.replacen(whole, &with, 1)), of, "{what}");
    }
}

/// Nothing is inflated after it was decrypted.
#[test]
fn xe_09_compressed_plaintext() {
    let text = encrypted(Form::Content, "<s:a/>");
    for attribute in
        ["MimeType=\"application/gzip\"", "MimeType=\"\"", "Encoding=\"http://www.w3.org/2000/09/xmldsig#base64\""]
    {
        assert_eq!(reason(&text.replacen(" Id=", &format!(" {attribute} Id="), 1)), "EncryptedData", "{attribute}");
    }
    for kind in
        ["http://www.isi.edu/in-notes/iana/assignments/media-types/text/xml", "http://www.w3.org/2009/xmlenc11#EXI", ""]
    {
        assert_eq!(
            reason(&text.replacen("http://www.w3.org/2001/04/xmlenc#Content", kind, 1)),
            "EncryptedData",
            "{kind}"
        );
    }
}

#[test]
fn xe_06_what_is_not_understood_is_refused() {
    let text = encrypted(Form::Content, "<s:a/>");
    let method = "<e:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"></e:EncryptionMethod>";
    for (what, from, to, of) in [
        ("another type", "xmlenc#Content", "xmlenc#Other", "EncryptedData"),
        ("no type", " Type=\"http://www.w3.org/2001/04/xmlenc#Content\"", "", "EncryptedData"),
        ("a cipher outside the suite", "aes256-cbc", "aes128-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
        ("properties", "</e:CipherData>", "</e:CipherData><e:EncryptionProperties/>", "EncryptedData"),
        ("no method", method, "", "EncryptedData"),
        ("two methods", method, &method.repeat(2), "EncryptedData"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{what}: nothing was edited");
        assert_eq!(reason(&edited), of, "{what}");
    }
}

#[test]
fn keys_and_lists_are_read_as_they_are_written() {
    let mut writer = Writer::new();
    writer.start("r", "urn:root", "root");
    encrypted_key(&mut writer, "key", KeyTransport::OAEP_SHA1, b"wrapped", |_| {}, &["a".to_owned(), "b".to_owned()]);
    reference_list(&mut writer, &["c".to_owned()]);
    writer.end();
    let document = document(&String::from_utf8(writer.into_bytes()).expect("text"));
    let nodes: Vec<NodeId> = document.elements(document.root()).collect();
    let key = EncryptedKey::read(&document, nodes[0], &accepted(), 2).expect("read");
    assert_eq!((key.value.as_slice(), key.references), (b"wrapped".as_slice(), vec!["a".to_owned(), "b".to_owned()]));
    assert!(matches!(EncryptedKey::read(&document, nodes[0], &accepted(), 1), Err(Invalid::TooMany { limit: 1, .. })));
    assert_eq!(read_reference_list(&document, nodes[1], 1).expect("read"), ["c"]);
    assert!(document.is(nodes[1], XENC, "ReferenceList"));

    let mut other = accepted();
    other.transports = vec![KeyTransport::Rsa15];
    assert!(matches!(EncryptedKey::read(&document, nodes[0], &other, 2), Err(Invalid::AlgorithmNotAccepted(_))));
    other.transports =
        vec![KeyTransport::Oaep { digest: DigestAlgorithm::Sha256, mask: DigestAlgorithm::Sha1, v11: false }];
    assert!(matches!(EncryptedKey::read(&document, nodes[0], &other, 2), Err(Invalid::AlgorithmNotAccepted(_))));
}

/// A key under RSA 1.5 is written without parameters, and read with none.
#[test]
fn rsa15_has_no_parameters() {
    let mut writer = Writer::new();
    writer.start("r", "urn:root", "root");
    encrypted_key(&mut writer, "key", KeyTransport::Rsa15, b"wrapped", |_| {}, &[]);
    writer.end();
    let text = String::from_utf8(writer.into_bytes()).expect("text");
    assert!(!text.contains("DigestMethod"), "{text}");
    let accepted = Accepted { transports: vec![KeyTransport::Rsa15], ..accepted() };
    let read = |text: &str| {
        let document = document(text);
        EncryptedKey::read(&document, only(&document), &accepted, 1).map(|key| key.method)
    };
    assert!(matches!(read(&text), Ok(KeyMethod::Transport(KeyTransport::Rsa15))));
    let method = "xmlenc#rsa-1_5\">";
    let parameter = format!("{method}<DigestMethod xmlns=\"{DSIG}\" Algorithm=\"{}\"/>", DigestAlgorithm::Sha1.uri());
    let edited = text.replacen(method, &parameter, 1);
    assert_ne!(edited, text);
    assert!(matches!(read(&edited), Err(Invalid::AlgorithmNotAccepted(_))));
}

/// A key under a symmetric key comes back from what was written, where its algorithm is accepted, and has no parameters.
#[test]
fn keys_under_symmetric_keys() {
    for wrap in KeyWrap::ALL {
        let (outer, inner) = (Secret::new(vec![3; wrap.key_size()]), Secret::new(vec![4; 24]));
        let wrapped = keywrap::wrap(&outer, wrap, &inner, &mut Ones).expect("wrapped");
        let mut writer = Writer::new();
        writer.start("r", "urn:root", "root");
        encrypted_key(&mut writer, "key", wrap, &wrapped, |_| {}, &[]);
        writer.end();
        let text = String::from_utf8(writer.into_bytes()).expect("text");
        let read = |text: &str, wraps: Vec<KeyWrap>| {
            let document = document(text);
            EncryptedKey::read(&document, only(&document), &Accepted { wraps, ..accepted() }, 1)
        };
        let key = read(&text, vec![wrap]).expect("read");
        assert_eq!(key.method, KeyMethod::Wrap(wrap));
        assert!(keywrap::unwrap(&outer, wrap, &key.value).expect("unwrapped").matches(inner.expose()));
        let others = KeyWrap::ALL.into_iter().filter(|other| *other != wrap).collect();
        assert!(matches!(read(&text, others), Err(Invalid::AlgorithmNotAccepted(_))));
        let method = format!("{}\">", wrap.uri());
        let parameter =
            format!("{method}<DigestMethod xmlns=\"{DSIG}\" Algorithm=\"{}\"/>", DigestAlgorithm::Sha1.uri());
        assert!(matches!(read(&text.replacen(&method, &parameter, 1), vec![wrap]), Err(Invalid::Malformed { .. })));
    }
}

/// The parameters of OAEP: each has a default of its own, the older algorithm fixes the mask, and a label has none.
#[test]
fn parameters_of_oaep() {
    use DigestAlgorithm::{Sha1, Sha256};
    let oaep = |digest, mask, v11| KeyTransport::Oaep { digest, mask, v11 };
    let every = vec![
        oaep(Sha1, Sha1, false),
        oaep(Sha256, Sha1, false),
        oaep(Sha1, Sha1, true),
        oaep(Sha1, Sha256, true),
        oaep(Sha256, Sha256, true),
    ];
    let accepted = Accepted { transports: every, ..accepted() };
    let read = |uri: &str, children: &str| {
        let text = format!(
            "<r xmlns:e=\"{XENC}\" xmlns:d=\"{DSIG}\" xmlns:n=\"http://www.w3.org/2009/xmlenc11#\"><e:EncryptedKey>\
             <e:EncryptionMethod Algorithm=\"{uri}\">{children}</e:EncryptionMethod><d:KeyInfo/><e:CipherData>\
             <e:CipherValue>AA==</e:CipherValue></e:CipherData></e:EncryptedKey></r>"
        );
        let document = document(&text);
        EncryptedKey::read(&document, only(&document), &accepted, 1).map(|key| key.method)
    };
    let digest = format!("<d:DigestMethod Algorithm=\"{}\"/>", Sha256.uri());
    let mask = format!("<n:MGF Algorithm=\"{}\"/>", Sha256.mask_uri());
    let (old, new) = ("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", "http://www.w3.org/2009/xmlenc11#rsa-oaep");
    for (uri, children, expected) in [
        (old, String::new(), oaep(Sha1, Sha1, false)),
        (old, digest.clone(), oaep(Sha256, Sha1, false)),
        (new, String::new(), oaep(Sha1, Sha1, true)),
        (new, mask.clone(), oaep(Sha1, Sha256, true)),
        (new, format!("{digest}{mask}"), oaep(Sha256, Sha256, true)),
        (new, format!("{mask}{digest}"), oaep(Sha256, Sha256, true)),
    ] {
        assert_eq!(read(uri, &children).expect("read"), KeyMethod::Transport(expected), "{uri} {children}");
    }
    for (uri, children) in [
        (old, mask.clone()),
        (old, "<e:OAEPparams>AA==</e:OAEPparams>".to_owned()),
        (new, "<e:OAEPparams>AA==</e:OAEPparams>".to_owned()),
        (new, format!("<e:OAEPparams/>{digest}")),
        (new, digest.repeat(2)),
        (new, "<e:KeySize>256</e:KeySize>".to_owned()),
    ] {
        assert!(read(uri, &children).is_err(), "{uri} {children}");
    }
}
