//! What of a capture is seen by its HTTP head alone.

use hyper::Method;

use super::capture::Capture;
use crate::http::Rejection;
use crate::media;

/// Why a gateway turns a request away by its head.
pub(super) fn turned_away(capture: &Capture) -> Option<Rejection> {
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
