//! When something is due that an operator has scheduled: a cron expression of five fields in a time
//! zone. An hour that a clock leaps over is not missed, and one that it repeats is not done twice;
//! that, and what an expression may say, is for `croner`.

use std::fmt;
use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use onhand_core::Timestamp;

/// A cron expression that is due now and then.
#[derive(Clone)]
pub struct Expression(Cron);

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It cannot be read.
    #[error("expected five fields, minute hour day month weekday, like `0 * * * *`: {0}")]
    Unreadable(String),
    /// The thirtieth of February.
    #[error("it is never due")]
    Never,
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let read = parser.parse(text);
        let cron = read.map_err(|error| ExpressionError::Unreadable(error.to_string()))?;
        let someday = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        match cron.find_next_occurrence(&someday, false) {
            Ok(_) => Ok(Self(cron)),
            Err(_) => Err(ExpressionError::Never),
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Reads the name of a time zone, like `Europe/Berlin`.
///
/// # Errors
/// In words, when this system knows none of that name.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    let unknown = || "this system knows no such time zone; expected one like `Europe/Berlin`";
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| unknown().to_owned())
}

/// When something is due.
#[derive(Debug, Clone)]
pub struct Timetable {
    /// By these fields.
    pub expression: Expression,
    /// Of this zone's clocks.
    pub zone: TimeZone,
}

impl Timetable {
    /// When it is due next after an instant.
    pub fn after(&self, now: Timestamp) -> Timestamp {
        let local = now.to_zoned(self.zone.clone());
        let next = self.expression.0.find_next_occurrence(&local, false);
        next.map_or(Timestamp::MAX, |next| next.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is due after an instant, three times.
    fn check(expression: &str, in_zone: &str, now: &str, wanted: [&str; 3]) {
        let expression = expression.parse().unwrap();
        let timetable = Timetable { expression, zone: zone(in_zone).unwrap() };
        let mut at: Timestamp = now.parse().unwrap();
        let found = wanted.map(|_| {
            at = timetable.after(at);
            at.to_string()
        });
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_default_is_every_full_hour() {
        check(
            "0 * * * *",
            "UTC",
            "2026-11-22T02:00:00Z",
            ["2026-11-22T03:00:00Z", "2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z"],
        );
    }

    #[test]
    fn clocks_of_a_zone_are_followed_through_the_changes() {
        // Half past two is leapt over on 28 March, and comes twice on 31 October.
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2027-03-26T12:00:00Z",
            ["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"],
        );
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2027-10-29T12:00:00Z",
            ["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"],
        );
        check(
            "15 22 * * 1-5",
            "Asia/Kolkata",
            "2026-11-20T16:45:00Z",
            ["2026-11-23T16:45:00Z", "2026-11-24T16:45:00Z", "2026-11-25T16:45:00Z"],
        );
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for wrong in [
            "",
            "hourly",
            "* * * *",
            "0 0 * * * *",
            "0 0 * * * * 2027",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "0 * * * * ; x",
        ] {
            let refused = wrong.parse::<Expression>();
            assert!(matches!(refused, Err(ExpressionError::Unreadable(_))), "{wrong}: {refused:?}");
        }
        assert!(matches!("0 0 30 2 *".parse::<Expression>(), Err(ExpressionError::Never)));
        assert!(zone("Mars/Olympus").is_err() && zone("").is_err() && zone("../etc").is_err());
    }
}
