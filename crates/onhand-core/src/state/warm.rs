//! Products and levels that stay at hand from batch to batch, because they are asked for all the
//! time: the newest of them, and none that only passed through. The rest of a batch is forgotten
//! with it (`State::end_batch`).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{State, Stocked};
use crate::ids::ProductId;
use crate::text::Sku;

impl State {
    /// Whether all of these are at hand.
    pub fn has_products<'a>(&self, ids: impl IntoIterator<Item = &'a ProductId>) -> bool {
        ids.into_iter().all(|id| self.products.contains_key(id))
    }

    /// Whether nothing is left of earlier batches.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty() && self.categories.is_empty() && self.locations.is_none()
    }

    /// Says of products, unless they are at hand already, that they are not to stay after this
    /// batch: what goes through once must not drive out what is asked for all the time.
    pub fn let_pass<'a>(&mut self, skus: impl Iterator<Item = &'a Sku>) {
        let new = skus.filter(|sku| !self.skus.contains_key(*sku));
        self.passing.extend(new.cloned());
    }

    /// What is known of a product's id; nothing yet when it is new.
    pub(super) fn stocked(&mut self, id: ProductId) -> &mut Stocked {
        let warm = &mut self.warm;
        self.products.entry(id).or_insert_with(|| {
            warm.push_back(id);
            Stocked::default()
        })
    }

    /// Forgets products that somebody else has changed.
    pub fn forget_products(&mut self, ids: &[ProductId]) {
        for id in ids {
            // Its place among the newest goes with the oldest.
            self.forget(*id);
        }
    }

    /// Forgets what only passed through, and of the others the oldest.
    pub(super) fn forget_oldest(&mut self, products_max: usize) {
        for sku in self.absent.drain(..) {
            if self.skus.get(&sku) == Some(&None) {
                self.skus.remove(&sku);
            }
        }
        self.forget_passing();
        while self.warm.len() > products_max
            && let Some(id) = self.warm.pop_front()
        {
            self.forget(id);
        }
    }

    /// They are among the newest that are at hand.
    fn forget_passing(&mut self) {
        let passing = core::mem::take(&mut self.passing);
        let ids = passing.iter().filter_map(|sku| self.skus.get(sku).copied().flatten());
        let mut ids: BTreeSet<ProductId> = ids.collect();
        let mut kept = Vec::new();
        while !ids.is_empty()
            && let Some(id) = self.warm.pop_back()
        {
            if ids.remove(&id) {
                self.forget(id);
            } else {
                kept.push(id);
            }
        }
        self.warm.extend(kept.into_iter().rev());
    }

    fn forget(&mut self, id: ProductId) {
        let product = self.products.remove(&id).and_then(|known| known.product);
        if let Some(product) = product
            && self.skus.get(&product.sku) == Some(&Some(id))
        {
            self.skus.remove(&product.sku);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Product;
    use crate::text::{Name, Text};
    use crate::{Money, Timestamp};

    fn product(number: i64, sku: &str) -> Product {
        Product {
            id: ProductId::new(number).unwrap(),
            sku: Sku::new(sku).unwrap(),
            name: Name::new("tea").unwrap(),
            description: Text::default(),
            price: Money::new(1, "INR".parse().unwrap()),
            category_ids: Vec::new(),
            active: true,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            deleted_at: None,
        }
    }

    fn known(state: &State) -> (Vec<i64>, Vec<&str>) {
        let mut ids: Vec<_> = state.products.keys().map(|id| id.number()).collect();
        let mut skus: Vec<_> = state.skus.keys().map(Sku::as_str).collect();
        ids.sort_unstable();
        skus.sort_unstable();
        (ids, skus)
    }

    #[test]
    fn the_newest_products_stay_and_nothing_of_the_others() {
        let mut state = State::default();
        for (number, sku) in [(1, "a"), (2, "b"), (3, "c")] {
            let row = product(number, sku);
            state.load_sku(row.sku.clone(), Some(row.id));
            state.load_product(row.id, Some((row, Vec::new())));
        }
        // Loaded again, it is not newer: what is asked for most is not kept for longer.
        let again = product(1, "a");
        state.load_product(again.id, Some((again, Vec::new())));
        state.load_sku(Sku::new("nothing").unwrap(), None);
        state.load_product(ProductId::new(9).unwrap(), None);
        assert_eq!(known(&state), (alloc::vec![1, 2, 3, 9], alloc::vec!["a", "b", "c", "nothing"]));
        state.end_batch(3);
        assert_eq!(known(&state), (alloc::vec![2, 3, 9], alloc::vec!["b", "c"]));
        let passing = ["b", "d", "e"].map(|sku| Sku::new(sku).unwrap());
        state.let_pass(passing.iter());
        for (number, sku) in [(4, "d"), (5, "f"), (6, "e")] {
            let row = product(number, sku);
            state.load_product(row.id, Some((row, Vec::new())));
        }
        state.end_batch(9);
        assert_eq!(known(&state), (alloc::vec![2, 3, 5, 9], alloc::vec!["b", "c", "f"]));
        state.end_batch(0);
        assert_eq!(known(&state), (Vec::new(), Vec::new()));
        assert!(state.warm.is_empty() && state.absent.is_empty());
    }
}
