//! Whom a route lets call what: rules by who it is, by role and by action.
//!
//! Authentication is the protocol's; this is asked after it, of a caller who is known. Without rules whoever is
//! authenticated may call.

use std::collections::BTreeMap;
use std::fmt;

use nuncio_crypto::trust::{self, Subject, is_like};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

/// How a caller proved who he is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Not at all.
    None,
    /// By his password, as a user of that name.
    Password,
    /// By a certificate, whose subject is the name.
    Certificate,
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// How it was proved.
    pub proof: Proof,
    /// His name; empty for nobody in particular. A certificate's is its subject in the form of RFC 2253.
    pub name: &'a str,
}

/// A text in which `*` stands for any octets, none included.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern(Box<str>);

/// Parts of a distinguished name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubjectPattern {
    text: Box<str>,
    pattern: trust::Pattern,
}

/// Members of a group, or callers that a rule is about: whoever is named by any of the lists.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Users, by name; `*` stands for any octets.
    #[serde(default)]
    pub users: Vec<Pattern>,
    /// Holders of certificates, by parts of the subject, such as `CN=*, O=Acme`: each must be in it, and `*` stands for any
    /// text within one.
    #[serde(default)]
    pub subjects: Vec<SubjectPattern>,
}

/// The callers and the actions that a rule is about.
#[derive(Clone, Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Users, by name; `*` stands for any octets.
    #[serde(default)]
    pub users: Vec<Pattern>,
    /// Holders of certificates, by parts of the subject, such as `CN=*, O=Acme`: each must be in it, and `*` stands for any
    /// text within one.
    #[serde(default)]
    pub subjects: Vec<SubjectPattern>,
    /// Whoever has one of these roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Callers who proved nothing.
    #[serde(default)]
    pub anonymous: bool,
    /// Actions; `*` stands for any octets. Without any, every action.
    #[serde(default)]
    pub actions: Vec<Pattern>,
}

/// A rule. One that names no caller is about every caller.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// They may call.
    Allow(Scope),
    /// They may not.
    Deny(Scope),
}

/// The rules of a route: the first that is about a call decides; where none is, it is not allowed.
#[derive(Clone, Debug, Default)]
pub struct Authorisation {
    /// Who has which role.
    pub roles: BTreeMap<String, Members>,
    /// The rules, in their order; none for a route that lets in whoever is authenticated.
    pub rules: Vec<Rule>,
}

impl Pattern {
    /// Whether a text is one of those that the pattern stands for.
    pub fn matches(&self, text: &str) -> bool {
        is_like(&self.0, text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(D::Error::custom("an empty pattern stands for nothing"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for SubjectPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match trust::Pattern::parse(&text) {
            Ok(pattern @ trust::Pattern::Distinguished(_)) => Ok(Self { text: text.into(), pattern }),
            Ok(trust::Pattern::Alternative(..)) => Err(D::Error::custom(format_args!(
                "{text:?} is not of the subject: rules know whom a certificate is about by that alone"
            ))),
            Err(reason) => Err(D::Error::custom(reason)),
        }
    }
}

impl JsonSchema for SubjectPattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SubjectPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "=" })
    }
}

impl JsonSchema for Pattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(text))
}

fn named(users: &[Pattern], subjects: &[SubjectPattern], caller: &Caller<'_>) -> bool {
    match caller.proof {
        Proof::None => false,
        Proof::Password => any(users, caller.name),
        Proof::Certificate if subjects.is_empty() => false,
        Proof::Certificate => {
            Subject::parse(caller.name).is_some_and(|subject| subjects.iter().any(|like| subject.is(&like.pattern)))
        }
    }
}

impl Scope {
    fn is_about(&self, caller: &Caller<'_>, roles: &[&str]) -> bool {
        let everybody = self.users.is_empty() && self.subjects.is_empty() && self.roles.is_empty() && !self.anonymous;
        everybody
            || named(&self.users, &self.subjects, caller)
            || (self.anonymous && caller.proof == Proof::None)
            || self.roles.iter().any(|role| roles.contains(&&**role))
    }

    fn is_about_action(&self, action: &str) -> bool {
        self.actions.is_empty() || any(&self.actions, action)
    }
}

impl Authorisation {
    /// The roles of a caller, beside those that `own` says he has; each once, in order.
    pub fn roles<'a>(&'a self, caller: &Caller<'_>, own: &[&'a str]) -> Vec<&'a str> {
        let has = |members: &Members| named(&members.users, &members.subjects, caller);
        let mut roles: Vec<&str> =
            self.roles.iter().filter(|(_, members)| has(members)).map(|(role, _)| &**role).collect();
        roles.extend(own);
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// Whether a caller with those roles may call for `action`; the empty text is a call that names none.
    pub fn allows(&self, caller: &Caller<'_>, roles: &[&str], action: &str) -> bool {
        for rule in &self.rules {
            let (Rule::Allow(scope) | Rule::Deny(scope)) = rule;
            if scope.is_about(caller, roles) && scope.is_about_action(action) {
                return matches!(rule, Rule::Allow(_));
            }
        }
        self.rules.is_empty()
    }

    /// Whether there is any action that such a caller may call for: one who may call nothing gets no conversation.
    pub fn admits(&self, caller: &Caller<'_>, roles: &[&str]) -> bool {
        for rule in &self.rules {
            match rule {
                Rule::Allow(scope) if scope.is_about(caller, roles) => return true,
                Rule::Deny(scope) if scope.is_about(caller, roles) && scope.actions.is_empty() => return false,
                _ => {}
            }
        }
        self.rules.is_empty()
    }

    /// Whether anybody is told from anybody else.
    pub fn is_open(&self) -> bool {
        self.rules.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said;

    #[derive(serde::Deserialize)]
    struct File {
        #[serde(default)]
        roles: BTreeMap<String, Members>,
        rules: Vec<Rule>,
    }

    fn authorisation(yaml: &str) -> Authorisation {
        let File { roles, rules } = said::read("rules.yaml", yaml.as_bytes()).unwrap();
        Authorisation { roles, rules }
    }

    fn user(name: &str) -> Caller<'_> {
        Caller { proof: Proof::Password, name }
    }

    fn holder(name: &str) -> Caller<'_> {
        Caller { proof: Proof::Certificate, name }
    }

    const NOBODY: Caller<'_> = Caller { proof: Proof::None, name: "" };

    #[test]
    fn patterns_stand_for_texts() {
        for (pattern, text, stands) in [
            ("alice", "alice", true),
            ("alice", "alice2", false),
            ("alice", "Alice", false),
            ("*", "", true),
            ("*", "x", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("a*bc*c", "abcc", true),
            ("urn:a**", "urn:ab", true),
        ] {
            assert_eq!(Pattern::from(pattern).matches(text), stands, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_rule_that_is_about_a_call_decides() {
        let rules = authorisation(
            "rules:\n- deny: { users: [mallory] }\n- allow: { users: ['*'], actions: ['urn:read*'] }\n\
             - allow: { roles: [clerk] }\n",
        );
        assert!(rules.allows(&user("alice"), &[], "urn:read/1"));
        assert!(!rules.allows(&user("alice"), &[], "urn:write"));
        assert!(rules.allows(&user("alice"), &["clerk"], "urn:write"));
        assert!(!rules.allows(&user("mallory"), &["clerk"], "urn:read/1"));
        // A user is not the holder of a certificate of the same name, nor the other way round.
        assert!(!rules.allows(&holder("alice"), &[], "urn:read/1"));
        assert!(!rules.allows(&NOBODY, &[], "urn:read/1"));
        assert!(!rules.allows(&user("alice"), &[], ""));
    }

    #[test]
    fn whoever_may_call_nothing_is_not_admitted() {
        let rules = authorisation(
            "rules:\n- deny: { actions: ['urn:x'] }\n- deny: { users: [mallory] }\n- allow: { users: ['*'], actions: ['urn:y'] }\n",
        );
        assert!(rules.admits(&user("alice"), &[]));
        assert!(!rules.admits(&user("mallory"), &[]));
        assert!(!rules.admits(&holder("CN=x"), &[]));
        assert!(!rules.allows(&user("alice"), &[], "urn:x"));
    }

    #[test]
    fn without_rules_everybody_may_call() {
        let open = Authorisation::default();
        assert!(open.is_open() && open.admits(&NOBODY, &[]) && open.allows(&NOBODY, &[], "urn:a"));
    }

    #[test]
    fn nobody_in_particular_is_let_in_by_name_alone() {
        let rules = authorisation("rules:\n- allow: { anonymous: true }\n");
        assert!(rules.allows(&NOBODY, &[], "urn:a") && !rules.allows(&user(""), &[], "urn:a"));
        let all = authorisation("rules:\n- allow: {}\n");
        assert!(all.allows(&NOBODY, &[], "urn:a") && all.allows(&user("x"), &[], "urn:a"));
    }

    #[test]
    fn roles_are_given_by_name_and_by_subject() {
        let rules = authorisation(
            "roles:\n  clerk: { users: [alice], subjects: ['CN=*,OU=Clerks'] }\n  all: { users: ['*'] }\nrules: []\n",
        );
        assert_eq!(rules.roles(&user("alice"), &["own", "all"]), ["all", "clerk", "own"]);
        assert_eq!(rules.roles(&holder("CN=a,OU=Clerks"), &[]), ["clerk"]);
        // In any order and letters, with more beside it; and not in the value of another part.
        assert_eq!(rules.roles(&holder("O=Acme,OU=CLERKS,CN=b"), &[]), ["clerk"]);
        for other in ["CN=a", "OU=Clerks", r"CN=a\,OU=Clerks", "CN=a,OU=Clerks 2", "alice", ""] {
            assert_eq!(rules.roles(&holder(other), &[]), [""; 0], "{other}");
        }
        assert_eq!(rules.roles(&NOBODY, &[]), [""; 0]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for yaml in [
            "rules: [{ allow: { user: [a] } }]",
            "rules: [{ permit: {} }]",
            "rules: [{ allow: { users: [''] } }]",
            "rules: [{ allow: { subjects: [alice] } }]",
            "rules: [{ allow: { subjects: ['DNS:a'] } }]",
        ] {
            assert!(said::read::<File>("rules.yaml", yaml.as_bytes()).is_err(), "{yaml}");
        }
    }
}
