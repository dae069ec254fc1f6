//! Message authentication codes: HMAC ([RFC 2104]), always at full length.

use crate::algorithm::MacAlgorithm;
use crate::secret::same;
use hmac::digest::block_api::{BlockSizeUser, EagerHash};
use hmac::digest::common::Key;
use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroize;

/// A MAC under way. A clone starts where the original stands, without another look at the key.
///
/// Its state is as good as the key, so it has no `Debug` and is zeroed on drop.
#[derive(Clone)]
pub struct Mac(State);

// The states differ in size by the digests' blocks; they live on the stack for one message.
#[derive(Clone)]
enum State {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Mac {
    /// Begins a MAC with a key of any length. A derived key is used as long as it was derived: 24 octets under
    /// Basic256.
    pub fn new(algorithm: MacAlgorithm, key: &[u8]) -> Self {
        Self(match algorithm {
            MacAlgorithm::HmacSha1 => State::Sha1(keyed(key)),
            MacAlgorithm::HmacSha256 => State::Sha256(keyed(key)),
            MacAlgorithm::HmacSha384 => State::Sha384(keyed(key)),
            MacAlgorithm::HmacSha512 => State::Sha512(keyed(key)),
        })
    }

    /// Takes the next octets in.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.0 {
            State::Sha1(state) => state.update(octets),
            State::Sha256(state) => state.update(octets),
            State::Sha384(state) => state.update(octets),
            State::Sha512(state) => state.update(octets),
        }
    }

    /// The tag over everything taken in.
    pub fn finish(self) -> Tag {
        match self.0 {
            State::Sha1(state) => Tag::from_octets(&state.finalize().into_bytes()),
            State::Sha256(state) => Tag::from_octets(&state.finalize().into_bytes()),
            State::Sha384(state) => Tag::from_octets(&state.finalize().into_bytes()),
            State::Sha512(state) => Tag::from_octets(&state.finalize().into_bytes()),
        }
    }
}

/// The tag over the concatenation of `pieces`.
pub fn mac(algorithm: MacAlgorithm, key: &[u8], pieces: &[&[u8]]) -> Tag {
    let mut mac = Mac::new(algorithm, key);
    for piece in pieces {
        mac.update(piece);
    }
    mac.finish()
}

/// A finished tag: 20 to 64 octets.
///
/// Without `PartialEq` and `Debug`: what a peer claims is compared by [`Tag::matches`], and a tag we computed for a
/// message we refuse is nobody's business.
///
/// ```compile_fail,E0369
/// use nuncio_crypto::{algorithm::MacAlgorithm, mac::mac};
/// assert!(mac(MacAlgorithm::HmacSha1, b"", &[]) == mac(MacAlgorithm::HmacSha1, b"", &[]));
/// ```
#[derive(Clone, Copy)]
pub struct Tag {
    octets: [u8; 64],
    size: usize,
}

impl Tag {
    /// Whether a peer's `claimed` tag is this one: of full length, compared in constant time.
    #[must_use]
    pub fn matches(&self, claimed: &[u8]) -> bool {
        same(self.as_ref(), claimed)
    }

    fn from_octets(octets: &[u8]) -> Self {
        let mut tag = Self { octets: [0; 64], size: octets.len() };
        tag.octets[..octets.len()].copy_from_slice(octets);
        tag
    }
}

impl AsRef<[u8]> for Tag {
    fn as_ref(&self) -> &[u8] {
        &self.octets[..self.size]
    }
}

impl Zeroize for Tag {
    fn zeroize(&mut self) {
        self.octets.zeroize();
    }
}

/// HMAC keyed with `key`.
///
/// The key is brought to one block here ([RFC 2104] section 2), because the constructor that takes a block cannot
/// fail, and the one that takes a slice says it can.
fn keyed<D>(key: &[u8]) -> Hmac<D>
where
    D: EagerHash + Digest,
    D::Core: BlockSizeUser,
{
    let mut block = Key::<Hmac<D>>::default();
    if key.len() <= block.len() {
        block[..key.len()].copy_from_slice(key);
    } else {
        let digest = D::digest(key);
        block[..digest.len()].copy_from_slice(&digest);
    }
    let mac = Hmac::new(&block);
    block.as_mut_slice().zeroize();
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// [RFC 2202] section 3, cases 1 to 7 of HMAC-SHA-1.
    #[test]
    fn rfc_2202() {
        #[track_caller]
        fn check(key: &[u8], data: &[u8], expect: &str) {
            let tag = mac(MacAlgorithm::HmacSha1, key, &[data]);
            assert_eq!(tag.as_ref(), hex(expect));
            let (head, tail) = data.split_at(data.len() / 3);
            assert!(mac(MacAlgorithm::HmacSha1, key, &[head, b"", tail]).matches(tag.as_ref()));
        }
        check(&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00");
        check(b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        check(&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
        check(&(1..=25).collect::<Vec<u8>>(), &[0xcd; 50], "4c9007f4026250c6bc8414f9bf50c86c2d7235da");
        check(&[0x0c; 20], b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04");
        check(
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        );
        check(
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
            "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
        );
    }

    /// [RFC 4231] section 4.2, case 1, and section 4.7, case 6: a key longer than any block.
    #[test]
    fn rfc_4231() {
        use MacAlgorithm::{HmacSha256, HmacSha384, HmacSha512};
        #[track_caller]
        fn check(algorithm: MacAlgorithm, key: &[u8], data: &[u8], expect: &str) {
            assert_eq!(mac(algorithm, key, &[data]).as_ref(), hex(expect));
        }
        let (key, data): (&[u8], &[u8]) = (&[0x0b; 20], b"Hi There");
        check(HmacSha256, key, data, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        check(
            HmacSha384,
            key,
            data,
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        );
        check(
            HmacSha512,
            key,
            data,
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        );
        let (key, data): (&[u8], &[u8]) = (&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        check(HmacSha256, key, data, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        check(
            HmacSha512,
            key,
            data,
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        );
    }

    /// A truncated tag does not pass (CVE-2009-0217), nor does an empty one.
    #[test]
    fn xs_19_truncated_tags_do_not_match() {
        let tag = mac(MacAlgorithm::HmacSha1, b"key", &[b"message"]);
        for length in 0..20 {
            assert!(!tag.matches(&tag.as_ref()[..length]));
        }
        assert!(tag.matches(tag.as_ref()));
    }

    /// A clone carries the key but not the later octets of the original.
    #[test]
    fn clones_go_their_own_way() {
        let mut first = Mac::new(MacAlgorithm::HmacSha256, b"key");
        let second = first.clone();
        first.update(b"message");
        assert_eq!(second.finish().as_ref(), mac(MacAlgorithm::HmacSha256, b"key", &[]).as_ref());
        assert_eq!(first.finish().as_ref(), mac(MacAlgorithm::HmacSha256, b"key", &[b"message"]).as_ref());
    }
}
