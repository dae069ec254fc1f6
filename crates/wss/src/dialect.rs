//! The generations of WS-Trust and WS-SecureConversation: the same protocol under other names, in one table.

use nuncio_policy::model::TrustVersion;

/// One generation: every name that differs between them.
#[derive(Debug)]
pub struct Dialect {
    /// Which generation it is.
    pub version: TrustVersion,
    /// The namespace of WS-Trust, and the base of its identifiers.
    pub trust: &'static str,
    /// The namespace of WS-SecureConversation.
    pub conversation: &'static str,
    /// The type of a security context token, as token type and as `ValueType`.
    pub context_token: &'static str,
    /// The type of a derived key token, as `ValueType`.
    pub derived_key_token: &'static str,
    /// The prefixes that WCF writes for the two namespaces.
    pub(crate) prefixes: (&'static str, &'static str),
    /// The key derivation that a derived key token may name.
    pub(crate) derivation: &'static str,
    /// Whether a final response is wrapped in a collection.
    pub(crate) collection: bool,
}

/// February 2005.
pub static FEBRUARY_2005: Dialect = Dialect {
    version: TrustVersion::February2005,
    trust: "http://schemas.xmlsoap.org/ws/2005/02/trust",
    conversation: "http://schemas.xmlsoap.org/ws/2005/02/sc",
    context_token: "http://schemas.xmlsoap.org/ws/2005/02/sc/sct",
    derived_key_token: "http://schemas.xmlsoap.org/ws/2005/02/sc/dk",
    prefixes: ("t", "c"),
    derivation: "http://schemas.xmlsoap.org/ws/2005/02/sc/dk/p_sha1",
    collection: false,
};

/// WS-Trust and WS-SecureConversation 1.3 and 1.4.
pub static V13: Dialect = Dialect {
    version: TrustVersion::V13,
    trust: "http://docs.oasis-open.org/ws-sx/ws-trust/200512",
    conversation: "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512",
    context_token: "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/sct",
    derived_key_token: "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/dk",
    prefixes: ("trust", "sc"),
    derivation: "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/dk/p_sha1",
    collection: true,
};

/// What a trust message asks for or answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrustVerb {
    /// A new security context.
    Issue,
    /// A new key for one.
    Renew,
    /// Its end.
    Cancel,
}

impl TrustVerb {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Issue => "",
            Self::Renew => "/Renew",
            Self::Cancel => "/Cancel",
        }
    }
}

impl Dialect {
    /// All generations.
    pub(crate) fn all() -> [&'static Self; 2] {
        [&FEBRUARY_2005, &V13]
    }

    /// The generation of a trust version.
    pub fn of(version: TrustVersion) -> &'static Self {
        match version {
            TrustVersion::February2005 => &FEBRUARY_2005,
            TrustVersion::V13 => &V13,
        }
    }

    /// The generation whose WS-SecureConversation namespace that is.
    pub(crate) fn of_conversation(namespace: &str) -> Option<&'static Self> {
        Self::all().into_iter().find(|dialect| dialect.conversation == namespace)
    }

    /// What a request action asks of a security context, and in which generation.
    pub fn of_action(action: &str) -> Option<(&'static Self, TrustVerb)> {
        Self::all().into_iter().find_map(|dialect| {
            let verb = action.strip_prefix(dialect.trust)?.strip_prefix("/RST/SCT")?;
            [TrustVerb::Issue, TrustVerb::Renew, TrustVerb::Cancel]
                .into_iter()
                .find(|known| known.suffix() == verb)
                .map(|verb| (dialect, verb))
        })
    }

    /// Whether an action is that of the answer to a Cancel, in either generation.
    pub(crate) fn is_cancelled(action: &str) -> bool {
        Self::all().into_iter().any(|dialect| dialect.response_action(TrustVerb::Cancel) == action)
    }

    /// The action of a request.
    pub(crate) fn request_action(&self, verb: TrustVerb) -> String {
        format!("{}/RST/SCT{}", self.trust, verb.suffix())
    }

    /// The action of a response.
    pub(crate) fn response_action(&self, verb: TrustVerb) -> String {
        format!("{}/RSTR/SCT{}", self.trust, verb.suffix())
    }

    /// `RequestType` of a request.
    pub(crate) fn request_type(&self, verb: TrustVerb) -> String {
        let name = match verb {
            TrustVerb::Issue => "Issue",
            TrustVerb::Renew => "Renew",
            TrustVerb::Cancel => "Cancel",
        };
        format!("{}/{name}", self.trust)
    }

    /// The identifier of a computed key by P_SHA-1.
    pub(crate) fn computed_key(&self) -> String {
        format!("{}/CK/PSHA1", self.trust)
    }

    /// `Type` of a binary secret that is a key, and `KeyType` of a token with one.
    pub(crate) fn symmetric_key(&self) -> String {
        format!("{}/SymmetricKey", self.trust)
    }

    /// `Type` of a binary secret that is entropy.
    pub(crate) fn nonce(&self) -> String {
        format!("{}/Nonce", self.trust)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_tell_generation_and_verb() {
        for dialect in Dialect::all() {
            for verb in [TrustVerb::Issue, TrustVerb::Renew, TrustVerb::Cancel] {
                let (found, what) = Dialect::of_action(&dialect.request_action(verb)).expect("known");
                assert_eq!((found.version, what), (dialect.version, verb));
            }
            assert!(Dialect::of_action(&dialect.response_action(TrustVerb::Issue)).is_none());
            assert!(Dialect::of_action(&format!("{}/RST/SCT/Amend", dialect.trust)).is_none());
            assert!(Dialect::of_action(&format!("{}/RST/SCTX", dialect.trust)).is_none());
        }
    }
}
