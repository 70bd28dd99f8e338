//! What is kept of orders and products: as they were put into words, with what is to be known of
//! them before anybody is shown them. Nothing is kept that depends on the time or on stock, and
//! nothing of what is not there. Where answers are made of it: `http/kept.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{CustomerId, OrderId, UserId};
use onhand_core::orders::Order;
use onhand_core::{Timestamp, catalog};
use onhand_engine::query::Seen;
use onhand_engine::store::Rows;
use onhand_engine::watch::Telling;
use onhand_engine::{Batch, Submit, Watch};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::Cache;

/// What stands before the words of an entry: which build has found them, the version of the object,
/// when it was made, and whose it is; eight bytes each.
const HEAD_BYTES: usize = 32;

/// An object in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worded {
    /// By what it is known again.
    pub seen: Seen,
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
        Self::of(Seen::of(order), owner, view)
    }

    /// A product, with its view.
    ///
    /// # Errors
    /// As [`Self::order`].
    pub fn product(
        product: &catalog::Product,
        view: &impl serde::Serialize,
    ) -> serde_json::Result<Self> {
        let seen = Seen { version: product.version, created_at: product.created_at };
        Self::of(seen, 0, view)
    }

    fn of(seen: Seen, owner: i64, view: &impl serde::Serialize) -> serde_json::Result<Self> {
        let mut entry = Vec::with_capacity(HEAD_BYTES + 1_000);
        entry.extend(form());
        entry.extend(seen.version.to_be_bytes());
        entry.extend(seen.created_at.as_microsecond().to_be_bytes());
        entry.extend(owner.to_be_bytes());
        serde_json::to_writer(&mut entry, view)?;
        Ok(Self { seen, owner, entry: entry.into() })
    }

    /// Reads an entry. Another build may have put it into other words: then it is none.
    fn read(entry: Bytes) -> Option<Self> {
        let (head, _) = entry.split_first_chunk::<HEAD_BYTES>()?;
        let word = |at: usize| head.get(at..at + 8).and_then(|word| word.try_into().ok());
        if word(0)? != form() {
            return None;
        }
        let created_at = Timestamp::from_microsecond(i64::from_be_bytes(word(16)?)).ok()?;
        let seen = Seen { version: u64::from_be_bytes(word(8)?), created_at };
        Some(Self { seen, owner: i64::from_be_bytes(word(24)?), entry })
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

/// Stands for the words that this build finds, and for what stands before them.
fn form() -> [u8; 8] {
    const BUILD: &[u8] = concat!("2/", env!("CARGO_PKG_VERSION")).as_bytes();
    let mut form = [b' '; 8];
    for (place, byte) in form.iter_mut().zip(BUILD) {
        *place = *byte;
    }
    form
}

/// How it is known whether what is kept may be shown.
#[derive(Debug)]
enum Trust {
    /// The committer tells of every change.
    Told {
        /// Up to where the log was written when this began.
        start: i64,
        durable: watch::Receiver<i64>,
        runtime: Handle,
    },
    /// The database is asked each time.
    Asked,
}

/// A cache of orders and products.
#[derive(Debug)]
pub struct Kept {
    cache: Arc<Cache>,
    /// Before every key: which database it is, where several could share a cache.
    prefix: Box<str>,
    trust: Trust,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What is known of an order before it is read.
#[derive(Debug)]
pub enum Looked {
    /// It may be shown.
    Good(Worded),
    /// It may be shown if the database still has the same; nothing where it is not kept.
    ToCompare(Option<Worded>),
}

impl Kept {
    /// Begins to keep: from now on the committer tells what changes. `start` is the position of
    /// the log that `cache` has, read since this process last wrote.
    pub fn told(cache: Cache, prefix: Box<str>, start: i64, submit: &Submit) -> Arc<Self> {
        let trust = Trust::Told { start, durable: submit.durable(), runtime: Handle::current() };
        let kept = Arc::new(Self::new(cache, prefix, trust));
        submit.watch(kept.clone());
        kept
    }

    /// Begins to keep orders, in this process: whoever looks one up asks the database whether it
    /// is still the same.
    pub fn asking(cache: Cache) -> Arc<Self> {
        Arc::new(Self::new(cache, "".into(), Trust::Asked))
    }

    fn new(cache: Cache, prefix: Box<str>, trust: Trust) -> Self {
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { cache: Arc::new(cache), prefix, trust, hits, misses }
    }

    /// Whether products are kept, too: where the committer tells of them.
    pub fn has_products(&self) -> bool {
        matches!(self.trust, Trust::Told { .. })
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
        let found = self.look(key).await;
        self.count(found.is_some());
        found
    }

    /// An order by its key.
    pub async fn look_up(&self, key: &str) -> Looked {
        match &self.trust {
            Trust::Told { .. } => self.get(key).await.map_or(Looked::ToCompare(None), Looked::Good),
            Trust::Asked => Looked::ToCompare(self.look(key).await),
        }
    }

    /// Counts whether the database had the same as what was looked up, where it was asked.
    pub fn compared(&self, is_same: bool) {
        if matches!(self.trust, Trust::Asked) {
            self.count(is_same);
        }
    }

    async fn look(&self, key: &str) -> Option<Worded> {
        self.cache.get(key).await.and_then(|entry| Worded::read(entry.body))
    }

    fn count(&self, is_hit: bool) {
        let counter = if is_hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something was looked for, and found or not.
    pub fn lookups(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// What is acknowledged: to be asked before something is read that is to be kept.
    pub fn position(&self) -> i64 {
        match &self.trust {
            Trust::Told { start, durable, .. } => (*durable.borrow()).max(*start),
            Trust::Asked => 0,
        }
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
        let Trust::Told { runtime, .. } = &self.trust else { return None };
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
        runtime.spawn(async move {
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

    fn seen() -> Seen {
        let created_at = Timestamp::from_microsecond(1_700_000_000_000_001).unwrap();
        Seen { version: 7, created_at }
    }

    #[test]
    fn an_entry_says_whose_it_is_and_who_worded_it() {
        let worded = Worded::of(seen(), 5, &serde_json::json!({"id": "ord_1"})).unwrap();
        assert_eq!(Worded::read(worded.entry.clone()), Some(worded.clone()));
        assert_eq!(worded.body(), Bytes::from_static(b"{\"id\":\"ord_1\"}"));
        let own = |number| UserId::new(number);
        for (own, wanted) in [(None, true), (own(5), true), (own(6), false)] {
            assert_eq!(worded.is_seen_by(own), wanted, "{own:?}");
        }
        let nobodys = Worded::of(seen(), 0, &0).unwrap();
        assert!(nobodys.is_seen_by(None) && !nobodys.is_seen_by(own(1)));
    }

    #[test]
    fn what_another_build_has_put_in_is_none() {
        let entry = Worded::of(seen(), 0, &0).unwrap().entry;
        for bytes in [&b""[..], b"{}", &entry[..HEAD_BYTES - 1], &[0; HEAD_BYTES + 1]] {
            assert_eq!(Worded::read(Bytes::copy_from_slice(bytes)), None);
        }
    }
}
