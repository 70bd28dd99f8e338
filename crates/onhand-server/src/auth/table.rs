//! A memory with a bound, for counts that are kept per caller: callers are invented faster than
//! any sweeper works. It takes room for a few keys at a time, as they come, up to its bound, and
//! never looks at more than a few places. When these are taken, the value is forgotten that matters
//! least.

/// Places that one key may lie in.
const WAYS: usize = 8;

/// Values by key. A key is a hash with a secret of the process in it, so that nobody can choose
/// which places are taken, and 64 bits of it stand for the whole.
#[derive(Debug)]
pub(super) struct Table<V> {
    /// Most servers never meet more than a few callers: a set is made for its first key.
    sets: Vec<Option<Box<Places<V>>>>,
}

/// The places that a key may lie in.
type Places<V> = [Option<(u64, V)>; WAYS];

impl<V: Copy> Table<V> {
    /// Room for so many keys, rounded up.
    pub(super) fn new(keys_max: usize) -> Self {
        Self { sets: vec![None; keys_max.div_ceil(WAYS).max(1)] }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: u64) -> Option<V> {
        let places = self.sets[self.set(key)].as_ref()?;
        places.iter().flatten().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    /// Sets the value of a key. If there is no place for a new one, the one in its places that
    /// `weight` makes the lightest is forgotten.
    pub(super) fn set_value(&mut self, key: u64, value: V, weight: impl Fn(&V) -> i64) {
        let set = self.set(key);
        let lightness = |place: &&mut Option<(u64, V)>| match place {
            Some((known, _)) if *known == key => (0, 0),
            None => (1, 0),
            Some((_, value)) => (2, weight(value)),
        };
        let places = self.sets[set].get_or_insert_with(|| Box::new([None; WAYS]));
        if let Some(place) = places.iter_mut().min_by_key(lightness) {
            *place = Some((key, value));
        }
    }

    /// Forgets the value of a key.
    pub(super) fn remove(&mut self, key: u64) {
        let set = self.set(key);
        for place in self.sets[set].iter_mut().flat_map(|places| places.iter_mut()) {
            place.take_if(|(known, _)| *known == key);
        }
    }

    /// Which set a key lies in. The remainder is below a `usize`, whatever its width.
    fn set(&self, key: u64) -> usize {
        let sets = u64::try_from(self.sets.len()).unwrap_or(1);
        usize::try_from(key % sets).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(value: &i64) -> i64 {
        *value
    }

    #[test]
    fn values_are_kept_by_key() {
        let mut table = Table::new(64);
        for key in 0..40 {
            table.set_value(key, i64::try_from(key).unwrap(), weight);
        }
        table.set_value(7, 700, weight);
        table.remove(8);
        for (key, wanted) in [(0, Some(0)), (7, Some(700)), (8, None), (39, Some(39)), (40, None)] {
            assert_eq!(table.get(key), wanted, "{key}");
        }
    }

    #[test]
    fn the_lightest_is_forgotten_and_the_room_stays_the_same() {
        let mut table = Table::new(WAYS);
        for key in 1..=8 {
            table.set_value(key, 10 * i64::try_from(key).unwrap(), weight);
        }
        table.set_value(9, 5, weight);
        assert_eq!((table.get(1), table.get(9)), (None, Some(5)));
        table.set_value(10, 50, weight);
        assert_eq!((table.get(9), table.get(2), table.get(10)), (None, Some(20), Some(50)));
        for key in 100..10_000 {
            table.set_value(key, 1, weight);
        }
        assert_eq!(table.sets.len(), 1);
        assert_eq!(table.get(8), Some(80));
    }

    #[test]
    fn room_is_taken_for_the_keys_that_came() {
        let mut table = Table::new(1_000 * WAYS);
        for key in [1, 2, 2, 1_001] {
            table.set_value(key, 1, weight);
        }
        table.remove(3);
        assert_eq!(table.get(4), None);
        assert_eq!(table.sets.iter().flatten().count(), 2, "1 and 1,001 lie in the same set");
    }

    #[test]
    fn a_room_is_never_too_small() {
        for keys_max in [0, 1, 7, 8, 9] {
            let mut table = Table::new(keys_max);
            table.set_value(u64::MAX, 1, weight);
            assert_eq!(table.get(u64::MAX), Some(1));
        }
    }
}
