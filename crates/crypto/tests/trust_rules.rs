//! What is asked of a certificate beside a pin or a root: the ways of WCF, thumbprints, depth, usages, revocation lists,
//! names.

#![allow(clippy::unwrap_used, clippy::panic)]

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest::hash;
use nuncio_crypto::trust::{Pattern, RevocationList, Settings, Thumbprint, Trust, Untrusted, Ways};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};

/// 2026-06-01T00:00:00Z.
const NOW: i64 = 1_780_272_000;

/// Somebody with a certificate, who may issue others.
struct Party {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn parameters(name: &str, serial: u64) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "Acme");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.serial_number = Some(SerialNumber::from(serial));
    (parameters.not_before, parameters.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    parameters
}

fn authority(name: &str, serial: u64, above: Option<&Party>) -> Party {
    let mut parameters = parameters(name, serial);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    party(parameters, above)
}

fn leaf(name: &str, serial: u64, above: &Party, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
    let mut parameters = parameters(name, serial);
    change(&mut parameters);
    party(parameters, Some(above)).certificate
}

fn party(parameters: CertificateParams, above: Option<&Party>) -> Party {
    let key = KeyPair::generate().unwrap();
    let certificate = match above {
        None => parameters.self_signed(&key),
        Some(above) => parameters.signed_by(&key, &above.issuer),
    };
    let certificate = Certificate::from_der(certificate.unwrap().der().to_vec()).unwrap();
    Party { certificate, issuer: Issuer::new(parameters, key) }
}

fn list(of: &Party, revoked: &[u64], until: i32) -> Vec<u8> {
    let parameters = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(until, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: date_time_ymd(2026, 2, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    parameters.signed_by(&of.issuer).unwrap().der().to_vec()
}

fn lists(all: &[Vec<u8>]) -> Vec<RevocationList> {
    all.iter().flat_map(|der| RevocationList::from_file(der).unwrap()).collect()
}

fn check(settings: Settings, leaf: &Certificate, along: &[&Party]) -> Result<(), Untrusted> {
    let along: Vec<Certificate> = along.iter().map(|party| party.certificate.clone()).collect();
    Trust::of(settings).unwrap().check(leaf, &along, NOW)
}

fn roots(root: &Party) -> Settings {
    Settings { certificates: vec![root.certificate.clone()], ..Settings::default() }
}

#[test]
fn certificates_are_believed_in_the_ways_that_are_said() {
    let root = authority("root", 1, None);
    let issued = leaf("issued", 2, &root, |_| {});
    let pinned = leaf("pinned", 3, &authority("other", 4, None), |_| {});
    let unknown = Err(Untrusted::UnknownIssuer);
    for (ways, of_issued, of_pinned) in
        [(Ways::PeerOrChain, Ok(()), Ok(())), (Ways::Peer, unknown, Ok(())), (Ways::Chain, Ok(()), unknown)]
    {
        let certificates = vec![root.certificate.clone(), pinned.clone()];
        let settings = Settings { certificates, ways, ..Settings::default() };
        assert_eq!(check(settings.clone(), &issued, &[]), of_issued, "{ways:?}");
        assert_eq!(check(settings, &pinned, &[]), of_pinned, "{ways:?}");
    }
}

#[test]
fn thumbprints_pin() {
    let pinned = leaf("pinned", 3, &authority("other", 4, None), |_| {});
    let hex = |octets: &[u8], between: &str| {
        octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(between)
    };
    let sha1 = hex(&pinned.thumbprint(), " ");
    let sha256 = hex(hash(DigestAlgorithm::Sha256, pinned.der()).as_ref(), ":");
    for text in [&*sha1, &*sha256, &*sha256.to_lowercase(), &*format!("\u{200e}{sha1}")] {
        let thumbprints = vec![Thumbprint::parse(text).unwrap()];
        let settings = Settings { thumbprints, ..Settings::default() };
        assert!(!settings.is_nobody());
        assert_eq!(check(settings.clone(), &pinned, &[]), Ok(()), "{text}");
        let other = leaf("pinned", 3, &authority("other", 4, None), |_| {});
        assert_eq!(check(settings.clone(), &other, &[]), Err(Untrusted::UnknownIssuer));
        let settings = Settings { ways: Ways::Chain, ..settings };
        assert_eq!(check(settings, &pinned, &[]), Err(Untrusted::UnknownIssuer));
    }
    for text in ["", "00", &sha1[2..], &format!("{sha1}00"), &sha1.replacen(&sha1[..1], "g", 1)] {
        assert_eq!(Thumbprint::parse(text), None, "{text}");
    }
}

/// Authorities that are configured complete a chain, and bring no trust.
#[test]
fn chains_are_completed_and_no_deeper_than_said() {
    let root = authority("root", 1, None);
    let upper = authority("upper", 2, Some(&root));
    let lower = authority("lower", 3, Some(&upper));
    let below = leaf("below", 4, &lower, |_| {});
    let settings = Settings { intermediates: vec![upper.certificate.clone()], ..roots(&root) };
    assert_eq!(check(settings.clone(), &below, &[&lower]), Ok(()));
    assert_eq!(check(settings.clone(), &below, &[]), Err(Untrusted::UnknownIssuer));
    assert_eq!(
        check(Settings { certificates: Vec::new(), ..settings.clone() }, &below, &[&lower]),
        Err(Untrusted::UnknownIssuer)
    );
    for (depth, expected) in [(0, Err(Untrusted::Deep(2))), (1, Err(Untrusted::Deep(2))), (2, Ok(()))] {
        assert_eq!(check(Settings { depth: Some(depth), ..settings.clone() }, &below, &[&lower]), expected, "{depth}");
    }
}

#[test]
fn usages_are_asked_for() {
    let root = authority("root", 1, None);
    let with = |usages: &[ExtendedKeyUsagePurpose]| {
        leaf("leaf", 2, &root, |parameters| parameters.extended_key_usages = usages.to_vec())
    };
    let client = vec!["1.3.6.1.5.5.7.3.2".to_owned()];
    let own = vec!["1.3.6.1.5.5.7.3.2".to_owned(), "1.2.3.4".to_owned()];
    let refused = Err(Untrusted::NotForPurpose);
    for (purposes, usages, expected) in [
        (&client, &[ExtendedKeyUsagePurpose::ClientAuth][..], Ok(())),
        (&client, &[ExtendedKeyUsagePurpose::ServerAuth], refused),
        (&client, &[ExtendedKeyUsagePurpose::Any], refused),
        (&client, &[], refused),
        (&own, &[ExtendedKeyUsagePurpose::Other(vec![1, 2, 3, 4])], Ok(())),
        (&Vec::new(), &[ExtendedKeyUsagePurpose::ServerAuth], Ok(())),
        (&Vec::new(), &[], Ok(())),
    ] {
        let settings = Settings { purposes: purposes.clone(), ..roots(&root) };
        assert_eq!(check(settings, &with(usages), &[]), expected, "{usages:?}");
        let pinned = Settings { certificates: vec![with(usages)], purposes: purposes.clone(), ..Settings::default() };
        let leaf = pinned.certificates[0].clone();
        assert_eq!(check(pinned, &leaf, &[]), expected, "pinned, {usages:?}");
    }
}

/// Where lists are asked for, what none tells of is refused like what is revoked.
#[test]
fn tk_11_revocation_lists_must_tell_of_every_certificate() {
    let root = authority("root", 1, None);
    let between = authority("between", 2, Some(&root));
    let below = leaf("below", 3, &between, |_| {});
    let stranger = authority("root", 1, None);
    let (of_root, of_between) = (list(&root, &[], 2027), list(&between, &[], 2027));
    let unknown = Err(Untrusted::RevocationUnknown);
    for (given, expected) in [
        (vec![of_root.clone(), of_between.clone()], Ok(())),
        (vec![of_between.clone(), of_root.clone()], Ok(())),
        (vec![of_root.clone(), list(&between, &[4, 5], 2027)], Ok(())),
        (vec![of_root.clone(), list(&between, &[3], 2027)], Err(Untrusted::Revoked)),
        (vec![list(&root, &[2], 2027), of_between.clone()], Err(Untrusted::Revoked)),
        (vec![of_root.clone()], unknown),
        (vec![of_between.clone()], unknown),
        (vec![], unknown),
        (vec![of_root.clone(), list(&between, &[], 2026)], unknown),
    ] {
        let settings = Settings { revocation: Some(lists(&given)), ..roots(&root) };
        assert_eq!(check(settings, &below, &[&between]), expected);
    }
    let forged = Settings { revocation: Some(lists(&[list(&stranger, &[], 2027), of_between])), ..roots(&root) };
    assert!(check(forged, &below, &[&between]).is_err(), "a list that somebody else of that name signed");
    let pinned = Settings { certificates: vec![below.clone()], revocation: Some(lists(&[])), ..Settings::default() };
    assert_eq!(check(pinned, &below, &[]), Ok(()), "a pin is believed for itself");
}

#[test]
fn what_is_no_revocation_list_is_refused() {
    let root = authority("root", 1, None);
    let der = list(&root, &[1], 2027);
    assert_eq!(RevocationList::from_file(&der).map(|lists| lists.len()), Ok(1));
    for octets in
        [&b""[..], b"nothing", &der[..der.len() - 1], root.certificate.der(), b"-----BEGIN X509 CRL-----\nAAAA\n"]
    {
        assert!(RevocationList::from_file(octets).is_err());
    }
}

#[test]
fn names_are_let_in_and_kept_out() {
    let root = authority("root", 1, None);
    let someone = leaf("client 7", 2, &root, |parameters| {
        parameters.distinguished_name.push(DnType::CountryName, "DE");
        parameters.subject_alt_names = vec![
            SanType::DnsName("seven.acme.example".try_into().unwrap()),
            SanType::URI("spiffe://acme/seven".try_into().unwrap()),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
        ];
    });
    let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect::<Vec<_>>();
    let subject = Err(Untrusted::SubjectNotAllowed);
    for (allow, deny, issuers, expected) in [
        (&["CN=client 7, O=Acme"][..], &[][..], &[][..], Ok(())),
        (&["O=acme"], &[], &[], Ok(())),
        (&["CN=client *,C=DE"], &[], &[], Ok(())),
        (&["CN=clients *", "C=DE"], &[], &[], Ok(())),
        (&["CN=client"], &[], &[], subject),
        (&["CN=client 7, O=Evil"], &[], &[], subject),
        (&["OU=Acme"], &[], &[], subject),
        (&["DNS:*.acme.example"], &[], &[], Ok(())),
        (&["URI:spiffe://acme/*"], &[], &[], Ok(())),
        (&["IP:192.0.2.7"], &[], &[], Ok(())),
        (&["email:*"], &[], &[], subject),
        (&["DNS:*.evil.example"], &[], &[], subject),
        (&[], &["C=DE"], &[], subject),
        (&["O=Acme"], &["DNS:seven.*"], &[], subject),
        (&[], &["C=FR"], &[], Ok(())),
        (&[], &[], &["CN=root"], Ok(())),
        (&[], &[], &["CN=other", "CN=client 7"], Err(Untrusted::IssuerNotAllowed)),
    ] {
        let settings =
            Settings { allow: patterns(allow), deny: patterns(deny), issuers: patterns(issuers), ..roots(&root) };
        assert_eq!(check(settings, &someone, &[]), expected, "{allow:?} {deny:?} {issuers:?}");
    }
}
