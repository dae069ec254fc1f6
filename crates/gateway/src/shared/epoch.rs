//! Whether Redis remembers what it was told: a key of ours that says since when.
//!
//! A claim that Redis forgot may be made again, by whoever replays. It forgets when it is emptied, when it starts with what it
//! had on a disk a while ago, and when a replica that had not everything yet takes its place. In the first case the key is gone,
//! in the others the server is another than the one that the key names. Whoever sees that first writes a new one, with the
//! time; messages that were made before that are not taken.
//!
//! The key is asked for beside each claim, in the same turn, so no claim is believed that was made of a Redis which had
//! forgotten the others.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use nuncio_crypto::random::Random;
use nuncio_wss::Time;
use redis::{Pipeline, Value, cmd};

use super::Unavailable;
use super::link::Link;
use crate::clock::Clock;
use crate::random::Entropy;

/// Puts a value in the place of one that is still there, or where there is none; what is there then.
const REPLACE: &str = "#!lua flags=allow-oom
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  there = ARGV[2]
end
return there";

/// How often it is tried to write what others write too.
const TRIES: usize = 5;

/// Who answers: what `INFO` says of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Server {
    /// It and its history of data, by names that it draws anew when it starts or becomes another's successor.
    pub(super) identity: String,
    /// Whether it only repeats what another is told.
    pub(super) is_replica: bool,
    /// Whether it has some of the keys only.
    pub(super) is_of_cluster: bool,
    /// What it forgets when it is full.
    pub(super) eviction: Option<String>,
    /// The first number of its version.
    pub(super) version: Option<u32>,
}

impl Server {
    /// What `INFO` said.
    pub(super) fn read(info: &str) -> Self {
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(|value| value.trim().to_owned())
        };
        let (run, replication) = (field("run_id").unwrap_or_default(), field("master_replid").unwrap_or_default());
        let version = field("redis_version");
        Self {
            identity: format!("{run}.{replication}"),
            is_replica: field("role").as_deref() == Some("slave"),
            is_of_cluster: field("cluster_enabled").as_deref() == Some("1"),
            eviction: field("maxmemory_policy"),
            version: version.and_then(|version| version.split('.').next()?.parse().ok()),
        }
    }
}

/// Since when Redis remembers.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Epoch {
    /// What our key says.
    octets: Vec<u8>,
    /// What was made before then may have been claimed and forgotten.
    fence: Time,
}

/// What is known of it.
pub(super) struct Epochs {
    key: String,
    known: ArcSwapOption<Epoch>,
}

impl Epochs {
    pub(super) fn new(prefix: &str) -> Self {
        Self { key: format!("{prefix}:epoch"), known: ArcSwapOption::empty() }
    }

    /// The instant before which messages may have been claimed and forgotten.
    pub(super) fn fence(&self) -> Option<Time> {
        self.known.load().as_ref().map(|epoch| epoch.fence)
    }

    /// Asks for our key, beside other commands.
    pub(super) fn ask(&self, commands: &mut Pipeline) {
        commands.cmd("GET").arg(&self.key);
    }

    /// Whether that is what our key says as far as we know.
    pub(super) fn is_known(&self, answer: &Value) -> bool {
        matches!(answer, Value::BulkString(octets) if self.known.load().as_ref().is_some_and(|known| known.octets == *octets))
    }

    /// Learns what our key says on that server, and writes it anew where it says nothing of this server.
    ///
    /// One task does this: nobody else learns meanwhile.
    pub(super) async fn learn(
        &self,
        link: &Link,
        server: &Server,
        clock: &Clock,
        entropy: &Entropy,
        within: Duration,
    ) -> Result<(), Unavailable> {
        let mut there = answer(link, cmd("GET").arg(&self.key), within).await?;
        for _ in 0..TRIES {
            if let Some(since) = since(&there, &server.identity) {
                self.adopt(there, since, clock.now());
                return Ok(());
            }
            let new = written(&server.identity, clock.now(), entropy)?;
            there = answer(link, cmd("EVAL").arg(REPLACE).arg(1).arg(&self.key).arg(&there).arg(new), within).await?;
        }
        Err(link.end(Unavailable::Refused(format!("others write {} all the time", self.key))))
    }

    fn adopt(&self, octets: Vec<u8>, since: Time, now: Time) {
        let known = self.known.load();
        let fence = match &*known {
            Some(known) if known.octets == octets => return,
            None => since,
            // What we claimed before this moment may be forgotten too, and our clock may be ahead of whose it was.
            Some(known) => {
                let fence = since.max(now).max(known.fence);
                tracing::warn!("Redis forgot what it was told: messages that were made before {fence} are refused");
                fence
            }
        };
        self.known.store(Some(Arc::new(Epoch { octets, fence })));
    }
}

/// What our key says from now on: who the server is, when that was, and a number, so that no two are the same.
fn written(identity: &str, now: Time, entropy: &Entropy) -> Result<String, Unavailable> {
    let (mut draw, mut octets) = (entropy.draw(), [0; 8]);
    draw.fill(&mut octets);
    draw.check().map_err(|error| Unavailable::Refused(error.to_string()))?;
    Ok(format!("{identity} {} {:016x}", now.millis(), u64::from_be_bytes(octets)))
}

/// Since when that server remembers, if our key says something of it.
fn since(octets: &[u8], identity: &str) -> Option<Time> {
    let text = str::from_utf8(octets).ok()?;
    let mut parts = text.split(' ');
    let (server, millis, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    (server == identity).then_some(Time::from_millis(millis.parse().ok()?))
}

/// The octets that are answered to one command; none where there is nothing.
async fn answer(link: &Link, command: &redis::Cmd, within: Duration) -> Result<Vec<u8>, Unavailable> {
    let mut commands = Pipeline::with_capacity(1);
    commands.add_command(command.clone());
    match link.ask(&commands, within).await?.pop() {
        Some(Value::BulkString(octets)) => Ok(octets),
        Some(Value::Nil) => Ok(Vec::new()),
        Some(Value::ServerError(error)) => Err(link.refused(&error)),
        _ => Err(link.end(Unavailable::Refused("it answers what was not asked".to_owned()))),
    }
}

/// Who answers on a connection.
pub(super) async fn server(link: &Link, within: Duration) -> Result<Server, Unavailable> {
    let sections = cmd("INFO").arg("server").arg("replication").arg("memory").arg("cluster").to_owned();
    let info = answer(link, &sections, within).await?;
    Ok(Server::read(&String::from_utf8_lossy(&info)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn what_info_says_is_read() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:ab12\r\n\r\n# Replication\r\nrole:master\r\n\
                    master_replid:cd34\r\nmaster_replid2:0000\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n";
        let server = Server::read(info);
        let eviction = Some("allkeys-lru".to_owned());
        let identity = "ab12.cd34".to_owned();
        let read = Server { identity, is_replica: false, is_of_cluster: false, eviction, version: Some(7) };
        assert_eq!(server, read);
        assert!(Server::read("role:slave\r\n").is_replica);
        assert!(Server::read("cluster_enabled:1\r\n").is_of_cluster);
        assert_eq!(Server::read("").version, None);
    }

    #[test]
    fn our_key_says_since_when_of_one_server() {
        let text = written("ab.cd", at(5000), &Entropy::system()).unwrap();
        assert_eq!(since(text.as_bytes(), "ab.cd"), Some(at(5000)));
        for (octets, server) in [
            (text.as_bytes(), "ab.ce"),
            (b"", "ab.cd"),
            (b"ab.cd", "ab.cd"),
            (b"ab.cd x 0", "ab.cd"),
            (b"ab.cd 1 0 0", "ab.cd"),
            (b"ab.cd 99999999999999999999 0", "ab.cd"),
            (b"\xFF 1 0", "ab.cd"),
        ] {
            assert_eq!(since(octets, server), None, "{octets:?}");
        }
    }

    #[test]
    fn f_14_the_fence_is_moved_when_redis_forgot_and_never_back() {
        let epochs = Epochs::new("nuncio");
        let says = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        assert_eq!((epochs.fence(), epochs.is_known(&says("one"))), (None, false));
        epochs.adopt(b"one".to_vec(), at(100), at(5000));
        assert_eq!(epochs.fence(), Some(at(100)), "it remembers since before we began");
        assert!(epochs.is_known(&says("one")) && !epochs.is_known(&says("two")) && !epochs.is_known(&Value::Nil));
        epochs.adopt(b"one".to_vec(), at(100), at(6000));
        assert_eq!(epochs.fence(), Some(at(100)), "nothing was forgotten");
        epochs.adopt(b"two".to_vec(), at(6500), at(7000));
        assert_eq!(epochs.fence(), Some(at(7000)), "whose clock is ahead counts");
        epochs.adopt(b"three".to_vec(), at(200), at(300));
        assert_eq!(epochs.fence(), Some(at(7000)), "a clock that was set back moves nothing back");
        assert!(epochs.is_known(&says("three")));
    }
}
