//! A configuration as the YAML writes it. Says nothing about sense: only [`super::build`] does.

use std::path::{Path, PathBuf};

use nuncio_crypto::secret::Secret;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::build::{AdminInput, Document, ListenerInput, PasswordInput, PolicyInput, RouteInput, UserInput};
use super::error::{ConfigError, Place, Problem, Sited};
use super::limits::{ConnectionLimits, Lifetimes, MessageLimits, StoreLimits, Timeouts};
use super::scalar::{Count, Octets, Span};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigurationFile {
    listeners: Spanned<Vec<ListenerFile>>,
    routes: Spanned<Vec<RouteFile>>,
    admin: Option<AdminFile>,
    #[serde(default)]
    limits: MessageLimitsFile,
    #[serde(default)]
    connections: ConnectionLimitsFile,
    #[serde(default)]
    stores: StoreLimitsFile,
    #[serde(default)]
    lifetimes: LifetimesFile,
    #[serde(default)]
    timeouts: TimeoutsFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenerFile {
    address: Spanned<String>,
    tls: Option<Spanned<TlsFile>>,
    #[serde(default)]
    tls_terminated_by: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdminFile {
    address: Spanned<String>,
    #[serde(default)]
    danger_admin_beyond_loopback: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFile {
    certificate: Spanned<PathBuf>,
    key: Spanned<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteFile {
    path: Spanned<String>,
    backend: Spanned<String>,
    backend_trust: Option<Spanned<PathBuf>>,
    wsdl: Option<Spanned<PathBuf>>,
    port: Option<Spanned<String>>,
    preset: Option<Spanned<String>>,
    contract: Option<Spanned<String>>,
    #[serde(default = "yes")]
    publish: bool,
    certificate: Option<Spanned<PathBuf>>,
    key: Option<Spanned<PathBuf>>,
    encryption: Option<Spanned<TlsFile>>,
    #[serde(default)]
    users: Vec<UserFile>,
    danger_keep_passwords: Option<Spanned<String>>,
    #[serde(default)]
    trust: Vec<Spanned<PathBuf>>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    #[serde(default)]
    forward_addressing: bool,
    #[serde(default)]
    trace: bool,
    #[serde(default)]
    limits: MessageLimitsFile,
}

/// What holds of a switch that is on unless it is said.
fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFile {
    name: Spanned<String>,
    password: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
}

/// A table of limits in which every row may be left out.
macro_rules! overrides {
    ($file:ident over $limits:ident { $($row:ident: $written:ty),* $(,)? }) => {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(clippy::struct_field_names, reason = "the rows have the names that are written")]
        struct $file {
            $($row: Option<$written>,)*
        }

        impl $file {
            fn over(self, mut limits: $limits) -> $limits {
                $(if let Some(row) = self.$row { limits.$row = row.into(); })*
                limits
            }
        }
    };
}

overrides!(MessageLimitsFile over MessageLimits {
    body_bytes: Octets, depth: Count, attributes: Count, attribute_bytes: Octets, declarations: Count,
    declarations_in_scope: Count, elements: Count, children: Count, name_bytes: Octets, names: Count, text_bytes: Octets,
    header_children: Count, signatures: Count, references: Count, prefixes: Count, encrypted_keys: Count,
    encrypted_data: Count, derived_keys: Count, certificate_bytes: Octets, hot_sessions: Count,
});
overrides!(ConnectionLimitsFile over ConnectionLimits { connections: Count, per_peer: Count, header_bytes: Octets, headers: Count });
overrides!(StoreLimitsFile over StoreLimits { session_bytes: Octets, principal_bytes: Octets, replay_bytes: Octets });
overrides!(LifetimesFile over Lifetimes { message: Span, skew: Span, answer: Span, conversation: Span, pending: Span });
overrides!(TimeoutsFile over Timeouts {
    handshake: Span, first_byte: Span, headers: Span, body: Span, body_rate: Octets, write_stall: Span, keep_alive: Span,
    backend_connect: Span, backend_read: Span, backend_total: Span, backend_idle: Span, drain: Span,
});

impl MessageLimitsFile {
    /// As `over`, and the longest text grows and shrinks with the body unless it is said: base64 is one text.
    fn over_with_text(self, limits: MessageLimits) -> MessageLimits {
        let text = self.text_bytes.or(self.body_bytes);
        let mut limits = self.over(limits);
        if let Some(text) = text {
            limits.text_bytes = text.0;
        }
        limits
    }
}

impl StoreLimitsFile {
    /// As `over`, and a principal's share stays a quarter of the store unless it is said.
    fn over_with_share(self, limits: StoreLimits) -> StoreLimits {
        let share = self.principal_bytes.map(usize::from).or_else(|| Some(self.session_bytes?.0 / 4));
        let mut limits = self.over(limits);
        if let Some(share) = share {
            limits.principal_bytes = share;
        }
        limits
    }
}

/// Reads the YAML of `file`.
pub(super) fn parse(file: &Path, yaml: &[u8]) -> Result<Document, ConfigError> {
    let place = |line| Place::Line { file: file.to_owned(), line };
    let parsed: ConfigurationFile = serde_saphyr::from_slice(yaml).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        ConfigError { place: place(line), problem: Box::new(Problem::Yaml(message(&error))) }
    })?;
    let site = Site { file };
    let limits = parsed.limits.over_with_text(MessageLimits::default());
    Ok(Document {
        listeners: site
            .at(parsed.listeners)
            .map(|listeners| listeners.into_iter().map(|one| site.listener(one)).collect()),
        routes: site.at(parsed.routes).map(|routes| routes.into_iter().map(|one| site.route(one, &limits)).collect()),
        admin: parsed.admin.map(|admin| AdminInput {
            address: site.at(admin.address),
            beyond_loopback: admin.danger_admin_beyond_loopback,
        }),
        connections: parsed.connections.over(ConnectionLimits::default()),
        stores: parsed.stores.over_with_share(StoreLimits::default()),
        lifetimes: parsed.lifetimes.over(Lifetimes::default()),
        timeouts: parsed.timeouts.over(Timeouts::default()),
    })
}

/// What the YAML reader says, without its picture of the place and its own statement of the line.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text =
        text.split_once(": ").filter(|(head, _)| head.starts_with("error: line")).map_or(&*text, |(_, rest)| rest);
    text.lines().collect::<Vec<_>>().join(" ")
}

/// Puts the file's name to what the reader knows the line of.
struct Site<'a> {
    file: &'a Path,
}

impl Site<'_> {
    fn at<T>(&self, spanned: Spanned<T>) -> Sited<T> {
        let place = Place::Line { file: self.file.to_owned(), line: spanned.referenced.line() };
        Sited { value: spanned.value, place }
    }

    fn all<T>(&self, spanned: Vec<Spanned<T>>) -> Vec<Sited<T>> {
        spanned.into_iter().map(|one| self.at(one)).collect()
    }

    fn listener(&self, listener: ListenerFile) -> ListenerInput {
        ListenerInput {
            address: self.at(listener.address),
            tls: listener.tls.map(|tls| (self.at(tls.value.certificate), self.at(tls.value.key))),
            tls_terminated_by: self.all(listener.tls_terminated_by),
        }
    }

    fn route(&self, route: RouteFile, limits: &MessageLimits) -> RouteInput {
        RouteInput {
            path: Some(self.at(route.path)),
            backend: self.at(route.backend),
            backend_trust: route.backend_trust.map(|file| self.at(file)),
            policy: PolicyInput {
                wsdl: route.wsdl.map(|file| self.at(file)),
                port: route.port.map(|name| self.at(name)),
                preset: route.preset.map(|name| self.at(name)),
            },
            contract: route.contract.map(|source| self.at(source)),
            publish: route.publish,
            certificate: route.certificate.map(|file| self.at(file)),
            key: route.key.map(|file| self.at(file)),
            encryption: route.encryption.map(|of| (self.at(of.value.certificate), self.at(of.value.key))),
            users: route.users.into_iter().map(|user| self.user(user)).collect(),
            keep_passwords: route.danger_keep_passwords.map(|form| self.at(form)),
            trust: self.all(route.trust),
            addresses: self.all(route.addresses),
            forward_addressing: route.forward_addressing,
            trace: route.trace,
            limits: route.limits.over_with_text(limits.clone()),
        }
    }

    fn user(&self, user: UserFile) -> UserInput {
        let secret = |text: String| Secret::new(text.into_bytes());
        UserInput {
            name: self.at(user.name),
            password: PasswordInput {
                plain: user.password.map(|text| self.at(text)).map(|text| text.map(secret)),
                file: user.password_file.map(|file| self.at(file)),
            },
        }
    }
}
