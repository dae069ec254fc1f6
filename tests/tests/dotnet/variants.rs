//! What the .NET client can be set to beside its standard bindings, each under the contract that Microsoft's service published
//! for it.
//!
//! Left out are reliable sessions, which are the backend's to keep and this one keeps none, and MTOM, which is not built.

use std::collections::BTreeSet;

use nuncio_tests::peers::{self, USER};
use nuncio_tests::plain::{Answer, Backend};

use crate::{CALLS, Stage, Variant, folder, judge, recorded, stage, stage_of};

/// The scenario that a contract was recorded with, and what the client is set to besides what its name says: binding,
/// credential, conversation (`sccookie`: one that is not cancelled) and `MessageSecurityVersion`.
#[rustfmt::skip]
const VARIANTS: &[(&str, &str)] = &[
    ("basic-certificate", ""),
    ("basic-username", ""),
    ("custom-certificate-nosc-0205-soap12wsa10", ""),
    ("custom-certificate-nosc-0205b-soap11wsa04", "--soap 11 --addressing 2004"),
    ("custom-certificate-nosc-0205b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-certificate-nosc-10-soap12wsa10", ""),
    ("custom-certificate-nosc-13b-soap11wsa04", "--soap 11 --addressing 2004"),
    ("custom-certificate-nosc-13b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-certificate-sc-0205-soap12wsa10", ""),
    ("custom-certificate-sc-0205b-Basic256Sha256", "--suite Basic256Sha256"),
    ("custom-certificate-sc-0205b-dk", "--derived-keys true"),
    ("custom-certificate-sc-0205b-layout-Lax", "--layout Lax"),
    ("custom-certificate-sc-0205b-layout-LaxTimestampFirst", "--layout LaxTimestampFirst"),
    ("custom-certificate-sc-0205b-layout-LaxTimestampLast", "--layout LaxTimestampLast"),
    ("custom-certificate-sc-0205b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-certificate-sc-0205b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-certificate-sc-0205b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-certificate-sc-13b-Basic256", "--suite Basic256"),
    ("custom-certificate-sc-13b-Basic256Sha256", "--suite Basic256Sha256"),
    ("custom-certificate-sc-13b-layout-Lax", "--layout Lax"),
    ("custom-certificate-sc-13b-layout-LaxTimestampFirst", "--layout LaxTimestampFirst"),
    ("custom-certificate-sc-13b-layout-LaxTimestampLast", "--layout LaxTimestampLast"),
    ("custom-certificate-sc-13b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-certificate-sc-13b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-certificate-sc-13b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-certificate-sccookie-13b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-certificate-sccookie-13b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-username-nosc-0205b-soap11wsa04", "--soap 11 --addressing 2004"),
    ("custom-username-nosc-0205b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-username-nosc-0205b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-username-nosc-0205b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-username-nosc-10-soap12wsa10", ""),
    ("custom-username-nosc-13b-soap11wsa04", "--soap 11 --addressing 2004"),
    ("custom-username-nosc-13b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-username-nosc-13b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-username-nosc-13b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-username-sc-0205b-Basic256", "--suite Basic256"),
    ("custom-username-sc-0205b-Basic256Sha256", "--suite Basic256Sha256"),
    ("custom-username-sc-0205b-ClientEntropy-both", "--entropy ClientEntropy"),
    ("custom-username-sc-0205b-ServerEntropy-both", "--entropy ServerEntropy"),
    ("custom-username-sc-0205b-dk", "--derived-keys true"),
    ("custom-username-sc-0205b-layout-Lax", "--layout Lax"),
    ("custom-username-sc-0205b-layout-LaxTimestampFirst", "--layout LaxTimestampFirst"),
    ("custom-username-sc-0205b-soap11wsa04", "--soap 11 --addressing 2004"),
    ("custom-username-sc-0205b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-username-sc-0205b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-username-sc-0205b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-username-sc-10-soap12wsa10", ""),
    ("custom-username-sc-13b-Basic256", "--suite Basic256"),
    ("custom-username-sc-13b-Basic256Sha256", "--suite Basic256Sha256"),
    ("custom-username-sc-13b-ClientEntropy-both", "--entropy ClientEntropy"),
    ("custom-username-sc-13b-ServerEntropy-both", "--entropy ServerEntropy"),
    ("custom-username-sc-13b-dk", "--derived-keys true"),
    ("custom-username-sc-13b-layout-Lax", "--layout Lax"),
    ("custom-username-sc-13b-layout-LaxTimestampLast", "--layout LaxTimestampLast"),
    ("custom-username-sc-13b-nodk", "--derived-keys false"),
    ("custom-username-sc-13b-soap11wsa04", "--soap 11 --addressing 2004"),
    ("custom-username-sc-13b-soap12wsa04", "--soap 12 --addressing 2004"),
    ("custom-username-sccookie-0205b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-username-sccookie-0205b-soap12wsa10", "--soap 12 --addressing 1.0"),
    ("custom-username-sccookie-13b-soap11wsa10", "--soap 11 --addressing 1.0"),
    ("custom-username-sccookie-13b-soap12wsa10", "--soap 12 --addressing 1.0"),
];

/// The `MessageSecurityVersion` that is short for.
fn version(short: &str) -> Option<String> {
    let (wss, generation, policy) = match short {
        "13b" => ("11", "13", "12BasicSecurityProfile10"),
        "0205b" => ("11", "February2005", "11BasicSecurityProfile10"),
        "0205" => ("11", "February2005", "11"),
        "10" => ("10", "February2005", "11BasicSecurityProfile10"),
        _ => return None,
    };
    Some(format!("WSSecurity{wss}WSTrust{generation}WSSecureConversation{generation}WSSecurityPolicy{policy}"))
}

/// All calls by a client that is set so, through a gateway under that scenario's contract.
fn run(scenario: &str, contract: &str, options: &str) {
    let Some(Stage { mut client, gateway, backend, .. }) = stage(scenario, contract) else { return };
    let words: Vec<_> = scenario.split('-').collect();
    let (binding, credential) = (words[0], words[1]);
    let conversation = words.iter().any(|word| matches!(*word, "sc" | "sccookie"));
    client.args(["--binding", binding, "--credential", credential, "--calls", &CALLS.join(",")]);
    if binding == "custom" {
        client.args(["--conversation", if conversation { "true" } else { "false" }]);
        client.args(["--require-cancel", if words.contains(&"sccookie") { "false" } else { "true" }]);
        client.args(["--message-security", &version(words[3]).unwrap()]);
    }
    client.args(options.split_whitespace());
    let said = peers::run(&mut client).unwrap_or_else(|error| panic!("{scenario}: {error}\n{}", gateway.log()));
    // Its name is that of the binding in the contract, which is not looked at again.
    let variant = Variant {
        binding: "",
        credential: if credential == "username" { "username" } else { "certificate" },
        conversation,
        channels: 1,
    };
    judge(variant, &said, &backend.seen(), scenario);
    // Without cancels, the gateway keeps the context as it keeps any other, and the client does not ask where.
    let cancels = gateway.log().contains("/RST/SCT/Cancel");
    assert_eq!(cancels, conversation && !words.contains(&"sccookie"), "{scenario}: {}", gateway.log());
}

/// Every variant whose scenario's name begins so; as many as there must be.
fn run_all(beginning: &str, count: usize) {
    let of: Vec<_> = VARIANTS.iter().filter(|(scenario, _)| scenario.starts_with(beginning)).collect();
    assert_eq!(of.len(), count, "{beginning}");
    for (scenario, options) in of {
        run(scenario, &recorded(scenario).unwrap(), options);
    }
}

#[test]
fn basic() {
    run_all("basic-", 2);
}

#[test]
fn custom_user_name_conversation() {
    run_all("custom-username-sc-", 22);
}

#[test]
fn custom_user_name_that_is_not_cancelled() {
    run_all("custom-username-sccookie-", 4);
}

#[test]
fn custom_user_name_per_message() {
    run_all("custom-username-nosc-", 9);
}

#[test]
fn custom_certificate_conversation() {
    run_all("custom-certificate-sc-", 17);
}

#[test]
fn custom_certificate_that_is_not_cancelled() {
    run_all("custom-certificate-sccookie-", 2);
}

#[test]
fn custom_certificate_per_message() {
    run_all("custom-certificate-nosc-", 6);
}

/// Of which there is no recording: the contract is that of the same binding with cancels.
#[test]
fn soap_1_1_and_the_addressing_of_2004_without_cancels() {
    let contract = recorded("custom-username-sc-13b-soap11wsa04").unwrap();
    let without = contract.replace("<sp:BootstrapPolicy>", "<sp:MustNotSendCancel/><sp:BootstrapPolicy>");
    assert_ne!(contract, without);
    run("custom-username-sccookie-13b-soap11wsa04", &without, "--soap 11 --addressing 2004");
}

/// Under a preset and without a contract, what the client sends may be anything.
#[test]
fn any_action_and_body() {
    let answer = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><done xmlns="urn:n"/></s:Body></s:Envelope>"#;
    let backend = Backend::answering(|_| Answer {
        status: 200,
        content_type: "application/soap+xml".into(),
        body: answer.as_bytes().to_vec(),
    });
    let preset = ["--preset", "wcf-ws2007-userNameOverTransport-conversation"];
    let Some(Stage { mut client, gateway, backend, .. }) = stage_of("any action", &preset, backend.unwrap()) else {
        return;
    };
    let body = folder("any action").join("body.xml");
    std::fs::write(&body, "<do xmlns=\"urn:n\">it</do>").unwrap();
    client.args(["--binding", "ws2007", "--action", "urn:do", "--body"]).arg(&body);
    let said = peers::run(&mut client).unwrap_or_else(|error| panic!("{error}\n{}", gateway.log()));
    assert!(said.contains("<done xmlns="), "{said}");
    let seen = backend.seen();
    assert_eq!(seen.len(), 1);
    // What the envelope declared goes along: a name in the content may count on it.
    let text = seen[0].text();
    assert!(seen[0].is_plain() && text.contains("<s:Body><do xmlns=\"urn:n\"") && text.contains(">it</do>"), "{text}");
    assert_eq!(seen[0].header("x-nuncio-principal"), Some(USER));
}

/// As many conversations as channels, and many calls in each.
#[test]
fn many_calls_in_several_conversations() {
    let name = "ws2007-username-sc";
    let Some(Stage { mut client, gateway, backend, .. }) = stage("many calls", &recorded(name).unwrap()) else {
        return;
    };
    client.args(["--binding", "ws2007", "--repeat", "250", "--channels", "4", "--quiet"]);
    peers::run(&mut client).unwrap_or_else(|error| panic!("{error}\n{}", gateway.log()));
    let seen = backend.seen();
    let told: BTreeSet<_> = seen.iter().map(|request| request.header("x-nuncio-conversation")).collect();
    assert_eq!((seen.len(), told.len(), told.contains(&None)), (1000, 4, false));
}

/// A wrong password brings a fault, and the plain service nothing.
#[test]
fn a_wrong_password_is_refused() {
    for name in ["ws2007-username-sc", "wshttp-username-nosc", "basic-username"] {
        let Some(Stage { mut client, gateway, backend, .. }) =
            stage(&format!("{name} wrong"), &recorded(name).unwrap())
        else {
            return;
        };
        let words: Vec<_> = name.split('-').collect();
        client.args(["--binding", words[0], "--conversation", if words.contains(&"sc") { "true" } else { "false" }]);
        client.args(["--password", "looking-glass", "--calls", "echo"]);
        let said = peers::run(&mut client).expect_err(name);
        assert!(said.contains("MessageSecurityException"), "{name}: {said}");
        assert!(gateway.logs("refused="), "{name}: {}", gateway.log());
        assert!(backend.seen().is_empty(), "{name}");
    }
}
