//! Which policies the CXF peer is tried under: any two words of any two dimensions meet in some code.
//!
//! A code is made of a word for each dimension (`tests/peers/cxf` tells them), the empty one for what is usual. Not every
//! word means something beside every other: over a transport there is no order of protection, outside a conversation
//! nothing to cancel. So a pair of words counts where both mean something, and is met by a code in which both do. The sample
//! begins with fixed lists, the policies of CXF's own tests of conversations among them, and goes on greedily, without chance.

use std::collections::BTreeSet;

use super::table::PORTS;

const BOOT: usize = 0;
const CONVERSATION: usize = 1;
const DERIVED: usize = 2;
pub(super) const ORDER: usize = 3;
const DIALECT: usize = 4;
const CIPHER: usize = 5;
const FLAVOUR: usize = 6;
const ENTROPY: usize = 9;
const CANCEL: usize = 10;
const REFERENCE: usize = 11;
const PROTECT_TOKENS: usize = 14;
const ENCRYPTED_HEADER: usize = 15;
const HASH: usize = 16;
const ELEMENTS: usize = 17;

/// The words of each dimension. The name of the suite is made of those of two.
#[rustfmt::skip]
pub(super) const DIMENSIONS: [&[&str]; 19] = [
    &["A", "X", "X10", "U", "UT", "XT"],
    &["", "one"],
    &["", "d"],
    &["", "es", "ees", "esees"],
    &["", "13"],
    &["Basic256", "Basic192", "Basic128", "TripleDes", "Basic256GCM", "Basic128GCM"],
    &["", "Sha256", "Rsa15", "Sha256Rsa15"],
    &["", "soap11"],
    &["", "wsa04"],
    &["", "entropy=client", "entropy=server"],
    &["", "nc"],
    &["", "ref=KeyIdentifier", "ref=IssuerSerial"],
    &["", "layout=Strict", "layout=Lax", "layout=LaxTsFirst", "layout=LaxTsLast"],
    &["", "conf"],
    &["", "pt"],
    &["", "eh"],
    &["", "hash"],
    &["", "el=Element", "el=Content"],
    &["", "c14n"],
];

/// Tried whatever else is, and over TLS too where that is not what protects.
#[rustfmt::skip]
pub const FIXED: [&str; 18] = [
    "A", "A+d", "U+d", "X+d", "X+d+ees", "X10", "X10+d", "X10+one", "UT", "A+13", "A+d+13", "U+d+13", "X+d+13",
    "X+d+ees+13", "X10+d+es+13", "X10+ees+13", "X10+one+es+13", "UT+13",
];

/// Tried besides: tokens that support in every way, that of the bootstrap and further ones, and what the former sign of their
/// own; and some that a path has signed. Other parts of theirs CXF does not take from itself: its clients have the binding
/// encrypt and sign them, and its services look for them under the token's own key. Then bindings with a token for each
/// purpose; at last, users who sign with keys of their passwords.
#[rustfmt::skip]
const SUPPORTING: [&str; 65] = [
    "X+one+13+as=Plain", "X+es+13+as=Signed", "X+one+13+as=SignedEndorsing", "X+one+d+13+as=Encrypted",
    "X+ees+13+as=SignedEncrypted", "X+one+13+as=EndorsingEncrypted", "X+one+d+ees+13+as=SignedEndorsingEncrypted",
    "X+one+es+13+as=SignedEndorsingEncrypted", "U+one+13+as=Plain", "U+es+13+as=Signed", "U+one+ees+13+as=Encrypted",
    "UT+one+13+as=Encrypted", "XT+one+13+as=SignedEndorsing", "XT+13+as=EndorsingEncrypted",
    "A+one+13+with=U:SignedEncrypted", "A+one+es+13+with=U:Plain", "A+13+with=X:SignedEndorsing", "A+d+13+with=X:Encrypted",
    "A+one+d+13+with=X:EndorsingEncrypted", "X10+one+13+with=U:Plain", "X10+one+es+13+with=U:SignedEncrypted",
    "X10+one+ees+13+with=U:Signed", "X10+one+13+with=X:Endorsing", "UT+one+13+with=X:Endorsing", "UT+one+13+with=U:Plain",
    "X+one+13+parts=SignedElements", "X+one+d+ees+13+parts=SignedParts", "X+13+parts=SignedElements",
    "XT+one+13+parts=SignedElements", "UT+13+sct=Plain", "UT+13+sct=SignedEndorsing", "UT+13+sct=SignedEndorsingEncrypted",
    "A+13+sct=Endorsing", "A+d+13+sct=Endorsing", "A+13+sct=Plain", "X10+13+sct=Endorsing",
    "U+one+13+as=Encrypted+se=UsernameToken", "U+one+es+13+as=Encrypted+se=UsernameToken",
    "U+one+esees+c14n+13+as=Plain+se=UsernameToken", "A+one+d+13+se=EncryptedKey", "A+one+es+c14n+13+se=EncryptedKey",
    "X+one+ees+13+as=Plain+se=BinarySecurityToken",
    "X10+one+13+purposes", "X10+one+ees+13+purposes+pt", "X10+one+es+13+purposes", "X10+13+purposes", "X10+one+purposes",
    "A+d+ees+13+purposes", "X+one+d+es+13+purposes",
    "A+one+13+with=K:Endorsing", "A+one+d+ees+13+with=K:SignedEndorsing", "A+one+es+13+with=K:EndorsingEncrypted",
    "A+one+esees+13+with=K:EndorsingEncrypted", "A+one+13+with=KD:SignedEndorsing",
    "A+one+es+13+with=KD:SignedEndorsingEncrypted", "A+one+soap11+with=K:SignedEndorsing",
    "A+one+conf+13+with=K:SignedEndorsing", "A+13+with=K:Endorsing", "X10+one+13+with=K:Endorsing",
    "X10+one+es+13+with=KD:SignedEndorsing", "X10+one+13+with=K:EndorsingEncrypted", "KT+one+13",
    "KT+one+d+13+as=EndorsingEncrypted", "KT+13", "KT+d+13",
];

/// Tried against CXF's services alone. A context that is signed its clients do not find in their own message. A policy that says
/// where references to a context lead (`target`) it takes from nobody, for it never finds that one is kept: what it takes is
/// the message.
#[rustfmt::skip]
pub const SERVED: [&str; 8] = [
    "A+13+target=ExternalUri", "A+d+ees+13+target=ExternalUri", "X+d+es+13+target=External", "U+d+13+target=Internal",
    "A+13+sct=Signed", "A+d+ees+13+sct=SignedEndorsing", "X10+13+sct=SignedEndorsing", "X10+es+13+sct=Signed",
];

/// Tried besides: policies of operations, that leave a choice or are of some operations alone.
#[rustfmt::skip]
const SCOPED: [&str; 6] = [
    "A+one+13+choice", "X10+one+es+13+choice", "X+13+choice", "A+one+13+clear", "X10+one+13+clear", "U+one+13+soap11+clear",
];

/// The number of a word in each dimension.
type Choice = [usize; DIMENSIONS.len()];

/// Dimension and word, twice.
type Pair = [(usize, usize); 2];

/// The codes that `NUNCIO_CXF_CODES` names, to try others than those of the sample; else the sample and `besides`.
pub fn tried(besides: &[&str]) -> Vec<String> {
    match std::env::var("NUNCIO_CXF_CODES") {
        Ok(named) => named.split(',').map(str::to_owned).collect(),
        Err(_) => codes().into_iter().chain(besides.iter().map(|&code| code.to_owned())).collect(),
    }
}

/// The sample.
fn codes() -> Vec<String> {
    let mut ports: Vec<_> = PORTS.iter().map(|&(_, code)| code).collect();
    ports.sort_unstable();
    ports.dedup();
    let fixed = FIXED.iter().chain(&SUPPORTING).chain(&SCOPED).chain(&ports);
    let mut codes: Vec<String> = fixed.map(|&code| code.to_owned()).collect();
    let mut missing = all_pairs();
    for code in FIXED.iter().chain(&ports) {
        let met = chosen(code.split('+')).map(|choice| pairs(&choice)).unwrap_or_default();
        missing.retain(|pair| !met.contains(pair));
    }
    while let Some(&pair) = missing.first() {
        let choice = with(pair, &missing);
        let met = pairs(&choice);
        missing.retain(|pair| !met.contains(pair));
        codes.push(code(&choice));
    }
    codes
}

/// Every pair that there is a code for.
fn all_pairs() -> BTreeSet<Pair> {
    let words = |dimension: usize| (0..DIMENSIONS[dimension].len()).map(move |word| (dimension, word));
    let dimensions = 0..DIMENSIONS.len();
    dimensions
        .clone()
        .flat_map(|one| dimensions.clone().skip(one + 1).map(move |other| (one, other)))
        .flat_map(|(one, other)| words(one).flat_map(move |first| words(other).map(move |second| [first, second])))
        .filter(|pair| !grounds(*pair).is_empty())
        .collect()
}

/// The choices in which a pair counts, as far as what decides over that goes.
fn grounds(pair: Pair) -> Vec<Choice> {
    let mut grounds = vec![[0; DIMENSIONS.len()]];
    for dimension in [BOOT, CONVERSATION, DERIVED, ORDER, DIALECT, FLAVOUR] {
        let each = |choice: Choice| {
            (0..DIMENSIONS[dimension].len()).map(move |word| {
                let mut choice = choice;
                choice[dimension] = word;
                choice
            })
        };
        grounds = grounds.into_iter().flat_map(each).collect();
    }
    for choice in &mut grounds {
        for &(dimension, word) in &pair {
            choice[dimension] = word;
        }
    }
    grounds.retain(|choice| meets(choice, pair));
    grounds
}

/// A choice in which that pair counts, and as many missing ones as are found by changing one word after the other.
fn with(pair: Pair, missing: &BTreeSet<Pair>) -> Choice {
    let worth = |choice: &Choice| {
        if meets(choice, pair) { pairs(choice).iter().filter(|pair| missing.contains(*pair)).count() } else { 0 }
    };
    let mut best = grounds(pair).into_iter().max_by_key(worth).expect("a pair that counts somewhere");
    for _ in 0..2 {
        for dimension in 0..DIMENSIONS.len() {
            for word in 0..DIMENSIONS[dimension].len() {
                let mut other = best;
                other[dimension] = word;
                if worth(&other) > worth(&best) {
                    best = other;
                }
            }
        }
    }
    best
}

/// Whether a pair is in a choice, and counts there.
fn meets(choice: &Choice, pair: Pair) -> bool {
    let met = |(dimension, word): (usize, usize)| choice[dimension] == word && counts(choice, dimension);
    pair.into_iter().all(met) && !is_left_out(choice)
}

/// The pairs that count in a choice; none in one that is left out.
fn pairs(choice: &Choice) -> Vec<Pair> {
    if is_left_out(choice) {
        return Vec::new();
    }
    let counted: Vec<_> = (0..DIMENSIONS.len()).filter(|&dimension| counts(choice, dimension)).collect();
    let word = |dimension: usize| (dimension, choice[dimension]);
    let after = |at: usize, one: usize| counted[at + 1..].iter().map(move |&other| [word(one), word(other)]);
    counted.iter().enumerate().flat_map(|(at, &one)| after(at, one)).collect()
}

fn word(choice: &Choice, dimension: usize) -> &'static str {
    DIMENSIONS[dimension][choice[dimension]]
}

/// Whether the word of a dimension means something beside the others.
fn counts(choice: &Choice, dimension: usize) -> bool {
    let (boot, per_message) = (word(choice, BOOT), word(choice, CONVERSATION) == "one");
    let over_transport = matches!(boot, "UT" | "XT");
    match dimension {
        DERIVED => !per_message || !over_transport && boot != "X10",
        FLAVOUR => boot != "UT" || !per_message,
        ENTROPY | CANCEL => !per_message,
        REFERENCE => boot != "UT",
        // Over a transport nothing is encrypted, and only endorsing tokens sign.
        ORDER | CIPHER | PROTECT_TOKENS | ENCRYPTED_HEADER => !over_transport,
        // Elements' content is of WS-SecurityPolicy 1.2.
        ELEMENTS => !over_transport && (word(choice, ELEMENTS) != "el=Content" || word(choice, DIALECT) == "13"),
        // Which WS-SecurityPolicy 1.1 has no word for.
        HASH => matches!(boot, "U" | "UT") && word(choice, DIALECT) == "13",
        _ => true,
    }
}

/// What is left out: what CXF has no word for or does not do with itself, and what it does in a way that is nobody else's.
fn is_left_out(choice: &Choice) -> bool {
    let is = |dimension, wanted| word(choice, dimension) == wanted;
    let over_transport = is(BOOT, "UT") || is(BOOT, "XT");
    let gcm = word(choice, CIPHER).ends_with("GCM") && counts(choice, CIPHER);
    let no_suite = gcm && is(FLAVOUR, "Sha256");
    // It digests with SHA-1 where a derived key endorses, whatever the suite, and does not take that itself.
    let sha1 = over_transport && is(DERIVED, "d") && word(choice, FLAVOUR).starts_with("Sha256");
    // Where it encrypts first, it does not find the header that it encrypted.
    let header = word(choice, ORDER).starts_with("es") && is(ENCRYPTED_HEADER, "eh") && !over_transport;
    // It encrypts with all of a session key of 256 bits, and calls that AES of 128.
    let whole_key = gcm && is(CIPHER, "Basic128GCM") && is(DERIVED, "") && is(CONVERSATION, "");
    // Where something of the security header is encrypted as well, it does not find what it encrypted of elements.
    let in_header = is(ORDER, "ees") || is(ORDER, "esees") || is(BOOT, "U") && is(CONVERSATION, "one");
    // Nor, once in a few dozen messages, of those of the asymmetric binding.
    let asymmetric = is(BOOT, "X10") && is(CONVERSATION, "one");
    let elements = (in_header || asymmetric) && !is(ELEMENTS, "") && !over_transport;
    elements || no_suite || sha1 || header || whole_key
}

fn code(choice: &Choice) -> String {
    let mut words: Vec<String> = Vec::new();
    for dimension in (0..DIMENSIONS.len()).filter(|&dimension| counts(choice, dimension)) {
        match (dimension, word(choice, dimension)) {
            (FLAVOUR, _) | (_, "" | "Basic256") => {}
            (_, word) => words.push(word.to_owned()),
        }
    }
    words.retain(|word| !DIMENSIONS[CIPHER].contains(&word.as_str()));
    let suite = word(choice, CIPHER).to_owned() + word(choice, FLAVOUR);
    if suite != "Basic256" && counts(choice, FLAVOUR) {
        words.push(format!("suite={suite}"));
    }
    words.join("+")
}

/// The code of these words, each of a dimension.
pub(super) fn of(words: &[&str]) -> String {
    code(&chosen(words.iter().copied()).expect("words of dimensions"))
}

/// The choice that words make, if each is of a dimension.
fn chosen<'words>(words: impl Iterator<Item = &'words str>) -> Option<Choice> {
    let mut choice = [0; DIMENSIONS.len()];
    let of = |dimension: usize, word: &str| DIMENSIONS[dimension].iter().position(|of| *of == word);
    for word in words.filter(|word| !word.is_empty()) {
        if let Some(suite) = word.strip_prefix("suite=") {
            let parts =
                |cipher: &usize| Some((*cipher, of(FLAVOUR, suite.strip_prefix(DIMENSIONS[CIPHER][*cipher])?)?));
            (choice[CIPHER], choice[FLAVOUR]) = (0..DIMENSIONS[CIPHER].len()).find_map(|cipher| parts(&cipher))?;
        } else {
            let (dimension, number) =
                (0..DIMENSIONS.len()).find_map(|dimension| Some((dimension, of(dimension, word)?)))?;
            choice[dimension] = number;
        }
    }
    Some(choice)
}

#[test]
fn every_pair_meets_in_a_code_of_the_sample() {
    let (all, codes) = (all_pairs(), codes());
    println!("{} pairs, {} codes: {codes:?}", all.len(), codes.len());
    assert!(all.len() > 500, "{}", all.len());
    assert!(codes.len() < 75 + SUPPORTING.len() + SCOPED.len() + PORTS.len(), "{codes:?}");
    let lacks = |pair: &Pair| {
        let words = pair.map(|(dimension, word)| DIMENSIONS[dimension][word]);
        let says = |code: &String| {
            let of_suite = |word: &str| code.contains("suite=") && code.contains(word);
            words.iter().all(|word| word.is_empty() || code.split('+').any(|of| of == *word) || of_suite(word))
        };
        // Usual words are not written, so that only those that are can be looked for.
        !words.iter().any(|word| word.is_empty() || *word == "Basic256") && !codes.iter().any(says)
    };
    let lacking: Vec<_> = all.iter().filter(|pair| lacks(pair)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}
