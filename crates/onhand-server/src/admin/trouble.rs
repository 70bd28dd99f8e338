//! What went wrong, as pages tell it: the words and the code of `/v1`, and what to do about it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use crate::http::problem::Problem;

/// What a route of `/v1` said, or would have said.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) errors: Vec<FieldTrouble>,
    /// Where it passes by itself: when to come back.
    retry_after_secs: Option<u32>,
    /// By which the request is found in the log.
    pub(super) request_id: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone)]
pub(super) struct FieldTrouble {
    pub(super) pointer: String,
    pub(super) detail: String,
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let errors = problem.errors.into_iter();
        let errors =
            errors.map(|error| FieldTrouble { pointer: error.pointer, detail: error.detail });
        Self {
            status: problem.status,
            code: problem.code.to_owned(),
            detail: problem.detail,
            errors: errors.collect(),
            retry_after_secs: problem.retry_after_ms.map(in_secs),
            request_id: None,
        }
    }
}

impl Trouble {
    /// Out of an answer that says no.
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let wait_ms = body["retry_after_ms"].as_u64();
        let errors = body["errors"].as_array().into_iter().flatten();
        let errors = errors.map(|error| FieldTrouble {
            pointer: text(&error["pointer"]).unwrap_or_default(),
            detail: text(&error["detail"]).unwrap_or_default(),
        });
        Self {
            status,
            code: text(&body["code"]).unwrap_or_else(|| "unknown".to_owned()),
            detail: text(&body["detail"]).unwrap_or_else(|| format!("the answer was {status}")),
            errors: errors.collect(),
            retry_after_secs: wait_ms.and_then(|wait| u32::try_from(wait).ok()).map(in_secs),
            request_id: text(&body["request_id"]),
        }
    }

    /// A page that tells of it.
    pub(super) fn told_by(&self, mut page: Response) -> Response {
        *page.status_mut() = self.status;
        if let Some(secs) = self.retry_after_secs {
            page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        page
    }

    /// What is to be done about it, where that is the same whatever was asked for.
    pub(super) fn advice(&self) -> Option<&'static str> {
        Some(match (self.status.as_u16(), self.code.as_str()) {
            (412, _) => {
                "Somebody else has changed this meanwhile. What you see now is how it stands; what \
                 you typed is still there. Look at both and send it again."
            }
            (_, "outcome_unknown") => {
                "Nobody knows yet whether it was done. Send it again just as it is: it is done \
                 once at most."
            }
            (_, "idempotency_key_reused") => {
                "This form was sent before, and said something else then. Look at it once more and \
                 send it again."
            }
            (_, "disk_full") => "The disk is full. Nothing can be written until there is room.",
            (503 | 507, _) => "This passes: send it again in a moment. It is done once at most.",
            (429, _) => "Wait a moment and send it again.",
            (403, _) => "Ask an administrator of this shop for the right to do this.",
            _ => return None,
        })
    }
}

/// Seconds, so many that it is not too early.
fn in_secs(millis: u32) -> u32 {
    millis.div_ceil(1_000)
}

/// What went wrong with something that was tried.
pub(super) fn alert(what: &str, trouble: &Trouble) -> Markup {
    html! {
        div class="alert bad" role="alert" {
            p { strong { (what) ": " (sentence(&trouble.detail)) } }
            @if let Some(advice) = trouble.advice() { p { (advice) } }
            @if !trouble.errors.is_empty() {
                ul {
                    @for error in &trouble.errors {
                        li { code { (error.pointer) } " " (error.detail) }
                    }
                }
            }
            p class="small" {
                code { (trouble.code) }
                @if let Some(id) = &trouble.request_id { " · request " code { (id) } }
            }
        }
    }
}

/// A detail of `/v1` as a sentence.
pub(super) fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let end = if detail.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}
