//! `onhand bench --payments`: what placing orders costs when every order is to be paid through a
//! gateway, against the same orders that wait for a payment by hand, and against those that wait
//! for none. Rounds of the three kinds take turns in one run; between them all that is owed is
//! done, so that no round pays for the one before it. The gateway is simulated in a process of its
//! own, and pays every order at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::time::sleep;

use super::api::Api;
use super::bench::{BenchOptions, Measured, round};
use super::fleet::free_address;
use super::payments_chaos::house::{Answers, Gateway, take_payments, webhook_url};
use super::process::{ServerPlan, ServerProcess};
use super::progress::note;
use super::round::{Operation, Outcome};
use super::stage::Stage;
use super::suite::{Row, median, paid, webhooks};
use super::workload::Orders;
use crate::random::Random;

/// How often it is looked whether everything is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longest time until it is.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(900);

/// Starts a gateway, and a server that takes payments through it.
pub(crate) async fn start(plan: ServerPlan) -> Result<(ServerPlan, ServerProcess, Gateway)> {
    let address = free_address()?;
    let arguments = ["--auto-pay", "--webhook-url", &webhook_url(address)].map(str::to_owned);
    let (plan, gateway) = take_payments(plan, &arguments).await?;
    let server = plan.start(Some(address)).await?;
    Ok((plan, server, gateway))
}

/// What a round with payments was like.
struct Paid {
    per_second: f64,
    /// Orders of which the gateway had not heard when the round was over.
    backlog: u64,
    drain: Duration,
    settled_per_second: f64,
    /// How the gateway's messages were answered during the round, and behind it.
    rushed: Answers,
    settling: Answers,
}

/// The rounds of both kinds, and what comes of comparing them.
pub(crate) async fn run(
    options: &BenchOptions,
    stage: &mut Stage,
    random: &mut Random,
) -> Result<(Vec<Measured>, Vec<Row>)> {
    let orders = Orders::prepare(options.workload, stage.products, options.lines, random);
    let with_payment = Arc::new(orders.paid_through("razorpay"));
    let by_hand = Arc::new(orders.paid_through("manual"));
    let orders = Arc::new(orders);
    let (mut against_held, mut against_plain) = (Vec::new(), Vec::new());
    let (mut measured, mut paid_rounds) = (Vec::new(), Vec::new());
    for index in 1..=options.rounds.get() {
        note(&format!("round {index} of {}", options.rounds));
        let plain =
            round(options, stage, Operation::place(&orders), random).run(&stage.tally).await?;
        measured.push(Measured::of("place order", &plain));
        let held =
            round(options, stage, Operation::place(&by_hand), random).run(&stage.tally).await?;
        measured.push(Measured::of("place order, paid by hand", &held));
        let (outcome, paid) = paid_round(options, stage, &with_payment, random).await?;
        measured.push(Measured::of("place order with payment", &outcome));
        let Paid { backlog, drain, settled_per_second, .. } = &paid;
        note(&format!(
            "{backlog} orders waited for the gateway at the end, all settled {:.1} s later: \
             {settled_per_second:.0} payments settled per second",
            drain.as_secs_f64()
        ));
        against_held.push(paid.per_second / held.per_second);
        against_plain.push(paid.per_second / plain.per_second);
        paid_rounds.push(paid);
    }
    let of = |figure: fn(&Paid) -> f64| median(paid_rounds.iter().map(|one| Some(figure(one))));
    let mut rows = paid(
        median(against_held.into_iter().map(Some)),
        median(against_plain.into_iter().map(Some)),
        of(|one| one.backlog as f64),
        of(|one| one.drain.as_secs_f64()),
        of(|one| one.settled_per_second),
    );
    for (when, answers) in [
        ("beside orders", of_answers(&paid_rounds, |one| one.rushed)),
        ("while the rest is settled", of_answers(&paid_rounds, |one| one.settling)),
    ] {
        rows.push(webhooks(when, answers));
    }
    Ok((measured, rows))
}

/// The medians of the rounds, in seconds: the half of all messages, and all but one in a hundred.
fn of_answers(rounds: &[Paid], which: fn(&Paid) -> Answers) -> Option<(f64, f64)> {
    let answered = || rounds.iter().map(which).filter(|one| one.answers > 0);
    let secs = |of: fn(&Answers) -> f64| median(answered().map(|one| Some(of(&one) / 1_000.0)));
    secs(|one| one.p50_ms).zip(secs(|one| one.p99_ms))
}

async fn paid_round(
    options: &BenchOptions,
    stage: &mut Stage,
    orders: &Arc<Orders>,
    random: &mut Random,
) -> Result<(Outcome, Paid)> {
    let gateway = stage.gateway.as_mut().context("nobody takes payments")?;
    gateway.answers().await?;
    let known_before = known(&gateway.state().await?);
    let placed_before = stage.tally.acknowledged.load(Ordering::Relaxed);
    let started = Instant::now();
    let outcome = round(options, stage, Operation::place(orders), random).run(&stage.tally).await?;
    let placed = stage.tally.acknowledged.load(Ordering::Relaxed) - placed_before;
    let ended = Instant::now();
    let gateway = stage.gateway.as_mut().context("nobody takes payments")?;
    let heard = known(&gateway.state().await?) - known_before;
    let rushed = gateway.answers().await?;
    let mut api = Api::new(&stage.target);
    while !is_drained(&mut api).await? {
        if ended.elapsed() > DRAIN_TIMEOUT {
            bail!("payments are still open {DRAIN_TIMEOUT:?} later");
        }
        sleep(LOOK_EVERY).await;
    }
    let gateway = stage.gateway.as_mut().context("nobody takes payments")?;
    let paid = Paid {
        per_second: outcome.per_second,
        backlog: placed.saturating_sub(heard),
        drain: ended.elapsed(),
        settled_per_second: placed as f64 / started.elapsed().as_secs_f64(),
        rushed,
        settling: gateway.answers().await?,
    };
    Ok((outcome, paid))
}

fn known(state: &Value) -> u64 {
    state["orders"].as_u64().unwrap_or_default()
}

/// Whether nothing is owed to the gateway and nothing is expected of it.
async fn is_drained(api: &mut Api) -> Result<bool> {
    let reply = api.get("/v1/reconciliation?limit=1").await?;
    let open: Value = serde_json::from_slice(&reply.body)?;
    Ok(open["data"].as_array().is_some_and(Vec::is_empty))
}
