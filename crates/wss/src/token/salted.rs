//! `wsse11:Salt` and `wsse11:Iteration` ([WSS `UsernameToken` Profile 1.1] section 4): how the key of a user name token comes
//! from the user's password.

use std::ops::RangeInclusive;

use nuncio_crypto::base64;
use nuncio_crypto::password::{DEFAULT_ITERATIONS, MAX_ITERATIONS, derived_key};
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use super::{octets, text};
use crate::names::WSSE11;
use crate::refusal::Refusal;

/// Octets of a salt.
const SALT: usize = 16;

/// The first octet of a salt whose key signs. One that encrypts has 2, and no stack looks at it.
const SIGNING: u8 = 1;

/// How often is hashed: no less than the Basic Security Profile has it (1.1, R4218), and no more than the machine should
/// suffer from a peer.
const ITERATIONS: RangeInclusive<u32> = DEFAULT_ITERATIONS..=MAX_ITERATIONS;

/// How a key is derived from a password.
#[derive(Debug)]
pub(crate) struct Salted {
    salt: [u8; SALT],
    iterations: u32,
}

impl Salted {
    /// What those elements of a token say; `None` where it has neither, and no key.
    pub(crate) fn read(
        document: &Document,
        salt: Option<NodeId>,
        iteration: Option<NodeId>,
    ) -> Result<Option<Self>, Refusal> {
        let Some(salt) = salt else {
            return match iteration {
                Some(_) => Err(Refusal::header("Iteration", "is there without a salt")),
                None => Ok(None),
            };
        };
        let salt: [u8; SALT] =
            octets(document, salt, "Salt")?.try_into().map_err(|_| Refusal::header("Salt", "is not of 16 octets"))?;
        let iterations = iteration.map(|node| count(document, node)).transpose()?.unwrap_or(DEFAULT_ITERATIONS);
        Ok(Some(Self { salt, iterations }))
    }

    /// A salt that nobody had before.
    pub(crate) fn fresh(random: &mut dyn Random) -> Self {
        let mut salt = [0; SALT];
        random.fill(&mut salt);
        salt[0] = SIGNING;
        Self { salt, iterations: DEFAULT_ITERATIONS }
    }

    /// The key that comes of that password.
    pub(crate) fn derive(&self, password: &Secret) -> Result<Secret, Refusal> {
        derived_key(password, &self.salt, self.iterations).map_err(|_| OUT_OF_BOUNDS)
    }

    /// Writes both elements.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("k", WSSE11, "Salt");
        writer.text_with(|out| base64::encode_to(&self.salt, out));
        writer.end();
        writer.start("k", WSSE11, "Iteration");
        writer.text(&self.iterations.to_string());
        writer.end();
    }
}

const OUT_OF_BOUNDS: Refusal = Refusal::header("Iteration", "is too small or too great");

fn count(document: &Document, node: NodeId) -> Result<u32, Refusal> {
    let text = text(document, node, "Iteration")?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::header("Iteration", "is no number"));
    }
    text.parse().ok().filter(|iterations| ITERATIONS.contains(iterations)).ok_or(OUT_OF_BOUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::document;
    use crate::token::username::Username;

    const SALT: &str = "<k:Salt>AaGio6SlpqeoqaqrrK2urw==</k:Salt>";

    fn read(beside: &str) -> Result<Username, Refusal> {
        let token = format!("<o:UsernameToken><o:Username>alice</o:Username>{beside}</o:UsernameToken>");
        let (document, node) = document(&token);
        Username::read(&document, node)
    }

    fn counted(times: &str) -> String {
        format!("{SALT}<k:Iteration>{times}</k:Iteration>")
    }

    /// The same key by Python's `hashlib`, with the count that a token says and the one that it need not.
    #[test]
    fn a_salt_makes_a_key_of_a_password() {
        let password = Secret::from(&b"wonderland-1865"[..]);
        let key = |beside: &str| {
            let user = read(beside).expect("read");
            assert!(!user.is_proof(), "a key that nothing was made with proves nothing");
            user.salted.map(|salted| salted.derive(&password).expect("derived").expose().to_vec())
        };
        let thousand = hex("9ab7c5243f4bd4814c6d8fa5bbda1154de1c57ec");
        assert_eq!(key(SALT), Some(thousand.clone()));
        assert_eq!(key(&format!("<k:Iteration> 1000\n</k:Iteration>{SALT}")), Some(thousand));
        assert_eq!(key(&counted("10000")), Some(hex("67710c0013b2532b1612e907da9b1f73631a30e2")));
        assert_eq!(key(""), None);
    }

    fn hex(digits: &str) -> Vec<u8> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let bounds = "is too small or too great";
        for (beside, element, fault) in [
            ("<k:Salt>AQEBAQEBAQE=</k:Salt>".to_owned(), "Salt", "is not of 16 octets"),
            ("<k:Salt/>".to_owned(), "Salt", "is not of 16 octets"),
            (format!("{SALT}{SALT}"), "UsernameToken", "has an element twice"),
            (counted("1000</k:Iteration><k:Iteration>1000"), "UsernameToken", "has an element twice"),
            (counted("999"), "Iteration", bounds),
            (counted("0"), "Iteration", bounds),
            (counted("10001"), "Iteration", bounds),
            (counted("99999999999999999999"), "Iteration", bounds),
            (counted("-1000"), "Iteration", "is no number"),
            (counted("1e3"), "Iteration", "is no number"),
            (counted(""), "Iteration", "is no number"),
        ] {
            match read(&beside).err() {
                Some(Refusal::SecurityHeader { element: found, fault: why }) => {
                    assert_eq!((found, why), (element, fault), "{beside}");
                }
                other => panic!("{beside}: {other:?}"),
            }
        }
    }
}
