//! What it means that a client refuses an answer, and what would have it believed.

use nuncio_crypto::trust::Untrusted;
use nuncio_xml::ReadError;
use nuncio_xmlsec::Invalid;

use crate::refusal::{
    CONFIRMS_OTHERS, ENCRYPTS_UNDERIVED, NO_SUCH_CERTIFICATE, NO_SUCH_KEY, NOT_OUR_CERTIFICATE, RELATES_TO_ANOTHER,
    Refusal, SIGNS_ANOTHER, SIGNS_UNDERIVED, TWICE,
};

/// What it means that an answer is not believed, and what to change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AnswerAdvice {
    /// What it means.
    pub means: &'static str,
    /// What to change at the service.
    pub service: &'static str,
    /// What to change at the client; `None` where no client should believe such an answer.
    pub client: Option<&'static str>,
}

/// Advice of both kinds.
const fn either(means: &'static str, service: &'static str, client: &'static str) -> AnswerAdvice {
    AnswerAdvice { means, service, client: Some(client) }
}

/// Advice for the service alone.
const fn service(means: &'static str, service: &'static str) -> AnswerAdvice {
    AnswerAdvice { means, service, client: None }
}

impl Refusal {
    /// What it means of an answer, and what to change. Every refusal has advice, as for requests: see
    /// [`Refusal::advice`].
    #[rustfmt::skip]
    #[allow(clippy::too_many_lines, reason = "a table with a row for each refusal")]
    pub fn advice_of_answer(&self) -> AnswerAdvice {
        match self {
            Self::Action { .. } => either(
                "The answer names another action than the contract has for what was asked, or none: it answers something else.",
                "Have the service name the action that the contract has for the operation's output, or that of a fault.",
                "Give the client the contract that the service has; look whether the answer belongs to that request.",
            ),
            Self::Addressing { fault: RELATES_TO_ANOTHER, .. } => either(
                "The answer says that it is to another request: it was mixed up, or somebody put it in the place of the right one.",
                "Have the service write the request's MessageID into RelatesTo.",
                "Look whether the request and the answer belong together; else for whatever mixes up connections on the way.",
            ),
            Self::Addressing { .. } => either(
                "A header of WS-Addressing is missing, is there twice, is of another version, or names what is not followed.",
                "Use the policy's version of WS-Addressing, and each header once.",
                "If the service speaks another version of WS-Addressing, the client's policy must name that one.",
            ),
            Self::Endorsement(_) => service(
                "The answer has a signature by a supporting token, which no policy asks of answers.",
                "Have the service sign with the token of the binding alone.",
            ),
            Self::Envelope(_) => either(
                "It is not a SOAP envelope of the version and in the form in which the request was made.",
                "Answer with one envelope in the request's version of SOAP, and say so in the content type.",
                "If the service speaks another version of SOAP, the client must call it in that one.",
            ),
            Self::Expired { .. } => either(
                "The answer is older than answers may be: it was held up, kept and given again, or the service's clock is slow.",
                "Set the service's clock by NTP; look whether something on the way keeps answers.",
                "Set the client's clock by NTP, or allow for the difference (`lifetimes: skew` and `message` of a gateway).",
            ),
            Self::FromTheFuture { .. } => either(
                "The answer was made later than it is now: the service's clock is fast, or the client's is slow.",
                "Set the service's clock by NTP.",
                "Set the client's clock by NTP, or allow for the difference (`lifetimes: skew` of a gateway).",
            ),
            Self::Invalid(invalid) => of_invalid(invalid),
            Self::KeyReference(NOT_OUR_CERTIFICATE) => either(
                "The service encrypted for another certificate than the client's.",
                "Encrypt for the certificate that signed the request.",
                "If the certificate is one of the client's that was replaced, keep it until answers to what it signed have come.",
            ),
            Self::KeyReference(NO_SUCH_CERTIFICATE) => either(
                "The signature names a certificate that is neither in the answer nor the service's as the client knows it.",
                "Sign with the certificate that the contract has, or send the certificate along.",
                "Give the client the service's present certificate.",
            ),
            Self::KeyReference(NO_SUCH_KEY) => either(
                "The answer is under a key that its request did not bring: it answers another one.",
                "Answer under the key that the request brought.",
                "Look whether the request and the answer belong together.",
            ),
            Self::KeyReference(SIGNS_ANOTHER) => either(
                "Somebody else signed the answer than the service, as the client knows it.",
                "Sign with the certificate that the contract has.",
                "If the service has another certificate now, and who runs it says so, give that to the client.",
            ),
            Self::KeyReference(SIGNS_UNDERIVED | ENCRYPTS_UNDERIVED) => either(
                "The policy asks for derived keys, and the answer uses a token's key as it is.",
                "Have the service derive keys (`RequireDerivedKeys`).",
                "If the service derives none, take `RequireDerivedKeys` out of the token in the client's policy.",
            ),
            Self::KeyReference(_) => either(
                "Something is signed or encrypted with a key that is named wrongly, or that the policy does not have the service use.",
                "Answer under the token that the policy names, and refer to it as the policy says.",
                "If this is how the service means it, the client's policy must be the one that the service has.",
            ),
            Self::Layout(_) => either(
                "The children of the security header are not in the order that the policy asks for.",
                "Have the service write the security header in the policy's layout.",
                "If the service keeps to no order, the client's policy must say the layout `Lax`.",
            ),
            Self::NotEncrypted(_) => either(
                "A part travels in clear that the policy wants encrypted.",
                "Encrypt that part of answers (WCF: `ProtectionLevel.EncryptAndSign`).",
                "If the part may be read by others, take it out of the encrypted parts in the client's policy.",
            ),
            Self::NotSigned(_) => either(
                "No signature that counts covers a part that the policy wants signed: anybody could have changed it.",
                "Sign that part of answers.",
                "If nothing depends on that part, take it out of the signed parts in the client's policy.",
            ),
            Self::NotUnderstood { .. } => either(
                "A header says that it must be understood; it is unsigned, and nothing here understands it.",
                "Leave the header out, sign it, or do not mark it with mustUnderstand.",
                "If the client needs the header, add it to the signed parts of its policy.",
            ),
            Self::OutlivedContext(_) => either(
                "The conversation's time is over.",
                "Let conversations last longer than calls.",
                "Renew the conversation, or begin another, before its time is over.",
            ),
            Self::PartMissing(_) => either(
                "A part is not there that the policy requires.",
                "Send the part.",
                "If it is optional, take it out of the required elements in the client's policy.",
            ),
            Self::Replayed => service(
                "The very same answer came before.",
                "Make a new message for every answer; look for whatever on the way keeps answers and gives them again.",
            ),
            Self::SecurityHeader { element: "Security", fault: TWICE } => service(
                "Two security headers are addressed to the client: which of them counts would be anybody's choice.",
                "Put all of it in one security header.",
            ),
            Self::SecurityHeader { .. } => either(
                "The security header, or a token in it, is not in the form that the specifications and the policy have.",
                "Have the service write what the policy describes, and nothing besides.",
                "If the service sends a token that the client's policy does not name, the policy must name it.",
            ),
            Self::SignatureConfirmation(CONFIRMS_OTHERS) => either(
                "The answer does not confirm the signatures that its request has, but others, or only some: it answers another request, or somebody changed the request on its way.",
                "Confirm every signature of the request, and no other.",
                "Look whether the request and the answer belong together, and whether something changes requests on their way.",
            ),
            Self::SignatureConfirmation(_) => either(
                "An answer must confirm the signatures of its request where the policy says so, and only there.",
                "Confirm signatures as the policy says (`RequireSignatureConfirmation`).",
                "`RequireSignatureConfirmation` of the client's policy must say what the service does.",
            ),
            Self::TimeRange { .. } | Self::TrustRequest(_) => service(
                "What came is a request for a conversation, and no answer to one.",
                "Answer with what WS-SecureConversation has for that request.",
            ),
            Self::TokenMissing("timestamp") => either(
                "The security header has no timestamp, and the policy asks for one: nothing says how old the answer is.",
                "Have the service send a timestamp (WCF: `includeTimestamp`).",
                "If the service sends none, take `IncludeTimestamp` out of the client's policy; an old answer is then harder to tell.",
            ),
            Self::TokenMissing("security header") => either(
                "The answer has no security header at all: whatever it says is nobody's word.",
                "Protect answers as the policy says; look whether something on the way takes the header off.",
                "If the service does not protect answers to that operation, the client must have the contract that says so.",
            ),
            Self::TokenMissing(_) => either(
                "A signature is not there that the policy asks for.",
                "Sign answers under the token that the policy names.",
                "If the service protects answers in another way, the client's policy must name that way.",
            ),
            Self::TooMany { .. } => either(
                "The answer has more of something than the limits allow.",
                "Send less of it.",
                "If answers are as large as that, raise the row in the `limits` of the client's route.",
            ),
            Self::TrustResponse(_) => either(
                "The answer does not grant what was asked for.",
                "Grant what the request asks for, as WS-SecureConversation has it.",
                "Compare what the client asks for with what the service gives: the suite's key length, whose entropy makes the key.",
            ),
            Self::UnknownContext(_) => either(
                "The answer belongs to a conversation that the client does not have.",
                "Answer in the conversation of the request.",
                "Look whether the client dropped the conversation before its answers had come.",
            ),
            Self::UnsecuredFault(_) => either(
                "The service answered with a fault that nothing protects. What it says is a hint, and nobody's word.",
                "Look into the service's log for the reason: it did not take the request.",
                "Correct what the service did not take: hold the request to the policy, too.",
            ),
            Self::Unreadable(error) => of_unreadable(error),
            Self::UnauthenticatedTransport | Self::UnprotectedTransport => either(
                "The policy leaves protection to TLS, and the answer came without.",
                "Answer over TLS.",
                "Call the service at its https address.",
            ),
            Self::UntrustedCertificate { cause, .. } | Self::UntrustedSigner { cause, .. } => of_untrusted(cause),
            Self::WrongKey(_) | Self::WrongPassword(_) => service(
                "The answer brings a user's name and password, which services do not have.",
                "Answer without a user name.",
            ),
        }
    }
}

#[rustfmt::skip]
fn of_invalid(invalid: &Invalid) -> AnswerAdvice {
    match invalid {
        Invalid::AlgorithmNotAccepted(_) => either(
            "The answer uses an algorithm that the policy's suite does not have.",
            "Set the service to the algorithm suite of the policy (WCF: `algorithmSuite`).",
            "If the service cannot, the client's policy must name the suite that it uses.",
        ),
        Invalid::DanglingReference(_) => service(
            "A signature or an encryption refers to an element that is not there: something was taken out, or renamed, on the way.",
            "Look for whatever changes messages between service and client.",
        ),
        Invalid::DigestMismatch(_) => service(
            "A part is not as it was when it was signed: it was changed on the way, or service and client write it down in two ways.",
            "Look for whatever changes messages between service and client (a proxy that formats XML, a logger that writes line ends); else the service's canonical form is at fault.",
        ),
        Invalid::SignatureMismatch => either(
            "The signature was not made with the key that it names: the key is another one, or what says what is signed was changed.",
            "Check that the service signs with the key of the token that it names.",
            "Check that the keys given are those of this conversation, and that the certificate is the service's.",
        ),
        Invalid::Undecryptable => either(
            "An encrypted part does not open with the key that it names: the key is another one, or the octets were changed.",
            "Check that the service encrypts under the key of the request or of the conversation, and that nothing changes messages on the way.",
            "Check that the keys given are those of this conversation, or of the client's certificate.",
        ),
        Invalid::Plaintext(_) => service(
            "What was encrypted is no XML that may stand in its place.",
            "Have the service encrypt whole elements, or the whole content of one.",
        ),
        Invalid::TooMany { .. } => either(
            "A signature or an encryption has more of something than the limits allow.",
            "Sign and encrypt fewer parts.",
            "If answers are as large as that, raise the row in the `limits` of the client's route.",
        ),
        _ => service(
            "A signature or an encrypted element is not in the form that the specifications have.",
            "Have the service write what WS-Security's profile of XML Signature and XML Encryption has.",
        ),
    }
}

#[rustfmt::skip]
fn of_unreadable(error: &ReadError) -> AnswerAdvice {
    match error {
        ReadError::Truncated => service(
            "The answer ends in the middle: the capture is cut short, or the connection was.",
            "Capture the whole answer, and look at Content-Length and at proxies with limits.",
        ),
        ReadError::IdRepeated(_) | ReadError::IdsOnOneElement => service(
            "Two elements have the same id: what a signature with that id covers would be in the eye of the reader.",
            "Give every element an id of its own. Where an answer was put together from two, this is how it shows; it may be an attack.",
        ),
        ReadError::Doctype => service(
            "The answer has a document type declaration, which SOAP forbids: with it entities could be smuggled in.",
            "Leave the declaration out.",
        ),
        ReadError::NotUtf8 | ReadError::EncodingNotUtf8 => service(
            "The answer is not in UTF-8, or says that it is not.",
            "Answer in UTF-8 (WCF: `textEncoding=\"utf-8\"`).",
        ),
        _ => either(
            "The answer is no XML that SOAP allows, or larger, deeper or wider than the limits allow.",
            "Send well-formed XML with namespaces, each id once, without a document type and processing instructions.",
            "If answers are as large as that, raise the row in the `limits` of the client's route.",
        ),
    }
}

#[rustfmt::skip]
fn of_untrusted(cause: &Untrusted) -> AnswerAdvice {
    match cause {
        Untrusted::Expired | Untrusted::NotYetValid => either(
            "The service's certificate is out of its time.",
            "Give the service a certificate that is valid, and set its clock.",
            "Give the client the service's new certificate, and set the client's clock.",
        ),
        _ => either(
            "The certificate that signed the answer is not the service's, as the client knows it.",
            "Sign with the certificate that the contract has.",
            "If the service has another certificate now, and who runs it says so, give that to the client.",
        ),
    }
}
