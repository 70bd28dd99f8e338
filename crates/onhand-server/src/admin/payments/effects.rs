//! What is owed to gateways. One that was tried too often waits here for somebody: it is resumed or
//! given up with the same forms as on the page of its order.

use maud::{Markup, html};
use onhand_core::accounts::Scope;
use onhand_core::effects::{Effect, EffectState};

use super::super::form::Filling;
use super::super::orders;
use super::super::parts::{Align, Tone, badge, choice, instant, live, nothing, pager, table};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{EFFECTS, PATH, REQUEUE, SKIP, lists};
use crate::http::problem::Problem;
use crate::limits::ADMIN_FORM_ROWS;

const STATES: [EffectState; 2] = [EffectState::Dead, EffectState::Waiting];

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let state = match visit.query().get("state") {
        None => None,
        Some(text) => {
            let known = STATES.into_iter().find(|state| state.as_str() == text);
            let wrong = || Problem::field("?state", "expected dead or waiting", text.into());
            Some(known.ok_or_else(wrong)?)
        }
    };
    let found = visit.reader().effects(state, visit.after_row()?, ADMIN_FORM_ROWS).await?;
    let rows: Vec<_> = found.rows.iter().map(|effect| row(&visit, effect)).collect();
    let columns = [
        ("Order", Align::Text),
        ("State", Align::Text),
        ("Tried in vain", Align::Number),
        ("Owed since", Align::Text),
        ("Next", Align::Text),
        ("The last time", Align::Text),
        ("What can be done", Align::Text),
    ];
    let body = html! {
        (lists(EFFECTS))
        search {
            form class="filters" method="get" action=(EFFECTS) {
                @let states = STATES.map(|one| (one.as_str(), one.as_str()));
                (choice(("State", "state"), "all", states,
                    state.map_or("", EffectState::as_str)))
                button type="submit" { "Show" }
            }
        }
        (live("effects", &html! {
            @if rows.is_empty() {
                (nothing("Nothing is owed to a gateway.",
                    "What a gateway is still to be asked is here, and what was tried too often."))
            } @else {
                (table("What is owed to gateways, newest order first", &columns, &rows))
            }
            (pager(&visit, found.next))
        }))
    };
    Ok(Page { title: "Owed to gateways".to_owned(), section: PATH, body })
}

fn row(visit: &Visit, effect: &Effect) -> Vec<Markup> {
    let is_dead = effect.state == EffectState::Dead;
    let tone = if is_dead { Tone::Bad } else { Tone::Busy };
    let may = visit.visitor().may(Scope::PaymentsWrite);
    let id = effect.id().to_string();
    let filling = || Filling { hidden: vec![("effect", id.clone())], ..Filling::default() };
    vec![
        orders::link(effect.order_id),
        badge(effect.state.as_str(), tone),
        html! { (effect.tries) },
        instant(effect.created_at),
        html! { @if is_dead { "—" } @else { (instant(effect.due_at)) } },
        html! { @if let Some(reason) = &effect.reason { (reason) } },
        html! {
            @if is_dead && may {
                div class="actions" {
                    (visit.form(&REQUEUE, &filling()))
                    (visit.form(&SKIP, &filling()))
                }
            }
        },
    ]
}
