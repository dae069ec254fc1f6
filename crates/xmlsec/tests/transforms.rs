//! What a reference may say of the element that it names: the octets that are digested are written out here.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

use std::fmt::Write as _;

use nuncio_crypto::algorithm::{DigestAlgorithm, MacAlgorithm};
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, digest, mac};
use nuncio_xml::{Canonical, Document, Form, NodeId, ReadError, Writer, canonicalise};
use nuncio_xmlsec::signature::{
    Limits, Method, Part, Place, Signature, Signing, Token, Verified, VerifyKey, sign, sign_at, verify,
    verify_with_tokens,
};
use nuncio_xmlsec::{Accepted, C14n, Canonicalisation, DSIG, Invalid};

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const STR_TRANSFORM: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const X509: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
const LIMITS: Limits = Limits { references: 4, prefixes: 4 };
const KEY: &[u8] = b"twenty-four octets of it";

fn accepted(canonicalisations: &'static [C14n]) -> Accepted {
    Accepted {
        canonicalisations,
        transforms: canonicalisations,
        digests: vec![DigestAlgorithm::Sha256],
        macs: vec![MacAlgorithm::HmacSha256],
        signatures: Vec::new(),
        ciphers: Vec::new(),
        transports: Vec::new(),
        wraps: Vec::new(),
    }
}

const XML: nuncio_xml::Limits = nuncio_xml::Limits {
    bytes: 1 << 20,
    depth: 32,
    attributes: 16,
    attribute_bytes: 4096,
    declarations: 16,
    declarations_in_scope: 32,
    elements: 1000,
    children: 100,
    name_bytes: 100,
    names: 1000,
    text_bytes: 1 << 16,
};

fn document(text: &str) -> Document {
    Document::read(text.as_bytes().to_vec(), &XML).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The first element of that local name, in document order.
fn find(document: &Document, local: &str) -> NodeId {
    let mut stack = vec![document.root()];
    while let Some(node) = stack.pop() {
        if document.name(node).local == local {
            return node;
        }
        let mut children: Vec<_> = document.elements(node).collect();
        children.reverse();
        stack.extend(children);
    }
    panic!("no element {local}")
}

/// A canonicalisation or transform as it is written.
fn algorithm(element: &str, uri: &str, within: &str) -> String {
    format!("<ds:{element} Algorithm=\"{uri}\">{within}</ds:{element}>")
}

fn list(prefixes: &str) -> String {
    format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{prefixes}\"/>")
}

fn transforms(each: &[String]) -> String {
    format!("<ds:Transforms>{}</ds:Transforms>", each.concat())
}

fn plain() -> String {
    transforms(&[algorithm("Transform", EXCLUSIVE, "")])
}

fn through_str() -> String {
    let method = algorithm("CanonicalizationMethod", EXCLUSIVE, "");
    let parameters = format!("<o:TransformationParameters>{method}</o:TransformationParameters>");
    transforms(&[algorithm("Transform", STR_TRANSFORM, &parameters)])
}

/// The message with a signature in the place of `@`: its `CanonicalizationMethod` and what that means, and its
/// references, each an id, its transforms and the octets that are digested.
fn signed(message: &str, method: &str, form: Form<'_>, references: &[(&str, String, &str)]) -> String {
    let mut signed_info = format!("<ds:SignedInfo>{method}<ds:SignatureMethod Algorithm=\"");
    signed_info.push_str(MacAlgorithm::HmacSha256.uri());
    signed_info.push_str("\"/>");
    for (id, transforms, octets) in references {
        let value = base64::encode(digest::hash(DigestAlgorithm::Sha256, octets.as_bytes()).as_ref());
        let _ = write!(
            signed_info,
            "<ds:Reference URI=\"#{id}\">{transforms}<ds:DigestMethod Algorithm=\"{}\"/>\
             <ds:DigestValue>{value}</ds:DigestValue></ds:Reference>",
            DigestAlgorithm::Sha256.uri()
        );
    }
    let value = "<ds:SignatureValue>@</ds:SignatureValue>";
    let signature = format!("<ds:Signature>{signed_info}</ds:SignedInfo>{value}<ds:KeyInfo/></ds:Signature>");
    let text = message.replacen('@', &signature, 1);
    let document = document(&text);
    let mut octets = Vec::new();
    canonicalise(&document, find(&document, "SignedInfo"), &Canonical::of(form), usize::MAX, &mut octets).expect("all");
    text.replacen('@', &base64::encode(mac::mac(MacAlgorithm::HmacSha256, KEY, &[&octets]).as_ref()), 1)
}

fn secret() -> Secret {
    Secret::new(KEY.to_vec())
}

fn check(text: &str, canonicalisations: &'static [C14n]) -> Result<(Document, Verified), Invalid> {
    let document = document(text);
    let signature = Signature::read(&document, find(&document, "Signature"), &accepted(canonicalisations), &LIMITS)?;
    let verified = verify(&document, signature, &VerifyKey::Secret(&secret()), &mut 10_000)?;
    Ok((document, verified))
}

/// WSS4J writes such lists into `CanonicalizationMethod` too; one counts wherever the algorithm is named, and one that is
/// not honoured gives another digest.
#[test]
fn lists_of_prefixes_count_where_they_stand() {
    let message = format!(
        "<s:E xmlns:s=\"urn:s\" xmlns:o=\"{WSSE}\" xmlns:x=\"urn:x\" xmlns:ds=\"{DSIG}\"><o:S>@</o:S>\
         <s:B xmlns:u=\"{WSU}\" u:Id=\"b\">x:y</s:B></s:E>"
    );
    let method = algorithm("CanonicalizationMethod", EXCLUSIVE, &list("s"));
    let reference = transforms(&[algorithm("Transform", EXCLUSIVE, &list("x s #default unknown"))]);
    let listed = format!("<s:B xmlns:s=\"urn:s\" xmlns:u=\"{WSU}\" xmlns:x=\"urn:x\" u:Id=\"b\">x:y</s:B>");
    let unlisted = listed.replacen(" xmlns:x=\"urn:x\"", "", 1);
    let with = Form::Exclusive(&["s"]);
    let text = signed(&message, &method, with, &[("b", reference.clone(), &listed)]);
    let (document, verified) = check(&text, &[C14n::Exclusive]).expect("verified");
    assert!(verified.covers(find(&document, "B")) && verified.tokens().is_empty());

    let text = signed(&message, &method, with, &[("b", reference.clone(), &unlisted)]);
    assert!(matches!(check(&text, &[C14n::Exclusive]), Err(Invalid::DigestMismatch(_))));
    let text = signed(&message, &method, Form::Exclusive(&[]), &[("b", reference, &listed)]);
    assert!(matches!(check(&text, &[C14n::Exclusive]), Err(Invalid::SignatureMismatch)));
    // What a list says of a prefix is signed with it: to bind it otherwise is another digest (threat XS-08).
    let rebound = text.replacen("xmlns:x=\"urn:x\"", "xmlns:x=\"urn:other\"", 1);
    assert!(check(&rebound, &[C14n::Exclusive]).is_err());
    let long = transforms(&[algorithm("Transform", EXCLUSIVE, &list("a b c d e"))]);
    let text = signed(&message, &method, with, &[("b", long, &listed)]);
    assert!(matches!(check(&text, &[C14n::Exclusive]), Err(Invalid::TooMany { limit: 4, .. })));
}

/// Inclusive canonical form is what a suite with `InclusiveC14N` means, and of no other.
#[test]
fn the_inclusive_form_where_it_is_accepted() {
    let message = format!(
        "<s:E xmlns:s=\"urn:s\" xmlns:ds=\"{DSIG}\" xml:lang=\"en\"><s:H>@</s:H>\
         <s:B xmlns:u=\"{WSU}\" u:Id=\"b\">t</s:B></s:E>"
    );
    let method = algorithm("CanonicalizationMethod", INCLUSIVE, "");
    let reference = transforms(&[algorithm("Transform", INCLUSIVE, "")]);
    let octets =
        format!("<s:B xmlns:ds=\"{DSIG}\" xmlns:s=\"urn:s\" xmlns:u=\"{WSU}\" u:Id=\"b\" xml:lang=\"en\">t</s:B>");
    let text = signed(&message, &method, Form::Inclusive, &[("b", reference, &octets)]);
    let (document, verified) = check(&text, &[C14n::Inclusive]).expect("verified");
    assert!(verified.covers(find(&document, "B")));
    assert!(matches!(check(&text, &[C14n::Exclusive]), Err(Invalid::AlgorithmNotAccepted(_))));
    // It covers what is declared around it, too.
    let edited = text.replacen("xml:lang=\"en\"", "xml:lang=\"de\"", 1);
    assert!(check(&edited, &[C14n::Inclusive]).is_err());
    // A list is a parameter of the exclusive form alone, and comments of neither.
    for (from, to) in [
        (algorithm("Transform", INCLUSIVE, ""), algorithm("Transform", INCLUSIVE, &list("s"))),
        (algorithm("Transform", INCLUSIVE, ""), algorithm("Transform", &format!("{INCLUSIVE}#WithComments"), "")),
        (
            algorithm("CanonicalizationMethod", INCLUSIVE, ""),
            algorithm("CanonicalizationMethod", "http://www.w3.org/2006/12/xml-c14n11", ""),
        ),
    ] {
        let edited = text.replacen(&from, &to, 1);
        assert_ne!(edited, text);
        let refused = check(&edited, &[C14n::Exclusive, C14n::Inclusive]);
        assert!(matches!(refused, Err(Invalid::AlgorithmNotAccepted(_) | Invalid::Malformed { .. })), "{to}");
    }
}

fn assertion(references: &[(&str, String, &str)]) -> String {
    let message = format!(
        "<r xmlns:ds=\"{DSIG}\"><a:Assertion xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"x\">\
         <a:Issuer>i</a:Issuer>@<a:Subject>s</a:Subject></a:Assertion></r>"
    );
    signed(&message, &algorithm("CanonicalizationMethod", EXCLUSIVE, ""), Form::Exclusive(&[]), references)
}

const ASSERTION: &str = "<a:Assertion xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"x\">\
                         <a:Issuer>i</a:Issuer><a:Subject>s</a:Subject></a:Assertion>";

/// A signature within what it signs is an assertion's own, by another door than those of messages.
#[test]
fn an_assertion_holds_its_signature() {
    let enveloped = transforms(&[algorithm("Transform", ENVELOPED, ""), algorithm("Transform", EXCLUSIVE, "")]);
    let text = assertion(&[("x", enveloped.clone(), ASSERTION)]);
    let open = |text: &str| {
        let document = document(text);
        let node = find(&document, "Signature");
        let signature = Signature::read_enveloped(&document, node, &accepted(&[C14n::Exclusive]), &LIMITS)?;
        let verified = verify(&document, signature, &VerifyKey::Secret(&secret()), &mut 10_000)?;
        Ok::<_, Invalid>((document, verified))
    };
    let (document, verified) = open(&text).expect("verified");
    assert!(verified.covers(find(&document, "Assertion")) && !verified.covers(find(&document, "Subject")));
    assert!(matches!(check(&text, &[C14n::Exclusive]), Err(Invalid::AlgorithmNotAccepted(_))));
    assert!(matches!(open(&text.replacen(">s<", ">t<", 1)), Err(Invalid::DigestMismatch(_))));

    // Elsewhere than directly in what it signs, or with more than that, it is none.
    let from = text.find("<ds:Signature>").expect("one");
    let to = text.find("</ds:Signature>").expect("one") + "</ds:Signature>".len();
    let signature = &text[from..to];
    let without = text.replacen(signature, "", 1);
    for moved in [
        without.replacen("</r>", &format!("{signature}</r>"), 1),
        without.replacen("</a:Issuer>", &format!("{signature}</a:Issuer>"), 1),
        assertion(&[("x", plain(), ASSERTION)]),
        assertion(&[("x", enveloped.clone(), ASSERTION), ("x", enveloped.clone(), ASSERTION)]),
        assertion(&[("y", enveloped, ASSERTION)]),
    ] {
        assert!(matches!(open(&moved), Err(Invalid::Malformed { .. })), "{moved}");
    }
    for transforms in [
        transforms(&[algorithm("Transform", ENVELOPED, "")]),
        transforms(&[algorithm("Transform", EXCLUSIVE, ""), algorithm("Transform", ENVELOPED, "")]),
        transforms(&[algorithm("Transform", ENVELOPED, ""), algorithm("Transform", ENVELOPED, "")]),
    ] {
        assert!(open(&assertion(&[("x", transforms.clone(), ASSERTION)])).is_err(), "{transforms}");
    }
}

/// A message whose signature covers a token through a reference, and the octets that are digested.
fn with_token(transforms: String, octets: &str) -> String {
    let message = format!(
        "<s:E xmlns:s=\"urn:s\" xmlns:o=\"{WSSE}\" xmlns:u=\"{WSU}\" xmlns:ds=\"{DSIG}\">\
         <t:One xmlns:t=\"urn:t\" u:Id=\"one\">1</t:One><Two xmlns=\"urn:t\" u:Id=\"two\">2</Two>@\
         <o:SecurityTokenReference u:Id=\"str\">any<o:Reference URI=\"#one\"/></o:SecurityTokenReference>\
         <o:SecurityTokenReference u:Id=\"other\"/></s:E>"
    );
    let method = algorithm("CanonicalizationMethod", EXCLUSIVE, "");
    signed(&message, &method, Form::Exclusive(&[]), &[("str", transforms, octets)])
}

fn check_token(text: &str, token: impl Fn(&Document) -> Option<Token>) -> Result<(Document, Verified), Invalid> {
    let document = document(text);
    let signature = Signature::read(&document, find(&document, "Signature"), &accepted(&[C14n::Exclusive]), &LIMITS)?;
    let token = token(&document);
    let resolve = |_: NodeId| token.clone();
    let verified = verify_with_tokens(&document, signature, &VerifyKey::Secret(&secret()), &resolve, &mut 10_000)?;
    Ok((document, verified))
}

/// The token is digested in the place of the reference, with the default namespace it has or has not (threat XS-07).
#[test]
fn xs_07_a_reference_stands_for_its_token() {
    let one = format!("<t:One xmlns=\"\" xmlns:t=\"urn:t\" xmlns:u=\"{WSU}\" u:Id=\"one\">1</t:One>");
    let two = format!("<Two xmlns=\"urn:t\" xmlns:u=\"{WSU}\" u:Id=\"two\">2</Two>");
    let element = |local| move |document: &Document| Some(Token::Element(find(document, local)));
    for (local, octets) in [("One", &one), ("Two", &two)] {
        let (document, verified) = check_token(&with_token(through_str(), octets), element(local)).expect("verified");
        let (token, reference) = (find(&document, local), find(&document, "SecurityTokenReference"));
        assert!(verified.covers(token) && !verified.covers(reference));
        assert_eq!(verified.tokens(), [(reference, Token::Element(token))]);
    }
    let text = with_token(through_str(), &one);
    assert!(matches!(check_token(&text, element("Two")), Err(Invalid::DigestMismatch(_))), "another token");
    let edited = text.replacen(">1<", ">3<", 1);
    assert!(matches!(check_token(&edited, element("One")), Err(Invalid::DigestMismatch(_))), "a changed token");
    for nothing in [element("SecurityTokenReference")(&document(&text)), None] {
        let refused = check_token(&text, |_| nothing.clone());
        assert!(matches!(refused, Err(Invalid::Malformed { .. })), "{nothing:?}");
    }
    assert!(matches!(check(&text, &[C14n::Exclusive]), Err(Invalid::Malformed { .. })), "nobody knows tokens");
    let elsewhere = with_token(through_str(), &one).replacen(
        "<o:SecurityTokenReference u:Id=\"str\">",
        "<o:SecurityTokenReference>",
        1,
    );
    let elsewhere = elsewhere.replacen("u:Id=\"two\"", "u:Id=\"str\"", 1);
    assert!(matches!(check_token(&elsewhere, element("One")), Err(Invalid::Malformed { .. })), "no reference at all");
    // Without the transform the reference itself is what is signed.
    let reference = format!(
        "<o:SecurityTokenReference xmlns:o=\"{WSSE}\" xmlns:u=\"{WSU}\" u:Id=\"str\">any<o:Reference URI=\"#one\">\
         </o:Reference></o:SecurityTokenReference>"
    );
    let (document, verified) = check_token(&with_token(plain(), &reference), element("One")).expect("verified");
    assert!(!verified.covers(find(&document, "One")) && verified.tokens().is_empty());
}

#[test]
fn xs_07_the_parameters_of_the_str_transform_are_fixed() {
    let parameters = |within: &str| format!("<o:TransformationParameters>{within}</o:TransformationParameters>");
    let method = algorithm("CanonicalizationMethod", EXCLUSIVE, "");
    let comments = algorithm("CanonicalizationMethod", &format!("{EXCLUSIVE}WithComments"), "");
    let inclusive = algorithm("CanonicalizationMethod", INCLUSIVE, "");
    for (what, transforms) in [
        ("none", transforms(&[algorithm("Transform", STR_TRANSFORM, "")])),
        ("empty ones", transforms(&[algorithm("Transform", STR_TRANSFORM, &parameters(""))])),
        ("two", transforms(&[algorithm("Transform", STR_TRANSFORM, &parameters(&method.repeat(2)))])),
        ("comments", transforms(&[algorithm("Transform", STR_TRANSFORM, &parameters(&comments))])),
        ("the inclusive form", transforms(&[algorithm("Transform", STR_TRANSFORM, &parameters(&inclusive))])),
        (
            "a second transform",
            transforms(&[
                algorithm("Transform", STR_TRANSFORM, &parameters(&method)),
                algorithm("Transform", EXCLUSIVE, ""),
            ]),
        ),
    ] {
        let text = with_token(transforms, "");
        let document = document(&text);
        let read = Signature::read(&document, find(&document, "Signature"), &accepted(&[C14n::Exclusive]), &LIMITS);
        assert!(read.is_err(), "{what}");
    }
}

/// A certificate that is not in the message is digested as the token that it would be.
#[test]
fn a_token_may_be_absent() {
    let octets = format!(
        "<o:BinarySecurityToken xmlns=\"\" xmlns:o=\"{WSSE}\" ValueType=\"{X509}\">YWJj</o:BinarySecurityToken>"
    );
    let token = |octets: &[u8]| Token::Binary { value_type: X509.to_owned(), octets: octets.to_vec() };
    let text = with_token(through_str(), &octets);
    let (document, verified) = check_token(&text, |_| Some(token(b"abc"))).expect("verified");
    assert_eq!(verified.tokens(), [(find(&document, "SecurityTokenReference"), token(b"abc"))]);
    assert!(matches!(check_token(&text, |_| Some(token(b"abd"))), Err(Invalid::DigestMismatch(_))));
}

#[expect(clippy::unnecessary_wraps, reason = "what signs may fail")]
fn make(octets: &[u8]) -> Result<Vec<u8>, ReadError> {
    Ok(mac::mac(MacAlgorithm::HmacSha256, KEY, &[octets]).as_ref().to_vec())
}

fn signing(parts: &[Part]) -> Signing<'_> {
    Signing { id: None, method: Method::Mac(MacAlgorithm::HmacSha256), digest: DigestAlgorithm::Sha256, parts }
}

/// What we sign through a reference is what we verify.
#[test]
fn tokens_are_signed() {
    let mut writer = Writer::new();
    writer.start("s", "urn:s", "E");
    writer.apex();
    let start = writer.position();
    writer.start("t", "urn:t", "One");
    writer.text("1");
    writer.end();
    let range = start..writer.position();
    for id in ["str", "absent"] {
        writer.start("o", WSSE, "SecurityTokenReference");
        writer.attribute_ns("u", WSU, "Id", id);
        writer.end();
    }
    let parts = [
        Part::token(DigestAlgorithm::Sha256, "str", &writer, range),
        Part::absent_token(DigestAlgorithm::Sha256, "absent", "o", X509, b"abc"),
    ];
    sign(&mut writer, &signing(&parts), make, |_| {}).expect("signed");
    writer.end();
    let document = document(&String::from_utf8(writer.into_bytes()).expect("text"));
    let signature =
        Signature::read(&document, find(&document, "Signature"), &accepted(&[C14n::Exclusive]), &LIMITS).expect("read");
    let (one, reference) = (find(&document, "One"), find(&document, "SecurityTokenReference"));
    let resolve = |node: NodeId| {
        let absent = Token::Binary { value_type: X509.to_owned(), octets: b"abc".to_vec() };
        Some(if node == reference { Token::Element(one) } else { absent })
    };
    let key = secret();
    let verified =
        verify_with_tokens(&document, signature, &VerifyKey::Secret(&key), &resolve, &mut 10_000).expect("verified");
    assert!(verified.covers(one));
    assert_eq!(verified.tokens().len(), 2);
}

/// Forms that depend on the place are signed for the place where they will stand.
#[test]
fn other_forms_are_signed_for_their_place() {
    let scope = [("s", "urn:s"), ("x", "urn:x"), ("", "urn:d")];
    let place = Place { scope: &scope, limits: &XML };
    let forms: [(_, &[C14n]); 2] = [
        (Canonicalisation::Inclusive, &[C14n::Inclusive]),
        (Canonicalisation::Exclusive(vec!["x".to_owned(), "#default".to_owned()]), &[C14n::Exclusive]),
    ];
    for (how, algorithm) in forms {
        let body = format!("<s:B xmlns:s=\"urn:s\" xmlns:u=\"{WSU}\" u:Id=\"b\">x:y</s:B>");
        let part = Part::at(DigestAlgorithm::Sha256, "b", body.as_bytes(), &place, how.clone()).expect("a part");
        let mut writer = Writer::new();
        let (range, _) = sign_at(&mut writer, &signing(&[part]), &place, &how, make, |_| {}).expect("signed");
        let signature = String::from_utf8_lossy(&writer.bytes()[range]).into_owned();
        let message =
            format!("<s:E xmlns:s=\"urn:s\" xmlns:x=\"urn:x\" xmlns=\"urn:d\"><s:H>{signature}</s:H>{body}</s:E>");
        let (document, verified) = check(&message, algorithm).expect("verified");
        assert!(verified.covers(find(&document, "B")));
        // The namespaces around are covered, whether or not a name shows them.
        let rebound = message.replacen("urn:x", "urn:other", 1);
        assert!(check(&rebound, algorithm).is_err(), "{how:?}");
    }
}

/// `SignedInfo` is held to the one list, what is signed to the other.
#[test]
fn the_form_of_a_signature_and_that_of_what_it_signs_are_accepted_apart() {
    const BOTH: &[C14n] = &[C14n::Inclusive, C14n::Exclusive];
    const ONE: &[C14n] = &[C14n::Inclusive];
    let place = Place { scope: &[("s", "urn:s")], limits: &XML };
    let body = format!("<s:B xmlns:s=\"urn:s\" xmlns:u=\"{WSU}\" u:Id=\"b\"></s:B>");
    let (inclusive, exclusive) = (Canonicalisation::Inclusive, Canonicalisation::Exclusive(Vec::new()));
    let cases: [(_, _, &[C14n], &[C14n], _); 5] = [
        (&inclusive, &exclusive, ONE, BOTH, true),
        (&inclusive, &inclusive, ONE, BOTH, true),
        (&inclusive, &exclusive, BOTH, ONE, false),
        (&exclusive, &inclusive, ONE, BOTH, false),
        (&exclusive, &inclusive, BOTH, ONE, true),
    ];
    for (how, of_part, canonicalisations, transforms, taken) in cases {
        let part = Part::at(DigestAlgorithm::Sha256, "b", body.as_bytes(), &place, of_part.clone()).expect("a part");
        let mut writer = Writer::new();
        let (range, _) = sign_at(&mut writer, &signing(&[part]), &place, how, make, |_| {}).expect("signed");
        let signature = String::from_utf8_lossy(&writer.bytes()[range]).into_owned();
        let document = document(&format!("<s:E xmlns:s=\"urn:s\">{signature}{body}</s:E>"));
        let accepted = Accepted { canonicalisations, transforms, ..accepted(&[]) };
        let read = Signature::read(&document, find(&document, "Signature"), &accepted, &LIMITS);
        match read {
            Ok(signature) => {
                assert!(taken, "{how:?} over {of_part:?}");
                let key = secret();
                verify(&document, signature, &VerifyKey::Secret(&key), &mut 10_000).expect("verified");
            }
            Err(refused) => {
                assert!(!taken && matches!(refused, Invalid::AlgorithmNotAccepted(_)), "{how:?}: {refused}");
            }
        }
    }
}
