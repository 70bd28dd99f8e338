//! How payments are configured: the gateways with their secrets, and what the shop has decided in
//! general.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use onhand_core::limits::{HOLD_SECS_DEFAULT, HOLD_SECS_MAX, HOLD_SECS_MIN};
use onhand_core::payments::{Capture, LatePayment, Policy, Receipts};
use onhand_engine::SystemClock;

use super::gateways::{Defaults, Gateways};
use crate::accounts::options::configured;
use crate::adapters::gateways::http::{Http, HttpError, HttpLimits};
use crate::adapters::gateways::razorpay::{BASE_URL, Razorpay, RazorpayConfig};
use crate::adapters::gateways::simulated::command::{KEY_ID, KEY_SECRET, WEBHOOK_SECRET};
use crate::adapters::gateways::simulated::{FaultPlan, Pace, SimulatedConfig};
use crate::adapters::gateways::stripe::{self, Stripe, StripeConfig};
use crate::auth::secrets::{Secret, SecretError};
use crate::limits::{
    EFFECT_BACKOFF_BASE_MS, EFFECT_BACKOFF_BASE_MS_MAX, EFFECT_LEASE_TIMEOUTS, GATEWAY_TIMEOUT,
    GATEWAY_TIMEOUT_SECS_MAX,
};
use crate::random;
use crate::workers::effects::Timing;

/// Who takes the money, and what the shop has decided about payments. Secrets come from
/// ONHAND_RAZORPAY_KEY_SECRET and ONHAND_RAZORPAY_WEBHOOK_SECRET (several, separated by spaces), or
/// from files that these names with _FILE behind them name.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Payments")]
pub struct PaymentOptions {
    /// The name of the Razorpay key. Without it Razorpay is not asked.
    #[arg(long, env = "ONHAND_RAZORPAY_KEY_ID")]
    razorpay_key_id: Option<String>,
    /// Where Razorpay is.
    #[arg(long, env = "ONHAND_RAZORPAY_URL", default_value = BASE_URL)]
    razorpay_url: String,
    /// The publishable key of Stripe, which browsers need. Without it Stripe is not asked;
    /// its secrets come from ONHAND_STRIPE_SECRET_KEY and ONHAND_STRIPE_WEBHOOK_SECRET, or
    /// from files.
    #[arg(long, env = "ONHAND_STRIPE_PUBLISHABLE_KEY")]
    stripe_publishable_key: Option<String>,
    /// Where Stripe is.
    #[arg(long, env = "ONHAND_STRIPE_URL", default_value = stripe::BASE_URL)]
    stripe_url: String,
    /// What happens when an order is paid after it has expired: `reserve` holds its stock again
    /// where there is some, `refund` gives the money back.
    #[arg(long, env = "ONHAND_LATE_PAYMENT", default_value = "reserve", value_parser = late)]
    late_payment: LatePayment,
    /// For how many seconds the stock of an order is held that waits for its payment.
    #[arg(long, env = "ONHAND_PAYMENT_HOLD_SECS", default_value_t = HOLD_SECS_DEFAULT,
        value_parser = clap::value_parser!(i64).range(HOLD_SECS_MIN..=HOLD_SECS_MAX))]
    payment_hold_secs: i64,
    /// When the money is taken that a customer has authorised: `automatic`, at once, or `manual`,
    /// when an operator says so.
    #[arg(long, env = "ONHAND_PAYMENT_CAPTURE", default_value = "automatic",
        value_parser = capture)]
    payment_capture: Capture,
    /// How many seconds a request to a gateway may take. What a process had begun when it died is
    /// taken up by another one after eighteen times as long.
    #[arg(long, env = "ONHAND_GATEWAY_TIMEOUT_SECS",
        default_value_t = GATEWAY_TIMEOUT.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=GATEWAY_TIMEOUT_SECS_MAX))]
    gateway_timeout_secs: u64,
    /// After how many seconds a gateway that says nothing is asked, time after time.
    #[arg(long, env = "ONHAND_PAYMENT_POLL_SECS", value_delimiter = ',', num_args = 1..=16,
        value_parser = clap::value_parser!(i64).range(1..=30 * 24 * 3600))]
    payment_poll_secs: Option<Vec<i64>>,
    /// How often a call to a gateway is tried before somebody has to look at it.
    #[arg(long, env = "ONHAND_PAYMENT_TRIES",
        value_parser = clap::value_parser!(u32).range(1..=100))]
    payment_tries: Option<u32>,
    /// Most milliseconds before such a call is tried for the second time. It is a random part of
    /// that, and of twice as much with every further try, up to ten minutes.
    #[arg(long, env = "ONHAND_PAYMENT_BACKOFF_MS", default_value_t = EFFECT_BACKOFF_BASE_MS,
        value_parser = clap::value_parser!(u64).range(1..=EFFECT_BACKOFF_BASE_MS_MAX))]
    payment_backoff_ms: u64,
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
    #[error("a key of {gateway} is configured, and {name} is not")]
    Missing {
        /// Of whom.
        gateway: &'static str,
        /// What.
        name: &'static str,
    },
    /// Both secrets are the same: whoever knows one knows the other.
    #[error("the secrets of {0}'s key and of its webhooks are the same")]
    Equal(&'static str),
    /// A key for trying out in production.
    #[error("--production refuses a test key of {0}")]
    TestKey(&'static str),
    /// The gateway cannot be asked.
    #[error("{gateway}: {error}")]
    Http {
        /// Whom.
        gateway: &'static str,
        /// Why.
        error: HttpError,
    },
}

/// A gateway as its options call it, and the environment that has its secrets.
struct Named {
    gateway: &'static str,
    key_secret: &'static str,
    webhook_secret: &'static str,
    test_prefix: &'static str,
}

const RAZORPAY: Named = Named {
    gateway: "Razorpay",
    key_secret: "ONHAND_RAZORPAY_KEY_SECRET",
    webhook_secret: "ONHAND_RAZORPAY_WEBHOOK_SECRET",
    test_prefix: "rzp_test_",
};

const STRIPE: Named = Named {
    gateway: "Stripe",
    key_secret: "ONHAND_STRIPE_SECRET_KEY",
    webhook_secret: "ONHAND_STRIPE_WEBHOOK_SECRET",
    test_prefix: "pk_test_",
};

impl Named {
    /// The secret of the key, and those of webhooks.
    fn secrets(
        &self,
        public_key: &str,
        is_production: bool,
    ) -> Result<(Secret, Vec<Secret>), PaymentsError> {
        let gateway = self.gateway;
        if is_production && public_key.starts_with(self.test_prefix) {
            return Err(PaymentsError::TestKey(gateway));
        }
        let missing = |name| PaymentsError::Missing { gateway, name };
        let key = secrets(self.key_secret)?.and_then(|some| some.into_iter().next());
        let key = key.ok_or(missing(self.key_secret))?;
        let webhooks = secrets(self.webhook_secret)?.ok_or(missing(self.webhook_secret))?;
        if webhooks.contains(&key) {
            return Err(PaymentsError::Equal(gateway));
        }
        Ok((key, webhooks))
    }

    fn http(&self, limits: HttpLimits) -> Result<Http, PaymentsError> {
        Http::new(limits).map_err(|error| self.cannot(error))
    }

    fn cannot(&self, error: HttpError) -> PaymentsError {
        PaymentsError::Http { gateway: self.gateway, error }
    }
}

fn late(text: &str) -> Result<LatePayment, String> {
    let names = || LatePayment::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    LatePayment::from_name(text).ok_or_else(|| format!("expected one of {}", names().join(", ")))
}

fn capture(text: &str) -> Result<Capture, String> {
    let names = || Capture::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    Capture::from_name(text).ok_or_else(|| format!("expected one of {}", names().join(", ")))
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
    pub fn gateways(
        &self,
        is_production: bool,
        receipts: &Receipts,
    ) -> Result<Gateways, PaymentsError> {
        let limits = HttpLimits::within(self.timeout());
        let mut gateways = Gateways { defaults: self.defaults(), ..Gateways::default() };
        if let Some(key_id) = self.razorpay_key_id.clone() {
            let (key_secret, webhook_secrets) = RAZORPAY.secrets(&key_id, is_production)?;
            let base_url = self.razorpay_url.clone();
            let config = RazorpayConfig {
                key_id,
                key_secret,
                webhook_secrets,
                base_url,
                receipts: receipts.clone(),
            };
            let razorpay = Razorpay::new(config, RAZORPAY.http(limits)?);
            gateways.razorpay = Some(razorpay.map_err(|error| RAZORPAY.cannot(error))?);
        }
        if let Some(key) = self.stripe_publishable_key.clone() {
            let (secret_key, webhook_secrets) = STRIPE.secrets(&key, is_production)?;
            let base_url = self.stripe_url.clone();
            let config =
                StripeConfig { secret_key, webhook_secrets, base_url, receipts: receipts.clone() };
            let stripe = Stripe::new(config, STRIPE.http(limits)?, Arc::new(SystemClock));
            gateways.stripe = Some((stripe.map_err(|error| STRIPE.cannot(error))?, key));
        }
        Ok(gateways)
    }

    /// The gateways of the demo: one that is simulated, at an address of this machine.
    ///
    /// # Errors
    /// [`PaymentsError`].
    pub fn simulated(&self, at: SocketAddr, receipts: Receipts) -> Result<Gateways, PaymentsError> {
        let config = RazorpayConfig {
            key_id: KEY_ID.into(),
            key_secret: Secret::new(KEY_SECRET),
            webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
            base_url: format!("http://{at}"),
            receipts,
        };
        let razorpay = Razorpay::new(config, RAZORPAY.http(HttpLimits::default())?);
        let razorpay = Some(razorpay.map_err(|error| RAZORPAY.cannot(error))?);
        Ok(Gateways { razorpay, defaults: self.defaults(), ..Gateways::default() })
    }

    fn defaults(&self) -> Defaults {
        Defaults { hold_secs: self.payment_hold_secs, capture: self.payment_capture }
    }

    /// How long a request to a gateway may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.gateway_timeout_secs)
    }

    /// For how long a worker gets what it is to ask, and how long it waits to ask again.
    pub fn timing(&self) -> Timing {
        Timing {
            lease: self.timeout() * EFFECT_LEASE_TIMEOUTS,
            backoff_base: Duration::from_millis(self.payment_backoff_ms),
        }
    }

    /// Whether a real gateway is configured.
    pub fn is_configured(&self) -> bool {
        self.razorpay_key_id.is_some() || self.stripe_publishable_key.is_some()
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        payments: PaymentOptions,
    }

    fn parse(option: &str, value: &str) -> Result<PaymentOptions, String> {
        let line = Line::try_parse_from(["onhand", option, value]);
        line.map(|line| line.payments).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_shop_decides_about_time_is_taken_over() {
        let options = parse("--payment-backoff-ms", "60000").unwrap();
        assert_eq!(options.timing().backoff_base, Duration::from_secs(60));
        let options = parse("--gateway-timeout-secs", "2").unwrap();
        assert_eq!(options.timing().lease, Duration::from_secs(36));
        let options = parse("--payment-tries", "3").unwrap();
        assert_eq!(options.policy().tries_max, 3);
        assert_eq!(options.timing().backoff_base, Duration::from_millis(EFFECT_BACKOFF_BASE_MS));
        let options = parse("--payment-poll-secs", "60,120").unwrap();
        assert_eq!(options.policy().poll_secs, [60, 120]);
        let options = parse("--payment-hold-secs", "900").unwrap();
        assert_eq!(options.defaults().hold_secs, 900);
        let options = parse("--payment-capture", "manual").unwrap();
        assert_eq!(options.defaults().capture, Capture::Manual);
    }

    #[test]
    fn what_cannot_be_decided_is_refused_with_its_bounds() {
        for (option, value, wanted) in [
            ("--payment-backoff-ms", "0", "1..=60000"),
            ("--payment-backoff-ms", "60001", "1..=60000"),
            ("--payment-backoff-ms", "half a second", "invalid digit"),
            ("--payment-tries", "0", "1..=100"),
            ("--gateway-timeout-secs", "0", "1..="),
            ("--payment-poll-secs", "60,0", "1..=2592000"),
            ("--payment-hold-secs", "0", "0 is not in"),
            ("--payment-capture", "later", "expected one of automatic, manual"),
            ("--late-payment", "keep", "expected one of reserve, refund"),
        ] {
            let error = parse(option, value).unwrap_err();
            assert!(error.contains(wanted) && error.contains(option), "{error}");
        }
    }
}
