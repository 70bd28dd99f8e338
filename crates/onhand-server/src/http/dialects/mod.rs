//! Dialects: the HTTP contracts of other systems, spoken by this one. A dialect parses the requests
//! of its contract into the commands and queries that `/v1` has, and renders the answers of its
//! contract. It holds no rule, no SQL and no state, and reads no row that `/v1` would not show.
//!
//! What all of them share is here: where their routes are served, who may come in, and how whatever
//! goes wrong finds its words. What one of them says is in its own module, which offers a
//! [`Tongue`].

mod asked;
mod basket;
mod decimal;
mod fault;
mod fields;
mod flow;
mod natural;
mod oms;
pub mod options;
mod pass;
mod places;
mod processing;
mod stock;
mod storefront;
mod uuids;
mod whole;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{HeaderName, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::Url;

use super::gate::{Needs, SCHEME, UnclearNeed};
use super::problem::Problem;
use crate::app::App;
use crate::auth::limiter::Class;
use asked::Asked;
use fault::Fault;
pub use places::{Anonymous, Dialects, Place};

/// A contract that is spoken beside `/v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Products, inventory and orders of a shop, with integers for ids.
    Storefront,
    /// Stock levels and reservations by SKU.
    Stock,
    /// Users, orders and payments through Razorpay.
    Oms,
    /// Orders that are processed by a queue.
    Processing,
    /// Users who buy one unit at a time.
    Flow,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Storefront, Self::Stock, Self::Oms, Self::Processing, Self::Flow];

    /// The name in options, paths and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Stock => "stock",
            Self::Oms => "oms",
            Self::Processing => "processing",
            Self::Flow => "flow",
        }
    }

    /// Reads the name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == name)
    }

    /// Whether its contract knows no credentials. Its routes need an API key all the same, unless
    /// whoever runs the server says otherwise.
    pub const fn is_keyless(self) -> bool {
        match self {
            Self::Storefront | Self::Stock | Self::Flow => true,
            Self::Oms | Self::Processing => false,
        }
    }

    /// How it speaks.
    pub(super) fn tongue(self) -> &'static Tongue {
        match self {
            Self::Storefront => &storefront::TONGUE,
            Self::Stock => &stock::TONGUE,
            Self::Oms => &oms::TONGUE,
            Self::Processing => &processing::TONGUE,
            Self::Flow => &flow::TONGUE,
        }
    }

    /// Where its description is served.
    const fn description_path(self) -> &'static str {
        match self {
            Self::Storefront => "/dialects/storefront/openapi.json",
            Self::Stock => "/dialects/stock/openapi.json",
            Self::Oms => "/dialects/oms/openapi.json",
            Self::Processing => "/dialects/processing/openapi.json",
            Self::Flow => "/dialects/flow/openapi.json",
        }
    }
}

/// How a dialect speaks: all that its module offers to this one.
pub(super) struct Tongue {
    /// Its routes as they are served and described, under all of their prefixes. Each says in its
    /// `security` what the same action needs under `/v1`.
    pub(super) routes: fn() -> OpenApiRouter<App>,
    /// What its description is called.
    pub(super) title: &'static str,
    /// Puts into its words what went wrong, with what was asked.
    pub(super) fault: fn(&Problem, &Asked) -> Fault,
    /// What it says where it has no such route, or no such method on one.
    pub(super) no_route: fn(&Asked) -> Fault,
    /// Paths at and below which whatever is unknown is answered by it, where it shares a listener.
    pub(super) roots: &'static [&'static str],
    /// Which limit a request counts against, by its method and route; [`by_method`] where it places
    /// no orders and lets nobody log in.
    pub(super) class: fn(&Method, &str) -> Class,
    /// A header in which its clients send an id of their own, and expect one back.
    pub(super) correlation: Option<HeaderName>,
    /// Whether pages of any origin may ask, unless some are listed.
    pub(super) is_open: bool,
}

/// The limit of a request that is neither a checkout nor a login.
pub(super) fn by_method(method: &Method, _: &str) -> Class {
    match *method {
        Method::GET | Method::HEAD => Class::Reads,
        _ => Class::Writes,
    }
}

/// The same where orders are placed at `/order`.
pub(super) fn by_order(method: &Method, route: &str) -> Class {
    match (method, route) {
        (&Method::POST, "/order") => Class::Checkout,
        (method, route) => by_method(method, route),
    }
}

/// What each route of a dialect needs, as its description says.
///
/// # Errors
/// The first route that does not say it.
pub(super) fn needs(dialect: Dialect) -> Result<Needs, UnclearNeed> {
    let paths = (dialect.tongue().routes)().into_openapi().paths;
    let paths = serde_json::to_value(paths).unwrap_or_default();
    Needs::of(&json!({ "paths": paths }))
}

/// The description of a dialect's routes, as OpenAPI 3.1.
pub fn openapi(dialect: Dialect) -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(info(title = "onhand", license(name = "MIT OR Apache-2.0")))]
    struct Description;

    let mut api = (dialect.tongue().routes)().into_openapi();
    api.info = Description::openapi().info;
    dialect.tongue().title.clone_into(&mut api.info.title);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token, or an API key with the scopes that are named."))
        .build();
    let key = ApiKey::Header(ApiKeyValue::new("X-Api-Key"));
    let mut components = api.components.take().unwrap_or_default();
    components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    components.add_security_scheme("key", SecurityScheme::ApiKey(key));
    api.components = Some(components);
    api
}

/// The routes of one dialect behind their gate.
fn gated(app: &App, dialect: Dialect) -> Router<App> {
    let room = pass::Room { app: app.clone(), dialect };
    let (routes, _) = (dialect.tongue().routes)().split_for_parts();
    let lost = (async || ()).layer(from_fn_with_state(room.clone(), pass::lose));
    let gate = from_fn_with_state(room, pass::enter);
    let routes = routes.layer(gate).method_not_allowed_fallback(lost);
    let is_open = dialect.tongue().is_open && app.settings.cors_origins.is_empty();
    if !is_open {
        return routes;
    }
    // It answers preflights itself.
    let needs_key = app.settings.dialects.anonymous_in(dialect) == Anonymous::Nobody;
    let form = from_fn_with_state(app.clone(), super::dress::pass);
    routes.layer(super::cors::open(needs_key)).layer(form)
}

/// The routes of all dialects that share the main listener.
pub(super) fn on_main(app: &App) -> Router<App> {
    let here = app.settings.dialects.on_main();
    here.fold(Router::new(), |all, dialect| all.merge(gated(app, dialect)))
}

/// The routes of a dialect that has a listener for itself: there it answers everything.
pub fn alone(app: App, dialect: Dialect) -> Router {
    let room = pass::Room { app: app.clone(), dialect };
    let lost = (async || ()).layer(from_fn_with_state(room, pass::lose));
    let mut open = Router::new();
    if dialect == Dialect::Oms {
        open = open.merge(super::ops::plain_health());
    }
    if dialect == Dialect::Storefront {
        open = open.merge(super::status::guarded(&app));
    }
    if !app.settings.has_ops_listener {
        open = open.merge(super::documents_of(&[dialect]));
    }
    let form = from_fn_with_state(app.clone(), super::dress::pass);
    let routes = gated(&app, dialect).merge(open.layer(form));
    routes.fallback(lost).with_state(app)
}

/// Answers for a path of the main listener at which nothing is, if it lies where a dialect does.
pub(super) fn no_route(app: &App, request: &Request) -> Option<Response> {
    let dialect = claimed(app, request.uri().path())?;
    let room = pass::Room { app: app.clone(), dialect };
    Some(room.lost(&Asked::in_dialect(request, dialect)))
}

/// The dialect of the main listener to which a path belongs: where the longest of the paths leads
/// that they claim.
fn claimed(app: &App, path: &str) -> Option<Dialect> {
    let leads_here = |root: &&&str| {
        path.strip_prefix(**root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let claims = |dialect: Dialect| {
        let roots = dialect.tongue().roots.iter().filter(leads_here);
        roots.map(move |root| (root.len(), dialect))
    };
    app.settings.dialects.on_main().flat_map(claims).max().map(|(_, dialect)| dialect)
}

/// The descriptions of these, each at its path.
pub(super) fn descriptions(dialects: &[Dialect]) -> Router<App> {
    dialects.iter().fold(Router::new(), |routes, dialect| {
        let dialect = *dialect;
        let describe = async move || match openapi(dialect).to_json().map(Bytes::from) {
            Ok(words) => ([(header::CONTENT_TYPE, "application/json")], words).into_response(),
            Err(error) => super::answer::wordless(&error),
        };
        routes.route(dialect.description_path(), get(describe))
    })
}

/// The descriptions of these, as the page that shows them names them.
pub(super) fn urls(dialects: &[Dialect]) -> impl Iterator<Item = Url<'static>> {
    dialects.iter().map(|dialect| Url::new(dialect.as_str(), dialect.description_path()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn what_fails_within_has_the_shape_of_the_contract_and_tells_nothing() {
        let asked = Asked::of(&Request::new(Body::empty()));
        let why = "the server made a mistake";
        for (dialect, wanted) in [
            (
                Dialect::Storefront,
                json!({"ok": false, "error": "Failed to fetch orders", "message": why}),
            ),
            (
                Dialect::Stock,
                json!({"statusCode": 500, "message": why, "error": "Internal Server Error"}),
            ),
            (
                Dialect::Oms,
                json!({"statusCode": 500, "success": false, "message": "Internal server error",
                    "error": {"code": "INTERNAL_ERROR", "details": null}}),
            ),
            (Dialect::Processing, json!({"success": false, "error": {"message": why}})),
            (Dialect::Flow, json!({"message": why, "error": null})),
        ] {
            for is_literal in [false, true] {
                let fault = (dialect.tongue().fault)(&Problem::internal(), &asked);
                let (status, body) = fault.choose(is_literal);
                assert_eq!((status.as_u16(), &body), (500, &wanted), "{}", dialect.as_str());
            }
        }
    }
}
