//! Contexts that outlive the gateway that began them, and those that several gateways have together.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use nuncio_policy::model::SoapVersion;
use nuncio_tests::peers::{self, PASSWORD, USER};
use nuncio_tests::process::program;
use nuncio_tests::redis::Redis;

use crate::{Egress, POLICY, Protected, assert_echoed, echo, eventually, row, within};

/// An empty folder for a test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("egress").join(format!("kept {name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// One that keeps its contexts in a directory.
pub(crate) fn on_disk(name: &str, service: &str, more: &str) -> (Egress, PathBuf) {
    let state = folder(name).join("state");
    let besides = format!("state: {{ directory: '{}' }}\n", state.display());
    (Egress::keeping(name, service, more, &besides), state)
}

#[track_caller]
fn call(egress: &Egress, said: &str) {
    assert_echoed(&egress.post(&echo(SoapVersion::V12, said)), said);
}

/// Whether a file below that folder has those octets.
fn has(folder: &Path, octets: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let file = std::fs::read(entry.path()).unwrap_or_default();
        file.windows(octets.len()).any(|window| window == octets)
    })
}

/// Killed or ended: the next one goes on in the conversation of the one before, and nobody cancelled it.
#[test]
fn a_start_goes_on_in_the_conversations_of_the_one_before() {
    let service = Protected::start();
    let (mut egress, state) = on_disk("start", &service.url(), "warm: false");
    call(&egress, "first");
    egress.kill_and_start();
    call(&egress, "after a kill");
    assert_eq!((egress.count("begun"), egress.count("taken-up")), (0, 1), "{}", egress.gateway.log());
    egress.end_and_start();
    call(&egress, "after an end");
    assert_eq!((egress.count("begun"), egress.count("taken-up")), (0, 1), "{}", egress.gateway.log());
    assert_eq!((service.begun(), service.cancelled()), (1, 0));
    let callers = service.backend.seen();
    let conversations: Vec<_> = callers.iter().map(|seen| seen.header("x-nuncio-conversation")).collect();
    assert!(conversations.len() == 3 && conversations.windows(2).all(|two| two[0] == two[1]), "{conversations:?}");
    // Who reads the directory finds nobody's name, and no password to guess at.
    assert!(state.join("services.redb").is_file());
    assert!(
        !has(&state, USER.as_bytes()) && !has(&state, PASSWORD.as_bytes()) && !has(&state, b"SecurityContextToken")
    );
}

/// What the service lost while nobody was there to notice is begun anew, unseen by who calls; and that is kept in its place.
#[test]
fn a_kept_conversation_that_the_service_lost_is_begun_anew() {
    let mut service = Protected::start();
    let (mut egress, _) = on_disk("lost", &service.url(), "warm: false");
    call(&egress, "first");
    service.serve();
    egress.kill_and_start();
    call(&egress, "second");
    assert_eq!((egress.count("taken-up"), egress.count("lost"), egress.count("begun")), (1, 1, 1));
    egress.kill_and_start();
    call(&egress, "third");
    assert_eq!((egress.count("taken-up"), egress.count("lost"), egress.count("begun")), (1, 0, 0));
    assert_eq!(service.begun(), 1);
    assert_eq!(service.backend.seen().len(), 3, "nothing was done twice");
}

/// A conversation is whose it was begun as: another user has his own, and the one of before is ended, for good.
#[test]
fn another_user_has_another_conversation_and_the_one_of_before_is_ended() {
    let service = Protected::start();
    let (mut egress, _) = on_disk("users", &service.url(), "warm: false");
    call(&egress, "as alice");
    let yaml = std::fs::read_to_string(&egress.file).unwrap();
    let changed = yaml.replace("name: alice", "name: bob");
    assert_ne!(changed, yaml);
    std::fs::write(&egress.file, &changed).unwrap();
    assert!(within(Duration::from_mins(1), || {
        call(&egress, "as whom");
        service.begun() == 2 && service.cancelled() == 1
    }));
    std::fs::write(&egress.file, yaml).unwrap();
    egress.end_and_start();
    call(&egress, "as alice again");
    let last = service.backend.seen().last().and_then(|seen| seen.header("x-nuncio-principal").map(str::to_owned));
    assert_eq!(last.as_deref(), Some(USER));
    assert_eq!((egress.count("taken-up"), egress.count("begun")), (0, 1));
    // Bob's is still there for him.
    std::fs::write(&egress.file, changed).unwrap();
    egress.kill_and_start();
    call(&egress, "as bob again");
    assert_eq!((egress.count("taken-up"), egress.count("begun")), (1, 0));
}

/// A caller that brings his own password goes on in his conversation, with that password alone.
#[test]
fn a_password_that_is_passed_through_finds_its_conversation_again() {
    let service = Protected::start();
    let (mut egress, _) = on_disk("passed", &service.url(), "pass_through: true");
    let as_whom = |password: &str| {
        let mut request = echo(SoapVersion::V12, "passed");
        let credentials = nuncio_crypto::base64::encode(format!("{USER}:{password}").as_bytes());
        request.headers.push(("Authorization".to_owned(), format!("Basic {credentials}")));
        request
    };
    assert_echoed(&egress.post(&as_whom(PASSWORD)), "passed");
    egress.kill_and_start();
    assert_eq!(egress.post(&as_whom("guessed")).status(), Some(500));
    assert_eq!(egress.count("taken-up"), 0);
    assert_echoed(&egress.post(&as_whom(PASSWORD)), "passed");
    assert_eq!((egress.count("taken-up"), egress.count("begun")), (1, 0));
    assert_eq!(service.begun(), 1);
}

/// In memory alone where that is said: a start begins anew.
#[test]
fn what_is_kept_in_memory_ends_with_the_process() {
    let service = Protected::start();
    let (mut egress, state) = on_disk("memory", &service.url(), "warm: false\nstore: memory");
    call(&egress, "first");
    egress.end_and_start();
    call(&egress, "second");
    assert_eq!((service.begun(), service.cancelled()), (2, 1));
    assert!(!state.join("services.redb").exists());
}

#[test]
fn a_store_that_is_not_there_or_is_for_clients_is_refused() {
    for (store, told) in
        [("disk", "needs `state:"), ("redis", "needs `redis:"), ("cookie", "a service keeps what it likes itself")]
    {
        let refused =
            Egress::refused(&format!("store {store}"), &format!("service: http://127.0.0.1:9/\nstore: {store}"));
        assert!(refused.contains(told), "{store}: {refused}");
    }
}

/// What is said of a Redis, with a key ring.
pub(crate) fn farm(name: &str, redis: &Redis) -> String {
    let ring = folder(name).join("keys.yaml");
    peers::run(Command::new(program().unwrap()).args(["keys", "--ring"]).arg(&ring)).unwrap();
    format!("key_ring: '{}'\nredis: {{ url: 'redis://{}' }}\n", ring.display(), redis.address())
}

/// Six gateways that are called at once for the first time begin one conversation together.
#[test]
fn gateways_that_share_a_redis_begin_one_conversation() {
    if Redis::is_missing("gateways_that_share_a_redis_begin_one_conversation") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let service = Protected::start();
    let besides = farm("farm", &redis);
    let all: Vec<_> = (0..6)
        .map(|number| {
            let name = format!("farm {number}");
            Arc::new(Egress::keeping(&name, &service.url(), "warm: false\nstore: redis", &besides))
        })
        .collect();
    let start = Arc::new(Barrier::new(all.len()));
    let calling: Vec<_> = all
        .iter()
        .map(|egress| {
            let (egress, start) = (Arc::clone(egress), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                call(&egress, "at once");
            })
        })
        .collect();
    for calling in calling {
        calling.join().unwrap();
    }
    let of = |event: &str| all.iter().map(|egress| egress.count(event)).sum::<usize>();
    assert_eq!((service.begun(), of("begun"), of("taken-up")), (1, 1, 5));
    // Nobody who goes takes it from the others, and who reads Redis finds neither names nor passwords.
    let mut all: Vec<_> = all.into_iter().map(|egress| Arc::into_inner(egress).unwrap()).collect();
    all[0].end_and_start();
    for egress in &all {
        call(egress, "after one has gone and come");
    }
    assert_eq!((service.begun(), service.cancelled(), all[0].count("taken-up")), (1, 0, 1));
    let keys = redis.say(&["--scan", "--pattern", "*:c:*"]).unwrap();
    assert_eq!(keys.lines().count(), 1, "{keys}");
    let value = redis.say(&["GET", &keys]).unwrap();
    assert!(value.len() > 100, "{value}");
    for secret in [USER, PASSWORD, "SecurityContextToken"] {
        assert!(!keys.contains(secret) && !value.contains(secret), "{keys}");
    }
}

/// A gateway that could not ask Redis when it began has a context of its own. Where the service loses both, its call is answered all
/// the same.
#[test]
fn a_call_outlives_that_its_own_context_and_the_kept_one_are_lost() {
    if Redis::is_missing("a_call_outlives_that_its_own_context_and_the_kept_one_are_lost") {
        return;
    }
    let mut redis = Redis::start(&[]).unwrap();
    let mut service = Protected::start();
    let besides = farm("both", &redis);
    let start = |name| Egress::keeping(name, &service.url(), "warm: false\nstore: redis", &besides);
    redis.kill();
    let one = start("both one");
    call(&one, "alone");
    redis.restart().unwrap();
    let two = start("both two");
    // A link that was lost is not there again at once: without it each would begin its own.
    for gateway in [&one, &two] {
        assert!(eventually(|| row(gateway.admin, "nuncio_redis_up") == 1), "{}", gateway.gateway.log());
    }
    call(&two, "kept");
    assert_eq!((one.count("begun"), two.count("begun")), (1, 1));
    service.serve();
    call(&one, "both are lost");
    assert!(one.gateway.log().matches("does not know a conversation any more").count() <= 2);
    call(&two, "one is lost");
    assert_eq!(service.begun(), 1);
}

/// A Redis that was emptied is told again by who begins ahead; and who was not called for a while looks first what others have by now.
#[test]
fn what_others_have_is_looked_at() {
    if Redis::is_missing("what_others_have_is_looked_at") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let service = Protected::start();
    // It is looked every thirty times that: every second and a half.
    let besides = farm("looks", &redis).replace(" }", ", cache: 50ms }");
    let start = |name, warm| Egress::keeping(name, &service.url(), &format!("warm: {warm}\nstore: redis"), &besides);
    let (mut warm, cold) = (start("looks warm", true), start("looks cold", false));
    let kept = || redis.say(&["--scan", "--pattern", "*:c:*"]).unwrap();
    assert!(eventually(|| warm.count("begun") == 1 && !kept().is_empty()));
    call(&cold, "in the same");
    assert_eq!((cold.count("taken-up"), service.begun()), (1, 1));
    redis.say(&["FLUSHALL"]).unwrap();
    assert!(eventually(|| !kept().is_empty()), "{}", warm.gateway.log());
    warm.gateway.kill();
    redis.say(&["FLUSHALL"]).unwrap();
    let other = start("looks other", false);
    call(&other, "in another");
    assert_eq!(service.begun(), 2);
    std::thread::sleep(Duration::from_secs(4));
    call(&cold, "in the other");
    assert_eq!((cold.count("taken-up"), cold.count("lost"), service.begun()), (2, 0, 2), "{}", cold.gateway.log());
    let seen = service.backend.seen();
    let conversation = |at: usize| seen[at].header("x-nuncio-conversation");
    assert_eq!(conversation(2), conversation(1));
    assert_ne!(conversation(1), conversation(0));
}

/// A key ring that is replaced: what was kept under the old key is found as long as the ring has that, and what is kept from then on
/// is under the new one alone.
#[test]
fn a_context_is_found_after_the_key_ring_was_changed() {
    let mut service = Protected::start();
    let folder = folder("ring");
    let ring = folder.join("keys.yaml");
    let key = |name: &str| {
        let file = folder.join(name);
        peers::run(Command::new(program().unwrap()).args(["keys", "--ring"]).arg(&file)).unwrap();
        let made = std::fs::read_to_string(&file).unwrap();
        made[made.find("  - id").unwrap()..].trim_end().to_owned()
    };
    let (old, new) = (key("old.yaml"), key("new.yaml"));
    let write = |epoch: u32, keys: &str| {
        std::fs::write(&ring, format!("epoch: {epoch}\nkeys:\n{keys}\n")).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&ring, private).unwrap();
    };
    write(1, &old);
    let besides =
        format!("state: {{ directory: '{}' }}\nkey_ring: '{}'\n", folder.join("state").display(), ring.display());
    let mut egress = Egress::keeping("ring", &service.url(), "warm: false", &besides);
    call(&egress, "under the old key");
    write(2, &format!("{old}\n{new}\n    activate: 2020-01-01T00:00:00Z"));
    egress.kill_and_start();
    call(&egress, "under both");
    assert_eq!((egress.count("taken-up"), egress.count("begun")), (1, 0), "{}", egress.gateway.log());
    service.serve();
    call(&egress, "begun anew");
    write(3, &new);
    egress.kill_and_start();
    call(&egress, "under the new key");
    assert_eq!((egress.count("taken-up"), egress.count("begun")), (1, 0), "{}", egress.gateway.log());
    assert_eq!(service.begun(), 1);
}

/// What the service forgot is begun anew once, whichever of them notices.
#[test]
fn a_lost_conversation_is_begun_anew_once_for_all_of_a_farm() {
    if Redis::is_missing("a_lost_conversation_is_begun_anew_once_for_all_of_a_farm") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let mut service = Protected::start();
    let besides = farm("forgets", &redis);
    let start = |name| Egress::keeping(name, &service.url(), "warm: false\nstore: redis", &besides);
    let (one, two) = (start("forgets one"), start("forgets two"));
    call(&one, "one");
    call(&two, "two");
    for round in 1..=3 {
        service.serve();
        call(&one, "one again");
        call(&two, "two again");
        assert_eq!((one.count("lost"), two.count("lost")), (round, round));
        assert_eq!((service.begun(), one.count("begun"), two.count("begun")), (1, round + 1, 0));
    }
    assert_eq!(service.backend.seen().len(), 8, "nothing was done twice");
}

/// Without Redis each has a conversation of its own, and no call fails.
#[test]
fn a_redis_that_is_gone_is_in_nobodys_way() {
    if Redis::is_missing("a_redis_that_is_gone_is_in_nobodys_way") {
        return;
    }
    let mut redis = Redis::start(&[]).unwrap();
    let mut service = Protected::start();
    let besides = farm("gone", &redis);
    let start = |name| Egress::keeping(name, &service.url(), "warm: false\nstore: redis", &besides);
    let one = start("gone one");
    call(&one, "with");
    redis.kill();
    call(&one, "without");
    let two = start("gone two");
    call(&two, "without");
    assert_eq!(service.begun(), 2);
    service.serve();
    call(&one, "anew");
    assert_eq!(service.begun(), 1);
    redis.restart().unwrap();
    assert!(eventually(|| redis.say(&["PING"]).is_ok_and(|said| said == "PONG")));
    call(&one, "back");
    call(&two, "back");
}

/// What is no context of ours in Redis, or is none at all, is in nobody's way, and gives way to the next.
#[test]
fn what_is_no_context_in_redis_is_not_taken_up() {
    if Redis::is_missing("what_is_no_context_in_redis_is_not_taken_up") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let service = Protected::start();
    let besides = farm("junk", &redis);
    let mut egress = Egress::keeping("junk", &service.url(), "warm: false\nstore: redis", &besides);
    call(&egress, "first");
    let key = redis.say(&["--scan", "--pattern", "*:c:*"]).unwrap();
    for (round, junk) in [
        vec!["SET", &key, "junk"],
        vec!["SET", &key, ""],
        // The version, the name of a key of the ring's length, and nothing more.
        vec!["SET", &key, "\u{1}\u{8}aaaaaaaa"],
        vec!["SETRANGE", &key, "40", "XXXX"],
        vec!["RPUSH", &key, "a list"],
    ]
    .into_iter()
    .enumerate()
    {
        if junk[0] == "RPUSH" {
            redis.say(&["DEL", &key]).unwrap();
        }
        redis.say(&junk).unwrap();
        egress.kill_and_start();
        call(&egress, "all the same");
        assert_eq!((egress.count("taken-up"), egress.count("begun")), (0, 1), "{junk:?}: {}", egress.gateway.log());
        assert_eq!(service.begun(), round + 2, "{junk:?}");
        egress.kill_and_start();
        call(&egress, "once more");
        assert_eq!((egress.count("taken-up"), egress.count("begun")), (1, 0), "{junk:?}: {}", egress.gateway.log());
    }
}

/// Who lost a context has that forgotten, and not what it cannot read: another gateway may have kept it.
#[test]
fn what_does_not_open_is_not_forgotten_for_others() {
    if Redis::is_missing("what_does_not_open_is_not_forgotten_for_others") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let mut service = Protected::start();
    let besides = farm("theirs", &redis);
    let egress = Egress::keeping("theirs", &service.url(), "warm: false\nrepeat: false\nstore: redis", &besides);
    let lose = |service: &mut Protected| {
        call(&egress, "before");
        service.serve();
        assert_eq!(egress.post(&echo(SoapVersion::V12, "lost")).status(), Some(500));
    };
    let keys = || redis.say(&["--scan", "--pattern", "*:c:*"]).unwrap();
    lose(&mut service);
    assert!(eventually(|| keys().is_empty()), "its own is forgotten");
    call(&egress, "anew");
    let key = keys();
    redis.say(&["SET", &key, "another's"]).unwrap();
    lose(&mut service);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(redis.say(&["GET", &key]).unwrap(), "another's");
}

/// Where the service renews keys, one of a farm has one renewed and the others take it up.
#[test]
fn a_renewed_key_is_taken_up_by_the_others_of_a_farm() {
    if Redis::is_missing("a_renewed_key_is_taken_up_by_the_others_of_a_farm") {
        return;
    }
    let redis = Redis::start(&[]).unwrap();
    let service = Protected::lasting(POLICY, Some("6s"));
    let besides = farm("renewed", &redis);
    let start = |name| Egress::keeping(name, &service.url(), "warm: false\nstore: redis", &besides);
    let all = [start("renewed one"), start("renewed two")];
    let of = |event| all.iter().map(|egress| egress.count(event)).sum::<usize>();
    assert!(within(Duration::from_mins(2), || {
        for egress in &all {
            call(egress, "together");
        }
        of("renewed") >= 3
    }));
    let (begun, renewed, taken_up) = (of("begun"), of("renewed"), of("taken-up"));
    println!("{begun} begun, {renewed} renewed, {taken_up} taken up");
    assert_eq!(service.asked("renew"), renewed);
    assert!(taken_up + 2 >= begun + renewed, "{}", all[0].gateway.log());
    let seen = service.backend.seen();
    let mut conversations: Vec<_> = seen.iter().filter_map(|seen| seen.header("x-nuncio-conversation")).collect();
    conversations.sort_unstable();
    conversations.dedup();
    assert_eq!(conversations.len(), begun, "a renewed one is the same");
}
