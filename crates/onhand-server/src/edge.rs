//! Where the server meets the network: on which addresses it listens, and which proxies it
//! believes. Reads options into what the HTTP side is handed, and refuses what would be unsafe, in
//! words for the operator. It opens no socket: that is `serve.rs`; what happens on one is in
//! `http/listener.rs`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use axum::http::HeaderValue;
use ipnet::{AddrParseError, IpNet};
use onhand_engine::SystemClock;

use crate::app::Settings;
use crate::auth::forwarded::{ForwardedHeader, Proxies};
use crate::http::cors;
use crate::http::tls::{self, Renewal, Tls, TlsError, TlsFiles};
use crate::workers::options::Switch;

/// How to be reached.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Network")]
pub struct EdgeOptions {
    /// Where to listen.
    #[arg(long, env = "ONHAND_LISTEN", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,
    /// Where to serve the routes of operation (/health, /readyz, /metrics, /status, /docs,
    /// /openapi.json), there without a key; the other address then keeps /livez only. Without it
    /// there is one address for all.
    #[arg(long, value_name = "LISTEN", env = "ONHAND_OPS_LISTEN")]
    ops_listen: Option<SocketAddr>,
    /// Serve the pages of the administration at /admin: where the routes of operation are.
    #[arg(long, env = "ONHAND_ADMIN", value_enum, default_value_t)]
    admin: Switch,
    /// Speak TLS: a PEM file with the certificate of this server and those that vouch for it.
    #[arg(long, value_name = "FILE", env = "ONHAND_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with the private key of that certificate.
    #[arg(
        long,
        value_name = "FILE",
        env = "ONHAND_TLS_KEY",
        hide_env_values = true,
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// Serve plain HTTP on addresses that others can reach: a proxy in front ends TLS.
    #[arg(long, env = "ONHAND_INSECURE_HTTP")]
    insecure_http: bool,
    /// A network of proxies that are believed when they say who the client is; may be repeated.
    #[arg(
        long = "trusted-proxy",
        value_name = "CIDR",
        env = "ONHAND_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_parser = network
    )]
    trusted_proxies: Vec<IpNet>,
    /// The header in which they say it.
    #[arg(
        long,
        env = "ONHAND_FORWARDED_HEADER",
        value_enum,
        default_value_t = ForwardedHeader::XForwardedFor
    )]
    forwarded_header: ForwardedHeader,
    /// An origin whose pages may read answers, like https://shop.example; may be repeated.
    #[arg(
        long = "cors-origin",
        value_name = "ORIGIN",
        env = "ONHAND_CORS_ORIGINS",
        value_delimiter = ',',
        value_parser = cors::origin
    )]
    cors_origins: Vec<HeaderValue>,
}

/// A network, or one address.
pub(crate) fn network(text: &str) -> Result<IpNet, AddrParseError> {
    text.parse::<IpAddr>().map_or_else(|_| text.parse(), |address| Ok(IpNet::from(address)))
}

/// Why the server cannot be reached as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// Passwords and tokens could be read on the way.
    #[error(
        "{0} can be reached from outside, where plain HTTP can be read on the way: give a \
         certificate (--tls-cert FILE --tls-key FILE), or say --insecure-http if a proxy in front \
         ends TLS, or listen on 127.0.0.1"
    )]
    InTheClear(SocketAddr),
    /// One half of what TLS needs. (Flags are told so before; a file of settings is here.)
    #[error("--tls-cert and --tls-key belong together: {0} is missing")]
    HalfTls(&'static str),
    /// Nobody could connect.
    #[error("TLS cannot be spoken")]
    Tls(#[from] TlsError),
}

/// How the server is reached.
#[derive(Debug)]
pub struct Edge {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to listen for operators, if not there.
    pub ops_listen: Option<SocketAddr>,
    /// Whether the pages of the administration are served.
    pub admin: Switch,
    /// The origins whose pages may read answers.
    pub cors_origins: Vec<HeaderValue>,
    /// Who is believed about where a request comes from.
    pub proxies: Proxies,
    /// What is spoken at all of these addresses, if it is TLS.
    pub tls: Option<Tls>,
    /// Its certificate's renewal, to be run.
    pub renewal: Option<Renewal>,
}

/// Whether only this machine reaches an address.
pub(crate) fn is_local(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

impl EdgeOptions {
    /// Puts the options together, for a server that also listens on these addresses.
    ///
    /// # Errors
    /// When they are unsafe or contradict each other.
    pub fn read(self, more: impl Iterator<Item = SocketAddr>) -> Result<Edge, EdgeError> {
        let (tls, renewal) = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => {
                let (tls, renewal) = tls::open(TlsFiles { cert, key }, &SystemClock)?;
                (Some(tls), Some(renewal))
            }
            (None, None) => (None, None),
            (Some(_), None) => return Err(EdgeError::HalfTls("--tls-key")),
            (None, Some(_)) => return Err(EdgeError::HalfTls("--tls-cert")),
        };
        let addresses = [Some(self.listen), self.ops_listen].into_iter().flatten();
        if tls.is_none()
            && !self.insecure_http
            && let Some(open) = addresses.chain(more).find(|address| !is_local(address))
        {
            return Err(EdgeError::InTheClear(open));
        }
        Ok(Edge {
            listen: self.listen,
            ops_listen: self.ops_listen,
            admin: self.admin,
            cors_origins: self.cors_origins,
            proxies: Proxies::new(self.trusted_proxies, self.forwarded_header),
            tls,
            renewal,
        })
    }
}

impl Edge {
    /// What handlers are told of it.
    pub fn settings(&self) -> Settings {
        Settings {
            proxies: self.proxies.clone(),
            cors_origins: self.cors_origins.clone(),
            is_encrypted: self.tls.is_some(),
            has_ops_listener: self.ops_listen.is_some(),
            admin: self.admin,
            ..Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: EdgeOptions,
    }

    fn read(arguments: &str) -> Result<Edge, String> {
        let words = ["onhand"].into_iter().chain(arguments.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.options.read(std::iter::empty()).map_err(|error| error.to_string())
    }

    #[test]
    fn plain_http_stays_on_this_machine_unless_somebody_says_otherwise() {
        for (arguments, refused) in [
            ("", None),
            ("--listen 127.0.0.2:80", None),
            ("--listen [::1]:80", None),
            ("--listen [::ffff:127.0.0.1]:80", None),
            ("--listen 0.0.0.0:80", Some("0.0.0.0:80")),
            ("--listen [::]:80", Some("[::]:80")),
            ("--listen 192.0.2.1:80", Some("192.0.2.1:80")),
            ("--listen 10.0.0.1:80", Some("10.0.0.1:80")),
            ("--listen 0.0.0.0:80 --insecure-http", None),
            ("--ops-listen 127.0.0.1:81", None),
            ("--ops-listen 192.0.2.1:81", Some("192.0.2.1:81")),
            ("--ops-listen 192.0.2.1:81 --insecure-http", None),
        ] {
            let read = read(arguments).map(|_| ());
            let wanted = refused.map_or(Ok(()), |address| {
                Err(EdgeError::InTheClear(address.parse().unwrap()).to_string())
            });
            assert_eq!(read, wanted, "{arguments}");
        }
    }

    #[test]
    fn proxies_are_networks_or_addresses() {
        for (arguments, peer, client) in [
            ("", "10.0.0.1", "10.0.0.1"),
            ("--trusted-proxy 10.0.0.0/8", "10.0.0.1", "203.0.113.7"),
            ("--trusted-proxy 10.0.0.1", "10.0.0.1", "203.0.113.7"),
            ("--trusted-proxy 10.0.0.1", "10.0.0.2", "10.0.0.2"),
            ("--trusted-proxy 10.0.0.2,2001:db8::/32", "2001:db8::1", "203.0.113.7"),
            ("--trusted-proxy 10.0.0.2 --trusted-proxy 10.0.0.1", "10.0.0.1", "203.0.113.7"),
        ] {
            let proxies = read(arguments).unwrap().proxies;
            let found = proxies.client(peer.parse().unwrap(), ["203.0.113.7"].into_iter());
            assert_eq!(found.to_string(), client, "{arguments}");
        }
        let header = |arguments| read(arguments).unwrap().proxies.header();
        assert_eq!(header(""), ForwardedHeader::XForwardedFor);
        assert_eq!(header("--forwarded-header forwarded"), ForwardedHeader::Forwarded);
        for wrong in ["--trusted-proxy proxy.example", "--forwarded-header x-real-ip"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
