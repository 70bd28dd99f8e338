//! A receiver that hears what comes and answers with whatever bytes it is given, and a sender that
//! may reach it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use onhand_core::Timestamp;
use onhand_server::adapters::outgoing::HttpLimits;
use onhand_server::adapters::webhooks::guard::{Allowances, Guard};
use onhand_server::adapters::webhooks::send::{Answer, Endpoint, Sender};
use onhand_server::adapters::webhooks::signature::SigningSecret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::rustls::RootCertStore;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const BODY: &str = r#"{"type":"order.placed"}"#;
pub(crate) const SECONDS: i64 = 1_795_240_096;

/// Longer than any machine is busy.
pub(crate) const PATIENT: HttpLimits = HttpLimits {
    connect_timeout: Duration::from_secs(60),
    timeout: Duration::from_secs(120),
    answer_bytes_max: 16 << 10,
};

/// For receivers that do not answer anyway.
pub(crate) const IMPATIENT: HttpLimits = HttpLimits {
    connect_timeout: Duration::from_secs(60),
    timeout: Duration::from_millis(300),
    answer_bytes_max: 16 << 10,
};

/// What a receiver does once it has heard a request.
#[derive(Debug, Clone)]
pub(crate) enum Then {
    /// Writes this, and ends.
    Write(Vec<u8>),
    /// Writes this, and says nothing more, for as long as the other side likes.
    Hang(Vec<u8>),
    /// Writes this for ever.
    Repeat(Vec<u8>),
}

/// A receiver; what it hears comes out of the channel.
pub(crate) async fn receiver(then: Then) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let (heard, hears) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (then, heard) = (then.clone(), heard.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let mut end = 0;
                // Until the body is there: it ends with what it ends with.
                while !request[..end].ends_with(BODY.as_bytes()) {
                    match stream.read(&mut request[end..]).await {
                        Ok(0) | Err(_) => return,
                        Ok(read) => end += read,
                    }
                }
                heard.send(String::from_utf8_lossy(&request[..end]).into_owned()).ok();
                let (first, repeats, hangs) = match &then {
                    Then::Write(bytes) => (bytes, false, false),
                    Then::Hang(bytes) => (bytes, false, true),
                    Then::Repeat(bytes) => (bytes, true, false),
                };
                while stream.write_all(first).await.is_ok() && repeats {}
                if !hangs {
                    _ = stream.shutdown().await;
                }
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    (at, hears)
}

/// An answer of HTTP.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into()
}

/// Allows plain HTTP, and this machine where that is wanted.
pub(crate) fn allowances(networks: &[&str]) -> Allowances {
    let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    Allowances { http: true, networks }
}

pub(crate) fn sender(guard: Guard, limits: HttpLimits) -> Sender {
    Sender::trusting(RootCertStore::empty(), guard, limits).unwrap()
}

/// One that may reach this machine.
pub(crate) fn at_home(limits: HttpLimits) -> Sender {
    sender(Guard::new(allowances(&["127.0.0.0/8"])), limits)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(SECONDS).unwrap()
}

/// Sends the message to this address.
pub(crate) async fn send(sender: &Sender, url: &str) -> Answer {
    let secrets = vec![SigningSecret::parse(SECRET).unwrap()];
    let endpoint = Endpoint { url: url.to_owned(), secrets };
    sender.send(&endpoint, "evt_108", now(), Bytes::from_static(BODY.as_bytes())).await
}

/// Answers each question for a name with the next of these, and then always with the last.
#[derive(Debug)]
pub(crate) struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: Mutex<usize>,
}

impl Names {
    pub(crate) fn of(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parse).collect(), asked: Mutex::new(0) })
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

impl Resolve for Names {
    fn resolve(&self, _name: Name) -> Resolving {
        let mut asked = self.asked.lock().unwrap();
        let index = (*asked).min(self.answers.len() - 1);
        *asked += 1;
        let found: Vec<SocketAddr> =
            self.answers[index].iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}
