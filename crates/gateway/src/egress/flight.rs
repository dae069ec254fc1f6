//! One attempt at a time at what many wait for, and its outcome for all of them.
//!
//! Whoever comes while one is made waits for that one: nobody begins another, nobody queues up behind a failure, and whoever
//! goes away takes nothing from the others.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::failure::Failure;

/// What came of an attempt.
pub(super) type Outcome<T> = Result<T, Arc<Failure>>;

/// Where an outcome will be.
type Told<T> = watch::Receiver<Option<Outcome<T>>>;

/// Attempts at something, one at a time.
pub(super) struct Flight<T>(Arc<Mutex<Option<Told<T>>>>);

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    /// Waits for the attempt that is made, or for one that `begin` begins.
    pub(super) async fn join<F>(&self, begin: impl FnOnce() -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let mut outcome = self.begin(begin);
        if let Ok(Some(outcome)) = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
            return outcome;
        }
        // It panicked. The next one may not.
        self.landed(&outcome);
        Err(Arc::new(Failure::Panicked))
    }

    /// Begins an attempt unless one is made, and waits for nothing.
    pub(super) fn begin<F>(&self, begin: impl FnOnce() -> F) -> Told<T>
    where
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = flying.as_ref().filter(|outcome| outcome.has_changed().is_ok()) {
            return outcome.clone();
        }
        let (tell, told) = watch::channel(None);
        *flying = Some(told.clone());
        drop(flying);
        let (work, flying) = (begin(), Arc::clone(&self.0));
        tokio::spawn(async move {
            let outcome = work.await.map_err(Arc::new);
            // First, so that whoever is told and finds it of no use begins another.
            *flying.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let _ = tell.send(Some(outcome));
        });
        told
    }

    /// Waits until the attempt that is made has an outcome, if one is.
    pub(super) async fn settle(&self) {
        let flying = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(mut outcome) = flying {
            let _ = outcome.wait_for(Option::is_some).await;
        }
    }

    /// Forgets an attempt that ended without an outcome.
    fn landed(&self, ended: &Told<T>) {
        let mut flying = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flying.as_ref().is_some_and(|outcome| outcome.same_channel(ended)) {
            *flying = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn all_who_come_meanwhile_get_one_outcome() {
        let (flight, begun) = (Arc::new(Flight::default()), Arc::new(AtomicUsize::new(0)));
        let (let_go, held) = oneshot::channel::<()>();
        let mut held = Some(held);
        let mut waiting = Vec::new();
        for _ in 0..50 {
            let held = held.take();
            let begun = Arc::clone(&begun);
            let work = move || async move {
                let at = begun.fetch_add(1, Ordering::SeqCst);
                if let Some(held) = held {
                    let _ = held.await;
                }
                Ok(at)
            };
            let flight = Arc::clone(&flight);
            waiting.push(tokio::spawn(async move { flight.join(work).await.ok() }));
            tokio::task::yield_now().await;
        }
        // Whoever began it goes away.
        waiting.remove(0).abort();
        let_go.send(()).unwrap();
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Some(0));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert_eq!(flight.join(|| async { Ok(7) }).await.ok(), Some(7), "the next one is another");
    }

    #[tokio::test]
    async fn a_failure_and_a_panic_are_told_and_over() {
        let flight = Flight::<usize>::default();
        assert!(flight.join(|| async { Err(Failure::NoAnswer) }).await.is_err());
        assert!(matches!(*flight.join(|| async { panic!() }).await.unwrap_err(), Failure::Panicked));
        assert_eq!(flight.join(|| async { Ok(1) }).await.ok(), Some(1));
    }
}
