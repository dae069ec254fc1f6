//! How many conversations each caller has in Redis: no more than his share, so that none of them fills it for the others.
//!
//! What counts is what Redis keeps, which is for a moment more than it lives: a use that is told late would have it go on.
//!
//! A sorted set for each caller has the keys of his conversations, each with the instant until which it is not asked again
//! whether it is over. With each new one, some of which that instant is past are looked at: what is over is counted no more, and
//! what was used meanwhile is noted anew. So nothing needs to be told there of a use. Where the share is taken, others are looked
//! at besides: one may have ended sooner than it was noted.
//!
//! A set is called by a mark of the caller's name under the key ring: who reads Redis finds no names. While one key takes the
//! place of another he has a set under each, and what is in all of them counts.

use nuncio_wss::Time;
use redis::Pipeline;

use super::record::{Key, Life};
use super::{GRACE, Shared, hex, session};
use crate::keyring::{KeyRing, NotSealed};

/// What a name is marked for.
const PURPOSE: &str = "owner";

/// Keeps a conversation, if its caller has not as many as he may: 1, or else 0; and -1 where the one that it replaces is there no
/// more. The first key is the conversation's, the others are those of the caller's sets, and the first of these is the one that it
/// goes into.
///
/// What is given is the value, for how long Redis keeps it, what it is called among his, until when it counts as things are, for
/// how long Redis keeps it at the most, the time, how many he may have, with what keys of conversations begin, for how much longer
/// than it lives one counts, and what the one that it replaces is called, if there is one.
const PUT: &str = "#!lua
local now, most, session, longer, replaced = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9]), ARGV[10]
local function counts(member)
  local head = redis.pcall('GETRANGE', session .. member, 0, 45)
  local ends = type(head) == 'string' and #head == 46 and tonumber(string.sub(head, 2, 16))
  return ends and ends + longer
end
if replaced ~= '' and not counts(replaced) then return -1 end
local function look(set, members)
  for _, member in ipairs(members) do
    local till = counts(member)
    if till and now < till then
      redis.call('ZADD', set, string.format('%.0f', till), member)
    else
      redis.call('ZREM', set, member)
    end
  end
end
local function count(which)
  local taken = 0
  for number = 2, #KEYS do
    look(KEYS[number], which(KEYS[number]))
    taken = taken + redis.call('ZCARD', KEYS[number])
  end
  return taken
end
local function past(set) return redis.call('ZRANGE', set, '-inf', ARGV[6], 'BYSCORE', 'LIMIT', 0, 64) end
local function any(set) return redis.call('ZRANDMEMBER', set, 64) end
if count(past) >= most and count(any) >= most then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[5], 'NX')
redis.call('PEXPIRE', KEYS[2], ARGV[5], 'GT')
return 1";

impl Shared {
    /// Keeps `value` for a conversation of `owner`, if he has room for it: the answer is 1, or else 0. Where it replaces another,
    /// and that is there no more, it is -1.
    pub(super) fn put_in_share(
        &self,
        ring: &KeyRing,
        owner: &str,
        (key, replaced): (&Key, Option<Key>),
        (value, life): (Vec<u8>, &Life),
        now: Time,
    ) -> Result<Pipeline, NotSealed> {
        let sets = self.sets(ring, owner, now)?;
        let longer = GRACE.as_millis() as u64;
        let lasts = |end: Time| end.millis().saturating_sub(now.millis()).max(0).unsigned_abs() + longer;
        let mut commands = Pipeline::with_capacity(1);
        let command = commands.cmd("EVAL").arg(PUT).arg(1 + sets.len()).arg(session(&self.prefix, key)).arg(sets);
        command.arg(value).arg(lasts(life.end)).arg(hex(key)).arg(life.end.plus(GRACE).millis());
        command.arg(lasts(life.full)).arg(now.millis()).arg(self.share).arg(format!("{}:s:", self.prefix));
        command.arg(longer).arg(replaced.as_ref().map(hex).unwrap_or_default());
        Ok(commands)
    }

    /// Has it counted no more that `owner` has a conversation, as far as is known how his sets are called.
    pub(super) fn give_back(&self, commands: &mut Pipeline, owner: &str, key: &Key, now: Time) {
        for set in self.sets(&self.keys.ring(), owner, now).unwrap_or_default() {
            commands.cmd("ZREM").arg(set).arg(hex(key));
        }
    }

    /// The keys of an owner's sets.
    fn sets(&self, ring: &KeyRing, owner: &str, now: Time) -> Result<Vec<String>, NotSealed> {
        let marks = ring.marks(PURPOSE, owner.as_bytes(), now)?;
        Ok(marks.iter().map(|mark| format!("{}:o:{}", self.prefix, hex(mark))).collect())
    }
}
