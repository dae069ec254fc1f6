//! Paths of certificates: which order, how many, and what is none.

#![allow(clippy::unwrap_used, reason = "a certificate that cannot be read is the test's failure")]

mod common;

use common::{NOW, certificate};
use nuncio_crypto::certificate::CertificateError;
use nuncio_crypto::path::{CertificatePath, MAX_PATH, PathError};
use nuncio_crypto::trust::{Trust, Untrusted};

/// A sequence in DER.
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = match length {
        0..0x80 => vec![0x30, length as u8],
        0x80..0x1_0000 => vec![0x30, 0x82, (length >> 8) as u8, length as u8],
        _ => vec![0x30, 0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8],
    };
    out.extend_from_slice(content);
    out
}

fn path(names: &[&str]) -> Vec<u8> {
    sequence(&names.iter().flat_map(|name| certificate(name).der().to_vec()).collect::<Vec<_>>())
}

/// One, two or three certificates, the authority's first: the signer is the last.
#[test]
fn the_signer_is_the_last() {
    for names in [&["below"][..], &["intermediate", "below"], &["root", "intermediate", "below"]] {
        let read = CertificatePath::from_der(&path(names)).unwrap();
        assert_eq!(read.signer, certificate("below"));
        let certificates: Vec<_> = names.iter().map(|name| certificate(name)).collect();
        assert_eq!(CertificatePath::to_der(&certificates.iter().collect::<Vec<_>>()), path(names));
        let above: Vec<_> = names[..names.len() - 1].iter().map(|name| certificate(name)).collect();
        assert_eq!(read.above, above);
        let trust = Trust::new(vec![certificate("root")]).unwrap();
        let expected = if names.len() == 1 { Err(Untrusted::UnknownIssuer) } else { Ok(()) };
        assert_eq!(trust.check(&read.signer, &read.above, NOW), expected);
    }
}

/// Another order, a gap, a stranger between.
#[test]
fn a_broken_path_is_refused() {
    for names in [
        &["below", "intermediate"][..],
        &["below", "intermediate", "root"],
        &["root", "below"],
        &["intermediate", "root", "below"],
        &["self-signed", "intermediate", "below"],
        &["root", "intermediate", "below", "self-signed"],
        &["below", "below"],
    ] {
        assert_eq!(CertificatePath::from_der(&path(names)), Err(PathError::NotIssuedByPrevious), "{names:?}");
    }
}

/// Who has the name of an authority and not its key is in a path, and is not believed.
#[test]
fn names_alone_prove_nothing() {
    let read = CertificatePath::from_der(&path(&["other-root", "intermediate", "below"])).unwrap();
    let trust = Trust::new(vec![certificate("other-root")]).unwrap();
    assert_eq!(trust.check(&read.signer, &read.above, NOW), Err(Untrusted::UnknownIssuer));
}

#[test]
fn a_path_has_an_end() {
    // An authority that issued itself may stand in a path as often as there is room.
    let names = |count: usize| [vec!["root"; count - 1], vec!["intermediate"]].concat();
    assert!(CertificatePath::from_der(&path(&names(MAX_PATH))).is_ok());
    assert_eq!(CertificatePath::from_der(&path(&names(MAX_PATH + 1))), Err(PathError::Long));
    assert_eq!(CertificatePath::from_der(&vec![0x30; 1 << 20]), Err(PathError::Long));
}

/// A certificate alone is no path, and a path no certificate.
#[test]
fn other_octets_are_no_path() {
    let sound = path(&["intermediate", "below"]);
    assert!(nuncio_crypto::certificate::Certificate::from_der(sound.clone()).is_err());
    let alone = certificate("below").der().to_vec();
    assert_eq!(CertificatePath::from_der(&alone), Err(PathError::Certificate(CertificateError::Malformed)));
    for octets in [
        Vec::new(),
        sequence(&[]),
        [&sound[..], &[0]].concat(),
        sound[..sound.len() - 1].to_vec(),
        [&[0x31], &sound[1..]].concat(),
        vec![0x30, 0x80, 0, 0],
    ] {
        assert_eq!(CertificatePath::from_der(&octets), Err(PathError::Malformed), "{} octets", octets.len());
    }
}
