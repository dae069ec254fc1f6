//! What is signed, encrypted or required (WS-SecurityPolicy 1.2, section 4).

use super::Expression;
use crate::model::{ElementPath, HeaderPart, PartSet, Parts};

impl Expression {
    /// Writes the assertions of parts; none where there are none.
    pub(super) fn parts(&mut self, parts: &Parts) {
        let Parts {
            signed,
            encrypted,
            signed_elements,
            encrypted_elements,
            content_encrypted_elements,
            required,
            required_elements,
        } = parts;
        if signed.every_header {
            // Without children it means all of them.
            self.bare("SignedParts");
            let named = PartSet { body: false, every_header: false, headers: signed.headers.clone() };
            self.part_set("SignedParts", &named);
        } else {
            self.part_set("SignedParts", signed);
        }
        self.part_set("EncryptedParts", encrypted);
        self.paths("SignedElements", signed_elements);
        self.paths("EncryptedElements", encrypted_elements);
        if !content_encrypted_elements.is_empty() {
            self.assertion_12("ContentEncryptedElements", |expression| expression.listed(content_encrypted_elements));
        }
        if !required.is_empty() {
            self.assertion_12("RequiredParts", |expression| expression.headers(required));
        }
        self.paths("RequiredElements", required_elements);
    }

    fn part_set(&mut self, local: &str, set: &PartSet) {
        if set.body || !set.headers.is_empty() {
            self.assertion(local, |expression| {
                if set.body {
                    expression.bare("Body");
                }
                expression.headers(&set.headers);
            });
        }
    }

    fn headers(&mut self, headers: &[HeaderPart]) {
        for HeaderPart { name, namespace } in headers {
            self.assertion("Header", |expression| {
                if let Some(name) = name {
                    expression.out.attribute("Name", name);
                }
                expression.out.attribute("Namespace", namespace);
            });
        }
    }

    fn paths(&mut self, local: &str, paths: &[ElementPath]) {
        if !paths.is_empty() {
            self.assertion(local, |expression| expression.listed(paths));
        }
    }

    fn listed(&mut self, paths: &[ElementPath]) {
        for path in paths {
            let prefixes = prefixes(path);
            let taken = prefixes.iter().any(|(prefix, _)| *prefix == "sp");
            self.element(if taken { "security" } else { "sp" }, self.namespace(), "XPath", |expression| {
                for (prefix, namespace) in prefixes {
                    expression.out.declare(prefix, namespace);
                }
                expression.out.text(&path.text);
            });
        }
    }
}

/// The prefixes that a path is written with, and what they stand for.
pub(crate) fn prefixes(path: &ElementPath) -> Vec<(&str, &str)> {
    let mut quote = None;
    let steps = path.text.split(|c| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        quote.is_none() && c == '/'
    });
    // Every step has a name test, which `//` puts an empty one before.
    let tests = steps.map(str::trim).filter(|test| !test.is_empty());
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (test, step) in tests.zip(&path.steps) {
        if let (Some((prefix, _)), Some(namespace)) = (test.split_once(':'), &step.namespace)
            && !test.starts_with('*')
            && !found.iter().any(|(other, _)| *other == prefix)
        {
            found.push((prefix, namespace));
        }
    }
    found
}
