//! What everybody is going to do, drawn from the seed before anything is started: the same seed
//! plans the same orders, cancellations, refunds and second payments. When exactly the processes
//! come to it is the machine's own chance.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::random::Random;

/// Products of which there is enough for everybody.
pub(super) const PLENTIFUL: usize = 8;
/// Units of each of these.
pub(super) const PLENTIFUL_UNITS: i64 = 50_000_000;
/// For how long most orders hold their stock, in seconds: longer than the latest payment may take.
const HOLD_SECS: i64 = 9;
/// The longest of those that are meant to run out.
const SHORT_HOLD_SECS_MAX: u64 = 2;
/// One order in so many wants the product that runs out.
const SCARCE_ONE_IN: u64 = 12;
/// Units of it for a hundred orders.
const SCARCE_PER_HUNDRED: u32 = 3;
/// Longest time until a customer changes their mind.
const SECOND_THOUGHT_MILLIS: u64 = 1_500;
/// Most refunds that are asked for one order.
const REFUNDS_MAX: u64 = 4;
/// The largest of them, as a share of what was paid.
const REFUND_PERCENT_MAX: u64 = 60;

/// What is done about an order besides waiting for its money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing.
    Waits,
    /// It is called off after a while.
    Cancels(Duration),
    /// Once it is paid, so many hundredths of that go back, one after the other.
    Refunds(Vec<u64>),
    /// The customer tries once more by hand, with this result.
    PaysAgain(&'static str),
    /// The money is set aside, and an operator takes it.
    Captures,
    /// The money is set aside, and an operator lets it go.
    Voids,
}

/// One order and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Errand {
    /// The order is placed under it; everything else is done under the keys behind it.
    pub(super) key: Uuid,
    product: usize,
    quantity: u32,
    hold_secs: i64,
    pub(super) act: Act,
}

/// The SKU of a product; the one behind the plentiful ones is scarce.
pub(super) fn sku(product: usize) -> String {
    format!("CHAOS-{product}")
}

/// How many units of a product there are for so many orders.
pub(super) fn units(product: usize, payments: u32) -> i64 {
    if product < PLENTIFUL {
        return PLENTIFUL_UNITS;
    }
    i64::from(payments / 100 * SCARCE_PER_HUNDRED).max(1)
}

/// As many errands as there are payments.
pub(super) fn errands(payments: u32, random: &mut Random) -> Vec<Errand> {
    (0..payments).map(|_| errand(random)).collect()
}

fn errand(random: &mut Random) -> Errand {
    let act = act(random);
    let is_short = act == Act::Waits && random.below(12) == 0;
    let short = i64::try_from(1 + random.below(SHORT_HOLD_SECS_MAX)).unwrap_or(1);
    let hold_secs = if is_short { short } else { HOLD_SECS };
    let is_scarce = random.below(SCARCE_ONE_IN) == 0;
    let product = if is_scarce { PLENTIFUL } else { random.index(PLENTIFUL) };
    let quantity = u32::try_from(1 + random.below(3)).unwrap_or(1);
    Errand { key: random.uuid_v4(), product, quantity, hold_secs, act }
}

fn act(random: &mut Random) -> Act {
    match random.below(100) {
        0..10 => Act::Cancels(Duration::from_millis(random.below(SECOND_THOUGHT_MILLIS))),
        10..20 => {
            let count = 1 + random.below(REFUNDS_MAX);
            Act::Refunds((0..count).map(|_| 1 + random.below(REFUND_PERCENT_MAX)).collect())
        }
        20..26 => Act::PaysAgain(["pays", "late", "failed"][random.index(3)]),
        26..31 => Act::Captures,
        31..35 => Act::Voids,
        _ => Act::Waits,
    }
}

impl Errand {
    /// The order.
    pub(super) fn body(&self) -> Bytes {
        let capture = match self.act {
            Act::Captures | Act::Voids => "manual",
            Act::Waits | Act::Cancels(_) | Act::Refunds(_) | Act::PaysAgain(_) => "automatic",
        };
        let payment =
            json!({"provider": "razorpay", "capture": capture, "expires_in_s": self.hold_secs});
        let item = json!({"sku": sku(self.product), "quantity": self.quantity});
        json!({"items": [item], "payment": payment}).to_string().into()
    }

    /// The key of the nth thing that is done about the order.
    pub(super) fn nth_key(&self, number: u128) -> Uuid {
        Uuid::from_u128(self.key.as_u128().wrapping_add(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_plans_the_same_and_plans_everything() {
        let plan = |seed| errands(1_000, &mut Random::seeded(seed));
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
        let plan = plan(1);
        let kinds = |is: fn(&Errand) -> bool| plan.iter().filter(|errand| is(errand)).count();
        assert!(kinds(|one| matches!(one.act, Act::Cancels(_))) > 50);
        assert!(kinds(|one| matches!(&one.act, Act::Refunds(parts) if parts.len() > 1)) > 20);
        assert!(kinds(|one| matches!(one.act, Act::PaysAgain(_))) > 20);
        assert!(kinds(|one| one.act == Act::Captures) > 20);
        assert!(kinds(|one| one.act == Act::Voids) > 10);
        assert!(kinds(|one| one.hold_secs < HOLD_SECS) > 20);
        assert!(kinds(|one| one.product == PLENTIFUL) > 40);
    }
}
