//! The files of a certificate and its key: read with a bound, and refused with the reason when no
//! client could connect with them. A start that is refused is better than one that nobody reaches.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use onhand_core::Timestamp;
use sha2::Digest as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;
use zeroize::Zeroizing;

use crate::limits::TLS_FILE_BYTES_MAX;

/// What HTTP is called in a handshake.
const HTTP_1_1: &[u8] = b"http/1.1";

/// Tells contents from others.
pub(super) type Digest = [u8; 32];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than any chain of certificates.
    #[error("{} has more than {TLS_FILE_BYTES_MAX} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{} is not in PEM", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// There is none in the file.
    #[error("there is no certificate in {}", .path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is none in the file.
    #[error("there is no private key in {}, or it is encrypted", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// It is no certificate inside.
    #[error("the certificate in {} cannot be read", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Every client would refuse it.
    #[error("the certificate in {} expired at {at}", .path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// Every client would refuse it for now.
    #[error("the certificate in {} is good from {at} on", .path.display())]
    NotYet {
        /// The file.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// They belong to different certificates.
    #[error(
        "the key in {} is not the one of the certificate in {}", .key.display(), .cert.display()
    )]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// They are of a kind that is not known here.
    #[error("{} and {} cannot be used", .cert.display(), .key.display())]
    Unusable {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate, and behind it those up to one that clients know.
    pub cert: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// What is in them.
pub(super) struct Contents {
    cert: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Contents {
    pub(super) fn digest(&self) -> Digest {
        let halves = [&*self.cert, &*self.key].map(sha2::Sha256::digest);
        sha2::Sha256::digest(halves.concat()).into()
    }
}

impl TlsFiles {
    /// Reads both, whatever is in them.
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let key = Zeroizing::new(read(&self.key)?);
        Ok(Contents { cert: read(&self.cert)?, key })
    }

    /// How to shake hands with what is in them now.
    pub(super) fn config(
        &self,
        contents: &Contents,
        now: Timestamp,
    ) -> Result<ServerConfig, TlsError> {
        let chain = self.chain(&contents.cert, now)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|source| {
            let path = self.key.clone();
            let is_none = matches!(source, pem::Error::NoItemsFound);
            if is_none { TlsError::NoKey { path } } else { TlsError::Pem { path, source } }
        })?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let (cert, key) = (self.cert.clone(), self.key.clone());
        let mismatch = rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
        let mut config = config.map_err(|source| {
            if source == mismatch {
                TlsError::Mismatch { cert, key }
            } else {
                TlsError::Unusable { cert, key, source }
            }
        })?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(config)
    }

    /// The server's certificate, which is good now, and those behind it.
    fn chain(&self, pem: &[u8], now: Timestamp) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let path = || self.cert.clone();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let chain = chain.map_err(|source| TlsError::Pem { path: path(), source })?;
        let Some(first) = chain.first() else {
            return Err(TlsError::NoCertificate { path: path() });
        };
        let malformed = || TlsError::Malformed { path: path() };
        let certificate = Certificate::from_der(first).map_err(|_| malformed())?;
        let validity = certificate.tbs_certificate.validity;
        let instant = |time: Time| {
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
            seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or_else(malformed)
        };
        let (from, until) = (instant(validity.not_before)?, instant(validity.not_after)?);
        if now < from {
            return Err(TlsError::NotYet { path: path(), at: from });
        }
        if now > until {
            return Err(TlsError::Expired { path: path(), at: until });
        }
        Ok(chain)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let wrong = |source| TlsError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(wrong)?;
    let read = file.take(TLS_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if u64::try_from(read).is_ok_and(|read| read <= TLS_FILE_BYTES_MAX) {
        Ok(bytes)
    } else {
        Err(TlsError::TooLarge { path: path.to_owned() })
    }
}
