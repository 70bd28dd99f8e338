//! Whom a webhook may be sent to. Its address comes from somebody who may only use the API, and the
//! request is made by a machine that can reach more than they can: so the address is judged each
//! time something is sent, a name by all that it leads to, and what was judged is what is connected
//! to. Nothing is sent here.

mod networks;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::limits::{WEBHOOK_ADDRESSES_MAX, WEBHOOK_URL_BYTES_MAX};

/// Why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Nobody means such a one.
    #[error("the URL is longer than {WEBHOOK_URL_BYTES_MAX} bytes")]
    TooLong,
    /// Programs read such characters differently.
    #[error("the URL has white space, a backslash, or something that is not ASCII")]
    Characters,
    /// It cannot be read.
    #[error("it is not the URL of a server")]
    NotAUrl,
    /// Everybody on the way could read it.
    #[error("the URL is not `https` (an operator may allow `http` with --webhook-allow-http)")]
    Http,
    /// Something else than the web.
    #[error("the URL is not `https`")]
    Scheme,
    /// Passwords would be shown to whoever lists endpoints; and what is before an `@` deceives.
    #[error("the URL has a user or a password in it")]
    UserInfo,
    /// It would never be sent.
    #[error("the URL has a fragment (`#`)")]
    Fragment,
    /// As a number, with zeros in front, in hexadecimal or percent signs: for programs, not people.
    #[error("the host is not written plainly")]
    OddHost,
    /// This machine.
    #[error("the address is this machine's own")]
    Loopback,
    /// An intranet.
    #[error("the address is one of a private network")]
    Private,
    /// A provider's own network.
    #[error("the address is shared by a provider's customers")]
    Shared,
    /// The next machines, or what a cloud tells its machines.
    #[error("the address is one of this machine's neighbours")]
    LinkLocal,
    /// Nobody in particular.
    #[error("the address is no particular one")]
    Unspecified,
    /// Many at once.
    #[error("the address is one of a group")]
    Multicast,
    /// For examples.
    #[error("the address is for documentation only")]
    Documentation,
    /// An address within an address.
    #[error("the address leads through a tunnel or a translator to another one")]
    Tunnel,
    /// Not for general use.
    #[error("the address is reserved")]
    Reserved,
    /// Nobody has so many.
    #[error("the name has more than {WEBHOOK_ADDRESSES_MAX} addresses")]
    TooManyAddresses,
}

/// What an operator allows beyond the public web.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowances {
    /// Plain `http`.
    pub http: bool,
    /// Networks that may be reached although they are not public.
    pub networks: Vec<IpNet>,
}

impl Allowances {
    /// Why an address may not be connected to.
    fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        let Some(why) = networks::why_not(address) else { return Ok(()) };
        if !self.networks.iter().any(|network| network.contains(&address)) {
            return Err(why);
        }
        networks::behind(address).map_or(Ok(()), |behind| self.judge(behind))
    }

    /// Of the addresses of one name a single bad one spoils all: which of them is connected to is
    /// up to whoever answers first.
    fn judge_all(&self, addresses: Addrs) -> Result<Vec<SocketAddr>, Forbidden> {
        let addresses: Vec<_> = addresses.take(WEBHOOK_ADDRESSES_MAX + 1).collect();
        if addresses.len() > WEBHOOK_ADDRESSES_MAX {
            return Err(Forbidden::TooManyAddresses);
        }
        addresses.iter().try_for_each(|address| self.judge(address.ip()))?;
        Ok(addresses)
    }
}

/// Lets through what may be reached. Clones share what they ask for names.
#[derive(Clone)]
pub struct Guard {
    allowances: Arc<Allowances>,
    names: Arc<dyn Resolve>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("allowances", &self.allowances).finish_non_exhaustive()
    }
}

impl Guard {
    /// One that asks the system for names.
    pub fn new(allowances: Allowances) -> Self {
        Self::asking(allowances, Arc::new(System))
    }

    /// One that asks somebody else for names.
    pub fn asking(allowances: Allowances, names: Arc<dyn Resolve>) -> Self {
        Self { allowances: Arc::new(allowances), names }
    }

    /// Reads the address of a receiver, when it is given and again each time something is sent to
    /// it. Names are only judged when they are connected to.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn url(&self, text: &str) -> Result<Url, Forbidden> {
        if text.len() > WEBHOOK_URL_BYTES_MAX {
            return Err(Forbidden::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(Forbidden::Characters);
        }
        let url = Url::parse(text).map_err(|_| Forbidden::NotAUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allowances.http => {}
            "http" => return Err(Forbidden::Http),
            _ => return Err(Forbidden::Scheme),
        }
        let authority = authority(text).ok_or(Forbidden::NotAUrl)?;
        if authority.contains('@') {
            return Err(Forbidden::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(Forbidden::Fragment);
        }
        let (written, read) = (host(authority), url.host_str().ok_or(Forbidden::NotAUrl)?);
        if url.domain().is_some() {
            return if written.eq_ignore_ascii_case(read) {
                Ok(url)
            } else {
                Err(Forbidden::OddHost)
            };
        }
        let address: IpAddr =
            read.trim_matches(['[', ']']).parse().map_err(|_| Forbidden::NotAUrl)?;
        // Version 6 has many forms, and each is read in one way only.
        if address.is_ipv4() && written != read {
            return Err(Forbidden::OddHost);
        }
        self.allowances.judge(address)?;
        Ok(url)
    }
}

/// What is between `://` and the path, as it was written: the parser tidies it up.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}

/// The host without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

/// The client asks this for names, and connects to what it is told and nothing else.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allowances = Arc::clone(&self.allowances);
        let looked_up = self.names.resolve(name);
        Box::pin(async move {
            let addresses = allowances.judge_all(looked_up.await?)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Asks the system.
struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 stands for the URL's.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
