//! The warehouse over TLS: nobody is asked whose name is not vouched for.

use std::sync::Arc;

use onhand_server::adapters::warehouse::Warehouse;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::fake::{PATIENT, at_home, read};

/// A warehouse with a certificate for this name, until this year.
async fn serve(name: &str, until: i32) -> (String, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = date_time_ymd(until, 1, 1);
    let der = params.self_signed(&key).unwrap().der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let read = stream.read(&mut vec![0; 16 << 10]).await.unwrap_or_default();
            assert!(read > 0);
            _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await;
            _ = stream.shutdown().await;
        }
    });
    (url, der)
}

/// What comes of asking it, by somebody who trusts it or nobody.
async fn check(name: &str, until: i32, is_trusted: bool, wanted: &str) {
    let (url, der) = serve(name, until).await;
    let mut trusted = RootCertStore::empty();
    if is_trusted {
        trusted.add(der).unwrap();
    }
    let warehouse = Warehouse::trusting(trusted, url, None, at_home(), PATIENT).unwrap();
    let found = match read(&warehouse, None).await {
        Ok(_) => "read".to_owned(),
        Err(failure) => failure.to_string(),
    };
    assert_eq!(found, wanted, "{name} {until} {is_trusted}");
}

#[tokio::test]
async fn a_certificate_that_does_not_match_is_told() {
    let not_good = |why: &str| format!("the certificate of the warehouse is not good: {why}");
    check("127.0.0.1", 4096, true, "read").await;
    check("127.0.0.2", 4096, true, &not_good("it is for another name")).await;
    check("warehouse.example", 4096, true, &not_good("it is for another name")).await;
    check("127.0.0.1", 2020, true, &not_good("it has expired")).await;
    let nobody = not_good("nobody whom this system trusts vouches for it");
    check("127.0.0.1", 4096, false, &nobody).await;
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_from_who_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            _ = stream.shutdown().await;
            while stream.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0) {}
        }
    });
    let trusted = RootCertStore::empty();
    let warehouse = Warehouse::trusting(trusted, url, None, at_home(), PATIENT).unwrap();
    assert_eq!(read(&warehouse, None).await.unwrap_err().code(), "tls");
}
