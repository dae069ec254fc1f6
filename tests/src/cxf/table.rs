//! The whole table of policies that the CXF peer is tried under: [`codes`](super::codes) has the sample of it.

use std::collections::BTreeSet;

use super::codes::{self, DIMENSIONS};

/// The ports of CXF's own tests of WS-SecureConversation (`WSSCTest`) and the codes of their policies. The clients of those
/// that begin with `_` cancel.
#[rustfmt::skip]
pub const PORTS: [(&str, &str); 24] = [
    ("SecureConversation_UserNameOverTransport", "UT+wsa04+suite=Basic128"),
    ("SecureConversation_MutualCertificate10SignEncrypt", "X+d+cees+wss10+wsa04+suite=Basic128"),
    ("XC", "X+wsa04+nc+suite=Basic128"),
    ("XDC", "X+d+wsa04+suite=Basic128"),
    ("XDC_IPingService1", "X+d+wsa04+suite=Basic128"),
    ("XDC-ES", "X+d+es+wsa04+suite=Basic128"),
    ("XDC-SEES", "X+d+ees+wsa04+suite=Basic128"),
    ("_X", "X+wsa04+suite=Basic128"),
    ("_X10", "X10+wss10+wsa04+suite=Basic128"),
    ("_XD", "X+d+wsa04+suite=Basic128"),
    ("_XD-SEES", "X+d+ees+wsa04+suite=Basic128"),
    ("_XD-ES", "X+d+es+wsa04+suite=Basic128"),
    ("AC", "A+wsa04+nc+suite=Basic128"),
    ("ADC", "A+d+wsa04+nc+suite=Basic128"),
    ("ADC-ES", "A+d+es+wsa04+nc+suite=Basic128"),
    ("_A", "A+wsa04+suite=Basic128"),
    ("_AD", "A+d+wsa04+suite=Basic128"),
    ("_AD-ES", "A+d+es+wsa04+suite=Basic128"),
    ("UXC", "U+wsa04+nc+suite=Basic128"),
    ("UXDC", "U+d+wsa04+nc+suite=Basic128"),
    ("UXDC-SEES", "U+d+ees+wsa04+nc+suite=Basic128"),
    ("_UX", "U+wsa04+suite=Basic128"),
    ("_UXD", "U+d+wsa04+suite=Basic128"),
    ("_UXD-SEES", "U+d+ees+wsa04+suite=Basic128"),
];

/// The suites beside `Basic256`: the words of two dimensions.
const SUITES: [[&str; 2]; 7] = [
    ["Basic256", "Rsa15"],
    ["Basic256", "Sha256"],
    ["Basic256", "Sha256Rsa15"],
    ["Basic128", ""],
    ["Basic128", "Rsa15"],
    ["TripleDes", ""],
    ["TripleDes", "Rsa15"],
];

/// Each code once, in their order.
fn once(codes: impl Iterator<Item = String>) -> Vec<String> {
    let mut met = BTreeSet::new();
    codes.filter(|code| met.insert(code.clone())).collect()
}

/// Bootstraps, conversation or per message, derived keys or none, orders and dialects, each with each; words that mean
/// nothing beside the others are left out, and the code is there once.
fn bases() -> Vec<Vec<&'static str>> {
    let mut bases = vec![Vec::new()];
    for (dimension, words) in DIMENSIONS.iter().take(5).enumerate() {
        // "Both at once" is a matter of the sample.
        let words = words.iter().filter(|word| dimension != codes::ORDER || **word != "esees");
        let words: Vec<_> = words.copied().collect();
        bases =
            bases.iter().flat_map(|base| words.iter().map(move |word| [base.clone(), vec![*word]].concat())).collect();
    }
    bases
}

/// Every base, and each with one more word: a suite, SOAP 1.1, no cancel, WS-Addressing of August 2004; and CXF's own ports.
pub fn whole() -> Vec<String> {
    let more =
        SUITES.map(|suite| suite.to_vec()).into_iter().chain([vec![], vec!["soap11"], vec!["nc"], vec!["wsa04"]]);
    let more: Vec<_> = more.collect();
    let each = |base: &Vec<_>| {
        let base = base.clone();
        more.clone().into_iter().map(move |more| codes::of(&[base.clone(), more].concat()))
    };
    let ports = PORTS.iter().map(|(_, code)| (*code).to_owned());
    once(bases().iter().flat_map(each).chain(ports))
}

/// Every base with every combination of those words.
pub fn every() -> Vec<String> {
    let mut all = bases();
    let suites = SUITES.map(|suite| suite.to_vec()).into_iter().chain([vec![]]).collect();
    for more in [suites, vec![vec![], vec!["soap11"]], vec![vec![], vec!["wsa04"]], vec![vec![], vec!["nc"]]] {
        all = all.iter().flat_map(|base| more.iter().map(move |word| [base.clone(), word.clone()].concat())).collect();
    }
    once(all.iter().map(|words| codes::of(words)).chain(whole()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(once(bases().iter().map(|base| codes::of(base))).len(), 102);
        let (whole, every) = (whole(), every());
        println!("{} codes, {} with every combination", whole.len(), every.len());
        for code in ["A", "X10+one+ees+13", "U+d+es+13+suite=TripleDesRsa15", "XT+one+soap11", "UT+13+nc"] {
            assert!(whole.iter().any(|of| of == code), "{code}");
        }
        for code in ["UT+one+es", "XT+one+d", "X10+one+nc", "UT+one+suite=Basic128"] {
            assert!(!every.iter().any(|of| of == code), "{code} says nothing more than another code");
        }
        assert!(every.iter().any(|of| of == "X+d+ees+13+soap11+wsa04+nc+suite=Basic256Sha256Rsa15"));
        assert!(whole.iter().all(|code| every.contains(code)));
    }
}
