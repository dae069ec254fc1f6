//! Contracts that services publish, fetched and kept: in parts, from themselves alone, and when the service is not there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use nuncio::clock::Clock;
use nuncio::config::{Backend as Tls, Timeouts};
use nuncio::fetched::{NotObtained, Obtained, Origin, Source, SourceProblem};
use nuncio_policy::wsdl;
use nuncio_tests::plain::{Answer, Backend, Seen};
use nuncio_tests::recording::{self, Scenario};
use nuncio_xml::foreign::{self, Element};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";

/// A service that publishes those documents, by query, `@` standing for its own address.
fn publishing(documents: BTreeMap<String, String>) -> Backend {
    Backend::answering(move |asked: &Seen| {
        let own = format!("http://{}/plain", asked.header("host").unwrap_or_default());
        let query = asked.target.strip_prefix("/plain?").unwrap_or_default();
        match documents.get(query) {
            Some(text) => answer(200, &text.replace('@', &own)),
            None => answer(404, ""),
        }
    })
    .unwrap()
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, content_type: "text/xml".into(), body: body.as_bytes().to_vec() }
}

fn documents<const N: usize>(of: [(&str, String); N]) -> BTreeMap<String, String> {
    of.into_iter().map(|(query, text)| (query.to_owned(), text)).collect()
}

/// A contract in the parts that WCF gives it, the locations in the words of `at`.
fn split(text: &str, at: &str) -> BTreeMap<String, String> {
    let root = foreign::read(text.as_bytes()).unwrap();
    let (tag, end) = (&text[root.tag.clone()], &text[root.span.clone()]);
    let end = &end[end.rfind("</").unwrap()..];
    let part = |imports: &[&str], is: &dyn Fn(&Element) -> bool| {
        let within: String = root.elements().filter(|one| is(one)).map(|one| &text[one.span.clone()]).collect();
        let import = |query: &&str| format!("<import xmlns='{WSDL}' namespace='urn:x' location='{at}?{query}'/>");
        format!("{tag}{}{within}{end}", imports.iter().map(import).collect::<String>())
    };
    let named = |names: &'static [&str]| move |one: &Element| one.namespace == WSDL && names.contains(&&*one.local);
    documents([
        ("wsdl", part(&["wsdl=wsdl0"], &named(&["service"]))),
        ("wsdl=wsdl0", part(&["wsdl=wsdl1"], &|one| !named(&["service", "message", "portType", "types"])(one))),
        // Whoever goes round comes back.
        ("wsdl=wsdl1", part(&["wsdl", "wsdl=wsdl1", "wsdl=wsdl2"], &named(&["message", "portType"]))),
        ("wsdl=wsdl2", part(&["wsdl=wsdl1"], &named(&["types"]))),
    ])
}

fn recordings() -> Vec<Scenario> {
    recording::load(&recording::packed()).unwrap()
}

/// The contract of a recorded service.
fn recorded(name: &str) -> String {
    let scenario = recordings().into_iter().find(|scenario| scenario.name == name).unwrap();
    foreign::text(&scenario.wsdl.unwrap()).unwrap().to_owned()
}

const NAME: &str = "wcf-userNameForCertificate-sc-2005-02";

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fetched").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn source(url: &str, kept_in: Option<&Path>) -> Source {
    let timeouts = Timeouts { backend_read: Duration::from_millis(300), ..Timeouts::default() };
    let source = Source::new(url.parse().unwrap(), &Tls::new(url.parse().unwrap()), &timeouts, false).unwrap();
    match kept_in {
        Some(folder) => source.kept_in(folder.to_owned()),
        None => source,
    }
}

/// A clock that shows so many milliseconds.
fn clock(millis: i64) -> Clock {
    Clock::given(Arc::new(AtomicI64::new(millis)))
}

fn obtain(source: &Source, at: i64) -> Result<Obtained, NotObtained> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(source.obtain(&clock(at)))
}

fn fetch(backend: &Backend) -> Result<Obtained, String> {
    obtain(&source(&format!("{}?wsdl", backend.url()), None), 0).map_err(|error| error.to_string())
}

fn ports(contract: &nuncio_policy::model::Contract) -> String {
    format!("{:#?}", contract.ports)
}

#[test]
fn a_contract_in_parts_is_what_it_is_in_one() {
    let mut identities = 0;
    for (count, scenario) in recordings().iter().filter(|scenario| scenario.name.starts_with("wcf-")).enumerate() {
        let bytes = scenario.wsdl.as_ref().unwrap();
        let whole = wsdl::read("wsdl.xml", bytes).unwrap();
        identities += whole.ports.iter().filter(|port| port.identity.is_some()).count();
        if whole.ports.iter().any(|port| port.alternatives.is_err()) {
            // An error says where.
            continue;
        }
        // Relative, by its own name, and by one that nobody else knows.
        let at = ["", "@", "http://echo-service.invalid:81/plain"][count % 3];
        let backend = publishing(split(foreign::text(bytes).unwrap(), at));
        let obtained = fetch(&backend).unwrap();
        assert_eq!(ports(&obtained.contract), ports(&whole), "{}", scenario.name);
        assert!(matches!(obtained.from, Origin::Fetched(changes) if changes.is_empty()));
        assert_eq!(backend.take().len(), 4, "each document once");
    }
    assert!(identities > 70, "{identities} ports say who the service is");
}

#[test]
fn it_is_kept_for_when_the_service_is_down() {
    let folder = folder("kept");
    let text = recorded(NAME);
    let backend = publishing(split(&text, "@"));
    let source = source(&format!("{}?wsdl", backend.url()), Some(&folder));
    let fetched = obtain(&source, 1_000).unwrap();
    let files = || std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    let [file] = files().try_into().unwrap();
    let again = obtain(&source, 2_000).unwrap();
    assert!(matches!(again.from, Origin::Fetched(changes) if changes.is_empty()));
    drop(backend);
    let kept = obtain(&source, 62_000).unwrap();
    let Origin::Kept { age, reason } = &kept.from else { panic!("not kept") };
    assert_eq!(*age, Duration::from_mins(1));
    assert!(reason.to_string().contains("the backend cannot be reached"), "{reason}");
    assert_eq!(ports(&kept.contract), ports(&fetched.contract));
    let texts =
        |one: &Obtained| one.documents.texts().map(|(at, text)| (at.to_owned(), text.to_owned())).collect::<Vec<_>>();
    assert_eq!(texts(&kept), texts(&fetched));
    assert_eq!(files().len(), 1, "one file, whole");

    // What is of no use is not used.
    let octets = std::fs::read(&file).unwrap();
    let text = String::from_utf8(octets.clone()).unwrap();
    let port = source.url().port().unwrap().to_string();
    for (octets, reason) in [
        (octets[..octets.len() / 2].to_vec(), "is damaged: EOF"),
        (b"\0\0\0".to_vec(), "is damaged: expected value"),
        (Vec::new(), "is damaged: EOF"),
        (text.replace(&port, "1").into_bytes(), "is damaged: it is the contract of another URL"),
        (text.replace("wsdl:definitions", "wsdl:other").into_bytes(), "is no contract"),
        (text.replace("<wsdl:binding name", "<wsdl:binding x").into_bytes(), "is not defined"),
    ] {
        std::fs::write(&file, octets).unwrap();
        let error = obtain(&source, 3_000).unwrap_err();
        assert!(matches!(error, NotObtained::Neither { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(reason) && error.contains("cannot be reached"), "{reason}: {error}");
    }
    std::fs::remove_file(&file).unwrap();
    let error = obtain(&source, 3_000).unwrap_err();
    assert!(matches!(error, NotObtained::NotFetched(_)), "{error}");
}

#[test]
fn what_another_could_have_written_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("open");
    let backend = publishing(documents([("wsdl", recorded(NAME))]));
    let source = source(&format!("{}?wsdl", backend.url()), Some(&folder));
    obtain(&source, 0).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(obtain(&source, 0).unwrap().from, Origin::Fetched(_)), "it is fetched all the same");
    drop(backend);
    let error = obtain(&source, 0).unwrap_err().to_string();
    assert!(error.contains("every user of this machine can write to"), "{error}");
}

#[test]
fn a_damaged_file_is_replaced() {
    let folder = folder("replaced");
    let backend = publishing(documents([("wsdl", recorded(NAME))]));
    let source = source(&format!("{}?wsdl", backend.url()), Some(&folder));
    obtain(&source, 0).unwrap();
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "garbage").unwrap();
    assert!(matches!(obtain(&source, 0).unwrap().from, Origin::Fetched(_)));
    drop(backend);
    assert!(matches!(obtain(&source, 0).unwrap().from, Origin::Kept { .. }));
}

/// What comes in the place of a contract while the service is in trouble does not replace it.
#[test]
fn what_is_no_contract_does_not_replace_one() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = folder("trouble");
    let (text, trouble) = (recorded(NAME), Arc::new(AtomicBool::new(false)));
    let in_trouble = Arc::clone(&trouble);
    let backend = Backend::answering(move |_| {
        let trouble = in_trouble.load(Ordering::SeqCst);
        answer(200, if trouble { "<html><body>back soon</body></html>" } else { &text })
    })
    .unwrap();
    let source = source(&format!("{}?wsdl", backend.url()), Some(&folder));
    obtain(&source, 0).unwrap();
    trouble.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let Origin::Kept { reason, .. } = obtain(&source, 0).unwrap().from else { panic!("not kept") };
        assert!(reason.to_string().contains("is no contract"), "{reason}");
    }
}

#[test]
fn what_changed_is_told() {
    let folder = folder("changed");
    let text = recorded(NAME);
    let now = Arc::new(std::sync::Mutex::new(text.clone()));
    let published = Arc::clone(&now);
    let backend = Backend::answering(move |_| answer(200, &published.lock().unwrap())).unwrap();
    let source = source(&format!("{}?wsdl", backend.url()), Some(&folder));
    obtain(&source, 0).unwrap();
    let changes = |text: String| {
        *now.lock().unwrap() = text;
        let Origin::Fetched(changes) = obtain(&source, 0).unwrap().from else { panic!("not fetched") };
        changes
    };
    assert_eq!(changes(text.replace("localhost", "other-host")), [""; 0], "the address is not the policy");
    let port = "port CustomBinding_Echo";
    let input = "Id=\"CustomBinding_Echo_Echo_Input_policy\"";
    let (before, after) = text.split_once(input).unwrap();
    for (other, told) in [
        (text.replace("sp:Basic256", "sp:Basic128"), "has another policy"),
        (
            text.replacen("URI=\"#CustomBinding_Echo_policy\"", "URI=\"#CustomBinding_Echo_Fail_Input_policy\"", 1),
            "cannot be used any more: ",
        ),
        (
            format!(
                "{before}{input}{}",
                after.replacen("<sp:EncryptedParts", "<sp:SignedParts", 1).replacen(
                    "</sp:EncryptedParts",
                    "</sp:SignedParts",
                    1
                )
            ),
            "has another policy for messages of Echo",
        ),
        (text.replace("X509Certificate>", "Y>"), "has another certificate"),
    ] {
        assert_ne!(other, text);
        let lines = changes(other);
        assert_eq!(lines.len(), 1, "{told}: {lines:?}");
        assert!(lines[0].starts_with(&format!("{port} {told}")), "{lines:?}");
        changes(text.clone());
    }
    let renamed = text.replace("port name=\"CustomBinding_Echo\"", "port name=\"Another\"");
    assert_eq!(changes(renamed), ["port CustomBinding_Echo is gone", "port Another is new"]);
}

fn definitions(content: &str) -> String {
    format!(
        "<definitions targetNamespace='urn:t' xmlns='{WSDL}' xmlns:t='urn:t' \
         xmlns:s='http://schemas.xmlsoap.org/wsdl/soap/'>{content}</definitions>"
    )
}

fn importing(content: &str) -> String {
    definitions(&format!("{content}<service name='S'><port name='P' binding='t:B'/></service>"))
}

const BINDING: &str = "<portType name='T'/><binding name='B' type='t:T'><s:binding \
    transport='http://schemas.xmlsoap.org/soap/http'/></binding>";

#[test]
fn sc_11_nothing_is_fetched_from_elsewhere() {
    let canary = publishing(documents([("wsdl=0", definitions(BINDING)), ("", definitions(BINDING))]));
    for location in [format!("{}/x?wsdl=0", canary.url()), format!("{}/x?wsdl=0", canary.url().replace("http:", ""))] {
        let backend = publishing(documents([("wsdl", importing(&format!("<import location='{location}'/>")))]));
        let error = fetch(&backend).unwrap_err();
        assert!(error.contains("binding t:B is not defined in the contract, which imports"), "{error}");
        assert!(error.contains(&location), "{error}");
    }
    // What nothing of it needs may be elsewhere.
    let backend =
        publishing(documents([("wsdl", importing(&format!("<import location='{}/x'/>{BINDING}", canary.url())))]));
    assert!(fetch(&backend).is_ok());
    // A path that is the service's own is asked for there, and may not be there.
    let alike = importing(&format!("<import location='http://other.invalid/plain?wsdl=9'/>{BINDING}"));
    let backend = publishing(documents([("wsdl", alike)]));
    assert!(fetch(&backend).is_ok());
    assert_eq!(
        backend.take().iter().map(|seen| seen.target.as_str()).collect::<Vec<_>>(),
        ["/plain?wsdl", "/plain?wsdl=9"]
    );
    assert!(canary.seen().is_empty(), "nobody asked");
}

#[test]
fn a_redirection_leads_nowhere() {
    let canary = publishing(documents([("wsdl", importing(BINDING))]));
    let backend = Backend::answering(|_| answer(302, "")).unwrap();
    assert!(fetch(&backend).unwrap_err().contains("the backend answered 302"));
    assert!(canary.seen().is_empty());
}

#[test]
fn what_is_no_contract_is_refused() {
    let import = |number: usize| format!("<import location='?wsdl={number}'/>");
    let large = format!("<!--{}-->", " ".repeat(5 * 1024 * 1024));
    let medium = format!("<!--{}-->", " ".repeat(3 * 1024 * 1024));
    let with = |content: String, others: &dyn Fn(usize) -> Option<String>| {
        let mut all = documents([("wsdl", importing(&content))]);
        all.extend((0..100).filter_map(|number| Some((format!("wsdl={number}"), others(number)?))));
        all
    };
    let imports = |count: usize| (0..count).map(import).collect::<String>();
    for (published, reason) in [
        (documents([]), "the backend answered 404"),
        (documents([("wsdl", String::new())]), "ends before its root element"),
        (documents([("wsdl", "\u{1}\u{2}garbage".to_owned())]), ":1: content beside the root element"),
        (documents([("wsdl", "<a/>".to_owned())]), "is no contract"),
        (documents([("wsdl", format!("<!DOCTYPE a>{}", importing(BINDING)))]), "a DOCTYPE, which is never read"),
        (documents([("wsdl", importing(&large))]), "has more than 4194304 octets"),
        (with(import(0), &|_| None), "wsdl=0: the backend answered 404"),
        (with(import(0), &|_| Some("<a>".to_owned())), "the file ends before"),
        (with(import(0), &|_| Some(format!("<!DOCTYPE a>{}", definitions("")))), "a DOCTYPE"),
        (with(imports(100), &|_| Some(definitions(""))), "more than 64 documents"),
        // Each leads to the next.
        (with(import(0), &|number| Some(definitions(&import(number + 1)))), "more than 64 documents"),
        (with(imports(6), &|_| Some(definitions(&medium))), "more than 16777216 octets"),
        (with(imports(5000), &|_| None), "more than 4096 imports"),
        (with(import(0), &|_| Some(definitions(&import(0)))), "binding t:B is not defined"),
    ] {
        let error = fetch(&publishing(published)).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_service_that_says_nothing_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/plain?wsdl", silent.local_addr().unwrap());
    let error = obtain(&source(&url, None), 0).unwrap_err().to_string();
    assert!(error.contains("the backend did not answer in time"), "{error}");
}

#[test]
fn over_clear_http_it_is_this_machines_or_refused() {
    let new = |url: &str, danger| {
        Source::new(url.parse().unwrap(), &Tls::new(url.parse().unwrap()), &Timeouts::default(), danger).map(drop)
    };
    for url in [
        "http://service.example/x?wsdl",
        "http://10.0.0.1/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.example/",
    ] {
        assert!(matches!(new(url, false), Err(SourceProblem::Clear(_))), "{url}");
        assert!(new(url, true).is_ok(), "{url}");
    }
    for url in [
        "http://localhost:1/",
        "http://127.0.0.1/",
        "http://127.9.9.9/",
        "http://[::1]:8/",
        "http://[::ffff:127.0.0.1]/",
    ] {
        assert!(new(url, false).is_ok(), "{url}");
    }
    let trust = std::fs::read(nuncio_tests::peers::key("server.pem")).unwrap();
    let url = || "https://service.example/".parse().unwrap();
    let tls = Tls { trust: Some(trust), ..Tls::new(url()) };
    assert!(Source::new(url(), &tls, &Timeouts::default(), false).is_ok());
}
