//! What may be set of a request.

use nuncio_xml::foreign::Element;

use super::NotMade;
use super::operations::Input;
use super::schema::Schema;
use super::types::{Complex, Content, Declared, Particle, Root, Simple, Type, What, root};
use super::write::{collect, join};

/// How deep what is listed may be nested.
const MAX_DEPTH: usize = 24;
/// How much is listed.
const MAX_LISTED: usize = 5000;

/// Something that may be set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settable {
    /// Its path. A `[1]` stands where there may be others.
    pub path: String,
    /// What it is: the name of its type.
    pub type_name: String,
    /// The only values that it has, where its type lists them.
    pub values: Vec<String>,
    /// What stands there where it must be and is not set.
    pub preset: Option<String>,
    /// Whether it must be set.
    pub need: Need,
    /// Whether it may stand more than once.
    pub repeats: bool,
    /// Whether there is more within it: it is of a type that it is within itself.
    pub recurs: bool,
}

/// Whether something must be set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// It must be.
    Always,
    /// It must be where something of what that path leads to is.
    With(String),
    /// It may be.
    Never,
    /// One of those names must be, or may be, and the others not.
    OneOf(Vec<String>),
}

/// What may be set of a request, in the order of the schema.
pub(super) fn settable<'a>(schema: &Schema<'a>, input: &Input<'a>) -> Result<Vec<Settable>, NotMade> {
    schema.begin();
    let mut listing = Listing { schema, listed: Vec::new(), around: Vec::new() };
    match root(schema, input)? {
        None => {}
        Some((_, Root::Declared(declared))) => {
            let of_type = declared.of_type(schema)?;
            listing.typed(&of_type, declared.preset(), ("", &Need::Always, false))?;
        }
        Some((_, Root::Parts(parts))) => listing.typed(&Type::Complex(parts), None, ("", &Need::Always, false))?,
    }
    Ok(listing.listed)
}

struct Listing<'s, 'a> {
    schema: &'s Schema<'a>,
    listed: Vec<Settable>,
    /// The types that are around what is listed.
    around: Vec<*const Element>,
}

impl<'a> Listing<'_, 'a> {
    fn typed(
        &mut self,
        of_type: &Type<'a>,
        preset: Option<&str>,
        (path, need, repeats): (&str, &Need, bool),
    ) -> Result<(), NotMade> {
        let own = if path.is_empty() { "." } else { path };
        let complex = match of_type {
            Type::Simple(simple) => return self.list(own, simple, preset, (need, repeats)),
            Type::Complex(complex) => complex,
        };
        let recurs = complex.at.is_some_and(|at| self.around.contains(&at)) || self.around.len() == MAX_DEPTH;
        if recurs || complex.is_abstract {
            let simple = Simple { name: complex.name.clone(), values: Vec::new() };
            let path = if complex.is_abstract { join(path, "@xsi:type") } else { own.to_owned() };
            self.list(&path, &simple, None, (need, repeats))?;
            if let Some(last) = self.listed.last_mut() {
                last.recurs = recurs;
            }
            return Ok(());
        }
        // What must stand in something that may be left out must stand where that does.
        let within = match need {
            Need::Always | Need::With(_) => need.clone(),
            Need::Never | Need::OneOf(_) => Need::With(path.to_owned()),
        };
        for attribute in &complex.attributes {
            let need = if attribute.required { within.clone() } else { Need::Never };
            let name = format!("@{}", attribute.name);
            self.list(&join(path, &name), &attribute.simple, attribute.preset, (&need, false))?;
        }
        self.around.extend(complex.at);
        match &complex.content {
            Content::Text(simple) => self.list(own, simple, preset, (need, repeats))?,
            Content::Anything => {
                let simple = Simple { name: complex.name.clone(), values: Vec::new() };
                self.list(own, &simple, preset, (need, repeats))?;
            }
            Content::Elements { particle, .. } => self.particle(particle, path, &within, false)?,
        }
        if complex.at.is_some() {
            self.around.pop();
        }
        Ok(())
    }

    fn particle(&mut self, particle: &Particle<'a>, path: &str, need: &Need, repeats: bool) -> Result<(), NotMade> {
        let repeats = repeats || particle.max > 1;
        if particle.max == 0 {
            return Ok(());
        }
        let need = if particle.min == 0 && !matches!(need, Need::OneOf(_)) { &Need::Never } else { need };
        match &particle.what {
            What::Element(declared) => {
                let named = declared.named(self.schema)?;
                let one_of = Need::OneOf(named.iter().map(|one| one.name.to_owned()).collect());
                let need = if named.len() > 1 { &one_of } else { need };
                for one in &named {
                    self.element(one, path, need, repeats)?;
                }
                Ok(())
            }
            What::Each(each) => each.iter().try_for_each(|one| self.particle(one, path, need, repeats)),
            What::Choice(branches) => {
                let mut names = Vec::new();
                collect(self.schema, particle, &mut names)?;
                let need = Need::OneOf(names);
                branches.iter().try_for_each(|one| self.particle(one, path, &need, repeats))
            }
            What::Any => Ok(()),
        }
    }

    fn element(&mut self, declared: &Declared<'a>, path: &str, need: &Need, repeats: bool) -> Result<(), NotMade> {
        self.schema.work(1)?;
        let of_type = declared.of_type(self.schema)?;
        let holds = matches!(&of_type, Type::Complex(Complex { content: Content::Elements { .. }, .. }));
        let position = if repeats && holds { "[1]" } else { "" };
        let path = join(path, &format!("{}{position}", declared.name));
        self.typed(&of_type, declared.preset(), (&path, need, repeats))
    }

    fn list(
        &mut self,
        path: &str,
        simple: &Simple<'_>,
        preset: Option<&str>,
        (need, repeats): (&Need, bool),
    ) -> Result<(), NotMade> {
        if self.listed.len() == MAX_LISTED {
            return Err(NotMade::TooIntricate { limit: MAX_LISTED });
        }
        let values: Vec<String> = simple.values.iter().map(|value| (*value).to_owned()).collect();
        let only = if let [only] = values.as_slice() { Some(only.clone()) } else { None };
        self.listed.push(Settable {
            path: path.to_owned(),
            type_name: simple.name.clone(),
            preset: preset.map(str::to_owned).or(only),
            values,
            need: need.clone(),
            repeats,
            recurs: false,
        });
        Ok(())
    }
}
