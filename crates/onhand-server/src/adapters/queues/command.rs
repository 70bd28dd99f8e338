//! `onhand queues check`: whether the brokers that are configured can be used, said before a server
//! depends on them.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

use std::process::ExitCode;

use clap::Subcommand;

use super::options::{QueueKind, QueueOptions};
use super::{Promises, QueueError};
use crate::limits::QUEUE_DEDUP_WINDOW;

/// What may be done about queues.
#[derive(Debug, Subcommand)]
pub enum QueuesAction {
    /// Ask the brokers that are configured whether they can be used. At NATS this makes the streams
    /// that are missing.
    Check(Box<QueueOptions>),
}

/// Does it. Exit code 1 says that a broker cannot be used.
///
/// # Errors
/// In words for the operator, when brokers are not configured so that they could be asked.
pub async fn run(action: QueuesAction) -> anyhow::Result<ExitCode> {
    let QueuesAction::Check(options) = action;
    let mut all_well = true;
    let mut tell = |what: &str, probed: Result<String, QueueError>| {
        all_well &= probed.is_ok();
        println!("{what:<8} {}", probed.unwrap_or_else(|error| error.to_string()));
    };
    match options.broker().await? {
        None => tell("queue", Ok("the database keeps the work".to_owned())),
        Some(queue) => {
            let probed = queue.probe().await;
            tell("queue", probed.map(|()| words(options.queue, queue.promises())));
        }
    }
    if let Some(relay) = options.relay().await? {
        tell("relay", relay.probe().await.map(|()| "events can be sent".to_owned()));
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn words(kind: QueueKind, promises: Promises) -> String {
    let name = match kind {
        QueueKind::Database => "the database",
        QueueKind::Sqs => "SQS",
        QueueKind::Nats => "NATS",
    };
    let minutes = QUEUE_DEDUP_WINDOW.as_secs() / 60;
    let dedups = if promises.dedups {
        format!("repeats are told for {minutes} minutes")
    } else {
        "repeats are not told".to_owned()
    };
    let order = if promises.keeps_order { "in order for each order" } else { "in no order" };
    format!("{name} keeps the work; {dedups}; {order}")
}
