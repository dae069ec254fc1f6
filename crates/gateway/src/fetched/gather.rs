//! The documents of a contract, fetched one after the other from the one place that an operator named.

use nuncio_policy::publish::Unpublishable;
use nuncio_policy::wsdl::Documents;
use reqwest::{Client, Url};

use super::{FETCH, NotFetched};
use crate::upstream::{Unavailable, document};

/// The largest document that is fetched, in octets.
const DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

/// A contract's documents.
pub(crate) struct Gathered {
    /// Those of the service.
    pub(crate) documents: Documents,
    /// Imports that are not the service's, or that it does not have: by what they say of where they lead.
    pub(crate) left: Vec<String>,
}

/// Fetches a contract and what it imports, in the order in which that is found.
pub(crate) async fn gather(client: &Client, first: &Url) -> Result<Gathered, NotFetched> {
    tokio::time::timeout(FETCH, gathered(client, first)).await.unwrap_or(Err(NotFetched::Slow))
}

async fn gathered(client: &Client, first: &Url) -> Result<Gathered, NotFetched> {
    let get = async |url: &Url| {
        let fetched = document(client, url.clone(), DOCUMENT_BYTES).await;
        fetched.map_err(|reason| NotFetched::Unavailable { url: Box::new(url.clone()), reason })
    };
    let mut documents = Documents::new(first.as_str(), &get(first).await?)?;
    let mut left = Vec::new();
    while let Some((from, location)) = documents.import() {
        let location = location.to_owned();
        let Some(Lead { url, elsewhere }) = lead(first, from, &location) else {
            documents.leave();
            left.push(location);
            continue;
        };
        if !documents.has(url.as_str()) {
            match get(&url).await {
                Ok(bytes) => documents.add(url.as_str(), &bytes)?,
                // It may be elsewhere after all.
                Err(NotFetched::Unavailable { reason: Unavailable::NotPublished(_), .. }) if elsewhere => {
                    documents.leave();
                    left.push(location);
                    continue;
                }
                Err(reason) => return Err(reason),
            }
        }
        documents.link(url.as_str());
    }
    Ok(Gathered { documents, left })
}

/// Puts documents together again that were fetched from there.
pub(super) fn assemble(first: &Url, texts: &[(String, String)]) -> Result<Documents, Unpublishable> {
    let text = |at: &str| texts.iter().find(|(of, _)| of == at).map(|(_, text)| text.as_bytes());
    let mut documents = Documents::new(first.as_str(), text(first.as_str()).unwrap_or_default())?;
    while let Some((from, location)) = documents.import() {
        let url = lead(first, from, location).map(|lead| lead.url);
        match url.and_then(|url| Some((text(url.as_str())?, url))) {
            Some((bytes, url)) => {
                if !documents.has(url.as_str()) {
                    documents.add(url.as_str(), bytes)?;
                }
                documents.link(url.as_str());
            }
            None => documents.leave(),
        }
    }
    Ok(documents)
}

/// Where an import leads.
struct Lead {
    url: Url,
    /// Whether it says another origin.
    elsewhere: bool,
}

/// Where an import leads, from a document to a location; `None` where that is nowhere of the first one's origin: the service
/// says what is fetched, and must not say from where.
///
/// A service that knows itself by another name (WCF writes that of its machine, and services behind others their own) writes
/// that into what it publishes. Where only the origin differs from the first one's, the path is asked for at the first one's.
fn lead(first: &Url, from: &str, location: &str) -> Option<Lead> {
    let mut url = Url::parse(from).and_then(|from| from.join(location)).ok()?;
    url.set_fragment(None);
    if url.origin() == first.origin() && url.username().is_empty() && url.password().is_none() {
        return Some(Lead { url, elsewhere: false });
    }
    let alike = matches!(url.scheme(), "http" | "https") && url.path().eq_ignore_ascii_case(first.path());
    if !alike {
        return None;
    }
    let mut here = first.clone();
    here.set_query(url.query());
    Some(Lead { url: here, elsewhere: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_leads_to_the_origin_of_the_first_or_nowhere() {
        let first: Url = "https://service.example:8443/a/Echo.svc?wsdl".parse().unwrap();
        let to = |location: &str| lead(&first, first.as_str(), location).map(|lead| lead.url.to_string());
        for (location, url) in [
            ("?wsdl=wsdl0", "https://service.example:8443/a/Echo.svc?wsdl=wsdl0"),
            ("other.xsd#x", "https://service.example:8443/a/other.xsd"),
            ("/x", "https://service.example:8443/x"),
            ("https://SERVICE.example:8443/a/b", "https://service.example:8443/a/b"),
            // By another of its names.
            ("http://machine/a/Echo.svc?xsd=xsd0", "https://service.example:8443/a/Echo.svc?xsd=xsd0"),
            ("https://service.example/A/echo.svc?wsdl=1", "https://service.example:8443/a/Echo.svc?wsdl=1"),
            ("http://u:p@machine/a/Echo.svc?xsd=0", "https://service.example:8443/a/Echo.svc?xsd=0"),
            ("//169.254.169.254/a/Echo.svc", "https://service.example:8443/a/Echo.svc"),
        ] {
            assert_eq!(to(location).as_deref(), Some(url), "{location}");
        }
        for location in [
            "http://service.example:8443/x",
            "https://service.example/x",
            "https://evil.example:8443/x",
            "https://service.example:8443@evil.example/x",
            "//169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "file:///a/Echo.svc",
            "ftp://service.example:8443/a/Echo.svc",
            "data:text/xml,<a/>",
            "https://u@service.example:8443/x",
            "https://[::",
        ] {
            assert_eq!(to(location), None, "{location}");
        }
    }
}
