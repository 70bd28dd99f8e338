//! What a decision still lacks: the rows that the engine has to load before it asks again.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::Timestamp;
use crate::accounts::Email;
use crate::catalog::ProductRef;
use crate::ids::{
    ApiKeyId, CategoryId, CustomerId, EndpointId, ImportId, JobId, LocationId, OrderId, ProductId,
    ReservationId, SessionId, UserId,
};
use crate::jobs::Queue;
use crate::payments::{NoticeKey, Provider};
use crate::schedules::ScheduleName;
use crate::state::State;
use crate::text::{GatewayId, Reference, Sku};
use crate::warehouse::WarehouseNeeds;

/// Rows to load. A product always comes with its levels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Products by id, with their levels.
    pub products: BTreeSet<ProductId>,
    /// Products by SKU, with their levels.
    pub skus: BTreeSet<Sku>,
    /// Categories.
    pub categories: BTreeSet<CategoryId>,
    /// How many products and categories are filed under these.
    pub category_uses: BTreeSet<CategoryId>,
    /// All locations.
    pub locations: bool,
    /// Reservations.
    pub reservations: BTreeSet<ReservationId>,
    /// Orders.
    pub orders: BTreeSet<OrderId>,
    /// The open orders of these customers.
    pub open_orders: BTreeSet<CustomerId>,
    /// What is owed about the payments of these orders.
    pub effects: BTreeSet<OrderId>,
    /// At most this many effects that are due, oldest first.
    pub due_effects: Option<usize>,
    /// The orders that objects of gateways belong to.
    pub gateway_ids: BTreeSet<(Provider, GatewayId)>,
    /// Messages of gateways, by what they are known by.
    pub notices: BTreeSet<NoticeKey>,
    /// Messages that wait for these orders of gateways to become known.
    pub waiting_notices: BTreeSet<(Provider, GatewayId)>,
    /// At most so many messages that were taken in and came before an instant, oldest first.
    pub old_notices: Option<(Timestamp, usize)>,
    /// Orders by external reference.
    pub references: BTreeSet<Reference>,
    /// What these references hold of these products.
    pub holds_of: BTreeSet<(Reference, ProductId)>,
    /// Holds of these products that have run out.
    pub expired_holds: BTreeSet<ProductId>,
    /// At most this many holds that have run out, oldest first.
    pub due: Option<usize>,
    /// What was on hand at an instant, by `occurred_at`.
    pub on_hand_at: BTreeSet<(ProductId, LocationId, Timestamp)>,
    /// Users.
    pub users: BTreeSet<UserId>,
    /// Who has these e-mail addresses.
    pub emails: BTreeSet<Email>,
    /// How many admins are not disabled.
    pub enabled_admins: bool,
    /// Sessions.
    pub sessions: BTreeSet<SessionId>,
    /// The sessions of these users that have not ended.
    pub open_sessions: BTreeSet<UserId>,
    /// API keys.
    pub api_keys: BTreeSet<ApiKeyId>,
    /// Who reads the log for these queues.
    pub consumers: BTreeSet<Queue>,
    /// Jobs.
    pub jobs: BTreeSet<JobId>,
    /// At most this many jobs of these queues that are due, oldest first, of each lane the first.
    pub due_jobs: BTreeMap<Queue, usize>,
    /// At most so many jobs that ended, and not as dead ones, before an instant.
    pub ended_jobs: Option<(Timestamp, usize)>,
    /// Webhook endpoints.
    pub endpoints: BTreeSet<EndpointId>,
    /// How many webhook endpoints there are.
    pub endpoint_count: bool,
    /// What is done from time to time.
    pub schedules: BTreeSet<ScheduleName>,
    /// What the external warehouse says.
    pub warehouse: WarehouseNeeds,
    /// Imports.
    pub imports: BTreeSet<ImportId>,
}

impl Needs {
    /// Names a product that is not known.
    pub(crate) fn product(&mut self, known: &State, reference: &ProductRef) {
        match reference {
            ProductRef::Id(id) if !known.products.contains_key(id) => {
                self.products.insert(*id);
            }
            ProductRef::Id(_) => {}
            ProductRef::Sku(sku) => self.sku(known, sku),
        }
    }

    /// Names a product that is not known.
    pub(crate) fn sku(&mut self, known: &State, sku: &Sku) {
        if !known.skus.contains_key(sku) {
            self.skus.insert(sku.clone());
        }
    }

    /// Names what a reference holds of a product; of one that is not known, that comes later.
    pub(crate) fn holds_of(&mut self, known: &State, reference: &Reference, product: &ProductRef) {
        let id = match product {
            ProductRef::Id(id) => Some(*id),
            ProductRef::Sku(sku) => known.skus.get(sku).copied().flatten(),
        };
        self.holds_of.extend(id.map(|id| (reference.clone(), id)));
    }

    /// Takes out what only the time of a decision tells: holds that have run out, effects and jobs
    /// that are due.
    pub fn take_timed(&mut self) -> Self {
        let expired_holds = core::mem::take(&mut self.expired_holds);
        let (due, due_effects) = (self.due.take(), self.due_effects.take());
        let due_jobs = core::mem::take(&mut self.due_jobs);
        Self { expired_holds, due, due_effects, due_jobs, ..Self::default() }
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
