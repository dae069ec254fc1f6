//! Which Redis it is, and how it is asked.

use std::time::Duration;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::digest::Hasher;
use nuncio_crypto::secret::Secret;
use reqwest::Url;

use super::BadSettings;
use super::link::Dialer;

/// Where Redis listens, unless it is said.
const PORT: u16 = 6379;
/// How long an operation may take, unless it is said.
const TIMEOUT: Duration = Duration::from_millis(200);
/// How long it may take to be connected, unless it is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For how long a conversation is answered from memory, unless it is said.
const CACHE: Duration = Duration::from_secs(1);
/// What conversations that are answered from memory may take, unless it is said.
const CACHE_BYTES: usize = 64 << 20;
/// Operations at once, unless it is said.
const OPERATIONS: usize = 256;
/// Conversations of one caller, unless it is said: some 90 MiB of Redis.
const PRINCIPAL_CONVERSATIONS: usize = 100_000;
/// The longest prefix, in octets.
const PREFIX_BYTES: usize = 64;

/// A Redis, and how it is asked.
#[derive(Clone)]
pub struct Settings {
    /// Its host: a name, which is resolved anew for each connection, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The number of the database.
    pub database: u32,
    /// Who we are; `None` for the user whom Redis calls `default`. What one must be allowed is `~PREFIX:*` and `+get +set +del +zrem
    /// +scan +info +eval`, and what is done by the last, `+getrange +setrange +pexpire +zadd +zcard +zrange +zrandmember`.
    pub username: Option<String>,
    /// Our password.
    pub password: Option<Secret>,
    /// PEM: whom TLS believes; `None` for whom the system believes.
    pub trust: Option<Vec<u8>>,
    /// PEM: the certificate that we show, with its chain and its key.
    pub identity: Option<Secret>,
    /// How long an operation may take.
    pub timeout: Duration,
    /// How long it may take to be connected and known.
    pub connect_timeout: Duration,
    /// For how long a conversation that was found is answered from memory: so long after it was ended elsewhere it may be taken
    /// here.
    pub cache: Duration,
    /// What such conversations may take in memory, in octets.
    pub cache_bytes: usize,
    /// Operations at once. One more is told that there are too many, and does not wait.
    pub operations: usize,
    /// How many conversations one caller may have there.
    pub principal_conversations: usize,
    /// With what all our keys there begin.
    pub prefix: String,
}

/// Why a text says no Redis. What it says is not told: there may be a password in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadUrl {
    /// It is no URL of Redis.
    #[error("a Redis is said as redis://HOST:PORT/DATABASE is, or with rediss:// where it speaks TLS")]
    Form,
    /// There is more behind it.
    #[error("behind the URL of a Redis there is its database's number, and nothing else")]
    Database,
    /// A user name or a password is not percent-encoded UTF-8.
    #[error("a user name or a password of the URL is not percent-encoded UTF-8")]
    Credentials,
}

impl Settings {
    /// What a URL says, `redis://` or `rediss://` (or `valkey://` and `valkeys://`), and what is usual of the rest.
    pub fn at(url: &str) -> Result<Self, BadUrl> {
        let url = Url::parse(url).map_err(|_| BadUrl::Form)?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(BadUrl::Form),
        };
        let host = url.host_str().map(|host| host.trim_matches(['[', ']'])).filter(|host| is_host(host));
        let host = host.ok_or(BadUrl::Form)?.to_owned();
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadUrl::Database);
        }
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number.parse().map_err(|_| BadUrl::Database)?
            }
            _ => return Err(BadUrl::Database),
        };
        let username = Some(url.username()).filter(|name| !name.is_empty()).map(decoded).transpose()?;
        let password = url.password().filter(|password| !password.is_empty()).map(decoded).transpose()?;
        Ok(Self {
            host,
            port: url.port().unwrap_or(PORT),
            tls,
            database,
            username,
            password: password.map(|password| Secret::new(password.into_bytes())),
            trust: None,
            identity: None,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            cache: CACHE,
            cache_bytes: CACHE_BYTES,
            operations: OPERATIONS,
            principal_conversations: PRINCIPAL_CONVERSATIONS,
            prefix: "nuncio".to_owned(),
        })
    }

    /// Whether they can be used, whatever Redis does.
    pub fn check(&self) -> Result<(), BadSettings> {
        if self.has_prefix() { Dialer::new(self).map(drop) } else { Err(BadSettings::Prefix) }
    }

    /// By which it is known whether two are the same, secrets included.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let Self { host, port, tls, database, username, password, trust, identity, .. } = self;
        let Self { timeout, connect_timeout, cache, cache_bytes, operations, principal_conversations, prefix, .. } =
            self;
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(format!("{host:?}{port:?}{tls:?}{database:?}{username:?}{trust:?}{timeout:?}").as_bytes());
        hasher.update(format!("{connect_timeout:?}{cache:?}{cache_bytes:?}{operations:?}").as_bytes());
        hasher.update(format!("{principal_conversations:?}{prefix:?}").as_bytes());
        for secret in [password, identity] {
            let octets = secret.as_ref().map_or(&[][..], Secret::expose);
            hasher.update(&(octets.len() as u64).to_be_bytes());
            hasher.update(octets);
        }
        hasher.finish().as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Where it is, for the log.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether nobody is between it and us.
    pub(crate) fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// What all names in Redis begin with: the prefix as a hash tag, so that in a cluster one node has all of them, and a script
    /// over several holds.
    pub(super) fn tag(&self) -> String {
        format!("{{{}}}", self.prefix)
    }

    /// Whether its prefix begins keys, and nothing of it means anything in a pattern.
    pub(super) fn has_prefix(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        (1..=PREFIX_BYTES).contains(&self.prefix.len()) && self.prefix.bytes().all(plain)
    }
}

fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    !host.is_empty() && host.bytes().all(plain)
}

/// A text without its percent-encoding.
fn decoded(text: &str) -> Result<String, BadUrl> {
    let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let (high, low) = (digit(rest.next()), digit(rest.next()));
            octets.push((high.ok_or(BadUrl::Credentials)? * 16 + low.ok_or(BadUrl::Credentials)?) as u8);
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).map_err(|_| BadUrl::Credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_it_is_and_who_we_are() {
        for (url, host, port, tls, database) in [
            ("redis://cache", "cache", 6379, false, 0),
            ("redis://127.0.0.1:7000/", "127.0.0.1", 7000, false, 0),
            ("rediss://cache.example:6380/3", "cache.example", 6380, true, 3),
            ("valkey://[::1]/15", "::1", 6379, false, 15),
            ("valkeys://cache_1.example", "cache_1.example", 6379, true, 0),
        ] {
            let settings = Settings::at(url).unwrap();
            let said = (&*settings.host, settings.port, settings.tls, settings.database);
            assert_eq!(said, (host, port, tls, database), "{url}");
            assert!(settings.username.is_none() && settings.password.is_none());
        }
        let settings = Settings::at("redis://gate%40way:p%3Ass%C3%A9@cache").unwrap();
        assert_eq!(settings.username.as_deref(), Some("gate@way"));
        assert!(settings.password.unwrap().matches("p:ssé".as_bytes()));
        let settings = Settings::at("redis://:secret@cache").unwrap();
        assert!(settings.username.is_none() && settings.password.unwrap().matches(b"secret"));
    }

    #[test]
    fn a_change_of_anything_is_another() {
        let usual = || Settings::at("redis://gate:secret@cache").unwrap();
        let secret = |text: &str| Some(Secret::from(text.as_bytes()));
        assert_eq!(usual().digest(), usual().digest());
        for other in [
            Settings { host: "other".to_owned(), ..usual() },
            Settings { port: 1, ..usual() },
            Settings { tls: true, ..usual() },
            Settings { database: 1, ..usual() },
            Settings { username: None, ..usual() },
            Settings { password: secret("other"), ..usual() },
            Settings { password: None, identity: secret("secret"), ..usual() },
            Settings { trust: Some(Vec::new()), ..usual() },
            Settings { timeout: CACHE, ..usual() },
            Settings { connect_timeout: TIMEOUT, ..usual() },
            Settings { cache: TIMEOUT, ..usual() },
            Settings { cache_bytes: 1, ..usual() },
            Settings { operations: 1, ..usual() },
            Settings { principal_conversations: 1, ..usual() },
            Settings { prefix: "other".to_owned(), ..usual() },
        ] {
            assert_ne!(other.digest(), usual().digest());
        }
    }

    #[test]
    fn what_says_no_redis_is_refused_and_not_repeated() {
        for (url, why) in [
            ("", BadUrl::Form),
            ("cache:6379", BadUrl::Form),
            ("http://cache", BadUrl::Form),
            ("redis:cache", BadUrl::Form),
            ("redis:///0", BadUrl::Form),
            ("redis://ca%20che", BadUrl::Form),
            ("redis://cache:70000", BadUrl::Form),
            ("redis://cache/one", BadUrl::Database),
            ("redis://cache/-1", BadUrl::Database),
            ("redis://cache/99999999999", BadUrl::Database),
            ("redis://cache/0/1", BadUrl::Database),
            ("redis://cache/0?timeout=1", BadUrl::Database),
            ("redis://cache/0#1", BadUrl::Database),
            ("redis://:sec%ret@cache", BadUrl::Credentials),
            ("redis://:%FF@cache", BadUrl::Credentials),
            ("redis://%C3:x@cache", BadUrl::Credentials),
        ] {
            assert_eq!(Settings::at(url).err(), Some(why), "{url}");
        }
        assert!(!BadUrl::Credentials.to_string().contains("sec"));
    }

    #[test]
    fn a_prefix_means_nothing_in_a_pattern() {
        let with = |prefix: &str| Settings { prefix: prefix.to_owned(), ..Settings::at("redis://cache").unwrap() };
        for prefix in ["nuncio", "a", "farm-1:eu.west_2"] {
            assert!(with(prefix).has_prefix(), "{prefix}");
        }
        for prefix in ["", "a*", "a?", "[a]", "a b", "é", "{a}", &"a".repeat(65)] {
            assert!(!with(prefix).has_prefix(), "{prefix}");
        }
    }

    #[test]
    fn nobody_is_between_on_the_loopback_interface() {
        for (url, local) in
            [("localhost", true), ("127.0.0.9", true), ("[::1]", true), ("cache", false), ("10.0.0.1", false)]
        {
            assert_eq!(Settings::at(&format!("redis://{url}")).unwrap().is_local(), local, "{url}");
        }
    }
}
