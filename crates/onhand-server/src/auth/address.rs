//! Where a request comes from, as far as it can be told apart.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Who is held to be one caller by address: an IPv4 address, or an IPv6 network of 64 bits, of
/// which every customer of a provider has at least one to choose addresses from.
///
/// ```
/// use onhand_server::auth::address::Origin;
/// let of = |address: &str| Origin::of(address.parse().unwrap());
/// assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
/// assert_eq!(of("::ffff:203.0.113.7"), of("203.0.113.7"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// The origin that an address belongs to.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                Self(IpAddr::V6(Ipv6Addr::from(network)))
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_are_one_origin() {
        for (address, origin) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
        ] {
            assert_eq!(Origin::of(address.parse().unwrap()).to_string(), origin);
        }
    }
}
