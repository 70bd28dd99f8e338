//! What is configured and is no flag: secrets, which would be read from a list of processes, and
//! what is logged. A secret comes from the environment or from a file that is named there or in the
//! file of settings; it must not stand in that itself, which people check in and pass around.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::file::ConfigFile;

/// A variable that is no flag.
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) section: &'static str,
    pub(super) help: &'static str,
    pub(super) is_secret: bool,
}

const fn secret(name: &'static str, section: &'static str, help: &'static str) -> Variable {
    Variable { name, section, help, is_secret: true }
}

/// All of them. A test looks for others in the sources.
pub(super) const VARIABLES: &[Variable] = &[
    Variable {
        name: "ONHAND_LOG",
        section: "Process",
        help: "What is logged: `error`, `warn`, `info`, `debug`, also by module, like \
               `info,onhand_server=debug`.",
        is_secret: false,
    },
    secret(
        "ONHAND_DATABASE_PASSWORD",
        "Database",
        "The password of the database's user, where its URL has none.",
    ),
    secret(
        "ONHAND_TOKEN_SECRET",
        "Accounts and rates",
        "What access tokens are signed with; several, separated by white space, are a rotation.",
    ),
    secret(
        "ONHAND_REFRESH_SECRET",
        "Accounts and rates",
        "What refresh tokens follow from; from the other one, when absent.",
    ),
    secret("ONHAND_RAZORPAY_KEY_SECRET", "Payments", "The secret of the Razorpay key."),
    secret("ONHAND_RAZORPAY_WEBHOOK_SECRET", "Payments", "The secrets of Razorpay's webhooks."),
    secret("ONHAND_STRIPE_SECRET_KEY", "Payments", "The secret key of Stripe."),
    secret("ONHAND_STRIPE_WEBHOOK_SECRET", "Payments", "The secrets of Stripe's webhooks."),
    secret("ONHAND_MAIL_PASSWORD", "Mail", "The password at the mail server."),
    secret("ONHAND_NATS_PASSWORD", "Queues and events", "The password at NATS."),
    secret("ONHAND_NATS_TOKEN", "Queues and events", "A token for NATS."),
    secret("ONHAND_REDIS_PASSWORD", "Cache", "The password of the Redis."),
    secret(
        "ONHAND_WAREHOUSE_AUTHORIZATION",
        "Warehouse",
        "What the warehouse is sent in that header.",
    ),
];

impl Variable {
    /// As the file of settings calls what it may say of it: a secret's file, not the secret.
    pub(super) fn key(&self) -> String {
        let key = self.bare_key();
        if self.is_secret { key + "_file" } else { key }
    }

    /// As it would be called there if it were none.
    pub(super) fn bare_key(&self) -> String {
        self.name.trim_start_matches("ONHAND_").to_lowercase()
    }

    /// The variable that says the same as the key.
    pub(super) fn variable(&self) -> String {
        let file = if self.is_secret { "_FILE" } else { "" };
        format!("{}{file}", self.name)
    }
}

/// What the file says of them, by variable. It is read before anything else, and once.
static SAID: OnceLock<BTreeMap<String, String>> = OnceLock::new();

pub(super) fn remember(file: &ConfigFile) {
    let said = VARIABLES.iter().filter_map(|known| {
        let value = file.values(&known.variable())?.first()?;
        Some((known.variable(), value.clone()))
    });
    // Whoever reads a command line twice in one process has read the same file.
    let _ = SAID.set(said.collect());
}

/// What the file of settings says of a variable that is no flag.
pub fn in_file(variable: &str) -> Option<String> {
    SAID.get()?.get(variable).cloned()
}
