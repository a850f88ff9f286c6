//! One connection to Redis that heals itself: single server, Cluster or Sentinel.

use super::format::Gate;
use super::kept::Replicas;
use super::url::{RedisUrl, Topology};
use futures::future::FutureExt as _;
use morag_core::ports::StoreError;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture,
    RedisResult, ServerErrorKind, TlsCertificates, TlsMode, Value,
};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Limit of reaching one node. Of a Cluster all that the URL lists are tried side by side and the slowest is waited for, of
/// Sentinels one after the other: so it is well below [`CONNECT_MAX`], for some may drop packets.
const NODE_MAX: Duration = Duration::from_millis(700);

/// Limit of making a connection, to Sentinels and then the server they name: a host that drops packets must not hold a
/// caller longer.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Limit of one answer. A server that writes its log to a slow disk may pause for a second.
const RESPONSE_MAX: Duration = Duration::from_secs(2);

/// Limit of one call with its repetitions: long enough for a connection that broke to be made anew.
const CALL_MAX: Duration = Duration::from_secs(4);

/// Tries of one call. One meets the connection that a restarted server has left broken, one its first moments.
const TRIES: u32 = 3;

/// Pause before a call is tried again, times the try.
const TRY_PAUSE: Duration = Duration::from_millis(50);

/// After a failed connection, calls fail at once for so long: they would only queue up for the next attempt.
const REFUSED_FOR: Duration = Duration::from_millis(250);

/// Commands under way at once on a connection; further ones wait. Above it they would wait in the server anyway.
const IN_FLIGHT_MAX: usize = 1024;

/// A Redis, reached by one multiplexed connection (one to each node of a Cluster) that is made anew where it broke.
///
/// A call whose answer was lost is repeated: every script that is sent must do the same when it comes twice.
pub struct Redis {
    url: RedisUrl,
    certificates: Option<TlsCertificates>,
    server: Server,
    current: SyncMutex<Option<(u64, Link)>>,
    connecting: Mutex<Option<(Instant, StoreError)>>,
    generation: AtomicU64,
    /// What calls must pass, once a store was opened over this connection.
    gate: SyncMutex<Option<Arc<Gate>>>,
    /// A connection of its own for calls that wait for a replica ([`super::kept`]): a server answers nothing else on a
    /// connection on which it is waited. None of that one itself.
    apart: Option<Box<Redis>>,
    /// Where replicas are.
    pub(super) replicas: Replicas,
}

enum Server {
    Single(Client),
    Cluster(redis::cluster::ClusterClient),
    Sentinel(Mutex<SentinelClient>),
}

/// A connection of either kind.
#[derive(Clone)]
enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
    #[cfg(any(test, fuzzing))]
    Told(super::told::Told),
}

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(link) => link.req_packed_command(cmd),
            Self::Cluster(link) => link.req_packed_command(cmd),
            #[cfg(any(test, fuzzing))]
            Self::Told(link) => link.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(link) => link.req_packed_commands(pipeline, offset, count),
            Self::Cluster(link) => link.req_packed_commands(pipeline, offset, count),
            #[cfg(any(test, fuzzing))]
            Self::Told(link) => link.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(link) => link.get_db(),
            Self::Cluster(link) => link.get_db(),
            #[cfg(any(test, fuzzing))]
            Self::Told(link) => link.get_db(),
        }
    }
}

impl Link {
    /// Sends commands one behind the other to the one server that has a key. Errors are among the answers.
    async fn send_to(&mut self, key: &str, commands: &Pipeline, count: usize) -> RedisResult<Vec<Value>> {
        match self {
            Self::One(link) => link.req_packed_commands(commands, 0, count).await,
            #[cfg(any(test, fuzzing))]
            Self::Told(link) => link.req_packed_commands(commands, 0, count).await,
            Self::Cluster(link) => {
                let route = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
                link.route_pipeline(commands.clone(), 0, count, route).await
            }
        }
    }
}

/// What a Lua script is sent with.
pub(super) struct Call<'a> {
    script: &'a Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

/// A Lua script, known to servers by its digest. It must bear being run twice with the same arguments.
pub(super) struct Script(redis::Script, &'static str);

impl Script {
    /// A script of this text.
    pub(super) fn new(code: &'static str) -> Self {
        Self(redis::Script::new(code), code)
    }

    /// A call on these keys, all of one slot.
    pub(super) fn on<const N: usize>(&self, keys: [String; N]) -> Call<'_> {
        Call { script: self, keys: keys.into(), args: Vec::new() }
    }
}

impl Call<'_> {
    /// Adds keys, of the same slot as the others.
    pub(super) fn and_on(mut self, keys: Vec<String>) -> Self {
        self.keys.extend(keys);
        self
    }

    /// Adds an argument.
    pub(super) fn arg(mut self, value: impl ToString) -> Self {
        self.args.push(value.to_string().into_bytes());
        self
    }

    /// Adds an argument that is no text.
    pub(super) fn bytes(mut self, value: Vec<u8>) -> Self {
        self.args.push(value);
        self
    }

    /// The first key: it says which server the call goes to.
    pub(super) fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    pub(super) fn command(&self, by_digest: bool) -> Cmd {
        let mut command = redis::cmd(if by_digest { "EVALSHA" } else { "EVAL" });
        match by_digest {
            true => command.arg(self.script.0.get_hash()),
            false => command.arg(self.script.1),
        };
        command.arg(self.keys.len());
        self.keys.iter().for_each(|key| _ = command.arg(key));
        self.args.iter().for_each(|value| _ = command.arg(value));
        command
    }
}

impl Redis {
    /// Connects, to say at once what cannot work. `ca_file`: certificates (PEM) that vouch for the servers, in place of the
    /// machine's.
    pub async fn connect(url: RedisUrl, ca_file: Option<&Path>) -> Result<Arc<Self>, StoreError> {
        let certificates = match ca_file {
            None => None,
            Some(path) => {
                let root = std::fs::read(path).map_err(|error| {
                    StoreError::Unavailable(format!("cannot read the certificates in {}: {error}", path.display()))
                })?;
                Some(TlsCertificates { client_tls: None, root_cert: Some(root) })
            }
        };
        let unusable = |error| StoreError::Unavailable(format!("{url} cannot be used: {error}"));
        let apart = Self::new(url.clone(), certificates.clone(), None).map_err(unusable)?;
        let this = Arc::new(Self::new(url.clone(), certificates, Some(Box::new(apart))).map_err(unusable)?);
        this.link().await?;
        Ok(this)
    }

    /// One that gives the answers that it is told to.
    #[cfg(any(test, fuzzing))]
    pub(super) fn told(told: super::told::Told) -> RedisResult<Arc<Self>> {
        // Nobody listens there: a connection that is made anew fails at once.
        let url: RedisUrl = "redis://127.0.0.1:1".parse().map_err(|_| (ErrorKind::InvalidClientConfig, "no URL"))?;
        let this = Self::new(url, None, None)?;
        *this.current() = Some((0, Link::Told(told)));
        Ok(Arc::new(this))
    }

    /// One that is not connected yet.
    fn new(url: RedisUrl, certificates: Option<TlsCertificates>, apart: Option<Box<Self>>) -> RedisResult<Self> {
        Ok(Self {
            server: server(&url, certificates.as_ref())?,
            url,
            certificates,
            current: SyncMutex::default(),
            connecting: Mutex::default(),
            generation: AtomicU64::new(0),
            gate: SyncMutex::default(),
            apart,
            replicas: Replicas::default(),
        })
    }

    /// The connection for calls that wait for a replica: made when it is first used.
    pub(super) fn apart(&self) -> &Self {
        self.apart.as_deref().unwrap_or(self)
    }

    /// Sends commands one behind the other to the one server that has a key, once. Errors are among the answers.
    pub(super) async fn send_to(&self, key: &str, commands: &Pipeline, count: usize) -> Result<Vec<Value>, StoreError> {
        let (generation, mut link) = self.link().await?;
        match tokio::time::timeout(RESPONSE_MAX, link.send_to(key, commands, count)).await {
            Ok(Ok(answers)) => Ok(answers),
            Ok(Err(error)) => {
                if is_passing(&error) {
                    self.forget(generation, &error);
                }
                Err(self.failed(Failure::Redis(error)))
            }
            Err(_) => {
                self.forget_now(generation);
                Err(self.silent_for(RESPONSE_MAX))
            }
        }
    }

    /// Whether keys of different slots may lie on different nodes.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.server, Server::Cluster(_))
    }

    /// Every call that follows goes by what the gate says of the store's format.
    pub(super) fn pass(&self, gate: Arc<Gate>) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
    }

    /// Whether this process knows the store's format.
    pub(super) async fn check_format(&self) -> Result<(), StoreError> {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match gate {
            Some(gate) => gate.check(self).await,
            None => Ok(()),
        }
    }

    /// Runs a script. `Unavailable` where Redis did not answer in time; then it may have run nevertheless.
    pub(super) async fn call<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        self.check_format().await?;
        self.call_by_any(call).await
    }

    /// Runs a script whatever the store's format.
    pub(super) async fn call_by_any<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        let value = self.value_of(&call).await?;
        self.read(value)
    }

    /// The answer to a call, whatever the store's format.
    pub(super) async fn value_of(&self, call: &Call<'_>) -> Result<Value, StoreError> {
        match self.run(&call.command(true)).await {
            Err(Failure::Redis(error)) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                // Sent in full, to the node that has the keys: it knows the script by its digest from then on.
                self.run(&call.command(false)).await
            }
            answer => answer,
        }
        .map_err(|failure| self.failed(failure))
    }

    /// Sends a command that may be repeated.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.check_format().await?;
        self.query_any(command).await
    }

    /// The same whatever the store's format.
    async fn query_any<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let value = self.run(command).await.map_err(|failure| self.failed(failure))?;
        self.read(value)
    }

    /// Answers when every node does.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.query::<String>(&redis::cmd("PING")).await.map(drop)
    }

    pub(super) fn read<T: FromRedisValue>(&self, value: Value) -> Result<T, StoreError> {
        T::from_redis_value(value)
            .map_err(|error| StoreError::Corrupt(format!("{} answered what cannot be read: {error}", self.url)))
    }

    /// That there was no answer within a time.
    pub(super) fn silent_for(&self, limit: Duration) -> StoreError {
        StoreError::Unavailable(format!("{} did not answer within {} ms", self.url, limit.as_millis()))
    }

    fn failed(&self, failure: Failure) -> StoreError {
        match failure {
            // A script has changed nothing then.
            Failure::Redis(error) if is_full(&error) => StoreError::Full(format!("{}: {error}", self.url)),
            Failure::Redis(error) => StoreError::Unavailable(format!("{}: {error}", self.url)),
            Failure::Store(error) => error,
        }
    }

    async fn run(&self, command: &Cmd) -> Result<Value, Failure> {
        let tried = AtomicU64::new(0);
        let tries = async {
            let mut failure = None;
            for attempt in 1..=TRIES {
                let (generation, mut link) = match self.link().await {
                    Ok(link) => link,
                    Err(error) => return Err(Failure::Store(error)),
                };
                tried.store(generation, Ordering::Relaxed);
                match link.req_packed_command(command).await.and_then(Value::extract_error) {
                    Ok(value) => return Ok(value),
                    Err(error) if is_passing(&error) => {
                        self.forget(generation, &error);
                        failure = Some(Failure::Redis(error));
                        tokio::time::sleep(TRY_PAUSE * attempt).await;
                    }
                    // What was sent before may have been done.
                    Err(error) if failure.is_some() && is_full(&error) => {
                        return Err(Failure::Store(doubtful(self.failed(Failure::Redis(error)))));
                    }
                    Err(error) => return Err(Failure::Redis(error)),
                }
            }
            Err(failure.unwrap_or_else(|| Failure::Store(StoreError::Unavailable("nothing was tried".into()))))
        };
        match tokio::time::timeout(CALL_MAX, tries).await {
            Ok(result) => result,
            Err(_) => {
                // A Cluster's connection may hang for good after a node was killed (redis-rs issue 2418): not even its own
                // limit of an answer ends the call then. A new one does not.
                self.forget_now(tried.load(Ordering::Relaxed));
                Err(Failure::Store(self.silent_for(CALL_MAX)))
            }
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<(u64, Link)>> {
        // No code panics under the lock, and it holds one value.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, made where there is none.
    async fn link(&self) -> Result<(u64, Link), StoreError> {
        if let Some(link) = self.current().clone() {
            return Ok(link);
        }
        let mut refused = self.connecting.lock().await;
        // Somebody else may have made it meanwhile, or tried.
        if let Some(link) = self.current().clone() {
            return Ok(link);
        }
        if let Some((_, error)) = refused.as_ref().filter(|(at, _)| at.elapsed() < REFUSED_FOR) {
            return Err(error.clone());
        }
        let connected = match tokio::time::timeout(CONNECT_MAX, self.server.connect()).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(StoreError::Unavailable(format!("cannot connect to {}: {error}", self.url))),
            Err(_) => Err(StoreError::Unavailable(format!(
                "cannot connect to {} within {} s",
                self.url,
                CONNECT_MAX.as_secs()
            ))),
        };
        match connected {
            Ok(link) => {
                *refused = None;
                let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
                *self.current() = Some((generation, link.clone()));
                Ok((generation, link))
            }
            Err(error) => {
                *refused = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Lets go of a connection that broke, unless it is a newer one already. A Cluster's heals itself node by node, as long
    /// as it knows a living one.
    fn forget(&self, generation: u64, error: &RedisError) {
        let mut current = self.current();
        let Some((held, link)) = current.as_ref() else { return };
        let heals = matches!(link, Link::Cluster(_)) && error.kind() != ErrorKind::ClusterConnectionNotFound;
        if *held == generation && !heals {
            *current = None;
        }
    }

    /// Lets go of a connection, whatever its kind, unless it is a newer one already.
    fn forget_now(&self, generation: u64) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|(held, _)| *held == generation) {
            *current = None;
        }
    }

    /// A connection of its own that listens to a channel, for the caller to read until it ends. In a Cluster any node will
    /// do, since each passes every message on: `turn` chooses another than the last.
    pub(super) async fn listen(&self, channel: &str, turn: usize) -> RedisResult<redis::aio::PubSub> {
        let client = match &self.server {
            Server::Single(client) => client.clone(),
            Server::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await?,
            Server::Cluster(_) => {
                let addresses = self.nodes().await;
                self.client_of(addresses[turn % addresses.len()].clone())?
            }
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

    /// A client of one server alone.
    pub(super) fn client_of(&self, address: super::url::Address) -> RedisResult<Client> {
        let info = self.url.connection_info(address);
        match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }

    /// A connection to one server alone, for a few commands.
    pub(super) async fn connect_to(&self, address: super::url::Address) -> RedisResult<MultiplexedConnection> {
        self.client_of(address)?.get_multiplexed_async_connection_with_config(&settings()).await
    }

    /// Where Redis is, for people.
    pub(super) fn shown(&self) -> String {
        self.url.to_string()
    }

    /// Addresses of the Cluster's masters, as it says itself; those of the URL where it does not.
    async fn nodes(&self) -> Vec<super::url::Address> {
        let mut found: Vec<_> = self.slots().await.unwrap_or_default().into_iter().map(|range| range.master).collect();
        found.dedup();
        if found.is_empty() { self.url.addresses.clone() } else { found }
    }
}

/// The error of a call that was sent before, and not answered: it may have been done then, so that nothing is certain.
pub(super) fn doubtful(error: StoreError) -> StoreError {
    match error {
        StoreError::Full(text) => StoreError::Unavailable(format!("{text}; it was sent before, and not answered")),
        error => error,
    }
}

enum Failure {
    Redis(RedisError),
    Store(StoreError),
}

/// Whether it is Redis's own code where a command that needs memory meets `maxmemory`.
fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM")
}

/// Whether the same call may succeed a moment later.
fn is_passing(error: &RedisError) -> bool {
    let server = matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
        )
    );
    server
        || error.is_io_error()
        || error.is_connection_dropped()
        || error.kind() == ErrorKind::ClusterConnectionNotFound
}

impl RedisUrl {
    fn connection_addr(&self, address: super::url::Address) -> ConnectionAddr {
        let super::url::Address { host, port } = address;
        match self.tls {
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, port),
        }
    }

    fn connection_info(&self, address: super::url::Address) -> redis::ConnectionInfo {
        let mut settings = redis::RedisConnectionInfo::default().set_db(self.database);
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose());
        }
        let info = redis::IntoConnectionInfo::into_connection_info(self.connection_addr(address));
        // An address alone cannot fail to be one.
        info.unwrap_or_else(|_| unreachable!("an address is connection info")).set_redis_settings(settings)
    }
}

/// Limits of a connection.
fn settings() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(NODE_MAX))
        .set_response_timeout(Some(RESPONSE_MAX))
        .set_concurrency_limit(IN_FLIGHT_MAX)
}

fn server(url: &RedisUrl, certificates: Option<&TlsCertificates>) -> RedisResult<Server> {
    let infos = url.addresses.iter().cloned().map(|address| url.connection_info(address));
    match &url.topology {
        Topology::Single => {
            let info = infos.into_iter().next_back().ok_or((ErrorKind::InvalidClientConfig, "no address"))?;
            Ok(Server::Single(match certificates {
                Some(certificates) => Client::build_with_tls(info, certificates.clone())?,
                None => Client::open(info)?,
            }))
        }
        Topology::Cluster => {
            let mut builder = ClusterClientBuilder::new(infos)
                .connection_timeout(NODE_MAX)
                .response_timeout(RESPONSE_MAX)
                .retries(TRIES)
                .connection_concurrency_limit(IN_FLIGHT_MAX);
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates.clone());
            }
            Ok(Server::Cluster(builder.build()?))
        }
        Topology::Sentinel(master) => {
            let sentinels = url.addresses.iter().cloned().map(|address| url.connection_addr(address));
            let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
                .set_client_to_redis_db(url.database);
            if url.tls {
                builder = builder
                    .set_client_to_redis_tls_mode(TlsMode::Secure)
                    .set_client_to_sentinel_tls_mode(TlsMode::Secure);
            }
            if let Some(user) = &url.user {
                builder = builder.set_client_to_redis_username(user).set_client_to_sentinel_username(user);
            }
            if let Some(password) = &url.password {
                builder = builder
                    .set_client_to_redis_password(password.expose())
                    .set_client_to_sentinel_password(password.expose());
            }
            if let Some(certificates) = certificates {
                builder = builder
                    .set_client_to_redis_certificates(certificates.clone())
                    .set_client_to_sentinel_certificates(certificates.clone());
            }
            Ok(Server::Sentinel(Mutex::new(builder.build()?)))
        }
    }
}

impl Server {
    async fn connect(&self) -> RedisResult<Link> {
        let config = settings();
        match self {
            Self::Single(client) => client.get_multiplexed_async_connection_with_config(&config).await.map(Link::One),
            Self::Sentinel(sentinel) => {
                sentinel.lock().await.get_async_connection_with_config(&config).await.map(Link::One)
            }
            Self::Cluster(client) => client.get_async_connection().boxed().await.map(Link::Cluster),
        }
    }
}
