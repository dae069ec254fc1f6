//! Conversations and claims in a Redis (or Valkey) that several gateways share: none of them is lost with one of these, and a
//! message that one took is a replay to all.
//!
//! - [`Settings`] say where it is; `link` is one connection to it, `connection` keeps one there
//! - `epoch` says since when it remembers
//! - `claims` are messages that were seen, `conversations` what is kept of contexts: `record` what is written of one, `local`
//!   those that were found lately, `uses` what is told of them later, `share` how many a caller has
//! - `contexts` are those with services, which the gateways have together
//!
//! Redis may be down, slow, full or emptied. No message waits for it longer than an operation may take, and only so many at once:
//! what comes on top, and all that comes while there is no connection, is told so at once. No more than half of that is for what
//! anybody may ask before he proved anything, conversations that nobody found here lately: however many of these strangers name,
//! those that go on and what was proved find a place. What is not known is refused. A
//! conversation that was found is answered from memory for a moment, which is all that goes on without Redis; so long after a
//! conversation was ended by one gateway another may still take a message in it.
//!
//! It must be one server: the nodes of a cluster, which send elsewhere, are refused.
//!
//! What is written is sealed under the key ring, and bound to its key. Who may write to Redis can still have ended conversations
//! come back, within their life, and claims forgotten: it belongs to the gateways alone.

mod claims;
mod connection;
mod contexts;
mod conversations;
mod epoch;
mod link;
mod local;
mod record;
mod settings;
mod share;
mod uses;

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuncio_wss::{Restorer, Time};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use conversations::{NotKept, Page};
pub(crate) use link::client_config;
pub use settings::{BadUrl, Settings};

use crate::clock::Clock;
use crate::keyring::Keys;
use crate::metrics::RedisMetrics;
use crate::random::Entropy;
use connection::Connection;
use local::Local;
use record::Key;
use uses::Uses;

/// For how much longer Redis keeps a conversation than it lives: what was said in it before its end may be told later.
const GRACE: Duration = Duration::from_mins(1);
/// Contexts that were found whose derived keys are kept.
const HOT: usize = 4096;

/// Why a Redis cannot be asked, whatever it does.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// The password is not text.
    #[error("the password is not UTF-8")]
    Password,
    /// A user without a password.
    #[error("there is a user name and no password")]
    NoPassword,
    /// TLS knows no such name.
    #[error("no certificate can be for that host")]
    Host,
    /// What is trusted is not PEM, or empty.
    #[error("there is no certificate in PEM to believe")]
    Trust,
    /// What is shown is not PEM, or without its key.
    #[error("there is no certificate with its key in PEM to show")]
    Identity,
    /// The prefix is none.
    #[error("a prefix is up to 64 letters, digits, hyphens, dots, colons and underscores")]
    Prefix,
    /// The TLS library refuses.
    #[error("TLS refuses: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why Redis has no answer. Whatever was asked may have been done.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unavailable {
    /// As much is asked of it at once as may.
    #[error("as much is asked of Redis at once as may")]
    Busy,
    /// There is no connection.
    #[error("there is no connection to Redis")]
    Away,
    /// It did not answer in time.
    #[error("Redis does not answer in time")]
    Slow,
    /// The connection is lost, or there could be none.
    #[error("the connection to Redis is lost: {0}")]
    Lost(String),
    /// It does not do what it is asked.
    #[error("Redis refuses: {0}")]
    Refused(String),
    /// It forgot what it was told: until that is known, nobody can say what was claimed.
    #[error("Redis forgot what it was told")]
    Forgotten,
}

/// A Redis that several gateways share.
pub struct Shared {
    connection: Arc<Connection>,
    local: Arc<Local>,
    uses: Arc<Uses>,
    keys: Arc<Keys>,
    restorer: Restorer,
    prefix: String,
    cache: Duration,
    /// How many conversations a caller may have.
    share: usize,
    /// Values that were no conversation of ours.
    unreadable: AtomicU64,
    /// When that was told last.
    told: Mutex<Option<Instant>>,
    /// Held by who goes through all of them.
    walk: tokio::sync::Mutex<()>,
    tasks: [AbortHandle; 2],
}

impl Shared {
    /// A Redis, to which it was tried once to connect. Where it is down that is told in the log, and tried for as long as this
    /// lives. What is sealed for it is sealed under `keys`.
    pub async fn connect(
        settings: &Settings,
        keys: Arc<Keys>,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, BadSettings> {
        Self::counted(settings, keys, clock, entropy, RedisMetrics::default()).await
    }

    /// The same, with what is asked of it counted there.
    pub(crate) async fn counted(
        settings: &Settings,
        keys: Arc<Keys>,
        clock: Clock,
        entropy: Entropy,
        metrics: RedisMetrics,
    ) -> Result<Self, BadSettings> {
        if !settings.has_prefix() {
            return Err(BadSettings::Prefix);
        }
        let connection = Arc::new(Connection::new(settings, clock, entropy, metrics)?);
        let (local, uses) = (Arc::new(Local::new(settings.cache_bytes)), Arc::new(Uses::new(&settings.tag())));
        let (tried, mut was_tried) = watch::channel(false);
        let keeping = tokio::spawn(Arc::clone(&connection).keep(tried));
        let telling = tokio::spawn(Arc::clone(&uses).tell(Arc::clone(&connection), Arc::clone(&local)));
        let shared = Self {
            connection,
            local,
            uses,
            keys,
            restorer: Restorer::new(HOT),
            prefix: settings.tag(),
            cache: settings.cache,
            share: settings.principal_conversations,
            unreadable: AtomicU64::new(0),
            told: Mutex::default(),
            walk: tokio::sync::Mutex::default(),
            tasks: [keeping.abort_handle(), telling.abort_handle()],
        };
        let _ = was_tried.wait_for(|tried| *tried).await;
        Ok(shared)
    }

    /// Whether there is a connection: without one nothing is kept or claimed, and what was found is known for a moment only.
    pub fn is_healthy(&self) -> bool {
        self.connection.is_healthy()
    }

    /// How much is asked at the moment.
    pub fn under_way(&self) -> usize {
        self.connection.under_way()
    }

    /// Of how many conversations Redis is still to be told that they were used, or end sooner.
    pub fn untold(&self) -> usize {
        self.uses.left()
    }

    /// Waits until Redis was told all that there is to tell, no longer than that: for a process that ends. Whether it was.
    pub async fn settle(&self, within: Duration) -> bool {
        let end = Instant::now() + within;
        while self.untold() > 0 {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// The instant before which messages may have been claimed in Redis and forgotten by it: one that was made before then is
    /// refused. `None` where it was never asked. It is to be asked after the message was claimed: what a claim was made under is
    /// known then.
    pub fn fence(&self) -> Option<Time> {
        self.connection.fence()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The key of a conversation in Redis.
fn session(prefix: &str, key: &Key) -> String {
    format!("{prefix}:s:{}", hex(key))
}

/// Sixteen octets in hexadecimal.
pub(crate) fn hex(octets: &[u8; 16]) -> String {
    let mut text = String::with_capacity(32);
    for octet in octets {
        let _ = write!(text, "{octet:02x}");
    }
    text
}
