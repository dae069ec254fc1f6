//! Conversations as whoever runs the gateway sees them: listed a page at a time, looked at, cut. No key of one is ever told, and
//! nothing by which one could speak in it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use nuncio_policy::model::TrustVersion;
use nuncio_wss::{Context, ConversationId, Principal};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::sessions::{Known, Meant, Place, Seen};
use crate::world::World;

/// Where they are.
pub(super) const PATH: &str = "/sessions";
/// Conversations of a page, unless it is said.
const PAGE: usize = 100;
/// Conversations of a page at most.
const LONGEST: usize = 1000;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The place that the page before gave as its `next`.
    after: Option<String>,
    /// How many.
    most: Option<usize>,
    /// Those that are kept there; in memory and on disk, unless it is said.
    store: Option<Kind>,
    /// Those of the principal of that name.
    principal: Option<String>,
    /// Those of the holders of certificates that this one issued.
    issuer: Option<String>,
}

/// Where conversations are listed that are not in memory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// In Redis.
    Redis,
    /// In their clients' tokens: those that were opened here lately.
    Cookie,
}

/// A page of conversations.
#[derive(Serialize)]
struct Page {
    sessions: Vec<Session>,
    /// Where the next page begins; none behind the last.
    next: Option<String>,
}

/// A conversation, or one key of several where it was renewed.
#[derive(Serialize)]
struct Session {
    /// The number of the conversation, by which access lines and backends know it.
    id: String,
    /// Its identifier, as messages have it.
    identifier: String,
    /// Which of its keys this is, where it was renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The generation of WS-SecureConversation.
    version: &'static str,
    principal: Who,
    created: String,
    /// When its key ends.
    expires: String,
    /// When it was used last; none where nothing was said in it yet.
    used: Option<String>,
    /// When it is forgotten, as things are.
    ends: String,
}

/// Who established it.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Who {
    Anonymous,
    Certificate { name: String, issuer: String, thumbprint: String },
    User { name: String },
}

impl From<&Principal> for Who {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::Anonymous => Self::Anonymous,
            Principal::User(name) => Self::User { name: name.to_string() },
            Principal::Certificate(holder) => {
                let mut thumbprint = String::with_capacity(40);
                for octet in holder.thumbprint {
                    let _ = write!(thumbprint, "{octet:02x}");
                }
                Self::Certificate { name: holder.subject.to_string(), issuer: holder.issuer.to_string(), thumbprint }
            }
        }
    }
}

impl From<Seen<Context>> for Session {
    fn from(seen: Seen<Context>) -> Self {
        let context = seen.value;
        Self {
            id: context.conversation.to_string(),
            identifier: context.identifier.to_string(),
            instance: context.instance().map(str::to_owned),
            version: match context.dialect.version {
                TrustVersion::February2005 => "2005-02",
                TrustVersion::V13 => "1.3",
            },
            principal: Who::from(&*context.principal),
            created: context.created.to_string(),
            expires: context.expires.to_string(),
            used: seen.used.map(|used| used.to_string()),
            ends: seen.end.to_string(),
        }
    }
}

impl Asked {
    fn meant(&self) -> Meant {
        Meant::Of { principal: self.principal.clone(), issuer: self.issuer.clone() }
    }

    /// Whether a page of them is asked for, or those of some store.
    fn is_of_a_list(&self) -> bool {
        self.after.is_some() || self.most.is_some() || self.store.is_some()
    }

    fn names_somebody(&self) -> bool {
        self.principal.is_some() || self.issuer.is_some()
    }
}

/// Why something is not answered.
type Refused = (StatusCode, &'static str);

/// What is asked of all of them, or of the one whose number follows. It looks at every conversation, which takes a while: not on
/// a thread that answers messages.
pub(super) async fn tell(world: Arc<World>, method: Method, id: Option<String>, asked: Asked) -> Response {
    let cutting = method == Method::DELETE;
    // What has no meaning there was meant to have one.
    let told = if id.is_some() && (asked.is_of_a_list() || asked.names_somebody()) {
        Err((StatusCode::BAD_REQUEST, "of one conversation nothing more can be said\n"))
    } else if cutting && asked.is_of_a_list() {
        Err((StatusCode::BAD_REQUEST, "what is cut is cut wherever it is kept: `principal` and `issuer` can be said\n"))
    } else if cutting {
        cut(&world, id, asked).await
    } else {
        match id {
            Some(id) => show(&world, &id).await,
            None => list(&world, asked).await,
        }
    };
    match told {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err((status, why)) => super::text(status, why),
    }
}

fn json(value: &impl Serialize) -> Result<String, Refused> {
    let text = serde_json::to_string(value);
    text.map(|text| text + "\n").map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "it cannot be written\n"))
}

const BAD_AFTER: Refused = (StatusCode::BAD_REQUEST, "`after` is what `next` of the page before says\n");
const NO_STORE: Refused = (StatusCode::NOT_FOUND, "there is no such store\n");

/// Those that are meant: a page of them.
async fn list(world: &Arc<World>, asked: Asked) -> Result<String, Refused> {
    let most = asked.most.unwrap_or(PAGE).clamp(1, LONGEST);
    let meant = asked.meant();
    if asked.store == Some(Kind::Redis) {
        let redis = world.redis().ok_or(NO_STORE)?;
        let after = asked.after.as_deref().map(|after| u64::from_str_radix(after, 16)).transpose();
        let after = after.map_err(|_| BAD_AFTER)?;
        let page = redis.list(after, most, world.clock.now(), |context| meant.means(context)).await;
        let page = page.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "Redis does not answer\n"))?;
        let next = page.next.map(|next| format!("{next:x}"));
        return json(&Page { sessions: page.seen.into_iter().map(Session::from).collect(), next });
    }
    let after = asked.after.as_deref().map(str::parse::<Place>).transpose().map_err(|_| BAD_AFTER)?;
    let (world, cookie) = (Arc::clone(world), asked.store == Some(Kind::Cookie));
    let page = spawn_blocking(move || {
        let now = world.clock.now();
        if !cookie {
            return Ok(world.sessions.look(after, most, now, |context| meant.means(context)));
        }
        let opened = world.opened().ok_or(NO_STORE)?;
        let seen = opened.look(after, most, now, |known| meant.means(&known.context)).into_iter();
        let context = |Seen { place, value, used, end }: Seen<Known>| Seen {
            place,
            value: Arc::clone(&value.context),
            used,
            end,
        };
        Ok(seen.map(context).collect())
    });
    let page: Vec<Seen<Context>> = page.await.map_err(|_| FAILED)??;
    let next = page.last().filter(|_| page.len() == most).map(|last| last.place.to_string());
    json(&Page { sessions: page.into_iter().map(Session::from).collect(), next })
}

const FAILED: Refused = (StatusCode::INTERNAL_SERVER_ERROR, "looking for it failed\n");

const UNKNOWN: Refused = (StatusCode::NOT_FOUND, "there is no such conversation\n");

/// All keys of one conversation, wherever they are kept.
async fn show(world: &Arc<World>, id: &str) -> Result<String, Refused> {
    let meant = Meant::Conversation(number(id).ok_or(UNKNOWN)?);
    let (here, which) = (Arc::clone(world), meant.clone());
    let found = spawn_blocking(move || {
        let now = here.clock.now();
        let mut found = here.sessions.look(None, LONGEST, now, |context| which.means(context));
        for Seen { place, value, used, end } in here
            .opened()
            .into_iter()
            .flat_map(|opened| opened.look(None, LONGEST, now, |known| which.means(&known.context)))
        {
            found.push(Seen { place, value: Arc::clone(&value.context), used, end });
        }
        found
    });
    let mut found = found.await.map_err(|_| FAILED)?;
    let (mut after, mut more) = (None, found.is_empty());
    while let Some(redis) = world.redis().filter(|_| more) {
        let page = redis.list(after, LONGEST, world.clock.now(), |context| meant.means(context)).await;
        let page = page.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "Redis does not answer\n"))?;
        found.extend(page.seen);
        (more, after) = (page.next.is_some(), page.next);
    }
    if found.is_empty() {
        return Err(UNKNOWN);
    }
    json(&Page { sessions: found.into_iter().map(Session::from).collect(), next: None })
}

/// How many keys were cut.
#[derive(Serialize)]
struct Cut {
    cut: usize,
}

/// Cuts the conversation of that number, or those that are meant.
async fn cut(world: &Arc<World>, id: Option<String>, asked: Asked) -> Result<String, Refused> {
    let one = id.is_some();
    let meant = match id {
        Some(id) => Meant::Conversation(number(&id).ok_or(UNKNOWN)?),
        None if !asked.names_somebody() => {
            return Err((StatusCode::BAD_REQUEST, "say whose: `principal` or `issuer`\n"));
        }
        None => asked.meant(),
    };
    match world.cut(&meant).await {
        // One that its client keeps is cut, whether or not it is known here.
        Ok(0) if one && world.opened().is_none() => Err(UNKNOWN),
        Ok(cut) => json(&Cut { cut }),
        Err(not_kept) => {
            tracing::error!("conversations that were cut may come back: {not_kept}");
            Err((StatusCode::INTERNAL_SERVER_ERROR, "not all of them could be cut for good\n"))
        }
    }
}

/// The number of a conversation, as it is written.
fn number(text: &str) -> Option<ConversationId> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(ConversationId(number.to_be_bytes()))
}
