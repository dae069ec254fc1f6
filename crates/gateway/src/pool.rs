//! Work that keeps a processor busy for long, on as many threads as there are processors, with a bound on what waits for
//! one: what is cheap never stands behind it, and what comes on top is told so at once.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// A bounded number of threads, and a bounded queue before them.
pub struct Pool {
    threads: Arc<Semaphore>,
    /// One for each piece of work that runs or waits.
    places: Arc<Semaphore>,
}

/// No place is free, for work that was not begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("as much work of that kind waits as may")]
pub struct Overfull;

impl Pool {
    /// So many threads, and so many pieces of work that may wait.
    pub fn new(threads: usize, waiting: usize) -> Self {
        let threads = threads.max(1);
        Self {
            threads: Arc::new(Semaphore::new(threads)),
            places: Arc::new(Semaphore::new(threads.saturating_add(waiting).min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A thread for each processor, and so many pieces of work for each that may wait.
    pub fn of_processors(waiting: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(threads, threads.saturating_mul(waiting))
    }

    /// Whether who comes now would be told to come again.
    pub fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Does work for somebody who may be told to come again.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Overfull> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Overfull)?;
        Ok(self.perform(work, Some(place)).await)
    }

    /// Does work that is owed: for a message that was acted on. It waits for its turn, and is never turned away.
    pub async fn finish<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.perform(work, None).await
    }

    async fn perform<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        place: Option<OwnedSemaphorePermit>,
    ) -> T {
        // It is never closed.
        let thread = Arc::clone(&self.threads).acquire_owned().await.ok();
        // Should nobody wait for the outcome any more, the work is done all the same, and counts until it is.
        let done = spawn_blocking(move || {
            let _held = (thread, place);
            work()
        });
        match done.await {
            Ok(outcome) => outcome,
            // A panic is the one request's, as it would be without a thread between.
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and whoever waits with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Work that goes on until it is let go.
    fn hold() -> (mpsc::Sender<()>, impl FnOnce() -> bool + Send + 'static) {
        let (let_go, held) = mpsc::channel();
        (let_go, move || held.recv().is_ok())
    }

    #[tokio::test]
    async fn what_comes_on_top_is_turned_away_and_what_is_owed_is_not() {
        let pool = Arc::new(Pool::new(1, 1));
        let (first, work) = hold();
        let running = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(work).await }
        });
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(|| 2).await }
        });
        while pool.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(pool.is_full());
        assert_eq!(pool.run(|| 3).await, Err(Overfull));
        let owed = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.finish(|| 4).await }
        });
        first.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(true));
        assert_eq!(waiting.await.unwrap(), Ok(2));
        assert_eq!(owed.await.unwrap(), 4);
        assert!(!pool.is_full());
        assert_eq!(pool.run(|| 5).await, Ok(5), "its place is free again");
    }

    /// Whoever goes away leaves his work, which keeps its place until it is done.
    #[tokio::test]
    async fn work_counts_though_nobody_waits_for_it() {
        let pool = Arc::new(Pool::new(1, 0));
        let (let_go, work) = hold();
        let running = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(work).await }
        });
        while pool.threads.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // It may be that the thread has not begun; then it never does, and its place is free at once.
        tokio::task::yield_now().await;
        running.abort();
        let _ = running.await;
        assert_eq!(pool.run(|| ()).await, Err(Overfull));
        let_go.send(()).unwrap();
        while pool.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }

    #[tokio::test]
    #[should_panic(expected = "a fault of the work's")]
    async fn a_panic_is_whose_work_it_was() {
        let _ = Pool::new(1, 0).run(|| panic!("a fault of the work's")).await;
    }
}
