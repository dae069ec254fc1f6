//! The contract itself: services, ports, bindings, operations and messages of WSDL 1.1.

use std::collections::HashMap;

use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_xml::foreign::Element;

use super::action::{Kind, Role, default_action};
use super::attach;
use super::index::{Definition, Index, Operations};
use super::reliable;
use crate::documents::{DocumentKind, Documents};
use crate::error::{Place, PolicyError};
use crate::model::{
    Addressing, Contract, FaultMessage, Message, MessagePolicy, Operation, Parts, Policy, Port, ProtectionOrder,
    SoapVersion,
};
use crate::names::{self, is_addressing};
use crate::read::library::Library;
use crate::read::{Scoped, engaged_addressing, normal, placed_policies, settle_addressing};

/// The transport of SOAP over HTTP, as both SOAP bindings of WSDL 1.1 name it, and as SOAP 1.2 names its own binding.
const HTTP: [&str; 2] = ["http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2003/05/soap/bindings/HTTP/"];

/// How much work a message is, measured in the assertions that a file may go through.
const WORK_OF_MESSAGE: usize = 400;

/// The definitions of one contract.
pub(super) struct Definitions<'a> {
    library: Library<'a>,
    contracts: Vec<&'a Element>,
    index: Index<'a>,
}

/// A port's binding and port type: what its operations are read from.
struct Bound<'a> {
    /// The name of the port type, and the namespace that it is in.
    port_type: (&'a str, &'a str),
    operations: Operations<'a>,
    /// The namespace of the SOAP binding.
    soap: &'a str,
    /// `style` of the SOAP binding, for operations that have none.
    style: Option<&'a str>,
}

/// What may fail to be read of one port, and leaves the others alone.
struct Usable {
    alternatives: Vec<Policy>,
    operations: Vec<Operation>,
    callbacks: Vec<Operation>,
}

/// Operations with what the policies of their messages say, in the order of their messages.
#[derive(Default)]
struct Read<'a> {
    operations: Vec<Operation>,
    scoped: Vec<Scoped<'a>>,
}

impl<'a> Definitions<'a> {
    /// `root` is the root of the file, `contracts` its definitions.
    pub(super) fn new(file: &'a str, root: &'a Element, contracts: Vec<&'a Element>) -> Self {
        Self { library: Library::new(file, root), index: Index::new(&contracts), contracts }
    }

    /// Those of all documents of a contract.
    pub(super) fn of(documents: &'a Documents) -> Self {
        let files = documents.all.iter().map(|document| (document.at.as_str(), &document.root)).collect();
        let contracts = documents.all.iter().filter(|one| one.kind == DocumentKind::Wsdl).map(|one| &one.root);
        Self { library: Library::of(files), index: Index::of(documents), contracts: contracts.collect() }
    }

    pub(super) fn contract(self) -> Result<Contract, PolicyError> {
        let mut ports = Vec::new();
        for contract in &self.contracts {
            for service in children(contract, "service") {
                for port in children(service, "port") {
                    ports.extend(self.port(service, port)?);
                }
            }
        }
        if ports.is_empty() {
            return Err(PolicyError::NoPort { file: self.library.file().to_owned() });
        }
        Ok(Contract { ports, remarks: self.library.into_remarks() })
    }

    /// Reads a port; `None` where its binding is not one to SOAP.
    fn port(&self, service: &'a Element, port: &'a Element) -> Result<Option<Port>, PolicyError> {
        let binding = self.named(port, "binding", "binding")?.element;
        let Some((soap, extension)) = [names::WSDL_SOAP_11, names::WSDL_SOAP_12]
            .into_iter()
            .find_map(|soap| binding.child(soap, "binding").map(|extension| (soap, extension)))
        else {
            return Ok(None);
        };
        let (alternatives, operations, callbacks) = match self.bound(service, port, binding, extension) {
            Ok(Usable { alternatives, operations, callbacks }) => (Ok(alternatives), operations, callbacks),
            Err(error) => (Err(error), Vec::new(), Vec::new()),
        };
        Ok(Some(Port {
            name: self.attribute(port, "name")?.to_owned(),
            soap: if soap == names::WSDL_SOAP_11 { SoapVersion::V11 } else { SoapVersion::V12 },
            address: port
                .child(soap, "address")
                .and_then(|address| address.attribute("", "location"))
                .map(str::to_owned),
            identity: self.identity(port),
            alternatives,
            operations,
            callbacks,
        }))
    }

    /// The certificate that the port's endpoint reference says is the service's.
    fn identity(&self, port: &Element) -> Option<Certificate> {
        let reference =
            port.elements().find(|one| one.local == "EndpointReference" && is_addressing(&one.namespace))?;
        let info = reference.child(names::IDENTITY, "Identity")?.child(names::SIGNATURE, "KeyInfo")?;
        // Those above it may follow it.
        let written = info.child(names::SIGNATURE, "X509Data")?.child(names::SIGNATURE, "X509Certificate")?;
        let certificate = base64::decode(&written.text()).ok().and_then(|der| Certificate::from_der(der).ok());
        if certificate.is_none() {
            self.library.remark(written, "the service's certificate cannot be read, and is left out");
        }
        certificate
    }

    /// Reads its policies, operations and callbacks.
    fn bound(
        &self,
        service: &'a Element,
        port: &'a Element,
        binding: &'a Element,
        extension: &'a Element,
    ) -> Result<Usable, PolicyError> {
        self.transport(extension)?;
        let definition = self.named(binding, "type", "portType")?;
        let port_type = definition.element;
        // Before they are indexed, for each port that has them.
        self.library.work(port, port_type.children.len())?;
        let bound = Bound {
            port_type: (self.attribute(port_type, "name")?, definition.target_namespace),
            operations: Operations::of(port_type),
            soap: extension.namespace.as_str(),
            style: extension.attribute("", "style"),
        };
        let (mut requests, mut callbacks) = (Read::default(), Read::default());
        for operation in children(binding, "operation") {
            let name = self.attribute(operation, "name")?;
            let Some(abstracted) = bound.operations.meant_by(operation) else {
                let (at, name) = (self.place(operation), name.to_owned());
                return Err(PolicyError::UnknownName { at, kind: "operation", name });
            };
            let messages = || abstracted.elements().filter(|child| child.namespace == names::WSDL);
            let first = messages().find(|child| matches!(child.local.as_str(), "input" | "output"));
            let (first, second, into) = match first.map(|first| (first, first.local.as_str())) {
                Some((first, "input")) => (first, "output", &mut requests),
                Some((first, _)) => (first, "input", &mut callbacks),
                None => {
                    let (at, within) = (self.place(abstracted), format!("operation {name}"));
                    return Err(PolicyError::Missing { at, what: "input", within });
                }
            };
            let answer = messages().find(|child| child.local == second);
            self.operation(&bound, operation, abstracted, (first, answer), into)?;
        }
        let scoped = [requests.scoped, callbacks.scoped].concat();
        let mut operations: Vec<&mut Operation> =
            requests.operations.iter_mut().chain(&mut callbacks.operations).collect();
        let alternatives = self.alternatives(&[service, port, binding, port_type], &mut operations, &scoped)?;
        if let Some(version) = alternatives.iter().find_map(|policy| policy.reliable) {
            // Where each direction is a channel of its own, the service keeps a sequence as its clients do.
            let of_the_service = alternatives.iter().any(|policy| policy.duplex);
            let (of_clients, begun) = reliable::operations(version, &requests.operations, &callbacks.operations);
            requests.operations.extend(of_clients);
            callbacks.operations.extend(begun.into_iter().filter(|_| of_the_service));
        }
        Ok(Usable { alternatives, operations: requests.operations, callbacks: callbacks.operations })
    }

    /// Refuses a transport that is not HTTP.
    fn transport(&self, extension: &Element) -> Result<(), PolicyError> {
        let transport = extension.attribute("", "transport").unwrap_or_default();
        if HTTP.contains(&transport) {
            return Ok(());
        }
        Err(PolicyError::Transport { at: self.place(extension), transport: transport.to_owned() })
    }

    /// The endpoint's policy: of service, port, binding and port type together.
    fn alternatives(
        &self,
        attached: &[&'a Element; 4],
        operations: &mut [&mut Operation],
        scoped: &[Scoped<'a>],
    ) -> Result<Vec<Policy>, PolicyError> {
        let [_, port, binding, _] = attached;
        let endpoint = attach::effective(&self.library, binding, attached)?;
        let lifted = attach::lift(&self.library, scoped, &endpoint, operations)?;
        // Each of the endpoint's with each of those that were lifted.
        let of_lifted = (!lifted.iter().all(Vec::is_empty)).then_some(lifted.len());
        let effective = normal::merge(&self.library, binding, vec![endpoint, lifted])?;
        let placed = placed_policies(&self.library, binding, &effective)?;
        let attached = |position: usize| of_lifted.map(|lifted| position % lifted);
        let placed = placed.into_iter().map(|(at, policy)| Policy { attached: attached(at), ..policy });
        let mut alternatives: Vec<Policy> = placed.collect();
        // `wsaw:UsingAddressing` may also stand in the binding or the port itself, as an extension of WSDL.
        let extension =
            binding.elements().chain(port.elements()).find_map(engaged_addressing).unwrap_or(Addressing::None);
        let messages: Vec<&Message> = operations.iter().flat_map(|operation| operation.messages()).collect();
        let demands = |one: &MessagePolicy| !one.parts.is_empty() || !one.supporting.is_empty();
        if messages
            .iter()
            .any(|message| (alternatives.is_empty() || !message.protected) && message.alternatives.iter().any(demands))
        {
            // Parts and tokens that nothing would protect are a mistake, not a wish for messages in clear.
            let within = format!("binding {}", self.attribute(binding, "name")?);
            return Err(PolicyError::Missing { at: self.place(binding), what: "security binding", within });
        }
        // A message is held to each of them in turn, and each is compiled.
        for message in &messages {
            let goes = |policy: &Policy| message.alternatives.iter().filter(|one| one.goes_with(policy)).count();
            normal::limit(&self.library, binding, alternatives.iter().map(goes).sum())?;
        }
        let messages: Vec<&Parts> = messages.into_iter().flat_map(Message::parts).collect();
        for policy in &mut alternatives {
            let encrypts = std::iter::once(&policy.parts).chain(messages.iter().copied()).any(Parts::encrypts);
            if policy.properties.order == ProtectionOrder::EncryptBeforeSign && !encrypts {
                self.library.remark(binding, "EncryptBeforeSigning, and nothing is encrypted");
            }
            settle_addressing(policy, extension, &messages);
        }
        Ok(alternatives)
    }

    /// Reads an operation: that of the binding, that of the port type, and of the latter the message that begins it and
    /// the one that answers.
    fn operation(
        &self,
        bound: &Bound<'a>,
        operation: &'a Element,
        abstracted: &'a Element,
        (first, answer): (&'a Element, Option<&'a Element>),
        into: &mut Read<'a>,
    ) -> Result<(), PolicyError> {
        let name = self.attribute(operation, "name")?;
        let extension = operation.child(bound.soap, "operation");
        let style = extension.and_then(|extension| extension.attribute("", "style")).or(bound.style);
        let mut common = Scoped::default();
        attach::scoped(&self.library, &[operation, abstracted], &mut common)?;
        for (position, alternative) in common.alternatives.iter_mut().enumerate() {
            alternative.operation = position;
        }
        let context = Context { definitions: self, bound, name, rpc: style == Some("rpc"), common };
        let concrete = |message: &Element| operation.child(names::WSDL, &message.local);

        let soap_action = extension.and_then(|extension| extension.attribute("", "soapAction")).map(str::to_owned);
        let role = Role::First { name: first.attribute("", "name"), of: Kind::new(&first.local, answer.is_some()) };
        let mut request = context.message(first, concrete(first), role, &mut into.scoped)?;
        // In the absence of a declared action a SOAP action is the action (WS-Addressing 1.0 Metadata, section 4.4.1).
        if let (None, Some(soap_action)) =
            (declared_action(first), soap_action.as_deref().filter(|action| !action.is_empty()))
        {
            soap_action.clone_into(&mut request.action);
        }
        request.soap_action = soap_action;

        let answer = answer.map(|answer| {
            context.message(answer, concrete(answer), Role::Answer(answer.attribute("", "name")), &mut into.scoped)
        });
        let output = answer.transpose()?;
        let concretes: HashMap<&str, &Element> =
            children(operation, "fault").filter_map(|fault| Some((fault.attribute("", "name")?, fault))).collect();
        let mut faults = Vec::new();
        for fault in children(abstracted, "fault") {
            let fault_name = self.attribute(fault, "name")?;
            let concrete = concretes.get(fault_name).copied();
            let message = context.message(fault, concrete, Role::Fault(fault_name), &mut into.scoped)?;
            faults.push(FaultMessage { name: fault_name.to_owned(), message });
        }
        into.operations.push(Operation { name: name.to_owned(), input: request, output, faults });
        Ok(())
    }

    /// What an attribute of an element refers to among the definitions.
    fn named(
        &self,
        element: &'a Element,
        attribute: &'static str,
        kind: &'static str,
    ) -> Result<Definition<'a>, PolicyError> {
        self.index.named(&self.library, element, self.attribute(element, attribute)?, kind)
    }

    fn attribute(&self, element: &'a Element, attribute: &'static str) -> Result<&'a str, PolicyError> {
        element.attribute("", attribute).ok_or_else(|| PolicyError::Missing {
            at: self.place(element),
            what: attribute,
            within: element.local.clone(),
        })
    }

    fn place(&self, element: &Element) -> Place {
        self.library.place(element)
    }
}

/// The operation that messages are read in.
struct Context<'c, 'a> {
    definitions: &'c Definitions<'a>,
    bound: &'c Bound<'a>,
    name: &'a str,
    rpc: bool,
    /// What the policies of the operation say of each of its messages.
    common: Scoped<'a>,
}

impl<'a> Context<'_, 'a> {
    /// Reads a message from its `input`, `output` or `fault` of the port type and the one of the binding.
    fn message(
        &self,
        abstracted: &'a Element,
        concrete: Option<&'a Element>,
        role: Role<'_>,
        scoped: &mut Vec<Scoped<'a>>,
    ) -> Result<Message, PolicyError> {
        self.definitions.library.work(abstracted, WORK_OF_MESSAGE)?;
        let message = self.definitions.named(abstracted, "message", "message")?.element;
        let mut policies = self.common.clone();
        let elements: Vec<&Element> = concrete.into_iter().chain([abstracted, message]).collect();
        attach::scoped(&self.definitions.library, &elements, &mut policies)?;
        let (port_type, target_namespace) = self.bound.port_type;
        let action = declared_action(abstracted)
            .map_or_else(|| default_action(target_namespace, port_type, self.name, role), str::to_owned);
        let fault = matches!(role, Role::Fault(_));
        let body = concrete.and_then(|concrete| concrete.child(self.bound.soap, "body"));
        let element = if self.rpc && !fault {
            let namespace = body.and_then(|body| body.attribute("", "namespace")).unwrap_or_default();
            let suffix = if matches!(role, Role::Answer(_)) { "Response" } else { "" };
            Some((namespace.to_owned(), format!("{}{suffix}", self.name)))
        } else {
            self.element(message, body)?
        };
        let alternatives = policies.alternatives.clone();
        scoped.push(policies);
        Ok(Message { action, soap_action: None, element, alternatives, protected: true })
    }

    /// The element of the message's part that is in the body.
    fn element(&self, message: &'a Element, body: Option<&Element>) -> Result<Option<(String, String)>, PolicyError> {
        let listed = body.and_then(|body| body.attribute("", "parts"));
        let mut parts = children(message, "part").filter(|part| match (listed, part.attribute("", "name")) {
            (Some(listed), Some(name)) => listed.split_ascii_whitespace().any(|listed| listed == name),
            _ => true,
        });
        let Some((part, name)) = parts.find_map(|part| part.attribute("", "element").map(|name| (part, name))) else {
            return Ok(None);
        };
        let Some((namespace, local)) = part.resolve(name) else {
            let at = self.definitions.place(part);
            return Err(PolicyError::UnknownName { at, kind: "the prefix of element", name: name.to_owned() });
        };
        Ok(Some((namespace.to_owned(), local.to_owned())))
    }
}

/// The action that an `input`, `output` or `fault` of a port type declares.
fn declared_action(message: &Element) -> Option<&str> {
    [names::ADDRESSING_10_METADATA, names::ADDRESSING_10_WSDL, names::ADDRESSING_2004]
        .into_iter()
        .find_map(|namespace| message.attribute(namespace, "Action"))
        .filter(|action| !action.is_empty())
}

pub(crate) fn children<'a>(element: &'a Element, local: &'static str) -> impl Iterator<Item = &'a Element> {
    element.elements().filter(move |child| child.is(names::WSDL, local))
}
