//! The router of one connection: notes in the connection table when a request begins and when its answer was sent.

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

/// The connections of a server, each with a channel that tells its task to close it.
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

    /// Admits a connection, or refuses it.
    pub(super) fn admit(&self, peer: Peer, give_up: oneshot::Sender<Phase>) -> Admission<oneshot::Sender<Phase>> {
        self.table().admit(peer, give_up)
    }

    /// Closes the connection with the lowest priority, if there is one to close.
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

/// The connection is being closed: requests on it are not served.
#[derive(Debug, thiserror::Error)]
#[error("the connection was given up for another one")]
pub(super) struct GivenUp;

/// The remote address of a request's connection, in its extensions. Behind a reverse proxy it is the proxy's: headers with the
/// client's address are not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// The router of one connection.
pub(super) struct Counted {
    router: TowerToHyperService<Router>,
    connections: Connections,
    id: Id,
    peer: PeerAddress,
}

impl Counted {
    pub(super) fn new(router: Router, connections: Connections, id: Id, peer: IpAddr) -> Self {
        // A socket for both IP versions has IPv4 addresses mapped to IPv6.
        Self { router: TowerToHyperService::new(router), connections, id, peer: PeerAddress(peer.to_canonical()) }
    }
}

impl Service<Request<Incoming>> for Counted {
    type Response = Response<Body>;
    type Error = GivenUp;
    type Future = BoxFuture<'static, Result<Response<Body>, GivenUp>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        // Under the table's lock: a connection is closed either before this, and the request is not served, or never while it
        // is.
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

/// Counts a request as under way until this is dropped.
struct UnderWay {
    connections: Connections,
    id: Id,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connections.table().end(self.id);
    }
}

/// A response body: the request is under way until it was sent or dropped.
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
