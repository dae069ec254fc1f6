//! What the WCF client looks for in a reply, looked for in every reply that our recipient seals to the recorded requests.
//!
//! Each condition names the edits that the client refused because it did not hold; a test sees to it that there is none
//! without a condition.

use std::collections::{BTreeMap, BTreeSet};

use nuncio_tests::oracle::{child, local, text_of};
use nuncio_tests::{canonical, time};
use roxmltree::Node;
use sha1::{Digest, Sha1};

use crate::bench::scenario;
use crate::draft::{C14N, DSIG, WSU, XENC, signature_value};
use crate::sealed::{Kind, Sealed, View, answers};

/// Conversations under Basic256, signed first, with the signature encrypted and a strict layout: of either generation, with
/// every way to a key, renewed, and with signatures confirmed.
const SCENARIOS: [&str; 13] = [
    "wcf-anonymousForCertificate-sc-2005-02",
    "wcf-anonymousForCertificate-sc-2005-02-renewal",
    "wcf-anonymousForCertificate-sc-2005-02-signatureConfirmation",
    "wcf-anonymousForCertificate-sc-2005-02-noSignatureConfirmation",
    "wcf-anonymousForCertificate-sc-2005-02-clientEntropy",
    "wcf-anonymousForCertificate-sc-2005-02-serverEntropy",
    "wcf-mutualCertificate-sc-2005-02-renewal",
    "wcf-anonymousForCertificate-sc-1.3",
    "wcf-anonymousForCertificate-sc-1.3-renewal",
    "wcf-anonymousForCertificate-sc-1.3-signatureConfirmation",
    "wcf-anonymousForCertificate-sc-1.3-clientEntropy",
    "wcf-anonymousForCertificate-sc-1.3-serverEntropy",
    "wcf-userNameForCertificate-sc-1.3-renewal",
];

type Found = Result<(), String>;

/// Something that must hold, and the edits that the client refused since it did not.
pub(crate) struct Condition {
    what: &'static str,
    pub(crate) edits: &'static [&'static str],
    check: fn(&Sealed) -> Found,
}

const fn condition(what: &'static str, edits: &'static [&'static str], check: fn(&Sealed) -> Found) -> Condition {
    Condition { what, edits, check }
}

fn holds(holds: bool, what: impl Into<String>) -> Found {
    if holds { Ok(()) } else { Err(what.into()) }
}

pub(crate) const CONDITIONS: &[Condition] = &[
    condition(
        "it is secured, by one security header",
        &[
            "whole Security header removed (unsecured success response)",
            "two Security headers (second empty, no actor)",
            "unsecured SOAP fault, HTTP 500, no RelatesTo",
            "unsecured SOAP fault, HTTP 200",
            "HTTP 500 with HTML body",
            "HTTP 401 without body",
            "Cancel reply replaced by HTTP 202 Accepted, empty body",
            "Cancel reply replaced by HTTP 200 OK, empty body",
            "Cancel reply replaced by HTTP 500 Internal Server Error, unsecured fault",
            "unsecured fault s:Sender / wsse:InvalidSecurity, no RelatesTo, HTTP 500",
            "unsecured fault s:Sender / wsse:InvalidSecurity, HTTP 200",
            "unsecured fault s:Sender / wsc:BadContextToken (2005/02/sc), HTTP 500",
            "unsecured fault s:Sender / wsc:BadContextToken of the other (200512) namespace, HTTP 500",
            "unsecured fault s:Sender / wst:RequestFailed (2005/02/trust), HTTP 500",
            "unsecured fault s:Receiver / wsse:InvalidSecurity, HTTP 500",
            "unsecured fault s:Sender / own subcode namespace, HTTP 500",
            "in place of the RST/SCT reply: unsecured fault s:Sender / wsse:InvalidSecurity, no RelatesTo, HTTP 500",
            "in place of the RST/SCT reply: unsecured fault s:Sender / wst:RequestFailed (2005/02/trust), HTTP 500",
            "in place of the RST/SCT reply: unsecured fault s:Receiver / wsse:InvalidSecurity, HTTP 500",
        ],
        |of| View::of(&of.wire).only("Security").map(drop),
    ),
    condition(
        "its media type and status are those of WCF",
        &["HTTP Content-Type text/xml for SOAP 1.2", "secured application fault: HTTP 400"],
        |of| {
            holds(of.message.content_type == of.recorded_type, of.message.content_type)?;
            holds(of.message.fault == (of.recorded_status == Some(500)), "another status")
        },
    ),
    condition("there is a timestamp", &["no Timestamp in response"], |of| {
        View::of(&of.clear).only("Timestamp").map(drop)
    }),
    condition("the timestamp is signed", &["Timestamp present but not signed"], |of| is_signed(of, "Timestamp")),
    condition(
        "the timestamp is of now",
        &["Timestamp expired 10 minutes ago", "Timestamp created 10 minutes in the future"],
        |of| {
            let view = View::of(&of.clear);
            let stamp = view.only("Timestamp")?;
            let instant = |name| child(stamp, name).and_then(|node| time::parse_utc(&text_of(node))).ok_or(name);
            let (created, expires) = (instant("Created")?, instant("Expires")?);
            holds(created == of.now && expires == of.now + 5 * 60_000, format!("{created} to {expires}"))
        },
    ),
    condition("the timestamp comes first", &["Timestamp last in Security header (layout is Strict)"], |of| {
        holds(View::of(&of.wire).position("Timestamp")? == 0, "it does not")
    }),
    condition("the action is there and signed", &["Action header not signed", "no Action header"], |of| {
        is_signed(of, "Action")
    }),
    condition(
        "the action is the one that WCF gave",
        &[
            "Action names another operation",
            "RST/SCT reply (2005-02): Action ends with IssueFinal",
            "RST/SCT reply (2005-02): Action RSTRC/SCT",
            "RST/SCT reply (1.3-bsp): Action ends with IssueFinal",
            "RST/SCT reply (1.3-bsp): Action RSTRC/SCT",
            "secured application fault: Action http://www.w3.org/2005/08/addressing/fault",
            "secured application fault: Action http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher/fault",
            "secured application fault: Action of the normal reply",
        ],
        |of| {
            let action = View::of(&of.clear).text("Action")?;
            holds(action == of.action, action)
        },
    ),
    condition("what it relates to is the request, and signed", &["RelatesTo header not signed"], |of| {
        is_signed(of, "RelatesTo")?;
        let (relates, id) = (View::of(&of.clear).text("RelatesTo")?, View::of(&of.request).text("MessageID")?);
        holds(relates == id, relates)
    }),
    condition(
        "every header of addressing is signed",
        &["unsigned To header added (anonymous)", "unsigned MessageID header added", "unsigned From header added"],
        |of| {
            let view = View::of(&of.clear);
            let blocks = view.blocks().into_iter().filter(|block| local(*block) != "Security");
            for block in blocks {
                holds(block.tag_name().namespace() == Some("http://www.w3.org/2005/08/addressing"), local(block))?;
                view.signed(block)?;
            }
            Ok(())
        },
    ),
    condition(
        "nothing must be understood but action, address and security",
        &["unsigned unknown header with mustUnderstand=1"],
        |of| {
            let view = View::of(&of.clear);
            let must =
                view.blocks().into_iter().filter(|block| block.attributes().any(|of| of.name() == "mustUnderstand"));
            let names: BTreeSet<_> = must.map(|block| local(block).to_owned()).collect();
            let allowed = ["Action", "Security", "To"];
            holds(names.iter().all(|name| allowed.contains(&name.as_str())), format!("{names:?}"))
        },
    ),
    condition(
        "the signature is encrypted where anything is",
        &[
            "Signature not encrypted (policy has EncryptSignature)",
            "secured application fault: Signature not encrypted",
        ],
        |of| {
            let (wire, clear) = (View::of(&of.wire).all("Signature").len(), View::of(&of.clear).all("Signature").len());
            holds((wire, clear) == (usize::from(of.kind == Kind::Cancel), 1), format!("{wire} in clear of {clear}"))
        },
    ),
    condition(
        "the body is encrypted, but that of a Cancel's answer",
        &["Body signed but not encrypted", "secured application fault: Body not encrypted"],
        |of| {
            let view = View::of(&of.wire);
            let children: Vec<_> = view.only("Body")?.children().map(local).collect();
            let encrypted = children == ["EncryptedData"];
            holds(encrypted != (of.kind == Kind::Cancel), format!("{children:?}"))
        },
    ),
    condition("the body is signed", &["Body encrypted but not signed", "Cancel reply: Body not signed"], |of| {
        is_signed(of, "Body")
    }),
    condition(
        "every digest fits, and the signature",
        &[
            "DigestValue of Action wrong (signature recomputed over SignedInfo)",
            "SignatureValue wrong (HMAC with another key)",
            "RelatesTo text changed after signing (digest mismatch)",
        ],
        signature_fits,
    ),
    condition(
        "the keys are derived, and as long as the suite has them",
        &[
            "signature DerivedKeyToken with Length 20",
            "signature made with the SCT key itself, no derived key",
            "body and signature encrypted with the SCT key itself, no derived key",
        ],
        |of| {
            let (clear, wire) = (View::of(&of.clear), View::of(&of.wire));
            let signature = clear.only("Signature")?;
            let key_info = child(signature, "KeyInfo").ok_or("no KeyInfo")?;
            let mut wanted = vec![(clear.named(key_info)?, "24")];
            for data in wire.all("EncryptedData") {
                wanted.push((wire.named(child(data, "KeyInfo").ok_or("no KeyInfo")?)?, "32"));
            }
            for (token, length) in wanted {
                let found = child(token, "Length").map(text_of).unwrap_or_default();
                holds(local(token) == "DerivedKeyToken" && found == length, format!("{} of {found}", local(token)))?;
            }
            Ok(())
        },
    ),
    condition(
        "the keys' token is named as WCF names it, and does not come along",
        &["SecurityContextToken included in the response, DerivedKeyToken refers to it by #id"],
        |of| {
            let view = View::of(&of.clear);
            holds(!view.security()?.iter().any(|node| local(*node) == "SecurityContextToken"), "it does")?;
            let references = |view: &View<'_>| -> BTreeSet<String> {
                let tokens = view.all("DerivedKeyToken").into_iter();
                tokens
                    .filter_map(|token| child(token, "SecurityTokenReference")?.first_element_child())
                    .map(reference)
                    .collect()
            };
            let (ours, theirs) = (references(&view), references(&View::of(&of.recorded)));
            holds(ours == theirs, format!("{ours:?}, not {theirs:?}"))
        },
    ),
    condition(
        "keys, list, signature: in that order",
        &[
            "ReferenceList after the Signature (at the end of Security)",
            "Signature before the ReferenceList and DerivedKeyTokens (first after Timestamp)",
        ],
        |of| {
            let (wire, clear) = (View::of(&of.wire), View::of(&of.clear));
            let children: Vec<_> = clear.security()?.into_iter().map(local).collect();
            let last_key = children.iter().rposition(|name| *name == "DerivedKeyToken").ok_or("no derived key")?;
            let signature = clear.position("Signature")?;
            let list = if of.kind == Kind::Cancel { last_key + 1 } else { wire.position("ReferenceList")? };
            holds(last_key < list && list <= signature, format!("{children:?}"))
        },
    ),
    condition(
        "signatures are confirmed exactly where WCF confirms them",
        &[
            "SignatureConfirmation added (client did not ask for it)",
            "RST/SCT reply (2005-02): SignatureConfirmation removed",
            "RST/SCT reply (1.3-bsp): SignatureConfirmation removed",
        ],
        |of| {
            let confirmed = |text: &str| -> Vec<String> {
                let view = View::of(text);
                let values = view.all("SignatureConfirmation").into_iter().filter_map(|of| of.attribute("Value"));
                let mut values: Vec<_> = values.map(str::to_owned).collect();
                values.sort();
                values
            };
            let (ours, theirs) = (confirmed(&of.clear), confirmed(&of.recorded));
            holds(ours == theirs, format!("{ours:?}, not {theirs:?}"))?;
            // The values are the request's own, and each confirmation is signed.
            let request = View::of(&of.request);
            let made: Vec<_> = request.all("SignatureValue").into_iter().map(text_of).collect();
            holds(ours.iter().all(|value| made.contains(value)), "another signature's")?;
            let view = View::of(&of.clear);
            view.all("SignatureConfirmation").into_iter().try_for_each(|confirmation| view.signed(confirmation))
        },
    ),
    condition(
        "confirmations are encrypted where the signature is",
        &[
            "RST/SCT reply (2005-02): SignatureConfirmation not encrypted",
            "RST/SCT reply (1.3-bsp): SignatureConfirmation not encrypted",
        ],
        |of| {
            let clear = View::of(&of.wire).all("SignatureConfirmation").len();
            holds(clear == 0 || of.kind == Kind::Cancel, format!("{clear} in clear"))
        },
    ),
    condition(
        "the algorithms are the suite's",
        &[
            "HMAC-SHA256 signature and SHA256 digests under Basic256",
            "digest SHA256 only, under Basic256",
            "aes128-cbc body under Basic256 (key length 16)",
            "inclusive C14N (http://www.w3.org/TR/2001/REC-xml-c14n-20010315) named as CanonicalizationMethod",
        ],
        |of| {
            let named = |text: &str| -> BTreeSet<String> {
                let view = View::of(text);
                let algorithms =
                    view.0.descendants().filter_map(|node| Some((local(node), node.attribute("Algorithm")?)));
                algorithms.map(|(name, algorithm)| format!("{name} {algorithm}")).collect()
            };
            let mut expected = BTreeSet::from([
                format!("CanonicalizationMethod {C14N}"),
                format!("Transform {C14N}"),
                format!("SignatureMethod {DSIG}hmac-sha1"),
                format!("DigestMethod {DSIG}sha1"),
            ]);
            if of.kind != Kind::Cancel {
                expected.insert(format!("EncryptionMethod {XENC}aes256-cbc"));
            }
            let found: BTreeSet<_> = named(&of.clear).union(&named(&of.wire)).cloned().collect();
            holds(found == expected, format!("{found:?}"))
        },
    ),
    condition(
        "what is encrypted is listed and says its key, and nothing else is listed",
        &[
            "EncryptedData without KeyInfo",
            "EncryptedData Id not listed in ReferenceList (body)",
            "no ReferenceList at all",
        ],
        |of| {
            let view = View::of(&of.wire);
            let data = view.all("EncryptedData");
            let ids: BTreeSet<_> =
                data.iter().filter_map(|node| node.attribute("Id").map(|id| format!("#{id}"))).collect();
            let listed = view.all("DataReference");
            let uris: BTreeSet<_> = listed.iter().filter_map(|node| node.attribute("URI").map(str::to_owned)).collect();
            holds(ids == uris && ids.len() == data.len(), format!("{ids:?} and {uris:?}"))?;
            holds(data.iter().all(|node| child(*node, "KeyInfo").is_some()), "no KeyInfo")
        },
    ),
    condition(
        "an answer that brings a key says of it what WCF says",
        &[
            "RST/SCT reply (2005-02): Entropy removed",
            "RST/SCT reply (2005-02): RequestedProofToken removed",
            "RST/SCT reply (2005-02): RequestedSecurityToken removed",
            "RST/SCT reply (2005-02): RequestedProofToken carries BinarySecret (server-chosen key) instead of ComputedKey; Entropy removed",
            "RST/SCT reply (2005-02): bare RSTR / RSTRC swapped",
            "RST/SCT reply (1.3-bsp): Entropy removed",
            "RST/SCT reply (1.3-bsp): RequestedProofToken removed",
            "RST/SCT reply (1.3-bsp): RequestedSecurityToken removed",
            "RST/SCT reply (1.3-bsp): RequestedProofToken carries BinarySecret (server-chosen key) instead of ComputedKey; Entropy removed",
            "RST/SCT reply (1.3-bsp): bare RSTR / RSTRC swapped",
            "Cancel reply: RequestedTokenCancelled removed",
        ],
        |of| {
            if of.kind.of_application() {
                return Ok(());
            }
            let (ours, theirs) = (View::of(&of.clear), View::of(&of.recorded));
            // Where the client's entropy is the key, WCF does not say its size again, and we do.
            let but = if theirs.all("KeySize").is_empty() { "KeySize" } else { "" };
            let (ours, theirs) = (shape(ours.only("Body")?, but), shape(theirs.only("Body")?, but));
            holds(ours == theirs, format!("{ours}, not {theirs}"))
        },
    ),
    condition(
        "the token has an id, and a reference by it",
        &[
            "RST/SCT reply (2005-02): SecurityContextToken without wsu:Id, attached reference removed",
            "RST/SCT reply (1.3-bsp): SecurityContextToken without wsu:Id, attached reference removed",
        ],
        |of| {
            if !of.kind.brings_key() {
                return Ok(());
            }
            let view = View::of(&of.clear);
            let id = view.only("SecurityContextToken")?.attribute((WSU, "Id")).ok_or("no id")?.to_owned();
            let attached =
                view.only("RequestedAttachedReference")?.descendants().find_map(|node| node.attribute("URI"));
            holds(attached == Some(&format!("#{id}")), format!("{attached:?}"))
        },
    ),
    condition(
        "the lifetime begins now and has not ended",
        &["RST/SCT reply (2005-02): Lifetime already expired", "RST/SCT reply (1.3-bsp): Lifetime already expired"],
        |of| {
            if !of.kind.brings_key() {
                return Ok(());
            }
            let view = View::of(&of.clear);
            let lifetime = view.only("Lifetime")?;
            let instant = |name| child(lifetime, name).and_then(|node| time::parse_utc(&text_of(node))).ok_or(name);
            let (created, expires) = (instant("Created")?, instant("Expires")?);
            holds(created <= of.now && expires > of.now, format!("{created} to {expires}"))
        },
    ),
    condition(
        "the token type is that of WCF, and the key size the suite's",
        &["RST/SCT reply (2005-02): KeySize 128", "RST/SCT reply (1.3-bsp): KeySize 128"],
        |of| {
            if !of.kind.brings_key() {
                return Ok(());
            }
            let (ours, theirs) = (View::of(&of.clear), View::of(&of.recorded));
            holds(ours.text("TokenType")? == theirs.text("TokenType")?, ours.text("TokenType")?)?;
            holds(ours.text("KeySize")? == "256", ours.text("KeySize")?)
        },
    ),
    condition("a renewed context keeps its identifier and gets another instance", &[], |of| {
        if of.kind != Kind::Renew {
            return Ok(());
        }
        let (ours, theirs) = (View::of(&of.clear), View::of(&of.recorded));
        let token = |view: &View<'_>, name: &str| {
            view.only("SecurityContextToken").map(|token| child(token, name).map(text_of).unwrap_or_default())
        };
        holds(token(&ours, "Identifier")? == token(&theirs, "Identifier")?, "another identifier")?;
        let instance = token(&ours, "Instance")?;
        holds(!instance.is_empty() && !of.request.contains(&instance), instance)
    }),
];

fn is_signed(of: &Sealed, name: &str) -> Found {
    let view = View::of(&of.clear);
    let node = view.only(name)?;
    view.signed(node)
}

fn signature_fits(of: &Sealed) -> Found {
    let view = View::of(&of.clear);
    let signature = view.only("Signature")?;
    for reference in view.0.descendants().filter(|node| node.has_tag_name((DSIG, "Reference"))) {
        let uri = reference.attribute("URI").ok_or("a reference to nothing")?;
        let target = nuncio_tests::oracle::by_id(&view.0, &uri[1..]).ok_or_else(|| format!("nothing is {uri}"))?;
        let digest = base64_simd::STANDARD.encode_to_string(Sha1::digest(canonical::exclusive(target)));
        let claimed = child(reference, "DigestValue").map(text_of).unwrap_or_default();
        holds(digest == claimed, format!("{} digests to {digest}, not {claimed}", local(target)))?;
    }
    let value = base64_simd::STANDARD.encode_to_string(signature_value(signature, of.keys));
    let claimed = child(signature, "SignatureValue").map(text_of).unwrap_or_default();
    holds(value == claimed, format!("the signature is {value}, not {claimed}"))
}

/// How a reference names a token: not how its text is encoded, which only the Basic Security Profile has said.
fn reference(of: Node<'_, '_>) -> String {
    let attributes = of.attributes().filter(|of| of.name() != "EncodingType");
    let mut parts: Vec<_> = attributes.map(|of| format!("{}={}", of.name(), of.value())).collect();
    parts.sort();
    format!("{} {} {}", local(of), parts.join(" "), text_of(of))
}

/// The expanded names in an element, nested as they are, but for one.
fn shape(of: Node<'_, '_>, but: &str) -> String {
    let name = of.tag_name();
    let children = of.children().filter(|child| child.is_element() && local(*child) != but);
    let children: Vec<_> = children.map(|child| shape(child, but)).collect();
    format!("{{{}}}{}[{}]", name.namespace().unwrap_or_default(), name.name(), children.join(" "))
}

#[test]
fn every_condition_holds_of_every_answer() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<(bool, Kind), usize> = BTreeMap::new();
    for name in SCENARIOS {
        for sealed in answers(scenario(name)) {
            *seen.entry((name.contains("-1.3"), sealed.kind)).or_default() += 1;
            for condition in CONDITIONS {
                if let Err(why) = (condition.check)(&sealed) {
                    wrong.push(format!("{} ({:?}): {}: {why}", sealed.name, sealed.kind, condition.what));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for generation in [false, true] {
        for kind in Kind::ALL {
            assert!(seen.contains_key(&(generation, kind)), "no {kind:?} of either generation: {seen:?}");
        }
    }
    let answers: usize = seen.values().sum();
    eprintln!("{} conditions hold of {answers} answers", CONDITIONS.len());
    assert!(answers >= 70, "{seen:?}");
}
