//! Files that are imported beside the load, one behind the other: each is of products that are new,
//! with stock. It shows what an import does to those who buy.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::StatusCode;
use serde::Deserialize;
use tokio::task::JoinHandle;

use super::api::{Api, Target, describe};
use crate::random::uuid_v7;

/// Rows of a file: some dozens of batches, and an answer long before a client gives up.
const FILE_ROWS: u64 = 10_000;

/// A server that files are being sent to.
#[derive(Debug)]
pub(crate) struct Sending {
    task: JoinHandle<Result<Taken>>,
    open: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    /// Rows that were taken over.
    pub(crate) rows: u64,
    /// How long that took, by itself.
    pub(crate) took: Duration,
}

impl Taken {
    /// Rows in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.rows as f64 / self.took.as_secs_f64().max(0.001)
    }
}

/// Sends files until it is told to stop.
pub(crate) fn start(target: &Target) -> Sending {
    let open = Arc::new(AtomicBool::new(true));
    let sender = Sender { api: Api::new(target), open: open.clone() };
    Sending { task: tokio::spawn(sender.send_again_and_again()), open }
}

impl Sending {
    /// Ends when the file in hand has.
    pub(crate) async fn stop(self) -> Result<Taken> {
        self.open.store(false, Ordering::Relaxed);
        self.task.await.context("whoever sends files failed")?
    }
}

struct Sender {
    api: Api,
    open: Arc<AtomicBool>,
}

/// How an import ended.
#[derive(Debug, Deserialize)]
struct Import {
    status: String,
    created: u64,
}

impl Sender {
    async fn send_again_and_again(mut self) -> Result<Taken> {
        let mut taken = Taken::default();
        while self.open.load(Ordering::Relaxed) {
            let file = file(taken.rows)?;
            let began = Instant::now();
            self.send(file).await?;
            taken.took += began.elapsed();
            taken.rows += FILE_ROWS;
        }
        Ok(taken)
    }

    async fn send(&mut self, file: String) -> Result<()> {
        let path = "/v1/imports?kind=products&currency=EUR";
        let reply = self.api.upload(path, uuid_v7(), file.into()).await?;
        if reply.status != StatusCode::CREATED {
            bail!("a file is not taken: {}", describe(&reply));
        }
        let Import { status, created } = serde_json::from_slice(&reply.body)?;
        if status != "completed" || created != FILE_ROWS {
            bail!("an import is {status} after {created} new products");
        }
        Ok(())
    }
}

/// The file behind so many rows.
fn file(behind: u64) -> Result<String> {
    let mut file = "sku,name,price,on_hand\n".to_owned();
    for row in behind..behind + FILE_ROWS {
        writeln!(file, "F-{row},\"Product {row}, of a file\",{},{}", 1_000 + row, row % 500)?;
    }
    Ok(file)
}
