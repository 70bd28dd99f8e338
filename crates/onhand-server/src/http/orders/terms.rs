//! How an order is to be paid, as a caller says it. Whoever buys for itself pays through a gateway
//! where there is one: otherwise a customer could have confirmed orders for nothing.

use onhand_core::orders::PaymentTerms;
use onhand_core::payments::{Capture, Provider};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::payments::configured;
use crate::http::problem::Problem;
use crate::http::reservations::lawful_hold_secs;
use crate::http::wire::values;

/// Who takes the payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PaidThrough {
    /// Somebody outside onhand; an operator confirms the order.
    Manual,
    /// Razorpay.
    Razorpay,
    /// Stripe.
    Stripe,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentBody {
    /// Who takes the payment; the first gateway that is configured when absent.
    #[serde(default)]
    provider: Option<PaidThrough>,
    /// When a gateway takes the money; as it is configured when absent.
    #[serde(default)]
    #[schema(value_type = Option<values::CaptureMode>)]
    capture: Option<Capture>,
    /// Life of the stock's hold in seconds.
    #[serde(default)]
    #[schema(value_type = Option<values::HoldSecs>)]
    expires_in_s: Option<i64>,
}

/// Where an order comes from.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Checkout<'a> {
    pub(in crate::http) app: &'a App,
    /// Whether the caller buys for itself.
    pub(in crate::http) is_customer: bool,
}

impl Checkout<'_> {
    /// The terms of an order about whose payment its caller says nothing.
    pub(in crate::http) fn usual_terms(self) -> Result<PaymentTerms, Problem> {
        self.terms("", None)
    }

    /// The terms on which an order is placed; `at` is where the body stands in the request.
    pub(super) fn terms(
        self,
        at: &str,
        body: Option<PaymentBody>,
    ) -> Result<PaymentTerms, Problem> {
        let has_gateway = self.app.gateways.providers().next().is_some();
        let asks = PaymentBody { provider: None, capture: None, expires_in_s: None };
        let Some(body) = body.or_else(|| (self.is_customer && has_gateway).then_some(asks)) else {
            return Ok(PaymentTerms::NotRequired);
        };
        let defaults = self.app.gateways.defaults;
        let hold_secs = body.expires_in_s.or(Some(defaults.hold_secs));
        let hold_secs = lawful_hold_secs(&format!("{at}/payment/expires_in_s"), hold_secs)?;
        let named = match body.provider {
            Some(PaidThrough::Manual) => {
                return Ok(PaymentTerms::Awaited { hold_secs, through: None });
            }
            Some(PaidThrough::Razorpay) => Some(Provider::Razorpay),
            Some(PaidThrough::Stripe) => Some(Provider::Stripe),
            None => None,
        };
        let provider = configured(self.app, named, &format!("{at}/payment/provider"))?;
        let capture = body.capture.unwrap_or(defaults.capture);
        Ok(PaymentTerms::Awaited { hold_secs, through: Some((provider, capture)) })
    }
}
