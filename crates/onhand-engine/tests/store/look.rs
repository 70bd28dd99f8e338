//! The questions that the suite asks of a reader. None may fail, and what is asked for is there.

use onhand_core::Timestamp;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{OrderId, ReservationId};
use onhand_core::inventory::{Level, Movement, Reservation};
use onhand_core::orders::Order;
use onhand_engine::Reader;
use onhand_engine::query::{LedgerClock, Moment, OrderFilter};

/// A reader that must answer.
pub(crate) struct Look(pub(crate) Reader);

impl Look {
    pub(crate) async fn order(&self, id: OrderId) -> Order {
        self.0.order(id, None).await.unwrap().unwrap()
    }

    pub(crate) async fn reservation(&self, id: ReservationId) -> Reservation {
        self.0.reservation(id).await.unwrap().unwrap().reservation
    }

    /// The types of an order's events, oldest first.
    pub(crate) async fn timeline(&self, id: OrderId) -> Vec<String> {
        let events = self.0.timeline(id, None).await.unwrap().unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    pub(crate) async fn levels(&self, product: ProductRef, at: Option<Timestamp>) -> Vec<Level> {
        let moment = |at| Moment { at, clock: LedgerClock::Recorded };
        self.0.stock(product, at.map(moment)).await.unwrap().unwrap().levels
    }

    /// On hand at an instant, and the terms of which it is the sum.
    pub(crate) async fn explained(&self, product: ProductRef, moment: Moment) -> (i64, Vec<i64>) {
        let explanation = self.0.explain(product, Some(moment)).await.unwrap().unwrap();
        assert_eq!(explanation.open, None, "the past names nobody");
        let on_hand = explanation.levels.iter().map(|level| level.on_hand).sum();
        (on_hand, explanation.terms.iter().map(|term| term.units).collect())
    }

    /// A page of orders, newest first, and where the next one begins.
    pub(crate) async fn orders(
        &self,
        filter: &OrderFilter,
        before: Option<i64>,
        rows: usize,
    ) -> (Vec<Order>, Option<i64>) {
        let page = self.0.orders(filter.clone(), before, rows).await.unwrap();
        (page.rows, page.next)
    }

    /// A page of the ledger, newest first, and where it goes on.
    pub(crate) async fn movements(
        &self,
        product: ProductRef,
        heads: Option<Vec<i64>>,
        rows: usize,
    ) -> (Vec<Movement>, Vec<i64>) {
        self.0.movements(product, heads, rows).await.unwrap().unwrap()
    }
}
