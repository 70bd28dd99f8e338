//! Gateways over TLS: secrets go to nobody whose name is not vouched for.

use std::sync::Arc;

use onhand_core::payments::Call;
use onhand_server::adapters::gateways::http::Http;
use onhand_server::adapters::gateways::{Outcome, PaymentGateway};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::world::{KEY_SECRET, PATIENT, id, order_id, razorpay_over, rupees, word};

/// A server that answers with a refund to whoever believes that it has this name. What it hears of
/// each connection: a request, or nothing.
async fn serve(
    name: &str,
) -> (String, CertificateDer<'static>, mpsc::UnboundedReceiver<Option<String>>) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    let der = certificate.der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (heard, hears) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                heard.send(None).unwrap();
                continue;
            };
            let mut request = vec![0; 16 << 10];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            heard.send(Some(request).filter(|request| !request.is_empty())).unwrap();
            let body = concat!(
                r#"{"id":"rfnd_1","payment_id":"pay_1","amount":500,"currency":"INR","#,
                r#""receipt":"ord_42-r1","status":"processed"}"#
            );
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            _ = stream.shutdown().await;
        }
    });
    (url, der, hears)
}

/// Asks a server that has this name, as somebody who believes it or nobody.
async fn check(name: &str, is_believed: bool, wanted: &str) {
    // `localhost` has two addresses, and only one listens.
    let (url, der, mut hears) = serve(name).await;
    let mut trusted = RootCertStore::empty();
    if is_believed {
        trusted.add(der).unwrap();
    }
    let http = Http::trusting(trusted, PATIENT).unwrap();
    let call = Call::Refund { number: 1, attempt: id("pay_1"), amount: rupees(500) };
    let answer = razorpay_over(http, &url, KEY_SECRET).call(order_id(42), &call, false).await;
    assert_eq!(word(&answer.outcome), wanted, "{name} {is_believed} {answer:?}");
    let heard = hears.recv().await.unwrap();
    assert_eq!(heard.is_some(), answer.outcome == Outcome::Done, "{heard:?}");
    if let Some(request) = heard {
        let request = request.to_lowercase();
        assert!(request.starts_with("post /v1/payments/pay_1/refund http/1.1"), "{request}");
        assert!(request.contains("x-refund-idempotency: onhand-ord_42-r1"), "{request}");
        assert!(!request.contains("accept-encoding"), "{request}");
    }
}

#[tokio::test]
async fn who_is_vouched_for_is_asked() {
    check("localhost", true, "done").await;
}

#[tokio::test]
async fn who_is_not_vouched_for_hears_nothing() {
    check("localhost", false, "retry").await;
    check("api.razorpay.com", true, "retry").await;
}
