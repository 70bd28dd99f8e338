//! Whether a form was sent by a page of ours. Two walls: browsers say from which site a request
//! comes, and every form carries a token that follows from the session and that no other site can
//! read. The second holds where a browser says nothing.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use onhand_core::ids::SessionId;
use subtle::ConstantTimeEq;

use crate::auth::secrets::Secret;

/// The name of the field.
pub(super) const FIELD: &str = "csrf";

/// The token of a session.
pub(super) fn token(secret: &Secret, session: SessionId) -> String {
    let secret = secret.derive("forms");
    let mac = secret.mac().chain_update(session.number().to_be_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Whether this is the token of a session, under any of the secrets: they are renewed while forms
/// are open.
pub(super) fn is_token(secrets: &[Secret], session: SessionId, shown: &str) -> bool {
    secrets.iter().any(|secret| token(secret, session).as_bytes().ct_eq(shown.as_bytes()).into())
}

/// Whether the browser says that another site has sent this.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = text("sec-fetch-site") {
        return site != "same-origin";
    }
    let Some(origin) = text("origin") else { return false };
    let host = text(header::HOST.as_str()).unwrap_or("");
    let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
    authority.is_empty() || !authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)], is_from_elsewhere: bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        assert_eq!(is_foreign(&map), is_from_elsewhere, "{headers:?}");
    }

    #[test]
    fn what_another_site_sends_is_known_by_what_browsers_say() {
        let host = ("host", "shop.example:3000");
        check(&[], false);
        check(&[host], false);
        check(&[host, ("sec-fetch-site", "same-origin")], false);
        check(&[host, ("sec-fetch-site", "same-site")], true);
        check(&[host, ("sec-fetch-site", "cross-site")], true);
        check(&[host, ("sec-fetch-site", "none")], true);
        check(&[host, ("origin", "https://shop.example:3000")], false);
        check(&[host, ("origin", "https://SHOP.example:3000")], false);
        check(&[host, ("origin", "https://shop.example")], true);
        check(&[host, ("origin", "https://evil.example")], true);
        check(&[host, ("origin", "null")], true);
        check(&[("origin", "https://shop.example:3000")], true);
    }

    #[test]
    fn a_token_is_good_in_its_session_and_under_its_secret() {
        let [new, old] = ["new", "old"].map(Secret::new);
        let (mine, other) = (SessionId::new(7).unwrap(), SessionId::new(8).unwrap());
        let shown = token(&old, mine);
        assert!(is_token(&[new.clone(), old.clone()], mine, &shown));
        assert!(!is_token(&[new.clone(), old], other, &shown));
        assert!(!is_token(&[new], mine, &shown));
        assert!(!is_token(&[], mine, ""));
    }
}
