//! The columns of each export, and a row of it. Numbers and ids are ours and need no care; texts
//! are what somebody sent.

use std::fmt::{Display, Write};

use onhand_core::catalog::Product;
use onhand_core::inventory::{Level, Movement};
use onhand_core::orders::Order;
use onhand_engine::query::ReadError;
use serde::Serialize;
use serde_json::json;

use super::cells::put_text;
use super::{Form, What};
use crate::http::wire::catalog::ProductView;
use crate::http::wire::orders::OrderView;

/// The names of the columns.
pub(super) fn names(what: What) -> &'static [&'static str] {
    match what {
        What::Products => &[
            "sku",
            "name",
            "description",
            "price",
            "currency",
            "category_ids",
            "active",
            "id",
            "version",
            "created_at",
            "updated_at",
        ],
        What::Stock => &[
            "sku",
            "location",
            "on_hand",
            "safety_stock",
            "low_stock_threshold",
            "reserved",
            "available",
            "product_id",
            "location_id",
            "version",
            "updated_at",
        ],
        What::Orders => &[
            "order_id",
            "status",
            "customer_id",
            "external_reference",
            "created_at",
            "updated_at",
            "currency",
            "total",
            "line",
            "sku",
            "name",
            "quantity",
            "fulfilled",
            "returned",
            "unit_price",
        ],
        What::Movements => &[
            "seq",
            "sku",
            "location",
            "kind",
            "reason",
            "reference",
            "actor",
            "delta_on_hand",
            "delta_reserved",
            "on_hand_after",
            "reserved_after",
            "occurred_at",
            "recorded_at",
            "product_id",
            "location_id",
        ],
    }
}

/// A line of CSV in the making.
struct Line<'a> {
    text: &'a mut String,
    is_begun: bool,
}

impl<'a> Line<'a> {
    fn new(text: &'a mut String) -> Self {
        Self { text, is_begun: false }
    }

    fn next(&mut self) {
        if std::mem::replace(&mut self.is_begun, true) {
            self.text.push(',');
        }
    }

    /// What somebody sent.
    fn sent(mut self, text: &str) -> Self {
        self.next();
        put_text(self.text, text);
        self
    }

    /// What is ours: a number, an id, an instant.
    fn own(mut self, value: impl Display) -> Self {
        self.next();
        let _ = write!(self.text, "{value}");
        self
    }

    fn maybe(self, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.own(value),
            None => self.own(""),
        }
    }

    fn end(self) {
        self.text.push('\n');
    }
}

fn json_line(text: &mut String, value: &impl Serialize) -> Result<(), ReadError> {
    let line = serde_json::to_string(value);
    text.push_str(&line.map_err(|error| ReadError::Failed(error.to_string()))?);
    text.push('\n');
    Ok(())
}

pub(super) fn product(text: &mut String, form: Form, row: &Product) -> Result<(), ReadError> {
    if form == Form::Ndjson {
        return json_line(text, &ProductView::of(row));
    }
    let ids: Vec<String> = row.category_ids.iter().map(ToString::to_string).collect();
    Line::new(text)
        .sent(row.sku.as_str())
        .sent(row.name.as_str())
        .sent(row.description.as_str())
        .own(row.price.amount)
        .own(row.price.currency)
        .own(ids.join(" "))
        .own(row.active)
        .own(row.id)
        .own(row.version)
        .own(row.created_at)
        .own(row.updated_at)
        .end();
    Ok(())
}

pub(super) fn level(
    text: &mut String,
    form: Form,
    (sku, location): (&str, &str),
    row: &Level,
) -> Result<(), ReadError> {
    if form == Form::Ndjson {
        let line = json!({
            "sku": sku, "location": location, "on_hand": row.on_hand,
            "safety_stock": row.safety_stock, "low_stock_threshold": row.low_stock_threshold,
            "reserved": row.reserved, "available": row.available(),
            "product_id": row.product_id.to_string(), "location_id": row.location_id.to_string(),
            "version": row.version, "updated_at": row.updated_at
        });
        return json_line(text, &line);
    }
    Line::new(text)
        .sent(sku)
        .sent(location)
        .own(row.on_hand)
        .own(row.safety_stock)
        .own(row.low_stock_threshold)
        .own(row.reserved)
        .own(row.available())
        .own(row.product_id)
        .own(row.location_id)
        .own(row.version)
        .own(row.updated_at)
        .end();
    Ok(())
}

pub(super) fn order(text: &mut String, form: Form, row: &Order) -> Result<(), ReadError> {
    if form == Form::Ndjson {
        return json_line(text, &OrderView::of(row));
    }
    for line in &row.lines {
        let reference = row.external_reference.as_ref();
        Line::new(text)
            .own(row.id)
            .own(row.status.as_str())
            .maybe(row.customer_id)
            .sent(reference.map_or("", |reference| reference.as_str()))
            .own(row.created_at)
            .own(row.updated_at)
            .own(row.currency)
            .own(row.total)
            .own(line.line)
            .sent(line.sku.as_str())
            .sent(line.name.as_str())
            .own(line.quantity)
            .own(line.fulfilled)
            .own(line.returned)
            .own(line.unit_price)
            .end();
    }
    Ok(())
}

pub(super) fn movement(
    text: &mut String,
    form: Form,
    (sku, location): (&str, &str),
    row: &Movement,
) -> Result<(), ReadError> {
    let reference = row.reference.as_ref().map(|reference| reference.as_str());
    if form == Form::Ndjson {
        let line = json!({
            "seq": row.seq, "sku": sku, "location": location, "kind": row.kind.as_str(),
            "reason": row.reason.as_str(), "reference": reference, "actor": row.actor.stored(),
            "delta_on_hand": row.delta_on_hand, "delta_reserved": row.delta_reserved,
            "on_hand_after": row.on_hand_after, "reserved_after": row.reserved_after,
            "occurred_at": row.occurred_at, "recorded_at": row.recorded_at,
            "product_id": row.product_id.to_string(), "location_id": row.location_id.to_string()
        });
        return json_line(text, &line);
    }
    Line::new(text)
        .own(row.seq)
        .sent(sku)
        .sent(location)
        .own(row.kind.as_str())
        .sent(row.reason.as_str())
        .sent(reference.unwrap_or(""))
        .sent(&row.actor.stored())
        .own(row.delta_on_hand)
        .own(row.delta_reserved)
        .own(row.on_hand_after)
        .own(row.reserved_after)
        .own(row.occurred_at)
        .own(row.recorded_at)
        .own(row.product_id)
        .own(row.location_id)
        .end();
    Ok(())
}
