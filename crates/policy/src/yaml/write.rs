//! The model written as a policy file.

use super::terms::PolicyTerms;
use crate::model::{Policy, SoapVersion};

/// Writes the alternatives of a policy in the words of WS-SecurityPolicy. What is written reads back as the same model, but
/// for what stands in a contract alone: which of its policies an alternative is attached to.
pub fn write(soap: &[SoapVersion], alternatives: &[Policy]) -> String {
    #[derive(serde::Serialize)]
    struct Choice {
        soap: Vec<SoapVersion>,
        alternatives: Vec<PolicyTerms>,
    }

    #[derive(serde::Serialize)]
    struct One {
        soap: Vec<SoapVersion>,
        #[serde(flatten)]
        policy: PolicyTerms,
    }

    let soap = soap.to_vec();
    let written = match alternatives {
        [only] => serde_saphyr::to_string(&One { soap, policy: PolicyTerms::of(only) }),
        all => serde_saphyr::to_string(&Choice { soap, alternatives: all.iter().map(PolicyTerms::of).collect() }),
    };
    // It is made of text, numbers and switches, which YAML has.
    written.unwrap_or_default()
}
