//! How the work beside the requests is configured: what this process does of it, and how.

use std::time::Duration;

use crate::adapters::queues::options::QueueOptions;
use crate::adapters::webhooks::options::WebhookOptions;
use crate::limits::JOB_KEEP_DAYS_DEFAULT;
use crate::notifications::options::MailOptions;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Role {
    /// It answers requests, and does the work beside them.
    #[default]
    All,
    /// It answers requests; others do the work.
    Api,
    /// It does the work, and answers nobody. The same as `onhand work`.
    Worker,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// How the work beside the requests is done.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkOptions {
    /// Take up orders that are confirmed, so that they become `processing`. Off where something
    /// else does that.
    #[arg(long, env = "ONHAND_PROCESSING", value_enum, default_value_t = Switch::On)]
    processing: Switch,
    /// Days for which mails, deliveries and the like are kept after they have ended.
    #[arg(long, env = "ONHAND_JOB_KEEP_DAYS", default_value_t = JOB_KEEP_DAYS_DEFAULT,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    job_keep_days: u64,
    #[command(flatten)]
    pub(crate) webhooks: WebhookOptions,
    #[command(flatten)]
    pub(crate) mail: MailOptions,
    #[command(flatten)]
    pub(crate) queues: QueueOptions,
}

impl WorkOptions {
    /// Whether orders are taken up.
    pub fn processes(&self) -> bool {
        self.processing == Switch::On
    }

    /// For how long jobs that have ended are kept.
    pub fn keep_jobs(&self) -> Duration {
        Duration::from_secs(self.job_keep_days * 24 * 3600)
    }
}
