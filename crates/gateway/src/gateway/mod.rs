//! Which handler gets which request, and what holds for all of them.

mod answer;
mod handler;
mod sockets;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{mpsc, oneshot};

use self::answer::{Site, answer};
pub use self::handler::{Handler, Route};
pub use self::sockets::{Bound, CannotListen, Sockets, bind};
use crate::admin::Admin;
use crate::config::{AdminSettings, Configuration, ConnectionLimits, ListenerSettings, Timeouts};
use crate::egress;
use crate::handover::{self, Inherited, Told};
use crate::listen::{self, Listener, Serving};
use crate::load::Load;
use crate::metrics::Traffic;
use crate::route::{self, RouteError, Service};
use crate::world::World;

/// Everything that serving needs. Sockets and the end are given, so that a test can choose both.
pub struct Parts<H, R, S> {
    /// Bound sockets.
    pub listeners: Vec<Listener>,
    /// The routes; of two with one host and path the last counts.
    pub routes: Vec<Route<H>>,
    /// What a connection may cost.
    pub connections: ConnectionLimits,
    /// How long a peer may keep us waiting.
    pub timeouts: Timeouts,
    /// Where connections and requests are counted.
    pub traffic: Traffic,
    /// What shall be served instead, each from when it comes.
    pub changes: mpsc::Receiver<Change<H>>,
    /// Called once, when connections are accepted.
    pub ready: R,
    /// Completes when serving shall end: what is in flight is then answered, and nothing new taken.
    pub shutdown: S,
}

/// What shall be served from some moment on, instead of what was served.
pub struct Change<H> {
    /// Bound sockets; of those that were there already, the same ones.
    pub listeners: Vec<Listener>,
    /// The admin listener, on the socket that it has, if there is one.
    pub admin: Option<Listener>,
    /// The routes.
    pub routes: Vec<Route<H>>,
    /// How long a peer may keep us waiting.
    pub timeouts: Timeouts,
    /// Who is told when it is so.
    pub made: oneshot::Sender<()>,
}

/// A gateway, ready to be served: what `run`, `proxy`, the demonstration and the tests have in common.
pub struct Gateway {
    listeners: Vec<ListenerSettings>,
    routes: Vec<Route<Service>>,
    admin: Option<AdminSettings>,
    world: Arc<World>,
    connections: ConnectionLimits,
    timeouts: Timeouts,
}

impl Gateway {
    /// Compiles a configuration's routes, which share `world`.
    pub fn build(configuration: Configuration, world: &Arc<World>) -> Result<Self, RouteError> {
        let Configuration {
            listeners,
            routes,
            egress,
            admin,
            connections,
            lifetimes,
            timeouts,
            stores: _,
            keeping: _,
            tracing: _,
            files: _,
        } = configuration;
        let compile = |route| route::compile(route, world, &timeouts, &lifetimes);
        let mut routes: Vec<_> = routes.into_iter().map(compile).collect::<Result<_, _>>()?;
        for settings in egress {
            routes.push(egress::compile(settings, world, &timeouts, &lifetimes)?);
        }
        Ok(Self { listeners, routes, admin, world: Arc::clone(world), connections, timeouts })
    }

    /// Binds its sockets.
    pub async fn bind(&self) -> Result<Sockets, CannotListen> {
        self.bind_among(&mut Inherited::default()).await
    }

    /// The same, where some of them may have been passed. What is left of these is nobody's.
    pub async fn bind_among(&self, inherited: &mut Inherited) -> Result<Sockets, CannotListen> {
        Sockets::bind(&self.listeners, self.admin.as_ref(), inherited).await
    }

    /// What a gateway that serves on `bound` changes to become this one; `made` is told when it has. What may not change has
    /// been compared.
    pub(crate) async fn change(
        self,
        bound: &mut Bound,
        made: oneshot::Sender<()>,
    ) -> Result<Change<Service>, CannotListen> {
        let (listeners, admin) = bound.change(&self.listeners, self.admin.as_ref()).await?;
        self.connect_ahead();
        Ok(Change { listeners, admin, routes: self.routes, timeouts: self.timeouts, made })
    }

    /// Opens connections to all backends for those who will call.
    fn connect_ahead(&self) {
        self.routes.iter().for_each(|route| route.handler.connect_ahead());
    }

    /// Serves on `sockets` as [`serve`] does. The admin listener is there before and until after: it tells of the drain.
    pub async fn serve(
        self,
        sockets: Sockets,
        mut changes: mpsc::Receiver<Change<Service>>,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()>,
    ) -> usize {
        self.connect_ahead();
        let Self { routes, world, connections, timeouts, admin: watching, .. } = self;
        let Sockets { listeners, admin, .. } = sockets;
        let (traffic, spans, kept) = (world.metrics.traffic(), world.spans.clone(), Arc::clone(&world));
        let ending = Arc::clone(&world);
        let (token, open) = watching.map_or((None, false), |admin| (admin.token, admin.open));
        let at = admin.as_ref().and_then(|listener| listener.socket.local_addr().ok());
        let state = Arc::new(Admin::new(world, token, open, at));
        let (over, is_over) = oneshot::channel::<()>();
        let (passing, passed) = mpsc::channel(1);
        let (watching, watched_anew) = mpsc::channel(1);
        // What is watched over changes first: who is told that all is changed finds it so.
        let pass = async {
            while let Some(mut change) = changes.recv().await {
                if let Some(admin) = change.admin.take() {
                    let (made, is_made) = oneshot::channel();
                    let _ = watching.send(Admin::change(admin, &change.timeouts, made)).await;
                    let _ = is_made.await;
                }
                let _ = passing.send(change).await;
            }
            std::future::pending().await
        };
        let watched = async {
            if let Some(listener) = admin {
                let until = async { is_over.await.unwrap_or_default() };
                Box::pin(state.serve(listener, &timeouts, watched_anew, until)).await;
            }
        };
        let served = async {
            let ready = || {
                state.serves(true);
                ready();
            };
            let shutdown = async {
                shutdown.await;
                ending.end();
                state.serves(false);
                handover::tell(&Told::Stopping);
                // Whoever asks whether it is ready sends nobody any more; who was sent still finds it.
                tokio::time::sleep(timeouts.drain_delay).await;
            };
            let timeouts = timeouts.clone();
            let cut =
                serve(Parts { listeners, routes, connections, timeouts, traffic, changes: passed, ready, shutdown })
                    .await;
            drop(over);
            cut
        };
        let cut = tokio::select! {
            (cut, ()) = Box::pin(async { tokio::join!(served, watched) }) => cut,
            cut = pass => cut,
        };
        kept.settle().await;
        spans.end().await;
        cut
    }
}

/// Serves until `shutdown`, and drains. Returns how many connections had to be cut because they outlived the drain.
pub async fn serve<H, R, S>(parts: Parts<H, R, S>) -> usize
where
    H: Handler,
    R: FnOnce(),
    S: Future<Output = ()>,
{
    let Parts { listeners, routes, connections, timeouts, traffic, mut changes, ready, shutdown } = parts;
    let load = Load::new(&connections);
    let site = Arc::new(ArcSwap::from_pointee(Site::new(routes, timeouts.clone(), traffic.clone(), &load)));
    let router = Router::new().fallback(answer::<H>).with_state(Arc::clone(&site));
    let (listening, listened) = mpsc::channel(1);
    let change = async {
        while let Some(Change { listeners, routes, timeouts, made, .. }) = changes.recv().await {
            // What is served first: a connection to a new listener must not find what was served before.
            site.store(Arc::new(Site::new(routes, timeouts.clone(), traffic.clone(), &load)));
            let _ = listening.send(listen::Change { listeners, timeouts, made }).await;
        }
        std::future::pending().await
    };
    let serving = Serving { listeners, router, connections, timeouts, traffic: traffic.clone() };
    tokio::select! {
        cut = listen::serve(serving, ready, listened, shutdown) => cut,
        cut = change => cut,
    }
}
