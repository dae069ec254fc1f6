//! What is given wrongly, or captured oddly, is said to be so without being told: it may be a secret.

use crate::broken::AT;
use crate::broken_answers::{CONVERSATION, at};
use crate::spoken::{Spoken, file, held_to, policy};
use crate::{arguments, inspect, octets};

const SECRET: &str = "c2VjcmV0cGFzc3dvcmQ";

#[test]
fn flags_that_hold_secrets_are_not_quoted() {
    for (flag, value) in [
        ("--context", format!("urn:x=not*base64*{SECRET}")),
        ("--context", SECRET.to_owned()),
        ("--user", SECRET.to_owned()),
        ("--user", format!(":{SECRET}")),
    ] {
        let told = inspect(b"<a/>", &arguments(&[flag, &value]));
        assert_eq!((told.status, told.out.contains(SECRET)), (Some(2), false), "{flag}: {}", told.out);
        assert!(told.out.contains(flag), "{}", told.out);
    }
}

#[test]
fn lines_of_a_head_are_not_quoted() {
    let folded = format!("POST / HTTP/1.1\r\nAuthorization: Basic\r\n {SECRET}=\r\n\r\n<a/>");
    let told = inspect(folded.as_bytes(), &[]);
    assert_eq!((told.status, told.out.contains(SECRET)), (Some(4), false), "{}", told.out);
    assert!(told.out.contains("line 3 of its HTTP head"), "{}", told.out);
    let told = inspect(format!("{SECRET}\n").as_bytes(), &[]);
    assert_eq!((told.status, told.out.contains(SECRET)), (Some(4), false), "{}", told.out);
}

/// Keys in a file are in no list of processes.
#[test]
fn keys_of_conversations_may_be_in_a_file() {
    let mut spoken = Spoken::unlike(CONVERSATION, |_| (), &["server"]);
    spoken.begin();
    let call = spoken.call("hello");
    let told = |keys: &str| {
        let keys = arguments(&["--context-file", &file("contexts", keys.as_bytes())]);
        inspect(&octets(&call.answer), &[held_to(&[policy(CONVERSATION)]), keys, at(AT)].concat())
    };
    let right = told(&format!("# of that day\n\nurn:uuid:other=AAAAAAAAAAAAAAAAAAAAAA==\n{}\n", spoken.key()));
    assert_eq!((right.status, right.json()["outcome"].as_str().unwrap()), (Some(0), "taken"), "{}", right.out);
    let wrong = told(&format!("{}\nurn:x=not*base64*{SECRET}\n", spoken.key()));
    assert_eq!((wrong.status, wrong.out.contains(SECRET)), (Some(1), false), "{}", wrong.out);
    assert!(wrong.out.contains("line 2: its key is not base64"), "{}", wrong.out);
}
