//! How many connections each address has open. One that opens them all would leave none for others,
//! and needs to send nothing to do so.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::auth::address::Origin;
use crate::auth::forwarded::Proxies;

/// This machine, which is trusted with all of the connections: its users can stop the server in
/// easier ways, and a proxy on it brings everybody.
const LOOPBACK: [IpNet; 2] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
];

/// Open connections by address. Clones count together.
#[derive(Debug, Clone)]
pub struct Crowd {
    /// Never more entries than there are connections.
    open: Arc<Mutex<HashMap<Origin, usize>>>,
    most: usize,
    unbounded: Arc<[IpNet]>,
}

/// A place in the crowd, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Crowd,
    /// None where nobody counts.
    origin: Option<Origin>,
}

impl Crowd {
    /// At most so many of each address; any number from this machine and from proxies of ours,
    /// which bring everybody else.
    pub fn new(most: usize, proxies: &Proxies) -> Self {
        let unbounded = LOOPBACK.into_iter().chain(proxies.trusted().iter().copied());
        Self { open: Arc::default(), most, unbounded: unbounded.collect() }
    }

    /// At most so many of each address, this machine's too.
    #[cfg(test)]
    pub(super) fn strict(most: usize) -> Self {
        Self { open: Arc::default(), most, unbounded: Arc::default() }
    }

    /// A place for one more connection; none when the address has as many as it may.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if self.unbounded.iter().any(|network| network.contains(&address)) {
            return Some(Place { crowd: self.clone(), origin: None });
        }
        let origin = Origin::of(address);
        let mut open = self.lock();
        let count = open.entry(origin).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place { crowd: self.clone(), origin: Some(origin) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(origin) = self.origin else { return };
        if let Entry::Occupied(mut count) = self.crowd.lock().entry(origin) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::forwarded::ForwardedHeader;

    fn crowd() -> Crowd {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Crowd::new(2, &Proxies::new(proxies, ForwardedHeader::XForwardedFor))
    }

    /// How many of these come in, one after the other, none leaving.
    fn check(addresses: &[&str], wanted: usize) {
        let crowd = crowd();
        let enter = |address: &&str| crowd.enter(address.parse().unwrap());
        let places: Vec<_> = addresses.iter().filter_map(enter).collect();
        assert_eq!(places.len(), wanted, "{addresses:?}");
        drop(places);
        assert!(crowd.lock().is_empty(), "{addresses:?}");
    }

    #[test]
    fn an_address_has_a_bound_and_takes_nothing_from_others() {
        check(&["203.0.113.7"; 5], 2);
        check(&["203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.8"], 3);
        check(&["203.0.113.7", "::ffff:203.0.113.7", "203.0.113.7"], 2);
        // All that one customer of a provider has.
        check(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"], 3);
    }

    #[test]
    fn this_machine_and_proxies_of_ours_have_none() {
        check(&["127.0.0.1"; 5], 5);
        check(&["::1"; 5], 5);
        check(&["::ffff:127.0.0.1"; 5], 5);
        check(&["10.1.2.3"; 5], 5);
        check(&["::2"; 5], 2);
    }

    #[test]
    fn who_leaves_makes_room() {
        let crowd = crowd();
        let enter = || crowd.enter("203.0.113.7".parse().unwrap());
        let (first, second) = (enter(), enter());
        assert!(first.is_some() && second.is_some() && enter().is_none());
        drop(first);
        let third = enter();
        assert!(third.is_some() && enter().is_none());
    }
}
