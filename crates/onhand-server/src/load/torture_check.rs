//! What must hold after the torture, whatever was killed when: nothing sold twice, nothing promised
//! and lost, the same key gives the same answer, the stock adds up, and the offline proof is clean.
//! It only reads and repeats; it knows nothing of how the promises came about.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::api::{Api, IDEMPOTENCY_REPLAYED, Target, describe, problem_code};
use super::progress::Progress;
use super::shopper::Promise;

/// Connections that check.
const CHECK_CONNECTIONS: usize = 32;
/// Refused buyers whose key is sent again.
const REFUSALS_REPEATED: usize = 500;
/// Most problems that are told; the rest is only counted.
const PROBLEMS_SHOWN: usize = 20;
/// What of an order stays the same for ever, whatever happens to it afterwards.
const LASTING_FIELDS: [&str; 7] =
    ["id", "number", "customer_id", "currency", "subtotal", "total", "created_at"];

/// What the buyers and the churn were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Orders for the contested SKU.
    pub(crate) sold: Vec<Promise>,
    /// Keys of the buyers who were refused.
    pub(crate) refused: Vec<Uuid>,
    /// Orders for the other SKU; only the first many are remembered.
    pub(crate) churned: Vec<Promise>,
    /// How many orders for the other SKU there are.
    pub(crate) churn_count: u64,
}

/// One SKU and what its stock must be.
#[derive(Debug)]
pub(crate) struct Expected {
    /// The SKU.
    pub(crate) sku: String,
    /// Units received.
    pub(crate) on_hand: i64,
    /// Units sold.
    pub(crate) reserved: i64,
}

/// What is wrong.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Acknowledged orders that are not there, or no longer the same.
    pub(crate) lost: u64,
    /// Orders beyond the acknowledged ones, or one order acknowledged to two keys.
    pub(crate) doubled: u64,
    /// All problems, in words.
    pub(crate) problems: Vec<String>,
    /// Problems that were not put into words.
    pub(crate) more: u64,
}

impl Findings {
    /// Adds a problem.
    pub(crate) fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_SHOWN {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }
}

/// Checks everything that a running server can be asked.
pub(crate) async fn check(
    target: &Target,
    told: Told,
    refused_body: &Bytes,
    expected: &[Expected],
) -> Result<Findings> {
    let mut findings = Findings::default();
    let mut api = Api::new(target);
    let placed = told.sold.len() as u64 + told.churn_count;
    let promises: Vec<Promise> = told.sold.into_iter().chain(told.churned).collect();
    check_ids(&promises, &mut findings);
    check_promises(target, promises, &mut findings).await?;
    for key in told.refused.iter().take(REFUSALS_REPEATED) {
        let reply = api.post("/v1/orders", *key, refused_body.clone()).await?;
        if problem_code(&reply) != "insufficient_stock" {
            findings.problem(format!("refused key {key} now gets {}", describe(&reply)));
        }
    }
    let listed = count_orders(&mut api).await?;
    if listed != placed {
        findings.doubled += listed.saturating_sub(placed);
        findings.problem(format!("{listed} orders are listed, {placed} were acknowledged"));
    }
    for Expected { sku, on_hand, reserved } in expected {
        let stock = api.stock(sku).await?;
        let available = on_hand - reserved;
        let seen = (stock.on_hand, stock.reserved, stock.available);
        if seen != (*on_hand, *reserved, available) {
            findings.problem(format!(
                "{sku}: {stock:?}, expected on_hand {on_hand}, reserved {reserved}"
            ));
        }
    }
    Ok(findings)
}

/// No two keys may have been promised the same order.
fn check_ids(promises: &[Promise], findings: &mut Findings) {
    let mut ids = BTreeSet::new();
    for promise in promises {
        match order_id(&promise.answer) {
            Some(id) if ids.insert(id.clone()) => {}
            Some(id) => {
                findings.doubled += 1;
                findings.problem(format!("order {id} was acknowledged to two keys"));
            }
            None => findings.problem(format!("key {}: an answer without an id", promise.key)),
        }
    }
}

fn order_id(answer: &[u8]) -> Option<String> {
    let order: Value = serde_json::from_slice(answer).ok()?;
    Some(order.get("id")?.as_str()?.to_owned())
}

/// Reads every promised order and sends every key again.
async fn check_promises(
    target: &Target,
    promises: Vec<Promise>,
    findings: &mut Findings,
) -> Result<()> {
    let progress = Arc::new(Progress::start("checking orders", promises.len() as u64));
    let (promises, next) = (Arc::new(promises), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..CHECK_CONNECTIONS {
        let (promises, next) = (Arc::clone(&promises), Arc::clone(&next));
        let (mut api, progress) = (Api::new(target), Arc::clone(&progress));
        tasks.spawn(async move {
            let mut broken = Vec::new();
            while let Some(promise) = promises.get(next.fetch_add(1, Ordering::Relaxed)) {
                broken.extend(broken_promise(&mut api, promise).await?);
                progress.add(1);
            }
            Ok::<_, anyhow::Error>(broken)
        });
    }
    while let Some(broken) = tasks.join_next().await {
        for problem in broken?? {
            findings.lost += 1;
            findings.problem(problem);
        }
    }
    if let Ok(progress) = Arc::try_unwrap(progress) {
        progress.finish();
    }
    Ok(())
}

/// What is wrong with one promise, if anything.
async fn broken_promise(api: &mut Api, promise: &Promise) -> Result<Option<String>> {
    let Some(id) = order_id(&promise.answer) else {
        return Ok(None);
    };
    let read = api.get(&format!("/v1/orders/{id}")).await?;
    if read.status != StatusCode::OK {
        return Ok(Some(format!("order {id} is gone: {}", describe(&read))));
    }
    let promised: Value = serde_json::from_slice(&promise.answer)?;
    let found: Value = serde_json::from_slice(&read.body).context("an order is not JSON")?;
    if !is_same_order(&promised, &found) {
        return Ok(Some(format!("order {id} was promised as {promised} and is {found}")));
    }
    let again = api.post("/v1/orders", promise.key, promise.request.clone()).await?;
    let replayed = again.headers.get(&IDEMPOTENCY_REPLAYED).is_some_and(|value| value == "true");
    if !replayed || again.body != promise.answer {
        let key = promise.key;
        return Ok(Some(format!("key {key} of order {id} now gets {}", describe(&again))));
    }
    Ok(None)
}

/// Whether both tell of the same order: all of it while nothing has happened to it, otherwise what
/// lasts.
fn is_same_order(promised: &Value, found: &Value) -> bool {
    if promised.get("version") == found.get("version") {
        return promised == found;
    }
    let bought = |order: &Value| -> Vec<[Value; 3]> {
        let lines = order.get("lines").and_then(Value::as_array).into_iter().flatten();
        let fields = ["sku", "quantity", "unit_price"];
        lines.map(|line| fields.map(|field| line.get(field).cloned().unwrap_or_default())).collect()
    };
    let lasting = |field: &&str| promised.get(*field) == found.get(*field);
    LASTING_FIELDS.iter().all(lasting) && bought(promised) == bought(found)
}

async fn count_orders(api: &mut Api) -> Result<u64> {
    let mut behind: Option<String> = None;
    let mut count = 0;
    loop {
        let page = api.orders(behind.as_deref()).await?;
        count += page.data.len() as u64;
        behind = page.data.into_iter().next_back().map(|order| order.id);
        if !page.has_more || behind.is_none() {
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_untouched_order_must_be_the_same_in_full_a_later_version_in_what_lasts() {
        let lines = json!([{"sku": "A", "quantity": 1, "unit_price": 5, "fulfilled": 0}]);
        let order = json!({"id": "ord_1", "version": 1, "status": "confirmed", "lines": lines});
        assert!(is_same_order(&order, &order));
        let mut other = order.clone();
        other["status"] = json!("fulfilled");
        assert!(!is_same_order(&order, &other));
        other["version"] = json!(2);
        other["lines"][0]["fulfilled"] = json!(1);
        assert!(is_same_order(&order, &other));
        other["lines"][0]["quantity"] = json!(2);
        assert!(!is_same_order(&order, &other));
    }

    #[test]
    fn one_order_for_two_keys_is_doubled() {
        let promise = |key, answer: &'static str| Promise {
            key: Uuid::from_u128(key),
            request: Bytes::new(),
            answer: Bytes::from_static(answer.as_bytes()),
        };
        let mut findings = Findings::default();
        let same = r#"{"id":"ord_1"}"#;
        check_ids(&[promise(1, same), promise(2, r#"{"id":"ord_2"}"#)], &mut findings);
        assert_eq!((findings.doubled, findings.problems.len()), (0, 0));
        check_ids(&[promise(1, same), promise(2, same), promise(3, "{}")], &mut findings);
        assert_eq!((findings.doubled, findings.problems.len()), (1, 2));
    }
}
