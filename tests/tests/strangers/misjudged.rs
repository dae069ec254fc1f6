//! Messages held to what they are not: a stranger who finds one good did not look.

use nuncio_tests::time::format_utc;

use crate::expected::{Certificate, Expected, LIFETIME, Supporting};

/// What the names of such messages begin with.
pub(crate) const MISJUDGED: &str = "misjudged";

/// One thing that a message is said to be: words, and what is changed in what it must be.
type Change = (&'static str, fn(&mut Expected));

#[rustfmt::skip]
const OF_ALL: &[Change] = &[
    ("another action", |of| of.action = Some("urn:other".into())),
    ("an encrypted body, or one in clear", |of| of.encrypted.body ^= true),
    ("another body", |of| of.body = of.body.as_deref().map(|body| body.replace("e:none", "e:other"))),
    ("another qualified name", |of| of.body = of.body.as_deref().map(|body| body.replace("XMLSchema\"", "XMLSchema1\""))),
    ("another instant", |of| of.timestamp = Some([format_utc(0), format_utc(LIFETIME)])),
    ("another user", |of| of.tokens.push(bob())),
    ("another certificate", |of| of.tokens.push(endorser())),
    ("no security", |of| of.secured = false),
];

#[rustfmt::skip]
const IN_MESSAGES: &[Change] = &[
    ("another suite", |of| of.suite = if of.suite.starts_with("Triple") { "Basic128" } else { "TripleDes" }),
    ("another key that signs", |of| of.protection = nobody("certificate")),
    ("another key that encrypts", |of| of.encryption = nobody("encrypted key")),
    ("a signature in clear, or an encrypted one", |of| of.signature_encrypted ^= true),
    ("an encrypted element, or none", |of| {
        let wanted = of.hidden.elements.is_empty().then(|| ("urn:example".into(), "text".into()));
        of.hidden.elements = wanted.into_iter().collect();
    }),
    ("another canonical form", |of| of.inclusive ^= true),
    ("derived keys, or none", |of| of.derived = of.derived.map(|how| if how == "none" { "explicit" } else { "none" })),
];

const CONFIRMS: Change = ("another number of confirmations", |of| of.confirms ^= true);
const TIMESTAMP_LAST: Change = ("the timestamp last", |of| of.layout = "timestamp last");
const TIMESTAMP_FIRST: Change = ("the timestamp first", |of| of.layout = "timestamp first");

/// The same message, held each time to one thing that it is not.
pub(crate) fn misjudged(message: &Expected) -> Vec<Expected> {
    let mut changes = OF_ALL.to_vec();
    // Over a transport an answer has nothing but its timestamp.
    if message.binding != "transport" || message.answers.is_none() {
        changes.push(if message.layout == "timestamp last" { TIMESTAMP_FIRST } else { TIMESTAMP_LAST });
    }
    if message.binding != "transport" {
        changes.extend(IN_MESSAGES);
    }
    if message.answers.is_some() {
        changes.push(CONFIRMS);
    }
    let misjudge = |(what, change): &Change| {
        let mut expected = message.clone();
        expected.alone = false;
        expected.name = format!("{MISJUDGED} as {what}: {}", message.name);
        change(&mut expected);
        expected
    };
    changes.iter().map(misjudge).collect()
}

fn nobody(kind: &str) -> Vec<Option<String>> {
    vec![Some(kind.to_owned()), Some("nobody".to_owned())]
}

fn bob() -> Supporting {
    Supporting::Username { name: "bob", password: "", digest: false, signed: true, encrypted: true }
}

fn endorser() -> Supporting {
    let of = vec![Some("nobody".to_owned())];
    let headers = Vec::new();
    Supporting::Certificate(Certificate {
        of,
        signed: false,
        encrypted: false,
        endorsing: true,
        travels: true,
        headers,
    })
}
