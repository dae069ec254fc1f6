//! Who has conversations, once for all that he has.
//!
//! A principal's names may be long, and the same caller may begin a thousand conversations: they share one copy. It is no
//! store: what nobody holds any more is forgotten, at the latest when it is looked at what is kept.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio_wss::Principal;

/// So many of whom nobody knows anything any more are no burden.
const FEW: usize = 1000;

/// The principals that somebody holds.
#[derive(Default)]
pub struct Principals {
    /// By a hash that nobody can foresee. Of two with one hash the later is known: the other is not shared, and no more.
    known: Mutex<HashMap<u64, Weak<Principal>>>,
    hasher: RandomState,
}

impl Principals {
    /// The copy of a principal that others hold already, or this one, which others will hold.
    pub fn shared(&self, principal: Arc<Principal>) -> Arc<Principal> {
        let hash = self.hasher.hash_one(&principal);
        // Every change under the lock is whole before anything can panic.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = known.get(&hash).and_then(Weak::upgrade).filter(|other| *other == principal) {
            return other;
        }
        if known.len() == known.capacity() {
            known.retain(|_, other| other.strong_count() > 0);
            // Room for as many again, so that it is not looked through for each that comes.
            let more = known.len().max(1);
            known.shrink_to(2 * more);
            known.reserve(more);
        }
        known.insert(hash, Arc::downgrade(&principal));
        principal
    }

    /// Forgets those whom nobody holds any more, if they are more than `held` and a few: each keeps its memory until then.
    pub fn forget(&self, held: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 2 * held + FEW {
            known.retain(|_, other| other.strong_count() > 0);
            known.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Arc<Principal> {
        Arc::new(Principal::User(name.into()))
    }

    fn size(principals: &Principals) -> (usize, usize) {
        let known = principals.known.lock().unwrap();
        (known.len(), known.capacity())
    }

    #[test]
    fn one_copy_serves_all() {
        let principals = Principals::default();
        let alice = principals.shared(user("alice"));
        assert!(Arc::ptr_eq(&alice, &principals.shared(user("alice"))));
        let bob = principals.shared(user("bob"));
        assert_eq!((&*alice, &*bob), (&Principal::User("alice".into()), &Principal::User("bob".into())));
        let nobody = principals.shared(Arc::new(Principal::Anonymous));
        assert!(Arc::ptr_eq(&nobody, &principals.shared(Arc::new(Principal::Anonymous))));
    }

    /// Of one subject there may be two certificates.
    #[test]
    fn everything_about_a_holder_tells_him() {
        let principals = Principals::default();
        let holder = |subject: &str, issuer: &str, thumbprint: u8| {
            let (subject, issuer) = (subject.into(), issuer.into());
            Arc::new(Principal::Certificate(nuncio_wss::Holder { subject, issuer, thumbprint: [thumbprint; 20] }))
        };
        let all = [
            holder("CN=a", "CN=ca", 1),
            holder("CN=b", "CN=ca", 1),
            holder("CN=a", "CN=b", 1),
            holder("CN=a", "CN=ca", 2),
            user("CN=a"),
        ];
        for principal in &all {
            assert!(Arc::ptr_eq(principal, &principals.shared(Arc::clone(principal))));
        }
    }

    #[test]
    fn a_crowd_that_left_is_forgotten() {
        let principals = Principals::default();
        let mut held: Vec<_> = (0..10_000).map(|name| principals.shared(user(&name.to_string()))).collect();
        principals.forget(held.len());
        assert_eq!(size(&principals).0, 10_000);
        held.truncate(10);
        principals.forget(held.len());
        let (known, capacity) = size(&principals);
        assert!(known == 10 && capacity < 100, "{known} of {capacity}");
        assert!(Arc::ptr_eq(&held[3], &principals.shared(user("3"))));
    }

    #[test]
    fn a_hash_that_two_have_is_not_believed() {
        let principals = Principals::default();
        let (alice, bob) = (user("alice"), user("bob"));
        let hash = principals.hasher.hash_one(&bob);
        principals.known.lock().unwrap().insert(hash, Arc::downgrade(&alice));
        assert!(Arc::ptr_eq(&bob, &principals.shared(Arc::clone(&bob))));
        assert!(Arc::ptr_eq(&bob, &principals.shared(user("bob"))));
    }

    #[test]
    fn who_has_no_conversation_is_forgotten() {
        let principals = Principals::default();
        let kept: Vec<_> = (0..100).map(|name| principals.shared(user(&format!("kept {name}")))).collect();
        let gone = Arc::downgrade(&principals.shared(user("gone")));
        assert!(gone.upgrade().is_none());
        for name in 0..100_000 {
            principals.shared(user(&name.to_string()));
        }
        let (known, capacity) = size(&principals);
        assert!(known <= capacity && capacity < 1000, "{known} of {capacity}");
        for (name, kept) in kept.iter().enumerate() {
            assert!(Arc::ptr_eq(kept, &principals.shared(user(&format!("kept {name}")))), "{name}");
        }
    }

    /// A crowd that left takes no room in the table either.
    #[test]
    fn what_a_crowd_took_is_given_back() {
        let principals = Principals::default();
        let crowd: Vec<_> = (0..10_000).map(|name| principals.shared(user(&name.to_string()))).collect();
        assert_eq!(size(&principals).0, 10_000);
        drop(crowd);
        for name in 0..10_000 {
            principals.shared(user(&format!("later {name}")));
        }
        let (known, capacity) = size(&principals);
        assert!(known <= capacity && capacity < 1000, "{known} of {capacity}");
    }
}
