//! Messages seen before, by any of the gateways.

use nuncio_wss::Time;
use redis::{Pipeline, Value};

use super::{Shared, Unavailable, hex};
use crate::replays::Claim;

/// For how much longer a claim is kept than it lives, in milliseconds: clocks of a farm differ, by as much as those of clients may
/// unless it is said.
const LONGER: i64 = 60_000;

impl Shared {
    /// Claims `key`, a hash of what makes a message unique, until `until`: the instant after which the message would be refused
    /// for its age. Of any number of claims of one key, on any machine of the farm at any moment, one is [`Claim::Fresh`].
    ///
    /// An error says that it is not known, and the message must be refused; so must one that was made before [`Shared::fence`],
    /// which is to be asked after this.
    pub async fn claim(&self, key: &[u8; 16], until: Time, now: Time) -> Result<Claim, Unavailable> {
        let life = until.millis().saturating_sub(now.millis()).max(0).saturating_add(LONGER);
        let mut commands = Pipeline::with_capacity(2);
        let name = format!("{}:r:{}", self.prefix, hex(key));
        commands.cmd("SET").arg(name).arg(1).arg("NX").arg("PX").arg(life);
        self.connection.epochs.ask(&mut commands);
        let answers = self.connection.ask(&commands).await?;
        let remembers = answers.values.get(1).is_some_and(|says| self.connection.epochs.is_known(says));
        match answers.values.first() {
            Some(Value::Nil) => Ok(Claim::Seen),
            // It was emptied meanwhile, or is another: what was claimed before is not known, nor perhaps this.
            Some(Value::Okay) if !remembers => {
                self.connection.suspect();
                Err(Unavailable::Forgotten)
            }
            Some(Value::Okay) => Ok(Claim::Fresh),
            Some(Value::ServerError(error)) if error.code() == "OOM" => Ok(Claim::Full),
            Some(Value::ServerError(error)) => Err(answers.link.refused(error)),
            _ => Err(answers.link.end(Unavailable::Refused("it answers what was not asked".to_owned()))),
        }
    }
}
