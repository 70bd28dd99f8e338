//! The tables: what was found against what it should be, and the figures behind it. Markdown, so
//! that they can go into a document as they are.

use super::round::Round;

/// Which way a figure is good.
#[derive(Debug, Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A row of the table of targets.
struct Target {
    /// Its number in docs/performance.md.
    number: &'static str,
    what: &'static str,
    goal: Goal,
    unit: &'static str,
    /// `None` when a round has not measured it.
    figure: fn(&Round) -> Option<f64>,
}

const TARGETS: &[Target] = &[
    Target {
        number: "T2",
        what: "place order, spread: share of the no-op limit",
        goal: Goal::AtLeast(0.4),
        unit: "",
        figure: |round| ratio(round.suite.spread, round.suite.noop),
    },
    Target {
        number: "T3",
        what: "hot product against spread",
        goal: Goal::AtLeast(1.0),
        unit: "",
        figure: |round| ratio(round.suite.hot, round.suite.spread),
    },
    Target {
        number: "T4",
        what: "hot: against pgbench at its best",
        goal: Goal::AtLeast(15.0),
        unit: "x",
        figure: |round| ratio(round.suite.hot, best_pgbench(round)),
    },
    Target {
        number: "T5",
        what: "hot: against the plain server",
        goal: Goal::AtLeast(20.0),
        unit: "x",
        figure: |round| ratio(round.suite.hot, round.plain_hot),
    },
    Target {
        number: "T5",
        what: "spread: against the plain server",
        goal: Goal::AtLeast(7.0),
        unit: "x",
        figure: |round| ratio(round.suite.spread, round.plain_spread),
    },
    Target {
        number: "T6",
        what: "p99 of the closed loop",
        goal: Goal::AtMost(40.0),
        unit: " ms",
        figure: |round| Some(round.suite.spread_p99_ms),
    },
    Target {
        number: "T6",
        what: "p99 at half the maximum",
        goal: Goal::AtMost(10.0),
        unit: " ms",
        figure: |round| Some(round.suite.half_p99_ms),
    },
    Target {
        number: "T7",
        what: "commits against flushes of the disk",
        goal: Goal::AtMost(5.0),
        unit: " %",
        figure: |round| round.suite.commits_percent,
    },
    Target {
        number: "T9",
        what: "write-ahead log per order, spread",
        goal: Goal::AtMost(3.0),
        unit: " KiB",
        figure: |round| Some(round.wal_spread_kib),
    },
    Target {
        number: "T10",
        what: "read order by id: share of the no-op limit",
        goal: Goal::AtLeast(0.5),
        unit: "",
        figure: |round| ratio(round.suite.read, round.suite.noop_read),
    },
    Target {
        number: "-",
        what: "two processes on one database against one, hot",
        goal: Goal::AtLeast(0.8),
        unit: "",
        figure: |round| ratio(round.two_processes, round.one_process),
    },
];

/// A raw figure beside those of pgbench.
struct Figure {
    what: &'static str,
    decimals: usize,
    figure: fn(&Round) -> Option<f64>,
}

const fn rate(what: &'static str, figure: fn(&Round) -> Option<f64>) -> Figure {
    Figure { what, decimals: 0, figure }
}

const FIGURES: &[Figure] = &[
    rate("plain server, hot (256)", |round| Some(round.plain_hot)),
    rate("plain server, spread (256)", |round| Some(round.plain_spread)),
    rate("onhand, hot (256)", |round| Some(round.suite.hot)),
    rate("onhand, spread (256)", |round| Some(round.suite.spread)),
    rate("no-op post (256)", |round| Some(round.suite.noop)),
    rate("onhand, read order by id (64)", |round| Some(round.suite.read)),
    rate("no-op get (64)", |round| Some(round.suite.noop_read)),
    rate("one process, hot (256)", |round| Some(round.one_process)),
    rate("two processes, hot (2 x 128)", |round| Some(round.two_processes)),
    Figure {
        what: "log per order, hot, KiB",
        decimals: 2,
        figure: |round| Some(round.wal_hot_kib),
    },
    rate("processors used by others before the round, %", |round| round.busy_percent),
];

/// The table of targets: medians over the rounds.
pub(super) fn targets(rounds: &[Round]) -> String {
    let mut text = "| # | what | target | measured | |\n|---|---|---|---|---|\n".to_owned();
    for Target { number, what, goal, unit, figure } in TARGETS {
        let value = median(rounds.iter().filter_map(figure).collect());
        let (target, is_met) = match goal {
            Goal::AtLeast(least) => (format!(">= {least}{unit}"), value.map(|it| it >= *least)),
            Goal::AtMost(most) => (format!("<= {most}{unit}"), value.map(|it| it <= *most)),
        };
        let measured = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}{unit}"));
        let verdict = match is_met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        text += &format!("| {number} | {what} | {target} | {measured} | {verdict} |\n");
    }
    text
}

/// The figures of every round.
pub(super) fn raw(rounds: &[Round]) -> String {
    let mut text = "| per second, if nothing else is said (connections) |".to_owned();
    for index in 1..=rounds.len() {
        text += &format!(" round {index} |");
    }
    text += &format!("\n|---|{}\n", "---|".repeat(rounds.len()));
    let names = rounds.first().map(|round| round.pgbench.as_slice()).unwrap_or_default();
    for (index, (what, _)) in names.iter().enumerate() {
        let cell = |round: &Round| round.pgbench.get(index).map(|(_, rate)| *rate);
        text += &line(what, rounds.iter().map(cell), 0);
    }
    for Figure { what, decimals, figure } in FIGURES {
        text += &line(what, rounds.iter().map(figure), *decimals);
    }
    text
}

fn line(what: &str, values: impl Iterator<Item = Option<f64>>, decimals: usize) -> String {
    let cell = |value: Option<f64>| match value {
        Some(value) => format!(" {value:.decimals$} |"),
        None => " - |".to_owned(),
    };
    format!("| {what} |{}\n", values.map(cell).collect::<String>())
}

fn best_pgbench(round: &Round) -> f64 {
    round.pgbench.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The median; `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some((values.get(last / 2)? + values.get(last.div_ceil(2))?) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::super::round::Suite;
    use super::*;

    fn round(hot: f64) -> Round {
        Round {
            pgbench: vec![("pgbench a".to_owned(), 500.0), ("pgbench b".to_owned(), 1_000.0)],
            suite: Suite { hot, ..Suite::default() },
            ..Round::default()
        }
    }

    #[test]
    fn a_target_is_the_median_of_ratios_against_the_best() {
        let text = targets(&[round(14_000.0), round(17_000.0)]);
        assert!(text.contains("pgbench at its best | >= 15x | 15.50x | met |"), "{text}");
        let text = targets(&[round(14_000.0)]);
        assert!(text.contains("| 14.00x | **missed** |"), "{text}");
        assert!(text.contains("of the disk | <= 5 % | - | not measured |"), "{text}");
    }

    #[test]
    fn every_round_has_a_column() {
        let text = raw(&[round(1.0), round(2.4)]);
        assert!(text.contains("| pgbench b | 1000 | 1000 |\n"), "{text}");
        assert!(text.contains("| onhand, hot (256) | 1 | 2 |\n"), "{text}");
        assert!(text.contains("before the round, % | - | - |\n"), "{text}");
        assert!(text.lines().all(|line| line.matches('|').count() == 4), "{text}");
    }

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_both() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![2.0, 1.0]), Some(1.5));
    }
}
