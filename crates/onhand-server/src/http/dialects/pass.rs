//! What every request of a dialect passes through: the same gate as those of `/v1`, with what the
//! dialect's own routes need; and on the way out its words for what went wrong, and the form that
//! every answer has.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Dialect;
use super::asked::Asked;
use super::fault::Fault;
use crate::app::App;
use crate::http::answer;
use crate::http::dress::{self, Dress};
use crate::http::gate;
use crate::http::problem::Problem;
use crate::http::visit;
use crate::random;

/// Where a dialect is spoken.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) app: App,
    pub(super) dialect: Dialect,
}

impl Room {
    /// Puts into the dialect's words what went wrong, if something did, and gives back the id that
    /// the client has sent.
    fn say(&self, mut response: Response, asked: &Asked) -> Response {
        let tongue = self.dialect.tongue();
        let fault = match response.extensions_mut().remove::<Problem>() {
            Some(problem) => Some((tongue.fault)(&problem, asked)),
            None => response.extensions_mut().remove::<Fault>(),
        };
        if let Some(fault) = fault {
            let (status, body) = fault.choose(self.app.settings.dialects.has_literal_status);
            response = answer::reworded(response, answer::json_response(status, &body));
        }
        if let Some(name) = &tongue.correlation {
            let sent = asked.correlation().filter(|sent| dress::is_lawful_id(sent));
            let id = sent.cloned().unwrap_or_else(new_correlation_id);
            response.headers_mut().insert(name.clone(), id);
        }
        response
    }

    /// The answer where nothing is.
    pub(super) fn lost(&self, asked: &Asked) -> Response {
        self.say((self.dialect.tongue().no_route)(asked).into_response(), asked)
    }
}

fn new_correlation_id() -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let id: &str = random::request_id().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The way to a route.
pub(super) async fn enter(State(room): State<Room>, mut request: Request, next: Next) -> Response {
    let mut asked = Asked::in_dialect(&request, room.dialect);
    let dress = Dress::of(&request, room.app.settings.is_encrypted);
    dress.mark(&mut request);
    let gate = gate::Gate { app: &room.app, dialect: Some(room.dialect) };
    let response = gate.let_through(request, next, &mut asked.denial).await;
    dress.put_on(room.say(response, &asked))
}

/// The way to nowhere. On the main listener a route of one dialect may lie where another one has a
/// better claim.
pub(super) async fn lose(State(room): State<Room>, request: Request, _: Next) -> Response {
    let is_shared = room.app.settings.dialects.on_main().any(|dialect| dialect == room.dialect);
    let claimed = super::claimed(&room.app, request.uri().path()).filter(|_| is_shared);
    let room = Room { dialect: claimed.unwrap_or(room.dialect), ..room };
    let asked = Asked::in_dialect(&request, room.dialect);
    let dress = Dress::of(&request, room.app.settings.is_encrypted);
    visit::note_route(request.extensions());
    dress.put_on(room.lost(&asked))
}
