//! A route, told and judged.

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::trust::{Settings, Ways};
use nuncio_policy::authorise::{Authorisation, Pattern, Rule, Scope};
use nuncio_policy::explain::{Grade, explain};
use nuncio_policy::model::{Binding, Policy};
use nuncio_wss::{Faults, Form, Time};

use super::certificate::{Role, instant, look};
use super::report::{Findings, PolicyReport, RouteReport, SectionReport};
use super::{Named, is_here};
use crate::config::{Action, Backend, Balance, ByAction, ContractSettings, Identity, RouteSettings, StoreKind};
use crate::identity::Claim;

/// Tells a route, and finds what is weak in it. `users` are those that it names.
pub(super) fn look_at_route(route: &RouteSettings, users: &[Named], now: Time, findings: &mut Findings) -> RouteReport {
    let name = route.name();
    let about = format!("route {name}");
    let endpoint = &route.endpoint;
    let explained: Vec<_> = endpoint.alternatives.iter().map(|policy| explain(policy, &endpoint.operations)).collect();
    let policy = PolicyReport::new(&endpoint.name, &endpoint.soap, &explained, &about, findings);
    let section = |heading: &str, says: Vec<String>| SectionReport { heading: heading.to_owned(), says };
    let mut sections = vec![section("Backend", backend(&route.backend, "Messages", &about, findings))];
    for ByAction { actions, backend: own } in &route.by_action {
        let actions: Vec<String> = actions.iter().map(action).collect();
        let what = format!("Messages with the action {}", actions.join(" or "));
        sections.push(section("Backend of some actions", backend(own, &what, &about, findings)));
    }
    if route.faults == Faults::Sanitised {
        let says = "Their code and reason go on to the client; their details do not.";
        sections.push(section("Faults of the backend", vec![says.to_owned()]));
    }
    sections.extend([
        section("Who may call", callers(route, users, &about, findings)),
        section("What the backend is told", told(route)),
    ]);
    sections.push(section("Contract", vec![contract(route).to_owned()]));
    if !endpoint.is_plain() {
        sections.push(section("What is kept", kept(route)));
        sections.push(section("Addresses", vec![addresses(route, &about, findings)]));
    }

    let asymmetric = |policy: &Policy| matches!(policy.binding, Binding::Asymmetric(_));
    let begins = |policy: &Policy| policy.conversation().is_some_and(|token| asymmetric(&token.bootstrap));
    let signs = endpoint.alternatives.iter().any(|policy| asymmetric(policy) || begins(policy));
    let mut certificates = Vec::new();
    let mut see = |certificate: &Certificate, role| {
        certificates.push(look(certificate, role, now, &about, findings));
    };
    for Identity { certificate, tenure, .. } in &route.identities {
        // One that never signs is there for what is encrypted to it.
        let opens = endpoint.needs_identity();
        see(certificate, if tenure.activate.is_none() { Role::Encryption } else { Role::Service { signs, opens } });
    }
    for certificate in &route.trust.certificates {
        see(certificate, Role::Trust);
    }
    for certificate in route.backend.trust.iter().flat_map(|pem| Certificate::from_pem(pem).unwrap_or_default()) {
        see(&certificate, Role::Backend);
    }
    tenures(route, now, &about, findings);
    RouteReport { side: "ingress", name, path: route.path.to_string(), policy, sections, certificates }
}

/// What is odd about the time of the service's certificates.
fn tenures(route: &RouteSettings, now: Time, about: &str, findings: &mut Findings) {
    for Identity { certificate, tenure, .. } in &route.identities {
        let subject = certificate.subject();
        match (tenure.retire, tenure.activate) {
            (Some(retire), _) if retire <= now => {
                let text = format!("the certificate {subject:?} is retired since {}: it does nothing", instant(retire));
                findings.add(Grade::Note, about, text);
            }
            (_, Some(activate)) if activate > now => {
                let text = format!("the certificate {subject:?} signs from {} on", instant(activate));
                findings.add(Grade::Note, about, text);
            }
            _ => {}
        }
    }
    let signs = route.identities.iter().any(|identity| identity.tenure.signs(now).is_some());
    if route.endpoint.needs_identity() && !signs {
        findings.add(Grade::Danger, about, "no certificate of the service is active: nothing can be protected");
    }
}

fn action(action: &Action) -> String {
    match action {
        Action::Exact(action) => action.clone(),
        Action::Beginning(action) => format!("{action}*"),
    }
}

pub(super) fn backend(backend: &Backend, what: &str, about: &str, findings: &mut Findings) -> Vec<String> {
    let Backend { urls, trust, identity, balance, health, ejection, soap, .. } = backend;
    let mut says = Vec::new();
    for (url, weight) in urls {
        let share = if urls.len() > 1 { format!(", with weight {weight}") } else { String::new() };
        let way = if url.scheme() == "https" {
            "by TLS"
        } else if url.host_str().is_some_and(is_here) {
            "in clear, and stay on this machine"
        } else {
            let words = "is called in clear, and is not on this machine: whoever is between reads and alters messages, and who calls";
            findings.add(Grade::Warning, about, format!("the backend {url} {words}"));
            "in clear"
        };
        says.push(format!("{what} go to {url}{share}, {way}."));
    }
    if urls.iter().any(|(url, _)| url.scheme() == "https") {
        let against = if trust.is_some() { "the certificates given for it" } else { "the system's roots" };
        says.push(format!("The backend's certificate is checked against {against}."));
    }
    if identity.is_some() {
        says.push("It is shown a certificate of the gateway's.".to_owned());
    }
    if let Some(soap) = soap {
        let version = soap.number();
        says.push(format!("It is called in SOAP {version}, whichever version the client speaks."));
    }
    if urls.len() > 1 {
        says.push(match balance {
            Balance::LeastRequests => {
                "The one that is called next has fewer calls for its weight than another one.".to_owned()
            }
            Balance::RoundRobin => "They are called one after the other, by weight.".to_owned(),
        });
    }
    if let Some(health) = health {
        says.push(format!("Each is asked for {}, and is not called while it does not answer well.", health.path));
    }
    if let Some(ejection) = ejection {
        says.push(format!("One of which {} calls fail in a row is not called for a while.", ejection.failures));
    }
    says
}

fn callers(route: &RouteSettings, users: &[Named], about: &str, findings: &mut Findings) -> Vec<String> {
    let mut says = Vec::new();
    if route.endpoint.is_plain() {
        return vec!["Whoever reaches the route.".to_owned()];
    }
    if route.endpoint.admits_users() {
        let names: Vec<&str> = users.iter().map(|user| &*user.name).collect();
        says.push(match (names.is_empty(), route.users.is_empty()) {
            (false, _) => format!("By password: {}.", names.join(", ")),
            (true, false) => "By password: the users of its files.".to_owned(),
            (true, true) => "By password nobody: no user is named.".to_owned(),
        });
    }
    for user in users {
        if let Some(place) = &user.in_clear {
            let text = format!("the password of {} stands in clear at {place}: give it as `password_file`", user.name);
            findings.add(Grade::Warning, about, text);
        }
    }
    if route.endpoint.admits_certificates() {
        says.extend(believed(&route.trust));
        let issues = route.trust.ways != Ways::Peer && route.trust.certificates.iter().any(Certificate::is_authority);
        if issues && route.trust.revocation.is_none() {
            let text = "no revocation lists are asked of clients' certificates: a stolen one is good until it expires";
            findings.add(Grade::Note, about, text);
        }
    }
    if says.is_empty() {
        says.push("Whoever the policy lets in.".to_owned());
    }
    says.extend(rules(&route.authorisation));
    if by_action(&route.authorisation) && route.endpoint.operations.is_empty() {
        let text = "its rules (`authorise`) go by action, and no contract says which action is of which element in the body: \
            a backend that goes by the element alone is not bound by them; give the contract (`wsdl`), or the policy's \
            `operations`";
        findings.add(Grade::Warning, about, text);
    }
    if route.authorisation.rules.is_empty() {
        findings.add(Grade::Note, about, "there are no rules (`authorise`): whoever is let in may call every action");
    }
    says
}

/// Whose certificates are believed.
fn believed(trust: &Settings) -> Vec<String> {
    let mut says = Vec::new();
    for certificate in &trust.certificates {
        let subject = certificate.subject();
        match (certificate.is_authority(), trust.ways) {
            (true, Ways::Chain) => says.push(format!("By certificate: whoever has one under the authority {subject}.")),
            (true, Ways::PeerOrChain) => {
                says.push(format!("By certificate: whoever has one under the authority {subject}, or its own."));
            }
            (false, Ways::Chain) => {}
            _ => says.push(format!("By certificate: {subject}, with this very certificate.")),
        }
    }
    if !trust.thumbprints.is_empty() {
        says.push(format!("By certificate: whoever has one of {} thumbprints.", trust.thumbprints.len()));
    }
    if !(trust.allow.is_empty() && trust.deny.is_empty() && trust.issuers.is_empty()) {
        says.push("Of these, whose names and issuer are ones that `trust` lets in.".to_owned());
    }
    if trust.revocation.is_some() {
        says.push("A certificate that is on a revocation list is refused.".to_owned());
    }
    says
}

/// Whether it makes a difference to some rule which action is called.
fn by_action(authorisation: &Authorisation) -> bool {
    authorisation.rules.iter().any(|rule| {
        let (Rule::Allow(scope) | Rule::Deny(scope)) = rule;
        !scope.actions.is_empty()
    })
}

/// Who may call what, rule by rule.
fn rules(authorisation: &Authorisation) -> Vec<String> {
    let Authorisation { roles, rules } = authorisation;
    if rules.is_empty() {
        return vec!["Each of them may call every action.".to_owned()];
    }
    let mut says = Vec::new();
    for (role, members) in roles {
        let members = [list("user", &members.users), list("subject", &members.subjects)].concat();
        says.push(format!("The role {role} have: {}.", or_nobody(&members)));
    }
    says.push("The first of these rules that is about a call decides:".to_owned());
    for (number, rule) in rules.iter().enumerate() {
        let (verb, scope) = match rule {
            Rule::Allow(scope) => ("may call", scope),
            Rule::Deny(scope) => ("may not call", scope),
        };
        says.push(format!("{}. {} {verb} {}.", number + 1, whom(scope), actions(scope)));
    }
    says.push(format!("{}. Nobody else may call anything.", rules.len() + 1));
    says
}

fn whom(Scope { users, subjects, roles, anonymous, .. }: &Scope) -> String {
    let mut whom = [list("user", users), list("subject", subjects)].concat();
    whom.extend(roles.iter().map(|role| format!("role {role}")));
    if *anonymous {
        whom.push("whoever proved nothing".to_owned());
    }
    if whom.is_empty() { "Everybody".to_owned() } else { whom.join(", ") }
}

fn actions(scope: &Scope) -> String {
    if scope.actions.is_empty() {
        return "every action".to_owned();
    }
    scope.actions.iter().map(Pattern::to_string).collect::<Vec<_>>().join(", ")
}

fn list(what: &str, patterns: &[impl std::fmt::Display]) -> Vec<String> {
    patterns.iter().map(|pattern| format!("{what} {pattern}")).collect()
}

fn or_nobody(members: &[String]) -> String {
    if members.is_empty() { "nobody".to_owned() } else { members.join(", ") }
}

fn kept(route: &RouteSettings) -> Vec<String> {
    let (conversations, claims) = match route.store {
        StoreKind::Memory => (
            "Conversations are kept in this process, and end with it.",
            "So is which messages were taken: after a start those that were made before are not taken.",
        ),
        StoreKind::Disk => (
            "Conversations are kept in the state directory, sealed: they outlive the process and the machine's start.",
            "So is which messages were taken.",
        ),
        StoreKind::Redis => (
            "Conversations are kept in Redis, sealed, for all gateways that have the key ring.",
            "So is which messages were taken: without Redis none is.",
        ),
        StoreKind::Cookie => (
            "Conversations are kept by their clients, sealed, for all gateways that have the key ring.",
            "Which messages were taken is kept in Redis or the state directory, where there is one, or else in this process.",
        ),
    };
    vec![conversations.to_owned(), claims.to_owned()]
}

fn told(route: &RouteSettings) -> Vec<String> {
    if route.endpoint.is_plain() {
        return vec!["What the client sent, and nothing of who calls.".to_owned()];
    }
    let mut says = Vec::new();
    for (claim, header) in &route.telling.headers {
        let what = match claim {
            Claim::Principal => "the user's name, or the subject of the certificate",
            Claim::Conversation => "an opaque id, the same in each call of a conversation",
            Claim::Proof => "how it was proved who calls",
            Claim::Roles => "the caller's roles",
            Claim::Issuer => "the issuer of the certificate",
            Claim::Thumbprint => "the SHA-1 of the certificate",
        };
        says.push(format!("In the header {header}: {what}."));
    }
    match route.telling.soap {
        Some(Form::Identity) => {
            says.push("In the message: all that is known of the caller, as a block Identity.".to_owned());
        }
        Some(Form::UsernameToken) => says.push("In the message: the caller's name, as a UsernameToken.".to_owned()),
        None => {}
    }
    if says.is_empty() {
        says.push("Nothing of who calls.".to_owned());
    }
    if route.forward_addressing {
        says.push("The headers of WS-Addressing.".to_owned());
    }
    if route.trace {
        says.push("A trace: the client's, or one that begins here.".to_owned());
    }
    says
}

fn contract(route: &RouteSettings) -> &'static str {
    match route.contract {
        ContractSettings::None => "None is published.",
        ContractSettings::Documents(_) => "Clients may ask for it, at ?wsdl: that of the route's file.",
        ContractSettings::Backend => "Clients may ask for it, at ?wsdl: the one that the backend publishes.",
    }
}

fn addresses(route: &RouteSettings, about: &str, findings: &mut Findings) -> String {
    if route.addresses.is_empty() {
        findings.add(
            Grade::Note,
            about,
            "no `addresses` are named: a message that was sent to another service is taken, where keys or users are the same",
        );
        return "Messages are taken wherever they say that they go.".to_owned();
    }
    format!("Messages are taken that go to {}.", route.addresses.join(", "))
}
