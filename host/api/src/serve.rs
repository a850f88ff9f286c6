//! Serving a router: connections, their limits, and their end.
//!
//! Connections are always accepted at once. [`Table`] decides which are kept, by their use so far, so that silent clients cannot
//! keep others waiting in the system's queue, however many they are.

use super::counted::{Connections, Counted};
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use morag_core::connections::{Admission, CONNECTIONS_MAX, Limits, Peer, Phase, Room, Shed, Table};
use rustix::io::Errno;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections beyond the limit that only the probes are served on: each lasts one short request.
const LOBBY_MAX: usize = 64;

/// File descriptors reserved for other uses than connections: deliveries (128 by default), fetches (64), requests of steps
/// (256), the stores and their files.
const DESCRIPTORS_KEPT: u64 = 512;

/// Fewest connections, however few descriptors there are.
const CONNECTIONS_MIN: usize = 64;

/// Longest time a client may take to send a request's head, and a kept connection may stay idle.
const HEADER_READ_MAX: Duration = Duration::from_secs(30);

/// The same in the lobby: its clients are monitoring programs, which send their request at once.
const LOBBY_HEADER_READ_MAX: Duration = Duration::from_secs(5);

/// Longest time in which a client takes no byte of an answer: a client that does not read would hold its connection forever.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

/// Pause after an error of `accept`, so that its cause can pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Pause between two checks whether a connection is closed, after the process ran out of file descriptors.
const SHED_PAUSE: Duration = Duration::from_millis(1);

/// Shortest time between two equal log lines about connections: a flood of connections must not flood the log.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// What is served, and the limits of connections.
pub struct Site {
    /// Every route.
    pub router: Router,
    /// The probes, served to connections beyond the limit.
    pub lobby: Router,
    /// Limits of connections.
    pub limits: Limits,
}

impl Site {
    /// A site. `per_peer`: connections of one address. `descriptors`: files that the process may have open; none: no limit.
    pub fn new(router: Router, lobby: Router, per_peer: usize, descriptors: Option<u64>) -> Self {
        Self { router, lobby, limits: limits(per_peer, descriptors) }
    }
}

fn limits(per_peer: usize, descriptors: Option<u64>) -> Limits {
    let room = descriptors.map(|all| usize::try_from(all.saturating_sub(DESCRIPTORS_KEPT)).unwrap_or(usize::MAX));
    let total = room.unwrap_or(CONNECTIONS_MAX).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX);
    Limits { total, per_peer: per_peer.min(total), lobby: LOBBY_MAX }
}

/// Serves until `shutdown` resolves, then lets requests under way end, for `drain` at most.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> anyhow::Result<()> {
    let server = Server::new(site);
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, from)) => {
                if let Some(looked_at) = server.take(stream, from) {
                    // An error means that the connection's task ended at once.
                    let _ = looked_at.await;
                }
            }
            Err(error) => server.after(&error).await,
        }
    }
    drop(listener);
    server.stop.cancel();
    server.tasks.close();
    if tokio::time::timeout(drain, server.tasks.wait()).await.is_err() {
        tracing::warn!(drain_seconds = drain.as_secs_f64(), "requests were still under way at the end");
    }
    Ok(())
}

struct Server {
    site: Site,
    connections: Connections,
    tasks: TaskTracker,
    stop: CancellationToken,
    house: Builder<TokioExecutor>,
    lobby: Builder<TokioExecutor>,
    full: Seldom,
    failing: Seldom,
}

impl Server {
    fn new(site: Site) -> Self {
        let builder = |header_read_max, keep_alive| {
            let mut builder = Builder::new(TokioExecutor::new()).http1_only();
            builder.http1().timer(TokioTimer::new()).header_read_timeout(header_read_max).keep_alive(keep_alive);
            builder
        };
        Self {
            connections: Connections::new(Table::new(site.limits)),
            site,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            house: builder(HEADER_READ_MAX, true),
            lobby: builder(LOBBY_HEADER_READ_MAX, false),
            full: Seldom::default(),
            failing: Seldom::default(),
        }
    }

    /// Serves a connection, for which another one may be closed. Then the receiver tells when the new one was polled first: the next
    /// connection must not displace it before a request that came with it was seen.
    fn take(&self, stream: TcpStream, from: SocketAddr) -> Option<oneshot::Receiver<()>> {
        let (give_up, given_up) = oneshot::channel();
        let (id, room, is_full) = match self.connections.admit(Peer::of(from.ip()), give_up) {
            Admission::Held(id, room, shed) => {
                let is_full = shed.is_some() || room == Room::Lobby;
                if is_full {
                    self.full.say(|| {
                        tracing::warn!(
                            peer = %from.ip(),
                            "connections are at their limit: those without a request are closed for new ones \
                             (MORAG_CONNECTIONS_PER_PEER is the limit of one address)"
                        );
                    });
                }
                end(shed);
                (id, room, is_full)
            }
            Admission::Refused(_) => return None,
        };
        // Small answers must not wait for more data. If this fails they are only slower.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_STALL_MAX));
        let (builder, router) = match room {
            Room::House => (&self.house, &self.site.router),
            Room::Lobby => (&self.lobby, &self.site.lobby),
        };
        let held = self.connections.hold(id);
        let service = Counted::new(router.clone(), self.connections.clone(), id, from.ip());
        let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service).into_owned();
        let stop = self.stop.clone();
        let (tell, looked_at) = oneshot::channel();
        self.tasks.spawn(async move {
            let _held = held;
            let mut connection = pin!(connection);
            let first = futures::poll!(connection.as_mut());
            // Another connection waits for it only where connections are at their limit.
            let _ = tell.send(());
            if first.is_ready() {
                return;
            }
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                given_up = given_up => match given_up {
                    // Its last answer may still be in transit.
                    Ok(Phase::Idle) => {
                        connection.as_mut().graceful_shutdown();
                        connection.as_mut().await
                    }
                    // It has sent no request, so nothing is lost.
                    Ok(Phase::Fresh | Phase::Busy) | Err(_) => return,
                },
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.as_mut().await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended early");
            }
        });
        is_full.then_some(looked_at)
    }

    /// Waits after an error of `accept`. If there is no file descriptor left, one connection is closed to free one. Only one: `accept`
    /// then fails even if no client waits, and clients that are about to send a request must not be closed with the silent ones.
    async fn after(&self, error: &std::io::Error) {
        self.failing.say(|| tracing::warn!(%error, "cannot accept a connection"));
        let is_exhausted = matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
        let (held, pause) = (self.tasks.len(), tokio::time::sleep(ACCEPT_PAUSE));
        let Some(shed) = is_exhausted.then(|| self.connections.shed()).flatten() else { return pause.await };
        end(Some(shed));
        let closed = async {
            while self.tasks.len() >= held {
                tokio::time::sleep(SHED_PAUSE).await;
            }
        };
        tokio::select! {
            () = closed => {}
            () = pause => {}
        }
    }
}

/// Tells a connection's task to close it.
fn end(shed: Option<Shed<oneshot::Sender<Phase>>>) {
    if let Some(Shed { phase, handle }) = shed {
        // An error means that it has ended already.
        let _ = handle.send(phase);
    }
}

/// Limits how often the same line is logged.
#[derive(Default)]
struct Seldom(std::sync::Mutex<Option<Instant>>);

impl Seldom {
    fn say(&self, say: impl FnOnce()) {
        // No code panics under the lock.
        let mut said = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            *said = Some(Instant::now());
            drop(said);
            say();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request_body::guard;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use axum::middleware::map_request;
    use axum::routing::{get, post};
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    /// A server with its address and a channel that stops it.
    struct Running {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        served: tokio::task::JoinHandle<anyhow::Result<()>>,
    }

    async fn run(router: Router, limits: Limits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap() };
        let lobby =
            Router::new().route("/health", get(async || "alive")).fallback(async || StatusCode::SERVICE_UNAVAILABLE);
        let site = Site { router, lobby, limits };
        let served = tokio::spawn(serve(listener, site, shutdown, Duration::from_secs(60)));
        Running { address, stop, served }
    }

    async fn start(router: Router) -> (TcpStream, oneshot::Sender<()>, tokio::task::JoinHandle<anyhow::Result<()>>) {
        let Running { address, stop, served } = run(router, limits(CONNECTIONS_MAX, None)).await;
        (TcpStream::connect(address).await.unwrap(), stop, served)
    }

    /// A client that writes its whole body before it reads, as most do, sees an answer that came before the body's end.
    #[tokio::test]
    async fn an_early_answer_reaches_a_client_that_still_sends() {
        let early = post(async |_: Request| StatusCode::PAYLOAD_TOO_LARGE);
        let router = Router::new().route("/", early).layer(map_request(async |request: Request| guard(request)));
        let (mut client, _stop, _served) = start(router).await;
        // More than the sockets' buffers hold.
        let body = vec![b'x'; 32 << 20];
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&body).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    /// A route that says when it was entered, and answers when it may go on.
    fn held_up() -> (Router, Arc<Notify>, Arc<Notify>) {
        let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (entered, go_on) = (entered.clone(), go_on.clone());
            get(async move || {
                entered.notify_one();
                go_on.notified().await;
                "done"
            })
        };
        (Router::new().route("/", handler).route("/quick", get(async || "quick")), entered, go_on)
    }

    #[tokio::test]
    async fn a_request_under_way_ends_before_the_server_does() {
        let (router, entered, go_on) = held_up();
        let (mut client, stop, served) = start(router).await;
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        entered.notified().await;
        stop.send(()).unwrap();
        go_on.notify_one();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"), "{answer}");
        served.await.unwrap().unwrap();
    }

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn silent_connections_go_for_new_ones_and_a_request_under_way_stays() {
        let (router, entered, go_on) = held_up();
        let running = run(router, Limits { total: 4, per_peer: 4, lobby: 1 }).await;
        let mut busy = TcpStream::connect(running.address).await.unwrap();
        busy.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        entered.notified().await;
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(TcpStream::connect(running.address).await.unwrap());
        }
        assert!(ask(running.address, "/quick").await.ends_with("quick"));
        // The first of them was closed: its end can be read.
        assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0);
        go_on.notify_one();
        let mut answer = String::new();
        busy.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("done"), "{answer}");
    }

    #[tokio::test]
    async fn where_every_connection_is_busy_the_probes_are_answered() {
        let (router, entered, go_on) = held_up();
        let running = run(router, Limits { total: 2, per_peer: 2, lobby: 2 }).await;
        let mut busy = Vec::new();
        for _ in 0..2 {
            let mut one = TcpStream::connect(running.address).await.unwrap();
            one.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
            entered.notified().await;
            busy.push(one);
        }
        assert!(ask(running.address, "/health").await.ends_with("alive"));
        assert!(ask(running.address, "/quick").await.starts_with("HTTP/1.1 503 "));
        for mut one in busy {
            go_on.notify_one();
            let mut answer = String::new();
            one.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("done"), "{answer}");
        }
    }

    #[test]
    fn few_descriptors_mean_few_connections() {
        assert_eq!(limits(512, None), Limits { total: 1024, per_peer: 512, lobby: 64 });
        assert_eq!(limits(512, Some(20_000)).total, 1024);
        assert_eq!(limits(512, Some(768)), Limits { total: 256, per_peer: 256, lobby: 64 });
        assert_eq!(limits(512, Some(256)).total, CONNECTIONS_MIN);
    }
}
