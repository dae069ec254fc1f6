//! Who calls: where a request came from, and whether its password is right.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::HeaderMap;
use nuncio_crypto::certificate::Certificate;
use nuncio_wss::{Claim, Opened, Principal, Refusal, Time, Username};

use super::{Denied, Ingress, asks};
use crate::identity::Caller;
use crate::users::{HELD, Leave, Try};

impl Ingress {
    /// Who the message comes from; the password is checked here, but for one of which a key has signed.
    pub(super) async fn authenticate(
        &self,
        opened: &Opened,
        client: Option<&Certificate>,
        from: IpAddr,
        now: Time,
    ) -> Result<Caller, Denied> {
        let (principal, conversation) = match opened.claim() {
            Claim::Anonymous => (Principal::Anonymous.into(), None),
            Claim::Certificate(certificate) => (Principal::from(certificate).into(), None),
            // The transport was found to have one when the message was opened.
            Claim::Transport => (client.map_or(Principal::Anonymous, Principal::from).into(), None),
            Claim::User(name) => {
                // Whether the key is right has been seen; whether it counts is seen here.
                self.leave(name, from, now)?;
                (Principal::User(name.into()).into(), None)
            }
            Claim::Context(context) => {
                // A user who is struck off does not go on under what he was granted before.
                if let Principal::User(name) = &*context.principal
                    && !self.users.has(name)
                {
                    return Err(Refusal::UnknownContext(context.identifier.to_string()).into());
                }
                (Arc::clone(&context.principal), Some(context.conversation.to_string()))
            }
            Claim::Username(user) => {
                self.check_password(user, from, now).await?;
                (Principal::User(user.name.as_str().into()).into(), None)
            }
        };
        let mut caller = Caller { principal, conversation, roles: Vec::new() };
        let own: Vec<&str> = match &*caller.principal {
            Principal::User(name) => self.users.roles(name).iter().map(|role| &**role).collect(),
            Principal::Anonymous | Principal::Certificate(_) => Vec::new(),
        };
        caller.roles = self.authorisation.roles(&asks(&caller), &own).into_iter().map(str::to_owned).collect();
        Ok(caller)
    }

    /// Looks at a password, unless too many wrong ones came.
    async fn check_password(&self, user: &Username, from: IpAddr, now: Time) -> Result<(), Denied> {
        let leave = self.leave(&user.name, from, now)?;
        if self.users.check(user, now, &self.world.passwords).await? {
            return Ok(());
        }
        self.wrong(&user.name, leave, from, now).await;
        Err(Refusal::WrongPassword(user.name.clone()).into())
    }

    /// Why a message is refused that was not signed by a key of that user's password: it is one more wrong password.
    pub(super) async fn wrong_key(&self, user: String, from: IpAddr, now: Time) -> Denied {
        match self.leave(&user, from, now) {
            Err(throttled) => throttled,
            Ok(leave) => {
                self.wrong(&user, leave, from, now).await;
                Refusal::WrongKey(user).into()
            }
        }
    }

    /// Whether a password of that user is looked at.
    fn leave(&self, user: &str, from: IpAddr, now: Time) -> Result<Leave, Denied> {
        match self.world.guesses.ask(Try { route: &self.name, user, from }, now) {
            Leave::Refused => {
                self.metrics.throttled();
                Err(Denied::Throttled(user.to_owned()))
            }
            leave => Ok(leave),
        }
    }

    /// Notes a wrong password, and holds its answer back where it must wait.
    async fn wrong(&self, user: &str, leave: Leave, from: IpAddr, now: Time) {
        self.world.guesses.wrong(Try { route: &self.name, user, from }, now);
        if leave == Leave::Held {
            self.metrics.throttled();
            tokio::time::sleep(HELD).await;
        }
    }

    /// Notes from where a user came with his password.
    pub(super) fn came(&self, opened: &Opened, from: IpAddr, now: Time) {
        let user = match opened.claim() {
            Claim::Username(user) => &user.name,
            Claim::User(user) => user,
            Claim::Anonymous | Claim::Certificate(_) | Claim::Transport | Claim::Context(_) => return,
        };
        self.world.guesses.right(Try { route: &self.name, user, from }, now);
    }
}

/// The address that the last proxy says that it got the request from: of `X-Forwarded-For` the last element, to which the
/// others are what the proxy was told itself.
pub(crate) fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
    // Some write a port behind.
    let address = last.parse::<IpAddr>().ok().or_else(|| Some(last.parse::<SocketAddr>().ok()?.ip()));
    address.or_else(|| last.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_proxy_says_where_a_request_came_from() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], Some("192.0.2.1")),
            (&["10.0.0.1, 192.0.2.1"], Some("192.0.2.1")),
            (&["10.0.0.1", "192.0.2.2,192.0.2.1 "], Some("192.0.2.1")),
            (&["192.0.2.1:4711"], Some("192.0.2.1")),
            (&["2001:db8::1"], Some("2001:db8::1")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["192.0.2.1, unknown"], None),
            (&["192.0.2.1,"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            assert_eq!(forwarded_for(&headers), expected.map(|address| address.parse().unwrap()), "{lines:?}");
        }
    }
}
