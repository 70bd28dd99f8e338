//! Somebody at a desk with a browser: looks at pages, fills in the forms that stand on them, and
//! sends what the page holds. A form that is not on the page cannot be sent.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use onhand_core::accounts::{Role, Scopes};
use tower::ServiceExt;

use crate::people::{register, token_of};
use crate::world::World;

pub(crate) struct Desk<'a> {
    world: &'a World,
    cookie: String,
}

/// A page as it was shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl<'a> Desk<'a> {
    /// An admin's.
    pub(crate) async fn new(world: &'a World) -> Self {
        Self::of(world, Role::Admin, None).await
    }

    /// Of an operator with these scopes.
    pub(crate) async fn with(world: &'a World, scopes: &str) -> Self {
        Self::of(world, Role::Operator, Some(scopes.parse().unwrap())).await
    }

    async fn of(world: &'a World, role: Role, scopes: Option<Scopes>) -> Self {
        static DESKS: AtomicU32 = AtomicU32::new(0);
        let email = format!("desk-{}@example.com", DESKS.fetch_add(1, Ordering::Relaxed));
        let user = register(world, &email, (role, scopes), None).await;
        let cookie = format!("onhand-access={}", token_of(world, &user));
        Self { world, cookie }
    }

    pub(crate) async fn get(&self, path: &str) -> Shown {
        self.ask(Method::GET, path, String::new()).await
    }

    /// The page, which has to be there and small enough.
    pub(crate) async fn page(&self, path: &str) -> Shown {
        let shown = self.get(path).await;
        assert_eq!(shown.status, 200, "{path}: {}", shown.html);
        assert!(shown.html.len() < 100_000, "{path} has {} bytes", shown.html.len());
        assert!(!shown.html.contains(" style=") && !shown.html.contains(" onclick="), "{path}");
        shown
    }

    /// Sends a form as the page holds it, with these fields filled in.
    pub(crate) async fn send(&self, page: &Shown, action: &str, typed: &[(&str, &str)]) -> Shown {
        self.send_the(page, action, "", typed).await
    }

    /// The same, of the form in which this text stands: it may be there several times.
    pub(crate) async fn send_the(
        &self,
        page: &Shown,
        action: &str,
        holding: &str,
        typed: &[(&str, &str)],
    ) -> Shown {
        let mut fields = page.form(action, holding);
        for (name, value) in typed {
            let is_there = page.html.contains(&format!(r#"name="{name}""#));
            assert!(is_there, "`{name}` cannot be filled in");
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        // A box that is not ticked is not sent.
        fields.retain(|(_, value)| value != "\0");
        let mut body = form_urlencoded::Serializer::new(String::new());
        self.ask(Method::POST, action, body.extend_pairs(fields).finish()).await
    }

    /// Sends a form and goes where its answer leads.
    pub(crate) async fn do_it(&self, page: &Shown, action: &str, typed: &[(&str, &str)]) -> Shown {
        let sent = self.send(page, action, typed).await;
        self.follow(&sent).await
    }

    /// Where an answer leads.
    pub(crate) async fn follow(&self, sent: &Shown) -> Shown {
        assert_eq!(sent.status, 303, "{}", sent.html);
        self.page(sent.headers[header::LOCATION].to_str().unwrap()).await
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Shown {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let html = body.collect().await.unwrap().to_bytes().to_vec();
        let html = String::from_utf8(html).unwrap();
        Shown { status: parts.status.as_u16(), headers: parts.headers, html }
    }
}

impl Shown {
    /// Fails unless the page says all of this.
    pub(crate) fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.html.contains(text), "`{text}` is not on the page:\n{}", self.html);
        }
    }

    /// Fails when the page says any of this.
    pub(crate) fn says_not(&self, texts: &[&str]) {
        for text in texts {
            assert!(!self.html.contains(text), "`{text}` is on the page:\n{}", self.html);
        }
    }

    /// The cells of the row of a table in which this text stands, without their marks.
    pub(crate) fn row(&self, holding: &str) -> Vec<String> {
        let mut rows = self.html.split("<tr>").skip(1);
        let row = rows.find(|row| row.split("</tr>").next().unwrap().contains(holding));
        let row = row.unwrap_or_else(|| panic!("no row has `{holding}`:\n{}", self.html));
        let row = row.split("</tr>").next().unwrap();
        let mut cells: Vec<_> = row.split("</td>").map(without_marks).collect();
        cells.pop();
        cells
    }

    /// What a form holds: the names and values of its fields.
    fn form(&self, action: &str, holding: &str) -> Vec<(String, String)> {
        let start = format!(r#"<form method="post" action="{action}">"#);
        let mut forms = self.html.split(&start).skip(1).map(|rest| rest.split("</form>").next());
        let form = forms.find_map(|form| form.filter(|form| form.contains(holding)));
        let form = form.unwrap_or_else(|| panic!("no form goes to {action}:\n{}", self.html));
        let mut fields = Vec::new();
        for tag in form.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').unwrap_or((tag, ""));
            let value = attribute(tag, "value").unwrap_or_default();
            match (tag.split(' ').next().unwrap(), attribute(tag, "name")) {
                ("input", Some(name)) if tag.contains(r#"type="checkbox""#) => {
                    let is_ticked = tag.contains(" checked");
                    fields.push((name, if is_ticked { value } else { "\0".to_owned() }));
                }
                ("input", Some(name)) => fields.push((name, value)),
                ("textarea", Some(name)) => fields.push((name, plain(text))),
                ("select", Some(name)) => fields.push((name, "\0".to_owned())),
                // The first one counts unless another one is chosen.
                ("option", None) => {
                    let chosen = fields.last_mut().unwrap();
                    if chosen.1 == "\0" || tag.contains(" selected") {
                        chosen.1 = value;
                    }
                }
                _ => {}
            }
        }
        fields
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(r#" {name}=""#))?;
    Some(plain(rest.split('"').next()?))
}

fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&amp;", "&")
}

fn without_marks(html: &str) -> String {
    let mut text = String::new();
    for part in html.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    plain(text.trim())
}
