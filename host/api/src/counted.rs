//! A router behind one connection that says when a request begins and when its answer has been given.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures::future::BoxFuture;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use morag_core::connections::{Admission, Id, Peer, Phase, Shed, Table};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// The connections of a server, each with the way to tell its task that it is given up.
#[derive(Clone)]
pub(super) struct Connections(Arc<Mutex<Table<oneshot::Sender<Phase>>>>);

impl Connections {
    pub(super) fn new(table: Table<oneshot::Sender<Phase>>) -> Self {
        Self(Arc::new(Mutex::new(table)))
    }

    fn table(&self) -> MutexGuard<'_, Table<oneshot::Sender<Phase>>> {
        // No code panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in.
    pub(super) fn admit(&self, peer: Peer, give_up: oneshot::Sender<Phase>) -> Admission<oneshot::Sender<Phase>> {
        self.table().admit(peer, give_up)
    }

    /// Gives up the connection that is worth least.
    pub(super) fn shed(&self) -> Option<Shed<oneshot::Sender<Phase>>> {
        self.table().shed()
    }

    /// Keeps a connection in the table until this is dropped.
    pub(super) fn hold(&self, id: Id) -> Held {
        Held { connections: self.clone(), id }
    }
}

/// A connection that is open.
pub(super) struct Held {
    connections: Connections,
    id: Id,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connections.table().remove(self.id);
    }
}

/// The connection has been given up: what comes on it is not done.
#[derive(Debug, thiserror::Error)]
#[error("the connection was given up for another one")]
pub(super) struct GivenUp;

/// The address that a request's connection came from, in its extensions. Behind a reverse proxy it is the proxy's: what a client
/// says of its own address is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// The router as one connection has it.
pub(super) struct Counted {
    router: TowerToHyperService<Router>,
    connections: Connections,
    id: Id,
    peer: PeerAddress,
}

impl Counted {
    pub(super) fn new(router: Router, connections: Connections, id: Id, peer: IpAddr) -> Self {
        // An IPv4 address is the same one on a socket for both.
        Self { router: TowerToHyperService::new(router), connections, id, peer: PeerAddress(peer.to_canonical()) }
    }
}

impl Service<Request<Incoming>> for Counted {
    type Response = Response<Body>;
    type Error = GivenUp;
    type Future = BoxFuture<'static, Result<Response<Body>, GivenUp>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        // Under the table's lock: a connection is given up before this, and then nothing is done, or not at all.
        if !self.connections.table().begin(self.id) {
            return Box::pin(std::future::ready(Err(GivenUp)));
        }
        let under_way = UnderWay { connections: self.connections.clone(), id: self.id };
        request.extensions_mut().insert(self.peer);
        let answering = self.router.call(request);
        Box::pin(async move {
            let response = match answering.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            Ok(response.map(|body| Body::new(Answer { body, _under_way: under_way })))
        })
    }
}

/// A request that is under way, until this is dropped.
struct UnderWay {
    connections: Connections,
    id: Id,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connections.table().end(self.id);
    }
}

/// An answer's body: the request is under way until it was given, or given up.
struct Answer {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
