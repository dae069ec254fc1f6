//! The sockets of a gateway: bound, passed by another process, or kept where one gateway goes on where another listened.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::net::TcpListener;

use crate::admin;
use crate::config::{AdminSettings, ListenerSettings, Origin, Protection};
use crate::handover::{self, Inherited};
use crate::listen::Listener;

/// A socket that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: cannot listen on {address}: {reason}")]
pub struct CannotListen {
    origin: Origin,
    address: String,
    reason: std::io::Error,
}

/// Binds a listener's socket.
pub async fn bind(settings: &ListenerSettings) -> Result<Listener, CannotListen> {
    bind_among(settings, &mut Inherited::default()).await
}

/// The same, where the socket may be among those that were passed.
async fn bind_among(settings: &ListenerSettings, inherited: &mut Inherited) -> Result<Listener, CannotListen> {
    let address = &settings.address;
    let socket = handover::bind(&address.value, &settings.binding, inherited).await;
    let socket = socket.map_err(|reason| CannotListen {
        origin: address.origin.clone(),
        address: address.value.clone(),
        reason,
    })?;
    Ok(speak(settings, Arc::new(socket)))
}

/// What a listener speaks, on a socket that is bound.
fn speak(settings: &ListenerSettings, socket: Arc<TcpListener>) -> Listener {
    let (tls, tls_terminated_by) = match &settings.protection {
        Protection::Clear { tls_terminated_by } => (None, tls_terminated_by.clone()),
        Protection::Tls { config, .. } => (Some(Arc::clone(config)), Vec::new()),
    };
    let (reuse_port, side) = (settings.binding.reuse_port, settings.side);
    Listener { socket, reuse_port, tls, tls_terminated_by, side }
}

/// Which sockets are bound, so that one gateway can go on where another listens. It does not keep them open.
#[derive(Debug, Default)]
pub struct Bound {
    listeners: HashMap<String, Weak<TcpListener>>,
    /// The admin listener's, which is nobody else's.
    admin: Weak<TcpListener>,
}

impl Bound {
    /// The sockets of `listeners`: the one that is there where one is there already.
    async fn bind(
        &mut self,
        listeners: &[ListenerSettings],
        inherited: &mut Inherited,
    ) -> Result<Vec<Listener>, CannotListen> {
        let mut bound = Vec::with_capacity(listeners.len());
        for settings in listeners {
            let address = &settings.address.value;
            let listener = match self.listeners.get(address).and_then(Weak::upgrade) {
                Some(socket) => speak(settings, socket),
                None => bind_among(settings, inherited).await?,
            };
            self.listeners.insert(address.clone(), Arc::downgrade(&listener.socket));
            bound.push(listener);
        }
        Ok(bound)
    }

    /// The sockets of a gateway that takes the place of the one that has these: its listeners', and the admin listener's, which
    /// stays where it is.
    pub(super) async fn change(
        &mut self,
        listeners: &[ListenerSettings],
        admin: Option<&AdminSettings>,
    ) -> Result<(Vec<Listener>, Option<Listener>), CannotListen> {
        let listeners = self.bind(listeners, &mut Inherited::default()).await?;
        let admin = admin.zip(self.admin.upgrade());
        Ok((listeners, admin.map(|(settings, socket)| speak(&settings.listener, socket))))
    }
}

/// The sockets of a gateway.
pub struct Sockets {
    /// Its listeners', in their order.
    pub listeners: Vec<Listener>,
    /// The admin listener's, if it has one.
    pub admin: Option<Listener>,
    /// Which they are.
    bound: Bound,
}

impl Sockets {
    /// Binds them, where some may have been passed.
    pub(super) async fn bind(
        listeners: &[ListenerSettings],
        admin: Option<&AdminSettings>,
        inherited: &mut Inherited,
    ) -> Result<Self, CannotListen> {
        let mut bound = Bound::default();
        let listeners = bound.bind(listeners, inherited).await?;
        let admin = match admin {
            Some(settings) => {
                let admin = bind_among(&settings.listener, inherited).await?;
                bound.admin = Arc::downgrade(&admin.socket);
                admin::warn(settings, admin.socket.local_addr().ok());
                Some(admin)
            }
            None => None,
        };
        Ok(Self { listeners, admin, bound })
    }

    /// Which they are, for who changes them later.
    pub fn take_bound(&mut self) -> Bound {
        std::mem::take(&mut self.bound)
    }
}
