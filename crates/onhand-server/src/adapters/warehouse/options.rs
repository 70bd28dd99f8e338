//! How the warehouse is configured: where it is, how it knows us, when it is asked. What cannot
//! work is said before the server starts. Its address comes from the operator, and yet is judged
//! like one of a webhook: a name may lead elsewhere tomorrow.

use std::str::FromStr;
use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use ipnet::IpNet;
use jiff::tz::TimeZone;

use onhand_core::limits::{QUANTITY_MAX, SYNC_GUARD_PERCENT};
use onhand_core::warehouse::{Mode, Policy, ShortfallPolicy};

use super::super::outgoing::HttpLimits;
use super::super::webhooks::guard::{Allowances, Forbidden, Guard};
use super::super::webhooks::send::SenderError;
use super::{Credential, LIMITS, Warehouse};
use crate::accounts::options::configured;
use crate::auth::secrets::SecretError;
use crate::edge::network;
use crate::limits::{WAREHOUSE_TIMEOUT, WAREHOUSE_TIMEOUT_SECS_MAX};
use crate::workers::timetable::{Expression, ExpressionError, Timetable, zone};

/// What other shops call the address and the schedule.
const URL_ALIAS: &str = "WAREHOUSE_API_URL";
const SCHEDULE_ALIAS: &str = "CRON_SCHEDULE";

/// When it is asked if nothing else is said.
const SCHEDULE: &str = "0 * * * *";

/// Where the value of the header comes from by which the warehouse knows us.
const SECRET: &str = "ONHAND_WAREHOUSE_AUTHORIZATION";

/// The external warehouse, whose figures are compared with ours. By what header it knows us comes
/// from ONHAND_WAREHOUSE_AUTHORIZATION, like `Bearer ...`, or from the file that
/// ONHAND_WAREHOUSE_AUTHORIZATION_FILE names.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Warehouse")]
pub struct WarehouseOptions {
    /// Where the warehouse is asked. Without it nobody is. The variable WAREHOUSE_API_URL is taken,
    /// too.
    #[arg(long, env = "ONHAND_WAREHOUSE_URL", hide_env_values = true)]
    warehouse_url: Option<String>,
    /// When it is asked, as a cron expression of five fields; every hour when nothing is said. The
    /// variable CRON_SCHEDULE is taken, too.
    #[arg(long, env = "ONHAND_WAREHOUSE_SCHEDULE", value_parser = Expression::from_str)]
    warehouse_schedule: Option<Expression>,
    /// The time zone of that expression, like `Europe/Berlin`.
    #[arg(long, env = "ONHAND_WAREHOUSE_TIME_ZONE", default_value = "UTC", value_parser = zone)]
    warehouse_time_zone: TimeZone,
    /// The header by which the warehouse knows us.
    #[arg(long, env = "ONHAND_WAREHOUSE_AUTH_HEADER", default_value = AUTHORIZATION.as_str(),
        value_parser = HeaderName::from_str)]
    warehouse_auth_header: HeaderName,
    /// Seconds that the warehouse may take to answer, a page at a time.
    #[arg(long, env = "ONHAND_WAREHOUSE_TIMEOUT_SECS",
        default_value_t = WAREHOUSE_TIMEOUT.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=WAREHOUSE_TIMEOUT_SECS_MAX))]
    warehouse_timeout_secs: u64,
    /// Who is believed: `warehouse_wins` counts the warehouse's figures, `report_only` lists
    /// differences.
    #[arg(long, env = "ONHAND_WAREHOUSE_POLICY", default_value = Mode::WarehouseWins.as_str(),
        value_parser = mode)]
    warehouse_policy: Mode,
    /// A row that differs by more units than this waits for an operator.
    #[arg(long, env = "ONHAND_WAREHOUSE_HOLD_UNITS",
        value_parser = clap::value_parser!(i64).range(0..=QUANTITY_MAX))]
    warehouse_hold_units: Option<i64>,
    /// A row that differs by more per cent of our figure than this waits for an operator.
    #[arg(long, env = "ONHAND_WAREHOUSE_HOLD_PERCENT",
        value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    warehouse_hold_percent: Option<u32>,
    /// A run that would empty at least so many per cent of what it names and we have waits for an
    /// operator as a whole; 0: never.
    #[arg(long, env = "ONHAND_WAREHOUSE_GUARD_PERCENT", default_value_t = SYNC_GUARD_PERCENT,
        value_parser = clap::value_parser!(u32).range(0..=100))]
    warehouse_guard_percent: u32,
    /// What is done where the warehouse has less than is promised: `report` tells it, `backorder`
    /// has the newest orders wait, `cancel_newest` cancels them, with their payments.
    #[arg(long, env = "ONHAND_WAREHOUSE_SHORTFALL",
        default_value = ShortfallPolicy::Report.as_str(), value_parser = shortfall)]
    warehouse_shortfall: ShortfallPolicy,
    /// Ask the warehouse over plain HTTP too, where everybody on the way can read and change it.
    #[arg(long, env = "ONHAND_WAREHOUSE_ALLOW_HTTP")]
    warehouse_allow_http: bool,
    /// Networks or addresses where the warehouse may be although they are not public, such as
    /// those of an intranet.
    #[arg(long = "warehouse-allow-private", env = "ONHAND_WAREHOUSE_ALLOW_PRIVATE",
        value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    warehouse_allow_private: Vec<IpNet>,
}

/// Why a warehouse cannot be asked as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// Everybody on the way could change what we have.
    #[error(
        "the warehouse's URL is not `https`: --warehouse-allow-http allows `http`, and \
         --warehouse-allow-private names the network of one that is not public"
    )]
    Http,
    /// It must not be asked there.
    #[error("the warehouse's URL: {0} (--warehouse-allow-private names what may be reached)")]
    Url(Forbidden),
    /// It is no schedule.
    #[error("{SCHEDULE_ALIAS}: {0}")]
    Schedule(ExpressionError),
    /// The secret cannot be had.
    #[error("{SECRET}: {0}")]
    Secret(SecretError),
    /// It has a line break in it, or the like.
    #[error("{SECRET} does not fit into a header")]
    Header,
    /// There can be no client.
    #[error("the warehouse cannot be asked: {0}")]
    Client(#[from] SenderError),
}

/// A warehouse, and when it is asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whom to ask.
    pub warehouse: Warehouse,
    /// When.
    pub timetable: Timetable,
    /// What a run may do.
    pub policy: Policy,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::from_name(text).ok_or_else(|| one_of(Mode::ALL.iter().map(|one| one.as_str())))
}

fn shortfall(text: &str) -> Result<ShortfallPolicy, String> {
    let names = || one_of(ShortfallPolicy::ALL.iter().map(|one| one.as_str()));
    ShortfallPolicy::from_name(text).ok_or_else(names)
}

fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("expected one of {}", names.collect::<Vec<_>>().join(", "))
}

impl WarehouseOptions {
    /// Sees whether a warehouse can be asked; `None` where there is none.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub fn plan(&self) -> Result<Option<Plan>, WarehouseError> {
        let expression = self.expression()?;
        let url = self.warehouse_url.clone().or_else(|| std::env::var(URL_ALIAS).ok());
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
        let networks = self.warehouse_allow_private.clone();
        let guard = Guard::new(Allowances { http: self.warehouse_allow_http, networks });
        guard.url(&url).map_err(|forbidden| {
            let is_http = forbidden == Forbidden::Http;
            if is_http { WarehouseError::Http } else { WarehouseError::Url(forbidden) }
        })?;
        let timeout = Duration::from_secs(self.warehouse_timeout_secs);
        let limits = HttpLimits { timeout, ..LIMITS };
        let warehouse = Warehouse::new(url, self.credential()?, guard, limits)?;
        let policy = Policy {
            mode: self.warehouse_policy,
            hold_units: self.warehouse_hold_units,
            hold_percent: self.warehouse_hold_percent,
            guard_percent: self.warehouse_guard_percent,
            shortfall: self.warehouse_shortfall,
            ..Policy::default()
        };
        let timetable = Timetable { expression, zone: self.warehouse_time_zone.clone() };
        Ok(Some(Plan { warehouse, timetable, policy }))
    }

    fn expression(&self) -> Result<Expression, WarehouseError> {
        if let Some(expression) = &self.warehouse_schedule {
            return Ok(expression.clone());
        }
        let alias = std::env::var(SCHEDULE_ALIAS).ok().filter(|text| !text.is_empty());
        alias.as_deref().unwrap_or(SCHEDULE).parse().map_err(WarehouseError::Schedule)
    }

    fn credential(&self) -> Result<Option<Credential>, WarehouseError> {
        let Some(given) = configured(SECRET) else { return Ok(None) };
        let secret = given.read_whole().map_err(WarehouseError::Secret)?;
        let credential = Credential::new(self.warehouse_auth_header.clone(), secret.expose());
        credential.map(Some).ok_or(WarehouseError::Header)
    }
}
