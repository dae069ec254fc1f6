//! The contract itself: services, ports, bindings, operations and messages of WSDL 1.1.

use nuncio_xml::foreign::Element;

use super::action::{Role, default_action};
use super::attach;
use crate::error::{Place, PolicyError};
use crate::model::{Addressing, Contract, FaultMessage, Message, Operation, Parts, Policy, Port, SoapVersion};
use crate::names;
use crate::read::library::Library;
use crate::read::{Scoped, engaged_addressing, normal, policies, settle_addressing};

/// The transport of SOAP over HTTP, as both SOAP bindings of WSDL 1.1 name it, and as SOAP 1.2 names its own binding.
const HTTP: [&str; 2] = ["http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2003/05/soap/bindings/HTTP/"];

/// The definitions of one file.
pub(super) struct Definitions<'a> {
    library: Library<'a>,
    root: &'a Element,
    target_namespace: &'a str,
}

/// A port, its binding and its port type: what the operations of a port are read from.
struct Bound<'a> {
    port_type: &'a Element,
    /// The namespace of the SOAP binding.
    soap: &'a str,
    /// `style` of the SOAP binding, for operations that have none.
    style: Option<&'a str>,
}

impl<'a> Definitions<'a> {
    pub(super) fn new(file: &'a str, root: &'a Element) -> Self {
        Self {
            library: Library::new(file, root),
            root,
            target_namespace: root.attribute("", "targetNamespace").unwrap_or_default(),
        }
    }

    pub(super) fn contract(&self) -> Result<Contract, PolicyError> {
        let mut ports = Vec::new();
        for service in children(self.root, "service") {
            for port in children(service, "port") {
                ports.extend(self.port(service, port)?);
            }
        }
        if ports.is_empty() {
            return Err(PolicyError::NoPort { file: self.library.file.to_owned() });
        }
        Ok(Contract { ports })
    }

    /// Reads a port; `None` where its binding is not one to SOAP.
    fn port(&self, service: &'a Element, port: &'a Element) -> Result<Option<Port>, PolicyError> {
        let binding = self.named(port, "binding", "binding")?;
        let Some((soap, extension)) = [names::WSDL_SOAP_11, names::WSDL_SOAP_12]
            .into_iter()
            .find_map(|soap| binding.child(soap, "binding").map(|extension| (soap, extension)))
        else {
            return Ok(None);
        };
        let (alternatives, operations) = match self.bound(service, port, binding, extension) {
            Ok((alternatives, operations)) => (Ok(alternatives), operations),
            Err(error) => (Err(error), Vec::new()),
        };
        Ok(Some(Port {
            name: self.attribute(port, "name")?.to_owned(),
            soap: if soap == names::WSDL_SOAP_11 { SoapVersion::V11 } else { SoapVersion::V12 },
            address: port
                .child(soap, "address")
                .and_then(|address| address.attribute("", "location"))
                .map(str::to_owned),
            alternatives,
            operations,
        }))
    }

    /// Reads what may fail for one port alone: its policies and operations.
    fn bound(
        &self,
        service: &'a Element,
        port: &'a Element,
        binding: &'a Element,
        extension: &'a Element,
    ) -> Result<(Vec<Policy>, Vec<Operation>), PolicyError> {
        self.transport(extension)?;
        let port_type = self.named(binding, "type", "portType")?;
        let bound = Bound { port_type, soap: extension.namespace.as_str(), style: extension.attribute("", "style") };
        let (mut operations, mut scoped) = (Vec::new(), Vec::new());
        for operation in children(binding, "operation") {
            operations.push(self.operation(&bound, operation, &mut scoped)?);
        }
        let alternatives = self.alternatives(&[service, port, binding, port_type], &mut operations, &scoped)?;
        Ok((alternatives, operations))
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
        operations: &mut [Operation],
        scoped: &[Scoped<'a>],
    ) -> Result<Vec<Policy>, PolicyError> {
        let [_, port, binding, _] = attached;
        let endpoint = attach::effective(&self.library, binding, attached)?;
        let lifted = attach::lift(&self.library, scoped, &endpoint, operations)?;
        let effective = normal::merge(&self.library, binding, vec![endpoint, lifted])?;
        let mut alternatives = policies(&self.library, binding, &effective)?;
        // `wsaw:UsingAddressing` may also stand in the binding or the port itself, as an extension of WSDL.
        let extension =
            binding.elements().chain(port.elements()).find_map(engaged_addressing).unwrap_or(Addressing::None);
        let mut messages = operations.iter().flat_map(Operation::messages);
        if messages.any(|message| {
            (alternatives.is_empty() || !message.protected)
                && (!message.parts.is_empty() || !message.supporting.is_empty())
        }) {
            // Parts and tokens that nothing would protect are a mistake, not a wish for messages in clear.
            let within = format!("binding {}", self.attribute(binding, "name")?);
            return Err(PolicyError::Missing { at: self.place(binding), what: "security binding", within });
        }
        let messages: Vec<&Parts> =
            operations.iter().flat_map(Operation::messages).map(|message| &message.parts).collect();
        for policy in &mut alternatives {
            settle_addressing(policy, extension, &messages);
        }
        Ok(alternatives)
    }

    /// Reads an operation; what the policies of its messages say is added to `scoped`, in the order of its messages.
    fn operation(
        &self,
        bound: &Bound<'a>,
        operation: &'a Element,
        scoped: &mut Vec<Scoped<'a>>,
    ) -> Result<Operation, PolicyError> {
        let name = self.attribute(operation, "name")?;
        let Some(abstracted) = overload(bound.port_type, operation, name) else {
            let (at, name) = (self.place(operation), name.to_owned());
            return Err(PolicyError::UnknownName { at, kind: "operation", name });
        };
        let extension = operation.child(bound.soap, "operation");
        let style = extension.and_then(|extension| extension.attribute("", "style")).or(bound.style);
        let mut common = Scoped::default();
        attach::scoped(&self.library, &[operation, abstracted], &mut common)?;
        let context = Context { definitions: self, bound, name, rpc: style == Some("rpc"), common };

        let output = abstracted.child(names::WSDL, "output");
        let Some(input) = abstracted.child(names::WSDL, "input") else {
            return Err(PolicyError::Missing {
                at: self.place(abstracted),
                what: "input",
                within: format!("operation {name}"),
            });
        };
        let soap_action = extension.and_then(|extension| extension.attribute("", "soapAction")).map(str::to_owned);
        let role = Role::Input { name: input.attribute("", "name"), one_way: output.is_none() };
        let mut request = context.message(input, operation.child(names::WSDL, "input"), role, scoped)?;
        // In the absence of a declared action a SOAP action is the action (WS-Addressing 1.0 Metadata, section 4.4.1).
        if let (None, Some(soap_action)) =
            (declared_action(input), soap_action.as_deref().filter(|action| !action.is_empty()))
        {
            soap_action.clone_into(&mut request.action);
        }
        request.soap_action = soap_action;

        let response = match output {
            Some(output) => {
                let role = Role::Output(output.attribute("", "name"));
                Some(context.message(output, operation.child(names::WSDL, "output"), role, scoped)?)
            }
            None => None,
        };
        let mut faults = Vec::new();
        for fault in children(abstracted, "fault") {
            let fault_name = self.attribute(fault, "name")?;
            let concrete =
                children(operation, "fault").find(|concrete| concrete.attribute("", "name") == Some(fault_name));
            let message = context.message(fault, concrete, Role::Fault(fault_name), scoped)?;
            faults.push(FaultMessage { name: fault_name.to_owned(), message });
        }
        Ok(Operation { name: name.to_owned(), input: request, output: response, faults })
    }

    /// What an attribute of an element refers to among the definitions.
    fn named(
        &self,
        element: &'a Element,
        attribute: &'static str,
        kind: &'static str,
    ) -> Result<&'a Element, PolicyError> {
        let name = self.attribute(element, attribute)?;
        element
            .resolve(name)
            .filter(|(namespace, _)| *namespace == self.target_namespace)
            .and_then(|(_, local)| {
                children(self.root, kind).find(|definition| definition.attribute("", "name") == Some(local))
            })
            .ok_or_else(|| {
                let (at, name) = (self.place(element), name.to_owned());
                match children(self.root, "import").find_map(|import| import.attribute("", "location")) {
                    Some(location) => PolicyError::Imported { at, kind, name, location: location.to_owned() },
                    None => PolicyError::UnknownName { at, kind, name },
                }
            })
    }

    fn attribute(&self, element: &'a Element, attribute: &'static str) -> Result<&'a str, PolicyError> {
        element.attribute("", attribute).ok_or_else(|| PolicyError::Missing {
            at: self.place(element),
            what: attribute,
            within: element.local.clone(),
        })
    }

    fn place(&self, element: &Element) -> Place {
        Place::of(self.library.file, element)
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
        let message = self.definitions.named(abstracted, "message", "message")?;
        let mut policies = self.common.clone();
        let elements: Vec<&Element> = concrete.into_iter().chain([abstracted, message]).collect();
        attach::scoped(&self.definitions.library, &elements, &mut policies)?;
        let port_type = self.definitions.attribute(self.bound.port_type, "name")?;
        let action = declared_action(abstracted).map_or_else(
            || default_action(self.definitions.target_namespace, port_type, self.name, role),
            str::to_owned,
        );
        let fault = matches!(role, Role::Fault(_));
        let body = concrete.and_then(|concrete| concrete.child(self.bound.soap, "body"));
        let element = if self.rpc && !fault {
            let namespace = body.and_then(|body| body.attribute("", "namespace")).unwrap_or_default();
            let suffix = if matches!(role, Role::Output(_)) { "Response" } else { "" };
            Some((namespace.to_owned(), format!("{}{suffix}", self.name)))
        } else {
            self.element(message, body)?
        };
        let (parts, supporting) = (policies.parts.clone(), policies.supporting.clone());
        scoped.push(policies);
        Ok(Message { action, soap_action: None, element, parts, supporting, protected: true })
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

fn children<'a>(element: &'a Element, local: &'static str) -> impl Iterator<Item = &'a Element> {
    element.elements().filter(move |child| child.is(names::WSDL, local))
}

/// The operation of a port type that an operation of a binding means. Overloads are told apart by the names of
/// their messages (WSDL 1.1, section 2.5).
fn overload<'a>(port_type: &'a Element, operation: &Element, name: &str) -> Option<&'a Element> {
    let message_name = |operation: &'_ Element, kind: &str| {
        operation.child(names::WSDL, kind).and_then(|message| message.attribute("", "name")).map(str::to_owned)
    };
    let mut candidates =
        children(port_type, "operation").filter(|candidate| candidate.attribute("", "name") == Some(name));
    let first = candidates.next()?;
    let fits = |candidate: &Element| {
        ["input", "output"].into_iter().all(|kind| match message_name(operation, kind) {
            Some(name) => message_name(candidate, kind) == Some(name),
            None => true,
        })
    };
    if fits(first) { Some(first) } else { candidates.find(|candidate| fits(candidate)).or(Some(first)) }
}
