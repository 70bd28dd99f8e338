//! An operator at the pages of the running binary, with what a browser would send along.

use axum::http::{HeaderName, HeaderValue, Method, header};
use onhand_server::client::{Connection, Reply};

use crate::server::Server;

/// What the demo's admin types.
const LOGIN: &str = "email=admin%40example.com&password=admin123";

/// Somebody who is logged in.
pub(crate) struct Operator {
    connection: Connection,
    cookies: String,
}

/// A page as it came.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) html: String,
}

impl Page {
    fn of(reply: &Reply) -> Self {
        Self {
            status: reply.status.as_u16(),
            retry_after: reply.headers.get(header::RETRY_AFTER).cloned(),
            html: String::from_utf8(reply.body.to_vec()).unwrap(),
        }
    }

    fn field(&self, name: &str) -> &str {
        let (_, rest) = self.html.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split_once('"').unwrap().0
    }
}

impl Operator {
    /// Somebody who does not have to be let in any more for a while.
    pub(crate) async fn at(server: &Server) -> Self {
        let mut operator = Self { connection: server.connect(), cookies: String::new() };
        let reply = operator.ask(Method::POST, "/admin/login", LOGIN).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        let lines = reply.headers.get_all(header::SET_COOKIE).iter();
        let pairs = lines.map(|line| line.to_str().unwrap().split(';').next().unwrap());
        operator.cookies = pairs.collect::<Vec<_>>().join("; ");
        operator
    }

    async fn ask(&mut self, method: Method, path: &str, body: &str) -> Reply {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let cookies = HeaderValue::from_str(&self.cookies).unwrap();
        let here = HeaderValue::from_static("same-origin");
        let headers = [
            (header::COOKIE, cookies),
            (header::CONTENT_TYPE, form),
            (HeaderName::from_static("sec-fetch-site"), here),
        ];
        let body = body.to_owned().into_bytes();
        self.connection.send(method, path, &headers, body.into()).await.unwrap()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        Page::of(&self.ask(Method::GET, path, "").await)
    }

    /// Sends a form that stands on a page.
    pub(crate) async fn send(&mut self, on: &Page, path: &str, fields: &str) -> Page {
        let (csrf, key, version) = (on.field("csrf"), on.field("key"), on.field("version"));
        let body = format!("csrf={csrf}&key={key}&version={version}&{fields}");
        Page::of(&self.ask(Method::POST, path, &body).await)
    }
}
