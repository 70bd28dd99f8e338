//! What every client of the outside has in common: it speaks HTTP/1.1 over TLS to whom the system
//! trusts, goes through no proxy, follows no redirect and repeats nothing by itself. Who is asked,
//! for how long and what an answer is worth is for the adapters to say.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};

/// How long a request may take and how much an answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for a whole answer, connecting included.
    pub timeout: Duration,
    /// Most bytes of an answer.
    pub answer_bytes_max: usize,
}

/// Whom the system trusts.
pub fn trusted_by_the_system() -> RootCertStore {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    trusted
}

/// A client that trusts these and nobody else, with its longest wait for a connection. The other
/// limits are for whoever reads the answers.
///
/// # Errors
/// When the TLS library refuses its settings.
pub fn client(trusted: RootCertStore, limits: HttpLimits) -> Result<reqwest::ClientBuilder, Error> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(limits.connect_timeout)
        .user_agent(concat!("onhand/", env!("CARGO_PKG_VERSION"))))
}

/// What `Retry-After` says.
pub fn retry_after(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim())
}

/// Its form in seconds.
pub fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}

/// What an error comes from, if something of this kind is among its causes.
pub fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(one) = next {
        if let Some(found) = one.downcast_ref::<T>() {
            return Some(found);
        }
        // What is in such an error is not its source: that is the source of what is in it.
        let inner = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map(|inner| inner as _).or_else(|| one.source());
    }
    None
}
