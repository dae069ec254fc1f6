//! A contract: the ports of a service and what their messages are.

use nuncio_crypto::certificate::Certificate;

use super::{MessageKind, Parts, Policy, SoapVersion, SupportingToken};
use crate::error::{PolicyError, Remark};

/// A contract: what a WSDL says of a service.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The ports, in the order of the file.
    pub ports: Vec<Port>,
    /// What is odd about it and was read all the same, in the order of the file.
    pub remarks: Vec<Remark>,
}

/// A port with its effective policy.
#[derive(Clone, Debug)]
pub struct Port {
    /// The port's name.
    pub name: String,
    /// The version of SOAP of its binding.
    pub soap: SoapVersion,
    /// The address it gives.
    pub address: Option<String>,
    /// The service's certificate, where the endpoint reference of the port says who the service is, as WCF writes it. It is
    /// whoever made the contract who says so.
    pub identity: Option<Certificate>,
    /// The alternatives of its endpoint policy (service, port and binding scope merged), in the order of the file;
    /// empty where it has no policy with a security binding. An error where no alternative is usable, or a policy of one
    /// of its messages is not: that makes this port unusable, not its contract.
    pub alternatives: Result<Vec<Policy>, PolicyError>,
    /// Its operations; where the policy asks for WS-ReliableMessaging, those of sequences too.
    pub operations: Vec<Operation>,
    /// Operations that the service begins: their `input` is what it sends, their `output` the client's answer. Where the
    /// policy has each direction be a channel of its own and asks for WS-ReliableMessaging, those of sequences too.
    pub callbacks: Vec<Operation>,
}

/// An operation of a port.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// The request.
    pub input: Message,
    /// The response; `None` for a one-way operation.
    pub output: Option<Message>,
    /// The faults it declares.
    pub faults: Vec<FaultMessage>,
}

impl Message {
    /// The parts of all its alternatives.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Parts> {
        self.alternatives.iter().map(|alternative| &alternative.parts)
    }
}

impl MessagePolicy {
    /// Whether it goes with an alternative of the port's policy.
    pub fn goes_with(&self, policy: &Policy) -> bool {
        self.attached.is_none() || self.attached == policy.attached
    }
}

impl Operation {
    /// Its messages: the request, the response, the faults.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        [&self.input].into_iter().chain(&self.output).chain(self.faults.iter().map(|fault| &fault.message))
    }

    /// What those are, in the same order.
    pub fn kinds(&self) -> impl Iterator<Item = MessageKind> {
        let faults = self.faults.iter().map(|_| MessageKind::Fault);
        [MessageKind::Request].into_iter().chain(self.output.as_ref().map(|_| MessageKind::Response)).chain(faults)
    }

    /// Its messages in the same order.
    pub(crate) fn messages_mut(&mut self) -> impl Iterator<Item = &mut Message> {
        let faults = self.faults.iter_mut().map(|fault| &mut fault.message);
        [&mut self.input].into_iter().chain(&mut self.output).chain(faults)
    }
}

/// A message of an operation.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its WS-Addressing action: declared, or by the default action pattern.
    pub action: String,
    /// The SOAP action of the binding, of inputs only.
    pub soap_action: Option<String>,
    /// The expanded name of the body's child (document/literal): namespace, local name.
    pub element: Option<(String, String)>,
    /// The alternatives of its policies of operation and message scope, in the order of the file: it satisfies any of them,
    /// beside the port's policy. Never empty.
    pub alternatives: Vec<MessagePolicy>,
    /// Whether the security binding of the port's policy holds for it. `false` where the contract attaches the binding to
    /// other messages one by one (a request signed, its response in clear).
    pub protected: bool,
}

/// One alternative of what is asked of a message beside the policy of its port.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MessagePolicy {
    /// Its parts.
    pub parts: Parts,
    /// Its supporting tokens.
    pub supporting: Vec<SupportingToken>,
    /// Which alternative of its operation's policies it is of. The messages of one exchange are of the same.
    pub operation: usize,
    /// Which alternative it is of that has the security binding, where the contract attaches the binding to operations or
    /// messages: it goes with the alternative of the port's policy that has the same [`Policy::attached`].
    pub attached: Option<usize>,
}

/// A declared fault.
#[derive(Clone, Debug)]
pub struct FaultMessage {
    /// The fault's name.
    pub name: String,
    /// As for any message; `element` is that of the detail's child.
    pub message: Message,
}
