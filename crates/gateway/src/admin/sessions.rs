//! Conversations as whoever runs the gateway sees them: listed a page at a time, looked at, cut. No key of one is ever told, and
//! nothing by which one could speak in it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use nuncio_policy::model::TrustVersion;
use nuncio_wss::{Context, Principal};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use crate::sessions::{Place, Seen};
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
    /// Those of the principal of that name.
    principal: Option<String>,
    /// Those of the holders of certificates that this one issued.
    issuer: Option<String>,
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
    /// Whether a conversation is meant.
    fn means(&self, context: &Context) -> bool {
        let named = self.principal.as_ref().is_none_or(|name| context.principal.name() == Some(name));
        let issued = self.issuer.as_ref().is_none_or(
            |issuer| matches!(&*context.principal, Principal::Certificate(holder) if *holder.issuer == **issuer),
        );
        named && issued
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
    let told = if method == Method::DELETE {
        cut(&world, id, asked).await
    } else {
        let told = spawn_blocking(move || id.map_or_else(|| list(&world, &asked), |id| show(&world, &id)));
        told.await.unwrap_or(Err((StatusCode::INTERNAL_SERVER_ERROR, "looking for it failed\n")))
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

fn list(world: &World, asked: &Asked) -> Result<String, Refused> {
    let after = asked.after.as_deref().map(str::parse::<Place>).transpose();
    let after = after.map_err(|_| (StatusCode::BAD_REQUEST, "`after` is what `next` of the page before says\n"))?;
    let most = asked.most.unwrap_or(PAGE).clamp(1, LONGEST);
    let page = world.sessions.look(after, most, world.clock.now(), |context| asked.means(context));
    let next = page.last().filter(|_| page.len() == most).map(|last| last.place.to_string());
    json(&Page { sessions: page.into_iter().map(Session::from).collect(), next })
}

const UNKNOWN: Refused = (StatusCode::NOT_FOUND, "there is no such conversation\n");

/// All keys of one conversation.
fn show(world: &World, id: &str) -> Result<String, Refused> {
    let is = |context: &Context| context.conversation.to_string() == id;
    let keys: Vec<_> =
        world.sessions.look(None, LONGEST, world.clock.now(), is).into_iter().map(Session::from).collect();
    if keys.is_empty() { Err(UNKNOWN) } else { json(&Page { sessions: keys, next: None }) }
}

/// How many keys were cut.
#[derive(Serialize)]
struct Cut {
    cut: usize,
}

/// Cuts the conversation of that number, or those that are meant.
async fn cut(world: &Arc<World>, id: Option<String>, asked: Asked) -> Result<String, Refused> {
    let one = id.is_some();
    if !one && !asked.names_somebody() {
        return Err((StatusCode::BAD_REQUEST, "say whose: `principal` or `issuer`\n"));
    }
    let which = move |context: &Context| {
        id.as_ref().map_or_else(|| asked.means(context), |id| context.conversation.to_string() == *id)
    };
    match world.cut(which).await {
        Ok(0) if one => Err(UNKNOWN),
        Ok(cut) => json(&Cut { cut }),
        Err(not_kept) => {
            tracing::error!("conversations that were cut may come back: {not_kept}");
            Err((StatusCode::INTERNAL_SERVER_ERROR, "they are cut here, and may come back with the next start\n"))
        }
    }
}
