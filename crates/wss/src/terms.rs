//! A policy and a contract compiled, once, into what is asked of each message.

use std::collections::HashMap;
use std::sync::Arc;

use nuncio_policy::model::{
    Addressing, Binding, DerivedKeys, HeaderPart, Operation, PartSet, Parts, Policy, SecureConversationToken,
    SoapVersion, SymmetricBinding, Token,
};

use crate::addressing;
use crate::dialect::Dialect;

/// A policy that is understood but asks for what is not built yet.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not built yet")]
pub struct NotBuilt(pub &'static str);

/// What is asked of the messages of a port.
pub(crate) struct Terms {
    pub(crate) policy: Policy,
    pub(crate) soap: SoapVersion,
    operations: Vec<OperationTerms>,
    by_action: HashMap<String, usize>,
    /// For Cancel: signed, not encrypted.
    cancel: Parts,
}

/// An operation, with the parts of the policy merged into those of its messages.
pub(crate) struct OperationTerms {
    pub(crate) operation: Operation,
    input: Parts,
    output: Parts,
    faults: Vec<Parts>,
}

impl Terms {
    /// Compiles an alternative of a policy and the operations of its port.
    pub(crate) fn new(policy: Policy, soap: SoapVersion, operations: Vec<Operation>) -> Result<Self, NotBuilt> {
        check_built(&policy)?;
        let merged = |parts: &Parts| {
            let mut merged = policy.parts.clone();
            merged.merge(parts);
            merged
        };
        let operations: Vec<OperationTerms> = operations
            .into_iter()
            .map(|operation| OperationTerms {
                input: merged(&operation.input.parts),
                output: operation.output.as_ref().map_or_else(|| policy.parts.clone(), |output| merged(&output.parts)),
                faults: operation.faults.iter().map(|fault| merged(&fault.message.parts)).collect(),
                operation,
            })
            .collect();
        for terms in &operations {
            let faults = terms.faults.iter();
            for parts in [&terms.input, &terms.output].into_iter().chain(faults) {
                check_parts(parts)?;
            }
        }
        let mut by_action = HashMap::new();
        for (at, terms) in operations.iter().enumerate() {
            by_action.entry(terms.operation.input.action.clone()).or_insert(at);
            if let Some(action) = terms.operation.input.soap_action.clone().filter(|action| !action.is_empty()) {
                by_action.entry(action).or_insert(at);
            }
        }
        let cancel = Parts {
            signed: PartSet { body: true, headers: addressing::parts(policy.addressing) },
            encrypted: PartSet::default(),
        };
        Ok(Self { policy, soap, operations, by_action, cancel })
    }

    /// Compiles the alternatives of a policy, in their order, less those that are not built.
    ///
    /// # Errors
    ///
    /// Why the first is not built, where none is.
    pub(crate) fn alternatives(
        policies: &[Policy],
        soap: SoapVersion,
        operations: &[Operation],
    ) -> Result<Vec<Arc<Self>>, NotBuilt> {
        let mut built = Vec::with_capacity(policies.len());
        let mut refused = None;
        for policy in policies {
            match Self::new(policy.clone(), soap, operations.to_vec()) {
                Ok(terms) => built.push(Arc::new(terms)),
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        if built.is_empty() {
            return Err(refused.unwrap_or(NotBuilt("a policy without an alternative")));
        }
        Ok(built)
    }

    /// The secure conversation token of the policy, if it has one: what protects, or endorses, its messages.
    pub(crate) fn conversation(&self) -> Option<&SecureConversationToken> {
        conversation(&self.policy)
    }

    /// The generation of its trust messages.
    pub(crate) fn dialect(&self) -> &'static Dialect {
        crate::demand::dialect(&self.policy)
    }

    /// The addressing of its messages.
    pub(crate) fn addressing(&self) -> Addressing {
        self.policy.addressing
    }

    /// The parts of a Cancel and of its answer.
    pub(crate) fn cancel(&self) -> &Parts {
        &self.cancel
    }

    /// The operation that an action names, or else the only one whose request has that element in its body.
    pub(crate) fn operation(&self, action: Option<&str>, element: Option<(&str, &str)>) -> Option<&OperationTerms> {
        if let Some(&at) = action.and_then(|action| self.by_action.get(action)) {
            return self.operations.get(at);
        }
        if action.is_some_and(|action| !action.is_empty()) {
            return None;
        }
        let (namespace, local) = element?;
        self.operations.iter().find(|terms| {
            terms.operation.input.element.as_ref().is_some_and(|(ns, name)| ns == namespace && name == local)
        })
    }

    /// The parts of a request; `None` where the contract does not know it and the policy says nothing of every message.
    pub(crate) fn input<'a>(&'a self, operation: Option<&'a OperationTerms>) -> Option<&'a Parts> {
        match operation {
            Some(terms) => Some(&terms.input),
            None => self.of_every_message(),
        }
    }

    /// The parts of a response that is no fault.
    pub(crate) fn output<'a>(&'a self, operation: Option<&'a OperationTerms>) -> &'a Parts {
        operation.map_or(&self.policy.parts, |terms| &terms.output)
    }

    /// The parts of a fault with that action: those of its declaration, or of the response.
    pub(crate) fn fault<'a>(&'a self, operation: Option<&'a OperationTerms>, action: &str) -> &'a Parts {
        let declared = operation.and_then(|terms| {
            let at = terms.operation.faults.iter().position(|fault| fault.message.action == action)?;
            terms.faults.get(at)
        });
        declared.unwrap_or_else(|| self.output(operation))
    }

    /// Whether the operation declares a fault with that action.
    pub(crate) fn is_fault(operation: Option<&OperationTerms>, action: &str) -> bool {
        operation.is_some_and(|terms| terms.operation.faults.iter().any(|fault| fault.message.action == action))
    }

    fn of_every_message(&self) -> Option<&Parts> {
        let transport = matches!(self.policy.binding, Binding::Transport(_));
        (transport || !self.policy.parts.signed.is_empty()).then_some(&self.policy.parts)
    }
}

fn conversation(policy: &Policy) -> Option<&SecureConversationToken> {
    let protection = match &policy.binding {
        Binding::Symmetric(binding) => Some(&binding.protection),
        Binding::Transport(_) | Binding::Asymmetric(_) => None,
    };
    protection.into_iter().chain(policy.supporting.iter().map(|token| &token.token)).find_map(|token| match token {
        Token::SecureConversation(token) => Some(token),
        Token::X509(_) | Token::Username(_) => None,
    })
}

/// Refuses what the model can say and the protocol does not do yet.
fn check_built(policy: &Policy) -> Result<(), NotBuilt> {
    check_parts(&policy.parts)?;
    let mut tokens: Vec<&Token> = Vec::new();
    match &policy.binding {
        Binding::Asymmetric(binding)
            if [&binding.initiator, &binding.recipient]
                .iter()
                .any(|token| token.derived_keys == DerivedKeys::Implied) =>
        {
            return Err(NotBuilt("RequireImpliedDerivedKeys"));
        }
        Binding::Transport(_) | Binding::Asymmetric(_) => {}
        Binding::Symmetric(binding) => {
            if matches!(binding.protection, Token::Username(_)) {
                return Err(NotBuilt("a user name token that protects"));
            }
            tokens.push(&binding.protection);
        }
    }
    for supporting in &policy.supporting {
        match (&supporting.token, &policy.binding) {
            (Token::Username(_), _) if supporting.endorsing => {
                return Err(NotBuilt("a user name token that endorses"));
            }
            (Token::SecureConversation(_), _) if !supporting.endorsing => {
                return Err(NotBuilt("a secure conversation token that supports without endorsing"));
            }
            // One context belongs to a message: which of two would be?
            (
                Token::SecureConversation(_),
                Binding::Symmetric(SymmetricBinding { protection: Token::SecureConversation(_), .. }),
            ) => {
                return Err(NotBuilt("a secure conversation token beside another"));
            }
            (_, Binding::Transport(binding)) if supporting.endorsing && !binding.timestamp => {
                return Err(NotBuilt("a token that endorses over a transport without IncludeTimestamp"));
            }
            (Token::SecureConversation(_), _) if supporting.signed || supporting.encrypted => {
                return Err(NotBuilt("a secure conversation token that is signed or encrypted"));
            }
            _ if !supporting.parts.encrypted.is_empty() => {
                return Err(NotBuilt("EncryptedParts of a supporting token"));
            }
            _ => tokens.push(&supporting.token),
        }
    }
    for token in tokens {
        let derived = match token {
            Token::X509(token) => token.derived_keys,
            Token::SecureConversation(token) => {
                check_built(&token.bootstrap)?;
                match &token.bootstrap.binding {
                    // Keys would travel in clear.
                    Binding::Symmetric(_) | Binding::Asymmetric(_) if !token.bootstrap.parts.encrypted.body => {
                        return Err(NotBuilt("a bootstrap policy that does not encrypt the body"));
                    }
                    Binding::Transport(binding) if token.renew && !binding.timestamp => {
                        return Err(NotBuilt("a renewal that endorses over a transport without IncludeTimestamp"));
                    }
                    _ => {}
                }
                if conversation(&token.bootstrap).is_some() {
                    return Err(NotBuilt("a conversation that bootstraps a conversation"));
                }
                token.derived_keys
            }
            Token::Username(_) => DerivedKeys::None,
        };
        if derived == DerivedKeys::Implied {
            return Err(NotBuilt("RequireImpliedDerivedKeys"));
        }
    }
    Ok(())
}

fn check_parts(parts: &Parts) -> Result<(), NotBuilt> {
    let addressing = |part: &HeaderPart| addressing::is_addressing(&part.namespace);
    if parts.encrypted.headers.iter().any(addressing) {
        return Err(NotBuilt("EncryptedParts with a Header of WS-Addressing"));
    }
    Ok(())
}
