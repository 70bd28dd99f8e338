//! One event, with its object as it was left, as `/v1/events` shows it.

use maud::{Markup, html};
use onhand_engine::query::EventRow;

use super::super::parts::{card, facts, instant};
use super::super::site::Page;
use super::super::visit::Visit;
use super::{PATH, about, list};
use crate::http::problem::Problem;
use crate::http::wire::events::EventView;
use crate::limits::ADMIN_TEXT_BYTES_MAX;

pub(super) async fn page(visit: Visit) -> Result<Page, Problem> {
    let position: i64 = visit.id("position")?;
    let missing = || Problem::not_found(&format!("the event {position}"));
    let before = position.checked_sub(1).filter(|before| *before >= 0).ok_or_else(missing)?;
    let found = visit.reader().events(before, Vec::new(), 1).await?.rows.into_iter().next();
    let event = found.filter(|event| event.seq == position).ok_or_else(missing)?;
    let body = html! {
        (facts(&[
            ("What", html! { code { (event.kind) } }),
            ("About", about::shown(&event.body)),
            ("When", instant(event.recorded_at)),
            ("By", list::by(&event.actor)),
        ]))
        (card("The object as it was left", &object(&event)))
        nav class="pager" aria-label="Events" {
            @if position > 1 {
                a rel="prev" href={ (PATH) "/" (position - 1) } { "The event before" }
            }
            a rel="next" href={ (PATH) "/" (position + 1) } { "The event after" }
        }
    };
    Ok(Page { title: format!("Event {position}"), section: PATH, body })
}

fn object(event: &EventRow) -> Markup {
    let text = serde_json::to_string_pretty(&EventView::of(event).data).unwrap_or_default();
    let shown = beginning(&text, ADMIN_TEXT_BYTES_MAX);
    html! {
        pre tabindex="0" role="region" aria-label="The object as JSON" { (shown) }
        @if shown.len() < text.len() {
            p class="hint" {
                "These are the first " (shown.len()) " of " (text.len()) " bytes. All of it is at "
                code { "/v1/events?after=" (event.seq - 1) "&limit=1" } "."
            }
        }
    }
}

/// The beginning of a text, whole letters of it.
fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_text_ends_with_a_whole_letter() {
        for (text, most, wanted) in [
            ("", 3, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("abü", 3, "ab"),
            ("ü", 0, ""),
            ("ü", 1, ""),
        ] {
            assert_eq!(beginning(text, most), wanted);
        }
    }
}
