//! Policy expressions brought into normal form (WS-Policy 1.5, section 4.3): a list of alternatives, each a list of
//! assertions, each with one alternative of its own nested policy.

use nuncio_xml::foreign::Element;

use super::library::{Library, is_policy, is_reference};
use super::{supporting, table};
use crate::error::{Place, PolicyError};
use crate::names;

/// How many alternatives a policy may have. A choice of three suites beside two of three tokens is 27.
pub(crate) const MAX_ALTERNATIVES: usize = 64;
/// How many assertions an alternative may have, nested ones counted.
const MAX_ASSERTIONS: usize = 1000;
/// How many references are followed for one policy.
const MAX_REFERENCES: usize = 1000;
/// How many policies may stand in one another, references followed.
const MAX_NESTING: usize = 32;
/// How many elements may stand in one another, references followed.
const MAX_DEPTH: usize = 256;

/// An assertion of an alternative.
#[derive(Clone, Debug)]
pub(crate) struct Assertion<'a> {
    /// The assertion as written.
    pub(crate) element: &'a Element,
    /// The alternative of its nested policy; empty where it has none.
    pub(crate) nested: Alternative<'a>,
    /// `wsp:Optional` on supporting tokens or one of them, which the model has a word for. Any other optional assertion has become two
    /// alternatives, with and without it.
    pub(crate) optional: bool,
}

/// One alternative.
pub(crate) type Alternative<'a> = Vec<Assertion<'a>>;

impl Assertion<'_> {
    /// The local name, if it is an assertion of WS-SecurityPolicy.
    pub(crate) fn security(&self) -> Option<&str> {
        names::is_security(&self.element.namespace).then_some(self.element.local.as_str())
    }

    /// Whether another says the same, wherever it is written.
    fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (self.element, other.element);
        std::ptr::eq(one, two)
            || one.is(&two.namespace, &two.local)
                && one.attributes == two.attributes
                && same(&self.nested, &other.nested)
    }

    /// How many assertions it is, itself counted.
    fn size(&self) -> usize {
        1 + size(&self.nested)
    }
}

fn same(one: &[Assertion<'_>], two: &[Assertion<'_>]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_same(two))
}

/// Whether two lists of alternatives say the same in the same order.
pub(crate) fn are_same(one: &[Alternative<'_>], two: &[Alternative<'_>]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
}

fn size(alternative: &[Assertion<'_>]) -> usize {
    alternative.iter().map(Assertion::size).sum()
}

/// The alternatives of a policy: a `wsp:Policy`, or a reference to one.
pub(crate) fn alternatives<'a>(
    library: &Library<'a>,
    policy: &'a Element,
) -> Result<Vec<Alternative<'a>>, PolicyError> {
    Normaliser::new(library).expression(policy)
}

/// The alternatives of several policies that hold together.
pub(crate) fn merge<'a>(
    library: &Library<'a>,
    at: &Element,
    policies: Vec<Vec<Alternative<'a>>>,
) -> Result<Vec<Alternative<'a>>, PolicyError> {
    let normaliser = Normaliser::new(library);
    policies.into_iter().try_fold(vec![Vec::new()], |together, policy| normaliser.cross(at, together, &policy))
}

/// Refuses more alternatives than a policy may have.
pub(crate) fn limit(library: &Library<'_>, at: &Element, alternatives: usize) -> Result<(), PolicyError> {
    if alternatives > MAX_ALTERNATIVES {
        let at = library.place(at);
        return Err(PolicyError::TooManyAlternatives { at, limit: MAX_ALTERNATIVES });
    }
    Ok(())
}

struct Normaliser<'l, 'a> {
    library: &'l Library<'a>,
    /// The policies that are being expanded, outermost first: one that comes again refers to itself.
    path: Vec<&'a Element>,
    /// Whether the assertions met next are supporting tokens.
    in_supporting: bool,
    /// How many references have been followed.
    followed: usize,
    /// How many elements are being expanded.
    depth: usize,
}

impl<'l, 'a> Normaliser<'l, 'a> {
    fn new(library: &'l Library<'a>) -> Self {
        Self { library, path: Vec::new(), in_supporting: false, followed: 0, depth: 0 }
    }

    /// The alternatives of an operator, a reference or an assertion.
    fn expression(&mut self, element: &'a Element) -> Result<Vec<Alternative<'a>>, PolicyError> {
        self.library.work(element, 1)?;
        if self.depth == MAX_DEPTH {
            return Err(self.too_many_references(element));
        }
        self.depth += 1;
        let alternatives = self.operator(element);
        self.depth -= 1;
        alternatives
    }

    fn operator(&mut self, element: &'a Element) -> Result<Vec<Alternative<'a>>, PolicyError> {
        if is_reference(element) {
            let policy = self.library.follow(element)?;
            if self.path.iter().any(|open| std::ptr::eq(*open, policy)) {
                let reference = element.attribute("", "URI").unwrap_or_default().to_owned();
                return Err(PolicyError::CircularReference { at: self.place(element), reference });
            }
            self.followed += 1;
            if self.followed > MAX_REFERENCES || self.path.len() >= MAX_NESTING {
                return Err(self.too_many_references(element));
            }
            return self.expression(policy);
        }
        if is_policy(element) {
            self.path.push(element);
            let alternatives = self.all(element, element.elements());
            self.path.pop();
            return alternatives;
        }
        if names::is_policy(&element.namespace) {
            match element.local.as_str() {
                "All" => return self.all(element, element.elements()),
                "ExactlyOne" => return self.one(element),
                _ => {}
            }
        }
        self.assertion(element)
    }

    /// `All`, and `Policy`, which is the same.
    fn all(
        &mut self,
        at: &Element,
        children: impl Iterator<Item = &'a Element>,
    ) -> Result<Vec<Alternative<'a>>, PolicyError> {
        let mut together = vec![Vec::new()];
        for child in children {
            let alternatives = self.expression(child)?;
            together = self.cross(at, together, &alternatives)?;
        }
        Ok(together)
    }

    /// `ExactlyOne`.
    fn one(&mut self, choice: &'a Element) -> Result<Vec<Alternative<'a>>, PolicyError> {
        let mut alternatives: Vec<Alternative<'a>> = Vec::new();
        for child in choice.elements() {
            for alternative in self.expression(child)? {
                // Assertions that were passed over leave alternatives that are all alike: nothing.
                if !alternative.is_empty() || !alternatives.iter().any(Vec::is_empty) {
                    alternatives.push(alternative);
                }
            }
            self.limit(choice, alternatives.len())?;
        }
        Ok(alternatives)
    }

    fn assertion(&mut self, element: &'a Element) -> Result<Vec<Alternative<'a>>, PolicyError> {
        if table::is_passed_over(element) {
            if let Some(words) = table::remark(element) {
                self.library.remark(element, words);
            }
            return Ok(vec![Vec::new()]);
        }
        let optional = is_true(element, "Optional");
        let is_supporting = names::is_security(&element.namespace) && supporting::duty(&element.local).is_some();
        let outer = std::mem::replace(&mut self.in_supporting, is_supporting);
        let nested = self.nested(element)?;
        self.in_supporting = outer;
        let flagged = optional && (is_supporting || self.in_supporting);
        let mut alternatives: Vec<_> =
            nested.into_iter().map(|nested| vec![Assertion { element, nested, optional: flagged }]).collect();
        if optional && !flagged {
            alternatives.push(Vec::new());
        }
        Ok(alternatives)
    }

    /// The alternatives of what is nested in an assertion.
    fn nested(&mut self, element: &'a Element) -> Result<Vec<Alternative<'a>>, PolicyError> {
        let security = names::is_security(&element.namespace);
        let holds_sp_policy =
            |child: &Element| security && child.local == "Policy" && names::is_security(&child.namespace);
        let holds_policy = |child: &&Element| is_policy(child) || holds_sp_policy(child);
        if let Some(child) = element.elements().find(|child| holds_sp_policy(child)) {
            self.library.remark(child, format!("Policy within {} is not in a namespace of WS-Policy", element.local));
        }
        let is_bare = security && table::holds_policy(&element.local) && !element.elements().any(|c| holds_policy(&c));
        if is_bare && let Some(child) = element.elements().find(|child| names::is_security(&child.namespace)) {
            let words = format!("{} stands in {} without a Policy around it", child.local, element.local);
            self.library.remark(child, words);
            return self.all(element, element.elements());
        }
        let mut nested = vec![Vec::new()];
        for policy in element.elements().filter(holds_policy) {
            // The nested policy's own depth counts: it may hold references.
            self.depth += 1;
            let alternatives = self.all(policy, policy.elements());
            self.depth -= 1;
            nested = self.cross(element, nested, &alternatives?)?;
        }
        if security && element.local == "AlgorithmSuite" { self.suites(element, nested) } else { Ok(nested) }
    }

    /// Several suites side by side are a choice: no message could be under all of them.
    fn suites(&self, element: &'a Element, nested: Vec<Alternative<'a>>) -> Result<Vec<Alternative<'a>>, PolicyError> {
        let mut alternatives = Vec::new();
        for alternative in nested {
            let (suites, options): (Vec<_>, Vec<_>) =
                alternative.into_iter().partition(|assertion| table::is_suite(assertion.element));
            if suites.len() > 1 {
                self.library.remark(element, "several suites in one AlgorithmSuite: read as a choice between them");
            }
            if suites.is_empty() {
                alternatives.push(options);
                continue;
            }
            for suite in suites {
                alternatives.push([vec![suite], options.clone()].concat());
                self.limit(element, alternatives.len())?;
            }
        }
        Ok(alternatives)
    }

    /// Every alternative of one side with every alternative of the other.
    fn cross(
        &self,
        at: &Element,
        left: Vec<Alternative<'a>>,
        right: &[Alternative<'a>],
    ) -> Result<Vec<Alternative<'a>>, PolicyError> {
        if matches!(right, [nothing] if nothing.is_empty()) {
            return Ok(left);
        }
        self.limit(at, left.len().saturating_mul(right.len()))?;
        let mut product = Vec::with_capacity(left.len() * right.len());
        for first in &left {
            for second in right {
                let (one, two) = (size(first), size(second));
                if one + two > MAX_ASSERTIONS {
                    return Err(PolicyError::TooManyAssertions { at: self.place(at), limit: MAX_ASSERTIONS });
                }
                self.library.work(at, one + two + first.len() * second.len())?;
                let mut both = first.clone();
                // The same policy may be attached twice.
                let fresh = second
                    .iter()
                    .filter(|assertion| !first.iter().any(|other| std::ptr::eq(other.element, assertion.element)));
                both.extend(fresh.cloned());
                product.push(both);
            }
        }
        Ok(product)
    }

    fn limit(&self, at: &Element, alternatives: usize) -> Result<(), PolicyError> {
        limit(self.library, at, alternatives)
    }

    fn too_many_references(&self, at: &Element) -> PolicyError {
        PolicyError::TooManyReferences { at: self.place(at), limit: MAX_REFERENCES, nested: MAX_NESTING }
    }

    fn place(&self, element: &Element) -> Place {
        self.library.place(element)
    }
}

/// Whether an attribute of WS-Policy (`Optional`, `Ignorable`) is set on an assertion.
pub(crate) fn is_true(element: &Element, local: &str) -> bool {
    element.attributes.iter().any(|attribute| {
        attribute.local == local
            && names::is_policy(&attribute.namespace)
            && matches!(attribute.value.trim(), "true" | "1")
    })
}
