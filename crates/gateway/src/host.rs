//! The host that a request asks for.

use std::net::IpAddr;

use axum::extract::Request;
use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri, Version};

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

/// Whether a host, in the form in which hosts are compared, is this machine by its name or address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The port of an authority.
pub(crate) fn port(authority: &str) -> Option<&str> {
    authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'))
}

/// The host that a request is for, with its port where it says one: `Host`, without which HTTP/1.1 has no request (RFC
/// 9112 section 3.2), or `:authority`. Where both are there they say the same (RFC 9113 section 8.3.1), and so must the
/// target of HTTP/1.1 that is a whole URL. `None` where HTTP/1.0 says none.
pub(crate) fn named<'a>(uri: &'a Uri, headers: &'a HeaderMap, version: Version) -> Result<Option<&'a str>, Rejection> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().map_err(|_| Rejection::Malformed("Host"))?),
        (None, _) => None,
        (Some(_), Some(_)) => return Err(Rejection::Hosts(2 + hosts.count())),
    };
    let authority = uri.authority().map(Authority::as_str);
    match (host, authority) {
        (_, Some(authority)) if authority.contains('@') => Err(Rejection::Malformed(":authority")),
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => Err(Rejection::HostOfAnother),
        (None, None) if version >= Version::HTTP_11 => Err(Rejection::Hosts(0)),
        (None, Some(_)) if version == Version::HTTP_11 => Err(Rejection::Hosts(0)),
        (host, authority) => Ok(host.or(authority)),
    }
}

/// The host of a request, as it is compared; `None` where it names none, as HTTP/1.0 may.
pub(crate) fn asked(request: &Request) -> Result<Option<String>, Rejection> {
    let named = named(request.uri(), request.headers(), request.version())?.filter(|named| !named.is_empty());
    named.map(|named| compared(named).ok_or(Rejection::Malformed("Host"))).transpose()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use hyper::header::HeaderValue;

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
            ("http://a.example:81/x", &["a.EXAMPLE:81"], Some("a.example")),
        ] {
            assert_eq!(request(target, hosts).unwrap().as_deref(), host, "{target} {hosts:?}");
        }
    }

    #[test]
    fn what_names_two_hosts_or_none_is_refused() {
        assert_eq!(request("http://a/", &["b"]), Err(Rejection::HostOfAnother));
        assert_eq!(request("/", &["a", "a"]), Err(Rejection::Hosts(2)));
        for host in [".", "a/b", "a b", "u@a", "a:b", "a,b", "\u{e9}"] {
            assert_eq!(request("/", &[host]), Err(Rejection::Malformed("Host")), "{host}");
        }
    }

    #[test]
    fn a_request_is_for_one_host() {
        use Version as V;
        for (version, target, hosts, found) in [
            (V::HTTP_11, "/echo", &["here"][..], Ok(Some("here"))),
            (V::HTTP_11, "/echo", &["here", "here"], Err(Rejection::Hosts(2))),
            (V::HTTP_11, "/echo", &["a", "b", "c"], Err(Rejection::Hosts(3))),
            (V::HTTP_11, "/echo", &[], Err(Rejection::Hosts(0))),
            (V::HTTP_11, "http://here:1/echo", &["HERE:1"], Ok(Some("HERE:1"))),
            (V::HTTP_11, "http://here/echo", &["there"], Err(Rejection::HostOfAnother)),
            (V::HTTP_11, "http://here/echo", &[], Err(Rejection::Hosts(0))),
            (V::HTTP_10, "/echo", &[], Ok(None)),
            (V::HTTP_2, "https://here/echo", &[], Ok(Some("here"))),
            (V::HTTP_2, "https://here/echo", &["here"], Ok(Some("here"))),
            (V::HTTP_2, "https://here/echo", &["here:443"], Err(Rejection::HostOfAnother)),
            (V::HTTP_2, "https://you@here/echo", &[], Err(Rejection::Malformed(":authority"))),
            (V::HTTP_2, "/echo", &["here"], Ok(Some("here"))),
            (V::HTTP_2, "/echo", &[], Err(Rejection::Hosts(0))),
        ] {
            let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect();
            assert_eq!(named(&target.parse().unwrap(), &headers, version), found, "{version:?} {target} {hosts:?}");
        }
    }
}
