//! Messages held to the routes on which plain programs call protected services.

use std::time::{Duration, Instant};

use nuncio_policy::model::Policy;
use nuncio_tests::http::HttpMessage;
use nuncio_tests::peers::{PASSWORD, USER};
use nuncio_tests::plain::Backend;
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::recording::{self, Scenario};
use nuncio_tests::time;
use serde_json::Value;

use crate::broken::{AT, judge, refused, undecided};
use crate::spoken::{Exchanged, Spoken, asked, client, file, path, service};
use crate::{Files, Told, arguments, inspect, octets};

const ALONE: &str = "wcf-ws2007-userNameForCertificate";
const CONVERSATION: &str = "wcf-ws2007-userNameForCertificate-conversation";
const ASYMMETRIC: &str = "wse-mutualCertificate10Security";

/// A route of the other side, as it stands in YAML; `more` has its own lines.
fn route(own: &str, preset: &str, user: &str, more: &str) -> String {
    format!(
        "    - path: {own}\n      service: http://service.example/echo\n      preset: {preset}\n      service_certificate: {}\n      \
         user: {{ name: {user}, password: {PASSWORD} }}\n      soap: \"1.2\"\n{more}",
        path("server.pem")
    )
}

/// A configuration with those routes alone.
fn configuration(routes: &[String]) -> String {
    format!("egress:\n  listeners: [{{ address: \"127.0.0.1:0\" }}]\n  routes:\n{}", routes.concat())
}

/// The same, with a route of that path and policy that clients with security call.
fn with_ingress(own: &str, routes: &[String]) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.2:0\" }}]\nroutes:\n  - path: {own}\n    backend: http://127.0.0.1:9/\n    preset: {ALONE}\n    \
         certificate: {}\n    key: {}\n    users: [{{ name: {USER}, password: {PASSWORD} }}]\n{}",
        path("server.pem"),
        path("server.key"),
        configuration(routes)
    )
}

/// A message held to a configuration.
fn held(configuration: &str, message: &HttpMessage, more: &[String]) -> Told {
    let config = file("nuncio.yaml", configuration.as_bytes());
    let own = arguments(&["--json", "--clock", &time::format_utc(AT), "--config", &config]);
    let told = inspect(&octets(message), &[own, more.to_vec()].concat());
    assert!(!told.out.contains(PASSWORD), "a password is told");
    told
}

fn named(name: &str) -> Vec<String> {
    arguments(&["--route", name])
}

/// A call and its answer under a preset.
fn call(preset: &str) -> Exchanged {
    Spoken::unlike(preset, |_| (), &["server"]).call("hello")
}

/// How it ended, what came of it, and the route, with its side.
fn found(told: &Told) -> (Option<i32>, String, String, String) {
    let json = told.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (told.status, text(&json["outcome"]), text(&json["policy"]["name"]), text(&json["policy"]["side"]))
}

fn is(status: i32, outcome: &str, name: &str, side: &str) -> (Option<i32>, String, String, String) {
    (Some(status), outcome.to_owned(), name.to_owned(), side.to_owned())
}

/// Logs call the routes of the other side `egress NAME`, and so does whoever means one where both sides have that name.
#[test]
fn routes_of_both_sides_are_found_by_name() {
    let routes = [route("/echo", ALONE, "alice", ""), route("/other", ALONE, "bob", "")];
    let both = with_ingress("/echo", &routes);
    let request = call(ALONE).request;
    let told = |name: &str, more: Vec<String>| held(&both, &request, &[named(name), more].concat());
    assert_eq!(found(&told("egress /echo", service())), is(0, "taken", "egress /echo", "egress"));
    assert_eq!(found(&told("/echo", vec![])), is(0, "taken", "/echo", "ingress"));
    // Where one side alone has it, the word for the side may be left out.
    for name in ["/other", "egress /other"] {
        assert_eq!(found(&told(name, service())), is(3, "refused", "egress /other", "egress"));
    }
    let unnamed = held(&both, &request, &[]);
    assert_eq!(unnamed.status, Some(1));
    assert!(unnamed.out.contains("--route: name one of /echo, egress /echo, egress /other"), "{}", unnamed.out);
    let unknown = told("egress /nowhere", vec![]);
    assert_eq!((unknown.status, unknown.out.contains("there is no route \"egress /nowhere\"")), (Some(1), true));
    // By the path of the service, where no route has that path itself.
    let elsewhere = with_ingress("/in", &[route("/out", ALONE, "alice", "")]);
    assert_eq!(found(&held(&elsewhere, &request, &service())), is(0, "taken", "egress /out", "egress"));
    // By its own path where that is one of many; the longer one, or the very path, says more.
    let many = |own: &str| with_ingress("/in", &[route(own, ALONE, "alice", "")]);
    let within = HttpMessage { start_line: "POST /out/of/here HTTP/1.1".to_owned(), ..request.clone() };
    assert_eq!(found(&held(&many("/out/*"), &within, &service())), is(0, "taken", "egress /out/*", "egress"));
    let two = with_ingress("/out/of/here", &[route("/out/*", ALONE, "alice", "")]);
    assert_eq!(found(&held(&two, &within, &[])), is(0, "taken", "/out/of/here", "ingress"));
    // What a route of the gateway's own has is not given beside it; and the service's certificate alone says nothing new.
    for (name, flags) in [
        ("/echo", service()),
        ("/echo", arguments(&["--user", "alice:other"])),
        ("egress /echo", arguments(&["--certificate", &path("server.pem")])),
        ("egress /echo", client()),
    ] {
        let told = told(name, flags);
        assert_eq!(told.status, Some(1), "{}", told.out);
    }
}

/// What a route sends is judged as its service would, as far as what the route has goes.
#[test]
fn requests_are_judged_as_the_service_would() {
    let alice = configuration(&[route("/out", ALONE, "alice", "")]);
    let request = call(ALONE).request;
    let told = held(&alice, &request, &service());
    assert_eq!(found(&told), is(0, "taken", "egress /out", "egress"));
    assert_eq!(told.json()["policy"]["principal"], "the user alice");
    judge("without the service's key", &held(&alice, &request, &[]), &undecided("not ours", "--certificate, --key"));
    let bob = configuration(&[route("/out", ALONE, "bob", "")]);
    judge(
        "another user",
        &held(&bob, &request, &service()),
        &refused("is not known by that password", "name and password"),
    );
    let elsewhere = configuration(&[route("/out", ALONE, "alice", "      to: http://elsewhere.example/\n")]);
    judge(
        "another address",
        &held(&elsewhere, &request, &service()),
        &refused("To: is not an address", "Call the service"),
    );
    let unsigned = Spoken::alike(ALONE, |policy| policy.parts.signed.body = false).call("hello").request;
    let told = held(&alice, &unsigned, &service());
    judge("an unsigned body", &told, &refused("Body is not signed", "Sign that part"));
    assert!(told.json()["refusal"]["route"].is_null(), "the service is no route");
    // Callers who bring their passwords themselves are not known here.
    let passing = route("/out", ALONE, "alice", "      pass_through: true\n");
    let user = format!("      user: {{ name: alice, password: {PASSWORD} }}\n");
    assert!(passing.contains(&user));
    let open = configuration(&[passing.replace(&user, "")]);
    judge("a user whom a caller brought", &held(&open, &request, &service()), &undecided("is not known by", "--user"));
    let with = [service(), arguments(&["--user", &format!("{USER}:{PASSWORD}")])].concat();
    assert_eq!(held(&open, &request, &with).json()["outcome"], "taken");
    // In a conversation its key is enough.
    let mut spoken = Spoken::unlike(CONVERSATION, |_| (), &["server"]);
    spoken.begin();
    let call = spoken.call("hello");
    let talking = configuration(&[route("/out", CONVERSATION, "alice", "")]);
    judge("no key of the conversation", &held(&talking, &call.request, &[]), &undecided("is not known", "--context"));
    let told = held(&talking, &call.request, &arguments(&["--context", &spoken.key()]));
    assert_eq!(found(&told), is(0, "taken", "egress /out", "egress"));
}

/// What comes back is judged as the route does.
#[test]
fn answers_are_judged_as_the_route_does() {
    let alone = configuration(&[route("/out", ALONE, "alice", "")]);
    let one = call(ALONE);
    let with_request = |exchanged: &Exchanged| [service(), asked(&exchanged.request)].concat();
    assert_eq!(found(&held(&alone, &one.answer, &with_request(&one))), is(0, "taken", "egress /out", "egress"));
    judge("no request", &held(&alone, &one.answer, &[]), &undecided("encrypted key that is not known", "--request"));
    judge(
        "a request that does not open",
        &held(&alone, &one.answer, &asked(&one.request)),
        &undecided("not ours", "The request that it answers is encrypted for the service"),
    );
    let unsigned = Spoken::unlike(ALONE, |policy: &mut Policy| policy.parts.signed.body = false, &["server"]).call("x");
    let told = held(&alone, &unsigned.answer, &with_request(&unsigned));
    judge("an unsigned body", &told, &refused("Body is not signed", "Sign that part of answers"));
    // The route's certificate opens what is for it, and the service's is the one that it was given.
    let own = format!("      certificate: {}\n      key: {}\n", path("client.pem"), path("client.key"));
    let signed = call(ASYMMETRIC);
    let told = |routes: String| held(&configuration(&[routes]), &signed.answer, &[]);
    let mutual = route("/out", ASYMMETRIC, "alice", &own);
    assert_eq!(found(&told(mutual.clone())), is(0, "taken", "egress /out", "egress"));
    let stranger = mutual.replace("server.pem", "stranger.pem");
    judge(
        "another service",
        &told(stranger),
        &refused("names a certificate that is not there", "the service's present certificate").of("client"),
    );
    let of_stranger = mutual.replace("client.", "stranger.");
    judge("for another client", &told(of_stranger), &refused("not ours", "Encrypt for the certificate that signed"));
    judge(
        "for nobody here",
        &told(route("/out", ASYMMETRIC, "alice", "")),
        &refused("not ours", "Encrypt for the certificate"),
    );
    // A caller may have a certificate of his own.
    let callers = format!(
        "      callers: [{{ name: anna, basic: {{ name: anna, password: secret }}, certificate: {}, key: {} }}]\n",
        path("client.pem"),
        path("client.key")
    );
    let his = route("/out", ASYMMETRIC, "alice", &(own.replace("client.", "stranger.") + &callers));
    assert_eq!(found(&told(his.clone())), is(0, "taken", "egress /out", "egress"));
    // Of the one who asked, where that is known: what is for the other is not his.
    let other = Spoken::of(ASYMMETRIC, "stranger").call("hello");
    let told = |request: &Exchanged, answer: &Exchanged| {
        held(&configuration(std::slice::from_ref(&his)), &answer.answer, &[service(), asked(&request.request)].concat())
    };
    for own in [&signed, &other] {
        assert_eq!(found(&told(own, own)), is(0, "taken", "egress /out", "egress"));
    }
    judge(
        "for another caller",
        &told(&other, &signed),
        &refused("not ours", "Encrypt for the certificate that signed"),
    );
    judge(
        "for the first caller",
        &told(&signed, &other),
        &refused("not ours", "Encrypt for the certificate that signed"),
    );
}

/// A conversation of the route's: with its key, no request is needed.
#[test]
fn answers_of_conversations_are_judged_as_the_route_does() {
    let mut spoken = Spoken::unlike(CONVERSATION, |_| (), &["server"]);
    let (begun, call) = (spoken.begin(), spoken.call("hello"));
    let talking = configuration(&[route("/out", CONVERSATION, "alice", "")]);
    let key = arguments(&["--context", &spoken.key()]);
    let told = held(&talking, &call.answer, &key);
    assert_eq!(found(&told), is(0, "taken", "egress /out", "egress"));
    assert!(told.json()["policy"]["assumed"].to_string().contains("Its request is not given"));
    assert_eq!(found(&held(&talking, &call.answer, &[key, asked(&call.request)].concat())).1, "taken");
    judge("no key", &held(&talking, &call.answer, &[]), &undecided("is not known", "--context"));
    let all = [service(), asked(&begun.request)].concat();
    assert_eq!(found(&held(&talking, &begun.answer, &all)), is(0, "taken", "egress /out", "egress"));
}

/// A message of the plain side: no security header, and for the route's own path.
#[test]
fn plain_messages_are_told_as_what_they_are() {
    let config = configuration(&[route("/out", CONVERSATION, "alice", "")]);
    let plain = |target: &str, host: &str, action: &str, header: &str| {
        HttpMessage {
        start_line: format!("POST {target} HTTP/1.1"),
        headers: vec![
            ("Host".to_owned(), host.to_owned()),
            ("Content-Type".to_owned(), format!("application/soap+xml; charset=utf-8{action}")),
        ],
        body: format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\">{header}<s:Body><Echo xmlns=\"urn:e\"/></s:Body></s:Envelope>"
        )
        .into_bytes(),
    }
    };
    let (here, action) = ("gateway.example", "; action=\"urn:e/Echo\"");
    let sound = plain("/out", here, action, "");
    let told = held(&config, &sound, &[]);
    let json = told.json();
    assert_eq!(found(&told), is(0, "taken", "egress /out", "egress"));
    assert_eq!((&json["policy"]["plain"], json["message"]["body_signed"].as_bool()), (&true.into(), Some(false)));
    let says = json["says"].to_string();
    assert!(says.contains("It is a plain request") && says.contains("under the action urn:e/Echo"), "{says}");
    assert!(says.contains("http://service.example/echo") && says.contains("in a conversation"), "{says}");
    let reply = "<s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:e/Echo</a:Action><a:ReplyTo \
                 xmlns:a=\"http://www.w3.org/2005/08/addressing\"><a:Address>http://here.example/</a:Address></a:ReplyTo></s:Header>";
    judge("no action", &held(&config, &plain("/out", here, "", ""), &[]), &refused("names no action", "SOAPAction"));
    judge("elsewhere", &held(&config, &plain("/out", here, action, reply), &[]), &refused("sent elsewhere", "ReplyTo"));
    let got = HttpMessage { start_line: "GET /out HTTP/1.1".to_owned(), ..sound.clone() };
    judge("another method", &held(&config, &got, &[]), &refused("method GET is not POST", "POST"));
    // For the service it lacks all that the policy asks for: at another path, and at the same path of the service's own host.
    let same = configuration(&[route("/echo", CONVERSATION, "alice", "")]);
    let without = refused("no security header", "Switch security on");
    let addressed =
        "<s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:e/Echo</a:Action></s:Header>";
    let to_echo = |host: &str| plain("/echo", host, action, addressed);
    judge("at the service", &held(&config, &to_echo(here), &[]), &without);
    judge("at the service's host", &held(&same, &to_echo("service.example"), &[]), &without);
    assert_eq!(held(&same, &to_echo(here), &[]).json()["policy"]["plain"], true);
    // What the route answered a plain program is held to nothing; what may be the service's is.
    let answer = HttpMessage { start_line: "HTTP/1.1 200 OK".to_owned(), ..sound.clone() };
    let told = held(&config, &answer, &asked(&sound));
    assert_eq!(found(&told), is(0, "read", "egress /out", "egress"));
    assert!(told.json()["says"].to_string().contains("what the route answered a plain program"), "{}", told.out);
    let answer = HttpMessage { body: to_echo(here).body, ..answer };
    let told = held(&config, &answer, &[]);
    judge("an answer that may be the service's", &told, &refused("no security header", "takes the header off"));
    assert!(told.json()["policy"]["assumed"].to_string().contains("may be one of the plain side"), "{}", told.out);
}

/// A recorded conversation, under a contract that its service publishes.
fn published() -> Scenario {
    let mut all = recording::load(&recording::packed().join("wcf.tar.zst")).unwrap();
    let at = all.iter().position(|of| of.name == "wcf-userNameForCertificate-sc-1.3-renewal").unwrap();
    all.swap_remove(at)
}

/// The policy that a service publishes is the one that the gateway kept; nobody is asked for it.
#[test]
fn the_copy_of_a_published_policy_is_used() {
    let (scenario, backend) = (published(), Backend::start().unwrap());
    let contract = file("contract.wsdl", scenario.wsdl.as_ref().unwrap());
    let (port, backend) = (free_port().unwrap(), backend.url());
    let listen = format!("http://127.0.0.1:{port}");
    let mut flags = arguments(&["proxy", "--listen", &listen, "--backend", &backend, "--wsdl", &contract]);
    flags.extend([service(), arguments(&["--user", &format!("{USER}:{PASSWORD}")])].concat());
    let serving = Nuncio::start(flags).unwrap();
    let cache = directory("contracts");
    let call = scenario
        .exchanges
        .iter()
        .find(|exchange| exchange.request_action.as_deref().is_some_and(|of| of.ends_with("/Echo")))
        .unwrap();
    // It was recorded at another place.
    let text = String::from_utf8(call.request.body.clone()).unwrap();
    let to = text.split("</a:To>").next().and_then(|before| before.rsplit('>').next()).unwrap().to_owned();
    let said = |egress: u16, cache: &str| {
        format!(
            "egress:\n  listeners: [{{ address: \"127.0.0.1:{egress}\" }}]\n  routes:\n    - path: /out\n      service: {listen}/echo\n      \
             to: {to}\n      wsdl: {listen}/echo?wsdl\n      contract_cache: \"{cache}\"\n      user: {{ name: {USER}, password: {PASSWORD} }}\n"
        )
    };
    let config = file("published.yaml", said(free_port().unwrap(), &cache).as_bytes());
    let calling = Nuncio::start(["run", "--config", &config]).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while !std::fs::read_dir(&cache)
        .is_ok_and(|files| files.flatten().any(|file| file.path().extension().is_some_and(|of| of == "json")))
    {
        assert!(Instant::now() < until, "nothing is kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Whoever would ask now gets no answer.
    drop((calling, serving));
    let files = Files::of(&scenario);
    let keys = files.keys(&scenario);
    let at = keys.iter().position(|flag| flag == "--context").unwrap();
    let clock = arguments(&["--clock", &time::format_utc(call.response_at), "--json", "--config"]);
    let request = arguments(&["--request", &files.capture("request.http", &call.request)]);
    let told = |config: &str| {
        inspect(
            &octets(&call.response),
            &[clock.clone(), arguments(&[config]), keys[at..].to_vec(), request.clone()].concat(),
        )
    };
    let believed = told(&config);
    assert_eq!(found(&believed), is(0, "taken", "egress /out", "egress"));
    let assumed = believed.json()["policy"]["assumed"].to_string();
    assert!(assumed.contains("the copy which was fetched from"), "{assumed}");
    // Where nothing is kept, the message is told without the policy.
    let nothing = directory("none");
    for (cache, why) in [(nothing, "no copy is kept so far"), (directory("bad"), "is of no use")] {
        if why == "is of no use" {
            std::fs::create_dir(&cache).unwrap();
            let kept = std::fs::read_dir(config_cache(&config)).unwrap().flatten().next().unwrap();
            std::fs::write(std::path::Path::new(&cache).join(kept.file_name()), "{").unwrap();
        }
        let config = file("published.yaml", said(free_port().unwrap(), &cache).as_bytes());
        let told = told(&config);
        let json = told.json();
        assert_eq!((told.status, json["outcome"].as_str(), &json["policy"]), (Some(0), Some("read"), &Value::Null));
        let says = json["says"].to_string();
        assert!(says.contains(why) && says.contains("the policy is not known here"), "{says}");
        assert_eq!(json["message"]["signatures"][0]["value"], "good", "its keys are known all the same");
    }
}

/// A directory that is not there, whatever earlier runs left.
fn directory(name: &str) -> String {
    let directory = format!("{}.{name}", file("cache", b""));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

/// The directory in which a configuration has contracts kept.
fn config_cache(config: &str) -> String {
    let text = std::fs::read_to_string(config).unwrap();
    let said = text.split("contract_cache: \"").nth(1).unwrap();
    said.split('"').next().unwrap().to_owned()
}

/// The gateway's own answers are held to the routes that clients call, as a client would.
#[test]
fn answers_of_the_gateway_are_judged_as_its_clients_would() {
    let config = with_ingress("/echo", &[route("/out", ALONE, "alice", "")]);
    let one = call(ALONE);
    assert_eq!(found(&held(&config, &one.answer, &asked(&one.request))), is(0, "taken", "/echo", "ingress"));
    let broken =
        Spoken::unlike(ALONE, |policy: &mut Policy| policy.properties.timestamp = false, &["server"]).call("x");
    let told = held(&config, &broken.answer, &asked(&broken.request));
    judge("no timestamp", &told, &refused("no timestamp", "includeTimestamp"));
    // What is encrypted for the client opens with its key alone.
    let mutual = config.replacen(
        &format!("preset: {ALONE}"),
        &format!("preset: {ASYMMETRIC}\n    trust: [{}]", path("client.pem")),
        1,
    );
    let mutual = mutual.replacen(&format!("    users: [{{ name: {USER}, password: {PASSWORD} }}]\n"), "", 1);
    let signed = call(ASYMMETRIC);
    let told = |more: Vec<String>| held(&mutual, &signed.answer, &[named("/echo"), more].concat());
    judge("for the client", &told(asked(&signed.request)), &undecided("not ours", "--client-certificate"));
    assert_eq!(found(&told([asked(&signed.request), client()].concat())), is(0, "taken", "/echo", "ingress"));
    let unnamed = held(&config, &one.answer, &[]);
    assert_eq!((unnamed.status, unnamed.out.contains("name one of /echo, egress /out")), (Some(1), true));
    judge("no request", &held(&config, &one.answer, &named("/echo")), &undecided("not known", "--request"));
}
