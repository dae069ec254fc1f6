//! Conversations and claims in a real Redis, and all that may happen to it.
//!
//! Each test has a server of its own, and gateways' stores with one clock in the test's hands. Where there is no Redis, the tests
//! say so in a line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail the test")]

mod access;
mod claims;
mod conversations;
mod faults;
mod forgetting;
mod program;
mod share;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use nuncio::clock::Clock;
use nuncio::keyring::{self, Keys};
use nuncio::random::Entropy;
use nuncio::sessions::{Lease, Owner};
use nuncio::shared::{Settings, Shared};
use nuncio_wss::{Context, Once, Restorer, Time, V13};

/// When each test begins.
const START: i64 = 1_800_000_000_000;
/// The scope of conversations, where it does not matter.
const ROUTE: &str = "/echo";

/// What the gateways of a farm have in common, and a test has in its hands.
struct Farm {
    hands: Arc<AtomicI64>,
    ring: Vec<u8>,
}

impl Farm {
    fn new() -> Self {
        let ring = keyring::write(&mut Entropy::system().draw()).expose().to_vec();
        Self { hands: Arc::new(AtomicI64::new(START)), ring }
    }

    fn now(&self) -> Time {
        Time::from_millis(self.hands.load(Ordering::Relaxed))
    }

    /// Lets that much time pass.
    fn pass(&self, time: Duration) {
        self.hands.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// Lets so much less than that much time pass.
    fn pass_but(&self, less: Duration, time: Duration) {
        self.pass(time.checked_sub(less).unwrap());
    }

    /// The store of one gateway.
    async fn gateway(&self, settings: &Settings) -> Shared {
        let keys = Arc::new(Keys::new(keyring::read("ring", &self.ring).unwrap()));
        let clock = Clock::given(Arc::clone(&self.hands));
        Shared::connect(settings, keys, clock, Entropy::system()).await.unwrap()
    }

    /// The same, once it is connected.
    async fn connected(&self, settings: &Settings) -> Shared {
        let shared = self.gateway(settings).await;
        until("it is connected", async || shared.is_healthy()).await;
        shared
    }

    /// The terms of a conversation: two minutes if it is not used, an hour if it is.
    fn lease(&self) -> Lease<'static> {
        let (pending, end) = (self.now().plus(minutes(2)), self.now().plus(minutes(60)));
        Lease { owner: Owner { name: "user alice", octets: 0 }, octets: 0, pending, end, idle: None }
    }

    /// Puts a conversation of alice's and gives it back.
    async fn put(&self, shared: &Shared, name: &str) -> Arc<Context> {
        let context = context(name, "alice");
        shared.put(ROUTE, &context, &self.lease(), self.now()).await.unwrap();
        context
    }

    async fn knows(&self, shared: &Shared, name: &str) -> bool {
        shared.find(ROUTE, name, self.now()).await.unwrap().is_some()
    }

    /// The same, asked of Redis and not of what was found lately.
    async fn knows_still(&self, shared: &Shared, name: &str) -> bool {
        self.pass(Duration::from_secs(1));
        self.knows(shared, name).await
    }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// What makes a message unique that is taken until then.
fn once(number: u8, until: Time) -> [Once; 1] {
    [Once { key: [number; 16], until }]
}

/// A Redis there, asked as is usual; on a machine that is busy an operation may take a little longer.
fn at(address: SocketAddr) -> Settings {
    Settings { timeout: Duration::from_secs(2), ..Settings::at(&format!("redis://{address}")).unwrap() }
}

/// A context as a gateway issues it, from its record.
fn context(identifier: &str, user: &str) -> Arc<Context> {
    renewed(identifier, "", user)
}

/// The same, issued in place of another.
fn renewed(identifier: &str, replaces: &str, user: &str) -> Arc<Context> {
    let mut record = vec![1];
    let mut part = |octets: &[u8]| {
        record.extend_from_slice(&u16::try_from(octets.len()).unwrap().to_be_bytes());
        record.extend_from_slice(octets);
    };
    let (identifier, instance) = identifier.split_once(' ').unwrap_or((identifier, ""));
    for text in [V13.conversation, identifier, instance, replaces] {
        part(text.as_bytes());
    }
    record.push(2);
    record.extend_from_slice(&u16::try_from(user.len()).unwrap().to_be_bytes());
    record.extend_from_slice(user.as_bytes());
    record.extend_from_slice(&[7; 16]);
    record.extend_from_slice(&START.to_be_bytes());
    record.extend_from_slice(&(START + 3_300_000).to_be_bytes());
    record.extend_from_slice(&[0, 32]);
    record.extend_from_slice(&[9; 32]);
    Arc::new(Restorer::new(4).restore(&record).unwrap())
}

/// Waits for something that takes a moment.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within half a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A test's server, or nothing where there is none.
macro_rules! redis {
    ($name:literal $(, $argument:expr)*) => {{
        if nuncio_tests::redis::Redis::is_missing($name) {
            return;
        }
        nuncio_tests::redis::Redis::start(&[$($argument),*]).unwrap()
    }};
}
pub(crate) use redis;
