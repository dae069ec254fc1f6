//! Policies that say where references must lead: to the token in the message, or to none in it.

use nuncio_policy::model::{Binding, DerivedKeys, Include, Policy, ReferenceTarget, Token, X509Reference, X509Token};
use nuncio_policy::preset;
use nuncio_policy::suite::SUITES;

use crate::shapes::{Change, Order, Shape};

const PRESETS: [&str; 6] = [
    "wcf-ws2007-mutualCertificate-conversation",
    "wcf-wshttp-userNameOverTransport-conversation",
    "wse-mutualCertificate10Security-conversation",
    "wcf-ws2007-anonymousForCertificate",
    "wse-mutualCertificate10Security",
    "wcf-ws2007-certificateOverTransport",
];
const ORDERS: [Order; 3] = [Order::SignFirst, Order::SignatureEncrypted, Order::EncryptFirst];

/// What a reference leads to, and whether the token travels.
const TARGETS: [(ReferenceTarget, Include); 4] = [
    (ReferenceTarget::Internal, Include::Always),
    (ReferenceTarget::External, Include::Always),
    (ReferenceTarget::External, Include::Never),
    (ReferenceTarget::ExternalUri, Include::Always),
];

/// All of them.
pub(crate) fn referred() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for name in PRESETS {
        for (target, include) in TARGETS {
            // No certificate has a URI.
            if target == ReferenceTarget::ExternalUri && !name.ends_with("conversation") {
                continue;
            }
            let preset = preset::named(name).expect("a preset");
            let mut policy = preset.policy;
            let turn = shapes.len();
            let derived = [DerivedKeys::Explicit, DerivedKeys::None, DerivedKeys::Implied][turn % 3];
            let (suite, order) = (&SUITES[turn * 7 % SUITES.len()], ORDERS[turn / 2 % 3]);
            let protect = turn.is_multiple_of(2) && name.ends_with("conversation");
            Change { suite, order, derived, protect, turn }.apply(&mut policy);
            refer(&mut policy, target, include);
            let name =
                format!("{target:?} references, included {include:?}, {}, {}, {name}", suite.name, order.words());
            let soap = preset.soap[turn % preset.soap.len()];
            shapes.push(Shape { name, policy, soap, headers: false, alone: false });
        }
    }
    shapes
}

/// Has the tokens of the policy itself, not of its bootstrap, referred to so.
fn refer(policy: &mut Policy, target: ReferenceTarget, include: Include) {
    let certificate = |token: &mut X509Token| {
        *token = X509Token { include, target, reference: X509Reference::KeyIdentifier, ..token.clone() };
    };
    let token = |token: &mut Token| match token {
        Token::SecureConversation(token) => (token.include, token.target) = (include, target),
        Token::X509(token) => certificate(token),
        Token::Username(_) => {}
    };
    match &mut policy.binding {
        Binding::Symmetric(binding) => token(&mut binding.protection),
        Binding::Asymmetric(binding) => {
            certificate(&mut binding.initiator);
            certificate(&mut binding.recipient);
        }
        Binding::Transport(_) => {}
    }
    policy.supporting.iter_mut().for_each(|supporting| token(&mut supporting.token));
}
