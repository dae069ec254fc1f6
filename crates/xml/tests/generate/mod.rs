//! Random documents from a seed: trees with prefixes, default namespaces that come and go, escapes, CDATA, comments.

#![allow(dead_code, reason = "each test uses its part")]

use nuncio_xml::Limits;

/// Limits that no generated document meets.
pub(crate) const WIDE: Limits = Limits {
    bytes: 1 << 24,
    depth: 512,
    attributes: 64,
    attribute_bytes: 1 << 14,
    declarations: 64,
    declarations_in_scope: 1000,
    elements: 100_000,
    children: 100_000,
    name_bytes: 256,
    names: 4096,
    text_bytes: 1 << 20,
};

/// A generator of numbers (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PREFIXES: &[&str] = &["a", "b", "c", "d"];
const URIS: &[&str] = &["urn:one", "urn:two", "http://three.example/&amp;x", "urn:f&#x6f;ur"];
const LOCALS: &[&str] = &["Alpha", "beta", "g.a-m_ma", "\u{e9}l\u{e9}ment", "z"];
const TEXTS: &[&str] = &[
    "plain",
    " ",
    "\n  ",
    "a &amp; b",
    "&lt;&gt;&quot;&apos;",
    "x > y",
    "&#13;",
    "&#xD;&#10;",
    "cr\r\nlf\rend",
    "caf\u{e9} \u{1F600}",
    "]]",
    "<![CDATA[<&>]]>",
    "<![CDATA[]]>",
    "<![CDATA[a\r\nb]]>",
    "&#x41;",
    "\t",
    "a:qname",
    "a rather long run of text that goes on beyond the short scan of the lexer, to its vector search &amp; more",
];
const VALUES: &[&str] = &[
    "v",
    "",
    "a &amp; b",
    "it's",
    "&quot;",
    "tab\tlf\ncr\r\ncr\r.",
    "&#9;&#10;&#13;",
    "x > y",
    "&lt;",
    "b:name",
    "&gt;&apos;",
    "a value that is longer than thirty-two octets, and then some more of it &quot; there",
];

/// A document, and as much of it as `size` allows.
pub(crate) fn document(random: &mut Random, size: usize) -> String {
    let mut out = String::new();
    if random.one_in(4) {
        out.push_str("<?xml version='1.0' encoding=\"UTF-8\"?>\n<!-- before -->\n");
    }
    let mut scope = vec![(String::new(), String::new())];
    let mut budget = size;
    element(random, &mut out, &mut scope, 0, &mut budget);
    if random.one_in(4) {
        out.push_str("\n<!-- after -->\n");
    }
    out
}

fn lookup<'a>(scope: &'a [(String, String)], prefix: &str) -> Option<&'a str> {
    scope.iter().rev().find(|(bound, _)| bound == prefix).map(|(_, uri)| uri.as_str())
}

fn element(random: &mut Random, out: &mut String, scope: &mut Vec<(String, String)>, depth: usize, budget: &mut usize) {
    let mark = scope.len();
    let mut parts = Vec::new();
    for _ in 0..random.below(3) {
        if random.one_in(2) {
            continue;
        }
        let prefix = if random.one_in(3) { "" } else { random.pick(PREFIXES) };
        let uri = if prefix.is_empty() && random.one_in(3) { "" } else { random.pick(URIS) };
        if scope[mark..].iter().all(|(bound, _)| bound != prefix) {
            scope.push((prefix.to_owned(), uri.to_owned()));
            let colon = if prefix.is_empty() { "" } else { ":" };
            parts.push(format!("xmlns{colon}{prefix}=\"{uri}\""));
        }
    }
    let bound: Vec<String> =
        PREFIXES.iter().filter(|prefix| lookup(scope, prefix).is_some()).map(|&prefix| prefix.to_owned()).collect();
    let qualify = |random: &mut Random, local: &str| match bound.as_slice() {
        [] => local.to_owned(),
        _ if random.one_in(3) => local.to_owned(),
        some => format!("{}:{local}", some[random.below(some.len())]),
    };
    let mut seen: Vec<(String, String)> = Vec::new();
    for _ in 0..random.below(4) {
        let local = random.pick(LOCALS);
        let name = if random.one_in(12) { format!("xml:{local}") } else { qualify(random, local) };
        let uri = match name.split_once(':') {
            Some(("xml", _)) => "xml",
            Some((prefix, _)) => lookup(scope, prefix).unwrap_or(""),
            None => "",
        };
        // `f&#x6f;ur` and its like are the same namespace only as values, and here is one spelling of each.
        let key = (uri.to_owned(), local.to_owned());
        if !seen.contains(&key) {
            seen.push(key);
            let value = random.pick(VALUES);
            let single = !value.contains('\'') && random.one_in(4);
            parts.push(if single { format!("{name} = '{value}'") } else { format!("{name}=\"{value}\"") });
        }
    }
    // Declarations and attributes in any order.
    for at in (1..parts.len()).rev() {
        parts.swap(at, random.below(at + 1));
    }
    let local = random.pick(LOCALS);
    let name = qualify(random, local);
    out.push('<');
    out.push_str(&name);
    for part in parts {
        out.push_str(if random.one_in(6) { "\n " } else { " " });
        out.push_str(&part);
    }
    let children = if depth > 12 { 0 } else { random.below(5) };
    if children == 0 && random.one_in(2) {
        out.push_str("/>");
    } else {
        out.push('>');
        for _ in 0..children {
            if *budget == 0 || random.one_in(3) {
                out.push_str(random.pick(TEXTS));
            } else if random.one_in(8) {
                out.push_str("<!-- a > b & c -->");
            } else {
                *budget -= 1;
                element(random, out, scope, depth + 1, budget);
            }
        }
        out.push_str("</");
        out.push_str(&name);
        out.push_str(if random.one_in(6) { " >" } else { ">" });
    }
    scope.truncate(mark);
}
