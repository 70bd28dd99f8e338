//! The gate before the pages of the administration: who gets in, for how long, and which forms are
//! believed. What the pages do in a browser is asked in `xtask/src/test/browser/`.

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use onhand_core::ids::UserId;
use onhand_server::app::{App, Parts, Settings};
use onhand_server::auth::limiter::{Limiter, Rates};
use onhand_server::http;
use onhand_server::limits::{
    ACCESS_LIFE_SECS_DEFAULT, FORM_BYTES_MAX, FORM_FIELDS_MAX, RATE_ADDRESS_FACTOR,
    SESSION_LIFE_SECS_DEFAULT,
};
use onhand_server::workers::options::Switch;
use serde_json::json;
use tower::ServiceExt;

use crate::people::disable;
use crate::world::World;

const ADMIN: &str = "email=admin%40example.com&password=admin123";
const CUSTOMER: &str = "email=user%40example.com&password=user123";
/// Every section that the navigation leads to.
const SECTIONS: [&str; 10] = [
    "/admin",
    "/admin/orders",
    "/admin/payments",
    "/admin/stock",
    "/admin/products",
    "/admin/warehouse",
    "/admin/webhooks",
    "/admin/jobs",
    "/admin/users",
    "/admin/log",
];

/// What a browser was answered.
struct Seen {
    status: u16,
    headers: HeaderMap,
    html: String,
}

impl Seen {
    fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// What it is told to carry from now on.
    fn cookies(&self) -> String {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        let pairs = lines.map(|line| line.to_str().unwrap().split(';').next().unwrap());
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The value of the first field of this name.
    fn field(&self, name: &str) -> String {
        let (_, rest) = self.html.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Where the forms of the page are sent to.
    fn actions(&self) -> Vec<String> {
        let forms = self.html.split("<form").skip(1);
        let posts = forms.filter(|form| form.contains("method=\"post\""));
        let action =
            |form: &str| Some(form.split_once("action=\"")?.1.split_once('"')?.0.to_owned());
        posts.filter_map(action).collect()
    }
}

/// A browser without scripts.
struct Browser<'a> {
    world: &'a World,
    cookies: String,
}

impl<'a> Browser<'a> {
    fn new(world: &'a World) -> Self {
        Self { world, cookies: String::new() }
    }

    async fn logged_in(world: &'a World, who: &str) -> Self {
        let mut browser = Self::new(world);
        let seen = browser.post("/admin/login", who).await;
        assert_eq!(seen.status, 303, "{}", seen.html);
        browser.cookies = seen.cookies();
        browser
    }

    async fn ask(&self, request: axum::http::request::Builder, body: &str) -> Seen {
        let request = request.header(header::COOKIE, &self.cookies).header(header::HOST, "shop");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let html = String::from_utf8(bytes.to_vec()).unwrap();
        Seen { status: parts.status.as_u16(), headers: parts.headers, html }
    }

    async fn get(&self, path: &str) -> Seen {
        self.ask(Request::get(path), "").await
    }

    async fn post(&self, path: &str, body: &str) -> Seen {
        self.post_with(path, body, &[("sec-fetch-site", "same-origin")]).await
    }

    async fn post_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Seen {
        let kind = "application/x-www-form-urlencoded";
        let mut request = Request::post(path).header(header::CONTENT_TYPE, kind);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request, body).await
    }

    /// Sends a form of a page, with everything that a browser would send along.
    async fn send(&self, page: &str, form: &str, fields: &str) -> Seen {
        let seen = self.get(page).await;
        let (csrf, key) = (seen.field("csrf"), seen.field("key"));
        let version = seen.field("version");
        let body = format!("csrf={csrf}&key={key}&version={version}&{fields}");
        self.post(&format!("{page}/{form}"), &body).await
    }
}

/// An order that waits for its payment; its path.
async fn pending(world: &World, key: &str) -> String {
    let body = json!({
        "items": [{"sku": "123", "quantity": 1}],
        "payment": {"provider": "manual", "expires_in_s": 3600}
    });
    let placed = world.post("/v1/orders", key, body).await;
    format!("/admin/orders/{}", placed.body["id"].as_str().unwrap())
}

async fn status(world: &World, page: &str) -> String {
    let order = world.get(&page.replace("/admin", "/v1")).await;
    order.body["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_has_no_session_logs_in_and_comes_to_what_they_asked_for() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for path in SECTIONS {
        let seen = browser.get(&format!("{path}?x=1&y=%2F")).await;
        assert_eq!((seen.status, seen.html.as_str()), (303, ""), "{path}");
        let login = seen.location().to_owned();
        let seen = browser.get(&login).await;
        assert_eq!(seen.status, 200);
        let to = seen.field("to").replace("&amp;", "&");
        assert_eq!(to, format!("{path}?x=1&y=%2F"));
        let to = to.replace('&', "%26");
        let seen = browser.post("/admin/login", &format!("{ADMIN}&to={to}")).await;
        assert_eq!((seen.status, seen.location()), (303, &*format!("{path}?x=1&y=/")), "{path}");
    }
    world.verify().await;
}

#[tokio::test]
async fn a_login_leads_nowhere_but_to_our_pages() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for to in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/adminevil",
        "/v1/orders",
        "/admin\\..\\..",
        "/admin/%0d%0aset-cookie:x",
        "javascript:alert(1)",
        "",
    ] {
        let body: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
        let seen = browser.post("/admin/login", &format!("{ADMIN}&{body}")).await;
        assert_eq!(seen.status, 303, "{to}");
        let location = seen.location();
        assert!(
            location == "/admin" || location == "/admin/%0d%0aset-cookie:x",
            "{to}: {location}"
        );
        assert_eq!(seen.headers.get_all(header::SET_COOKIE).iter().count(), 2);
    }
}

#[tokio::test]
async fn whoever_is_wrong_or_a_customer_stays_outside() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for (body, wanted) in [
        ("email=admin%40example.com&password=wrong", 401),
        ("email=nobody%40example.com&password=admin123", 401),
        ("email=no-address&password=admin123", 422),
        ("password=admin123", 422),
        ("", 422),
    ] {
        let seen = browser.post("/admin/login", body).await;
        assert_eq!(seen.status, wanted, "{body}");
        assert!(seen.html.contains("role=\"alert\""), "{body}");
        assert!(!seen.html.contains("admin123") && !seen.html.contains("wrong\""), "{body}");
        assert_eq!(seen.cookies(), "");
    }
    let customer = Browser::logged_in(&world, CUSTOMER).await;
    for path in SECTIONS {
        assert_eq!(customer.get(path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_session_goes_on_when_its_access_token_has_run_out() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    assert_eq!(browser.get("/admin/orders").await.cookies(), "");
    world.clock.advance_secs(ACCESS_LIFE_SECS_DEFAULT + 60);
    // Two windows at once: both are shown their page, and both carry on with the same tokens.
    let (one, two) = tokio::join!(browser.get("/admin/orders"), browser.get("/admin"));
    assert_eq!((one.status, two.status), (200, 200));
    let refresh = |seen: &Seen| seen.cookies().split("; ").nth(1).unwrap().to_owned();
    assert_eq!(refresh(&one), refresh(&two));
    let later = Browser { world: &world, cookies: two.cookies() };
    assert_eq!(later.get("/admin/orders").await.status, 200);
    world.clock.advance_secs(SESSION_LIFE_SECS_DEFAULT);
    assert_eq!(later.get("/admin/orders").await.status, 303);
    world.verify().await;
}

#[tokio::test]
async fn whoever_has_left_or_is_disabled_is_out_at_once() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    let seen = browser.post("/admin/logout", "").await;
    assert_eq!((seen.status, seen.location()), (303, "/admin/login"));
    assert_eq!(seen.cookies(), "onhand-access=; onhand-refresh=");
    // What was copied before does not live on by itself.
    let refresh = browser.cookies.split("; ").nth(1).unwrap().to_owned();
    let copied = Browser { world: &world, cookies: refresh };
    assert_eq!(copied.get("/admin").await.status, 303);
    let registration = json!({"email": "operator@example.com", "password": "tomatoes & 7 bees"});
    world.post("/v1/auth/register", "register", registration).await;
    let users = world.get("/v1/users?limit=1").await;
    let id = users.body["data"][0]["id"].as_str().unwrap().to_owned();
    let role = json!({"role": "operator"});
    assert_eq!(world.patch(&format!("/v1/users/{id}"), "\"1\"", role).await.status, 200);
    let who = "email=operator%40example.com&password=tomatoes+%26+7+bees";
    let browser = Browser::logged_in(&world, who).await;
    assert_eq!(browser.get("/admin").await.status, 200);
    disable(&world, id.parse::<UserId>().unwrap()).await;
    assert_eq!(browser.get("/admin").await.status, 303);
}

#[tokio::test]
async fn a_form_that_no_page_of_ours_has_sent_changes_nothing() {
    let world = World::new().await;
    let page = pending(&world, "forged").await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    let other = Browser::logged_in(&world, ADMIN).await;
    let foreign_token = other.get(&page).await.field("csrf");
    let own = browser.get(&page).await.field("csrf");
    let mut actions = vec![format!("{page}/no-such-form"), "/admin/nowhere".to_owned()];
    for path in SECTIONS.into_iter().chain([page.as_str(), "/admin/stock/123"]) {
        let found = browser.get(path).await.actions();
        actions.extend(found.into_iter().filter(|action| action != "/admin/logout"));
    }
    assert!(actions.len() > 3, "{actions:?}");
    let events = world.events().await;
    for action in &actions {
        for token in ["", "csrf=", "csrf=forged", &format!("csrf={foreign_token}")] {
            let body = format!("{token}&key=k&reason=fraud");
            let seen = browser.post_with(action, &body, &[]).await;
            assert_eq!(seen.status, 403, "{action} {token}");
            // It can be looked at and sent again, by somebody.
            assert!(seen.html.contains("Send it now"), "{action}");
        }
        for site in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let body = format!("csrf={own}&key=k&reason=fraud");
            let seen = browser.post_with(action, &body, &[site]).await;
            assert_eq!(seen.status, 403, "{action} {site:?}");
            assert!(!seen.html.contains("Send it now"), "{action}");
        }
    }
    for path in ["/admin/login", "/admin/logout", "/admin/first-admin"] {
        let seen = browser.post_with(path, ADMIN, &[("sec-fetch-site", "cross-site")]).await;
        assert_eq!((seen.status, seen.cookies().as_str()), (403, ""), "{path}");
    }
    assert_eq!(world.events().await, events);
    assert_eq!(status(&world, &page).await, "pending");
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_done_once() {
    let world = World::new().await;
    let page = pending(&world, "twice").await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    let seen = browser.get(&page).await;
    let (csrf, key, version) = (seen.field("csrf"), seen.field("key"), seen.field("version"));
    let body = format!("csrf={csrf}&key={key}&version={version}&reason=fraud");
    let path = format!("{page}/cancel");
    let (one, two) = tokio::join!(browser.post(&path, &body), browser.post(&path, &body));
    for seen in [one, two] {
        assert_eq!((seen.status, seen.location()), (303, &*format!("{page}?done=cancel")));
    }
    let timeline = world.get(&format!("{}/timeline", page.replace("/admin", "/v1"))).await;
    let cancelled = timeline.body["data"].as_array().unwrap().iter();
    assert_eq!(cancelled.filter(|event| event["type"] == "order.cancelled").count(), 1);
    world.verify().await;
}

#[tokio::test]
async fn a_stale_form_is_refused_and_keeps_what_was_typed() {
    let world = World::new().await;
    let page = pending(&world, "stale").await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    let seen = browser.get(&page).await;
    let (csrf, key) = (seen.field("csrf"), seen.field("key"));
    assert_eq!(browser.send(&page, "confirm", "").await.status, 303);
    let body = format!("csrf={csrf}&key={key}&version=1&reason=custom%3Atyped&payment=pay_3");
    let seen = browser.post(&format!("{page}/cancel"), &body).await;
    assert_eq!(seen.status, 412);
    assert!(seen.html.contains("Somebody else has changed this meanwhile"), "{}", seen.html);
    assert!(seen.html.contains("custom:typed"), "{}", seen.html);
    assert_eq!(status(&world, &page).await, "confirmed");
    // Under the key of that form nothing else can be done.
    assert_ne!(seen.field("key"), key);
}

#[tokio::test]
async fn what_is_no_form_is_refused_plainly() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    let page = pending(&world, "odd").await;
    let path = format!("{page}/cancel");
    let csrf = browser.get(&page).await.field("csrf");
    let huge = format!("csrf={csrf}&reason={}", "x".repeat(FORM_BYTES_MAX));
    let many = format!("csrf={csrf}{}", "&a=1".repeat(FORM_FIELDS_MAX));
    for (body, wanted) in [(huge, 413), (many, 422)] {
        assert_eq!(browser.post(&path, &body).await.status, wanted);
    }
    let json = Request::post(&path).header(header::CONTENT_TYPE, "application/json");
    assert_eq!(browser.ask(json, "{}").await.status, 415);
    let odd = format!("csrf={csrf}&key=k1&reason=%ff%fe%00&payment=%2e%2e%2f");
    assert_eq!(browser.post(&path, &odd).await.status, 422);
    for path in ["/admin/orders/ord_999", "/admin/orders/zzz", "/admin/orders/%2e%2e"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
    for query in ["after=x", "status=lost", "from=yesterday", "customer=5", "before=2026-99-99"] {
        let seen = browser.get(&format!("/admin/orders?{query}")).await;
        assert_eq!(seen.status, 422, "{query}");
        assert!(seen.html.contains("role=\"alert\""), "{query}");
    }
    assert_eq!(status(&world, &page).await, "pending");
}

#[tokio::test]
async fn every_page_says_to_browsers_what_it_may_do() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    for path in SECTIONS.into_iter().chain(["/admin/login"]) {
        let seen = browser.get(path).await;
        let policy = seen.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
        assert_eq!(seen.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(seen.headers[header::REFERRER_POLICY], "same-origin", "{path}");
        assert!(!seen.html.contains(" style=") && !seen.html.contains(" onclick"), "{path}");
        assert!(seen.html.len() < 100_000, "{path}");
    }
}

#[tokio::test]
async fn over_tls_cookies_say_so_whoever_ends_it() {
    let world = World::new().await;
    let settings = Settings { is_encrypted: true, ..Settings::default() };
    let encrypted = http::router(world.set_up(settings));
    let https = [("x-forwarded-proto", "https")];
    for (router, headers) in [(&encrypted, &[][..]), (&world.router, &https[..])] {
        let kind = "application/x-www-form-urlencoded";
        let mut login = Request::post("/admin/login").header(header::CONTENT_TYPE, kind);
        for (name, value) in headers {
            login = login.header(*name, *value);
        }
        let login = login.body(Body::from(ADMIN)).unwrap();
        let response = router.clone().oneshot(login).await.unwrap();
        let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies.len(), 2);
        for cookie in cookies {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.starts_with("__Host-onhand-"), "{cookie}");
            assert!(cookie.ends_with("; Secure"), "{cookie}");
        }
    }
}

#[tokio::test]
async fn the_pages_are_where_operators_are_and_can_be_shut_off() {
    let world = World::new().await;
    let status = async |router: axum::Router, path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status().as_u16()
    };
    for (settings, public, operations) in [
        (Settings::default(), 303, 303),
        (Settings { has_ops_listener: true, ..Settings::default() }, 404, 303),
        (Settings { admin: Switch::Off, ..Settings::default() }, 404, 404),
    ] {
        let app = world.set_up(settings);
        assert_eq!(status(http::router(app.clone()), "/admin/orders").await, public);
        assert_eq!(status(http::operations(app), "/admin/orders").await, operations);
    }
}

#[tokio::test]
async fn whoever_guesses_is_counted_as_at_the_api() {
    let mut world = World::new().await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    let cookies = browser.cookies;
    let refresh = cookies.split("; ").nth(1).unwrap().to_owned();
    let limiter = Limiter::new(Rates { auth: 1, ..Rates::default() });
    world.router = http::router(App::new(Parts { limiter, ..world.parts() }));
    let guesser = Browser { world: &world, cookies: "onhand-refresh=onr_1_guess".to_owned() };
    let allowed = usize::try_from(RATE_ADDRESS_FACTOR).unwrap();
    for _ in 0..allowed {
        assert_eq!(guesser.get("/admin").await.status, 303);
    }
    assert_eq!(guesser.get("/admin").await.status, 429);
    for path in ["/admin/login", "/admin/first-admin"] {
        let seen = guesser.post(path, &format!("code=x&{ADMIN}")).await;
        assert_eq!((seen.status, seen.cookies().as_str()), (429, ""), "{path}");
    }
    // Whoever is inside does not try to get in.
    let inside = Browser { world: &world, cookies };
    assert_eq!(inside.get("/admin").await.status, 200);
    let late = Browser { world: &world, cookies: refresh };
    assert_eq!(late.get("/admin").await.status, 429);
}

#[tokio::test]
async fn a_password_is_written_into_no_page() {
    let world = World::new().await;
    let typed = "current_password=admin123&password=never-shown-1&key=k&name=kept";
    let nobody = Browser::new(&world);
    let somebody = Browser::logged_in(&world, ADMIN).await;
    for (browser, wanted) in [(&nobody, 401), (&somebody, 403)] {
        let seen = browser.post("/admin/me/password", typed).await;
        assert_eq!(seen.status, wanted);
        assert!(seen.html.contains("kept"), "{}", seen.html);
        assert!(!seen.html.contains("admin123") && !seen.html.contains("never-shown"));
    }
    let csrf = somebody.get("/admin/me").await.field("csrf");
    let wrong = "current_password=not-mine&password=tomatoes+%26+7+bees&key=k2";
    let seen = somebody.post("/admin/me/password", &format!("csrf={csrf}&{wrong}")).await;
    assert_eq!(seen.status, 401);
    assert!(seen.html.contains("The current password is not right."), "{}", seen.html);
    assert!(!seen.html.contains("not-mine") && !seen.html.contains("tomatoes"));
}

#[tokio::test]
async fn units_that_were_typed_stay_when_the_form_fails() {
    let world = World::new().await;
    let page = pending(&world, "units").await;
    let browser = Browser::logged_in(&world, ADMIN).await;
    assert_eq!(browser.send(&page, "confirm", "").await.status, 303);
    let payment = page.replace("/admin/orders/ord_", "pay_");
    let seen = browser.send(&page, "fulfil", &format!("line.1=77&payment={payment}")).await;
    assert_eq!(seen.status, 409, "{}", seen.html);
    assert_eq!(seen.field("line.1"), "77");
}
