//! A memory with a bound, for counts that are kept per caller: callers are invented faster than
//! any sweeper works. It takes all its room at the start and never looks at more than a few
//! places. When these are taken, the value is forgotten that matters least.

/// Places that one key may lie in.
const WAYS: usize = 8;

/// Values by key. A key is a hash with a secret of the process in it, so that nobody can choose
/// which places are taken, and 64 bits of it stand for the whole.
#[derive(Debug)]
pub(super) struct Table<V> {
    places: Vec<Option<(u64, V)>>,
}

impl<V: Copy> Table<V> {
    /// Room for so many keys, rounded up.
    pub(super) fn new(keys_max: usize) -> Self {
        let sets = keys_max.div_ceil(WAYS).max(1);
        Self { places: vec![None; sets * WAYS] }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: u64) -> Option<V> {
        let set = self.places[self.set(key)].iter();
        set.flatten().find(|(known, _)| *known == key).map(|(_, value)| *value)
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
        if let Some(place) = self.places[set].iter_mut().min_by_key(lightness) {
            *place = Some((key, value));
        }
    }

    /// Forgets the value of a key.
    pub(super) fn remove(&mut self, key: u64) {
        let set = self.set(key);
        for place in &mut self.places[set] {
            place.take_if(|(known, _)| *known == key);
        }
    }

    fn set(&self, key: u64) -> std::ops::Range<usize> {
        let sets = self.places.len() / WAYS;
        // The remainder is below a `usize`, whatever its width.
        let set = usize::try_from(key % u64::try_from(sets).unwrap_or(1)).unwrap_or_default();
        set * WAYS..(set + 1) * WAYS
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
        assert_eq!(table.places.len(), WAYS);
        assert_eq!(table.get(8), Some(80));
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
