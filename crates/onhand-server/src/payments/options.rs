//! How payments are configured: the gateways with their secrets, and what the shop has decided in
//! general.

use std::net::SocketAddr;
use std::sync::Arc;

use onhand_core::payments::{LatePayment, Policy};

use super::gateways::Gateways;
use crate::accounts::options::configured;
use crate::adapters::gateways::http::{Http, HttpError, HttpLimits};
use crate::adapters::gateways::razorpay::{BASE_URL, Razorpay, RazorpayConfig};
use crate::adapters::gateways::simulated::command::{KEY_ID, KEY_SECRET, WEBHOOK_SECRET};
use crate::adapters::gateways::simulated::{FaultPlan, Pace, SimulatedConfig};
use crate::auth::secrets::{Secret, SecretError};
use crate::random;

/// Who takes the money, and what the shop has decided about payments. Secrets come from
/// ONHAND_RAZORPAY_KEY_SECRET and ONHAND_RAZORPAY_WEBHOOK_SECRET (several, separated by spaces), or
/// from files that these names with _FILE behind them name.
#[derive(Debug, Clone, clap::Args)]
pub struct PaymentOptions {
    /// The name of the Razorpay key. Without it Razorpay is not asked.
    #[arg(long, env = "ONHAND_RAZORPAY_KEY_ID")]
    razorpay_key_id: Option<String>,
    /// Where Razorpay is.
    #[arg(long, env = "ONHAND_RAZORPAY_URL", default_value = BASE_URL)]
    razorpay_url: String,
    /// What happens when an order is paid after it has expired: `reserve` holds its stock again
    /// where there is some, `refund` gives the money back.
    #[arg(long, env = "ONHAND_LATE_PAYMENT", default_value = "reserve", value_parser = late)]
    late_payment: LatePayment,
    /// After how many seconds a gateway that says nothing is asked, time after time.
    #[arg(long, env = "ONHAND_PAYMENT_POLL_SECS", value_delimiter = ',', num_args = 1..=16,
        value_parser = clap::value_parser!(i64).range(1..=30 * 24 * 3600))]
    payment_poll_secs: Option<Vec<i64>>,
    /// How often a call to a gateway is tried before somebody has to look at it.
    #[arg(long, env = "ONHAND_PAYMENT_TRIES",
        value_parser = clap::value_parser!(u32).range(1..=100))]
    payment_tries: Option<u32>,
}

/// Why payments cannot be taken as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum PaymentsError {
    /// A secret cannot be had.
    #[error("{name}: {error}")]
    Secret {
        /// Which one.
        name: &'static str,
        /// Why.
        error: SecretError,
    },
    /// There is a key and a secret is missing.
    #[error("a Razorpay key is configured, and {0} is not")]
    Missing(&'static str),
    /// Both secrets are the same: whoever knows one knows the other.
    #[error("the secrets of Razorpay's key and of its webhooks are the same")]
    Equal,
    /// A key for trying out in production.
    #[error("--production refuses a test key of Razorpay")]
    TestKey,
    /// The gateway cannot be asked.
    #[error("Razorpay: {0}")]
    Http(#[from] HttpError),
}

fn late(text: &str) -> Result<LatePayment, String> {
    let names = || LatePayment::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    LatePayment::from_name(text).ok_or_else(|| format!("expected one of {}", names().join(", ")))
}

fn secrets(name: &'static str) -> Result<Option<Vec<Secret>>, PaymentsError> {
    let read = configured(name).map(|given| given.read()).transpose();
    read.map_err(|error| PaymentsError::Secret { name, error })
}

impl PaymentOptions {
    /// What the shop has decided.
    pub fn policy(&self) -> Arc<Policy> {
        let defaults = Policy::default();
        Arc::new(Policy {
            late: self.late_payment,
            poll_secs: self.payment_poll_secs.clone().unwrap_or(defaults.poll_secs),
            tries_max: self.payment_tries.unwrap_or(defaults.tries_max),
            authorized_hold_secs: defaults.authorized_hold_secs,
            capture_wait_secs: defaults.capture_wait_secs,
        })
    }

    /// The gateways that are configured.
    ///
    /// # Errors
    /// [`PaymentsError`].
    pub fn gateways(&self, is_production: bool) -> Result<Gateways, PaymentsError> {
        let Some(key_id) = self.razorpay_key_id.clone() else {
            return Ok(Gateways::default());
        };
        if is_production && key_id.starts_with("rzp_test_") {
            return Err(PaymentsError::TestKey);
        }
        let key_secret =
            secrets("ONHAND_RAZORPAY_KEY_SECRET")?.and_then(|some| some.into_iter().next());
        let key_secret = key_secret.ok_or(PaymentsError::Missing("ONHAND_RAZORPAY_KEY_SECRET"))?;
        let webhook_secrets = secrets("ONHAND_RAZORPAY_WEBHOOK_SECRET")?
            .ok_or(PaymentsError::Missing("ONHAND_RAZORPAY_WEBHOOK_SECRET"))?;
        if webhook_secrets.contains(&key_secret) {
            return Err(PaymentsError::Equal);
        }
        let base_url = self.razorpay_url.clone();
        let config = RazorpayConfig { key_id, key_secret, webhook_secrets, base_url };
        let razorpay = Razorpay::new(config, Http::new(HttpLimits::default())?)?;
        Ok(Gateways { razorpay: Some(razorpay) })
    }

    /// Whether a real gateway is configured.
    pub fn is_configured(&self) -> bool {
        self.razorpay_key_id.is_some()
    }
}

/// The gateways of the demo: one that is simulated, at an address of this machine.
///
/// # Errors
/// [`PaymentsError`].
pub fn simulated(at: SocketAddr) -> Result<Gateways, PaymentsError> {
    let config = RazorpayConfig {
        key_id: KEY_ID.into(),
        key_secret: Secret::new(KEY_SECRET),
        webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
        base_url: format!("http://{at}"),
    };
    let razorpay = Razorpay::new(config, Http::new(HttpLimits::default())?)?;
    Ok(Gateways { razorpay: Some(razorpay) })
}

/// The simulated gateway of the demo, which pays every order and says so at an address.
pub fn demo_gateway(webhook_url: String) -> SimulatedConfig {
    SimulatedConfig {
        key_id: KEY_ID.into(),
        key_secret: Secret::new(KEY_SECRET),
        webhook_secret: Secret::new(WEBHOOK_SECRET),
        webhook_url: Some(webhook_url),
        auto_pay: true,
        faults: FaultPlan::default(),
        seed: random::fresh_seed(),
        pace: Pace::default(),
    }
}
