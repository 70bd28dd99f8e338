//! Somebody at a browser: keeps its cookies, reads the token out of a page and sends forms with it.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::world::World;

/// A text that runs where it is not escaped.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// A page as it was answered.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Seen {
    /// That all of this is on the page.
    pub(crate) fn has(&self, wanted: &[&str]) -> &Self {
        for text in wanted {
            assert!(
                self.html.contains(text),
                "{text} is missing in {}: {}",
                self.status,
                self.html
            );
        }
        self
    }

    /// That nothing of this is on the page.
    pub(crate) fn lacks(&self, unwanted: &[&str]) -> &Self {
        for text in unwanted {
            assert!(!self.html.contains(text), "{text} is on the page: {}", self.html);
        }
        self
    }

    /// That the page was answered so.
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.html);
        self
    }

    /// Where it leads to.
    pub(crate) fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The value of the first input of this name.
    pub(crate) fn value(&self, name: &str) -> &str {
        let found = self.html.split_once(&format!("name=\"{name}\" value=\""));
        let (_, rest) = found.unwrap_or_else(|| panic!("no {name} in {}", self.html));
        rest.split_once('"').unwrap().0
    }

    /// What stands in the element with this id, which has no other element in it.
    pub(crate) fn text_of(&self, id: &str) -> &str {
        let (_, rest) = self.html.split_once(&format!("id=\"{id}\">")).unwrap();
        rest.split_once('<').unwrap().0
    }
}

/// Somebody who is logged in.
pub(crate) struct Clerk<'a> {
    pub(crate) world: &'a World,
    cookies: String,
}

impl<'a> Clerk<'a> {
    /// The admin of the demo data.
    pub(crate) async fn admin(world: &'a World) -> Self {
        Self::of(world, "admin@example.com", "admin123").await
    }

    /// A new operator with these scopes.
    pub(crate) async fn operator(world: &'a World, scopes: &[&str]) -> Self {
        const PASSWORD: &str = "tomatoes & 7 bees";
        let email = format!("{}@work.example", scopes.join("-").replace(':', "."));
        let user = json!({
            "email": email, "password": PASSWORD, "role": "operator", "scopes": scopes
        });
        let made = world.post("/v1/users", &email, user).await;
        assert_eq!(made.status, 201, "{}", made.body);
        Self::of(world, &email, PASSWORD).await
    }

    /// Whoever knows a password.
    pub(crate) async fn of(world: &'a World, email: &str, password: &str) -> Self {
        let mut clerk = Self { world, cookies: String::new() };
        let fields = [("email", email), ("password", password)];
        let seen = clerk.post("/admin/login", &fields).await;
        seen.is(303);
        let cookies = seen.headers.get_all(header::SET_COOKIE).iter();
        let cookies = cookies.map(|line| line.to_str().unwrap().split(';').next().unwrap());
        clerk.cookies = cookies.collect::<Vec<_>>().join("; ");
        clerk
    }

    async fn ask(&self, method: Method, path: &str, body: String) -> Seen {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, &self.cookies)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let html = String::from_utf8(bytes).unwrap();
        assert!(html.len() < 100_000, "{path} has {} bytes", html.len());
        assert!(!html.contains("<script>") && !html.contains("<img"), "unescaped: {html}");
        Seen { status: parts.status.as_u16(), headers: parts.headers, html }
    }

    pub(crate) async fn get(&self, path: &str) -> Seen {
        self.ask(Method::GET, path, String::new()).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut body = form_urlencoded::Serializer::new(String::new());
        self.ask(Method::POST, path, body.extend_pairs(fields).finish()).await
    }

    /// Sends a form of a page, with the token and the key that stand on it.
    pub(crate) async fn send(&self, page: &str, form: &str, fields: &[(&str, &str)]) -> Seen {
        let shown = self.get(page).await;
        self.send_from(&shown, page, form, fields).await
    }

    /// Sends a form of a page that was opened before.
    pub(crate) async fn send_from(
        &self,
        shown: &Seen,
        page: &str,
        form: &str,
        fields: &[(&str, &str)],
    ) -> Seen {
        let page = page.split('?').next().unwrap();
        let (_, below) = shown.html.split_once(&format!("action=\"{page}/{form}\"")).unwrap();
        let below = Seen { html: below.to_owned(), headers: HeaderMap::new(), ..*shown };
        let mut sent = vec![("csrf", below.value("csrf")), ("key", below.value("key"))];
        let own = below.html.split("</form>").next().unwrap();
        if own.contains("name=\"version\"") {
            sent.push(("version", below.value("version")));
        }
        sent.extend_from_slice(fields);
        self.post(&format!("{page}/{form}"), &sent).await
    }

    /// The same, and expects that it leads back to the page, where it is said that it is done.
    pub(crate) async fn did(&self, page: &str, form: &str, fields: &[(&str, &str)]) -> Seen {
        let sent = self.send(page, form, fields).await;
        sent.is(303);
        let shown = self.get(sent.location()).await;
        shown.is(200);
        shown
    }
}
