//! The figures of one product: how many there are, why, where, and who holds what is promised.

use maud::{Markup, html};
use onhand_core::inventory::{Level, Movement, Reservation};
use onhand_engine::query::Explanation;

use super::super::chart::{self, Step};
use super::super::form::Filling;
use super::super::locations::Places;
use super::super::orders;
use super::super::parts::{Align, card, facts, instant, maybe_instant, table};
use super::super::visit::Visit;
use super::forms::RELEASE;
use super::list;
use crate::limits::ADMIN_ROWS;

/// The figures over all locations.
pub(super) fn overview(explanation: &Explanation) -> Markup {
    let Explanation { product, levels, .. } = explanation;
    let sum = |of: fn(&Level) -> i64| levels.iter().map(of).sum::<i64>();
    let big = |units: i64| html! { p class="big" { (units) } };
    let mut known = vec![
        ("Product", html! { a href={ "/admin/products/" (product.id) } { (product.name) } }),
        ("Available", big(sum(Level::available))),
        ("On hand", big(sum(|level| level.on_hand))),
        ("Reserved", big(sum(|level| level.reserved))),
        ("Safety stock", big(sum(|level| level.safety_stock))),
    ];
    let missing = sum(|level| level.missing);
    if missing > 0 {
        known.push(("Promised and not there", big(missing)));
    }
    known.push(("State", list::state(levels)));
    facts(&known)
}

/// The sum that comes to what is on hand, and what of it can be sold.
pub(super) fn why(explanation: &Explanation) -> Markup {
    let Explanation { levels, terms, .. } = explanation;
    let sum = |of: fn(&Level) -> i64| levels.iter().map(of).sum::<i64>();
    let columns = [("What", Align::Text), ("Units", Align::Number)];
    let line = |what: &str, units: String| vec![html! { (what) }, html! { (units) }];
    let total =
        |what: &str, units: i64| vec![html! { strong { (what) } }, html! { strong { (units) } }];
    let moved = terms.iter().filter(|term| term.units != 0);
    let mut rows: Vec<_> =
        moved.map(|term| line(term.kind.as_str(), format!("{:+}", term.units))).collect();
    rows.push(total("on hand", sum(|level| level.on_hand)));
    let taken = [
        ("promised", sum(|level| level.reserved)),
        ("held back as safety stock", sum(|level| level.safety_stock)),
    ];
    for (what, units) in taken.into_iter().filter(|(_, units)| *units != 0) {
        rows.push(line(what, format!("-{units}")));
    }
    // Safety stock that is not there is not taken from anywhere.
    let available = sum(Level::available);
    let lacking = available - sum(|level| level.on_hand - level.reserved - level.safety_stock);
    if lacking != 0 {
        rows.push(line("of which is not there to be held back", format!("{lacking:+}")));
    }
    rows.push(total("available", available));
    card("Why", &table("How the figure comes about", &columns, &rows))
}

/// The figures by location, as many as fit on a page.
pub(super) fn by_location(levels: &[Level], places: &Places) -> Markup {
    let columns = [
        ("Where", Align::Text),
        ("On hand", Align::Number),
        ("Reserved", Align::Number),
        ("Safety stock", Align::Number),
        ("Available", Align::Number),
        ("Low below", Align::Number),
        ("State", Align::Text),
        ("Changed", Align::Text),
    ];
    let row = |level: &Level| {
        vec![
            places.link(level.location_id),
            html! { (level.on_hand) },
            html! { (level.reserved) },
            html! { (level.safety_stock) },
            html! { strong { (level.available()) } },
            html! { (level.low_stock_threshold) },
            list::state(std::slice::from_ref(level)),
            instant(level.updated_at),
        ]
    };
    let rows: Vec<_> = levels.iter().take(ADMIN_ROWS).map(row).collect();
    let more = levels.len() - rows.len();
    card(
        "By location",
        &html! {
            @if rows.is_empty() { p { "None of it was ever anywhere." } }
            @else { (table("Stock by location", &columns, &rows)) }
            @if more > 0 { p class="small" { "And at " (more) " more locations." } }
        },
    )
}

/// How what is on hand went over the movements that are given, newest first.
pub(super) fn course(levels: &[Level], movements: &[Movement]) -> Markup {
    let steps = steps(levels, movements);
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return html! {} };
    let least = steps.iter().map(|step| step.value).min().unwrap_or_default();
    let most = steps.iter().map(|step| step.value).max().unwrap_or_default();
    let words = format!(
        "On hand over the last {} movements: from {} to {}, at least {least}, at most {most}",
        movements.len(),
        first.value,
        last.value
    );
    html! {
        section class="card" {
            h2 { "On hand" }
            (chart::steps(&words, &steps))
            p class="small" { (words) "." }
        }
    }
}

/// What was on hand over all locations after each movement, oldest first, and before the first.
fn steps(levels: &[Level], movements: &[Movement]) -> Vec<Step> {
    let Some(newest) = movements.first() else { return Vec::new() };
    // The ledger may know more than the levels, which were read a moment before.
    let at = |level: &Level| {
        let mut moved = movements.iter();
        let last = moved.find(|movement| movement.location_id == level.location_id);
        last.map_or(level.on_hand, |movement| movement.on_hand_after)
    };
    let mut on_hand: i64 = levels.iter().map(at).sum();
    let mut steps = vec![Step { at: newest.recorded_at.as_microsecond(), value: on_hand }];
    for pair in movements.windows(2) {
        let [later, earlier] = pair else { continue };
        on_hand -= later.delta_on_hand;
        steps.push(Step { at: earlier.recorded_at.as_microsecond(), value: on_hand });
    }
    steps.reverse();
    steps
}

/// Who holds what is promised, the newest first.
pub(super) fn promised(visit: &Visit, open: &[Reservation], places: &Places, may: bool) -> Markup {
    let columns = [
        ("Reservation", Align::Text),
        ("Units", Align::Number),
        ("Where", Align::Text),
        ("For", Align::Text),
        ("Until", Align::Text),
        ("Since", Align::Text),
        ("To do", Align::Text),
    ];
    let row = |reservation: &Reservation| {
        let hidden = vec![("reservation", reservation.id.to_string())];
        let filling = Filling { hidden, ..Filling::default() };
        vec![
            html! { code { (reservation.id) } },
            html! { (reservation.open()) },
            places.link(reservation.location_id),
            html! {
                @if let Some(id) = reservation.order_id { (orders::link(id)) " " }
                @if let Some(reference) = &reservation.reference { (reference) }
            },
            maybe_instant(reservation.expires_at),
            instant(reservation.created_at),
            // What an order holds is given back by cancelling the order.
            html! {
                @if may && reservation.order_id.is_none() { (visit.button(&RELEASE, &filling)) }
            },
        ]
    };
    let rows: Vec<_> = open.iter().map(row).collect();
    card(
        "Open reservations",
        &html! {
            @if rows.is_empty() { p { "Nobody holds any of it." } }
            @else { (table("Who holds what is promised, newest first", &columns, &rows)) }
        },
    )
}
