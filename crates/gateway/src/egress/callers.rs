//! Which plain caller the service is called for, and as whom.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use nuncio_crypto::base64;
use nuncio_crypto::certificate::Certificate;
use nuncio_wss::{Initiator, Time};

use super::kept::Keeper;
use super::line::Line;
use super::registry::Parts;
use super::standing::Standing;
use crate::config::CallerProof;
use crate::users::{HELD, Leave, Try};

/// Callers that bring the service's own passwords, each with a conversation.
const PASSED: u64 = 10_000;
/// Those of whom the service has not said yet whether they are right.
const TRIED: u64 = 1000;
/// How long one of these is remembered.
const UNPROVED: Duration = Duration::from_mins(1);
/// How long one of them is remembered who does not call.
const FORGOTTEN: Duration = Duration::from_mins(30);

/// Who may call.
pub(super) struct Callers {
    /// As whom the service is called for whoever comes; `None` where callers are known.
    anybody: Option<Arc<Standing>>,
    known: Vec<Known>,
    passed: Option<Passed>,
}

/// A caller that is named.
struct Known {
    name: String,
    proof: CallerProof,
    standing: Arc<Standing>,
}

/// Callers that bring the user name and password with which the service is called.
struct Passed {
    initiator: Initiator,
    /// Where their contexts are kept, if that is not in memory alone, and what all of them are begun with.
    kept: Option<(Arc<Keeper>, [u8; 32])>,
    /// By the SHA-256 of both: who brings another password is another.
    standings: Cache<[u8; 32], Arc<Standing>>,
    /// Those of whom the service has not said yet whether they are right: they take no place from the others.
    tried: Cache<[u8; 32], Arc<Standing>>,
}

/// Who brings a password that only the service can judge.
pub(super) struct Tried {
    key: [u8; 32],
    user: String,
    standing: Arc<Standing>,
    leave: Leave,
    pub(super) proved: bool,
}

/// Somebody who may call.
pub(super) struct Admitted {
    /// What he is called; `None` for whoever comes.
    pub(super) name: Option<String>,
    pub(super) standing: Arc<Standing>,
    /// What the service is still to say of him.
    pub(super) tried: Option<Tried>,
}

/// Why somebody may not call.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NotAdmitted {
    /// He does not say who he is.
    #[error("the caller does not say who he is")]
    Nobody,
    /// What he says is not right.
    #[error("the caller is not who he says")]
    Wrong,
    /// He brings a password that nobody looked at, nor would with that message.
    #[error("the service asks for no password with that message, and has not said before that the caller's is right")]
    Unasked,
    /// A page in a browser asks, on a route that asks nobody who he is, under whatever host it says.
    #[error("a page in a browser asks, and the route asks nobody who he is: say its `hosts` or `callers`")]
    Page,
    /// Too many wrong passwords came before.
    #[error("a password was not looked at: too many wrong ones came before")]
    Throttled,
}

/// As whom the service is called for somebody.
pub(super) struct As {
    /// What the caller is called, and by what he is known.
    pub(super) caller: (String, CallerProof),
    /// Who calls for him.
    pub(super) standing: Arc<Standing>,
}

/// What ends the conversation of somebody who does not call any more.
pub(super) type Farewell = Arc<dyn Fn(Arc<Standing>) + Send + Sync>;

impl Callers {
    /// Whoever comes.
    pub(super) fn anybody(standing: Arc<Standing>) -> Self {
        Self { anybody: Some(standing), known: Vec::new(), passed: None }
    }

    /// Those that are named.
    pub(super) fn named(named: Vec<As>) -> Self {
        let known = |As { caller: (name, proof), standing }| Known { name, proof, standing };
        Self { anybody: None, known: named.into_iter().map(known).collect(), passed: None }
    }

    /// Those that are named, and those that bring the passwords with which `initiator` calls. Of these it is forgotten who did
    /// not call for long, with a farewell.
    pub(super) fn passing(
        initiator: Initiator,
        kept: Option<(Arc<Keeper>, [u8; 32])>,
        named: Vec<As>,
        farewell: Farewell,
    ) -> Self {
        let forget = move |_: Arc<[u8; 32]>, standing: Arc<Standing>, why: RemovalCause| {
            if why.was_evicted() {
                farewell(standing);
            }
        };
        let standings = Cache::builder().max_capacity(PASSED).time_to_idle(FORGOTTEN);
        let tried = Cache::builder().max_capacity(TRIED).time_to_live(UNPROVED);
        let passed = Passed {
            initiator,
            kept,
            standings: standings.eviction_listener(forget.clone()).build(),
            tried: tried.eviction_listener(forget).build(),
        };
        Self { passed: Some(passed), ..Self::named(named) }
    }

    /// Who brings what HTTP, or TLS, says of a request. A wrong password is noted, and its answer may be held back.
    pub(super) async fn admit(
        &self,
        authorization: Option<&HeaderValue>,
        client: Option<&Certificate>,
        from: IpAddr,
        now: Time,
        line: &Line,
    ) -> Result<Admitted, NotAdmitted> {
        if let Some(standing) = &self.anybody {
            return Ok(Admitted { name: None, standing: Arc::clone(standing), tried: None });
        }
        if let Some(proof) = client.map(CallerProof::certificate)
            && let Some(known) = self.find(&proof)
        {
            return Ok(known);
        }
        match authorization.and_then(Brought::read) {
            Some(Brought::Bearer(proof)) => self.find(&proof).ok_or(NotAdmitted::Wrong),
            Some(Brought::Basic { credentials, user }) => {
                let tried = || Try { route: &line.name, user: &user, from };
                let leave = line.world.guesses.ask(tried(), now);
                if leave == Leave::Refused {
                    line.metrics.throttled();
                    return Err(NotAdmitted::Throttled);
                }
                let proof = CallerProof::basic(&credentials);
                if let Some(known) = self.find(&proof) {
                    line.world.guesses.right(tried(), now);
                    return Ok(known);
                }
                if let Some(passed) = &self.passed {
                    return Ok(passed.standing(&credentials, user, &proof, leave));
                }
                line.world.guesses.wrong(tried(), now);
                if leave == Leave::Held {
                    line.metrics.throttled();
                    tokio::time::sleep(HELD).await;
                }
                Err(NotAdmitted::Wrong)
            }
            None => Err(NotAdmitted::Nobody),
        }
    }

    /// Digests are compared: where two differ tells nothing of a secret.
    fn find(&self, proof: &CallerProof) -> Option<Admitted> {
        let known = self.known.iter().find(|known| known.proof == *proof)?;
        Some(Admitted { name: Some(known.name.clone()), standing: Arc::clone(&known.standing), tried: None })
    }

    /// All whose conversations can be begun before they call.
    pub(super) fn settled(&self) -> impl Iterator<Item = &Arc<Standing>> {
        self.anybody.iter().chain(self.known.iter().map(|known| &known.standing))
    }

    /// All who may have a conversation.
    pub(super) fn all(&self) -> Vec<Arc<Standing>> {
        // Who is forgotten by now is said farewell to by that.
        if let Some(passed) = &self.passed {
            passed.standings.run_pending_tasks();
            passed.tried.run_pending_tasks();
        }
        let passed = self
            .passed
            .iter()
            .flat_map(|passed| passed.standings.iter().chain(passed.tried.iter()).map(|(_, standing)| standing));
        self.settled().map(Arc::clone).chain(passed).collect()
    }
}

impl Passed {
    fn standing(&self, credentials: &[u8], user: String, proof: &CallerProof, leave: Leave) -> Admitted {
        let (CallerProof::Basic(key) | CallerProof::Bearer(key) | CallerProof::Certificate(key)) = proof;
        let proved = self.standings.get(key);
        let name = proved.is_some().then(|| user.clone());
        let is_proved = proved.is_some();
        let standing = proved.unwrap_or_else(|| {
            self.tried.get_with(*key, || {
                let password = credentials.get(user.len() + 1..).unwrap_or_default();
                let password = String::from_utf8_lossy(password).into_owned();
                let place = self.kept.as_ref().map(|(keeper, with)| {
                    let mut begun_with = Parts::new();
                    begun_with.add(with);
                    begun_with.add(key);
                    keeper.place(begun_with.digest())
                });
                Standing::new(self.initiator.of_user(user.clone(), password), place)
            })
        });
        let tried = Tried { key: *key, user, standing: Arc::clone(&standing), leave, proved: is_proved };
        Admitted { name, standing, tried: Some(tried) }
    }

    /// Remembers him longer. His call may have taken longer than he was remembered: who was said farewell to begins anew, and who
    /// came in his place is remembered by himself.
    fn proved(&self, tried: &Tried) {
        if !tried.standing.is_over() {
            self.standings.insert(tried.key, Arc::clone(&tried.standing));
        }
        if self.tried.get(&tried.key).is_some_and(|standing| Arc::ptr_eq(&standing, &tried.standing)) {
            self.tried.invalidate(&tried.key);
        }
    }
}

impl Callers {
    /// Notes that the service took who brought a password, and from where he called.
    pub(super) fn proved(&self, tried: &Tried, from: IpAddr, now: Time, line: &Line) {
        if let Some(passed) = self.passed.as_ref().filter(|_| !tried.proved) {
            passed.proved(tried);
        }
        line.world.guesses.right(Try { route: &line.name, user: &tried.user, from }, now);
    }

    /// Notes that the service refused him, and holds the answer back where it must wait.
    pub(super) async fn wrong(&self, tried: &Tried, from: IpAddr, now: Time, line: &Line) {
        if tried.proved {
            return;
        }
        line.world.guesses.wrong(Try { route: &line.name, user: &tried.user, from }, now);
        if tried.leave == Leave::Held {
            line.metrics.throttled();
            tokio::time::sleep(HELD).await;
        }
    }
}

/// What `Authorization` brings.
enum Brought {
    Basic { credentials: Vec<u8>, user: String },
    Bearer(CallerProof),
}

impl Brought {
    /// `None` where it is of neither scheme, or not as the scheme has it (RFC 7617, RFC 6750).
    fn read(value: &HeaderValue) -> Option<Self> {
        let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return (!rest.is_empty()).then(|| Self::Bearer(CallerProof::bearer(rest.as_bytes())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let credentials = base64::decode(rest).ok()?;
        let text = std::str::from_utf8(&credentials).ok()?;
        let user = text.split_once(':').map(|(user, _)| user).filter(|user| !user.is_empty())?.to_owned();
        Some(Self::Basic { credentials, user })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use nuncio_policy::model::SoapVersion;
    use nuncio_policy::preset;
    use nuncio_wss::{Freshness, InitiatorSettings, PolicyReading};

    use super::*;

    fn initiator() -> Initiator {
        let day = Duration::from_hours(24);
        Initiator::new(InitiatorSettings {
            alternatives: vec![preset::named("wcf-ws2007-userNameOverTransport-conversation").unwrap().policy],
            soap: SoapVersion::V12,
            operations: Vec::new(),
            service: None,
            username: None,
            credential: None,
            to: "https://there.example/".to_owned(),
            reading: PolicyReading::Wcf,
            freshness: Freshness { skew: day, window: day },
            message_lifetime: day,
            limits: crate::config::MessageLimits::default().message(),
        })
        .unwrap()
    }

    /// Who makes room for others is said farewell to; who is only known by now is not.
    #[test]
    fn who_is_forgotten_is_said_farewell_to() {
        let gone = Arc::new(Mutex::new(0));
        let count = Arc::clone(&gone);
        let farewell: Farewell = Arc::new(move |_| *count.lock().unwrap() += 1);
        let callers = Callers::passing(initiator(), None, Vec::new(), farewell);
        let passed = callers.passed.as_ref().unwrap();
        let key = |number: u64| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            key
        };
        let standing = || Standing::new(passed.initiator.of_user("alice".to_owned(), "x".to_owned()), None);
        for number in 0..TRIED {
            passed.tried.insert(key(number), standing());
            passed.standings.insert(key(number), standing());
            passed.tried.invalidate(&key(number));
        }
        passed.tried.run_pending_tasks();
        assert_eq!(*gone.lock().unwrap(), 0);
        for number in TRIED..PASSED + 7 {
            passed.standings.insert(key(number), standing());
        }
        passed.standings.run_pending_tasks();
        assert_eq!((*gone.lock().unwrap(), passed.standings.entry_count()), (7, PASSED));
        drop(callers);
        assert_eq!(*gone.lock().unwrap(), 7, "who is left is said so to by whoever ends them all");
    }

    /// Whose first call takes longer than he is remembered is not remembered by a standing that is over, and takes nothing from
    /// himself who called again meanwhile.
    #[test]
    fn who_is_forgotten_before_he_is_proved_begins_anew() {
        let callers = Callers::passing(initiator(), None, Vec::new(), Arc::new(|standing| standing.close()));
        let passed = callers.passed.as_ref().unwrap();
        let call = || {
            let credentials = b"alice:secret";
            let admitted =
                passed.standing(credentials, "alice".to_owned(), &CallerProof::basic(credentials), Leave::Free);
            admitted.tried.unwrap()
        };
        let slow = call();
        passed.tried.invalidate(&slow.key);
        slow.standing.close();
        passed.proved(&slow);
        let next = call();
        assert!(!next.proved && !next.standing.is_over(), "a standing that is over is kept");
        passed.proved(&slow);
        assert!(Arc::ptr_eq(&call().standing, &next.standing), "the late one takes the place of the next");
        passed.proved(&next);
        let known = call();
        assert!(known.proved && Arc::ptr_eq(&known.standing, &next.standing));
    }
}
