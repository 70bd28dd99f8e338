//! Customers with accounts, and the orders that are placed for them: each until its answer is
//! definite.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::load::api::{Api, OrderId, PAGE_ORDERS, describe};
use crate::load::payments_chaos::settle::all;
use crate::load::progress::Progress;
use crate::load::shopper::{Answer, Shopper, Up};
use crate::random::{Random, uuid_v4, uuid_v7};

/// Customers who order.
const CUSTOMERS: usize = 4;
/// Longest wait until they can.
const REGISTERED_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What they order.
const SKU: &str = "WORK-1";
/// Units of it: more than anybody orders.
const UNITS: i64 = 500_000_000;

/// Who orders, and how many at the same time.
#[derive(Debug, Clone)]
pub(super) struct People {
    bodies: Arc<[Bytes]>,
    at_once: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Orders that were acknowledged.
    pub(super) orders: Vec<String>,
    /// Requests sent in all.
    pub(super) requests: u64,
}

impl People {
    /// Registers customers, and gets something for them to order.
    pub(super) async fn come(api: &mut Api, at_once: usize) -> Result<Self> {
        api.create_product(SKU).await?;
        api.receive_stock(&[SKU.to_owned()], UNITS).await?;
        for number in 1..=CUSTOMERS {
            let email = format!("customer-{number}@example.com");
            let body = json!({"email": email, "password": uuid_v4().to_string()});
            let path = "/v1/auth/register";
            let reply = api.post(path, uuid_v7(), body.to_string().into()).await?;
            if !reply.status.is_success() {
                bail!("POST {path}: {}", describe(&reply));
            }
        }
        let customers = timeout(REGISTERED_TIMEOUT, customers(api)).await;
        let customers = customers.context("customers were registered and are not there")??;
        let body = |customer: &String| {
            let items = [json!({"sku": SKU, "quantity": 1})];
            Bytes::from(json!({"items": items, "customer_id": customer}).to_string())
        };
        Ok(Self { bodies: customers.iter().map(body).collect(), at_once })
    }

    /// Places so many orders.
    pub(super) async fn place(
        &self,
        orders: u32,
        ways: &[Up],
        random: &mut Random,
    ) -> Result<Placed> {
        let progress = Arc::new(Progress::start("orders placed", orders.into()));
        let next = Arc::new(AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        for way in ways.iter().cycle().take(self.at_once.max(ways.len())) {
            let mut shopper = Shopper::new(way.clone(), random.fork());
            let (next, progress) = (Arc::clone(&next), Arc::clone(&progress));
            let bodies = Arc::clone(&self.bodies);
            tasks.spawn(async move {
                let mut placed = Placed::default();
                for body in bodies.iter().cycle() {
                    if next.fetch_add(1, Ordering::Relaxed) >= orders {
                        break;
                    }
                    let key = shopper.key();
                    let Answer::Placed(promise) = shopper.buy(body, key).await? else {
                        bail!("an order was refused although there is enough, key {key}");
                    };
                    let order: OrderId = serde_json::from_slice(&promise.answer)?;
                    placed.orders.push(order.id);
                    progress.add(1);
                }
                placed.requests = shopper.trials.requests;
                Ok(placed)
            });
        }
        let mut placed = Placed::default();
        while let Some(task) = tasks.join_next().await {
            let one = task??;
            placed.orders.extend(one.orders);
            placed.requests += one.requests;
        }
        if let Ok(progress) = Arc::try_unwrap(progress) {
            progress.finish();
        }
        Ok(placed)
    }
}

/// Waits until all are there. A customer has the number of its user.
async fn customers(api: &mut Api) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct User {
        id: String,
    }
    loop {
        let users: Vec<User> =
            all(api, &format!("/v1/users?role=customer&limit={PAGE_ORDERS}")).await?;
        if users.len() >= CUSTOMERS {
            return Ok(users.iter().map(|user| user.id.replacen("usr_", "cus_", 1)).collect());
        }
        sleep(LOOK_EVERY).await;
    }
}
