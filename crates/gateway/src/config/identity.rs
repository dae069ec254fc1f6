//! What a backend is told of who calls, and who may call what, as it is said.

use std::collections::BTreeMap;

use hyper::header::HeaderName;
use nuncio_policy::authorise::{Authorisation, Members, Rule};
use nuncio_wss::Form;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Said;
use super::error::{ConfigError, Problem, Troubled};
use crate::identity::{Claim, Telling};

/// What the backend is told of who calls.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityInput {
    /// HTTP headers; what is not named here is not sent. Without it, `X-Nuncio-Principal` and `X-Nuncio-Conversation`.
    pub(crate) headers: Option<HeadersInput>,
    /// A header block in the message as well.
    pub(crate) soap: Option<Said<SoapIdentity>>,
}

/// HTTP headers, by what they say.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadersInput {
    /// The user's name, or the subject of the certificate.
    principal: Option<Said<String>>,
    /// An opaque id, the same in each call of a conversation.
    conversation: Option<Said<String>>,
    /// How it was proved who calls: `password`, `certificate` or `none`.
    proof: Option<Said<String>>,
    /// The caller's roles, separated by commas.
    roles: Option<Said<String>>,
    /// The issuer of the certificate.
    issuer: Option<Said<String>>,
    /// The SHA-1 of the certificate, in hexadecimal.
    thumbprint: Option<Said<String>>,
}

/// How a message says who calls.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SoapIdentity {
    /// By a block `Identity` in the namespace `urn:nuncio:identity:1`, with all that is known.
    Header,
    /// By a `UsernameToken` without a password.
    UsernameToken,
}

/// Who may call what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthoriseInput {
    /// Who has which role, beside those that the route's users have of their own.
    #[serde(default)]
    roles: BTreeMap<String, Members>,
    /// The first rule that is about a call decides; where none is, it is not allowed.
    #[schemars(length(min = 1))]
    rules: Said<Vec<Rule>>,
}

impl AuthoriseInput {
    /// The rules, where there are some.
    pub(super) fn build(self) -> Result<Authorisation, ConfigError> {
        if self.rules.value.is_empty() {
            return Err(self.rules.problem(Problem::Empty("rules", "nobody could call")));
        }
        Ok(Authorisation { roles: self.roles, rules: self.rules.value })
    }
}

impl IdentityInput {
    /// What is told, in which headers.
    pub(super) fn build(self) -> Result<Telling, ConfigError> {
        let mut telling = match self.headers {
            None => Telling::default(),
            Some(headers) => Telling { headers: headers.build()?, soap: None },
        };
        telling.soap = self.soap.map(|form| match form.value {
            SoapIdentity::Header => Form::Identity,
            SoapIdentity::UsernameToken => Form::UsernameToken,
        });
        Ok(telling)
    }
}

impl HeadersInput {
    fn build(self) -> Result<Vec<(Claim, HeaderName)>, ConfigError> {
        let Self { principal, conversation, proof, roles, issuer, thumbprint } = self;
        let all = [
            (Claim::Principal, principal),
            (Claim::Conversation, conversation),
            (Claim::Proof, proof),
            (Claim::Roles, roles),
            (Claim::Issuer, issuer),
            (Claim::Thumbprint, thumbprint),
        ];
        let mut headers: Vec<(Claim, HeaderName)> = Vec::new();
        for (claim, said) in all {
            let Some(said) = said else { continue };
            let name = HeaderName::try_from(&*said.value).ok().filter(|name| !is_taken(name));
            let name = name.ok_or_else(|| said.problem(Problem::IdentityHeader(said.value.clone())))?;
            if headers.iter().any(|(_, other)| spelled(other) == spelled(&name)) {
                return Err(said.problem(Problem::Twice { what: "header", value: said.value.clone() }));
            }
            headers.push((claim, name));
        }
        Ok(headers)
    }
}

/// Whether a request to a backend has that header for something else.
fn is_taken(name: &HeaderName) -> bool {
    const TAKEN: [&str; 15] = [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "soapaction",
        "te",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
    ];
    TAKEN.contains(&name.as_str())
}

/// A name as a backend may read it that takes `_` for `-`.
fn spelled(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}
