//! Who calls: where a request came from, and whether its password is right.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use nuncio_crypto::certificate::Certificate;
use nuncio_wss::{Claim, Opened, Principal, Refusal, Time, Username};

use super::{Denied, Ingress, asks};
use crate::identity::Caller;
use crate::users::{HELD, Leave, Try};

impl Ingress {
    /// Who the message comes from; the password is checked here.
    pub(super) async fn authenticate(
        &self,
        opened: &Opened,
        client: Option<&Certificate>,
        from: IpAddr,
        now: Time,
    ) -> Result<Caller, Denied> {
        let (principal, conversation) = match opened.claim() {
            Claim::Anonymous => (Principal::Anonymous, None),
            Claim::Certificate(certificate) => (Principal::from(certificate), None),
            // The transport was found to have one when the message was opened.
            Claim::Transport => (client.map_or(Principal::Anonymous, Principal::from), None),
            Claim::User(name) => (Principal::User(name.into()), None),
            Claim::Context(context) => {
                // A user who is struck off does not go on under what he was granted before.
                if let Principal::User(name) = &context.principal
                    && !self.users.has(name)
                {
                    return Err(Refusal::UnknownContext(context.identifier.to_string()).into());
                }
                (context.principal.clone(), Some(context.conversation.to_string()))
            }
            Claim::Username(user) => {
                self.check_password(user, from, now).await?;
                (Principal::User(user.name.as_str().into()), None)
            }
        };
        let mut caller = Caller { principal, conversation, roles: Vec::new() };
        let own: Vec<&str> = match &caller.principal {
            Principal::User(name) => self.users.roles(name).iter().map(|role| &**role).collect(),
            Principal::Anonymous | Principal::Certificate(_) => Vec::new(),
        };
        caller.roles = self.authorisation.roles(&asks(&caller), &own).into_iter().map(str::to_owned).collect();
        Ok(caller)
    }

    /// Looks at a password, unless too many wrong ones came.
    async fn check_password(&self, user: &Username, from: IpAddr, now: Time) -> Result<(), Denied> {
        let tried = Try { route: &self.name, user: &user.name, from };
        let leave = self.world.guesses.ask(tried, now);
        if leave == Leave::Refused {
            self.metrics.throttled();
            return Err(Denied::Throttled(user.name.clone()));
        }
        if self.users.check(user, now, &self.world.passwords).await? {
            return Ok(());
        }
        self.world.guesses.wrong(tried, now);
        if leave == Leave::Held {
            self.metrics.throttled();
            tokio::time::sleep(HELD).await;
        }
        Err(Refusal::WrongPassword(user.name.clone()).into())
    }

    /// Notes from where a user came with his password.
    pub(super) fn came(&self, opened: &Opened, from: IpAddr, now: Time) {
        if let Claim::Username(user) = opened.claim() {
            self.world.guesses.right(Try { route: &self.name, user: &user.name, from }, now);
        }
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
