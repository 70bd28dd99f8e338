//! What a dialect answers when something goes wrong: the body of its contract under a status that
//! says what happened, and the status that the original would have sent. Which of the two is sent
//! is configured, and nobody asks before the answer is on its way out.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use onhand_core::Refusal;
use onhand_core::accounts::UserView;
use onhand_core::catalog::Product;
use onhand_core::command::Reply;
use onhand_core::inventory::Level;
use onhand_core::orders::Order;
use onhand_engine::SubmitError;
use onhand_engine::committer::Answer;
use onhand_engine::query::ReadError;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::answer::{json_response, replayed};
use crate::http::problem::Problem;

/// A failure in the words of a dialect.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::http) struct Fault {
    /// With the status that says what happened.
    sensible: (StatusCode, Value),
    /// What the original sends, where that is something else.
    literal: Option<(StatusCode, Value)>,
}

impl Fault {
    /// One that the original answers alike.
    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self { sensible: (status, body), literal: None }
    }

    /// The same where the original sends another status with the same body.
    #[must_use]
    pub(super) fn literally(self, status: StatusCode) -> Self {
        let body = self.sensible.1.clone();
        self.literally_with(status, body)
    }

    /// The same where the original sends another status and another body.
    #[must_use]
    pub(super) fn literally_with(self, status: StatusCode, body: Value) -> Self {
        Self { literal: Some((status, body)), ..self }
    }

    /// What is sent.
    pub(super) fn choose(self, is_literal: bool) -> (StatusCode, Value) {
        self.literal.filter(|_| is_literal).unwrap_or(self.sensible)
    }
}

impl IntoResponse for Fault {
    /// The body is written on the way out (`pass.rs`).
    fn into_response(self) -> Response {
        let mut response = self.sensible.0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What a handler of a dialect gives up with: a problem that its dialect finds words for, or the
/// words themselves.
#[derive(Debug)]
pub(super) struct Wrong {
    what: Box<What>,
    was_before: bool,
}

#[derive(Debug)]
enum What {
    Problem(Problem),
    Fault(Fault),
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self { what: Box::new(What::Problem(problem)), was_before: false }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self { what: Box::new(What::Fault(fault)), was_before: false }
    }
}

impl From<ReadError> for Wrong {
    fn from(error: ReadError) -> Self {
        Problem::from(error).into()
    }
}

impl From<SubmitError> for Wrong {
    fn from(error: SubmitError) -> Self {
        Problem::from(error).into()
    }
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Problem::from(refusal).into()
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let response = match *self.what {
            What::Problem(problem) => problem.into_response(),
            What::Fault(fault) => fault.into_response(),
        };
        replayed(response, self.was_before)
    }
}

/// A command that was carried out, now or before under the same key.
#[derive(Debug)]
pub(super) struct Done {
    reply: Reply,
    was_before: bool,
}

impl Done {
    /// What the committer answered.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn of(answer: Answer) -> Result<Self, Wrong> {
        let was_before = answer.replayed;
        match answer.outcome {
            Ok(reply) => Ok(Self { reply, was_before }),
            Err(refusal) => Err(Wrong { was_before, ..refusal.into() }),
        }
    }

    /// The order that it came to.
    ///
    /// # Errors
    /// Where it came to something else, which would be a mistake of ours; so of those that follow.
    pub(super) fn order(&self) -> Result<&Order, Wrong> {
        let Reply::Order(order) = &self.reply else { return Err(self.unexpected()) };
        Ok(order)
    }

    /// The product.
    pub(super) fn product(&self) -> Result<&Product, Wrong> {
        let Reply::Product(product) = &self.reply else { return Err(self.unexpected()) };
        Ok(product)
    }

    /// The user.
    pub(super) fn user(&self) -> Result<&UserView, Wrong> {
        let Reply::User(user) = &self.reply else { return Err(self.unexpected()) };
        Ok(user)
    }

    /// The one level that was changed.
    pub(super) fn level(&self) -> Result<&Level, Wrong> {
        let Reply::Stock(changes) = &self.reply else { return Err(self.unexpected()) };
        let level = changes.first().map(|change| &change.level);
        level.ok_or_else(|| self.unexpected())
    }

    fn unexpected(&self) -> Wrong {
        let reply = &self.reply;
        tracing::error!(?reply, "a command was answered with the reply of another one");
        Problem::internal().into()
    }

    /// The answer to the client.
    pub(super) fn answer(&self, status: StatusCode, body: &impl Serialize) -> Response {
        replayed(json_response(status, body), self.was_before)
    }
}

/// The fields that are wrong, as two contracts list them.
pub(super) fn wrong_fields(problem: &Problem) -> Vec<Value> {
    let said = |(field, message): (&str, &str)| json!({"field": field, "message": message});
    problem.errors.iter().map(|one| said((&one.pointer, &one.detail))).collect()
}
