//! One endpoint: how it stands, what was delivered to it and what was answered, and what can be
//! done.

use maud::{Markup, html};
use onhand_core::ids::EndpointId;
use onhand_core::jobs::{Consumer, Queue};
use onhand_core::webhooks::{Endpoint, EndpointState};
use onhand_engine::query::JobFilter;

use super::super::form::{Filling, Form};
use super::super::jobs::{shown, state_in, states};
use super::super::parts::{card, facts, instant, live, maybe_instant, nothing, pager};
use super::super::site::Page;
use super::super::visit::Visit;
use super::forms::{DELETE, DISABLE, EDIT, ENABLE, REPLAY, ROTATE, TEST};
use super::{PATH, state, wanted};
use crate::http::problem::Problem;
use crate::limits::ADMIN_ROWS;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let id: EndpointId = visit.id("id")?;
    let endpoint = visit.reader().endpoint(id).await?;
    let endpoint = endpoint.ok_or_else(|| Problem::not_found(&format!("the endpoint {id}")))?;
    let queue = Queue::Webhook(id);
    let consumer = visit.reader().consumer(queue).await?;
    let position = visit.reader().position().await?;
    let filter = JobFilter { queue: Some(queue), state: state_in(&visit)? };
    let found = visit.reader().jobs(filter, visit.after_row()?, ADMIN_ROWS).await?;
    let body = html! {
        (live("endpoint", &overview(&endpoint, consumer.as_ref(), position)))
        (actions(&visit, &endpoint))
        (card("Deliveries", &html! {
            search {
                form class="filters" method="get" action=(visit.path()) {
                    (states(filter.state))
                    button type="submit" { "Show" }
                }
            }
            (live("deliveries", &html! {
                @if found.rows.is_empty() {
                    (nothing("Nothing was delivered.",
                        "A message is sent when something happens; or send a test."))
                } @else {
                    (shown("Deliveries, newest first", &found.rows))
                }
                (pager(&visit, found.next))
            }))
        }))
    };
    Ok(Page { title: format!("Endpoint {id}"), section: PATH, body })
}

fn overview(endpoint: &Endpoint, consumer: Option<&Consumer>, position: i64) -> Markup {
    let mut known = vec![
        ("State", state(endpoint)),
        ("Address", html! { code { (endpoint.url) } }),
        ("What it is told", wanted(endpoint)),
        ("For people", html! { (endpoint.description) }),
        ("Last reached", maybe_instant(endpoint.succeeded_at)),
        ("Secrets that sign", html! { (endpoint.secrets.len()) }),
        ("Made", instant(endpoint.created_at)),
        ("Changed", instant(endpoint.updated_at)),
    ];
    if let Some(reason) = &endpoint.disabled_reason {
        known.insert(1, ("Why", html! { (reason) }));
    }
    if let Some(consumer) = consumer {
        let behind = position.saturating_sub(consumer.cursor).max(0);
        known.push(("Has read up to", html! { "event " (consumer.cursor) }));
        known.push(("Behind by", html! { (behind) }));
        known.push(("Jobs that wait", html! { (consumer.open) }));
        if let Some((at, to)) = consumer.replay {
            known.push(("Replay", html! { "event " (at) " of up to " (to) }));
        }
    }
    facts(&known)
}

fn actions(visit: &Visit, endpoint: &Endpoint) -> Markup {
    let switch = match endpoint.state {
        EndpointState::Enabled => &DISABLE,
        EndpointState::Disabled => &ENABLE,
    };
    let kinds: Vec<_> = endpoint.filter.kinds().iter().map(|kind| kind.as_str()).collect();
    let values = || {
        vec![
            ("url", endpoint.url.to_string()),
            ("description", endpoint.description.to_string()),
            ("event_types", kinds.join("\n")),
        ]
    };
    // The version also moves when something reaches the endpoint: only a form that says what
    // everything is to be like depends on it.
    let version = |form: &'static Form| std::ptr::eq(form, &EDIT).then_some(endpoint.version);
    html! {
        (card("What can be done", &html! {
            div class="actions" {
                @for form in [&TEST, &EDIT, switch, &REPLAY, &ROTATE, &DELETE] {
                    (visit.form(form, &Filling {
                        version: version(form), values: values(), ..Filling::default()
                    }))
                }
            }
        }))
    }
}
