//! The policies of one contract, or of one file, by what refers to them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

use nuncio_xml::foreign::Element;

use crate::error::{Place, PolicyError, Remark};
use crate::names;

/// How many assertions are gone through for one contract, each time that one is: bringing policies into normal form multiplies
/// them. The largest contracts of large products stay below a hundredth of it.
const MAX_WORK: usize = 20_000_000;
/// How many remarks are kept.
const MAX_REMARKS: usize = 1000;

/// The policies of one contract, and what has been found out while reading it.
pub(crate) struct Library<'a> {
    /// The files, as the caller named them, with their roots. Never empty.
    files: Vec<(&'a str, &'a Element)>,
    /// In which of them an element is, where there are several.
    owners: OnceCell<HashMap<*const Element, usize>>,
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
    /// Indexes every policy below the root of a file.
    pub(crate) fn new(file: &'a str, root: &'a Element) -> Self {
        Self::of(vec![(file, root)])
    }

    /// Indexes every policy of those files, of which there is one at least.
    pub(crate) fn of(files: Vec<(&'a str, &'a Element)>) -> Self {
        let (ids, names, owners) = (HashMap::new(), HashMap::new(), OnceCell::new());
        let mut library = Self { files, owners, ids, names, work: Cell::new(0), remarks: RefCell::default() };
        for position in 0..library.files.len() {
            library.index(library.files[position].1);
        }
        library
    }

    /// The file, or the first of them.
    pub(crate) fn file(&self) -> &'a str {
        self.files.first().map_or("", |(file, _)| file)
    }

    /// Where an element is.
    pub(crate) fn place(&self, element: &Element) -> Place {
        Place::of(self.files.get(self.owner(element)).map_or("", |(file, _)| file), element)
    }

    /// In which of the files an element is.
    fn owner(&self, element: &Element) -> usize {
        if self.files.len() == 1 {
            return 0;
        }
        let owners = self.owners.get_or_init(|| {
            let mut owners = HashMap::new();
            for (position, (_, root)) in self.files.iter().enumerate() {
                own(root, position, &mut owners);
            }
            owners
        });
        owners.get(&std::ptr::from_ref(element)).copied().unwrap_or_default()
    }

    /// Notes that so many assertions are gone through; refused where that becomes too many.
    pub(crate) fn work(&self, at: &Element, assertions: usize) -> Result<(), PolicyError> {
        self.work.set(self.work.get().saturating_add(assertions));
        if self.work.get() > MAX_WORK {
            return Err(PolicyError::TooIntricate { at: self.place(at), limit: MAX_WORK });
        }
        Ok(())
    }

    /// Remarks upon an element. Once: the same policy is read for many messages, and in many alternatives.
    pub(crate) fn remark(&self, at: &Element, words: impl Into<String>) {
        let remark = Remark { at: self.place(at), words: words.into() };
        let mut remarks = self.remarks.borrow_mut();
        if remarks.len() < MAX_REMARKS && !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }

    /// What has been remarked, in the order of the files.
    pub(crate) fn into_remarks(self) -> Vec<Remark> {
        let mut remarks = self.remarks.into_inner();
        let position = |remark: &Remark| self.files.iter().position(|(file, _)| *file == remark.at.file);
        remarks.sort_by_key(|remark| (position(remark), remark.at.line));
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
        let place = || self.place(at);
        let found = match reference.strip_prefix('#') {
            Some(id) => self.ids.get(id),
            None => match self.names.get(reference) {
                Some(found) => Some(found),
                None => return Err(PolicyError::ExternalReference { at: place(), reference: reference.to_owned() }),
            },
        };
        // An id is one of its own file: others may have the same.
        let found = found.map_or(&[][..], Vec::as_slice);
        let owner = if found.len() > 1 { self.owner(at) } else { 0 };
        let here = || found.iter().copied().filter(|policy| self.owner(policy) == owner);
        let found = if found.len() > 1 && here().next().is_some() { here().collect() } else { found.to_vec() };
        match found.as_slice() {
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
            return Err(PolicyError::Missing { at: self.place(reference), what: "URI", within });
        };
        self.find(reference, uri.trim())
    }
}

/// Notes in which file an element is, with all below it.
fn own(element: &Element, file: usize, owners: &mut HashMap<*const Element, usize>) {
    owners.insert(std::ptr::from_ref(element), file);
    for child in element.elements() {
        own(child, file, owners);
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
