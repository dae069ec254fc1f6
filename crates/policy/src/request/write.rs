//! A body written: what is wanted, in the order and the namespaces of its schema.

use nuncio_xml::Writer;

use super::NotMade;
use super::operations::Input;
use super::schema::Schema;
use super::settings::Node;
use super::types::{Attribute, Complex, Content, Declared, Particle, Root, Simple, Type, What, root};
use crate::names;

/// How deep elements are nested.
const MAX_DEPTH: usize = 50;

/// What is of the schemas' own instances: `xsi:type`, `xsi:nil`.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The body of a request, with what is wanted in it.
pub(super) fn body<'a>(schema: &Schema<'a>, input: &Input<'a>, wanted: &Node) -> Result<String, NotMade> {
    schema.begin();
    let mut writing = Writing { schema, out: Writer::new(), namespaces: Vec::new(), missing: Vec::new(), depth: 0 };
    let content =
        |wanted: &Node| wanted.value.is_some() || !wanted.attributes.is_empty() || !wanted.children.is_empty();
    match root(schema, input)? {
        None if content(wanted) => {
            let path = wanted.children.first().map_or(".", |child| &child.name).to_owned();
            return Err(NotMade::Unknown { path, have: Vec::new() });
        }
        None => return Ok(String::new()),
        Some((_, Root::Declared(declared))) => writing.element(&declared, Some(wanted), "")?,
        Some(((namespace, name), Root::Parts(parts))) => {
            writing.start(namespace, name);
            writing.typed(&Type::Complex(parts), None, Some(wanted), "")?;
            writing.out.end();
        }
    }
    if !writing.missing.is_empty() {
        return Err(NotMade::Missing(writing.missing));
    }
    // The writer was given text alone.
    Ok(String::from_utf8_lossy(&writing.out.into_bytes()).into_owned())
}

struct Writing<'s, 'a> {
    schema: &'s Schema<'a>,
    out: Writer,
    /// Each has a prefix, by its number.
    namespaces: Vec<String>,
    missing: Vec<(String, String)>,
    depth: usize,
}

/// What is wanted within an element, and whether it has been written.
struct Pool<'n> {
    wanted: &'n [Node],
    written: Vec<bool>,
}

impl<'n> Pool<'n> {
    /// The first one of those names that is not written yet.
    fn first(&self, names: &[String]) -> Option<usize> {
        self.wanted.iter().enumerate().position(|(at, node)| !self.written[at] && names.contains(&node.name))
    }

    fn take(&mut self, at: usize) -> &'n Node {
        self.written[at] = true;
        &self.wanted[at]
    }
}

impl<'a> Writing<'_, 'a> {
    fn prefix(&mut self, namespace: &str) -> String {
        if namespace.is_empty() {
            return String::new();
        }
        let known = self.namespaces.iter().position(|one| one == namespace);
        let number = known.unwrap_or_else(|| {
            self.namespaces.push(namespace.to_owned());
            self.namespaces.len() - 1
        });
        format!("n{}", number + 1)
    }

    fn start(&mut self, namespace: &str, name: &str) {
        let prefix = self.prefix(namespace);
        self.out.start(&prefix, namespace, name);
    }

    fn element(&mut self, declared: &Declared<'a>, wanted: Option<&Node>, path: &str) -> Result<(), NotMade> {
        self.schema.work(1)?;
        if self.depth == MAX_DEPTH {
            return Err(NotMade::TooIntricate { limit: MAX_DEPTH });
        }
        self.depth += 1;
        self.start(declared.namespace, declared.name);
        let instance = |name: &str| wanted.and_then(|node| node.attributes.iter().find(|(of, _)| of == name));
        let of_type = match instance("xsi:type") {
            Some((_, wanted)) => self.substitute(declared, wanted, path)?,
            None => declared.of_type(self.schema)?,
        };
        match instance("xsi:nil") {
            Some((_, nil)) => {
                self.out.attribute_ns("xsi", INSTANCE, "nil", nil);
                if matches!(nil.trim(), "true" | "1") {
                    self.empty(&of_type, wanted, path)?;
                } else {
                    self.typed(&of_type, declared.preset(), wanted, path)?;
                }
            }
            None => self.typed(&of_type, declared.preset(), wanted, path)?,
        }
        self.out.end();
        self.depth -= 1;
        Ok(())
    }

    /// Writes `xsi:type` for the type of that name.
    fn substitute(&mut self, declared: &Declared<'a>, wanted: &str, path: &str) -> Result<Type<'a>, NotMade> {
        if let Some(local) = wanted.strip_prefix("xs:") {
            self.out.attribute_ns("xsi", INSTANCE, "type", wanted);
            self.out.declare("xs", names::SCHEMA);
            return Ok(Type::Simple(Simple { name: format!("xs:{local}"), values: Vec::new() }));
        }
        let Some(((namespace, name), of_type)) = declared.substituted(self.schema, wanted)? else {
            return Err(NotMade::Unknown { path: format!("type {wanted} for {}", called(path)), have: Vec::new() });
        };
        let prefix = self.prefix(namespace);
        if namespace.is_empty() {
            self.out.attribute_ns("xsi", INSTANCE, "type", name);
        } else {
            self.out.attribute_ns("xsi", INSTANCE, "type", &format!("{prefix}:{name}"));
            self.out.declare(&prefix, namespace);
        }
        Ok(of_type)
    }

    /// Writes attributes and no content.
    fn empty(&mut self, of_type: &Type<'a>, wanted: Option<&Node>, path: &str) -> Result<(), NotMade> {
        self.attributes(of_type, wanted, path)?;
        match wanted.and_then(|node| node.children.first().map(|child| join(path, &child.name))) {
            Some(path) => Err(NotMade::NoPlace { path }),
            None if wanted.is_some_and(|node| node.value.is_some()) => Err(NotMade::NoPlace { path: called(path) }),
            None => Ok(()),
        }
    }

    /// Writes attributes and content. `preset` is the text where none is wanted.
    fn typed(
        &mut self,
        of_type: &Type<'a>,
        preset: Option<&str>,
        wanted: Option<&Node>,
        path: &str,
    ) -> Result<(), NotMade> {
        self.attributes(of_type, wanted, path)?;
        let (value, children) = wanted.map_or((None, &[][..]), |node| (node.value.as_deref(), &node.children[..]));
        let simple = match of_type {
            Type::Complex(Complex { is_abstract: true, name, .. }) => {
                self.missing.push((join(path, "@xsi:type"), format!("the name of a type that is a {name}")));
                return Ok(());
            }
            Type::Simple(simple) | Type::Complex(Complex { content: Content::Text(simple), .. }) => Some(simple),
            Type::Complex(Complex { content: Content::Anything, .. }) => None,
            Type::Complex(Complex { content: Content::Elements { particle, mixed }, .. }) => {
                return self.elements(particle, *mixed, value, children, (of_type, path));
            }
        };
        if let Some(child) = children.first() {
            return Err(NotMade::Unknown { path: join(path, &child.name), have: self.there(of_type)? });
        }
        let Some(simple) = simple else {
            self.out.text(value.unwrap_or_default());
            return Ok(());
        };
        match value.or(preset).or_else(|| only(simple)) {
            Some(text) => self.out.text(text),
            None => self.missing.push((called(path), described(simple))),
        }
        Ok(())
    }

    fn elements(
        &mut self,
        particle: &Particle<'a>,
        mixed: bool,
        value: Option<&str>,
        children: &[Node],
        (of_type, path): (&Type<'a>, &str),
    ) -> Result<(), NotMade> {
        match value {
            Some(text) if mixed => self.out.text(text),
            Some(_) => return Err(NotMade::NoText { path: called(path), have: self.there(of_type)? }),
            None => {}
        }
        let mut pool = Pool { wanted: children, written: vec![false; children.len()] };
        self.particle(particle, &mut pool, path)?;
        let Some(left) = pool.written.iter().position(|written| !written) else { return Ok(()) };
        let (path, have) = (join(path, &children[left].name), self.there(of_type)?);
        if self.names(particle)?.contains(&children[left].name) {
            return Err(NotMade::NoPlace { path });
        }
        Err(NotMade::Unknown { path, have })
    }

    fn particle(&mut self, particle: &Particle<'a>, pool: &mut Pool<'_>, path: &str) -> Result<(), NotMade> {
        let names = self.names(particle)?;
        let mut count = 0;
        while count < particle.min || (count < particle.max && pool.first(&names).is_some()) {
            self.schema.work(1)?;
            count += 1;
            match &particle.what {
                What::Element(declared) => {
                    let wanted = pool.first(&names).map(|at| pool.take(at));
                    let standing = declared.named(self.schema)?;
                    let which = standing.iter().find(|one| wanted.is_none_or(|node| node.name == one.name));
                    let Some(which) = which.filter(|_| wanted.is_some() || standing.len() == 1) else {
                        self.missing.push((join(path, declared.name), one_of(&names)));
                        break;
                    };
                    self.element(which, wanted, &at(path, which.name, count, particle.max))?;
                }
                What::Each(each) => {
                    for one in each {
                        self.particle(one, pool, path)?;
                    }
                }
                What::Choice(branches) => {
                    let mut first: Option<(usize, &Particle<'a>)> = None;
                    for branch in branches {
                        let of = pool.first(&self.names(branch)?);
                        if let Some(of) = of.filter(|of| branch.max > 0 && first.is_none_or(|(at, _)| *of < at)) {
                            first = Some((of, branch));
                        }
                    }
                    match (first, branches.as_slice()) {
                        (Some((_, branch)), _) | (None, [branch]) => self.particle(branch, pool, path)?,
                        (None, branches) if branches.iter().any(may_be_empty) => {}
                        _ => {
                            self.missing.push((join(path, "…"), one_of(&names)));
                            break;
                        }
                    }
                }
                What::Any => {
                    self.missing
                        .push((join(path, "*"), "an element of another schema, which cannot be set".to_owned()));
                    break;
                }
            }
        }
        Ok(())
    }

    fn attributes(&mut self, of_type: &Type<'a>, wanted: Option<&Node>, path: &str) -> Result<(), NotMade> {
        let given = wanted.map_or(&[][..], |node| &node.attributes[..]);
        let declared: &[Attribute<'a>] = match of_type {
            Type::Simple(_) => &[],
            Type::Complex(complex) => &complex.attributes,
        };
        for attribute in declared {
            let value = given.iter().find(|(name, _)| name == attribute.name).map(|(_, value)| value.as_str());
            let filled = || attribute.preset.or_else(|| only(&attribute.simple));
            match value.or_else(|| filled().filter(|_| attribute.required)) {
                Some(value) => {
                    let prefix = if attribute.namespace == names::XML {
                        "xml".to_owned()
                    } else {
                        self.prefix(attribute.namespace)
                    };
                    self.out.attribute_ns(&prefix, attribute.namespace, attribute.name, value);
                }
                None if attribute.required => {
                    self.missing.push((join(path, &format!("@{}", attribute.name)), described(&attribute.simple)));
                }
                None => {}
            }
        }
        let any = matches!(of_type, Type::Complex(Complex { any_attribute: true, .. }));
        for (name, value) in given.iter().filter(|(name, _)| !matches!(name.as_str(), "xsi:type" | "xsi:nil")) {
            if declared.iter().any(|attribute| attribute.name == name) {
                continue;
            }
            if !any || !is_name(name) {
                return Err(NotMade::Unknown { path: join(path, &format!("@{name}")), have: self.there(of_type)? });
            }
            self.out.attribute(name, value);
        }
        Ok(())
    }

    /// The names of the elements that a particle may begin with or go on with.
    fn names(&self, particle: &Particle<'a>) -> Result<Vec<String>, NotMade> {
        let mut names = Vec::new();
        collect(self.schema, particle, &mut names)?;
        Ok(names)
    }

    /// What may be set within an element.
    fn there(&self, of_type: &Type<'a>) -> Result<Vec<String>, NotMade> {
        let Type::Complex(complex) = of_type else { return Ok(Vec::new()) };
        let mut there = match &complex.content {
            Content::Elements { particle, .. } => self.names(particle)?,
            Content::Text(_) | Content::Anything => Vec::new(),
        };
        there.extend(complex.attributes.iter().map(|attribute| format!("@{}", attribute.name)));
        Ok(there)
    }
}

/// The names of the elements of a particle.
pub(super) fn collect<'a>(schema: &Schema<'a>, particle: &Particle<'a>, into: &mut Vec<String>) -> Result<(), NotMade> {
    schema.work(1)?;
    match &particle.what {
        What::Element(declared) => into.extend(declared.named(schema)?.into_iter().map(|one| one.name.to_owned())),
        What::Each(each) | What::Choice(each) => {
            for one in each {
                collect(schema, one, into)?;
            }
        }
        What::Any => {}
    }
    Ok(())
}

/// Whether a particle is satisfied with nothing.
fn may_be_empty(particle: &Particle<'_>) -> bool {
    particle.min == 0
        || match &particle.what {
            What::Element(_) | What::Any => false,
            What::Each(each) => each.iter().all(may_be_empty),
            What::Choice(branches) => branches.iter().any(may_be_empty),
        }
}

/// The only value of a type that has but one.
fn only<'a>(simple: &Simple<'a>) -> Option<&'a str> {
    if let [only] = simple.values[..] { Some(only) } else { None }
}

fn described(simple: &Simple<'_>) -> String {
    if simple.values.is_empty() {
        simple.name.clone()
    } else {
        format!("{}: {}", simple.name, simple.values.join(", "))
    }
}

fn one_of(names: &[String]) -> String {
    format!("one of {}", names.join(", "))
}

/// A path to something within what a path leads to.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn at(path: &str, name: &str, position: usize, max: usize) -> String {
    let path = join(path, name);
    if max > 1 && position > 1 { format!("{path}[{position}]") } else { path }
}

/// What the body's own element is called in a path.
fn called(path: &str) -> String {
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

/// Whether an attribute without prefix may have that name.
fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|one| one.is_alphanumeric() || matches!(one, '_' | '-' | '.'))
        && name != "xmlns"
}
