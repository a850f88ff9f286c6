//! The client of a Redis of each topology, made of its URL.

use super::transport::Transport;
use super::url::{Address, RedisUrl, Topology};
use futures::future::FutureExt as _;
use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates, TlsMode,
};
use std::time::Duration;
use tokio::sync::Mutex;

/// Limit of connecting to one node. The nodes that a Cluster's URL lists are tried in parallel, and the slowest is waited for;
/// Sentinels are tried one after the other. So it is well below the limit of connecting as a whole: some nodes may drop packets.
const NODE_MAX: Duration = Duration::from_millis(700);

/// Limit of one answer. A server that writes its log to a slow disk may pause for a second.
pub(super) const RESPONSE_MAX: Duration = Duration::from_secs(2);

/// Commands in flight on a connection; further ones wait here. Above it they would wait in the server anyway.
const IN_FLIGHT_MAX: usize = 1024;

/// Times that a Cluster's client sends a command.
pub(super) const TRIES: u32 = 3;

/// How Redis is reached.
pub(super) enum Server {
    Single(Client),
    Cluster(ClusterClient),
    Sentinel(Mutex<SentinelClient>),
}

impl Server {
    /// The client for a URL. `certificates` vouch for the servers in place of the machine's.
    pub(super) fn of(url: &RedisUrl, certificates: Option<&TlsCertificates>) -> RedisResult<Self> {
        match &url.topology {
            Topology::Single => {
                let address = url.addresses.last().ok_or((ErrorKind::InvalidClientConfig, "no address"))?;
                Ok(Self::Single(single(url, address.clone(), certificates)?))
            }
            Topology::Cluster => cluster(url, certificates).map(Self::Cluster),
            Topology::Sentinel(master) => {
                sentinel(url, master, certificates).map(|client| Self::Sentinel(Mutex::new(client)))
            }
        }
    }

    /// Connects.
    pub(super) async fn connect(&self) -> RedisResult<Transport> {
        let limits = limits();
        match self {
            Self::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&limits).await.map(Transport::One)
            }
            Self::Sentinel(sentinel) => {
                sentinel.lock().await.get_async_connection_with_config(&limits).await.map(Transport::One)
            }
            Self::Cluster(client) => client.get_async_connection().boxed().await.map(Transport::Cluster),
        }
    }
}

/// A client of one server alone.
pub(super) fn single(url: &RedisUrl, address: Address, certificates: Option<&TlsCertificates>) -> RedisResult<Client> {
    let info = connection_info(url, address);
    match certificates {
        Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        None => Client::open(info),
    }
}

/// A connection to one server alone.
pub(super) async fn connect_to(client: Client) -> RedisResult<MultiplexedConnection> {
    client.get_multiplexed_async_connection_with_config(&limits()).await
}

fn cluster(url: &RedisUrl, certificates: Option<&TlsCertificates>) -> RedisResult<ClusterClient> {
    let mut builder =
        ClusterClientBuilder::new(url.addresses.iter().map(|address| connection_info(url, address.clone())))
            .connection_timeout(NODE_MAX)
            .response_timeout(RESPONSE_MAX)
            .retries(TRIES)
            .connection_concurrency_limit(IN_FLIGHT_MAX);
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates.clone());
    }
    builder.build()
}

fn sentinel(url: &RedisUrl, master: &str, certificates: Option<&TlsCertificates>) -> RedisResult<SentinelClient> {
    let sentinels = url.addresses.iter().map(|address| connection_addr(url, address.clone()));
    let mut builder =
        SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?.set_client_to_redis_db(url.database);
    if url.tls {
        builder =
            builder.set_client_to_redis_tls_mode(TlsMode::Secure).set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    if let Some(user) = &url.user {
        builder = builder.set_client_to_redis_username(user).set_client_to_sentinel_username(user);
    }
    if let Some(password) = &url.password {
        builder =
            builder.set_client_to_redis_password(password.expose()).set_client_to_sentinel_password(password.expose());
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates.clone());
    }
    builder.build()
}

/// Limits of a connection.
fn limits() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(NODE_MAX))
        .set_response_timeout(Some(RESPONSE_MAX))
        .set_concurrency_limit(IN_FLIGHT_MAX)
}

fn connection_addr(url: &RedisUrl, Address { host, port }: Address) -> ConnectionAddr {
    match url.tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    }
}

fn connection_info(url: &RedisUrl, address: Address) -> ConnectionInfo {
    let mut settings = RedisConnectionInfo::default().set_db(url.database);
    if let Some(user) = &url.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &url.password {
        settings = settings.set_password(password.expose());
    }
    // An address alone is always valid connection info.
    let info = connection_addr(url, address).into_connection_info();
    info.unwrap_or_else(|_| unreachable!("an address is connection info")).set_redis_settings(settings)
}
