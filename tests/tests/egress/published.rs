//! The policy that a service publishes, and one route from flags.

use std::path::PathBuf;
use std::time::Duration;

use nuncio_policy::model::SoapVersion;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::{Answer, Backend};
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::recording;

use crate::kept::on_disk;
use crate::{Egress, assert_echoed, echo, eventually, text};

/// A recorded contract of WCF's, with user names in conversations.
const SCENARIO: &str = "wcf-userNameForCertificate-sc-1.3-renewal";

/// A service that publishes its contract, and is there or not.
struct Publishing {
    backend: Backend,
    gateway: Option<Nuncio>,
    port: u16,
    contract: PathBuf,
}

impl Publishing {
    fn start() -> Self {
        let scenarios = recording::load(&recording::packed().join("wcf.tar.zst")).unwrap();
        let wsdl = scenarios.into_iter().find(|of| of.name == SCENARIO).unwrap().wsdl.unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress");
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port().unwrap();
        let contract = folder.join(format!("published {port}.wsdl"));
        std::fs::write(&contract, wsdl).unwrap();
        let mut service = Self { backend: Backend::start().unwrap(), gateway: None, port, contract };
        service.serve();
        service
    }

    fn serve(&mut self) {
        self.gateway = None;
        let key = |file| peers::key(file).display().to_string();
        let listen = format!("http://127.0.0.1:{}", self.port);
        let user = format!("{USER}:{PASSWORD}");
        let contract = self.contract.display().to_string();
        let backend = self.backend.url();
        let (certificate, private) = (key("server.pem"), key("server.key"));
        let arguments = [
            "proxy",
            "--listen",
            &listen,
            "--backend",
            &backend,
            "--wsdl",
            &contract,
            "--certificate",
            &certificate,
            "--key",
            &private,
            "--user",
            &user,
        ];
        self.gateway = Some(Nuncio::start(arguments).unwrap());
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/echo", self.port)
    }
}

/// A plain request as the recorded contract has it.
fn asked(soap: SoapVersion, said: &str) -> HttpMessage {
    let request = echo(soap, said);
    let of_contract = |text: &str| {
        let text = text.replace("http://nuncio.example/echo/IEcho/", "urn:wcf-trace-test/Echo/");
        text.replace("http://nuncio.example/echo", "urn:wcf-trace-test")
    };
    let headers = request.headers.iter().map(|(name, value)| (name.clone(), of_contract(value))).collect();
    HttpMessage { headers, body: of_contract(&text(&request)).into_bytes(), ..request }
}

/// The policy, and the certificate to which keys are encrypted, are those that the service publishes; once it has, they are
/// known when it is not there.
#[test]
fn a_contract_is_fetched_and_kept() {
    let mut service = Publishing::start();
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress").join(format!("contracts {}", service.port));
    let _ = std::fs::remove_dir_all(&cache);
    let more = format!("wsdl: {}?wsdl\ncontract_cache: {}", service.url(), cache.display());
    let egress = Egress::start("published", &service.url(), &more);
    assert_echoed(&egress.post(&asked(SoapVersion::V11, "by its contract")), "by its contract");
    drop(egress);

    service.gateway = None;
    let kept = Egress::start("kept", &service.url(), &more);
    let told = kept.post(&asked(SoapVersion::V12, "early"));
    assert!(told.status() == Some(500) && text(&told).contains("The service is not available."), "{}", text(&told));
    service.serve();
    assert_echoed(&kept.post(&asked(SoapVersion::V12, "by what was kept")), "by what was kept");
    assert!(kept.gateway.logs("the one of so long ago is used"));

    // Without what is kept, it is known as soon as it can be.
    service.gateway = None;
    std::fs::remove_dir_all(&cache).unwrap();
    let late = Egress::start("late contract", &service.url(), &more);
    let told = late.post(&asked(SoapVersion::V12, "early"));
    assert!(told.status() == Some(500) && text(&told).contains("The service is not available."), "{}", text(&told));
    service.serve();
    assert_echoed(&late.post(&asked(SoapVersion::V12, "late")), "late");
    assert_eq!(service.backend.seen().len(), 3);
}

/// What counts on TLS is not sent without it, whoever says so: the password would be read on its way.
#[test]
fn a_published_policy_that_counts_on_tls_is_not_called_without() {
    let mut service = Publishing::start();
    service.gateway = None;
    let scenarios = recording::load(&recording::packed().join("dotnet10.tar.zst")).unwrap();
    let wsdl = scenarios.into_iter().find(|of| of.name == "custom-username-sc-13b-Basic256").unwrap().wsdl.unwrap();
    let publishing =
        Backend::answering(move |_| Answer { status: 200, content_type: "text/xml".into(), body: wsdl.clone() });
    let publishing = publishing.unwrap();
    let more = format!("wsdl: {}?wsdl\nwarm: false", publishing.url());
    let egress = Egress::start("published clear", &publishing.url(), &more);
    for _ in 0..3 {
        let told = egress.post(&asked(SoapVersion::V12, "secret"));
        assert!(told.status() == Some(500) && text(&told).contains("The service is not available."), "{}", text(&told));
    }
    assert!(egress.gateway.logs("it leaves protection to TLS"), "{}", egress.gateway.log());
    let seen = publishing.seen();
    assert_eq!(seen.len(), 1, "what is of no use is not asked for again by every call");
    assert!(seen[0].body.is_empty());
}

/// A route that takes the place of another has yet to ask for the contract when that is gone: it finds its conversation all the same.
#[test]
fn a_kept_conversation_outlives_a_reload_of_a_route_whose_policy_is_published() {
    let service = Publishing::start();
    let more = format!("warm: false\nwsdl: \"{}?wsdl\"", service.url());
    let (egress, _) = on_disk("published", &service.url(), &more);
    assert_echoed(&egress.post(&asked(SoapVersion::V12, "before")), "before");
    let yaml = std::fs::read_to_string(&egress.file).unwrap();
    let changed = yaml.replace("warm: false", "shared_contexts: true");
    assert_ne!(changed, yaml);
    std::fs::write(&egress.file, changed).unwrap();
    assert!(egress.gateway.logs("the configuration was reloaded"));
    assert!(eventually(|| egress.count("taken-up") == 1), "{}", egress.gateway.log());
    assert_echoed(&egress.post(&asked(SoapVersion::V12, "after")), "after");
    // Longer than it waits for somebody who goes on in it.
    std::thread::sleep(Duration::from_secs(6));
    assert_echoed(&egress.post(&asked(SoapVersion::V12, "later")), "later");
    assert_eq!((egress.count("begun"), egress.count("lost"), egress.count("cancelled")), (1, 0, 0));
}

#[test]
fn one_route_is_told_by_flags() {
    let service = Publishing::start();
    let (address, contract) = (format!("http://127.0.0.1:{}", free_port().unwrap()), format!("{}?wsdl", service.url()));
    let (url, user) = (service.url(), format!("{USER}:{PASSWORD}"));
    let flags = ["proxy", "--egress", "--listen", &address, "--backend", &url, "--wsdl", &contract, "--user", &user];
    let gateway = Nuncio::start(flags).unwrap();
    let answer = nuncio_tests::wire::send(&address, &asked(SoapVersion::V12, "by flags")).unwrap();
    assert_echoed(&answer, "by flags");
    drop(gateway);
    for (more, told) in [
        (&["--cookie-key", "x"][..], "cannot be used with"),
        (&["--trust", "x", "--trust", "y"], "--trust: there can be one trust alone"),
        (&["--service-certificate", "/none.pem"], "cannot read /none.pem"),
    ] {
        let refused = Nuncio::start(flags.iter().chain(more)).err().unwrap().to_string();
        assert!(refused.contains(told), "{more:?}: {refused}");
    }
    let several = "service: { urls: [\"http://127.0.0.1:9/a\", \"http://127.0.0.1:9/b\"] }";
    let refused = Egress::refused("several", several);
    assert!(refused.contains("and the others do not know it"), "{refused}");
    let refused =
        Egress::refused("clear", "service: \"http://127.0.0.1:9/\"\npreset: wcf-ws2007-userNameOverTransport");
    assert!(refused.contains("it leaves protection to TLS"), "{refused}");
    let beyond = address.replace("127.0.0.1", "0.0.0.0");
    let flags = flags.map(|flag| if flag == address { beyond.as_str() } else { flag });
    let refused = Nuncio::start(flags).err().unwrap().to_string();
    assert!(refused.contains("anybody who reaches the listener"), "{refused}");
}
