//! The stage of a benchmark: a server of its own or a running one, products with stock, and orders
//! to start from. It prepares and clears away; it measures nothing.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::api::{ADJUSTMENTS_PER_REQUEST, Api, Stock, Target, describe};
use super::bench::BenchOptions;
use super::fleet::free_address;
use super::paid;
use super::payments_chaos::house::Gateway;
use super::process::{ServerPlan, ServerProcess};
use super::progress::{Progress, note};
use super::round::Tally;
use super::shelves::Shelves;
use super::workload::{Orders, Prepared, sku};
use crate::http::dialects::Dialect;
use crate::random::{Random, uuid_v7};

/// Units received of each product: enough for any run, far below the most a level may hold.
const UNITS_PER_PRODUCT: i64 = 50_000_000;
/// Connections that set the stage and check it.
const SETUP_CONNECTIONS: u32 = 64;
/// Orders in one batch of the preload: the most the route takes.
const PRELOAD_BATCH: u64 = 500;
/// Connections that preload: enough to keep the committer busy.
const PRELOAD_CONNECTIONS: u64 = 4;

/// Everything a round needs.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The server under load.
    pub(crate) target: Target,
    /// How to start it, if it is ours.
    pub(crate) plan: Option<ServerPlan>,
    /// Its process, if it is ours.
    pub(crate) server: Option<ServerProcess>,
    /// Who takes the money, if anybody does.
    pub(crate) gateway: Option<Gateway>,
    /// The warehouse that is asked, if there is one.
    pub(crate) shelves: Option<Shelves>,
    /// Where the dialect is spoken whose paths are also another one's, if it is.
    pub(crate) flow: Option<SocketAddr>,
    /// What has been sold.
    pub(crate) tally: Arc<Tally>,
    /// How many products there are.
    pub(crate) products: u32,
    /// The newest order before the run.
    pub(crate) newest_before: Option<String>,
    /// Every product's stock before the run.
    pub(crate) stock_before: Vec<Stock>,
    /// Orders preloaded so far.
    pub(crate) preloaded: u64,
    /// Removed with the stage; `None` if the caller named a directory.
    temp: Option<TempDir>,
}

impl Stage {
    /// Starts the server, unless one is named, and fills it with products and stock.
    pub(crate) async fn set(options: &BenchOptions) -> Result<Self> {
        let mut token = options.token.clone();
        let mut gateway = None;
        let is_flow_asked = options.through.contains(&Dialect::Flow);
        let flow = if is_flow_asked { Some(free_address()?) } else { None };
        let shelves = if options.warehouse { Some(Shelves::open().await?) } else { None };
        let (plan, server, temp, url) = match &options.url {
            Some(url) => (None, None, None, url.clone()),
            None => {
                let (dir, temp) = directory(options.dir.clone())?;
                let database_url = options.database_url.as_deref();
                let mut arguments = serve_arguments(options);
                arguments.extend(shelves.iter().flat_map(Shelves::arguments));
                arguments.extend(flow.iter().map(|at| format!("--dialect=flow={at}")));
                let plan = ServerPlan::new(&dir, database_url, &arguments)?;
                note(&format!("starting a server on {}", plan.dir().display()));
                let (plan, server) = if options.payments {
                    let (plan, server, takes) = paid::start(plan).await?;
                    gateway = Some(takes);
                    (plan, server)
                } else {
                    let server = plan.start(None).await?;
                    (plan, server)
                };
                let url = server.url();
                token = Some(plan.key().await?.to_owned());
                (Some(plan), Some(server), temp, url)
            }
        };
        let target = Target::new(&url, token.as_deref())?;
        let products = options.products.get();
        create_products(&target, products).await?;
        let newest_before = Api::new(&target).orders(None).await?.data.into_iter().next();
        let stock_before = all_stock(&target, products, "reading the stock").await?;
        Ok(Self {
            target,
            plan,
            server,
            gateway,
            shelves,
            flow,
            tally: Arc::new(Tally::new(products)),
            products,
            newest_before: newest_before.map(|order| order.id),
            stock_before,
            preloaded: 0,
            temp,
        })
    }

    /// Places orders through the batch route, so that the rounds behind it meet a grown database.
    pub(crate) async fn preload(
        &mut self,
        count: u64,
        orders: &Arc<Orders>,
        seed: u64,
    ) -> Result<()> {
        let progress = Arc::new(Progress::start("preloading orders", count));
        let mut random = Random::seeded(seed);
        let mut tasks = JoinSet::new();
        for index in 0..PRELOAD_CONNECTIONS {
            let share =
                count / PRELOAD_CONNECTIONS + u64::from(index < count % PRELOAD_CONNECTIONS);
            let (orders, tally) = (Arc::clone(orders), Arc::clone(&self.tally));
            let progress = Arc::clone(&progress);
            let (mut api, mut random) = (Api::new(&self.target), random.fork());
            tasks.spawn(async move {
                let mut left = share;
                while left > 0 {
                    let size = left.min(PRELOAD_BATCH);
                    place_batch(&mut api, &orders, size, &mut random, &tally).await?;
                    left -= size;
                    progress.add(size);
                }
                Ok(())
            });
        }
        join_all(tasks).await?;
        finish(progress);
        self.preloaded += count;
        Ok(())
    }

    /// The paths of the newest orders, for rounds that read.
    pub(crate) async fn order_paths(&self, pages: usize) -> Result<Arc<[String]>> {
        let mut api = Api::new(&self.target);
        let mut paths: Vec<String> = Vec::new();
        let mut behind: Option<String> = None;
        for _ in 0..pages {
            let page = api.orders(behind.as_deref()).await?;
            paths.extend(page.data.iter().map(|order| format!("/v1/orders/{}", order.id)));
            behind = page.data.into_iter().next_back().map(|order| order.id);
            if !page.has_more || behind.is_none() {
                break;
            }
        }
        if paths.is_empty() {
            bail!("there are no orders to read");
        }
        Ok(paths.into())
    }

    /// Stops our server and starts it again on the same data; gives the time of the start.
    pub(crate) async fn restart(&mut self) -> Result<Option<Duration>> {
        let (Some(plan), Some(server)) = (&self.plan, self.server.take()) else {
            return Ok(None);
        };
        server.stop().await?;
        let server = plan.start(None).await?;
        self.target = Target::new(&server.url(), Some(plan.key().await?))?;
        let start_time = server.start_time();
        self.server = Some(server);
        Ok(Some(start_time))
    }

    /// Keeps the directory even if it is a temporary one, and tells where it is.
    pub(crate) fn keep(&mut self) -> Option<PathBuf> {
        let kept = self.temp.take().map(TempDir::keep);
        kept.or_else(|| self.plan.as_ref().map(|plan| plan.dir().to_owned()))
    }
}

/// The named directory, or a temporary one together with its guard.
pub(crate) fn directory(named: Option<PathBuf>) -> Result<(PathBuf, Option<TempDir>)> {
    if let Some(dir) = named {
        return Ok((dir, None));
    }
    let temp = TempDir::with_prefix("onhand-").context("cannot create a temporary directory")?;
    Ok((temp.path().to_owned(), Some(temp)))
}

/// What a server does by itself besides; not where the placing of orders is measured, unless
/// whoever measures says so.
const BESIDES: [(&str, &str); 2] = [("--processing", "--processing=off"), ("--mail", "--mail=off")];

fn serve_arguments(options: &BenchOptions) -> Vec<String> {
    let mut arguments = options.serve_args.clone();
    for (name, off) in BESIDES {
        if !arguments.iter().any(|argument| argument.starts_with(name)) {
            arguments.push(off.to_owned());
        }
    }
    if options.suite {
        arguments.push("--bench-routes".to_owned());
    }
    if options.logins.is_some() {
        // All of them come from this machine, which would soon have to wait.
        arguments.extend(["--rate-auth".to_owned(), "0".to_owned()]);
    }
    arguments
}

async fn create_products(target: &Target, products: u32) -> Result<()> {
    let progress = Arc::new(Progress::start("creating products", u64::from(products)));
    let mut tasks = JoinSet::new();
    for share in shares(products) {
        let (mut api, progress) = (Api::new(target), Arc::clone(&progress));
        tasks.spawn(async move {
            for product in share {
                api.create_product(&sku(product)).await?;
                progress.add(1);
            }
            Ok(())
        });
    }
    join_all(tasks).await?;
    finish(progress);
    let skus: Vec<String> = (1..=products).map(sku).collect();
    let mut api = Api::new(target);
    for chunk in skus.chunks(ADJUSTMENTS_PER_REQUEST) {
        api.receive_stock(chunk, UNITS_PER_PRODUCT).await?;
    }
    Ok(())
}

/// Every product's stock, product 1 first.
pub(crate) async fn all_stock(target: &Target, products: u32, what: &str) -> Result<Vec<Stock>> {
    let progress = Arc::new(Progress::start(what, u64::from(products)));
    let mut tasks = JoinSet::new();
    for share in shares(products) {
        let (mut api, progress) = (Api::new(target), Arc::clone(&progress));
        tasks.spawn(async move {
            let mut stocks = Vec::with_capacity(share.len());
            for product in share {
                stocks.push((product, api.stock(&sku(product)).await?));
                progress.add(1);
            }
            Ok(stocks)
        });
    }
    let mut stocks = join_all(tasks).await?.concat();
    stocks.sort_unstable_by_key(|(product, _)| *product);
    finish(progress);
    Ok(stocks.into_iter().map(|(_, stock)| stock).collect())
}

/// The products, divided among the connections.
fn shares(products: u32) -> impl Iterator<Item = Range<u32>> {
    let size = products.div_ceil(SETUP_CONNECTIONS).max(1);
    (0..products.div_ceil(size)).map(move |index| {
        let first = 1 + index * size;
        first..(first + size).min(products + 1)
    })
}

async fn join_all<T: 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    Ok(results)
}

/// Ends a progress that tasks have shared.
fn finish(progress: Arc<Progress>) {
    if let Ok(progress) = Arc::try_unwrap(progress) {
        progress.finish();
    }
}

async fn place_batch(
    api: &mut Api,
    orders: &Orders,
    size: u64,
    random: &mut Random,
    tally: &Tally,
) -> Result<()> {
    let chosen: Vec<&Prepared> = (0..size).map(|_| orders.pick(random)).collect();
    let mut body = Vec::from(br#"{"error_policy":"reject_failed","orders":["#);
    for (index, order) in chosen.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&order.body);
    }
    body.extend_from_slice(b"]}");
    let reply = api.post("/v1/orders/batch", uuid_v7(), body.into()).await?;
    if !reply.status.is_success() {
        bail!("the batch of orders was turned away: {}", describe(&reply));
    }
    for order in chosen {
        tally.acknowledge(&order.lines);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_is_in_exactly_one_share() {
        for products in [1, 2, 63, 64, 65, 1000, 10_000] {
            let shared: Vec<u32> = shares(products).flatten().collect();
            assert_eq!(shared, (1..=products).collect::<Vec<_>>());
        }
    }
}
