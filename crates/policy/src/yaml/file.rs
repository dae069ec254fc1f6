//! A policy file: which of its kinds it is, and what may stand in it then.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::attributes::{
    KeyEntropyMode, MessageProtectionOrder, MessageSecurityVersion, MessageVersion, Protection,
    SecureConversationBootstrap, Security, SecurityHeaderLayout,
};
use super::operations::OperationTerms;
use super::overrides::Overrides;
use super::parts::PartsTerms;
use super::suite::SuiteTerms;
use super::terms::{BindingTerms, PolicyTerms, TrustTerms, WssTerms};
use super::token::SupportingTerms;
use super::{Contract, Settings, Source, Stated, refuse, wcf, wse};
use crate::model::{Addressing, PolicyVersion, ReliableMessaging, SoapVersion};
use crate::preset;
use crate::said::{NotRead, Origin, Said};

/// Every key of a policy file, with a list of those that are said.
macro_rules! keys {
    ($($(#[$meta:meta])* $field:ident $key:literal: $type:ty,)*) => {
        /// Everything that a policy file may say.
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Keys {
            $($(#[$meta])* #[serde(rename = $key)] pub(super) $field: Option<Said<$type>>,)*
        }

        impl Keys {
            /// What is said, and where.
            fn said(&self) -> Vec<(&'static str, &Origin)> {
                let all = [$(($key, self.$field.as_ref().map(|said| &said.origin)),)*];
                all.into_iter().filter_map(|(key, origin)| Some((key, origin?))).collect()
            }
        }
    };
}

keys! {
    /// A policy by name: one of WSE's turn-key assertions, of WCF's authentication modes or standard bindings, or one of the
    /// short names that stand for these with attributes.
    preset "preset": String,
    /// Single properties that differ from the preset's.
    overrides "overrides": Overrides,
    /// WSE: whether conversations are held. Without it they are not.
    establish_security_context "establishSecurityContext": bool,
    /// WSE: whether a client asks for a new context as the one it has expires. A service has nothing to do for it.
    renew_expired_security_context "renewExpiredSecurityContext": bool,
    /// WSE and WCF: whether answers repeat the signatures of their requests.
    require_signature_confirmation "requireSignatureConfirmation": bool,
    /// WSE and WCF: which comes first, signing or encrypting, and whether the signature is encrypted.
    message_protection_order "messageProtectionOrder": MessageProtectionOrder,
    /// WSE and WCF: whether keys are derived.
    require_derived_keys "requireDerivedKeys": bool,
    /// WSE: for how many seconds a message is good.
    ttl_in_seconds "ttlInSeconds": u32,
    /// WSE: what of requests, responses and faults is signed and encrypted. Without it, all of addressing, the timestamp and the
    /// body are signed, and the body is encrypted.
    protection "protection": Protection,
    /// WCF: the algorithms.
    default_algorithm_suite "defaultAlgorithmSuite": SuiteTerms,
    /// WCF: the order of the security header.
    security_header_layout "securityHeaderLayout": SecurityHeaderLayout,
    /// WCF: whether every message has a timestamp.
    include_timestamp "includeTimestamp": bool,
    /// WCF: whether a signature covers the token that made it.
    protect_tokens "protectTokens": bool,
    /// WCF: who contributes to the key of a conversation.
    key_entropy_mode "keyEntropyMode": KeyEntropyMode,
    /// WCF: whether clients cancel conversations. Without it they do; `false` is the cookie mode.
    require_security_context_cancellation "requireSecurityContextCancellation": bool,
    /// WCF: whether clients may renew a conversation. Without it they may.
    can_renew_security_context_token "canRenewSecurityContextToken": bool,
    /// WCF: the versions of the specifications.
    message_security_version "messageSecurityVersion": MessageSecurityVersion,
    /// WCF: the versions of SOAP and WS-Addressing, as `textMessageEncoding` says them.
    message_version "messageVersion": MessageVersion,
    /// WCF: of `SecureConversation`, the messages by which conversations begin.
    secure_conversation_bootstrap "secureConversationBootstrap": SecureConversationBootstrap,
    /// WCF: `security` of a standard binding.
    security "security": Security,
    /// A file with the contract (WSDL 1.1) whose policy it is.
    wsdl "wsdl": PathBuf,
    /// The contract's port; needed where more than one has a policy.
    port "port": String,
    /// The versions of SOAP; both, where it does not say.
    soap "soap": Vec<SoapVersion>,
    /// The alternatives of a policy, in the order in which they are preferred: a client may keep to any of them.
    alternatives "alternatives": Vec<PolicyTerms>,
    /// The generation of WS-SecurityPolicy that the policy is of.
    version "version": PolicyVersion,
    /// The addressing that messages have.
    addressing "addressing": Addressing,
    /// The security binding.
    binding "binding": BindingTerms,
    /// Supporting tokens.
    supporting_tokens "supportingTokens": Vec<SupportingTerms>,
    /// `Wss10` or `Wss11`, and its options.
    wss "wss": WssTerms,
    /// `Trust10` or `Trust13`, and its options.
    trust "trust": TrustTerms,
    /// What is signed, encrypted and required in every message.
    parts "parts": PartsTerms,
    /// The same of requests, beside that.
    request "request": PartsTerms,
    /// The same of responses that are no faults.
    response "response": PartsTerms,
    /// The same of faults.
    fault "fault": PartsTerms,
    /// `RMAssertion`: whether messages belong to sequences of WS-ReliableMessaging, which the backend must keep.
    reliable_messaging "reliableMessaging": ReliableMessaging,
    /// `CompositeDuplex`: whether answers are sent to where the client listens.
    duplex "duplex": bool,
    /// Operations of which more is asked than of every message. Without any, the policy holds for whatever operations there are.
    operations "operations": Vec<OperationTerms>,
}

/// A kind of policy file.
struct Kind {
    /// What it is, for people.
    title: &'static str,
    /// The names that `preset` may have in it; none where it has no `preset`.
    presets: Vec<&'static str>,
    /// The keys that it must have.
    required: &'static [&'static str],
    /// The keys that it may have besides.
    optional: Vec<&'static str>,
}

fn kinds() -> Vec<Kind> {
    let with = |lists: &[&[&'static str]]| -> Vec<&'static str> { lists.concat() };
    let overrides: &[&str] = &["overrides"];
    let assertions = |over_transport: bool| {
        let own = wse::ASSERTIONS.iter().filter(move |(_, mode)| mode.is_over_transport() == over_transport);
        own.map(|(name, _)| *name).collect::<Vec<_>>()
    };
    let terms: &[&str] = &[
        "version",
        "addressing",
        "supportingTokens",
        "wss",
        "trust",
        "parts",
        "request",
        "response",
        "fault",
        "reliableMessaging",
        "duplex",
    ];
    vec![
        Kind {
            title: "WSE's turn-key assertion over TLS",
            presets: assertions(true),
            required: &["preset"],
            optional: with(&[overrides, wse::OVER_TRANSPORT]),
        },
        Kind {
            title: "WSE's turn-key assertions",
            presets: assertions(false),
            required: &["preset"],
            optional: with(&[overrides, wse::ATTRIBUTES]),
        },
        Kind {
            title: "WCF's authentication modes",
            presets: wcf::MODES.iter().map(|(name, _)| *name).collect(),
            required: &["preset"],
            optional: with(&[overrides, wcf::MODE_ATTRIBUTES]),
        },
        Kind {
            title: "WCF's conversations",
            presets: vec![wcf::CONVERSATION],
            required: &["preset", "secureConversationBootstrap"],
            optional: with(&[overrides, wcf::MODE_ATTRIBUTES, wcf::CONVERSATION_ATTRIBUTES]),
        },
        Kind {
            title: "WCF's standard bindings",
            presets: wcf::BINDINGS.to_vec(),
            required: &["preset", "security"],
            optional: with(&[overrides, wcf::BINDING_ATTRIBUTES]),
        },
        Kind {
            title: "a preset without attributes",
            presets: preset::all().map(|preset| preset.name).collect(),
            required: &["preset"],
            optional: with(&[overrides]),
        },
        Kind { title: "a contract", presets: Vec::new(), required: &["wsdl"], optional: vec!["port"] },
        Kind {
            title: "the words of WS-SecurityPolicy",
            presets: Vec::new(),
            required: &["binding"],
            optional: with(&[&["soap", "operations"], terms]),
        },
        Kind {
            title: "alternatives in the words of WS-SecurityPolicy",
            presets: Vec::new(),
            required: &["alternatives"],
            optional: vec!["soap", "operations"],
        },
    ]
}

/// A policy as a file says it, or a route in its configuration: a preset with its attributes and overrides, a contract, or the
/// words of WS-SecurityPolicy.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    keys: Keys,
}

impl PolicyFile {
    /// One that says the name of a preset, and nothing else.
    pub fn preset(name: Said<String>) -> Self {
        Self { keys: Keys { preset: Some(name), ..Keys::default() } }
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// Where it does not say one thing, or something that is not built, with the line.
    pub fn source(self) -> Result<Source, NotRead> {
        read(self.keys)
    }
}

impl<'de> Deserialize<'de> for PolicyFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Keys::deserialize(deserializer)?;
        if keys.said().is_empty() {
            return Err(D::Error::custom(NOTHING));
        }
        Ok(Self { keys })
    }
}

/// One schema of each kind.
impl JsonSchema for PolicyFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PolicyFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let all = Keys::json_schema(generator);
        let known = all.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let of_kind = |kind: Kind| {
            let mut properties = Map::new();
            for key in kind.required.iter().chain(&kind.optional) {
                if let Some(property) = known.get(*key) {
                    properties.insert((*key).to_owned(), present(property));
                }
            }
            if !kind.presets.is_empty()
                && let Some(preset) = properties.get_mut("preset").and_then(Value::as_object_mut)
            {
                preset.insert("enum".to_owned(), kind.presets.into());
            }
            json_schema!({
                "title": kind.title,
                "type": "object",
                "properties": properties,
                "required": kind.required,
                "additionalProperties": false
            })
        };
        let kinds: Vec<Schema> = kinds().into_iter().map(of_kind).collect();
        json_schema!({
            "description": "A policy: a preset with its attributes and overrides, a contract, or the words of WS-SecurityPolicy.",
            "oneOf": kinds
        })
    }
}

/// The schema of a key that is there: not `null`.
fn present(property: &Value) -> Value {
    let mut property = property.clone();
    let Some(object) = property.as_object_mut() else { return property };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(any)) = object.get_mut("anyOf") {
        any.retain(|one| one.get("type").is_none_or(|name| name != "null"));
        if let [only] = any.as_slice() {
            let only = only.as_object().cloned().unwrap_or_default();
            object.remove("anyOf");
            object.extend(only);
        }
    }
    property
}

/// Why a file is none that says nothing of where to begin.
const NOTHING: &str = "a policy has one of preset, wsdl, binding and alternatives: this has none";

fn read(keys: Keys) -> Result<Source, NotRead> {
    let said = keys.said();
    // One without any key is refused as it is read.
    let origin = said.first().map_or(Origin::Flag("policy"), |(_, at)| (*at).clone());
    let has = |key: &str| said.iter().any(|(known, _)| *known == key);
    let beginnings = ["preset", "wsdl", "binding", "alternatives"];
    let mut begins = beginnings.iter().filter(|key| has(key));
    let (first, second) = (begins.next(), begins.next());
    let first = *first.ok_or_else(|| refuse(&origin, NOTHING.to_owned()))?;
    if let Some(second) = second {
        let at = said.iter().find(|(key, _)| key == second).map_or(&origin, |(_, at)| *at);
        return Err(refuse(at, format!("a policy has one of {first} and {second}: this has both")));
    }
    let name = keys.preset.as_ref();
    let of_name = |kind: &Kind| match name {
        Some(name) => kind.presets.iter().any(|known| name.value.eq_ignore_ascii_case(known)),
        None => kind.presets.is_empty() && kind.required.contains(&first),
    };
    let all = kinds();
    let Some(kind) = all.iter().find(|kind| of_name(kind)) else {
        return Err(name.map_or_else(|| refuse(&origin, "a policy of no kind".to_owned()), unknown));
    };
    for (key, at) in &said {
        if !kind.required.contains(key) && !kind.optional.contains(key) {
            let whose = name.map_or(first, |name| &*name.value);
            return Err(refuse(at, format!("{whose} has no {key}")));
        }
    }
    match name {
        Some(name) => preset_of(name, &keys).map(Source::Stated),
        None => own(keys),
    }
}

/// Why a name is not the one of a preset.
fn unknown(name: &Said<String>) -> NotRead {
    if wcf::NOT_BUILT.iter().any(|known| name.value.eq_ignore_ascii_case(known)) {
        return refuse(&name.origin, format!("{} is not built yet", name.value));
    }
    // Those without attributes first: they need nothing else.
    let all: Vec<&str> = kinds().into_iter().rev().flat_map(|kind| kind.presets).collect();
    refuse(&name.origin, format!("there is no preset {:?}, only {}", name.value, all.join(", ")))
}

/// The policy of a preset with its attributes and overrides.
fn preset_of(name: &Said<String>, keys: &Keys) -> Result<Stated, NotRead> {
    let is = |known: &str| name.value.eq_ignore_ascii_case(known);
    let assertion = wse::ASSERTIONS.iter().find(|(known, _)| is(known));
    let mode = wcf::MODES.iter().find(|(known, _)| is(known));
    let binding = wcf::BINDINGS.iter().find(|known| is(known));
    let mut stated = match (assertion, mode, binding) {
        (Some((known, mode)), ..) => wse::policy(known, *mode, keys)?,
        (_, Some((known, mode)), _) => wcf::mode(known, *mode, keys)?,
        (.., Some(known)) => wcf::binding(known, &name.origin, keys)?,
        _ if is(wcf::CONVERSATION) => wcf::conversation(&name.origin, keys)?,
        _ => {
            let preset = preset::named(&name.value).ok_or_else(|| unknown(name))?;
            Stated {
                name: preset.name.to_owned(),
                soap: preset.soap.to_vec(),
                alternatives: vec![preset.policy],
                operations: Vec::new(),
                settings: Settings::default(),
            }
        }
    };
    if let Some(overrides) = &keys.overrides {
        for policy in &mut stated.alternatives {
            overrides.value.apply(policy).map_err(|words| refuse(&overrides.origin, words.to_owned()))?;
        }
        if let Some(soap) = &overrides.value.soap {
            stated.soap.clone_from(soap);
        }
    }
    Ok(stated)
}

/// A contract, or a policy in the words of WS-SecurityPolicy.
fn own(keys: Keys) -> Result<Source, NotRead> {
    if let Some(wsdl) = keys.wsdl {
        return Ok(Source::Contract(Contract { wsdl, port: keys.port }));
    }
    if let Some(said) = keys.soap.as_ref().filter(|said| said.value.is_empty()) {
        return Err(refuse(&said.origin, "soap names no version".to_owned()));
    }
    let soap = keys.soap.map_or(vec![SoapVersion::V11, SoapVersion::V12], |said| said.value);
    let terms = match (keys.binding, keys.alternatives) {
        (Some(binding), _) => vec![PolicyTerms {
            version: keys.version.map_or(PolicyVersion::V12, |said| said.value),
            addressing: keys.addressing.map_or(Addressing::None, |said| said.value),
            binding: binding.value,
            supporting_tokens: keys.supporting_tokens.map(|said| said.value).unwrap_or_default(),
            wss: keys.wss.map(|said| said.value).unwrap_or_default(),
            trust: keys.trust.map(|said| said.value),
            parts: keys.parts.map(|said| said.value).unwrap_or_default(),
            request: keys.request.map(|said| said.value).unwrap_or_default(),
            response: keys.response.map(|said| said.value).unwrap_or_default(),
            fault: keys.fault.map(|said| said.value).unwrap_or_default(),
            reliable_messaging: keys.reliable_messaging.map(|said| said.value),
            duplex: keys.duplex.is_some_and(|said| said.value),
        }],
        (None, Some(alternatives)) => {
            if alternatives.value.is_empty() {
                return Err(refuse(&alternatives.origin, "the policy has no alternative".to_owned()));
            }
            alternatives.value
        }
        (None, None) => Vec::new(),
    };
    let alternatives: Vec<_> = terms.into_iter().map(PolicyTerms::model).collect();
    let addressing = alternatives.first().map_or(Addressing::None, |policy| policy.addressing);
    let operations = keys.operations.map(|said| said.value).unwrap_or_default();
    Ok(Source::Stated(Stated {
        name: "policy".to_owned(),
        soap,
        operations: operations.into_iter().map(|terms| terms.model(addressing)).collect(),
        alternatives,
        settings: Settings::default(),
    }))
}
