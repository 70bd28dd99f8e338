//! Who the client is when proxies stand between. Anybody can write a header; so what it says
//! counts only as far as it was written by a proxy of ours, and is read from the near end.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::limits::FORWARDED_HOPS_MAX;

/// The header that our proxies write. Only one is read: the other one passes through a proxy as a
/// client sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: client, proxy`
    XForwardedFor,
    /// `Forwarded: for=client;proto=https, for=proxy` (RFC 7239)
    Forwarded,
}

impl ForwardedHeader {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// The address in one entry; `None` for a name, `unknown`, or nonsense.
    fn address(self, entry: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => address(entry),
            Self::Forwarded => {
                let mut pairs = entry.split(';').filter_map(|pair| pair.split_once('='));
                let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
                address(node.trim().trim_matches('"'))
            }
        }
    }
}

/// An address with or without a port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().ok();
    let address = parsed.or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))?;
    Some(address.to_canonical())
}

/// The proxies that are believed.
#[derive(Debug, Clone)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
}

impl Default for Proxies {
    fn default() -> Self {
        Self::none()
    }
}

impl Proxies {
    /// None: the client is whoever has connected.
    pub fn none() -> Self {
        Self::new(Vec::new(), ForwardedHeader::XForwardedFor)
    }

    /// Those in these networks, which write this header.
    pub fn new(trusted: Vec<IpNet>, header: ForwardedHeader) -> Self {
        Self { trusted, header }
    }

    /// Their networks.
    pub fn trusted(&self) -> &[IpNet] {
        &self.trusted
    }

    /// The header to hand to [`Self::client`].
    pub fn header(&self) -> ForwardedHeader {
        self.header
    }

    /// The address of the client, given who has connected and the lines of the header in their
    /// order. It is the nearest one that is not a proxy of ours; an entry that cannot be read ends
    /// the way there, as does the bound on its length, and then it is the last proxy.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        lines: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let entries = lines.rev().flat_map(|line| line.rsplit(','));
        for entry in entries.take(FORWARDED_HOPS_MAX) {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = self.header.address(entry) else { break };
            client = address;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: ForwardedHeader, cases: &[(&str, &[&str], &str)]) {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap());
        let proxies = Proxies::new(trusted.to_vec(), header);
        for (peer, lines, client) in cases {
            let found = proxies.client(peer.parse().unwrap(), lines.iter().copied());
            assert_eq!(found.to_string(), *client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_client_is_the_nearest_that_is_no_proxy_of_ours() {
        check(
            ForwardedHeader::XForwardedFor,
            &[
                ("198.51.100.1", &[], "198.51.100.1"),
                ("10.0.0.1", &[], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
                ("10.0.0.1", &["203.0.113.7", "10.0.0.2"], "203.0.113.7"),
                ("10.0.0.1", &["203.0.113.7,10.0.0.3", "10.0.0.2"], "203.0.113.7"),
                ("10.0.0.1", &["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
                ("::ffff:10.0.0.1", &["203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
                ("2001:db8:ffff::1", &["2001:db8::7"], "2001:db8::7"),
                ("10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
                ("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
                ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ],
        );
    }

    #[test]
    fn what_a_client_writes_itself_is_not_believed() {
        check(
            ForwardedHeader::XForwardedFor,
            &[
                // Not through a proxy of ours.
                ("198.51.100.1", &["127.0.0.1"], "198.51.100.1"),
                ("198.51.100.1", &["10.0.0.1"], "198.51.100.1"),
                ("2001:db8::1", &["127.0.0.1"], "2001:db8::1"),
                // Through one, which has added who the client really is.
                ("10.0.0.1", &["127.0.0.1, 203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["127.0.0.1", "203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["198.51.100.9, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
                // What cannot be read ends the way.
                ("10.0.0.1", &["203.0.113.7, unknown"], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
                ("10.0.0.1", &["203.0.113.7,"], "10.0.0.1"),
                ("10.0.0.1", &[""], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.7 198.51.100.9"], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.07"], "10.0.0.1"),
                ("10.0.0.1", &["3405803783"], "10.0.0.1"),
                // The header that our proxies do not write looks like nonsense here.
                ("10.0.0.1", &["for=127.0.0.1"], "10.0.0.1"),
            ],
        );
        let hops = format!("203.0.113.7{}", ", 10.0.0.2".repeat(FORWARDED_HOPS_MAX));
        let fits = format!("203.0.113.7{}", ", 10.0.0.2".repeat(FORWARDED_HOPS_MAX - 1));
        check(
            ForwardedHeader::XForwardedFor,
            &[
                ("10.0.0.1", &[hops.as_str()], "10.0.0.2"),
                ("10.0.0.1", &[fits.as_str()], "203.0.113.7"),
            ],
        );
    }

    #[test]
    fn the_standard_header_is_read_the_same_way() {
        check(
            ForwardedHeader::Forwarded,
            &[
                ("10.0.0.1", &["for=203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["For=203.0.113.7;proto=https;by=10.0.0.1"], "203.0.113.7"),
                ("10.0.0.1", &["proto=https; for=\"203.0.113.7:4711\""], "203.0.113.7"),
                ("10.0.0.1", &["for=\"[2001:db8::7]:4711\""], "2001:db8::7"),
                ("10.0.0.1", &["for=203.0.113.7, for=10.0.0.2"], "203.0.113.7"),
                ("10.0.0.1", &["for=127.0.0.1, for=203.0.113.7"], "203.0.113.7"),
                ("10.0.0.1", &["for=_hidden"], "10.0.0.1"),
                ("10.0.0.1", &["for=unknown"], "10.0.0.1"),
                ("10.0.0.1", &["by=203.0.113.7"], "10.0.0.1"),
                ("10.0.0.1", &["203.0.113.7"], "10.0.0.1"),
                ("198.51.100.1", &["for=127.0.0.1"], "198.51.100.1"),
            ],
        );
    }

    #[test]
    fn without_proxies_the_client_is_who_has_connected() {
        let peer = "198.51.100.1".parse().unwrap();
        assert_eq!(Proxies::none().client(peer, ["10.0.0.1"].into_iter()), peer);
        assert_eq!(ForwardedHeader::XForwardedFor.name(), "x-forwarded-for");
        assert_eq!(ForwardedHeader::Forwarded.name(), "forwarded");
    }
}
