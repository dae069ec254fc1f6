//! Policies that have elements encrypted where they stand, or what is within them, under every binding in every order.

use nuncio_policy::model::{DerivedKeys, ElementPath, HeaderPart, PartSet, Step};
use nuncio_policy::preset;
use nuncio_policy::suite::SUITES;

use crate::shapes::{Change, ORDERS, Shape};
use crate::supported::BLOCKS;

const PRESETS: [&str; 4] = [
    "wcf-ws2007-mutualCertificate",
    "wcf-wshttp-userNameForCertificate",
    "wcf-ws2007-anonymousForCertificate-conversation",
    "wse-mutualCertificate10Security",
];

/// Names of elements, wherever they stand, and of elements whose content is meant.
type Names = &'static [(&'static str, &'static str)];
const NAMES: [(&str, Names, Names); 4] = [
    ("an element", &[("urn:example", "text")], &[]),
    ("an element's content", &[], &[("urn:example", "text")]),
    ("two elements", &[("urn:example", "text"), ("urn:example", "none")], &[]),
    ("a header block and all of the payload", &[(BLOCKS, "Secret")], &[("urn:example", "Echo")]),
];

/// All of them.
pub(crate) fn hidden() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for name in PRESETS {
        for &order in ORDERS {
            for (what, elements, contents) in NAMES {
                let preset = preset::named(name).expect("a preset");
                let mut policy = preset.policy;
                let turn = shapes.len();
                let derived = [DerivedKeys::Explicit, DerivedKeys::None, DerivedKeys::Implied][turn % 3];
                let suite = &SUITES[turn * 7 % SUITES.len()];
                Change { suite, order, derived, protect: false, turn }.apply(&mut policy);
                policy.parts.encrypted = PartSet::default();
                policy.parts.encrypted_elements = elements.iter().map(path).collect();
                policy.parts.content_encrypted_elements = contents.iter().map(path).collect();
                let headers = elements.iter().any(|(of, _)| *of == BLOCKS);
                if headers {
                    policy.parts.signed.headers.push(HeaderPart { name: None, namespace: BLOCKS.to_owned() });
                }
                let name = format!("{what} encrypted, {}, {}, {name}", suite.name, order.words());
                let soap = preset.soap[turn % preset.soap.len()];
                shapes.push(Shape { name, policy, soap, headers, alone: false });
            }
        }
    }
    shapes
}

/// The path to every element of a name.
fn path(&(namespace, local): &(&str, &str)) -> ElementPath {
    let step = Step { anywhere_below: true, namespace: Some(namespace.to_owned()), local: Some(local.to_owned()) };
    ElementPath { text: format!("//{local}"), steps: vec![step] }
}
