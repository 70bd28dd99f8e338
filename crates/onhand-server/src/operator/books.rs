//! The books as the commands read them: in the database itself, or at a running server. Both give
//! the rows of `/v1`, so that an operator sees the same either way.

use std::sync::Arc;

use anyhow::{Context, bail};
use axum::http::{HeaderName, HeaderValue, Method};
use onhand_core::command::Reply;
use onhand_core::effects::{self, EffectState};
use onhand_core::ids::{EffectId, OrderId, PaymentId};
use onhand_core::payments::Command;
use onhand_core::{Actor, Command as AnyCommand};
use onhand_engine::clock::Clock;
use onhand_engine::committer::Submit;
use onhand_engine::{Reader, SystemClock};
use serde_json::Value;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::client::Connection;
use crate::http::wire::payments::{EffectView, RowView};
use crate::payments::options::PaymentOptions;
use crate::telemetry::trail::Trail;
use crate::workers::effects::{Tools, run};
use crate::{random, serve};

/// Rows that one page of a listing reads.
pub(super) const PAGE_ROWS: usize = 200;

/// Where the books are.
#[derive(Debug)]
pub(super) enum Books {
    /// In the database.
    Beside(Submit, Reader),
    /// At a server that has it.
    Server(Box<Connection>),
}

/// A part of a list.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    /// What belongs to no order; with the first page.
    pub(super) unmatched: Vec<Value>,
    /// Where the next one begins, if there is one.
    pub(super) next: Option<String>,
}

impl Books {
    /// Orders whose money is not where it should be yet.
    pub(super) async fn open_payments(&mut self, after: Option<&str>) -> anyhow::Result<Page> {
        match self {
            Self::Beside(_, reader) => {
                let number = after.map(str::parse::<OrderId>).transpose()?.map(OrderId::number);
                open_payments(reader, number).await
            }
            Self::Server(connection) => {
                page(connection, "/v1/reconciliation?limit=200", after).await
            }
        }
    }

    /// What is owed to gateways.
    pub(super) async fn effects(
        &mut self,
        dead: bool,
        after: Option<&str>,
    ) -> anyhow::Result<Page> {
        match self {
            Self::Beside(_, reader) => {
                let number = after.map(str::parse::<EffectId>).transpose()?;
                let number = number.map(|id| id.order().number());
                let state = dead.then_some(EffectState::Dead);
                let page = reader.effects(state, number, PAGE_ROWS).await?;
                let rows = page.rows.iter().map(|row| serde_json::to_value(EffectView::of(row)));
                let rows = rows.collect::<Result<_, _>>()?;
                let next = page.next.map(|id| format!("eff_{id}"));
                Ok(Page { rows, next, ..Page::default() })
            }
            Self::Server(connection) => {
                let state = if dead { "&state=dead" } else { "" };
                page(connection, &format!("/v1/effects?limit=200{state}"), after).await
            }
        }
    }

    /// Has the gateway asked how things stand with an order.
    pub(super) async fn check(&mut self, order: &str) -> anyhow::Result<()> {
        let order_id: OrderId = order.parse()?;
        match self {
            Self::Beside(submit, _) => {
                let command = AnyCommand::Payments(Command::Look { order_id });
                decided(submit, command).await?;
            }
            Self::Server(connection) => {
                let id = PaymentId::of_order(order_id);
                post(connection, &format!("/v1/payments/{id}/check")).await?;
            }
        }
        Ok(())
    }

    /// Tries a dead effect again.
    pub(super) async fn requeue(&mut self, id: EffectId) -> anyhow::Result<Value> {
        match self {
            Self::Beside(submit, _) => moved(submit, effects::Command::Requeue { id }).await,
            Self::Server(connection) => {
                post(connection, &format!("/v1/effects/{id}/requeue")).await
            }
        }
    }

    /// Gives a dead effect up.
    pub(super) async fn skip(&mut self, id: EffectId) -> anyhow::Result<Value> {
        match self {
            Self::Beside(submit, _) => moved(submit, effects::Command::Skip { id }).await,
            Self::Server(connection) => post(connection, &format!("/v1/effects/{id}/skip")).await,
        }
    }
}

async fn open_payments(reader: &Reader, after: Option<i64>) -> anyhow::Result<Page> {
    let now = SystemClock.now();
    let page = reader.open_payments(now, after, PAGE_ROWS).await?;
    let rows = page.rows.iter().filter_map(|(effect, order)| RowView::of_order(effect, order, now));
    let rows = rows.map(serde_json::to_value).collect::<Result<_, _>>()?;
    let unmatched = match after {
        None => reader.unmatched_notices(None, PAGE_ROWS).await?.rows,
        Some(_) => Vec::new(),
    };
    let unmatched = RowView::of_notices(&unmatched, now).map(serde_json::to_value);
    let next = page.next.map(|id| format!("ord_{id}"));
    Ok(Page { rows, unmatched: unmatched.collect::<Result<_, _>>()?, next })
}

pub(super) async fn decided(submit: &Submit, command: AnyCommand) -> anyhow::Result<Reply> {
    let answer = submit.submit(command, Actor::Local, None).await?;
    match answer.outcome {
        Ok(reply) => Ok(reply),
        Err(refusal) => bail!("refused: {}", refusal.code()),
    }
}

async fn moved(submit: &Submit, command: effects::Command) -> anyhow::Result<Value> {
    let Reply::Effect(effect) = decided(submit, AnyCommand::Effects(command)).await? else {
        bail!("answered with something else");
    };
    Ok(serde_json::to_value(EffectView::of(&effect))?)
}

pub(super) async fn page(
    connection: &mut Connection,
    path: &str,
    after: Option<&str>,
) -> anyhow::Result<Page> {
    let after = after.map(|after| format!("&starting_after={after}")).unwrap_or_default();
    let mut body = ask(connection, Method::GET, &format!("{path}{after}")).await?;
    let mut rows = |name: &str| match body[name].take() {
        Value::Array(rows) => rows,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Vec::new()
        }
    };
    let (rows, unmatched) = (rows("data"), rows("unmatched"));
    let next = body["next_cursor"].as_str().map(str::to_owned);
    Ok(Page { rows, unmatched, next })
}

pub(super) async fn post(connection: &mut Connection, path: &str) -> anyhow::Result<Value> {
    ask(connection, Method::POST, path).await
}

/// Asks the server; what it refuses is told in its own words.
pub(super) async fn ask(
    connection: &mut Connection,
    method: Method,
    path: &str,
) -> anyhow::Result<Value> {
    ask_with(connection, method, path, None).await
}

/// The same, with a body.
pub(super) async fn ask_with(
    connection: &mut Connection,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    let key = HeaderValue::from_str(&random::uuid_v7().to_string())?;
    let json = HeaderValue::from_static("application/json");
    let headers = [
        (HeaderName::from_static("idempotency-key"), key),
        (HeaderName::from_static("content-type"), json),
    ];
    let body = body.map(Value::to_string).unwrap_or_default();
    let reply = connection.send(method, path, &headers, body.into()).await?;
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if !reply.status.is_success() {
        let detail = body["detail"].as_str().unwrap_or("it is no server of onhand");
        bail!("{path}: {} {detail}", reply.status.as_u16());
    }
    Ok(body)
}

/// Whoever asks the gateways while no server does.
#[derive(Debug)]
pub(super) struct Worker {
    working: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Worker {
    /// Begins to do what is due.
    pub(super) async fn start(books: &Books, options: &PaymentOptions) -> anyhow::Result<Self> {
        let Books::Beside(submit, reader) = books else { bail!("a server asks for itself") };
        let gateways = options.gateways(false, &serve::receipts(reader).await?)?;
        let tools = Tools {
            submit: submit.clone(),
            gateways: Arc::new(gateways),
            clock: Arc::new(SystemClock),
            wake: Arc::new(Notify::new()),
            timing: options.timing(),
            counted: Arc::default(),
            trail: Trail::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { _ = stopped.await };
        Ok(Self { working: tokio::spawn(run(tools, stopped)), stop })
    }

    /// Ends when what is on its way has come back.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.working.await.context("the gateways could not be asked")
    }
}
