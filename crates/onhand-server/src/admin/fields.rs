//! What a form has sent: names and values in their order, bounded, read once. What they mean is
//! said in `form.rs`.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};

use crate::http::call::read_body;
use crate::http::problem::Problem;
use crate::limits::{FORM_BYTES_MAX, FORM_FIELDS_MAX};

/// Fields as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a body.
    ///
    /// # Errors
    /// 415 for what is no form, 413 and 422 for what is too much.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = kind.unwrap_or("").split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = format!("the body is `{essence}`; this page takes forms");
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", detail));
        }
        Self::parse(&read_body(body, FORM_BYTES_MAX).await?)
    }

    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(body).take(FORM_FIELDS_MAX + 1).map(|(name, value)| {
            // Browsers end lines as mail does.
            (name.into_owned(), value.replace("\r\n", "\n"))
        });
        let fields: Vec<_> = pairs.collect();
        if fields.len() > FORM_FIELDS_MAX {
            let expected = format!("expected at most {FORM_FIELDS_MAX} fields");
            return Err(Problem::field("", expected, serde_json::Value::Null));
        }
        Ok(Self(fields))
    }

    /// Of a query, as far as it is one.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        Self::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default()
    }

    /// The first value of a name, without white space around it; none where nothing is left.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.raw(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The first value of a name as it was sent.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Those with this prefix, without it.
    pub(super) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    }

    /// As a query, without these names.
    pub(super) fn to_query(&self, without: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(
            self.iter().filter(|(name, value)| !without.contains(name) && !value.is_empty()),
        );
        query.finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_send_them() {
        let fields = Fields::parse(b"a=1+2&b=%26&a=3&c=&d=x%0D%0Ay").unwrap();
        assert_eq!(fields.get("a"), Some("1 2"));
        assert_eq!(fields.get("b"), Some("&"));
        assert_eq!(fields.get("c"), None);
        assert_eq!(fields.get("d"), Some("x\ny"));
        assert_eq!(fields.get("e"), None);
        assert_eq!(fields.to_query(&["a"]), "b=%26&d=x%0Ay");
    }

    #[test]
    fn a_form_of_too_many_fields_is_refused() {
        let body = "a=1&".repeat(FORM_FIELDS_MAX + 1);
        assert_eq!(Fields::parse(body.as_bytes()).unwrap_err().status.as_u16(), 422);
        let body = "a=1&".repeat(FORM_FIELDS_MAX);
        assert_eq!(Fields::parse(body.as_bytes()).unwrap().iter().count(), FORM_FIELDS_MAX);
    }
}
