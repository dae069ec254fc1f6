//! The schemas of a contract, and their components by name.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use nuncio_xml::foreign::Element;

use super::NotMade;
use crate::documents::{DocumentKind, Documents};
use crate::names;

/// How many parts of schemas are looked at.
pub(super) const MAX_WORK: usize = 200_000;

/// What kinds of components have names of their own.
const KINDS: [&str; 6] = ["element", "complexType", "simpleType", "group", "attributeGroup", "attribute"];

/// The schema that something stands in.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    /// Its target namespace.
    pub(super) namespace: &'a str,
    /// Whether it has that from the schema that includes it: names without namespace are then in that too.
    borrowed: bool,
    /// `elementFormDefault` and `attributeFormDefault`: whether local names are in the target namespace.
    elements_qualified: bool,
    attributes_qualified: bool,
}

/// Something of a schema.
#[derive(Clone, Copy)]
pub(super) struct Component<'a> {
    pub(super) element: &'a Element,
    pub(super) within: Within<'a>,
}

/// A name with its namespace.
pub(super) type Name<'a> = (&'a str, &'a str);

/// The schemas of a contract.
pub(super) struct Schema<'a> {
    components: HashMap<(&'static str, Name<'a>), Component<'a>>,
    /// The elements that may stand for one.
    substitutes: HashMap<Name<'a>, Vec<Component<'a>>>,
    /// What is redefined.
    redefined: HashSet<Name<'a>>,
    /// Namespace and location of what is imported and not among the documents.
    absent: Vec<(&'a str, &'a str)>,
    work: Cell<usize>,
}

impl<'a> Within<'a> {
    /// Names that are not of a schema: those of a part of a message.
    pub(super) const NONE: Self =
        Self { namespace: "", borrowed: false, elements_qualified: false, attributes_qualified: false };

    fn new(schema: &'a Element, borrowed: Option<&'a str>) -> Self {
        let qualified = |form| schema.attribute("", form) == Some("qualified");
        Self {
            namespace: borrowed.or_else(|| schema.attribute("", "targetNamespace")).unwrap_or_default(),
            borrowed: borrowed.is_some(),
            elements_qualified: qualified("elementFormDefault"),
            attributes_qualified: qualified("attributeFormDefault"),
        }
    }

    /// The namespace of a local element or attribute.
    pub(super) fn of_local(self, declaration: &Element) -> &'a str {
        let by_default =
            if declaration.local == "attribute" { self.attributes_qualified } else { self.elements_qualified };
        let qualified = declaration.attribute("", "form").map_or(by_default, |form| form == "qualified");
        if qualified { self.namespace } else { "" }
    }

    /// What a name in the content of an element means.
    pub(super) fn resolve(self, at: &'a Element, name: &'a str) -> Result<Name<'a>, NotMade> {
        match at.resolve(name) {
            Some(("", local)) if self.borrowed => Ok((self.namespace, local)),
            Some(name) => Ok(name),
            None => Err(NotMade::Prefix { name: name.to_owned() }),
        }
    }
}

impl<'a> Schema<'a> {
    pub(super) fn new(documents: &'a Documents) -> Result<Self, NotMade> {
        let mut schema = Self {
            components: HashMap::new(),
            substitutes: HashMap::new(),
            redefined: HashSet::new(),
            absent: Vec::new(),
            work: Cell::new(0),
        };
        let mut pending: Vec<(usize, &'a Element, Option<&'a str>)> = Vec::new();
        for (number, document) in documents.all.iter().enumerate() {
            match document.kind {
                DocumentKind::Schema => pending.push((number, &document.root, None)),
                DocumentKind::Wsdl => {
                    let types = document.root.elements().filter(|one| one.is(names::WSDL, "types"));
                    let schemas = types.flat_map(Element::elements).filter(|one| one.is(names::SCHEMA, "schema"));
                    pending.extend(schemas.map(|one| (number, one, None)));
                }
            }
        }
        let mut seen = HashSet::new();
        while let Some((number, root, borrowed)) = pending.pop() {
            let within = Within::new(root, borrowed);
            if !seen.insert((std::ptr::from_ref(root), within.namespace)) {
                continue;
            }
            schema.add(root, within)?;
            for child in root.elements().filter(|one| one.namespace == names::SCHEMA) {
                let Some(location) = child.attribute("", "schemaLocation") else { continue };
                let target =
                    documents.target(number, child.tag.start).map(|target| (target, &documents.all[target].root));
                match (child.local.as_str(), target) {
                    ("include" | "redefine", Some((target, root))) => {
                        // A schema without a target namespace takes on that of who includes it.
                        let borrows = root.attribute("", "targetNamespace").is_none() && !within.namespace.is_empty();
                        pending.extend(borrows.then_some((target, root, Some(within.namespace))));
                    }
                    ("include" | "redefine", None) => schema.absent.push((within.namespace, location)),
                    ("import", None) => {
                        schema.absent.push((child.attribute("", "namespace").unwrap_or_default(), location));
                    }
                    _ => {}
                }
            }
        }
        schema.work.set(0);
        Ok(schema)
    }

    fn add(&mut self, root: &'a Element, within: Within<'a>) -> Result<(), NotMade> {
        for element in root.elements().filter(|one| one.namespace == names::SCHEMA) {
            self.work(1)?;
            if element.local == "redefine" {
                let redefined = element.elements().filter_map(|one| one.attribute("", "name"));
                self.redefined.extend(redefined.map(|name| (within.namespace, name)));
                continue;
            }
            let kind = KINDS.into_iter().find(|kind| *kind == element.local);
            let (Some(kind), Some(name)) = (kind, element.attribute("", "name")) else { continue };
            let component = Component { element, within };
            self.components.entry((kind, (within.namespace, name))).or_insert(component);
            if let Some(head) = element.attribute("", "substitutionGroup") {
                self.substitutes.entry(within.resolve(element, head)?).or_default().push(component);
            }
        }
        Ok(())
    }

    /// Notes that so much is looked at.
    pub(super) fn work(&self, parts: usize) -> Result<(), NotMade> {
        self.work.set(self.work.get().saturating_add(parts));
        if self.work.get() > MAX_WORK { Err(NotMade::TooIntricate { limit: MAX_WORK }) } else { Ok(()) }
    }

    /// Begins to count anew.
    pub(super) fn begin(&self) {
        self.work.set(0);
    }

    /// The component of a kind and name; `None` where there is none.
    pub(super) fn find(&self, kind: &'static str, name: Name<'a>) -> Result<Option<Component<'a>>, NotMade> {
        if self.redefined.contains(&name) {
            return Err(NotMade::NotBuilt { at: name.1.to_owned(), what: "what is redefined".to_owned() });
        }
        Ok(self.components.get(&(kind, name)).copied())
    }

    /// The component of a kind and name.
    pub(super) fn named(&self, kind: &'static str, name: Name<'a>) -> Result<Component<'a>, NotMade> {
        self.find(kind, name)?.ok_or_else(|| self.undefined(kind, name))
    }

    pub(super) fn undefined(&self, kind: &'static str, (namespace, name): Name<'_>) -> NotMade {
        let location = self.absent.iter().find(|(of, _)| *of == namespace).map(|(_, location)| (*location).to_owned());
        NotMade::Undefined { kind, namespace: namespace.to_owned(), name: name.to_owned(), location }
    }

    /// The elements that say that they may stand for the one of that name.
    pub(super) fn substitutes(&self, head: Name<'a>) -> &[Component<'a>] {
        self.substitutes.get(&head).map_or(&[], Vec::as_slice)
    }

    /// The types of a local name, that of a namespace first.
    pub(super) fn types_called(&self, local: &str, namespace: &str) -> Option<(Name<'a>, Component<'a>)> {
        let mut found: Vec<_> = self
            .components
            .iter()
            .filter(|((kind, name), _)| kind.ends_with("Type") && name.1 == local)
            .map(|((_, name), component)| (*name, *component))
            .collect();
        found.sort_by_key(|(name, _)| (name.0 != namespace, name.0));
        found.first().copied()
    }
}
