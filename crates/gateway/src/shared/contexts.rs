//! Contexts with services, which the gateways of a farm have together: sealed by whoever keeps them, and nobody's to read here.

use std::time::Duration;

use redis::{Pipeline, Value};

use super::conversations::unexpected;
use super::{Shared, Unavailable, hex};
use crate::metrics::Operation;

/// Removes a key, if it has that value.
const REMOVE: &str = "#!lua
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

impl Shared {
    /// The first of these that is there.
    pub(crate) async fn context(&self, marks: &[[u8; 16]]) -> Result<Option<Vec<u8>>, Unavailable> {
        let mut commands = Pipeline::with_capacity(marks.len());
        for mark in marks {
            commands.cmd("GET").arg(self.context_key(mark));
        }
        // Whoever brings a password may have it asked.
        let answers = self.connection.ask(Operation::Seek, &commands).await?;
        for answer in &answers.values {
            match answer {
                Value::BulkString(octets) => return Ok(Some(octets.clone())),
                Value::Nil => {}
                _ => return Err(unexpected(&answers)),
            }
        }
        Ok(None)
    }

    /// Keeps one for so long, in the place of what is there and of what it was called before.
    pub(crate) async fn keep_context(
        &self,
        mark: &[u8; 16],
        before: &[[u8; 16]],
        sealed: Vec<u8>,
        lasts: Duration,
    ) -> Result<(), Unavailable> {
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("SET").arg(self.context_key(mark)).arg(sealed).arg("PX").arg(lasts.as_millis() as u64);
        if !before.is_empty() {
            let keys: Vec<String> = before.iter().map(|mark| self.context_key(mark)).collect();
            commands.cmd("DEL").arg(keys);
        }
        let answers = self.connection.ask(Operation::Keep, &commands).await?;
        if matches!(answers.values.first(), Some(Value::Okay)) { Ok(()) } else { Err(unexpected(&answers)) }
    }

    /// Keeps one for so long, unless one is there.
    pub(crate) async fn keep_absent_context(
        &self,
        mark: &[u8; 16],
        sealed: Vec<u8>,
        lasts: Duration,
    ) -> Result<(), Unavailable> {
        self.set_absent(Operation::Keep, self.context_key(mark), &sealed, lasts).await.map(drop)
    }

    /// For how long what was found is known without asking.
    pub(crate) fn cache(&self) -> Duration {
        self.cache
    }

    /// Forgets what is there under these marks, if it is that.
    pub(crate) async fn forget_context(&self, marks: &[[u8; 16]], sealed: &[u8]) -> Result<(), Unavailable> {
        let keys = marks.iter().map(|mark| self.context_key(mark));
        self.remove_if(keys.map(|key| (key, sealed)).collect()).await
    }

    /// Takes the turn to begin a context, for so long at most, unless another has it; `turn` is by what it is known.
    pub(crate) async fn take_turn(
        &self,
        mark: &[u8; 16],
        turn: &[u8; 16],
        lasts: Duration,
    ) -> Result<bool, Unavailable> {
        self.set_absent(Operation::Claim, self.turn_key(mark), turn, lasts).await
    }

    /// Sets a key for so long, unless it is there; whether it was not.
    async fn set_absent(
        &self,
        operation: Operation,
        key: String,
        value: &[u8],
        lasts: Duration,
    ) -> Result<bool, Unavailable> {
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("SET").arg(key).arg(value).arg("NX").arg("PX").arg(lasts.as_millis() as u64);
        let answers = self.connection.ask(operation, &commands).await?;
        match answers.values.first() {
            Some(Value::Okay) => Ok(true),
            Some(Value::Nil) => Ok(false),
            _ => Err(unexpected(&answers)),
        }
    }

    /// Gives a turn back.
    pub(crate) async fn end_turn(&self, mark: &[u8; 16], turn: &[u8; 16]) -> Result<(), Unavailable> {
        self.remove_if(vec![(self.turn_key(mark), turn)]).await
    }

    async fn remove_if(&self, all: Vec<(String, &[u8])>) -> Result<(), Unavailable> {
        let mut commands = Pipeline::with_capacity(all.len());
        for (key, value) in all {
            commands.cmd("EVAL").arg(REMOVE).arg(1).arg(key).arg(value);
        }
        let answers = self.connection.ask(Operation::End, &commands).await?;
        let all_are = answers.values.iter().all(|answer| matches!(answer, Value::Int(_)));
        if all_are { Ok(()) } else { Err(unexpected(&answers)) }
    }

    fn context_key(&self, mark: &[u8; 16]) -> String {
        format!("{}:c:{}", self.prefix, hex(mark))
    }

    fn turn_key(&self, mark: &[u8; 16]) -> String {
        format!("{}:t:{}", self.prefix, hex(mark))
    }
}
