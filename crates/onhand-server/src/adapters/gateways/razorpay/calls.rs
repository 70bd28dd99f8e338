//! The calls. Each that changes something is made once; where an earlier one may have succeeded,
//! the gateway is asked how things stand before it is made again. An answer about something else
//! than what was asked for is no answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use onhand_core::Money;
use onhand_core::ids::OrderId;
use onhand_core::payments::{AttemptState, Capture, Receipts, RefundState, Seen};
use onhand_core::text::GatewayId;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Razorpay;
use super::wire::{self, List, Order, Payment, REFUND_NOTE, Refund};
use crate::adapters::gateways::http::{Effect, Failure, Question, bounded};
use crate::limits::{GATEWAY_CAPTURED_MAX, GATEWAY_PAGE_ROWS_MAX, GATEWAY_PAGES_MAX};

/// By this a refund that is asked for twice is paid out once.
const REFUND_KEY: HeaderName = HeaderName::from_static("x-refund-idempotency");

/// How often a gateway must say the same before it is believed, where its sums do not add up.
const LOOKS: u32 = 3;

const CONTRADICTION: &str = "it says one thing and then another";

/// What a 400 says while somebody else is at the same payment.
const BUSY: &str = "another payment operation is in progress";

pub(super) struct NewOrder<'a> {
    pub(super) order_id: OrderId,
    pub(super) number: u32,
    pub(super) amount: &'a Money,
    pub(super) capture: &'a Capture,
}

pub(super) struct NewRefund<'a> {
    pub(super) order_id: OrderId,
    pub(super) number: u32,
    pub(super) attempt: &'a GatewayId,
    pub(super) amount: Money,
}

impl Razorpay {
    /// An order of the gateway, by which the customer pays. Two of them would do no harm by
    /// themselves, because only one is handed out; the oldest, so that it is always the same.
    pub(super) async fn create_order(
        &self,
        seen: &mut Seen,
        wanted: NewOrder<'_>,
        ask_first: bool,
    ) -> Result<(), Failure> {
        let NewOrder { order_id, number, amount, capture } = wanted;
        let name = self.receipts.intent(order_id, number);
        let is_wanted = |order: &Order, effect| {
            if order.owner(&self.receipts) == Some((order_id, number))
                && order.money() == Ok(*amount)
            {
                return Ok(());
            }
            Err(Failure::strange(effect, "an order over something else than was asked for"))
        };
        if ask_first && let Some(oldest) = self.oldest_order(&name).await? {
            is_wanted(&oldest, Effect::Write)?;
            seen.intents.push(oldest.seen(number));
            return Ok(());
        }
        let body = json!({
            "amount": amount.amount,
            "currency": amount.currency,
            "receipt": name,
            "notes": { "onhand_order": self.receipts.order(order_id) },
            "payment": { "capture": capture },
        });
        let order: Order = self.post(&["orders"], &body, None).await?;
        is_wanted(&order, Effect::Write)?;
        seen.intents.push(order.seen(number));
        Ok(())
    }

    /// Looks whether there is such an order, and makes none.
    pub(super) async fn find_order(
        &self,
        seen: &mut Seen,
        order_id: OrderId,
        number: u32,
    ) -> Result<(), Failure> {
        let found = self.oldest_order(&self.receipts.intent(order_id, number)).await?;
        seen.intents.extend(found.map(|order| order.seen(number)));
        Ok(())
    }

    async fn oldest_order(&self, receipt: &String) -> Result<Option<Order>, Failure> {
        let query = [("receipt", receipt.as_str())];
        let known: List<Order> = self.get(&["orders"], &query).await.map_err(not_settled)?;
        let ours = known.items.into_iter().filter(|order| order.receipt.as_ref() == Some(receipt));
        Ok(ours.min_by_key(|order| order.created_at))
    }

    /// Takes the money that an attempt has set aside. Razorpay takes it once at most, and says no
    /// to the second request: then it is looked at what the first has come to.
    pub(super) async fn capture(
        &self,
        seen: &mut Seen,
        attempt: &GatewayId,
        amount: Money,
        ask_first: bool,
    ) -> Result<(), Failure> {
        if ask_first && self.is_captured(seen, attempt, amount).await? {
            return Ok(());
        }
        let body = json!({ "amount": amount.amount, "currency": amount.currency });
        let path = ["payments", attempt.as_str(), "capture"];
        match self.post::<Payment>(&path, &body, None).await {
            Ok(payment) => {
                let is_taken = is_taken(&payment, amount)?;
                note(seen, &payment, attempt, Effect::Write)?;
                if is_taken {
                    return Ok(());
                }
                Err(Failure::strange(Effect::Write, "a capture after which nothing is captured"))
            }
            Err(Failure::Refused { reason, .. }) if reason.as_str().contains(BUSY) => {
                Err(Failure::Unknown(reason))
            }
            Err(Failure::Refused { status, reason }) => {
                if self.is_captured(seen, attempt, amount).await? {
                    return Ok(());
                }
                Err(Failure::Refused { status, reason })
            }
            Err(failure @ (Failure::Retry { .. } | Failure::Unknown(_))) => Err(failure),
        }
    }

    /// Whether all of it is taken; refused where it cannot be taken any more.
    async fn is_captured(
        &self,
        seen: &mut Seen,
        attempt: &GatewayId,
        amount: Money,
    ) -> Result<bool, Failure> {
        let payment: Payment = self.get(&["payments", attempt.as_str()], &[]).await.map_err(
            |failure| match failure {
                Failure::Retry { reason, .. } => Failure::Unknown(reason),
                Failure::Refused { .. } | Failure::Unknown(_) => failure,
            },
        )?;
        let is_taken = is_taken(&payment, amount)?;
        note(seen, &payment, attempt, Effect::Write)?;
        match payment.state() {
            AttemptState::Failed | AttemptState::Voided => {
                let reason = bounded("nothing is set aside any more");
                Err(Failure::Refused { status: 200, reason })
            }
            AttemptState::Created | AttemptState::Authorized | AttemptState::Captured => {
                Ok(is_taken)
            }
        }
    }

    /// Razorpay has no request to let go of money: it does so by itself, days after nobody took it.
    pub(super) async fn void(&self, seen: &mut Seen, attempt: &GatewayId) -> Result<(), Failure> {
        let path = ["payments", attempt.as_str()];
        let payment: Payment = self.get(&path, &[]).await?;
        if payment.state() == AttemptState::Captured {
            // Nobody has said yet how much that is.
            for _ in 1..LOOKS {
                let again: Payment = self.get(&path, &[]).await?;
                if again.money() != payment.money() || again.state() != payment.state() {
                    return Err(Failure::strange(Effect::Read, CONTRADICTION));
                }
            }
        }
        note(seen, &payment, attempt, Effect::Read)?;
        if payment.state() == AttemptState::Captured {
            return Err(Failure::Refused { status: 200, reason: bounded("captured meanwhile") });
        }
        for attempt in &mut seen.attempts {
            attempt.state = AttemptState::Voided;
        }
        Ok(())
    }

    /// Gives money back.
    pub(super) async fn refund(
        &self,
        seen: &mut Seen,
        wanted: NewRefund<'_>,
        ask_first: bool,
    ) -> Result<(), Failure> {
        let NewRefund { order_id, number, attempt, amount } = wanted;
        let owner = Some((order_id, number));
        if ask_first {
            let known = self.refunds(attempt).await.map_err(not_settled)?;
            if let Some(refund) = known.iter().find(|refund| refund.owner(&self.receipts) == owner)
            {
                return note_refund(seen, &self.receipts, refund, &wanted);
            }
        }
        let name = self.receipts.refund(order_id, number);
        let body = json!({
            "amount": amount.amount,
            "receipt": name,
            "notes": { REFUND_NOTE: name },
        });
        let key = format!("onhand-{name}");
        let path = ["payments", attempt.as_str(), "refund"];
        let refund: Refund = self.post(&path, &body, Some(&key)).await?;
        note_refund(seen, &self.receipts, &refund, &wanted)
    }

    /// How things stand.
    pub(super) async fn fetch(
        &self,
        seen: &mut Seen,
        order_id: OrderId,
        intents: &[GatewayId],
    ) -> Result<(), Failure> {
        for intent in intents {
            let (mut told, adds_up) = self.look(order_id, intent).await?;
            if !adds_up {
                // Sums only grow here: one that was never true would be given back for ever.
                for _ in 1..LOOKS {
                    if self.look(order_id, intent).await?.0 != told {
                        return Err(Failure::strange(Effect::Read, CONTRADICTION));
                    }
                }
            }
            seen.attempts.append(&mut told.attempts);
            seen.refunds.append(&mut told.refunds);
        }
        Ok(())
    }

    /// What is told of one of its orders, and whether its sums add up.
    async fn look(&self, order_id: OrderId, intent: &GatewayId) -> Result<(Seen, bool), Failure> {
        let strange = || Failure::strange(Effect::Read, "a payment of another order");
        let mut told = Seen::default();
        let path = ["orders", intent.as_str(), "payments"];
        let payments = self.all::<Payment>(&path, |payment| &payment.id).await?;
        if payments.is_empty() {
            return Ok((told, true));
        }
        let (mut captured, mut taken, mut adds_up) = (0, 0, true);
        let order: Order = self.get(&["orders", intent.as_str()], &[]).await?;
        for payment in payments {
            let attempt = payment.seen().map_err(|_| strange())?;
            if attempt.intent.as_ref().is_some_and(|other| other != intent) {
                return Err(strange());
            }
            taken += attempt.captured;
            adds_up &= order.money() == payment.money();
            let is_taken = attempt.state == AttemptState::Captured;
            told.attempts.push(attempt);
            // Not only where it says that some went back: a refund that failed does not count.
            if is_taken {
                captured += 1;
                if captured > GATEWAY_CAPTURED_MAX {
                    let reason = "an order that was paid more often than can be";
                    return Err(Failure::strange(Effect::Read, reason));
                }
                let mut back = 0;
                for refund in self.refunds(&payment.id).await? {
                    let refund =
                        refund.seen(&self.receipts, Some(order_id)).map_err(|_| strange())?;
                    let counts = refund.state != RefundState::Failed;
                    back += if counts { refund.amount.amount } else { 0 };
                    told.refunds.push(refund);
                }
                adds_up &= payment.amount_refunded.is_none_or(|sum| sum == back);
            }
        }
        adds_up &= order.amount_paid.is_none_or(|sum| sum == taken);
        Ok((told, adds_up))
    }

    /// Every refund of a payment.
    async fn refunds(&self, attempt: &GatewayId) -> Result<Vec<Refund>, Failure> {
        let path = ["payments", attempt.as_str(), "refunds"];
        let refunds = self.all::<Refund>(&path, |refund| &refund.id).await?;
        if refunds.iter().any(|refund| refund.payment_id != *attempt) {
            return Err(Failure::strange(Effect::Read, "a refund of another payment"));
        }
        Ok(refunds)
    }

    /// Every row of a list, page by page. Some lists of Razorpay know no pages and give everything
    /// each time: what brings nothing new was the last one.
    async fn all<T: DeserializeOwned>(
        &self,
        path: &[&str],
        id: fn(&T) -> &GatewayId,
    ) -> Result<Vec<T>, Failure> {
        let count = GATEWAY_PAGE_ROWS_MAX.to_string();
        let mut all: Vec<T> = Vec::new();
        for page in 0..GATEWAY_PAGES_MAX {
            let skip = (page * GATEWAY_PAGE_ROWS_MAX).to_string();
            let List { mut items } = self.get(path, &[("count", &count), ("skip", &skip)]).await?;
            let many = items.len();
            items.retain(|item| all.iter().all(|known| id(known) != id(item)));
            let is_last = many < GATEWAY_PAGE_ROWS_MAX || items.is_empty();
            all.append(&mut items);
            if is_last {
                return Ok(all);
            }
        }
        Err(Failure::strange(Effect::Read, "a list without end"))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let mut question = self.question(Effect::Read, Method::GET, path);
        if !query.is_empty() {
            question.url.query_pairs_mut().extend_pairs(query);
        }
        self.http.ask(question).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &Value,
        refund_key: Option<&str>,
    ) -> Result<T, Failure> {
        let mut question = self.question(Effect::Write, Method::POST, path);
        if let Some(value) = refund_key.and_then(|key| HeaderValue::from_str(key).ok()) {
            question.headers.insert(REFUND_KEY, value);
        }
        question.body = body.to_string().into_bytes();
        self.http.ask(question).await
    }

    fn question(&self, effect: Effect, method: Method, path: &[&str]) -> Question<'_> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().push("v1").extend(path);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        Question {
            effect,
            method,
            url,
            headers,
            body: Vec::new(),
            keys: "the key and secret of Razorpay",
            read_error: wire::read_error,
        }
    }
}

/// That nobody could look does not say that the earlier try has failed.
fn not_settled(failure: Failure) -> Failure {
    match failure {
        Failure::Retry { reason, .. } | Failure::Refused { reason, .. } => Failure::Unknown(reason),
        Failure::Unknown(_) => failure,
    }
}

/// Takes down what a payment says, if it is the one that was asked about.
fn note(
    seen: &mut Seen,
    payment: &Payment,
    wanted: &GatewayId,
    effect: Effect,
) -> Result<(), Failure> {
    match payment.seen() {
        Ok(attempt) if attempt.id == *wanted => {
            seen.attempts.push(attempt);
            Ok(())
        }
        Ok(_) | Err(_) => Err(Failure::strange(effect, "another payment than was asked about")),
    }
}

/// Whether the money of a payment is taken; a failure where it is other money.
fn is_taken(payment: &Payment, amount: Money) -> Result<bool, Failure> {
    if payment.money() != Ok(amount) {
        return Err(Failure::strange(Effect::Write, "another amount than was to be captured"));
    }
    Ok(payment.state() == AttemptState::Captured)
}

/// Takes down what came of a refund, if it is the one that was asked for.
fn note_refund(
    seen: &mut Seen,
    ours: &Receipts,
    refund: &Refund,
    wanted: &NewRefund<'_>,
) -> Result<(), Failure> {
    let NewRefund { order_id, number, attempt, amount } = wanted;
    let is_wanted = refund.payment_id == **attempt
        && refund.owner(ours) == Some((*order_id, *number))
        && refund.money() == Ok(*amount);
    match refund.seen(ours, Some(*order_id)) {
        Ok(told) if is_wanted => {
            seen.refunds.push(told);
            Ok(())
        }
        Ok(_) | Err(_) => Err(Failure::strange(Effect::Write, "another refund than was asked for")),
    }
}
