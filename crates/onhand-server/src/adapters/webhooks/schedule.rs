//! What the answer to a message means: delivered, to be sent again and when, or never again. It
//! decides by the attempt, the answer and a random number alone, sends nothing and waits for
//! nothing.

use std::fmt;
use std::time::Duration;

use super::send::{Answer, Failure};
use crate::limits::{
    WEBHOOK_ATTEMPTS_MAX, WEBHOOK_JITTER_PERCENT, WEBHOOK_PAUSE, WEBHOOK_RETRY_AFTER_MAX,
};

/// How long to wait after each attempt that failed, the first one first. Those whose receiver is
/// deployed anew are tried soon, and those who are away for a long weekend are still heard.
const WAITS: [Duration; WEBHOOK_ATTEMPTS_MAX as usize - 1] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(14 * 3_600),
    Duration::from_secs(20 * 3_600),
    Duration::from_secs(24 * 3_600),
];

/// Why a message was not taken, for the operator's list of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The receiver answered with a status other than 2xx.
    Status(u16),
    /// The receiver wants it elsewhere. Who may change that is the endpoint's owner, not whoever
    /// answers there.
    Redirect(u16),
    /// The receiver said that it is gone for good.
    Gone,
    /// There was no answer.
    Failure(Failure),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the receiver answered {status}"),
            Self::Redirect(status) => {
                write!(f, "the receiver answered {status}: redirects are not followed")
            }
            Self::Gone => f.write_str("the receiver answered 410: it wants no more messages"),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}

/// What happens next with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was taken.
    Delivered,
    /// It is sent again.
    Again {
        /// Why.
        reason: Reason,
        /// When, from now on.
        after: Duration,
        /// For how long nothing at all should be sent to the endpoint, because it is overrun.
        pause_endpoint: Option<Duration>,
    },
    /// It is not sent again, and its endpoint gets nothing any more until somebody switches it on.
    Disable(Reason),
    /// It is not sent again: the attempts are used up.
    Dead(Reason),
}

/// What comes after an attempt, the first of which is 1; `random` is from 0 up to but without 1 and
/// spreads those that failed together.
pub fn next(attempt: u32, answer: &Answer, random: f64) -> Next {
    let reason = match answer.status {
        Some(200..=299) => return Next::Delivered,
        Some(410) => return Next::Disable(Reason::Gone),
        Some(status @ 300..=399) => Reason::Redirect(status),
        Some(status) => Reason::Status(status),
        // An answer has one or the other; without either nothing was heard.
        None => Reason::Failure(answer.failure.unwrap_or(Failure::Garbled)),
    };
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(wait) = WAITS.get(index) else { return Next::Dead(reason) };
    let asked = answer.retry_after.map(|asked| asked.min(WEBHOOK_RETRY_AFTER_MAX));
    let after = spread((*wait).max(asked.unwrap_or_default()), random);
    let pause_endpoint = match answer.status {
        Some(429 | 502 | 504) => Some(asked.unwrap_or(WEBHOOK_PAUSE)),
        // It may be out of order for this message alone, unless it says for how long.
        Some(503) => asked,
        Some(_) | None => None,
    };
    Next::Again { reason, after, pause_endpoint }
}

/// Never sooner than was asked for, and somewhat later by chance.
fn spread(wait: Duration, random: f64) -> Duration {
    let share = f64::from(WEBHOOK_JITTER_PERCENT) / 100.0;
    wait + wait.mul_f64(share * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::guard::Forbidden;
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> Answer {
        let retry_after = retry_after.map(Duration::from_secs);
        Answer { status: Some(status), retry_after, ..Answer::default() }
    }

    fn failure(failure: Failure) -> Answer {
        Answer { failure: Some(failure), ..Answer::default() }
    }

    /// In one line, with waits in seconds: `delivered`, `again 5 pause 60`, `disable`, `dead`.
    fn check(attempt: u32, answer: &Answer, random: f64, wanted: &str) {
        let found = match next(attempt, answer, random) {
            Next::Delivered => "delivered".to_owned(),
            Next::Again { after, pause_endpoint: None, .. } => format!("again {}", after.as_secs()),
            Next::Again { after, pause_endpoint: Some(pause), .. } => {
                format!("again {} pause {}", after.as_secs(), pause.as_secs())
            }
            Next::Disable(_) => "disable".to_owned(),
            Next::Dead(_) => "dead".to_owned(),
        };
        assert_eq!(found, wanted, "{attempt} {answer:?} {random}");
    }

    #[test]
    fn attempts_are_those_of_the_standard() {
        let waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        for (attempt, wait) in (1..).zip(waits) {
            check(attempt, &status(500, None), 0.0, &format!("again {wait}"));
            let most = wait * 6 / 5;
            check(attempt, &status(500, None), 1.0, &format!("again {most}"));
            check(attempt, &status(500, None), 9.0, &format!("again {most}"));
            check(attempt, &status(200, None), 0.0, "delivered");
        }
        for attempt in [10, 11, u32::MAX] {
            check(attempt, &status(500, None), 0.0, "dead");
            check(attempt, &failure(Failure::Timeout), 0.0, "dead");
            check(attempt, &status(204, None), 0.0, "delivered");
            check(attempt, &status(410, None), 0.0, "disable");
        }
        check(0, &status(500, None), 0.0, "again 5");
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for good in [200, 201, 202, 204, 299] {
            check(1, &status(good, None), 0.0, "delivered");
        }
        for bad in [100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 413, 500, 503, 999]
        {
            check(1, &status(bad, None), 0.0, "again 5");
        }
        for bad in [
            Failure::Forbidden(Forbidden::Loopback),
            Failure::Unresolved,
            Failure::Unreachable,
            Failure::Tls,
            Failure::Timeout,
            Failure::Garbled,
            Failure::Unsendable,
        ] {
            check(1, &failure(bad), 0.0, "again 5");
        }
        check(1, &Answer::default(), 0.0, "again 5");
        // What it went on to say does not undo that it has taken the message.
        let cut = Answer { failure: Some(Failure::Garbled), ..status(200, None) };
        check(1, &cut, 0.0, "delivered");
        check(1, &status(410, None), 0.0, "disable");
    }

    #[test]
    fn who_is_overrun_is_left_alone() {
        for overrun in [429, 502, 504] {
            check(1, &status(overrun, None), 0.0, "again 5 pause 60");
            check(1, &status(overrun, Some(7)), 0.0, "again 7 pause 7");
            check(1, &status(overrun, Some(0)), 0.0, "again 5 pause 0");
            check(4, &status(overrun, Some(7)), 0.0, "again 7200 pause 7");
            check(1, &status(overrun, Some(999_999)), 0.0, "again 86400 pause 86400");
        }
        check(1, &status(503, Some(30)), 0.0, "again 30 pause 30");
        check(1, &status(500, Some(30)), 0.0, "again 30");
        check(1, &status(500, Some(100)), 0.5, "again 110");
    }

    #[test]
    fn the_reason_is_told() {
        for (answer, wanted) in [
            (status(500, None), "the receiver answered 500"),
            (status(302, None), "the receiver answered 302: redirects are not followed"),
            (failure(Failure::Timeout), "no answer in time"),
            (
                failure(Failure::Forbidden(Forbidden::Private)),
                "not sent: the address is one of a private network",
            ),
        ] {
            let Next::Dead(reason) = next(WEBHOOK_ATTEMPTS_MAX, &answer, 0.0) else {
                panic!("{answer:?}")
            };
            assert_eq!(reason.to_string(), wanted);
        }
        let Next::Disable(reason) = next(1, &status(410, None), 0.0) else { panic!() };
        assert_eq!(reason.to_string(), "the receiver answered 410: it wants no more messages");
    }
}
