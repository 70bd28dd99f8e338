//! `/product`: the catalogue.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::{Command, NewProduct, ProductPatch, ProductRef};
use onhand_core::ids::ProductId;
use onhand_core::limits::{NAME_CHARS_MAX, TEXT_CHARS_MAX};
use onhand_core::money::Currency;
use onhand_core::text::{Name, Sku, Text};
use onhand_core::{Command as AnyCommand, Money};
use serde_json::json;
use utoipa::ToSchema;

use super::super::decimal;
use super::super::fault::{Done, Wrong};
use super::super::fields::Fields;
use super::super::whole::{ROWS, Whole};
use super::views::ProductRow;
use super::{bad, numbered};
use crate::app::App;
use crate::http::answer::json_response;
use crate::http::call::{Call, Named};
use crate::http::problem::Problem;
use crate::random;

/// A product as a client describes it.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(example = json!({"name": "Sample product", "description": "A sample.", "price": 19.99}))]
pub(super) struct ProductFields {
    #[schema(max_length = 100)]
    name: String,
    #[schema(max_length = 2000)]
    description: String,
    /// A decimal number, or one in a text.
    price: f64,
}

const MISSING: &str = "Please provide a name, description and price";

/// Reads all three fields, of which none may be missing.
fn fields(call: &Call, currency: Currency) -> Result<(Name, Text, Money), Wrong> {
    let fields = Fields::of(call)?;
    let sent = ["name", "description", "price"].map(|name| fields.get(name));
    if sent.iter().any(|sent| sent.is_missing()) {
        return Err(bad(MISSING));
    }
    let [name, description, price] = sent;
    let name = name.text().and_then(|text| Name::new(text.trim()).ok());
    let name = name
        .ok_or_else(|| bad(&format!("name must be a text of 1 to {NAME_CHARS_MAX} characters")))?;
    let description = description.text().and_then(|text| Text::new(text.trim()).ok());
    let description = description.ok_or_else(|| {
        bad(&format!("description must be a text of at most {TEXT_CHARS_MAX} characters"))
    })?;
    let amount = price.number_or_text().and_then(|number| decimal::money(number, currency).ok());
    let is_positive = |price: &Money| price.is_price() && price.amount > 0;
    let price = amount.filter(is_positive).ok_or_else(|| {
        let decimals = currency.exponent();
        bad(&format!("price must be a positive number with at most {decimals} decimals"))
    })?;
    Ok((name, description, price))
}

/// List the products, oldest first.
#[utoipa::path(get, path = "/product", tag = "Product", security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "At most 1000, the newest; `Link` says where more are",
        body = Vec<ProductRow>)))]
pub(super) async fn list_products(State(app): State<App>) -> Result<Response, Wrong> {
    let mut list = Whole::new();
    while list.wants_more() {
        list.take_in(app.reader.products(None, list.before, ROWS).await?);
    }
    let products: Vec<_> = list.oldest_first().map(ProductRow::of).collect();
    let body = json!({"ok": true, "message": "Fetched Products !", "products": products});
    Ok(list.linked(json_response(StatusCode::OK, &body), "/v1/products", "prd"))
}

/// Create a product. It gets a SKU of its own.
#[utoipa::path(post, path = "/product", tag = "Product", security(("bearer" = ["catalog:write"])),
    request_body = ProductFields, params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 201, description = "The product", body = ProductRow)))]
pub(super) async fn create_product(call: Call) -> Result<Response, Wrong> {
    let currency = call.app().settings.dialects.currency();
    let (name, description, price) = fields(&call, currency)?;
    let sku = Sku::new(format!("P-{}", random::uuid_v7().simple()));
    let sku =
        sku.map_err(|error| Problem::field("/name", error.to_string(), name.as_str().into()))?;
    let (category_ids, active) = (Vec::new(), true);
    let new = NewProduct { sku, name, description, price, category_ids, active };
    let command = AnyCommand::Catalog(Command::CreateProduct(new));
    let done = Done::of(call.submit(command).await?)?;
    answer(&done, StatusCode::CREATED, "Created Product !")
}

fn answer(done: &Done, status: StatusCode, message: &str) -> Result<Response, Wrong> {
    let product = ProductRow::of(done.product()?);
    Ok(done.answer(status, &json!({"ok": true, "message": message, "product": product})))
}

/// Replace name, description and price of a product.
#[utoipa::path(put, path = "/product/{id}", tag = "Product",
    security(("bearer" = ["catalog:write"])), request_body = ProductFields,
    params(("id" = i64, Path,), ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The product", body = ProductRow)))]
pub(super) async fn replace_product(Named(id): Named, call: Call) -> Result<Response, Wrong> {
    let named = ProductRef::Id(numbered(&id, ProductId::new)?);
    let known = call.app().reader.product(named.clone()).await?;
    let known = known.filter(|product| product.deleted_at.is_none());
    let known = known.ok_or_else(|| Problem::unknown(&named))?;
    let (name, description, price) = fields(&call, known.price.currency)?;
    let patch = ProductPatch {
        name: Some(name),
        description: Some(description),
        price: Some(price),
        ..ProductPatch::default()
    };
    let command = Command::UpdateProduct { product: named, expected_version: None, patch };
    let done = Done::of(call.submit(AnyCommand::Catalog(command)).await?)?;
    answer(&done, StatusCode::OK, "Updated Product !")
}

/// Take a product out of the catalogue.
#[utoipa::path(delete, path = "/product/{id}", tag = "Product",
    security(("bearer" = ["catalog:write"])),
    params(("id" = i64, Path,), ("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "It is gone", body = serde_json::Value)))]
pub(super) async fn delete_product(Named(id): Named, call: Call) -> Result<Response, Wrong> {
    let product = ProductRef::Id(numbered(&id, ProductId::new)?);
    let command = Command::DeleteProduct { product, expected_version: None };
    let done = Done::of(call.submit(AnyCommand::Catalog(command)).await?)?;
    let body = json!({"ok": true, "message": "Product deleted successfully"});
    Ok(done.answer(StatusCode::OK, &body))
}
