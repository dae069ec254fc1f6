//! Two trees compared: every difference by where it is.

use std::collections::BTreeMap;

use crate::shape::Element;

/// One difference.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Difference {
    /// An attribute or a text is another; `None` where there is no such attribute.
    Value { at: String, recorded: Option<String>, ours: Option<String> },
    /// Only the recorded message has this element.
    Lacking { at: String },
    /// Only ours has it.
    Added { at: String },
    /// The children that both have stand in another order.
    Order { at: String, recorded: String, ours: String },
}

/// All differences of two trees.
pub(crate) fn between(recorded: &Element, ours: &Element) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&recorded.label, recorded, ours, &mut found);
    found
}

fn compare(at: &str, recorded: &Element, ours: &Element, found: &mut Vec<Difference>) {
    let mut values: BTreeMap<String, [Option<&String>; 2]> = BTreeMap::new();
    for (side, element) in [recorded, ours].into_iter().enumerate() {
        for (name, value) in &element.attributes {
            values.entry(format!("{at} @{name}")).or_default()[side] = Some(value);
        }
        values.entry(at.to_owned()).or_default()[side] = Some(&element.text);
    }
    for (at, [recorded, ours]) in values {
        if recorded != ours {
            found.push(Difference::Value { at, recorded: recorded.cloned(), ours: ours.cloned() });
        }
    }
    let [theirs, own] = [numbered(recorded), numbered(ours)];
    let both = |these: &[(String, &Element)], those: &[(String, &Element)]| -> Vec<String> {
        let labels = these.iter().map(|(label, _)| label);
        labels.filter(|label| those.iter().any(|(other, _)| other == *label)).cloned().collect()
    };
    let [in_theirs, in_own] = [both(&theirs, &own), both(&own, &theirs)];
    if in_theirs != in_own {
        found.push(Difference::Order { at: at.to_owned(), recorded: in_theirs.join(" "), ours: in_own.join(" ") });
    }
    for (label, element) in &theirs {
        let at = format!("{at}/{label}");
        match own.iter().find(|(other, _)| other == label) {
            Some((_, ours)) => compare(&at, element, ours, found),
            None => found.push(Difference::Lacking { at }),
        }
    }
    let added = own.iter().filter(|(label, _)| !in_own.contains(label));
    found.extend(added.map(|(label, _)| Difference::Added { at: format!("{at}/{label}") }));
}

/// The children by label; where several have the same, they are numbered.
fn numbered(of: &Element) -> Vec<(String, &Element)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let children = of.children.iter().map(|child| {
        let n = seen.entry(&child.label).or_default();
        *n += 1;
        (if *n == 1 { child.label.clone() } else { format!("{}~{n}", child.label) }, child)
    });
    children.collect()
}
