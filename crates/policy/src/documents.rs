//! The documents of a contract: its WSDL, and what that imports. Nothing is fetched here: who has them says where each is,
//! and what an import leads to.

use nuncio_xml::foreign::{self, Element};

use crate::error::Place;
use crate::names;
use crate::publish::Unpublishable;
use crate::wsdl::unreadable;

/// How many documents a contract may have.
const MAX_DOCUMENTS: usize = 64;
/// How many octets they may have together: each is kept, and served to anyone who asks.
const MAX_OCTETS: usize = 16 * 1024 * 1024;

/// How many imports they may have together: as many as if each had every other. Each is looked for among all.
const MAX_IMPORTS: usize = MAX_DOCUMENTS * MAX_DOCUMENTS;

/// What a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DocumentKind {
    /// `wsdl:definitions`.
    Wsdl,
    /// `xsd:schema`.
    Schema,
}

/// The documents of a contract as they were found. Where each is, and what an import leads to, is said in the words of who
/// fetches them: paths or URLs.
#[derive(Debug)]
pub struct Documents {
    pub(crate) all: Vec<Document>,
    imports: Vec<Import>,
    octets: usize,
}

#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) at: String,
    pub(crate) kind: DocumentKind,
    pub(crate) text: String,
    pub(crate) root: Element,
}

/// An import of one document in another.
#[derive(Debug)]
struct Import {
    document: usize,
    /// Where its start tag begins.
    tag: usize,
    location: String,
    leads: Leads,
}

/// Where an import leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Leads {
    /// Nothing was said of it yet.
    Unknown,
    /// Where it says.
    AsWritten,
    /// To one of the documents.
    To(usize),
}

impl Documents {
    /// The documents of a contract, with the one that comes first.
    pub fn new(at: &str, bytes: &[u8]) -> Result<Self, Unpublishable> {
        let mut documents = Self { all: Vec::new(), imports: Vec::new(), octets: 0 };
        documents.add(at, bytes)?;
        match documents.all.first() {
            Some(Document { kind: DocumentKind::Wsdl, .. }) => Ok(documents),
            _ => Err(Unpublishable::NotAContract { at: at.to_owned() }),
        }
    }

    /// An import that nothing was said of yet: where the document is that has it, and what it says of where it leads.
    pub fn import(&self) -> Option<(&str, &str)> {
        let import = self.imports.iter().find(|import| import.leads == Leads::Unknown)?;
        Some((&self.all[import.document].at, &import.location))
    }

    /// Leaves that import as it stands.
    pub fn leave(&mut self) {
        self.settle(Leads::AsWritten);
    }

    /// Where each document is, and what it says, in the order in which they were found.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|document| (document.at.as_str(), document.text.as_str()))
    }

    /// Whether a document is among them.
    pub fn has(&self, at: &str) -> bool {
        self.all.iter().any(|document| document.at == at)
    }

    /// Says that that import leads to a document that is among them.
    pub fn link(&mut self, at: &str) {
        let position = self.all.iter().position(|document| document.at == at);
        self.settle(position.map_or(Leads::AsWritten, Leads::To));
    }

    /// Adds a document.
    pub fn add(&mut self, at: &str, bytes: &[u8]) -> Result<(), Unpublishable> {
        self.octets += bytes.len();
        if self.all.len() == MAX_DOCUMENTS || self.octets > MAX_OCTETS {
            return Err(Unpublishable::TooLarge { documents: MAX_DOCUMENTS, octets: MAX_OCTETS });
        }
        let root = foreign::read(bytes).map_err(|error| Unpublishable::Policy(unreadable(at, error)))?;
        let text = foreign::text(bytes).map_err(|error| Unpublishable::Policy(unreadable(at, error)))?.to_owned();
        let kind = match (root.namespace.as_str(), root.local.as_str()) {
            (names::WSDL, "definitions") => DocumentKind::Wsdl,
            (names::SCHEMA, "schema") => DocumentKind::Schema,
            _ => return Err(Unpublishable::NotAContract { at: Place::of(at, &root).to_string() }),
        };
        let document = self.all.len();
        let mut found = Vec::new();
        imports(&root, &mut found);
        if self.imports.len() + found.len() > MAX_IMPORTS {
            return Err(Unpublishable::TooManyImports { limit: MAX_IMPORTS });
        }
        self.imports.extend(found.into_iter().map(|(element, location)| Import {
            document,
            tag: element.tag.start,
            location: location.to_owned(),
            leads: Leads::Unknown,
        }));
        self.all.push(Document { at: at.to_owned(), kind, text, root });
        Ok(())
    }

    fn settle(&mut self, leads: Leads) {
        if let Some(import) = self.imports.iter_mut().find(|import| import.leads == Leads::Unknown) {
            import.leads = leads;
        }
    }

    /// The document that an import of another leads to, by where its start tag is.
    pub(crate) fn target(&self, document: usize, tag: usize) -> Option<usize> {
        let import = self.imports.iter().find(|import| import.document == document && import.tag == tag)?;
        if let Leads::To(target) = import.leads { Some(target) } else { None }
    }
}

/// The imports of a document, with their locations: those of WSDL, and those of schemas within it.
pub(crate) fn imports<'a>(element: &'a Element, into: &mut Vec<(&'a Element, &'a str)>) {
    for child in element.elements() {
        let location = match (child.namespace.as_str(), child.local.as_str()) {
            (names::WSDL, "import") => child.attribute("", "location"),
            (names::SCHEMA, "import" | "include" | "redefine") => child.attribute("", "schemaLocation"),
            (names::WSDL, "types") | (names::SCHEMA, "schema") => {
                imports(child, into);
                None
            }
            _ => None,
        };
        into.extend(location.map(|location| (child, location)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of all documents together: whoever publishes them says how many there are.
    #[test]
    fn imports_are_bounded() {
        let contract = |imports: usize| {
            let import = "<import location='a'/>".repeat(imports);
            format!("<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'>{import}</definitions>")
        };
        assert!(Documents::new("a", contract(MAX_IMPORTS).as_bytes()).is_ok());
        let refused = Err(Unpublishable::TooManyImports { limit: MAX_IMPORTS });
        assert_eq!(Documents::new("a", contract(MAX_IMPORTS + 1).as_bytes()).map(drop), refused);
        let mut documents = Documents::new("a", contract(MAX_IMPORTS).as_bytes()).unwrap();
        assert_eq!(documents.add("b", contract(1).as_bytes()), refused);
    }
}
