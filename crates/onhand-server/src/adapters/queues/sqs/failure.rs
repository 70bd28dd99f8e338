//! What an error of SQS means. Its own text is kept short: it names codes, never what was sent.

use std::error::Error;

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;

use crate::adapters::queues::{QueueError, reason_line};

/// Codes after which the message is somebody else's.
const LOST: &[&str] = &["ReceiptHandleIsInvalid", "MessageNotInflight", "InvalidMessageState"];
/// Codes that pass by themselves.
const PASSING: &[&str] = &[
    "RequestThrottled",
    "ThrottlingException",
    "Throttling",
    "KmsThrottled",
    "OverLimit",
    "InternalError",
    "InternalFailure",
    "ServiceUnavailable",
    "RequestTimeout",
    "RequestTimeoutException",
];
/// How far a chain of errors is followed.
const SOURCES_MAX: usize = 4;

/// What came of a call.
pub(super) fn judge<E, R>(error: &SdkError<E, R>) -> QueueError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(context) => {
            judge_code(context.err().code(), context.err().message())
        }
        SdkError::TimeoutError(_) => QueueError::Unavailable("no answer in time".to_owned()),
        SdkError::DispatchFailure(failure) => {
            let source = failure.as_connector_error().and_then(Error::source);
            let why = source.map_or_else(|| "no connection".to_owned(), innermost);
            let is_network = failure.is_io() || failure.is_timeout();
            let hint = if is_network { "" } else { "are there keys for AWS? " };
            QueueError::Unavailable(reason_line(&format!("{hint}{why}")))
        }
        SdkError::ResponseError(_) => {
            QueueError::Unavailable("an answer that cannot be read".to_owned())
        }
        SdkError::ConstructionFailure(_) => {
            QueueError::Refused("the request cannot be made".to_owned())
        }
        _ => QueueError::Unavailable("an error that the SDK does not name".to_owned()),
    }
}

/// What came of each message of a batch; the worst counts.
pub(super) fn judge_entries(failed: &[BatchResultErrorEntry]) -> Result<(), QueueError> {
    let mut worst = Ok(());
    for entry in failed {
        let error = if entry.sender_fault() {
            judge_code(Some(entry.code()), entry.message())
        } else {
            QueueError::Unavailable(reason_line(entry.code()))
        };
        if !matches!(error, QueueError::Lost) {
            return Err(error);
        }
        worst = Err(error);
    }
    worst
}

fn judge_code(code: Option<&str>, message: Option<&str>) -> QueueError {
    let code = code.unwrap_or("an error without a code");
    // The code of an expired receipt is that of any wrong parameter.
    let is_expired = message.is_some_and(|text| text.contains("receipt handle has expired"));
    // Older ones have their service in front.
    let name = code.rsplit(['.', '#']).next().unwrap_or(code);
    if LOST.contains(&name) || is_expired {
        QueueError::Lost
    } else if PASSING.contains(&name) {
        QueueError::Unavailable(reason_line(code))
    } else {
        QueueError::Refused(reason_line(code))
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    for _ in 0..SOURCES_MAX {
        let Some(source) = innermost.source() else { break };
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whether_asking_again_helps() {
        let refused = |text: &str| QueueError::Refused(text.to_owned());
        let unavailable = |text: &str| QueueError::Unavailable(text.to_owned());
        let expired = "Value x for parameter ReceiptHandle is invalid. Reason: The receipt handle \
                       has expired.";
        for (code, message, expected) in [
            (Some("ReceiptHandleIsInvalid"), None, QueueError::Lost),
            (Some("InvalidParameterValue"), Some(expired), QueueError::Lost),
            (Some("InvalidParameterValue"), Some("x"), refused("InvalidParameterValue")),
            (Some("AccessDenied"), Some("arn:..."), refused("AccessDenied")),
            (
                Some("AWS.SimpleQueueService.NonExistentQueue"),
                None,
                refused("AWS.SimpleQueueService.NonExistentQueue"),
            ),
            (Some("RequestThrottled"), None, unavailable("RequestThrottled")),
            (
                Some("AWS.SimpleQueueService.OverLimit"),
                None,
                unavailable("AWS.SimpleQueueService.OverLimit"),
            ),
            (Some("two\nlines"), None, refused("two lines")),
            (None, None, refused("an error without a code")),
        ] {
            assert_eq!(judge_code(code, message), expected, "{code:?}");
        }
    }
}
