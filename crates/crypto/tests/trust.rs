//! Whom a route believes: pins, chains, and everything that is neither.

mod common;

use common::{NOW, certificate};
use nuncio_crypto::trust::{MAX_INTERMEDIATES, Trust, Untrusted};

#[track_caller]
fn check_at(trusted: &[&str], leaf: &str, sent_along: &[&str], now: i64, expect: Result<(), Untrusted>) {
    let trust = Trust::new(trusted.iter().map(|name| certificate(name)).collect()).expect("sound roots");
    let sent_along: Vec<_> = sent_along.iter().map(|name| certificate(name)).collect();
    assert_eq!(trust.check(&certificate(leaf), &sent_along, now), expect, "{leaf} under {trusted:?}");
}

#[track_caller]
fn check(trusted: &[&str], leaf: &str, expect: Result<(), Untrusted>) {
    check_at(trusted, leaf, &[], NOW, expect);
}

/// The very certificate that is configured, self-signed or issued by somebody unknown.
#[test]
fn pins() {
    check(&["self-signed"], "self-signed", Ok(()));
    check(&["leaf"], "leaf", Ok(()));
    check(&["no-ski"], "no-ski", Ok(()));
    check(&["no-usage", "leaf"], "no-usage", Ok(()));
}

/// The same subject with another key is another certificate.
#[test]
fn xs_17_same_subject_other_key() {
    check(&["self-signed"], "imposter", Err(Untrusted::UnknownIssuer));
    check(&["other-root"], "leaf", Err(Untrusted::UnknownIssuer));
    check(&["other-root", "self-signed"], "root", Err(Untrusted::UnknownIssuer));
}

/// Issued by a root, directly or through an authority that the peer sent along.
#[test]
fn chains() {
    check(&["root"], "leaf", Ok(()));
    check(&["other-root", "root"], "leaf", Ok(()));
    check_at(&["root"], "below", &["intermediate"], NOW, Ok(()));
    check_at(&["root"], "below", &["leaf", "other-root", "intermediate"], NOW, Ok(()));
    check(&["intermediate"], "below", Ok(()));
    check(&["root", "intermediate"], "below", Ok(()));
}

/// Nobody's: no configuration, a root that did not issue it, an authority that nobody sent, a root the peer brought.
#[test]
fn xs_17_strangers() {
    check(&[], "leaf", Err(Untrusted::UnknownIssuer));
    check(&[], "root", Err(Untrusted::UnknownIssuer));
    check(&["root"], "self-signed", Err(Untrusted::UnknownIssuer));
    check(&["root"], "below", Err(Untrusted::UnknownIssuer));
    check(&["leaf"], "below", Err(Untrusted::UnknownIssuer));
    check_at(&["other-root"], "leaf", &["root"], NOW, Err(Untrusted::UnknownIssuer));
    check_at(&["self-signed"], "leaf", &["root"], NOW, Err(Untrusted::UnknownIssuer));
}

/// Who is believed as a leaf is not believed as an issuer.
#[test]
fn xs_17_pinned_leaves_issue_nothing() {
    check(&["self-signed"], "below-self-signed", Err(Untrusted::UnknownIssuer));
    check_at(&["root"], "below-self-signed", &["self-signed"], NOW, Err(Untrusted::UnknownIssuer));
    check(&["below-self-signed"], "below-self-signed", Ok(()));
}

/// An authority's certificate signs no messages under a root; pinned, its key usage decides.
#[test]
fn xs_17_authorities_as_leaves() {
    check(&["root"], "intermediate", Err(Untrusted::UnknownIssuer));
    check(&["root"], "root", Err(Untrusted::NotForSignatures));
    check(&["intermediate"], "intermediate", Err(Untrusted::NotForSignatures));
}

/// Pinned or issued, a certificate has its time.
#[test]
fn xs_17_validity() {
    let leaf = certificate("leaf");
    for trusted in ["leaf", "root"] {
        check_at(&[trusted], "leaf", &[], leaf.not_before(), Ok(()));
        check_at(&[trusted], "leaf", &[], leaf.not_before() - 1, Err(Untrusted::NotYetValid));
        check_at(&[trusted], "leaf", &[], leaf.not_after(), Ok(()));
        check_at(&[trusted], "leaf", &[], leaf.not_after() + 1, Err(Untrusted::Expired));
        check_at(&[trusted], "leaf", &[], -1, Err(Untrusted::NotYetValid));
        check_at(&[trusted], "leaf", &[], i64::MAX, Err(Untrusted::Expired));
    }
    check(&["root"], "expired", Err(Untrusted::Expired));
    check(&["expired"], "expired", Err(Untrusted::Expired));
}

/// Pinned or issued, a key is RSA of enough bits, or on a curve of NIST.
#[test]
fn xs_21_keys() {
    for trusted in [&["root"][..], &["weak", "ec"]] {
        check(trusted, "weak", Err(Untrusted::WeakKey(1024)));
        check(trusted, "ec", Ok(()));
    }
    check(&["foreign"], "foreign", Err(Untrusted::UnknownKey));
}

/// Pinned or issued, a key usage that is there must allow signatures.
#[test]
fn xs_17_key_usage() {
    check(&["root"], "encipher-only", Err(Untrusted::NotForSignatures));
    check(&["encipher-only"], "encipher-only", Err(Untrusted::NotForSignatures));
}

/// A peer cannot make us search a forest.
#[test]
fn pa_13_long_chains() {
    let sent_along = vec!["intermediate"; MAX_INTERMEDIATES];
    check_at(&["root"], "below", &sent_along, NOW, Ok(()));
    let sent_along = vec!["intermediate"; MAX_INTERMEDIATES + 1];
    check_at(&["root"], "below", &sent_along, NOW, Err(Untrusted::LongChain(MAX_INTERMEDIATES + 1)));
    check_at(&["below"], "below", &sent_along, NOW, Err(Untrusted::LongChain(MAX_INTERMEDIATES + 1)));
}
