//! `/v1/products` and `/v1/categories`: bodies to commands, rows to JSON. No rule is here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::catalog::{
    CategoryPatch, Command, NewCategory, NewProduct, ProductPatch, ProductRef,
};
use onhand_core::ids::{CategoryId, ProductId};
use onhand_core::limits::{AMOUNT_MAX, PRODUCT_CATEGORIES_MAX};
use onhand_core::text::{Name, Sku, Text};
use onhand_core::{Command as AnyCommand, Money};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{answered, cursor, list, page_rows, versioned};
use super::call::{Call, Named, Params, in_path};
use super::kept;
use super::problem::Problem;
use super::wire::catalog::{CategoryView, ProductView};
use super::wire::lists::List;
use super::wire::{self, Shown, values};
use crate::app::App;

/// The routes of the catalogue.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_product, list_products))
        .routes(routes!(get_product, update_product, delete_product))
        .routes(routes!(create_category, list_categories))
        .routes(routes!(get_category, update_category, delete_category))
}

/// A product, by id or by SKU: whatever does not read as an id is a SKU.
///
/// # Errors
/// 404 where it is neither.
pub fn product_ref(text: &str) -> Result<ProductRef, Problem> {
    match text.parse::<ProductId>() {
        Ok(id) => Ok(ProductRef::Id(id)),
        Err(_) => match Sku::new(text) {
            Ok(sku) => Ok(ProductRef::Sku(sku)),
            Err(_) => Err(Problem::not_found(&format!("`{text}`"))),
        },
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "sku": "TEA-1", "name": "Green tea", "description": "From the first harvest.",
    "price": {"amount": 49900, "currency": "INR"}, "category_ids": ["cat_3"], "active": true
}))]
struct ProductBody {
    #[schema(value_type = values::Sku)]
    sku: Sku,
    #[schema(value_type = values::Name)]
    name: Name,
    #[serde(default)]
    #[schema(value_type = Option<values::Text>)]
    description: Option<Text>,
    price: wire::catalog::Money,
    #[serde(default)]
    #[schema(value_type = Vec<values::CategoryId>)]
    category_ids: Vec<Shown<CategoryId>>,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

fn lawful_price(price: wire::catalog::Money) -> Result<Money, Problem> {
    let price = Money::from(price);
    if price.is_price() {
        return Ok(price);
    }
    let expected = format!("expected minor units from 0 to {AMOUNT_MAX}");
    Err(Problem::field("/price/amount", expected, price.amount.into()))
}

fn lawful_categories(ids: Vec<Shown<CategoryId>>) -> Result<Vec<CategoryId>, Problem> {
    if ids.len() > PRODUCT_CATEGORIES_MAX {
        let expected = format!("expected at most {PRODUCT_CATEGORIES_MAX}");
        return Err(Problem::field("/category_ids", expected, ids.len().into()));
    }
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// Create a product.
#[utoipa::path(post, path = "/v1/products", tag = "Products",
    security(("bearer" = ["catalog:write"])), request_body = ProductBody,
    params(("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["sku_taken", "unknown_category"]))),
    responses((status = 201, description = "The product", body = ProductView<'static>)))]
async fn create_product(call: Call) -> Result<Response, Problem> {
    let body: ProductBody = call.json()?;
    let new = NewProduct {
        sku: body.sku,
        name: body.name,
        description: body.description.unwrap_or_default(),
        price: lawful_price(body.price)?,
        category_ids: lawful_categories(body.category_ids)?,
        active: body.active,
    };
    let answer = call.submit(AnyCommand::Catalog(Command::CreateProduct(new))).await?;
    answered(answer, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProductList {
    limit: Option<u32>,
    starting_after: Option<String>,
    category: Option<String>,
}

/// List products, newest first.
#[utoipa::path(get, path = "/v1/products", tag = "Products",
    security(("bearer" = ["catalog:read"]), ("bearer" = ["orders:own"])), params(ProductList),
    responses((status = 200, description = "A page", body = List<ProductView<'static>>)))]
async fn list_products(
    State(app): State<App>,
    Params(query, sent): Params<ProductList>,
) -> Result<Response, Problem> {
    let limit = page_rows(query.limit)?;
    let before = cursor(query.starting_after.as_deref(), ProductId::number)?;
    let category = match query.category {
        Some(text) => Some(
            text.parse::<CategoryId>()
                .map_err(|error| Problem::field("?category", error.to_string(), text.into()))?,
        ),
        None => None,
    };
    let page = app.reader.products(category, before, limit).await?;
    Ok(list(&page, ("/v1/products", &sent), ProductView::of, |id| format!("prd_{id}")))
}

/// Read a product, by id or SKU.
#[utoipa::path(get, path = "/v1/products/{product}", tag = "Products",
    security(("bearer" = ["catalog:read"]), ("bearer" = ["orders:own"])),
    params(("product" = String, Path, description = "Id or SKU")),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku"]))),
    responses((status = 200, description = "The product", body = ProductView<'static>)))]
async fn get_product(State(app): State<App>, Named(product): Named) -> Result<Response, Problem> {
    let reference = product_ref(&product)?;
    let product = kept::product(&app, &reference).await?;
    product.ok_or_else(|| Problem::unknown(&reference))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Green tea, 100 g", "price": {"amount": 52900, "currency": "INR"}
}))]
struct ProductPatchBody {
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    name: Option<Name>,
    #[serde(default)]
    #[schema(value_type = Option<values::Text>)]
    description: Option<Text>,
    #[serde(default)]
    price: Option<wire::catalog::Money>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<values::CategoryId>>)]
    category_ids: Option<Vec<Shown<CategoryId>>>,
    #[serde(default)]
    active: Option<bool>,
}

/// Change fields of a product.
#[utoipa::path(patch, path = "/v1/products/{product}", tag = "Products",
    security(("bearer" = ["catalog:write"])),
    request_body = ProductPatchBody,
    params(("product" = String, Path, description = "Id or SKU"),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku", "unknown_category"]))),
    responses((status = 200, description = "The product", body = ProductView<'static>)))]
async fn update_product(Named(product): Named, call: Call) -> Result<Response, Problem> {
    let body: ProductPatchBody = call.json()?;
    let patch = ProductPatch {
        name: body.name,
        description: body.description,
        price: body.price.map(lawful_price).transpose()?,
        category_ids: body.category_ids.map(lawful_categories).transpose()?,
        active: body.active,
    };
    let (product, expected_version) = (product_ref(&product)?, call.expected_version()?);
    let command = Command::UpdateProduct { product, expected_version, patch };
    answered(call.submit(AnyCommand::Catalog(command)).await?, StatusCode::OK)
}

/// Take a product out of the catalogue.
#[utoipa::path(delete, path = "/v1/products/{product}", tag = "Products",
    security(("bearer" = ["catalog:write"])),
    params(("product" = String, Path, description = "Id or SKU"),
        ("If-Match" = Option<String>, Header,), ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_product", "unknown_sku", "product_in_use"]))),
    responses((status = 200, description = "The product as it was left",
        body = ProductView<'static>)))]
async fn delete_product(Named(product): Named, call: Call) -> Result<Response, Problem> {
    let (product, expected_version) = (product_ref(&product)?, call.expected_version()?);
    let command = Command::DeleteProduct { product, expected_version };
    answered(call.submit(AnyCommand::Catalog(command)).await?, StatusCode::OK)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Tea", "parent_id": null}))]
struct CategoryBody {
    #[schema(value_type = values::Name)]
    name: Name,
    #[serde(default)]
    #[schema(value_type = Option<values::CategoryId>)]
    parent_id: Option<Shown<CategoryId>>,
}

/// Create a category.
#[utoipa::path(post, path = "/v1/categories", tag = "Categories",
    security(("bearer" = ["catalog:write"])), request_body = CategoryBody,
    params(("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_category"]))),
    responses((status = 201, description = "The category", body = CategoryView<'static>)))]
async fn create_category(call: Call) -> Result<Response, Problem> {
    let body: CategoryBody = call.json()?;
    let new = NewCategory { name: body.name, parent_id: body.parent_id.map(|id| id.0) };
    let answer = call.submit(AnyCommand::Catalog(Command::CreateCategory(new))).await?;
    answered(answer, StatusCode::CREATED)
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CategoryList {
    limit: Option<u32>,
    starting_after: Option<String>,
}

/// List categories, newest first.
#[utoipa::path(get, path = "/v1/categories", tag = "Categories",
    security(("bearer" = ["catalog:read"]), ("bearer" = ["orders:own"])), params(CategoryList),
    responses((status = 200, description = "A page", body = List<CategoryView<'static>>)))]
async fn list_categories(
    State(app): State<App>,
    Params(query, sent): Params<CategoryList>,
) -> Result<Response, Problem> {
    let before = cursor(query.starting_after.as_deref(), CategoryId::number)?;
    let page = app.reader.categories(before, page_rows(query.limit)?).await?;
    Ok(list(&page, ("/v1/categories", &sent), CategoryView::of, |id| format!("cat_{id}")))
}

/// Read a category.
#[utoipa::path(get, path = "/v1/categories/{id}", tag = "Categories",
    security(("bearer" = ["catalog:read"]), ("bearer" = ["orders:own"])),
    params(("id" = String, Path,)),
    responses((status = 200, description = "The category", body = CategoryView<'static>)))]
async fn get_category(State(app): State<App>, Named(id): Named) -> Result<Response, Problem> {
    let row = app.reader.category(in_path(&id)?).await?;
    let row = row.ok_or_else(|| Problem::not_found(&id))?;
    Ok(versioned(StatusCode::OK, row.version, &CategoryView::of(&row)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Teas", "parent_id": "cat_1"}))]
struct CategoryPatchBody {
    #[serde(default)]
    #[schema(value_type = Option<values::Name>)]
    name: Option<Name>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<values::CategoryId>)]
    parent_id: Option<Option<Shown<CategoryId>>>,
}

/// Tells `null` from absent.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Change fields of a category; a `null` parent makes it a root.
#[utoipa::path(patch, path = "/v1/categories/{id}", tag = "Categories",
    security(("bearer" = ["catalog:write"])),
    request_body = CategoryPatchBody,
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_category", "category_cycle"]))),
    responses((status = 200, description = "The category", body = CategoryView<'static>)))]
async fn update_category(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let body: CategoryPatchBody = call.json()?;
    let parent_id = body.parent_id.map(|parent| parent.map(|id| id.0));
    let patch = CategoryPatch { name: body.name, parent_id };
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let command = Command::UpdateCategory { id, expected_version, patch };
    answered(call.submit(AnyCommand::Catalog(command)).await?, StatusCode::OK)
}

/// Delete a category that nothing is filed under.
#[utoipa::path(delete, path = "/v1/categories/{id}", tag = "Categories",
    security(("bearer" = ["catalog:write"])),
    params(("id" = String, Path,), ("If-Match" = Option<String>, Header,),
        ("Idempotency-Key" = Option<String>, Header,)),
    extensions(("x-codes" = json!(["unknown_category", "category_in_use"]))),
    responses((status = 200, description = "The category as it was left",
        body = CategoryView<'static>)))]
async fn delete_category(Named(id): Named, call: Call) -> Result<Response, Problem> {
    let (id, expected_version) = (in_path(&id)?, call.expected_version()?);
    let command = Command::DeleteCategory { id, expected_version };
    answered(call.submit(AnyCommand::Catalog(command)).await?, StatusCode::OK)
}
