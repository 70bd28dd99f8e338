//! Where the books of orders and gateways differ: every order whose money is not where it should be
//! yet, with its age, what is done next and who does it.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use onhand_core::Money;
use onhand_core::effects::{Effect, EffectState};
use onhand_core::orders::Order;
use onhand_core::payments::{Call, next_call};

use super::super::orders;
use super::super::parts::{Align, Tone, badge, live, maybe_instant, money, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{OPEN, PATH, lists, status};
use crate::http::problem::Problem;
use crate::limits::{ADMIN_ROWS, RECONCILIATION_AGE_SECS_MAX};

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let now = visit.app().clock.now();
    let age = age(&visit)?;
    let secs = SignedDuration::from_secs(i64::from(age).saturating_mul(60));
    let older_than = now.checked_sub(secs).unwrap_or(Timestamp::MIN);
    let found = visit.reader().open_payments(older_than, visit.after_row()?, ADMIN_ROWS).await?;
    let rows: Vec<_> =
        found.rows.iter().filter_map(|(effect, order)| row(effect, order, now)).collect();
    let columns = [
        ("Order", Align::Text),
        ("Order's state", Align::Text),
        ("Payment", Align::Text),
        ("Due", Align::Number),
        ("Taken", Align::Number),
        ("Open for", Align::Number),
        ("Next step", Align::Text),
        ("By", Align::Text),
        ("When", Align::Text),
        ("The last time", Align::Text),
    ];
    let body = html! {
        (lists(OPEN))
        search {
            form class="filters" method="get" action=(OPEN) {
                label { "Open for at least (minutes)"
                    input type="text" inputmode="numeric" name="older" value=(age) size="7"; }
                button type="submit" { "Show" }
            }
        }
        (live("open", &html! {
            @if rows.is_empty() {
                (nothing("All money is where it should be.",
                    "Orders that wait for their customer, or a gateway, would be here."))
            } @else {
                p class="hint" {
                    "Most rows are orders that wait for their customer. "
                    "Those that wait for a person say so."
                }
                (table("Orders whose money is on its way, oldest first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Reconciliation".to_owned(), section: PATH, body })
}

/// For how many minutes something is to be open at least.
fn age(visit: &Visit) -> Result<u32, Problem> {
    let Some(text) = visit.query().get("older") else { return Ok(0) };
    let most = RECONCILIATION_AGE_SECS_MAX / 60;
    let age = text.parse().ok().filter(|minutes| *minutes <= most);
    let expected = format!("expected 0 to {most} minutes");
    age.ok_or_else(|| Problem::field("?older", expected, text.into()))
}

fn row(effect: &Effect, order: &Order, now: Timestamp) -> Option<Vec<Markup>> {
    let payment = order.payment.as_ref()?;
    let of = |amount| money(Money::new(amount, order.currency));
    let is_dead = effect.state == EffectState::Dead;
    Some(vec![
        orders::link(order.id),
        orders::status(order.status),
        status(payment.status(order)),
        of(order.total),
        of(payment.captured(order.currency)),
        html! { (words_of_age(now, effect.created_at)) },
        html! { (next_step(next_call(order).as_ref())) },
        if is_dead { badge("a person", Tone::Bad) } else { badge("onhand", Tone::Busy) },
        maybe_instant((!is_dead).then_some(effect.due_at)),
        html! { @if let Some(reason) = &effect.reason { (reason) } },
    ])
}

/// What is asked of the gateway next, in words.
fn next_step(call: Option<&Call>) -> &'static str {
    match call {
        Some(Call::CreateIntent { .. }) => "begin the payment",
        Some(Call::FindIntent { .. }) => "find out whether the payment was begun",
        Some(Call::Capture { .. }) => "take the money",
        Some(Call::Void { .. }) => "let the money go",
        Some(Call::Refund { .. }) => "give the money back",
        Some(Call::Fetch { .. }) | None => "ask how things stand",
    }
}

/// An age, as large as it is of interest.
pub(super) fn words_of_age(now: Timestamp, since: Timestamp) -> String {
    match now.duration_since(since).as_secs().max(0) {
        secs @ 0..=119 => format!("{secs} s"),
        secs @ 120..=7_199 => format!("{} min", secs / 60),
        secs @ 7_200..=172_799 => format!("{} h", secs / 3_600),
        secs => format!("{} days", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_unit_that_fits() {
        for (secs, wanted) in [
            (-5, "0 s"),
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            let since = Timestamp::from_second(1_000_000).unwrap();
            let now = Timestamp::from_second(1_000_000 + secs).unwrap();
            assert_eq!(words_of_age(now, since), wanted, "{secs}");
        }
    }
}
