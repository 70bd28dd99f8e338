//! The form that every answer is given on its way out: the id of its request, what browsers are
//! told (`headers.rs`), and the body of a problem. What is asked behind the gate is given it by the
//! gate (`gate.rs`), so that there is one layer and not two.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::answer;
use super::headers::Shield;
use super::problem::Problem;
use super::visit;
use crate::app::App;
use crate::limits::REQUEST_ID_CHARS_MAX;
use crate::random;

/// Of every request behind the gate, too.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What the form of an answer depends on.
#[derive(Debug)]
pub(super) struct Dress {
    id: HeaderValue,
    shield: Shield,
}

impl Dress {
    /// Looks at a request, which came over TLS or not.
    pub(super) fn of(request: &Request, is_encrypted: bool) -> Self {
        let sent = request.headers().get(REQUEST_ID).filter(|value| is_lawful_id(value));
        let id = sent.cloned().unwrap_or_else(new_id);
        Self { id, shield: Shield::of(request, is_encrypted) }
    }

    /// Tells whoever answers which request it is, also where the client has not said it.
    pub(super) fn mark(&self, request: &mut Request) {
        request.headers_mut().insert(REQUEST_ID, self.id.clone());
    }

    /// Gives an answer its form.
    pub(super) fn put_on(self, mut response: Response) -> Response {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = self.spell_out(problem, response);
        }
        let headers = response.headers_mut();
        self.shield.cover(headers);
        headers.insert(REQUEST_ID, self.id);
        response
    }

    /// A problem in full, with the headers that its answer had.
    fn spell_out(&self, problem: Problem, response: Response) -> Response {
        let request_id = self.id.to_str().unwrap_or_default().to_owned();
        let shown = answer::json_response(problem.status, &problem.body(Some(request_id)));
        let mut shown = answer::reworded(response, shown);
        shown.headers_mut().insert(header::CONTENT_TYPE, PROBLEM);
        shown
    }
}

fn new_id() -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let id: &str = random::request_id().simple().encode_lower(&mut buffer);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
}

pub(super) fn is_lawful_id(value: &HeaderValue) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&value.len())
        && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// For what does not pass through the gate. An answer that has its form already keeps it.
pub(super) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let dress = Dress::of(&request, app.settings.is_encrypted);
    visit::note_route(request.extensions());
    let response = next.run(request).await;
    if response.headers().contains_key(REQUEST_ID) { response } else { dress.put_on(response) }
}
