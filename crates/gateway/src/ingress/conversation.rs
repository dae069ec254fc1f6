//! Conversations of a route: issued, renewed, ended, and told when they are over.

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::random::Random;
use nuncio_wss::{
    Answer, Context, Fault, Issue, Issued, Message, Opened, Outlived, Principal, Recipient, Refusal, Reply, Request,
    SealCookie, Time,
};

use super::{Denied, Ingress, note};
use crate::metrics::Outcome;
use crate::random::NoEntropy;
use crate::sessions::{Lease, NotKept, Owner, Waiting, owner};
use crate::shared;
use crate::spans::Story;

/// What a new context takes in memory, in octets: its name and a key. Keys that are derived of it are kept elsewhere.
const CONTEXT: usize = 256;

/// For how long the old key of a conversation is good after the new one was used, since what is in flight must arrive; and
/// for how long a conversation that is over is known, so that it can be renewed.
const ROLLOVER: Duration = Duration::from_mins(5);

impl Ingress {
    /// Notes that the message's context is in use: so it goes on, and the one that it replaced need not last.
    pub(super) fn used(&self, context: Option<&Arc<Context>>, now: Time) {
        let Some(context) = context else { return };
        let name = context.name();
        self.store.used(self.at(&name), self.idle, now);
        if let Some(old) = context.replaces() {
            self.store.retire(self.at(old), now.plus(ROLLOVER), now);
            for unused in self.world.renewals.used(context.conversation, &name) {
                self.store.retire(self.at(&unused), now, now);
            }
        }
    }

    /// A conversation for whoever may have one, or a new key for his: the old one goes on until the new one was used, and a
    /// little longer. `part` is what its span is called.
    pub(super) async fn grant(
        &self,
        opened: Opened,
        principal: Arc<Principal>,
        now: Time,
        (part, grant): (&'static str, Grant),
        audit: &mut Story<'_>,
    ) -> Result<Message, Denied> {
        let (name, octets) = (owner(&principal), principal.octets());
        let owner = Owner { name: &name, octets };
        if let Err(full) = self.store.has_room(owner, CONTEXT, now) {
            note(audit, Outcome::Busy, &full);
            return self.seal(opened.into_reply(), Answer::Fault(Fault::busy()), audit).await;
        }
        let renewed = opened.context().filter(|_| opened.request() == Request::Renew);
        let place = renewed.map(|context| self.world.renewals.begin(context.conversation, now.plus(self.pending), now));
        if let Some(None) = place {
            note(audit, Outcome::Busy, &"it has new keys that it did not use, as many as it may");
            return self.seal(opened.into_reply(), Answer::Fault(Fault::busy()), audit).await;
        }
        let _granting = audit.part(part);
        let principal = self.world.principals.shared(principal);
        let granted = self.granted(opened, principal, now, grant).await?;
        self.keep(granted, owner, place.flatten(), now, audit).await
    }

    /// Tells who holds the key of a conversation that is over that it must be renewed.
    pub(super) fn outlived(&self, late: Outlived, audit: &mut Story<'_>) -> Result<Message, Denied> {
        note(audit, Outcome::Refused(late.refusal().class()), late.refusal());
        audit.conversation = late.context().map(|context| context.conversation.to_string());
        audit.principal = late.context().and_then(|context| context.principal.name()).map(str::to_owned);
        let _sealing = audit.part("seal");
        let mut random = self.world.entropy.draw();
        let message = late.seal(self.world.clock.now(), &mut random)?;
        random.check()?;
        Ok(message)
    }

    /// Has a trust request granted; where that takes a private key, in its turn: whoever asks was let in.
    async fn granted(
        &self,
        opened: Opened,
        principal: Arc<Principal>,
        now: Time,
        grant: Grant,
    ) -> Result<Result<Issued, Issue>, NoEntropy> {
        let costly = opened.grants_by_private_key();
        let mut random = self.world.entropy.draw();
        let (cookies, scope) = (self.store.cookies(), self.scope.clone());
        let grant = move || {
            let seal = cookies.map(|cookies| {
                move |context: &Context, random: &mut dyn Random| Ok(cookies.seal(&scope, context, now, random)?)
            });
            let seal: Option<SealCookie<'_>> = seal.as_ref().map(|seal| seal as SealCookie<'_>);
            let granted = grant(opened, principal, seal, now, &mut random);
            random.check().map(|()| granted)
        };
        if costly { self.world.private_keys.finish(grant).await } else { grant() }
    }

    /// Keeps a context that was granted, and gives the answer that says so.
    async fn keep(
        &self,
        granted: Result<Issued, Issue>,
        owner: Owner<'_>,
        place: Option<Waiting>,
        now: Time,
        audit: &mut Story<'_>,
    ) -> Result<Message, Denied> {
        match granted {
            Ok(Issued { context, message, reply }) => {
                audit.conversation = Some(context.conversation.to_string());
                let (name, dialect) = (context.name(), context.dialect);
                let replaced = context.replaces().map(str::to_owned);
                // Whoever comes too late for a message may still renew or cancel: CXF's clients renew no sooner.
                let end = context.expires.plus(ROLLOVER);
                let lease =
                    Lease { owner, octets: context.octets(), pending: now.plus(self.pending), end, idle: self.idle };
                let goes_on = match self.store.put(self.at(&name), Arc::new(context), lease, now).await {
                    Ok(()) => replaced.is_none_or(|replaced| self.store.goes_on(self.at(&replaced), now)),
                    Err(NotKept::Shared(shared::NotKept::Over)) => false,
                    Err(not_kept) => {
                        note(audit, Outcome::Busy, &not_kept);
                        return self.seal(reply, Answer::Fault(Fault::busy()), audit).await;
                    }
                };
                // Whoever ended the conversation meanwhile ended this too: he finds it in its place from here on.
                if !goes_on || !place.is_none_or(|place| place.taken(&name)) {
                    self.store.retire(self.at(&name), now, now);
                    let refusal = Refusal::UnknownContext(name);
                    note(audit, Outcome::Refused(refusal.class()), &refusal);
                    let fault = Fault::refusal(refusal.class(), dialect);
                    return self.seal(reply, Answer::Fault(fault), audit).await;
                }
                Ok(message)
            }
            Err(issue) => refused(issue, audit),
        }
    }

    pub(super) async fn cancel(&self, opened: Opened, now: Time, audit: &mut Story<'_>) -> Result<Message, Denied> {
        let context = opened.context().map(Arc::clone);
        let _cancelling = audit.part("cancel");
        let mut random = self.world.entropy.draw();
        let cancelled = Recipient::cancel(opened, now, &mut random);
        random.check()?;
        let (message, reply) = match cancelled {
            Ok(cancelled) => cancelled,
            Err(issue) => return refused(issue, audit),
        };
        let Some(context) = context else { return Ok(message) };
        let name = context.name();
        let mut others = self.world.renewals.ended(context.conversation);
        others.extend(context.replaces().map(Into::into));
        // What its client keeps ends as a whole.
        others.retain(|other| **other != *name && self.store.cookies().is_none());
        for other in others {
            if let Err(not_ended) = self.store.remove(self.at(&other), &context, now).await {
                return self.not_ended(&not_ended, reply, audit).await;
            }
        }
        // Of two cancels at once, one finds it.
        match self.store.remove(self.at(&name), &context, now).await {
            Ok(true) => Ok(message),
            Ok(false) => {
                let refusal = Refusal::UnknownContext(context.identifier.to_string());
                let fault = Fault::refusal(refusal.class(), context.dialect);
                note(audit, Outcome::Refused(refusal.class()), &refusal);
                self.seal(reply, Answer::Fault(fault), audit).await
            }
            Err(not_ended) => self.not_ended(&not_ended, reply, audit).await,
        }
    }

    /// Tells whoever cancelled that it is not done for good: a store that could not be told may know the conversation again.
    async fn not_ended(&self, why: &NotKept, reply: Reply, audit: &mut Story<'_>) -> Result<Message, Denied> {
        note(audit, Outcome::Busy, why);
        self.seal(reply, Answer::Fault(Fault::busy()), audit).await
    }
}

/// How a trust request is granted.
pub(super) type Grant =
    fn(Opened, Arc<Principal>, Option<SealCookie<'_>>, Time, &mut dyn Random) -> Result<Issued, Issue>;

/// A trust request that is not granted has its own sealed answer.
fn refused(issue: Issue, audit: &mut Story<'_>) -> Result<Message, Denied> {
    match issue {
        Issue::Refused { refusal, message } => {
            note(audit, Outcome::Refused(refusal.class()), &refusal);
            Ok(message)
        }
        Issue::NoCookie { cause, message } => {
            note(audit, Outcome::Failed, &cause);
            Ok(message)
        }
        Issue::Unsealed(unsealed) => Err(unsealed.into()),
        // Issue may grow; what is not known is not sent.
        other => {
            note(audit, Outcome::Failed, &other);
            Err(Denied::Unknown)
        }
    }
}
