//! The processes of the chaos: one gateway that lives through all of it, and the servers, which are
//! killed without warning and started again where they were (`fleet.rs`).

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use crate::adapters::gateways::simulated::command::{KEY_ID, KEY_SECRET, WEBHOOK_SECRET};
use crate::load::api::{Api, Target, describe};
use crate::load::fleet::{Fleet, free_address};
use crate::load::process::ServerPlan;
use crate::random::uuid_v7;

/// What the gateway's first line begins with.
const GATEWAY_LISTENS: &str = "fake gateway on ";
/// Longest wait for it.
const GATEWAY_START_TIMEOUT: Duration = Duration::from_secs(30);

/// The gateway in its own process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Gateway {
    _child: Child,
    url: String,
    api: Api,
}

/// How long the gateway's messages waited for their answers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::load) struct Answers {
    /// How many were answered, or waited in vain for as long as they may.
    pub(in crate::load) answers: u64,
    /// The half, in milliseconds.
    pub(in crate::load) p50_ms: f64,
    /// All but one in a hundred.
    pub(in crate::load) p99_ms: f64,
    /// The longest.
    pub(in crate::load) most_ms: f64,
}

impl Gateway {
    /// Starts it with these arguments and learns where it listens.
    async fn start(plan: &ServerPlan, arguments: &[String]) -> Result<Self> {
        let mut command = plan.command("fake-gateway");
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(plan.log()?).spawn()?;
        let stdout = child.stdout.take().context("the gateway has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(GATEWAY_START_TIMEOUT, lines.next_line()).await??;
        let line = line.context("the gateway ended before it listened")?;
        let url = line.strip_prefix(GATEWAY_LISTENS).and_then(|rest| rest.split(',').next());
        let url = url.with_context(|| format!("the gateway said {line:?}"))?.to_owned();
        let api = Api::new(&Target::new(&url, None)?);
        Ok(Self { _child: child, url, api })
    }

    /// Where it is.
    pub(in crate::load) fn url(&self) -> &str {
        &self.url
    }

    /// Tells it something; what it answers.
    pub(super) async fn tell(&mut self, path: &str, body: &Value) -> Result<Value> {
        let reply = self.api.post(path, uuid_v7(), body.to_string().into()).await?;
        if reply.status != StatusCode::OK {
            bail!("POST {path} of the gateway: {}", describe(&reply));
        }
        Ok(serde_json::from_slice(&reply.body)?)
    }

    /// Asks it something.
    pub(in crate::load) async fn ask(&mut self, path: &str) -> Result<Vec<u8>> {
        let reply = self.api.get(path).await?;
        if reply.status != StatusCode::OK {
            bail!("GET {path} of the gateway: {}", describe(&reply));
        }
        Ok(reply.body.to_vec())
    }

    /// How its messages were answered since this was asked the last time.
    pub(in crate::load) async fn answers(&mut self) -> Result<Answers> {
        let told = self.tell("/_control/answers", &Value::Null).await?;
        Ok(serde_json::from_value(told)?)
    }

    /// Where it stands: what it has before it, and what went wrong so far.
    pub(in crate::load) async fn state(&mut self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.ask("/_control/state").await?)?)
    }
}

/// Starts a gateway, and gives a server all it needs to take payments through it.
pub(in crate::load) async fn take_payments(
    plan: ServerPlan,
    arguments: &[String],
) -> Result<(ServerPlan, Gateway)> {
    let secrets = [
        ("ONHAND_RAZORPAY_KEY_ID", KEY_ID),
        ("ONHAND_RAZORPAY_KEY_SECRET", KEY_SECRET),
        ("ONHAND_RAZORPAY_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ];
    let plan = plan.with(&[], &secrets);
    let gateway = Gateway::start(&plan, arguments).await?;
    let at = ["--razorpay-url".to_owned(), gateway.url().to_owned()];
    Ok((plan.with(&at, &[]), gateway))
}

/// Where messages are taken.
pub(in crate::load) fn webhook_url(address: SocketAddr) -> String {
    format!("http://{address}/v1/payments/webhooks/razorpay")
}

/// The gateway and its servers.
#[derive(Debug)]
pub(super) struct House {
    pub(super) gateway: Gateway,
    pub(super) fleet: Fleet,
}

impl House {
    /// Starts the gateway with these faults, and so many servers on one database.
    pub(super) async fn open(
        plan: ServerPlan,
        servers: usize,
        faults: &str,
        seed: u64,
    ) -> Result<Self> {
        let addresses = (0..servers).map(|_| free_address()).collect::<Result<Vec<_>>>()?;
        let first = addresses.first().context("a house without a server")?;
        let mut arguments = vec!["--auto-pay".to_owned()];
        for (name, value) in [
            ("--webhook-url", webhook_url(*first)),
            ("--faults", faults.to_owned()),
            ("--seed", seed.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        let (plan, gateway) = take_payments(plan, &arguments).await?;
        let fleet = Fleet::start(plan, addresses).await?;
        Ok(Self { gateway, fleet })
    }
}
