//! One order: what was bought, where it is, how it is paid, and everything that ever happened to
//! it, in the order in which it did.

use maud::{Markup, html};
use onhand_core::Money;
use onhand_core::accounts::Scope;
use onhand_core::effects::{Effect, EffectState};
use onhand_core::ids::{EffectId, OrderId, PaymentId};
use onhand_core::orders::{Address, Order, OrderLine};
use onhand_core::payments::{Attempt, Payment, Refund};
use onhand_engine::query::EventRow;

use super::super::form::{Filling, Form};
use super::super::parts::{
    Align, Tone, badge, card, facts, instant, live, maybe_instant, money, table,
};
use super::super::site::Page;
use super::super::visit::Visit;
use super::super::{payments, stock};
use super::forms::{self, FULFIL, REQUEUE, RETURN, SKIP};
use super::{PATH, status};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: OrderId = visit.id("id")?;
    let order = visit.reader().order(id, None).await?;
    let order = order.ok_or_else(|| Problem::not_found(&format!("the order {id}")))?;
    let events = visit.reader().timeline(id, None).await?.unwrap_or_default();
    let effect = match order.payment {
        Some(_) => visit.reader().effect(EffectId::of_order(id)).await?,
        None => None,
    };
    let body = html! {
        (live("order", &html! {
            (overview(&order))
            (card("Lines", &lines(&order)))
            @if let Some(payment) = &order.payment {
                (card("Payment", &paid(&visit, &order, payment, effect.as_ref())))
            }
            @if !order.fulfilments.is_empty() { (card("Fulfilments", &fulfilments(&order))) }
        }))
        @if visit.visitor().may(Scope::OrdersWrite) { (actions(&visit, &order)) }
        (live("timeline", &card("Timeline", &timeline(&events))))
    };
    Ok(Page { title: format!("Order {id}"), section: PATH, body })
}

fn overview(order: &Order) -> Markup {
    let mut known = vec![
        ("State", status(order.status)),
        ("Total", money(Money::new(order.total, order.currency))),
        ("Placed", instant(order.created_at)),
        ("Changed", instant(order.updated_at)),
    ];
    if order.expires_at.is_some() {
        known.push(("Held until", maybe_instant(order.expires_at)));
    }
    if let Some(customer) = order.customer_id {
        let href = format!("{PATH}?customer={customer}");
        known.push(("Customer", html! { a href=(href) { (customer) } }));
    }
    if let Some(reference) = &order.external_reference {
        known.push(("Reference", html! { (reference) }));
    }
    if let Some(method) = &order.payment_method {
        known.push(("Payment method", html! { (method) }));
    }
    if let Some(reason) = &order.failure_reason {
        known.push(("Ended because", html! { (reason) }));
    }
    if let Some(address) = &order.shipping_address {
        known.push(("Goes to", shown_address(address)));
    }
    for (name, value) in &order.metadata {
        known.push((name.as_str(), html! { (value) }));
    }
    facts(&known)
}

fn shown_address(address: &Address) -> Markup {
    let Address { name, street, city, state, postal_code, country } = address;
    let parts = [name.as_ref(), Some(street), postal_code.as_ref(), Some(city), state.as_ref()];
    html! {
        address {
            @for part in parts.into_iter().flatten() { (part) ", " }
            (country)
        }
    }
}

fn lines(order: &Order) -> Markup {
    if !order.has_lines() {
        return html! { p { "An amount, for nothing of the catalogue." } };
    }
    let columns = [
        ("Line", Align::Number),
        ("SKU", Align::Text),
        ("Name", Align::Text),
        ("Units", Align::Number),
        ("Left", Align::Number),
        ("Back", Align::Number),
        ("Price", Align::Number),
        ("Total", Align::Number),
        ("From", Align::Text),
    ];
    let row = |line: &OrderLine| {
        let price = |amount| money(Money::new(amount, order.currency));
        let from: Vec<_> = line
            .allocations
            .iter()
            .map(|one| format!("{} × {}", one.quantity, one.location_id))
            .collect();
        vec![
            html! { (line.line) },
            stock::link(&line.sku),
            html! { (line.name) },
            html! { (line.quantity) },
            html! { (line.fulfilled) },
            html! { (line.returned) },
            price(line.unit_price),
            price(line.total()),
            html! { (from.join(", ")) },
        ]
    };
    let rows: Vec<_> = order.lines.iter().map(row).collect();
    table("Lines of the order", &columns, &rows)
}

fn paid(visit: &Visit, order: &Order, payment: &Payment, effect: Option<&Effect>) -> Markup {
    let of = |amount| money(Money::new(amount, order.currency));
    let come_to = payment.status(order);
    let mut known = vec![
        ("State", payments::status(come_to)),
        ("Gateway", html! { (payment.provider.as_str()) }),
        ("Taken", of(payment.captured(order.currency))),
        ("Gone back", of(payment.refunded(order.currency))),
    ];
    let names = payment.intents.iter().filter_map(|intent| intent.gateway_id.as_ref());
    for name in names {
        known.push(("Gateway's order", html! { code { (name) } }));
    }
    if let Some(trouble) = &payment.trouble {
        known.push(("Trouble", html! { (trouble) }));
    }
    html! {
        (facts(&known))
        @if !payment.attempts.is_empty() { (attempts(&payment.attempts)) }
        @if !payment.refunds.is_empty() { (refunds(&payment.refunds)) }
        @if let Some(effect) = effect { (owed(visit, effect)) }
    }
}

fn attempts(attempts: &[Attempt]) -> Markup {
    let columns = [
        ("Attempt", Align::Text),
        ("State", Align::Text),
        ("Amount", Align::Number),
        ("Begun", Align::Text),
        ("Moved", Align::Text),
        ("Why it failed", Align::Text),
    ];
    let row = |attempt: &Attempt| {
        vec![
            html! { code { (attempt.id) } },
            badge(attempt.state.as_str(), payments::tone_of_attempt(attempt.state)),
            money(attempt.amount),
            instant(attempt.created_at),
            instant(attempt.updated_at),
            html! { @if let Some(failure) = &attempt.failure { (failure) } },
        ]
    };
    let rows: Vec<_> = attempts.iter().map(row).collect();
    table("Attempts to pay", &columns, &rows)
}

fn refunds(refunds: &[Refund]) -> Markup {
    let columns = [
        ("Refund", Align::Text),
        ("State", Align::Text),
        ("Amount", Align::Number),
        ("Cause", Align::Text),
        ("Reason", Align::Text),
        ("Owed since", Align::Text),
        ("Why it failed", Align::Text),
    ];
    let row = |refund: &Refund| {
        vec![
            html! { @match &refund.gateway_id {
                Some(id) => code { (id) },
                None => (refund.number),
            } },
            badge(refund.state.as_str(), payments::tone_of_refund(refund.state)),
            money(refund.amount),
            html! { (refund.cause.as_str().replace('_', " ")) },
            html! { @if let Some(reason) = &refund.reason { (reason) } },
            instant(refund.created_at),
            html! { @if let Some(failure) = &refund.failure { (failure) } },
        ]
    };
    let rows: Vec<_> = refunds.iter().map(row).collect();
    table("Refunds", &columns, &rows)
}

/// What the gateway is still to be asked; one that was given up waits for somebody.
fn owed(visit: &Visit, effect: &Effect) -> Markup {
    let is_dead = effect.state == EffectState::Dead;
    let tone = if is_dead { Tone::Bad } else { Tone::Busy };
    let mut known = vec![
        ("Owed to the gateway", badge(effect.state.as_str(), tone)),
        ("Tried in vain", html! { (effect.tries) }),
        ("Next", instant(effect.due_at)),
    ];
    if let Some(reason) = &effect.reason {
        known.push(("The last time", html! { (reason) }));
    }
    let id = EffectId::of_order(effect.order_id).to_string();
    let filling = || Filling { hidden: vec![("effect", id.clone())], ..Filling::default() };
    html! {
        (facts(&known))
        @if is_dead && visit.visitor().may(Scope::PaymentsWrite) {
            div class="actions" {
                (visit.form(&REQUEUE, &filling()))
                (visit.form(&SKIP, &filling()))
            }
        }
    }
}

fn fulfilments(order: &Order) -> Markup {
    let columns = [
        ("Number", Align::Number),
        ("When", Align::Text),
        ("What", Align::Text),
        ("Tracking", Align::Text),
    ];
    let rows: Vec<_> = order
        .fulfilments
        .iter()
        .map(|left| {
            let what =
                left.lines.iter().map(|one| format!("{} of line {}", one.quantity, one.line));
            vec![
                html! { (left.number) },
                instant(left.fulfilled_at),
                html! { (what.collect::<Vec<_>>().join(", ")) },
                html! { @if let Some(tracking) = &left.tracking {
                    @if let Some(carrier) = &tracking.carrier { (carrier) " " }
                    (tracking.number)
                } },
            ]
        })
        .collect();
    table("Fulfilments", &columns, &rows)
}

/// What can be done with the order and its money.
fn actions(visit: &Visit, order: &Order) -> Markup {
    let mut shown = forms::of(order);
    if let Some(payment) = &order.payment
        && visit.visitor().may(Scope::PaymentsWrite)
    {
        shown.extend(forms::of_payment(payment.status(order)));
    }
    html! {
        @if !shown.is_empty() {
            (card("What can be done", &html! {
                div class="actions" {
                    @for form in shown { (visit.form(form, &filling(visit, order, form))) }
                }
            }))
        }
    }
}

fn filling<'a>(visit: &Visit, order: &Order, form: &'static Form) -> Filling<'a> {
    let left = |line: &OrderLine| {
        if std::ptr::eq(form, &FULFIL) {
            line.quantity - line.fulfilled
        } else {
            line.fulfilled - line.returned
        }
    };
    let has_lines = std::ptr::eq(form, &FULFIL) || std::ptr::eq(form, &RETURN);
    Filling {
        version: Some(order.version),
        values: vec![
            ("amount/currency", order.currency.to_string()),
            ("restock", "yes".to_owned()),
        ],
        hidden: vec![("payment", PaymentId::of_order(order.id).to_string())],
        more: has_lines.then(|| {
            html! {
                fieldset {
                    legend { "Units" }
                    @for line in order.lines.iter().filter(|line| left(line) > 0) {
                        @let name = format!("line.{}", line.line);
                        label class="line" {
                            input type="text" inputmode="numeric" size="5" name=(name)
                                value=(visit.typed(form, &name)
                                    .map_or_else(|| left(line).to_string(), str::to_owned));
                            " of " (left(line)) " × " (line.sku) " " (line.name)
                        }
                    }
                }
            }
        }),
        ..Filling::default()
    }
}

fn timeline(events: &[EventRow]) -> Markup {
    html! {
        ol class="timeline" {
            @for event in events {
                li {
                    (instant(event.recorded_at)) " "
                    strong { (event.kind) } " "
                    span class="small" { "by " (event.actor) " · event " (event.seq) }
                }
            }
        }
    }
}
