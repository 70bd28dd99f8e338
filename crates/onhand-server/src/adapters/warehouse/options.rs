//! How the warehouse is configured: where it is, how it knows us, when it is asked. What cannot
//! work is said before the server starts. Its address comes from the operator, and yet is judged
//! like one of a webhook: a name may lead elsewhere tomorrow.

use std::str::FromStr;
use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::super::outgoing::HttpLimits;
use super::super::webhooks::guard::{Allowances, Forbidden, Guard};
use super::super::webhooks::send::SenderError;
use super::{Credential, Warehouse};
use crate::accounts::options::configured;
use crate::auth::secrets::SecretError;
use crate::edge::network;
use crate::limits::{
    WAREHOUSE_ANSWER_BYTES_MAX, WAREHOUSE_CONNECT_TIMEOUT, WAREHOUSE_TIMEOUT,
    WAREHOUSE_TIMEOUT_SECS_MAX,
};
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
        guard.url(&url).map_err(|forbidden| match forbidden {
            Forbidden::Http => WarehouseError::Http,
            other => WarehouseError::Url(other),
        })?;
        let limits = HttpLimits {
            connect_timeout: WAREHOUSE_CONNECT_TIMEOUT,
            timeout: Duration::from_secs(self.warehouse_timeout_secs),
            answer_bytes_max: WAREHOUSE_ANSWER_BYTES_MAX,
        };
        let warehouse = Warehouse::new(url, self.credential()?, guard, limits)?;
        let zone = self.warehouse_time_zone.clone();
        Ok(Some(Plan { warehouse, timetable: Timetable { expression, zone } }))
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
