//! Imports as `/v1` shows them.

use onhand_core::imports::{Difference, Fault, FaultReason, Import, ImportRow};
use onhand_core::{Currency, Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Shown, ShownLocation, values};
use crate::http::problem::Problem;

/// A file that is taken over row by row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Import, example = import_example)]
pub struct ImportView<'a> {
    /// Its id.
    #[schema(value_type = values::ImportId)]
    id: Shown<onhand_core::ids::ImportId>,
    #[schema(pattern = "^import$")]
    object: &'static str,
    /// What its rows are.
    #[schema(value_type = values::ImportKind)]
    kind: &'static str,
    /// What the file looks like.
    #[schema(value_type = values::ImportFormat)]
    format: &'a str,
    /// Whether everything is decided and nothing of it kept.
    dry_run: bool,
    /// The currency of prices that name none.
    #[schema(value_type = Option<values::Currency>, required)]
    currency: Option<Currency>,
    /// The location of rows that name none.
    #[schema(value_type = Option<values::LocationId>, required)]
    location_id: Option<ShownLocation>,
    /// Where it stands.
    #[schema(value_type = values::ImportStatus)]
    status: &'static str,
    /// Rows taken, each of them created, updated, unchanged or failed.
    rows: u64,
    /// Bytes of the file up to there.
    bytes: u64,
    /// Rows of products that are new.
    created: u64,
    /// Rows that changed something.
    updated: u64,
    /// Rows that said what was known.
    unchanged: u64,
    /// Rows that were not taken over.
    failed: u64,
    /// Movements that were made, or would be.
    movements: u64,
    /// Columns of the file of which nothing is made.
    ignored_columns: &'a [String],
    /// Why it was given up.
    #[schema(value_type = Option<values::Text>, required)]
    failure: Option<&'a str>,
    /// The first rows that were not taken over; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<RowErrorView<'a>>>,
    /// Of a dry run, what the first rows would change; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<Vec<DifferenceView<'a>>>,
    /// How often it was changed; also the ETag.
    version: u64,
    /// When it was begun.
    #[schema(value_type = values::Instant)]
    created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = values::Instant)]
    updated_at: Timestamp,
}

/// A row that was not taken over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportError)]
pub struct RowErrorView<'a> {
    /// The line of the file on which it begins, from 1.
    pub(crate) line: u64,
    /// Its SKU, as far as it can be read.
    #[schema(required)]
    pub(crate) sku: Option<&'a str>,
    /// The column or field.
    #[schema(required)]
    pub(crate) column: Option<&'a str>,
    /// What is there, at most 200 characters of it.
    #[schema(required)]
    pub(crate) value: Option<&'a str>,
    /// A stable code: that of a refusal, or of what cannot be read.
    pub(crate) code: &'a str,
    /// What is wrong, in words.
    pub(crate) detail: String,
}

/// What a row would change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportDifference)]
pub struct DifferenceView<'a> {
    /// The line of the file on which it begins, from 1.
    line: u64,
    /// Which product.
    sku: &'a str,
    /// `create` or `update`.
    #[schema(pattern = "^(create|update)$")]
    action: &'static str,
    /// Field by field.
    fields: Vec<FieldDifferenceView<'a>>,
}

/// What a row would change of one field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportFieldDifference)]
pub struct FieldDifferenceView<'a> {
    /// Which one.
    field: &'a str,
    /// What is there.
    #[schema(required)]
    from: Option<&'a str>,
    /// What would be there.
    to: &'a str,
}

fn import_example() -> serde_json::Value {
    json!({
        "id": "imp_108", "object": "import", "kind": "products", "format": "csv",
        "dry_run": false, "currency": "INR", "location_id": null, "status": "completed",
        "rows": 3, "bytes": 214, "created": 1, "updated": 1, "unchanged": 0, "failed": 1,
        "movements": 1, "ignored_columns": ["supplier"], "failure": null,
        "errors": [{
            "line": 4, "sku": null, "column": "on_hand", "value": "12.5",
            "code": "validation_failed", "detail": "expected a whole number"
        }],
        "differences": [], "version": 2, "created_at": "2026-11-21T05:48:16.120394Z",
        "updated_at": "2026-11-21T05:48:17.120394Z"
    })
}

impl<'a> ImportView<'a> {
    /// The view of an import, without what is told of single rows.
    pub fn of(row: &'a Import) -> Self {
        Self {
            id: Shown(row.id),
            object: "import",
            kind: row.plan.kind.as_str(),
            format: row.plan.format.as_str(),
            dry_run: row.plan.dry_run,
            currency: row.plan.currency,
            location_id: row.plan.location_id.map(Shown),
            status: row.state.as_str(),
            rows: row.position.rows,
            bytes: row.position.bytes,
            created: row.tally.created,
            updated: row.tally.updated,
            unchanged: row.tally.unchanged,
            failed: row.tally.failed,
            movements: row.tally.counted,
            ignored_columns: &row.plan.ignored,
            failure: row.failure.as_ref().map(|text| text.as_str()),
            errors: None,
            differences: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }

    /// The same, with what is told of single rows.
    pub fn whole(row: &'a ImportRow) -> Self {
        Self {
            errors: Some(row.faults.iter().map(RowErrorView::of).collect()),
            differences: Some(row.differences.iter().map(DifferenceView::of).collect()),
            ..Self::of(&row.import)
        }
    }
}

impl<'a> RowErrorView<'a> {
    /// The view of a fault.
    pub fn of(row: &'a Fault) -> Self {
        let sku = row.sku.as_ref().map(|sku| sku.as_str());
        match &row.reason {
            FaultReason::Unreadable(fault) => Self {
                line: row.line,
                sku,
                column: fault.column.as_deref(),
                value: fault.value.as_deref(),
                code: &fault.code,
                detail: format!("expected {}", fault.expected),
            },
            FaultReason::Refused(refusal) => Self {
                line: row.line,
                sku,
                column: None,
                value: None,
                code: refusal.code(),
                detail: Problem::from(refusal.clone()).detail,
            },
        }
    }
}

impl std::fmt::Display for RowErrorView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", {column}")?;
        }
        if let Some(sku) = self.sku {
            write!(f, ", {sku}")?;
        }
        write!(f, ": {}: {}", self.code, self.detail)?;
        if let Some(value) = self.value {
            write!(f, " (found `{}`)", value.escape_debug())?;
        }
        Ok(())
    }
}

impl<'a> DifferenceView<'a> {
    fn of(row: &'a Difference) -> Self {
        let fields = row.fields.iter().map(|one| FieldDifferenceView {
            field: &one.field,
            from: one.from.as_deref(),
            to: &one.to,
        });
        Self {
            line: row.line,
            sku: row.sku.as_str(),
            action: if row.is_new { "create" } else { "update" },
            fields: fields.collect(),
        }
    }
}
