//! Everything that comes out of a message, so that two that were opened can be told apart.

use nuncio_tests::canonical;
use nuncio_tests::gateway::Numbers;
use nuncio_tests::oracle::local;
use nuncio_wss::{
    Answer, Claim, Expectation, Fault, Initiator, Opened, Opening, Password, Principal, Recipient, Reply, Request,
    Time, Username,
};
use roxmltree::{Document, Node};

/// What came out, by name.
#[derive(Eq, PartialEq)]
pub(crate) struct Essence(Vec<(&'static str, Vec<u8>)>);

impl Essence {
    /// What is handed on of a request: the plain message, who it is from, what it asks for, what makes it unique, and all
    /// that its answer takes from it (the keys, the id that it relates to, the signatures that it confirms), by the octets
    /// of an answer that is sealed with the same numbers.
    pub(crate) fn of_request(opened: Opened, now: Time) -> Self {
        let plain = opened.plain();
        let unverified: Vec<_> = opened.unverified().collect();
        let once: Vec<_> = opened.once().collect();
        let principal = match opened.claim() {
            Claim::Transport => b"whom TLS knows".to_vec(),
            Claim::Anonymous => b"nobody".to_vec(),
            Claim::Username(user) => [b"user ", user.name.as_bytes(), b" ", password(user)].concat(),
            Claim::User(name) => [b"user ", name.as_bytes()].concat(),
            Claim::Certificate(certificate) => [b"certificate ", certificate.der()].concat(),
            Claim::Context(context) => format!("context {}", context.name()).into_bytes(),
        };
        let mut parts = vec![
            ("the content type", plain.content_type.into_bytes()),
            ("the SOAPAction", format!("{:?}", plain.soap_action).into_bytes()),
            ("the plain message", plain.body),
            ("the action", format!("{:?}", opened.action()).into_bytes()),
            ("what it asks for", format!("{:?}", opened.request()).into_bytes()),
            ("the principal", principal),
            ("the context", format!("{:?}", opened.context().map(|context| context.name())).into_bytes()),
            ("what makes it unique", format!("{once:?}").into_bytes()),
            ("what is unverified", unverified.join(" ").into_bytes()),
            ("whether it is answered", format!("{:?}", opened.is_answered()).into_bytes()),
        ];
        parts.push(("the answer", answer(opened, now)));
        Self(parts)
    }

    /// What is handed on of a message of the service's: of an answer to something, or of what it began.
    pub(crate) fn of_response(initiator: &Initiator, opening: &Opening, to: Option<&Expectation>, now: Time) -> Self {
        let plain = opening.plain();
        let brings = match to.map(|to| (to, to.request())) {
            None | Some((_, Request::Application)) => Vec::new(),
            Some((to, Request::Cancel)) => {
                format!("{:?}", initiator.cancelled(opening, to).map_err(|refusal| refusal.to_string())).into_bytes()
            }
            Some((to, Request::Issue | Request::Renew)) => match initiator.established(opening, to, now) {
                Ok(context) => {
                    let lasts = format!("{} {} {}", context.name(), context.created, context.expires);
                    [lasts.as_bytes(), context.danger_key_octets()].concat()
                }
                Err(refusal) => refusal.to_string().into_bytes(),
            },
        };
        Self(vec![
            ("the content type", plain.content_type.into_bytes()),
            ("the plain message", plain.body),
            ("the action", format!("{:?}", opening.action()).into_bytes()),
            ("whether it is a fault", format!("{:?}", opening.is_fault()).into_bytes()),
            ("what makes it unique", format!("{:?}", opening.once()).into_bytes()),
            ("what it brings", brings),
        ])
    }

    /// Whether it is the same as what comes out of the honest message; where `of_blocks` says so, but for the order of header
    /// blocks and for more of them, which are not addressing and are told to be unverified.
    pub(crate) fn same(&self, honest: &Self, of_blocks: bool) -> bool {
        let pairs = self.0.iter().zip(&honest.0);
        pairs.into_iter().all(|((name, ours), (_, honest))| {
            ours == honest
                || of_blocks
                    && match *name {
                        "the plain message" => self.has_no_more_than(ours, honest),
                        "what is unverified" => true,
                        _ => false,
                    }
        })
    }

    fn has_no_more_than(&self, ours: &[u8], honest: &[u8]) -> bool {
        let (ours, honest) = (parse(ours), parse(honest));
        let (ours, honest) = (Plain::of(&ours), Plain::of(&honest));
        let told = self.0.iter().find(|(name, _)| *name == "what is unverified");
        let told: Option<Vec<&str>> = told.map(|(_, names)| str::from_utf8(names).unwrap().split(' ').collect());
        // An initiator is told of none.
        let may_be_more = |block: &Node<'_, '_>| {
            let addressing = block.tag_name().namespace().is_some_and(|namespace| namespace.contains("/addressing"));
            !addressing && told.as_ref().is_none_or(|told| told.contains(&local(*block)))
        };
        let canonical =
            |blocks: &[Node<'_, '_>]| -> Vec<String> { blocks.iter().copied().map(canonical::exclusive).collect() };
        let mut missing = canonical(&honest.blocks);
        let more: Vec<_> = ours
            .blocks
            .iter()
            .filter(|block| {
                let block = canonical::exclusive(**block);
                let at = missing.iter().position(|other| *other == block);
                at.map(|at| missing.swap_remove(at)).is_none()
            })
            .collect();
        missing.is_empty() && more.into_iter().all(may_be_more) && ours.body == honest.body
    }

    /// What another has otherwise.
    pub(crate) fn differs(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(ours, theirs)| ours != theirs).map(|((name, _), _)| *name).collect()
    }
}

/// A plain message: the blocks of its header, and its body in canonical form.
struct Plain<'a, 'i> {
    blocks: Vec<Node<'a, 'i>>,
    body: String,
}

impl<'a, 'i> Plain<'a, 'i> {
    fn of(document: &'a Document<'i>) -> Self {
        let part = |name| document.root_element().children().find(|node| local(*node) == name);
        let header = part("Header").into_iter().flat_map(|header| header.children());
        Self {
            blocks: header.filter(Node::is_element).collect(),
            body: part("Body").map(canonical::exclusive).unwrap_or_default(),
        }
    }
}

fn parse(message: &[u8]) -> Document<'_> {
    Document::parse(str::from_utf8(message).unwrap()).unwrap()
}

fn answer(opened: Opened, now: Time) -> Vec<u8> {
    let numbers = &mut Numbers::default();
    let sealed = match opened.request() {
        Request::Application => sealed(&opened.into_reply(), now),
        Request::Cancel => match Recipient::cancel(opened, now, numbers) {
            Ok((_, reply)) => sealed(&reply, now),
            Err(refused) => Err(refused.to_string()),
        },
        asked => {
            let issue = if asked == Request::Issue { Recipient::issue } else { Recipient::renew };
            match issue(opened, Principal::Anonymous, None, now, numbers) {
                Ok(issued) => Ok([issued.message.body.as_slice(), issued.context.danger_key_octets()].concat()),
                Err(refused) => Err(refused.to_string()),
            }
        }
    };
    sealed.unwrap_or_else(String::into_bytes)
}

/// An answer sealed with the same numbers whatever was sealed before: a context keeps the nonces of its first one.
fn sealed(reply: &Reply, now: Time) -> Result<Vec<u8>, String> {
    let seal = || reply.seal(Answer::Fault(Fault::unavailable()), now, &mut Numbers::default());
    seal().and_then(|_| seal()).map(|(message, _)| message.body).map_err(|unsealed| unsealed.to_string())
}

/// The password in clear, if it came in clear.
fn password(user: &Username) -> &[u8] {
    match &user.password {
        Password::Text(password) => password.expose(),
        Password::Digest(_) | Password::None => &[],
    }
}
