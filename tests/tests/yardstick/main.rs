//! The yardstick: what WCF's own client and service took and refused, edit for edit, against what our two ends make of the
//! same edits; and what that client looks for in a reply, looked for in the replies that we seal.
//!
//! Each experiment was one recorded message, taken apart, edited, signed and encrypted anew and passed on to WCF. Here the
//! same is done with the recordings, by a bench that shares no code with what it tries ([`draft`]).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod bench;
mod conditions;
mod draft;
mod edits;
mod keys;
mod replies;
mod requests;
mod sealed;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bench::{Bench, Row, Verdict};
use nuncio_tests::peers;
use nuncio_tests::player::Direction;
use nuncio_wss::Class;

/// How many experiments there are.
const ROWS: usize = 198;

/// The one that their list does not have, and the table made of it has.
const UNLISTED: &str = "RelatesTo text changed after signing (digest mismatch)";

/// Every row by its full name.
fn all() -> BTreeMap<String, &'static Row> {
    let tables: [(&[&str], &'static [Row]); 7] = [
        (&[""], requests::ROWS),
        (&[""], replies::ROWS),
        (&[""], replies::FAULTS),
        (&[trust::ISSUED_2005, trust::ISSUED_13], trust::ISSUED),
        (&[""], trust::CANCELLED),
        (&[""], trust::UNSECURED),
        (&[""], trust::UNSECURED_ISSUE),
    ];
    let rows = tables.into_iter().flat_map(|(prefixes, rows)| {
        prefixes.iter().flat_map(move |prefix| rows.iter().map(move |row| (format!("{prefix}{}", row.case), row)))
    });
    rows.collect()
}

#[test]
fn no_row_is_left_out() {
    let all = all();
    assert_eq!(all.len(), ROWS);
    let stricter = all.values().filter(|row| matches!(row.verdict, Verdict::Stricter(..))).count();
    let laxer = all.values().filter(|row| matches!(row.verdict, Verdict::Laxer(_))).count();
    assert_eq!((stricter, laxer), (1, 5), "where we differ from WCF");
    for (name, row) in all {
        if let Verdict::Stricter(_, why) | Verdict::Laxer(why) = &row.verdict {
            eprintln!("{name}: {why}");
        }
    }
}

/// The rows are those of the experiments' own list, where that is at hand.
#[test]
fn the_rows_are_the_experiments() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/wcf/client-checks.jsonl");
    let Ok(list) = std::fs::read_to_string(&list) else {
        peers::skip("the list of experiments", &format!("{} is not there", list.display()));
        return;
    };
    let mut all = all();
    for line in list.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let (case, result) = (line["case"].as_str().unwrap(), line["result"].as_str().unwrap());
        let row = all.remove(case).unwrap_or_else(|| panic!("no row {case}"));
        assert_eq!(row.verdict.taken_by_wcf(), result.starts_with("OK"), "{case}: {result}");
        if let Some(reply) = line["serverReply"].as_str().filter(|reply| reply.contains(" 500 ")) {
            let other = requests::OTHER_FAULTS.iter().find(|(of, ..)| *of == case);
            let code = other.map_or("a:InvalidSecurity", |(_, code, _)| *code);
            assert!(reply.contains(code), "{case}: {reply}");
        }
    }
    assert_eq!(all.keys().collect::<Vec<_>>(), [UNLISTED]);
}

/// Every refused request got the same fault of WCF and of us, but for these: the code that WCF gave, and our class.
#[test]
fn faults_are_those_of_wcf() {
    let bench = Bench::before(bench::FEBRUARY_2005, bench::ECHO, Direction::Request);
    for row in requests::ROWS {
        if let Some(refusal) = bench.refusal(row) {
            let other = requests::OTHER_FAULTS.iter().find(|(case, ..)| *case == row.case);
            let expected = other.map_or(Class::InvalidSecurity, |(_, _, class)| *class);
            assert_eq!(refusal.class(), expected, "{}: {refusal}", row.case);
        }
    }
}

/// Every edit of a reply that WCF's client refused stands for something that it looks for, and that we seal.
#[test]
fn every_refusal_has_its_condition() {
    let mut refused: BTreeSet<String> = all()
        .into_iter()
        .filter(|(name, row)| !name.starts_with("request: ") && !row.verdict.taken_by_wcf())
        .map(|(name, _)| name)
        .collect();
    for edit in conditions::CONDITIONS.iter().flat_map(|condition| condition.edits) {
        assert!(refused.remove(*edit), "{edit} is no edit of a reply that was refused, or has two conditions");
    }
    assert!(refused.is_empty(), "without a condition: {refused:#?}");
}
