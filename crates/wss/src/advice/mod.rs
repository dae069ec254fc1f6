//! What a refusal means, and what would have the message taken: for whoever looks after one of the two sides.
//!
//! `answer.rs` says the same of answers. It is never for the peer: what a sender is told is [`Refusal::class`](crate::Refusal::class)'s.

mod answer;

pub use answer::AnswerAdvice;
use nuncio_crypto::trust::Untrusted;
use nuncio_xml::ReadError;
use nuncio_xmlsec::Invalid;

use crate::refusal::{
    ENCRYPTS_UNDERIVED, NO_SUCH_CERTIFICATE, NO_SUCH_KEY, NOT_OUR_ADDRESS, NOT_OUR_CERTIFICATE, Refusal,
    SIGNS_UNDERIVED, TWICE,
};

/// What a refusal means, and what to change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Advice {
    /// What it means.
    pub means: &'static str,
    /// What to change at the client.
    pub client: &'static str,
    /// What to change in the route; `None` where no route should take such a message.
    pub route: Option<&'static str>,
}

/// Advice of both kinds.
const fn either(means: &'static str, client: &'static str, route: &'static str) -> Advice {
    Advice { means, client, route: Some(route) }
}

/// Advice for the client alone.
const fn client(means: &'static str, client: &'static str) -> Advice {
    Advice { means, client, route: None }
}

/// What one would have to know to say whether a refusal is one: whoever looks at a message may not have all that its
/// recipient has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lack {
    /// The service's private key.
    PrivateKey,
    /// The certificates that are trusted.
    Trust,
    /// The key of the security context.
    Context,
    /// The user's password.
    Password,
    /// The request that an answer is to: it is under a key of that.
    Request,
}

impl Refusal {
    /// What of the recipient's own the refusal comes of, if it may be for want of that alone.
    pub fn lacks(&self) -> Option<Lack> {
        match self {
            Self::KeyReference(NOT_OUR_CERTIFICATE) => Some(Lack::PrivateKey),
            Self::KeyReference(NO_SUCH_CERTIFICATE)
            | Self::UntrustedCertificate { cause: Untrusted::UnknownIssuer, .. }
            | Self::UntrustedSigner { cause: Untrusted::UnknownIssuer, .. } => Some(Lack::Trust),
            Self::KeyReference(NO_SUCH_KEY) => Some(Lack::Request),
            Self::UnknownContext(_) => Some(Lack::Context),
            Self::WrongPassword(_) | Self::WrongKey(_) => Some(Lack::Password),
            _ => None,
        }
    }

    /// What it means, and what to change. Every refusal has advice: the match has no arm for those that are left.
    #[rustfmt::skip]
    #[allow(clippy::too_many_lines, reason = "a table with a row for each refusal")]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Action { .. } => either(
                "The message and its HTTP header name two actions, or one that the contract and the policy's generation of WS-Trust do not have.",
                "Name one action, that of the contract's operation, in the Action header and in SOAPAction (SOAP 1.1) or in the content type (SOAP 1.2).",
                "If the action is right, give the route the contract that clients have; a conversation must begin in the policy's generation of WS-Trust.",
            ),
            Self::Addressing { fault: NOT_OUR_ADDRESS, .. } => either(
                "The message was sent to another address than the route's.",
                "Call the service at an address that the route names; behind a balancer, set the address that clients sign (WCF: `ClientVia` for where to connect).",
                "Add the address that is in the message to the route's `addresses`.",
            ),
            Self::Addressing { .. } => either(
                "A header of WS-Addressing is missing, is there twice, is of another version, or names what is not followed.",
                "Use the policy's version of WS-Addressing, each header once, and the anonymous address for replies.",
                "If clients speak another version of WS-Addressing, the policy must name that one.",
            ),
            Self::Endorsement(_) => either(
                "The signature of a supporting token, or what it covers, is not what the policy asks for.",
                "Sign with the supporting token what the policy says: the primary signature, or the timestamp over TLS.",
                "If clients have no such token, take the endorsing token out of the policy.",
            ),
            Self::Envelope(_) => either(
                "It is not a SOAP envelope of the version and in the form that the route speaks.",
                "Send one envelope with an optional header and a body, in the version of SOAP that the content type says.",
                "If clients speak another version of SOAP, the route's port or preset must be one of that version.",
            ),
            Self::Expired { .. } => either(
                "The message is older than messages may be: it was held up, sent again, or the client's clock is slow.",
                "Set the client's clock by NTP, and make a new message for every call.",
                "If clients' clocks cannot be set, `lifetimes: skew` and `message` say how much is allowed.",
            ),
            Self::FromTheFuture { .. } => either(
                "The message was made later than it is now: the client's clock is fast, or the gateway's is slow.",
                "Set the clocks of both machines by NTP.",
                "If clients' clocks cannot be set, `lifetimes: skew` says how much is allowed.",
            ),
            Self::Invalid(invalid) => of_invalid(invalid),
            Self::KeyReference(NOT_OUR_CERTIFICATE) => either(
                "The client encrypted for another certificate than the service's.",
                "Give the client the service's present certificate (WCF: the endpoint's identity, or `serviceCertificate`).",
                "If the message names a certificate of the service's that was replaced, keep it in `certificates` until clients have the new one.",
            ),
            Self::KeyReference(NO_SUCH_CERTIFICATE) => either(
                "The signature names a certificate that is neither in the message nor known.",
                "Send the certificate along as a BinarySecurityToken.",
                "Give the client's certificate to `trust` if it does not travel.",
            ),
            Self::KeyReference(SIGNS_UNDERIVED | ENCRYPTS_UNDERIVED) => either(
                "The policy asks for derived keys, and the message uses a token's key as it is.",
                "Have the client derive keys (`RequireDerivedKeys`).",
                "If clients derive none, take `RequireDerivedKeys` out of the token in the policy.",
            ),
            Self::KeyReference(_) => either(
                "Something is signed or encrypted with a key that is named wrongly, or that the policy does not have it use.",
                "Have the client use the token that the policy names, and refer to it as the policy says.",
                "If this is how clients mean it, the policy must name the token that they use.",
            ),
            Self::Layout(_) => either(
                "The children of the security header are not in the order that the policy asks for.",
                "Have the client write the security header in the policy's layout.",
                "If clients keep to no order, the policy must say the layout `Lax`; which comes first, signing or encrypting, is its protection order.",
            ),
            Self::NotEncrypted(_) => either(
                "A part travels in clear that the policy wants encrypted.",
                "Encrypt that part (WCF: `ProtectionLevel.EncryptAndSign`).",
                "If the part may be read by others, take it out of the policy's encrypted parts.",
            ),
            Self::NotSigned(_) => either(
                "No signature that counts covers a part that the policy wants signed: anybody could have changed it.",
                "Sign that part with the token that the policy names.",
                "If nothing depends on that part, take it out of the policy's signed parts.",
            ),
            Self::NotUnderstood { .. } => either(
                "A header says that it must be understood; it is unsigned, and nothing here understands it.",
                "Leave the header out, sign it, or do not mark it with mustUnderstand.",
                "If the backend needs the header, add it to the policy's signed parts.",
            ),
            Self::OutlivedContext(_) => either(
                "The conversation's time is over.",
                "Have the client renew the conversation or begin another, as it does where it is told BadContextToken.",
                "`lifetimes: conversation` says how long conversations last.",
            ),
            Self::PartMissing(_) => either(
                "A part is not there that the policy requires.",
                "Send the part.",
                "If it is optional, take it out of the policy's required elements.",
            ),
            Self::Replayed => client(
                "The very same message came before, and is taken once.",
                "Make a new message for every try: with another MessageID, timestamp and nonce.",
            ),
            Self::SecurityHeader { element: "Security", fault: TWICE } => client(
                "Two security headers are addressed to the service: which of them counts would be anybody's choice.",
                "Put all of it in one security header; one for somebody else needs his actor or role.",
            ),
            Self::SecurityHeader { .. } => either(
                "The security header, or a token in it, is not in the form that the specifications and the policy have.",
                "Have the client write what the policy describes, and nothing besides.",
                "If the client sends a token that the policy does not name, the policy must name it.",
            ),
            Self::SignatureConfirmation(_) => either(
                "An answer must confirm the signatures of its request where the policy says so, and only there.",
                "Have the service confirm the signatures that it got.",
                "The policy's `RequireSignatureConfirmation` must say what the service does.",
            ),
            Self::TimeRange { .. } => client(
                "The conversation that is asked for would be over before it begins, or has not begun.",
                "Ask for a lifetime that begins now and ends later, or for none; set the client's clock by NTP.",
            ),
            Self::TokenMissing("timestamp") => either(
                "The security header has no timestamp, and the policy asks for one: nothing says how old the message is.",
                "Have the client send a timestamp (WCF: `includeTimestamp`).",
                "If clients send none, take `IncludeTimestamp` out of the policy; replays are then harder to tell.",
            ),
            Self::TokenMissing("security header") => either(
                "The message has no security header for the service at all.",
                "Switch security on at the client: it calls as if the service had no policy.",
                "If the service is to be called without security, that is `danger_plain`.",
            ),
            Self::TokenMissing(_) => either(
                "A token or signature is not there that the policy asks for.",
                "Configure the client with the credentials that the policy names, and have it send them.",
                "If clients prove in another way who they are, the policy must name that way.",
            ),
            Self::TooMany { .. } => either(
                "The message has more of something than the route's limits allow.",
                "Send less of it.",
                "If clients need it, raise the row in the route's `limits`.",
            ),
            Self::TrustRequest(_) => client(
                "The request for a conversation asks for something that is not given.",
                "Ask for a security context with a symmetric key of 16 to 64 octets, in one's own name.",
            ),
            Self::TrustResponse(_) => client(
                "The answer does not grant what was asked for.",
                "Compare the service's answer with what WS-SecureConversation has for that request.",
            ),
            Self::UnknownContext(_) => either(
                "The conversation that the message belongs to is not known: it ended, was cut, was begun at another route or gateway, or got lost with a process.",
                "Have the client begin another conversation when it is told BadContextToken.",
                "Gateways that share clients need one store (`store: redis`, `cookie`); over restarts of one, `state`.",
            ),
            Self::UnsecuredFault(_) => client(
                "The service answered with a fault that nothing protects. What it says is a hint, and nobody's word.",
                "Look into the service's log for the reason: it did not take the request.",
            ),
            Self::Unreadable(error) => of_unreadable(error),
            Self::UnauthenticatedTransport => either(
                "The policy has TLS prove by certificate who calls, and the connection had none.",
                "Give the client a certificate for TLS.",
                "The listener must ask for certificates, and no proxy in front may take TLS off.",
            ),
            Self::UnprotectedTransport => either(
                "The policy leaves protection to TLS, and the message came in clear.",
                "Call the service at its https address.",
                "If a proxy takes TLS off in front of the gateway, name it in `tls_terminated_by`.",
            ),
            Self::UntrustedCertificate { cause, .. } | Self::UntrustedSigner { cause, .. } => of_untrusted(cause),
            Self::WrongKey(_) => either(
                "The signature was not made with a key of that user's password, or there is no such user.",
                "Correct the user's name and password at the client.",
                "Add the user to the route, with a password that can be read again.",
            ),
            Self::WrongPassword(_) => either(
                "The password is not that user's, or there is no such user.",
                "Correct the user's name and password at the client.",
                "Add the user to the route, or correct his password or its hash.",
            ),
        }
    }
}

#[rustfmt::skip]
fn of_invalid(invalid: &Invalid) -> Advice {
    match invalid {
        Invalid::AlgorithmNotAccepted(_) => either(
            "The message uses an algorithm that the policy's suite does not have.",
            "Set the client to the algorithm suite of the policy (WCF: `algorithmSuite`).",
            "If clients cannot, the policy must name the suite that they use.",
        ),
        Invalid::DanglingReference(_) => client(
            "A signature or an encryption refers to an element that is not there: something was taken out, or renamed, on the way.",
            "Look for whatever changes messages between client and service.",
        ),
        Invalid::DigestMismatch(_) => client(
            "A part is not as it was when it was signed: it was changed on the way, or client and service write it down in two ways.",
            "Look for whatever changes messages between client and service (a proxy that formats XML, a logger that writes line ends); else the client's canonical form is at fault.",
        ),
        Invalid::SignatureMismatch => either(
            "The signature was not made with the key that it names: the key is another one, or what says what is signed was changed.",
            "Check that the client signs with the key of the token that it names.",
            "Check that the keys given are those of this conversation, or of this certificate.",
        ),
        Invalid::Undecryptable => either(
            "An encrypted part does not open with the key that it names: the key is another one, or the octets were changed.",
            "Check that the client encrypts for the service's present certificate, and that nothing changes messages on the way.",
            "Check that the route's key is the one that belongs to the certificate that clients have.",
        ),
        Invalid::Plaintext(_) => client(
            "What was encrypted is no XML that may stand in its place.",
            "Have the client encrypt whole elements, or the whole content of one.",
        ),
        Invalid::TooMany { .. } => either(
            "A signature or an encryption has more of something than the route's limits allow.",
            "Sign and encrypt fewer parts.",
            "If clients need it, raise the row in the route's `limits`.",
        ),
        _ => client(
            "A signature or an encrypted element is not in the form that the specifications have.",
            "Have the client write what WS-Security's profile of XML Signature and XML Encryption has.",
        ),
    }
}

#[rustfmt::skip]
fn of_unreadable(error: &ReadError) -> Advice {
    match error {
        ReadError::IdRepeated(_) | ReadError::IdsOnOneElement => client(
            "Two elements have the same id: what a signature with that id covers would be in the eye of the reader.",
            "Give every element an id of its own. Where a message was put together from two, this is how it shows; it may be an attack.",
        ),
        ReadError::Doctype => client(
            "The message has a document type declaration, which SOAP forbids: with it entities could be smuggled in.",
            "Leave the declaration out.",
        ),
        ReadError::Truncated => client(
            "The message ends in the middle: the capture is cut short, or the connection was.",
            "Capture the whole message, and look at Content-Length and at proxies with limits.",
        ),
        ReadError::NotUtf8 | ReadError::EncodingNotUtf8 => client(
            "The message is not in UTF-8, or says that it is not.",
            "Send UTF-8 (WCF: `textEncoding=\"utf-8\"`).",
        ),
        ReadError::TooDeep(_)
        | ReadError::TooLongAttribute(_)
        | ReadError::TooLongDocument(_)
        | ReadError::TooLongName(_)
        | ReadError::TooLongText(_)
        | ReadError::TooManyAttributes(_)
        | ReadError::TooManyChildren(_)
        | ReadError::TooManyDeclarations(_)
        | ReadError::TooManyDeclarationsInScope(_)
        | ReadError::TooManyElements(_)
        | ReadError::TooManyNames(_) => either(
            "The message is larger, deeper or wider than the route's limits allow.",
            "Send a smaller message.",
            "If clients need it, raise the row in the route's `limits`.",
        ),
        _ => client(
            "The message is no XML that SOAP allows.",
            "Send well-formed XML with namespaces, without processing instructions.",
        ),
    }
}

#[rustfmt::skip]
fn of_untrusted(cause: &Untrusted) -> Advice {
    match cause {
        Untrusted::Expired | Untrusted::NotYetValid => either(
            "The client's certificate is out of its time.",
            "Give the client a certificate that is valid, and set its clock.",
            "No route takes a certificate out of its time; the gateway's clock must be right.",
        ),
        Untrusted::Revoked => client(
            "The client's certificate was revoked.",
            "Give the client a new certificate.",
        ),
        Untrusted::RevocationUnknown => either(
            "No revocation list that is valid says whether the client's certificate was revoked.",
            "Nothing at the client changes that.",
            "Give the route the present list of each issuer in `trust: crls`.",
        ),
        Untrusted::UnknownIssuer => either(
            "The client's certificate is neither one that the route trusts nor issued under one.",
            "Use a certificate that the service was given, and send those between it and its root along.",
            "Add the certificate, or the authority that issued it, to the route's `trust`.",
        ),
        _ => either(
            "The client's certificate is not one that the route's `trust` lets in.",
            "Use a certificate of the kind that is asked for.",
            "`trust` says which names, issuers, usages and depths are let in.",
        ),
    }
}
