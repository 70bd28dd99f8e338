//! The two cookies of a session: the access token, and the refresh token that is taken for the next
//! one. Scripts cannot read them, and other sites cannot send them with a form.

use axum::http::{HeaderMap, HeaderValue, header};
use zeroize::Zeroizing;

use super::ROOT;
use crate::accounts::logins::Tokens;

/// What is held in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Refresh,
}

/// The names and attributes of cookies, which depend on whether clients are reached over TLS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies {
    is_encrypted: bool,
}

impl Cookies {
    /// For who has sent these headers. That a proxy has ended TLS is believed of anybody: whoever
    /// lies about it gets cookies that their own browser keeps to itself.
    pub(super) fn of(headers: &HeaderMap, is_encrypted: bool) -> Self {
        let scheme = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
        Self { is_encrypted: is_encrypted || scheme == Some(b"https") }
    }

    /// Over TLS the name says so: a browser then takes it from this host alone, and from nobody
    /// who speaks without.
    fn name(self, kind: Kind) -> &'static str {
        match (kind, self.is_encrypted) {
            (Kind::Access, true) => "__Host-onhand-access",
            (Kind::Access, false) => "onhand-access",
            (Kind::Refresh, true) => "__Host-onhand-refresh",
            (Kind::Refresh, false) => "onhand-refresh",
        }
    }

    /// What a request carries. Where a name is there twice the first counts, as everywhere.
    pub(super) fn read(self, headers: &HeaderMap, kind: Kind) -> Option<Zeroizing<String>> {
        let name = self.name(kind);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('=').filter(|(known, _)| *known == name));
        let (_, value) = pairs.next()?;
        (!value.is_empty()).then(|| Zeroizing::new(value.to_owned()))
    }

    /// Hands out the tokens of a session.
    pub(super) fn give(self, headers: &mut HeaderMap, tokens: &Tokens, life_secs: i64) {
        self.set(headers, Kind::Access, &tokens.access, tokens.access_secs);
        self.set(headers, Kind::Refresh, tokens.refresh.expose(), life_secs);
    }

    /// Takes them back.
    pub(super) fn take(self, headers: &mut HeaderMap) {
        self.set(headers, Kind::Access, "", 0);
        self.set(headers, Kind::Refresh, "", 0);
    }

    /// `Lax`, so that a link in a mail finds the session; what changes something is a form, and
    /// those another site cannot send with it.
    fn set(self, headers: &mut HeaderMap, kind: Kind, value: &str, secs: i64) {
        // With that name it has to be for every path; those of `/v1` do not look at it.
        let (path, secure) = if self.is_encrypted { ("/", "; Secure") } else { (ROOT, "") };
        let secs = secs.max(0);
        let name = self.name(kind);
        let cookie =
            format!("{name}={value}; Path={path}; Max-Age={secs}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            headers.append(header::SET_COOKIE, cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of the access token out of these lines.
    fn check(lines: &[&str], wanted: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        let found = Cookies { is_encrypted: false }.read(&headers, Kind::Access);
        assert_eq!(found.as_ref().map(|value| value.as_str()), wanted, "{lines:?}");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        check(&[], None);
        check(&["onhand-access=a"], Some("a"));
        check(&["x=1; onhand-access=a; y=2"], Some("a"));
        check(&["x=1", "onhand-access=a"], Some("a"));
        check(&["onhand-access=a; onhand-access=b"], Some("a"));
        check(&["onhand-access="], None);
        check(&["onhand-accessx=a", "xonhand-access=a", "onhand-access"], None);
        check(&["__Host-onhand-access=a"], None);
    }

    #[test]
    fn a_cookie_is_for_our_pages_and_for_no_script() {
        let mut headers = HeaderMap::new();
        Cookies { is_encrypted: true }.set(&mut headers, Kind::Access, "a", 900);
        Cookies { is_encrypted: false }.take(&mut headers);
        let lines: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(
            lines,
            [
                "__Host-onhand-access=a; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure",
                "onhand-access=; Path=/admin; Max-Age=0; HttpOnly; SameSite=Lax",
                "onhand-refresh=; Path=/admin; Max-Age=0; HttpOnly; SameSite=Lax",
            ]
        );
    }
}
