//! The body of a request, made from the contract that it is for and what somebody wants to say: for trying a service without
//! a client of its own.
//!
//! `operations.rs` finds what may be asked for, `schema.rs` the components of its schemas and `types.rs` what they say,
//! `settings.rs` reads what is wanted, `write.rs` writes it in the order and the namespaces of the schema, `describe.rs` lists
//! what may be wanted.

mod describe;
mod error;
mod operations;
mod schema;
mod settings;
mod types;
mod write;

pub use self::describe::{Need, Settable};
pub use self::error::NotMade;
pub use self::operations::Listed;
use self::operations::{Input, Requests};
use self::schema::Schema;
use crate::wsdl::Documents;

/// The operations of a contract that a client may ask for, of each of its ports for SOAP, in the order of the contract.
pub fn operations(documents: &Documents) -> Result<Vec<Listed>, NotMade> {
    Requests::new(documents).listed()
}

/// A request for one operation.
pub struct Request<'a> {
    schema: Schema<'a>,
    input: Input<'a>,
}

impl<'a> Request<'a> {
    /// A request for the operation of that name, of the port of that name or of the first that has one. Its body must be
    /// literal; of operations of one name the first is meant.
    pub fn new(documents: &'a Documents, port: Option<&str>, operation: &str) -> Result<Self, NotMade> {
        let input = Requests::new(documents).input(port, operation)?;
        Ok(Self { schema: Schema::new(documents)?, input })
    }

    /// What may be set of it, in the order of the schema.
    pub fn settable(&self) -> Result<Vec<Settable>, NotMade> {
        describe::settable(&self.schema, &self.input)
    }

    /// What stands in its body: nothing, or one element with all the namespaces that it needs.
    ///
    /// Each of `settings` is a path with a value: `order/id` is the element `id` of the element `order` of the body's,
    /// `order/@id` an attribute, `.` the text of the body's element itself. The last element of a path that is set once more
    /// is another one beside the first; `line[2]/sku` says which `line` is meant. `@xsi:nil` and `@xsi:type` (the local name
    /// of a type) are attributes of every element. What is not set is left out where it may be, and has its default or its
    /// only value where that is said.
    pub fn body(&self, settings: &[(&str, &str)]) -> Result<String, NotMade> {
        write::body(&self.schema, &self.input, &settings::Node::read(settings)?)
    }
}
