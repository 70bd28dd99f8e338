//! Bars as SVG, made here: no script draws them, and no style stands in them. What they show is
//! said in words as well, for who does not see them.

use maud::{Markup, html};

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    /// What it is called.
    pub(super) name: String,
    pub(super) value: u64,
}

const WIDTH: usize = 600;
const HEIGHT: u64 = 110;
/// Room above the bars for the figure of the highest one.
const HEAD: u64 = 14;
/// Room below them for the names of the first and the last one.
const FOOT: u64 = 14;

/// Bars side by side, oldest first.
pub(super) fn bars(label: &str, bars: &[Bar]) -> Markup {
    let highest = bars.iter().max_by_key(|bar| bar.value);
    let most = highest.map_or(0, |bar| bar.value);
    let words = match highest.filter(|bar| bar.value > 0) {
        Some(bar) => format!("{label}: at most {} ({})", bar.value, bar.name),
        None => format!("{label}: none"),
    };
    let step = WIDTH / bars.len().max(1);
    let wide = step.saturating_sub(1).max(1);
    let ground = HEAD + HEIGHT;
    let named = |bar: Option<&Bar>| bar.map(|bar| bar.name.clone()).unwrap_or_default();
    html! {
        svg class="chart" role="img" aria-label=(words)
            viewBox={ "0 0 " (WIDTH) " " (ground + FOOT) } {
            text x="0" y="10" { (most) }
            line x1="0" y1=(ground) x2=(WIDTH) y2=(ground) {}
            @for (at, bar) in bars.iter().enumerate() {
                @let high = height(bar.value, most);
                @if high > 0 {
                    rect class="bar" x=(at * step) y=(ground - high) width=(wide) height=(high) {
                        title { (bar.name) ": " (bar.value) }
                    }
                }
            }
            text x="0" y=(ground + FOOT - 2) { (named(bars.first())) }
            text x=(WIDTH) y=(ground + FOOT - 2) text-anchor="end" { (named(bars.last())) }
        }
    }
}

/// How high a bar is beside the highest one: what is there can be seen.
fn height(value: u64, most: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(HEIGHT) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(HEIGHT).max(u64::from(value > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[u64], words: &str, rects: usize) {
        let shown = values.iter().enumerate();
        let shown: Vec<_> =
            shown.map(|(at, value)| Bar { name: format!("<{at}>"), value: *value }).collect();
        let svg = bars("Orders", &shown).into_string();
        assert!(svg.contains(&format!("aria-label=\"{words}\"")), "{svg}");
        assert_eq!(svg.matches("<rect").count(), rects, "{svg}");
        assert!(!svg.contains("<0>"), "names are escaped: {svg}");
    }

    #[test]
    fn bars_are_told_in_words_and_drawn_where_there_is_something() {
        check(&[], "Orders: none", 0);
        check(&[0, 0], "Orders: none", 0);
        check(&[0, 3, 1], "Orders: at most 3 (&lt;1&gt;)", 2);
        check(&[1, u64::MAX], &format!("Orders: at most {} (&lt;1&gt;)", u64::MAX), 2);
    }

    #[test]
    fn the_highest_fills_the_height_and_the_smallest_can_be_seen() {
        for (value, most, wanted) in [(0, 0, 0), (0, 9, 0), (9, 9, HEIGHT), (1, 1_000_000, 1)] {
            assert_eq!(height(value, most), wanted, "{value} of {most}");
        }
        assert_eq!(height(u64::MAX, u64::MAX), HEIGHT);
    }
}
