//! What is signed, encrypted or required in a message (WS-SecurityPolicy 1.2, section 4).

/// What is signed, what is encrypted, and what must be there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parts {
    /// `SignedParts`.
    pub signed: PartSet,
    /// `EncryptedParts`.
    pub encrypted: PartSet,
    /// `SignedElements`.
    pub signed_elements: Vec<ElementPath>,
    /// `EncryptedElements`.
    pub encrypted_elements: Vec<ElementPath>,
    /// `ContentEncryptedElements`: what is within them is encrypted.
    pub content_encrypted_elements: Vec<ElementPath>,
    /// `RequiredParts`: headers that the message must have.
    pub required: Vec<HeaderPart>,
    /// `RequiredElements`: elements that the message must have.
    pub required_elements: Vec<ElementPath>,
}

/// What a message is in its exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageKind {
    /// What the initiator sends.
    Request,
    /// What answers it and is no fault.
    Response,
    /// A fault that answers it.
    Fault,
}

/// Parts of the messages of each kind: what a contract attaches to all its inputs, all its outputs or all its faults.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MessageParts {
    /// Of requests.
    pub request: Parts,
    /// Of responses that are no faults.
    pub response: Parts,
    /// Of faults.
    pub fault: Parts,
}

impl MessageParts {
    /// The parts of one kind.
    pub fn of(&self, kind: MessageKind) -> &Parts {
        match kind {
            MessageKind::Request => &self.request,
            MessageKind::Response => &self.response,
            MessageKind::Fault => &self.fault,
        }
    }

    /// Whether nothing is said of any kind.
    pub fn is_empty(&self) -> bool {
        self.request.is_empty() && self.response.is_empty() && self.fault.is_empty()
    }
}

/// A set of message parts (`SignedParts`, `EncryptedParts`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PartSet {
    /// The body.
    pub body: bool,
    /// Every header of the message: what `SignedParts` without children means, with the body.
    pub every_header: bool,
    /// Headers.
    pub headers: Vec<HeaderPart>,
}

/// `Header` within a set of parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderPart {
    /// The local name; `None` for every header of the namespace.
    pub name: Option<String>,
    /// The namespace.
    pub namespace: String,
}

/// `XPath` within a set of elements: the subset of XPath 1.0 that leads down from the envelope by names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ElementPath {
    /// The path as written, for people.
    pub text: String,
    /// Its steps from the root of the document, the envelope's first. Never empty.
    pub steps: Vec<Step>,
}

/// A step of an [`ElementPath`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Whether any number of elements may be between it and the step before (`//`).
    pub anywhere_below: bool,
    /// The namespace; `None` for any, empty for none.
    pub namespace: Option<String>,
    /// The local name; `None` for any.
    pub local: Option<String>,
}

impl PartSet {
    /// Whether the set has a header of that name.
    pub fn has_header(&self, namespace: &str, local: &str) -> bool {
        self.every_header
            || self
                .headers
                .iter()
                .any(|part| part.namespace == namespace && part.name.as_deref().is_none_or(|name| name == local))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        !self.body && !self.every_header && self.headers.is_empty()
    }

    /// The parts that are in both sets.
    fn common(&self, other: &Self) -> Self {
        Self {
            body: self.body && other.body,
            every_header: self.every_header && other.every_header,
            headers: common(&self.headers, &other.headers),
        }
    }

    /// Adds another set's parts.
    pub fn merge(&mut self, other: &Self) {
        self.body |= other.body;
        self.every_header |= other.every_header;
        add(&mut self.headers, &other.headers);
    }
}

impl Parts {
    /// Whether nothing is signed, encrypted or required.
    pub fn is_empty(&self) -> bool {
        let elements = [
            &self.signed_elements,
            &self.encrypted_elements,
            &self.content_encrypted_elements,
            &self.required_elements,
        ];
        self.signed.is_empty()
            && self.encrypted.is_empty()
            && self.required.is_empty()
            && elements.iter().all(|elements| elements.is_empty())
    }

    /// Whether anything is encrypted.
    pub fn encrypts(&self) -> bool {
        !self.encrypted.is_empty() || !self.encrypted_elements.is_empty() || !self.content_encrypted_elements.is_empty()
    }

    /// Whether anything is encrypted that may be in the body.
    pub fn encrypts_in_body(&self) -> bool {
        self.encrypted.body || !self.encrypted_elements.is_empty() || !self.content_encrypted_elements.is_empty()
    }

    /// What is signed both here and there, and nothing else.
    pub(crate) fn signed_too(&self, other: &Self) -> Self {
        Self {
            signed: self.signed.common(&other.signed),
            signed_elements: common(&self.signed_elements, &other.signed_elements),
            ..Self::default()
        }
    }

    /// What both have.
    pub(crate) fn common(&self, other: &Self) -> Self {
        Self {
            signed: self.signed.common(&other.signed),
            encrypted: self.encrypted.common(&other.encrypted),
            signed_elements: common(&self.signed_elements, &other.signed_elements),
            encrypted_elements: common(&self.encrypted_elements, &other.encrypted_elements),
            content_encrypted_elements: common(&self.content_encrypted_elements, &other.content_encrypted_elements),
            required: common(&self.required, &other.required),
            required_elements: common(&self.required_elements, &other.required_elements),
        }
    }

    /// Adds another's parts (WS-PolicyAttachment: assertions of several scopes are merged).
    pub fn merge(&mut self, other: &Self) {
        self.signed.merge(&other.signed);
        self.encrypted.merge(&other.encrypted);
        add(&mut self.signed_elements, &other.signed_elements);
        add(&mut self.encrypted_elements, &other.encrypted_elements);
        add(&mut self.content_encrypted_elements, &other.content_encrypted_elements);
        add(&mut self.required, &other.required);
        add(&mut self.required_elements, &other.required_elements);
    }
}

/// What is in both, in the order of the first.
fn common<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Vec<T> {
    one.iter().filter(|item| other.contains(item)).cloned().collect()
}

/// Adds what is not there yet.
fn add<T: Clone + PartialEq>(to: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !to.contains(one) {
            to.push(one.clone());
        }
    }
}
