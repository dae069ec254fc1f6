//! What the components of a schema say: which content and which attributes an element has.

use nuncio_xml::foreign::Element;

use super::NotMade;
use super::operations::Input;
use super::schema::{Component, MAX_WORK, Name, Schema, Within};
use crate::names;

/// How deep definitions may lead to others.
const MAX_DEPTH: usize = 32;

/// A declared element.
#[derive(Clone)]
pub(super) struct Declared<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    /// Its name where it is one of a schema's own elements.
    global: Option<Name<'a>>,
    of: Component<'a>,
}

/// An attribute that an element may have.
pub(super) struct Attribute<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) required: bool,
    pub(super) preset: Option<&'a str>,
    pub(super) simple: Simple<'a>,
}

/// A type.
pub(super) enum Type<'a> {
    /// Text alone.
    Simple(Simple<'a>),
    /// Attributes, and content.
    Complex(Complex<'a>),
}

/// A simple type.
#[derive(Clone)]
pub(super) struct Simple<'a> {
    /// What people call it.
    pub(super) name: String,
    /// The only values that it has, where it lists them.
    pub(super) values: Vec<&'a str>,
}

/// A complex type.
pub(super) struct Complex<'a> {
    pub(super) name: String,
    pub(super) attributes: Vec<Attribute<'a>>,
    /// Whether it may have others.
    pub(super) any_attribute: bool,
    pub(super) content: Content<'a>,
    /// Whether another type must stand for it.
    pub(super) is_abstract: bool,
    /// Where it is defined, which tells it from others.
    pub(super) at: Option<*const Element>,
}

/// What an element holds.
pub(super) enum Content<'a> {
    /// Text.
    Text(Simple<'a>),
    /// Elements, and text between them where it is mixed.
    Elements {
        /// Which.
        particle: Particle<'a>,
        /// Whether text stands between them.
        mixed: bool,
    },
    /// Whatever one likes.
    Anything,
}

/// What may stand how often.
pub(super) struct Particle<'a> {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) what: What<'a>,
}

/// What may stand there.
pub(super) enum What<'a> {
    /// An element.
    Element(Declared<'a>),
    /// Each of these: a sequence, or `all`, for which any order is right.
    Each(Vec<Particle<'a>>),
    /// One of these.
    Choice(Vec<Particle<'a>>),
    /// An element of another schema.
    Any,
}

impl<'a> Declared<'a> {
    /// One of a schema's own elements.
    pub(super) fn global(schema: &Schema<'a>, name: Name<'a>) -> Result<Self, NotMade> {
        let of = schema.named("element", name)?;
        Ok(Self { namespace: name.0, name: name.1, global: Some(name), of })
    }

    /// Its default, or the only value that it may have.
    pub(super) fn preset(&self) -> Option<&'a str> {
        preset(self.of.element)
    }

    /// It, and what may stand for it; not those that are abstract.
    pub(super) fn named(&self, schema: &Schema<'a>) -> Result<Vec<Self>, NotMade> {
        let mut all = vec![self.clone()];
        let mut at = 0;
        while let Some(global) = all.get(at).map(|one| one.global) {
            for of in global.map_or(&[][..], |name| schema.substitutes(name)) {
                schema.work(1)?;
                let name = (of.within.namespace, of.element.attribute("", "name").unwrap_or_default());
                if !all.iter().any(|one| one.global == Some(name)) {
                    all.push(Self { namespace: name.0, name: name.1, global: Some(name), of: *of });
                }
            }
            at += 1;
        }
        all.retain(|one| one.of.element.attribute("", "abstract") != Some("true"));
        Ok(all)
    }

    /// Its type; that of what it may stand for, where it has none of its own.
    pub(super) fn of_type(&self, schema: &Schema<'a>) -> Result<Type<'a>, NotMade> {
        let mut read = Reading { schema, depth: 0 };
        let Component { mut element, mut within } = self.of;
        loop {
            if let Some(name) = element.attribute("", "type") {
                return read.named(within.resolve(element, name)?);
            }
            for child in element.elements() {
                let of = Component { element: child, within };
                match child.local.as_str() {
                    "complexType" => return read.complex(of, None).map(Type::Complex),
                    "simpleType" => return read.simple(of, None).map(Type::Simple),
                    _ => {}
                }
            }
            let Some(head) = element.attribute("", "substitutionGroup") else { return Ok(Type::Complex(anything())) };
            read = read.deeper()?;
            Component { element, within } = schema.named("element", within.resolve(element, head)?)?;
        }
    }

    /// The type of that local name, which is to stand for its own, with the whole name.
    pub(super) fn substituted(
        &self,
        schema: &Schema<'a>,
        local: &str,
    ) -> Result<Option<(Name<'a>, Type<'a>)>, NotMade> {
        let read = Reading { schema, depth: 0 };
        let Component { element, within } = self.of;
        let own = element.attribute("", "type").map(|name| within.resolve(element, name)).transpose()?;
        let Some((name, component)) = schema.types_called(local, own.map_or(within.namespace, |own| own.0)) else {
            return Ok(None);
        };
        // It comes of the type that it stands for.
        let (mut of, mut at) = (name, component);
        while own.is_some_and(|own| own != of && own != (names::SCHEMA, "anyType")) {
            schema.work(1)?;
            let Some((from, base)) = derivation(at.element) else { return Ok(None) };
            of = at.within.resolve(from, base)?;
            match schema.find(kind_of(at.element), of)? {
                Some(base) => at = base,
                None if Some(of) == own => {}
                None => return Ok(None),
            }
        }
        read.named(name).map(|of_type| Some((name, of_type)))
    }
}

/// The element of a body.
pub(super) fn root<'a>(schema: &Schema<'a>, input: &Input<'a>) -> Result<Option<(Name<'a>, Root<'a>)>, NotMade> {
    match input {
        Input::Nothing => Ok(None),
        Input::Element { namespace, name } => {
            let declared = Declared::global(schema, (namespace, name))?;
            Ok(Some(((namespace, name), Root::Declared(declared))))
        }
        Input::Rpc { namespace, name, parts } => {
            let part = |element: &&'a Element| {
                let (name, of) =
                    (element.attribute("", "name").unwrap_or_default(), Component { element, within: Within::NONE });
                Particle { min: 1, max: 1, what: What::Element(Declared { namespace: "", name, global: None, of }) }
            };
            let particle = Particle { min: 1, max: 1, what: What::Each(parts.iter().map(part).collect()) };
            let content = Content::Elements { particle, mixed: false };
            Ok(Some(((namespace, name), Root::Parts(Complex { content, ..anything() }))))
        }
    }
}

/// What the element of a body is.
pub(super) enum Root<'a> {
    /// An element of a schema.
    Declared(Declared<'a>),
    /// The parts of a message.
    Parts(Complex<'a>),
}

/// What may have any content.
fn anything<'a>() -> Complex<'a> {
    Complex {
        name: "xs:anyType".to_owned(),
        attributes: Vec::new(),
        any_attribute: false,
        content: Content::Anything,
        is_abstract: false,
        at: None,
    }
}

fn preset(declaration: &Element) -> Option<&str> {
    declaration.attribute("", "fixed").or_else(|| declaration.attribute("", "default"))
}

/// The extension or restriction that a type is, and the name of what it is of.
fn derivation(of: &Element) -> Option<(&Element, &str)> {
    let is = |child: &&Element| matches!(child.local.as_str(), "extension" | "restriction");
    let outer =
        of.elements().find(|child| matches!(child.local.as_str(), "complexContent" | "simpleContent")).unwrap_or(of);
    let from = outer.elements().find(is)?;
    Some((from, from.attribute("", "base")?))
}

fn kind_of(definition: &Element) -> &'static str {
    if definition.local == "simpleType" { "simpleType" } else { "complexType" }
}

/// One reading of definitions.
struct Reading<'s, 'a> {
    schema: &'s Schema<'a>,
    depth: usize,
}

impl<'a> Reading<'_, 'a> {
    /// Goes on to what a definition leads to.
    fn deeper(&self) -> Result<Self, NotMade> {
        self.schema.work(1)?;
        if self.depth == MAX_DEPTH {
            return Err(NotMade::TooIntricate { limit: MAX_WORK });
        }
        Ok(Self { schema: self.schema, depth: self.depth + 1 })
    }

    fn named(&self, name: Name<'a>) -> Result<Type<'a>, NotMade> {
        let read = self.deeper()?;
        if name.0 == names::SCHEMA {
            return Ok(match name.1 {
                "anyType" => Type::Complex(anything()),
                local => Type::Simple(Simple { name: format!("xs:{local}"), values: Vec::new() }),
            });
        }
        if let Some(component) = self.schema.find("complexType", name)? {
            return read.complex(component, Some(name.1)).map(Type::Complex);
        }
        let component = self.schema.find("simpleType", name)?.ok_or_else(|| self.schema.undefined("type", name))?;
        read.simple(component, Some(name.1)).map(Type::Simple)
    }

    /// A simple type, and its name if it has one.
    fn simple(&self, Component { element, within }: Component<'a>, name: Option<&str>) -> Result<Simple<'a>, NotMade> {
        let read = self.deeper()?;
        let called = |name: &str| Simple { name: name.to_owned(), values: Vec::new() };
        let Some(restriction) = element.child(names::SCHEMA, "restriction") else {
            let kind = if element.child(names::SCHEMA, "list").is_some() { "list" } else { "union" };
            return Ok(called(name.unwrap_or(kind)));
        };
        let base = match (restriction.attribute("", "base"), restriction.child(names::SCHEMA, "simpleType")) {
            (Some(base), _) => match read.named(within.resolve(restriction, base)?)? {
                Type::Simple(simple) => simple,
                Type::Complex(_) => called("xs:anySimpleType"),
            },
            (None, Some(inner)) => read.simple(Component { element: inner, within }, None)?,
            (None, None) => called("xs:anySimpleType"),
        };
        let listed = facets(restriction);
        let values = if listed.is_empty() { base.values } else { listed };
        Ok(Simple { name: name.map_or(base.name, str::to_owned), values })
    }

    /// A complex type, and its name if it has one.
    fn complex(&self, of: Component<'a>, name: Option<&str>) -> Result<Complex<'a>, NotMade> {
        let read = self.deeper()?;
        let Component { element, within } = of;
        let mut complex =
            match element.elements().find(|one| matches!(one.local.as_str(), "simpleContent" | "complexContent")) {
                Some(content) => read.derived(content, within)?,
                None => read.plain(element, within, element.attribute("", "mixed") == Some("true"))?,
            };
        name.unwrap_or("complex").clone_into(&mut complex.name);
        complex.is_abstract = element.attribute("", "abstract") == Some("true");
        complex.at = Some(std::ptr::from_ref(element));
        Ok(complex)
    }

    /// Content and attributes that stand in a type, or in the extension or restriction of one.
    fn plain(&self, element: &'a Element, within: Within<'a>, mixed: bool) -> Result<Complex<'a>, NotMade> {
        let mut complex = Complex { content: Content::Anything, ..anything() };
        self.attributes(element, within, &mut complex)?;
        let group = |one: &&Element| {
            one.namespace == names::SCHEMA && matches!(one.local.as_str(), "sequence" | "choice" | "all" | "group")
        };
        let particle = match element.elements().find(group) {
            Some(group) => self.particle(Component { element: group, within })?,
            None => Particle { min: 1, max: 1, what: What::Each(Vec::new()) },
        };
        complex.content = Content::Elements { particle, mixed };
        Ok(complex)
    }

    /// What `simpleContent` or `complexContent` says.
    fn derived(&self, content: &'a Element, within: Within<'a>) -> Result<Complex<'a>, NotMade> {
        let Some((from, base)) = derivation(content) else { return Ok(anything()) };
        let (extends, base) = (from.local == "extension", self.named(within.resolve(from, base)?)?);
        if content.local == "simpleContent" {
            let (simple, attributes) = match base {
                Type::Simple(simple) => (simple, Vec::new()),
                Type::Complex(Complex { content: Content::Text(simple), attributes, .. }) => (simple, attributes),
                Type::Complex(_) => (Simple { name: "xs:string".to_owned(), values: Vec::new() }, Vec::new()),
            };
            let listed = facets(from);
            let simple = Simple { values: if listed.is_empty() { simple.values } else { listed }, ..simple };
            let mut complex = Complex { content: Content::Text(simple), attributes, ..anything() };
            self.attributes(from, within, &mut complex)?;
            return Ok(complex);
        }
        let mixed = content.attribute("", "mixed") == Some("true");
        let own = self.plain(from, within, mixed)?;
        let Type::Complex(base) = base else { return Ok(own) };
        let (content, any_attribute) = match (base.content, own.content) {
            (Content::Elements { particle: first, mixed }, Content::Elements { particle: second, .. }) if extends => {
                let particle = Particle { min: 1, max: 1, what: What::Each(vec![first, second]) };
                (Content::Elements { particle, mixed }, own.any_attribute || base.any_attribute)
            }
            (_, content) => (content, own.any_attribute),
        };
        let mut attributes = base.attributes;
        for attribute in own.attributes {
            attributes.retain(|other| (other.namespace, other.name) != (attribute.namespace, attribute.name));
            attributes.push(attribute);
        }
        // What a restriction takes away.
        let prohibited = |one: &Element| one.local == "attribute" && one.attribute("", "use") == Some("prohibited");
        for gone in from.elements().filter(|one| prohibited(one)) {
            attributes.retain(|other| Some(other.name) != gone.attribute("", "name"));
        }
        Ok(Complex { attributes, any_attribute, content, ..own })
    }

    fn attributes(&self, element: &'a Element, within: Within<'a>, into: &mut Complex<'a>) -> Result<(), NotMade> {
        let read = self.deeper()?;
        for child in element.elements().filter(|child| child.namespace == names::SCHEMA) {
            match child.local.as_str() {
                "attribute" if child.attribute("", "use") != Some("prohibited") => {
                    into.attributes.push(read.attribute(child, within)?);
                }
                "attributeGroup" => {
                    let Some(name) = child.attribute("", "ref") else { continue };
                    let group = self.schema.named("attributeGroup", within.resolve(child, name)?)?;
                    read.attributes(group.element, group.within, into)?;
                }
                "anyAttribute" => into.any_attribute = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn attribute(&self, element: &'a Element, within: Within<'a>) -> Result<Attribute<'a>, NotMade> {
        let any = || Simple { name: "xs:string".to_owned(), values: Vec::new() };
        let required = element.attribute("", "use") == Some("required");
        let (name, of) = if let Some(name) = element.attribute("", "ref") {
            let name = within.resolve(element, name)?;
            if name.0 == names::XML {
                let (namespace, name) = name;
                return Ok(Attribute { namespace, name, required, preset: preset(element), simple: any() });
            }
            (name, self.schema.named("attribute", name)?)
        } else {
            let name = element.attribute("", "name").unwrap_or_default();
            ((within.of_local(element), name), Component { element, within })
        };
        let simple = match (of.element.attribute("", "type"), of.element.child(names::SCHEMA, "simpleType")) {
            (Some(name), _) => match self.named(of.within.resolve(of.element, name)?)? {
                Type::Simple(simple) => simple,
                Type::Complex(_) => any(),
            },
            (None, Some(inner)) => self.simple(Component { element: inner, within: of.within }, None)?,
            (None, None) => any(),
        };
        let preset = preset(element).or_else(|| preset(of.element));
        Ok(Attribute { namespace: name.0, name: name.1, required, preset, simple })
    }

    fn particle(&self, Component { element, within }: Component<'a>) -> Result<Particle<'a>, NotMade> {
        let read = self.deeper()?;
        let occurs = |name: &str| match element.attribute("", name) {
            None => 1,
            Some("unbounded") => usize::MAX,
            Some(number) => number.parse().unwrap_or(1),
        };
        let each = |of: Component<'a>| {
            let is = |one: &&Element| {
                one.namespace == names::SCHEMA
                    && matches!(one.local.as_str(), "element" | "sequence" | "choice" | "all" | "group" | "any")
            };
            let children = of.element.elements().filter(is);
            children
                .map(|element| read.particle(Component { element, within: of.within }))
                .collect::<Result<Vec<_>, _>>()
        };
        let what = match element.local.as_str() {
            "element" => {
                let own = element.attribute("", "name").unwrap_or_default();
                let of = Component { element, within };
                What::Element(match element.attribute("", "ref") {
                    Some(name) => Declared::global(self.schema, within.resolve(element, name)?)?,
                    None => Declared { namespace: within.of_local(element), name: own, global: None, of },
                })
            }
            "choice" => What::Choice(each(Component { element, within })?),
            "group" => match element.attribute("", "ref") {
                Some(name) => {
                    let group = self.schema.named("group", within.resolve(element, name)?)?;
                    What::Each(each(group)?)
                }
                None => What::Each(Vec::new()),
            },
            "any" => What::Any,
            _ => What::Each(each(Component { element, within })?),
        };
        Ok(Particle { min: occurs("minOccurs"), max: occurs("maxOccurs"), what })
    }
}

/// The values that a restriction lists.
fn facets(restriction: &Element) -> Vec<&str> {
    let listed = restriction.elements().filter(|facet| facet.is(names::SCHEMA, "enumeration"));
    listed.filter_map(|facet| facet.attribute("", "value")).collect()
}
