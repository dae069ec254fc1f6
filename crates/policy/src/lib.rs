//! What a route demands and whom it admits: the WS-SecurityPolicy model, with WSDL, bare policies and presets as ways in, and
//! WS-SecurityPolicy as the way out.
//!
//! The model ([`model`]) is the language of WS-SecurityPolicy 1.1 to 1.3. Into it lead a contract ([`wsdl`]), a policy
//! alone ([`bare`]) and the names that users know ([`preset`]). Out of it leads [`publish`], and for people [`explain`].
//! [`request`] makes what a contract's operations are asked with.

pub mod authorise;
pub mod bare;
mod documents;
mod error;
pub mod explain;
pub mod model;
mod names;
pub mod preset;
pub mod publish;
mod read;
pub mod request;
pub mod said;
pub mod suite;
pub mod wsdl;
pub mod yaml;

pub use error::{Place, PolicyError, Remark};
