//! The catalogue of attacks on signatures (XS), encryption (XE), payloads (PA), tokens (TK) and conversations (SC), row by
//! row: which test stands for each, or why none does.
//!
//! The tests here are about what the crates below the gateway decide together. Each takes a sound message, does to it what
//! the row says, where need be as somebody who has the key, and holds the refusal to its very reason.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test's helpers fail the test")]
#![allow(clippy::too_many_lines, reason = "tables are long")]

#[path = "../ends/mod.rs"]
mod ends;
mod forge;
mod pa;
mod sc;
mod tk;
mod xe;
mod xs_keys;
mod xs_wrapping;

/// What stands for a row.
enum Stand {
    /// Tests, by file and name.
    Tests(&'static [&'static str]),
    /// Nothing, for a reason.
    Nothing(&'static str),
}
use Stand::{Nothing, Tests};

#[rustfmt::skip]
const ROWS: &[(&str, Stand)] = &[
    ("XS-01", Tests(&["crates/wss/tests/rows/xs_wrapping.rs::xs_01_signed_parts_moved_and_replaced"])),
    ("XS-02", Nothing("SAML assertions are not read yet")),
    ("XS-03", Tests(&[
        "crates/xml/tests/refusals.rs::xs_03_no_id_is_there_twice_whatever_its_kind_and_place",
        "crates/wss/tests/rows/xs_wrapping.rs::xs_05_ids_that_decryption_brings",
    ])),
    ("XS-04", Tests(&["crates/xml/tests/refusals.rs::xs_04_decoys_are_no_ids"])),
    ("XS-05", Tests(&["crates/wss/tests/rows/xs_wrapping.rs::xs_05_ids_that_decryption_brings"])),
    ("XS-06", Tests(&["crates/xmlsec/tests/signature.rs::xs_06_references_by_other_means"])),
    ("XS-07", Tests(&[
        "crates/xmlsec/tests/transforms.rs::xs_07_a_reference_stands_for_its_token",
        "crates/xmlsec/tests/transforms.rs::xs_07_the_parameters_of_the_str_transform_are_fixed",
        "crates/wss/tests/rows/tk.rs::xs_07_a_token_that_travels_is_signed_through_the_reference_to_it",
    ])),
    ("XS-08", Tests(&["crates/wss/tests/rows/xs_keys.rs::xs_08_prefixes_bound_anew"])),
    ("XS-09", Tests(&["crates/xml/tests/refusals.rs::xs_09_namespaces_that_are_read_in_two_ways"])),
    ("XS-10", Tests(&[
        "crates/xml/tests/refusals.rs::xs_10_namespaces_that_have_no_canonical_form",
        "crates/xmlsec/tests/signature.rs::xs_10_digests_of_nothing",
    ])),
    ("XS-11", Tests(&[
        "crates/wss/tests/rows/xs_keys.rs::xs_11_comments_in_what_is_read",
        "crates/xml/tests/canonical.rs::xs_11_a_comment_disqualifies_a_text",
    ])),
    ("XS-12", Tests(&["crates/xml/tests/refusals.rs::xs_12_processing_instructions"])),
    ("XS-13", Tests(&[
        "crates/xml/tests/canonical.rs::xs_13_line_ends_are_normalised_before_references",
        "crates/xml/tests/canonical.rs::xs_13_sections_and_comments_leave_their_text_and_nothing",
        "crates/xml/tests/canonical.rs::xs_13_canonical_form_is_its_own",
    ])),
    ("XS-14", Tests(&[
        "crates/xmlsec/tests/signature.rs::xs_14_children_of_another_number_and_order",
        "crates/xmlsec/tests/signature.rs::xs_14_what_security_does_not_need_is_refused_before_a_key_is_used",
    ])),
    ("XS-15", Tests(&[
        "crates/xmlsec/tests/signature.rs::xs_15_each_of_many_references",
        "crates/xmlsec/tests/signature.rs::xs_15_what_was_changed_does_not_verify",
    ])),
    ("XS-16", Tests(&["crates/wss/tests/rows/xs_wrapping.rs::xs_16_anything_taken_out"])),
    ("XS-17", Tests(&[
        "crates/wss/tests/rows/xs_keys.rs::xs_17_signatures_by_strangers",
        "crates/wss/tests/oracle.rs::xs_17_trust_is_asked_last",
        "crates/wss/tests/asymmetric.rs::xs_17_who_signs_under_the_asymmetric_binding_is_checked_by_both_ends",
        "crates/crypto/tests/trust.rs::xs_17_same_subject_other_key",
        "crates/crypto/tests/trust.rs::xs_17_strangers",
        "crates/crypto/tests/trust.rs::xs_17_pinned_leaves_issue_nothing",
        "crates/crypto/tests/trust.rs::xs_17_authorities_as_leaves",
        "crates/crypto/tests/trust.rs::xs_17_validity",
        "crates/crypto/tests/trust.rs::xs_17_key_usage",
    ])),
    ("XS-18", Tests(&[
        "crates/wss/tests/rows/xs_keys.rs::xs_18_kinds_of_keys_confused",
        "crates/xmlsec/tests/signature.rs::xs_18_another_key_or_kind_of_key_does_not_verify",
    ])),
    ("XS-19", Tests(&[
        "crates/xmlsec/tests/algorithms.rs::xs_19_hmac_output_length",
        "crates/crypto/src/mac.rs::xs_19_truncated_tags_do_not_match",
    ])),
    ("XS-20", Tests(&["crates/xmlsec/tests/algorithms.rs::xs_20_algorithms_outside_the_suite"])),
    ("XS-21", Tests(&[
        "crates/crypto/tests/rsa.rs::xs_21_keys_that_are_refused",
        "crates/crypto/tests/rsa.rs::xs_21_unusable_keys",
        "crates/crypto/tests/rsa.rs::xs_21_other_signatures_do_not_verify",
        "crates/crypto/tests/rsa.rs::xs_21_malformed_encodings_do_not_verify",
        "crates/crypto/tests/trust.rs::xs_21_keys",
        "crates/crypto/tests/ecdsa.rs::xs_21_other_points",
        "crates/crypto/tests/wycheproof.rs::xs_21_rsa_signatures",
        "crates/crypto/tests/wycheproof.rs::xs_21_ecdsa_signatures",
    ])),
    ("XS-22", Tests(&["crates/xmlsec/tests/algorithms.rs::xs_22_transforms"])),
    ("XS-23", Tests(&["crates/xmlsec/tests/signature.rs::xs_23_objects_and_manifests"])),
    ("XS-24", Tests(&["crates/wss/tests/rows/xs_keys.rs::xs_24_key_references_in_circles"])),
    ("XS-25", Tests(&["crates/wss/tests/rows/xs_wrapping.rs::xs_25_headers_doubled_and_moved"])),
    ("XS-26", Tests(&["crates/wss/tests/rows/xs_wrapping.rs::xs_26_envelopes_of_another_shape"])),
    ("XS-27", Tests(&["crates/crypto/src/digest.rs::xs_27_matches_at_full_length"])),
    ("XS-28", Tests(&[
        "crates/wss/tests/rows/xs_keys.rs::xs_28_references_that_nest",
        "crates/xmlsec/tests/signature.rs::xs_28_references_digest_no_more_than_they_may",
        "crates/xmlsec/tests/signature.rs::xs_28_references_are_counted_and_each_names_another_element",
    ])),
    ("XS-29", Tests(&["crates/wss/tests/rows/xs_keys.rs::xs_29_ciphertext_put_in"])),
    ("XS-30", Tests(&["crates/wss/tests/rows/xs_keys.rs::xs_30_signature_confirmations"])),
    ("XE-01", Tests(&[
        "crates/wss/tests/rows/xe.rs::xe_01_an_oracle_of_padding_and_markup",
        "crates/wss/tests/oracle.rs::xe_01_a_forged_signature_tells_nothing_of_the_ciphertext",
        "crates/crypto/src/cipher/mod.rs::xe_01_one_error",
    ])),
    ("XE-02", Tests(&[
        "crates/wss/tests/rows/xe.rs::xe_02_malformed_keys_under_rsa_15",
        "crates/crypto/tests/rsa.rs::xe_02_rsa15_rejects_implicitly",
        "crates/crypto/tests/rsa.rs::xe_02_rsa15_lengths",
        "crates/crypto/tests/wycheproof.rs::xe_02_rsa15",
    ])),
    ("XE-03", Tests(&[
        "crates/crypto/tests/rsa.rs::xe_03_oaep_failures_are_one",
        "crates/crypto/tests/wycheproof.rs::xe_03_oaep",
    ])),
    ("XE-04", Tests(&["crates/xmlsec/tests/encryption.rs::xe_04_every_cipher_is_its_own"])),
    ("XE-05", Tests(&["crates/wss/tests/rows/xe.rs::xe_05_a_key_of_the_senders_own_making"])),
    ("XE-06", Tests(&[
        "crates/wss/tests/rows/xe.rs::xe_06_references_to_other_ciphertext",
        "crates/xmlsec/tests/encryption.rs::xe_06_what_is_not_understood_is_refused",
    ])),
    ("XE-07", Tests(&[
        "crates/wss/tests/rows/xe.rs::xe_07_ciphertext_in_ciphertext",
        "crates/xml/tests/graft.rs::xe_07_limits_are_cumulative",
    ])),
    ("XE-08", Tests(&["crates/xmlsec/tests/encryption.rs::xe_08_ciphertext_from_elsewhere"])),
    ("XE-09", Tests(&["crates/xmlsec/tests/encryption.rs::xe_09_compressed_plaintext"])),
    ("XE-10", Tests(&["crates/wss/tests/rows/xe.rs::xe_10_encrypted_and_not_signed"])),
    ("XE-11", Tests(&[
        "crates/xmlsec/tests/encryption.rs::xe_11_a_wrong_key_or_a_cut_value_is_one_refusal",
        "crates/crypto/src/cipher/mod.rs::xe_11_only_the_last_octet_of_padding_counts",
        "crates/crypto/src/cipher/mod.rs::xe_11_odd_lengths_are_refused",
        "crates/crypto/src/cipher/mod.rs::xe_11_truncated_tags_are_refused",
        "crates/crypto/src/keywrap.rs::xe_11_changes_are_refused",
        "crates/crypto/tests/wycheproof.rs::xe_11_gcm",
        "crates/crypto/tests/wycheproof.rs::xe_11_cbc",
        "crates/crypto/tests/wycheproof.rs::xe_11_aes_wrap",
    ])),
    ("XE-12", Tests(&[
        "crates/wss/tests/rows/xe.rs::xe_12_plaintext_that_breaks_out",
        "crates/xml/tests/graft.rs::xe_12_a_plaintext_reaches_nothing_beyond_itself",
        "crates/xmlsec/tests/encryption.rs::xe_12_plaintext_that_does_not_fit_its_place_is_refused",
    ])),
    ("XE-13", Tests(&["crates/wss/tests/rows/xe.rs::xe_13_reasons_that_tell_secrets"])),
    ("PA-01", Tests(&["crates/xml/tests/hostile.rs::pa_01_deep_nesting"])),
    ("PA-02", Tests(&["crates/xml/tests/hostile.rs::pa_02_and_03_attributes_and_declarations"])),
    ("PA-03", Tests(&["crates/xml/tests/hostile.rs::pa_02_and_03_attributes_and_declarations"])),
    ("PA-04", Tests(&["crates/xml/tests/hostile.rs::pa_04_elements_comments_and_ids"])),
    ("PA-05", Tests(&["crates/xml/tests/hostile.rs::pa_05_overlong_names_and_values"])),
    ("PA-06", Tests(&["crates/xml/tests/refusals.rs::pa_06_entities"])),
    ("PA-07", Tests(&["crates/xml/tests/refusals.rs::pa_07_external_entities"])),
    ("PA-08", Tests(&[
        "crates/xml/tests/hostile.rs::pa_08_names_whose_hashes_collide",
        "crates/xml/tests/hostile.rs::pa_08_many_names_are_told_apart",
    ])),
    ("PA-09", Nothing("nothing is deserialised: an array is a body like any other")),
    ("PA-10", Tests(&["crates/xml/tests/refusals.rs::pa_10_octets_that_are_no_utf8"])),
    ("PA-11", Tests(&["crates/xml/tests/refusals.rs::pa_11_every_refusal_has_its_reason"])),
    ("PA-12", Nothing("MTOM is not read yet")),
    ("PA-13", Tests(&[
        "crates/wss/tests/rows/pa.rs::pa_13_large_and_many_certificates",
        "crates/crypto/src/base64.rs::pa_13_white_space_is_skipped",
        "crates/crypto/src/base64.rs::pa_13_other_texts_are_refused",
        "crates/crypto/tests/trust.rs::pa_13_long_chains",
    ])),
    ("PA-14", Tests(&[
        "crates/crypto/tests/certificate.rs::pa_14_malformed_octets_are_refused",
        "crates/crypto/tests/numbers.rs::pa_14_moduli_of_other_sizes",
        "crates/crypto/tests/numbers.rs::pa_14_exponents_that_sign_everything",
    ])),
    ("PA-15", Tests(&["crates/wss/tests/rows/pa.rs::pa_15_instants"])),
    ("TK-01", Nothing("passwords are the gateway's to check, and guesses are not counted yet")),
    ("TK-02", Tests(&[
        "crates/wss/tests/rows/tk.rs::tk_02_nonces_and_their_times",
        "tests/tests/refusals/replays.rs::a_nonce_sent_twice",
    ])),
    ("TK-03", Tests(&[
        "crates/wss/tests/rows/tk.rs::tk_03_tokens_without_what_they_need",
        "crates/wss/src/token/salted.rs::what_is_malformed_is_refused",
        "crates/wss/tests/endorsing_user.rs::what_the_key_comes_from_is_not_exchanged",
    ])),
    ("TK-04", Tests(&[
        "crates/wss/tests/rows/tk.rs::tk_04_the_same_message_again",
        "crates/wss/tests/asymmetric.rs::tk_04_a_message_signed_anew_by_another_is_the_same_message",
        "tests/tests/refusals/replays.rs::a_message_sent_twice",
        "crates/gateway/src/replays.rs::of_two_hundred_at_once_one_is_fresh",
    ])),
    ("TK-05", Tests(&["crates/gateway/src/replays.rs::a_full_store_drops_nothing_that_lives"])),
    ("TK-06", Tests(&["crates/wss/tests/rows/tk.rs::tk_06_timestamps"])),
    ("TK-07", Tests(&["crates/gateway/src/replays.rs::a_clock_set_back_forgets_nothing"])),
    ("TK-08", Nothing("SAML assertions are not read yet")),
    ("TK-09", Nothing("SAML assertions are not read yet")),
    ("TK-10", Nothing("Kerberos tickets are not read yet")),
    ("TK-11", Tests(&["crates/wss/tests/rows/tk.rs::tk_11_names_that_fit_two_certificates"])),
    ("TK-12", Tests(&[
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_what_is_changed_cut_or_longer_is_none",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_what_belongs_elsewhere_is_none",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_a_nonce_that_comes_twice_does_no_harm",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_it_ends_with_its_context",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_what_was_cut_is_none",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_one_conversation_is_cut_by_its_number",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_12_a_cookie_has_two_kibibytes_at_most",
        "crates/gateway/src/keyring/mod.rs::tk_12_what_is_changed_cut_or_moved_does_not_open",
    ])),
    ("TK-13", Tests(&[
        "crates/gateway/src/sessions/cookie/tests.rs::tk_13_what_a_retired_key_sealed_is_none",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_13_a_key_that_is_taken_away_opens_nothing_more_at_once",
        "crates/gateway/src/sessions/cookie/tests.rs::tk_13_without_an_active_key_nothing_is_sealed",
        "crates/gateway/src/keyring/mod.rs::tk_13_an_older_ring_does_not_take_the_place",
    ])),
    ("TK-14", Tests(&[
        "crates/wss/tests/cookies.rs::what_is_no_cookie_is_refused",
        "crates/wss/src/conversation/record.rs::f_16_what_is_cut_longer_or_of_another_version_is_none",
    ])),
    ("SC-01", Tests(&[
        "tests/tests/refusals/credentials.rs::one_context_more_than_a_share",
        "tests/tests/refusals/credentials.rs::a_context_that_nobody_used",
    ])),
    ("SC-02", Tests(&["crates/wss/tests/rows/sc.rs::sc_02_identifiers"])),
    ("SC-03", Tests(&[
        "crates/wss/tests/rows/sc.rs::sc_03_contexts_of_others",
        "tests/tests/refusals/credentials.rs::a_cancel_of_anothers_context",
        "crates/wss/tests/pair.rs::a_renewal_is_refused_where_it_is_not_due",
    ])),
    ("SC-04", Tests(&["tests/tests/refusals/protection.rs::one_octet_changed_in_the_security_header"])),
    ("SC-05", Tests(&[
        "crates/wss/tests/rows/sc.rs::sc_05_numbers_of_derived_keys",
        "crates/crypto/src/derive.rs::sc_05_long_streams_are_refused",
    ])),
    ("SC-06", Tests(&[
        "crates/wss/tests/rows/sc.rs::sc_06_what_a_derived_key_token_leaves_out",
        "crates/crypto/src/derive.rs::sc_06_vector_of_wss4j",
        "crates/crypto/src/derive.rs::sc_06_vector_of_mono",
    ])),
    ("SC-07", Tests(&["crates/wss/tests/rows/sc.rs::sc_07_entropy_and_sizes"])),
    ("SC-08", Tests(&["crates/wss/tests/rows/sc.rs::sc_08_what_a_request_may_ask_for"])),
    ("SC-09", Tests(&["crates/wss/tests/rows/sc.rs::sc_09_generations_mixed"])),
    ("SC-10", Tests(&[
        "crates/gateway/src/state/claims/tests.rs::sc_10_what_was_claimed_is_known_after_a_kill",
        "tests/tests/kills.rs::what_is_in_memory_is_lost_and_never_taken_twice",
        "tests/tests/kills.rs::what_is_on_disk_is_neither_lost_nor_taken_twice",
        "tests/tests/kills.rs::what_is_in_redis_is_neither_lost_nor_taken_twice",
        "tests/tests/kills.rs::what_is_in_cookies_is_neither_lost_nor_taken_twice",
    ])),
    ("SC-11", Tests(&[
        "crates/policy/tests/metadata.rs::sc_11_a_contract_names_nothing_outside",
        "tests/tests/fetched.rs::sc_11_nothing_is_fetched_from_elsewhere",
        "tests/tests/fetched.rs::over_clear_http_it_is_this_machines_or_refused",
    ])),
];

/// Every row is there once and in order, and every test that it names exists and is a test.
#[test]
fn every_row_has_its_test_or_its_reason() {
    let expected: Vec<String> = [("XS", 30), ("XE", 13), ("PA", 15), ("TK", 14), ("SC", 11)]
        .into_iter()
        .flat_map(|(family, rows)| (1..=rows).map(move |row| format!("{family}-{row:02}")))
        .collect();
    let rows: Vec<&str> = ROWS.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, expected);
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tests = 0;
    for (row, stand) in ROWS {
        match stand {
            Nothing(reason) => assert!(!reason.is_empty(), "{row}"),
            Tests(names) => {
                assert!(!names.is_empty(), "{row}");
                for name in *names {
                    let (file, function) = name.split_once("::").unwrap();
                    let source = std::fs::read_to_string(workspace.join(file))
                        .unwrap_or_else(|error| panic!("{row}: {file}: {error}"));
                    let is_test = |text: &str| {
                        text.lines().zip(text.lines().skip(1)).any(|(before, line)| {
                            let (before, line) = (before.trim_start(), line.trim_start());
                            let marked = before == "#[test]" || before.starts_with("#[tokio::test");
                            let line = line.strip_prefix("async ").unwrap_or(line);
                            marked && line.starts_with(&format!("fn {function}()"))
                        })
                    };
                    assert!(is_test(&source), "{row}: no test {name}");
                    tests += 1;
                }
            }
        }
    }
    assert!(tests > ROWS.len(), "{tests}");
}
