//! Today's .NET client through a running `nuncio proxy` to a plain service.
//!
//! The client lies beside the project (`peers/dotnet`); where it is not, each test says so in a line and is left out. Here its
//! standard bindings; `variants.rs` has what else it can be set to, `cookies.rs` where it keeps its conversations itself,
//! `restarts.rs` the gateway that is killed between its calls.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod cookies;
mod restarts;
mod variants;

use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::plain::{Backend, Seen};
use nuncio_tests::process::{Nuncio, free_port};
use nuncio_tests::recording;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

const CALLS: [&str; 6] = ["echo", "whoami", "notify", "fail", "reverse", "session"];

/// The subject of the client's test certificate, as RFC 2253 writes it.
const SUBJECT: &str = "CN=nuncio-test-client,O=Test only";

#[derive(Clone, Copy)]
struct Variant {
    binding: &'static str,
    credential: &'static str,
    conversation: bool,
    channels: usize,
}

impl Variant {
    fn name(&self) -> String {
        let conversation = if self.conversation { "sc" } else { "nosc" };
        format!("{}-{}-{conversation}", self.binding, self.credential)
    }

    /// The WSDL that Microsoft's service published for this binding.
    fn wsdl(&self) -> String {
        recorded(&self.name())
            .unwrap_or_else(|| without_conversation(&recorded(&Self { conversation: true, ..*self }.name()).unwrap()))
    }
}

/// The WSDL that was recorded with a scenario.
fn recorded(name: &str) -> Option<String> {
    let scenarios = recording::load(&recording::packed().join("dotnet10.tar.zst")).unwrap();
    let scenario = scenarios.into_iter().find(|scenario| scenario.name == name);
    scenario.map(|scenario| String::from_utf8(scenario.wsdl.unwrap()).unwrap())
}

/// The WSDL of a binding without its conversation: what such a service demands is what this one's bootstrap demands.
fn without_conversation(wsdl: &str) -> String {
    let between = |from: &str, to: &str| {
        let start = wsdl.find(from).unwrap() + from.len();
        start..start + wsdl[start..].find(to).unwrap()
    };
    let bootstrap = &wsdl[between("<sp:BootstrapPolicy><wsp:Policy>", "</wsp:Policy></sp:BootstrapPolicy>")];
    // The message parts that stand before the binding are for a protection that it does not give.
    let binding = &bootstrap[bootstrap.find("<sp:TransportBinding").unwrap()..];
    let namespace = &wsdl[between("<sp:TransportBinding xmlns:sp=\"", "\"")];
    let whole = between("<wsp:ExactlyOne><wsp:All>", "</wsp:All></wsp:ExactlyOne>");
    let alternative = format!("{binding}<wsaw:UsingAddressing/>");
    let declared = format!("<wsp:ExactlyOne><wsp:All xmlns:sp=\"{namespace}\">");
    let opening = whole.start - "<wsp:ExactlyOne><wsp:All>".len();
    format!("{}{declared}{alternative}{}", &wsdl[..opening], &wsdl[whole.end..])
}

fn client() -> Option<PathBuf> {
    Some(peers::shared("peers/dotnet/nuncio-peer-dotnet")).filter(|program| program.exists())
}

/// A running gateway in front of a plain service, and the client's command line up to what it shall do.
struct Stage {
    client: Command,
    gateway: Nuncio,
    backend: Backend,
    /// The gateway's command line.
    arguments: Vec<String>,
}

/// Sets the stage for a contract, or says why the peer is left out.
fn stage(name: &str, contract: &str) -> Option<Stage> {
    let wsdl = folder(name).join("service.wsdl");
    std::fs::create_dir_all(folder(name)).unwrap();
    std::fs::write(&wsdl, contract).unwrap();
    stage_of(name, &["--wsdl", &wsdl.display().to_string()], Backend::start().unwrap())
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dotnet").join(name)
}

/// Sets the stage with a policy and what else the command line says, and a plain service.
fn stage_of(name: &str, policy: &[&str], backend: Backend) -> Option<Stage> {
    let mut client = client_of(name)?;
    let port = free_port().unwrap();
    let mut arguments = vec!["proxy".to_owned(), "--listen".into(), format!("https://127.0.0.1:{port}")];
    arguments.extend(["--backend".into(), backend.url()]);
    arguments.extend(policy.iter().map(|&word| word.to_owned()));
    arguments.extend(["--certificate".into(), peers::key("server.pem").display().to_string()]);
    arguments.extend(["--key".into(), peers::key("server.key").display().to_string()]);
    arguments.extend(["--trust".into(), peers::key("client.pem").display().to_string()]);
    arguments.extend(["--user".into(), format!("{USER}:{PASSWORD}")]);
    let gateway = Nuncio::start(&arguments).unwrap_or_else(|error| panic!("{name}: {error}"));
    client.args(["--url", &format!("https://localhost:{port}/echo")]);
    Some(Stage { client, gateway, backend, arguments })
}

/// The client's command line with its credentials; nothing, and a line that says why, where it is left out.
fn client_of(name: &str) -> Option<Command> {
    let Some(client) = client() else {
        peers::skip(&format!("dotnet {name}"), "the .NET client is not beside the project");
        return None;
    };
    if peers::lacks("openssl") {
        peers::skip(&format!("dotnet {name}"), "openssl is missing");
        return None;
    }
    let folder = folder(name);
    peers::stores(&folder).unwrap();
    let mut command = Command::new(client);
    command.args(["--user", USER, "--password", PASSWORD]);
    command.arg("--client-pfx").arg(folder.join("client.pfx")).args(["--pfx-password", "pw"]);
    Some(command)
}

fn run(variant: Variant) {
    let name = variant.name();
    let Some(Stage { client: mut command, gateway, backend, .. }) = stage(&name, &variant.wsdl()) else { return };
    command.args(["--binding", variant.binding, "--credential", variant.credential]);
    command.args(["--conversation", if variant.conversation { "true" } else { "false" }]);
    command.args(["--calls", &CALLS.join(","), "--channels", &variant.channels.to_string()]);
    let said = peers::run(&mut command).unwrap_or_else(|error| panic!("{name}: {error}\n{}", gateway.log()));
    judge(variant, &said, &backend.seen(), &name);
}

/// Every call did what it should, and the plain side was told who calls and in which conversation.
fn judge(variant: Variant, said: &str, seen: &[Seen], name: &str) {
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let principal = if variant.credential == "username" { USER } else { SUBJECT };
    let mut conversations = Vec::new();
    for channel in 0..variant.channels {
        let reply = |call: &str| {
            let line = lines.iter().find(|line| line["channel"] == channel && line["call"] == call);
            let line = line.unwrap_or_else(|| panic!("{name}: channel {channel} made no {call}:\n{said}"));
            assert_eq!(line["ok"], true, "{name}: {line}");
            line["reply"].as_str().unwrap_or_default().to_owned()
        };
        for call in CALLS.iter().chain(&["open", "close"]) {
            reply(call);
        }
        assert_eq!(reply("whoami"), principal, "{name}");
        assert_eq!(reply("session").is_empty(), !variant.conversation, "{name}: {said}");
        conversations.push(reply("session"));
    }
    if variant.conversation && variant.channels > 1 {
        assert_ne!(conversations[0], conversations[1], "two channels have two conversations");
    }
    assert_eq!(seen.len(), CALLS.len() * variant.channels, "{name}: the plain service gets the calls alone");
    for request in seen {
        let text = request.text();
        assert_eq!(request.header("x-nuncio-principal"), Some(principal), "{name}: {text}");
        assert_eq!(request.header("x-nuncio-conversation").is_some(), variant.conversation, "{name}: {text}");
        assert!(request.is_plain(), "{name}: {text}");
        assert!(!text.contains(PASSWORD), "{name}: {text}");
    }
}

macro_rules! variants {
    ($($test:ident: $binding:literal $credential:literal $conversation:literal $channels:literal;)*) => {
        $(
            #[test]
            fn $test() {
                run(Variant { binding: $binding, credential: $credential, conversation: $conversation, channels: $channels });
            }
        )*
    };
}

variants! {
    ws2007_user_name_conversation: "ws2007" "username" true 2;
    ws2007_user_name_per_message: "ws2007" "username" false 1;
    ws2007_certificate_conversation: "ws2007" "certificate" true 2;
    ws2007_certificate_per_message: "ws2007" "certificate" false 1;
    wshttp_user_name_conversation: "wshttp" "username" true 2;
    wshttp_user_name_per_message: "wshttp" "username" false 1;
    wshttp_certificate_conversation: "wshttp" "certificate" true 2;
    wshttp_certificate_per_message: "wshttp" "certificate" false 1;
}

/// The client renews before its fourth call: the conversation goes on, and the backend knows it by the same name.
#[test]
fn a_conversation_goes_on_under_a_new_key() {
    for (binding, credential) in [("ws2007", "username"), ("wshttp", "certificate")] {
        let variant = Variant { binding, credential, conversation: true, channels: 1 };
        let name = format!("{} renewed", variant.name());
        let Some(Stage { mut client, gateway, backend, .. }) = stage(&name, &variant.wsdl()) else { return };
        client.args(["--binding", binding, "--credential", credential, "--calls", "echo"]);
        client.args(["--renew-after", "2", "--rollover", "1", "--repeat", "4", "--pause", "1000"]);
        peers::run(&mut client).unwrap_or_else(|error| panic!("{name}: {error}\n{}", gateway.log()));
        assert!(gateway.log().contains("/RST/SCT/Renew"), "{name}: {}", gateway.log());
        let seen = backend.seen();
        let told = |request: &Seen| request.header("x-nuncio-conversation").map(str::to_owned);
        assert!(seen.len() == 4 && told(&seen[0]).is_some(), "{name}: {}", seen.len());
        assert!(seen.iter().all(|request| told(request) == told(&seen[0])), "{name}");
    }
}

#[test]
fn a_bootstrap_is_a_policy_of_its_own() {
    let variant = Variant { binding: "wshttp", credential: "certificate", conversation: false, channels: 1 };
    let cut = without_conversation(&Variant { conversation: true, ..variant }.wsdl());
    let assertions = |wsdl: &str| {
        let document = roxmltree::Document::parse(wsdl).unwrap();
        let policy = document.descendants().find(|node| node.tag_name().name() == "All").unwrap();
        policy.descendants().map(|node| node.tag_name().name().to_owned()).collect::<Vec<_>>()
    };
    // This binding was recorded both ways.
    assert_eq!(assertions(&cut), assertions(&variant.wsdl()));
}
