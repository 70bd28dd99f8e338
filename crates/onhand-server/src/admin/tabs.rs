//! The way between the lists of one section.

use maud::{Markup, html};

/// Links to the lists of a section, by path and name; `here` is the one that is shown.
pub(super) fn tabs(label: &str, tabs: &[(&str, &str)], here: &str) -> Markup {
    html! {
        nav class="tabs" aria-label=(label) {
            ul {
                @for (path, name) in tabs {
                    li { a href=(path) aria-current=[(*path == here).then_some("page")] { (name) } }
                }
            }
        }
    }
}
