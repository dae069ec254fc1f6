//! SC: conversations: whose they are, how their keys are derived, and how they begin.

use std::sync::Arc;

use nuncio_crypto::derive;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{Policy, Token};
use nuncio_wss::{Context, Issue, Opened, Principal, Recipient, Refusal, Request};

use crate::ends::{Numbers, Pair, policy, soap};
use crate::forge::{
    Stage, WSSE, WSU, before, derived, edited, element, hmac, id, key_info, plain_keys, replaced, resigned, symmetric,
    within, without,
};

const CONVERSATION: &str = "wse-anonymousForCertificateSecurity-conversation";
const TLS: &str = "wcf-ws2007-userNameOverTransport-conversation";
const SC: &str = "http://schemas.xmlsoap.org/ws/2005/02/sc";

/// A conversation with nothing encrypted and no derived keys.
fn clear() -> Stage {
    Stage::of(CONVERSATION, |policy: &mut Policy| {
        policy.parts.encrypted.body = false;
        plain_keys(policy);
        // WSE's are never cancelled.
        if let Token::SecureConversation(token) = &mut symmetric(policy).protection {
            token.cancel = true;
        }
    })
}

/// Opens a text as the recipient of a pair, whichever context it names.
fn open(pair: &Pair, stage: &Stage, text: &str, context: Option<&Arc<Context>>) -> Result<Opened, Refusal> {
    pair.open(&stage.outbound, text.as_bytes().to_vec(), context)
}

/// Identifiers are random, in all the octets that a UUID leaves.
#[test]
fn sc_02_identifiers() {
    struct Constant(u8);
    impl nuncio_crypto::random::Random for Constant {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }
    let mut pair = Pair::new(&policy(CONVERSATION), soap(CONVERSATION)[0]);
    let mut issued = |random: &mut dyn nuncio_crypto::random::Random| {
        let (outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).unwrap();
        let opened = pair.open(&outbound, outbound.body.clone(), None).unwrap();
        Recipient::issue(opened, Principal::Anonymous, None, pair.now, random)
            .unwrap_or_else(|_| panic!("not issued"))
            .context
    };
    assert_eq!(issued(&mut Constant(0)).identifier.as_ref(), "urn:uuid:00000000-0000-4000-8000-000000000000");
    assert_eq!(issued(&mut Constant(255)).identifier.as_ref(), "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff");
    let mut numbers = Numbers(77);
    let (one, two) = (issued(&mut numbers), issued(&mut numbers));
    assert_ne!(one.identifier, two.identifier);
    assert_ne!(one.danger_key_octets(), two.danger_key_octets());
    assert_ne!(one.conversation, two.conversation);
    assert!(!one.identifier.contains(&one.conversation.to_string()));
}

/// Whoever has the identifier has nothing: every message is signed under the key, and names the one context it uses.
#[test]
fn sc_03_contexts_of_others() {
    let mut stage = clear();
    let (mine, theirs) = stage.contexts.clone().unwrap();
    let (other, others) = stage.pair.establish();
    assert_ne!(mine.identifier, other.identifier);
    // The other's name, signed under one's own key.
    let stolen = stage.text.replace(&*mine.identifier, &other.identifier);
    let refusal = open(&stage.pair, &stage, &stage.resigned(&stolen), Some(&others)).err().expect("refused");
    assert!(matches!(refusal, Refusal::Invalid(nuncio_xmlsec::Invalid::SignatureMismatch)), "{refusal}");
    let refusal = open(&stage.pair, &stage, &stolen, None).err().expect("refused");
    assert!(matches!(&refusal, Refusal::UnknownContext(name) if **name == *other.identifier), "{refusal}");
    // One's own name with another instance, or with an instance where there is none.
    let instance = "<c:Instance>urn:uuid:another</c:Instance>";
    let text = stage.resigned(&within(&stage.text, "Security/SecurityContextToken", instance));
    let not_its = "KeyReference(\"names another security context than the message's own\")";
    stage.refused("another instance", &text, not_its);
    // Two contexts in one message, the key of one and the name of the other.
    let token = element(&stage.text, "Security/SecurityContextToken").to_owned();
    let second = token
        .replace(&id(&stage.text, "Security/SecurityContextToken"), "second")
        .replace(&*mine.identifier, &other.identifier);
    stage.refused(
        "two contexts",
        &before(&stage.text, "Security/SecurityContextToken", &second),
        "TooMany { what: \"security context tokens\", limit: 1 }",
    );
    let by_name = key_info(&format!("<o:Reference URI=\"{}\"/>", other.identifier));
    let text = stage.resigned(&replaced(&stage.text, "Signature/KeyInfo", &by_name));
    stage.refused("the key of another", &text, not_its);
    // By the identifier as a fragment, as CXF's streaming engine has it: of the token in the message, or of none.
    let fragment = |identifier: &str| {
        let key_info = key_info(&format!("<o:Reference URI=\"#{identifier}\"/>"));
        stage.resigned(&replaced(&stage.text, "Signature/KeyInfo", &key_info))
    };
    open(&stage.pair, &stage, &fragment(&mine.identifier), Some(&theirs)).unwrap();
    let nothing = "KeyReference(\"names an id that nothing has\")";
    stage.refused("a fragment that identifies another", &fragment(&other.identifier), nothing);
    stage.refused(
        "no context token",
        &without(&stage.text, "Security/SecurityContextToken"),
        "KeyReference(\"names an id that nothing has\")",
    );

    // A cancel that nobody signed, that another signed, and that is about another.
    let (outbound, _) =
        stage.pair.initiator.cancel(&mine, stage.pair.now, &mut Numbers(4)).unwrap_or_else(|_| panic!("not sealed"));
    let cancel = String::from_utf8(outbound.body.clone()).unwrap();
    stage.outbound.content_type.clone_from(&outbound.content_type);
    assert_eq!(open(&stage.pair, &stage, &cancel, Some(&theirs)).unwrap().request(), Request::Cancel);
    let refusal =
        open(&stage.pair, &stage, &without(&cancel, "Security/Signature"), Some(&theirs)).err().expect("refused");
    assert!(matches!(refusal, Refusal::TokenMissing("signature by the protection token")), "{refusal}");
    let refusal = open(&stage.pair, &stage, &cancel, Some(&others)).err().expect("refused");
    assert!(matches!(refusal, Refusal::KeyReference(_)), "{refusal}");
    let target = element(&cancel, "CancelTarget").replace(&*mine.identifier, &other.identifier);
    let about = stage.resigned(&replaced(&cancel, "CancelTarget", &target));
    let opened = open(&stage.pair, &stage, &about, Some(&theirs)).unwrap();
    match Recipient::cancel(opened, stage.pair.now, &mut Numbers(4)) {
        Err(Issue::Refused { refusal: Refusal::TrustRequest(reason), .. }) => {
            assert_eq!(reason, "is about another context than the one that signed it");
        }
        _ => panic!("cancelled"),
    }
}

/// A derived key's numbers and texts are bounded before anything is computed.
#[test]
fn sc_05_numbers_of_derived_keys() {
    let stage = clear();
    let context = id(&stage.text, "Security/SecurityContextToken");
    let source = format!(
        "<o:SecurityTokenReference xmlns:o=\"{WSSE}\"><o:Reference URI=\"#{context}\"/></o:SecurityTokenReference>"
    );
    let nonce = |octets: usize| format!("<c:Nonce>{}</c:Nonce>", nuncio_crypto::base64::encode(&vec![7; octets]));
    let of = |children: &str| {
        format!("<c:DerivedKeyToken xmlns:c=\"{SC}\" xmlns:u=\"{WSU}\" u:Id=\"d\">{children}</c:DerivedKeyToken>")
    };
    let with = |children: &str| {
        let text = before(&stage.text, "Security/Signature", &of(&format!("{source}{children}")));
        stage.resigned(&replaced(&text, "Signature/KeyInfo", &key_info("<o:Reference URI=\"#d\"/>")))
    };
    let number = |local: &str, value: &str| format!("<c:{local}>{value}</c:{local}>");
    let fault = |fault: &str| format!("SecurityHeader {{ element: \"DerivedKeyToken\", fault: \"{fault}\" }}");
    let (long, far, great) = (
        "asks for a key too short or too long",
        "begins too far into the key stream",
        "has a number that is none, or far too great",
    );
    let sixteen = nonce(16);
    for (children, expected) in [
        (number("Length", "2147483647") + &sixteen, fault(great)),
        (number("Length", "999999999") + &sixteen, fault(long)),
        (number("Length", "65") + &sixteen, fault(long)),
        (number("Length", "15") + &sixteen, fault(long)),
        (number("Length", "0") + &sixteen, fault(long)),
        (number("Length", "-1") + &sixteen, fault(great)),
        (number("Length", "") + &sixteen, fault(great)),
        (number("Offset", "2147483647") + &sixteen, fault(great)),
        (number("Offset", "129") + &sixteen, fault(far)),
        (number("Offset", "999999999") + &sixteen, fault(far)),
        (number("Generation", "9223372036854775808") + &sixteen, fault(great)),
        (number("Generation", "999999999") + &sixteen, fault(far)),
        (number("Generation", "5") + &sixteen, fault(far)),
        (number("Generation", "3") + &number("Length", "64") + &sixteen, fault(far)),
        (number("Generation", "1") + &number("Offset", "0") + &sixteen, fault("has both a generation and an offset")),
        (number("Offset", "1") + &number("Offset", "1") + &sixteen, fault("has no nonce, or an element out of order")),
        (number("Length", "32") + &number("Offset", "0") + &sixteen, fault("has no nonce, or an element out of order")),
        (String::new(), fault("has no nonce, or an element out of order")),
        (sixteen.repeat(2), fault("has an element after its nonce")),
        (nonce(0), fault("has a nonce too short or too long")),
        (nonce(7), fault("has a nonce too short or too long")),
        (nonce(129), fault("has a nonce too short or too long")),
        (number("Label", &"x".repeat(129)) + &sixteen, fault("has too long a label")),
    ] {
        stage.refused(&children, &with(&children), &expected);
    }
    let no_source = before(&stage.text, "Security/Signature", &of(&sixteen));
    stage.refused("no source", &no_source, &fault("does not begin with a reference"));
    let other = of(&format!("{source}{sixteen}")).replacen(" u:Id", " Algorithm=\"urn:other\" u:Id", 1);
    stage.refused(
        "another derivation",
        &before(&stage.text, "Security/Signature", &other),
        &fault("names a derivation that is not known"),
    );
    let many: String =
        (0..7).map(|n| of(&format!("{source}{sixteen}")).replace("\"d\"", &format!("\"d{n}\""))).collect();
    stage.refused(
        "seven",
        &before(&stage.text, "Security/Signature", &many),
        "TooMany { what: \"derived key tokens\", limit: 6 }",
    );
    let very_many = ["", "e", "f", "g", "h"].map(|to| many.replace("u:Id=\"d", &format!("u:Id=\"d{to}"))).concat();
    stage.refused(
        "very many",
        &before(&stage.text, "Security/Signature", &very_many),
        "TooMany { what: \"children of the security header\", limit: 32 }",
    );
}

/// What a derived key token leaves out is what the specification says, and its source is this message's own context.
#[test]
fn sc_06_what_a_derived_key_token_leaves_out() {
    let stage = clear();
    let context = id(&stage.text, "Security/SecurityContextToken");
    let source = |reference: &str| {
        format!("<o:SecurityTokenReference xmlns:o=\"{WSSE}\">{reference}</o:SecurityTokenReference>")
    };
    let local = format!("<o:Reference URI=\"#{context}\"/>");
    let nonce = "<c:Nonce>AAECAwQFBgcICQoLDA0ODw==</c:Nonce>";
    let octets: Vec<u8> = (0..16).collect();
    let with = |reference: &str, children: &str| {
        let token = format!(
            "<c:DerivedKeyToken xmlns:c=\"{SC}\" xmlns:u=\"{WSU}\" u:Id=\"d\">{}{children}</c:DerivedKeyToken>",
            source(reference)
        );
        replaced(
            &before(&stage.text, "Security/Signature", &token),
            "Signature/KeyInfo",
            &key_info("<o:Reference URI=\"#d\"/>"),
        )
    };
    let signed = |text: &str, key: &Secret| resigned(text, |octets| hmac(key.expose(), octets));
    let key = |label: &[u8], range: std::ops::Range<usize>| {
        derive::derived_key(stage.key.expose(), label, &octets, range).unwrap_or_else(|_| panic!("too long"))
    };
    let default = b"WS-SecureConversationWS-SecureConversation";
    for (what, children, key) in [
        ("everything", nonce.to_owned(), key(default, 0..32)),
        ("a length", format!("<c:Length>24</c:Length>{nonce}"), key(default, 0..24)),
        ("an offset", format!("<c:Offset>16</c:Offset><c:Length>24</c:Length>{nonce}"), key(default, 16..40)),
        ("a generation", format!("<c:Generation>2</c:Generation><c:Length>24</c:Length>{nonce}"), key(default, 48..72)),
        ("a label", format!("<c:Length>24</c:Length><c:Label>label</c:Label>{nonce}"), key(b"label", 0..24)),
        ("an empty label", format!("<c:Length>24</c:Length><c:Label/>{nonce}"), key(default, 0..24)),
    ] {
        stage.accepted(what, &signed(&with(&local, &children), &key));
        let refusal = stage.open(&signed(&with(&local, &children), &stage.key)).err().expect("refused");
        assert!(matches!(refusal, Refusal::Invalid(nuncio_xmlsec::Invalid::SignatureMismatch)), "{what}: {refusal}");
    }
    let length = format!("<c:Length>24</c:Length>{nonce}");
    let text = with(&local, &length);
    assert!(derived(&text, "d", &stage.key).matches(key(default, 0..24).expose()));
    // Too short for the suite, though a derived key may be so long.
    let short = with(&local, &format!("<c:Length>16</c:Length>{nonce}"));
    stage.refused(
        "a short key",
        &signed(&short, &key(default, 0..16)),
        "KeyReference(\"signs with a shorter key than the suite's\")",
    );
    for foreign in ["urn:uuid:another", "http://example.com/"] {
        let text = with(&format!("<o:Reference URI=\"{foreign}\"/>"), &length);
        stage.refused(
            foreign,
            &signed(&text, &stage.key),
            "KeyReference(\"names another security context than the message's own\")",
        );
    }
}

/// A request for a context over TLS, in clear and unsigned: what a client may ask for.
fn asked(change: impl Fn(&str) -> String) -> Result<Context, Refusal> {
    let mut pair = Pair::new(&policy(TLS), soap(TLS)[0]);
    let (mut outbound, _) = pair.initiator.issue(pair.now, &mut pair.numbers).unwrap_or_else(|_| panic!("not sealed"));
    // HTTP need not name the action, and says nothing against one that is changed.
    outbound.content_type = outbound.content_type.split("; action=").next().unwrap_or_default().to_owned();
    let text = change(str::from_utf8(&outbound.body).unwrap());
    let opened = pair.open(&outbound, text.into_bytes(), None)?;
    match Recipient::issue(opened, Principal::User("alice".into()), None, pair.now, &mut pair.numbers) {
        Ok(issued) => Ok(issued.context),
        Err(Issue::Refused { refusal, .. }) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// Refused with a `TrustRequest` for that reason.
#[track_caller]
fn not_granted(what: &str, change: impl Fn(&str) -> String, reason: &str) {
    match asked(change) {
        Ok(_) => panic!("{what}: granted"),
        Err(Refusal::TrustRequest(found)) => assert_eq!(found, reason, "{what}"),
        Err(other) => panic!("{what}: {other}"),
    }
}

const RST: &str = "Body/RequestSecurityToken";

#[test]
fn sc_07_entropy_and_sizes() {
    assert_eq!(asked(str::to_owned).map(|context| context.danger_key_octets().len()).ok(), Some(32));
    not_granted(
        "no entropy",
        |text| without(text, "RequestSecurityToken/Entropy"),
        "has no entropy where the policy asks for it",
    );
    let entropy = |octets: usize| {
        move |text: &str| {
            let secret = element(text, "Entropy/BinarySecret").to_owned();
            let (start, end) = (secret.find('>').unwrap() + 1, secret.rfind("</").unwrap());
            text.replace(&secret[start..end], &nuncio_crypto::base64::encode(&vec![7; octets]))
        }
    };
    let unusable = "has entropy that cannot be used";
    for octets in [0, 1, 7, 15, 1000] {
        not_granted("entropy", entropy(octets), unusable);
    }
    assert!(asked(entropy(32)).is_ok());
    not_granted(
        "two entropies",
        |text| within(text, RST, &element(text, "RequestSecurityToken/Entropy").replace("Id=\"", "Id=\"x")),
        "has an element twice",
    );
    let size = |bits: &'static str| {
        move |text: &str| {
            let size = element(text, "RequestSecurityToken/KeySize").to_owned();
            let (start, end) = (size.find('>').unwrap() + 1, size.rfind("</").unwrap());
            replaced(text, "RequestSecurityToken/KeySize", &format!("{}{bits}{}", &size[..start], &size[end..]))
        }
    };
    for bits in ["0", "1", "8", "64", "257", "2147483647", "-256", "99999999999999999999", "", "256 bits"] {
        not_granted(bits, size(bits), "asks for a key of no sensible size");
    }
    for bits in ["128", "192", "512"] {
        not_granted(bits, size(bits), "asks for a key of another size than the suite's");
    }
    // Both sides have their say: the same entropy of the client's twice makes two keys.
    let (one, two) = (asked(entropy(32)), asked(entropy(32)));
    let key = |context: Result<Context, Refusal>| context.map(|context| context.danger_key_octets().to_vec()).ok();
    let (one, two) = (key(one), key(two));
    assert!(one.is_some() && one == two, "the same numbers");
    assert_ne!(one, Some(vec![7; 32]));
    // The answer's key is computed as is said, or not taken.
    let mut pair = Pair::new(&policy(TLS), soap(TLS)[0]);
    let (outbound, expectation) =
        pair.initiator.issue(pair.now, &mut pair.numbers).unwrap_or_else(|_| panic!("not sealed"));
    let opened = pair.open(&outbound, outbound.body.clone(), None).unwrap();
    let issued = Recipient::issue(opened, Principal::Anonymous, None, pair.now, &mut pair.numbers)
        .unwrap_or_else(|_| panic!("not issued"));
    let sound = String::from_utf8(issued.message.body.clone()).unwrap();
    let established = |text: &str| {
        let message = nuncio_wss::Message {
            content_type: issued.message.content_type,
            fault: false,
            body: text.as_bytes().to_vec(),
        };
        let opening = pair.answer(&message, &expectation)?;
        pair.initiator.established(&opening, &expectation, pair.now).map(|context| context.danger_key_octets().to_vec())
    };
    assert_eq!(established(&sound).unwrap(), issued.context.danger_key_octets());
    for (what, text) in [
        ("another computation", edited(&sound, "/CK/PSHA1", "/CK/HASH")),
        ("no entropy", without(&sound, "RequestSecurityTokenResponse/Entropy")),
        (
            "no sensible size",
            replaced(
                &sound,
                "RequestSecurityTokenResponse/KeySize",
                "<trust:KeySize xmlns:trust=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\">8</trust:KeySize>",
            ),
        ),
    ] {
        let refusal = established(&text).err().unwrap_or_else(|| panic!("{what}: taken"));
        assert!(matches!(refusal, Refusal::TrustResponse(_)), "{what}: {refusal}");
    }
}

#[test]
fn sc_08_what_a_request_may_ask_for() {
    let with = |more: &'static str| move |text: &str| within(text, RST, more);
    let trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
    let kind = |what: &'static str, to: &'static str| {
        move |text: &str| {
            let whole = element(text, &format!("RequestSecurityToken/{what}")).to_owned();
            let (start, end) = (whole.find('>').unwrap() + 1, whole.rfind("</").unwrap());
            text.replace(&whole, &format!("{}{to}{}", &whole[..start], &whole[end..]))
        }
    };
    for token in [
        "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0",
        "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/dk",
        "http://schemas.xmlsoap.org/ws/2005/02/sc/sct",
        "",
    ] {
        not_granted(token, kind("TokenType", token), "asks for a token that is no security context");
    }
    for verb in ["/Validate", "/Renew", "/Cancel"] {
        let full: &'static str = Box::leak(format!("{trust}{verb}").into_boxed_str());
        not_granted(verb, kind("RequestType", full), "has a type that is not that of its action");
    }
    // In somebody else's name: nobody here may.
    for delegation in [
        "<t:OnBehalfOf xmlns:t=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"/>",
        "<t:DelegateTo xmlns:t=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"/>",
        "<a:ActAs xmlns:a=\"http://docs.oasis-open.org/ws-sx/ws-trust/200802\"/>",
    ] {
        not_granted(delegation, with(delegation), "asks for a token in another's name");
    }
    // A long life is not the client's to give.
    let century = "<t:Lifetime xmlns:t=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"><u:Created xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">2026-12-01T00:00:00Z</u:Created><u:Expires xmlns:u=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd\">2126-12-01T00:00:00Z</u:Expires></t:Lifetime>";
    let context = asked(with(century)).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(context.expires.millis() - context.created.millis(), 3_600_000);
    // What renews is not what issues.
    let target = "<t:RenewTarget xmlns:t=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"/>";
    not_granted("a target of nothing", with(target), "has a target that is not one thing");
}

/// One generation a message: its action's.
#[test]
fn sc_09_generations_mixed() {
    let (old, new) =
        ("http://schemas.xmlsoap.org/ws/2005/02/trust", "http://docs.oasis-open.org/ws-sx/ws-trust/200512");
    let conversations = (SC, "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512");
    let body = |text: &str| {
        let whole = element(text, RST).to_owned();
        text.replace(&whole, &whole.replace(new, old))
    };
    not_granted("an old request under a new action", body, "is no request of the generation of its action");
    let action = |text: &str| {
        let whole = element(text, "Header/Action").to_owned();
        text.replace(&whole, &whole.replace(new, old))
    };
    not_granted("a new request under an old action", action, "is no request of the generation of its action");
    let all_but_the_kind = |text: &str| body(&action(text));
    not_granted("a new token in an old request", all_but_the_kind, "asks for a token that is no security context");
    let kinds = |text: &str| {
        let whole = element(text, "RequestSecurityToken/TokenType").to_owned();
        text.replace(&whole, &whole.replace(conversations.1, conversations.0))
    };
    not_granted("an old token in a new request", kinds, "asks for a token that is no security context");

    let stage = clear();
    let token = element(&stage.text, "Security/SecurityContextToken").to_owned();
    let newer = stage.resigned(&stage.text.replace(&token, &token.replace(conversations.0, conversations.1)));
    stage.refused(
        "a context of the other generation",
        &newer,
        "KeyReference(\"names a security context in another generation than its own\")",
    );
}
