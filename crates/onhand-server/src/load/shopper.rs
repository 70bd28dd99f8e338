//! A buyer who does not give up: sends the same order under the same key until the answer is
//! definite, through lost connections, overload and restarts. It counts what it went through and
//! remembers what it was promised; whether the promises were kept is checked elsewhere.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use super::api::{IDEMPOTENCY_REPLAYED, Target, describe, problem_code};
use crate::client::{ClientError, Connection, Reply};
use crate::random::Random;

/// Longest time until an order must have a definite answer: many restarts.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(180);
/// Longest pause before the same key is sent again.
const PAUSE_MILLIS_MAX: u64 = 20;

/// The server, while it is up.
pub(crate) type Up = watch::Receiver<Option<Target>>;

/// An order that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    /// The key it was sent under.
    pub(crate) key: Uuid,
    /// What was sent.
    pub(crate) request: Bytes,
    /// What was answered.
    pub(crate) answer: Bytes,
}

/// A definite answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The order is placed.
    Placed(Promise),
    /// Not enough stock.
    SoldOut,
}

/// What a shopper went through.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trials {
    /// Orders of which some answer was lost, so that only the key could tell.
    pub(crate) unknown: u64,
    /// Those of them that turned out to have been placed by the lost attempt.
    pub(crate) already_placed: u64,
    /// Requests sent in all.
    pub(crate) requests: u64,
}

impl Trials {
    /// Both together.
    pub(crate) fn add(&mut self, other: Self) {
        self.unknown += other.unknown;
        self.already_placed += other.already_placed;
        self.requests += other.requests;
    }
}

/// One connection's worth of buying.
#[derive(Debug)]
pub(crate) struct Shopper {
    up: Up,
    open: Option<(Target, Connection)>,
    random: Random,
    /// What it went through so far.
    pub(crate) trials: Trials,
}

/// What one attempt brought.
enum Attempt {
    Placed(Reply),
    SoldOut,
    /// Nothing happened; try again.
    TurnedAway,
    /// Perhaps something happened; try again.
    Unknown,
}

impl Shopper {
    /// A shopper at this server, which may come and go.
    pub(crate) fn new(up: Up, random: Random) -> Self {
        Self { up, open: None, random, trials: Trials::default() }
    }

    /// A new key.
    pub(crate) fn key(&mut self) -> Uuid {
        self.random.uuid_v7()
    }

    /// Sends the order until the answer is definite.
    pub(crate) async fn buy(&mut self, request: &Bytes, key: Uuid) -> Result<Answer> {
        let started = Instant::now();
        let mut in_doubt = false;
        while started.elapsed() < ANSWER_TIMEOUT {
            match self.attempt(request, key).await? {
                Attempt::Placed(reply) => {
                    let replayed = reply.headers.contains_key(&IDEMPOTENCY_REPLAYED);
                    self.trials.unknown += u64::from(in_doubt);
                    self.trials.already_placed += u64::from(in_doubt && replayed);
                    let (request, answer) = (request.clone(), reply.body);
                    return Ok(Answer::Placed(Promise { key, request, answer }));
                }
                Attempt::SoldOut => {
                    self.trials.unknown += u64::from(in_doubt);
                    return Ok(Answer::SoldOut);
                }
                Attempt::TurnedAway => {}
                Attempt::Unknown => in_doubt = true,
            }
            sleep(Duration::from_millis(self.random.below(PAUSE_MILLIS_MAX))).await;
        }
        bail!("no definite answer for key {key} within {ANSWER_TIMEOUT:?}")
    }

    async fn attempt(&mut self, request: &Bytes, key: Uuid) -> Result<Attempt> {
        let (target, mut connection) = match self.open.take() {
            Some(open) => open,
            None => {
                // Wait until the server is up; an error means that it will not come up again.
                let target = self.up.wait_for(Option::is_some).await?.clone();
                let Some(target) = target else {
                    return Ok(Attempt::TurnedAway);
                };
                let connection = target.connection();
                (target, connection)
            }
        };
        let headers = target.write_headers(key);
        let body = request.clone();
        self.trials.requests += 1;
        let answered = connection.send(Method::POST, "/v1/orders", &headers, body).await;
        let attempt = read(answered)?;
        if let Attempt::Placed(_) | Attempt::SoldOut = attempt {
            self.open = Some((target, connection));
        }
        Ok(attempt)
    }
}

/// What an answer means; an answer that nobody can act on is an error.
fn read(answered: Result<Reply, ClientError>) -> Result<Attempt> {
    let reply = match answered {
        Ok(reply) => reply,
        Err(error) if error.outcome_is_unknown() => return Ok(Attempt::Unknown),
        Err(_) => return Ok(Attempt::TurnedAway),
    };
    let code = problem_code(&reply);
    match (reply.status, code.as_str()) {
        (StatusCode::CREATED, _) => Ok(Attempt::Placed(reply)),
        (StatusCode::CONFLICT, "insufficient_stock") => Ok(Attempt::SoldOut),
        (StatusCode::CONFLICT, "idempotency_in_flight") => Ok(Attempt::Unknown),
        (StatusCode::TOO_MANY_REQUESTS, _) | (_, "overloaded") => Ok(Attempt::TurnedAway),
        (status, _) if status.is_server_error() => Ok(Attempt::Unknown),
        _ => bail!("an answer that a buyer cannot understand: {}", describe(&reply)),
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    fn reply(status: StatusCode, body: &'static str) -> Result<Reply, ClientError> {
        let (headers, body) = (HeaderMap::new(), Bytes::from_static(body.as_bytes()));
        Ok(Reply { status, headers, body })
    }

    #[test]
    fn answers_are_definite_or_tried_again() {
        let sold_out = reply(StatusCode::CONFLICT, r#"{"code":"insufficient_stock"}"#);
        assert!(matches!(read(sold_out), Ok(Attempt::SoldOut)));
        let in_flight = reply(StatusCode::CONFLICT, r#"{"code":"idempotency_in_flight"}"#);
        assert!(matches!(read(in_flight), Ok(Attempt::Unknown)));
        let busy = reply(StatusCode::SERVICE_UNAVAILABLE, r#"{"code":"overloaded"}"#);
        assert!(matches!(read(busy), Ok(Attempt::TurnedAway)));
        let unknown = reply(StatusCode::SERVICE_UNAVAILABLE, r#"{"code":"outcome_unknown"}"#);
        assert!(matches!(read(unknown), Ok(Attempt::Unknown)));
        let timeout = Err(ClientError::Timeout(Duration::ZERO));
        assert!(matches!(read(timeout), Ok(Attempt::Unknown)));
        assert!(matches!(read(reply(StatusCode::CREATED, "{}")), Ok(Attempt::Placed(_))));
        assert!(read(reply(StatusCode::NOT_FOUND, "")).is_err());
    }
}
