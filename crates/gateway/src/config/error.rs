//! What is wrong with a configuration, and where.

use std::fmt;

use nuncio_crypto::certificate::CertificateError;
use nuncio_crypto::key::KeyError;
use nuncio_crypto::pfx::PfxError;
use nuncio_crypto::trust::{NotPattern, NotRevocationList};
use nuncio_policy::PolicyError;
use nuncio_policy::said::{Origin, Said};

use super::cidr::NotCidr;
use crate::listen::TlsProblem;
use crate::users::FileProblem;

/// A problem with what was said.
pub(crate) trait Troubled {
    /// The problem, at its place.
    fn problem(&self, problem: Problem) -> ConfigError;
}

impl<T> Troubled for Said<T> {
    fn problem(&self, problem: Problem) -> ConfigError {
        ConfigError { origin: self.origin.clone(), problem: Box::new(problem) }
    }
}

/// A configuration that cannot be served: `file:line: reason`, or `--flag: reason` in the words of the command line.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// Where it is said.
    pub origin: Origin,
    /// What is wrong with it.
    pub problem: Box<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.origin)?;
        match &self.origin {
            Origin::File(_) => write!(out, "{}", self.problem),
            Origin::Flag(_) => self.problem.by_flags(out),
        }
    }
}

/// What is wrong, in the words of a configuration file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not an address and a port.
    #[error("{0:?} is not an address and a port, such as 127.0.0.1:8080")]
    Address(String),
    /// The admin listener could be reached from other machines.
    #[error(
        "the admin listener at {0} is not at a loopback address such as 127.0.0.1:9901: whoever reaches it may read from \
         it; give it `tls` with `client_certificates` or a `token_file`, or say `danger_admin_beyond_loopback: true` if \
         that is meant"
    )]
    AdminBeyondLoopback(String),
    /// Anybody could call a protected service with its credentials.
    #[error(
        "anybody who reaches the listener {listener} could call the service of {route} as whom it is called: name `callers`, or \
         say `danger_anybody_beyond_loopback: true` if that is meant"
    )]
    AnybodyBeyondLoopback {
        /// The listener.
        listener: String,
        /// The route.
        route: String,
    },
    /// A caller is not known by exactly one thing.
    #[error("a caller is known by one of `basic`, `bearer_file` and `client_certificate`")]
    CallerProof,
    /// Whoever is between could write the policy.
    #[error(
        "the contract at {0} comes in clear: whoever is between could write the policy by which calls are protected; say \
         `danger_clear_contract: true` if that is meant"
    )]
    ClearContract(String),
    /// A contract is none.
    #[error("{0}")]
    Contract(String),
    /// Something is said twice that can be there once.
    #[error("there can be one {0} alone")]
    OnlyOne(&'static str),
    /// HTTP's Basic authentication ends a name at the first colon.
    #[error("the name {0:?} has a colon, where HTTP ends it")]
    ColonInName(String),
    /// Whoever is between could read who callers are.
    #[error(
        "callers of {route} say who they are, and at the listener {listener} they do so in clear, from other machines: give it \
         `tls`, or say `danger_clear_callers: true` if that is meant"
    )]
    ClearCallers {
        /// The listener.
        listener: String,
        /// The route.
        route: String,
    },
    /// A password is not text.
    #[error("the password is not text in UTF-8, as which it would be sent")]
    PasswordOctets,
    /// An action, or the beginning of some, is none.
    #[error("action {0:?} is empty, or has a `*` elsewhere than at its end")]
    Action(String),
    /// An address of a service is not a URI.
    #[error("{0:?} is not an absolute URI")]
    AddressOfService(String),
    /// A backend's address is not one that can be called.
    #[error("backend {url:?} {reason}")]
    Backend {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A range of addresses is none.
    #[error("{text:?} {reason}")]
    Cidr {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        reason: NotCidr,
    },
    /// A collector's address is not one that can be called.
    #[error("collector {url:?} {reason}")]
    Collector {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Only one half of what belongs together.
    #[error("`{given}` is there without `{missing}`")]
    Half {
        /// What is there.
        given: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A list that must have something in it.
    #[error("`{0}` is empty: {1}")]
    Empty(&'static str, &'static str),
    /// The host of a route is none.
    #[error("{0:?} is not the name of a host without its port, or `*.` before one")]
    Host(String),
    /// A listener's address is not `http://` or `https://` with a port.
    #[error("{0:?} is not http:// or https:// with an address and a port, such as http://127.0.0.1:8080")]
    Listen(String),
    /// A listener's address has a path.
    #[error("{0:?} has a path, which does not belong there: every path is served; give address and port alone")]
    ListenPath(String),
    /// A listener's address is `https://`, and there is nothing to serve TLS with.
    #[error("{0:?} needs --certificate and --key, or --tls-certificate and --tls-key")]
    ListenWithout(String),
    /// Neither of two ways to say something, or both.
    #[error("a {owner} says either `{first}` or `{second}`")]
    Either {
        /// What has it.
        owner: &'static str,
        /// One way.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A part of something that is more than all of it, or less than nothing.
    #[error("{0} is not from 0 to 1")]
    Part(f64),
    /// A path is not one that a request can ask for.
    #[error("path {0:?} does not begin with a slash, or has octets that no request's path has")]
    Path(String),
    /// Two routes, of which none says more than the other.
    #[error("{}path {path:?} is there twice", host.as_ref().map(|host| format!("host {host} with ")).unwrap_or_default())]
    SamePlace {
        /// The host, if it has one.
        host: Option<String>,
        /// The path.
        path: String,
    },
    /// What only TLS has a use for, where nothing is `https`.
    #[error("`{0}` is there, and no URL is https")]
    OnlyWithTls(&'static str),
    /// A weight that makes a round of turns too long.
    #[error("weight {weight} is above {heaviest}")]
    Weight {
        /// As it was given.
        weight: usize,
        /// The heaviest.
        heaviest: usize,
    },
    /// A path has a `*` that would mean itself.
    #[error("path {0:?} has a `*` elsewhere than behind its last slash")]
    Wildcard(String),
    /// A file with certificates is not one.
    #[error("{file}: {reason}")]
    Certificate {
        /// The file.
        file: String,
        /// Why not.
        reason: CertificateError,
    },
    /// The route's certificate and key are not of one pair.
    #[error("the key in {key} is not that of the certificate in {certificate}")]
    KeyOfAnother {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
    /// A file with a key is not one.
    #[error("{file}: {reason}")]
    Key {
        /// The file.
        file: String,
        /// Why not.
        reason: KeyError,
    },
    /// A file of PKCS #12 is not one that can be used.
    #[error("{file}: {reason}")]
    Pfx {
        /// The file.
        file: String,
        /// Why not.
        reason: PfxError,
    },
    /// A certificate is retired before it is active.
    #[error("the certificate is retired before it is active: nothing would be signed with it")]
    RetiredBefore,
    /// Not an instant.
    #[error("{0:?} is not a date and a time, such as 2027-01-01T00:00:00Z")]
    Time(String),
    /// A depth that no chain has.
    #[error("a chain has at most {0} authorities between a certificate and the one that is named")]
    Depth(usize),
    /// An issuer by a name that certificates do not have of it.
    #[error("{0:?} is no distinguished name, which is all that a certificate says of its issuer")]
    Issuer(String),
    /// Not a pattern of names.
    #[error(transparent)]
    Pattern(NotPattern),
    /// Not an extended key usage.
    #[error("{0:?} is no extended key usage, such as clientAuth or 1.3.6.1.5.5.7.3.2")]
    Purpose(String),
    /// A file is no revocation list.
    #[error("{file}: {reason}")]
    Revocation {
        /// The file.
        file: String,
        /// Why not.
        reason: NotRevocationList,
    },
    /// Not a thumbprint.
    #[error("{0:?} is no thumbprint: 40 hexadecimal digits of SHA-1, or 64 of SHA-256")]
    Thumbprint(String),
    /// The policy protects messages with the route's certificate, and it has none.
    #[error(
        "the policy protects messages with the service's certificate: give `certificate` and `key`, or `certificates`"
    )]
    NoIdentity,
    /// The port asks for more of the channel than requests and responses on it.
    #[error("port {port} asks for {what}, which is not built yet")]
    Channel {
        /// The port.
        port: String,
        /// What it asks for.
        what: &'static str,
    },
    /// A route says nothing of its policy.
    #[error("a route says its policy, by one of `policy`, `wsdl` and `preset`")]
    PolicyUnsaid,
    /// The port has no policy with a security binding.
    #[error("port {0} has no policy that protects anything")]
    NoPolicy(String),
    /// No port of the contract has a policy.
    #[error("no port of {file} has a policy; it has {have}")]
    NoPort {
        /// The contract.
        file: String,
        /// Its ports.
        have: String,
    },
    /// The contract's policy is not usable.
    #[error(transparent)]
    Policy(PolicyError),
    /// The contract has no such port.
    #[error("there is no port {name:?}, only {have}")]
    Port {
        /// As it was given.
        name: String,
        /// Its ports.
        have: String,
    },
    /// Several ports of the contract have a policy.
    #[error("several ports of {file} have a policy: choose one with `port`: {have}")]
    Ports {
        /// The contract.
        file: String,
        /// The ports with a policy.
        have: String,
    },
    /// A policy that has TLS authenticate clients, and no listener that asks them.
    #[error(
        "the policy of route {0} demands that TLS asks for the client's certificate (RequireClientCertificate), and no \
         listener does: say `client_certificates` where it has `tls`; where TLS is taken off in front there are none"
    )]
    NoClientCertificates(String),
    /// A route keeps its conversations where nothing is kept.
    #[error("a route with `store: {store}` needs `{needs}` beside `routes`")]
    NoStore {
        /// The store.
        store: &'static str,
        /// What is to be said.
        needs: &'static str,
    },
    /// A service keeps its own state.
    #[error("`store: cookie` is for clients that keep what a gateway gives them: a service keeps what it likes itself")]
    ServiceCookie,
    /// A token that is none.
    #[error("a token is one line of {0} visible characters of ASCII or more")]
    Token(usize),
    /// A Redis that cannot be asked.
    #[error("redis: {0}")]
    Redis(String),
    /// A Redis, and no keys to seal with what is kept there.
    #[error(
        "what is kept in Redis is sealed with keys that all gateways have: say in `key_ring` which file they are in"
    )]
    NoRing,
    /// A key ring that is none.
    #[error("key_ring: {0}")]
    KeyRing(String),
    /// A listener believes clients' certificates, and it is not said whether these may be revoked.
    #[error(
        "`trust` of a listener says in `crls` which files have lists of revoked certificates, or `off`: \
         `trust: {{ certificates: [FILE], crls: [FILE] }}`"
    )]
    RevocationUnsaid,
    /// A policy with a transport binding, on a listener without TLS.
    #[error(
        "the policy of route {route} demands TLS, and listener {listener} has none: give it `tls`, or say in `tls_terminated_by` who takes TLS off in front of it"
    )]
    TransportInClear {
        /// The route.
        route: String,
        /// The listener.
        listener: String,
    },
    /// Something said twice where once is all that can count.
    #[error("{what} {value:?} is there twice")]
    Twice {
        /// What.
        what: &'static str,
        /// Its name.
        value: String,
    },
    /// A listener's certificate and key cannot serve.
    #[error("TLS with {certificate} and {key}: {problem}")]
    Tls {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// Why not.
        problem: TlsProblem,
    },
    /// A file that cannot be read.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why not.
        reason: String,
    },
    /// A header cannot tell who calls.
    #[error("{0:?} is no header that can tell who calls: it is none, or a request has it for something else")]
    IdentityHeader(String),
    /// Passwords would be kept readable for nothing.
    #[error("passwords are kept readable, and no client's comes hashed: leave it out")]
    ReadablePasswords,
    /// A policy under which passwords come hashed, and users whose passwords cannot be read again.
    #[error(
        "the policy has passwords hashed, which only a password that can be read again is checked against: give \
         `danger_keep_passwords`"
    )]
    UnreadablePasswords,
    /// A policy under which passwords come hashed, or sign, and a file with hashes of others.
    #[error("the policy needs passwords that can be read again, and a `user_file` has hashes: name them in `users`")]
    HashedFile,
    /// A role that is none.
    #[error("{0:?} is no role: it is empty or has blanks around it")]
    Role(String),
    /// A line of a file of users is not one.
    #[error(transparent)]
    UserFile(FileProblem),
    /// A policy under which keys are derived from passwords, and users whose passwords cannot be read again.
    #[error(
        "the policy has users sign with keys of their passwords, which come of passwords that can be read again: give \
         `danger_keep_passwords: readable`"
    )]
    UnderivedKeys,
    /// A policy that lets clients in by certificate, and nothing to check one against.
    #[error("the policy admits clients by certificate, and `trust` names none: anybody's would do")]
    Untrusting,
    /// Not the YAML that is asked for.
    #[error("{0}")]
    Yaml(String),
}

impl Problem {
    /// What is wrong, in the words of the command line.
    fn by_flags(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminBeyondLoopback(address) => write!(
                out,
                "the admin listener at {address} is not at a loopback address such as 127.0.0.1:9901: whoever reaches it \
                 may read from it; give --danger-admin-beyond-loopback if that is meant"
            ),
            Self::Half { missing, .. } => write!(out, "it is there without --{missing}"),
            Self::NoIdentity => out
                .write_str("the policy protects messages with the service's certificate: give --certificate and --key"),
            Self::Ports { file, have } => {
                write!(out, "several ports of {file} have a policy: choose one with --port: {have}")
            }
            Self::TransportInClear { listener, .. } => write!(
                out,
                "the policy demands TLS, and http://{listener} has none: listen on https://, or say with \
                 --tls-terminated-by who takes TLS off in front of it"
            ),
            Self::UnreadablePasswords => out.write_str(
                "the policy has passwords hashed, which only a password that can be read again is checked against: give \
                 --danger-keep-passwords",
            ),
            Self::UnderivedKeys => out.write_str(
                "the policy has users sign with keys of their passwords, which come of passwords that can be read again: give \
                 --danger-keep-passwords readable",
            ),
            Self::Untrusting => out.write_str(
                "the policy admits clients by certificate, and there is no --trust to check them against: anybody's \
                 would do",
            ),
            other => write!(out, "{other}"),
        }
    }
}
