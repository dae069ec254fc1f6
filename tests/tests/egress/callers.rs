//! As whom the service is called, for whom.

use std::path::PathBuf;
use std::process::Command;

use nuncio_policy::model::SoapVersion;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{self, PASSWORD};
use nuncio_tests::plain::{Answer, Backend};
use nuncio_tests::process::{Nuncio, free_port};

use crate::{Egress, POLICY, Protected, assert_echoed, echo};

fn with(authorization: &str) -> HttpMessage {
    let mut request = echo(SoapVersion::V12, "who");
    request.headers.push(("Authorization".to_owned(), authorization.to_owned()));
    request
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64_simd::STANDARD.encode_to_string(format!("{user}:{password}")))
}

/// As whom the service was called last.
fn called_as(service: &Protected) -> Option<String> {
    service.backend.take().last().and_then(|seen| seen.header("x-nuncio-principal")).map(str::to_owned)
}

#[test]
fn each_caller_has_his_own_conversation() {
    let service = Protected::start();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("token"), "c-a-r-o-l-s token\n").unwrap();
    let more = format!(
        "warm: false\ncallers:\n- name: billing\n  basic: {{ name: billing, password: \"b:1\" }}\n  user: {{ name: bob, password: \
         {PASSWORD} }}\n- name: reports\n  bearer_file: token\n  user: {{ name: carol, password: {PASSWORD} }}\n"
    );
    let egress = Egress::start("callers", &service.url(), &more);
    for (authorization, user) in [
        (basic("billing", "b:1"), "bob"),
        ("Bearer c-a-r-o-l-s token".to_owned(), "carol"),
        (basic("billing", "b:1").replace("Basic", "basic"), "bob"),
    ] {
        assert_echoed(&egress.post(&with(&authorization)), "who");
        assert_eq!(called_as(&service).as_deref(), Some(user), "{authorization}");
    }
    assert_eq!(service.begun(), 2);
    for authorization in [
        basic("billing", "b:2"),
        basic("bob", PASSWORD),
        "Bearer x".into(),
        "Bearer ".into(),
        "Basic !".into(),
        "x".into(),
    ] {
        let refused = egress.post(&with(&authorization));
        assert_eq!(refused.status(), Some(401), "{authorization}");
        assert!(
            refused.header("www-authenticate").is_some_and(|asked| asked.contains("Basic")) && refused.body.is_empty()
        );
    }
    assert_eq!(egress.post(&echo(SoapVersion::V12, "who")).status(), Some(401), "nobody");
    assert!(service.backend.seen().is_empty(), "nobody was called for a stranger");
}

/// Who brings another password is another: he does not go on in a conversation that was begun with the right one.
#[test]
fn passwords_pass_through() {
    let service = Protected::start();
    let egress = Egress::start("pass", &service.url(), "pass_through: true");
    for user in ["bob", "carol", "bob"] {
        assert_echoed(&egress.post(&with(&basic(user, PASSWORD))), "who");
        assert_eq!(called_as(&service).as_deref(), Some(user));
    }
    assert_eq!(service.begun(), 2);
    let refused = egress.post(&with(&basic("bob", "wrong")));
    assert_eq!(refused.status(), Some(500));
    assert!(crate::text(&refused).contains("The service refused the secured message."));
    assert_echoed(&egress.post(&with(&basic("bob", PASSWORD))), "who");
    assert_eq!(egress.post(&echo(SoapVersion::V12, "who")).status(), Some(401), "nobody");
}

/// Who brings a password has the route's certificate beside it, where the policy asks for both.
#[test]
fn passwords_pass_through_beside_the_routes_own_certificate() {
    let refused = Egress::refused(
        "beside",
        "service: \"http://127.0.0.1:9/\"\npreset: wcf-ws2007-mutualCertificate\npass_through: true",
    );
    assert!(refused.contains("it asks for a client certificate"), "{refused}");
}

/// Where the service asks for no password, anybody could bring any.
#[test]
fn passwords_are_not_passed_to_a_service_that_asks_for_none() {
    let key = |file: &str| peers::key(file).display().to_string();
    for policy in ["wcf-ws2007-mutualCertificate-conversation", "wcf-ws2007-mutualCertificate"] {
        let more = format!(
            "service: \"http://127.0.0.1:9/\"\npreset: {policy}\npass_through: true\ncertificate: {}\nkey: {}",
            key("client.pem"),
            key("client.key")
        );
        let refused = Egress::refused("unasked", &more);
        assert!(refused.contains("it asks for none: anybody could call with anything"), "{refused}");
    }
}

/// Where each message brings the password, it is right once the service vouches for an answer: wrong ones from the same place do not
/// lock him out any more.
#[test]
fn a_password_that_comes_with_each_message_is_proved_by_its_answer() {
    let service = Protected::under("wcf-ws2007-userNameForCertificate");
    let egress =
        Egress::start("each message", &service.url(), "preset: wcf-ws2007-userNameForCertificate\npass_through: true");
    assert_echoed(&egress.post(&with(&basic("bob", PASSWORD))), "who");
    for guess in 0..10 {
        assert_eq!(egress.post(&with(&basic("bob", &format!("guess {guess}")))).status(), Some(500));
    }
    assert_echoed(&egress.post(&with(&basic("bob", PASSWORD))), "who");
    // Who was never right from there has no more tries.
    for guess in 0..11 {
        let refused = egress.post(&with(&basic("carol", &format!("guess {guess}")))).status();
        assert_eq!(refused, Some(if guess < 10 { 500 } else { 401 }), "{guess}");
    }
}

/// What would do nothing is not said in silence.
#[test]
fn what_would_do_nothing_is_refused() {
    for (more, why) in [
        (
            format!("pass_through: true\nuser: {{ name: alice, password: {PASSWORD} }}"),
            "a route says either `user` or `pass_through`",
        ),
        ("soap: \"1.1\"".to_owned(), "it does not speak SOAP 1.1"),
    ] {
        let refused = Egress::refused("nothing", &format!("service: \"http://127.0.0.1:9/\"\n{more}"));
        assert!(refused.contains(why), "{refused}");
    }
}

/// A page in a browser, whose host's name a stranger has lead here, does not call where nobody is asked who he is; unless the hosts are
/// said, of which his is none. No program says what a page must.
#[test]
fn a_strangers_page_does_not_call() {
    let service = Protected::start();
    let mut from_page = echo(SoapVersion::V12, "read");
    from_page.headers.push(("Origin".to_owned(), "http://stranger.example".to_owned()));
    let open = Egress::start("pages", &service.url(), "");
    let refused = open.post(&from_page);
    assert_eq!((refused.status(), refused.body.len()), (Some(403), 0));
    assert!(open.gateway.logs("a page in a browser asks"));
    assert!(service.backend.seen().is_empty());
    assert_echoed(&open.post(&echo(SoapVersion::V12, "no page")), "no page");
    let named = Egress::start("pages of hosts", &service.url(), "hosts: [\"127.0.0.1\"]");
    assert_echoed(&named.post(&from_page), "read");
}

/// A caller is known by the certificate that he proves to TLS to have, and by no other under the same authority.
#[test]
fn a_caller_is_known_by_his_certificate() {
    if peers::lacks("curl") {
        return peers::skip("egress by certificate", "curl is missing");
    }
    let service = Protected::start();
    let port = free_port().unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
    std::fs::create_dir_all(&folder).unwrap();
    let key = |file: &str| peers::key(file).display().to_string();
    let yaml = format!(
        "egress:\n  listeners:\n  - address: 127.0.0.1:{port}\n    tls: {{ certificate: {server}, key: {private} }}\n    \
         client_certificates: optional\n    trust: {{ certificates: [{client}, {issuer}], crls: off }}\n  routes:\n  - path: /\n    service: {}\n    \
         preset: {POLICY}\n    service_certificate: {server}\n    callers:\n    - name: shop\n      client_certificate: {client}\n      \
         user: {{ name: carol, password: {PASSWORD} }}\n",
        service.url(),
        server = key("server.pem"),
        private = key("server.key"),
        client = key("client.pem"),
        issuer = key("stranger.pem"),
    );
    let file = folder.join("certificate.yaml");
    std::fs::write(&file, yaml).unwrap();
    let _gateway = Nuncio::start(["run".as_ref(), "--config".as_ref(), file.as_os_str()]).unwrap();
    let request = echo(SoapVersion::V12, "who");
    std::fs::write(folder.join("who.xml"), &request.body).unwrap();
    let ask = |shown: Option<&str>| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", &key("server.pem")]);
        if let Some(shown) = shown {
            curl.args(["--cert", &key(&format!("{shown}.pem")), "--key", &key(&format!("{shown}.key"))]);
        }
        curl.args(["-H", &format!("Content-Type: {}", request.content_type()), "--data-binary"]);
        curl.arg(format!("@{}", folder.join("who.xml").display())).arg(format!("https://localhost:{port}/"));
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    assert_eq!(ask(Some("client")), "200");
    assert_eq!(called_as(&service).as_deref(), Some("carol"));
    assert_eq!(ask(Some("stranger")), "401", "trusted by TLS, and nobody's");
    assert_eq!(ask(None), "401");
    assert!(service.backend.seen().is_empty());
}

/// Who guesses the service's passwords through the gateway is slowed as at any door: after ten that the service refused it is not
/// asked again for him from there, and others are not held up.
#[test]
fn guesses_that_pass_through_are_not_passed_for_ever() {
    let service = Backend::answering(|_| {
        let fault = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>\
                     <s:Subcode><s:Value xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">\
                     w:FailedAuthentication</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang=\"en\">no</s:Text></s:Reason>\
                     </s:Fault></s:Body></s:Envelope>";
        Answer { status: 500, content_type: "application/soap+xml; charset=utf-8".into(), body: fault.into() }
    })
    .unwrap();
    let egress = Egress::start("guesses", &service.url(), "pass_through: true");
    for guess in 0..10 {
        let refused = egress.post(&with(&basic("alice", &format!("guess {guess}"))));
        assert_eq!((refused.status(), service.take().len()), (Some(500), 1), "{guess}: the service is asked");
    }
    for guess in 10..15 {
        let refused = egress.post(&with(&basic("alice", &format!("guess {guess}"))));
        assert_eq!((refused.status(), service.take().len()), (Some(401), 0), "{guess}: it is not");
    }
    assert!(egress.gateway.logs("too many wrong ones came before"));
    let other = egress.post(&with(&basic("bob", "guess")));
    assert_eq!((other.status(), service.take().len()), (Some(500), 1), "somebody else is asked for");
}
