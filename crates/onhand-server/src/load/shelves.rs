//! A warehouse that is asked beside the load, again as soon as it was answered: each time it has
//! one unit more of every product, so that every row of every answer is counted. It shows what a
//! run does to those who buy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::{Api, Stock, Target, describe};
use super::workload::sku;
use crate::random::uuid_v7;

/// How often it is looked whether a run has come to its end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longest time until it has.
const RUN_TIMEOUT: Duration = Duration::from_secs(900);

/// A warehouse at an address of this machine.
#[derive(Debug)]
pub(crate) struct Shelves {
    answer: Arc<Mutex<Bytes>>,
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for Shelves {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shelves {
    /// Opens it, empty.
    pub(crate) async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for a warehouse")?;
        let url = format!("http://{}/", listener.local_addr()?);
        let answer = Arc::new(Mutex::new(Bytes::from_static(b"[]")));
        let said = answer.clone();
        let say =
            move || async move { said.lock().unwrap_or_else(PoisonError::into_inner).clone() };
        let router = Router::new().route("/", get(say));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the warehouse of the benchmark cannot work");
            }
        });
        Ok(Self { answer, url, serving })
    }

    /// How a server is started that asks it, and not by itself.
    pub(crate) fn arguments(&self) -> [String; 6] {
        let words = ["--warehouse-allow-http", "--warehouse-allow-private", "127.0.0.1"];
        let [http, private, here] = words.map(str::to_owned);
        let never = "--warehouse-schedule=0 0 1 1 *".to_owned();
        [http, private, here, never, "--warehouse-url".to_owned(), self.url.clone()]
    }

    /// Has the server ask it until it is told to stop.
    pub(crate) fn start(&self, target: &Target, stock: &[Stock]) -> Asking {
        let open = Arc::new(AtomicBool::new(true));
        let on_hand = stock.iter().map(|stock| stock.on_hand).collect();
        let asker = Asker {
            api: Api::new(target),
            answer: self.answer.clone(),
            on_hand,
            open: open.clone(),
        };
        Asking { task: tokio::spawn(asker.ask_again_and_again()), open }
    }
}

/// A server that is being told to ask.
#[derive(Debug)]
pub(crate) struct Asking {
    task: JoinHandle<Result<Asked>>,
    open: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Runs that were counted; as many units every product has more now.
    pub(crate) runs: i64,
    /// How long a run took.
    pub(crate) each: Duration,
}

impl Asking {
    /// Ends when the run in hand has.
    pub(crate) async fn stop(self) -> Result<Asked> {
        self.open.store(false, Ordering::Relaxed);
        self.task.await.context("whoever asks the warehouse failed")?
    }
}

struct Asker {
    api: Api,
    answer: Arc<Mutex<Bytes>>,
    on_hand: Vec<i64>,
    open: Arc<AtomicBool>,
}

impl Asker {
    async fn ask_again_and_again(mut self) -> Result<Asked> {
        let began = Instant::now();
        let mut runs = 0;
        while self.open.load(Ordering::Relaxed) {
            runs += 1;
            *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = self.rows(runs)?;
            self.ask().await?;
        }
        let each = began.elapsed() / u32::try_from(runs.max(1))?;
        Ok(Asked { runs, each })
    }

    fn rows(&self, more: i64) -> Result<Bytes> {
        let rows = (1..).zip(&self.on_hand);
        let row = |(product, on_hand): (u32, &i64)| {
            let level = on_hand + more;
            json!({ "productId": sku(product), "stockLevel": level })
        };
        Ok(serde_json::to_vec(&rows.map(row).collect::<Vec<_>>())?.into())
    }

    async fn ask(&mut self) -> Result<()> {
        let reply = self.api.post("/v1/warehouse/syncs", uuid_v7(), "{}".into()).await?;
        if reply.status != StatusCode::CREATED {
            bail!("the warehouse is not asked: {}", describe(&reply));
        }
        let begun: Value = serde_json::from_slice(&reply.body)?;
        let path = format!("/v1/warehouse/syncs/{}?limit=1", begun["id"].as_str().unwrap_or("-"));
        let began = Instant::now();
        while began.elapsed() < RUN_TIMEOUT {
            let run: Value = serde_json::from_slice(&self.api.get(&path).await?.body)?;
            match run["status"].as_str() {
                Some("applied") => return Ok(()),
                Some("receiving" | "comparing" | "applying") => sleep(LOOK_EVERY).await,
                other => bail!("a run has become {other:?}: {}", run["outcome"]),
            }
        }
        bail!("a run has not come to its end within {RUN_TIMEOUT:?}")
    }
}
