//! A receiver of webhooks, as a customer of onhand would write one: it checks who has signed, and
//! remembers what it heard first, what again, and what out of turn.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use onhand_core::Timestamp;
use onhand_engine::clock::{Clock, SystemClock};
use serde::Deserialize;
use tokio::net::TcpListener;

use super::log::Entry;
use super::rates::Times;
use crate::adapters::webhooks::signature::{ID, SIGNATURE, SigningSecret, TIMESTAMP, sign};

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Hearings {
    /// When each event was first heard.
    pub(super) first: Times,
    /// How often something came that had come before.
    pub(super) again: u64,
    /// The newest event of each object.
    newest: HashMap<String, i64>,
    problems: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    seq: i64,
    data: About,
}

#[derive(Deserialize)]
struct About {
    id: String,
}

impl Hearings {
    fn hear(&mut self, seq: i64, object: String, at: Timestamp) {
        if self.first.contains_key(&seq) {
            self.again += 1;
            return;
        }
        self.first.insert(seq, at);
        let newest = self.newest.entry(object).or_insert(seq);
        if *newest > seq {
            self.problems.push(format!("evt_{seq} was heard after evt_{newest}"));
        }
        *newest = seq.max(*newest);
    }

    /// What is wrong with it, if these events should have been heard.
    pub(super) fn problems(&self, entries: &[Entry]) -> Vec<String> {
        let is_missing = |entry: &&Entry| !self.first.contains_key(&entry.seq);
        let missing = entries.iter().filter(is_missing);
        let missing = missing.map(|entry| format!("evt_{} was never heard", entry.seq));
        self.problems.iter().cloned().chain(missing).collect()
    }
}

/// The receiver. It ends with the program.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    hearings: Arc<Mutex<Hearings>>,
    secret: SigningSecret,
    /// Where it listens.
    pub(super) url: String,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/hooks", socket.local_addr()?);
        let secret = SigningSecret::generate().context("a secret for the receiver")?;
        let receiver = Self { hearings: Arc::default(), secret, url };
        let ears = receiver.clone();
        let hear = move |headers: HeaderMap, body: Bytes| async move {
            ears.take(&headers, &body).unwrap_or_else(|problem| {
                ears.heard().problems.push(problem);
                StatusCode::BAD_REQUEST
            })
        };
        let routes = Router::new().fallback(hear);
        tokio::spawn(async move { axum::serve(socket, routes).await });
        Ok(receiver)
    }

    /// What it was to know about its sender.
    pub(super) fn secret(&self) -> String {
        self.secret.expose().as_str().to_owned()
    }

    /// What it has heard so far.
    pub(super) fn heard(&self) -> MutexGuard<'_, Hearings> {
        self.hearings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<StatusCode, String> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or_else(|| format!("a message without {name}"))
        };
        let id = header(ID)?;
        let timestamp = header(TIMESTAMP)?.parse().map_err(|_| format!("{id} is of no time"))?;
        let wanted = sign(std::slice::from_ref(&self.secret), id, timestamp, body);
        if !header(SIGNATURE)?.split(' ').any(|one| one == wanted) {
            return Err(format!("{id} is signed by somebody else"));
        }
        let message: Message =
            serde_json::from_slice(body).map_err(|error| format!("{id}: {error}"))?;
        if message.id != id {
            return Err(format!("{id} says that it is {}", message.id));
        }
        self.heard().hear(message.seq, message.data.id, SystemClock.now());
        Ok(StatusCode::NO_CONTENT)
    }
}

#[cfg(test)]
mod tests {
    use super::super::log::tests::entry;
    use super::super::{PLACED, PROCESSING};
    use super::*;

    const AT: Timestamp = Timestamp::constant(1_795_240_096, 0);

    #[test]
    fn what_is_missing_or_out_of_turn_is_found_and_again_is_counted() {
        let entries = [entry(3, PLACED, "ord_1"), entry(8, PROCESSING, "ord_1")];
        let check = |heard: &[(i64, &str)], again: u64, wanted: &[&str]| {
            let mut hearings = Hearings::default();
            for (seq, order) in heard {
                hearings.hear(*seq, (*order).to_owned(), AT);
            }
            assert_eq!(hearings.problems(&entries), wanted);
            assert_eq!(hearings.again, again);
        };
        check(&[(3, "ord_1"), (8, "ord_1")], 0, &[]);
        check(&[(3, "ord_1"), (3, "ord_1"), (8, "ord_1"), (3, "ord_1")], 2, &[]);
        check(&[(8, "ord_1"), (3, "ord_1")], 0, &["evt_3 was heard after evt_8"]);
        check(&[(3, "ord_1"), (9, "ord_2")], 0, &["evt_8 was never heard"]);
    }

    #[tokio::test]
    async fn who_has_not_signed_is_not_heard() {
        let receiver = Receiver::start().await.unwrap();
        let body = br#"{"id":"evt_3","seq":3,"data":{"id":"ord_1"}}"#;
        let other = SigningSecret::generate().unwrap();
        let take = |secret: &SigningSecret, id: &str| {
            let signature = sign(std::slice::from_ref(secret), id, 12, body);
            let mut headers = HeaderMap::new();
            for (name, value) in [(ID, id), (TIMESTAMP, "12"), (SIGNATURE, signature.as_str())] {
                headers.insert(name, value.parse().unwrap());
            }
            receiver.take(&headers, body)
        };
        assert_eq!(take(&other, "evt_3"), Err("evt_3 is signed by somebody else".to_owned()));
        let another = take(&receiver.secret, "evt_4");
        assert_eq!(another, Err("evt_4 says that it is evt_3".to_owned()));
        assert!(receiver.heard().first.is_empty());
        assert_eq!(take(&receiver.secret, "evt_3"), Ok(StatusCode::NO_CONTENT));
        assert_eq!(receiver.heard().first.len(), 1);
    }
}
