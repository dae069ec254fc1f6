//! Keys from keys: P_SHA-1, as `wsc:DerivedKeyToken` and `wst:ComputedKey` use it.
//!
//! The function is that of [RFC 2246] section 5, in every suite, those with `Sha256` in their name included:
//! `P_SHA1(secret, seed) = HMAC(secret, A(1) ++ seed) ++ HMAC(secret, A(2) ++ seed) ++ …`, where `A(0) = seed` and
//! `A(i) = HMAC(secret, A(i-1))`.

use crate::algorithm::MacAlgorithm;
use crate::mac::Mac;
use crate::secret::Secret;
use core::ops::Range;
use zeroize::{Zeroize, Zeroizing};

/// The label of a `wsc:DerivedKeyToken` without one ([WS-SC 1.4] section 7): the default label
/// `WS-SecureConversation` of either party, one behind the other. A `wsc:Label` replaces the whole of it.
pub const DEFAULT_LABEL: &[u8] = b"WS-SecureConversationWS-SecureConversation";

/// Longest stretch of key stream, in octets, that a peer may make us compute.
///
/// The suites ask for 32 octets at most, WCF allows an offset of 64; the rest is room for `wsc:Generation`.
pub const MAX_STREAM: usize = 1024;

/// A stretch of key stream was asked for that ends beyond [`MAX_STREAM`], or before it begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a key stream up to octet {end} was asked for, {MAX_STREAM} is the limit")]
pub struct TooLong {
    /// Where the stretch was to end, in octets.
    pub end: usize,
}

/// The octets at `range` of P_SHA-1 keyed with `secret` over the concatenation of `seed`.
///
/// # Errors
///
/// [`TooLong`] when `range` ends beyond [`MAX_STREAM`] or before it begins; nothing is computed then.
pub fn p_sha1(secret: &[u8], seed: &[&[u8]], range: Range<usize>) -> Result<Secret, TooLong> {
    if range.end > MAX_STREAM || range.start > range.end {
        return Err(TooLong { end: range.end });
    }
    let keyed = Mac::new(MacAlgorithm::HmacSha1, secret);
    let over = |first: Option<&[u8]>, rest: &[&[u8]]| {
        let mut mac = keyed.clone();
        first.into_iter().chain(rest.iter().copied()).for_each(|piece| mac.update(piece));
        mac.finish()
    };
    // Room for the whole last block, so that the vector never grows and leaves no copy behind.
    let mut stream = Zeroizing::new(Vec::with_capacity(range.end + MacAlgorithm::HmacSha1.size()));
    let mut a = over(None, seed);
    while stream.len() < range.end {
        let mut block = over(Some(a.as_ref()), seed);
        stream.extend_from_slice(block.as_ref());
        block.zeroize();
        a = over(Some(a.as_ref()), &[]);
    }
    a.zeroize();
    Ok(Secret::from(&stream[range]))
}

/// The octets at `range` of the key stream of a `wsc:DerivedKeyToken` ([WS-SC 1.4] section 7): P_SHA-1 over
/// `label ++ nonce`, where `range` is `Offset..Offset + Length`.
///
/// # Errors
///
/// [`TooLong`] when `range` ends beyond [`MAX_STREAM`] or before it begins: a peer chooses both numbers.
pub fn derived_key(secret: &[u8], label: &[u8], nonce: &[u8], range: Range<usize>) -> Result<Secret, TooLong> {
    p_sha1(secret, &[label, nonce], range)
}

/// The key of `octets` octets that both parties' entropy gives ([WS-Trust 1.4] section 4.4.4, `CK/PSHA1`): P_SHA-1
/// keyed with the requestor's entropy over the issuer's, without a label.
///
/// # Errors
///
/// [`TooLong`] when `octets` is beyond [`MAX_STREAM`]: a peer chooses `wst:KeySize`.
pub fn computed_key(client: &[u8], server: &[u8], octets: usize) -> Result<Secret, TooLong> {
    p_sha1(client, &[server], 0..octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64::{decode, encode};
    use crate::hex;

    fn octets(range: Range<u8>) -> Vec<u8> {
        range.collect()
    }

    /// Published by Mono: the default label, a nonce of 256 zeros.
    #[test]
    fn sc_06_vector_of_mono() {
        let secret = decode("eX2EeE969RCv/5Lx8OIGLHtJrSD5PzVzO3tTy9JxU58=").unwrap();
        let key = derived_key(&secret, DEFAULT_LABEL, &[0; 256], 0..32).unwrap();
        assert_eq!(encode(key.expose()), "50UfLeg58TbfADujVeafUAS8typGX9LvqLOXezK/eJY=");
    }

    /// Published by WSS4J: a master secret in the manner of TLS, 48 octets, the seed in one piece and in two.
    #[test]
    fn sc_06_vector_of_wss4j() {
        let secret = decode("A4BKgeqUKi9VDwWyYPDrskwCwEQ5RIqH").unwrap();
        let seed = decode(
            "bWFzdGVyIHNlY3JldAAAAAAAAAAAAAAAAAAAAAAy+BE8DDEUf+XnAynZEVU0PUQR4QHesAbNCmt8/Ry6NqBELuBAiZV4Z0FuCT58Fi8=",
        )
        .unwrap();
        let (label, rest) = seed.split_at(13);
        assert_eq!(label, b"master secret");
        for seed in [&[&seed[..]][..], &[label, rest]] {
            let stream = p_sha1(&secret, seed, 0..48).unwrap();
            assert_eq!(encode(stream.expose()), "UCbz0pT2DxRfx4IpY6iWRE0KCa4Fg9JKNRlrxE8AtjNjb1NEK17NI6XdrMRMOKM2");
        }
    }

    /// One key stream, and the stretches that offsets and generations cut out of it.
    #[test]
    fn stretches_of_one_stream() {
        let (secret, nonce) = (octets(0..0x20), octets(0x40..0x50));
        let derived = |range| derived_key(&secret, DEFAULT_LABEL, &nonce, range).unwrap();
        let stream = hex("ea4bfd7b53e6ab08375ac9253369487422d7e98a5603893f88ba2f450d573f8d\
             a4eec7625ba2a49abaa8f604306e0ff71c9a3c650a15bab49dfc2c0fa3113552\
             a3dcc64ef2a2d25511e65522e8d4d5aa311a3cba969a0f5e35d055fed61d5c39");
        assert_eq!(derived(0..96).expose(), stream);
        assert_eq!(encode(derived(0..24).expose()), "6kv9e1Pmqwg3WsklM2lIdCLX6YpWA4k/");
        assert_eq!(encode(derived(32..64).expose()), "pO7HYluipJq6qPYEMG4P9xyaPGUKFbq0nfwsD6MRNVI=");
        assert_eq!(encode(derived(48..72).expose()), "HJo8ZQoVurSd/CwPoxE1UqPcxk7yotJV");
        for start in 0..96 {
            for end in start..96 {
                assert!(derived(start..end).matches(&stream[start..end]), "{start}..{end}");
            }
        }
    }

    /// A label replaces the default wholly.
    #[test]
    fn explicit_label() {
        let key = derived_key(&octets(0..0x20), b"abc", &octets(0x40..0x50), 0..32).unwrap();
        assert_eq!(encode(key.expose()), "U35vYIzRHbrmX2+zM8wWKP3LPgFhOlrExopou0mykz4=");
    }

    /// The computed key, of two sizes, and what comes out with the roles exchanged.
    #[test]
    fn computed_keys() {
        let (client, server) = (octets(0..0x20), octets(0x80..0xa0));
        let key = |client, server, size| encode(computed_key(client, server, size).unwrap().expose());
        assert_eq!(key(&client, &server, 32), "L3OMDTbIbBfcHAxFeNahlIR7gXCVs0yEBANgTwlHrEw=");
        assert_eq!(key(&client, &server, 16), "L3OMDTbIbBfcHAxFeNahlA==");
        assert_eq!(key(&server, &client, 32), "/oIOuZEknCUsxomkX+6O7/i9gwJ51R3Rm8YV5Kvhmrs=");
    }

    /// No more than the limit, and no range that runs backwards.
    #[test]
    fn sc_05_long_streams_are_refused() {
        let end = |range| p_sha1(b"secret", &[b"seed"], range).map(|key| key.len()).map_err(|e| e.end);
        assert_eq!(end(0..MAX_STREAM), Ok(1024));
        assert_eq!(end(MAX_STREAM..MAX_STREAM), Ok(0));
        assert_eq!(end(0..MAX_STREAM + 1), Err(1025));
        assert_eq!(end(usize::MAX..usize::MAX), Err(usize::MAX));
        assert_eq!(end(Range { start: 2, end: 1 }), Err(1));
        assert_eq!(computed_key(b"a", b"b", usize::MAX).map(|key| key.len()), Err(TooLong { end: usize::MAX }));
    }
}
