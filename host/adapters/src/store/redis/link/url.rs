//! The address of a Redis: single server, Cluster or Sentinel.

use morag_core::Secret;
use url::Url;

/// Port of a Redis server where the URL names none.
const PORT: u16 = 6379;

/// Port of a Sentinel where the URL names none.
const SENTINEL_PORT: u16 = 26379;

/// Addresses that a URL may list at most: they only have to lead to one living node.
const ADDRESSES_MAX: usize = 64;

/// Where Redis is, in one of these forms:
///
/// - `redis://host:6379/0`, one server; `rediss://` with TLS;
/// - `redis+cluster://a:7001,b:7002,c:7003`, a Cluster; a comma-separated list says so too: `redis://a:7001,b:7002`;
/// - `redis+sentinel://a:26379,b:26379/mymaster/0`, the server that the Sentinels name `mymaster`.
///
/// `rediss+cluster://` and `rediss+sentinel://` are the same with TLS. `user:password@` may stand before the first address;
/// with Sentinel it is for the servers and for the Sentinels. It prints without them.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(crate) topology: Topology,
    pub(crate) tls: bool,
    pub(crate) addresses: Vec<Address>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: i64,
}

/// How the servers are organized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    Single,
    Cluster,
    /// The addresses are Sentinels, which know the master by this name.
    Sentinel(String),
}

/// Host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name or an address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

/// The text is not the address of a Redis. The message does not repeat it, because it may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of a Redis: {0}; give for example redis://host:6379/0, rediss://user:password@host:6380, \
         redis+cluster://a:7001,b:7002,c:7003 or redis+sentinel://a:26379,b:26379/mymaster"
)]
pub struct InvalidRedisUrl(&'static str);

impl std::fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = if self.tls { "s" } else { "" };
        let kind = match &self.topology {
            Topology::Single => "",
            Topology::Cluster => "+cluster",
            Topology::Sentinel(_) => "+sentinel",
        };
        write!(f, "redis{tls}{kind}://")?;
        for (index, address) in self.addresses.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{address}")?;
        }
        match &self.topology {
            Topology::Single => write!(f, "/{}", self.database),
            Topology::Cluster => Ok(()),
            Topology::Sentinel(master) => write!(f, "/{master}/{}", self.database),
        }
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

impl std::str::FromStr for RedisUrl {
    type Err = InvalidRedisUrl;

    fn from_str(text: &str) -> Result<Self, InvalidRedisUrl> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(InvalidRedisUrl("it has no scheme"))?;
        let (tls, kind) = match scheme {
            "redis" => (false, None),
            "rediss" => (true, None),
            "redis+cluster" => (false, Some("cluster")),
            "rediss+cluster" => (true, Some("cluster")),
            "redis+sentinel" => (false, Some("sentinel")),
            "rediss+sentinel" => (true, Some("sentinel")),
            _ => {
                return Err(InvalidRedisUrl(
                    "its scheme is none of redis, rediss, and these with +cluster or +sentinel",
                ));
            }
        };
        let port = if kind == Some("sentinel") { SENTINEL_PORT } else { PORT };
        let mut addresses = Vec::new();
        let (mut user, mut password, mut path) = (None, None, String::new());
        for (index, part) in rest.split(',').enumerate() {
            // A list may repeat the scheme: redis://a,redis://b.
            let part = part.trim();
            let part = part.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).unwrap_or(part);
            let url =
                Url::parse(&format!("redis://{part}")).map_err(|_| InvalidRedisUrl("an address cannot be read"))?;
            if url.query().is_some() || url.fragment().is_some() {
                return Err(InvalidRedisUrl("it has a query or a fragment"));
            }
            let host = url.host_str().filter(|host| !host.is_empty()).ok_or(InvalidRedisUrl("a host is missing"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            addresses.push(Address { host, port: url.port().unwrap_or(port) });
            if index > 0 && (!url.username().is_empty() || url.password().is_some()) {
                // It may be the rest of a password with a comma, whose beginning would be taken for an address.
                return Err(InvalidRedisUrl(
                    "user and password must stand before the first address, a comma in them as %2C",
                ));
            }
            if !url.username().is_empty() {
                user = Some(decoded(url.username())?);
            }
            if let Some(given) = url.password() {
                password = Some(Secret::new(decoded(given)?));
            }
            if !url.path().trim_matches('/').is_empty() {
                path = decoded(url.path().trim_matches('/'))?;
            }
        }
        if addresses.len() > ADDRESSES_MAX {
            return Err(InvalidRedisUrl("it lists more than 64 addresses"));
        }
        let database = |text: &str| match text {
            "" => Ok(0),
            text => {
                text.parse().ok().filter(|number| *number >= 0).ok_or(InvalidRedisUrl("its database is not a number"))
            }
        };
        let (topology, database) = match kind {
            Some("sentinel") => {
                let (master, number) = path.split_once('/').unwrap_or((&path, ""));
                if master.is_empty() {
                    return Err(InvalidRedisUrl("the name of the Sentinels' master is missing"));
                }
                (Topology::Sentinel(master.to_owned()), database(number)?)
            }
            Some(_) => (Topology::Cluster, database(&path)?),
            None if addresses.len() > 1 => (Topology::Cluster, database(&path)?),
            None => (Topology::Single, database(&path)?),
        };
        if topology == Topology::Cluster && database != 0 {
            return Err(InvalidRedisUrl("a Cluster has database 0 only"));
        }
        Ok(Self { topology, tls, addresses, user, password, database })
    }
}

fn decoded(text: &str) -> Result<String, InvalidRedisUrl> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| InvalidRedisUrl("an escaped part is not UTF-8"))?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RedisUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_scheme_or_the_list_decides_the_form() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://127.0.0.1:7000/3", "redis://127.0.0.1:7000/3"),
            ("rediss://h:6380", "rediss://h:6380/0"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0"),
            ("redis://a:1,b:2", "redis+cluster://a:1,b:2"),
            ("redis://a:1, redis://b:2", "redis+cluster://a:1,b:2"),
            ("redis+cluster://a", "redis+cluster://a:6379"),
            ("rediss+cluster://a:1,b:2,c:3", "rediss+cluster://a:1,b:2,c:3"),
            ("redis+sentinel://a,b:2/mymaster", "redis+sentinel://a:26379,b:2/mymaster/0"),
            ("rediss+sentinel://a/m/4", "rediss+sentinel://a:26379/m/4"),
        ] {
            assert_eq!(parse(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_printed() {
        let url = parse("redis+cluster://us%40er:p%2Css%3A@a:1,b:2");
        assert_eq!(url.user.as_deref(), Some("us@er"));
        assert_eq!(url.password.as_ref().map(|password| password.expose().to_owned()), Some("p,ss:".to_owned()));
        for shown in [url.to_string(), format!("{url:?}")] {
            assert!(!shown.contains("p,ss") && !shown.contains("us@er") && !shown.contains("p%2Css"), "{shown}");
        }
    }

    #[test]
    fn an_invalid_address_is_refused_and_not_repeated() {
        for text in [
            "",
            "localhost:6379",
            "http://h",
            "redis://",
            "redis://:7000",
            "redis://h/x",
            "redis://h/-1",
            "redis://a:1,b:2/1",
            "redis+sentinel://h",
            "redis+sentinel://h/m/x",
            "redis://user:secret@h:99999",
            "redis://user:secret@h?x=1",
            "redis://user:123,secret@h",
            "redis://a:1,user:secret@b:2",
        ] {
            let error = text.parse::<RedisUrl>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
