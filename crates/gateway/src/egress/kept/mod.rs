//! Contexts with services that outlive this process, or that several gateways have together: in the state directory (`disk`), or
//! in Redis, where one of them at a time begins or renews one for all. `record` is what is written of one.
//!
//! A context is found again by what it was begun with: the service, its policy and who it is called as. Where one of these is
//! another, another context is begun. What it is called in a store is a mark of that under the key ring, and what is kept is
//! sealed: who reads the store without the ring finds no names, no passwords to guess at, and no keys.
//!
//! A store is a help and not in the way: where it fails, each process has contexts of its own.

mod disk;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nuncio_crypto::random::Random;
use nuncio_wss::{Initiator, Time};

pub(crate) use disk::Disk;
pub(super) use record::Record;

use super::line::Line;
use crate::keyring::{Binding, Keys, NotSealed};
use crate::random::{Entropy, NoEntropy};
use crate::shared::{self, Shared};
use crate::state::JournalError;

/// What a context is sealed for, and its name marked.
const PURPOSE: &str = "service context";
/// How long a gateway has its turn to begin a context: as long as a call may take, and no longer than this.
const TURN: Duration = Duration::from_secs(30);
/// How long it waits for another's: one that is slow, or gone, holds up nobody for long.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// From one look whether the other is done to the next.
pub(super) const LOOK: Duration = Duration::from_millis(50);
/// How much more seldom it is looked what others have than a conversation with a client is asked for.
const LOOKS: u32 = 30;

/// What a context is called in a store.
pub(crate) type Mark = [u8; 16];

/// Where contexts with services are kept.
pub(crate) struct Keeper {
    store: Store,
    keys: Arc<Keys>,
    entropy: Entropy,
}

/// The stores.
pub(crate) enum Store {
    /// The state directory, which is this process's alone.
    Disk(Arc<Disk>),
    /// A Redis that several gateways share.
    Redis(Arc<Shared>),
}

/// Why a context is not kept.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    /// Its token is longer than a record has it.
    #[error("its token has more than 64 KiB")]
    TooLong,
    #[error(transparent)]
    NotSealed(#[from] NotSealed),
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Redis(#[from] shared::Unavailable),
}

impl Keeper {
    /// One that seals with those keys.
    pub(crate) fn new(store: Store, keys: Arc<Keys>, entropy: Entropy) -> Arc<Self> {
        Arc::new(Self { store, keys, entropy })
    }

    /// The place of what was begun with all that this is a digest of.
    pub(super) fn place(self: &Arc<Self>, begun_with: [u8; 32]) -> Place {
        if let Store::Disk(disk) = &self.store {
            disk.hold(begun_with);
        }
        Place { keeper: Arc::clone(self), begun_with, given_up: AtomicBool::new(false) }
    }
}

/// What is kept.
pub(super) enum Found {
    This(Record),
    Nothing,
    /// Nobody could be asked, or what is there does not open.
    Unknown,
}

/// Where the context is kept that somebody has with his service.
pub(super) struct Place {
    keeper: Arc<Keeper>,
    begun_with: [u8; 32],
    given_up: AtomicBool,
}

/// The right to begin a context, or to renew one, while others wait.
pub(super) enum Turn {
    /// Nobody else would.
    Alone,
    /// Others wait for this to be over: where it is taken, and by what it is known.
    Taken { mark: Mark, drawn: [u8; 16] },
}

impl Place {
    /// How often it is looked what others have, where others have the same contexts at the same time: soon enough, unless it is
    /// said otherwise, for the five minutes in which WCF takes the key of before.
    pub(super) fn looks(&self) -> Option<Duration> {
        match &self.keeper.store {
            Store::Disk(_) => None,
            Store::Redis(shared) => Some(shared.cache().saturating_mul(LOOKS)),
        }
    }

    /// What is kept there.
    pub(super) async fn find(&self, initiator: &Initiator, line: &Line) -> Found {
        let now = line.now();
        match self.sealed(now).await {
            Ok(None) => Found::Nothing,
            Ok(Some(sealed)) => self.open(&sealed, initiator, now).map_or_else(
                || {
                    let why = "it is sealed with a key that the ring does not have, or of another version";
                    tracing::debug!(route = %line.name, "what is kept as a conversation is of no use: {why}");
                    Found::Unknown
                },
                Found::This,
            ),
            Err(reason) => {
                tracing::debug!(route = %line.name, %reason, "whether a conversation is kept is not known");
                Found::Unknown
            }
        }
    }

    async fn sealed(&self, now: Time) -> Result<Option<Vec<u8>>, NotKept> {
        let marks = self.marks(now)?;
        Ok(match &self.keeper.store {
            Store::Disk(disk) => disk.find(&marks),
            Store::Redis(shared) => shared.context(&marks).await?,
        })
    }

    fn open(&self, sealed: &[u8], initiator: &Initiator, now: Time) -> Option<Record> {
        let opened = self.keeper.keys.ring().open(sealed, self.binding(), now).ok()?;
        Record::read(&opened, initiator)
    }

    /// Keeps a context in the place of the one that is there; or where none is, if that is said.
    pub(super) async fn keep(&self, record: &Record, only_if_none: bool, line: &Line) {
        if let Err(reason) = self.put(record, only_if_none, line.now()).await {
            tracing::info!(route = %line.name, %reason, "a conversation is kept in memory alone");
        }
    }

    async fn put(&self, record: &Record, only_if_none: bool, now: Time) -> Result<(), NotKept> {
        let octets = record.write().ok_or(NotKept::TooLong)?;
        let mut random = self.keeper.entropy.draw();
        let sealed = self.keeper.keys.ring().seal(&octets, self.binding(), now, &mut random)?;
        random.check()?;
        let marks = self.marks(now)?;
        let [mark, older @ ..] = &*marks else { return Err(NotSealed::Inactive.into()) };
        match &self.keeper.store {
            Store::Disk(disk) => disk.put(*mark, older, sealed, record.end, now).await?,
            Store::Redis(shared) if only_if_none => {
                shared.keep_absent_context(mark, sealed, lasts(record.end, now)).await?;
            }
            Store::Redis(shared) => shared.keep_context(mark, older, sealed, lasts(record.end, now)).await?,
        }
        Ok(())
    }

    /// Forgets the context of that name, which its service does not know any more, if it is what is kept.
    pub(super) async fn forget(&self, name: &str, initiator: &Initiator, line: &Line) {
        let now = line.now();
        let forgotten = async {
            let Some(sealed) = self.sealed(now).await? else { return Ok(()) };
            // What does not open here may be another's.
            if self.open(&sealed, initiator, now).is_none_or(|record| record.context.name() != name) {
                return Ok(());
            }
            let marks = self.marks(now)?;
            match &self.keeper.store {
                Store::Disk(disk) => disk.forget(&marks, &sealed).await?,
                Store::Redis(shared) => shared.forget_context(&marks, &sealed).await?,
            }
            Ok::<_, NotKept>(())
        };
        if let Err(reason) = forgotten.await {
            tracing::info!(route = %line.name, %reason, "a conversation that is over may still be kept");
        }
    }

    /// The turn to begin a context or to renew one, unless another gateway has it.
    pub(super) async fn try_turn(&self, line: &Line) -> Option<Turn> {
        let Store::Redis(shared) = &self.keeper.store else { return Some(Turn::Alone) };
        let (mut drawn, mut random) = ([0; 16], self.keeper.entropy.draw());
        random.fill(&mut drawn);
        let marks = self.marks(line.now()).unwrap_or_default();
        // Where nobody can be asked, each has its own.
        let Some(&mark) = marks.first().filter(|_| random.check().is_ok()) else { return Some(Turn::Alone) };
        match shared.take_turn(&mark, &drawn, line.upstream.total().min(TURN)).await {
            Ok(true) => Some(Turn::Taken { mark, drawn }),
            Ok(false) => None,
            Err(_) => Some(Turn::Alone),
        }
    }

    /// Lets the next have its turn.
    pub(super) async fn over(&self, turn: Turn) {
        if let (Turn::Taken { mark, drawn }, Store::Redis(shared)) = (turn, &self.keeper.store) {
            // Else it ends by itself.
            let _ = shared.end_turn(&mark, &drawn).await;
        }
    }

    /// Whether the context that is kept here is to be ended, now that somebody does not call any more who had it: it is not
    /// where others have it too, nor where a process ends that may begin again.
    pub(super) fn give_up(&self, process_ends: bool) -> bool {
        self.is_last() && !process_ends
    }

    /// Gives the place up; whether it was the last of what was begun so.
    fn is_last(&self) -> bool {
        let Store::Disk(disk) = &self.keeper.store else { return false };
        !self.given_up.swap(true, Ordering::SeqCst) && disk.give_up(&self.begun_with)
    }

    fn binding(&self) -> Binding<'_> {
        Binding { purpose: PURPOSE, scope: "", name: &self.begun_with }
    }

    /// Its names, the first of which is the one under which it is written.
    fn marks(&self, now: Time) -> Result<Vec<Mark>, NotSealed> {
        self.keeper.keys.ring().marks(PURPOSE, &self.begun_with, now)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_last();
    }
}

/// For how long something lives.
fn lasts(end: Time, now: Time) -> Duration {
    Duration::from_millis(end.millis().saturating_sub(now.millis()).max(1).unsigned_abs())
}
