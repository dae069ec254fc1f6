//! Passwords: what is paid once, and guesses that are slowed.

use crate::{Answer, CONVERSATION, ENDORSING, PER_MESSAGE, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_hash_is_paid_once_for_a_conversation_and_for_minutes_of_messages() {
    let served = start(CONVERSATION, &[], None).await;
    let mut client = served.client("127.0.0.1", "U*U");
    let context = client.asks().await.unwrap_or_else(|_| panic!("not issued"));
    assert_eq!(served.users.hashed(), 1);
    for _ in 0..5 {
        let (request, _) = client.seal(Some(&context));
        assert_eq!(client.send(&request).await.status, 200);
        served.pass(100);
    }
    assert_eq!(served.users.hashed(), 1);

    let served = start(PER_MESSAGE, &[], None).await;
    let mut client = served.client("127.0.0.1", "U*U");
    for (pass, hashed) in [(0, 1), (100, 1), (199, 1), (1, 2), (299, 2), (1, 3)] {
        served.pass(pass);
        assert_eq!(client.calls().await.status, 200);
        assert_eq!(served.users.hashed(), hashed, "{pass}");
    }
}

/// The answers to a wrong password and to one that is not looked at are the same octets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_guesses_are_slowed_where_they_come_from() {
    let served = start(PER_MESSAGE, &[], None).await;
    let mut alice = served.client("127.0.0.1", "U*U");
    assert_eq!(alice.calls().await.status, 200);
    let (seen, _) = alice.seal(None);
    assert_eq!(alice.send(&seen).await.status, 200);

    // Who sends what he saw again is no more than a guesser.
    let mut eve = served.client("127.0.0.2", "guess");
    assert_eq!(eve.send(&seen).await.status, 500);
    let text = |answer: &Answer| String::from_utf8(answer.body.clone()).unwrap();
    let without_ids = |text: &str| {
        let at = text.find("RelatesTo").map_or(text.len(), |at| at);
        (text[..at].to_owned(), text[at..].split_once("</").map(|(_, rest)| rest.to_owned()))
    };
    let first = eve.calls().await;
    assert_eq!(first.status, 500);
    assert!(text(&first).contains("FailedAuthentication"), "{}", text(&first));
    let hashed = served.users.hashed();
    for _ in 0..30 {
        let answer = eve.calls().await;
        assert_eq!((answer.status, without_ids(&text(&answer))), (500, without_ids(&text(&first))));
    }
    assert_eq!(served.users.hashed() - hashed, 9, "ten in all were looked at");
    assert!(served.measured("nuncio_passwords_throttled_total{route=\"*\"}").ends_with(" 21"));
    let mut lucky = served.client("127.0.0.2", "U*U");
    let answer = lucky.calls().await;
    assert_eq!((answer.status, without_ids(&text(&answer))), (500, without_ids(&text(&first))));
    assert_eq!(alice.calls().await.status, 200, "she is not slowed");
    served.pass(12);
    assert_eq!(lucky.calls().await.status, 200, "nor is anybody for long");
}

/// A signature by a key of a password is a try at the password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_guesses_that_sign_are_slowed_as_others() {
    let served = start(ENDORSING, &["127.0.0.0/8"], None).await;
    let mut alice = served.client("127.0.0.1", "U*U");
    assert_eq!(alice.calls().await.status, 200);
    let mut eve = served.client("127.0.0.2", "guess");
    for _ in 0..13 {
        assert_eq!(eve.calls().await.status, 500);
    }
    assert!(served.measured("nuncio_passwords_throttled_total{route=\"*\"}").ends_with(" 3"), "ten were looked at");
    let mut lucky = served.client("127.0.0.2", "U*U");
    assert_eq!(lucky.calls().await.status, 500);
    assert_eq!(alice.calls().await.status, 200, "she is not slowed");
    served.pass(12);
    assert_eq!(lucky.calls().await.status, 200, "nor is anybody for long");
}

/// Behind a proxy that takes TLS off its word counts, and nobody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tk_01_a_proxy_says_whose_guesses_it_brings() {
    for (behind, looked) in [(&["127.0.0.1"][..], 20), (&[][..], 10)] {
        let served = start(PER_MESSAGE, behind, None).await;
        for from in ["192.0.2.1", "10.0.0.1, 192.0.2.2"] {
            let mut client = served.client("127.0.0.1", "guess");
            client.forwarded_for = Some(from);
            for _ in 0..15 {
                assert_eq!(client.calls().await.status, 500);
            }
        }
        assert_eq!(served.users.hashed(), looked, "{behind:?}");
    }
}
