//! A gateway in memory, as forgetful clients need it and as naive as can be: it does what it is
//! told, as often as it is told, and keeps its own books. Whoever asks twice without looking is
//! charged twice.

use onhand_core::effects::Outcome;
use onhand_core::ids::OrderId;
use onhand_core::payments::{
    AttemptState, Call, Notice, Provider, RefundState, Seen, SeenAttempt, SeenIntent, SeenRefund,
    Task,
};
use onhand_core::text::{GatewayId, Reference, Text};
use onhand_core::{Currency, Money};

/// A payment at the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Paid {
    pub(crate) id: GatewayId,
    pub(crate) intent: GatewayId,
    pub(crate) state: AttemptState,
    pub(crate) amount: Money,
    pub(crate) refunds: Vec<SeenRefund>,
}

/// Everything that the gateway knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gateway {
    /// Its orders: whose they are, and what is due.
    pub(crate) intents: Vec<(OrderId, SeenIntent, Money)>,
    pub(crate) paid: Vec<Paid>,
    /// Messages that were made, in their order.
    pub(crate) sent: Vec<Notice>,
    /// Whether it takes the money by itself.
    pub(crate) takes: bool,
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

impl Paid {
    fn seen(&self) -> SeenAttempt {
        let is_taken = self.state == AttemptState::Captured;
        SeenAttempt {
            id: self.id.clone(),
            intent: Some(self.intent.clone()),
            state: self.state,
            amount: self.amount,
            captured: if is_taken { self.amount.amount } else { 0 },
            failure: (self.state == AttemptState::Failed).then(|| text("the bank said no")),
        }
    }

    pub(crate) fn given_back(&self) -> i64 {
        let done = self.refunds.iter().filter(|one| one.state == RefundState::Processed);
        done.map(|one| one.amount.amount).sum()
    }
}

impl Gateway {
    /// Minor units that it has taken and not given back.
    pub(crate) fn keeps(&self, currency: Currency) -> i64 {
        let taken = self.paid.iter().filter(|one| one.state == AttemptState::Captured);
        let taken = taken.filter(|one| one.amount.currency == currency);
        taken.map(|one| one.amount.amount - one.given_back()).sum()
    }

    /// Does what it is asked, and tells what came of it.
    pub(crate) fn perform(&mut self, task: &Task) -> (Seen, Outcome) {
        let mut seen = Seen::default();
        let outcome = match &task.call {
            Call::CreateIntent { number, amount, .. } => {
                let known = self.intents.iter().find(|(order_id, intent, _)| {
                    task.ask_first && *order_id == task.order_id && intent.number == *number
                });
                let intent = match known {
                    Some((_, intent, _)) => intent.clone(),
                    None => self.open(task.order_id, *number, *amount),
                };
                seen.intents.push(intent);
                Outcome::Done
            }
            Call::FindIntent { number } => {
                let known = self.intents.iter().find(|(order_id, intent, _)| {
                    *order_id == task.order_id && intent.number == *number
                });
                seen.intents.extend(known.map(|(_, intent, _)| intent.clone()));
                Outcome::Done
            }
            Call::Capture { attempt, amount, .. } => {
                let outcome = self.move_to(attempt, AttemptState::Captured, *amount);
                seen.attempts.push(self.find(attempt).seen());
                outcome
            }
            Call::Void { attempt, .. } => {
                let amount = self.find(attempt).amount;
                let outcome = self.move_to(attempt, AttemptState::Voided, amount);
                seen.attempts.push(self.find(attempt).seen());
                outcome
            }
            Call::Refund { number, attempt, amount } => {
                let known = self
                    .find(attempt)
                    .refunds
                    .iter()
                    .find(|one| task.ask_first && one.number == Some(*number));
                let refund = match known {
                    Some(refund) => refund.clone(),
                    None => self.give_back(attempt, *number, *amount),
                };
                seen.refunds.push(refund);
                Outcome::Done
            }
            Call::Fetch { intents } => {
                for paid in self.paid.iter().filter(|paid| intents.contains(&paid.intent)) {
                    seen.attempts.push(paid.seen());
                    seen.refunds.extend(paid.refunds.clone());
                }
                Outcome::Done
            }
        };
        (seen, outcome)
    }

    fn open(&mut self, order_id: OrderId, number: u32, amount: Money) -> SeenIntent {
        let name = format!("order_{order_id}-{number}_{}", self.intents.len());
        let id = GatewayId::new(name).unwrap();
        let intent = SeenIntent { number, id, client_secret: None };
        self.intents.push((order_id, intent.clone(), amount));
        intent
    }

    fn find(&self, id: &GatewayId) -> &Paid {
        self.paid.iter().find(|paid| paid.id == *id).unwrap()
    }

    /// Takes or lets go of what is set aside; says no to everything else, unless it is done.
    fn move_to(&mut self, id: &GatewayId, to: AttemptState, amount: Money) -> Outcome {
        let paid = self.paid.iter_mut().find(|paid| paid.id == *id).unwrap();
        assert_eq!(paid.amount, amount, "all that is set aside or nothing");
        if paid.state == to {
            return Outcome::Done;
        }
        if paid.state != AttemptState::Authorized {
            return Outcome::Declined(text("not authorised any more"));
        }
        paid.state = to;
        self.tell(id);
        Outcome::Done
    }

    fn give_back(&mut self, id: &GatewayId, number: u32, amount: Money) -> SeenRefund {
        let count: usize = self.paid.iter().map(|paid| paid.refunds.len()).sum();
        let paid = self.paid.iter_mut().find(|paid| paid.id == *id).unwrap();
        assert_eq!(paid.state, AttemptState::Captured);
        let refund = SeenRefund {
            id: GatewayId::new(format!("rfnd_{count}")).unwrap(),
            attempt: id.clone(),
            number: Some(number),
            amount,
            state: RefundState::Processed,
            failure: None,
        };
        paid.refunds.push(refund.clone());
        assert!(paid.given_back() <= paid.amount.amount, "gave back more than it took");
        self.tell(id);
        refund
    }

    /// A customer tries to pay by the newest of the gateway's orders.
    pub(crate) fn pay(&mut self, state: AttemptState) {
        let Some((_, intent, amount)) = self.intents.last().cloned() else { return };
        // One that was paid is not paid again; only what had failed may come late.
        let is_paid = |one: &Paid| one.intent == intent.id && one.state >= AttemptState::Authorized;
        if self.paid.iter().any(is_paid) {
            return;
        }
        let id = GatewayId::new(format!("pay_{}", self.paid.len())).unwrap();
        let (intent, refunds) = (intent.id, Vec::new());
        self.paid.push(Paid { id: id.clone(), intent, state, amount, refunds });
        self.tell(&id);
        if self.takes && state == AttemptState::Authorized {
            self.move_to(&id, AttemptState::Captured, amount);
        }
    }

    /// What failed succeeds after all: the bank answered late.
    pub(crate) fn succeed_late(&mut self) {
        let failed = self.paid.iter_mut().find(|paid| paid.state == AttemptState::Failed);
        if let Some(paid) = failed {
            paid.state = AttemptState::Authorized;
            let (id, amount) = (paid.id.clone(), paid.amount);
            self.tell(&id);
            if self.takes {
                self.move_to(&id, AttemptState::Captured, amount);
            }
        }
    }

    /// Makes a message of where a payment is now.
    fn tell(&mut self, id: &GatewayId) {
        let paid = self.find(id);
        let seen =
            Seen { attempts: vec![paid.seen()], refunds: paid.refunds.clone(), ..Seen::default() };
        let number = self.sent.len();
        let mut body_hash = [0; 32];
        body_hash[..8].copy_from_slice(&number.to_le_bytes());
        self.sent.push(Notice {
            provider: Provider::Razorpay,
            event_id: Reference::new(format!("evt_{number}")).unwrap(),
            body_hash,
            kind: Reference::new("payment").unwrap(),
            order_id: None,
            seen,
        });
    }
}
