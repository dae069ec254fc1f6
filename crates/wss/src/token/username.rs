//! `wsse:UsernameToken` with its password in clear ([WSS `UsernameToken` Profile 1.1] section 3).

use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use super::reference::PREFIX;
use super::{elements, octets, text};
use crate::names::{PASSWORD_TEXT, WSSE, WSU};
use crate::refusal::Refusal;
use crate::time::Time;

const OF: &str = "UsernameToken";

/// Lengths of a nonce that are let in, in octets.
const NONCES: std::ops::RangeInclusive<usize> = 4..=128;

/// A user name and a password, claimed and not yet believed.
pub struct Username {
    /// The user's name.
    pub name: String,
    /// The password.
    pub password: Secret,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) created: Option<Time>,
}

impl Username {
    /// Reads the token at `node`. Nonce and time of creation may be there; a hashed password may not.
    pub(crate) fn read(document: &Document, node: NodeId) -> Result<Self, Refusal> {
        let (mut name, mut password, mut nonce, mut created) = (None, None, None, None);
        for child in elements(document, node, OF)? {
            let twice = match (document.name(child).namespace, document.name(child).local) {
                (WSSE, "Username") => name.replace(text(document, child, "Username")?).is_some(),
                (WSSE, "Password") => {
                    let kind = document.attribute(child, "", "Type");
                    if kind.is_some_and(|kind| kind != PASSWORD_TEXT) {
                        return Err(Refusal::header("Password", "is not in clear"));
                    }
                    let value = document.only_text(child).ok_or(Refusal::header("Password", "holds more than text"))?;
                    password.replace(Secret::new(value.into_owned().into_bytes())).is_some()
                }
                // WSE writes a nonce without EncodingType, which means base64.
                (WSSE, "Nonce") => nonce.replace(octets(document, child, "Nonce")?).is_some(),
                (WSU, "Created") => {
                    let value = Time::parse(&text(document, child, "Created")?);
                    created.replace(value.ok_or(Refusal::header("Created", "is no instant in UTC"))?).is_some()
                }
                _ => return Err(Refusal::header(OF, "has an element that is not known")),
            };
            if twice {
                return Err(Refusal::header(OF, "has an element twice"));
            }
        }
        if nonce.as_ref().is_some_and(|nonce: &Vec<u8>| !NONCES.contains(&nonce.len())) {
            return Err(Refusal::header("Nonce", "is too short or too long"));
        }
        let name = name.filter(|name| !name.is_empty()).ok_or(Refusal::header(OF, "has no user name"))?;
        let password = password.ok_or(Refusal::header(OF, "has no password"))?;
        Ok(Self { name, password, nonce, created })
    }
}

/// Writes a user name token with its password in clear.
pub(crate) fn write(writer: &mut Writer, id: &str, name: &str, password: &str) {
    writer.start(PREFIX, WSSE, OF);
    writer.attribute_ns("u", WSU, "Id", id);
    writer.start(PREFIX, WSSE, "Username");
    writer.text(name);
    writer.end();
    writer.start(PREFIX, WSSE, "Password");
    writer.attribute("Type", PASSWORD_TEXT);
    writer.text(password);
    writer.end();
    writer.end();
}
