//! `/v1/imports`: a file as the body of a request, taken while it arrives. A connection that breaks
//! leaves the import where it was; the same file goes on from there, under the same key or at the
//! import itself.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use onhand_core::accounts::{Scope, Scopes};
use onhand_core::ids::ImportId;
use onhand_core::imports::Kind;
use onhand_core::{Currency, Refusal};
use onhand_engine::committer::Caller as EngineCaller;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{cursor, list, located, named, page_rows, replayed, versioned};
use super::call::{Named, Params, Upload, body_incomplete, in_path};
use super::gate::{self, Caller};
use super::problem::Problem;
use super::wire::imports::ImportView;
use super::wire::lists::List;
use crate::app::App;
use crate::imports::take::{self, Door, SourceFault, TakeError, Wanted};
use crate::imports::{FileFault, Format};
use crate::limits::{IMPORT_BATCH_ROWS, IMPORT_BYTES_MAX, IMPORT_IDLE_MAX};

/// The routes of imports.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_import, list_imports))
        .routes(routes!(get_import, resume_import))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NewImport {
    /// What the rows are.
    #[param(required = true)]
    kind: Option<String>,
    /// What the file looks like: `csv` when absent, or `ndjson`, or whose product CSV it is.
    format: Option<String>,
    /// Decide everything and keep nothing of it.
    dry_run: Option<bool>,
    /// The currency of prices that name none.
    currency: Option<String>,
    /// The location of rows that name none.
    location_id: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportList {
    limit: Option<u32>,
    starting_after: Option<String>,
}

impl NewImport {
    fn wanted(&self) -> Result<Wanted, Problem> {
        // Nothing stands for it when it is absent: that is told with what would be right.
        let kind = self.kind.as_deref().or(Some(""));
        let kind = named("?kind", kind, Kind::ALL, |one| one.as_str())?;
        let format = named("?format", self.format.as_deref(), Format::ALL, Format::name)?;
        let wrong =
            |pointer: &str, error: String, sent: &str| Problem::field(pointer, error, sent.into());
        let currency = self.currency.as_deref().map(|sent| {
            let parsed = sent.parse::<Currency>();
            parsed.map_err(|error| wrong("?currency", error.to_string(), sent))
        });
        let location_id = self.location_id.as_deref().map(|sent| {
            sent.parse().map_err(|error| wrong("?location_id", format!("{error}"), sent))
        });
        let wanted = Wanted {
            kind: kind.unwrap_or(Kind::Products),
            format: format.unwrap_or(Format::Csv),
            dry_run: self.dry_run.unwrap_or(false),
            currency: currency.transpose()?,
            location_id: location_id.transpose()?,
        };
        if matches!(wanted.format, Format::Foreign(_)) && wanted.kind == Kind::Stock {
            let expected = "expected `csv` or `ndjson` for a file of stock";
            return Err(wrong("?format", expected.into(), wanted.format.name()));
        }
        Ok(wanted)
    }
}

/// Who sends a file. One of products may carry stock: whoever sends it may write both.
fn door(app: &App, caller: &Caller, kind: Kind) -> Result<Door, Problem> {
    let needed: &[Scope] = match kind {
        Kind::Products => &[Scope::CatalogWrite, Scope::StockWrite],
        Kind::Stock => &[Scope::StockWrite],
    };
    let principal = caller.principal().ok_or_else(gate::unauthenticated)?;
    for scope in needed {
        if !principal.scopes.contains(*scope) {
            return Err(gate::forbidden(&format!("this needs `{}`", scope.as_str())));
        }
    }
    let access = principal.access(Scopes::of(needed), None);
    let caller = EngineCaller { actor: principal.actor(), access };
    let (submit, reader) = (app.submit.clone(), app.reader.clone());
    Ok(Door { submit, reader, caller, batch_rows: IMPORT_BATCH_ROWS })
}

const CSV_EXAMPLE: &str = "sku,name,price,currency,on_hand\nTEA-1,Green tea,49900,INR,100\n";
const NDJSON_EXAMPLE: &str = "{\"sku\":\"TEA-1\",\"on_hand\":100}\n";

/// Import a file of products or stock.
///
/// The body is taken while it arrives, row by row: a row that is refused is told and does not stop
/// the others. Where the connection breaks, the same file under the same key goes on.
#[utoipa::path(post, path = "/v1/imports", tag = "Bulk data",
    security(("bearer" = ["stock:write"])),
    params(NewImport, ("Idempotency-Key" = String, Header,)),
    request_body(content(
        (String = "text/csv", example = json!(CSV_EXAMPLE)),
        (String = "application/x-ndjson", example = json!(NDJSON_EXAMPLE)))),
    extensions(("x-codes" = json!(["unknown_location", "import_ended", "import_moved",
        "import_file_differs"]))),
    responses((status = 201, description = "The import", body = ImportView<'static>)))]
async fn create_import(
    State(app): State<App>,
    Params(query, _): Params<NewImport>,
    upload: Upload,
) -> Result<Response, Problem> {
    let wanted = query.wanted()?;
    let Upload { call, body } = upload;
    call.expect_key()?;
    let door = door(&app, call.caller(), wanted.kind)?;
    let mut was_before = false;
    let begin = async |command| -> Result<_, Problem> {
        let answer = call.submit_once(command).await?;
        was_before = answer.replayed;
        Ok(answer)
    };
    let import = take::begin(&door, wanted, source(body), begin, |_| {}).await?;
    let response = shown(&app, import.id, StatusCode::CREATED).await?;
    Ok(replayed(located(response, &format!("/v1/imports/{}", import.id)), was_before))
}

/// Go on with an import: send the same file again.
///
/// What was taken is compared and not taken again; another file is refused.
#[utoipa::path(post, path = "/v1/imports/{id}", tag = "Bulk data",
    security(("bearer" = ["stock:write"])), params(("id" = String, Path,)),
    request_body(content(
        (String = "text/csv", example = json!(CSV_EXAMPLE)),
        (String = "application/x-ndjson", example = json!(NDJSON_EXAMPLE)))),
    extensions(("x-codes" = json!(["import_ended", "import_moved",
        "import_file_differs"]))),
    responses((status = 200, description = "The import", body = ImportView<'static>)))]
async fn resume_import(
    State(app): State<App>,
    Named(id): Named,
    Upload { call, body }: Upload,
) -> Result<Response, Problem> {
    let id: ImportId = in_path(&id)?;
    let found = app.reader.import(id).await?;
    let found = found.ok_or_else(|| Problem::not_found(&format!("`{id}`")))?.import;
    let door = door(&app, call.caller(), found.plan.kind)?;
    let import = take::resume(&door, found, source(body), |_| {}).await?;
    shown(&app, import.id, StatusCode::OK).await
}

/// List imports, newest first.
#[utoipa::path(get, path = "/v1/imports", tag = "Bulk data",
    security(("bearer" = ["stock:read"])), params(ImportList),
    responses((status = 200, description = "A page", body = List<ImportView<'static>>)))]
async fn list_imports(
    State(app): State<App>,
    Params(query, sent): Params<ImportList>,
) -> Result<Response, Problem> {
    let before = cursor(query.starting_after.as_deref(), ImportId::number)?;
    let page = app.reader.imports(before, page_rows(query.limit)?).await?;
    Ok(list(&page, ("/v1/imports", &sent), ImportView::of, |id| format!("imp_{id}")))
}

/// Read an import, with the rows that were not taken over.
#[utoipa::path(get, path = "/v1/imports/{id}", tag = "Bulk data",
    security(("bearer" = ["stock:read"])), params(("id" = String, Path,)),
    responses((status = 200, description = "The import", body = ImportView<'static>)))]
async fn get_import(State(app): State<App>, Named(id): Named) -> Result<Response, Problem> {
    shown(&app, in_path(&id)?, StatusCode::OK).await
}

async fn shown(app: &App, id: ImportId, status: StatusCode) -> Result<Response, Problem> {
    match app.reader.import(id).await? {
        Some(row) => Ok(versioned(status, row.import.version, &ImportView::whole(&row))),
        None => Err(Problem::not_found(&format!("`{id}`"))),
    }
}

/// A body as it arrives, with a bound on its size and on how long it may be silent.
fn source(body: Body) -> impl Stream<Item = Result<Bytes, SourceFault>> + Unpin {
    let parts = (body.into_data_stream(), 0_u64);
    Box::pin(stream::unfold(Some(parts), |parts| async move {
        let (mut body, before) = parts?;
        let fault = match tokio::time::timeout(IMPORT_IDLE_MAX, body.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(chunk))) => {
                let bytes = before + chunk.len() as u64;
                if bytes <= IMPORT_BYTES_MAX {
                    return Some((Ok(chunk), Some((body, bytes))));
                }
                SourceFault::TooLarge(IMPORT_BYTES_MAX)
            }
            Ok(Some(Err(error))) => SourceFault::Incomplete(error.to_string()),
            Err(_) => SourceFault::Idle(IMPORT_IDLE_MAX.as_secs()),
        };
        Some((Err(fault), None))
    }))
}

impl From<TakeError> for Problem {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::File(fault) => unreadable(&fault),
            TakeError::Source(fault) => {
                let detail = fault.to_string();
                match fault {
                    SourceFault::Incomplete(_) => body_incomplete(),
                    SourceFault::Idle(_) => {
                        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
                    }
                    SourceFault::TooLarge(_) => {
                        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
                    }
                }
            }
            TakeError::Refused(refusal) => Problem::from(Refusal::clone(&refusal)),
            TakeError::Submit(error) => error.into(),
            TakeError::Read(error) => error.into(),
            TakeError::Plan(reason) => {
                tracing::error!(reason, "an import cannot be gone on with");
                Problem::internal()
            }
        }
    }
}

fn unreadable(fault: &FileFault) -> Problem {
    Problem::field("", fault.to_string(), serde_json::Value::Null)
}
