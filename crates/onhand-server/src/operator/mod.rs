//! `onhand reconcile`, `onhand effects` and `onhand jobs`: where the books of orders and gateways
//! differ, and what waits for somebody to look at it. On the database itself, beside the server or
//! without one; or through a running server, which an embedded database needs that is being served
//! (`books.rs`).

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

mod books;
pub(crate) mod jobs;
pub(crate) mod warehouse;

use std::error::Error;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use onhand_core::Timestamp;
use onhand_core::ids::EffectId;
use onhand_core::payments::{Policy, Provider};
use onhand_engine::SystemClock;
use onhand_engine::clock::Clock;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use self::books::{Books, Worker};
use crate::client::{Address, Connection};
use crate::database::DatabaseOptions;
use crate::limits::{RECONCILE_ASK_ROWS_MAX, RECONCILE_ASK_TIMEOUT, RECONCILE_LOOK_EVERY};
use crate::payments::options::PaymentOptions;
use crate::serve;

/// What stands above the rows.
const HEAD: [&str; 10] =
    ["order", "status", "payment", "due", "captured", "refunded", "age", "action", "by", "because"];

/// What an operator does instead while the database is served.
const ASK_THE_SERVER: &str = "a server has this database: name it with --url http://host:port, \
     and in ONHAND_TOKEN an API key that may do it, or stop it first";

/// Where the books are.
#[derive(Debug, Args)]
pub(crate) struct BooksOptions {
    #[command(flatten)]
    database: DatabaseOptions,
    /// A running server that is asked instead of the database: http://host:port.
    #[arg(long, env = "ONHAND_URL")]
    url: Option<String>,
    /// An API key or access token for that server. Rather in the environment than here, where
    /// whoever lists processes reads it.
    #[arg(long, env = "ONHAND_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Rows to list.
#[derive(Debug, Args)]
pub(crate) struct RowsOptions {
    #[command(flatten)]
    books: BooksOptions,
    /// Print JSON, a row to a line.
    #[arg(long)]
    json: bool,
}

/// A row to do something with.
#[derive(Debug, Args)]
pub(crate) struct OneOptions<Id>
where
    Id: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    #[command(flatten)]
    books: BooksOptions,
    /// Its id, as it is listed.
    id: Id,
}

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct ReconcileOptions {
    #[command(flatten)]
    books: BooksOptions,
    /// Ask the gateways first how things stand, about every payment that is open.
    #[arg(long)]
    ask: bool,
    /// Print JSON, a row to a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    payments: PaymentOptions,
}

/// What to do with what is owed to gateways.
#[derive(Debug, Subcommand)]
pub(crate) enum EffectsAction {
    /// List what is owed, that of the newest orders first.
    List {
        #[command(flatten)]
        rows: RowsOptions,
        /// Only what is tried no more.
        #[arg(long)]
        dead: bool,
    },
    /// Try a dead one again. The gateway is asked first what the tries before have done.
    Requeue(OneOptions<EffectId>),
    /// Give up what a dead one owes: somebody has seen to it outside.
    Skip(OneOptions<EffectId>),
}

/// `onhand reconcile`.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn reconcile(options: ReconcileOptions) -> anyhow::Result<ExitCode> {
    let ReconcileOptions { books, payments, ask, json } = options;
    let asks_itself = ask && books.url.is_none();
    if asks_itself && !payments.is_configured() {
        let known: Vec<_> = Provider::ALL.iter().map(|one| one.as_str()).collect();
        bail!("--ask needs a gateway: configure one of {} as for `serve`", known.join(", "));
    }
    open(books, payments.policy(), async |books| {
        let worker = if asks_itself { Some(Worker::start(books, &payments).await?) } else { None };
        let asked = if ask { ask_first(books).await } else { Ok(()) };
        if let Some(worker) = worker {
            worker.stop().await?;
        }
        asked?;
        show(books, json).await
    })
    .await
}

/// Opens the books and works on them.
async fn open(
    options: BooksOptions,
    policy: Arc<Policy>,
    work: impl AsyncFnOnce(&mut Books) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let BooksOptions { database, url, token } = options;
    if let Some(url) = url {
        let token = token.context("--url needs an API key in ONHAND_TOKEN")?;
        let connection = Connection::new(Address::parse(&url)?.with_token(&token)?);
        work(&mut Books::Server(Box::new(connection))).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let worked = serve::beside(&database, policy, async |submit, reader| {
        work(&mut Books::Beside(submit.clone(), reader.clone())).await
    });
    worked.await.map_err(|error| serve::advise(error, ASK_THE_SERVER))
}

/// Has the gateways asked about every open payment, and waits until they have answered.
async fn ask_first(books: &mut Books) -> anyhow::Result<()> {
    let mut asked: Vec<String> = Vec::new();
    let mut after = None;
    loop {
        let page = books.open_payments(after.as_deref()).await?;
        let orders = page.rows.iter().filter_map(|row| row["order_id"].as_str());
        for order in orders.take(RECONCILE_ASK_ROWS_MAX - asked.len()) {
            books.check(order).await?;
            asked.push(order.to_owned());
        }
        after = page.next;
        if after.is_none() || asked.len() == RECONCILE_ASK_ROWS_MAX {
            break;
        }
    }
    let until = Instant::now() + RECONCILE_ASK_TIMEOUT;
    while Instant::now() < until && is_waiting(books, &asked).await? {
        sleep(RECONCILE_LOOK_EVERY).await;
    }
    Ok(())
}

/// Whether an answer about one of these is still to come.
async fn is_waiting(books: &mut Books, asked: &[String]) -> anyhow::Result<bool> {
    let now = SystemClock.now();
    let waits = |row: &Value| {
        let next_at = row["next_at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let is_asked = asked.iter().any(|order| row["order_id"] == **order);
        is_asked && (row["is_leased"] == true || next_at.is_some_and(|at| at <= now))
    };
    let mut after = None;
    loop {
        let page = books.open_payments(after.as_deref()).await?;
        if page.rows.iter().any(waits) {
            return Ok(true);
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}

async fn show(books: &mut Books, json: bool) -> anyhow::Result<()> {
    if !json {
        print_cells(HEAD.map(str::to_owned));
    }
    let (mut after, mut rows) = (None, 0);
    loop {
        let page = books.open_payments(after.as_deref()).await?;
        for row in page.unmatched.iter().chain(&page.rows) {
            rows += 1;
            if json { println!("{row}") } else { print_row(row) }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if rows == 0 && !json {
        println!("the books are the same");
    }
    Ok(())
}

fn print_row(row: &Value) {
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let money = |name: &str| match (&row[name]["amount"], row[name]["currency"].as_str()) {
        (Value::Number(amount), Some(currency)) => format!("{amount} {currency}"),
        (_, _) => "-".to_owned(),
    };
    // What belongs to no order is known by the gateway's name for it.
    let name = row["order_id"].as_str().map_or_else(|| text("provider_id"), str::to_owned);
    let age = format!("{}s", row["age_s"]);
    print_cells([
        name,
        text("order_status"),
        text("payment_status"),
        money("due"),
        money("captured"),
        money("refunded"),
        age,
        text("action"),
        text("by"),
        text("reason"),
    ]);
}

fn print_cells(cells: [String; 10]) {
    let [name, order, payment, due, captured, refunded, age, action, by, reason] = cells;
    println!(
        "{name:<12} {order:<10} {payment:<18} {due:>16} {captured:>16} {refunded:>16} {age:>8}  \
         {action:<15} {by:<8} {reason}"
    );
}

/// `onhand effects`.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn effects(action: EffectsAction) -> anyhow::Result<ExitCode> {
    match action {
        EffectsAction::List { rows: RowsOptions { books, json }, dead } => {
            open(books, Arc::default(), async |books| list(books, dead, json).await).await
        }
        EffectsAction::Requeue(OneOptions { books, id }) => {
            open(books, Arc::default(), async |books| moved(&books.requeue(id).await?)).await
        }
        EffectsAction::Skip(OneOptions { books, id }) => {
            open(books, Arc::default(), async |books| moved(&books.skip(id).await?)).await
        }
    }
}

fn moved(effect: &Value) -> anyhow::Result<()> {
    let text = |name: &str| effect[name].as_str().unwrap_or("-").to_owned();
    println!("{} of {} is {}", text("id"), text("order_id"), text("status"));
    Ok(())
}

async fn list(books: &mut Books, dead: bool, json: bool) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = books.effects(dead, after.as_deref()).await?;
        for row in &page.rows {
            if json {
                println!("{row}");
                continue;
            }
            let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            let (id, status, due_at) = (text("id"), text("status"), text("due_at"));
            let reason = text("reason");
            println!("{id:<12} {status:<8} {:>3} tries, due {due_at}: {reason}", row["tries"]);
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
