//! `/metrics` as a scraper reads it.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use onhand_server::client::{Address, Connection};
use tokio::time::{sleep, timeout};

/// A scrape, by somebody who shows nothing, with these headers.
pub(crate) async fn scraped(url: &str, headers: &[(HeaderName, HeaderValue)]) -> (u16, String) {
    let mut connection = Connection::new(Address::parse(url).unwrap());
    let reply = connection.send(Method::GET, "/metrics", headers, "".into()).await.unwrap();
    (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).unwrap())
}

/// A scrape in which there is a line.
pub(crate) async fn scraped_with(url: &str, part: &str) -> String {
    let found = async {
        loop {
            let (status, text) = scraped(url, &[]).await;
            assert_eq!(status, 200, "{text}");
            if text.contains(part) {
                return text;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let found = timeout(Duration::from_secs(30), found).await;
    found.unwrap_or_else(|_| panic!("nobody tells `{part}`"))
}

/// The value of a figure with these labels, as it is written.
pub(crate) fn value(text: &str, figure: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.strip_prefix(figure).is_some_and(|rest| rest.starts_with(' ')));
    line.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}
