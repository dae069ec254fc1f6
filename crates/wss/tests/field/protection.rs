//! Protection: what peers sign that looks odd and is right, and what looks right and is not.

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::{base64, digest};
use nuncio_policy::model::{Include, Layout, Policy, X509Reference};
use nuncio_policy::preset;

use crate::ends::{NOW, Pair, policy, soap};
use crate::forge::{
    CLEAR, DSIG, Stage, WSSE, WSU, after, before, edited, element, hmac, id, key_info, parse, plain, plain_keys, range,
    replaced, resigned, resigned_but, within, without,
};

const C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// The message with other octets in its body, and the digest of a canonical form that stands here word for word.
fn with_body(stage: &Stage, content: &str, canonical: &str) -> String {
    let body = id(&stage.text, "Envelope/Body");
    let text = edited_body(&stage.text, content);
    let form = format!(
        "<s:Body xmlns:s=\"{}\" xmlns:u=\"{WSU}\" u:Id=\"{body}\">{canonical}</s:Body>",
        crate::ends::namespace(stage.pair.soap)
    );
    let value = base64::encode(digest::hash(DigestAlgorithm::Sha1, form.as_bytes()).as_ref());
    resigned_but(&text, Some((&body, &value)), |octets| hmac(stage.key.expose(), octets))
}

fn edited_body(text: &str, content: &str) -> String {
    let whole = element(text, "Envelope/Body").to_owned();
    let (start, end) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
    text.replace(&whole, &format!("{}{content}{}", &whole[..start], &whole[end..]))
}

/// The text that a signed body is hashed as, in the cases that stacks got wrong: line ends, characters that are escaped in
/// one place and not in the other, sections.
#[test]
fn text_is_hashed_as_the_specification_has_it() {
    let stage = Stage::clear();
    for (what, content, canonical) in [
        ("raw line ends", "<t>a\r\nb\rc\n</t>\r\n", "<t>a\nb\nc\n</t>\n"),
        ("a line end that was a reference", "<t>a&#13;\nb&#xD;</t>", "<t>a&#xD;\nb&#xD;</t>"),
        ("greater than, in text and in an attribute", "<t a=\"x>y\">x>y</t>", "<t a=\"x>y\">x&gt;y</t>"),
        ("the end of a section in text", "<t>]]&gt;</t>", "<t>]]&gt;</t>"),
        ("quotes in text", "<t>\"'</t>", "<t>\"'</t>"),
        ("tabs", "<t a=\"1\t2&#9;3\">\t</t>", "<t a=\"1 2&#x9;3\">\t</t>"),
        ("a section", "<t><![CDATA[<a>&b</a>]]></t>", "<t>&lt;a&gt;&amp;b&lt;/a&gt;</t>"),
        ("two sections", "<t><![CDATA[a]]><![CDATA[b]]></t>", "<t>ab</t>"),
        ("a section beside a reference", "<t>&#13;<![CDATA[\r\n&#13;]]></t>", "<t>&#xD;\n&amp;#13;</t>"),
        ("a comment", "<t>a<!-- b -->c</t>", "<t>ac</t>"),
    ] {
        let text = with_body(&stage, content, canonical);
        let opened = stage.open(&text).unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
        // The backend reads the same text.
        let (theirs, plain) = (parse(&text), plain(&opened));
        let (theirs, ours) = (text_of(&theirs), parse(&plain));
        assert_eq!(theirs, text_of(&ours), "{what}");
        // Hashed otherwise, it is refused.
        let body = id(&stage.text, "Envelope/Body");
        let other = with_body(&stage, content, &format!("{canonical} "));
        stage.refused(what, &other, &format!("Invalid(DigestMismatch({body:?}))"));
    }
    // A raw carriage return in place of its reference is another text.
    let sound = with_body(&stage, "<t>a&#13;\nb</t>", "<t>a&#xD;\nb</t>");
    let body = id(&stage.text, "Envelope/Body");
    stage.refused("a raw one", &sound.replace("&#13;", "\r"), &format!("Invalid(DigestMismatch({body:?}))"));
}

fn text_of(document: &roxmltree::Document<'_>) -> String {
    let node = document.descendants().find(|node| node.tag_name().name() == "t").unwrap();
    node.children().filter(roxmltree::Node::is_text).filter_map(|child| child.text()).collect()
}

/// A default namespace that is in scope is declared where an unprefixed name first uses it, and nowhere above.
#[test]
fn a_default_namespace_is_declared_where_it_is_used() {
    let stage = Stage::clear();
    let outside = edited(&stage.text, "<s:Envelope ", "<s:Envelope xmlns=\"urn:default\" ");
    let stage = Stage { text: outside, ..stage };
    let text = with_body(
        &stage,
        "<p:a xmlns:p=\"urn:p\"><p:b><c>x</c></p:b></p:a>",
        "<p:a xmlns:p=\"urn:p\"><p:b><c xmlns=\"urn:default\">x</c></p:b></p:a>",
    );
    assert!(plain(&stage.open(&text).unwrap()).contains(">x</c>"));
}

/// Prefixes of a signature, its timestamp and its canonicalisation that are declared further out, by any name.
#[test]
fn prefixes_of_a_signature_may_be_declared_further_out() {
    let stage = Stage::clear();
    for prefix in ["ds", "dsig", "s2"] {
        let signature = element(&stage.text, "Security/Signature").to_owned();
        let inner = signature.replace(&format!(" xmlns=\"{DSIG}\""), "");
        let mut prefixed = String::new();
        for part in inner.split_inclusive('<') {
            prefixed.push_str(part);
        }
        for name in [
            "Signature",
            "SignedInfo",
            "CanonicalizationMethod",
            "SignatureMethod",
            "Reference",
            "Transforms",
            "Transform",
            "DigestMethod",
            "DigestValue",
            "SignatureValue",
            "KeyInfo",
        ] {
            for end in ['>', ' '] {
                prefixed = prefixed.replace(&format!("<{name}{end}"), &format!("<{prefix}:{name}{end}"));
            }
            prefixed = prefixed.replace(&format!("</{name}>"), &format!("</{prefix}:{name}>"));
        }
        let text = stage.text.replace(&signature, &prefixed);
        let declared = edited(&text, "<s:Envelope ", &format!("<s:Envelope xmlns:{prefix}=\"{DSIG}\" "));
        // The form of SignedInfo is the prefixed one: its value is made over that.
        let text = resigned(&declared, |octets| {
            let text = String::from_utf8(octets.to_vec()).unwrap();
            assert!(text.starts_with(&format!("<{prefix}:SignedInfo xmlns:{prefix}=\"{DSIG}\">")), "{text}");
            hmac(stage.key.expose(), octets)
        });
        stage.accepted(prefix, &text);
        // Bound to another namespace in between, it is no signature.
        let rebound = edited(&text, "<o:Security ", &format!("<o:Security xmlns:{prefix}=\"urn:other\" "));
        stage.refused(
            prefix,
            &rebound,
            "SecurityHeader { element: \"Security\", fault: \"has a child that is not known\" }",
        );
    }
    // With a list for SignedInfo of a prefix that it does not use, as WSS4J writes it.
    let method = format!("<CanonicalizationMethod Algorithm=\"{C14N}\">");
    let list = format!("<ec:InclusiveNamespaces xmlns:ec=\"{C14N}\" PrefixList=\"s\"></ec:InclusiveNamespaces>");
    let text = resigned(&edited(&stage.text, &method, &format!("{method}{list}")), |octets| {
        let text = String::from_utf8(octets.to_vec()).unwrap();
        assert!(text.starts_with(&format!("<SignedInfo xmlns=\"{DSIG}\" xmlns:s=\"")), "{text}");
        hmac(stage.key.expose(), octets)
    });
    stage.accepted("WSS4J's list", &text);
    let without_list = without(&text, "CanonicalizationMethod/InclusiveNamespaces");
    stage.refused("without the list", &without_list, "Invalid(SignatureMismatch)");
}

/// An envelope that was indented after it was signed: between the signed parts it is nothing, in them another message.
#[test]
fn white_space_counts_where_it_is_signed() {
    let stage = Stage::clear();
    let mut text = stage.text.clone();
    for path in [
        "Envelope/Header",
        "Envelope/Body",
        "Header/Action",
        "Header/To",
        "Header/Security",
        "Security/Timestamp",
        "Security/Signature",
    ] {
        text = before(&text, path, "\r\n  \t");
    }
    stage.accepted("between", &text);
    let body = format!("Invalid(DigestMismatch({:?}))", id(&stage.text, "Envelope/Body"));
    let stamp = format!("Invalid(DigestMismatch({:?}))", id(&stage.text, "Security/Timestamp"));
    stage.refused("in the body", &within(&stage.text, "Envelope/Body", "\n"), &body);
    stage.refused("in the timestamp", &within(&stage.text, "Security/Timestamp", "\n"), &stamp);
    stage.refused("in SignedInfo", &within(&stage.text, "Signature/SignedInfo", "\n"), "Invalid(SignatureMismatch)");
}

/// Base64 in lines, also with carriage returns that arrive as references; nothing else but white space is passed over.
#[test]
fn base64_may_be_broken_into_lines() {
    let broken = |text: &str, path: &str, by: &str| {
        let whole = element(text, path).to_owned();
        let (start, end) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
        let lines: Vec<&str> =
            whole.as_bytes()[start..end].chunks(76).map(|line| str::from_utf8(line).unwrap()).collect();
        let value = format!("{by}{}{by}", lines.join(by));
        text.replace(&whole, &format!("{}{value}{}", &whole[..start], &whole[end..]))
    };
    let conversation = Stage::of("wcf-ws2007-mutualCertificate-conversation", |_| {});
    let endorsed = Stage::of("wcf-ws2007-certificateOverTransport", |_| {});
    let (clear, hidden) = (Stage::clear(), Stage::hidden());
    for (stage, path) in [
        (&clear, "Signature/SignatureValue"),
        (&clear, "EncryptedKey/CipherData/CipherValue"),
        (&clear, "SecurityTokenReference/KeyIdentifier"),
        (&hidden, "Body/EncryptedData/CipherData/CipherValue"),
        (&conversation, "DerivedKeyToken/Nonce"),
        (&endorsed, "Security/BinarySecurityToken"),
        (&endorsed, "Signature/SignatureValue"),
    ] {
        for by in ["\n", "\r\n", "&#13;\n", "&#xD;&#xA;", " \t"] {
            stage.accepted(path, &broken(&stage.text, path, by));
        }
        for by in ["<!-- -->", "\u{a0}", "-", "&#x200b;"] {
            assert!(stage.open(&broken(&stage.text, path, by)).is_err(), "{path} by {by}");
        }
    }
    // Digests are covered by the signature's value: they are compared as octets once it is made over them.
    for by in ["\n", "&#13;\n"] {
        let text = broken(&clear.text, "Reference/DigestValue", by);
        let uri = element(&text, "SignedInfo/Reference")
            .split("URI=\"#")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap()
            .to_owned();
        let text = resigned_but(&text, Some((&uri, "")), |octets| hmac(clear.key.expose(), octets));
        clear.accepted("a digest in lines", &text);
    }
}

/// A subject key identifier that no certificate has, or that comes of none, names nobody.
#[test]
fn subject_key_identifiers_of_no_certificate() {
    let stage = Stage::clear();
    let ski = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509SubjectKeyIdentifier";
    let own = crate::ends::server().certificate;
    let own = own.subject_key_identifier().unwrap().to_vec();
    let named = |octets: &[u8]| {
        let reference = format!("<o:KeyIdentifier ValueType=\"{ski}\">{}</o:KeyIdentifier>", base64::encode(octets));
        replaced(&stage.text, "EncryptedKey/KeyInfo", &key_info(&reference))
    };
    stage.accepted("its own", &named(&own));
    let nobody = "KeyReference(\"wraps a key under a certificate that is not ours\")";
    for octets in [&[0][..], &own[..19], &[&own[..], &[0]].concat(), &[0; 20]] {
        stage.refused("another", &named(octets), nobody);
    }
    stage.refused("none", &named(&[]), "SecurityHeader { element: \"KeyIdentifier\", fault: \"is empty\" }");
}

/// What we write has its confirmation between timestamp and signature; what we read may have it anywhere under a lax
/// layout, and nowhere else under a strict one.
#[test]
fn signature_confirmations_stand_before_the_signature() {
    for layout in [Layout::Strict, Layout::Lax] {
        let mut stage = Stage::of(CLEAR, |policy: &mut Policy| {
            policy.parts.encrypted.body = false;
            plain_keys(policy);
            policy.wss.signature_confirmation = true;
            policy.properties.layout = layout;
        });
        let opened = stage.open(&stage.text).unwrap();
        let message = stage.pair.echo(opened);
        let text = String::from_utf8(message.body.clone()).unwrap();
        let at = |path: &str| range(&text, path).start;
        assert!(at("Security/Timestamp") < at("Security/SignatureConfirmation"));
        assert!(at("Security/SignatureConfirmation") < at("Security/Signature"));
        let confirmation = element(&text, "Security/SignatureConfirmation").to_owned();
        let behind = after(&without(&text, "Security/SignatureConfirmation"), "Security/Signature", &confirmation);
        let answer =
            nuncio_wss::Message { content_type: message.content_type, fault: false, body: behind.into_bytes() };
        let taken = stage.pair.answer(&answer, &stage.expectation).map(drop).map_err(|refusal| format!("{refusal:?}"));
        match layout {
            Layout::Strict => {
                assert_eq!(taken, Err("Layout(\"a confirmation comes after the signature over it\")".to_owned()));
            }
            _ => assert_eq!(taken, Ok(())),
        }
    }
}

/// A signature above the timestamp that it covers, and a token behind the signature that uses it.
#[test]
fn the_order_of_a_strict_layout() {
    for layout in [Layout::Strict, Layout::Lax] {
        let stage = Stage::of(CLEAR, |policy: &mut Policy| {
            policy.parts.encrypted.body = false;
            plain_keys(policy);
            policy.properties.layout = layout;
        });
        let stamp = element(&stage.text, "Security/Timestamp").to_owned();
        let key = element(&stage.text, "Security/EncryptedKey").to_owned();
        let late = after(&without(&stage.text, "Security/Timestamp"), "Security/Signature", &stamp);
        let behind = after(&without(&stage.text, "Security/EncryptedKey"), "Security/Signature", &key);
        if layout == Layout::Strict {
            stage.refused("the timestamp", &late, "Layout(\"the timestamp comes after the signature over it\")");
            stage.refused("the key", &behind, "Layout(\"a key is used before it is declared\")");
        } else {
            stage.accepted("the timestamp", &late);
            stage.accepted("the key", &behind);
        }
    }
}

/// An `Id` without a namespace on the timestamp, as a widely used library writes it.
#[test]
fn an_unqualified_id_on_the_timestamp() {
    let stage = Stage::clear();
    let own = id(&stage.text, "Security/Timestamp");
    let qualified = format!("u:Id=\"{own}\"");
    stage.accepted("unqualified", &stage.resigned(&edited(&stage.text, &qualified, &format!("Id=\"{own}\""))));
    let both = edited(&stage.text, &qualified, &format!("{qualified} Id=\"_1\""));
    stage.refused("both", &both, "Unreadable(IdsOnOneElement)");
    // Two parts by one id, whatever the kind.
    let body = id(&stage.text, "Envelope/Body");
    let same = edited(&stage.text, &qualified, &format!("Id=\"{body}\""));
    stage.refused("the body's", &same, &format!("Unreadable(IdRepeated({body:?}))"));
    // On no other element of the utility namespace, or the message's own.
    for path in ["Header/To", "Envelope/Body"] {
        let own = id(&stage.text, path);
        let text = edited(&stage.text, &format!("u:Id=\"{own}\""), &format!("Id=\"{own}\""));
        stage.refused(path, &text, &format!("Invalid(DanglingReference({own:?}))"));
    }
}

/// Whether the security header must be understood decides nothing; what we write says always that it must.
#[test]
fn must_understand_on_the_security_header() {
    let stage = Stage::clear();
    let own = " s:mustUnderstand=\"1\"";
    let start = range(&stage.text, "Header/Security").start;
    for other in [
        "",
        " s:mustUnderstand=\"0\"",
        " s:mustUnderstand=\"true\"",
        " mustUnderstand=\"1\"",
        " s:mustunderstand=\"1\"",
        " s:mustUnderstand=\"false\"",
    ] {
        let text = format!("{}{}", &stage.text[..start], edited(&stage.text[start..], own, other));
        stage.accepted(other, &text);
    }
    for name in preset::all().map(|preset| preset.name) {
        let stage = Stage::of(name, |_| {});
        let tag = element(&stage.text, "Header/Security").split('>').next().unwrap().to_owned();
        assert!(tag.contains(own), "{name}: {tag}");
    }
}

/// Who a security header is for, by every name that means us and by some that do not.
#[test]
fn names_of_the_receiver() {
    for (version, attribute, ours, others) in [
        (
            0,
            "actor",
            &["", "http://schemas.xmlsoap.org/soap/actor/next"][..],
            &["urn:other", "http://www.w3.org/2003/05/soap-envelope/role/next"][..],
        ),
        (
            1,
            "role",
            &[
                "",
                "http://www.w3.org/2003/05/soap-envelope/role/next",
                "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
            ],
            &[
                "urn:other",
                "http://www.w3.org/2003/05/soap-envelope/role/none",
                "http://schemas.xmlsoap.org/soap/actor/next",
            ],
        ),
    ] {
        let mut policy = policy(CLEAR);
        policy.parts.encrypted.body = false;
        plain_keys(&mut policy);
        let stage = Stage::with(&policy, &policy, soap(CLEAR)[version]);
        let start = range(&stage.text, "Header/Security").start;
        let addressed = |name: &str| {
            let (head, tail) = stage.text.split_at(start);
            format!("{head}{}", tail.replacen(' ', &format!(" s:{attribute}=\"{name}\" "), 1))
        };
        let empty = format!("<o:Security xmlns:o=\"{WSSE}\"/>");
        for name in ours {
            stage.accepted(name, &addressed(name));
            let two = before(&addressed(name), "Header/Security", &empty);
            stage.refused(name, &two, "SecurityHeader { element: \"Security\", fault: \"is there twice\" }");
        }
        for name in others {
            stage.refused(name, &addressed(name), "TokenMissing(\"security header\")");
            let besides = empty.replace("/>", &format!(" s:{attribute}=\"{name}\"/>"));
            let opened = stage.open(&before(&stage.text, "Header/Security", &besides)).unwrap();
            let passed = plain(&opened);
            assert!(passed.contains(&format!("s:{attribute}=\"{name}\"")), "it is passed on: {passed}");
            assert_eq!(opened.unverified().collect::<Vec<_>>(), ["Security"]);
        }
    }
}

/// A reply under mutual certificates refers to the certificate that signed it, and does not bring it where the policy says so.
#[test]
fn replies_bring_no_token_that_was_not_asked_for() {
    let name = "wse-mutualCertificate10Security";
    for (include, brings) in [(Include::Never, false), (Include::Always, true)] {
        let mut policy = policy(name);
        let nuncio_policy::model::Binding::Asymmetric(binding) = &mut policy.binding else { panic!("not asymmetric") };
        (binding.recipient.include, binding.recipient.reference) = (include, X509Reference::Any);
        let mut pair = Pair::new(&policy, soap(name)[0]);
        let (outbound, expectation) = pair.request("hello", None);
        let opened = pair.open(&outbound, outbound.body.clone(), None).unwrap();
        let message = pair.echo(opened);
        let text = String::from_utf8(message.body.clone()).unwrap();
        assert_eq!(text.contains("BinarySecurityToken"), brings, "{text}");
        assert!(pair.answer(&message, &expectation).is_ok());
    }
}

/// An answer is signed by the service's certificate, by whatever name it goes; by no other, ours least of all.
#[test]
fn answers_by_any_name_of_the_services_certificate() {
    let name = "wse-mutualCertificate10Security";
    for reference in
        [X509Reference::KeyIdentifier, X509Reference::IssuerSerial, X509Reference::Thumbprint, X509Reference::Embedded]
    {
        for include in [Include::Never, Include::Always] {
            let mut policy = policy(name);
            let nuncio_policy::model::Binding::Asymmetric(binding) = &mut policy.binding else {
                panic!("not asymmetric")
            };
            (binding.recipient.include, binding.recipient.reference) = (include, reference);
            for (signer, taken) in [(crate::ends::server(), true), (crate::ends::stranger(), false)] {
                let mut pair = Pair::answered_by(&policy, soap(name)[0], signer);
                let (outbound, expectation) = pair.request("hello", None);
                let opened = pair
                    .open(&outbound, outbound.body.clone(), None)
                    .unwrap_or_else(|refusal| panic!("{reference:?}: {refusal}"));
                let message = pair.echo(opened);
                assert_eq!(pair.answer(&message, &expectation).is_ok(), taken, "{reference:?}, {include:?}");
                // Nor is a request an answer to itself.
                let mirrored = nuncio_wss::Message { body: outbound.body.clone(), ..message };
                assert!(pair.answer(&mirrored, &expectation).is_err(), "{reference:?}, {include:?}");
            }
        }
    }
}

/// What we write in base64 is one line, nothing but elements stands in the security header, and there is no byte order mark.
#[test]
fn what_is_written_has_no_blanks() {
    for name in preset::all().map(|preset| preset.name) {
        let stage = Stage::of(name, |_| {});
        assert!(stage.text.starts_with("<s:Envelope"), "{name}");
        assert!(!stage.text.contains(['\n', '\r', '\t']), "{name}");
        let document = parse(&stage.text);
        let security = document.descendants().find(|node| node.tag_name().name() == "Security").unwrap();
        for node in security.descendants().filter(roxmltree::Node::is_text) {
            assert!(!node.text().unwrap().contains(char::is_whitespace), "{name}: {:?}", node.text());
        }
    }
    assert!(NOW.to_string().ends_with('Z'));
}
