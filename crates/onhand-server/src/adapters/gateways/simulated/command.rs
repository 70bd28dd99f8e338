//! `onhand fake-gateway`: the simulated gateway in a process of its own, for whoever builds a shop
//! or breaks one.

#![expect(clippy::print_stdout, reason = "the address is the command's answer")]

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{FaultPlan, Pace, SimulatedConfig, serve};
use crate::accounts::options::configured;
use crate::auth::secrets::Secret;
use crate::random;

/// The key that is expected when none is configured.
pub const KEY_ID: &str = "rzp_test_simulated";
/// The secret of that key. Everybody knows it; it guards nothing.
pub const KEY_SECRET: &str = "simulated-key-secret";
/// What messages are signed with when nothing is configured. Everybody knows it, too: a server that
/// believes it believes everybody.
pub const WEBHOOK_SECRET: &str = "simulated-webhook-secret";

/// How to stand in for Razorpay. Secrets come from ONHAND_RAZORPAY_KEY_SECRET and
/// ONHAND_RAZORPAY_WEBHOOK_SECRET, or from files that these names with _FILE behind them name.
#[derive(Debug, clap::Args)]
pub struct FakeGatewayOptions {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Where to send messages: http://host:port/path. Without it none are sent.
    #[arg(long)]
    webhook_url: Option<String>,
    /// The name of the key that requests have to carry.
    #[arg(long, env = "ONHAND_RAZORPAY_KEY_ID", default_value = KEY_ID)]
    key_id: String,
    /// Pay every order as an imaginary customer.
    #[arg(long)]
    auto_pay: bool,
    /// What chance is made of; a fresh one is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// What goes wrong and how often: `drop=0.05,late=0.01,repeat=0.2`.
    #[arg(long, default_value = "")]
    faults: FaultPlan,
}

/// Serves until the process is told to stop.
///
/// # Errors
/// In words for the operator, when it cannot start.
pub async fn run(options: FakeGatewayOptions) -> anyhow::Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(random::fresh_seed);
    let config = SimulatedConfig {
        key_id: options.key_id,
        key_secret: secret("ONHAND_RAZORPAY_KEY_SECRET", KEY_SECRET)?,
        webhook_secret: secret("ONHAND_RAZORPAY_WEBHOOK_SECRET", WEBHOOK_SECRET)?,
        webhook_url: options.webhook_url,
        auto_pay: options.auto_pay,
        faults: options.faults,
        seed,
        pace: Pace::default(),
    };
    let mut terminate = signal(SignalKind::terminate()).context("listening for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for signals")?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listening on {}", options.listen))?;
    println!("fake gateway on http://{}, seed {seed}", listener.local_addr()?);
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    serve(config, listener, stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// The newest secret of this name, or one that everybody knows.
fn secret(name: &str, known: &str) -> anyhow::Result<Secret> {
    let Some(given) = configured(name) else {
        tracing::warn!("{name} is not set: the secret is one that everybody knows");
        return Ok(Secret::new(known));
    };
    let secrets = given.read().with_context(|| name.to_owned())?;
    Ok(secrets.into_iter().next().unwrap_or_else(|| Secret::new(known)))
}
