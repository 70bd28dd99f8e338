//! The calls. Each that changes something is made once; where an earlier one may have succeeded,
//! it is looked how things stand before it is made again. An answer about something else than what
//! was asked for is no answer.

use onhand_core::Money;
use onhand_core::ids::OrderId;
use onhand_core::payments::{AttemptState, Capture, Receipts, Seen, SeenAttempt};
use onhand_core::text::GatewayId;

use super::Stripe;
use super::amount::to_stripe;
use super::wire::{Charge, Intent, ORDER_NOTE, RECEIPT_NOTE, REFUND_NOTE, Refund, Strange};
use crate::adapters::gateways::http::{Effect, Failure, bounded};
use crate::limits::{GATEWAY_CAPTURED_MAX, INTENT_FRESH_SECS};

/// Intents are asked for with their newest charge, whatever the version says.
const WITH_CHARGE: (&str, &str) = ("expand[]", "latest_charge");

/// What Stripe says when there is not enough to give back yet.
const TOO_LITTLE: [&str; 2] = ["insufficient_balance", "Insufficient funds in your Stripe balance"];

pub(super) struct NewIntent<'a> {
    pub(super) order_id: OrderId,
    pub(super) number: u32,
    pub(super) amount: Money,
    pub(super) capture: &'a Capture,
}

pub(super) struct NewRefund<'a> {
    pub(super) order_id: OrderId,
    pub(super) number: u32,
    pub(super) attempt: &'a GatewayId,
    pub(super) amount: Money,
}

/// An attempt whose money is set aside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) intent: Option<&'a GatewayId>,
    pub(super) attempt: &'a GatewayId,
}

impl Stripe {
    /// An intent, by which the customer pays. Within a day the key gives that of an earlier try.
    /// Later there may be two, which does no harm: nobody was given the secret of the first, and
    /// nobody can pay without. Looking for it would not help: lists cannot be asked by notes, and
    /// the search by them is behind by a minute or more and not there in every country.
    pub(super) async fn create_intent(
        &self,
        seen: &mut Seen,
        wanted: NewIntent<'_>,
        ask_first: bool,
    ) -> Result<(), Failure> {
        let NewIntent { order_id, number, amount, capture } = wanted;
        let name = self.receipts.intent(order_id, number);
        let form = [
            ("amount", &*count(amount)?),
            ("currency", &*amount.currency.code().to_ascii_lowercase()),
            ("capture_method", method(*capture)),
            ("automatic_payment_methods[enabled]", "true"),
            (&*in_notes(ORDER_NOTE), &*self.receipts.order(order_id)),
            (&*in_notes(RECEIPT_NOTE), &name),
        ];
        let key = format!("onhand-{name}");
        let intent: Intent = self.post(&["payment_intents"], &form, Some(&key)).await?;
        let told = intent.seen(number);
        let is_wanted = intent.owner(&self.receipts) == Some((order_id, number))
            && intent.money() == Ok(amount)
            && told.client_secret.is_some();
        if !is_wanted {
            let reason = "an intent over something else than was asked for";
            return Err(Failure::strange(Effect::Write, reason));
        }
        let is_fresh = self.clock.now().as_second() <= intent.created + INTENT_FRESH_SECS;
        if ask_first || !is_fresh {
            self.check_unused(&intent.id).await?;
        }
        seen.intents.push(told);
        Ok(())
    }

    /// Whether nobody has used an intent whose secret nobody can have. Otherwise there was another
    /// order of this number, before the database was replaced by another one or an older copy, and
    /// what was paid for that one must not pay for this one. The answer to the key does not tell:
    /// it is as it was at first.
    async fn check_unused(&self, id: &GatewayId) -> Result<(), Failure> {
        let path = ["payment_intents", id.as_str()];
        let intent: Intent = self.get(&path, &[]).await.map_err(not_settled)?;
        if intent.id != *id {
            return Err(Failure::strange(Effect::Write, "another intent than was asked about"));
        }
        if intent.is_tried() || intent.is_canceled() {
            return Err(refused("another order of this number was paid at this account before"));
        }
        Ok(())
    }

    /// Takes the money that an attempt has set aside. Stripe takes it once at most, and says no to
    /// the second request: then it is looked at what the first has come to. Where it was looked
    /// before, the key is left out: it would only bring back the answer of a try that failed.
    pub(super) async fn capture(
        &self,
        seen: &mut Seen,
        held: Held<'_>,
        amount: Money,
        ask_first: bool,
    ) -> Result<(), Failure> {
        let count = count(amount)?;
        let intent = self.intent_of(held, ask_first).await?;
        if ask_first && self.is_captured(seen, &intent, held.attempt, amount).await? {
            return Ok(());
        }
        let path = ["payment_intents", intent.as_str(), "capture"];
        let form = [("amount_to_capture", &*count), WITH_CHARGE];
        let key = format!("onhand-capture-{}", held.attempt);
        let key = (!ask_first).then_some(&*key);
        match self.post::<Intent>(&path, &form, key).await {
            Ok(answer) => {
                let attempt = about(&answer, &intent, held.attempt)?;
                let is_taken = is_taken(&attempt, amount)?;
                seen.attempts.push(attempt);
                if is_taken {
                    return Ok(());
                }
                Err(Failure::strange(Effect::Write, "a capture after which nothing is captured"))
            }
            Err(Failure::Refused { status, reason }) => {
                if self.is_captured(seen, &intent, held.attempt, amount).await? {
                    return Ok(());
                }
                Err(Failure::Refused { status, reason })
            }
            Err(failure @ (Failure::Retry { .. } | Failure::Unknown(_))) => Err(failure),
        }
    }

    /// Whether it is taken; refused where it cannot be taken any more.
    async fn is_captured(
        &self,
        seen: &mut Seen,
        intent: &GatewayId,
        attempt: &GatewayId,
        amount: Money,
    ) -> Result<bool, Failure> {
        let attempt = self.look(intent, attempt).await?;
        let is_taken = is_taken(&attempt, amount)?;
        let state = attempt.state;
        seen.attempts.push(attempt);
        match state {
            AttemptState::Failed | AttemptState::Voided => {
                Err(refused("nothing is set aside any more"))
            }
            AttemptState::Created | AttemptState::Authorized | AttemptState::Captured => {
                Ok(is_taken)
            }
        }
    }

    /// Lets go of what an attempt has set aside. The intent is over then.
    pub(super) async fn void(
        &self,
        seen: &mut Seen,
        held: Held<'_>,
        ask_first: bool,
    ) -> Result<(), Failure> {
        let intent = self.intent_of(held, ask_first).await?;
        if ask_first && self.is_let_go(seen, &intent, held.attempt).await? {
            return Ok(());
        }
        let path = ["payment_intents", intent.as_str(), "cancel"];
        match self.post::<Intent>(&path, &[WITH_CHARGE], None).await {
            Ok(answer) => {
                let attempt = about(&answer, &intent, held.attempt)?;
                let is_let_go = is_let_go(&attempt)?;
                seen.attempts.push(attempt);
                if is_let_go {
                    return Ok(());
                }
                Err(Failure::strange(Effect::Write, "a cancellation that cancelled nothing"))
            }
            Err(Failure::Refused { status, reason }) => {
                if self.is_let_go(seen, &intent, held.attempt).await? {
                    return Ok(());
                }
                Err(Failure::Refused { status, reason })
            }
            Err(failure @ (Failure::Retry { .. } | Failure::Unknown(_))) => Err(failure),
        }
    }

    /// Whether nothing is set aside; refused where it is taken.
    async fn is_let_go(
        &self,
        seen: &mut Seen,
        intent: &GatewayId,
        attempt: &GatewayId,
    ) -> Result<bool, Failure> {
        let attempt = self.look(intent, attempt).await?;
        seen.attempts.push(attempt.clone());
        is_let_go(&attempt)
    }

    /// How an attempt stands. That nobody could look does not say that an earlier try has failed.
    async fn look(&self, intent: &GatewayId, attempt: &GatewayId) -> Result<SeenAttempt, Failure> {
        let path = ["payment_intents", intent.as_str()];
        let found: Intent = self.get(&path, &[WITH_CHARGE]).await.map_err(not_settled)?;
        about(&found, intent, attempt)
    }

    /// The intent of an attempt; asked for where we were not told.
    async fn intent_of(&self, held: Held<'_>, ask_first: bool) -> Result<GatewayId, Failure> {
        if let Some(intent) = held.intent {
            return Ok(intent.clone());
        }
        let charge = self.get::<Charge>(&["charges", held.attempt.as_str()], &[]).await;
        let charge =
            charge.map_err(|failure| if ask_first { not_settled(failure) } else { failure })?;
        if charge.id != *held.attempt {
            return Err(Failure::strange(Effect::Read, "another charge than was asked about"));
        }
        charge.intent().cloned().ok_or_else(|| refused("the charge belongs to no intent"))
    }

    /// Gives money back. The key outlives a day at least; after that the refund is found by its
    /// note, because lists of refunds are never behind.
    pub(super) async fn refund(
        &self,
        seen: &mut Seen,
        wanted: NewRefund<'_>,
        ask_first: bool,
    ) -> Result<(), Failure> {
        let NewRefund { order_id, number, attempt, amount } = wanted;
        let count = count(amount)?;
        if ask_first {
            let known = self.refunds(attempt).await.map_err(not_settled)?;
            let owner = Some((order_id, number));
            if let Some(refund) = known.iter().find(|refund| refund.owner(&self.receipts) == owner)
            {
                return note_refund(seen, &self.receipts, refund, &wanted);
            }
        }
        let name = self.receipts.refund(order_id, number);
        let form =
            [("charge", attempt.as_str()), ("amount", &*count), (&*in_notes(REFUND_NOTE), &name)];
        let key = format!("onhand-{name}");
        match self.post::<Refund>(&["refunds"], &form, Some(&key)).await {
            Ok(refund) => note_refund(seen, &self.receipts, &refund, &wanted),
            Err(Failure::Refused { reason, .. })
                if TOO_LITTLE.iter().any(|words| reason.as_str().contains(words)) =>
            {
                Err(Failure::Retry { reason, after: None })
            }
            Err(failure) => Err(failure),
        }
    }

    /// How things stand.
    pub(super) async fn fetch(
        &self,
        seen: &mut Seen,
        order_id: OrderId,
        intents: &[GatewayId],
    ) -> Result<(), Failure> {
        let mut captured = 0;
        for id in intents {
            let path = ["payment_intents", id.as_str()];
            let intent: Intent = self.get(&path, &[WITH_CHARGE]).await?;
            if intent.id != *id {
                return Err(Failure::strange(Effect::Read, "another intent than was asked about"));
            }
            if !intent.is_tried() {
                continue;
            }
            let of = ("payment_intent", id);
            for charge in self.all::<Charge>(&["charges"], of, |charge| &charge.id).await? {
                let attempt = intent.attempt_of(&charge).map_err(|Strange| {
                    Failure::strange(Effect::Read, "a charge of another intent")
                })?;
                let is_taken = attempt.state == AttemptState::Captured;
                seen.attempts.push(attempt);
                // Not only where some is said to have gone back: what failed on its way does not
                // count there any more.
                if is_taken {
                    captured += 1;
                    if captured > GATEWAY_CAPTURED_MAX {
                        let reason = "an order that was paid more often than can be";
                        return Err(Failure::strange(Effect::Read, reason));
                    }
                    self.fetch_refunds(seen, order_id, &charge.id).await?;
                }
            }
        }
        Ok(())
    }

    async fn fetch_refunds(
        &self,
        seen: &mut Seen,
        order_id: OrderId,
        attempt: &GatewayId,
    ) -> Result<(), Failure> {
        for refund in
            self.refunds(attempt).await?.iter().filter(|refund| refund.counts(&self.receipts))
        {
            let told = refund.seen(&self.receipts, Some(order_id));
            seen.refunds.push(told.map_err(|Strange| {
                Failure::strange(Effect::Read, "a refund that cannot be one")
            })?);
        }
        Ok(())
    }

    /// Every refund of a charge.
    async fn refunds(&self, attempt: &GatewayId) -> Result<Vec<Refund>, Failure> {
        let refunds =
            self.all::<Refund>(&["refunds"], ("charge", attempt), |refund| &refund.id).await?;
        if refunds.iter().any(|refund| refund.attempt() != Some(attempt)) {
            return Err(Failure::strange(Effect::Read, "a refund of another charge"));
        }
        Ok(refunds)
    }
}

/// That nobody could look does not say that the earlier try has failed.
fn not_settled(failure: Failure) -> Failure {
    match failure {
        Failure::Retry { reason, .. } | Failure::Refused { reason, .. } => Failure::Unknown(reason),
        Failure::Unknown(_) => failure,
    }
}

fn refused(reason: &str) -> Failure {
    Failure::Refused { status: 200, reason: bounded(reason) }
}

/// An amount as it is written into a form.
fn count(amount: Money) -> Result<String, Failure> {
    to_stripe(amount).map(|count| count.to_string()).map_err(|error| refused(&error.to_string()))
}

/// The name of a field of a form.
fn in_notes(note: &str) -> String {
    format!("metadata[{note}]")
}

const fn method(capture: Capture) -> &'static str {
    match capture {
        Capture::Automatic => "automatic",
        Capture::Manual => "manual",
    }
}

/// What an intent says about an attempt, if it is the one that was asked about.
fn about(answer: &Intent, intent: &GatewayId, attempt: &GatewayId) -> Result<SeenAttempt, Failure> {
    match answer.attempt() {
        Ok(Some(told)) if answer.id == *intent && told.id == *attempt => Ok(told),
        Ok(_) | Err(Strange) => {
            Err(Failure::strange(Effect::Write, "another charge than was asked about"))
        }
    }
}

/// Whether the money of an attempt is taken; a failure where it is other money.
fn is_taken(attempt: &SeenAttempt, amount: Money) -> Result<bool, Failure> {
    if attempt.amount != amount {
        return Err(Failure::strange(Effect::Write, "another amount than was to be captured"));
    }
    Ok(attempt.state == AttemptState::Captured)
}

/// Whether nothing is set aside; refused where it is taken.
fn is_let_go(attempt: &SeenAttempt) -> Result<bool, Failure> {
    match attempt.state {
        AttemptState::Captured => Err(refused("captured meanwhile")),
        AttemptState::Failed | AttemptState::Voided => Ok(true),
        AttemptState::Created | AttemptState::Authorized => Ok(false),
    }
}

/// Takes down what came of a refund, if it is the one that was asked for.
fn note_refund(
    seen: &mut Seen,
    ours: &Receipts,
    refund: &Refund,
    wanted: &NewRefund<'_>,
) -> Result<(), Failure> {
    let NewRefund { order_id, number, attempt, amount } = wanted;
    let is_wanted = refund.attempt() == Some(*attempt)
        && refund.owner(ours) == Some((*order_id, *number))
        && refund.money() == Ok(*amount);
    match refund.seen(ours, Some(*order_id)) {
        Ok(told) if is_wanted => {
            seen.refunds.push(told);
            Ok(())
        }
        Ok(_) | Err(Strange) => {
            Err(Failure::strange(Effect::Write, "another refund than was asked for"))
        }
    }
}
