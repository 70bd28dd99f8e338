//! `/inventory`: products by name, with how many there are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use onhand_core::accounts::Scope;
use onhand_core::catalog::{self, NewProduct, Product, ProductRef};
use onhand_core::ids::ProductId;
use onhand_core::inventory::{self, Count, Level};
use onhand_core::limits::QUANTITY_MAX;
use onhand_core::text::{Name, Reason, Sku, Text};
use onhand_core::{Command as AnyCommand, Money, Refusal};
use onhand_engine::query::{StockFilter, StockRow};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::super::fault::{Done, Wrong};
use super::super::uuids;
use super::super::whole::{ROWS, Whole};
use super::{Resp, Times, answer, bad, fields, missing, name_bounds};
use crate::app::App;
use crate::http::call::Call;
use crate::http::problem::Problem;

/// Letters of a name that its SKU begins with.
const SLUG_CHARS_MAX: usize = 40;

/// A product with how many there are.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FlowProduct, example = json!({"id": 1,
    "uuid": "6f1c2d3e-0000-8000-8000-000000000001", "name": "Tea", "count": 5,
    "created_at": "2026-11-21T03:00:00Z", "updated_at": "2026-11-21T03:00:00Z"}))]
pub(super) struct ProductRow {
    id: i64,
    uuid: String,
    name: String,
    /// Units that can be sold.
    count: i64,
    #[serde(flatten)]
    times: Times,
}

impl ProductRow {
    pub(super) fn of(product: &Product, levels: &[Level]) -> Self {
        let id = product.id.number();
        let changed = levels.iter().map(|level| level.updated_at).max();
        let updated_at = changed.map_or(product.updated_at, |at| at.max(product.updated_at));
        Self {
            id,
            uuid: uuids::of("flow product", &[id]).to_string(),
            name: product.name.as_str().to_owned(),
            count: levels.iter().map(Level::available).sum(),
            times: Times { created_at: product.created_at, updated_at },
        }
    }

    pub(super) fn of_row(row: &StockRow) -> Self {
        Self::of(&row.product, &row.levels)
    }
}

/// What there is to sell.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the fields are taken one by one; this says what they look like")]
#[schema(as = FlowNewProduct, example = json!({"name": "Tea", "count": 5}))]
pub(super) struct ProductFields {
    #[schema(max_length = 100)]
    name: String,
    #[schema(minimum = 1)]
    count: i64,
}

/// The SKU of a name: readable, and no other name's.
fn sku(name: &Name) -> Result<Sku, Problem> {
    let spelled = name.as_str().to_lowercase();
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let slug: String = spelled.chars().map(letters).take(SLUG_CHARS_MAX).collect();
    let digest: [u8; 32] = Sha256::digest(name.as_str().as_bytes()).into();
    let digest: String = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    Sku::new(format!("{slug}-{digest}"))
        .map_err(|error| Problem::field("/name", error.to_string(), name.as_str().into()))
}

/// Add a product under a name that is free, with its first units.
#[utoipa::path(post, path = "/inventory", tag = "Inventory", security(("bearer" = ["stock:write"])),
    request_body = ProductFields, params(("Idempotency-Key" = Option<String>, Header,)),
    responses((status = 200, description = "The product", body = Resp<ProductRow>)))]
pub(super) async fn create_product(call: Call) -> Result<Response, Wrong> {
    call.caller().expect(Scope::CatalogWrite)?;
    let fields = fields(&call)?;
    let (name, count) = (fields.get("name"), fields.get("count"));
    if name.is_missing() {
        return Err(missing("name"));
    }
    if count.is_blank() {
        return Err(missing("count"));
    }
    let name = name.text().and_then(|text| Name::new(text.trim()).ok());
    let name = name.ok_or_else(|| bad(&name_bounds()))?;
    let count = count.whole().filter(|count| *count <= QUANTITY_MAX);
    let count = count.ok_or_else(|| {
        bad(&format!("count of inventory must be a whole number up to {QUANTITY_MAX}"))
    })?;
    if count <= 0 {
        return Err(bad("count of inventory must be greater than 0"));
    }
    let product = product(&call, name).await?;
    let first = AnyCommand::Inventory(inventory::Command::Count(Count {
        product: ProductRef::Id(product.id),
        location_id: None,
        counted: count,
        change_from_quantity: Some(0),
        reason: Reason::new("custom:inventory_set")
            .map_err(|error| Problem::field("/count", error.to_string(), count.into()))?,
        reference: None,
        occurred_at: None,
    }));
    let answer = call.submit(first).await?;
    if let Err(Refusal::Inventory(inventory::Refusal::ChangeFromQuantityStale { .. })) =
        &answer.outcome
    {
        return Err(taken(&product).into());
    }
    let done = Done::of(answer)?;
    let resp = ProductRow::of(&product, std::slice::from_ref(done.level()?));
    Ok(done.answer(StatusCode::OK, &Resp { resp }))
}

fn taken(product: &Product) -> Refusal {
    catalog::Refusal::SkuTaken { sku: product.sku.clone(), product_id: product.id }.into()
}

/// The product of a name, which is new; or one whose maker did not get to its first units. Its SKU
/// is the key under which it is made once.
async fn product(call: &Call, name: Name) -> Result<Product, Wrong> {
    let sku = sku(&name)?;
    let new = NewProduct {
        sku: sku.clone(),
        name,
        description: Text::default(),
        price: Money::new(0, call.app().settings.dialects.currency()),
        category_ids: Vec::new(),
        active: true,
    };
    let create = AnyCommand::Catalog(catalog::Command::CreateProduct(new));
    let answer = call.submit_before(create).await?;
    let Err(Refusal::Catalog(catalog::Refusal::SkuTaken { .. })) = &answer.outcome else {
        return Ok(Done::of(answer)?.product()?.clone());
    };
    let named = ProductRef::Sku(sku);
    let found = call.app().reader.stock(named.clone(), None).await?;
    let found = found.ok_or_else(|| Problem::unknown(&named))?;
    // Under a key the answer may be there already.
    let is_begun = found.levels.is_empty() || call.has_key();
    if is_begun { Ok(found.product) } else { Err(taken(&found.product).into()) }
}

/// List the products with how many there are, oldest first.
#[utoipa::path(get, path = "/inventory", tag = "Inventory", security(("bearer" = ["stock:read"])),
    responses((status = 200, description = "At most 1000, the newest; `Link` says where more are",
        body = Resp<Vec<ProductRow>>)))]
pub(super) async fn list_products(State(app): State<App>) -> Result<Response, Wrong> {
    let mut list = Whole::new();
    while list.wants_more() {
        list.take_in(app.reader.stocks(StockFilter::default(), list.before, ROWS).await?);
    }
    let products: Vec<_> = list.oldest_first().map(ProductRow::of_row).collect();
    Ok(list.linked(answer(products), "/v1/stock", "prd"))
}

/// The product of this number as it stands.
pub(super) async fn stock(app: &App, id: ProductId) -> Result<Option<StockRow>, Wrong> {
    Ok(app.reader.stock(ProductRef::Id(id), None).await?)
}
