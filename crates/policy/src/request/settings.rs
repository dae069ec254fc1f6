//! What somebody wants in a request: paths and values, put into a tree.

use super::NotMade;

/// How many elements of one name may be told apart.
const MAX_POSITION: usize = 10_000;
/// How many steps a path may have.
const MAX_STEPS: usize = 100;

/// An element that is wanted. The default is the element of the body.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) attributes: Vec<(String, String)>,
    /// In the order in which they were asked for first.
    pub(super) children: Vec<Node>,
}

impl Node {
    pub(super) fn read(settings: &[(&str, &str)]) -> Result<Self, NotMade> {
        let mut root = Self::default();
        for (path, value) in settings {
            let refuse = |reason| NotMade::Setting { setting: (*path).to_owned(), reason };
            if !value.chars().all(is_character) {
                return Err(refuse("has a character in its value that XML does not have"));
            }
            root.set(path, value).map_err(refuse)?;
        }
        Ok(root)
    }

    fn set(&mut self, path: &str, value: &str) -> Result<(), &'static str> {
        const TWICE: &str = "is set twice";
        let (elements, attribute) = match path.rsplit_once('/') {
            Some((elements, last)) if last.starts_with('@') => (elements, Some(last)),
            None if path.starts_with('@') => ("", Some(path)),
            _ => (path, None),
        };
        let steps: Vec<&str> = if matches!(elements, "" | ".") && (attribute.is_some() || path == ".") {
            Vec::new()
        } else {
            elements.split('/').collect()
        };
        if steps.len() > MAX_STEPS {
            return Err("has too many steps");
        }
        let mut node = self;
        for (number, step) in steps.iter().enumerate() {
            let ends = attribute.is_none() && number + 1 == steps.len();
            node = node.step(step, ends)?;
        }
        match attribute.map(|attribute| &attribute[1..]) {
            Some("") => return Err("names no attribute"),
            Some(name) if node.attributes.iter().any(|(of, _)| of == name) => return Err(TWICE),
            Some(name) => node.attributes.push((name.to_owned(), value.to_owned())),
            None if node.value.is_some() => return Err(TWICE),
            None => node.value = Some(value.to_owned()),
        }
        Ok(())
    }

    /// The element that a step means, which is made if it is not there.
    fn step(&mut self, step: &str, ends: bool) -> Result<&mut Self, &'static str> {
        let (name, position) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
            Some((name, position)) => {
                (name, Some(position.parse::<usize>().map_err(|_| "has a position that is no number")?))
            }
            None => (step, None),
        };
        if name.is_empty() || name.contains(['[', ']', '@']) {
            return Err("is no path: names with / between them, name[2] for the second, @name for an attribute");
        }
        let found: Vec<usize> =
            self.children.iter().enumerate().filter(|(_, child)| child.name == name).map(|(at, _)| at).collect();
        let at = match position {
            Some(0) => return Err("has a position of 0, and the first is 1"),
            Some(position) if position > found.len() + 1 || position > MAX_POSITION => {
                return Err("has a position that leaves one out");
            }
            Some(position) => found.get(position - 1).copied(),
            // One more, where the last is complete.
            None => found.last().copied().filter(|last| !ends || self.children[*last].value.is_none()),
        };
        let at = at.unwrap_or_else(|| {
            self.children.push(Self { name: name.to_owned(), ..Self::default() });
            self.children.len() - 1
        });
        Ok(&mut self.children[at])
    }
}

/// A character of [XML 1.0] section 2.2.
fn is_character(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}
