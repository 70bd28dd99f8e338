//! What is kept of orders and products: as they were put into words, with what is to be known of
//! them before anybody is shown them. Nothing is kept that depends on the time or on stock, and
//! nothing of what is not there. Where answers are made of it: `http/kept.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{CustomerId, OrderId, UserId};
use onhand_core::orders::Order;
use onhand_core::{Version, catalog};
use onhand_engine::store::Rows;
use onhand_engine::watch::Telling;
use onhand_engine::{Batch, Submit, Watch};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::Cache;

/// What stands before the words of an entry: which build has found them, the version of the object,
/// and whose it is; eight bytes each.
const HEAD_BYTES: usize = 24;

/// An object in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worded {
    /// Its version.
    pub version: Version,
    /// Number of the customer whose it is; 0 where it is nobody's.
    owner: i64,
    /// Behind [`HEAD_BYTES`], its JSON.
    entry: Bytes,
}

impl Worded {
    /// An order, with its view.
    ///
    /// # Errors
    /// When it cannot be put into words, which is a mistake of ours.
    pub fn order(order: &Order, view: &impl serde::Serialize) -> serde_json::Result<Self> {
        let owner = order.customer_id.map_or(0, CustomerId::number);
        Self::of(order.version, owner, view)
    }

    /// A product, with its view.
    ///
    /// # Errors
    /// As [`Self::order`].
    pub fn product(
        product: &catalog::Product,
        view: &impl serde::Serialize,
    ) -> serde_json::Result<Self> {
        Self::of(product.version, 0, view)
    }

    fn of(version: Version, owner: i64, view: &impl serde::Serialize) -> serde_json::Result<Self> {
        let mut entry = Vec::with_capacity(HEAD_BYTES + 1_000);
        entry.extend(form());
        entry.extend(version.to_be_bytes());
        entry.extend(owner.to_be_bytes());
        serde_json::to_writer(&mut entry, view)?;
        Ok(Self { version, owner, entry: entry.into() })
    }

    /// Reads an entry. Another build may have put it into other words: then it is none.
    fn read(entry: Bytes) -> Option<Self> {
        let (head, _) = entry.split_first_chunk::<HEAD_BYTES>()?;
        let word = |at: usize| head.get(at..at + 8).and_then(|word| word.try_into().ok());
        if word(0)? != form() {
            return None;
        }
        let (version, owner) = (u64::from_be_bytes(word(8)?), i64::from_be_bytes(word(16)?));
        Some(Self { version, owner, entry })
    }

    /// Its JSON.
    pub fn body(&self) -> Bytes {
        self.entry.slice(HEAD_BYTES..)
    }

    /// Whether somebody knows of it who knows only of `own` orders.
    pub fn is_seen_by(&self, own: Option<UserId>) -> bool {
        own.is_none_or(|own| self.owner == CustomerId::of_user(own).number())
    }
}

/// Stands for the words that this build finds.
fn form() -> [u8; 8] {
    const BUILD: &[u8] = env!("CARGO_PKG_VERSION").as_bytes();
    let mut form = [b' '; 8];
    for (place, byte) in form.iter_mut().zip(BUILD) {
        *place = *byte;
    }
    form
}

/// A cache of orders and products, told of every change by the committer.
#[derive(Debug)]
pub struct Kept {
    cache: Arc<Cache>,
    /// Before every key: which database it is, where several could share a cache.
    prefix: Box<str>,
    /// Up to where the log was written when this began.
    start: i64,
    durable: watch::Receiver<i64>,
    runtime: Handle,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Kept {
    /// Begins to keep: from now on the committer tells what changes. `start` is the position of
    /// the log that `cache` has, read since this process last wrote.
    pub fn begin(cache: Cache, prefix: Box<str>, start: i64, submit: &Submit) -> Arc<Self> {
        let (cache, durable) = (Arc::new(cache), submit.durable());
        let runtime = Handle::current();
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        let kept = Arc::new(Self { cache, prefix, start, durable, runtime, hits, misses });
        submit.watch(kept.clone());
        kept
    }

    /// The key of an order.
    pub fn order(&self, id: OrderId) -> String {
        format!("{}order:{}", self.prefix, id.number())
    }

    /// The key of a product, as it is named.
    pub fn product(&self, reference: &ProductRef) -> String {
        match reference {
            ProductRef::Id(id) => format!("{}product:{}", self.prefix, id.number()),
            ProductRef::Sku(sku) => format!("{}sku:{}", self.prefix, sku.as_str()),
        }
    }

    /// What is kept under a key, if it may be shown.
    pub async fn get(&self, key: &str) -> Option<Worded> {
        let found = self.cache.get(key).await.and_then(|entry| Worded::read(entry.body));
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// How often something was looked for, and found or not.
    pub fn lookups(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// What is acknowledged: to be asked before something is read that is to be kept.
    pub fn position(&self) -> i64 {
        self.start.max(*self.durable.borrow())
    }

    /// Keeps what was read after this position had been acknowledged.
    pub async fn put(&self, key: &str, position: i64, worded: &Worded) {
        self.cache.put(key, position, worded.entry.clone()).await;
    }

    /// Under which keys there may be something that changes. What is new was never read.
    fn keys_of(&self, rows: &Rows) -> Vec<String> {
        let orders = rows.orders.iter().filter(|(_, (stored, _))| *stored > 0);
        let mut keys: Vec<String> = orders.map(|(id, _)| self.order(*id)).collect();
        for (id, (_, product)) in rows.products.iter().filter(|(_, (stored, _))| *stored > 0) {
            keys.push(self.product(&ProductRef::Id(*id)));
            keys.push(self.product(&ProductRef::Sku(product.sku.clone())));
        }
        keys
    }
}

impl Watch for Kept {
    fn changing(&self, batch: &Batch) -> Option<Telling> {
        let keys = self.keys_of(&batch.rows);
        if keys.is_empty() {
            return None;
        }
        let position = batch.newest_event();
        let named: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.cache.note(&named, position);
        if !self.cache.is_shared() {
            return None;
        }
        let (told, telling) = oneshot::channel();
        let cache = self.cache.clone();
        // While the batch is written. It is bounded by the time that the cache is given.
        self.runtime.spawn(async move {
            let named: Vec<&str> = keys.iter().map(String::as_str).collect();
            cache.forget(&named, position).await;
            let _ = told.send(());
        });
        Some(telling)
    }
}

/// Which database it is, by the microsecond of its first event, which stays for ever: several may
/// share a Redis, and an order of one must not be shown for that of another.
#[cfg(feature = "redis")]
pub(super) fn prefix_of(first: Option<&onhand_engine::query::EventRow>) -> Box<str> {
    let born = first.map_or(0, |event| event.recorded_at.as_microsecond());
    format!("onhand:{born}:").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_whose_it_is_and_who_worded_it() {
        let worded = Worded::of(7, 5, &serde_json::json!({"id": "ord_1"})).unwrap();
        assert_eq!(Worded::read(worded.entry.clone()), Some(worded.clone()));
        assert_eq!(worded.body(), Bytes::from_static(b"{\"id\":\"ord_1\"}"));
        let own = |number| UserId::new(number);
        for (own, wanted) in [(None, true), (own(5), true), (own(6), false)] {
            assert_eq!(worded.is_seen_by(own), wanted, "{own:?}");
        }
        let nobodys = Worded::of(1, 0, &0).unwrap();
        assert!(nobodys.is_seen_by(None) && !nobodys.is_seen_by(own(1)));
    }

    #[test]
    fn what_another_build_has_put_in_is_none() {
        let entry = Worded::of(7, 0, &0).unwrap().entry;
        for bytes in [&b""[..], b"{}", &entry[..HEAD_BYTES - 1], &[0; HEAD_BYTES + 1]] {
            assert_eq!(Worded::read(Bytes::copy_from_slice(bytes)), None);
        }
    }
}
