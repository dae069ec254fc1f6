//! How an answer came.

use crate::broken::{judge, refused};
use crate::broken_answers::{ALONE, OVER_TLS, held};
use crate::spoken::{Exchanged, Spoken, policy};
use crate::{Told, arguments};

fn outcome(told: &Told) -> (Option<i32>, String) {
    (told.status, told.json()["outcome"].as_str().unwrap().to_owned())
}

fn taken() -> (Option<i32>, String) {
    (Some(0), "taken".to_owned())
}

/// Where the policy leaves protection to TLS, an answer that came without is nobody's word.
#[test]
fn an_answer_in_clear_is_not_believed_under_tls() {
    let one = Spoken::unlike(OVER_TLS, |_| (), &["server"]).call("hello");
    let came = |name: &str, exchanged: &Exchanged, how: &[&str]| held(exchanged, &[policy(name)], &arguments(how));
    judge(
        "in clear",
        &came(OVER_TLS, &one, &["--transport", "clear"]),
        &refused("protected transport", "Answer over TLS"),
    );
    for (how, assumed) in
        [(&[][..], true), (&["--transport", "tls"], false), (&["--transport", "client-certificate"], false)]
    {
        let told = came(OVER_TLS, &one, how);
        assert_eq!(outcome(&told), taken(), "{how:?}");
        let said = told.json()["policy"]["assumed"].to_string();
        assert_eq!(said.contains("come over TLS"), assumed, "{how:?}: {said}");
    }
    // What protects its messages itself may come as it likes, and so it may under one of two alternatives.
    let own = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    assert_eq!(outcome(&came(ALONE, &own, &["--transport", "clear"])), taken());
    let both = held(&own, &[policy(OVER_TLS), policy(ALONE)], &arguments(&["--transport", "clear"]));
    assert_eq!(outcome(&both), taken());
    let said = both.json()["policy"]["assumed"].to_string();
    assert!(!said.contains("come over TLS"), "{said}");
}
