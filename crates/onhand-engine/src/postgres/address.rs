//! Where the database is and how its connections are protected: the URL that an operator gives,
//! read once. A host that is not this machine must show a certificate that is good for its name,
//! unless the URL says otherwise.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::limits::{CONNECT_TIMEOUT, KEEPALIVE_IDLE, STORE_ANSWERS_MAX};

/// Why a URL is of no use.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It cannot be read.
    #[error("the database URL cannot be read: {0}; expected postgresql://user@host:port/name")]
    Url(String),
    /// It asks for less protection than there is, or for none in words that are not known.
    #[error(
        "sslmode={0} is not one that onhand has: `disable` for a connection that nobody can tap, \
         `verify-full` (what every remote host gets by default; `require` and `verify-ca` mean it \
         too) for any other"
    )]
    SslMode(String),
    /// The file with trusted certificates cannot be used.
    #[error("sslrootcert={path}: {reason}")]
    Certificates {
        /// The file.
        path: String,
        /// In words for the operator.
        reason: String,
    },
    /// A setting of onhand in the URL has a value that it cannot have.
    #[error("{name}={value} in the database URL: expected {expected}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        expected: &'static str,
    },
}

/// Where a server listens when the URL does not say.
const PORT: u16 = 5432;

/// Where the database is.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Arc<Config>,
    /// None for a connection in the clear.
    pub(super) tls: Option<MakeRustlsConnect>,
    /// Whether the head of the logs may be locked before a batch is decided. Without, a batch that
    /// meets another one is run again.
    pub(super) locks_rows: bool,
}

/// Never the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        let port = |place| ports.get(place).or(ports.first()).copied().unwrap_or(PORT);
        let hosts = self.config.get_hosts().iter().enumerate();
        let hosts: Vec<String> =
            hosts.map(|(place, host)| format!("{}:{}", name_of(host), port(place))).collect();
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        write!(f, "postgresql://{}/{name}", hosts.join(","))
    }
}

fn name_of(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

/// What the URL says beside what the driver understands.
#[derive(Default)]
struct Extras {
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    row_locks: Option<String>,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`AddressError`] in words for the operator.
    pub(super) fn parse(url: &str) -> Result<Self, AddressError> {
        let (url, extras) = without_extras(url);
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            AddressError::Url(source.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() {
            return Err(AddressError::Url("it names no host".into()));
        }
        // The end of a password, which would be looked up and shown.
        if config.get_hosts().iter().any(|host| name_of(host).contains('@')) {
            return Err(AddressError::Url("an `@` in a password is written `%40`".into()));
        }
        config.connect_timeout(CONNECT_TIMEOUT);
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(STORE_ANSWERS_MAX);
        if config.get_application_name().is_none() {
            config.application_name("onhand");
        }
        // Of several hosts, the one that takes writes.
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let is_verified = match extras.sslmode.as_deref() {
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => return Err(AddressError::SslMode(other.to_owned())),
            None => !config.get_hosts().iter().all(is_this_machine),
        };
        let tls = is_verified.then(|| verified(extras.sslrootcert.as_deref())).transpose()?;
        config.ssl_mode(if is_verified { SslMode::Require } else { SslMode::Disable });
        let locks_rows = match extras.row_locks.as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(other) => {
                let (value, expected) = (other.to_owned(), "on or off");
                return Err(AddressError::Setting { name: "row_locks", value, expected });
            }
        };
        Ok(Self { config: Arc::new(config), tls, locks_rows })
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Takes out of the query what the driver does not know.
fn without_extras(url: &str) -> (String, Extras) {
    let mut extras = Extras::default();
    let Some((address, query)) = url.split_once('?') else {
        return (url.to_owned(), extras);
    };
    let mut left = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => extras.sslmode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => extras.sslrootcert = Some(value.to_owned()),
            Some(("row_locks", value)) => extras.row_locks = Some(value.to_owned()),
            Some(_) | None => left.push(pair),
        }
    }
    let end = if left.is_empty() { String::new() } else { format!("?{}", left.join("&")) };
    (format!("{address}{end}"), extras)
}

/// A connector that believes a host only with a certificate that is good for its name.
fn verified(roots: Option<&str>) -> Result<MakeRustlsConnect, AddressError> {
    let mut trusted = RootCertStore::empty();
    match roots {
        Some(path) => {
            let wrong =
                |reason: String| AddressError::Certificates { path: path.to_owned(), reason };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                trusted.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if trusted.is_empty() {
                return Err(wrong("there is no certificate in it".into()));
            }
        }
        None => {
            trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| AddressError::Url(error.to_string()))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, wanted: Result<(bool, bool), &str>) {
        let found = Address::parse(url).map(|found| (found.tls.is_some(), found.locks_rows));
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{url}"),
            (Err(found), Err(wanted)) => {
                assert!(found.to_string().contains(wanted), "{url}: {found}");
            }
            (found, wanted) => panic!("{url}: {found:?}, not {wanted:?}"),
        }
    }

    #[test]
    fn a_remote_host_must_show_who_it_is_unless_the_url_says_otherwise() {
        for (url, wanted) in [
            ("postgresql://me@localhost/shop", Ok((false, true))),
            ("postgresql://me@127.0.0.1:5433/shop?row_locks=off", Ok((false, false))),
            ("postgresql:///shop?host=/run/postgresql&user=me", Ok((false, true))),
            ("postgresql://me@db.example/shop", Ok((true, true))),
            ("postgresql://me@db.example/shop?sslmode=disable", Ok((false, true))),
            ("postgresql://me@db.example/shop?sslmode=require", Ok((true, true))),
            ("postgresql://me@localhost/shop?sslmode=verify-full", Ok((true, true))),
            ("postgresql://me@localhost,db.example/shop", Ok((true, true))),
            ("postgresql://me@db.example/shop?sslmode=prefer", Err("sslmode=prefer")),
            ("postgresql://me@db.example/shop?sslrootcert=/nowhere", Err("/nowhere")),
            ("postgresql://me:p@ss@localhost/shop", Err("`%40`")),
            ("postgresql://me@localhost/shop?row_locks=maybe", Err("expected on or off")),
            ("postgresql://me@localhost/shop?colour=red", Err("colour")),
            ("postgresql://me@localhost:port/shop", Err("cannot be read")),
            ("postgresql:///shop", Err("names no host")),
        ] {
            check(url, wanted);
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let address = Address::parse("postgresql://me:s3cret@127.0.0.1/shop").unwrap();
        let shown = format!("{address} {address:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("postgresql://127.0.0.1:5432/shop"), "{shown}");
    }
}
