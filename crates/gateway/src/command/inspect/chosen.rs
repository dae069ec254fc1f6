//! Which route of a configuration a message is held to.

use super::capture::Capture;
use crate::command::Failed;
use crate::config::{EgressSettings, RoutePath, RouteSettings};

/// What routes of the other side are called, as logs and metrics have them: both sides may have a route of one name.
const EGRESS: &str = "egress ";

/// A route.
pub(super) enum Chosen {
    /// One that clients with security call.
    Ingress(Box<RouteSettings>),
    /// One on which plain programs call a protected service.
    Egress(Box<EgressSettings>),
}

/// The route that is meant: the one that is `wanted`; else the only one with the path of a request among `captures`, or that is
/// there at all.
pub(super) fn choose(
    ingress: Vec<RouteSettings>,
    egress: Vec<EgressSettings>,
    wanted: Option<&str>,
    captures: &[&Capture],
) -> Result<Chosen, Failed> {
    let ingress = ingress.into_iter().map(|route| Chosen::Ingress(Box::new(route)));
    let mut all: Vec<Chosen> = ingress.chain(egress.into_iter().map(|route| Chosen::Egress(Box::new(route)))).collect();
    let names = all.iter().map(Chosen::name).collect::<Vec<_>>().join(", ");
    let at = match wanted {
        Some(wanted) => all.iter().position(|route| route.is_called(wanted)),
        None if all.len() == 1 => Some(0),
        None => {
            let path = captures.iter().find_map(|capture| capture.request()).map(|(_, path)| path);
            path.and_then(|path| {
                let closest = all.iter().filter_map(|route| route.fit(path)).max().filter(|fit| *fit > 0);
                let closest = |route: &Chosen| closest.is_some() && route.fit(path) == closest;
                only(&all, &[&closest, &|route| route.calls(path), &|route| route.fit(path).is_some()])
            })
        }
    };
    at.map(|at| all.swap_remove(at)).ok_or_else(|| match wanted {
        Some(wanted) => Failed::Step(format!("--route: there is no route {wanted:?}, only {names}")),
        None => Failed::Step(format!("--route: name one of {names}")),
    })
}

/// Where the one stands that is such, in the first way in which any is; `None` where there are several, or none.
fn only(all: &[Chosen], ways: &[&dyn Fn(&Chosen) -> bool]) -> Option<usize> {
    let found = |is: &&dyn Fn(&Chosen) -> bool| -> Vec<usize> { (0..all.len()).filter(|&at| is(&all[at])).collect() };
    let first = ways.iter().map(found).find(|found| !found.is_empty())?;
    <[usize; 1]>::try_from(first).ok().map(|[at]| at)
}

impl Chosen {
    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Ingress(route) => route.name(),
            Self::Egress(route) => format!("{EGRESS}{}", route.name()),
        }
    }

    /// Whether somebody who says that means it: its name as the logs have it, or its path. Without the word for the side a name
    /// is one of the ingress, where there is such a route: those come first.
    fn is_called(&self, wanted: &str) -> bool {
        let is = |name: String, path: &RoutePath, wanted: &str| name == wanted || path.to_string() == wanted;
        match self {
            Self::Ingress(route) => is(route.name(), &route.path, wanted),
            Self::Egress(route) => is(route.name(), &route.path, wanted.strip_prefix(EGRESS).unwrap_or(wanted)),
        }
    }

    /// How closely its path fits that of a request; its hosts are not looked at.
    fn fit(&self, path: &str) -> Option<usize> {
        match self {
            Self::Ingress(route) => route.path.fit(path),
            Self::Egress(route) => route.path.fit(path),
        }
    }

    /// Whether its service is called at that path.
    fn calls(&self, path: &str) -> bool {
        match self {
            Self::Ingress(_) => false,
            Self::Egress(route) => route.service.urls.iter().any(|(url, _)| url.path() == path),
        }
    }
}
