//! Presets by name.

use std::collections::HashSet;

use nuncio_policy::model::{Addressing, Binding, SoapVersion, Token};
use nuncio_policy::preset;

#[test]
fn every_preset_is_found_by_its_own_name_in_any_case() {
    let mut names = HashSet::new();
    for preset in preset::all() {
        assert!(names.insert(preset.name.to_lowercase()), "{} twice", preset.name);
        for name in [preset.name.to_owned(), preset.name.to_uppercase()] {
            let found = preset::named(&name).unwrap();
            assert_eq!((found.name, found.meaning), (preset.name, preset.meaning.clone()));
        }
    }
    assert_eq!(names.len(), 29);
    assert!(preset::named("wcf-ws2007").is_none());
}

#[test]
fn a_conversation_is_in_the_policy_exactly_where_it_is_in_the_name() {
    for preset in preset::all() {
        let protection = match &preset.policy.binding {
            Binding::Symmetric(binding) => Some(&binding.protection),
            Binding::Transport(_) | Binding::Asymmetric(_) => None,
        };
        let mut tokens = preset.policy.supporting.iter().map(|supporting| &supporting.token).chain(protection);
        let held = tokens.any(|token| matches!(token, Token::SecureConversation(_)));
        assert_eq!(held, preset.name.ends_with("-conversation"), "{}", preset.name);
    }
}

#[test]
fn messages_are_protected_where_the_transport_does_not() {
    for preset in preset::all() {
        let over_transport = matches!(preset.policy.binding, Binding::Transport(_));
        assert_eq!(over_transport, preset.name.contains("OverTransport"), "{}", preset.name);
        let parts = &preset.policy.parts;
        assert_eq!(
            parts.signed.body && parts.encrypted.body && parts.signed.headers.len() == 7,
            !over_transport,
            "{}",
            preset.name
        );
    }
}

#[test]
fn wse_speaks_both_versions_of_soap_and_the_older_addressing() {
    for preset in preset::wse::presets() {
        assert_eq!(preset.soap, [SoapVersion::V11, SoapVersion::V12]);
        assert_eq!(preset.policy.addressing, Addressing::August2004);
    }
}
