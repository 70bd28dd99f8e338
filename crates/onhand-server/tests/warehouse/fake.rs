//! A warehouse that hears what it is asked and answers with whatever bytes it is given, and an
//! adapter that may reach it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use onhand_core::Timestamp;
use onhand_server::adapters::outgoing::HttpLimits;
use onhand_server::adapters::warehouse::row::Row;
use onhand_server::adapters::warehouse::{Credential, Failure, Step, Warehouse};
use onhand_server::adapters::webhooks::guard::{Allowances, Guard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::rustls::RootCertStore;

/// Longer than any machine is busy.
pub(crate) const PATIENT: HttpLimits = HttpLimits {
    connect_timeout: Duration::from_secs(60),
    timeout: Duration::from_secs(120),
    answer_bytes_max: 64 << 10,
};

/// For warehouses that do not answer anyway.
pub(crate) const IMPATIENT: HttpLimits =
    HttpLimits { timeout: Duration::from_millis(300), ..PATIENT };

/// What it does once it has heard a question.
#[derive(Debug, Clone)]
pub(crate) enum Then {
    /// Writes this, and ends.
    Write(Vec<u8>),
    /// Writes this, and says nothing more, for as long as the other side likes.
    Hang(Vec<u8>),
    /// Writes the first and then the second for ever.
    Repeat(Vec<u8>, Vec<u8>),
}

/// A warehouse that answers each question as it is told; what it hears comes out of the channel.
pub(crate) async fn serve(
    answer: impl Fn(&str) -> Then + Send + Sync + 'static,
) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/stock", listener.local_addr().unwrap());
    let (heard, hears) = mpsc::unbounded_channel();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (answer, heard) = (answer.clone(), heard.clone());
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let mut end = 0;
                while !request[..end].ends_with(b"\r\n\r\n") {
                    match stream.read(&mut request[end..]).await {
                        Ok(0) | Err(_) => return,
                        Ok(read) => end += read,
                    }
                }
                let question = String::from_utf8_lossy(&request[..end]).into_owned();
                let then = answer(&question);
                heard.send(question).ok();
                match then {
                    Then::Write(bytes) => {
                        _ = stream.write_all(&bytes).await;
                        _ = stream.shutdown().await;
                    }
                    Then::Hang(bytes) => _ = stream.write_all(&bytes).await,
                    Then::Repeat(first, again) => {
                        _ = stream.write_all(&first).await;
                        while stream.write_all(&again).await.is_ok() {}
                    }
                }
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    (url, hears)
}

/// An answer of HTTP.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> Then {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    Then::Write(format!("{head}{headers}\r\n{body}").into())
}

/// A good one.
pub(crate) fn ok(body: &str) -> Then {
    http("200 OK", "Content-Type: application/json\r\n", body)
}

/// May reach this machine over plain HTTP.
pub(crate) fn at_home() -> Guard {
    Guard::new(Allowances { http: true, networks: vec!["127.0.0.0/8".parse().unwrap()] })
}

pub(crate) fn warehouse(url: &str, limits: HttpLimits) -> Warehouse {
    let credential = Credential::new("x-api-key".parse().unwrap(), b"canary-key\n").unwrap();
    let trusted = RootCertStore::empty();
    Warehouse::trusting(trusted, url.to_owned(), Some(credential), at_home(), limits).unwrap()
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T02:00:00Z".parse().unwrap()
}

/// What a whole answer comes to.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) rows: Vec<Row>,
    pub(crate) is_unchanged: bool,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) etag: Option<String>,
}

/// Reads a whole answer, asking for each page once, a second after the one before.
pub(crate) async fn read(warehouse: &Warehouse, etag: Option<&str>) -> Result<Read, Failure> {
    let mut reading = warehouse.read(etag);
    let mut read = Read::default();
    for second in 0.. {
        let now = now().checked_add(Duration::from_secs(second)).unwrap();
        match reading.next(now).await? {
            Step::Unchanged => read.is_unchanged = true,
            Step::Rows(rows) => read.rows.extend(rows),
            Step::End => break,
        }
    }
    (read.as_of, read.etag) = (reading.as_of(), reading.etag().map(str::to_owned));
    Ok(read)
}

/// Rows in one line: `mug 5, 7 negative`.
pub(crate) fn words(rows: &[Row]) -> String {
    let word = |row: &Row| match &row.told {
        Ok(figure) => format!("{} {}", row.sent, figure.on_hand),
        Err(fault) => format!("{} {}", row.sent, fault.code()),
    };
    rows.iter().map(word).collect::<Vec<_>>().join(", ")
}
