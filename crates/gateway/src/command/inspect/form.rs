//! What of a capture is seen by its HTTP head alone.

use hyper::Method;

use super::capture::Capture;
use super::report::RefusalReport;
use crate::config::MessageLimits;
use crate::http::Rejection;
use crate::media;
use crate::upstream::{Unavailable, check, limit};

/// Why a gateway turns a request away by its head, or since its body has more octets than may be.
pub(super) fn turned_away(capture: &Capture, limit: Option<usize>) -> Option<Rejection> {
    by_head(capture).or_else(|| {
        let limit = limit.filter(|limit| capture.body.len() > *limit)?;
        Some(Rejection::BodyTooLarge(limit))
    })
}

fn by_head(capture: &Capture) -> Option<Rejection> {
    if let Some((method, _)) = capture.request()
        && method != "POST"
    {
        return Some(Rejection::Method(Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET)));
    }
    let content_type = capture.header("Content-Type");
    if content_type.is_none() && capture.request().is_none() {
        return None;
    }
    let content_type = content_type.unwrap_or_default();
    media::version(content_type).is_none().then(|| Rejection::MediaType(content_type.to_owned()))
}

/// Why whoever calls the service takes an answer for none, by its head and its size.
pub(super) fn no_answer(capture: &Capture, limits: &MessageLimits) -> Option<Unavailable> {
    let content_type = capture.header("Content-Type");
    // Headers without a status line may be those of a good one; an envelope alone says nothing of its head.
    let status = capture.status().or_else(|| content_type.map(|_| 200))?;
    let octets = capture.body.len();
    let most = limit(status, limits.body_bytes, limits.fault_bytes);
    if octets > most {
        return Some(Unavailable::TooLarge(most));
    }
    // Tools write down a line end behind a head.
    check(status, content_type.unwrap_or_default(), capture.body.trim_ascii().is_empty()).err()
}

/// What a capture is that is no SOAP in XML.
pub(super) fn other_form(capture: &Capture) -> Option<String> {
    if let Some(encoding) =
        capture.header("Content-Encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
    {
        return Some(format!(
            "its body is compressed ({encoding}): capture it before it is, or take the compression off"
        ));
    }
    let media = capture.header("Content-Type")?.split(';').next()?.trim().to_ascii_lowercase();
    let is_xml = capture.body.trim_ascii_start().starts_with(b"<");
    match media.as_str() {
        "multipart/related" => {
            Some("it is in MTOM, or has attachments: Nuncio speaks SOAP in one piece of XML".to_owned())
        }
        "application/soap+msbin1" | "application/soap+msbinsession1" => {
            Some("it is in .NET's binary encoding: Nuncio speaks SOAP in XML".to_owned())
        }
        "text/html" => Some("it is a page of HTML: a server or proxy answered in the place of the service".to_owned()),
        _ if !is_xml && !capture.body.is_empty() && !media.contains("xml") => {
            Some(format!("its content type is {media}, which is not SOAP"))
        }
        _ => None,
    }
}

/// What is said of a request that is turned away by its head.
pub(super) fn of_rejection(rejection: &Rejection) -> RefusalReport {
    let (means, client, route) = match rejection {
        Rejection::BodyTooLarge(_) => (
            "The message is larger than the route's limits allow: it is not read.",
            "Send a smaller message.",
            Some("If clients need it, raise `body_bytes` in the route's `limits`."),
        ),
        _ => (
            "A gateway turns it away by its HTTP head, before it reads the message.",
            "Send one POST of SOAP in UTF-8, with the content type of its version and no compression.",
            None,
        ),
    };
    RefusalReport {
        reason: rejection.to_string(),
        means: means.to_owned(),
        client: Some(client.to_owned()),
        service: None,
        route: route.map(str::to_owned),
    }
}

/// The same of an answer that is taken for none.
pub(super) fn of_no_answer(unavailable: &Unavailable) -> RefusalReport {
    let (means, service, client) = match unavailable {
        Unavailable::TooLarge(_) => (
            "The answer is larger than the limits allow; what its status says is a fault may be smaller than others.",
            "Answer with less.",
            "If answers are as large as that, raise `body_bytes`, or `fault_bytes` for faults, in the `limits` of the client's route.",
        ),
        _ => (
            "Its HTTP head is none of an answer in SOAP: the service failed and does not say why, or something on the way answered in its place.",
            "Answer with status 200, or 400 to 599 for a fault, and with SOAP's content type in UTF-8; look into the service's log for why it did not.",
            "Call the service itself, at the address where it is: no redirection is followed.",
        ),
    };
    RefusalReport {
        reason: unavailable.to_string(),
        means: means.to_owned(),
        client: Some(client.to_owned()),
        service: Some(service.to_owned()),
        route: None,
    }
}
