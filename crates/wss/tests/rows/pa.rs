//! PA: what a message holds is bounded and has one form.

use nuncio_crypto::base64;
use nuncio_wss::Time;

use crate::forge::{Stage, after, element, replaced};

/// Certificates are bounded in octets and number before one of them is parsed.
#[test]
fn pa_13_large_and_many_certificates() {
    let stage = Stage::of("wcf-ws2007-certificateOverTransport", |_| {});
    let path = "Security/BinarySecurityToken";
    let token = element(&stage.text, path).to_owned();
    let (start, end) = (token.find('>').unwrap() + 1, token.rfind("</").unwrap());
    let with = |octets: &[u8]| format!("{}{}{}", &token[..start], base64::encode(octets), &token[end..]);
    let limit = "TooMany { what: \"octets of a certificate\", limit: 16384 }";
    stage.refused("one octet more", &replaced(&stage.text, path, &with(&vec![0x30; 16_385])), limit);
    let unreadable =
        "SecurityHeader { element: \"BinarySecurityToken\", fault: \"is no certificate that can be read\" }";
    stage.refused("as many as may be", &replaced(&stage.text, path, &with(&vec![0x30; 16_384])), unreadable);
    stage.refused("none", &replaced(&stage.text, path, &with(&[])), unreadable);
    let others: String = (0..3).map(|n| token.replace("Id=\"", &format!("Id=\"x{n}"))).collect();
    stage.refused("four", &after(&stage.text, path, &others), "TooMany { what: \"certificates\", limit: 3 }");
    // White space by the thousand is skipped, and nothing else is.
    let flood = format!("{}{}{}", &token[..start], " \n".repeat(50_000), &token[start..]);
    stage.accepted("white space", &replaced(&stage.text, path, &flood));
    let foreign = format!("{}\u{a0}{}", &token[..start], &token[start..]);
    let no_base64 = "SecurityHeader { element: \"BinarySecurityToken\", fault: \"is not base64\" }";
    stage.refused("another space", &replaced(&stage.text, path, &foreign), no_base64);
}

/// An instant has one form, and no number in it is more than it may be.
#[test]
fn pa_15_instants() {
    for text in [
        "",
        "Z",
        "now",
        "2026",
        "2026-12",
        "2026-12-01",
        "2026-12-01Z",
        "2026-12-01T00:00Z",
        "2026-12-01T00:00:00",
        "2026-12-01T00:00:00z",
        "2026-12-01t00:00:00Z",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00:00ZZ",
        "2026-12-01T00:00:00 Z",
        "2026-12-01T00:00:00.Z",
        "2026-12-01T00:00:00,5Z",
        "2026-12-01T00:00:00.123456789012345678901234567890Z",
        "2026-12-01T00:00:00.-1Z",
        "2026-12-01T00:00:00.1e3Z",
        "2026-12-01T00:00:60Z",
        "2026-12-01T00:00:61Z",
        "2026-12-01T00:60:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T25:00:00Z",
        "2026-12-32T00:00:00Z",
        "2026-12-00T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "9999999999-12-01T00:00:00Z",
        "12026-12-01T00:00:00Z",
        "-2026-12-01T00:00:00Z",
        "+2026-12-01T00:00:00Z",
        "26-12-01T00:00:00Z",
        "2026-12-01T00:00:00+99:99",
        "2026-12-01T00:00:00-99:99",
        "2026-12-01T00:00:00+0",
        "2026-12-01T-1:00:00Z",
        "2026-12-01T0x:00:00Z",
        "２026-12-01T00:00:00Z",
        "2026-12-01T00:00:00\u{a0}Z",
    ] {
        assert_eq!(Time::parse(text), None, "{text}");
    }
    for (text, millis) in
        [("0001-01-01T00:00:00Z", -62_135_596_800_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999)]
    {
        assert_eq!(Time::parse(text).map(Time::millis), Some(millis), "{text}");
    }
    // Sums do not run over.
    let never = std::time::Duration::MAX;
    assert_eq!(Time::from_millis(i64::MAX).plus(never).millis(), i64::MAX);
    assert_eq!(Time::from_millis(i64::MIN).minus(never).millis(), i64::MIN);
}
