//! A connection to Redis that heals itself: single server, Cluster or Sentinel.

use super::call::Call;
use super::clients::{self, RESPONSE_MAX, Server, TRIES};
use super::failure::{Failure, is_full, is_transient, outcome_unknown};
use super::transport::Transport;
use super::url::{Address, RedisUrl};
use morag_core::ports::StoreError;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, TlsCertificates, Value,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Limit of connecting, to Sentinels and then to the server that they name: a host that drops packets must not hold a caller longer.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Limit of one call with its repetitions: long enough to replace a connection that broke.
const CALL_MAX: Duration = Duration::from_secs(4);

/// Pause before a call is repeated, times the number of the try. One try meets the connection that a restarted server has left
/// broken, one the server's first moments.
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// After a failed attempt to connect, calls fail at once for this long: otherwise they would queue for the next attempt.
const REFUSED_FOR: Duration = Duration::from_millis(250);

/// One multiplexed connection (one to each node of a Cluster) that is replaced where it broke.
///
/// A call whose answer was lost is repeated: every script that is sent must have the same effect when it runs twice.
pub(crate) struct Connection {
    url: RedisUrl,
    certificates: Option<TlsCertificates>,
    server: Server,
    /// The connection and its generation.
    current: SyncMutex<Option<(u64, Transport)>>,
    /// Held while connecting: when that failed last, and why.
    connecting: Mutex<Option<(Instant, StoreError)>>,
    generation: AtomicU64,
}

impl Connection {
    /// One that is not connected yet. `certificates` vouch for the servers in place of the machine's.
    pub(crate) fn new(url: RedisUrl, certificates: Option<TlsCertificates>) -> RedisResult<Self> {
        Ok(Self {
            server: Server::of(&url, certificates.as_ref())?,
            url,
            certificates,
            current: SyncMutex::default(),
            connecting: Mutex::default(),
            generation: AtomicU64::new(0),
        })
    }

    /// One with canned answers.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn canned(answers: super::canned::CannedAnswers) -> RedisResult<Self> {
        // Nothing listens at this port, so a connection that replaces the canned one fails at once.
        let url: RedisUrl = "redis://127.0.0.1:1".parse().map_err(|_| (ErrorKind::InvalidClientConfig, "no URL"))?;
        let this = Self::new(url, None)?;
        *this.current() = Some((0, Transport::Canned(answers)));
        Ok(this)
    }

    /// Connects unless it is connected.
    pub(crate) async fn connect(&self) -> Result<(), StoreError> {
        self.transport().await.map(drop)
    }

    /// Whether keys of different slots may be on different nodes.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.server, Server::Cluster(_))
    }

    /// Where Redis is, without credentials.
    pub(crate) fn address(&self) -> String {
        self.url.to_string()
    }

    /// Addresses that the URL lists.
    pub(crate) fn addresses(&self) -> &[Address] {
        &self.url.addresses
    }

    /// Runs a script. `Unavailable` where Redis did not answer in time; the script may have run nevertheless.
    pub(crate) async fn call<T: FromRedisValue>(&self, call: impl Into<Call>) -> Result<T, StoreError> {
        let value = self.value_of(&call.into()).await?;
        self.read(value)
    }

    /// Runs a script and returns its answer as it is.
    pub(crate) async fn value_of(&self, call: &Call) -> Result<Value, StoreError> {
        match self.run(&call.command(true)).await {
            Err(Failure::Redis(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                // With its text, to the node that has the keys: it knows the script by its digest from then on.
                self.run(&call.command(false)).await
            }
            answer => answer,
        }
        .map_err(|failure| failure.of(&self.address()))
    }

    /// Sends a command that may be repeated.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let value = self.run(command).await.map_err(|failure| failure.of(&self.address()))?;
        self.read(value)
    }

    /// Reads an answer.
    pub(crate) fn read<T: FromRedisValue>(&self, value: Value) -> Result<T, StoreError> {
        T::from_redis_value(value)
            .map_err(|error| StoreError::Corrupt(format!("{} sent an unexpected reply: {error}", self.url)))
    }

    /// The error for an answer that did not come in time.
    pub(crate) fn timed_out(&self, limit: Duration) -> StoreError {
        StoreError::Unavailable(format!("{} did not answer within {} ms", self.url, limit.as_millis()))
    }

    /// Sends `count` commands, one after the other and once, to the one server that has a key. Errors are among the answers.
    pub(crate) async fn send_to(&self, key: &str, commands: &Pipeline, count: usize) -> Result<Vec<Value>, StoreError> {
        let (generation, mut transport) = self.transport().await?;
        match tokio::time::timeout(RESPONSE_MAX, transport.send_to(key, commands, count)).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) => {
                if is_transient(&error) {
                    self.drop_broken(generation, &error);
                }
                Err(Failure::Redis(error).of(&self.address()))
            }
            Err(_) => {
                self.drop_any(generation);
                Err(self.timed_out(RESPONSE_MAX))
            }
        }
    }

    async fn run(&self, command: &Cmd) -> Result<Value, Failure> {
        let tried = AtomicU64::new(0);
        let tries = async {
            let mut failure = None;
            for attempt in 1..=TRIES {
                let (generation, mut transport) = match self.transport().await {
                    Ok(transport) => transport,
                    Err(error) => return Err(Failure::Store(error)),
                };
                tried.store(generation, Ordering::Relaxed);
                match transport.send(command).await.and_then(Value::extract_error) {
                    Ok(value) => return Ok(value),
                    Err(error) if is_transient(&error) => {
                        self.drop_broken(generation, &error);
                        failure = Some(Failure::Redis(error));
                        tokio::time::sleep(TRY_PAUSE * attempt).await;
                    }
                    // What was sent before may have been executed.
                    Err(error) if failure.is_some() && is_full(&error) => {
                        let error = Failure::Redis(error).of(&self.address());
                        return Err(Failure::Store(outcome_unknown(error)));
                    }
                    Err(error) => return Err(Failure::Redis(error)),
                }
            }
            Err(failure.unwrap_or_else(|| Failure::Store(StoreError::Unavailable("nothing was tried".into()))))
        };
        match tokio::time::timeout(CALL_MAX, tries).await {
            Ok(result) => result,
            Err(_) => {
                // A Cluster's connection may hang for good after a node was killed (redis-rs issue 2418), even beyond its own limit
                // of an answer. A new connection does not.
                self.drop_any(tried.load(Ordering::Relaxed));
                Err(Failure::Store(self.timed_out(CALL_MAX)))
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<(u64, Transport)>> {
        // No code panics under the lock, and it holds one value.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection and its generation. Connects where there is none.
    async fn transport(&self) -> Result<(u64, Transport), StoreError> {
        if let Some(current) = self.current().clone() {
            return Ok(current);
        }
        let mut refused = self.connecting.lock().await;
        // Another caller may have connected meanwhile, or failed to.
        if let Some(current) = self.current().clone() {
            return Ok(current);
        }
        if let Some((_, error)) = refused.as_ref().filter(|(at, _)| at.elapsed() < REFUSED_FOR) {
            return Err(error.clone());
        }
        let connected = match tokio::time::timeout(CONNECT_MAX, self.server.connect()).await {
            Ok(Ok(transport)) => Ok(transport),
            Ok(Err(error)) => Err(StoreError::Unavailable(format!("cannot connect to {}: {error}", self.url))),
            Err(_) => Err(StoreError::Unavailable(format!(
                "cannot connect to {} within {} s",
                self.url,
                CONNECT_MAX.as_secs()
            ))),
        };
        match connected {
            Ok(transport) => {
                *refused = None;
                let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
                *self.current() = Some((generation, transport.clone()));
                Ok((generation, transport))
            }
            Err(error) => {
                *refused = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Drops a connection that broke, unless it was replaced already. A Cluster's heals itself node by node, as long as it knows a
    /// living one.
    fn drop_broken(&self, generation: u64, error: &RedisError) {
        let mut current = self.current();
        let Some((held, transport)) = current.as_ref() else { return };
        let heals = matches!(transport, Transport::Cluster(_)) && error.kind() != ErrorKind::ClusterConnectionNotFound;
        if *held == generation && !heals {
            *current = None;
        }
    }

    /// Drops a connection of any kind, unless it was replaced already.
    fn drop_any(&self, generation: u64) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|(held, _)| *held == generation) {
            *current = None;
        }
    }

    /// A client of one server alone.
    fn client_of(&self, address: Address) -> RedisResult<Client> {
        clients::single(&self.url, address, self.certificates.as_ref())
    }

    /// A connection to one server alone, for a few commands.
    pub(crate) async fn connect_to(&self, address: Address) -> RedisResult<MultiplexedConnection> {
        clients::connect_to(self.client_of(address)?).await
    }

    /// A connection of its own that is subscribed to a channel. `node`: the node of a Cluster; any will do, since each passes every
    /// message on.
    pub(crate) async fn subscribe(&self, channel: &str, node: Option<Address>) -> RedisResult<PubSub> {
        let client = match (&self.server, node) {
            (_, Some(node)) => self.client_of(node)?,
            (Server::Single(client), None) => client.clone(),
            (Server::Sentinel(sentinel), None) => sentinel.lock().await.async_get_client().await?,
            (Server::Cluster(_), None) => return Err(RedisError::from((ErrorKind::Client, "no node was named"))),
        };
        let connect = async {
            let mut listener = client.get_async_pubsub().await?;
            listener.subscribe(channel).await?;
            Ok(listener)
        };
        tokio::time::timeout(CONNECT_MAX, connect)
            .await
            .unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "connecting took too long"))))
    }
}
