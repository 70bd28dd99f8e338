//! One type per kind of id, from one registry. Ids are integers below 2^53, handed out by the store
//! in blocks; their text form carries a prefix (`ord_42`), so that one kind is never taken for
//! another.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// The largest id: 2^53 - 1, the largest integer every JSON reader keeps exactly.
pub const ID_MAX: i64 = (1 << 53) - 1;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_42`")]
pub struct ParseIdError {
    /// The prefix that ids of the wanted kind have.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;

            /// An id from its number; `None` outside `1..=`[`ID_MAX`].
            pub const fn new(number: i64) -> Option<Self> {
                if number >= 1 && number <= ID_MAX { Some(Self(number)) } else { None }
            }

            /// The bare number, as stores and dialects use it.
            pub const fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = ParseIdError { prefix: $prefix };
                let digits = text.strip_prefix(concat!($prefix, "_")).ok_or(error.clone())?;
                let canonical = !digits.is_empty()
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
                    && !digits.starts_with('0');
                if !canonical {
                    return Err(error);
                }
                digits.parse().ok().and_then(Self::new).ok_or(error)
            }
        }
    )+};
}

ids! {
    /// A product: what is sold under one SKU.
    ProductId = "prd";
    /// A category that products are filed under.
    CategoryId = "cat";
    /// A place where stock is kept.
    LocationId = "loc";
    /// A promise of stock.
    ReservationId = "res";
    /// A sale.
    OrderId = "ord";
    /// A customer, as the caller names it. One with an account has the number of its user.
    CustomerId = "cus";
    /// Somebody with an account.
    UserId = "usr";
    /// A time for which somebody is logged in: a family of refresh tokens.
    SessionId = "ses";
    /// A key of a program.
    ApiKeyId = "key";
    /// A payment. It has the number of its order.
    PaymentId = "pay";
    /// What is owed to the outside about an order's payment. It has the number of its order.
    EffectId = "eff";
    /// A message of a gateway.
    NoticeId = "ntc";
    /// A webhook endpoint.
    EndpointId = "whe";
    /// Something to be done once.
    JobId = "job";
    /// A run against the external warehouse.
    SyncId = "syn";
}

impl PaymentId {
    /// The payment of an order.
    pub const fn of_order(order: OrderId) -> Self {
        Self(order.0)
    }

    /// The order that it pays.
    pub const fn order(self) -> OrderId {
        OrderId(self.0)
    }
}

impl EffectId {
    /// What is owed about the payment of an order.
    pub const fn of_order(order: OrderId) -> Self {
        Self(order.0)
    }

    /// The order.
    pub const fn order(self) -> OrderId {
        OrderId(self.0)
    }
}

impl CustomerId {
    /// The customer that a user is.
    pub const fn of_user(user: UserId) -> Self {
        Self(user.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_form_carries_the_kind() {
        let order = OrderId::new(42).unwrap();
        assert_eq!(order.to_string(), "ord_42");
        assert_eq!("ord_42".parse::<OrderId>(), Ok(order));
        for wrong in ["42", "prd_42", "ord_", "ord_0", "ord_042", "ord_-1", "ord_9007199254740992"]
        {
            assert!(wrong.parse::<OrderId>().is_err(), "{wrong}");
        }
    }
}
