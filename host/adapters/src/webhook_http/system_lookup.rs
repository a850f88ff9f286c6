//! Resolves names as the machine is configured: `/etc/hosts` first, then the name servers of `/etc/resolv.conf`.
//!
//! Both are read again after a change. Other sources of `nsswitch.conf` are ignored: they are libraries that block a thread for each query.

use super::lookup::Lookup;
use super::name_servers::NameServers;
use async_trait::async_trait;
use hickory_resolver::Hosts;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Interval between checks of the two files.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Largest file that is read: block lists have some hundred thousand lines.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// The machine's own resolver configuration.
#[derive(Debug)]
pub struct SystemLookup {
    hosts: PathBuf,
    resolv_conf: PathBuf,
    cached: Mutex<Option<Cached>>,
}

/// The parsed files.
#[derive(Debug)]
struct Cached {
    checked: Instant,
    stamps: [Option<Stamp>; 2],
    sources: Arc<Sources>,
}

/// Modification time and size; none: the file is missing.
type Stamp = (SystemTime, u64);

#[derive(Debug)]
struct Sources {
    hosts: Hosts,
    servers: NameServers,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self::of("/etc/hosts", "/etc/resolv.conf")
    }
}

impl SystemLookup {
    /// The same with other files.
    pub fn of(hosts: impl Into<PathBuf>, resolv_conf: impl Into<PathBuf>) -> Self {
        Self { hosts: hosts.into(), resolv_conf: resolv_conf.into(), cached: Mutex::default() }
    }

    /// The current sources. Checks two small local files at most once a second.
    fn sources(&self) -> io::Result<Arc<Sources>> {
        // No code panics while it holds the lock.
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cached.as_ref().filter(|cached| cached.checked.elapsed() < CHECK_EVERY) {
            return Ok(Arc::clone(&cached.sources));
        }
        let (checked, stamps) = (Instant::now(), [stamp(&self.hosts), stamp(&self.resolv_conf)]);
        if let Some(cached) = cached.as_mut().filter(|cached| cached.stamps == stamps) {
            cached.checked = checked;
            return Ok(Arc::clone(&cached.sources));
        }
        let servers = servers(&read(&self.resolv_conf)?)?;
        let sources = Arc::new(Sources { hosts: hosts(&read(&self.hosts)?)?, servers });
        *cached = Some(Cached { checked, stamps, sources: Arc::clone(&sources) });
        Ok(sources)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// The content of a file; empty if it is missing.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut text = Vec::new();
    match fs::File::open(path) {
        Ok(file) => drop(file.take(FILE_BYTES_MAX).read_to_end(&mut text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(text)
}

/// Parses `/etc/hosts`. A name that is in it is not checked up elsewhere.
fn hosts(text: &[u8]) -> io::Result<Hosts> {
    let mut hosts = Hosts::default();
    hosts.read_hosts_conf(text)?;
    Ok(hosts)
}

/// The servers of `resolv.conf`; 127.0.0.1 where it names none, as in the C library.
fn servers(text: &[u8]) -> io::Result<NameServers> {
    let own = || {
        let server = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        (ResolverConfig::from_parts(None, Vec::new(), vec![server]), ResolverOpts::default())
    };
    let (config, options) = parse_resolv_conf(text).unwrap_or_else(|_| own());
    NameServers::of(config, &options)
}

fn in_hosts(hosts: &Hosts, name: &str) -> Vec<IpAddr> {
    let Ok(name) = Name::from_str_relaxed(name) else { return Vec::new() };
    let found = [RecordType::A, RecordType::AAAA].into_iter();
    let found = found.filter_map(|kind| hosts.lookup_static_host(&Query::query(name.clone(), kind)));
    found
        .flat_map(|found| found.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>())
        .collect()
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let sources = self.sources()?;
        let found = in_hosts(&sources.hosts, name);
        if found.is_empty() { sources.servers.addresses(name).await } else { Ok(found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_in_the_file_of_hosts_has_its_addresses_there_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let (path, conf) = (folder.path().join("hosts"), folder.path().join("resolv.conf"));
        fs::write(
            &path,
            "# ours\n192.0.2.7 One.example one # the first\n192.0.2.8 one\n2001:db8::1 one.example\nnonsense\n",
        )
        .unwrap();
        // No server responds at this address: a query to it would exceed the time of this test.
        fs::write(&conf, "nameserver 192.0.2.53\noptions timeout:30\n").unwrap();
        let lookup = SystemLookup::of(&path, &conf);
        let found = |name| {
            let addresses = lookup.addresses(name);
            async move { addresses.await.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>() }
        };
        assert_eq!(found("one.EXAMPLE").await, ["192.0.2.7", "2001:db8::1"]);
        assert_eq!(found("one").await, ["192.0.2.7", "192.0.2.8"]);
        fs::write(&path, "192.0.2.9 one and-more\n").unwrap();
        lookup.cached.lock().unwrap().as_mut().unwrap().checked -= CHECK_EVERY;
        assert_eq!(found("one").await, ["192.0.2.9"], "the file has changed");
    }

    #[test]
    fn without_a_file_or_with_an_empty_one_the_server_is_on_this_machine() {
        let folder = tempfile::tempdir().unwrap();
        let lookup = SystemLookup::of(folder.path().join("none"), folder.path().join("none either"));
        assert!(lookup.sources().is_ok());
        assert!(servers(b"# nothing\n").is_ok());
        assert!(
            servers(b"nameserver 10.0.0.1\nnameserver fd00::1\nsearch a.example b.example\noptions ndots:5\n").is_ok()
        );
    }
}
