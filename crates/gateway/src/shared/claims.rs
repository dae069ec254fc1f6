//! Messages seen before, by any of the gateways.

use nuncio_wss::{Once, Time};
use redis::{Pipeline, Value};

use super::{Shared, Unavailable, hex};
use crate::metrics::Operation;
use crate::replays::Claim;

/// For how much longer a claim is kept than it lives, in milliseconds: clocks of a farm differ, by as much as those of clients may
/// unless it is said.
const LONGER: i64 = 60_000;

impl Shared {
    /// Claims `all`, hashes of what makes a message unique, until the instants after which the message would be refused for its
    /// age, in one turn: what is not fresh of them, the first if there are several. Of any number of claims of one key, on any
    /// machine of the farm at any moment, one is [`Claim::Fresh`].
    ///
    /// An error says that it is not known, and the message must be refused; so must one that was made before [`Shared::fence`],
    /// which is to be asked after this.
    pub async fn claim(&self, all: &[Once], now: Time) -> Result<Claim, Unavailable> {
        if all.is_empty() {
            return Ok(Claim::Fresh);
        }
        let mut commands = Pipeline::with_capacity(all.len() + 1);
        for Once { key, until } in all {
            let life = until.millis().saturating_sub(now.millis()).max(0).saturating_add(LONGER);
            let name = format!("{}:r:{}", self.prefix, hex(key));
            commands.cmd("SET").arg(name).arg(1).arg("NX").arg("PX").arg(life);
        }
        self.connection.epochs.ask(&mut commands);
        let answers = self.connection.ask(Operation::Claim, &commands).await?;
        for answer in answers.values.iter().take(all.len()) {
            match answer {
                Value::Okay => {}
                Value::Nil => return Ok(Claim::Seen),
                Value::ServerError(error) if error.code() == "OOM" => return Ok(Claim::Full),
                Value::ServerError(error) => return Err(answers.link.refused(error)),
                _ => return Err(answers.link.end(Unavailable::Refused("it answers what was not asked".to_owned()))),
            }
        }
        // It was emptied meanwhile, or is another: what was claimed before is not known, nor perhaps this.
        if !answers.values.get(all.len()).is_some_and(|says| self.connection.epochs.is_known(says)) {
            self.connection.suspect();
            return Err(Unavailable::Forgotten);
        }
        Ok(Claim::Fresh)
    }
}
