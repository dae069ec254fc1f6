//! Messages held to a route of a configuration: its policy, its users, its rules.

use std::path::{Path, PathBuf};

use nuncio_tests::peers::{PASSWORD, key};
use nuncio_tests::time;

use crate::broken::{AT, PRESET, misled};
use crate::{Told, arguments, inspect, octets};

/// A configuration with two routes: at `/echo` alice may call that action, at `/other` bob alone has a password.
fn configuration(name: &str, action: &str) -> PathBuf {
    let (certificate, key) = (key("server.pem"), key("server.key"));
    let route = |path: &str, user: &str| {
        format!(
            "  - path: {path}\n    backend: http://127.0.0.1:9/\n    preset: {PRESET}\n    certificate: {}\n    key: {}\n    \
             users: [{{ name: {user}, password: {PASSWORD} }}]\n    \
             authorise: {{ rules: [{{ allow: {{ users: [{user}], actions: [\"{action}\"] }} }}] }}\n",
            certificate.display(),
            key.display()
        )
    };
    let text =
        format!("listeners:\n  - address: 127.0.0.1:0\nroutes:\n{}{}", route("/echo", "alice"), route("/other", "bob"));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inspect-{name}.yaml"));
    std::fs::write(&file, text).unwrap();
    file
}

fn held(config: &Path, target: &str, more: &[&str]) -> Told {
    let mut message = misled(PRESET, |_| (), "server");
    message.start_line = format!("POST {target} HTTP/1.1");
    let (config, clock) = (config.display().to_string(), time::format_utc(AT));
    let own = ["--config", &config, "--clock", &clock, "--json"];
    inspect(&octets(&message), &arguments(&[&own[..], more].concat()))
}

#[test]
fn a_route_is_found_and_judges() {
    let config = configuration("allowed", "urn:e/*");
    let told = held(&config, "/echo", &[]);
    let json = told.json();
    assert_eq!((told.status, json["outcome"].as_str()), (Some(0), Some("taken")), "{json:#}");
    assert_eq!((&json["policy"]["name"], &json["policy"]["principal"]), (&"/echo".into(), &"the user alice".into()));
    assert!(!told.out.contains(PASSWORD), "a password is told");
    // The other one does not know her; nor does it when it is named.
    for told in [held(&config, "/other", &[]), held(&config, "/echo", &["--route", "/other"])] {
        assert_eq!(told.status, Some(3));
        assert_eq!(told.json()["refusal"]["reason"], "user \"alice\" is not known by that password");
    }
    // No route has that path.
    for told in [held(&config, "/nowhere", &[]), held(&config, "/echo", &["--route", "/nowhere"])] {
        assert_eq!((told.status, told.out.contains("--route: ")), (Some(1), true), "{}", told.out);
    }
}

#[test]
fn rules_of_a_route_deny() {
    let told = held(&configuration("denied", "urn:x/*"), "/echo", &[]);
    let json = told.json();
    assert_eq!((told.status, json["outcome"].as_str()), (Some(3), Some("refused")), "{json:#}");
    assert_eq!(json["refusal"]["reason"], "the rules of the route do not allow it");
    assert_eq!(json["policy"]["principal"], "the user alice");
}
