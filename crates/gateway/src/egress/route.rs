//! From a route's settings to what serves it.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Egress;
use super::line::Line;
use super::material::Material;
use super::prepared::{Preparing, farewell};
use super::registry::key;
use crate::config::{EgressPolicy, EgressSettings, Lifetimes, Timeouts};
use crate::gateway::Route;
use crate::listen::Side;
use crate::route::{RouteError, RouteProblem, Service};
use crate::upstream::{Before, Upstream};
use crate::world::World;

/// Makes an egress route of its settings.
pub(crate) fn compile(
    settings: EgressSettings,
    world: &Arc<World>,
    timeouts: &Timeouts,
    lifetimes: &Lifetimes,
) -> Result<Route<Service>, RouteError> {
    let origin = settings.origin.clone();
    let fail = |problem: RouteProblem| RouteError { origin: origin.clone(), problem };
    let body_bytes = settings.limits.body_bytes;
    let key = key(&settings, lifetimes);
    let line = Arc::new(line(&settings, world, timeouts).map_err(&fail)?);
    let limits = settings.limits.message();
    let (hosts, path) = (settings.hosts.clone(), settings.path.clone());
    let pages = !(settings.is_open() && settings.hosts.is_empty());
    let (warm, repeat, trace) = (settings.warm, settings.repeat, settings.trace);
    let keeper = world.keeper(settings.store).map_err(RouteProblem::from).map_err(&fail)?;
    let (policy, material) = Material::of(settings, lifetimes, keeper);
    let reached = Arc::new(ArcSwap::new(Arc::clone(&line)));
    let make = || match policy {
        EgressPolicy::Known(endpoint) => {
            Ok(Preparing::known(material.callers(&endpoint, farewell(&reached))?, reached))
        }
        EgressPolicy::Published(published) => Ok(Preparing::published(published, material, reached)),
    };
    let preparing = world.egress.take(key, make).map_err(fail)?;
    let handler = Service::Egress(Box::new(Egress { limits, line, preparing, repeat, warm, trace, pages }));
    Ok(Route { side: Side::Egress, hosts, path, contract: None, handler, body_bytes })
}

/// How the service of a route is reached.
pub(super) fn line(settings: &EgressSettings, world: &Arc<World>, timeouts: &Timeouts) -> Result<Line, RouteProblem> {
    // The other side may have a route of that name.
    let name = format!("egress {}", settings.name());
    let metrics = world.metrics.route(&name);
    let (limit, fault_limit) = (settings.limits.body_bytes, settings.limits.fault_bytes);
    let before = Before { route: &name, limit, fault_limit, sealed: true, timeouts, metrics: &metrics };
    let upstream = Upstream::new(&settings.service, &before, &mut HashSet::new())?;
    let contexts = world.metrics.contexts(&name);
    let (_, claims) = world.store(settings.store).ok_or(RouteProblem::NoStore)?;
    Ok(Line { name, upstream, metrics, contexts, world: Arc::clone(world), claims, recorder: None })
}
