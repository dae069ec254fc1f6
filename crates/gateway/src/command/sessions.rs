//! `nuncio sessions`: the conversations of a running gateway, by way of its admin listener.

use clap::{Args, Subcommand};
use reqwest::{Client, Method, StatusCode, Url};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use serde::Deserialize;

use super::Failed;
use super::watched::Watched;
use crate::upstream::causes;

/// Lists, shows and cuts the conversations of a running gateway
#[derive(Debug, Args)]
pub(super) struct Sessions {
    #[command(flatten)]
    watched: Watched,
    /// Prints what the gateway says, in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists them all, those of one principal, or those of one issuer of certificates
    List {
        #[command(flatten)]
        whose: Whose,
        /// Those that are kept in Redis, or by their clients, as far as they were opened lately; without it those in memory and on
        /// disk
        #[arg(long, value_name = "STORE", value_parser = ["redis", "cookie"])]
        store: Option<String>,
    },
    /// Shows one, with each of its keys
    Show {
        /// The number of the conversation, as access lines have it
        id: String,
    },
    /// Ends one, or those of somebody: who speaks in it must begin another
    Cut {
        /// The number of the conversation, as access lines have it
        #[arg(required_unless_present_any = ["principal", "issuer"], conflicts_with_all = ["principal", "issuer"])]
        id: Option<String>,
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Debug, Args)]
struct Whose {
    /// Those of the principal of that name
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Those of the holders of certificates that this one issued
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    sessions: Vec<Session>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    identifier: String,
    instance: Option<String>,
    version: String,
    principal: Who,
    created: String,
    expires: String,
    used: Option<String>,
    ends: String,
}

#[derive(Deserialize)]
struct Who {
    kind: String,
    name: Option<String>,
    issuer: Option<String>,
    thumbprint: Option<String>,
}

#[derive(Deserialize)]
struct Cut {
    cut: usize,
}

impl Sessions {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let Self { watched, json, what } = self;
        let api = Api::of(&watched)?;
        match what {
            What::List { whose, store } => {
                let mut after = None;
                loop {
                    let mut query = whose.query();
                    query.extend(store.clone().map(|store| ("store", store)));
                    query.extend(after.take().map(|after| ("after", after)));
                    let text = api.ask(Method::GET, &[], &query).await?;
                    let page: Page = api.read(&text)?;
                    if json {
                        print!("{text}");
                    } else {
                        page.sessions.iter().for_each(|session| println!("{}", session.line()));
                    }
                    match page.next {
                        Some(next) => after = Some(next),
                        None => return Ok(()),
                    }
                }
            }
            What::Show { id } => {
                let text = api.ask(Method::GET, &[&id], &[]).await?;
                let page: Page = api.read(&text)?;
                if json {
                    print!("{text}");
                } else {
                    page.sessions.iter().for_each(|session| print!("{}", session.whole()));
                }
                Ok(())
            }
            What::Cut { id, whose } => {
                let path: Vec<_> = id.iter().map(String::as_str).collect();
                let text = api.ask(Method::DELETE, &path, &whose.query()).await?;
                let Cut { cut } = api.read(&text)?;
                if json {
                    print!("{text}");
                } else {
                    println!("{cut} cut");
                }
                Ok(())
            }
        }
    }
}

impl Whose {
    fn query(&self) -> Vec<(&'static str, String)> {
        let principal = self.principal.iter().map(|name| ("principal", name.clone()));
        principal.chain(self.issuer.iter().map(|name| ("issuer", name.clone()))).collect()
    }
}

impl Session {
    fn name(&self) -> &str {
        self.principal.name.as_deref().unwrap_or(&self.principal.kind)
    }

    fn line(&self) -> String {
        let used = self.used.as_deref().unwrap_or("never");
        format!("{}  begun {}  used {used}  {}", self.id, self.created, shown(self.name()))
    }

    fn whole(&self) -> String {
        let who = &self.principal;
        let rows = [
            ("conversation", Some(&*self.id)),
            ("identifier", Some(&*self.identifier)),
            ("instance", self.instance.as_deref()),
            ("version", Some(&*self.version)),
            (&*who.kind, who.name.as_deref()),
            ("issuer", who.issuer.as_deref()),
            ("thumbprint", who.thumbprint.as_deref()),
            ("begun", Some(&*self.created)),
            ("used", Some(self.used.as_deref().unwrap_or("never"))),
            ("key ends", Some(&*self.expires)),
            ("forgotten", Some(&*self.ends)),
        ];
        let said = rows.into_iter().filter_map(|(name, said)| said.map(|said| (name, said)));
        said.map(|(name, said)| format!("{name:<14}{}\n", shown(said))).collect::<Vec<_>>().concat()
    }
}

/// A name that a client chose, on a terminal.
fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The admin listener of a gateway.
struct Api {
    url: String,
    token: Option<String>,
    client: Client,
}

impl Api {
    fn of(watched: &Watched) -> Result<Self, Failed> {
        // As a backend's client has it: an error says that there is one already, which is as good.
        let _ = CryptoProvider::install_default(aws_lc_rs::default_provider());
        let mut client = Client::builder().no_proxy();
        if let Some(tls) = watched.tls()? {
            client = client.tls_backend_preconfigured(tls);
        }
        let url = watched.url("");
        let client = client.build().map_err(|error| Failed::Step(format!("{url}: {error}")))?;
        Ok(Self { url, token: watched.token()?, client })
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Failed {
        Failed::Step(format!("{}: {why}", self.url))
    }

    async fn ask(&self, method: Method, path: &[&str], query: &[(&str, String)]) -> Result<String, Failed> {
        let base = Url::parse(&format!("{}/sessions", self.url));
        let mut url = base.map_err(|error| self.failed(&error))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.map_err(|error| self.failed(&causes(&error.without_url())))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| self.failed(&error))?;
        match status {
            StatusCode::OK => Ok(text),
            _ if text.is_empty() => Err(self.failed(&status)),
            _ => Err(self.failed(&text.trim_end())),
        }
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, text: &str) -> Result<T, Failed> {
        serde_json::from_str(text).map_err(|error| self.failed(&error))
    }
}
