//! What every answer says to browsers, which are told to do as little with it as possible. All of
//! it is fixed text: an answer pays for a few entries in its map of headers and for nothing else.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// An answer is no document: it loads nothing and is shown in no frame.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Pages of the API's description load what lies beside them, and nothing from anywhere else. What
/// they build while they run carries styles of its own; pictures are part of their style sheet.
const OWN_FILES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);
/// The live page loads its own files, hears from its own server, and has no style in its text.
const OWN_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// Pages of the administration load their own style sheet and script, and are sent forms of.
const ADMINISTRATION: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// Without it a browser says of a form that it comes from nowhere.
const OWN_REFERRER: HeaderValue = HeaderValue::from_static("same-origin");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// One year. Subdomains are their owner's business.
const ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// What some clients send a key in.
pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Other origins that are allowed to read answers (`cors.rs`) ask in another mode, which this does
/// not touch.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// What an answer is to a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// For programs.
    Nothing,
    /// The description of the API, to click through.
    OwnFiles,
    /// The live page.
    OwnPage,
    /// The pages for people who run the shop.
    Administration,
}

impl Policy {
    fn value(self) -> HeaderValue {
        match self {
            Self::Nothing => NOTHING,
            Self::OwnFiles => OWN_FILES,
            Self::OwnPage => OWN_PAGE,
            Self::Administration => ADMINISTRATION,
        }
    }

    fn referrer(self) -> HeaderValue {
        match self {
            Self::Nothing | Self::OwnFiles | Self::OwnPage => NO_REFERRER,
            Self::Administration => OWN_REFERRER,
        }
    }
}

/// What the headers of an answer depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shield {
    policy: Policy,
    is_private: bool,
    is_encrypted: bool,
}

impl Shield {
    /// Looks at a request, which came over TLS or not.
    pub(super) fn of(request: &Request, is_encrypted: bool) -> Self {
        let path = request.uri().path();
        let below = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        // Caches know of the first that what it gets is private, and nothing of the second.
        let credentials = [header::AUTHORIZATION, API_KEY];
        let has_credentials = credentials.iter().any(|name| request.headers().contains_key(name));
        let policy = match () {
            () if below("/docs") => Policy::OwnFiles,
            () if below("/status") => Policy::OwnPage,
            () if below("/admin") => Policy::Administration,
            () => Policy::Nothing,
        };
        // What pages load is the same for everybody and kept.
        let is_page = policy == Policy::Administration && !below("/admin/assets");
        let is_private = has_credentials || is_page || below("/v1/auth");
        Self { policy, is_private, is_encrypted }
    }

    /// Puts them on the answer.
    pub(super) fn cover(self, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.insert(OPENER_POLICY, SAME_ORIGIN);
        headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
        headers.insert(header::REFERRER_POLICY, self.policy.referrer());
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.value());
        if self.is_private {
            headers.insert(header::CACHE_CONTROL, NO_STORE);
        }
        if self.is_encrypted {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, ENCRYPTED);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    /// The headers of an answer, one a line.
    fn check(path: &str, headers: &[(&str, &str)], is_encrypted: bool, wanted: &[&str]) {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = HeaderMap::new();
        answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Shield::of(&request.body(Body::empty()).unwrap(), is_encrypted).cover(&mut answer);
        let mut lines: Vec<_> = answer
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        assert!(
            lines.iter().zip(wanted).all(|(line, part)| line.contains(part)),
            "{path}: {lines:#?}"
        );
        assert_eq!(lines.len(), wanted.len(), "{path}: {lines:#?}");
    }

    const PLAIN: [&str; 6] = [
        "cache-control: no-cache",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
    ];

    #[test]
    fn browsers_are_told_to_do_nothing_with_an_answer() {
        for path in ["/v1/orders", "/livez", "/docsx", "/v1/authx", "/nowhere"] {
            check(path, &[], false, &PLAIN);
        }
    }

    #[test]
    fn what_is_private_is_stored_nowhere() {
        let mut wanted = PLAIN;
        wanted[0] = "cache-control: no-store";
        check("/v1/orders", &[("authorization", "Bearer x")], false, &wanted);
        check("/v1/orders", &[("x-api-key", "x")], false, &wanted);
        check("/v1/auth", &[], false, &wanted);
        check("/v1/auth/login", &[], false, &wanted);
    }

    #[test]
    fn pages_load_files_of_their_own_only() {
        let mut wanted = PLAIN;
        wanted[1] = "content-security-policy: default-src 'none'; script-src 'self'; ";
        for path in ["/docs", "/docs/", "/docs/index.html"] {
            check(path, &[], false, &wanted);
        }
        for path in ["/status", "/status/live"] {
            wanted[1] = "content-security-policy: default-src 'none'; script-src 'self'; \
                         style-src 'self'; connect-src 'self'; ";
            check(path, &[], false, &wanted);
        }
        for policy in [OWN_FILES, OWN_PAGE] {
            let policy = policy.to_str().unwrap();
            assert!(!policy.contains("//") && !policy.contains("unsafe-eval"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
    }

    #[test]
    fn encrypted_once_is_encrypted_for_a_year() {
        let mut wanted = PLAIN.to_vec();
        wanted.insert(5, "strict-transport-security: max-age=31536000");
        check("/v1/orders", &[], true, &wanted);
    }
}
