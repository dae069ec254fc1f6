//! One connection to a Redis: made, asked within a time, and given up where nothing is answered.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio_crypto::secret::Secret;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, ErrorKind, Pipeline, RedisConnectionInfo, ServerError, Value};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::{BadSettings, Settings, Unavailable};
use crate::upstream::causes;

/// A connection. Dropping it closes it.
pub(super) struct Link {
    connection: MultiplexedConnection,
    driver: AbortHandle,
    /// When it answered last.
    answered: Mutex<Instant>,
    /// Why it is of no use any more.
    ended: watch::Sender<Option<Unavailable>>,
}

/// How connections are made.
pub(super) struct Dialer {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    info: RedisConnectionInfo,
    within: Duration,
}

impl Dialer {
    pub(super) fn new(settings: &Settings) -> Result<Self, BadSettings> {
        let mut info = RedisConnectionInfo::default()
            .set_db(i64::from(settings.database))
            // What it calls us is nothing that it needs, and one more command that it must allow.
            .set_skip_set_lib_name();
        if let Some(username) = &settings.username {
            info = info.set_username(username);
        }
        match (&settings.password, &settings.username) {
            (Some(password), _) => {
                info = info.set_password(str::from_utf8(password.expose()).map_err(|_| BadSettings::Password)?);
            }
            (None, Some(_)) => return Err(BadSettings::NoPassword),
            (None, None) => {}
        }
        let tls = if settings.tls {
            let name = ServerName::try_from(settings.host.clone()).map_err(|_| BadSettings::Host)?;
            Some((
                TlsConnector::from(Arc::new(client_config(settings.trust.as_deref(), settings.identity.as_ref())?)),
                name,
            ))
        } else {
            None
        };
        Ok(Self { host: settings.host.clone(), port: settings.port, tls, info, within: settings.connect_timeout })
    }

    /// A connection to whatever the host's name means now, on which we have said who we are.
    pub(super) async fn dial(&self) -> Result<Link, Unavailable> {
        let dialled = timeout(self.within, async {
            let stream = TcpStream::connect((&*self.host, self.port)).await.map_err(unreached)?;
            stream.set_nodelay(true).map_err(unreached)?;
            match &self.tls {
                None => self.greet(stream).await,
                Some((connector, name)) => {
                    self.greet(connector.connect(name.clone(), stream).await.map_err(unreached)?).await
                }
            }
        });
        dialled.await.unwrap_or(Err(Unavailable::Slow))
    }

    async fn greet<S>(&self, stream: S) -> Result<Link, Unavailable>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Each operation has a deadline of ours.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&self.info, stream, config).await.map_err(|error| {
                match error.kind() {
                    ErrorKind::AuthenticationFailed | ErrorKind::Server(_) => Unavailable::Refused(causes(&error)),
                    _ => Unavailable::Lost(causes(&error)),
                }
            })?;
        let (ended, _) = watch::channel(None);
        let driver: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(driver);
        let over = ended.clone();
        let driver = tokio::spawn(async move {
            driver.await;
            end(&over, Unavailable::Lost("it closed the connection".to_owned()));
        });
        let answered = Mutex::new(Instant::now());
        Ok(Link { connection, driver: driver.abort_handle(), answered, ended })
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what an error is mapped with")]
fn unreached(error: io::Error) -> Unavailable {
    Unavailable::Lost(error.to_string())
}

/// The first reason stays.
fn end(ended: &watch::Sender<Option<Unavailable>>, why: Unavailable) {
    ended.send_if_modified(|known| {
        let first = known.is_none();
        if first {
            *known = Some(why);
        }
        first
    });
}

impl Link {
    /// What is answered to each command, an error of Redis's too.
    ///
    /// A connection that answered nothing at all since it was asked is given up: of one that is slow something comes, and of
    /// one behind which nobody is any more nothing does.
    pub(super) async fn ask(&self, commands: &Pipeline, within: Duration) -> Result<Vec<Value>, Unavailable> {
        let mut connection = self.connection.clone();
        let begun = Instant::now();
        match timeout(within, connection.req_packed_commands(commands, 0, commands.len())).await {
            Ok(Ok(values)) if values.len() == commands.len() => {
                *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                Ok(values)
            }
            Ok(Ok(_)) => Err(self.end(Unavailable::Refused("it answers what was not asked".to_owned()))),
            Ok(Err(error)) => Err(self.end(Unavailable::Lost(causes(&error)))),
            Err(_) => {
                let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
                Err(if answered < begun { self.end(Unavailable::Slow) } else { Unavailable::Slow })
            }
        }
    }

    /// Gives it up.
    pub(super) fn end(&self, why: Unavailable) -> Unavailable {
        end(&self.ended, why.clone());
        why
    }

    /// Waits until it is of no use any more; why.
    pub(super) async fn ended(&self) -> Unavailable {
        let mut ended = self.ended.subscribe();
        let why = ended.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or(Unavailable::Away)
    }

    /// What an error of Redis's means. Where it means that no operation is of use, the connection is given up.
    pub(super) fn refused(&self, error: &ServerError) -> Unavailable {
        let why = Unavailable::Refused(error.to_string());
        // A replica, what is read from a disk still, who does not know us any more, a node of a cluster.
        match error.code() {
            "READONLY" | "LOADING" | "MASTERDOWN" | "NOAUTH" | "MOVED" | "CLUSTERDOWN" => self.end(why),
            _ => why,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// How a server of the operator's own is asked over TLS: whom it is held against, the system's roots where nobody is named, and
/// what it is shown, a certificate with its key.
pub(crate) fn client_config(trust: Option<&[u8]>, shown: Option<&Secret>) -> Result<ClientConfig, BadSettings> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match trust {
        Some(pem) => builder.with_root_certificates(roots(pem)?),
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier::new(provider)?)),
    };
    match shown {
        None => Ok(builder.with_no_client_auth()),
        Some(pem) => {
            let (chain, key) = identity(pem)?;
            Ok(builder.with_client_auth_cert(chain, key)?)
        }
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, BadSettings> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| BadSettings::Trust)?)?;
    }
    if roots.is_empty() { Err(BadSettings::Trust) } else { Ok(roots) }
}

fn identity(pem: &Secret) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), BadSettings> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.expose()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(BadSettings::Identity)?;
    let key = PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| BadSettings::Identity)?;
    Ok((chain, key))
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test's helpers fail the test")]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn of(change: impl FnOnce(&mut Settings)) -> Result<Dialer, BadSettings> {
        let mut settings = Settings::at("rediss://localhost").unwrap();
        change(&mut settings);
        Dialer::new(&settings)
    }

    #[test]
    fn what_cannot_be_used_is_found_before_anything_is_dialled() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let both = Secret::new(format!("{certificate}{key}").into_bytes());
        assert!(
            of(|settings| {
                settings.trust = Some(certificate.clone().into_bytes());
                settings.identity = Some(both.clone());
            })
            .is_ok()
        );
        for (change, refusal) in [
            (
                (|settings| settings.trust = Some(b"no certificate".to_vec())) as fn(&mut Settings),
                "there is no certificate in PEM to believe",
            ),
            (
                |settings| settings.identity = Some(Secret::new(b"no key".to_vec())),
                "there is no certificate with its key in PEM to show",
            ),
            (|settings| settings.username = Some("gateway".to_owned()), "there is a user name and no password"),
            (|settings| settings.password = Some(Secret::new(vec![0xFF])), "the password is not UTF-8"),
        ] {
            assert_eq!(of(change).err().map(|error| error.to_string()).as_deref(), Some(refusal));
        }
        let certificate = Secret::new(certificate.into_bytes());
        assert!(of(|settings| settings.identity = Some(certificate)).is_err(), "a certificate without its key");
    }

    /// A link to somebody who answers each thing that he hears with the next of these, and nothing more; who closes it where that
    /// is nothing.
    async fn to(answers: &'static [&'static str]) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                if answer.is_empty() {
                    return;
                }
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            std::future::pending::<()>().await;
        });
        Dialer::new(&Settings::at(&format!("redis://{address}")).unwrap()).unwrap().dial().await.unwrap()
    }

    fn ping() -> Pipeline {
        let mut commands = Pipeline::new();
        commands.cmd("PING");
        commands
    }

    const AT_ONCE: Duration = Duration::from_millis(30);
    const SOON: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn f_13_one_that_answers_nothing_is_given_up() {
        let link = to(&[]).await;
        assert_eq!(link.ask(&ping(), AT_ONCE).await, Err(Unavailable::Slow));
        assert_eq!(timeout(SOON, link.ended()).await, Ok(Unavailable::Slow));
    }

    /// What is slow once is not lost: others were answered meanwhile.
    #[tokio::test]
    async fn one_that_answers_others_is_not() {
        let link = to(&["+PONG\r\n+PONG\r\n"]).await;
        let (first, second) = (ping(), ping());
        let mut slow = Pipeline::new();
        slow.cmd("GET").arg("what takes long");
        let answered = tokio::join!(link.ask(&first, SOON), link.ask(&second, SOON), link.ask(&slow, AT_ONCE));
        assert!(answered.0.is_ok() && answered.1.is_ok());
        assert_eq!(answered.2, Err(Unavailable::Slow));
        assert!(timeout(AT_ONCE, link.ended()).await.is_err());
    }

    #[tokio::test]
    async fn one_that_is_closed_or_says_nonsense_is_given_up() {
        let link = to(&[""]).await;
        assert!(matches!(timeout(SOON, link.ended()).await, Ok(Unavailable::Lost(_))), "though nobody asks");
        assert!(matches!(link.ask(&ping(), SOON).await, Err(Unavailable::Lost(_))));
        let link = to(&["HTTP/1.1 400 Bad Request\r\n\r\n"]).await;
        assert!(matches!(link.ask(&ping(), SOON).await, Err(Unavailable::Lost(_))));
        assert!(matches!(timeout(SOON, link.ended()).await, Ok(Unavailable::Lost(_))));
    }

    #[tokio::test]
    async fn f_15_of_what_is_refused_some_is_refused_for_good() {
        for (answer, is_over) in [
            ("-READONLY You can't write against a read only replica.\r\n", true),
            ("-LOADING Redis is loading the dataset in memory\r\n", true),
            ("-MASTERDOWN Link with MASTER is down\r\n", true),
            ("-NOAUTH Authentication required.\r\n", true),
            ("-MOVED 3999 127.0.0.1:6381\r\n", true),
            ("-CLUSTERDOWN The cluster is down\r\n", true),
            ("-OOM command not allowed\r\n", false),
            ("-NOPERM this user has no permissions\r\n", false),
            ("-ERR syntax error\r\n", false),
        ] {
            let link = to(Box::leak(Box::new([answer]))).await;
            let values = link.ask(&ping(), SOON).await.unwrap();
            let [Value::ServerError(error)] = &*values else { panic!("{values:?}") };
            let why = link.refused(error);
            assert!(matches!(&why, Unavailable::Refused(_)));
            let ended = timeout(AT_ONCE, link.ended()).await;
            assert_eq!(ended.ok(), is_over.then_some(why), "{answer}");
        }
    }
}
