//! Conversations that are being ended, for a process that waits until they are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long a process that ends waits until its conversations are cancelled.
const FAREWELL: Duration = Duration::from_secs(2);

/// Conversations that are ended at once.
const AT_ONCE: usize = 16;

/// Conversations that are being ended, some at a time.
pub(crate) struct Farewells {
    all: Mutex<JoinSet<()>>,
    turns: Arc<Semaphore>,
}

impl Default for Farewells {
    fn default() -> Self {
        Self { all: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Farewells {
    /// Ends one, if there is still a runtime to do it in. What is waited for `first` takes no turn of the others.
    pub(super) fn add(
        &self,
        first: impl Future<Output = ()> + Send + 'static,
        farewell: impl Future<Output = ()> + Send + 'static,
    ) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        while all.try_join_next().is_some() {}
        let turns = Arc::clone(&self.turns);
        let farewell = async move {
            first.await;
            let _turn = turns.acquire().await;
            farewell.await;
        };
        all.spawn_on(farewell, &runtime);
    }

    /// Waits until all are ended, but not for long: a service that does not answer keeps them to their end.
    pub(crate) async fn said(&self) {
        let mut all = std::mem::take(&mut *self.all.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = async { while all.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!("some conversations with services were left without being cancelled");
        }
    }
}
