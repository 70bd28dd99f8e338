//! `onhand warehouse`: asks the external warehouse now, shows what differed, and decides about what
//! is held. On the database itself this process goes on with the run; through a server, that does.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::http::Method;
use clap::{Args, Subcommand};
use futures_util::FutureExt;
use onhand_core::Command as AnyCommand;
use onhand_core::command::Reply;
use onhand_core::ids::SyncId;
use onhand_core::warehouse::{Action, Command, Status, Trigger};
use onhand_engine::SystemClock;
use onhand_engine::query::{SyncFilter, SyncRowFilter};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::books::{PAGE_ROWS, Page, ask, ask_with, decided, page, post};
use super::jobs::{show, shown, values};
use super::{ASK_THE_SERVER, BooksOptions};
use crate::adapters::warehouse::options::{Plan, WarehouseOptions};
use crate::client::{Address, Connection};
use crate::http::wire::warehouse::SyncView;
use crate::limits::RECONCILE_LOOK_EVERY;
use crate::serve;
use crate::telemetry::trail::Trail;
use crate::workers::jobs::Tools;
use crate::workers::warehouse::{Keeper, begun};

/// What to do with the external warehouse.
#[derive(Debug, Subcommand)]
pub(crate) enum WarehouseAction {
    /// Ask it now, and wait until what it says is compared and counted.
    Sync {
        #[command(flatten)]
        books: BooksOptions,
        /// Only tell the differences.
        #[arg(long)]
        dry_run: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        warehouse: Box<WarehouseOptions>,
    },
    /// List runs, newest first.
    List {
        #[command(flatten)]
        books: BooksOptions,
        /// Print JSON, a run to a line.
        #[arg(long)]
        json: bool,
    },
    /// Show a run and its rows.
    Show {
        #[command(flatten)]
        books: BooksOptions,
        /// Its id, like `syn_7`.
        id: String,
        /// Only rows of which this came, like `held`.
        #[arg(long, value_parser = action)]
        action: Option<Action>,
        /// Print JSON, a row to a line.
        #[arg(long)]
        json: bool,
    },
    /// Approve what is held: it is counted.
    Approve(Decision),
    /// Reject what is held: it is not counted.
    Reject(Decision),
}

/// What an operator decides about.
#[derive(Debug, Args)]
pub(crate) struct Decision {
    #[command(flatten)]
    books: BooksOptions,
    /// The run, like `syn_7`.
    id: String,
    /// Its rows by their numbers; all that is held where none is named.
    rows: Vec<u32>,
}

fn action(text: &str) -> Result<Action, String> {
    let names: Vec<_> = Action::ALL.iter().map(|one| one.as_str()).collect();
    Action::from_name(text).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

/// Where the runs are.
enum Place {
    /// In the database, with this process as the one that goes on with them.
    Here(Tools),
    /// At a server that has it.
    Server(Box<Connection>),
}

/// `onhand warehouse`. The exit code is 1 where a run failed or waits for somebody.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn warehouse(action: WarehouseAction) -> anyhow::Result<ExitCode> {
    match action {
        WarehouseAction::Sync { books, warehouse, dry_run, json } => {
            let plan = match &books.url {
                Some(_) => None,
                None => Some(warehouse.plan()?.context("--warehouse-url says whom to ask")?),
            };
            open(books, async |place| sync(place, plan.as_ref(), dry_run, json).await).await
        }
        WarehouseAction::List { books, json } => {
            open(books, async |place| list(place, json).await).await
        }
        WarehouseAction::Show { books, id, action, json } => {
            let id = id.parse()?;
            open(books, async |place| rows(place, id, action, json).await).await
        }
        WarehouseAction::Approve(Decision { books, id, rows }) => {
            let id = id.parse()?;
            open(books, async |place| decide(place, id, &rows, true).await).await
        }
        WarehouseAction::Reject(Decision { books, id, rows }) => {
            let id = id.parse()?;
            open(books, async |place| decide(place, id, &rows, false).await).await
        }
    }
}

async fn open(
    options: BooksOptions,
    work: impl AsyncFnOnce(&mut Place) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let BooksOptions { database, url, token } = options;
    if let Some(url) = url {
        let token = token.context("--url needs an API key in ONHAND_TOKEN")?;
        let connection = Connection::new(Address::parse(&url)?.with_token(&token)?);
        return work(&mut Place::Server(Box::new(connection))).await;
    }
    let mut code = ExitCode::SUCCESS;
    let worked =
        serve::beside_with_leases(&database, Arc::default(), async |submit, reader, leases| {
            let clock = Arc::new(SystemClock);
            let (submit, reader) = (submit.clone(), reader.clone());
            code = work(&mut Place::Here(Tools {
                submit,
                reader,
                clock,
                leases,
                counted: Arc::default(),
                trail: Trail::default(),
            }))
            .await?;
            Ok(())
        });
    worked.await.map_err(|error| serve::advise(error, ASK_THE_SERVER)).map(|_| code)
}

async fn sync(
    place: &mut Place,
    plan: Option<&Plan>,
    dry_run: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let id: SyncId = match (&mut *place, plan) {
        (Place::Here(tools), Some(plan)) => {
            let begin = begun(plan, Trigger::Cli, dry_run);
            let Reply::Sync(sync) = decided(&tools.submit, begin).await? else {
                bail!("answered with something else");
            };
            sync.id
        }
        (Place::Here(_), None) => bail!("--warehouse-url says whom to ask"),
        (Place::Server(connection), _) => {
            let body = json!({ "dry_run": dry_run });
            let begun =
                ask_with(connection, Method::POST, "/v1/warehouse/syncs", Some(&body)).await?;
            shown(&begun, "id").parse()?
        }
    };
    ended(place, id, plan, json).await
}

/// Waits until nothing of a run goes on by itself, and shows what came of it.
async fn ended(
    place: &mut Place,
    id: SyncId,
    plan: Option<&Plan>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let run = loop {
        if let Place::Here(tools) = place {
            let stop = futures_util::future::pending().boxed().shared();
            let keeper = Keeper { tools: tools.clone(), plan: plan.cloned(), stop };
            keeper.go_on().await?;
        }
        let run = read(place, id, None, None).await?;
        let status = Status::from_name(&shown(&run, "status"));
        if !status.is_some_and(Status::is_open) {
            break run;
        }
        sleep(RECONCILE_LOOK_EVERY).await;
    };
    show(std::slice::from_ref(&run), json, line);
    let is_done = matches!(run["status"].as_str(), Some("applied" | "reported" | "rejected"));
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A run with some of its rows, as `/v1` shows it.
async fn read(
    place: &mut Place,
    id: SyncId,
    action: Option<Action>,
    after: Option<u32>,
) -> anyhow::Result<Value> {
    match place {
        Place::Here(tools) => {
            let sync = tools.reader.sync(id).await?.context("there is no such run")?;
            let filter = SyncRowFilter { sync_id: id, action };
            let page = tools.reader.sync_rows(filter, after, PAGE_ROWS).await?;
            Ok(serde_json::to_value(SyncView::of(&sync).with_rows(&page.rows, page.next))?)
        }
        Place::Server(connection) => {
            let action = action.map(|one| format!("&action={}", one.as_str()));
            let after = after.map(|after| format!("&after={after}"));
            let (action, after) = (action.unwrap_or_default(), after.unwrap_or_default());
            let path = format!("/v1/warehouse/syncs/{id}?limit=200{action}{after}");
            ask(connection, Method::GET, &path).await
        }
    }
}

fn line(run: &Value) -> String {
    let text = |name: &str| shown(run, name);
    let dry = if run["dry_run"] == true { ", dry run" } else { "" };
    let (id, status, began_at) = (text("id"), text("status"), text("created_at"));
    let (trigger, outcome) = (text("trigger"), text("outcome"));
    format!("{id:<10} {status:<10} {began_at} by {trigger}{dry}: {outcome}")
}

async fn list(place: &mut Place, json: bool) -> anyhow::Result<ExitCode> {
    let mut after = None;
    loop {
        let found = runs(place, after.as_deref()).await?;
        show(&found.rows, json, line);
        after = found.next;
        if after.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

async fn runs(place: &mut Place, after: Option<&str>) -> anyhow::Result<Page> {
    match place {
        Place::Here(tools) => {
            let before = after.map(str::parse::<SyncId>).transpose()?.map(SyncId::number);
            let found = tools.reader.syncs(SyncFilter::default(), before, PAGE_ROWS).await?;
            let next = found.next.map(|id| format!("syn_{id}"));
            Ok(Page { rows: values(found.rows.iter().map(SyncView::of))?, next, ..Page::default() })
        }
        Place::Server(connection) => page(connection, "/v1/warehouse/syncs?limit=200", after).await,
    }
}

async fn rows(
    place: &mut Place,
    id: SyncId,
    action: Option<Action>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut after = None;
    loop {
        let run = read(place, id, action, after).await?;
        if after.is_none() && !json {
            show(std::slice::from_ref(&run), false, line);
        }
        let rows = run["rows"]["data"].as_array().map_or(&[][..], Vec::as_slice);
        show(rows, json, |row| {
            let text = |name: &str| shown(row, name);
            let (number, sent, action) = (text("row"), text("sent"), text("action"));
            let (ours, theirs, difference) = (text("ours"), text("theirs"), text("difference"));
            let reason = text("reason");
            format!(
                "{number:>7} {sent:<24} {ours:>9} {theirs:>9} {difference:>9} {action}: {reason}"
            )
        });
        after = run["rows"]["next_after"].as_u64().and_then(|next| u32::try_from(next).ok());
        if after.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

async fn decide(
    place: &mut Place,
    id: SyncId,
    rows: &[u32],
    is_approved: bool,
) -> anyhow::Result<ExitCode> {
    match place {
        Place::Here(tools) => {
            let rows = (!rows.is_empty()).then(|| rows.to_vec());
            let command = if is_approved {
                Command::Approve { id, rows }
            } else {
                Command::Reject { id, rows }
            };
            decided(&tools.submit, AnyCommand::Warehouse(command)).await?;
        }
        Place::Server(connection) => {
            let step = if is_approved { "approve" } else { "reject" };
            if rows.is_empty() {
                post(connection, &format!("/v1/warehouse/syncs/{id}/{step}")).await?;
            }
            for row in rows {
                post(connection, &format!("/v1/warehouse/syncs/{id}/rows/{row}/{step}")).await?;
            }
        }
    }
    ended(place, id, None, false).await
}
