//! Two processes on one cache: whatever order they get in each other's way, what one of them was
//! told of a change, the other one is not shown less.

use onhand_server::adapters::cache::Cache;

use crate::world::{HOUR, entry, fresh_key, process, put};

/// What a reader in one process and a writer in another do, one step at a time. What is in the
/// database is the position of its last change.
#[derive(Debug, Default)]
struct World {
    value: i64,
    acknowledged: i64,
    read_at: i64,
    read: i64,
}

impl World {
    async fn read(&mut self, step: usize, cache: &Cache, key: &str) {
        match step {
            0 => self.read_at = self.acknowledged,
            1 => self.read = self.value,
            _ => put(cache, key, self.read_at, &self.read.to_string()).await,
        }
    }

    async fn write(&mut self, step: usize, cache: &Cache, key: &str) {
        match step {
            0 => self.value = 1,
            1 => cache.note(&[key], 1),
            2 => cache.forget(&[key], 1).await,
            _ => self.acknowledged = 1,
        }
    }
}

/// Nobody is shown less than what was acknowledged.
async fn check(world: &World, caches: [&Cache; 2], key: &str, order: &[bool]) {
    for cache in caches {
        let Some(entry) = cache.get(key).await else { continue };
        let shown: i64 = std::str::from_utf8(&entry.body).unwrap().parse().unwrap();
        assert!(shown >= world.acknowledged, "{order:?} {world:?} {entry:?}");
    }
}

/// Every order of three steps of a reader (`true`) and four of a writer.
fn orders() -> Vec<Vec<bool>> {
    let all = (0_u32..1 << 7).filter(|bits| bits.count_ones() == 3);
    all.map(|bits| (0..7).map(|place| bits >> place & 1 == 1).collect()).collect()
}

#[tokio::test]
async fn a_reader_of_one_process_does_not_undo_what_another_one_has_invalidated() {
    let (reader, writer) = (process(HOUR).await, process(HOUR).await);
    assert_eq!(orders().len(), 35);
    for is_cached in [false, true] {
        for order in orders() {
            let (mut world, key) = (World::default(), fresh_key());
            if is_cached {
                put(&reader, &key, 0, "0").await;
            }
            let (mut reads, mut writes) = (0, 0);
            for is_reader in &order {
                if *is_reader {
                    world.read(reads, &reader, &key).await;
                    reads += 1;
                } else {
                    world.write(writes, &writer, &key).await;
                    writes += 1;
                }
                check(&world, [&reader, &writer], &key, &order).await;
            }
            // Whoever reads after all that fills it again.
            put(&reader, &key, 1, "1").await;
            assert_eq!(writer.get(&key).await, Some(entry(1, "1")), "{order:?}");
        }
    }
}

#[tokio::test]
async fn what_is_older_never_takes_the_place_of_what_is_newer() {
    let (cache, key) = (process(HOUR).await, fresh_key());
    put(&cache, &key, 5, "five").await;
    put(&cache, &key, 4, "four").await;
    assert_eq!(cache.get(&key).await, Some(entry(5, "five")));
    cache.forget(&[&key], 5).await;
    assert_eq!(cache.get(&key).await, Some(entry(5, "five")), "it holds the change");
    cache.forget(&[&key], 6).await;
    put(&cache, &key, 5, "five").await;
    assert_eq!(cache.get(&key).await, None);
    cache.forget(&[&key], 3).await;
    put(&cache, &key, 6, "six").await;
    assert_eq!(cache.get(&key).await, Some(entry(6, "six")));
}

#[tokio::test]
async fn what_could_not_be_told_is_still_known_here() {
    let (here, there, key) = (process(HOUR).await, process(HOUR).await, fresh_key());
    put(&there, &key, 1, "old").await;
    // As when the cache was away in the moment of the change.
    here.note(&[&key], 2);
    assert_eq!(here.get(&key).await, None);
    assert_eq!(there.get(&key).await, Some(entry(1, "old")));
}
