//! A chart as SVG: lines over time, the newest at the right edge. Its styles are classes, because
//! the page allows no others, and what it shows is also said in words.

use maud::{Markup, html};

use crate::limits::STATUS_POINTS;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 80.0;

/// A line of a chart: its name and its values, oldest first, with gaps.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) values: Vec<Option<f64>>,
}

impl Series {
    pub(super) fn newest(&self) -> Option<f64> {
        self.values.last().copied().flatten()
    }

    fn most(&self) -> f64 {
        self.values.iter().flatten().copied().fold(0.0, f64::max)
    }
}

/// A figure in as few digits as tell it.
pub(super) fn digits(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A figure, or that there is none.
pub(super) fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), digits)
}

/// What the highest place of a chart stands for: at least 1, and a round number above all values.
fn top(most: f64) -> f64 {
    let mut top = 1.0;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(60) {
        if most <= top {
            break;
        }
        top *= factor;
    }
    top
}

/// The corners of a series' lines; it has a new line behind each gap.
fn lines(values: &[Option<f64>], top: f64) -> Vec<String> {
    let step = WIDTH / (STATUS_POINTS.max(2) - 1) as f64;
    let first = STATUS_POINTS.saturating_sub(values.len());
    let mut lines = vec![String::new()];
    for (at, value) in values.iter().enumerate() {
        match (value, lines.last_mut()) {
            (Some(value), Some(line)) => {
                let x = (first + at) as f64 * step;
                let y = HEIGHT - value.clamp(0.0, top) / top * HEIGHT;
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&format!("{x:.1},{y:.1}"));
            }
            (None, _) | (_, None) => lines.push(String::new()),
        }
    }
    // A point alone is a line to where it is.
    let lines = lines.into_iter().filter(|line| !line.is_empty());
    lines.map(|line| if line.contains(' ') { line } else { format!("{line} {line}") }).collect()
}

/// A chart with its title and what its lines are now.
pub(super) fn chart(title: &'static str, unit: &'static str, series: &[Series]) -> Markup {
    let most = series.iter().map(Series::most).fold(0.0, f64::max);
    let top = top(most);
    let now = |one: &Series| format!("{} {}", one.name, shown(one.newest()));
    let said: Vec<_> = series.iter().map(now).collect();
    let words = format!("{title}: {} {unit}, at most {}", said.join(", "), digits(most));
    html! {
        section.card {
            h2 { (title) " " small { (unit) } }
            ul.legend {
                @for (number, one) in series.iter().enumerate() {
                    li class=(format!("k{number}")) {
                        (one.name) " " b { (shown(one.newest())) }
                    }
                }
            }
            svg role="img" aria-label=(words) preserveAspectRatio="none"
                viewBox=(format!("0 -2 {WIDTH} {}", HEIGHT + 4.0)) {
                line.grid x1="0" x2=(WIDTH) y1="0" y2="0" {}
                line.grid x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                @for (number, one) in series.iter().enumerate() {
                    @for points in lines(&one.values, top) {
                        polyline class=(format!("s{number}")) points=(points) {}
                    }
                }
            }
            p.scale { "0 to " (digits(top)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[Option<f64>], top: f64, wanted: &[&str]) {
        assert_eq!(lines(values, top), wanted, "{values:?}");
    }

    #[test]
    fn lines_end_at_the_right_and_have_gaps() {
        check(&[], 1.0, &[]);
        check(&[None, None], 1.0, &[]);
        check(&[Some(1.0)], 1.0, &["300.0,0.0 300.0,0.0"]);
        check(&[Some(0.0), Some(2.0)], 4.0, &["294.9,80.0 300.0,40.0"]);
        let gap = [Some(0.0), Some(0.0), None, Some(9.0)];
        check(&gap, 1.0, &["284.7,80.0 289.8,80.0", "300.0,0.0 300.0,0.0"]);
    }

    #[test]
    fn the_top_is_round_and_above() {
        for (most, wanted) in [(0.0, 1.0), (1.0, 1.0), (1.1, 2.0), (4.9, 5.0), (5.1, 10.0)] {
            assert_eq!(top(most), wanted, "{most}");
        }
        assert!(top(1e12) >= 1e12);
    }

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        let series = [
            Series { name: "p50", values: vec![Some(1.0), Some(2.0)] },
            Series { name: "p99", values: vec![Some(30.0), None] },
        ];
        let chart = chart("Response times", "ms", &series).into_string();
        let words = "aria-label=\"Response times: p50 2.00, p99 – ms, at most 30.0\"";
        assert!(chart.contains(words), "{chart}");
        assert!(!chart.contains("style="), "the page allows no styles of its own: {chart}");
    }
}
