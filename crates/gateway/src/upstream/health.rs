//! Asking the members of a pool whether they are well.

use std::sync::{Arc, Weak};

use reqwest::{Client, Url};
use tokio::runtime::Handle;
use tokio::time::MissedTickBehavior;

use super::pool::Pool;
use crate::config::Health;

/// Asks every member of a pool, again and again, until the pool is gone. Where nothing runs, as where a configuration is
/// only checked, nobody is asked.
pub(super) fn watch(pool: &Arc<Pool>, client: &Client, health: &Health) {
    let Ok(runtime) = Handle::try_current() else { return };
    for (at, member) in pool.members.iter().enumerate() {
        // The path was read with the configuration, so it fits.
        let Ok(url) = member.url.join(&health.path) else { continue };
        runtime.spawn(ask(Arc::downgrade(pool), at, client.clone(), url, health.clone()));
    }
}

async fn ask(pool: Weak<Pool>, at: usize, client: Client, url: Url, health: Health) {
    let mut ticks = tokio::time::interval(health.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if pool.strong_count() == 0 {
            return;
        }
        // What it says beside its status is not read.
        let answer = client.get(url.clone()).timeout(health.timeout).send().await;
        let well = answer.is_ok_and(|answer| answer.status().is_success());
        let Some(pool) = pool.upgrade() else { return };
        pool.checked(at, well, &health);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::config::{Backend, Timeouts};
    use crate::metrics::Metrics;
    use crate::upstream::{Before, Upstream};

    use super::*;

    /// A service that says whether it is well where it is asked to.
    async fn service(well: Arc<AtomicBool>) -> Url {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/svc", socket.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = socket.accept().await.unwrap();
                let mut seen = Vec::new();
                while !seen.ends_with(b"\r\n\r\n") && stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {}
                let asked = seen.starts_with(b"GET /health?deep HTTP/1.1\r\n");
                let status = if asked && well.load(Ordering::SeqCst) { "204 Fine" } else { "503 Oops" };
                let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n").as_bytes()).await;
            }
        });
        url
    }

    #[tokio::test]
    async fn who_is_not_well_is_out_until_it_is() {
        let well = Arc::new(AtomicBool::new(true));
        let (first, second) = (service(Arc::clone(&well)).await, service(Arc::new(AtomicBool::new(true))).await);
        let health = Health { path: "/health?deep".into(), interval: Duration::from_millis(5), ..Health::default() };
        let urls = vec![(first.clone(), 1), (second.clone(), 1)];
        let backend = Backend { urls, health: Some(health), ..Backend::new(first.clone()) };
        let metrics = Metrics::default().route("/");
        let timeouts = Timeouts::default();
        let before =
            Before { route: "/", limit: 1, fault_limit: 1, sealed: false, timeouts: &timeouts, metrics: &metrics };
        let upstream = Upstream::new(&backend, &before, &mut HashSet::new()).unwrap();
        let until = async |url: &Url| {
            while upstream.url() != url {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        until(&first).await;
        well.store(false, Ordering::SeqCst);
        until(&second).await;
        well.store(true, Ordering::SeqCst);
        until(&first).await;
    }
}
