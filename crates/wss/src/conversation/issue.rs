//! A security context issued ([WS-SecureConversation 1.4] section 3, [WS-Trust 1.4] section 4.4.3 for its key).

use std::sync::Arc;
use std::time::Duration;

use nuncio_crypto::derive;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_xml::Writer;

use super::{Besides, Context, ConversationId, Principal};
use crate::dialect::TrustVerb;
use crate::fault::Fault;
use crate::received::Request;
use crate::recipient::{self, Issue, Opened, SealCookie};
use crate::refusal::{Class, Refusal};
use crate::reply::{Answer, Reply};
use crate::time::Time;
use crate::trust::request::TokenRequest;
use crate::trust::response::{Issued, write_issued};
use crate::trust::secret::{Brought, Unwrapping, Written};

/// The key of a new context, and what its client is told of it.
struct Key {
    secret: Secret,
    entropy: Option<Secret>,
    given: bool,
    /// Whether the client encrypted its entropy by itself.
    wrapped: bool,
}

/// Issues a context and seals the answer.
pub(crate) fn issue(
    opened: Opened,
    principal: Arc<Principal>,
    cookie: Option<SealCookie<'_>>,
    now: Time,
    random: &mut dyn Random,
) -> Result<recipient::Issued, Issue> {
    let granted = grant(&opened, principal, now, random);
    answer(opened, granted, TrustVerb::Issue, cookie, now, random)
}

/// Renews a context and seals the answer.
pub(crate) fn renew(
    opened: Opened,
    principal: Arc<Principal>,
    cookie: Option<SealCookie<'_>>,
    now: Time,
    random: &mut dyn Random,
) -> Result<recipient::Issued, Issue> {
    let granted = grant_again(&opened, principal, now, random);
    answer(opened, granted, TrustVerb::Renew, cookie, now, random)
}

fn answer(
    opened: Opened,
    granted: Result<Granted, Refusal>,
    verb: TrustVerb,
    cookie: Option<SealCookie<'_>>,
    now: Time,
    random: &mut dyn Random,
) -> Result<recipient::Issued, Issue> {
    let dialect = opened.terms.dialect();
    let reply = opened.into_reply();
    let Granted { context, key, correlation } = match granted {
        Ok(granted) => granted,
        Err(refusal) => return Err(refuse(&reply, refusal, now, random)?),
    };
    let cookie = match cookie.map(|seal| seal(&context, random)).transpose() {
        Ok(cookie) => cookie,
        Err(cause) => {
            let (message, _) = reply.seal(Answer::Fault(Fault::unavailable()), now, random)?;
            return Err(Issue::NoCookie { cause, message });
        }
    };
    let entropy = key.entropy.as_ref().map(|entropy| written(reply.opened(), entropy, key.wrapped, random));
    let given = key.given.then(|| written(reply.opened(), &context.secret, key.wrapped, random));
    let mut tag = [0; 6];
    random.fill(&mut tag);
    let (token, secret) = (format!("_{}-sct", hex(&tag)), format!("_{}-key", hex(&tag)));
    let issued = Issued {
        context: &context,
        cookie: cookie.as_deref(),
        ids: (&token, &secret),
        entropy: entropy.as_ref(),
        given: given.as_ref(),
        correlation: correlation.as_deref(),
    };
    let write = |writer: &mut Writer| write_issued(writer, &issued);
    let message = reply.seal_trust(dialect, verb, &write, now, random)?;
    Ok(recipient::Issued { context, message, reply })
}

/// A secret of ours as the client reads it: encrypted by itself where it did so with its own, under its certificate, or
/// else under the key of its request; over a transport there is neither.
fn written(opened: &Opened, secret: &Secret, wrapped: bool, random: &mut dyn Random) -> Written {
    let suite = opened.terms.bootstrap_suite();
    let (certificate, shared) = (opened.evidence.certificate.as_ref(), opened.evidence.shared.as_ref());
    let certificate = certificate.filter(|_| wrapped);
    certificate
        .and_then(|certificate| Written::for_certificate(secret, certificate, suite, random))
        .or_else(|| Written::for_request(secret, shared.filter(|_| wrapped)?, suite, random))
        .unwrap_or_else(|| Written::Clear(secret.clone()))
}

/// Seals the fault that tells a client that its request is not granted.
pub(super) fn refuse(reply: &Reply, refusal: Refusal, now: Time, random: &mut dyn Random) -> Result<Issue, Issue> {
    // A request that was opened is told of itself alone.
    let class = match refusal.class() {
        Class::InvalidTimeRange => Class::InvalidTimeRange,
        _ => Class::InvalidRequest,
    };
    let fault = Fault::refusal(class, reply.opened().terms.dialect());
    let (message, _) = reply.seal(Answer::Fault(fault), now, random)?;
    Ok(Issue::Refused { refusal, message })
}

/// What a trust request gets.
struct Granted {
    context: Context,
    key: Key,
    correlation: Option<String>,
}

fn grant(opened: &Opened, principal: Arc<Principal>, now: Time, random: &mut dyn Random) -> Result<Granted, Refusal> {
    let (envelope, dialect) = (&opened.envelope, opened.terms.dialect());
    let request =
        TokenRequest::read(&envelope.document, envelope.payload(), dialect, TrustVerb::Issue, &Unwrapping::of(opened))?;
    let expires = expires(opened, &request, now, random)?;
    let mut identifier = [0; 16];
    random.fill(&mut identifier);
    let key = key(opened, &request, random)?;
    let mut conversation = [0; 16];
    random.fill(&mut conversation);
    let context = Context {
        identifier: format!("urn:uuid:{}", uuid(identifier)).into(),
        dialect,
        principal,
        conversation: ConversationId(conversation),
        created: now,
        expires,
        secret: key.secret.clone(),
        derived: opened.recipient.settings.derived_keys.lease(),
        besides: None,
    };
    Ok(Granted { context, key, correlation: request.correlation })
}

/// A new key for the context that endorses the request, which must be what the request is about; for nobody but whoever
/// established it ([WS-SecureConversation 1.4] section 5).
fn grant_again(
    opened: &Opened,
    principal: Arc<Principal>,
    now: Time,
    random: &mut dyn Random,
) -> Result<Granted, Refusal> {
    if opened.terms.conversation().is_some_and(|token| !token.renew) {
        return Err(Refusal::TrustRequest("renews where the policy forbids it"));
    }
    let (envelope, dialect) = (&opened.envelope, opened.terms.dialect());
    let request =
        TokenRequest::read(&envelope.document, envelope.payload(), dialect, TrustVerb::Renew, &Unwrapping::of(opened))?;
    let expires = expires(opened, &request, now, random)?;
    let (identifier, instance) = request.target.as_ref().ok_or(Refusal::TrustRequest("names no context to renew"))?;
    let old = opened
        .context
        .as_ref()
        .filter(|context| context.key(identifier, instance.as_deref()).is_some())
        .ok_or(Refusal::TrustRequest("is about another context than the one that signed it"))?;
    if !old.principal.is(&principal) {
        return Err(Refusal::TrustRequest("renews what somebody else established"));
    }
    let mut instance = [0; 16];
    random.fill(&mut instance);
    let key = key(opened, &request, random)?;
    let context = Context {
        identifier: old.identifier.clone(),
        dialect,
        principal,
        conversation: old.conversation,
        created: now,
        expires,
        secret: key.secret.clone(),
        derived: opened.recipient.settings.derived_keys.lease(),
        besides: Some(Box::new(Besides {
            instance: Some(format!("urn:uuid:{}", uuid(instance)).into()),
            replaces: Some(old.name().into()),
            carried: None,
        })),
    };
    Ok(Granted { context, key, correlation: request.correlation })
}

/// When a context ends: as its client asks, and no later than the longest that we have; counted from now, since two clocks
/// are never the same. A request for another service than ours gets none.
fn expires(opened: &Opened, request: &TokenRequest, now: Time, random: &mut dyn Random) -> Result<Time, Refusal> {
    let settings = &opened.recipient.settings;
    let is_ours = |scope: &String| settings.addresses.is_empty() || settings.addresses.contains(scope);
    if !request.scope.as_ref().is_none_or(is_ours) {
        return Err(Refusal::TrustRequest("applies to another service than ours"));
    }
    let mut lifetime = settings.context_lifetime;
    if let (created, Some(expires)) = request.lifetime {
        let begins = created.unwrap_or(now);
        let skew = settings.freshness.skew;
        if expires <= begins || expires.plus(skew) <= now || begins > now.plus(skew) {
            return Err(Refusal::TimeRange { created, expires });
        }
        let asked = Duration::from_millis(expires.millis().abs_diff(begins.millis()));
        lifetime = lifetime.min(asked);
    }
    Ok(now.plus(jittered(lifetime, settings.context_jitter, random)))
}

/// A lifetime less what is drawn of it: never longer, since nobody is promised more than he asked for, or than we give.
fn jittered(lifetime: Duration, percent: u8, random: &mut dyn Random) -> Duration {
    if percent == 0 {
        return lifetime;
    }
    let mut drawn = [0; 4];
    random.fill(&mut drawn);
    let most = lifetime.as_millis() * u128::from(percent.min(100)) / 100;
    let less = (most * u128::from(u32::from_le_bytes(drawn))) >> u32::BITS;
    lifetime.saturating_sub(Duration::from_millis(u64::try_from(less).unwrap_or_default()))
}

/// Agrees on a key: from both sides' entropy, or the client's, or ours, as the policy's trust assertion has it.
fn key(opened: &Opened, request: &TokenRequest, random: &mut dyn Random) -> Result<Key, Refusal> {
    let terms = &opened.terms;
    let suite = terms.policy.properties.suite;
    let octets = request.key_size.unwrap_or(suite.key);
    if !(suite.minimum_key..=suite.maximum_key).contains(&octets) {
        return Err(Refusal::TrustRequest("asks for a key of another size than the suite's"));
    }
    let trust = terms.policy.trust.as_ref();
    let (client, server) = trust.map_or((false, true), |trust| (trust.client_entropy, trust.server_entropy));
    match &request.entropy {
        // CXF renews without entropy, and takes a whole key in answer.
        None if client && opened.request == Request::Issue => {
            Err(Refusal::TrustRequest("has no entropy where the policy asks for it"))
        }
        None => Ok(Key { secret: fresh(octets, random), entropy: None, given: true, wrapped: false }),
        Some(Brought { secret: entropy, wrapped }) if client && !server => {
            if entropy.len() != octets {
                return Err(Refusal::TrustRequest("has entropy of another size than the key's"));
            }
            Ok(Key { secret: entropy.clone(), entropy: None, given: false, wrapped: *wrapped })
        }
        Some(Brought { secret: entropy, wrapped }) => {
            let ours = fresh(octets, random);
            let secret = derive::computed_key(entropy.expose(), ours.expose(), octets)
                .map_err(|_| Refusal::TrustRequest("asks for too long a key"))?;
            Ok(Key { secret, entropy: Some(ours), given: false, wrapped: *wrapped })
        }
    }
}

fn fresh(octets: usize, random: &mut dyn Random) -> Secret {
    let mut key = vec![0; octets];
    random.fill(&mut key);
    Secret::new(key)
}

/// Octets in hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        text.extend([DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]);
    }
    text
}

/// A version 4 UUID ([RFC 9562] section 5.4) of those octets.
pub(crate) fn uuid(mut octets: [u8; 16]) -> String {
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let text = hex(&octets);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}
