//! What people reported of stacks in the field, each turned into a message that we must take, or must not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]
#![allow(clippy::too_many_lines, reason = "tables are long")]

mod bootstraps;
mod conversation;
mod dialects;
#[path = "../ends/mod.rs"]
mod ends;
#[allow(dead_code, reason = "this target uses some of it")]
#[path = "../rows/forge.rs"]
mod forge;
mod protection;

/// What stands for a report.
enum Stand {
    /// Tests, by file and name.
    Tests(&'static [&'static str]),
    /// Nothing here, for a reason.
    Nothing(&'static str),
}
use Stand::{Nothing, Tests};

/// The reports, by what they are about, in a few words each.
#[rustfmt::skip]
const REPORTS: &[(&str, &str, Stand)] = &[
    ("Conversation", "every client failed after a restart", Tests(&[
        "crates/wss/tests/field/conversation.rs::a_context_that_another_node_knows",
        "tests/tests/refusals/credentials.rs::a_context_of_another_gateway",
    ])),
    ("Conversation", "sessions cancelled unused lock others out", Tests(&["crates/gateway/src/sessions/memory/tests.rs::a_removed_conversation_is_gone"])),
    ("Conversation", "another node does not know the context", Tests(&["crates/wss/tests/field/conversation.rs::a_context_that_another_node_knows"])),
    ("Conversation", "one message where a conversation is asked for", Tests(&["crates/wss/tests/field/conversation.rs::a_single_message_where_a_conversation_is_asked_for"])),
    ("Conversation", "both generations at one address", Tests(&["crates/wss/tests/alternatives.rs::a_context_is_issued_in_the_generation_in_which_it_is_asked_for"])),
    ("Conversation", "a client that never renews", Tests(&["crates/wss/tests/field/conversation.rs::a_key_that_is_over"])),
    ("Conversation", "defaults in the wrong unit", Tests(&[
        "tests/tests/refusals/credentials.rs::a_context_that_nobody_used",
        "crates/gateway/tests/config/examples.rs::the_example_of_every_option_says_the_defaults",
    ])),
    ("Conversation", "no KeySize in the answer", Tests(&["crates/wss/tests/field/conversation.rs::keys_of_no_said_size"])),
    ("Conversation", "SPNEGO in three legs", Nothing("SPNEGO is not built")),
    ("Conversation", "lifetimes that clients choose", Tests(&["crates/wss/tests/field/conversation.rs::lifetimes_that_clients_ask_for"])),
    ("Bootstraps", "Created in whole seconds", Tests(&["crates/wss/tests/field/bootstraps.rs::times_of_creation_in_any_precision"])),
    ("Bootstraps", "Created in local time", Tests(&[
        "crates/wss/tests/field/bootstraps.rs::times_of_creation_in_any_precision",
        "crates/wss/tests/rows/tk.rs::tk_06_timestamps",
    ])),
    ("Bootstraps", "Created with white space around", Tests(&["crates/wss/tests/field/bootstraps.rs::times_of_creation_in_any_precision"])),
    ("Bootstraps", "a timestamp of two days", Tests(&["crates/wss/tests/field/bootstraps.rs::a_timestamp_of_two_days"])),
    ("Bootstraps", "a nonce without Created", Tests(&["crates/wss/tests/field/bootstraps.rs::nonces_and_times_are_optional"])),
    ("Bootstraps", "a nonce without EncodingType", Tests(&["crates/wss/tests/field/bootstraps.rs::nonces_and_times_are_optional"])),
    ("Bootstraps", "a digest over the text of the nonce", Tests(&["crates/wss/tests/field/bootstraps.rs::hashes_of_passwords"])),
    ("Bootstraps", "a digest over a hashed password", Tests(&["crates/wss/tests/field/bootstraps.rs::hashes_of_passwords"])),
    ("Bootstraps", "the same nonce twice", Tests(&[
        "crates/wss/tests/rows/tk.rs::tk_02_nonces_and_their_times",
        "tests/tests/refusals/replays.rs::a_nonce_sent_twice",
    ])),
    ("Bootstraps", "a clock that is off", Tests(&[
        "crates/wss/tests/field/bootstraps.rs::a_timestamp_of_two_days",
        "tests/tests/refusals/replays.rs::a_timestamp_from_the_future",
    ])),
    ("Bootstraps", "KeyInfoConfirmationDataType", Nothing("SAML is not built")),
    ("Bootstraps", "SAMLAssertionID without TokenType", Nothing("SAML is not built")),
    ("Bootstraps", "NotBefore without a margin", Nothing("SAML is not built")),
    ("Bootstraps", "a Reference with the Id of its target", Nothing("SAML is not built")),
    ("Bootstraps", "SignedSupportingTokens of SecurityPolicy 1.1", Tests(&["crates/wss/tests/field/bootstraps.rs::a_signed_token_is_encrypted_where_there_is_a_key"])),
    ("Protection", "raw line ends", Tests(&["crates/wss/tests/field/protection.rs::text_is_hashed_as_the_specification_has_it"])),
    ("Protection", "greater than in text and attributes", Tests(&["crates/wss/tests/field/protection.rs::text_is_hashed_as_the_specification_has_it"])),
    ("Protection", "InclusiveNamespaces for SignedInfo", Tests(&[
        "crates/wss/tests/field/protection.rs::prefixes_of_a_signature_may_be_declared_further_out",
        "crates/wss/tests/rows/xs_keys.rs::xs_08_prefixes_bound_anew",
    ])),
    ("Protection", "a default namespace in scope", Tests(&["crates/wss/tests/field/protection.rs::a_default_namespace_is_declared_where_it_is_used"])),
    ("Protection", "prefixes declared further out", Tests(&["crates/wss/tests/field/protection.rs::prefixes_of_a_signature_may_be_declared_further_out"])),
    ("Protection", "indented after signing", Tests(&["crates/wss/tests/field/protection.rs::white_space_counts_where_it_is_signed"])),
    ("Protection", "base64 in lines", Tests(&["crates/wss/tests/field/protection.rs::base64_may_be_broken_into_lines"])),
    ("Protection", "carriage returns as references in base64", Tests(&["crates/wss/tests/field/protection.rs::base64_may_be_broken_into_lines"])),
    ("Protection", "OAEP with a mask and no digest", Tests(&[
        "crates/crypto/src/algorithm.rs::oaep_by_its_parts",
        "crates/crypto/tests/rsa.rs::oaep_vectors",
    ])),
    ("Protection", "OAEP with SHA-256 by the older name", Tests(&[
        "crates/crypto/src/algorithm.rs::oaep_by_its_parts",
        "crates/crypto/tests/rsa.rs::xe_03_oaep_failures_are_one",
    ])),
    ("Protection", "commas in issuer names", Tests(&["crates/crypto/src/name.rs::special_characters"])),
    ("Protection", "organizationIdentifier by any spelling", Tests(&["crates/crypto/src/name.rs::types_by_any_name"])),
    ("Protection", "issuers in the order of the certificate", Tests(&[
        "crates/crypto/src/name.rs::spellings_of_one_name",
        "crates/crypto/src/name.rs::types_by_any_name",
    ])),
    ("Protection", "key identifiers of no certificate", Tests(&["crates/wss/tests/field/protection.rs::subject_key_identifiers_of_no_certificate"])),
    ("Protection", "X509PKIPathv1", Tests(&[
        "crates/wss/tests/paths.rs::a_path_travels_where_the_policy_asks_for_one",
        "crates/wss/tests/paths.rs::the_last_of_a_path_signs",
        "crates/wss/tests/paths.rs::what_is_no_path_is_refused",
    ])),
    ("Protection", "SignatureConfirmation behind the signature", Tests(&["crates/wss/tests/field/protection.rs::signature_confirmations_stand_before_the_signature"])),
    ("Protection", "a signature above its timestamp", Tests(&["crates/wss/tests/field/protection.rs::the_order_of_a_strict_layout"])),
    ("Protection", "one id for two parts", Tests(&[
        "crates/wss/tests/field/protection.rs::an_unqualified_id_on_the_timestamp",
        "crates/wss/tests/rows/xs_wrapping.rs::xs_01_signed_parts_moved_and_replaced",
    ])),
    ("Protection", "an Id without namespace on the timestamp", Tests(&["crates/wss/tests/field/protection.rs::an_unqualified_id_on_the_timestamp"])),
    ("Protection", "mustUnderstand left off", Tests(&["crates/wss/tests/field/protection.rs::must_understand_on_the_security_header"])),
    ("Protection", "actors and roles that mean us", Tests(&["crates/wss/tests/field/protection.rs::names_of_the_receiver"])),
    ("Protection", "verifiers that refuse SHA-1", Nothing("the signature method is the suite's, and not chosen for each peer")),
    ("Protection", "a section in a signed payload", Tests(&["crates/wss/tests/field/protection.rs::text_is_hashed_as_the_specification_has_it"])),
    ("Protection", "a token in the reply that nobody announced", Tests(&["crates/wss/tests/field/protection.rs::replies_bring_no_token_that_was_not_asked_for"])),
    ("Protection", "an empty timestamp", Tests(&["crates/wss/tests/rows/tk.rs::tk_06_timestamps"])),
    ("Dialects", "a byte order mark", Tests(&["crates/wss/tests/field/dialects.rs::a_byte_order_mark"])),
    ("Dialects", "a declaration of UTF-16 over UTF-8", Tests(&["crates/wss/tests/field/dialects.rs::declarations_of_other_encodings"])),
    ("Dialects", "no action in the media type", Tests(&["crates/wss/tests/field/dialects.rs::media_types_and_actions"])),
    ("Dialects", "SOAPAction beside SOAP 1.2", Tests(&["crates/wss/tests/field/dialects.rs::media_types_and_actions"])),
    ("Dialects", "SOAPAction in any form", Tests(&[
        "crates/wss/tests/field/dialects.rs::media_types_and_actions",
        "crates/wss/src/received.rs::transports_name_actions_in_two_ways",
    ])),
    ("Dialects", "media types compared as text", Tests(&[
        "crates/wss/tests/field/dialects.rs::media_types_and_actions",
        "crates/gateway/src/media.rs::soap_in_utf_8_is_known",
    ])),
    ("Dialects", "MTOM in the security header", Nothing("MTOM is not built")),
    ("Dialects", "message ids of any scheme", Tests(&["crates/wss/tests/field/dialects.rs::message_ids_of_any_scheme"])),
    ("Dialects", "Content-Encoding", Tests(&["crates/gateway/src/http.rs::what_a_soap_request_does_not_need_is_refused"])),
    ("Dialects", "answers to one-way messages", Tests(&["tests/tests/conversation.rs::recorded_conversations_are_held_over_sockets"])),
    ("Gateway", "X-Forwarded-Host in a WSDL", Tests(&["tests/tests/contract.rs::a_contract_from_a_file"])),
    ("Gateway", "a compressed WSDL", Tests(&["tests/tests/contract.rs::a_backend_that_compresses_its_contract"])),
    ("Gateway", "To names the gateway", Tests(&["crates/wss/tests/field/dialects.rs::addresses_of_a_route"])),
    ("Gateway", "TLS that ends in front", Tests(&[
        "tests/tests/refusals/transport.rs::a_policy_over_tls_without_tls",
        "tests/tests/refusals/transport.rs::a_message_that_did_not_come_over_tls",
    ])),
    ("Gateway", "headers of applications", Tests(&["crates/wss/tests/field/dialects.rs::headers_of_applications"])),
    ("Gateway", "faults of applications", Tests(&["tests/tests/refusals/answers.rs::a_fault_comes_through_whatever_its_status"])),
    ("Gateway", "500 without SOAP", Tests(&[
        "crates/wss/tests/pair.rs::what_the_backend_cannot_say_is_a_sealed_fault",
        "tests/tests/refusals/answers.rs::a_failure_never_looks_like_a_success",
    ])),
    ("Gateway", "payloads that look like messages", Tests(&["crates/wss/tests/field/dialects.rs::payloads_that_look_like_messages"])),
    ("Gateway", "sp:Layout in its short form", Tests(&["crates/policy/tests/policy.rs::mistakes_that_people_shipped_have_their_evident_meaning"])),
    ("Gateway", "bad signatures are the sender's fault", Tests(&["tests/tests/refusals/protection.rs::refusals_of_a_class_are_the_same_octets"])),
    ("Egress", "clocks of devices", Nothing("the gateway has no egress")),
    ("Egress", "prefixes that devices want", Tests(&["crates/wss/tests/field/protection.rs::prefixes_of_a_signature_may_be_declared_further_out"])),
    ("Egress", "chunks where a length is wanted", Nothing("lengths are HTTP's")),
    ("Egress", "a PrefixList that a server wants", Nothing("what we write has no lists")),
    ("Egress", "a token that is not signed", Tests(&["crates/wss/tests/supporting.rs::a_token_that_signs_is_protected_where_the_policy_says_so"])),
    ("Egress", "replies by another name of the certificate", Tests(&["crates/wss/tests/field/protection.rs::answers_by_any_name_of_the_services_certificate"])),
    ("Egress", "base64 in lines that are refused", Tests(&["crates/wss/tests/field/protection.rs::what_is_written_has_no_blanks"])),
    ("Egress", "key transport for each peer", Nothing("the key transport is the suite's")),
    ("Egress", "a request sent twice", Tests(&["crates/gateway/src/upstream/tests.rs::whatever_goes_wrong_is_unavailable_and_sent_once"])),
    ("Egress", "100 Continue", Nothing("interim answers are HTTP's")),
    ("Reliability", "a revocation list that cannot be fetched", Tests(&[
        "crates/crypto/tests/trust_rules.rs::tk_11_revocation_lists_must_tell_of_every_certificate",
        "crates/gateway/tests/client_certificates.rs::a_revoked_certificate_is_refused_and_so_is_one_of_which_nothing_is_known",
    ])),
    ("Reliability", "connections closed without a word", Nothing("connections are HTTP's")),
    ("Reliability", "a client that asks for ever more contexts", Tests(&["crates/gateway/src/sessions/memory/tests.rs::nobody_gets_more_than_a_share"])),
    ("Reliability", "many calls at once on one context", Tests(&["crates/gateway/src/sessions/memory/tests.rs::what_is_retired_ends_sooner_and_never_later"])),
    ("Reliability", "a certificate that is replaced", Tests(&["crates/wss/tests/field/dialects.rs::two_certificates_of_one_service"])),
    ("Reliability", "clients that stop reading", Tests(&["crates/gateway/tests/http2.rs::a_client_that_takes_no_response_loses_that_stream_alone"])),
];

/// Every report is there, and every test that one names exists.
#[test]
fn every_report_has_its_test_or_its_reason() {
    let count = |about: &str| REPORTS.iter().filter(|(found, ..)| *found == about).count();
    let about = ["Conversation", "Bootstraps", "Protection", "Dialects", "Gateway", "Egress", "Reliability"];
    assert_eq!(about.map(count), [10, 15, 25, 10, 10, 10, 6]);
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (about, report, stand) in REPORTS {
        let names = match stand {
            Nothing(reason) => {
                assert!(!reason.is_empty(), "{about}: {report}");
                continue;
            }
            Tests(names) => names,
        };
        assert!(!names.is_empty(), "{about}: {report}");
        for name in *names {
            let (file, function) = name.split_once("::").unwrap();
            let source = std::fs::read_to_string(workspace.join(file));
            let source = source.unwrap_or_else(|error| panic!("{report}: {file}: {error}"));
            assert!(source.contains(&format!("fn {function}()")), "{report}: no test {name}");
        }
    }
}
