use nuncio_crypto::random::Random;
use nuncio_policy::preset;
use nuncio_wss::{
    Answer, Freshness, Holder, HttpFacts, Initiator, InitiatorSettings, Issued, PolicyReading, Principal, Recipient,
    RecipientSettings, Refusal, Transport,
};

use super::*;
use crate::config::MessageLimits;
use crate::keyring;
use crate::random::Entropy;

const ROUTE: &str = "/echo";
const HOUR: Duration = Duration::from_hours(1);
const LIMITS: CookieLimits = CookieLimits { opened: 1 << 20, hot: 16, cuts: 8000 };

fn at(hour: i64) -> Time {
    Time::from_millis(hour * 3_600_000)
}

/// A ring of keys that are named by a letter, of which their octets are made; from one hour until another.
fn ring(epoch: u64, keys: &[(char, i64, Option<i64>)]) -> KeyRing {
    let keys = keys.iter().map(|(name, activate, retire)| {
        let key = nuncio_crypto::base64::encode(&[*name as u8; 32]);
        let retire = retire.map_or_else(String::new, |retire| format!(", retire: '{}'", at(retire)));
        format!("- {{ id: {name}, key: {key}, activate: '{}'{retire} }}\n", at(*activate))
    });
    let yaml = format!("epoch: {epoch}\nkeys:\n{}", keys.collect::<String>());
    keyring::read("ring.yaml", yaml.as_bytes()).unwrap()
}

/// A process that has that ring.
fn process(ring: KeyRing) -> Cookies {
    Cookies::new(Arc::new(Keys::new(ring)), LIMITS)
}

fn one() -> Cookies {
    process(ring(1, &[('a', 0, None)]))
}

/// The two ends of a conversation, which begins with a user's name over TLS.
struct Ends {
    recipient: Arc<Recipient>,
    initiator: Initiator,
}

impl Ends {
    fn new() -> Self {
        let preset = preset::named("wcf-ws2007-userNameOverTransport-conversation").unwrap();
        let freshness = Freshness { skew: HOUR, window: HOUR };
        let recipient = Recipient::new(RecipientSettings {
            alternatives: vec![preset.policy.clone()],
            soap: preset.soap[0],
            operations: Vec::new(),
            credentials: Vec::new(),
            trust: nuncio_crypto::trust::Trust::new(Vec::new()).unwrap(),
            passwords: None,
            addresses: Vec::new(),
            freshness,
            message_lifetime: HOUR,
            context_lifetime: HOUR * 10,
            context_jitter: 0,
            forward_addressing: false,
            limits: MessageLimits::default().message(),
        });
        let initiator = Initiator::new(InitiatorSettings {
            alternatives: vec![preset.policy],
            soap: preset.soap[0],
            operations: Vec::new(),
            service: None,
            username: Some(("alice".to_owned(), "wonderland-1865".to_owned())),
            credential: None,
            to: "https://service.example/echo".to_owned(),
            reading: PolicyReading::default(),
            freshness,
            message_lifetime: HOUR,
            limits: MessageLimits::default().message(),
        });
        Self { recipient: recipient.unwrap(), initiator: initiator.unwrap() }
    }

    /// A context that `principal` got at `now`, and lasts ten hours; and the initiator's own.
    fn begin(&self, principal: Principal, cookies: Option<&Cookies>, now: Time) -> (Context, Context) {
        let mut random = Entropy::system().draw();
        let (outbound, expectation) = self.initiator.issue(now, &mut random).unwrap();
        let http = HttpFacts { content_type: &outbound.content_type, soap_action: None };
        let received = self.recipient.read(&http, outbound.body).unwrap();
        let opened = self.recipient.open(received, None, Transport::Secure, now).unwrap();
        let seal = |context: &Context, random: &mut dyn Random| {
            Ok(cookies.map_or_else(|| Ok(Vec::new()), |cookies| cookies.seal(ROUTE, context, now, random))?)
        };
        let issued = Recipient::issue(opened, principal, Some(&seal), now, &mut random).unwrap_or_else(|_| panic!());
        let Issued { context, message, .. } = issued;
        let http = HttpFacts { content_type: message.content_type, soap_action: None };
        let opening = self.initiator.open(&http, message.body, &expectation, now).unwrap();
        (context, self.initiator.established(&opening, &expectation, now).unwrap())
    }
}

fn user(name: &str) -> Principal {
    Principal::User(name.into())
}

fn holder(subject: &str, issuer: &str) -> Principal {
    Principal::Certificate(Holder { subject: subject.into(), issuer: issuer.into(), thumbprint: [7; 20] })
}

pub(crate) fn context(principal: Principal, now: Time) -> Context {
    Ends::new().begin(principal, None, now).0
}

/// A context, its name and its cookie.
fn sealed(cookies: &Cookies, principal: Principal, now: Time) -> (Context, String, Vec<u8>) {
    let context = context(principal, now);
    let cookie = cookies.seal(ROUTE, &context, now, &mut Entropy::system().draw()).unwrap();
    let name = context.name();
    (context, name, cookie)
}

/// Through two processes that know nothing of one another but the ring.
#[test]
fn a_conversation_goes_on_wherever_its_cookie_is_brought() {
    let (ends, processes) = (Ends::new(), [one(), one()]);
    let (theirs, ours) = ends.begin(user("alice"), Some(&processes[0]), at(1));
    let ours = Arc::new(ours);
    for (now, process) in (1..7).map(at).zip(processes.iter().cycle()) {
        let plain = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><e xmlns=\"urn:e\"/></s:Body>\
                     </s:Envelope>";
        let mut random = Entropy::system().draw();
        let sealed = ends.initiator.seal(plain.into(), "urn:e/E", Some(&ours), now, &mut random);
        let (outbound, expectation) = sealed.unwrap();
        let http = HttpFacts { content_type: &outbound.content_type, soap_action: None };
        let received = ends.recipient.read(&http, outbound.body).unwrap();
        let (name, cookie) = (received.context().unwrap(), received.cookie().unwrap());
        let found = process.find(ROUTE, name, cookie.as_deref(), now).unwrap();
        assert_eq!((found.name(), found.conversation), (theirs.name(), theirs.conversation));
        assert_eq!((&found.principal, found.expires), (&theirs.principal, theirs.expires));
        let opened = ends.recipient.open(received, Some(found), Transport::Secure, now).unwrap();
        let answer = Answer::Envelope(opened.plain().body);
        let (message, _) = opened.into_reply().seal(answer, now, &mut random).unwrap();
        let http = HttpFacts { content_type: message.content_type, soap_action: None };
        ends.initiator.open(&http, message.body, &expectation, now).unwrap();
    }
}

/// Whatever is wrong with it: there is no context, and nothing more is told.
#[test]
fn tk_12_what_is_changed_cut_or_longer_is_none() {
    let cookies = one();
    let (_, name, cookie) = sealed(&cookies, user("alice"), at(1));
    // With it opened before and not: what was opened is no answer for another cookie.
    for cookies in [one(), cookies] {
        let _ = cookies.find(ROUTE, &name, Some(&cookie), at(1)).unwrap();
        let refused = |wrong: &[u8], what: &dyn std::fmt::Debug| {
            assert!(cookies.find(ROUTE, &name, Some(wrong), at(1)).is_none(), "{what:?}");
            assert!(one().find(ROUTE, &name, Some(wrong), at(1)).is_none(), "{what:?}");
        };
        for bit in 0..cookie.len() * 8 {
            let mut changed = cookie.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            refused(&changed, &bit);
        }
        for length in 0..cookie.len() {
            refused(&cookie[..length], &length);
        }
        for more in [1, 16, MAX_COOKIE - cookie.len(), MAX_COOKIE, 1 << 20] {
            refused(&[&cookie[..], &vec![0; more]].concat(), &more);
        }
        refused(&cookie.repeat(2), &"twice");
        assert!(cookies.find(ROUTE, &name, Some(&cookie), at(1)).is_some(), "and the right one is as it was");
    }
    // All of them are one refusal.
    assert_eq!(Refusal::UnknownContext(name).class(), nuncio_wss::Class::BadContextToken);
}

#[test]
fn tk_12_what_belongs_elsewhere_is_none() {
    let here = one();
    let (alice, name, cookie) = sealed(&here, user("alice"), at(1));
    let (_, other, others) = sealed(&here, user("alice"), at(1));
    assert!(process(ring(1, &[('b', 0, None)])).find(ROUTE, &name, Some(&cookie), at(1)).is_none(), "another key");
    // The same name for another key.
    let renamed = "epoch: 1\nkeys:\n- { id: a, key: YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI= }\n";
    let renamed = process(keyring::read("ring.yaml", renamed.as_bytes()).unwrap());
    assert!(renamed.find(ROUTE, &name, Some(&cookie), at(1)).is_none(), "another cluster's");
    let instance = format!("{name} urn:uuid:1");
    for (scope, name, cookie) in [
        ("/other", &name, &cookie),
        ("", &name, &cookie),
        (ROUTE, &other, &cookie),
        (ROUTE, &name, &others),
        (ROUTE, &instance, &cookie),
        (ROUTE, &String::new(), &cookie),
    ] {
        assert!(here.find(scope, name, Some(cookie), at(1)).is_none(), "{scope} {name}");
    }
    // What was sealed for another use, and another's record under this name.
    let (ring, mut random) = (here.keys.ring(), Entropy::system().draw());
    let record = alice.record().unwrap();
    for (purpose, scope, sealed_for) in
        [("session", ROUTE, &name), (PURPOSE, ROUTE, &other), (PURPOSE, "/other", &name)]
    {
        let binding = Binding { purpose, scope, name: sealed_for.as_bytes() };
        let cookie = ring.seal(&record, binding, at(1), &mut random).unwrap();
        assert!(here.find(ROUTE, sealed_for, Some(&cookie), at(1)).is_none(), "{purpose} {scope} {sealed_for}");
    }
    let garbage = ring.seal(b"no record", binding(ROUTE, &name), at(1), &mut random).unwrap();
    assert!(here.find(ROUTE, &name, Some(&garbage), at(1)).is_none());
    assert!(here.find(ROUTE, &name, Some(&cookie), at(1)).is_some());
}

/// A nonce that comes twice tells that two records are the same, and nothing else.
#[test]
fn tk_12_a_nonce_that_comes_twice_does_no_harm() {
    struct Stuck;
    impl Random for Stuck {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(7);
        }
    }
    let cookies = one();
    let contexts = [user("alice"), user("carol")].map(|principal| context(principal, at(1)));
    let [alice, carol] = contexts.each_ref().map(|context| cookies.seal(ROUTE, context, at(1), &mut Stuck).unwrap());
    assert_eq!(cookies.seal(ROUTE, &contexts[0], at(1), &mut Stuck).unwrap(), alice);
    let [one, two] = contexts.each_ref().map(|context| context.record().unwrap());
    let begin = alice.len() - one.len() - 16;
    assert_eq!(alice[..begin], carol[..begin], "the same key and nonce");
    let apart = |one: &[u8], two: &[u8]| one.iter().zip(two).map(|(one, two)| one ^ two).collect::<Vec<_>>();
    let (texts, sealed) = (apart(&one, &two), apart(&alice[begin..], &carol[begin..]));
    assert_ne!(texts[..64], sealed[..64], "it is no key stream");
    let (head, tail) = (&alice[..alice.len() - 16], &carol[carol.len() - 16..]);
    for context in &contexts {
        assert!(cookies.find(ROUTE, &context.name(), Some(&[head, tail].concat()), at(1)).is_none(), "another's tag");
    }
}

#[test]
fn tk_12_it_ends_with_its_context() {
    let cookies = one();
    let (context, name, cookie) = sealed(&cookies, user("alice"), at(1));
    assert_eq!(context.expires, at(11));
    let last = context.expires.minus(Duration::from_millis(1));
    assert!(cookies.find(ROUTE, &name, Some(&cookie), last).is_some());
    for brought in [Some(&*cookie), None] {
        assert!(cookies.find(ROUTE, &name, brought, last).is_some());
        assert!(cookies.find(ROUTE, &name, brought, context.expires).is_none());
        assert!(one().find(ROUTE, &name, brought, context.expires).is_none());
    }
}

#[test]
fn tk_12_what_was_cut_is_none() {
    let people = [user("alice"), user("carol"), holder("CN=alice", "CN=ca"), holder("CN=bob", "CN=ca")];
    let nobody = Principal::Anonymous;
    let all = || people.iter().chain([&nobody, &holder("CN=alice", "CN=other")]).cloned().collect::<Vec<_>>();
    let of = |principal, issuer| Cut::Of { principal, issuer };
    for (cut, whose) in [
        (of(Some("alice"), None), vec![0]),
        (of(Some("CN=alice"), None), vec![2, 5]),
        (of(None, Some("CN=ca")), vec![2, 3]),
        (of(Some("CN=alice"), Some("CN=ca")), vec![2]),
        (of(Some("alice"), Some("CN=ca")), vec![]),
        (of(Some(""), None), vec![]),
        (of(None, Some("")), vec![]),
        (of(None, None), vec![]),
    ] {
        let (here, there) = (one(), one());
        let begun: Vec<_> = all().into_iter().map(|principal| sealed(&here, principal, at(1))).collect();
        // Half of them are known here.
        for (_, name, cookie) in begun.iter().step_by(2) {
            assert!(here.find(ROUTE, name, Some(cookie), at(2)).is_some());
        }
        let known = whose.iter().filter(|at| *at % 2 == 0).count();
        assert_eq!(here.cut(cut, at(12), at(2)), Ok(known), "{cut:?}");
        for (at_, (context, name, cookie)) in begun.iter().enumerate() {
            let is_cut = whose.contains(&at_);
            assert_eq!(here.find(ROUTE, name, Some(cookie), at(3)).is_none(), is_cut, "{cut:?} {at_}");
            assert_eq!(here.is_cut(context), is_cut);
            assert!(there.find(ROUTE, name, Some(cookie), at(3)).is_some(), "nobody told the other process");
        }
        for (_, name, cookie) in all().into_iter().map(|principal| sealed(&here, principal, at(4))) {
            assert!(
                here.find(ROUTE, &name, Some(&cookie), at(4)).is_some(),
                "{cut:?}: what is begun afterwards is another"
            );
        }
    }
}

#[test]
fn tk_12_one_conversation_is_cut_by_its_number() {
    let here = one();
    let (context, name, cookie) = sealed(&here, user("alice"), at(5));
    let (_, other, others) = sealed(&here, user("alice"), at(5));
    // By a clock that is behind the one it was begun by.
    assert_eq!(here.cut(Cut::Conversation(context.conversation), at(16), at(4)), Ok(0));
    assert!(here.find(ROUTE, &name, Some(&cookie), at(5)).is_none());
    assert!(here.find(ROUTE, &other, Some(&others), at(5)).is_some());
    assert!(here.find(ROUTE, &name, None, at(5)).is_none());
}

/// A list that is full says so; what is over makes room.
#[test]
fn the_list_of_what_was_cut_is_bounded() {
    let cookies = Cookies::new(Arc::new(Keys::new(ring(1, &[('a', 0, None)]))), CookieLimits { cuts: 800, ..LIMITS });
    let (_, name, cookie) = sealed(&cookies, user("user 3"), at(1));
    let cut = |number: usize, now| {
        let name = format!("user {number}");
        cookies.cut(Cut::Of { principal: Some(&name), issuer: None }, at(20), now)
    };
    for number in 0..10 {
        assert_eq!(cut(number, at(2)), Ok(0));
    }
    assert_eq!(cut(10, at(2)), Err(CutsFull));
    assert_eq!(cut(3, at(2)), Ok(0), "it is there already");
    assert!(cookies.find(ROUTE, &name, Some(&cookie), at(3)).is_none());
    assert_eq!(cut(10, at(19)), Err(CutsFull));
    assert_eq!(cut(10, at(20)), Ok(0));
}

#[test]
fn tk_12_a_cookie_has_two_kibibytes_at_most() {
    let cookies = one();
    let (_, name, cookie) = sealed(&cookies, holder(&"s".repeat(600), &"i".repeat(600)), at(1));
    assert!(cookie.len() <= MAX_COOKIE && cookies.find(ROUTE, &name, Some(&cookie), at(1)).is_some());
    for long in [holder(&"s".repeat(700), &"i".repeat(700)), user(&"u".repeat(70_000))] {
        let context = context(long, at(1));
        let sealed = cookies.seal(ROUTE, &context, at(1), &mut Entropy::system().draw());
        assert_eq!(sealed, Err(NoCookie::TooLong));
    }
    let (_, _, cookie) = sealed(&cookies, user("alice"), at(1));
    assert!(cookie.len() < 300, "{}", cookie.len());
}

/// A message that names its context without its token finds what was opened lately, on its route, and nothing else.
#[test]
fn a_reference_finds_what_was_opened_lately() {
    let cookies = one();
    let (_, name, cookie) = sealed(&cookies, user("alice"), at(1));
    let minutes = |minutes| at(1).plus(Duration::from_mins(minutes));
    let find = |cookie: Option<&[u8]>, now| cookies.find(ROUTE, &name, cookie, now);
    assert!(find(None, at(1)).is_none());
    let first = find(Some(&cookie), at(1)).unwrap();
    for now in [0, 9, 18] {
        for brought in [None, Some(&*cookie)] {
            assert!(Arc::ptr_eq(&first, &find(brought, minutes(now)).unwrap()), "opened once");
        }
    }
    assert!(cookies.find("/other", &name, None, minutes(18)).is_none());
    assert!(cookies.find(ROUTE, "urn:uuid:1", None, minutes(18)).is_none());
    assert!(find(None, minutes(28)).is_none(), "it was not used for ten minutes");
    assert!(!Arc::ptr_eq(&first, &find(Some(&cookie), minutes(28)).unwrap()), "and is opened again");
}

/// What is kept opened is bounded: what has no room is opened each time.
#[test]
fn what_has_no_room_is_opened_each_time() {
    let cookies =
        Cookies::new(Arc::new(Keys::new(ring(1, &[('a', 0, None)]))), CookieLimits { opened: 2000, ..LIMITS });
    let all: Vec<_> = (0..20).map(|_| sealed(&cookies, user("alice"), at(1))).collect();
    for (_, name, cookie) in &all {
        assert!(cookies.find(ROUTE, name, Some(cookie), at(1)).is_some());
    }
    let census = cookies.opened().census(at(1));
    assert!((1..10).contains(&census.conversations) && census.octets <= 2000, "{census:?}");
    for (_, name, cookie) in &all {
        assert!(cookies.find(ROUTE, name, Some(cookie), at(1)).is_some());
    }
}

/// Row F-36: whichever of two machines gets each ring first, and however long the other is behind.
#[test]
fn f_36_a_farm_changes_its_key_in_two_steps_without_a_refusal() {
    let rings = || {
        [
            ring(1, &[('a', 0, None)]),
            ring(2, &[('a', 0, None), ('b', 3, None)]),
            ring(3, &[('a', 0, Some(14)), ('b', 3, None)]),
        ]
    };
    for first in [0, 1] {
        let farm = [(); 2].map(|()| process(ring(1, &[('a', 0, None)])));
        let mut begun = Vec::new();
        for (step, hour) in [(0, 1), (1, 2), (2, 4)] {
            // One machine has the ring, then the other has it too.
            for machine in [first, 1 - first] {
                let ring = rings().into_iter().nth(step).unwrap();
                farm[machine].keys.replace(&Arc::new(ring)).unwrap();
                for sealer in &farm {
                    begun.push(sealed(sealer, user("alice"), at(hour)));
                    for (_, name, cookie) in &begun {
                        for opener in &farm {
                            assert!(opener.find(ROUTE, name, Some(cookie), at(hour)).is_some(), "{step} {machine}");
                        }
                    }
                }
            }
        }
        let keys: std::collections::BTreeSet<_> = begun.iter().map(|(_, _, cookie)| cookie[2]).collect();
        assert_eq!(keys, [b'a', b'b'].into(), "each of them sealed some");
    }
}

/// A key that seals before all have it: what it sealed is refused where it is not known, and taken as soon as it is.
#[test]
fn f_36_a_key_that_is_given_out_too_late_costs_conversations_and_no_more() {
    let farm = [(); 2].map(|()| process(ring(1, &[('a', 0, None)])));
    let next = || Arc::new(ring(2, &[('a', 0, None), ('b', 1, None)]));
    farm[0].keys.replace(&next()).unwrap();
    let (_, name, cookie) = sealed(&farm[0], user("alice"), at(1));
    assert!(farm[1].find(ROUTE, &name, Some(&cookie), at(1)).is_none());
    farm[1].keys.replace(&next()).unwrap();
    assert!(farm[1].find(ROUTE, &name, Some(&cookie), at(1)).is_some());
}

/// Nothing that a key sealed outlives it, opened before or not.
#[test]
fn tk_13_what_a_retired_key_sealed_is_none() {
    let cookies = process(ring(1, &[('a', 0, Some(5)), ('b', 2, None)]));
    let (_, name, cookie) = sealed(&cookies, user("alice"), at(1));
    let minute = Duration::from_mins(1);
    assert!(cookies.find(ROUTE, &name, Some(&cookie), at(5).minus(minute)).is_some());
    assert!(cookies.find(ROUTE, &name, None, at(5).minus(minute)).is_some());
    for brought in [Some(&*cookie), None] {
        assert!(cookies.find(ROUTE, &name, brought, at(5)).is_none());
    }
}

#[test]
fn tk_13_a_key_that_is_taken_away_opens_nothing_more_at_once() {
    for next in [
        ring(2, &[('b', 0, None)]),
        // Under the name of the one that was taken away.
        keyring::read("", b"epoch: 2\nkeys:\n- { id: a, key: YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI= }\n")
            .unwrap(),
    ] {
        let cookies = process(ring(1, &[('a', 0, None)]));
        let (_, name, cookie) = sealed(&cookies, user("alice"), at(1));
        assert!(cookies.find(ROUTE, &name, Some(&cookie), at(1)).is_some());
        cookies.keys.replace(&Arc::new(next)).unwrap();
        for brought in [Some(&*cookie), None] {
            assert!(cookies.find(ROUTE, &name, brought, at(1)).is_none(), "though it was opened before");
        }
    }
}

/// A ring none of whose keys is active yet opens and does not seal.
#[test]
fn tk_13_without_an_active_key_nothing_is_sealed() {
    let cookies = process(ring(1, &[('a', 0, None)]));
    let (context, name, cookie) = sealed(&cookies, user("alice"), at(1));
    cookies.keys.replace(&Arc::new(ring(2, &[('a', 9, None)]))).unwrap();
    let sealed = cookies.seal(ROUTE, &context, at(1), &mut Entropy::system().draw());
    assert_eq!(sealed, Err(NoCookie::NotSealed(NotSealed::Inactive)));
    assert!(cookies.find(ROUTE, &name, Some(&cookie), at(1)).is_some());
    let (older, same) = (ring(1, &[('a', 0, None)]), ring(2, &[('a', 0, None)]));
    for ring in [older, same] {
        assert!(cookies.keys.replace(&Arc::new(ring)).is_err(), "an older ring does not come back");
    }
}

/// A cookie comes with the token alone.
#[test]
fn what_clients_keep_they_must_bring() {
    for preset in preset::all() {
        let mut policy = preset.policy;
        assert!(is_brought(&policy), "{}", preset.name);
        if policy.conversation().is_none() {
            continue;
        }
        for include in [Include::Never, Include::Once, Include::AlwaysToInitiator] {
            policy.conversation_mut().unwrap().include = include;
            assert!(!is_brought(&policy), "{}: {include:?}", preset.name);
        }
    }
}
