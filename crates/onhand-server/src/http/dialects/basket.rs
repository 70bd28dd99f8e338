//! Orders as contracts place them: of one product, or of items that two of them send alike, a list
//! of objects with the number of a product and how many of it. What an order costs and whether
//! there is enough is not looked at here.

use onhand_core::catalog::ProductRef;
use onhand_core::ids::{CustomerId, ProductId};
use onhand_core::limits::{ORDER_LINES_MAX, QUANTITY_MAX};
use onhand_core::orders::{Command, Metadata, PaymentTerms, PlaceItem, PlaceOrder};
use onhand_core::{Command as AnyCommand, Quantity};

use super::fault::{Done, Wrong};
use super::fields::{Fields, Sent};
use crate::http::call::Call;
use crate::http::orders::Checkout;
use crate::http::problem::Problem;

/// An order of these items, about which nothing more is said.
pub(super) fn order(
    items: Vec<PlaceItem>,
    customer_id: Option<CustomerId>,
    payment: PaymentTerms,
) -> PlaceOrder {
    PlaceOrder {
        items,
        customer_id,
        payment,
        payment_method: None,
        shipping_address: None,
        expected_total: None,
        external_reference: None,
        metadata: Metadata::new(),
    }
}

/// The same of one product, on the terms of whoever buys for itself.
///
/// # Errors
/// Where there are no such terms.
pub(super) fn order_of_one(
    call: &Call,
    product: ProductId,
    quantity: Quantity,
    customer_id: Option<CustomerId>,
) -> Result<PlaceOrder, Problem> {
    let terms = Checkout { app: call.app(), is_customer: true }.usual_terms()?;
    let item = PlaceItem { product: ProductRef::Id(product), quantity };
    Ok(order(vec![item], customer_id, terms))
}

/// Hands in an order. What it owes to a gateway is done at once.
///
/// # Errors
/// The refusal; where nothing was decided, why.
pub(super) async fn place(call: &Call, order: PlaceOrder) -> Result<Done, Wrong> {
    let answer = call.submit(AnyCommand::Orders(Command::Place(order))).await?;
    call.app().owed.notify_one();
    Done::of(answer)
}

/// What would have been right in the place of something.
pub(super) fn wrong(pointer: impl Into<String>, expected: &str, sent: &Sent) -> Problem {
    Problem::field(pointer, format!("expected {expected}"), sent.shown())
}

/// The fields of an object.
///
/// # Errors
/// 400 for anything else, at its place.
pub(super) fn object<'a>(pointer: &str, sent: &'a Sent) -> Result<&'a Fields, Problem> {
    let Sent::Object(fields) = sent else { return Err(wrong(pointer, "an object", sent)) };
    Ok(fields)
}

/// What is to be bought; the field of the product has one of these names, the first of which is the
/// contract's.
///
/// # Errors
/// 400 for what is wrong first, at its place.
pub(super) fn items(items: &[Sent], product_names: [&str; 2]) -> Result<Vec<PlaceItem>, Problem> {
    if items.len() > ORDER_LINES_MAX {
        let expected = format!("expected at most {ORDER_LINES_MAX} items");
        return Err(Problem::field("/items", expected, items.len().into()));
    }
    let [name, other] = product_names;
    let item = |(at, sent): (usize, &Sent)| {
        let fields = object(&format!("/items/{at}"), sent)?;
        let (product, quantity) = (fields.get(name).or(fields.get(other)), fields.get("quantity"));
        let id = product.whole().and_then(ProductId::new);
        let no_id = || wrong(format!("/items/{at}/{name}"), "the number of a product", product);
        let units = quantity.whole().and_then(Quantity::new);
        let no_units = || {
            let expected = format!("a whole number from 1 to {QUANTITY_MAX}");
            wrong(format!("/items/{at}/quantity"), &expected, quantity)
        };
        let product = ProductRef::Id(id.ok_or_else(no_id)?);
        Ok(PlaceItem { product, quantity: units.ok_or_else(no_units)? })
    };
    items.iter().enumerate().map(item).collect()
}
