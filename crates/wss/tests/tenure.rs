//! Several certificates of one service, each for its time: the newest signs, and what is encrypted to any that is not
//! retired is opened.

#![allow(clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]

mod ends;

use std::time::Duration;

use ends::{Pair, policy, server, soap, stranger};
use nuncio_wss::{Credential, Refusal, Tenure, Time};

const ASYMMETRIC: &str = "wse-mutualCertificate10Security";

fn until(credential: Credential, retire: Option<Time>) -> Credential {
    Credential { tenure: Tenure { activate: credential.tenure.activate, retire }, ..credential }
}

fn from(credential: Credential, activate: Option<Time>) -> Credential {
    Credential { tenure: Tenure { activate, retire: None }, ..credential }
}

/// The initiator encrypts to the older one throughout, and believes answers that the older one signed.
#[test]
fn f_35_the_newest_certificate_signs_and_older_ones_still_open() {
    let (policy, soap) = (policy(ASYMMETRIC), soap(ASYMMETRIC)[0]);
    let start = Pair::new(&policy, soap).now;
    let (activate, retire) = (start.plus(Duration::from_secs(10)), start.plus(Duration::from_secs(20)));
    let credentials = || vec![until(server(), Some(retire)), from(stranger(), Some(activate))];
    for (after, opens, signed_by_older) in
        [(0, true, true), (9, true, true), (10, true, false), (19, true, false), (20, false, false)]
    {
        let mut pair = Pair::answered_with(&policy, soap, credentials());
        pair.now = start.plus(Duration::from_secs(after));
        let (outbound, expectation) = pair.request("hello", None);
        match pair.open(&outbound, outbound.body.clone(), None) {
            Ok(opened) => {
                assert!(opens, "{after} s");
                let message = pair.echo(opened);
                assert_eq!(pair.answer(&message, &expectation).is_ok(), signed_by_older, "{after} s");
            }
            Err(refusal) => {
                assert!(!opens, "{after} s: {refusal}");
                let unknown = Refusal::KeyReference("wraps a key under a certificate that is not ours");
                assert_eq!(refusal.to_string(), unknown.to_string());
            }
        }
    }
}

/// What is only there to open never signs, and what is encrypted to it is opened though it comes first.
#[test]
fn a_certificate_that_only_opens_never_signs() {
    let (policy, soap) = (policy(ASYMMETRIC), soap(ASYMMETRIC)[0]);
    let opens = Credential { tenure: Tenure::OPENS, ..stranger() };
    let mut pair = Pair::answered_with(&policy, soap, vec![opens, server()]);
    let (outbound, expectation) = pair.request("hello", None);
    let opened = pair.open(&outbound, outbound.body.clone(), None).expect("opened");
    let message = pair.echo(opened);
    assert!(pair.answer(&message, &expectation).is_ok(), "signed by the service");
    let mut pair = Pair::answered_with(&policy, soap, vec![Credential { tenure: Tenure::OPENS, ..server() }]);
    let (outbound, _) = pair.request("hello", None);
    assert!(pair.open(&outbound, outbound.body.clone(), None).is_ok(), "it opens");
}

#[test]
fn the_newest_is_the_one_that_began_last() {
    let at = Time::from_millis;
    let tenure = |activate, retire: Option<i64>| Tenure { activate: Some(at(activate)), retire: retire.map(at) };
    let all =
        [Tenure::OPENS, Tenure::ALWAYS, tenure(10, Some(40)), tenure(30, None), tenure(30, Some(50)), tenure(20, None)];
    let newest = |now| Tenure::newest(&all, at(now));
    for (now, expected) in [(0, 1), (9, 1), (10, 2), (20, 5), (29, 5), (30, 3), (60, 3)] {
        assert_eq!(newest(now), Some(expected), "{now}");
    }
    assert_eq!(Tenure::newest(&[Tenure::OPENS, tenure(10, Some(20))], at(5)), None);
    assert_eq!(Tenure::newest(&[tenure(10, Some(20))], at(20)), None);
}
