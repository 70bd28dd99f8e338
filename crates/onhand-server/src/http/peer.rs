//! Who has connected: put into each request by the accept loop, for whoever has to know where it
//! comes from. It is the nearest neighbour, perhaps a proxy; `auth/forwarded.rs` sees behind those.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

/// The address at the other end of the connection, in the extensions of every request that came
/// over a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The routes, for one connection.
#[derive(Debug, Clone)]
pub(super) struct Attended {
    routes: TowerToHyperService<Router>,
    peer: Peer,
}

impl Attended {
    pub(super) fn new(routes: Router, peer: Peer) -> Self {
        Self { routes: TowerToHyperService::new(routes), peer }
    }
}

impl Service<hyper::Request<Incoming>> for Attended {
    type Response = <TowerToHyperService<Router> as Service<Request>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request>>::Future;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer);
        self.routes.call(request)
    }
}
