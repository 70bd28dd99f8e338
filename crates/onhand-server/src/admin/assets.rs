//! What pages load: a style sheet, a script and a picture. Their addresses change with what is in
//! them, so that a browser may keep them for good.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use sha2::{Digest, Sha256};

use super::Office;

const STYLE: &str = include_str!("assets/admin.css");
const SCRIPT: &str = include_str!("assets/admin.js");
const ICON: &str = include_str!("assets/icon.svg");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| addressed("admin.css", STYLE));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| addressed("admin.js", SCRIPT));
static ICON_PATH: LazyLock<String> = LazyLock::new(|| addressed("icon.svg", ICON));

fn addressed(name: &str, content: &str) -> String {
    let hash = Sha256::digest(content);
    let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("/admin/assets/{name}?v={hash}")
}

pub(super) fn style_path() -> &'static str {
    &STYLE_PATH
}

pub(super) fn script_path() -> &'static str {
    &SCRIPT_PATH
}

pub(super) fn icon_path() -> &'static str {
    &ICON_PATH
}

pub(super) fn routes() -> Router<Office> {
    let file = |kind: &'static str, content: &'static str| {
        get(async move || {
            let kind = HeaderValue::from_static(kind);
            let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], content).into_response()
        })
    };
    Router::new()
        .route("/admin/assets/admin.css", file("text/css; charset=utf-8", STYLE))
        .route("/admin/assets/admin.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/admin/assets/icon.svg", file("image/svg+xml", ICON))
}
