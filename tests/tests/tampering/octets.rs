//! One octet is changed.

use nuncio_tests::peers;

use crate::changes::{Dice, Sample};
use crate::sweep::{Changed, Tally, sweep};
use crate::{OTHERS, PACKED, judge, sample};

fn octets(message: &[u8], dice: &mut Dice, sample: Sample, each: &mut dyn FnMut(Changed)) {
    for (at, change) in sample.changes(message, dice) {
        if let Some(changed) = change.of(message, at) {
            let what = format!("{change:?} at octet {at}");
            each(Changed { what, class: None, touched: at..at + 1, of_blocks: false, message: changed });
        }
    }
}

/// Where messages that protect themselves may be changed outside of what is protected: hints that select nothing, what names
/// a token that nothing names, a cookie that means something to its issuer alone, one more zero before a number.
const HINTS: [&str; 12] = [
    "BinarySecurityToken @EncodingType",
    "Cookie declaration",
    "Cookie text",
    "EncryptedKey @Id",
    "Envelope declaration",
    "KeyIdentifier @EncodingType",
    "Length text",
    "Offset text",
    "Reference @ValueType",
    "Security @mustUnderstand",
    "SecurityTokenReference @TokenType",
    "SecurityTokenReference declaration",
];

/// Beside hints, only markup may be written otherwise: blanks, and attributes that mean nothing under another name.
fn judge_octets(what: &str, tally: &Tally) {
    judge(what, tally);
    let others = tally.harmless.keys().filter(|place| {
        let of_messages = !place.starts_with("over a transport: ") && !place.ends_with("of the same canonical form");
        of_messages && !place.ends_with(" markup") && !HINTS.contains(&place.as_str())
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new(), "{what}: harmless, and not known to be");
}

#[test]
fn of_the_packed_recordings() {
    let tally = sweep(PACKED.iter(), octets, sample(12));
    judge_octets("octets of packed recordings", &tally);
    assert!(tally.scenarios >= 191 && tally.messages >= 2290 && tally.changes >= 15_000, "{tally}");
}

#[test]
fn of_other_recordings() {
    if OTHERS.is_empty() {
        peers::skip("octets of other recordings", "they are not there");
        return;
    }
    judge_octets("octets of other recordings", &sweep(OTHERS.iter(), octets, sample(3)));
}
