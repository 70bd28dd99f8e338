//! The spans of time that the dashboard can show, each in parts of equal length. Parts begin at
//! round instants, so that a bar stays where it is while time goes on.

use jiff::{SignedDuration, Timestamp};

use super::PATH;
use crate::http::problem::Problem;

/// How far back the dashboard looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Span {
    Hour,
    Day,
    Month,
}

impl Span {
    pub(super) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.name() == name)
    }

    pub(super) fn unknown(text: &str) -> Problem {
        Problem::field("?span", "expected hour, day or month", text.into())
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Hour => "60 minutes",
            Self::Day => "24 hours",
            Self::Month => "30 days",
        }
    }

    /// Where the dashboard shows it.
    pub(super) fn path(self) -> String {
        format!("{PATH}?span={}", self.name())
    }

    /// How many parts it has, and how many seconds each.
    pub(super) const fn parts(self) -> (u32, i64) {
        match self {
            Self::Hour => (60, 60),
            Self::Day => (48, 1_800),
            Self::Month => (30, 86_400),
        }
    }

    /// The instants between which its parts are; the newest part has `now` in it.
    pub(super) fn bounds(self, now: Timestamp) -> Vec<Timestamp> {
        let (parts, secs) = self.parts();
        let end = now.as_second().div_euclid(secs).saturating_add(1).saturating_mul(secs);
        let end = Timestamp::from_second(end).unwrap_or(Timestamp::MAX);
        let back = |part: u32| SignedDuration::from_secs(secs.saturating_mul(part.into()));
        let at = |part| end.checked_sub(back(part)).unwrap_or(Timestamp::MIN);
        (0..=parts).rev().map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(span: Span, now: &str, first: &str, last: &str) {
        let bounds = span.bounds(now.parse().unwrap());
        assert_eq!(bounds.len(), usize::try_from(span.parts().0).unwrap() + 1);
        assert_eq!(bounds.first().unwrap().to_string(), first, "{span:?} {now}");
        assert_eq!(bounds.last().unwrap().to_string(), last, "{span:?} {now}");
        assert!(bounds.is_sorted());
    }

    #[test]
    fn parts_begin_at_round_instants_and_the_newest_has_now_in_it() {
        let now = "2026-01-02T03:04:05.5Z";
        check(Span::Hour, now, "2026-01-02T02:05:00Z", "2026-01-02T03:05:00Z");
        check(Span::Day, now, "2026-01-01T03:30:00Z", "2026-01-02T03:30:00Z");
        check(Span::Month, now, "2025-12-04T00:00:00Z", "2026-01-03T00:00:00Z");
        let round = "2026-01-02T03:04:00Z";
        check(Span::Hour, round, "2026-01-02T02:05:00Z", "2026-01-02T03:05:00Z");
    }
}
