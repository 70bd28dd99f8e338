//! The stock of one product, now or as it was: figures, the sum behind them, who holds what, the
//! ledger, and what can be done at one location.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::inventory::{Level, Location, Movement};
use onhand_engine::query::{Explanation, LedgerClock, Moment};

use super::super::form::{Filling, instant as to_instant};
use super::super::locations::Places;
use super::super::parts::{card, encoded, instant, live};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::{ADJUST, COUNT, POLICY, SEEN, TRANSFER};
use super::{PATH, ledger, levels};
use crate::http::catalog::product_ref;
use crate::http::problem::Problem;
use crate::http::stock::moment;
use crate::limits::{ADMIN_CHART_MOVEMENTS, ADMIN_LEDGER_ROWS};

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let reference = product_ref(visit.param("sku"))?;
    let asked = asked(&visit)?;
    let found = visit.reader().explain(reference.clone(), asked).await?;
    let explanation = found.ok_or_else(|| Problem::unknown(&reference))?;
    let places = Places::read(&visit).await?;
    let body = match asked {
        Some(then) => past(&visit, &explanation, &places, then),
        None => {
            let here = here(&visit, &explanation, &places)?;
            let ledger = visit.reader().movements(reference, None, ADMIN_CHART_MOVEMENTS).await?;
            let (movements, _) = ledger.unwrap_or_default();
            present(&visit, &explanation, &places, &movements, here)
        }
    };
    Ok(Page { title: format!("Stock of {}", explanation.product.sku), section: PATH, body })
}

/// The moment that is asked for; none for now.
fn asked(visit: &Visit) -> Result<Option<Moment>, Problem> {
    let as_of = visit.query().get("as_of").map(to_instant);
    // The form always names a clock; without a moment it says nothing.
    let clock = visit.query().get("clock").filter(|_| as_of.is_some());
    moment(as_of.as_deref(), clock)
}

/// The location at which something is to be done: the one that is asked for, or the first at which
/// there is anything, or the first.
fn here<'a>(
    visit: &Visit,
    explanation: &Explanation,
    places: &'a Places,
) -> Result<Option<&'a Location>, Problem> {
    let asked = places.asked(visit)?;
    let first = || explanation.levels.first().and_then(|level| places.get(level.location_id));
    Ok(asked.or_else(first).or_else(|| places.all().first()))
}

fn present(
    visit: &Visit,
    explanation: &Explanation,
    places: &Places,
    movements: &[Movement],
    here: Option<&Location>,
) -> Markup {
    let may = visit.visitor().may(Scope::StockWrite);
    let newest = movements.get(..ADMIN_LEDGER_ROWS).unwrap_or(movements);
    html! {
        (live("stock", &html! {
            (levels::overview(explanation))
            (levels::course(&explanation.levels, movements))
            (levels::why(explanation))
            (levels::by_location(&explanation.levels, places))
        }))
        @if may { (actions(visit, explanation, places, here)) }
        (live("promised", &levels::promised(
            visit, explanation.open.as_deref().unwrap_or_default(), places, may)))
        (look_back(visit, None))
        (live("ledger", &html! { section class="card" {
            h2 { "Ledger" }
            @if newest.is_empty() { p { "Nothing has moved yet." } }
            @else { (ledger::list(newest, places, visit.path())) }
            p { a href={ (visit.path()) "/ledger" } { "The whole ledger" } }
        } }))
    }
}

fn past(visit: &Visit, explanation: &Explanation, places: &Places, then: Moment) -> Markup {
    let clock = match then.clock {
        LedgerClock::Recorded => "as this server showed it then",
        LedgerClock::Occurred => "as far as is known today, entered late or not",
    };
    html! {
        div class="alert" role="status" {
            p { "This is how it stood at " (instant(then.at)) " UTC, " (clock) "." }
            p { a href=(visit.path()) { "Back to now" } }
        }
        (levels::overview(explanation))
        (levels::why(explanation))
        (levels::by_location(&explanation.levels, places))
        (look_back(visit, Some(then)))
    }
}

/// The way to the past.
fn look_back(visit: &Visit, then: Option<Moment>) -> Markup {
    let at = then.map(|then| then.at.to_string()).unwrap_or_default();
    let at = at.get(..19).unwrap_or_default();
    let is_occurred = then.is_some_and(|then| then.clock == LedgerClock::Occurred);
    card(
        "Look back",
        &html! {
            form method="get" action=(visit.path()) class="filters" {
                label { "At (UTC)"
                    input type="datetime-local" name="as_of" step="1" required value=(at); }
                label { "By" select name="clock" {
                    option value="recorded" { "what was written down then" }
                    option value="occurred" selected[is_occurred] { "when it happened" }
                } }
                button type="submit" { "Show" }
            }
        },
    )
}

/// What can be done at one location.
fn actions(
    visit: &Visit,
    explanation: &Explanation,
    places: &Places,
    here: Option<&Location>,
) -> Markup {
    let Some(here) = here else {
        return card(
            "What can be done",
            &html! {
                p { "There is no location yet: " a href="/admin/locations" { "make one" } "." }
            },
        );
    };
    let level = explanation.levels.iter().find(|level| level.location_id == here.id);
    let sku = explanation.product.sku.as_str();
    let is_only = places.all().len() < 2;
    card(
        &format!("What can be done at {}", here.name),
        &html! {
            @if !is_only {
                form class="filters" method="get" action={ (PATH) "/" (encoded(sku)) } {
                    (places.field(Some(here.id), None))
                    button type="submit" class="quiet" { "Choose" }
                }
            }
            div class="actions" {
                (visit.form(&ADJUST, &filling(sku, here)))
                (visit.form(&COUNT, &counting(sku, here, level)))
                @if !is_only { (visit.form(&TRANSFER, &moving(sku, here, places))) }
                (visit.form(&POLICY, &setting(here, level)))
            }
        },
    )
}

fn filling<'a>(sku: &str, here: &Location) -> Filling<'a> {
    let hidden = vec![("sku", sku.to_owned()), ("location_id", here.id.to_string())];
    Filling { hidden, ..Filling::default() }
}

fn counting<'a>(sku: &str, here: &Location, level: Option<&Level>) -> Filling<'a> {
    let seen = level.map_or(0, |level| level.on_hand);
    let more = html! {
        p class="hint" { "The server says that " (seen) " are there." }
        input type="hidden" name=(SEEN) value=(seen);
    };
    Filling { more: Some(more), ..filling(sku, here) }
}

fn moving<'a>(sku: &str, here: &Location, places: &Places) -> Filling<'a> {
    let mut choices = places.choices();
    choices.retain(|(id, _)| *id != here.id.to_string());
    let more = places.are_many().then(|| {
        html! { p class="hint" { "These are the first; to others by POST /v1/stock/transfers." } }
    });
    let hidden = vec![("sku", sku.to_owned()), ("from", here.id.to_string())];
    Filling { hidden, choices: vec![("to", choices)], more, ..Filling::default() }
}

fn setting<'a>(here: &Location, level: Option<&Level>) -> Filling<'a> {
    let units = |of: fn(&Level) -> i64| level.map(of).unwrap_or_default().to_string();
    let mut values = vec![("safety_stock", units(|level| level.safety_stock))];
    // Where there is no level yet, it begins with the server's own threshold.
    if level.is_some() {
        values.push(("low_stock_threshold", units(|level| level.low_stock_threshold)));
    }
    Filling {
        version: Some(level.map_or(0, |level| level.version)),
        values,
        hidden: vec![("location_id", here.id.to_string())],
        ..Filling::default()
    }
}
