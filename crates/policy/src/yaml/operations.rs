//! Operations of which more is asked than of every message, as a policy file says them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::parts::PartsTerms;
use super::token::SupportingTerms;
use crate::model::{Addressing, FaultMessage, Message, MessagePolicy, Operation};

/// An operation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct OperationTerms {
    /// Its name.
    name: String,
    /// The request.
    request: MessageTerms,
    /// The response; none of an operation that only takes.
    response: Option<MessageTerms>,
    /// The faults that it declares.
    #[serde(default)]
    faults: Vec<FaultTerms>,
}

/// A message, and what is asked of it beside what is of every one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MessageTerms {
    /// Its WS-Addressing action.
    action: String,
    /// The SOAP action of a request, where it is another.
    soap_action: Option<String>,
    /// The element in its body, by which an operation is known where messages have no addressing.
    element: Option<ElementTerms>,
    /// What of it is signed, encrypted and required besides.
    #[serde(default)]
    parts: PartsTerms,
    /// Supporting tokens of its own, of a request.
    #[serde(default)]
    supporting_tokens: Vec<SupportingTerms>,
}

/// A fault that an operation declares.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FaultTerms {
    /// Its name.
    name: String,
    /// Its WS-Addressing action.
    action: String,
    /// The element in its detail.
    element: Option<ElementTerms>,
    /// What of it is signed and encrypted besides.
    #[serde(default)]
    parts: PartsTerms,
}

/// The name of an element.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ElementTerms {
    /// The local name.
    name: String,
    /// The namespace; none, where it does not say.
    #[serde(default)]
    namespace: String,
}

impl OperationTerms {
    /// What these terms say under a policy of that addressing.
    pub(super) fn model(self, addressing: Addressing) -> Operation {
        let fault = |terms: FaultTerms| FaultMessage {
            name: terms.name,
            message: MessageTerms {
                action: terms.action,
                soap_action: None,
                element: terms.element,
                parts: terms.parts,
                supporting_tokens: Vec::new(),
            }
            .model(addressing),
        };
        Operation {
            name: self.name,
            input: self.request.model(addressing),
            output: self.response.map(|terms| terms.model(addressing)),
            faults: self.faults.into_iter().map(fault).collect(),
        }
    }
}

impl MessageTerms {
    fn model(self, addressing: Addressing) -> Message {
        let own = MessagePolicy {
            parts: self.parts.model(addressing),
            supporting: self.supporting_tokens.into_iter().map(|token| token.model(addressing)).collect(),
            ..MessagePolicy::default()
        };
        Message {
            action: self.action,
            soap_action: self.soap_action,
            element: self.element.map(|element| (element.namespace, element.name)),
            alternatives: vec![own],
            protected: true,
        }
    }
}
