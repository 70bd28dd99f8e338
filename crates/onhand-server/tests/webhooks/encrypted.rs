//! Receivers over TLS: a message goes to nobody whose name is not vouched for, also where the
//! address that a name leads to was chosen by us.

use std::net::Ipv4Addr;
use std::sync::Arc;

use onhand_server::adapters::webhooks::guard::{Allowances, Guard};
use onhand_server::adapters::webhooks::send::{Failure, Sender};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::world::{Names, PATIENT, Then, http, receiver, send};

/// A server that has this name; its port and certificate.
async fn serve(name: &str) -> (u16, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let der = names.self_signed(&key).unwrap().der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            _ = stream.read(&mut vec![0; 16 << 10]).await;
            _ = stream.write_all(&http("200 OK", "", "")).await;
            _ = stream.shutdown().await;
        }
    });
    (port, der)
}

fn sender(trusted: RootCertStore) -> Sender {
    let networks = vec!["127.0.0.1/32".parse().unwrap()];
    let guard = Guard::asking(Allowances { http: false, networks }, Names::of(&[&["127.0.0.1"]]));
    Sender::trusting(trusted, guard, PATIENT).unwrap()
}

/// Sends to `hooks.example` where somebody of this name is, believed or not.
async fn check(name: &str, is_believed: bool, wanted: Result<u16, Failure>) {
    let (port, der) = serve(name).await;
    let mut trusted = RootCertStore::empty();
    if is_believed {
        trusted.add(der).unwrap();
    }
    let answer = send(&sender(trusted), &format!("https://hooks.example:{port}/")).await;
    assert_eq!(answer.status.ok_or(answer.failure), wanted.map_err(Some), "{name} {is_believed}");
}

#[tokio::test]
async fn who_is_vouched_for_gets_the_message_and_nobody_else() {
    check("hooks.example", true, Ok(200)).await;
    check("hooks.example", false, Err(Failure::Tls)).await;
    check("other.example", true, Err(Failure::Tls)).await;
}

#[tokio::test]
async fn nothing_is_said_in_the_clear() {
    let (at, mut hears) = receiver(Then::Hang(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let url = format!("http://hooks.example:{}/", at.port());
    let answer = send(&sender(RootCertStore::empty()), &url).await;
    assert!(matches!(answer.failure, Some(Failure::Forbidden(_))), "{answer:?}");
    assert!(hears.try_recv().is_err());
}
