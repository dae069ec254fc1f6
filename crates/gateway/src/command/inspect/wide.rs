//! How much is read of a capture, whatever a route takes: that it is too large for a route is a verdict.

use super::judge::Judge;
use crate::config::MessageLimits;

/// Octets of a body that are looked at.
pub(super) const OCTETS: usize = 64 << 20;

impl Judge {
    /// Limits on what is looked at: as wide as the route's, and as those of a route that says nothing of them.
    pub(super) fn wide(&self) -> nuncio_wss::Limits {
        let (own, usual) = (&self.limits, MessageLimits::default());
        let limits = MessageLimits {
            body_bytes: OCTETS,
            fault_bytes: OCTETS,
            text_bytes: OCTETS,
            depth: own.depth.max(usual.depth),
            attributes: own.attributes.max(usual.attributes),
            attribute_bytes: own.attribute_bytes.max(usual.attribute_bytes),
            declarations: own.declarations.max(usual.declarations),
            declarations_in_scope: own.declarations_in_scope.max(usual.declarations_in_scope),
            elements: own.elements.max(usual.elements),
            children: own.children.max(usual.children),
            name_bytes: own.name_bytes.max(usual.name_bytes),
            names: own.names.max(usual.names),
            header_children: own.header_children.max(usual.header_children),
            signatures: own.signatures.max(usual.signatures),
            references: own.references.max(usual.references),
            prefixes: own.prefixes.max(usual.prefixes),
            encrypted_keys: own.encrypted_keys.max(usual.encrypted_keys),
            encrypted_data: own.encrypted_data.max(usual.encrypted_data),
            derived_keys: own.derived_keys.max(usual.derived_keys),
            certificate_bytes: own.certificate_bytes.max(usual.certificate_bytes),
            hot_sessions: own.hot_sessions,
        };
        limits.message()
    }
}
