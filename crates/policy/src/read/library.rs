//! The policies of one file, by what refers to them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use nuncio_xml::foreign::Element;

use crate::error::{Place, PolicyError, Remark};
use crate::names;

/// How many assertions are gone through for one file, each time that one is: bringing policies into normal form multiplies
/// them. The largest contracts of large products stay below a hundredth of it.
const MAX_WORK: usize = 20_000_000;
/// How many remarks are kept.
const MAX_REMARKS: usize = 1000;

/// The policies of one file, and what has been found out while reading it.
pub(crate) struct Library<'a> {
    /// The file, as the caller named it.
    pub(crate) file: &'a str,
    /// `wsu:Id`, `xml:id`, or `Id` without namespace: what `#id` refers to. `Name` is among them, for files that refer
    /// to a name as if it were an id.
    ids: HashMap<&'a str, Vec<&'a Element>>,
    /// `Name`, which is an IRI: what a reference without `#` may refer to.
    names: HashMap<&'a str, Vec<&'a Element>>,
    /// How much work has been done.
    work: Cell<usize>,
    remarks: RefCell<Vec<Remark>>,
}

impl<'a> Library<'a> {
    /// Indexes every policy below an element.
    pub(crate) fn new(file: &'a str, root: &'a Element) -> Self {
        let (ids, names) = (HashMap::new(), HashMap::new());
        let mut library = Self { file, ids, names, work: Cell::new(0), remarks: RefCell::default() };
        library.index(root);
        library
    }

    /// Notes that so many assertions are gone through; refused where that becomes too many.
    pub(crate) fn work(&self, at: &Element, assertions: usize) -> Result<(), PolicyError> {
        self.work.set(self.work.get().saturating_add(assertions));
        if self.work.get() > MAX_WORK {
            return Err(PolicyError::TooIntricate { at: Place::of(self.file, at), limit: MAX_WORK });
        }
        Ok(())
    }

    /// Remarks upon an element. Once: the same policy is read for many messages, and in many alternatives.
    pub(crate) fn remark(&self, at: &Element, words: impl Into<String>) {
        let remark = Remark { at: Place::of(self.file, at), words: words.into() };
        let mut remarks = self.remarks.borrow_mut();
        if remarks.len() < MAX_REMARKS && !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }

    /// What has been remarked, in the order of the file.
    pub(crate) fn into_remarks(self) -> Vec<Remark> {
        let mut remarks = self.remarks.into_inner();
        remarks.sort_by_key(|remark| remark.at.line);
        remarks
    }

    fn index(&mut self, element: &'a Element) {
        if is_policy(element) {
            if let Some(name) = element.attribute("", "Name") {
                self.names.entry(name).or_default().push(element);
            }
            if let Some(id) = id(element) {
                self.ids.entry(id).or_default().push(element);
            }
        }
        for child in element.elements() {
            self.index(child);
        }
    }

    /// The policy that a reference standing in `at` means.
    pub(crate) fn find(&self, at: &Element, reference: &str) -> Result<&'a Element, PolicyError> {
        let place = || Place::of(self.file, at);
        let found = match reference.strip_prefix('#') {
            Some(id) => self.ids.get(id),
            None => match self.names.get(reference) {
                Some(found) => Some(found),
                None => return Err(PolicyError::ExternalReference { at: place(), reference: reference.to_owned() }),
            },
        };
        match found.map_or(&[][..], Vec::as_slice) {
            [policy] => Ok(policy),
            found => {
                Err(PolicyError::UnknownReference { at: place(), reference: reference.to_owned(), found: found.len() })
            }
        }
    }

    /// The policy that a `PolicyReference` means.
    pub(crate) fn follow(&self, reference: &Element) -> Result<&'a Element, PolicyError> {
        let Some(uri) = reference.attribute("", "URI") else {
            let within = reference.local.clone();
            return Err(PolicyError::Missing { at: Place::of(self.file, reference), what: "URI", within });
        };
        self.find(reference, uri.trim())
    }
}

/// What references to a policy say: its id, in whichever way it is written, or else its name.
pub(crate) fn id(policy: &Element) -> Option<&str> {
    [(names::UTILITY, "Id"), (names::XML, "id"), ("", "Id"), ("", "Name")]
        .into_iter()
        .find_map(|(namespace, local)| policy.attribute(namespace, local))
}

/// Whether an element is a `wsp:Policy`.
pub(crate) fn is_policy(element: &Element) -> bool {
    element.local == "Policy" && names::is_policy(&element.namespace)
}

/// Whether an element is a `wsp:PolicyReference`.
pub(crate) fn is_reference(element: &Element) -> bool {
    element.local == "PolicyReference" && names::is_policy(&element.namespace)
}
