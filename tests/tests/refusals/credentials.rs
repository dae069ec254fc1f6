//! Who may not come: by password, by certificate, by security context.

use nuncio::config::StoreLimits;
use nuncio_policy::model::{Addressing, PasswordKind, Policy, Token};
use nuncio_wss::{Class, HttpFacts};

use crate::bench::{
    ALICE, Bench, CONVERSATION, MINUTE, NOW, PER_MESSAGE, WSSE, Who, edited, message, range, text, with_body,
};

const WRONG: Who = Who { password: "looking-glass-1871", ..ALICE };
const MALLORY: Who = Who { user: "mallory", ..ALICE };
const STRANGER: Who = Who { keys: "stranger", ..ALICE };

#[test]
fn a_wrong_password() {
    for name in [PER_MESSAGE, "wcf-wshttp-userNameForCertificate", "wcf-ws2007-userNameOverTransport"] {
        let mut bench = Bench::new(name);
        bench.keep(WRONG.password);
        let request = bench.request_by(&bench.as_who(&WRONG), "x");
        bench.refuse(name, &request, Class::FailedAuthentication, "user \"alice\" is not known by that password");
    }
}

#[test]
fn a_refusal_is_addressed_as_the_alternative_that_is_served() {
    let bench = Bench::second_to(PER_MESSAGE, |policy| policy.addressing = Addressing::August2004);
    let request = bench.request_by(&bench.as_who(&WRONG), "x");
    let reason = "user \"alice\" is not known by that password";
    bench.refuse("an alternative", &request, Class::FailedAuthentication, reason);
}

/// Passwords come hashed.
fn hashed(policy: &mut Policy) {
    for supporting in &mut policy.supporting {
        if let Token::Username(token) = &mut supporting.token {
            token.password = PasswordKind::Digest;
        }
    }
}

/// A hash is made with the password or it is none; a password in clear is not what was asked for.
#[test]
fn tk_02_a_hash_of_a_wrong_password() {
    for name in [PER_MESSAGE, "wcf-ws2007-userNameOverTransport"] {
        let mut bench = Bench::changed(name, hashed);
        bench.keep(WRONG.password);
        bench.honest("a hashed password");
        for who in [&WRONG, &MALLORY] {
            let request = bench.request_by(&bench.as_who(who), "x");
            let reason = format!("user \"{}\" is not known by that password", who.user);
            bench.refuse(name, &request, Class::FailedAuthentication, &reason);
        }
        let reason = "security header: Password: is not of the kind that the policy asks for";
        let clear = |policy: &mut Policy| {
            for supporting in &mut policy.supporting {
                if let Token::Username(token) = &mut supporting.token {
                    token.password = PasswordKind::Text;
                }
            }
        };
        let request = bench.request_by(&bench.misled(clear), "x");
        bench.refuse("a password in clear", &request, Class::InvalidSecurity, reason);
    }
}

/// The nonce of a hash is good once, whatever it comes with, for as long as its time is fresh; and both must be there.
#[test]
fn tk_02_a_hash_that_was_seen() {
    let bench = Bench::changed("wcf-ws2007-userNameOverTransport", hashed);
    let first = bench.request("first");
    bench.pass(&first);
    let body = |text: &str| edited(&first, "first", text);
    bench.refuse("another body", &body("second"), Class::InvalidSecurity, "the message was seen before");
    bench.gateway.set_clock(NOW + 5 * MINUTE);
    bench.refuse("later", &body("third"), Class::InvalidSecurity, "the message was seen before");

    let bench = Bench::changed("wcf-ws2007-userNameOverTransport", hashed);
    let request = bench.request("x");
    let reason = "security header: Password: is hashed without a nonce and a time of creation";
    for part in ["Nonce", "Created"] {
        let mut text = text(&request).to_owned();
        text.replace_range(range(&request, "UsernameToken", part), "");
        bench.refuse(part, &with_body(&request, text), Class::InvalidSecurity, reason);
    }
}

#[test]
fn an_unknown_user() {
    for name in [PER_MESSAGE, "wcf-ws2007-userNameOverTransport"] {
        let bench = Bench::new(name);
        let request = bench.request_by(&bench.as_who(&MALLORY), "x");
        bench.refuse(name, &request, Class::FailedAuthentication, "user \"mallory\" is not known by that password");
    }
}

#[test]
fn a_wrong_password_begins_no_conversation() {
    let mut bench = Bench::new(CONVERSATION);
    bench.keep(WRONG.password);
    let (outbound, _) = bench.as_who(&WRONG).issue(bench.now(), &mut bench.numbers.clone()).unwrap();
    let reason = "user \"alice\" is not known by that password";
    bench.refuse("an RST", &message(&outbound), Class::FailedAuthentication, reason);
}

#[test]
fn a_certificate_that_is_not_trusted() {
    for name in ["wcf-ws2007-mutualCertificate", "wcf-ws2007-certificateOverTransport"] {
        let bench = Bench::new(name);
        let request = bench.request_by(&bench.as_who(&STRANGER), "x");
        let cause = "the certificate is neither pinned nor issued under a configured root";
        let reason = format!("certificate of \"CN=nuncio-test-stranger,O=Test only\": {cause}");
        bench.refuse(name, &request, Class::FailedAuthentication, &reason);
    }
}

#[test]
fn a_context_of_another_gateway() {
    for name in [CONVERSATION, "wcf-ws2007-userNameOverTransport-conversation"] {
        let (bench, mut other) = (Bench::new(name), Bench::new(name));
        // Both draw the same numbers: only the second conversation is another one.
        other.establish();
        let identifier = other.context.as_ref().unwrap().identifier.clone();
        let reason = format!("security context \"{identifier}\" is not known here");
        bench.refuse(name, &other.request("x"), Class::BadContextToken, &reason);
    }
}

#[test]
fn a_context_that_was_cancelled() {
    for name in [CONVERSATION, "wcf-ws2007-userNameOverTransport-conversation"] {
        let mut bench = Bench::new(name);
        let context = bench.context.clone().unwrap();
        let late = bench.request("x");
        let (cancel, _) = bench.client.cancel(&context, bench.now(), &mut bench.numbers.clone()).unwrap();
        assert_eq!(bench.send(&message(&cancel)).status(), Some(200), "{:?}", bench.gateway.take_log());
        assert!(bench.backend.take().is_empty());
        bench.establish();
        let reason = format!("security context \"{}\" is not known here", context.identifier);
        bench.refuse(name, &late, Class::BadContextToken, &reason);
        bench.refuse(name, &message(&cancel), Class::BadContextToken, &reason);
    }
}

#[test]
fn a_context_that_has_expired() {
    let mut bench = Bench::new(CONVERSATION);
    let context = bench.context.clone().unwrap();
    bench.honest("its first millisecond");
    bench.gateway.set_clock(NOW + 10 * 60 * MINUTE - 1);
    bench.honest("its last millisecond");
    bench.gateway.set_clock(NOW + 10 * 60 * MINUTE);
    let (sealed, expectation) = bench.seal(&bench.client, "x");
    let sealed = message(&sealed);
    let mut forged = sealed.clone();
    let at = String::from_utf8_lossy(&forged.body).find("CipherValue>").unwrap() + "CipherValue>".len();
    forged.body[at] = if forged.body[at] == b'A' { b'B' } else { b'A' };
    bench.establish();
    // Who has its key is told under it, and nobody else is.
    let reason = format!("security context {} has expired", context.identifier);
    let answer = bench.refused("an expired context", &sealed, &reason);
    let http = HttpFacts { content_type: answer.content_type(), soap_action: None };
    let opening = bench.client.open(&http, answer.body.clone(), &expectation, bench.now()).unwrap();
    assert!(answer.status() == Some(500) && opening.needs_renewal(), "{answer:?}");
    let reason = "the decrypted text does not fit: not UTF-8";
    bench.refuse("an expired context, by another", &forged, Class::InvalidSecurity, reason);
    bench.gateway.set_clock(NOW + 10 * 60 * MINUTE + 5 * MINUTE);
    let late = bench.request_in(&context, "x");
    let reason = format!("security context \"{}\" is not known here", context.identifier);
    bench.refuse("a context that expired long ago", &late, Class::BadContextToken, &reason);
}

/// Clients that renew when they notice that their context has expired, as CXF's do, still can.
#[test]
fn a_context_that_has_expired_is_renewed() {
    let bench = Bench::new(CONVERSATION);
    let context = bench.context.clone().unwrap();
    bench.honest("a conversation that is used");
    for (late, status) in [(5 * MINUTE - 1, 200), (5 * MINUTE, 500)] {
        bench.gateway.set_clock(NOW + 10 * 60 * MINUTE + late);
        let (outbound, _) = bench.client.renew(&context, bench.now(), &mut bench.numbers.clone()).unwrap();
        assert_eq!(bench.send(&message(&outbound)).status(), Some(status), "{late}");
    }
}

#[test]
fn a_cancel_of_anothers_context() {
    let mut bench = Bench::new(CONVERSATION);
    let first = bench.context.clone().unwrap();
    bench.establish();
    cancel_of_another(&bench, &first.identifier);
    bench.context = Some(first);
    bench.honest("a cancel by somebody else");
}

/// Its sender is known, and gets a signed fault; both conversations go on.
fn cancel_of_another(bench: &Bench, target: &str) {
    const TRUST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    let context = bench.context.as_ref();
    let request = format!(
        "<t:RequestSecurityToken xmlns:t=\"{TRUST}\"><t:RequestType>{TRUST}/Cancel</t:RequestType>\
         <t:CancelTarget><o:SecurityTokenReference xmlns:o=\"{WSSE}\"><o:Reference URI=\"{target}\" \
         ValueType=\"http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/sct\"></o:Reference>\
         </o:SecurityTokenReference></t:CancelTarget></t:RequestSecurityToken>"
    );
    let plain = bench.plain(&request).into_bytes();
    let action = format!("{TRUST}/RST/SCT/Cancel");
    let sealed = bench.client.seal(plain, &action, context, bench.now(), &mut bench.numbers.clone());
    let (outbound, _) = sealed.unwrap();
    let reason = "trust request: is about another context than the one that signed it";
    let answer = bench.refused("a cancel", &message(&outbound), reason);
    assert_eq!(answer.status(), Some(500));
    let told = text(&answer);
    assert!(told.contains("<SignatureValue>") && told.contains(":InvalidRequest<"), "{told}");
    bench.honest("a cancel of another");
}

#[test]
fn a_context_that_nobody_used() {
    for name in [CONVERSATION, "wcf-ws2007-userNameOverTransport-conversation"] {
        let mut bench = Bench::new(name);
        let identifier = bench.context.as_ref().unwrap().identifier.clone();
        bench.gateway.set_clock(NOW + 2 * MINUTE);
        let reason = format!("security context \"{identifier}\" is not known here");
        let late = bench.request("x");
        bench.refused(name, &late, &reason);
        // One that was used, at the last moment, has its whole life.
        bench.establish();
        bench.gateway.set_clock(NOW + 4 * MINUTE - 1);
        bench.honest("one of two minutes");
        bench.gateway.set_clock(NOW + 60 * MINUTE);
        bench.honest("one of an hour");
    }
}

#[test]
fn one_context_more_than_a_share() {
    // Room for many, and for one of each.
    let stores = StoreLimits { principal_bytes: 850, ..StoreLimits::default() };
    let bench = Bench::keeping(CONVERSATION, stores);
    bench.honest("from now on it is in use, and makes no room");
    let (outbound, expectation) = bench.client.issue(bench.now(), &mut bench.numbers.clone()).unwrap();
    let answer =
        bench.refused("a share", &message(&outbound), "the caller's share of the store of conversations is full");
    let facts = HttpFacts { content_type: answer.content_type(), soap_action: None };
    let opening = bench.client.open(&facts, answer.body.clone(), &expectation, bench.now());
    let opening = opening.unwrap_or_else(|refusal| panic!("{refusal}"));
    let plain = String::from_utf8(opening.plain().body).unwrap();
    assert!(opening.is_fault() && plain.contains("too busy"), "{plain}");
    bench.honest("what lives, lives on");
}
