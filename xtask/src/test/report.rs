//! What came of the steps, told at the end: what ran, what did not and why, and whether that is
//! good enough. It knows outcomes, not how they came about.

use std::time::Duration;

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed(Duration),
    Failed(Duration),
    LeftOut(String),
}

/// Steps in the order in which they were looked at.
pub(super) type Outcomes = Vec<(String, Outcome)>;

/// Steps that may be left out anywhere: their tool takes minutes to build, and what they check
/// changes only with the dependencies.
pub(super) const MAY_BE_LEFT_OUT: [&str; 1] = ["deny"];

/// Whether all is well; `strict` where all tools must be.
pub(super) fn verdict(outcomes: &[(String, Outcome)], strict: bool) -> bool {
    outcomes.iter().all(|(name, outcome)| match outcome {
        Outcome::Passed(_) => true,
        Outcome::Failed(_) => false,
        Outcome::LeftOut(_) => !strict || MAY_BE_LEFT_OUT.contains(&name.as_str()),
    })
}

/// A line for each step.
pub(super) fn summary(outcomes: &[(String, Outcome)]) -> String {
    let mut lines = vec!["== what ran, and what did not".to_owned()];
    for (name, outcome) in outcomes {
        lines.push(match outcome {
            Outcome::Passed(time) => format!("ok        {name} ({:.1} s)", time.as_secs_f64()),
            Outcome::Failed(time) => format!("NOT OK    {name} ({:.1} s)", time.as_secs_f64()),
            Outcome::LeftOut(reason) => format!("left out  {name}: {reason}"),
        });
    }
    if outcomes.iter().all(|(_, outcome)| !matches!(outcome, Outcome::LeftOut(_))) {
        lines.push("nothing was left out".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out() -> (String, Outcome) {
        ("format".to_owned(), Outcome::LeftOut("rustfmt is missing".to_owned()))
    }

    fn ran(outcome: fn(Duration) -> Outcome) -> (String, Outcome) {
        ("tests".to_owned(), outcome(Duration::from_millis(1_500)))
    }

    #[test]
    fn leaving_out_is_a_failure_only_where_all_tools_must_be() {
        let outcomes = [left_out(), ran(Outcome::Passed)];
        assert!(verdict(&outcomes, false));
        assert!(!verdict(&outcomes, true));
        assert!(!verdict(&[ran(Outcome::Failed)], false));
        assert!(verdict(&[ran(Outcome::Passed)], true));
        for (name, strictly) in [("deny", true), ("squawk", false)] {
            let left_out = [(name.to_owned(), Outcome::LeftOut("it is missing".into()))];
            assert_eq!(verdict(&left_out, true), strictly, "{name}");
        }
    }

    #[test]
    fn the_summary_names_every_step_and_why_it_was_left_out() {
        let text = summary(&[left_out(), ran(Outcome::Passed)]);
        assert!(text.contains("left out  format: rustfmt is missing"), "{text}");
        assert!(text.contains("ok        tests (1.5 s)"), "{text}");
        assert!(!text.contains("nothing was left out"), "{text}");
        assert!(summary(&[ran(Outcome::Passed)]).ends_with("nothing was left out"));
    }
}
