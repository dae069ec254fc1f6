//! Every difference that there may be, and why.

use crate::differences::Difference;
use crate::differences::Difference::{Added, Lacking, Order, Value};

/// One kind of difference.
pub(crate) struct Kind {
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) is: fn(&Difference) -> bool,
    /// In which scenarios it may be; `*` stands for any text. None of these is without it.
    pub(crate) scenarios: &'static [&'static str],
    /// How many requests have it.
    pub(crate) requests: usize,
}

const SCT: [&str; 2] = [
    "http://schemas.xmlsoap.org/ws/2005/02/sc/sct",
    "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/sct",
];
const DK: [&str; 2] =
    ["http://schemas.xmlsoap.org/ws/2005/02/sc/dk", "http://docs.oasis-open.org/ws-sx/ws-secureconversation/200512/dk"];
const ENCRYPTED_KEY: &str = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey";
const X509: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
const BASE64: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";
const TEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

/// Where the messages of WCF are not of the Basic Security Profile.
const WITHOUT_BSP: &[&str] = &["wcf-*-2005-02*", "wcf-*-noBsp", "custom-*-0205-*", "duplex-*-2005-02*"];
/// Reliable sessions: header blocks that the application brings, as far as security goes.
const RELIABLE: &[&str] = &["*-rm", "wsDualHttpBinding-*"];

/// Whether ours alone has this attribute, with this value.
fn attributed(difference: &Difference, element: &str, attribute: &str, values: &[&str]) -> bool {
    let Value { at, recorded: None, ours: Some(ours) } = difference else { return false };
    at.ends_with(&format!("{element} @{attribute}")) && values.contains(&ours.as_str())
}

/// Whether two orders are of the same, and the same but for reliable messaging's.
fn is_order_of_reliable(recorded: &str, ours: &str) -> bool {
    let without = |of: &str| {
        of.split(' ').filter(|name| !name.contains("/rm}") && !name.contains("/wsrm/")).collect::<Vec<_>>().join(" ")
    };
    recorded != ours && without(recorded) == without(ours)
}

pub(crate) const KINDS: &[Kind] = &[
    Kind {
        what: "the content type of SOAP 1.2 has the action",
        why: "CXF finds out by it, over TLS, that a context is asked for; WCF takes it where it is the header's",
        is: |of| matches!(of, Value { at, recorded: None, ours: Some(_) } if at == "HTTP @Content-Type; action"),
        scenarios: &["*"],
        requests: 1113,
    },
    Kind {
        what: "references have the type of the token that they lead to",
        why: "the Basic Security Profile asks for it (R3059, R3069), and no policy says whether the service does; WCF \
              takes it where it would not write it",
        is: |of| {
            let values = [SCT[0], SCT[1], DK[0], DK[1], ENCRYPTED_KEY, X509];
            attributed(of, "/o:Reference", "ValueType", &values)
                || attributed(of, "/o:SecurityTokenReference", "k:TokenType", &[ENCRYPTED_KEY])
        },
        scenarios: &["wcf-*-2005-02*", "wcf-*-noBsp", "custom-*-0205-*", "duplex-*-2005-02*", "wse-*"],
        requests: 405,
    },
    Kind {
        what: "what is written in base64 says so",
        why: "the Basic Security Profile asks for it (R3029, R3070), and to be silent means the same",
        is: |of| {
            attributed(of, "/o:KeyIdentifier", "EncodingType", &[BASE64])
                || attributed(of, "/o:BinarySecurityToken", "EncodingType", &[BASE64])
        },
        scenarios: WITHOUT_BSP,
        requests: 71,
    },
    Kind {
        what: "a password in clear says that it is",
        why: "the Basic Security Profile asks for it (R4201), and to be silent means the same",
        is: |of| attributed(of, "/o:Password", "Type", &[TEXT]),
        scenarios: &["wcf-userName*-2005-02*"],
        requests: 13,
    },
    Kind {
        what: "derived keys tell where they are taken from, and their length, be it the usual one",
        why: "to be silent means the same; WCF takes it in any message",
        is: |of| matches!(of, Added { at } if at.contains(":DerivedKeyToken") && (at.ends_with(":Offset") || at.ends_with(":Length"))),
        scenarios: &["wcf-*Certificate-*", "wse-*-mutualCertificate10-*", "duplex-*", "wsDualHttpBinding-*"],
        requests: 384,
    },
    Kind {
        what: "what is encrypted under a key that lists it names the key besides",
        why: "whoever begins with what is encrypted finds its key, and whoever begins with the key passes over it",
        is: |of| matches!(of, Added { at } if at.contains("e:EncryptedData(") && at.ends_with("/d:KeyInfo")),
        scenarios: &["*-noDerivedKeys", "duplex-mutualCertificateDuplex-nosc-2005-02"],
        requests: 26,
    },
    Kind {
        what: "a key that signs as well does not list what it encrypts",
        why: "the list stands where it does under derived keys, which every reader knows",
        is: |of| {
            matches!(of, Added { at } if at.ends_with("/o:Security/e:ReferenceList"))
                || matches!(of, Lacking { at } if at.ends_with("/e:EncryptedKey/e:ReferenceList"))
        },
        scenarios: &["wcf-anonymousForCertificate-sc-2005-02-noDerivedKeys"],
        requests: 1,
    },
    Kind {
        what: "the list names the user before the signature",
        why: "it is in the order in which is encrypted, and nobody goes by it",
        is: |of| {
            let user = |list: &str| list.contains("EncryptedData(o:UsernameToken)");
            matches!(of, Order { at, recorded, .. } if at.ends_with("/e:ReferenceList") && user(recorded))
        },
        scenarios: &["*-userName*", "wsDualHttpBinding-UserName"],
        requests: 13,
    },
    Kind {
        what: "header blocks of the application stand behind those of addressing",
        why: "those of a reliable session, which WCF writes first, are the application's here; nobody goes by their order",
        is: |of| matches!(of, Order { at, recorded, ours } if at.ends_with(":Header") && is_order_of_reliable(recorded, ours)),
        scenarios: RELIABLE,
        requests: 89,
    },
    Kind {
        what: "and are signed in that order",
        why: "a signature covers its parts in the order in which they stand",
        is: |of| matches!(of, Order { at, recorded, ours } if at.ends_with("/d:SignedInfo") && is_order_of_reliable(recorded, ours)),
        scenarios: &["wcf-*-rm", "wsDualHttpBinding-*"],
        requests: 39,
    },
    Kind {
        what: "requests that the contract does not have ask to be answered on the back channel",
        why: "those of a reliable session may have an answer, as far as the contract goes",
        is: |of| {
            let ends = ["/a:MessageID", "/a:ReplyTo", "/d:Reference(#a:MessageID)", "/d:Reference(#a:ReplyTo)"];
            matches!(of, Added { at } if ends.iter().any(|end| at.ends_with(end)))
        },
        scenarios: RELIABLE,
        requests: 30,
    },
    Kind {
        what: "the timestamp is last",
        why: "the policy says so of all messages, and that client was set to it in its conversation alone",
        is: |of| matches!(of, Order { at, ours, .. } if at.ends_with("/o:Security") && ours.ends_with(" u:Timestamp")),
        scenarios: &["*-layout-LaxTimestampLast"],
        requests: 3,
    },
    Kind {
        what: "there is no entropy",
        why: "the policy says that the service alone gives some; that client was not set to it, and its service refused it",
        is: |of| matches!(of, Lacking { at } if at.ends_with(":RequestSecurityToken/t:Entropy") || at.ends_with(":RequestSecurityToken/t13:Entropy")),
        scenarios: &["*-ServerEntropy"],
        requests: 2,
    },
];
