//! `onhand jobs`: what waits for somebody to look at it, who reads the log, and what is scheduled.

use std::process::ExitCode;
use std::sync::Arc;

use axum::http::Method;
use clap::Subcommand;
use onhand_core::Command as AnyCommand;
use onhand_core::command::Reply;
use onhand_core::ids::JobId;
use onhand_core::jobs::{Command, JobState};
use onhand_engine::Reader;
use onhand_engine::query::JobFilter;
use serde::Serialize;
use serde_json::Value;

use super::books::{Books, PAGE_ROWS, Page, ask, decided, page, post};
use super::{OneOptions, RowsOptions, open};
use crate::http::wire::outbox::{ConsumerView, JobView, ScheduleView};

/// What to do with what follows from the log.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsAction {
    /// List mails, deliveries to endpoints and orders to take up, newest first.
    List {
        #[command(flatten)]
        rows: RowsOptions,
        /// Only what is tried no more.
        #[arg(long)]
        dead: bool,
    },
    /// Try a dead one again.
    Requeue(OneOptions<JobId>),
    /// Give up a dead one.
    Skip(OneOptions<JobId>),
    /// List who reads the log, and how far each is.
    Consumers(RowsOptions),
    /// List what is done from time to time, with its last run and its next.
    Schedules(RowsOptions),
}

/// `onhand jobs`.
///
/// # Errors
/// In words for the operator.
pub(crate) async fn jobs(action: JobsAction) -> anyhow::Result<ExitCode> {
    let policy = Arc::default();
    match action {
        JobsAction::List { rows: RowsOptions { books, json }, dead } => {
            open(books, policy, async |books| list(books, dead, json).await).await
        }
        JobsAction::Requeue(OneOptions { books, id }) => {
            let command = Command::Requeue { id };
            open(books, policy, async |books| moved(books, command, id, "requeue").await).await
        }
        JobsAction::Skip(OneOptions { books, id }) => {
            let command = Command::Skip { id };
            open(books, policy, async |books| moved(books, command, id, "skip").await).await
        }
        JobsAction::Consumers(RowsOptions { books, json }) => {
            let line = |row: &Value| {
                let text = |name: &str| shown(row, name);
                format!("{:<12} at {:>10}, {} open", text("queue"), text("cursor"), text("open"))
            };
            open(books, policy, async |books| {
                show(&consumers(books).await?, json, line);
                Ok(())
            })
            .await
        }
        JobsAction::Schedules(RowsOptions { books, json }) => {
            let line = |row: &Value| {
                let text = |name: &str| shown(row, name);
                let (name, due_at, ended_at) = (text("name"), text("due_at"), text("ended_at"));
                format!("{name:<10} next {due_at}, last {ended_at}: {}", text("outcome"))
            };
            open(books, policy, async |books| {
                show(&schedules(books).await?, json, line);
                Ok(())
            })
            .await
        }
    }
}

async fn list(books: &mut Books, dead: bool, json: bool) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let found = page_of(books, dead, after.as_deref()).await?;
        show(&found.rows, json, |row| {
            let text = |name: &str| shown(row, name);
            let newest = row["attempts"].as_array().and_then(|tries| tries.last());
            let reason = newest.map_or_else(|| "-".to_owned(), |one| shown(one, "reason"));
            let (id, queue, status) = (text("id"), text("queue"), text("status"));
            let (about, tries) = (text("about"), text("tries"));
            format!("{id:<12} {queue:<12} {status:<8} {tries:>3} tries, {about}: {reason}")
        });
        after = found.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

async fn page_of(books: &mut Books, dead: bool, after: Option<&str>) -> anyhow::Result<Page> {
    match books {
        Books::Beside(_, reader) => {
            let before = after.map(str::parse::<JobId>).transpose()?.map(JobId::number);
            let filter = JobFilter { queue: None, state: dead.then_some(JobState::Dead) };
            let found = reader.jobs(filter, before, PAGE_ROWS).await?;
            let next = found.next.map(|id| format!("job_{id}"));
            Ok(Page { rows: values(found.rows.iter().map(JobView::of))?, next, ..Page::default() })
        }
        Books::Server(connection) => {
            let status = if dead { "&status=dead" } else { "" };
            page(connection, &format!("/v1/jobs?limit=200{status}"), after).await
        }
    }
}

async fn moved(books: &mut Books, command: Command, id: JobId, step: &str) -> anyhow::Result<()> {
    let job = match books {
        Books::Beside(submit, _) => {
            let Reply::Job(job) = decided(submit, AnyCommand::Jobs(command)).await? else {
                anyhow::bail!("answered with something else");
            };
            serde_json::to_value(JobView::of(&job))?
        }
        Books::Server(connection) => post(connection, &format!("/v1/jobs/{id}/{step}")).await?,
    };
    show(&[job], false, |row| format!("{id} is {}", shown(row, "status")));
    Ok(())
}

async fn consumers(books: &mut Books) -> anyhow::Result<Vec<Value>> {
    match books {
        Books::Beside(_, reader) => values(reader.consumers().await?.iter().map(ConsumerView::of)),
        Books::Server(connection) => all(connection, "/v1/consumers").await,
    }
}

async fn schedules(books: &mut Books) -> anyhow::Result<Vec<Value>> {
    match books {
        Books::Beside(_, reader) => schedules_of(reader).await,
        Books::Server(connection) => all(connection, "/v1/schedules").await,
    }
}

async fn schedules_of(reader: &Reader) -> anyhow::Result<Vec<Value>> {
    values(reader.schedules().await?.iter().map(ScheduleView::of))
}

async fn all(connection: &mut crate::client::Connection, path: &str) -> anyhow::Result<Vec<Value>> {
    let body = ask(connection, Method::GET, path).await?;
    Ok(body["data"].as_array().cloned().unwrap_or_default())
}

pub(super) fn values(views: impl Iterator<Item = impl Serialize>) -> anyhow::Result<Vec<Value>> {
    Ok(views.map(serde_json::to_value).collect::<Result<_, _>>()?)
}

pub(super) fn shown(row: &Value, name: &str) -> String {
    match &row[name] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

/// Prints rows for people, or as JSON, one to a line.
pub(super) fn show(rows: &[Value], json: bool, line: impl Fn(&Value) -> String) {
    for row in rows {
        if json { println!("{row}") } else { println!("{}", line(row)) }
    }
}
