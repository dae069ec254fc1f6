//! Opening: a sound message, changed as an attacker would, is refused or says what it said.
//!
//! `NUNCIO_FUZZ_RECORDED` names the folder of recorded messages that the project's `seeds` program wrote; without it, messages
//! of our own making take their place. The first octet of an input says which message it is meant to be.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use nuncio_fuzz::edit::edited;
use nuncio_fuzz::ends::{Pair, policy, soap};
use nuncio_fuzz::recorded::{Recorded, said};
use nuncio_wss::Outbound;

/// A message of our own making, and what it says.
struct Own {
    pair: Pair,
    outbound: Outbound,
    said: (Option<String>, Vec<u8>),
}

enum Sound {
    Own(Box<Own>),
    Recorded(Recorded),
}

fn messages() -> &'static [Sound] {
    static MESSAGES: OnceLock<Vec<Sound>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let recorded = std::env::var_os("NUNCIO_FUZZ_RECORDED").map(PathBuf::from);
        let recorded = recorded.iter().flat_map(|folder| Recorded::all(folder)).map(Sound::Recorded);
        let names = [
            "wse-anonymousForCertificateSecurity",
            "wse-mutualCertificate10Security",
            "wcf-ws2007-userNameForCertificate",
            "wcf-ws2007-mutualCertificate",
        ];
        let own = names.map(|name| {
            let mut policy = policy(name);
            policy.parts.encrypted.body = !name.starts_with("wse-");
            let mut pair = Pair::new(&policy, soap(name)[0]);
            let (outbound, _) = pair.request("hello", None);
            let said = said(&pair.open(&outbound, outbound.body.clone(), None).expect("opened"));
            Sound::Own(Box::new(Own { pair, outbound, said }))
        });
        own.into_iter().chain(recorded).collect()
    })
}

fuzz_target!(init: { messages(); }, |data: &[u8]| {
    let messages = messages();
    let Some((&which, octets)) = data.split_first() else { return };
    match &messages[usize::from(which) % messages.len()] {
        Sound::Own(own) => {
            if let Ok(opened) = own.pair.open(&own.outbound, octets.to_vec(), None) {
                assert!(said(&opened) == own.said, "it opens, and says something else");
            }
        }
        Sound::Recorded(recorded) => {
            if let Ok(opened) = recorded.open(octets.to_vec()) {
                recorded.check(&opened);
            }
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let messages = messages();
    // Often from the message itself: edits pile up, and what is far from sound says little. And often one of the first
    // two, in clear: there is more in them to be edited.
    if seed.is_multiple_of(4) || size < 2 {
        let drawn = (seed / 4) as usize;
        let which = if drawn.is_multiple_of(2) { drawn / 2 % 2 } else { drawn / 2 % messages.len() };
        let message = match &messages[which] {
            Sound::Own(own) => &own.outbound.body,
            Sound::Recorded(recorded) => &recorded.message,
        };
        let edited = edited(message, seed).unwrap_or_else(|| message.clone());
        let length = (edited.len() + 1).min(max_size);
        data[0] = which as u8;
        data[1..length].copy_from_slice(&edited[..length - 1]);
        return length;
    }
    if seed % 4 != 1
        && let Some(edited) = edited(&data[1..size], seed)
        && edited.len() < max_size
    {
        data[1..=edited.len()].copy_from_slice(&edited);
        return edited.len() + 1;
    }
    1 + fuzzer_mutate(&mut data[1..], size - 1, max_size - 1)
});
