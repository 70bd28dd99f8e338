//! Bodies of the order routes, and how they become commands. What a body may say is here; what is
//! allowed as things stand is decided by the core.

use onhand_core::Quantity;
use onhand_core::catalog::ProductRef;
use onhand_core::ids::{CustomerId, LocationId, ProductId};
use onhand_core::limits::{METADATA_ENTRIES_MAX, ORDER_LINES_MAX, REFERENCE_CHARS_MAX};
use onhand_core::orders::{LineQuantity, Metadata, PlaceItem, PlaceOrder};
use onhand_core::text::{Name, Reason, Reference, Sku};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::terms::{Checkout, PaymentBody};
use crate::http::cards;
use crate::http::problem::Problem;
use crate::http::wire::catalog::Money;
use crate::http::wire::orders::{Address, Total, Tracking};
use crate::http::wire::{Shown, values};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    #[serde(default)]
    #[schema(value_type = Option<values::Sku>)]
    sku: Option<Sku>,
    #[serde(default)]
    #[schema(value_type = Option<values::ProductId>)]
    product_id: Option<Shown<ProductId>>,
    #[schema(value_type = values::Quantity)]
    quantity: Quantity,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "items": [{"sku": "TEA-1", "quantity": 2}], "customer_id": "cus_5",
    "shipping_address": {"name": "A. Rao", "street": "1 MG Road", "city": "Bengaluru",
        "postal_code": "560001", "country": "IN"},
    "payment_method": "cash on delivery",
    "expected_total": {"amount": 99800, "currency": "INR"},
    "external_reference": "shop-1001", "metadata": {"cart": "7"}
}))]
pub(in crate::http) struct OrderBody {
    items: Vec<ItemBody>,
    #[serde(default)]
    #[schema(value_type = Option<values::CustomerId>)]
    customer_id: Option<Shown<CustomerId>>,
    #[serde(default)]
    shipping_address: Option<Address>,
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    payment_method: Option<Name>,
    #[serde(default)]
    payment: Option<PaymentBody>,
    #[serde(default)]
    #[schema(value_type = Option<Total>)]
    expected_total: Option<Money>,
    #[serde(default)]
    #[schema(value_type = Option<values::Reference>)]
    external_reference: Option<Reference>,
    #[serde(default)]
    #[schema(value_type = values::Metadata)]
    metadata: Metadata,
}

pub(super) fn lawful_metadata(pointer: &str, metadata: Metadata) -> Result<Metadata, Problem> {
    let too_long = metadata.iter().any(|(name, value)| {
        name.is_empty() || name.len() > REFERENCE_CHARS_MAX || value.len() > REFERENCE_CHARS_MAX
    });
    if too_long || metadata.len() > METADATA_ENTRIES_MAX {
        let expected = format!(
            "expected at most {METADATA_ENTRIES_MAX} entries of at most {REFERENCE_CHARS_MAX} bytes"
        );
        return Err(Problem::field(pointer, expected, metadata.len().into()));
    }
    cards::refuse_in(pointer, &metadata)?;
    Ok(metadata)
}

impl OrderBody {
    /// The command; `at` is where the body stands in the request.
    pub(in crate::http) fn lawful(
        self,
        at: &str,
        checkout: Checkout<'_>,
    ) -> Result<PlaceOrder, Problem> {
        if self.items.is_empty() || self.items.len() > ORDER_LINES_MAX {
            let expected = format!("expected 1 to {ORDER_LINES_MAX} items");
            return Err(Problem::field(format!("{at}/items"), expected, self.items.len().into()));
        }
        let mut items = Vec::with_capacity(self.items.len());
        for (index, item) in self.items.into_iter().enumerate() {
            let product = match (item.sku, item.product_id) {
                (Some(sku), None) => ProductRef::Sku(sku),
                (None, Some(id)) => ProductRef::Id(id.0),
                (Some(_), Some(_)) | (None, None) => {
                    let expected = "expected either `sku` or `product_id`";
                    return Err(Problem::field(
                        format!("{at}/items/{index}"),
                        expected,
                        Value::Null,
                    ));
                }
            };
            items.push(PlaceItem { product, quantity: item.quantity });
        }
        if let Some(name) = &self.payment_method {
            cards::refuse(&format!("{at}/payment_method"), name.as_str())?;
        }
        let payment = checkout.terms(at, self.payment)?;
        Ok(PlaceOrder {
            items,
            customer_id: self.customer_id.map(|id| id.0),
            payment,
            payment_method: self.payment_method,
            shipping_address: self.shipping_address.map(Into::into),
            expected_total: self.expected_total.map(Into::into),
            external_reference: self.external_reference,
            metadata: lawful_metadata(&format!("{at}/metadata"), self.metadata)?,
        })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ErrorPolicyBody {
    RejectFailed,
    RejectAll,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "orders": [{"items": [{"sku": "TEA-1", "quantity": 2}]},
        {"items": [{"product_id": "prd_9", "quantity": 1}]}],
    "error_policy": "reject_failed"
}))]
pub(super) struct BatchBody {
    pub(super) orders: Vec<OrderBody>,
    #[serde(default)]
    pub(super) error_policy: Option<ErrorPolicyBody>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(super) struct NothingBody {}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "customer_request"}))]
pub(super) struct CancelBody {
    #[serde(default)]
    #[schema(value_type = Option<values::Reason>)]
    pub(super) reason: Option<Reason>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    line: u32,
    #[schema(value_type = values::Quantity)]
    quantity: Quantity,
}

pub(super) fn lawful_lines(
    lines: Option<Vec<LineBody>>,
) -> Result<Option<Vec<LineQuantity>>, Problem> {
    let Some(lines) = lines else { return Ok(None) };
    if lines.is_empty() || lines.len() > ORDER_LINES_MAX {
        let expected = format!("expected 1 to {ORDER_LINES_MAX} lines, or none for all");
        return Err(Problem::field("/lines", expected, lines.len().into()));
    }
    let line = |line: LineBody| LineQuantity { line: line.line, quantity: line.quantity };
    Ok(Some(lines.into_iter().map(line).collect()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "lines": [{"line": 1, "quantity": 2}],
    "tracking": {"carrier": "India Post", "number": "EE123456789IN"}
}))]
pub(super) struct FulfilBody {
    #[serde(default)]
    pub(super) lines: Option<Vec<LineBody>>,
    #[serde(default)]
    pub(super) tracking: Option<Tracking>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "lines": [{"line": 1, "quantity": 1}], "restock": true, "location_id": "loc_1",
    "reason": "return", "reference": "RMA-12"
}))]
pub(super) struct ReturnBody {
    #[serde(default)]
    pub(super) lines: Option<Vec<LineBody>>,
    /// Whether the units go back on the shelf; they do when absent.
    #[serde(default)]
    pub(super) restock: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<values::LocationId>)]
    pub(super) location_id: Option<Shown<LocationId>>,
    #[serde(default)]
    #[schema(value_type = Option<values::Reason>)]
    pub(super) reason: Option<Reason>,
    #[serde(default)]
    #[schema(value_type = Option<values::Reference>)]
    pub(super) reference: Option<Reference>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "shipping_address": {"street": "2 MG Road", "city": "Bengaluru", "country": "IN"},
    "metadata": {"cart": "7", "gift": "yes"}
}))]
pub(super) struct OrderPatchBody {
    #[serde(default)]
    pub(super) shipping_address: Option<Address>,
    #[serde(default)]
    #[schema(value_type = Option<values::Metadata>)]
    pub(super) metadata: Option<Metadata>,
}
