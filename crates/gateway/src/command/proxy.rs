//! `nuncio proxy`: one route from flags, for a first try and for scripts.

use std::path::PathBuf;

use clap::Args;
use nuncio_crypto::secret::Secret;
use nuncio_policy::preset::{self, Preset};
use nuncio_wss::Time;

use super::Failed;
use super::quiet::Quiet;
use crate::clock::Clock;
use crate::config::{
    AdminInput, AsUserInput, BackendInput, Base, CertificateInput, ClientCertificatesInput, ConfigError, Configuration,
    ContractInput, Document, EgressInput, EgressRouteInput, KeepInput, ListenerInput, Password, Problem, ReadingInput,
    RedisInput, RouteInput, Said, Several, SoapInput, StateInput, StoreKind, TlsInput, Troubled, UserInput,
};
use crate::handover::Inherited;
use crate::random::seed_ahead;

const POLICY: &str = "What is demanded";
const KEYS: &str = "Certificates and TLS";
const CALLERS: &str = "Who may call, and where";
const EGRESS: &str = "With --egress";
const KEEPING: &str = "Where conversations are kept, if not in memory";
const WATCHING: &str = "Watching";

/// Puts one plain service behind a secure conversation, or calls a protected one (--egress), without a configuration file
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own that an operator says")]
#[command(after_long_help = presets())]
pub(super) struct Proxy {
    /// Where to listen: http:// or https://, with a port; may be repeated
    #[arg(long, value_name = "URL", required = true)]
    listen: Vec<String>,
    /// The other side: plain programs call, and the service behind --backend is a protected one
    #[arg(long, conflicts_with_all = ["danger_plain", "contract", "pfx", "user_file", "danger_keep_passwords", "cookie_key"])]
    egress: bool,
    /// The plain service, or with --egress the protected one; every request goes to exactly this URL
    #[arg(long, value_name = "URL")]
    backend: String,
    /// The contract with the policy; with --egress it may be the URL at which the service publishes it
    #[arg(long, value_name = "FILE|URL", required_unless_present_any = ["preset", "danger_plain"], conflicts_with = "preset", help_heading = POLICY)]
    wsdl: Option<String>,
    /// A policy by its usual name, in place of a contract; `nuncio help proxy` lists them
    #[arg(long, value_name = "NAME", help_heading = POLICY)]
    preset: Option<String>,
    /// No policy at all: whoever comes may call the plain service, and nothing is protected
    #[arg(long, conflicts_with_all = ["wsdl", "preset", "port", "contract"], help_heading = POLICY)]
    danger_plain: bool,
    /// The contract's port; needed where more than one has a policy
    #[arg(long, value_name = "NAME", requires = "wsdl", help_heading = POLICY)]
    port: Option<String>,
    /// Where the contract is that clients may ask for, beside a preset: backend
    #[arg(long, value_name = "SOURCE", conflicts_with = "wsdl", help_heading = POLICY)]
    contract: Option<ContractInput>,
    /// The service's certificate, in PEM; with --egress the one as whose holder the service is called
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    certificate: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    key: Option<PathBuf>,
    /// The service's certificate and its key in one file of PKCS #12, in place of --certificate and --key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["certificate", "key"])]
    pfx: Option<PathBuf>,
    /// A file whose one line is the password of --pfx
    #[arg(long, value_name = "FILE", requires = "pfx")]
    pfx_password_file: Option<PathBuf>,
    /// A user; may be repeated. With --egress the one as whom the service is called
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = Quiet(parse_user), help_heading = CALLERS)]
    user: Vec<User>,
    /// A file of users, each name:hash or name:hash:role,role, as htpasswd -B writes it
    #[arg(long, value_name = "FILE")]
    user_file: Option<PathBuf>,
    /// Keeps passwords so that they can be read again, where the policy has them hashed (readable or sha1), or users sign with keys of them (readable)
    #[arg(long, value_name = "FORM", help_heading = CALLERS)]
    danger_keep_passwords: Option<KeepInput>,
    /// Certificates, in PEM, that clients' are checked against: roots and pins; may be repeated. With --egress what the service's TLS is checked against
    #[arg(long, value_name = "FILE", help_heading = CALLERS)]
    trust: Vec<PathBuf>,
    /// TLS: the listener's certificate, if it is not the service's
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    tls_certificate: Option<PathBuf>,
    /// TLS: the key of the listener's certificate
    #[arg(long, value_name = "FILE", help_heading = KEYS)]
    tls_key: Option<PathBuf>,
    /// Who takes TLS off in front of an http:// listener: an address or a range; may be repeated
    #[arg(long, value_name = "CIDR", help_heading = KEYS)]
    tls_terminated_by: Vec<String>,
    /// An address of the service; may be repeated. Without it any signed address is ours. With --egress the one that messages name, if it is not the URL of --backend
    #[arg(long, value_name = "URL", help_heading = CALLERS)]
    address: Vec<String>,
    /// The service's certificate, in PEM, to which keys are encrypted and by which its answers are known
    #[arg(long, value_name = "FILE", requires = "egress", help_heading = EGRESS)]
    service_certificate: Option<PathBuf>,
    /// Callers bring the user name and password with which the service is called (HTTP's Basic authentication)
    #[arg(long, requires = "egress", help_heading = EGRESS)]
    pass_through: bool,
    /// The version of SOAP that the service speaks, where its policy leaves that open: 1.1 or 1.2
    #[arg(long, value_name = "VERSION", requires = "egress", help_heading = EGRESS)]
    soap: Option<SoapInput>,
    /// How the service reads its policy, where stacks differ: as WCF does, or by the letter as CXF does
    #[arg(long, value_name = "HOW", requires = "egress", help_heading = EGRESS)]
    reading: Option<ReadingInput>,
    /// A directory in which the contract is kept that the service published last
    #[arg(long, value_name = "DIRECTORY", requires = "egress", help_heading = EGRESS)]
    contract_cache: Option<PathBuf>,
    /// Takes the contract over clear HTTP from another machine: whoever is between writes the policy
    #[arg(long, requires = "egress", help_heading = EGRESS)]
    danger_clear_contract: bool,
    /// Lets --listen be reached from other machines though nobody is asked who he is
    #[arg(long, requires = "egress", help_heading = EGRESS)]
    danger_anybody_beyond_loopback: bool,
    /// Lets callers say who they are in clear, at a --listen that can be reached from other machines
    #[arg(long, requires = "egress", help_heading = EGRESS)]
    danger_clear_callers: bool,
    /// Where to answer /healthz, /readyz and /metrics: an address of this machine's own, with a port
    #[arg(long, value_name = "ADDRESS", help_heading = WATCHING)]
    admin: Option<String>,
    /// Lets --admin be reached from other machines
    #[arg(long, requires = "admin", help_heading = WATCHING)]
    danger_admin_beyond_loopback: bool,
    /// A directory in which conversations survive this process: it is made with keys of its own, and one process has it at a time
    #[arg(long, value_name = "DIRECTORY", help_heading = KEEPING)]
    state: Option<PathBuf>,
    /// A Redis that several gateways share, such as redis://HOST:PORT: conversations survive each of them
    #[arg(long, value_name = "URL", requires = "key_ring", help_heading = KEEPING)]
    redis: Option<String>,
    /// A file with the keys with which conversations are sealed in the tokens of their clients, which keep them
    #[arg(long, value_name = "FILE", conflicts_with = "key_ring", help_heading = KEEPING)]
    cookie_key: Option<PathBuf>,
    /// A file with the keys with which what leaves this process is sealed; `nuncio keys --ring` makes one
    #[arg(long, value_name = "FILE", help_heading = KEEPING)]
    key_ring: Option<PathBuf>,
    /// Starts the clock at an instant, for recordings: old messages then count as fresh
    #[arg(long, value_name = "RFC3339", help_heading = WATCHING)]
    clock: Option<String>,
}

/// The presets, a line each.
fn presets() -> String {
    let longest = preset::all().map(|preset| preset.name.len()).max().unwrap_or_default();
    let line = |text: String, Preset { name, meaning, .. }: Preset| text + &format!("\n  {name:longest$}  {meaning}");
    let all = preset::all().fold("Presets:".to_owned(), line);
    all + "\n\n`nuncio check --policy NAME` tells what one of them means."
}

/// A user from a flag. Its `Debug` keeps the password, as anything printed may.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: Secret,
}

impl std::fmt::Debug for User {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The name ends at the first colon, as in HTTP's own scheme (RFC 7617): a password may have one.
pub(super) fn parse_user(text: &str) -> Result<User, &'static str> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() => {
            Ok(User { name: name.to_owned(), password: Secret::from(password.as_bytes()) })
        }
        _ => Err("it is not NAME:PASSWORD"),
    }
}

impl Proxy {
    pub(super) async fn run(self, inherited: Inherited) -> Result<(), Failed> {
        seed_ahead();
        let clock = match &self.clock {
            None => Clock::system(),
            Some(text) => Clock::started_at(Time::parse(text).ok_or_else(|| Failed::Clock(text.clone()))?),
        };
        let recorded = self.clock.is_some();
        super::run::serve(self.configuration()?, clock, recorded, inherited).await
    }

    fn configuration(self) -> Result<Configuration, ConfigError> {
        if self.egress {
            return self.egress();
        }
        let file = |flag, file: Option<PathBuf>| file.map(|file| Said::flag(flag, file));
        // A listener's TLS is the service's own certificate unless another is named.
        let own = pair(("certificate", self.certificate.as_ref()), ("key", self.key.as_ref()))?;
        let pfx = file("pfx", self.pfx);
        let password_file = file("pfx-password-file", self.pfx_password_file);
        let packed = pfx.map(|pfx| TlsInput { pfx: Some(pfx), password_file, ..TlsInput::default() });
        let own = own.or(packed.clone());
        let tls = pair(("tls-certificate", self.tls_certificate.as_ref()), ("tls-key", self.tls_key.as_ref()))?.or(own);
        let listeners = self
            .listen
            .iter()
            .map(|url| ListenerInput::of_url(url, tls.as_ref(), &self.tls_terminated_by))
            .collect::<Result<Vec<_>, _>>()?;
        let user = |user: User| UserInput {
            name: Said::flag("user", user.name),
            password: Some(Password(user.password)),
            password_file: None,
            roles: Vec::new(),
        };
        let mut route = RouteInput::new(Said::flag("path", "*".to_owned()), Said::flag("backend", self.backend));
        route.wsdl = file("wsdl", self.wsdl.map(PathBuf::from));
        route.port = self.port.map(|name| Said::flag("port", name));
        route.preset = self.preset.map(|name| Said::flag("preset", name));
        route.danger_plain = self.danger_plain.then(|| Said::flag("danger-plain", true));
        route.contract = self.contract.map(|source| Said::flag("contract", source));
        // Without a policy they are the listener's alone.
        if !self.danger_plain {
            route.certificate = file("certificate", self.certificate);
            route.key = file("key", self.key);
            route.certificates = packed.map(|TlsInput { pfx, password_file, .. }| {
                Said::flag("pfx", vec![CertificateInput { pfx, password_file, ..CertificateInput::default() }])
            });
        }
        route.users = self.user.into_iter().map(user).collect();
        route.user_file = file("user-file", self.user_file);
        route.danger_keep_passwords = self.danger_keep_passwords.map(|form| Said::flag("danger-keep-passwords", form));
        route.trust = Several::List(self.trust.into_iter().map(|file| Said::flag("trust", file)).collect());
        route.addresses = self.address.into_iter().map(|address| Said::flag("address", address)).collect();
        let mut document = Document::new(Said::flag("listen", listeners), Said::flag("backend", vec![route]));
        document.admin = admin(self.admin, self.danger_admin_beyond_loopback);
        let store = match (&self.cookie_key, &self.redis) {
            (Some(_), _) => Some(Said::flag("cookie-key", StoreKind::Cookie)),
            (None, Some(_)) => Some(Said::flag("redis", StoreKind::Redis)),
            (None, None) => None,
        };
        if !self.danger_plain {
            document.routes.value[0].store = store;
        }
        let ring = file("cookie-key", self.cookie_key).or_else(|| file("key-ring", self.key_ring));
        keep(&mut document, self.state, self.redis, ring);
        document.build(&Base::default())
    }

    /// The same of the other side.
    fn egress(self) -> Result<Configuration, ConfigError> {
        let file = |flag, file: Option<PathBuf>| file.map(|file| Said::flag(flag, file));
        let only = |flag: &'static str, many: usize| match many {
            0 | 1 => Ok(()),
            _ => Err(Said::flag(flag, ()).problem(Problem::OnlyOne(flag))),
        };
        only("user", self.user.len())?;
        only("trust", self.trust.len())?;
        only("address", self.address.len())?;
        let tls = pair(("tls-certificate", self.tls_certificate.as_ref()), ("tls-key", self.tls_key.as_ref()))?;
        let listeners = self
            .listen
            .iter()
            .map(|url| ListenerInput::of_url(url, tls.as_ref(), &self.tls_terminated_by))
            .collect::<Result<Vec<_>, _>>()?;
        let user = |user: User| AsUserInput {
            name: Said::flag("user", user.name),
            password: Some(Password(user.password)),
            password_file: None,
        };
        let trust = self.trust.into_iter().next().map(|file| Said::flag("trust", file));
        let service = BackendInput::at(Said::flag("backend", self.backend), trust);
        let mut route = EgressRouteInput::new(Said::flag("path", "*".to_owned()), service);
        route.wsdl = self.wsdl.map(|wsdl| Said::flag("wsdl", wsdl));
        route.port = self.port.map(|name| Said::flag("port", name));
        route.preset = self.preset.map(|name| Said::flag("preset", name));
        route.to = self.address.into_iter().next().map(|address| Said::flag("address", address));
        route.service_certificate = file("service-certificate", self.service_certificate);
        route.user = self.user.into_iter().next().map(user);
        route.certificate = file("certificate", self.certificate);
        route.key = file("key", self.key);
        route.pass_through = self.pass_through;
        route.soap = self.soap;
        route.reading = self.reading.unwrap_or_default();
        route.contract_cache = file("contract-cache", self.contract_cache);
        route.danger_clear_contract = self.danger_clear_contract;
        route.store = self.redis.as_ref().map(|_| Said::flag("redis", StoreKind::Redis));
        let nothing = (Said::flag("listen", Vec::new()), Said::flag("backend", Vec::new()));
        let mut document = Document::new(nothing.0, nothing.1);
        document.egress = Some(EgressInput {
            listeners: Said::flag("listen", listeners),
            routes: Said::flag("backend", vec![route]),
            danger_anybody_beyond_loopback: self.danger_anybody_beyond_loopback,
            danger_clear_callers: self.danger_clear_callers,
        });
        document.admin = admin(self.admin, self.danger_admin_beyond_loopback);
        keep(&mut document, self.state, self.redis, file("key-ring", self.key_ring));
        document.build(&Base::default())
    }
}

/// Where something is kept beside this process's memory.
fn keep(document: &mut Document, state: Option<PathBuf>, redis: Option<String>, ring: Option<Said<PathBuf>>) {
    document.state = state.map(|directory| StateInput { directory: Said::flag("state", directory) });
    document.redis = redis.map(|url| RedisInput::at(Said::flag("redis", url)));
    document.key_ring = ring;
}

/// Where the gateway is watched over.
fn admin(address: Option<String>, danger_admin_beyond_loopback: bool) -> Option<AdminInput> {
    address.map(|address| AdminInput {
        address: Said::flag("admin", address),
        tls: None,
        client_certificates: ClientCertificatesInput::Off,
        trust: None,
        token_file: None,
        danger_admin_beyond_loopback,
    })
}

/// A file that a flag names, if it is there.
type Named<'a> = (&'static str, Option<&'a PathBuf>);

/// Two files of which one is nothing without the other.
fn pair(first: Named<'_>, second: Named<'_>) -> Result<Option<TlsInput>, ConfigError> {
    let half = |given, missing| Err(Said::flag(given, ()).problem(Problem::Half { given, missing }));
    match (first, second) {
        ((_, None), (_, None)) => Ok(None),
        ((given, Some(_)), (missing, None)) | ((missing, None), (given, Some(_))) => half(given, missing),
        ((one, Some(file)), (other, Some(beside))) => {
            let (certificate, key) = (Said::flag(one, file.clone()), Said::flag(other, beside.clone()));
            Ok(Some(TlsInput { certificate: Some(certificate), key: Some(key), ..TlsInput::default() }))
        }
    }
}
