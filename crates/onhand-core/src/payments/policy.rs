//! What a shop decides about payments in general. The same for every process on one database.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::named::named;

named! {
    /// What happens when an order is paid after its hold has run out and somebody has ended it.
    LatePayment {
        /// Its stock is held again where there is enough; else the money goes back.
        Reserve = "reserve",
        /// The money goes back.
        Refund = "refund",
    }
}

/// What a shop decides about payments in general.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What happens to a payment that comes too late.
    pub late: LatePayment,
    /// After how many seconds the gateway is asked how things stand when it says nothing: after the
    /// first of them for the first time, and so on; the last is repeated.
    pub poll_secs: Vec<i64>,
    /// For how long an order's stock is held at least once its payment is authorised.
    pub authorized_hold_secs: i64,
    /// How long a gateway that takes authorised money by itself is given to do so.
    pub capture_wait_secs: i64,
    /// How often a call is tried before somebody has to look at it.
    pub tries_max: u32,
}

impl Default for Policy {
    /// Asks after a quarter of an hour, and for three days: so long may a bank take.
    fn default() -> Self {
        const HOUR: i64 = 60 * 60;
        Self {
            late: LatePayment::Reserve,
            poll_secs: alloc::vec![HOUR / 4, HOUR, 6 * HOUR, 24 * HOUR, 72 * HOUR],
            authorized_hold_secs: HOUR / 2,
            capture_wait_secs: 10,
            tries_max: 12,
        }
    }
}

impl Policy {
    /// Seconds until the gateway is asked again after so many times; at least one.
    pub(crate) fn poll_after(&self, polls: u32) -> i64 {
        let last = self.poll_secs.last();
        let nth = usize::try_from(polls).ok().and_then(|polls| self.poll_secs.get(polls));
        nth.or(last).copied().unwrap_or(1).max(1)
    }

    /// Whether an order that has ended was asked about often enough.
    pub(crate) fn is_enough(&self, polls: u32) -> bool {
        usize::try_from(polls).map_or(true, |polls| polls >= self.poll_secs.len())
    }
}
