//! How the work beside the requests is configured: what this process does of it, and how.

use std::sync::Arc;
use std::time::Duration;

use super::verify::VerifyOptions;
use crate::adapters::queues::Queue;
use crate::adapters::queues::options::QueueOptions;
use crate::adapters::queues::relay::Relay;
use crate::adapters::webhooks::options::WebhookOptions;
use crate::limits::{
    JOB_KEEP_DAYS_DEFAULT, NOTICE_KEEP_DAYS_DEFAULT, NOTICE_KEEP_DAYS_MIN,
    WAREHOUSE_KEEP_DAYS_DEFAULT,
};
use crate::notifications::options::{MailOptions, Mailing};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Switch {
    /// It is.
    #[default]
    On,
    /// It is not.
    Off,
}

/// How the work beside the requests is done.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Background work")]
pub struct WorkOptions {
    /// Take up orders that are confirmed, so that they become `processing`. Off where something
    /// else does that.
    #[arg(long, env = "ONHAND_PROCESSING", value_enum, default_value_t = Switch::On)]
    processing: Switch,
    /// Days for which mails, deliveries and the like are kept after they have ended.
    #[arg(long, env = "ONHAND_JOB_KEEP_DAYS", default_value_t = JOB_KEEP_DAYS_DEFAULT,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    job_keep_days: u64,
    /// Days for which the rows of runs against the warehouse are kept after those have ended.
    #[arg(long, env = "ONHAND_WAREHOUSE_KEEP_DAYS",
        default_value_t = WAREHOUSE_KEEP_DAYS_DEFAULT,
        value_parser = clap::value_parser!(u64).range(1..=3650))]
    warehouse_keep_days: u64,
    /// Days for which messages of gateways are kept after they were taken in.
    #[arg(long, env = "ONHAND_NOTICE_KEEP_DAYS", default_value_t = NOTICE_KEEP_DAYS_DEFAULT,
        value_parser = clap::value_parser!(u64).range(NOTICE_KEEP_DAYS_MIN..=3650))]
    notice_keep_days: u64,
    #[command(flatten)]
    pub(crate) verify: VerifyOptions,
    #[command(flatten)]
    pub(crate) webhooks: WebhookOptions,
    #[command(flatten)]
    mail: MailOptions,
    #[command(flatten)]
    queues: QueueOptions,
}

/// For how long is kept what nobody needs any more.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Jobs, after they have ended.
    pub jobs: Duration,
    /// Messages of gateways, after they have come.
    pub notices: Duration,
    /// The rows of runs against the warehouse, after those have ended.
    pub sync_rows: Duration,
}

/// What the work beside the requests is done with.
#[derive(Debug)]
pub struct Means {
    /// Who delivers mail, if anybody is written to.
    pub mailing: Option<Mailing>,
    /// The broker that keeps the work, if it is not the database.
    pub broker: Option<Arc<dyn Queue>>,
    /// Where events go, if anywhere.
    pub relay: Option<Relay>,
}

impl WorkOptions {
    /// Puts together what the work is done with. No server is asked yet.
    ///
    /// # Errors
    /// What is configured in a way that cannot work.
    pub async fn means(&self) -> anyhow::Result<Means> {
        Ok(Means {
            mailing: self.mail.build().await?,
            broker: self.queues.broker().await?,
            relay: self.queues.relay().await?,
        })
    }

    /// Whether orders are taken up.
    pub fn processes(&self) -> bool {
        self.processing == Switch::On
    }

    /// For how long is kept what nobody needs any more.
    pub fn keep(&self) -> Keep {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Keep {
            jobs: days(self.job_keep_days),
            notices: days(self.notice_keep_days),
            sync_rows: days(self.warehouse_keep_days),
        }
    }
}
