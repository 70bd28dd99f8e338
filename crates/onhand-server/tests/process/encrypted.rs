//! Certificates, and clients that believe them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use onhand_server::limits::HANDSHAKE_TIMEOUT;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// Longest wait for an answer: twice as long as for the hands.
const ANSWER_TIMEOUT: Duration = HANDSHAKE_TIMEOUT.saturating_mul(2);

/// A certificate for this machine that vouches for itself.
pub(crate) struct Identity {
    certificate: rcgen::Certificate,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// As [`Identity::new`], with something changed.
    pub(crate) fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut parameters = CertificateParams::new(names).unwrap();
        change(&mut parameters);
        let certificate = parameters.self_signed(&key).unwrap();
        let certificate_pem = certificate.pem();
        Self { certificate, certificate_pem, key_pem: key.serialize_pem() }
    }

    /// Writes both files, over those that are there.
    pub(crate) fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        std::fs::write(&certificate, &self.certificate_pem).unwrap();
        std::fs::write(&key, &self.key_pem).unwrap();
        (certificate, key)
    }

    /// Connects as somebody who believes this certificate and no other.
    pub(crate) async fn connect(&self, url: &str) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_with(url, &[&TLS12, &TLS13]).await
    }

    pub(crate) async fn connect_with(
        &self,
        url: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.certificate.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(url.strip_prefix("https://").unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        timeout(ANSWER_TIMEOUT, handshake).await.unwrap()
    }

    /// What is answered to a whole request, as bytes: answers may be anything.
    pub(crate) async fn answer(&self, url: &str, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect(url).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut bytes = Vec::new();
        let end = timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut bytes)).await.unwrap();
        assert!(end.is_ok() || !bytes.is_empty(), "{end:?}");
        bytes
    }
}
