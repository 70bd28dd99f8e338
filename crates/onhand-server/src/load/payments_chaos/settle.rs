//! What follows the chaos: faults stop, and everything has to come to rest by itself within two
//! cycles of asking. An operator does what only people do: tries once more what was given up, takes
//! money that is still set aside, and gives back once more what a bank did not take.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::house::Gateway;
use crate::adapters::gateways::simulated::Fault;
use crate::load::api::{Api, PAGE_ORDERS, describe};
use crate::load::progress::note;
use crate::random::uuid_v7;

/// How often it is looked whether all is at rest.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Most rows of what is still open that are told.
const OPEN_SHOWN: usize = 5;

/// How everything came to rest.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// From the end of the faults until nothing was open any more.
    pub(super) took: Duration,
    /// What was dead and tried again.
    pub(super) requeued: u64,
    /// Refunds that a bank did not take and that were asked for again.
    pub(super) refunded_again: u64,
    /// What did not come to rest.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    order_id: Option<String>,
    by: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Reconciliation {
    has_more: bool,
    next_cursor: Option<String>,
    data: Vec<Row>,
    unmatched: Vec<Value>,
}

/// Ends the faults, and waits at most so long until nothing is open.
pub(super) async fn settle(api: &mut Api, gateway: &mut Gateway, within: Duration) -> Result<Rest> {
    let none: Map<String, Value> =
        Fault::ALL.iter().map(|(name, _)| ((*name).to_owned(), json!(0))).collect();
    gateway.tell("/_control/faults", &Value::Object(none)).await?;
    // What nobody took while servers were down would wait for up to a minute.
    gateway.tell("/_control/deliver", &json!({})).await?;
    let started = Instant::now();
    let mut operator = Operator { rest: Rest::default(), tried: BTreeSet::new(), api };
    operator.give_back().await?;
    loop {
        let state = gateway.state().await?;
        let under_way = |name: &str| state[name].as_u64().unwrap_or_default();
        let is_gateway_at_rest = under_way("deeds") + under_way("outbox") == 0;
        let open = operator.tend().await?;
        if open.is_empty() && is_gateway_at_rest {
            operator.rest.took = started.elapsed();
            return Ok(operator.rest);
        }
        if started.elapsed() > within {
            operator.rest.took = started.elapsed();
            let open_count = open.len();
            let told = open.into_iter().take(OPEN_SHOWN);
            operator.rest.problems.extend(told);
            let problem = format!("{open_count} rows are open after {within:?}; gateway: {state}");
            operator.rest.problems.push(problem);
            return Ok(operator.rest);
        }
        sleep(LOOK_EVERY).await;
    }
}

struct Operator<'a> {
    rest: Rest,
    /// What was tried again by hand: a second time is a problem.
    tried: BTreeSet<String>,
    api: &'a mut Api,
}

impl Operator<'_> {
    /// Looks through all that is open, and does what is left to people. What is still open after
    /// that, in words.
    async fn tend(&mut self) -> Result<Vec<String>> {
        let mut open = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/v1/reconciliation?limit={PAGE_ORDERS}{after}");
            let page: Reconciliation = read(self.api, &path).await?;
            open.extend(page.unmatched.iter().map(|row| format!("unmatched: {row}")));
            for row in page.data {
                let id = row.order_id.context("a row without an order")?;
                open.push(format!("{id}: {}", Value::Object(row.rest)));
                if row.by == "operator" {
                    self.requeue(&id).await?;
                }
            }
            match page.next_cursor.filter(|_| page.has_more) {
                Some(cursor) => after = format!("&starting_after={cursor}"),
                None => break,
            }
        }
        let set_aside = self.payments("?status=authorized").await?;
        for payment in set_aside {
            let path = format!("/v1/payments/{}/capture", id_of(&payment)?);
            self.post(&path).await?;
            open.push(format!("{path}: set aside"));
        }
        if open.is_empty() {
            open = self.give_back().await?;
        }
        Ok(open)
    }

    async fn requeue(&mut self, order: &str) -> Result<()> {
        if !self.tried.insert(order.to_owned()) {
            self.rest.problems.push(format!("{order} is dead for the second time"));
            return Ok(());
        }
        self.rest.requeued += 1;
        let path = order.replacen("ord_", "/v1/effects/eff_", 1);
        self.post(&format!("{path}/requeue")).await
    }

    /// What failed on its way back and is still there although its order has ended.
    async fn give_back(&mut self) -> Result<Vec<String>> {
        let mut open = Vec::new();
        for status in ["captured", "partially_refunded"] {
            for payment in self.payments(&format!("?status={status}")).await? {
                let refunds = payment["refunds"].as_array().into_iter().flatten();
                let has_failed = refunds
                    .into_iter()
                    .any(|one| one["status"] == "failed" && one["cause"] != "requested");
                if !has_failed {
                    continue;
                }
                let order = payment["order_id"].as_str().context("a payment without an order")?;
                let order: Value = read(self.api, &format!("/v1/orders/{order}")).await?;
                if order["status"] == "cancelled" || order["status"] == "expired" {
                    let path = format!("/v1/payments/{}/refunds", id_of(&payment)?);
                    self.post(&path).await?;
                    self.rest.refunded_again += 1;
                    open.push(format!("{path}: asked for again"));
                }
            }
        }
        Ok(open)
    }

    async fn payments(&mut self, query: &str) -> Result<Vec<Value>> {
        all(self.api, &format!("/v1/payments{query}&limit={PAGE_ORDERS}")).await
    }

    async fn post(&mut self, path: &str) -> Result<()> {
        let reply = self.api.post(path, uuid_v7(), "{}".into()).await?;
        if !reply.status.is_success() {
            // Somebody else may have seen to it meanwhile: the next look tells.
            note(&format!("POST {path}: {}", describe(&reply)));
        }
        Ok(())
    }
}

fn id_of(payment: &Value) -> Result<&str> {
    payment["id"].as_str().context("a payment without an id")
}

/// Every row of a list, page by page; the path has a query.
pub(in crate::load) async fn all<T: DeserializeOwned>(api: &mut Api, path: &str) -> Result<Vec<T>> {
    #[derive(Deserialize)]
    struct Page<T> {
        data: Vec<T>,
        has_more: bool,
        next_cursor: Option<String>,
    }
    let mut rows = Vec::new();
    let mut after = String::new();
    loop {
        let page: Page<T> = read(api, &format!("{path}{after}")).await?;
        rows.extend(page.data);
        match page.next_cursor.filter(|_| page.has_more) {
            Some(cursor) => after = format!("&starting_after={cursor}"),
            None => return Ok(rows),
        }
    }
}

pub(in crate::load) async fn read<T: DeserializeOwned>(api: &mut Api, path: &str) -> Result<T> {
    let reply = api.get(path).await?;
    if reply.status != StatusCode::OK {
        bail!("GET {path}: {}", describe(&reply));
    }
    serde_json::from_slice(&reply.body).with_context(|| format!("GET {path}"))
}
