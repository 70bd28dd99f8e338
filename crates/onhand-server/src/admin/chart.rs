//! Charts, drawn on the server as SVG with the classes of the style sheet. What a chart shows is
//! said in words as well: a picture alone tells nothing to who cannot see it.

use maud::{Markup, html};

/// Width and height of the plane in which a curve is drawn; the page scales it.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 80.0;
/// Room around the curve, so that its line is not cut.
const MARGIN: f64 = 4.0;

/// A value from an instant on, in seconds since any beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) value: i64,
}

/// How a figure went, oldest step first: it stays as it is from one step to the next. Nothing where
/// there is no way to go.
pub(super) fn steps(label: &str, steps: &[Step]) -> Markup {
    let ([first, .., last], Some(range)) = (steps, Range::of(steps)) else { return html! {} };
    let mut curve = String::new();
    let mut before = None;
    for step in steps {
        let (x, y) = range.place(*step);
        match before {
            None => curve.push_str(&format!("M{x:.1} {y:.1}")),
            Some(_) => curve.push_str(&format!("H{x:.1}V{y:.1}")),
        }
        before = Some(y);
    }
    let (left, right) = (range.place(*first).0, range.place(*last).0);
    let area = format!("{curve}H{right:.1}V{HEIGHT:.1}H{left:.1}Z");
    html! {
        svg class="chart" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(label) {
            path class="area" d=(area) {}
            path class="curve" d=(curve) {}
        }
    }
}

/// The instants and values that a curve goes through; zero is always among the values.
struct Range {
    from: i64,
    to: i64,
    least: i64,
    most: i64,
}

impl Range {
    fn of(steps: &[Step]) -> Option<Self> {
        let values = || steps.iter().map(|step| step.value);
        Some(Self {
            from: steps.first()?.at,
            to: steps.last()?.at,
            least: values().min()?.min(0),
            most: values().max()?.max(0),
        })
    }

    fn place(&self, step: Step) -> (f64, f64) {
        let right = share(step.at, self.from, self.to);
        let up = share(step.value, self.least, self.most);
        let across = |share: f64, size: f64| MARGIN + share * (size - 2.0 * MARGIN);
        (across(right, WIDTH), HEIGHT - across(up, HEIGHT))
    }
}

/// How far a number is on the way from one to another, from 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "a picture is not exact")]
fn share(number: i64, from: i64, to: i64) -> f64 {
    let way = to.saturating_sub(from);
    if way <= 0 { 0.0 } else { number.saturating_sub(from) as f64 / way as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[(i64, i64)]) -> String {
        let all: Vec<_> = values.iter().map(|&(at, value)| Step { at, value }).collect();
        steps("a <label>", &all).into_string()
    }

    #[test]
    fn a_figure_stays_as_it_is_until_it_changes() {
        let svg = drawn(&[(0, 10), (50, 5), (100, 0)]);
        assert!(svg.contains(r#"d="M4.0 4.0H300.0V40.0H596.0V76.0""#), "{svg}");
        assert!(svg.contains(r#"aria-label="a &lt;label&gt;""#), "{svg}");
        assert!(!svg.contains("style="), "{svg}");
    }

    #[test]
    fn a_figure_below_zero_is_in_the_picture() {
        let svg = drawn(&[(0, 1), (1, -1)]);
        assert!(svg.contains(r#"d="M4.0 4.0H596.0V76.0""#), "{svg}");
    }

    #[test]
    fn odd_figures_draw_something_or_nothing() {
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[(1, 1)]), "");
        // All at once, and as far apart as numbers can be.
        for svg in [drawn(&[(7, 0), (7, 0)]), drawn(&[(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)])]
        {
            assert!(svg.contains("<path") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
