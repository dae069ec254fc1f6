//! A range of addresses: `10.0.0.0/8`, `::1/128`, or one address.

use std::net::IpAddr;
use std::str::FromStr;

/// A range of IP addresses (RFC 4632, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// A text that is not a range of addresses.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotCidr {
    /// Neither an address nor an address, a slash and a number.
    #[error("is not an address range such as 10.0.0.0/8")]
    Syntax,
    /// The prefix is longer than an address.
    #[error("has a prefix longer than the {0} bits of its address")]
    Prefix(u8),
    /// Bits behind the prefix are set: the range is not what its writer thinks.
    #[error("has bits set behind its prefix")]
    HostBits,
}

impl Cidr {
    /// Whether `address` is in the range. An IPv4 address that comes mapped into IPv6 (a dual-stack socket) counts as
    /// the IPv4 address that it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                keep(u128::from(u32::from(address)) << 96, self.prefix) == u128::from(u32::from(network)) << 96
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => keep(address.into(), self.prefix) == network.into(),
            _ => false,
        }
    }

    /// Whether every address of its kind is in the range.
    pub fn is_everybody(&self) -> bool {
        self.prefix == 0
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.network, self.prefix)
    }
}

/// The first `prefix` bits of an address that stands at the top of 128 bits.
fn keep(bits: u128, prefix: u8) -> u128 {
    bits & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = NotCidr;

    fn from_str(text: &str) -> Result<Self, NotCidr> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let network: IpAddr = address.parse().map_err(|_| NotCidr::Syntax)?;
        let (bits, width) = match network {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, 32),
            IpAddr::V6(v6) => (v6.into(), 128),
        };
        let prefix = match prefix {
            None => width,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| NotCidr::Syntax)?
            }
            Some(_) => return Err(NotCidr::Syntax),
        };
        if prefix > width {
            return Err(NotCidr::Prefix(width));
        }
        if keep(bits, prefix) != bits {
            return Err(NotCidr::HostBits);
        }
        Ok(Self { network, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_contain_what_they_should() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "127.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::ffff:128.0.0.1"),
        ] {
            let cidr: Cidr = range.parse().unwrap();
            assert!(cidr.contains(inside.parse().unwrap()), "{inside} is in {range}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{outside} is not in {range}");
        }
    }

    #[test]
    fn what_is_not_a_range_is_refused() {
        for (text, error) in [
            ("", NotCidr::Syntax),
            ("localhost", NotCidr::Syntax),
            ("10.0.0.0/", NotCidr::Syntax),
            ("10.0.0.0/+8", NotCidr::Syntax),
            ("10.0.0.0/8/8", NotCidr::Syntax),
            ("10.0.0.0/33", NotCidr::Prefix(32)),
            ("::/129", NotCidr::Prefix(128)),
            ("10.1.0.0/8", NotCidr::HostBits),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
        }
    }
}
