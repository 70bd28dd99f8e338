//! What operators are told: what nobody else will see to. It names no customer.

use onhand_core::ids::EffectId;
use onhand_core::jobs::DeadLetter;
use onhand_core::orders::Order;
use onhand_core::payments::RefundState;
use onhand_core::text::Name;

use super::letter::{Letter, money, one_line};
use super::templates::Facts;
use crate::limits::MAIL_ABOUT_CHARS_MAX;

/// What a mail is about, for its subject.
pub(super) fn about(facts: &Facts<'_>) -> String {
    let about = match facts {
        Facts::Order(order) => EffectId::of_order(order.id).to_string(),
        Facts::Level { sku, .. } => sku.to_string(),
        Facts::Endpoint(endpoint) => endpoint.id.to_string(),
        Facts::DeadLetter(letter) => letter.job_id.to_string(),
        Facts::Sync(sync) => sync.id.to_string(),
        Facts::Proof(failure) => {
            failure.checks.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
        }
    };
    about.chars().filter(|c| !c.is_control()).take(MAIL_ABOUT_CHARS_MAX).collect()
}

pub(super) fn low_stock(facts: &Facts<'_>) -> Option<Letter> {
    let Facts::Level { sku, level } = facts else { return None };
    let lead = "Less can be promised than the threshold of this product says. It is told once, \
                until there is enough again.";
    Some(Letter {
        title: "Low stock".to_owned(),
        lead: lead.to_owned(),
        facts: vec![
            ("SKU", sku.to_string()),
            ("Location", level.location_id.to_string()),
            ("Available", level.available().to_string()),
            ("Threshold", level.low_stock_threshold.to_string()),
            ("On hand", level.on_hand.to_string()),
            ("Reserved", level.reserved.to_string()),
            ("Safety stock", level.safety_stock.to_string()),
        ],
        ..Letter::default()
    })
}

pub(super) fn webhook_disabled(facts: &Facts<'_>) -> Option<Letter> {
    let Facts::Endpoint(endpoint) = facts else { return None };
    let reason = endpoint.disabled_reason.as_ref().map_or("", |reason| reason.as_str());
    let lead = "This endpoint gets no webhooks any more, because it did not take them for too \
                long. Nothing is lost: once it is enabled again, what it missed can be replayed.";
    Some(Letter {
        title: "Webhook endpoint disabled".to_owned(),
        lead: lead.to_owned(),
        facts: vec![
            ("Endpoint", endpoint.id.to_string()),
            ("Receiver", origin(endpoint.url.as_str())),
            ("Reason", one_line(reason)),
        ],
        ..Letter::default()
    })
}

/// Whom an address belongs to. What follows may be a secret by which the receiver knows us.
fn origin(url: &str) -> String {
    let end = url.match_indices('/').nth(2).map_or(url.len(), |(at, _)| at);
    one_line(url.get(..end).unwrap_or_default())
}

/// Of an order: what its gateway is asked no more, or could not give back. Or of a job.
pub(super) fn dead_letter(facts: &Facts<'_>) -> Option<Letter> {
    let facts = match facts {
        Facts::DeadLetter(letter) => of_job(letter),
        Facts::Order(order) => of_payment(order)?,
        Facts::Level { .. } | Facts::Endpoint(_) | Facts::Sync(_) | Facts::Proof(_) => {
            return None;
        }
    };
    let lead = "This is not tried again by itself: look at the reason, then requeue it or give it \
                up.";
    Some(Letter {
        title: "Dead letter".to_owned(),
        lead: lead.to_owned(),
        facts,
        ..Letter::default()
    })
}

pub(super) fn verify_failed(facts: &Facts<'_>) -> Option<Letter> {
    let Facts::Proof(failure) = facts else { return None };
    let lead = "What is stored contradicts itself. Nothing was changed. Find out first whether a \
                file or a disk was damaged, or somebody wrote to the database; do not restore \
                anything before that.";
    Some(Letter {
        title: "The database is not sound".to_owned(),
        lead: lead.to_owned(),
        facts: vec![
            ("Broken promises", about(facts)),
            ("Violations", failure.violations.to_string()),
            ("Round", failure.round.to_string()),
            ("Look", "onhand verify".to_owned()),
        ],
        ..Letter::default()
    })
}

/// Of a job and those that died with it: where to look, as what is kept of a mail for long names
/// nobody.
fn of_job(letter: &DeadLetter) -> Vec<(&'static str, String)> {
    let DeadLetter { job_id, queue, tries, status, others } = letter;
    let mut facts = vec![("What", format!("{job_id} of {queue}")), ("Tries", tries.to_string())];
    facts.extend(status.map(|status| ("Answer", status.to_string())));
    if *others > 0 {
        facts.push(("Others since the last mail", others.to_string()));
    }
    facts.push(("Look", "onhand jobs list --dead".to_owned()));
    facts
}

fn of_payment(order: &Order) -> Option<Vec<(&'static str, String)>> {
    let payment = order.payment.as_ref()?;
    let what = format!("{} of {}", EffectId::of_order(order.id), order.id);
    let mut facts = vec![("What", what)];
    let trouble = payment.trouble.as_ref().map(|text| one_line(text.as_str()));
    facts.extend(trouble.map(|trouble| ("Reason", trouble)));
    let failed = payment.refunds.iter().rev().find(|one| one.state == RefundState::Failed);
    facts
        .extend(failed.map(|one| ("Failed refund", money(one.amount.amount, one.amount.currency))));
    let said = failed.and_then(|one| one.failure.as_ref());
    facts.extend(said.map(|said| ("The gateway says", one_line(said.as_str()))));
    Some(facts)
}
