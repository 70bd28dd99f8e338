//! How gateways know what they have of us: by the number of the order, behind the mark of the
//! installation. Two installations may share an account, as developers do who share a test account,
//! and both have an order 1: without the mark one would find, and be paid by, what is the other's.

use alloc::format;
use alloc::string::String;

use crate::ids::OrderId;
use crate::limits::RECEIPT_MARK_CHARS;

/// Writes and reads the names of one installation. Razorpay takes letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipts {
    /// With a hyphen behind it; empty where nobody shares the account.
    mark: String,
}

impl Receipts {
    /// Those of an installation, by the hash of its first commit: it stays the same when the
    /// database is copied, and no other installation has it.
    pub fn of(first_commit: &[u8; 32]) -> Self {
        let mut mark: String = first_commit.iter().map(|byte| format!("{byte:02x}")).collect();
        mark.truncate(RECEIPT_MARK_CHARS);
        mark.push('-');
        Self { mark }
    }

    /// Of an order: `5f3a9c1-ord_42`.
    pub fn order(&self, order_id: OrderId) -> String {
        format!("{}{order_id}", self.mark)
    }

    /// Reads an [`order`](Self::order) back, if it is one of ours.
    pub fn read_order(&self, text: &str) -> Option<OrderId> {
        text.strip_prefix(&*self.mark)?.parse().ok()
    }

    /// Of what an order is paid by: `5f3a9c1-ord_42-1`. At most 40 characters, which is what
    /// Razorpay takes.
    pub fn intent(&self, order_id: OrderId, number: u32) -> String {
        format!("{}{order_id}-{number}", self.mark)
    }

    /// Reads an [`intent`](Self::intent) back, if it is one of ours.
    pub fn read_intent(&self, text: &str) -> Option<(OrderId, u32)> {
        self.read(text, "-", Self::intent)
    }

    /// Of a refund: `5f3a9c1-ord_42-r1`. At most 40 characters.
    pub fn refund(&self, order_id: OrderId, number: u32) -> String {
        format!("{}{order_id}-r{number}", self.mark)
    }

    /// Reads a [`refund`](Self::refund) back, if it is one of ours.
    pub fn read_refund(&self, text: &str) -> Option<(OrderId, u32)> {
        self.read(text, "-r", Self::refund)
    }

    /// What was written exactly so.
    fn read(
        &self,
        text: &str,
        between: &str,
        write: fn(&Self, OrderId, u32) -> String,
    ) -> Option<(OrderId, u32)> {
        let (order, number) = text.rsplit_once(between)?;
        let (order_id, number) = (self.read_order(order)?, number.parse().ok()?);
        (write(self, order_id, number) == text).then_some((order_id, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_read_back_and_nothing_else_is() {
        let (order_id, longest) = ("ord_42".parse().unwrap(), crate::ids::ID_MAX);
        let longest = OrderId::new(longest).unwrap();
        for (ours, mark) in [(Receipts::default(), ""), (Receipts::of(&[0xa5; 32]), "a5a5a5a-")] {
            assert_eq!(ours.order(order_id), format!("{mark}ord_42"));
            assert_eq!(ours.read_order(&ours.order(order_id)), Some(order_id));
            let (intent, refund) = (ours.intent(order_id, 1), ours.refund(order_id, 1));
            assert_eq!(intent, format!("{mark}ord_42-1"));
            assert_eq!(ours.read_intent(&intent), Some((order_id, 1)));
            assert_eq!(refund, format!("{mark}ord_42-r1"));
            assert_eq!(ours.read_refund(&refund), Some((order_id, 1)));
            assert_eq!((ours.read_intent(&refund), ours.read_refund(&intent)), (None, None));
            for wrong in [
                "",
                "ord_42",
                "ord_042-r1",
                "-r1",
                "ord_42-r-1",
                "ord_42-r1 ",
                "ord_42-+1",
                "ord_42-r01",
                "-ord_42-1",
                "b5a5a5a-ord_42-1",
            ] {
                for text in [wrong.into(), format!("{mark}{wrong}")] {
                    assert_eq!(ours.read_refund(&text), None, "{text}");
                    assert_eq!(ours.read_intent(&text), None, "{text}");
                }
            }
            for text in [ours.intent(longest, u32::MAX), ours.refund(longest, u32::MAX)] {
                assert!(text.len() <= 40, "{text}");
            }
        }
    }

    #[test]
    fn what_is_another_installations_is_not_ours() {
        let order_id = "ord_1".parse().unwrap();
        let (here, there) = (Receipts::of(&[1; 32]), Receipts::of(&[2; 32]));
        for (one, other) in [(&here, &there), (&there, &here), (&here, &Receipts::default())] {
            assert_eq!(one.read_order(&other.order(order_id)), None);
            assert_eq!(one.read_intent(&other.intent(order_id, 1)), None);
            assert_eq!(one.read_refund(&other.refund(order_id, 1)), None);
        }
    }
}
