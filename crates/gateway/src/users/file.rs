//! Files of users: a line for each, as `htpasswd -B` writes them, and his roles.

use std::collections::HashSet;

use nuncio_crypto::password_hash::{HashError, PasswordHash};

use super::{Checked, User};

/// The longest name, in octets.
const NAME: usize = 256;

/// What is wrong with a line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FileProblem {
    /// Not text.
    #[error("it is not UTF-8")]
    NotText,
    /// Not a name and a hash.
    #[error("it is not `name:hash` or `name:hash:role,role`")]
    Shape,
    /// A name that is empty, too long, or has control characters or blanks at an end.
    #[error("the name before the colon is none: empty, longer than {NAME} octets, or with blanks around it")]
    Name,
    /// A name for the second time.
    #[error("user {0:?} is there twice")]
    Twice(String),
    /// A hash that is not taken.
    #[error("user {0:?}: {1}")]
    Hash(String, HashError),
    /// A role that is none.
    #[error("user {0:?}: a role is empty or has blanks around it")]
    Role(String),
}

/// Reads a file of users. Empty lines and those that begin with `#` say nothing. Whoever's hash is cheap is among the second
/// values.
///
/// # Errors
///
/// The number of the first line that is wrong, and why.
pub(crate) fn read(octets: &[u8]) -> Result<(Vec<User>, Vec<String>), (usize, FileProblem)> {
    let (mut users, mut cheap, mut names) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, line) in octets.split(|octet| *octet == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let user = user(line).map_err(|problem| (number + 1, problem))?;
        if !names.insert(user.name.clone()) {
            return Err((number + 1, FileProblem::Twice(user.name)));
        }
        if matches!(&user.password, Checked::Hash(hash) if hash.is_cheap()) {
            cheap.push(user.name.clone());
        }
        users.push(user);
    }
    Ok((users, cheap))
}

fn user(line: &[u8]) -> Result<User, FileProblem> {
    let line = std::str::from_utf8(line).map_err(|_| FileProblem::NotText)?;
    let (name, rest) = line.split_once(':').ok_or(FileProblem::Shape)?;
    if name.is_empty() || name.len() > NAME || name != name.trim() || name.contains(char::is_control) {
        return Err(FileProblem::Name);
    }
    let name = name.to_owned();
    // No hash has a colon.
    let (hash, roles) = rest.split_once(':').map_or((rest, None), |(hash, roles)| (hash, Some(roles)));
    let hash = PasswordHash::parse(hash).map_err(|error| FileProblem::Hash(name.clone(), error))?;
    let roles: Vec<String> =
        roles.into_iter().filter(|all| !all.is_empty()).flat_map(|all| all.split(',')).map(str::to_owned).collect();
    if roles.iter().any(|role| role.is_empty() || role != role.trim() || role.contains([':', '\t'])) {
        return Err(FileProblem::Role(name));
    }
    Ok(User { name, password: Checked::Hash(hash), roles })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn users_have_names_and_roles() {
        let argon2 = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let text = format!("# who may come\n\nalice:{HASH}\r\nZoë B.:{argon2}:reader,the writers\nbob:{HASH}:\n");
        let (users, cheap) = read(text.as_bytes()).ok().unwrap();
        let said: Vec<_> = users.iter().map(|user| (&*user.name, user.roles.join("|"))).collect();
        assert_eq!(said, [("alice", String::new()), ("Zoë B.", "reader|the writers".into()), ("bob", String::new())]);
        assert_eq!(cheap, ["alice", "bob"]);
        assert!(read(b"").is_ok_and(|(users, _)| users.is_empty()));
    }

    #[test]
    fn a_line_that_is_none_is_refused_with_its_number() {
        let weak = |name: &str, error| FileProblem::Hash(name.into(), error);
        for (line, problem) in [
            ("alice", FileProblem::Shape),
            (":x", FileProblem::Name),
            (" alice:x", FileProblem::Name),
            ("al\tice:x", FileProblem::Name),
            (&*format!("{}:x", "a".repeat(NAME + 1)), FileProblem::Name),
            ("alice:", weak("alice", HashError::Plain)),
            ("alice:wonderland-1865", weak("alice", HashError::Plain)),
            ("alice:$apr1$abcdefgh$0123456789012345678901", weak("alice", HashError::Weak("MD5"))),
            ("alice:rqXexS6ZhobKA", weak("alice", HashError::Weak("crypt"))),
            (&*format!("first:{HASH}"), FileProblem::Twice("first".into())),
            (&*format!("alice:{HASH}:a,,b"), FileProblem::Role("alice".into())),
            (&*format!("alice:{HASH}:a, b"), FileProblem::Role("alice".into())),
            (&*format!("alice:{HASH}:a:b"), FileProblem::Role("alice".into())),
        ] {
            let text = format!("first:{HASH}\n#\n{line}\n");
            assert_eq!(read(text.as_bytes()).err(), Some((3, problem)), "{line}");
        }
        assert_eq!(read(b"\xff:x").err(), Some((1, FileProblem::NotText)));
    }
}
