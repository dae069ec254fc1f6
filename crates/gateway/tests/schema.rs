//! The schema that editors complete and check configurations by, held to what the program takes.

// A test's helpers fail as its tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What editors read in it: YAML 1.2, in which `off` is a word.
fn yaml(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// The schema that is kept for editors.
fn schema() -> Validator {
    let schema: Value = serde_json::from_str(&read(&repository().join("config/schema.json"))).unwrap();
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("it is no schema: {error}"))
}

/// What the schema has against a configuration.
fn faults(schema: &Validator, configuration: &Value) -> Vec<String> {
    schema.iter_errors(configuration).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The files of a folder with that extension, in their order.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// A configuration of one route, which says this besides.
fn with_route(more: &Value) -> Value {
    let mut route = json!({ "path": "/echo", "backend": "http://127.0.0.1:9000/echo" });
    route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "listeners": [{ "address": "127.0.0.1:8080" }], "routes": [route] })
}

/// A configuration whose only route has that policy.
fn with_policy(policy: &Value) -> Value {
    with_route(&json!({ "policy": policy }))
}

#[test]
fn every_example_keeps_to_it() {
    let schema = schema();
    let configurations = files("config", "yaml");
    assert!(configurations.len() >= 3, "the examples are gone: {configurations:?}");
    for file in configurations {
        let found = faults(&schema, &yaml(&read(&file)));
        assert!(found.is_empty(), "{}: {found:#?}", file.display());
    }
    let policies = files("config/policies", "yaml");
    assert!(policies.len() > 12, "the examples are gone: {policies:?}");
    for file in policies {
        let found = faults(&schema, &with_policy(&yaml(&read(&file))));
        assert!(found.is_empty(), "{}: {found:#?}", file.display());
    }
}

/// Those of a pod are within its own description.
#[test]
fn the_sidecar_keeps_to_it() {
    let schema = schema();
    let mut configurations = 0;
    for text in files("packaging/kubernetes", "yaml").iter().map(|file| read(file)) {
        for object in text.split("\n---\n").map(yaml) {
            if let Some(own) = object["data"]["nuncio.yaml"].as_str() {
                let found = faults(&schema, &yaml(own));
                assert!(found.is_empty(), "{found:#?}");
                configurations += 1;
            }
        }
    }
    assert_eq!(configurations, 1, "the sidecar's configuration is gone");
}

#[test]
fn what_is_wrong_does_not_keep_to_it() {
    let schema = schema();
    let preset = json!({ "preset": "wcf-ws2007-userNameOverTransport" });
    assert!(schema.is_valid(&with_route(&preset)) && schema.is_valid(&with_policy(&preset)));
    for (what, wrong) in [
        ("nothing", json!({})),
        ("no listener", json!({ "routes": [] })),
        ("an unknown key", {
            let mut whole = with_route(&preset);
            whole["listener"] = json!([]);
            whole
        }),
        ("an unknown key of a route", with_route(&json!({ "preset": "x", "paths": ["/echo"] }))),
        ("a word in place of a truth", with_route(&json!({ "preset": "x", "trace": "often" }))),
        ("a mapping in place of a list", with_route(&json!({ "preset": "x", "users": { "name": "alice" } }))),
        ("a number in place of a path", with_route(&json!({ "preset": "x", "path": 7 }))),
        ("an unknown key of a policy", with_policy(&json!({ "preset": "UserNameOverTransport", "presets": "x" }))),
        ("no policy's name", with_policy(&json!({ "preset": "wcf-ws2008-userNameOverTransport" }))),
        ("a policy of nothing", with_policy(&json!({}))),
        ("two presets", with_policy(&json!({ "preset": ["UserNameOverTransport", "MutualCertificate"] }))),
        ("a preset and a contract", with_policy(&json!({ "preset": "UserNameOverTransport", "wsdl": "a.wsdl" }))),
        (
            "a preset and words",
            with_policy(&json!({ "preset": "UserNameOverTransport", "binding": { "transport": {} } })),
        ),
        (
            "an attribute of another preset",
            with_policy(&json!({ "preset": "UserNameOverTransport", "ttlInSeconds": 3 })),
        ),
        (
            "an unknown value of an attribute",
            with_policy(&json!({ "preset": "basicHttpBinding", "security": { "mode": "TransportAlone" } })),
        ),
    ] {
        assert!(!schema.is_valid(&wrong), "{what}: {wrong:#}");
    }
}
