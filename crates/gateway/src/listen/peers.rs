//! How many connections or requests each peer has: one client must not take every place.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by peer.
#[derive(Debug, Default)]
pub(crate) struct Peers(Mutex<HashMap<IpAddr, usize>>);

/// What was counted, until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    /// Counts one more of `peer`, if it has fewer than `limit`.
    pub(crate) fn count(self: &Arc<Self>, peer: IpAddr, limit: usize) -> Option<Counted> {
        let peer = network(peer);
        let mut open = self.lock();
        let count = open.entry(peer).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Counted { peers: Arc::clone(self), peer })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Every change under the lock is whole before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.peers.lock();
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

/// Who counts as one peer: an address of IPv4, also where IPv6 writes it; 64 bits of IPv6, which one site has to itself.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_own_count() {
        let peers = Arc::new(Peers::default());
        let of = |text: &str| peers.count(text.parse().unwrap(), 2);
        let (first, second) = (of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some() && of("192.0.2.1").is_none());
        assert!(of("192.0.2.2").is_some());
        drop(first);
        assert!(of("192.0.2.1").is_some());
        drop(second);
        let site = (of("2001:db8::1"), of("2001:db8::2"));
        assert!(site.0.is_some() && site.1.is_some() && of("2001:db8::3").is_none());
        assert!(of("2001:db8:0:1::1").is_some());
        drop(site);
        assert!(peers.lock().is_empty(), "nothing is kept of who has gone");
    }
}
