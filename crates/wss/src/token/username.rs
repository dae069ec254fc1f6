//! `wsse:UsernameToken` ([WSS `UsernameToken` Profile 1.1] section 3): a name, and a password in clear, hashed, or none.

use std::ops::RangeInclusive;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::base64;
use nuncio_crypto::digest;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use super::reference::PREFIX;
use super::salted::Salted;
use super::{elements, octets, text};
use crate::names::{BASE64, PASSWORD_DIGEST, PASSWORD_TEXT, WSSE, WSSE11, WSU};
use crate::open::Once;
use crate::refusal::Refusal;
use crate::time::Time;
use crate::timestamp::{Freshness, Timestamp};

const OF: &str = "UsernameToken";

/// Lengths of a nonce that are let in, in octets. A nonce beside a password in clear is only remembered, and WCF, which
/// skips it, sets the least of any stack.
const NONCES: RangeInclusive<usize> = 4..=128;

/// Lengths of a nonce within a hash. Below 8 octets honest nonces meet by chance within a day's messages; none of the
/// field is longer than 40, text forms of random octets included.
const HASHED_NONCES: RangeInclusive<usize> = 8..=64;

/// Octets of a nonce that we write.
pub(crate) const NONCE: usize = 16;

/// Longest user name and longest time of creation, in octets.
const MAX_NAME: usize = 1024;
const MAX_CREATED: usize = 64;

/// A user name and what is to prove it, claimed and not yet believed.
pub struct Username {
    /// The user's name.
    pub name: String,
    /// What is to prove it.
    pub password: Password,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) created: Option<Time>,
    /// How a key is derived from the password, where the token is to have one.
    pub(crate) salted: Option<Salted>,
}

/// What a user name token brings to prove the name (section 3.1).
pub enum Password {
    /// The password itself.
    Text(Secret),
    /// SHA-1 over nonce, time of creation and password.
    Digest(PasswordDigest),
    /// Nothing: the name is said, and not proved.
    None,
}

/// A hashed password. Has no `Debug`: passwords can be guessed by it.
pub struct PasswordDigest {
    value: Secret,
    nonce: Vec<u8>,
    /// The text as it was sent, without white space around it: it is the text that is hashed, not the instant.
    created: String,
}

impl Username {
    /// That name with a password in clear.
    pub fn in_clear(name: &str, password: &str) -> Self {
        let password = Password::Text(Secret::from(password.as_bytes()));
        Self { name: name.to_owned(), password, nonce: None, created: None, salted: None }
    }

    /// Whether anything in it proves the name: else it is only said.
    pub(crate) fn is_proof(&self) -> bool {
        !matches!(self.password, Password::None)
    }

    /// Whether that password, or what the profile calls its equivalent, proves the name. The work is the same for every
    /// password of one length, and never shows how much of it was right.
    #[must_use]
    pub fn proves(&self, password: &Secret) -> bool {
        match &self.password {
            Password::Text(claimed) => hashed(password).matches(hashed(claimed).expose()),
            Password::Digest(PasswordDigest { value, nonce, created }) => {
                value.matches(digest_of(nonce, created, password.expose()).expose())
            }
            Password::None => false,
        }
    }

    /// What its nonce is claimed as: nobody may send it again under that name while it would be taken (sections 3.1 and 5).
    pub(crate) fn once(&self, freshness: &Freshness, now: Time) -> Option<Once> {
        let mut hasher = digest::Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(self.name.as_bytes());
        hasher.update(&[0]);
        hasher.update(self.nonce.as_ref()?);
        let key = *hasher.finish().as_ref().first_chunk::<16>()?;
        // One that nothing dates proves nothing by being new: it is remembered for as long as one made now.
        let until = Timestamp::created(self.created.unwrap_or(now)).until(freshness);
        Some(Once { key, until })
    }

    /// Reads the token at `node`: its elements in any order, each once, and no others. A hashed password needs nonce and
    /// time of creation; beside any other either may be there. A key is derived from a password that is not sent (section 4).
    pub(crate) fn read(document: &Document, node: NodeId) -> Result<Self, Refusal> {
        let (mut name, mut password, mut nonce, mut created) = (None, None, None, None);
        let (mut salt, mut iteration) = (None, None);
        for child in elements(document, node, OF)? {
            let twice = match (document.name(child).namespace, document.name(child).local) {
                (WSSE, "Username") => name.replace(text(document, child, "Username")?).is_some(),
                (WSSE, "Password") => password.replace(child).is_some(),
                (WSSE, "Nonce") => {
                    // WSE and .NET clients write a nonce without EncodingType, which means base64 (BSP R4220).
                    if document.attribute(child, "", "EncodingType").is_some_and(|encoding| encoding != BASE64) {
                        return Err(Refusal::header("Nonce", "is not in base64"));
                    }
                    nonce.replace(octets(document, child, "Nonce")?).is_some()
                }
                (WSSE11, "Salt") => salt.replace(child).is_some(),
                (WSSE11, "Iteration") => iteration.replace(child).is_some(),
                (WSU, "Created") => created.replace(Created::read(document, child)?).is_some(),
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
        if name.len() > MAX_NAME {
            return Err(Refusal::header("Username", "is too long"));
        }
        let salted = Salted::read(document, salt, iteration)?;
        let password = match password {
            Some(_) if salted.is_some() => return Err(Refusal::header(OF, "has a password beside the salt of a key")),
            Some(child) => Password::read(document, child, nonce.as_deref(), created.as_ref())?,
            None => Password::None,
        };
        Ok(Self { name, password, nonce, created: created.map(|created| created.at), salted })
    }
}

/// A time of creation: its text, without white space around it, and the instant that it means.
struct Created {
    text: String,
    at: Time,
}

impl Created {
    fn read(document: &Document, node: NodeId) -> Result<Self, Refusal> {
        let text = text(document, node, "Created")?;
        if text.len() > MAX_CREATED {
            return Err(Refusal::header("Created", "is too long"));
        }
        let at = Time::parse(&text).ok_or(Refusal::header("Created", "is no instant in UTC"))?;
        Ok(Self { text, at })
    }
}

impl Password {
    /// Reads the password at `node`, of the kind that its `Type` says and of no other; without one it is in clear.
    fn read(
        document: &Document,
        node: NodeId,
        nonce: Option<&[u8]>,
        created: Option<&Created>,
    ) -> Result<Self, Refusal> {
        const OF: &str = "Password";
        match document.attribute(node, "", "Type").as_deref() {
            None | Some(PASSWORD_TEXT) => {
                let text = document.only_text(node).ok_or(Refusal::header(OF, "holds more than text"))?;
                Ok(Self::Text(Secret::new(text.into_owned().into_bytes())))
            }
            Some(PASSWORD_DIGEST) => {
                let value = octets(document, node, OF)?;
                if value.len() != DigestAlgorithm::Sha1.size() {
                    return Err(Refusal::header(OF, "is no hash by SHA-1"));
                }
                let (Some(nonce), Some(created)) = (nonce, created) else {
                    return Err(Refusal::header(OF, "is hashed without a nonce and a time of creation"));
                };
                if !HASHED_NONCES.contains(&nonce.len()) {
                    return Err(Refusal::header("Nonce", "is too short or too long"));
                }
                let (value, nonce) = (Secret::new(value), nonce.to_vec());
                Ok(Self::Digest(PasswordDigest { value, nonce, created: created.text.clone() }))
            }
            Some(_) => Err(Refusal::header(OF, "is of no type that is known")),
        }
    }
}

/// Of one length whatever the password's, so that a comparison does not tell that either.
fn hashed(password: &Secret) -> Secret {
    Secret::from(digest::hash(DigestAlgorithm::Sha256, password.expose()).as_ref())
}

/// The hash of a password (section 3.1): SHA-1 over the octets of the nonce, the text of the time, and the password.
fn digest_of(nonce: &[u8], created: &str, password: &[u8]) -> Secret {
    let mut hasher = digest::Hasher::new(DigestAlgorithm::Sha1);
    for part in [nonce, created.as_bytes(), password] {
        hasher.update(part);
    }
    Secret::from(hasher.finish().as_ref())
}

/// A user name token that is to be written.
pub(crate) struct Outgoing<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a str,
    pub(crate) form: Form,
    /// How its key is derived, where it has one.
    pub(crate) salted: Option<&'a Salted>,
}

/// How a password is written, and what beside it.
pub(crate) enum Form {
    /// In clear.
    Text { nonce: Option<[u8; NONCE]>, created: Option<Time> },
    /// Hashed.
    Digest { nonce: [u8; NONCE], created: Time },
    /// Not at all.
    None { nonce: Option<[u8; NONCE]>, created: Option<Time> },
}

/// Writes a user name token.
pub(crate) fn write(writer: &mut Writer, id: &str, token: &Outgoing<'_>) {
    writer.start(PREFIX, WSSE, OF);
    writer.attribute_ns("u", WSU, "Id", id);
    writer.start(PREFIX, WSSE, "Username");
    writer.text(token.name);
    writer.end();
    let (nonce, created) = match token.form {
        Form::Text { nonce, created } => {
            writer.start(PREFIX, WSSE, "Password");
            writer.attribute("Type", PASSWORD_TEXT);
            writer.text(token.password);
            writer.end();
            (nonce, created)
        }
        Form::Digest { nonce, created } => {
            let digest = digest_of(&nonce, &created.to_string(), token.password.as_bytes());
            writer.start(PREFIX, WSSE, "Password");
            writer.attribute("Type", PASSWORD_DIGEST);
            writer.text_with(|out| base64::encode_to(digest.expose(), out));
            writer.end();
            (Some(nonce), Some(created))
        }
        Form::None { nonce, created } => (nonce, created),
    };
    if let Some(salted) = token.salted {
        salted.write(writer);
    }
    if let Some(nonce) = nonce {
        writer.start(PREFIX, WSSE, "Nonce");
        writer.attribute("EncodingType", BASE64);
        writer.text_with(|out| base64::encode_to(&nonce, out));
        writer.end();
    }
    if let Some(created) = created {
        writer.start("u", WSU, "Created");
        writer.text(&created.to_string());
        writer.end();
    }
    writer.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::document;

    const NONCE_16: &str = "0x7bXAPZVn40AdCD0Xbt0g==";
    const CREATED: &str = "2010-06-28T15:16:37Z";
    const SALT: &str = "AaGio6SlpqeoqaqrrK2urw==";
    const TEXT: &str = "<o:Password>wonderland-1865</o:Password>";

    fn secret(octets: &[u8]) -> Secret {
        Secret::from(octets)
    }

    fn read(children: &str) -> Result<Username, Refusal> {
        let (document, node) = document(&format!("<o:UsernameToken>{children}</o:UsernameToken>"));
        Username::read(&document, node)
    }

    fn hashed_by(digest: &str, nonce: &str, created: &str) -> Result<Username, Refusal> {
        read(&format!(
            "<o:Username>alice</o:Username><o:Password Type=\"{PASSWORD_DIGEST}\">{digest}</o:Password>{nonce}{created}"
        ))
    }

    fn nonce(text: &str) -> String {
        format!("<o:Nonce>{text}</o:Nonce>")
    }

    fn created(text: &str) -> String {
        format!("<u:Created>{text}</u:Created>")
    }

    /// WSS4J's own example, whose password is itself a hash; and the same with the password as it stands.
    #[test]
    fn digests_of_wss4j() {
        let equivalent = digest::hash(DigestAlgorithm::Sha1, b"password");
        for (digest, proof, other) in [
            ("C0rena/6gKpRZ9ATj+e6ss5sAbQ=", equivalent.as_ref(), &b"password"[..]),
            ("5eawvSIg7bt79oQixbEH9hSWS7Y=", b"password", equivalent.as_ref()),
        ] {
            let user = hashed_by(digest, &nonce(NONCE_16), &created(CREATED)).expect("read");
            assert!(user.proves(&secret(proof)), "{digest}");
            assert!(!user.proves(&secret(other)), "{digest}: one interpretation, never both");
            assert!(!user.proves(&secret(b"Password")) && !user.proves(&secret(b"")), "{digest}");
        }
    }

    /// Clients that hash the base64 of the nonce, or the base64 of a digest once more, prove nothing.
    #[test]
    fn a_digest_over_the_text_of_the_nonce_proves_nothing() {
        let password = &b"wonderland-1865"[..];
        let wrong = digest_of(NONCE_16.as_bytes(), CREATED, password);
        let user = hashed_by(&base64::encode(wrong.expose()), &nonce(NONCE_16), &created(CREATED)).expect("read");
        assert!(!user.proves(&secret(password)));
        let octets = base64::decode(NONCE_16).expect("base64");
        let right = digest_of(&octets, CREATED, password);
        let user = hashed_by(&base64::encode(right.expose()), &nonce(NONCE_16), &created(CREATED)).expect("read");
        assert!(user.proves(&secret(password)));
        let twice = base64::encode(base64::encode(right.expose()).as_bytes());
        let refused = hashed_by(&twice, &nonce(NONCE_16), &created(CREATED)).err();
        assert!(matches!(refused, Some(Refusal::SecurityHeader { element: "Password", .. })), "{refused:?}");
    }

    /// A template with line breaks around its values; fractions of every length; the text is hashed as it was sent.
    #[test]
    fn times_are_hashed_as_sent_without_the_white_space_around() {
        let password = &b"wonderland-1865"[..];
        let octets = base64::decode(NONCE_16).expect("base64");
        for time in [
            "2020-06-08T12:40:10Z",
            "2020-06-08T12:40:10.1Z",
            "2020-06-08T12:40:10.123Z",
            "2020-06-08T12:40:10.598977Z",
            "2020-06-08T12:40:10.123456789Z",
            "2020-06-08T12:40:10+00:00",
        ] {
            let digest = base64::encode(digest_of(&octets, time, password).expose());
            let template = |text: &str| format!("\n      {text}\r\n   ");
            let user = hashed_by(&digest, &nonce(&template(NONCE_16)), &created(&template(time)));
            let user = user.unwrap_or_else(|refusal| panic!("{time}: {refusal}"));
            assert!(user.proves(&secret(password)), "{time}");
            assert_eq!(user.created, Time::parse(time), "{time}");
        }
    }

    /// Nonce and time, one of them, or neither, beside a password in clear; the nonce with and without its encoding.
    #[test]
    fn beside_a_password_in_clear_all_is_optional() {
        let encoded = format!("<o:Nonce EncodingType=\"{BASE64}\">{NONCE_16}</o:Nonce>");
        for beside in [
            String::new(),
            nonce(NONCE_16),
            encoded.clone(),
            created(CREATED),
            nonce(NONCE_16) + &created(CREATED),
            created(CREATED) + &encoded,
            nonce("AQIDBA=="),
        ] {
            for kind in [String::new(), format!(" Type=\"{PASSWORD_TEXT}\"")] {
                let password = format!("<o:Password{kind}> a &amp; b </o:Password>");
                let user = read(&format!("{beside}{password}<o:Username> alice\n</o:Username>")).expect("read");
                assert_eq!(user.name, "alice", "{beside}");
                assert!(user.proves(&secret(b" a & b ")) && !user.proves(&secret(b"a & b")), "{beside}");
            }
        }
    }

    #[test]
    fn a_name_without_password_proves_nothing() {
        let user = read("<o:Username>alice</o:Username>").expect("read");
        assert!(matches!(user.password, Password::None));
        assert!(!user.proves(&secret(b"")));
        let user = read("<o:Username>alice</o:Username><o:Password/>").expect("read");
        assert!(user.proves(&secret(b"")) && !user.proves(&secret(b"x")), "an empty one is a password");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let name = "<o:Username>alice</o:Username>";
        let digest = format!("<o:Password Type=\"{PASSWORD_DIGEST}\">C0rena/6gKpRZ9ATj+e6ss5sAbQ=</o:Password>");
        let of = |octets: usize| nonce(&base64::encode(&vec![7; octets]));
        let created_now = created(CREATED);
        for (children, element, fault) in [
            (TEXT.to_owned(), OF, "has no user name"),
            (format!("<o:Username> </o:Username>{TEXT}"), OF, "has no user name"),
            (format!("<o:Username>{}</o:Username>", "a".repeat(1025)), "Username", "is too long"),
            (format!("{name}{name}{TEXT}"), OF, "has an element twice"),
            (format!("{name}{TEXT}{TEXT}"), OF, "has an element twice"),
            (format!("{name}{TEXT}{digest}"), OF, "has an element twice"),
            (format!("{name}{TEXT}{}{}", of(16), of(16)), OF, "has an element twice"),
            (format!("{name}{TEXT}{created_now}{created_now}"), OF, "has an element twice"),
            (format!("{name}{TEXT}<k:Salt>{SALT}</k:Salt>"), OF, "has a password beside the salt of a key"),
            (
                format!("{name}{digest}{}{created_now}<k:Salt>{SALT}</k:Salt>", of(16)),
                OF,
                "has a password beside the salt of a key",
            ),
            (format!("{name}<k:Iteration>1</k:Iteration>"), "Iteration", "is there without a salt"),
            (format!("{name}<u:Username>bob</u:Username>"), OF, "has an element that is not known"),
            (
                format!("{name}<o:Password Type=\"#PasswordText\">x</o:Password>"),
                "Password",
                "is of no type that is known",
            ),
            (format!("{name}<o:Password Type=\"\">x</o:Password>"), "Password", "is of no type that is known"),
            (format!("{name}<o:Password>a<u:b/></o:Password>"), "Password", "holds more than text"),
            (format!("{name}{digest}"), "Password", "is hashed without a nonce and a time of creation"),
            (format!("{name}{digest}{}", of(16)), "Password", "is hashed without a nonce and a time of creation"),
            (format!("{name}{digest}{created_now}"), "Password", "is hashed without a nonce and a time of creation"),
            (format!("{name}{digest}{created_now}{}", of(7)), "Nonce", "is too short or too long"),
            (format!("{name}{digest}{created_now}{}", of(65)), "Nonce", "is too short or too long"),
            (format!("{name}{TEXT}{}", of(3)), "Nonce", "is too short or too long"),
            (format!("{name}{TEXT}{}", of(129)), "Nonce", "is too short or too long"),
            (
                format!("{name}{TEXT}<o:Nonce EncodingType=\"#HexBinary\">00112233</o:Nonce>"),
                "Nonce",
                "is not in base64",
            ),
            (format!("{name}{TEXT}{}", nonce("!!!!")), "Nonce", "is not base64"),
            (format!("{name}{TEXT}{}", created("2020-06-08T12:40:10-04:00")), "Created", "is no instant in UTC"),
            (format!("{name}{TEXT}{}", created("2020-06-08T12:40:10")), "Created", "is no instant in UTC"),
            (format!("{name}{TEXT}{}", created(&"2".repeat(65))), "Created", "is too long"),
        ] {
            match read(&children).err() {
                Some(Refusal::SecurityHeader { element: found, fault: why }) => {
                    assert_eq!((found, why), (element, fault), "{children}");
                }
                other => panic!("{children}: {other:?}"),
            }
        }
    }

    /// What is written is read as it was meant, with an encoding beside the nonce.
    #[test]
    fn every_form_is_written() {
        let (fresh, now) = ([5; NONCE], Time::from_millis(1_796_083_200_000));
        for (form, dated) in [
            (Form::Text { nonce: None, created: None }, false),
            (Form::Text { nonce: Some(fresh), created: Some(now) }, true),
            (Form::Digest { nonce: fresh, created: now }, true),
            (Form::None { nonce: Some(fresh), created: Some(now) }, true),
            (Form::None { nonce: None, created: None }, false),
        ] {
            let is_nothing = matches!(form, Form::None { .. });
            let digest = matches!(form, Form::Digest { .. });
            let mut writer = Writer::new();
            let salted = is_nothing.then(|| Salted::fresh(&mut Fixed));
            let token = Outgoing { name: "alice", password: "wonderland-1865", form, salted: salted.as_ref() };
            write(&mut writer, "id", &token);
            let markup = String::from_utf8(writer.into_bytes()).expect("text");
            assert_eq!(markup.contains(&format!("EncodingType=\"{BASE64}\"")), dated, "{markup}");
            assert_eq!(markup.contains("wonderland"), !is_nothing && !digest, "{markup}");
            let (document, node) = document(&markup);
            let user = Username::read(&document, node).expect("read");
            assert_eq!(user.proves(&secret(b"wonderland-1865")), !is_nothing, "{markup}");
            assert!(!user.proves(&secret(b"wonderland-1866")), "{markup}");
            let of = |salted: &Salted| salted.derive(&secret(b"wonderland-1865")).expect("derived").expose().to_vec();
            assert_eq!(user.salted.as_ref().map(of), salted.as_ref().map(of), "{markup}");
            assert_eq!((user.nonce.is_some(), user.created), (dated, dated.then_some(now)), "{markup}");
        }
    }

    struct Fixed;

    impl nuncio_crypto::random::Random for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    /// One nonce of one user is one claim, whatever else is in the token; another user's is another.
    #[test]
    fn a_nonce_is_claimed_for_its_user() {
        let freshness =
            Freshness { skew: std::time::Duration::from_mins(1), window: std::time::Duration::from_mins(5) };
        let now = Time::parse("2010-06-28T15:17:00Z").expect("an instant");
        let once = |name: &str, beside: &str| {
            let user = read(&format!("<o:Username>{name}</o:Username>{TEXT}{beside}")).expect("read");
            user.once(&freshness, now)
        };
        let nonce = nonce(NONCE_16);
        let first = once("alice", &nonce).expect("claimed");
        let dated = once("alice", &(nonce.clone() + &created(CREATED))).expect("claimed");
        assert_eq!(first.key, dated.key);
        assert_eq!(dated.until, Time::parse("2010-06-28T15:22:37Z").expect("an instant"));
        assert_eq!(first.until, Time::parse("2010-06-28T15:23:00Z").expect("an instant"));
        assert_ne!(first.key, once("bob", &nonce).expect("claimed").key);
        assert_eq!(once("alice", ""), None);
    }
}
