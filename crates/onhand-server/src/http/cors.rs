//! Which pages of other origins may read answers: none, unless they are listed one by one. There is
//! no way to say "all", but for the dialect whose contract says it; and browsers are never told to
//! send credentials of their own: callers send a token in a header, and cookies there are none.

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{Any, CorsLayer};

use super::headers::API_KEY;
use crate::limits::PREFLIGHT_AGE_MAX;

/// What a page may send beside what every page may.
const SENT: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("request-id"),
];

/// What a page may read beside what every page may.
const EXPOSED: [HeaderName; 8] = [
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    HeaderName::from_static("idempotency-replayed"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("request-id"),
];

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Not what a browser calls an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin as browsers spell it: expected `https://shop.example`, in lower case, \
     with a port only where it is not the usual one, and nothing behind it; `*` is not allowed"
)]
pub struct OriginError(String);

/// Reads an origin that is to be allowed.
///
/// # Errors
/// For anything that could never be equal to what a browser sends.
pub fn origin(text: &str) -> Result<HeaderValue, OriginError> {
    let wrong = || OriginError(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong());
    };
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(wrong()),
    };
    let is_exact = text == format!("{scheme}://{authority}")
        && text.is_ascii()
        && !text.contains(['@', '*'])
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
        && !authority.as_str().ends_with(':')
        && authority.port_u16() != Some(usual);
    if is_exact { HeaderValue::from_str(text).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// Lets these origins read answers; none of them, no layer. It answers preflights itself, so that
/// it must lie around whoever asks for a token.
pub(super) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let layer = CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods(METHODS)
        .allow_headers(SENT)
        .expose_headers(EXPOSED)
        .max_age(PREFLIGHT_AGE_MAX)
        .vary([header::ORIGIN]);
    (!origins.is_empty()).then_some(layer)
}

/// Lets pages of every origin ask a dialect that is open to all. Where nobody needs a key they may
/// only look: any page in the browser of whoever runs the server could change something otherwise.
pub(super) fn open(needs_key: bool) -> CorsLayer {
    let layer = CorsLayer::new().allow_origin(Any).expose_headers(EXPOSED);
    let layer = layer.max_age(PREFLIGHT_AGE_MAX);
    let sent = SENT.into_iter().chain([API_KEY]).collect::<Vec<_>>();
    if needs_key { layer.allow_methods(METHODS).allow_headers(sent) } else { layer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_spelled_as_browsers_do() {
        for (text, is_origin) in [
            ("https://shop.example", true),
            ("https://shop.example:8443", true),
            ("http://localhost:5173", true),
            ("http://[::1]:5173", true),
            ("https://xn--bcher-kva.example", true),
            ("*", false),
            ("null", false),
            ("", false),
            ("https://*.shop.example", false),
            ("https://shop.example/", false),
            ("https://shop.example/path", false),
            ("https://shop.example?query", false),
            ("https://Shop.example", false),
            ("HTTPS://shop.example", false),
            ("https://shop.example:443", false),
            ("http://shop.example:80", false),
            ("https://shop.example:", false),
            ("https://me@shop.example", false),
            ("https://bücher.example", false),
            ("shop.example", false),
            ("ftp://shop.example", false),
        ] {
            let read = origin(text);
            assert_eq!(read.is_ok(), is_origin, "{text}");
            assert!(read.is_ok_and(|read| read == text) == is_origin, "{text}");
        }
    }
}
