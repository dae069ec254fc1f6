//! A route on which plain programs call a protected service, told and judged.

use nuncio_crypto::certificate::Certificate;
use nuncio_policy::explain::{Grade, explain};
use nuncio_wss::{PolicyReading, Time};

use super::certificate::{Role, look};
use super::is_here;
use super::report::{Findings, PolicyReport, RouteReport, SectionReport};
use super::route::backend;
use crate::config::{CallerProof, EgressPolicy, EgressSettings, Endpoint, StoreKind, Tokens};

/// Tells a route, and finds what is weak in it.
pub(super) fn look_at_egress(route: &EgressSettings, now: Time, findings: &mut Findings) -> RouteReport {
    let name = route.name();
    let about = format!("egress route {name}");
    let section = |heading: &str, says: Vec<String>| SectionReport { heading: heading.to_owned(), says };
    let policy = match &route.policy {
        EgressPolicy::Known(endpoint) => {
            let explained: Vec<_> =
                endpoint.alternatives.iter().map(|policy| explain(policy, &endpoint.operations)).collect();
            PolicyReport::new(&endpoint.name, &endpoint.soap, &explained, &about, findings)
        }
        EgressPolicy::Published(published) => {
            let host = published.url.host_str().unwrap_or_default();
            if published.url.scheme() != "https" && !is_here(host) {
                let text = "the service's contract comes in clear: whoever is between writes the policy";
                findings.add(Grade::Danger, &about, text);
            }
            PolicyReport::published(published.url.as_str())
        }
    };
    if let EgressPolicy::Known(endpoint) = &route.policy {
        find_untold(route, endpoint, &about, findings);
    }
    let mut service = backend(&route.service, "Messages", &about, findings);
    if route.service.urls.iter().all(|(url, _)| url.as_str() != route.to) {
        service.push(format!("They are addressed to {}.", route.to));
    }
    service.push(match route.reading {
        PolicyReading::Wcf => "Where stacks read a policy in two ways, it reads its as WCF does.".to_owned(),
        PolicyReading::Letter => "Where stacks read a policy in two ways, it reads its by the letter.".to_owned(),
    });
    let conversations = [
        match (route.warm, route.pass_through) {
            (true, false) => "One is begun before anybody calls.",
            // Whose passwords are not known.
            (true, true) if !route.callers.is_empty() => {
                "Those of callers that are named are begun before anybody calls."
            }
            (_, true) => "One is begun with the first call of each caller.",
            (false, false) => "One is begun with the first call.",
        },
        "Another is begun, or the same renewed, before its time is over.",
        if route.repeat {
            "A call in one that the service does not know any more is made once more in another."
        } else {
            "A call in one that the service does not know any more fails."
        },
        match route.store {
            StoreKind::Disk => "They are kept on disk: a start goes on in them, and none is cancelled at the end.",
            StoreKind::Redis => {
                "They are kept in Redis: gateways have them together, and none is cancelled at the end."
            }
            StoreKind::Memory | StoreKind::Cookie => "They are kept in this process, and end with it.",
        },
    ];
    let sections = vec![
        section("Service", service),
        section("Who may call, and as whom", callers(route)),
        section("Conversations", conversations.map(str::to_owned).to_vec()),
    ];
    let mut certificates = Vec::new();
    let mut see = |certificate: &Certificate, role| certificates.push(look(certificate, role, now, &about, findings));
    if let Some(certificate) = &route.certificate {
        see(certificate, Role::Service { signs: false, opens: true });
    }
    let own = route.callers.iter().map(|caller| &caller.tokens).chain([&route.tokens]);
    for identity in own.filter_map(|tokens| tokens.identity.as_ref()) {
        see(&identity.certificate, Role::Client);
    }
    for certificate in route.service.trust.iter().flat_map(|pem| Certificate::from_pem(pem).unwrap_or_default()) {
        see(&certificate, Role::Backend);
    }
    RouteReport { side: "egress", name, path: route.path.to_string(), policy, sections, certificates }
}

/// Finds as whom the service is said to be called and does not ask.
fn find_untold(route: &EgressSettings, endpoint: &Endpoint, about: &str, findings: &mut Findings) {
    let tokens = || route.callers.iter().map(|caller| &caller.tokens).chain([&route.tokens]);
    let (users, names) = (endpoint.admits_users(), endpoint.takes_names_alone());
    for (what, said, asked) in [
        ("a user", tokens().any(|tokens| tokens.user.is_some()), users || names),
        ("a certificate", tokens().any(|tokens| tokens.identity.is_some()), endpoint.admits_certificates()),
    ] {
        if said && !asked {
            let text =
                format!("{what} is said as whom the service is called, whose policy has none: it is not told of that");
            findings.add(Grade::Warning, about, text);
        }
    }
}

/// Who may call, and as whom the service is called then.
fn callers(route: &EgressSettings) -> Vec<String> {
    let own = as_whom(&route.tokens).unwrap_or_else(|| "nobody in particular".to_owned());
    let mut says = Vec::new();
    for caller in &route.callers {
        let by = match caller.proof {
            CallerProof::Basic(_) => "a user name and password",
            CallerProof::Bearer(_) => "a token",
            CallerProof::Certificate(_) => "a certificate",
        };
        let whom = as_whom(&caller.tokens).unwrap_or_else(|| own.clone());
        says.push(format!("{}, known by {by}: for him the service is called as {whom}.", caller.name));
    }
    if route.pass_through {
        says.push("Whoever brings a user name and password: the service is called with these.".to_owned());
    } else if route.callers.is_empty() {
        says.push(format!("Whoever reaches the listener: the service is called as {own}."));
    }
    says
}

fn as_whom(tokens: &Tokens) -> Option<String> {
    let user = tokens.user.as_ref().map(|(name, _)| format!("the user {name}"));
    let holder = tokens.identity.as_ref().map(|identity| format!("the holder of {}", identity.certificate.subject()));
    match (user, holder) {
        (Some(user), Some(holder)) => Some(format!("{user} and {holder}")),
        (user, holder) => user.or(holder),
    }
}
