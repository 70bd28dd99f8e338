//! What is done from time to time, how it went, and a way to have it done now.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::schedules::{Schedule, ScheduleName};

use super::super::form::Filling;
use super::super::parts::{Align, Tone, badge, live, maybe_instant, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, SCHEDULES, forms, lists};
use crate::http::problem::Problem;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let known = visit.reader().schedules().await?;
    let columns = [
        ("What", Align::Text),
        ("State", Align::Text),
        ("Begun", Align::Text),
        ("Ended", Align::Text),
        ("What came of it", Align::Text),
        ("Due", Align::Text),
        ("Runs", Align::Number),
        ("What can be done", Align::Text),
    ];
    let rows: Vec<_> = ScheduleName::ALL
        .iter()
        .map(|name| row(&visit, *name, known.iter().find(|one| one.name == *name)))
        .collect();
    let body = html! {
        (lists(SCHEDULES))
        (live("schedules", &table("What is done from time to time", &columns, &rows)))
    };
    Ok(Page { title: "Schedules".to_owned(), section: PATH, body })
}

fn what(name: ScheduleName) -> &'static str {
    match name {
        ScheduleName::Sweep => "holds that have run out are tidied up",
        ScheduleName::Reconcile => "the books of orders and gateways are compared",
        ScheduleName::Retention => "what nobody needs any more is forgotten",
        ScheduleName::Verify => "every promise is checked against what is stored",
        ScheduleName::Warehouse => "the external warehouse is asked for its figures",
    }
}

fn row(visit: &Visit, name: ScheduleName, known: Option<&Schedule>) -> Vec<Markup> {
    let state = match known {
        None => badge("never begun", Tone::Plain),
        Some(schedule) if schedule.runs_until.is_some() => badge("running", Tone::Busy),
        Some(_) => badge("waiting", Tone::Good),
    };
    let hidden = vec![("schedule", name.as_str().to_owned())];
    let outcome = known.and_then(|schedule| schedule.outcome.as_ref());
    vec![
        html! { strong { (name.as_str()) } br; span class="small" { (what(name)) } },
        state,
        maybe_instant(known.and_then(|schedule| schedule.began_at)),
        maybe_instant(known.and_then(|schedule| schedule.ended_at)),
        html! { @if let Some(outcome) = outcome { (outcome) } },
        maybe_instant(known.map(|schedule| schedule.due_at)),
        html! { (known.map_or(0, |schedule| schedule.runs)) },
        html! {
            @if visit.visitor().may(Scope::Admin) {
                (visit.form(&forms::RUN, &Filling { hidden, ..Filling::default() }))
            }
        },
    ]
}
