//! Every order in which two readers, who fill the cache, and a writer can get in each other's way.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::*;

const KEY: &str = "order:7";
/// Reads, of the cache and then, one step each: what is acknowledged, the database, and the
/// filling.
const READER_STEPS: usize = 4;
/// Commits, notes, acknowledges: twice.
const WRITER_STEPS: usize = 6;

/// A database with one value, which is the position of its last change; and what is acknowledged.
#[derive(Debug, Default)]
struct Database {
    value: AtomicI64,
    acknowledged: AtomicI64,
}

#[derive(Debug, Default)]
struct Reader {
    step: usize,
    is_answered: bool,
    position: i64,
    value: i64,
}

/// What was shown that is older than it may be.
#[derive(Debug, PartialEq, Eq)]
struct Stale;

fn value(entry: &Entry) -> i64 {
    i64::from_be_bytes(entry.body.as_ref().try_into().unwrap())
}

impl Reader {
    async fn go_on(&mut self, cache: &Cache, database: &Database) -> Result<(), Stale> {
        match self.step {
            0 => self.is_answered = look(cache, database).await?,
            _ if self.is_answered => {}
            1 => self.position = database.acknowledged.load(Ordering::SeqCst),
            2 => self.value = database.value.load(Ordering::SeqCst),
            _ => cache.put(KEY, self.position, self.value.to_be_bytes().to_vec().into()).await,
        }
        self.step += 1;
        Ok(())
    }
}

/// Whether the cache has an answer, which must not be older than what is acknowledged.
async fn look(cache: &Cache, database: &Database) -> Result<bool, Stale> {
    match cache.get(KEY).await {
        Some(entry) if value(&entry) < database.acknowledged.load(Ordering::SeqCst) => Err(Stale),
        found => Ok(found.is_some()),
    }
}

/// How a writer invalidates.
type Invalidate = fn(&Cache, i64);

fn noting(cache: &Cache, position: i64) {
    cache.note(&[KEY], position);
}

/// As caches are often invalidated: what is there is removed, and nobody remembers that.
fn removing(cache: &Cache, position: i64) {
    match &cache.store {
        Store::InProcess(store) => store.forget(KEY, position),
        #[cfg(feature = "redis")]
        Store::Redis(_) => {}
    }
}

/// One step of the writer: a change at each of two positions.
fn write(step: usize, cache: &Cache, database: &Database, invalidate: Invalidate) {
    let position = if step < 3 { 1 } else { 2 };
    match step % 3 {
        0 => database.value.store(position, Ordering::SeqCst),
        1 => invalidate(cache, position),
        _ => database.acknowledged.store(position, Ordering::SeqCst),
    }
}

/// Runs one order of who goes on when: 0 and 1 are readers, 2 is the writer. At the end the cache
/// is asked once more.
async fn run(order: &[usize], cache: &Cache, invalidate: Invalidate) -> Result<bool, Stale> {
    let (database, mut readers) = (Database::default(), [Reader::default(), Reader::default()]);
    let mut written = 0;
    for who in order {
        match readers.get_mut(*who) {
            Some(reader) => reader.go_on(cache, &database).await?,
            None => {
                write(written, cache, &database, invalidate);
                written += 1;
            }
        }
    }
    look(cache, &database).await
}

/// Every order of so many steps each.
fn orders(left: [usize; 3], order: &mut Vec<usize>, each: &mut impl FnMut(&[usize])) {
    if left == [0; 3] {
        return each(order);
    }
    for who in 0..3 {
        let mut left = left;
        if let Some(fewer) = left[who].checked_sub(1) {
            left[who] = fewer;
            order.push(who);
            orders(left, order, each);
            order.pop();
        }
    }
}

fn cache() -> Cache {
    let store = Store::InProcess(InProcess::new(10_000));
    Cache { store, fence: Fence::of_places(0, 4), ttl: Duration::from_secs(600) }
}

/// How many orders there are, after how many something is in the cache at the end, and after how
/// many something stale was shown.
fn count(steps: [usize; 3], invalidate: Invalidate) -> [usize; 3] {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut counts = [0; 3];
    orders(steps, &mut Vec::new(), &mut |order| {
        let shown = runtime.block_on(run(order, &cache(), invalidate));
        counts[0] += 1;
        counts[1] += usize::from(shown == Ok(true));
        counts[2] += usize::from(shown == Err(Stale));
    });
    counts
}

#[test]
fn nothing_is_shown_that_is_older_than_what_is_acknowledged() {
    let [all, filled, stale] = count([READER_STEPS, READER_STEPS, WRITER_STEPS], noting);
    assert_eq!((all, stale), (210_210, 0));
    assert!(filled > 1_000, "a cache that is always empty keeps every promise: {filled}");
}

#[test]
fn these_orders_find_what_removing_alone_lets_through() {
    let [_, _, stale] = count([READER_STEPS, READER_STEPS, WRITER_STEPS], removing);
    assert!(stale > 0);
}

#[tokio::test]
async fn what_the_process_before_this_one_acknowledged_counts() {
    let cache = Cache::in_process(10_000, Duration::from_secs(600), 100);
    cache.put(KEY, 99, Bytes::from_static(b"old")).await;
    assert_eq!(cache.get(KEY).await, None);
    cache.put(KEY, 100, Bytes::from_static(b"new")).await;
    let entry = Entry { position: 100, body: Bytes::from_static(b"new") };
    assert_eq!(cache.get(KEY).await, Some(entry));
    cache.put("large", 100, vec![0; CACHE_ENTRY_BYTES_MAX + 1].into()).await;
    assert_eq!(cache.get("large").await, None);
}
