//! Users and their passwords, as they are said.

use std::collections::HashSet;
use std::path::PathBuf;

use nuncio_crypto::secret::Secret;
use nuncio_policy::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::base::{Base, read_secret};
use super::error::{ConfigError, Problem, Troubled};
use super::{Endpoint, Origin, Said};
use crate::users::{Keep, User, Users, read_file};

/// A user. His password is said here, or stands in a file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserInput {
    /// What he is called.
    pub(crate) name: Said<String>,
    /// His password.
    pub(crate) password: Option<Password>,
    /// A file whose one line is his password.
    pub(crate) password_file: Option<Said<PathBuf>>,
    /// His roles.
    #[serde(default)]
    pub(crate) roles: Vec<Said<String>>,
}

/// A password that is written out.
#[derive(Clone)]
pub(crate) struct Password(pub(crate) Secret);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text.into_bytes())))
    }
}

impl JsonSchema for Password {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// In which form passwords are kept that must be read again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeepInput {
    /// As they are.
    Readable,
    /// Their SHA-1, where clients hash that in place of the password.
    Sha1,
}

/// In which form a route keeps its passwords: one that can be read again where its policy needs it and its operator says
/// so, and not otherwise. `policy` is where the policy is named.
pub(super) fn keep(
    said: Option<&Said<KeepInput>>,
    endpoint: &Endpoint,
    users: bool,
    file: Option<&Said<PathBuf>>,
    policy: &Said<()>,
) -> Result<Keep, ConfigError> {
    // Nothing can be read again of a hash.
    if let Some(file) = file.filter(|_| endpoint.derives_keys() || endpoint.hashes_passwords()) {
        return Err(file.problem(Problem::HashedFile));
    }
    let Some(said) = said else {
        return match users {
            true if endpoint.derives_keys() => Err(policy.problem(Problem::UnderivedKeys)),
            true if endpoint.hashes_passwords() => Err(policy.problem(Problem::UnreadablePasswords)),
            _ => Ok(Keep::Hashed),
        };
    };
    let keep = match said.value {
        KeepInput::Readable => Keep::Readable,
        KeepInput::Sha1 if endpoint.derives_keys() => return Err(said.problem(Problem::UnderivedKeys)),
        KeepInput::Sha1 => Keep::Sha1,
    };
    if endpoint.hashes_passwords() || endpoint.derives_keys() {
        Ok(keep)
    } else {
        Err(said.problem(Problem::ReadablePasswords))
    }
}

/// The users of a route, their passwords kept as `keep` says: those that are named, and those of a file.
pub(super) fn users(
    input: Vec<UserInput>,
    file: Option<&Said<PathBuf>>,
    keep: Keep,
    base: &Base,
) -> Result<Users, ConfigError> {
    let mut names = HashSet::new();
    let mut users = Vec::with_capacity(input.len());
    for UserInput { name, password, password_file, roles } in input {
        if !names.insert(name.value.clone()) {
            return Err(name.problem(Problem::Twice { what: "user", value: name.value.clone() }));
        }
        let password = match (password, password_file) {
            (Some(Password(plain)), None) => plain,
            (None, Some(file)) => first_line(read_secret(base, &file)?.expose()),
            _ => {
                return Err(name.problem(Problem::Either {
                    owner: "user",
                    first: "password",
                    second: "password_file",
                }));
            }
        };
        if let Some(role) = roles.iter().find(|role| role.value.is_empty() || role.value != role.value.trim()) {
            return Err(role.problem(Problem::Role(role.value.clone())));
        }
        let roles = roles.into_iter().map(|role| role.value).collect();
        users.push(User { roles, ..User::new(name.value, password) });
    }
    if let Some(file) = file {
        for user in of_file(file, base)? {
            if !names.insert(user.name.clone()) {
                return Err(file.problem(Problem::Twice { what: "user", value: user.name }));
            }
            users.push(user);
        }
    }
    Ok(Users::of(keep, users))
}

/// The users of a file, at whose own lines it is told what is wrong.
fn of_file(file: &Said<PathBuf>, base: &Base) -> Result<Vec<User>, ConfigError> {
    let shown = file.value.display().to_string();
    let octets = read_secret(base, file)?;
    let (users, cheap) = read_file(octets.expose()).map_err(|(line, problem)| {
        let place = Place { file: shown.clone(), line: u32::try_from(line).unwrap_or(u32::MAX) };
        Said { value: (), origin: Origin::File(place) }.problem(Problem::UserFile(problem))
    })?;
    if let Some(user) = cheap.first() {
        tracing::warn!(
            file = %shown, users = cheap.len(), first = %user,
            "hashes of passwords are cheap to guess at: bcrypt below cost 10, or Argon2 with less than 7 MiB"
        );
    }
    Ok(users)
}

/// A password file is one line; editors end it with a line break that nobody means.
pub(crate) fn first_line(octets: &[u8]) -> Secret {
    let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
    Secret::from(octets.strip_suffix(b"\r").unwrap_or(octets))
}
