//! What is promised of payments. Their money is counted anew from each order as its newest event
//! left it; what is owed then is held against the effects, and the names that gateways have for
//! things against the table that says whose they are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use onhand_core::orders::Order;
use onhand_core::payments::{owes, violations};

use super::{Evidence, Finds, Offenders, Rule, Span};
use crate::report::Check;
use crate::stored::stored_count;

/// What is owed about orders of a span of ids.
const EFFECTS: &str = "SELECT order_id, state, '' FROM effects \
     WHERE order_id > $1 AND order_id <= $2";
/// What is promised of them in SQL.
pub(super) const RULES: &[Rule<'static>] = &[
    Rule {
        id: "effects",
        promise: "what is owed is owed about an order, and is not kept once it is done",
        is_quick: false,
        counted: &["SELECT count(*) FROM effects"],
        finds: &[Finds::All(
            "SELECT 'eff_' || f.order_id || ': ' || f.state FROM effects f \
             LEFT JOIN orders o ON o.id = f.order_id \
             WHERE o.id IS NULL OR f.state NOT IN ('waiting', 'dead')",
        )],
    },
    // What a gateway names may be gone from a payment, which keeps a bounded number of tries, and
    // its order never is. No text within a document has a quotation mark that is not escaped.
    Rule {
        id: "I11",
        promise: "what a gateway has a name for belongs to an order that has a payment",
        is_quick: false,
        counted: &["SELECT count(*) FROM gateway_ids"],
        finds: &[Finds::All(
            "SELECT g.provider || ' ' || g.gateway_id || ' of ord_' || g.order_id \
             FROM gateway_ids g LEFT JOIN orders o ON o.id = g.order_id \
             LEFT JOIN events e ON e.seq = o.last_event \
             WHERE e.body IS NULL OR e.body NOT LIKE '%\"payment\":{%'",
        )],
    },
];

/// What breaks the promises of payments.
#[derive(Default)]
pub(super) struct Found {
    payments: i64,
    owing: i64,
    named: i64,
    money: Offenders,
    effects: Offenders,
    names: Offenders,
}

impl Found {
    /// Looks at the orders of a span of ids.
    pub(super) async fn look<E: Evidence>(
        &mut self,
        evidence: &mut E,
        span: Span,
        orders: &[Arc<Order>],
    ) -> Result<(), E::Error> {
        let mut effects: HashMap<i64, String> = HashMap::new();
        let mut tell = |id, state: &str, _: &str| {
            effects.insert(id, state.to_owned());
        };
        evidence.told(EFFECTS, span, &mut tell).await?;
        let mut names: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for order in orders {
            let id = order.id.number();
            self.payments += i64::from(order.payment.is_some());
            for wrong in violations(order) {
                self.money.add(format!("ord_{id}: {wrong}"));
            }
            let has_effect = effects.remove(&id).is_some();
            self.owing += i64::from(has_effect);
            match (owes(order), has_effect) {
                (true, false) => self.effects.add(format!("ord_{id} owes what nobody does")),
                (false, true) => self.effects.add(format!("ord_{id} owes nothing")),
                (true, true) | (false, false) => {}
            }
            for name in names_of(order) {
                names.entry(name).or_default().push(id);
            }
        }
        self.named += stored_count(names.len());
        let asked: Vec<&str> = names.keys().copied().collect();
        let mut tell = |name: &str, owner: i64| {
            if let Some(orders) = names.get_mut(name) {
                orders.retain(|id| *id != owner);
            }
        };
        if !asked.is_empty() {
            evidence.gateway_ids(&asked, &mut tell).await?;
        }
        for (name, orders) in names {
            for id in orders {
                self.names.add(format!("ord_{id}: {name} is not known to be its own"));
            }
        }
        Ok(())
    }

    /// What was found.
    pub(super) fn into_checks(self) -> [Check; 3] {
        [
            self.money.into_check(
                "I10",
                "no more is taken than is due, given back than was taken, or kept of an order \
                 that ended",
                self.payments,
            ),
            self.names.into_check(
                "I11",
                "what a gateway has a name for belongs to one order, and is counted there once",
                self.named,
            ),
            self.effects.into_check(
                "effects",
                "what is owed to a gateway has an effect, and nothing else has",
                self.owing,
            ),
        ]
    }
}

/// What a gateway calls the parts of a payment that are the order's for ever.
fn names_of(order: &Order) -> impl Iterator<Item = &str> {
    let payment = order.payment.iter();
    payment.flat_map(|payment| {
        let intents = payment.intents.iter().filter_map(|intent| intent.gateway_id.as_ref());
        let attempts = payment.attempts.iter().map(|attempt| &attempt.id);
        intents.chain(attempts).map(|id| id.as_str())
    })
}
