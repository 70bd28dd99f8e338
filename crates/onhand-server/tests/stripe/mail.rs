//! What localstripe sends of itself. One address for all tests, told before the first of them pays:
//! localstripe loses messages when somebody subscribes while it is sending.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::front::Direct;

/// With which localstripe signs.
pub(crate) const SECRET: &str = "whsec_of_the_tests_0123456789";

/// Most messages that a test may be behind; one that waits for some is never.
const BEHIND_MAX: usize = 4_096;
/// Longest wait for a message: localstripe sends them a second late.
const MESSAGE_MAX: Duration = Duration::from_secs(30);

type Message = (HeaderMap, Bytes);

/// Every message from now on.
pub(crate) struct Mail(Receiver<Message>);

impl Mail {
    pub(crate) fn open() -> Self {
        static SENDER: OnceLock<Sender<Message>> = OnceLock::new();
        Self(SENDER.get_or_init(subscribe).subscribe())
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(MESSAGE_MAX, self.0.recv()).await;
            match next.expect("no message in time") {
                Ok(message) => return message,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => unreachable!("the sender is never dropped"),
            }
        }
    }
}

/// Listens on a thread of its own, because the runtime of a test ends with it.
fn subscribe() -> Sender<Message> {
    let (sender, _) = channel(BEHIND_MAX);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let routes = Router::new().route("/", post(receive)).with_state(sender.clone());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let fields = [("url", &*url), ("secret", SECRET)];
            let (status, _) = Direct::new().post("/_config/webhooks/tests", &fields).await;
            ready.send(status).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
    });
    assert_eq!(is_ready.recv().unwrap(), 200);
    sender
}

async fn receive(State(sender): State<Sender<Message>>, headers: HeaderMap, body: Bytes) {
    // Nobody has to be waiting.
    sender.send((headers, body)).ok();
}
