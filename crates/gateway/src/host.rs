//! The host that a request asks for.

use axum::extract::Request;
use hyper::header::HOST;

use crate::contract::is_host;
use crate::http::Rejection;

/// A host in the form in which hosts are compared: without its port, in lower case (RFC 3986, section 6.2.2.1), without a
/// dot at its end. `None` where it is none.
pub(crate) fn compared(authority: &str) -> Option<String> {
    let port = port(authority).map_or(0, |port| port.len() + 1);
    let host = &authority[..authority.len() - port];
    let host = host.strip_suffix('.').unwrap_or(host);
    (is_host(authority) && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// The port of an authority.
pub(crate) fn port(authority: &str) -> Option<&str> {
    authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'))
}

/// The host of a request, as it is compared; `None` where it names none, as HTTP/1.0 may.
///
/// A target in absolute form, and HTTP/2's `:authority`, go before `Host` (RFC 9112, section 3.2.2). Where both are there
/// and name two hosts, somebody in front may have looked at the other one: that is refused.
pub(crate) fn asked(request: &Request) -> Result<Option<String>, Rejection> {
    let read = |text: &str| compared(text).ok_or(Rejection::Malformed("Host"));
    let target = request.uri().authority().map(|authority| read(authority.as_str())).transpose()?;
    let mut headers = request.headers().get_all(HOST).iter();
    let said = match (headers.next(), headers.next()) {
        (Some(_), Some(_)) => return Err(Rejection::Hosts(2 + headers.count())),
        (Some(said), None) => said.to_str().map_err(|_| Rejection::Malformed("Host"))?,
        (None, _) => "",
    };
    let said = if said.is_empty() { None } else { Some(read(said)?) };
    match (target, said) {
        (Some(target), Some(said)) if target != said => Err(Rejection::TwoHosts { target, said }),
        (target, said) => Ok(target.or(said)),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(target: &str, hosts: &[&str]) -> Result<Option<String>, Rejection> {
        let mut builder = Request::post(target);
        for host in hosts {
            builder = builder.header(HOST, *host);
        }
        asked(&builder.body(Body::empty()).unwrap())
    }

    #[test]
    fn a_host_is_compared_without_its_port_and_its_case() {
        for (target, hosts, host) in [
            ("/", &["A.Example:8080"][..], Some("a.example")),
            ("/", &["a.example."], Some("a.example")),
            ("/", &["a.example.:80"], Some("a.example")),
            ("/", &["[::1]:80"], Some("[::1]")),
            ("/", &[""], None),
            ("/", &[], None),
            ("http://A.example/x", &[], Some("a.example")),
            ("http://a.example:81/x", &["a.EXAMPLE:80"], Some("a.example")),
        ] {
            assert_eq!(request(target, hosts).unwrap().as_deref(), host, "{target} {hosts:?}");
        }
    }

    #[test]
    fn what_names_two_hosts_or_none_is_refused() {
        let two = Rejection::TwoHosts { target: "a".into(), said: "b".into() };
        assert_eq!(request("http://a/", &["b"]), Err(two));
        assert_eq!(request("/", &["a", "a"]), Err(Rejection::Hosts(2)));
        for host in [".", "a/b", "a b", "u@a", "a:b", "a,b", "\u{e9}"] {
            assert_eq!(request("/", &[host]), Err(Rejection::Malformed("Host")), "{host}");
        }
        assert_eq!(request("http://u@a/", &[]), Err(Rejection::Malformed("Host")));
    }
}
