//! XS: keys that are not whose they seem, and text that is read in two ways.

use nuncio_crypto::algorithm::SignatureAlgorithm;
use nuncio_crypto::{base64, sign};
use nuncio_policy::model::{Binding, Include, Policy, X509Reference};
use nuncio_wss::{Class, Refusal};

use crate::ends::{Numbers, Pair, client, policy, server, soap, stranger};
use crate::forge::{
    CLEAR, DSIG, Stage, WSSE, WSU, after, before, edited, element, encrypted, hmac, id, key_info, parse, plain,
    replaced, resigned, within, without,
};

const MUTUAL10: &str = "wse-mutualCertificate10Security";
const MUTUAL11: &str = "wse-mutualCertificate11Security";

/// With nothing encrypted.
fn in_clear(policy: &mut Policy) {
    policy.parts.encrypted.body = false;
}

#[test]
fn xs_08_prefixes_bound_anew() {
    let stage = Stage::clear();
    let body = id(&stage.text, "Envelope/Body");
    // Visibly used: no list is needed.
    let xsi = "http://www.w3.org/2001/XMLSchema-instance";
    let rebound = stage.text.replace(&format!("xmlns:xsi=\"{xsi}\""), "xmlns:xsi=\"urn:evil\"");
    stage.refused("xsi", &rebound, &format!("Invalid(DigestMismatch({body:?}))"));
    // Used in content alone: the list counts, in the reference as in the canonicalisation of SignedInfo.
    let xsd = "http://www.w3.org/2001/XMLSchema";
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let list = |prefixes: &str| format!("<ec:InclusiveNamespaces xmlns:ec=\"{c14n}\" PrefixList=\"{prefixes}\"/>");
    let transform = format!("URI=\"#{body}\"><Transforms><Transform Algorithm=\"{c14n}\">");
    let listed = edited(&stage.text, &transform, &format!("{transform}{}", list("xsd xsi #default")));
    stage.refused("the list alone", &listed, "Invalid(SignatureMismatch)");
    let sound = stage.resigned(&listed);
    stage.accepted("a list", &sound);
    let rebound = edited(&sound, &format!("xmlns:xsd=\"{xsd}\""), "xmlns:xsd=\"urn:evil\"");
    stage.refused("xsd", &rebound, &format!("Invalid(DigestMismatch({body:?}))"));
    let method = format!("<CanonicalizationMethod Algorithm=\"{c14n}\">");
    let of_info = edited(&sound, &method, &format!("{method}{}", list("s")));
    stage.refused("a list for SignedInfo alone", &of_info, "Invalid(SignatureMismatch)");
    let sound = stage.resigned(&of_info);
    stage.accepted("a list for SignedInfo", &sound);
    // What is forwarded means what it meant where it stood: declarations further out come along.
    let declaration = format!(" xmlns:xsd=\"{xsd}\"");
    let outside = edited(&edited(&stage.text, &declaration, ""), "<s:Envelope", &format!("<s:Envelope{declaration}"));
    assert!(plain(&stage.open(&outside).unwrap()).contains(&declaration));
}

/// What is read as one text has nothing in it but text.
#[test]
fn xs_11_comments_in_what_is_read() {
    let tls = Stage::of("wse-usernameOverTransportSecurity", |_| {});
    let endorsed = Stage::of("wcf-ws2007-certificateOverTransport", |_| {});
    let conversation = Stage::of("wcf-ws2007-mutualCertificate-conversation", |_| {});
    let asymmetric = Stage::of(MUTUAL10, |policy| {
        in_clear(policy);
        let Binding::Asymmetric(binding) = &mut policy.binding else { panic!("not asymmetric") };
        (binding.initiator.include, binding.initiator.reference) = (Include::Never, X509Reference::IssuerSerial);
    });
    let (clear, hidden) = (Stage::clear(), Stage::hidden());
    for (stage, path, expected) in [
        (&tls, "UsernameToken/Username", "SecurityHeader { element: \"Username\""),
        (&tls, "UsernameToken/Password", "SecurityHeader { element: \"Password\""),
        (&clear, "Timestamp/Created", "SecurityHeader { element: \"Timestamp\""),
        (&clear, "Timestamp/Expires", "SecurityHeader { element: \"Timestamp\""),
        (&clear, "Header/Action", "Addressing { header: \"Action\""),
        (&clear, "Header/To", "Addressing { header: \"To\""),
        (&clear, "Header/MessageID", "Addressing { header: \"MessageID\""),
        (&clear, "ReplyTo/Address", "Addressing { header: \"ReplyTo\""),
        (&clear, "Reference/DigestValue", "Invalid(Malformed { element: \"DigestValue\""),
        (&clear, "Signature/SignatureValue", "Invalid(Malformed { element: \"SignatureValue\""),
        (&clear, "EncryptedKey/CipherData/CipherValue", "Invalid(Malformed { element: \"CipherValue\""),
        (
            &clear,
            "EncryptedKey/KeyInfo/SecurityTokenReference/KeyIdentifier",
            "SecurityHeader { element: \"KeyIdentifier\"",
        ),
        (&hidden, "Body/EncryptedData/CipherData/CipherValue", "Invalid(Malformed { element: \"CipherValue\""),
        (&endorsed, "Security/BinarySecurityToken", "SecurityHeader { element: \"BinarySecurityToken\""),
        (&conversation, "SecurityContextToken/Identifier", "SecurityHeader { element: \"Identifier\""),
        (&conversation, "DerivedKeyToken/Nonce", "SecurityHeader { element: \"Nonce\""),
        (&conversation, "DerivedKeyToken/Length", "SecurityHeader { element: \"DerivedKeyToken\""),
        (&asymmetric, "X509IssuerSerial/X509IssuerName", "SecurityHeader { element: \"X509IssuerName\""),
        (&asymmetric, "X509IssuerSerial/X509SerialNumber", "SecurityHeader { element: \"X509SerialNumber\""),
    ] {
        let whole = element(&stage.text, path).to_owned();
        let (open, close) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
        let middle = open + (close - open) / 2;
        let with = |what: &str| replaced(&stage.text, path, &format!("{}{what}{}", &whole[..middle], &whole[middle..]));
        stage.refused(path, &with("<!-- -->"), expected);
        stage.refused(path, &with("<x xmlns=\"urn:x\"/>"), expected);
        stage.refused(path, &with("<?x?>"), "Unreadable(ProcessingInstruction)");
        // A section is text, and references are what they stand for: nothing is said otherwise.
        let section = format!("{}<![CDATA[{}]]>{}", &whole[..open], &whole[open..close], &whole[close..]);
        stage.accepted(path, &replaced(&stage.text, path, &section));
        let reference = format!("{}&#x{:x};{}", &whole[..open], whole.as_bytes()[open], &whole[open + 1..]);
        stage.accepted(path, &replaced(&stage.text, path, &reference));
    }
    for path in ["Security/Timestamp", "Signature/SignedInfo", "Signature/KeyInfo", "EncryptedKey/CipherData"] {
        let name = path.split('/').nth(1).unwrap();
        let refusal =
            clear.open(&within(&clear.text, path, "<!-- -->")).err().unwrap_or_else(|| panic!("{path}: opened"));
        let expected = format!("{name:?}, fault: \"holds text or a comment\"");
        assert!(format!("{refusal:?}").contains(&expected), "{path}: {refusal:?}");
    }
}

/// Whoever signs with a certificate of his own is nobody.
#[test]
fn xs_17_signatures_by_strangers() {
    for name in [MUTUAL11, "wcf-ws2007-certificateOverTransport", MUTUAL10] {
        let policy = policy(name);
        let pair = Pair::with(&policy, &policy, soap(name)[0], stranger());
        let stage = Stage::on(pair, &policy);
        let refusal = stage.open(&stage.text).err().unwrap_or_else(|| panic!("{name}: opened"));
        match &refusal {
            Refusal::UntrustedCertificate { subject, .. } if name != MUTUAL10 => assert!(subject.contains("stranger")),
            Refusal::UntrustedSigner { subject, .. } if name == MUTUAL10 => assert!(subject.contains("stranger")),
            other => panic!("{name}: {other}"),
        }
        let expected = if name == MUTUAL10 { Class::InvalidSecurity } else { Class::FailedAuthentication };
        assert_eq!(refusal.class(), expected, "{name}");
    }
    // The trusted certificate beside, or named, and another's signature.
    let stage = Stage::of("wcf-ws2007-certificateOverTransport", |_| {});
    let theirs = base64::encode(stranger().certificate.der());
    let own = base64::encode(client().certificate.der());
    let signed = resigned(&stage.text, |octets| {
        sign::sign(&stranger().key, SignatureAlgorithm::RsaSha1, octets, &mut Numbers(3)).expect("signed")
    });
    stage.refused("named as the trusted one's", &signed, "Invalid(SignatureMismatch)");
    let beside = format!(
        "<o:BinarySecurityToken xmlns:o=\"{WSSE}\" ValueType=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3\">{own}</o:BinarySecurityToken>"
    );
    let swapped = signed.replace(&own, &theirs);
    let with_both = before(&swapped, "Security/BinarySecurityToken", &beside);
    let refusal = stage.open(&with_both).err().expect("refused");
    assert!(matches!(refusal, Refusal::UntrustedCertificate { .. }), "{refusal}");
}

/// An HMAC under something public, in a certificate's name; and a symmetric key in an asymmetric signature's.
#[test]
fn xs_18_kinds_of_keys_confused() {
    let service = server().certificate;
    let mine = client().certificate;
    let pem = include_bytes!("../../../../tests/keys/client.pem").to_vec();
    let spki = |der: &[u8]| {
        // SubjectPublicKeyInfo of a 2048-bit RSA key is 294 octets long.
        let start = der.windows(4).position(|octets| octets == [0x30, 0x82, 0x01, 0x22]).expect("a public key");
        der[start..start + 294].to_vec()
    };
    let public = |certificate: &nuncio_crypto::certificate::Certificate| {
        let der = certificate.der().to_vec();
        let spki = spki(&der);
        [
            der,
            spki.clone(),
            spki[24..].to_vec(),
            spki[33..289].to_vec(),
            certificate.thumbprint().to_vec(),
            certificate.subject_key_identifier().expect("there").to_vec(),
            Vec::new(),
        ]
    };
    let named = |certificate: &nuncio_crypto::certificate::Certificate| {
        let der = base64::encode(certificate.der());
        key_info(&format!("<X509Data xmlns=\"{DSIG}\"><X509Certificate>{der}</X509Certificate></X509Data>"))
    };
    let stage = Stage::clear();
    for key in public(&service).into_iter().chain(public(&mine)).chain([pem.clone()]) {
        for named in [named(&service), named(&mine)] {
            let text = replaced(&stage.text, "Signature/KeyInfo", &named);
            let text = resigned(&text, |octets| hmac(&key, octets));
            let expected = "KeyReference(\"names a certificate where a symmetric key is needed\")";
            stage.refused("an HMAC in a certificate's name", &text, expected);
        }
    }
    let asymmetric = Stage::of(MUTUAL10, in_clear);
    let text = edited(&asymmetric.text, "xmldsig#rsa-sha1", "xmldsig#hmac-sha1");
    for key in public(&mine).into_iter().chain([pem]) {
        let text = resigned(&text, |octets| hmac(&key, octets));
        let expected = "KeyReference(\"signs under a token that the policy has no use for\")";
        asymmetric.refused("an HMAC for a signature", &text, expected);
    }
    let text = edited(&stage.text, "xmldsig#hmac-sha1", "xmldsig#rsa-sha1");
    stage.refused("RSA under a session key", &text, "Endorsement(\"is there where the policy has none\")");
    let endorsed = Stage::of(MUTUAL11, |policy| {
        in_clear(policy);
        crate::forge::plain_keys(policy);
    });
    let text = edited(&endorsed.text, "xmldsig#hmac-sha1", "xmldsig#rsa-sha1");
    endorsed.refused("RSA under a session key", &text, "KeyReference(");
}

/// A key is named by one reference that leads to it, in two hops at most.
#[test]
fn xs_24_key_references_in_circles() {
    let stage = Stage::clear();
    let key = id(&stage.text, "Security/EncryptedKey");
    let local = |id: &str| format!("<o:Reference URI=\"#{id}\"/>");
    let one = "SecurityHeader { element: \"KeyInfo\", fault: \"is not one security token reference\" }";
    let ds = |inner: &str| format!("<KeyInfo xmlns=\"{DSIG}\">{inner}</KeyInfo>");
    let whole = key_info(&local(&key));
    let reference = element(&whole, "KeyInfo/SecurityTokenReference").to_owned();
    for (what, info, expected) in [
        ("a retrieval method", ds(&format!("<RetrievalMethod URI=\"#{key}\"/>")), one),
        (
            "a reference to a KeyInfo",
            ds(&format!("<KeyInfoReference xmlns=\"http://www.w3.org/2009/xmldsig11#\" URI=\"#{key}\"/>")),
            one,
        ),
        ("a key's name", ds("<KeyName>alice</KeyName>"), one),
        ("a key's value", ds("<KeyValue><RSAKeyValue/></KeyValue>"), one),
        ("nothing", ds(""), one),
        ("two references", ds(&reference.repeat(2)), one),
        (
            "an encrypted key of its own",
            ds(&element(&stage.text, "Security/EncryptedKey").replace(&format!(" Id=\"{key}\""), "")),
            one,
        ),
        (
            "a reference with two children",
            key_info(&local(&key).repeat(2)),
            "SecurityHeader { element: \"SecurityTokenReference\", fault: \"has not exactly one child\" }",
        ),
        (
            "a reference to a reference",
            key_info(&reference),
            "SecurityHeader { element: \"SecurityTokenReference\", fault: \"names a key in a way that is not known\" }",
        ),
        ("a reference to nothing", key_info(&local("nothing")), "KeyReference(\"names an id that nothing has\")"),
        (
            "a reference to the body",
            key_info(&local(&id(&stage.text, "Envelope/Body"))),
            "KeyReference(\"leads out of the security header\")",
        ),
        (
            "a reference to the timestamp",
            key_info(&local(&id(&stage.text, "Security/Timestamp"))),
            "KeyReference(\"leads to something that has no symmetric key\")",
        ),
        (
            "an empty reference",
            key_info("<o:Reference URI=\"#\"/>"),
            "SecurityHeader { element: \"Reference\", fault: \"has an empty fragment\" }",
        ),
        (
            "another's address",
            key_info("<o:Reference URI=\"http://example.com/key\"/>"),
            "KeyReference(\"names another security context than the message's own\")",
        ),
    ] {
        let text = replaced(&stage.text, "Signature/KeyInfo", &info);
        stage.refused(what, &stage.resigned(&text), expected);
    }

    // Derived keys, of one that is wrapped and no others.
    let token = |id: &str, from: &str| {
        format!(
            "<c:DerivedKeyToken xmlns:c=\"http://schemas.xmlsoap.org/ws/2005/02/sc\" xmlns:u=\"{WSU}\" u:Id=\"{id}\">\
             <o:SecurityTokenReference xmlns:o=\"{WSSE}\">{}</o:SecurityTokenReference><c:Length>32</c:Length>\
             <c:Nonce>AAAAAAAAAAAAAAAAAAAAAA==</c:Nonce></c:DerivedKeyToken>",
            local(from)
        )
    };
    let signed_by = |tokens: &str, id: &str| {
        let text = before(&stage.text, "Security/Signature", tokens);
        stage.resigned(&replaced(&text, "Signature/KeyInfo", &key_info(&local(id))))
    };
    // Derived from the wrapped key, as soon as the signature is made so.
    let text = signed_by(&token("d", &key), "d");
    let secret = crate::forge::derived(&text, "d", &stage.key);
    stage.accepted("a derived key", &resigned(&text, |octets| hmac(secret.expose(), octets)));
    let hop = "KeyReference(\"derives a key from a derived key\")";
    stage.refused("a key derived twice", &signed_by(&(token("d", &key) + &token("f", "d")), "f"), hop);
    let declared = "Layout(\"a key is used before it is declared\")";
    stage.refused("a key derived from itself", &signed_by(&token("d", "d"), "d"), declared);
    stage.refused("two that derive each other", &signed_by(&(token("d", "f") + &token("f", "d")), "f"), hop);
    let chain: String =
        (0..900).map(|n| token(&format!("d{n}"), &if n == 0 { key.clone() } else { format!("d{}", n - 1) })).collect();
    stage.refused("a long chain", &signed_by(&chain, "d899"), "TooMany {");
    // A lax layout has no order, and leads nowhere all the same.
    let lax = Stage::of(CLEAR, |policy| {
        in_clear(policy);
        crate::forge::plain_keys(policy);
        policy.properties.layout = nuncio_policy::model::Layout::Lax;
    });
    let key = id(&lax.text, "Security/EncryptedKey");
    for (what, tokens, id) in [
        ("itself", token("d", "d"), "d"),
        ("a circle", token("d", "f") + &token("f", "d"), "d"),
        ("twice", token("f", "d") + &token("d", &key), "f"),
    ] {
        let text = before(&lax.text, "Security/Signature", &tokens);
        let text = lax.resigned(&replaced(&text, "Signature/KeyInfo", &key_info(&local(id))));
        lax.refused(what, &text, hop);
    }
    // A wrapped key whose own KeyInfo leads to itself, or to a key derived from it.
    for (what, target, tokens) in
        [("itself", key.as_str(), String::new()), ("one derived from it", "d", token("d", &key))]
    {
        let text = after(&lax.text, "Security/EncryptedKey", &tokens);
        let text = replaced(&text, "EncryptedKey/KeyInfo", &key_info(&local(target)));
        lax.refused(what, &text, "KeyReference(\"leads to something that is no certificate\")");
    }
}

/// References that nest cost what they cover, each: all together no more than a few times the message.
#[test]
fn xs_28_references_that_nest() {
    let stage = Stage::clear();
    let open = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("<n u:Id=\"n{n}\">")).concat();
    let large = format!("{open}{}{}", "x".repeat(100_000), "</n>".repeat(9));
    let body = within(&stage.text, "Envelope/Body", &large);
    let references: String = (0..9)
        .map(|n| {
            let whole = element(&stage.text, "SignedInfo/Reference");
            let uri = &whole[whole.find("URI=\"").unwrap()..];
            let uri = &uri[..uri[5..].find('"').unwrap() + 6];
            whole.replace(uri, &format!("URI=\"#n{n}\""))
        })
        .collect();
    let nested = stage.resigned(&within(&body, "Signature/SignedInfo", &references));
    stage.refused("nine that nest", &nested, "Invalid(TooMany { what: \"canonical octets in references\"");
    let one = stage.resigned(&body);
    assert!(stage.open(&one).is_ok());
    let many = within(&stage.text, "Signature/SignedInfo", &references.repeat(2));
    stage.refused("more than sixteen", &many, "Invalid(TooMany { what: \"references\", limit: 16 })");
}

/// What is encrypted and was not signed, at every place of a signed message.
#[test]
fn xs_29_ciphertext_put_in() {
    let stage = Stage::hidden();
    let info = element(&stage.text, "Body/EncryptedData/KeyInfo").to_owned();
    let username = format!(
        "<o:UsernameToken xmlns:o=\"{WSSE}\"><o:Username>mallory</o:Username><o:Password>x</o:Password></o:UsernameToken>"
    );
    let places: Vec<usize> = parse(&stage.text)
        .descendants()
        .filter(roxmltree::Node::is_element)
        .flat_map(|node| [node.range().start, node.range().end])
        .filter(|&at| at > 0 && at < stage.text.len())
        .collect();
    let honest = plain(&stage.open(&stage.text).unwrap());
    let mut refused = 0;
    for (form, plaintext) in [("Element", username.as_str()), ("Content", "<x xmlns=\"urn:x\">evil</x>")] {
        let data = encrypted(&stage.key, "more", form, plaintext, &info);
        for &at in &places {
            for listed in [true, false] {
                let text = format!("{}{data}{}", &stage.text[..at], &stage.text[at..]);
                let text = if listed {
                    edited(
                        &text,
                        "ReferenceList xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\">",
                        "ReferenceList xmlns:e=\"http://www.w3.org/2001/04/xmlenc#\"><e:DataReference URI=\"#more\"/>",
                    )
                } else {
                    text
                };
                match stage.open(&text) {
                    Err(_) => refused += 1,
                    Ok(opened) => assert_eq!(plain(&opened), honest, "{form} at {at}, listed: {listed}"),
                }
            }
        }
    }
    assert!(refused >= 4 * places.len() - 8, "{refused} of {}", 4 * places.len());
    // A signed header gives way to an encrypted one: what comes out is not where a policy encrypts.
    let to = element(&stage.text, "Header/To").to_owned();
    let data = encrypted(&stage.key, "more", "Element", &to, &info);
    let text = replaced(&stage.text, "Header/To", &data);
    stage.refused(
        "an encrypted address",
        &text,
        "SecurityHeader { element: \"Header\", fault: \"has a block that belongs in a security header\" }",
    );
    // Over a transport no signature would tell.
    let tls = Stage::of("wcf-ws2007-userNameOverTransport", |_| {});
    let data = encrypted(&stage.key, "more", "Content", "<x xmlns=\"urn:x\">evil</x>", &info);
    let text = within(&tls.text, "Envelope/Body", &data);
    tls.refused(
        "over TLS",
        &text,
        "SecurityHeader { element: \"EncryptedData\", fault: \"in the body is not listed\" }",
    );
    // The body's ciphertext swapped for another under the same key: signed is what came out.
    let data = encrypted(
        &stage.key,
        &id(&stage.text, "Body/EncryptedData"),
        "Content",
        "<e:Echo xmlns:e=\"urn:example\"/>",
        &info,
    );
    let swapped = replaced(&stage.text, "Body/EncryptedData", &data);
    let body = id(&stage.text, "Envelope/Body");
    stage.refused("another ciphertext", &swapped, &format!("Invalid(DigestMismatch({body:?}))"));
    // Encrypted and unsigned, by somebody who has the key.
    let reference = format!("<Reference URI=\"#{body}\"");
    let start = swapped.find(&reference).unwrap();
    let end = start + swapped[start..].find("</Reference>").unwrap() + "</Reference>".len();
    let unsigned = stage.resigned(&format!("{}{}", &swapped[..start], &swapped[end..]));
    stage.refused("unsigned ciphertext", &unsigned, "NotSigned(\"Body\")");
}

/// The answer confirms the request's signatures, all of them and nothing else.
#[test]
fn xs_30_signature_confirmations() {
    let change = |policy: &mut Policy| {
        in_clear(policy);
        crate::forge::plain_keys(policy);
        policy.wss.signature_confirmation = true;
    };
    let mut stage = Stage::of(CLEAR, change);
    let opened = stage.open(&stage.text).unwrap();
    let message = stage.pair.echo(opened);
    let sound = String::from_utf8(message.body.clone()).unwrap();
    let answer = |text: &str| {
        let mut message = nuncio_wss::Message { body: text.as_bytes().to_vec(), ..clone(&message) };
        message.fault = false;
        stage.pair.answer(&message, &stage.expectation)
    };
    assert!(answer(&sound).is_ok());
    let path = "Security/SignatureConfirmation";
    let confirmation = element(&sound, path).to_owned();
    let value = confirmation.split("Value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let id = id(&sound, path);
    let unreferred = |text: &str| {
        let start = text.find(&format!("<Reference URI=\"#{id}\"")).unwrap();
        let end = start + text[start..].find("</Reference>").unwrap() + "</Reference>".len();
        format!("{}{}", &text[..start], &text[end..])
    };
    let wrong = "SignatureConfirmation(\"does not confirm the signatures of the request\")";
    let other = confirmation.replace(&id, "other");
    for (what, text, expected) in [
        ("none", unreferred(&without(&sound, path)), wrong),
        ("another value", edited(&sound, &value, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="), wrong),
        ("no value", edited(&sound, &format!(" Value=\"{value}\""), ""), wrong),
        ("a part of it", edited(&sound, &value, "AAAA"), wrong),
        (
            "not base64",
            edited(&sound, &value, "*"),
            "SecurityHeader { element: \"SignatureConfirmation\", fault: \"is not base64\" }",
        ),
        ("one that is not signed", unreferred(&sound), "NotSigned(\"SignatureConfirmation\")"),
        ("another that is not signed", after(&sound, path, &other), "NotSigned(\"SignatureConfirmation\")"),
    ] {
        let refusal = answer(&stage.resigned(&text)).err().unwrap_or_else(|| panic!("{what}: opened"));
        assert!(format!("{refusal:?}").starts_with(expected), "{what}: {refusal:?}");
    }
    // Once more than there were signatures.
    let reference = element(&sound, "SignedInfo/Reference").to_owned();
    let uri = reference.split('"').nth(1).unwrap().to_owned();
    let twice = within(&after(&sound, path, &other), "Signature/SignedInfo", &reference.replace(&uri, "#other"));
    let refusal = answer(&stage.resigned(&twice)).err().expect("refused");
    assert!(format!("{refusal:?}").starts_with(wrong), "{refusal:?}");
    // Where none was asked for.
    let mut theirs = policy(CLEAR);
    change(&mut theirs);
    let mut mine = theirs.clone();
    mine.wss.signature_confirmation = false;
    let mut stage = Stage::with(&mine, &theirs, soap(CLEAR)[0]);
    let opened = stage.open(&stage.text).unwrap();
    let message = stage.pair.echo(opened);
    let refusal = stage.pair.answer(&message, &stage.expectation).err().expect("refused");
    assert!(matches!(refusal, Refusal::SignatureConfirmation("was not asked for")), "{refusal}");
}

fn clone(message: &nuncio_wss::Message) -> nuncio_wss::Message {
    nuncio_wss::Message { content_type: message.content_type, fault: message.fault, body: message.body.clone() }
}
