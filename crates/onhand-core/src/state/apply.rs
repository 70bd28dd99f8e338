//! What a decision does to the rows at hand, so that the next command of the batch sees it. It
//! decides nothing: each row comes whole out of the draft (`crate::draft`).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::State;
use crate::Timestamp;
use crate::accounts::{Session, User};
use crate::catalog::{Category, Product};
use crate::draft::Changes;
use crate::ids::{CategoryId, NoticeId, ProductId, SessionId, UserId};
use crate::inventory::Movement;
use crate::orders::note_open;
use crate::payments::KeptNotice;

impl State {
    /// Carries out a decision, so that the next command of the batch sees it.
    pub fn apply(&mut self, changes: Changes, movements: &[Movement]) {
        self.apply_catalog(changes.products, changes.categories);
        if let Some(locations) = changes.locations {
            self.locations = Some(locations);
        }
        for (id, levels) in changes.levels {
            self.stocked(id).levels = levels;
        }
        for (id, reservation) in changes.reservations {
            if let Some(key) = reservation.holder().filter(|_| !self.holds_of.is_empty())
                && let Some(ids) = self.holds_of.get_mut(&key)
            {
                ids.insert(id);
            }
            self.reservations.insert(id, Some(reservation));
        }
        for (id, order) in changes.orders {
            if let Some(reference) = &order.external_reference {
                self.references.insert(reference.clone(), Some(id));
            }
            let customer = order.customer_id;
            if let Some(open) = customer.and_then(|customer| self.open_orders.get_mut(&customer)) {
                note_open(open, &order);
            }
            self.orders.insert(id, Some(order));
        }
        self.apply_accounts(changes.users, changes.sessions);
        self.api_keys.extend(changes.api_keys.into_iter().map(|(id, key)| (id, Some(key))));
        self.effects.extend(changes.effects.into_iter().map(|(id, effect)| (id, Some(effect))));
        let claimed = changes.gateway_ids.into_iter().map(|(key, order)| (key, Some(order)));
        self.gateway_ids.extend(claimed);
        self.apply_notices(changes.notices, &changes.forgotten_notices);
        self.outbox.apply(changes.outbox);
        self.warehouse.apply(changes.warehouse);
        self.imports.extend(changes.imports.into_iter().map(|(id, row)| (id, Some(row))));
        self.apply_movements(movements);
    }

    fn apply_catalog(
        &mut self,
        products: BTreeMap<ProductId, Arc<Product>>,
        categories: BTreeMap<CategoryId, Category>,
    ) {
        for (id, product) in products {
            let is_there = product.deleted_at.is_none();
            self.load_sku(product.sku.clone(), is_there.then_some(id));
            let before = self.stocked(id).product.take();
            if let Some(before) = before.filter(|before| before.deleted_at.is_none()) {
                self.file(&before.category_ids, -1);
            }
            if is_there {
                self.file(&product.category_ids, 1);
            }
            self.stocked(id).product = Some(product);
        }
        for (id, category) in categories {
            let before = self.categories.remove(&id).flatten();
            for (row, change) in [(before.as_ref(), -1), (Some(&category), 1)] {
                let row = row.filter(|row| row.deleted_at.is_none());
                self.file(row.and_then(|row| row.parent_id).as_slice(), change);
            }
            self.categories.insert(id, Some(category));
        }
    }

    fn file(&mut self, categories: &[CategoryId], change: i64) {
        for id in categories {
            *self.category_uses_since.entry(*id).or_default() += change;
        }
    }

    fn apply_movements(&mut self, movements: &[Movement]) {
        for movement in movements.iter().filter(|movement| movement.kind.moves_units()) {
            let (product, location) = (movement.product_id, movement.location_id);
            let (kind, moved_at) = (movement.kind, movement.occurred_at);
            self.moved.push((product, location, kind, moved_at, movement.delta_on_hand));
            let from = (product, location, Timestamp::MIN);
            let known = self.on_hand_at.range_mut(from..=(product, location, Timestamp::MAX));
            for ((_, _, at), past) in known {
                past.take_in(*at, kind, moved_at, movement.delta_on_hand);
            }
        }
    }

    fn apply_notices(
        &mut self,
        notices: BTreeMap<NoticeId, KeptNotice>,
        forgotten: &BTreeMap<NoticeId, KeptNotice>,
    ) {
        for notice in forgotten.values() {
            self.notices.extend(notice.keys().map(|key| (key, false)));
        }
        if let Some(old) = &mut self.old_notices {
            old.retain(|id, _| !forgotten.contains_key(id));
        }
        for notice in notices.values() {
            self.notices.extend(notice.keys().map(|key| (key, true)));
        }
        self.kept_notices.extend(notices);
    }

    fn apply_accounts(
        &mut self,
        users: BTreeMap<UserId, Arc<User>>,
        sessions: BTreeMap<SessionId, Session>,
    ) {
        for (id, user) in users {
            let before = self.users.get(&id).and_then(Option::as_ref);
            let was_admin = before.is_some_and(|before| before.is_enabled_admin());
            self.more_admins += i64::from(user.is_enabled_admin()) - i64::from(was_admin);
            if let Some(before) = before.filter(|before| before.email != user.email) {
                self.emails.insert(before.email.clone(), None);
            }
            self.emails.insert(user.email.clone(), Some(id));
            self.users.insert(id, Some(user));
        }
        for (id, session) in sessions {
            let is_new = self.session_version(id) == 0;
            if let Some(open) = self.open_sessions.get_mut(&session.user_id).filter(|_| is_new) {
                open.push(id);
            }
            self.sessions.insert(id, Some(session));
        }
    }
}
