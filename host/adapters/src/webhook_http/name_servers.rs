//! Asking name servers, with packets of our own: the system's `getaddrinfo` takes a thread for each question, for as long as
//! nobody answers it.
//!
//! The servers are asked as `resolv.conf(5)` says: in their order, the next one where one does not answer or fails, and all of
//! them again for as many attempts as it allows. What a server says is not kept: each connection is judged by an answer of its
//! own.

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

/// Name servers that are asked, as many as the C library takes.
const SERVERS_MAX: usize = 3;

/// Rounds over all of them, whatever `resolv.conf` says: who waits for the answer has long given up.
const ROUNDS_MAX: usize = 5;

/// Questions under way at once on one TCP connection, which is for answers that are too long for UDP: as many as names are looked
/// up at once. Over UDP each has a socket of its own.
const QUESTIONS_MAX: usize = 1024;

/// Asks these name servers, and nobody else.
#[derive(Debug)]
pub struct NameServers {
    servers: Vec<TokioResolver>,
    rounds: usize,
}

impl NameServers {
    /// Servers by their addresses, with the defaults of `resolv.conf`: 5 seconds for each, 2 rounds, and every name is complete.
    ///
    /// # Errors
    /// Where the client for one of them cannot be made.
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

    /// Servers, domains to search and times of a configuration.
    pub(super) fn of(config: ResolverConfig, options: &ResolverOpts) -> io::Result<Self> {
        let (domain, mut search, servers) = config.into_parts();
        if search.is_empty() {
            // Of the machine's own name, as the C library does where the file names none.
            search.extend(domain);
        }
        let one = |server| client(ResolverConfig::from_parts(None, search.clone(), vec![server]), options);
        let servers = servers.into_iter().take(SERVERS_MAX).map(one).collect::<Result<_, _>>();
        Ok(Self { servers: servers.map_err(failed)?, rounds: options.attempts.clamp(1, ROUNDS_MAX) })
    }
}

/// A client of one server that asks once and remembers nothing.
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
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it is no name that name servers know"))?;
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

/// What is said of a look-up that failed: neither names nor questions, which may be secret.
fn failed(error: NetError) -> io::Error {
    match error {
        NetError::Timeout => io::Error::new(io::ErrorKind::TimedOut, "the name servers do not answer"),
        NetError::Io(error) => io::Error::new(error.kind(), format!("the name servers cannot be reached: {error}")),
        NetError::Dns(DnsError::ResponseCode(code)) => io::Error::other(format!("the name servers answer {code}")),
        NetError::NoConnections => io::Error::other("there are no name servers that could be asked"),
        _ => io::Error::other("the name servers give no answer that can be read"),
    }
}
