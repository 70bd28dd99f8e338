//! Who has connected: put into each request by the accept loop, for whoever has to know where it
//! comes from. It is the nearest neighbour, perhaps a proxy; `auth/forwarded.rs` sees behind those.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::visit::{Ending, Tallied, Visit};
use crate::app::App;

/// The address at the other end of the connection, in the extensions of every request that came
/// over a socket.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Where it is noted what is learned of the request.
    pub(super) visit: Arc<Visit>,
}

impl Peer {
    /// Somebody at an address, of whose request nothing is noted.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, visit: Arc::default() }
    }
}

/// The routes, for one connection.
#[derive(Debug, Clone)]
pub(super) struct Attended {
    routes: TowerToHyperService<Router>,
    peer: Peer,
}

impl Attended {
    pub(super) fn new(routes: Router, address: SocketAddr) -> Self {
        Self { routes: TowerToHyperService::new(routes), peer: Peer::at(address) }
    }

    fn asked(&self, request: hyper::Request<Incoming>) -> Request {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        request
    }

    /// Answers a request, of which nobody takes notice.
    pub(super) async fn answer(
        self,
        request: hyper::Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let request = self.asked(request);
        self.routes.call(request).await
    }

    /// Answers a request, and has its end known.
    pub(super) async fn answer_noted(
        self,
        app: App,
        request: hyper::Request<Incoming>,
    ) -> Result<Response<Tallied>, Infallible> {
        let request = self.asked(request);
        let ending = Ending::of(&app, &self.peer.visit, self.peer.address, &request);
        let response = self.routes.call(request).await?;
        Ok(ending.answered(response))
    }
}
