//! Who calls, said in a plain message: for a backend that reads it there.
//!
//! Only what is asserted here bears its name in a plain message: a client's own block of that name goes no further, however it
//! is addressed, and whether or not anything is asserted.

use nuncio_xml::{Document, NodeId, Writer};

use crate::names::WSSE;

/// The namespace of [`Form::Identity`].
pub const IDENTITY: &str = "urn:nuncio:identity:1";

/// How it is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A header block `Identity` in [`IDENTITY`], with a child for each thing that is known.
    Identity,
    /// A security header with a `UsernameToken` without a password (WSS: Username Token Profile 1.1, section 3.1); none
    /// where nobody in particular calls.
    UsernameToken,
}

/// What is asserted of a caller.
#[derive(Clone, Copy, Debug)]
pub struct Asserted<'a> {
    /// How it is said.
    pub form: Form,
    /// His name; `None` for nobody in particular.
    pub principal: Option<&'a str>,
    /// More of him: the local name of an element and its text, in the order in which they are written.
    pub claims: &'a [(&'static str, &'a str)],
}

impl Asserted<'_> {
    /// Whether a block of a client's says of itself what only this may say. A block of [`IDENTITY`] travels in no case.
    pub(crate) fn displaces(&self, document: &Document, block: NodeId) -> bool {
        let name = document.name(block);
        self.form == Form::UsernameToken && name.namespace == WSSE && name.local == "Security"
    }

    /// Whether there is anything to write.
    pub(crate) fn is_said(&self) -> bool {
        self.form == Form::Identity || self.principal.is_some()
    }

    /// Writes the header block.
    pub(crate) fn write(&self, writer: &mut Writer) {
        match self.form {
            Form::Identity => {
                writer.start("n", IDENTITY, "Identity");
                let principal = self.principal.map(|name| ("Principal", name));
                for (name, text) in principal.into_iter().chain(self.claims.iter().copied()) {
                    writer.start("n", IDENTITY, name);
                    writer.text(text);
                    writer.end();
                }
                writer.end();
            }
            Form::UsernameToken => {
                if let Some(name) = self.principal {
                    writer.start("o", WSSE, "Security");
                    writer.start("o", WSSE, "UsernameToken");
                    writer.start("o", WSSE, "Username");
                    writer.text(name);
                    writer.end();
                    writer.end();
                    writer.end();
                }
            }
        }
    }
}
