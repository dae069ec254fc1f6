//! Whose certificates are believed, as it is said.

use std::path::PathBuf;

use nuncio_crypto::trust::{MAX_INTERMEDIATES, Pattern, RevocationList, Settings, Thumbprint, Ways};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Said;
use super::base::{Base, read};
use super::credentials::certificates;
use super::error::{ConfigError, Problem, Troubled};
use super::several::{Off, Several};

/// Revocation lists: files of them, or none.
pub(crate) type RevocationInput = Several<Said<PathBuf>, Off>;

/// Files of certificates alone, or all that may be said of whom is believed.
pub(crate) type TrustInput = Several<Said<PathBuf>, TrustRules>;

/// Whose certificates are believed.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a list of files, or a mapping")]
pub(crate) struct TrustRules {
    /// Files with certificates in PEM: authorities, or the very certificates.
    #[serde(default)]
    pub(crate) certificates: Vec<Said<PathBuf>>,
    /// The very certificates by their thumbprints: hexadecimal SHA-256 or SHA-1.
    #[serde(default)]
    pub(crate) thumbprints: Vec<Said<String>>,
    /// In which way a certificate may be believed: as one of those that are named, as one that such an authority issued, or
    /// either.
    #[serde(default)]
    pub(crate) mode: TrustMode,
    /// Files with certificates in PEM of authorities that clients may leave out of what they send along. They bring no trust.
    #[serde(default)]
    pub(crate) intermediates: Vec<Said<PathBuf>>,
    /// How many authorities may be between a certificate and the one that is named.
    pub(crate) depth: Option<Said<usize>>,
    /// Extended key usages of which a certificate must have one: `clientAuth`, `serverAuth`, `emailProtection`, or dotted
    /// numbers. Any or none, unless it is said.
    #[serde(default)]
    pub(crate) extended_key_usage: Vec<Said<String>>,
    /// Files with revocation lists (in PEM or DER), or `off`. With lists, each certificate that an authority issued must be
    /// on none, and one that is valid must tell of it; what is named itself is believed for itself.
    pub(crate) crls: Option<RevocationInput>,
    /// Which names are let in, and which are not.
    #[serde(default)]
    pub(crate) subjects: SubjectRules,
    /// The issuers of which one must be a certificate's own, as in `subjects`.
    #[serde(default)]
    pub(crate) issuers: Vec<Said<String>>,
}

/// Which names of certificates are let in: parts of a distinguished name, all of which must be in it (`CN=*, O=Acme`), or an
/// alternative name (`DNS:*.acme.example`, `email:`, `URI:`, `IP:`). `*` stands for any text within one value.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectRules {
    /// Of these a certificate must have one; any, unless it is said.
    #[serde(default)]
    pub(crate) allow: Vec<Said<String>>,
    /// Of these it must have none.
    #[serde(default)]
    pub(crate) deny: Vec<Said<String>>,
}

/// In which way a certificate may be believed, in WCF's words.
#[allow(clippy::enum_variant_names, reason = "they are WCF's")]
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
pub(crate) enum TrustMode {
    /// As one that is named.
    PeerTrust,
    /// As one that an authority issued which is named.
    ChainTrust,
    /// Either.
    #[default]
    PeerOrChainTrust,
}

/// What is said, with its files read.
pub(super) fn trust(input: TrustInput, base: &Base) -> Result<Settings, ConfigError> {
    let rules = match input {
        Several::List(certificates) => TrustRules { certificates, ..TrustRules::default() },
        Several::Other(rules) => rules,
    };
    let depth = rules.depth.as_ref().map(|depth| match depth.value {
        most if most <= MAX_INTERMEDIATES => Ok(most),
        _ => Err(depth.problem(Problem::Depth(MAX_INTERMEDIATES))),
    });
    Ok(Settings {
        certificates: all(&rules.certificates, base)?,
        thumbprints: rules.thumbprints.iter().map(thumbprint).collect::<Result<_, _>>()?,
        ways: match rules.mode {
            TrustMode::PeerTrust => Ways::Peer,
            TrustMode::ChainTrust => Ways::Chain,
            TrustMode::PeerOrChainTrust => Ways::PeerOrChain,
        },
        intermediates: all(&rules.intermediates, base)?,
        depth: depth.transpose()?,
        purposes: rules.extended_key_usage.iter().map(purpose).collect::<Result<_, _>>()?,
        revocation: rules.crls.map(|lists| revocation(lists, base)).transpose()?.flatten(),
        allow: rules.subjects.allow.iter().map(pattern).collect::<Result<_, _>>()?,
        deny: rules.subjects.deny.iter().map(pattern).collect::<Result<_, _>>()?,
        issuers: rules.issuers.iter().map(issuer).collect::<Result<_, _>>()?,
    })
}

/// The lists of files; `None` where they are off.
pub(super) fn revocation(input: RevocationInput, base: &Base) -> Result<Option<Vec<RevocationList>>, ConfigError> {
    let Several::List(files) = input else { return Ok(None) };
    let mut lists = Vec::new();
    for file in files {
        let read = RevocationList::from_file(&read(base, &file)?);
        let refuse = |reason| Problem::Revocation { file: file.value.display().to_string(), reason };
        lists.extend(read.map_err(|reason| file.problem(refuse(reason)))?);
    }
    Ok(Some(lists))
}

fn all(files: &[Said<PathBuf>], base: &Base) -> Result<Vec<nuncio_crypto::certificate::Certificate>, ConfigError> {
    let mut all = Vec::new();
    for file in files {
        all.extend(certificates(file, base)?);
    }
    Ok(all)
}

fn thumbprint(said: &Said<String>) -> Result<Thumbprint, ConfigError> {
    Thumbprint::parse(&said.value).ok_or_else(|| said.problem(Problem::Thumbprint(said.value.clone())))
}

fn pattern(said: &Said<String>) -> Result<Pattern, ConfigError> {
    Pattern::parse(&said.value).map_err(|reason| said.problem(Problem::Pattern(reason)))
}

/// Of an issuer, only the distinguished name is in a certificate.
fn issuer(said: &Said<String>) -> Result<Pattern, ConfigError> {
    match pattern(said)? {
        Pattern::Alternative(..) => Err(said.problem(Problem::Issuer(said.value.clone()))),
        pattern @ Pattern::Distinguished(_) => Ok(pattern),
    }
}

/// A purpose by its name in RFC 5280, or in dotted numbers.
fn purpose(said: &Said<String>) -> Result<String, ConfigError> {
    let number = match &*said.value {
        "serverAuth" => "1.3.6.1.5.5.7.3.1",
        "clientAuth" => "1.3.6.1.5.5.7.3.2",
        "codeSigning" => "1.3.6.1.5.5.7.3.3",
        "emailProtection" => "1.3.6.1.5.5.7.3.4",
        dotted if dotted.contains('.') && dotted.split('.').all(|part| part.parse::<u32>().is_ok()) => dotted,
        _ => return Err(said.problem(Problem::Purpose(said.value.clone()))),
    };
    Ok(number.to_owned())
}
