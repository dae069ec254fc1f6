//! What is given beside an answer, and what is wanting.

use nuncio_tests::http::HttpMessage;

use crate::broken::{AT, Expected, judge, refused, undecided};
use crate::broken_answers::{
    ALONE, ASYMMETRIC, CONVERSATION, OVER_TLS, at, bare_fault, confirm, confirming, held, mixed_up,
};
use crate::spoken::{Exchanged, Spoken, asked, client, held_to, path, policy, service};
use crate::{arguments, inspect, octets};

/// What is wanting to decide is said, with the flag that brings it.
#[test]
fn what_is_wanting_to_judge_an_answer_is_said() {
    let alone = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    let asymmetric = Spoken::unlike(ASYMMETRIC, |_| (), &["server"]).call("hello");
    let mut spoken = Spoken::unlike(CONVERSATION, |_| (), &["server"]);
    spoken.begin();
    let (call, key) = (spoken.call("hello"), arguments(&["--context", &spoken.key()]));
    let other_key = "urn:uuid:other=AAAAAAAAAAAAAAAAAAAAAA==".to_owned();
    let rows: Vec<(&str, &Exchanged, &str, Vec<String>, Expected)> = vec![
        ("no request", &alone, ALONE, service(), undecided("names an encrypted key that is not known", "--request")),
        (
            "a request without the service's key",
            &alone,
            ALONE,
            asked(&alone.request),
            undecided("not ours", "The request that it answers is encrypted for the service"),
        ),
        ("no key of the conversation", &call, CONVERSATION, service(), undecided("is not known here", "--context")),
        (
            "no key of the conversation of the request",
            &call,
            CONVERSATION,
            [service(), asked(&call.request)].concat(),
            undecided("is not known here", "The request that it answers belongs to a conversation"),
        ),
        ("no key of the client", &asymmetric, ASYMMETRIC, service(), undecided("not ours", "--client-certificate")),
        (
            "no certificate of the service",
            &asymmetric,
            ASYMMETRIC,
            client(),
            undecided("names a certificate that is not there", "(--certificate)"),
        ),
    ];
    for (case, exchanged, name, more, expected) in rows {
        let told = inspect(&octets(&exchanged.answer), &[held_to(&[policy(name)]), at(AT), more].concat());
        judge(case, &told, &expected);
    }
    // Where one alternative might believe it, it is not decided by the others.
    let several = |exchanged: &Exchanged, name: &str| {
        inspect(&octets(&exchanged.answer), &[held_to(&[policy(OVER_TLS), policy(name)]), at(AT)].concat())
    };
    judge("no request, of two alternatives", &several(&alone, ALONE), &undecided("not known", "--request"));
    judge("no context, of two alternatives", &several(&call, CONVERSATION), &undecided("not known", "--context"));
    // What is wrong whatever was asked needs no key.
    let fault = bare_fault(&alone);
    for (case, more) in [("a fault alone", vec![]), ("a fault whose request does not open", asked(&fault.request))] {
        let told = inspect(&octets(&fault.answer), &[held_to(&[policy(ALONE)]), at(AT), more].concat());
        judge(case, &told, &refused("a fault without security", "service's log"));
    }
    // A request that would be refused itself says nothing of its answer.
    let mixed = mixed_up(&Spoken::alike(ALONE, |policy| policy.supporting.clear()).call("hello"), &alone);
    judge(
        "a request that is refused",
        &held(&mixed, &[policy(ALONE)], &[]),
        &undecided("no user name token", "would be refused itself"),
    );
    // Not even one that opens by the client's own key.
    let open = Spoken::alike(ASYMMETRIC, |policy| policy.parts.signed.body = false).call("hello");
    judge(
        "a request that is refused, and an answer under certificates",
        &held(&mixed_up(&open, &asymmetric), &[policy(ASYMMETRIC)], &[]),
        &undecided("Body is not signed", "would be refused itself"),
    );
    // With what is wanting it is decided.
    for (case, exchanged, name, more) in [
        ("no request is needed in a conversation", &call, CONVERSATION, key),
        ("nor over the client's certificate", &asymmetric, ASYMMETRIC, [client(), service()].concat()),
        (
            "the service's certificate alone will do",
            &asymmetric,
            ASYMMETRIC,
            [client(), arguments(&["--certificate", &path("server.pem")])].concat(),
        ),
    ] {
        let told = inspect(&octets(&exchanged.answer), &[held_to(&[policy(name)]), at(AT), more].concat());
        let json = told.json();
        assert_eq!((told.status, json["outcome"].as_str().unwrap()), (Some(0), "taken"), "{case}: {json:#}");
        let assumed = json["policy"]["assumed"].to_string();
        assert!(assumed.contains("Its request is not given"), "{case}: {assumed}");
    }
    // Another conversation's key is none of this one's.
    let told = inspect(
        &octets(&call.answer),
        &[held_to(&[policy(CONVERSATION)]), at(AT), arguments(&["--context", &other_key])].concat(),
    );
    judge("another conversation", &told, &undecided("is not known here", "that are given are those of urn:uuid:other"));
}

/// What is given as the request and would be refused itself proves nothing of an answer; what it says of itself is compared all
/// the same.
#[test]
fn a_request_that_would_be_refused_decides_nothing() {
    let mut over_tls = Spoken::unlike(OVER_TLS, |_| (), &["server"]);
    let (one, other) = (over_tls.call("one"), over_tls.call("other"));
    let strange = |exchanged: &Exchanged| {
        let text = String::from_utf8(exchanged.request.body.clone()).unwrap();
        let end = text.rfind(":Security>").unwrap();
        let end = text[..end].rfind("</").unwrap();
        let body = format!("{}<x:X xmlns:x=\"urn:x\"/>{}", &text[..end], &text[end..]);
        HttpMessage { body: body.into_bytes(), ..exchanged.request.clone() }
    };
    let with = |request: &HttpMessage| {
        let all = [held_to(&[policy(OVER_TLS)]), asked(request), at(AT)];
        inspect(&octets(&one.answer), &all.concat())
    };
    let another = || refused("RelatesTo: names another message", "MessageID into RelatesTo");
    judge("another request", &with(&other.request), &another());
    judge("another request that is broken", &with(&strange(&other)), &another());
    judge(
        "its own that is broken",
        &with(&strange(&one)),
        &undecided("has a child that is not known", "would be refused itself"),
    );
    let sound = with(&one.request);
    assert_eq!((sound.status, sound.json()["outcome"].as_str().unwrap()), (Some(0), "taken"), "{}", sound.out);
    assert!(!sound.json()["policy"]["assumed"].to_string().contains("may answer another"), "{}", sound.out);
    // Where no header says which request it answers, or nobody vouches for that header, this is said.
    let text = String::from_utf8(one.answer.body.clone()).unwrap();
    let start = text.find("<a:RelatesTo").unwrap();
    let end = text.find("</a:RelatesTo>").unwrap() + "</a:RelatesTo>".len();
    let answer = HttpMessage { body: (text[..start].to_owned() + &text[end..]).into_bytes(), ..one.answer.clone() };
    let told = inspect(&octets(&answer), &[held_to(&[policy(OVER_TLS)]), asked(&one.request), at(AT)].concat());
    assert_eq!((told.status, told.json()["outcome"].as_str().unwrap()), (Some(0), "taken"), "{}", told.out);
    assert!(told.json()["policy"]["assumed"].to_string().contains("may answer another"), "{}", told.out);
}

/// Where its request is not known, which signatures an answer confirms is not known either: that it confirms some is looked at.
#[test]
fn an_answer_alone_must_confirm_something() {
    let alone = |spoken: &mut Spoken| {
        spoken.begin();
        let call = spoken.call("hello");
        let keys = arguments(&["--context", &spoken.key()]);
        inspect(&octets(&call.answer), &[held_to(&[confirming()]), keys, at(AT)].concat())
    };
    let told = alone(&mut Spoken::alike(CONVERSATION, confirm));
    let json = told.json();
    assert_eq!((told.status, json["outcome"].as_str().unwrap()), (Some(0), "taken"), "{json:#}");
    let told = alone(&mut Spoken::unlike(CONVERSATION, |_| (), &["server"]));
    judge(
        "no confirmation",
        &told,
        &refused("is missing, and the policy asks for one", "RequireSignatureConfirmation"),
    );
}

/// Without an instant an old answer is judged at its own, and what else is wrong with it is found all the same.
#[test]
fn without_an_instant_an_old_answer_is_judged_at_its_own() {
    let told = |exchanged: &Exchanged| {
        let all = [held_to(&[policy(ALONE)]), service(), asked(&exchanged.request), arguments(&["--json"])];
        inspect(&octets(&exchanged.answer), &all.concat())
    };
    let sound = told(&Spoken::unlike(ALONE, |_| (), &["server"]).call("hello"));
    let json = sound.json();
    // The clock of whoever runs this is before or behind it.
    assert_eq!((sound.status, json["outcome"].as_str().unwrap()), (Some(0), "taken"), "{json:#}");
    assert!(json["says"].to_string().contains("It would have been believed when it was made."), "{json:#}");
    let unsigned = Spoken::unlike(ALONE, |policy| policy.parts.signed.body = false, &["server"]).call("hello");
    judge("an old one that is broken", &told(&unsigned), &refused("Body is not signed", "Sign that part of answers"));
}

/// At an instant that is named a message which is too old then is refused, whatever else is wanting to decide, and so it is under
/// each alternative; without one its age is told.
#[test]
fn an_old_message_is_told_as_one_where_something_is_wanting() {
    let call = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    let user = arguments(&["--user", "alice:another"]);
    let later = at(AT + 86_400_000);
    let keys = [held_to(&[policy(ALONE)]), service()].concat();
    let told =
        |message: &HttpMessage, more: &[&[String]]| inspect(&octets(message), &[keys.clone(), more.concat()].concat());
    let known = held_to(&[policy(ALONE)]);
    let unkeyed = inspect(&octets(&call.answer), &[known, later.clone()].concat());
    judge("an answer without its request", &unkeyed, &refused("is stale at", "NTP"));
    for (case, more) in [("another password", vec![&user[..], &later[..]]), ("no user", vec![&later[..]])] {
        let told = told(&call.request, &more);
        judge(case, &told, &refused("is stale at", "NTP"));
        let alternative = &told.json()["policy"]["alternatives"][0];
        assert_eq!(alternative["outcome"], "refused", "{case}: {alternative}");
    }
    let answer = told(&call.answer, &[&asked(&call.request), &later]);
    judge("an old answer", &answer, &refused("is stale at", "NTP"));
    assert_eq!(answer.json()["policy"]["alternatives"][0]["outcome"], "refused");
    // The clock of whoever runs this is before or behind it.
    let now = told(&call.request, &[&arguments(&["--json"])]);
    judge("now", &now, &undecided("is not known by that password", "--user"));
    let says = now.json()["says"].to_string();
    assert!(says.contains("it is too old") || says.contains("it is from the future"), "{says}");
}

/// Without a policy it is said that a request opens nothing.
#[test]
fn a_request_without_a_policy_is_said_to_open_nothing() {
    let call = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    let all = [service(), asked(&call.request), arguments(&["--json"])].concat();
    let json = inspect(&octets(&call.answer), &all).json();
    assert_eq!(json["outcome"], "read");
    assert!(json["says"].to_string().contains("its key opens this one under a policy alone"), "{json:#}");
}

/// What is given as a request must be one.
#[test]
fn what_is_given_as_a_request_must_be_one() {
    let call = Spoken::unlike(ALONE, |_| (), &["server"]).call("hello");
    let with = |capture: &HttpMessage, request: &HttpMessage| {
        inspect(&octets(capture), &[held_to(&[policy(ALONE)]), service(), asked(request), at(AT)].concat())
    };
    let broken = HttpMessage { body: b"<a".to_vec(), ..call.request.clone() };
    let page =
        HttpMessage { headers: vec![("Content-Type".to_owned(), "text/html".to_owned())], ..call.request.clone() };
    for (case, told, why) in [
        ("a request looked at", with(&call.request, &call.request), "what is looked at is a request itself"),
        ("an answer as the request", with(&call.answer, &call.answer), "it is an answer itself"),
        ("half a request", with(&call.answer, &broken), "cannot be read as a SOAP message"),
        ("a page", with(&call.answer, &page), "a page of HTML"),
    ] {
        assert_eq!((told.status, told.out.contains("--request: ")), (Some(1), true), "{case}: {}", told.out);
        assert!(told.out.contains(why), "{case}: {}", told.out);
    }
}
