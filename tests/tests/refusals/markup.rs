//! What is no message, or one that is written otherwise than a message may be.

use nuncio_policy::model::SoapVersion;
use nuncio_wss::Class;

use crate::bench::{Bench, CONVERSATION, PER_MESSAGE, WSSE, body_limit, edited, message, range, text, with_body};

#[test]
fn an_id_that_is_there_twice() {
    let bench = Bench::new(PER_MESSAGE);
    let request = bench.request("x");
    let id = |range: std::ops::Range<usize>| {
        let element = &text(&request)[range];
        element.split("u:Id=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
    };
    let (body, stamp) = (id(range(&request, "Envelope", "Body")), id(range(&request, "Security", "Timestamp")));
    let twice = edited(&request, &format!("u:Id=\"{stamp}\""), &format!("u:Id=\"{body}\""));
    let reason = format!("unreadable: id \"{body}\" is there twice");
    bench.refuse("an id twice", &twice, Class::Unreadable, &reason);
}

#[test]
fn a_document_type() {
    let bench = Bench::new(PER_MESSAGE);
    let request = bench.request("x");
    for doctype in ["<!DOCTYPE x>", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>"] {
        let with = with_body(&request, format!("{doctype}{}", text(&request)));
        bench.refuse(doctype, &with, Class::Unreadable, "unreadable: a document type declaration");
    }
}

#[test]
fn a_processing_instruction() {
    let bench = Bench::new(PER_MESSAGE);
    let request = bench.request("x");
    let reason = "unreadable: a processing instruction";
    bench.refuse("in front", &with_body(&request, format!("<?x y?>{}", text(&request))), Class::Unreadable, reason);
    bench.refuse("within", &edited(&request, "<s:Header>", "<?x y?><s:Header>"), Class::Unreadable, reason);
}

#[test]
fn an_entity() {
    let bench = Bench::new(PER_MESSAGE);
    let with = edited(&bench.request("x"), "</s:Header>", "<x:h xmlns:x=\"urn:x\">&y;</x:h></s:Header>");
    let reason = "unreadable: a reference to an entity that is not predefined";
    bench.refuse("an entity", &with, Class::Unreadable, reason);
}

#[test]
fn elements_too_deep() {
    let bench = Bench::new(PER_MESSAGE);
    let nested = |depth: usize| format!("<x xmlns=\"urn:x\">{}{}</x>", "<y>".repeat(depth), "</y>".repeat(depth));
    let header = edited(&bench.request("x"), "</s:Header>", &format!("{}</s:Header>", nested(70)));
    bench.refuse("in a header", &header, Class::Unreadable, "unreadable: elements are nested deeper than 64");
    // Within what is encrypted, where only the reader of it finds them.
    let (outbound, _) = bench.seal_at(&bench.client, &bench.plain(&nested(70)), bench.now());
    let reason = "the decrypted text does not fit: elements are nested deeper than 64";
    bench.refuse("in the body", &message(&outbound), Class::InvalidSecurity, reason);
}

#[test]
fn a_body_too_large() {
    let bench = Bench::new(PER_MESSAGE);
    let request = bench.request("x");
    let mut body = request.body.clone();
    body.resize(body_limit() + 1, b' ');
    let reason = format!("the body has more than the {} octets that the route allows", body_limit());
    bench.reject("a large body", &with_body(&request, body.clone()), 413, &reason);
    // What comes out of an encrypted part is not counted against it.
    body.pop();
    bench.pass(&with_body(&request, body));
}

#[test]
fn garbage() {
    let bench = Bench::new(PER_MESSAGE);
    let request = bench.request("x");
    for (body, reason) in [
        (&b""[..], "unreadable: no root element"),
        (b"   ", "unreadable: no root element"),
        (b"hello", "unreadable: text outside the root element"),
        (b"\xff\xfe<\0s\0>\0", "unreadable: not UTF-8"),
        (b"\0\0\0\0", "unreadable: a character that XML does not allow"),
        (b"<x/>", "envelope: is in no namespace of SOAP"),
        (
            b"<Envelope xmlns='http://www.w3.org/2003/05/soap-envelope'/>",
            "envelope: is not an optional header and a body",
        ),
        (
            b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>",
            "envelope: is of another version of SOAP than its content type",
        ),
    ] {
        let what = String::from_utf8_lossy(body).escape_debug().to_string();
        bench.refuse(&what.replace(['\\', '\u{fffd}'], ""), &with_body(&request, body), Class::Unreadable, reason);
    }
}

#[test]
fn a_message_cut_short() {
    let bench = Bench::new(CONVERSATION);
    let request = bench.request("x");
    for length in (1..request.body.len()).step_by(request.body.len() / 40) {
        bench.gateway.take_log();
        let answer = bench.send(&with_body(&request, &request.body[..length]));
        assert!(bench.backend.take().is_empty(), "{length} octets");
        assert_eq!(str::from_utf8(&answer.body).unwrap(), bench.fault(Class::Unreadable), "{length} octets");
        let log = bench.gateway.take_log();
        assert!(matches!(log.as_slice(), [line] if line.contains(" refused=\"unreadable: ")), "{length}: {log:?}");
    }
    bench.honest("a cut message");
}

#[test]
fn two_security_headers() {
    let bench = Bench::new(PER_MESSAGE);
    let second = format!("<o:Security xmlns:o=\"{WSSE}\"></o:Security></s:Header>");
    let twice = edited(&bench.request("x"), "</s:Header>", &second);
    bench.refuse("two", &twice, Class::InvalidSecurity, "security header: Security: is there twice");
}

#[test]
fn no_security_header() {
    let without = |bench: &Bench| {
        let mut request = bench.request("x");
        let range = range(&request, "Header", "Security");
        request.body.drain(range);
        request
    };
    for name in [PER_MESSAGE, CONVERSATION, "wcf-ws2007-userNameOverTransport"] {
        let bench = Bench::new(name);
        let reason = "no security header where the policy asks for one";
        bench.refuse(name, &without(&bench), Class::InvalidSecurity, reason);
    }
    // Nor does a plain message come through, as the plain service would take it.
    let bench = Bench::new(PER_MESSAGE);
    let plain = bench.plain("<Echo xmlns=\"http://nuncio.example/echo\"><text>x</text></Echo>");
    let plain = with_body(&bench.request("x"), plain);
    bench.refuse("a plain message", &plain, Class::InvalidSecurity, "addressing header Action: is missing");
}

#[test]
fn a_header_that_must_be_understood() {
    for name in [PER_MESSAGE, CONVERSATION, "wcf-ws2007-userNameOverTransport"] {
        let bench = Bench::new(name);
        for must in ["1", "true"] {
            let header = format!("<x:H xmlns:x=\"urn:x\" s:mustUnderstand=\"{must}\"></x:H></s:Header>");
            let request = edited(&bench.request("x"), "</s:Header>", &header);
            bench.refuse(name, &request, Class::NotUnderstood, "header {urn:x}H must be understood and is not");
        }
        // One that need not be travels, and the log says that nobody vouches for it.
        bench.gateway.take_log();
        let header = "<x:H xmlns:x=\"urn:x\" s:mustUnderstand=\"0\"></x:H></s:Header>";
        let request = edited(&bench.request("x"), "</s:Header>", header);
        assert_eq!(bench.send(&request).status(), Some(200), "{name}");
        let log = bench.gateway.take_log().join("\n");
        assert!(log.contains(" unverified=\"H\""), "{name}: {log}");
        assert!(bench.backend.take()[0].text().contains("<x:H xmlns:x=\"urn:x\""), "{name}");
    }
}

#[test]
fn an_action_of_http_that_is_not_the_messages() {
    let bench = Bench::new(PER_MESSAGE);
    let mut request = bench.request("x");
    request.headers[0].1 = "application/soap+xml; charset=utf-8; action=\"urn:other\"".to_owned();
    bench.refuse("SOAP 1.2", &request, Class::InvalidSecurity, "action \"urn:other\" is not the message's own");

    let bench = Bench::speaking("wse-usernameForCertificateSecurity", SoapVersion::V11, false);
    let mut request = bench.request("x");
    let action = request.headers.iter_mut().find(|(name, _)| name == "SOAPAction").unwrap();
    action.1 = "\"urn:other\"".to_owned();
    bench.refuse("SOAP 1.1", &request, Class::InvalidSecurity, "action \"urn:other\" is not the message's own");
}
