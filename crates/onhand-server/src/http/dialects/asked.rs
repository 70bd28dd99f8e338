//! What was asked, as far as words for what went wrong depend on it.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, Uri};

use super::Dialect;
use crate::http::gate::Denial;

/// What was asked. Cheap to make: every request of a dialect has one.
#[derive(Debug)]
pub(in crate::http) struct Asked {
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    /// Why nobody was let in, if that is what went wrong.
    pub(super) denial: Option<Denial>,
    correlation: Option<HeaderValue>,
}

impl Asked {
    /// Looks at a request.
    pub(super) fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self { method, uri, route, denial: None, correlation: None }
    }

    /// The same, with the id that a client of this dialect has sent.
    pub(super) fn in_dialect(request: &Request, dialect: Dialect) -> Self {
        let name = dialect.tongue().correlation.as_ref();
        let sent = name.and_then(|name| request.headers().get(name));
        Self { correlation: sent.cloned(), ..Self::of(request) }
    }

    /// With which method.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was sent.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The route that answers there, as it is described; empty where there is none.
    pub(super) fn route(&self) -> &str {
        self.route.as_ref().map_or("", MatchedPath::as_str)
    }

    /// What most of the originals say where nothing is.
    pub(super) fn cannot(&self) -> String {
        format!("Cannot {} {}", self.method, self.path())
    }

    /// The id that the client has sent in the dialect's own header.
    pub(super) fn correlation(&self) -> Option<&HeaderValue> {
        self.correlation.as_ref()
    }
}
