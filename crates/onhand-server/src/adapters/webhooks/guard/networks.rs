//! Which addresses are not somewhere out there: the special-purpose registries of IANA as a table.
//! Of version 6 only what is handed out for general use counts as outside, whatever else there may
//! be one day.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::Forbidden;

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(start: [u16; 4], length: u8) -> Ipv6Net {
    let [a, b, c, d] = start;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

const V4: &[(Ipv4Net, Forbidden)] = &[
    (v4(0, 0, 0, 0, 8), Forbidden::Unspecified),
    (v4(10, 0, 0, 0, 8), Forbidden::Private),
    (v4(100, 64, 0, 0, 10), Forbidden::Shared),
    (v4(127, 0, 0, 0, 8), Forbidden::Loopback),
    // The machine's own neighbours, among them what tells a cloud's secrets to who asks there.
    (v4(169, 254, 0, 0, 16), Forbidden::LinkLocal),
    // What a cloud tells its machines from an address that looks like any other.
    (v4(168, 63, 129, 16, 32), Forbidden::LinkLocal),
    (v4(172, 16, 0, 0, 12), Forbidden::Private),
    (v4(192, 0, 0, 0, 24), Forbidden::Reserved),
    (v4(192, 0, 2, 0, 24), Forbidden::Documentation),
    (v4(192, 31, 196, 0, 24), Forbidden::Reserved),
    (v4(192, 52, 193, 0, 24), Forbidden::Reserved),
    (v4(192, 88, 99, 0, 24), Forbidden::Tunnel),
    (v4(192, 168, 0, 0, 16), Forbidden::Private),
    (v4(192, 175, 48, 0, 24), Forbidden::Reserved),
    (v4(198, 18, 0, 0, 15), Forbidden::Reserved),
    (v4(198, 51, 100, 0, 24), Forbidden::Documentation),
    (v4(203, 0, 113, 0, 24), Forbidden::Documentation),
    (v4(224, 0, 0, 0, 4), Forbidden::Multicast),
    (v4(240, 0, 0, 0, 4), Forbidden::Reserved),
];

/// The first that fits counts.
const V6: &[(Ipv6Net, Forbidden)] = &[
    (v6([0, 0, 0, 0], 128), Forbidden::Unspecified),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Forbidden::Loopback),
    // IPv4 in other words: compatible, mapped, translated, and through NAT64.
    (v6([0, 0, 0, 0], 64), Forbidden::Tunnel),
    (NAT64, Forbidden::Tunnel),
    (v6([0x64, 0xff9b, 1, 0], 48), Forbidden::Tunnel),
    // Teredo, and 6to4.
    (v6([0x2001, 0, 0, 0], 32), Forbidden::Tunnel),
    (v6([0x2002, 0, 0, 0], 16), Forbidden::Tunnel),
    (v6([0x2001, 0, 0, 0], 23), Forbidden::Reserved),
    (v6([0x2001, 0xdb8, 0, 0], 32), Forbidden::Documentation),
    (v6([0x2620, 0x4f, 0x8000, 0], 48), Forbidden::Reserved),
    (v6([0x3fff, 0, 0, 0], 20), Forbidden::Documentation),
    (v6([0xfc00, 0, 0, 0], 7), Forbidden::Private),
    (v6([0xfe80, 0, 0, 0], 10), Forbidden::LinkLocal),
    (v6([0xfec0, 0, 0, 0], 10), Forbidden::Private),
    (v6([0xff00, 0, 0, 0], 8), Forbidden::Multicast),
];

const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);
/// What is handed out for general use.
const GLOBAL: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// Why an address may not be connected to, if so.
pub(super) fn why_not(address: IpAddr) -> Option<Forbidden> {
    match address {
        IpAddr::V4(address) => {
            V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, why)| *why)
        }
        IpAddr::V6(address) => {
            let listed = V6.iter().find(|(network, _)| network.contains(&address));
            let elsewhere = || (!GLOBAL.contains(&address)).then_some(Forbidden::Reserved);
            listed.map(|(_, why)| *why).or_else(elsewhere)
        }
    }
}

/// Where a packet to an address comes out in the end: who allows NAT64 does not allow all that is
/// behind it.
pub(super) fn behind(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            Some(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}
