//! `nuncio call`: under contracts that WCF published, to services that hold callers to them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::{Answer, Backend};
use nuncio_tests::process::{Nuncio, free_port, program};
use nuncio_tests::recording;

/// A service under a recorded contract: by user name in a conversation.
const CONVERSATION: &str = "wcf-userNameForCertificate-sc-1.3-renewal";
/// By a certificate that endorses each message.
const SCENARIOS: [&str; 3] =
    [CONVERSATION, "wcf-userNameForCertificate-nosc-2005-02", "wcf-mutualCertificate-sc-2005-02"];

/// A protected service, whose contract is in a file, and published.
struct Service {
    backend: Backend,
    _gateway: Nuncio,
    contract: PathBuf,
    url: String,
}

impl Service {
    fn start(scenario: &str) -> Self {
        let scenarios = recording::load(&recording::packed().join("wcf.tar.zst")).unwrap();
        let names: Vec<_> = scenarios.iter().map(|of| of.name.clone()).collect();
        let found = scenarios.into_iter().find(|of| of.name == scenario);
        let wsdl = found.unwrap_or_else(|| panic!("{scenario}: {names:?}")).wsdl.unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("call");
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port().unwrap();
        let contract = folder.join(format!("{port}.wsdl"));
        std::fs::write(&contract, wsdl).unwrap();
        Self::under(port, contract.clone(), ["--wsdl".into(), contract.display().to_string()])
    }

    /// One under that policy.
    fn under(port: u16, contract: PathBuf, policy: [String; 2]) -> Self {
        let (backend, url) = (Backend::start().unwrap(), format!("http://127.0.0.1:{port}/echo"));
        let mut gateway = vec!["proxy".to_owned(), "--listen".into(), url.trim_end_matches("/echo").into()];
        gateway.extend(["--backend".into(), backend.url()]);
        gateway.extend(policy);
        gateway.extend(["--certificate".into(), key("server.pem"), "--key".into(), key("server.key")]);
        gateway.extend(["--user".into(), format!("{USER}:{PASSWORD}"), "--trust".into(), key("client.pem")]);
        Self { backend, _gateway: Nuncio::start(gateway).unwrap(), contract, url }
    }

    fn file(&self) -> &Path {
        &self.contract
    }

    /// Calls by the contract in the file.
    fn call(&self, more: &[&str]) -> Output {
        let at = self.file().display().to_string();
        let keys = (key("server.pem"), key("client.pem"), key("client.key"));
        let mut arguments = vec!["call", "--wsdl", &at, "--service-certificate", &keys.0];
        if !more.contains(&"--url") {
            arguments.extend(["--url", &self.url]);
        }
        let user = format!("{USER}:{PASSWORD}");
        if !more.contains(&"--user") {
            arguments.extend(["--user", &user]);
        }
        arguments.extend(["--certificate", &keys.1, "--key", &keys.2]);
        nuncio(&[&arguments, more].concat(), "")
    }
}

fn key(file: &str) -> String {
    peers::key(file).display().to_string()
}

fn nuncio(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program().unwrap());
    command.args(["--log", "off"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_service_is_called_by_its_contract_alone() {
    for scenario in SCENARIOS {
        let service = Service::start(scenario);
        let (status, answer, picture) = said(&service.call(&["--operation", "Echo", "--set", "text=a < b"]));
        assert_eq!(status, Some(0), "{scenario}: {picture}");
        assert!(answer.contains("EchoResult>a &lt; b</"), "{scenario}: {answer}");
        let seen = service.backend.take();
        assert_eq!(seen.len(), 1, "{scenario}");
        let wanted: &[&str] = if scenario.contains("-sc") {
            &["1. A conversation is begun", "2. The call", "3. The conversation is ended"]
        } else {
            &["1. The call"]
        };
        for line in wanted {
            assert!(picture.contains(line), "{scenario}: {picture}");
        }
        // Each message is shown with what signs it, by whoever made its keys or has them.
        let messages = 2 * wanted.len();
        let picture = picture.split_whitespace().collect::<Vec<_>>().join(" ");
        for (part, times) in
            [("Signature 1: by", messages), ("Its value is right", messages), (" Signed Signature 1", messages)]
        {
            assert!(picture.matches(part).count() >= times, "{scenario}: {part}: {picture}");
        }
        assert!(picture.matches("It covers the body").count() >= 2, "{scenario}: {picture}");
        assert!(picture.contains("The body's content: with AES"), "{scenario}: {picture}");
        for hidden in ["Something encrypted", "not to be seen", "CHANGED"] {
            assert!(!picture.contains(hidden), "{scenario}: {picture}");
        }
        assert!(!picture.contains(PASSWORD) && !picture.contains("EchoResult"), "{scenario}: {picture}");
        let (status, answer, _) = said(&service.call(&["--operation", "Notify", "--set", "text=x", "--quiet"]));
        assert_eq!((status, &*answer), (Some(0), ""), "{scenario}");
    }
}

#[test]
fn its_status_says_how_it_ended() {
    let service = Service::start(CONVERSATION);
    let (status, answer, error) = said(&service.call(&["--operation", "Fail", "--set", "text=on purpose", "--quiet"]));
    assert_eq!((status, &*error), (Some(3), "nuncio: the service answered with a fault\n"));
    assert!(answer.contains("on purpose"), "{answer}");

    let wrong = ["--operation", "Echo", "--set", "text=x", "--quiet", "--user", "alice:wrong"];
    let (status, answer, error) = said(&service.call(&wrong));
    assert_eq!((status, &*answer), (Some(4), ""));
    assert!(error.starts_with("nuncio: no answer came that can be believed: "), "{error}");

    let gone = ["--operation", "Echo", "--set", "text=x", "--quiet", "--to", "http://else.example/"];
    assert_eq!(said(&service.call(&gone)).0, Some(0), "any address is the service's");

    for (arguments, error) in [
        (&["--operation", "Ecko", "--set", "text=x"][..], "there is no \"Ecko\""),
        (&["--operation", "Echo", "--set", "txt=x"], "txt"),
        (&["--operation", "Echo", "--set", "text"], "it is not PATH=VALUE"),
        (&["--operation", "Echo", "--port", "None"], "None"),
    ] {
        let (status, answer, told) = said(&service.call(arguments));
        assert!(matches!(status, Some(1 | 2)) && answer.is_empty() && told.contains(error), "{arguments:?}: {told}");
    }
    assert_eq!(service.backend.seen().len(), 2, "what could not be made was not sent");
}

#[test]
fn operations_and_what_may_be_set_are_listed() {
    let service = Service::start(CONVERSATION);
    let (status, listed, _) = said(&service.call(&[]));
    assert_eq!(status, Some(0));
    assert!(listed.lines().any(|line| line.ends_with("  Echo")) && listed.contains("Notify  (one way)"), "{listed}");
    let (status, told, _) = said(&service.call(&["--operation", "Echo", "--describe"]));
    assert_eq!(status, Some(0));
    assert!(told.starts_with("text  "), "{told}");
    assert!(service.backend.seen().is_empty());
}

/// A body, or a whole envelope, from standard input, and by a preset alone.
#[test]
fn what_is_given_whole_is_sent() {
    let preset = "wcf-ws2007-userNameForCertificate";
    let port = free_port().unwrap();
    let service = Service::under(port, PathBuf::new(), ["--preset".into(), preset.into()]);
    let certificate = key("server.pem");
    let user = format!("{USER}:{PASSWORD}");
    let arguments = [
        "call",
        "--preset",
        "wcf-ws2007-userNameForCertificate",
        "--url",
        &service.url,
        "--service-certificate",
        &certificate,
        "--user",
        &user,
        "--action",
        "http://nuncio.example/echo/IEcho/Echo",
        "--body",
        "-",
        "--quiet",
    ];
    let body = "<Echo xmlns=\"http://nuncio.example/echo\"><text>whole</text></Echo>";
    let envelope = format!(
        "<?xml version=\"1.0\"?>\n<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"><e:Body>{body}</e:Body></e:Envelope>"
    );
    for given in [body, &envelope] {
        let (status, answer, error) = said(&nuncio(&arguments, given));
        assert_eq!(status, Some(0), "{error}");
        assert!(answer.contains("EchoResult>whole</"), "{answer}");
    }
    let (status, _, error) = said(&nuncio(&arguments, "<Echo"));
    assert_eq!(status, Some(1));
    assert!(error.contains("is no XML"), "{error}");
}

#[test]
fn many_calls_are_measured_in_one_conversation() {
    let service = Service::start(CONVERSATION);
    let (status, told, error) =
        said(&service.call(&["--operation", "Echo", "--set", "text=x", "--repeat", "40", "--concurrency", "4"]));
    assert_eq!(status, Some(0), "{error}");
    assert!(told.contains("39 more in ") && told.contains("0 faults, 0 without an answer"), "{told}");
    let seen = service.backend.seen();
    let conversations: std::collections::BTreeSet<_> =
        seen.iter().map(|seen| seen.header("x-nuncio-conversation")).collect();
    assert_eq!((seen.len(), conversations.len()), (40, 1));
}

/// In clear a contract comes from this machine alone.
#[test]
fn a_contract_that_anybody_could_change_is_not_taken() {
    let arguments = ["call", "--wsdl", "http://service.example/?wsdl", "--operation", "Echo"];
    let (status, _, error) = said(&nuncio(&arguments, ""));
    assert_eq!(status, Some(1));
    assert!(error.contains("could write the policy"), "{error}");
}

/// What is given wrongly may be a secret, and is not quoted.
#[test]
fn secrets_in_flags_are_not_quoted() {
    let call = |more: &[&str]| nuncio(&[&["call", "--operation", "Echo"], more].concat(), "");
    let at = |flag: &str, url: &str| {
        let preset = ["--preset", "wcf-ws2007-userNameForCertificate", "--user", "alice:x"];
        if flag == "--url" { call(&[&preset[..], &[flag, url]].concat()) } else { call(&[flag, url]) }
    };
    for (output, why) in [
        (call(&["--wsdl", "nowhere.wsdl", "--user", "topsecret"]), "it is not NAME:PASSWORD"),
        (at("--wsdl", "http://u:topsecret@127.0.0.1:9/?wsdl"), "has a user in it"),
        (at("--wsdl", "http://u:topsecret@service.example/?wsdl"), "has a user in it"),
        (at("--wsdl", "ht!tp://u:topsecret@service.example/?wsdl"), "--wsdl"),
        (at("--url", "http://u:topsecret@127.0.0.1:9/"), "has a user in it"),
        (at("--url", "http://u:topsecret@127.0.0.1:99999/"), "is not an absolute URL"),
        (at("--url", "ftp://u:top/@topsecret@127.0.0.1:9/"), "is not an absolute URL"),
        (nuncio(&["proxy", "--user", "topsecret"], ""), "it is not NAME:PASSWORD"),
    ] {
        let (status, answer, error) = said(&output);
        assert!(matches!(status, Some(1 | 2)) && answer.is_empty() && error.contains(why), "{error}");
        assert!(!error.contains("topsecret"), "{error}");
    }
}

/// A service that answers the first call with a fault, whatever it says to others, did not do all that it was asked.
#[test]
fn a_fault_at_the_first_call_counts() {
    let service = Service::start(CONVERSATION);
    let (status, told, error) = said(&service.call(&["--operation", "Fail", "--set", "text=x", "--repeat", "3"]));
    assert_eq!(status, Some(3), "{error}");
    assert!(told.contains("3 faults, 0 without an answer"), "{told}");
}

/// Where the contract has an answer, to take the message is none.
#[test]
fn a_service_that_answers_nothing_has_not_answered() {
    let service = Service::start("wcf-userNameForCertificate-nosc-2005-02");
    let silent = Backend::answering(|_| Answer { status: 202, content_type: String::new(), body: Vec::new() }).unwrap();
    let url = silent.url();
    let output = service.call(&["--operation", "Echo", "--set", "text=x", "--url", &url]);
    let (status, answer, picture) = said(&output);
    assert!(status == Some(4) && answer.is_empty() && picture.contains("sent no answer"), "{status:?} {picture}");
}

/// Switches that would do nothing are refused.
#[test]
fn switches_go_together() {
    let service = Service::start(CONVERSATION);
    let echo = ["--operation", "Echo", "--set", "text=x"];
    for more in [
        &["--body", "-"][..],
        &[&echo[..], &["--concurrency", "4"]].concat(),
        &[&echo[..], &["--repeat", "2", "--quiet"]].concat(),
        &[&echo[..], &["--repeat", "2", "--whole"]].concat(),
    ] {
        let (status, answer, error) = said(&service.call(more));
        assert_eq!((status, &*answer), (Some(2), ""), "{more:?}: {error}");
    }
    assert!(service.backend.seen().is_empty());
}

/// What is no XML in UTF-8 is not sent; what stands before the root is no part of it.
#[test]
fn what_is_given_whole_is_xml() {
    let service = Service::start(CONVERSATION);
    let with = |octets: &[u8]| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("call");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("body");
        std::fs::write(&file, octets).unwrap();
        said(&service.call(&["--operation", "Echo", "--quiet", "--body", &file.display().to_string()]))
    };
    let body = "<Echo xmlns=\"urn:wcf-trace-test\"><text>whole</text></Echo>";
    let soap = "http://www.w3.org/2003/05/soap-envelope";
    let envelope = format!("<!-- <b> --><e:Envelope xmlns:e=\"{soap}\"><e:Body>{body}</e:Body></e:Envelope>");
    for sound in [body.to_owned(), format!("\u{feff}<?xml version=\"1.0\"?><!-- a -->\n{body}<!-- z -->\n"), envelope] {
        let (status, answer, error) = with(sound.as_bytes());
        assert_eq!((status, answer.contains("EchoResult>whole</")), (Some(0), true), "{sound}: {error}{answer}");
    }
    let latin = b"<Echo xmlns=\"urn:wcf-trace-test\"><text>\xe9</text></Echo>";
    for broken in [&b"hello"[..], b"", b"<a/><b/>", b"<a>", latin] {
        let (status, answer, error) = with(broken);
        assert_eq!((status, &*answer), (Some(1), ""), "{error}");
        assert!(error.contains("--body: ") && error.contains("is no XML"), "{error}");
    }
    assert_eq!(service.backend.seen().len(), 3, "what is none was not sent");
    let by_preset =
        ["call", "--preset", "wcf-ws2007-userNameForCertificate", "--url", "http://127.0.0.1:9/", "--user", "a:b"];
    let (_, _, error) = said(&nuncio(&[&by_preset[..], &["--operation", "Echo", "--body", "-"]].concat(), body));
    assert!(error.contains("without a contract") && error.contains("--action"), "{error}");
}
