//! A security context as octets, for whoever keeps it outside this process's memory.
//!
//! Whoever holds a record holds the key: it leaves the process sealed, and what comes back is ours. It is read with care all the
//! same, since another version of this program may have written it.

use std::sync::Arc;

use nuncio_crypto::secret::Secret;
use zeroize::Zeroizing;

use super::derived::DerivedKeys;
use super::{Besides, Carried, Context, ConversationId, Holder, Principal};
use crate::dialect::Dialect;
use crate::time::Time;

/// The version of a record, its first octet: of a context that was issued here, and of one that somebody else issued, whose token
/// is at its end.
const VERSION: u8 = 1;
const CARRIED: u8 = 2;

/// What is no record of a context, or one of a version that is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is no record of a security context")]
pub struct NotARecord;

/// Each kind of principal by its octet.
const ANONYMOUS: u8 = 0;
const CERTIFICATE: u8 = 1;
const USER: u8 = 2;

/// The record of a context. `None` for one with a part of more than 64 KiB.
pub(super) fn write(context: &Context) -> Option<Zeroizing<Vec<u8>>> {
    // It never grows: no copy of the key is left behind.
    let mut out = Zeroizing::new(Vec::with_capacity(octets(context)));
    out.push(if context.carried().is_some() { CARRIED } else { VERSION });
    part(&mut out, context.dialect.conversation.as_bytes())?;
    part(&mut out, context.identifier.as_bytes())?;
    part(&mut out, context.instance().unwrap_or_default().as_bytes())?;
    part(&mut out, context.replaces().unwrap_or_default().as_bytes())?;
    match &*context.principal {
        Principal::Anonymous => out.push(ANONYMOUS),
        Principal::Certificate(holder) => {
            out.push(CERTIFICATE);
            part(&mut out, holder.subject.as_bytes())?;
            part(&mut out, holder.issuer.as_bytes())?;
            out.extend_from_slice(&holder.thumbprint);
        }
        Principal::User(name) => {
            out.push(USER);
            part(&mut out, name.as_bytes())?;
        }
    }
    out.extend_from_slice(&context.conversation.0);
    out.extend_from_slice(&context.created.millis().to_be_bytes());
    out.extend_from_slice(&context.expires.millis().to_be_bytes());
    part(&mut out, context.secret.expose())?;
    if let Some(Carried { id, octets }) = context.carried() {
        part(&mut out, id.as_bytes())?;
        part(&mut out, octets)?;
    }
    Some(out)
}

/// How many octets a record takes, at most.
fn octets(context: &Context) -> usize {
    let principal = match &*context.principal {
        Principal::Anonymous => 0,
        Principal::Certificate(holder) => holder.subject.len() + holder.issuer.len() + holder.thumbprint.len(),
        Principal::User(name) => name.len(),
    };
    let names = [context.dialect.conversation, &context.identifier]
        .into_iter()
        .chain(context.instance())
        .chain(context.replaces())
        .map(str::len)
        .sum::<usize>();
    let carried = context.carried().map_or(0, |carried| carried.id.len() + carried.octets.len() + 2 * 2);
    // Seven lengths, two kinds and three numbers.
    names + principal + context.secret.len() + 7 * 2 + 2 + 2 * 8 + 16 + carried
}

fn part(out: &mut Vec<u8>, octets: &[u8]) -> Option<()> {
    out.extend_from_slice(&u16::try_from(octets.len()).ok()?.to_be_bytes());
    out.extend_from_slice(octets);
    Some(())
}

/// Makes contexts of their records, on whatever machine, and keeps the keys that are derived of theirs while they are hot.
pub struct Restorer(Arc<DerivedKeys>);

impl Restorer {
    /// One that keeps derived keys of so many contexts, as [`crate::Limits::hot_contexts`] does of those that were issued.
    pub fn new(hot_contexts: usize) -> Self {
        Self(DerivedKeys::new(hot_contexts))
    }

    /// The context of a record that [`Context::record`] gave, of one that was issued here.
    pub fn restore(&self, record: &[u8]) -> Result<Context, NotARecord> {
        read(record, &self.0)
            .and_then(|context| if context.carried().is_none() { Ok(context) } else { Err(NotARecord) })
    }
}

/// The context of a record; the keys that are derived of it are kept in `derived`.
pub(crate) fn read(record: &[u8], derived: &Arc<DerivedKeys>) -> Result<Context, NotARecord> {
    let mut rest = Rest(record);
    let [version @ (VERSION | CARRIED)] = *rest.take()? else { return Err(NotARecord) };
    let dialect = Dialect::of_conversation(rest.text()?).ok_or(NotARecord)?;
    let identifier: Box<str> = some(rest.text()?).ok_or(NotARecord)?;
    let (instance, replaces) = (some(rest.text()?), some(rest.text()?));
    let principal = match rest.take()? {
        [ANONYMOUS] => Principal::Anonymous,
        [CERTIFICATE] => Principal::Certificate(Holder {
            subject: rest.text()?.into(),
            issuer: rest.text()?.into(),
            thumbprint: *rest.take()?,
        }),
        [USER] => Principal::User(rest.text()?.into()),
        _ => return Err(NotARecord),
    };
    let conversation = ConversationId(*rest.take()?);
    let (created, expires) = (rest.time()?, rest.time()?);
    let secret = Secret::from(rest.part()?);
    let carried = if version == CARRIED {
        Some(Carried { id: rest.text()?.to_owned(), octets: rest.part()?.to_vec() })
    } else {
        None
    };
    if secret.is_empty() || !rest.0.is_empty() {
        return Err(NotARecord);
    }
    let has_more = instance.is_some() || replaces.is_some() || carried.is_some();
    let besides = has_more.then(|| Box::new(Besides { instance, replaces, carried }));
    Ok(Context {
        identifier,
        dialect,
        principal: Arc::new(principal),
        conversation,
        created,
        expires,
        secret,
        derived: derived.lease(),
        besides,
    })
}

fn some(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], NotARecord> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(NotARecord)?;
        self.0 = rest;
        Ok(taken)
    }

    fn part(&mut self) -> Result<&'a [u8], NotARecord> {
        let length = u16::from_be_bytes(*self.take()?);
        let (part, rest) = self.0.split_at_checked(usize::from(length)).ok_or(NotARecord)?;
        self.0 = rest;
        Ok(part)
    }

    fn text(&mut self) -> Result<&'a str, NotARecord> {
        std::str::from_utf8(self.part()?).map_err(|_| NotARecord)
    }

    fn time(&mut self) -> Result<Time, NotARecord> {
        self.take().map(|octets| Time::from_millis(i64::from_be_bytes(*octets)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FEBRUARY_2005, V13};

    fn foreign(dialect: &'static Dialect) -> Context {
        let mut context = context(dialect, Principal::Anonymous, true);
        let carried = Carried { id: "_1".to_owned(), octets: b"<c:SecurityContextToken/>".to_vec() };
        context.besides.as_mut().unwrap().carried = Some(carried);
        context
    }

    fn context(dialect: &'static Dialect, principal: Principal, renewed: bool) -> Context {
        let text = |text: &str| Some(text.into());
        let besides = || {
            Box::new(Besides { instance: text("urn:uuid:2"), replaces: text("urn:uuid:1 urn:uuid:0"), carried: None })
        };
        Context {
            identifier: "urn:uuid:1".into(),
            dialect,
            principal: Arc::new(principal),
            conversation: ConversationId([7; 16]),
            created: Time::from_millis(-5),
            expires: Time::from_millis(1 << 50),
            secret: Secret::new((0..32).collect()),
            derived: DerivedKeys::new(4).lease(),
            besides: renewed.then(besides),
        }
    }

    fn all() -> Vec<Context> {
        let holder = Holder { subject: "CN=alice,O=Großküche".into(), issuer: "CN=ca".into(), thumbprint: [9; 20] };
        vec![
            context(&V13, Principal::Anonymous, false),
            context(&V13, Principal::User("alice".into()), true),
            context(&FEBRUARY_2005, Principal::Certificate(holder), true),
            foreign(&V13),
        ]
    }

    #[test]
    fn what_is_written_is_read_again() {
        for before in all() {
            let record = before.record().unwrap();
            assert!(record.len() <= octets(&before), "and nothing was copied on the way");
            let after = read(&record, &DerivedKeys::new(4)).unwrap();
            assert_eq!((&after.name(), after.replaces()), (&before.name(), before.replaces()));
            assert_eq!((&*after.identifier, after.instance()), (&*before.identifier, before.instance()));
            assert_eq!((after.dialect.version, &after.principal), (before.dialect.version, &before.principal));
            assert_eq!((after.created, after.expires), (before.created, before.expires));
            assert_eq!(after.conversation, before.conversation);
            assert!(after.secret.matches(before.secret.expose()));
            let carried = |context: &Context| context.carried().map(|it| (it.id.clone(), it.octets.clone()));
            assert_eq!(carried(&after), carried(&before));
        }
    }

    #[test]
    fn f_16_what_is_cut_longer_or_of_another_version_is_none() {
        for context in all() {
            let record = context.record().unwrap();
            let keys = DerivedKeys::new(4);
            for length in 0..record.len() {
                assert_eq!(read(&record[..length], &keys).err(), Some(NotARecord), "{length} octets");
            }
            for longer in [&[0][..], &[0, 0]] {
                assert_eq!(read(&[&record[..], longer].concat(), &keys).err(), Some(NotARecord));
            }
            let mut next = record.to_vec();
            next[0] = CARRIED + 1;
            assert_eq!(read(&next, &keys).err(), Some(NotARecord));
            // Whatever else may be in one: no panic.
            for at in 0..record.len() {
                for octet in [0, 1, 0x7F, 0x80, 0xFF] {
                    let mut changed = record.to_vec();
                    changed[at] = octet;
                    let _ = read(&changed, &keys);
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_has_no_record() {
        let long = "x".repeat(70_000);
        assert!(context(&V13, Principal::User(long.clone().into()), false).record().is_none());
        let mut foreign = foreign(&V13);
        foreign.besides.as_mut().unwrap().carried.as_mut().unwrap().octets = long.into();
        assert!(foreign.record().is_none());
    }
}
