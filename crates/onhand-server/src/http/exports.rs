//! `/v1/exports`: products, stock, orders and the ledger, streamed. An answer that breaks off was
//! not whole: its connection is cut, and nothing is put in the place of the rest.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use crate::app::App;
use crate::exports::{Export, Form, What};

macro_rules! exports {
    ($($(#[$doc:meta])* $name:ident: $path:literal, $scope:literal, $what:ident, $form:ident,
        $media:literal, $example:literal;)+) => {
        /// The routes of exports.
        pub fn routes() -> OpenApiRouter<App> {
            OpenApiRouter::new()$(.routes(routes!($name)))+
        }

        $(
            $(#[$doc])*
            #[utoipa::path(get, path = $path, tag = "Bulk data",
                security(("bearer" = [$scope])),
                responses((status = 200, description = "All of it, as a stream",
                    content((String = $media, example = json!($example))))))]
            async fn $name(State(app): State<App>) -> Result<Response, Problem> {
                streamed(app, What::$what, Form::$form).await
            }
        )+
    };
}

exports! {
    /// Export the catalogue as CSV. It can be imported again.
    export_products_csv: "/v1/exports/products.csv", "catalog:read", Products, Csv, "text/csv",
        "sku,name,description,price,currency,category_ids,active,id,version\n";
    /// Export the catalogue as NDJSON, products as the API shows them. It can be imported again.
    export_products_ndjson: "/v1/exports/products.ndjson", "catalog:read", Products, Ndjson,
        "application/x-ndjson", "{\"id\":\"prd_7\",\"object\":\"product\",\"sku\":\"TEA-1\"}\n";
    /// Export what is where as CSV. It can be imported again.
    export_stock_csv: "/v1/exports/stock.csv", "stock:read", Stock, Csv, "text/csv",
        "sku,location,on_hand,safety_stock,low_stock_threshold,reserved,available\n";
    /// Export what is where as NDJSON. It can be imported again.
    export_stock_ndjson: "/v1/exports/stock.ndjson", "stock:read", Stock, Ndjson,
        "application/x-ndjson", "{\"sku\":\"TEA-1\",\"location\":\"main\",\"on_hand\":48}\n";
    /// Export orders as CSV, a row for each line.
    export_orders_csv: "/v1/exports/orders.csv", "orders:read", Orders, Csv, "text/csv",
        "order_id,status,customer_id,external_reference,created_at,updated_at,currency,total\n";
    /// Export orders as NDJSON, as the API shows them.
    export_orders_ndjson: "/v1/exports/orders.ndjson", "orders:read", Orders, Ndjson,
        "application/x-ndjson", "{\"id\":\"ord_42\",\"object\":\"order\"}\n";
    /// Export the ledger as CSV, oldest entry first.
    export_movements_csv: "/v1/exports/movements.csv", "stock:read", Movements, Csv, "text/csv",
        "seq,sku,location,kind,reason,reference,actor,delta_on_hand,delta_reserved\n";
    /// Export the ledger as NDJSON, oldest entry first.
    export_movements_ndjson: "/v1/exports/movements.ndjson", "stock:read", Movements, Ndjson,
        "application/x-ndjson", "{\"seq\":1,\"sku\":\"TEA-1\",\"kind\":\"received\"}\n";
}

/// The first part is read before anything is answered: what fails then is told as a problem.
async fn streamed(app: App, what: What, form: Form) -> Result<Response, Problem> {
    let mut export = Export::new(app.reader.clone(), what, form);
    let first = export.next().await?;
    let parts = stream::unfold((export, Some(first)), |(mut export, first)| async move {
        let part = match first {
            Some(first) => Ok(first),
            None => export.next().await,
        };
        match part {
            Ok(part) => part.map(|part| (Ok(part), (export, None))),
            Err(error) => {
                tracing::warn!(%error, "an export breaks off");
                Some((Err(std::io::Error::other(error.to_string())), (export, Some(None))))
            }
        }
    });
    let mut response = Body::from_stream(parts).into_response();
    let kind = HeaderValue::from_static(form.content_type());
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
