//! Writes down when API keys were last used: once a minute, and not with each request.

use std::time::Duration;

use onhand_core::accounts::Command;
use onhand_core::{Actor, Command as AnyCommand};

use crate::app::App;

const PAUSE: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub async fn run(app: App) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let uses = app.identities.take_uses();
        if uses.is_empty() {
            continue;
        }
        let command = AnyCommand::Accounts(Command::TouchKeys { uses });
        if let Err(error) = app.submit.submit(command, Actor::System, None).await {
            tracing::warn!(%error, "when API keys were last used was not noted");
        }
    }
}
