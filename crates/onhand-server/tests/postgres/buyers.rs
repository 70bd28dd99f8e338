//! Buyers who do not give up: each repeats its key until it has a definite answer, at whichever
//! process answers, and keeps what it was told. At the end every answer is held against what is
//! stored.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use onhand_server::client::{Address, Connection, Limits};
use tokio::task::JoinSet;

use crate::server::{Server, address, place_on};

/// Longest time in which a buyer must get a definite answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// What the buyers were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Bodies of the orders that were acknowledged, by key.
    pub(crate) placed: Mutex<BTreeMap<String, bytes::Bytes>>,
    /// When the newest order was acknowledged.
    newest: Mutex<Option<Instant>>,
    /// Keys that were refused.
    pub(crate) refused: AtomicU64,
    /// Answers `503`.
    pub(crate) later: AtomicU64,
}

impl Told {
    pub(crate) fn count(&self) -> usize {
        self.placed.lock().unwrap().len()
    }

    /// When an order was acknowledged last.
    pub(crate) fn newest(&self) -> Option<Instant> {
        *self.newest.lock().unwrap()
    }
}

/// Buyers at work until they are told to stop.
pub(crate) struct Buyers {
    pub(crate) told: Arc<Told>,
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Buyers {
    /// So many buyers, each with one order after another, at these servers in turn.
    pub(crate) fn at(servers: &[Server], count: usize) -> Self {
        let addresses: Vec<_> =
            servers.iter().map(|server| address(&server.url, &server.key)).collect();
        let (told, stop) = (Arc::new(Told::default()), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for buyer in 0..count {
            let (addresses, told, stop) = (addresses.clone(), told.clone(), stop.clone());
            tasks.spawn(async move {
                let mut order = 0;
                while !stop.load(Ordering::Relaxed) {
                    buy(&addresses, buyer, &format!("buyer-{buyer}-{order}"), &told).await;
                    order += 1;
                }
            });
        }
        Self { told, stop, tasks }
    }

    /// Waits until so many more orders are acknowledged than now.
    pub(crate) async fn after(&self, orders: usize) {
        let (begun, wanted) = (Instant::now(), self.told.count() + orders);
        while self.told.count() < wanted {
            assert!(begun.elapsed() < PATIENCE, "{} of {wanted} orders", self.told.count());
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until an order is acknowledged that was not yet at an instant; answers how long it
    /// took.
    pub(crate) async fn next_after(&self, instant: Instant) -> Duration {
        loop {
            if let Some(newest) = self.told.newest().filter(|newest| *newest > instant) {
                return newest - instant;
            }
            assert!(instant.elapsed() < PATIENCE, "no order since");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets every buyer finish what it has begun.
    pub(crate) async fn finish(self) -> Arc<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
        self.told
    }
}

fn connect(address: &Address) -> Connection {
    let limits = Limits { request_timeout: PATIENCE, ..Limits::default() };
    Connection::with_limits(address.clone(), limits)
}

/// Buys one smartphone under a key, however often it has to ask.
async fn buy(addresses: &[Address], buyer: usize, key: &str, told: &Told) {
    let begun = Instant::now();
    for attempt in 0.. {
        assert!(begun.elapsed() < PATIENCE, "{key}: no definite answer");
        let mut connection = connect(&addresses[(buyer + attempt) % addresses.len()]);
        // A connection that is lost or refused says nothing: the key is asked again.
        if let Ok(reply) = place_on(&mut connection, key).await {
            match reply.status.as_u16() {
                201 => {
                    told.placed.lock().unwrap().insert(key.to_owned(), reply.body);
                    *told.newest.lock().unwrap() = Some(Instant::now());
                    return;
                }
                409 if reply.body.windows(18).any(|text| text == b"insufficient_stock") => {
                    told.refused.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                503 => {
                    assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
                    told.later.fetch_add(1, Ordering::Relaxed);
                }
                _ => panic!("{key}: {reply:?}"),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Every acknowledged order is there under its key, as it was told.
pub(crate) async fn hold_to(told: &Told, server: &mut Server) {
    let placed = told.placed.lock().unwrap().clone();
    for (key, body) in &placed {
        let again = server.place(key).await.unwrap();
        assert_eq!(again.status, 201, "{key}: {again:?}");
        assert_eq!(again.headers["idempotency-replayed"], "true", "{key} was lost");
        assert_eq!(again.body, *body, "{key}");
    }
    assert_eq!(server.reserved().await, placed.len() as u64);
}
