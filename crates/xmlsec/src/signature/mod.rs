//! XML Signature: signatures over elements of the same document, as WS-Security and SAML use them.

mod read;
mod sign;
mod token;
mod verify;

pub use read::{Limits, Method, Reference, Signature};
pub use sign::{Part, Place, Signing, sign, sign_at};
pub use token::Token;
pub use verify::{Authentic, Verified, VerifyKey, digests, verify, verify_with_tokens};
