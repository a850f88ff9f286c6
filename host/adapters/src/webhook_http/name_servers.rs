//! A DNS client: the system's `getaddrinfo` blocks a thread for each query until it is answered.
//!
//! Servers are queried as `resolv.conf(5)` says: in order, the next one after a timeout or a failure, for the configured number of rounds.
//! Responses are not cached: the addresses of each connection are checked with a response of its own.

use super::lookup::Lookup;
use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
    ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Most name servers, as in the C library.
const SERVERS_MAX: usize = 3;

/// Most rounds, whatever `resolv.conf` says: the caller times out long before.
const ROUNDS_MAX: usize = 5;

/// Concurrent queries on one TCP connection, which is used for responses that are too long for UDP: the limit of concurrent look-ups. Over
/// UDP each query has a socket of its own.
const QUESTIONS_MAX: usize = 1024;

/// Queries these name servers only.
#[derive(Debug)]
pub struct NameServers {
    servers: Vec<TokioResolver>,
    rounds: usize,
}

impl NameServers {
    /// Servers by address, with the defaults of `resolv.conf`: 5 seconds for each, 2 rounds, no search domains.
    ///
    /// # Errors
    /// If the client of a server cannot be created.
    pub fn at(servers: &[SocketAddr]) -> io::Result<Self> {
        let server = |address: &SocketAddr| {
            let at_port = |mut connection: ConnectionConfig| {
                connection.port = address.port();
                connection
            };
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port);
            NameServerConfig::new(address.ip(), true, connections.to_vec())
        };
        let servers = servers.iter().map(server).collect();
        Self::of(ResolverConfig::from_parts(None, Vec::new(), servers), &ResolverOpts::default())
    }

    /// Servers, search domains and timeouts of a configuration.
    pub(super) fn of(config: ResolverConfig, options: &ResolverOpts) -> io::Result<Self> {
        let (domain, mut search, servers) = config.into_parts();
        if search.is_empty() {
            // The domain of the machine's own name, as in the C library where the file sets none.
            search.extend(domain);
        }
        let one = |server| client(ResolverConfig::from_parts(None, search.clone(), vec![server]), options);
        let servers = servers.into_iter().take(SERVERS_MAX).map(one).collect::<Result<_, _>>();
        Ok(Self { servers: servers.map_err(failed)?, rounds: options.attempts.clamp(1, ROUNDS_MAX) })
    }
}

/// A client of one server, without retries and cache.
fn client(config: ResolverConfig, given: &ResolverOpts) -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    (options.ndots, options.timeout, options.edns0) = (given.ndots, given.timeout, given.edns0);
    options.attempts = 0;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options.max_active_requests = QUESTIONS_MAX;
    builder.build()
}

#[async_trait]
impl Lookup for NameServers {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let name = Name::from_str_relaxed(name)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it is not a valid DNS name"))?;
        let mut last = NetError::NoConnections;
        for server in (0..self.rounds).flat_map(|_| &self.servers) {
            match server.lookup_ip(name.clone()).await {
                Ok(found) => return Ok(found.iter().collect()),
                Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                    ResponseCode::NoError => return Ok(Vec::new()),
                    ResponseCode::NXDomain => {
                        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such name"));
                    }
                    code => last = DnsError::ResponseCode(code).into(),
                },
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }
}

/// Error of a failed look-up, without names and queries, which may be secret.
fn failed(error: NetError) -> io::Error {
    match error {
        NetError::Timeout => io::Error::new(io::ErrorKind::TimedOut, "the name servers do not respond"),
        NetError::Io(error) => io::Error::new(error.kind(), format!("the name servers cannot be reached: {error}")),
        NetError::Dns(DnsError::ResponseCode(code)) => io::Error::other(format!("the name servers respond {code}")),
        NetError::NoConnections => io::Error::other("no name server is configured"),
        // Among others a response that makes no sense or is cut off, and too many questions at a time.
        _ => io::Error::other("the name servers give no usable response"),
    }
}
