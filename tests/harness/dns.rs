//! A DNS server whose answers can change with every query, with aliases and names that get no answer.
//!
//! Implements the part of RFC 1035 needed for A, AAAA and CNAME: UDP, and TCP for answers that do not fit.

use crate::server::PATIENCE;
use morag_adapters::webhook_http::{Lookup, NameServers};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Maximum size of an answer over UDP (RFC 1035 section 4.2.1).
const UDP_BYTES_MAX: usize = 512;

const TYPE_A: u16 = 1;
const TYPE_CNAME: u16 = 5;
const TYPE_AAAA: u16 = 28;
/// Response, authoritative, recursion available.
const ANSWER: u16 = 0x8580;
const TRUNCATED: u16 = 0x0200;
const NO_SUCH_NAME: u16 = 3;
const HEADER_BYTES: usize = 12;

/// Answers by name: one list of addresses per look-up; the last list repeats.
#[derive(Debug, Default)]
struct Zone {
    names: HashMap<String, Vec<Vec<IpAddr>>>,
    aliases: HashMap<String, String>,
    /// Names that get no answer, with all names below them.
    silent: Vec<String>,
    /// Ids of the queries so far, by name and type. A query repeated over UDP has the same id.
    asked: HashMap<(String, u16), Vec<u16>>,
    over_tcp: usize,
    /// Number of queries that got no answer.
    unanswered: watch::Sender<usize>,
}

impl Zone {
    fn is_silent(&self, name: &str) -> bool {
        let below = |silent: &String| {
            name.strip_suffix(silent.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.silent.iter().any(below)
    }
}

/// A server on a port of 127.0.0.1. Ends when dropped.
#[derive(Debug)]
pub struct DnsServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    _serving: JoinSet<()>,
}

impl DnsServer {
    /// Starts a server without names.
    pub async fn start() -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().expect("its address");
        let zone = Arc::<Mutex<Zone>>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve_udp(udp, zone.clone()));
        serving.spawn(serve_tcp(tcp, zone.clone()));
        Self { address, zone, _serving: serving }
    }

    /// Sets the answers of a name: each look-up gets the next of these lists; the last one repeats.
    pub fn answer(&self, name: &str, lookups: &[&[&str]]) {
        let parse = |address: &&str| address.parse().expect("an address");
        let lists = lookups.iter().map(|list| list.iter().map(parse).collect()).collect();
        let mut zone = lock(&self.zone);
        zone.asked.retain(|(asked, _), _| asked != name);
        zone.names.insert(name.to_owned(), lists);
    }

    /// Makes a name an alias (CNAME). The answer contains no other records.
    pub fn alias(&self, name: &str, target: &str) {
        lock(&self.zone).aliases.insert(name.to_owned(), target.to_owned());
    }

    /// Stops answering queries for a name and all names below it.
    pub fn silence(&self, name: &str) {
        lock(&self.zone).silent.push(name.to_owned());
    }

    /// Number of queries that got no answer.
    pub fn unanswered_so_far(&self) -> usize {
        *lock(&self.zone).unanswered.borrow()
    }

    /// Waits until at least this many queries got no answer.
    pub async fn unanswered(&self, least: usize) {
        let mut unanswered = lock(&self.zone).unanswered.subscribe();
        let waited = tokio::time::timeout(PATIENCE, unanswered.wait_for(|count| *count >= least)).await;
        waited.unwrap_or_else(|_| panic!("{least} unanswered questions do not come")).expect("the server runs");
    }

    /// Number of look-ups of a name.
    pub fn lookups(&self, name: &str) -> usize {
        lock(&self.zone).asked.get(&(name.to_owned(), TYPE_A)).map_or(0, Vec::len)
    }

    /// Number of queries over TCP.
    pub fn over_tcp(&self) -> usize {
        lock(&self.zone).over_tcp
    }

    /// A resolver that uses this server.
    pub fn lookup(&self) -> Arc<dyn Lookup> {
        Arc::new(NameServers::at(&[self.address]).expect("a client"))
    }
}

/// Binds the same port for both transports. The system chooses it for UDP, and it may be taken for TCP.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("its address")).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut query = [0; UDP_BYTES_MAX];
    loop {
        let (read, from) = socket.recv_from(&mut query).await.expect("a query");
        if let Some(mut answer) = answer(&query[..read], &zone, None) {
            if answer.len() > UDP_BYTES_MAX {
                answer = self::answer(&query[..read], &zone, Some(TRUNCATED)).unwrap_or_default();
            }
            // The client may be gone.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("a listener accepts");
        lock(&zone).over_tcp += 1;
        let Ok(length) = stream.read_u16().await else { continue };
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_ok()
            && let Some(answer) = answer(&query, &zone, Some(0))
        {
            let length = u16::try_from(answer.len()).expect("an answer below 64 KiB");
            let _ = stream.write_u16(length).await;
            let _ = stream.write_all(&answer).await;
        }
    }
}

/// The answer to a query. `again`: flags of a repeated answer that was counted before, truncated (without records) or complete.
fn answer(query: &[u8], zone: &Mutex<Zone>, again: Option<u16>) -> Option<Vec<u8>> {
    let (name, after) = name_at(query, HEADER_BYTES)?;
    let question = query.get(HEADER_BYTES..after + 4)?;
    let kind = u16::from_be_bytes([query[after], query[after + 1]]);
    let mut zone = lock(zone);
    if zone.is_silent(&name) {
        zone.unanswered.send_modify(|count| *count += 1);
        return None;
    }
    let id = u16::from_be_bytes([query[0], query[1]]);
    let asked = zone.asked.entry((name.clone(), kind)).or_default();
    if again.is_none() && !asked.contains(&id) {
        asked.push(id);
    }
    let over_udp = asked.iter().position(|known| *known == id).filter(|_| again != Some(0));
    let turn = over_udp.unwrap_or(asked.len().saturating_sub(1));
    if let Some(target) = zone.aliases.get(&name) {
        return Some(alias_answer(query, question, target));
    }
    let lists = zone.names.get(&name);
    let addresses = lists.and_then(|lists| lists.get(turn).or(lists.last()));
    let records: Vec<u8> =
        addresses.into_iter().flatten().filter_map(|address| record(*address, kind)).flatten().collect();
    let count = records.len() / if kind == TYPE_A { 16 } else { 28 };
    let shown = again != Some(TRUNCATED);
    let mut flags = ANSWER | again.unwrap_or(0);
    if lists.is_none() {
        flags |= NO_SUCH_NAME;
    }
    let counts = [1, if shown { u16::try_from(count).ok()? } else { 0 }, 0, 0];
    let mut answer = query[..2].to_vec();
    answer.extend(flags.to_be_bytes());
    answer.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    answer.extend(question);
    if shown {
        answer.extend(records);
    }
    Some(answer)
}

/// An answer with a CNAME record.
fn alias_answer(query: &[u8], question: &[u8], target: &str) -> Vec<u8> {
    let mut name: Vec<u8> = Vec::new();
    for label in target.split('.') {
        name.push(u8::try_from(label.len()).expect("a label below 64 bytes"));
        name.extend(label.bytes());
    }
    name.push(0);
    let mut answer = query[..2].to_vec();
    answer.extend([ANSWER, 1, 1, 0, 0].into_iter().flat_map(u16::to_be_bytes));
    answer.extend(question);
    answer.extend([0xc0, 0x0c]);
    // Class IN, TTL 0.
    answer.extend(
        [TYPE_CNAME, 1, 0, 0, u16::try_from(name.len()).expect("a name")].into_iter().flat_map(u16::to_be_bytes),
    );
    answer.extend(name);
    answer
}

/// A record for the question's name (by pointer) with TTL 0; `None` if the address has another type.
fn record(address: IpAddr, kind: u16) -> Option<Vec<u8>> {
    let bytes = match (address, kind) {
        (IpAddr::V4(v4), TYPE_A) => v4.octets().to_vec(),
        (IpAddr::V6(v6), TYPE_AAAA) => v6.octets().to_vec(),
        _ => return None,
    };
    let mut record = vec![0xc0, 0x0c];
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 0]);
    record.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    record.extend(bytes);
    Some(record)
}

/// The lower-case name at an offset, and the offset after it. A pointer ends the name.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        match usize::from(*message.get(at)?) {
            0 => return Some((labels.join("."), at + 1)),
            length if length >= 0xc0 => return Some((labels.join("."), at + 2)),
            length => {
                let label = message.get(at + 1..at + 1 + length)?;
                labels.push(String::from_utf8_lossy(label).to_lowercase());
                at += 1 + length;
            }
        }
    }
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_change_from_look_up_to_look_up_and_the_last_stays() {
        let server = DnsServer::start().await;
        server.answer("a.example", &[&["8.8.8.8", "2001:db8::1"], &[], &["10.0.0.1"]]);
        let lookup = server.lookup();
        let found: [IpAddr; 2] = ["8.8.8.8".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(lookup.addresses("A.example.").await.unwrap(), found);
        assert!(lookup.addresses("a.example").await.unwrap().is_empty());
        for _ in 0..2 {
            assert_eq!(lookup.addresses("a.example").await.unwrap(), ["10.0.0.1".parse::<IpAddr>().unwrap()]);
        }
        assert_eq!((server.lookups("a.example"), server.over_tcp()), (4, 0));
        assert_eq!(lookup.addresses("b.example").await.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn an_alias_leads_to_the_addresses_of_its_target() {
        let server = DnsServer::start().await;
        server.alias("a.example", "b.example");
        server.alias("b.example", "c.example");
        server.answer("c.example", &[&["8.8.8.8", "2001:db8::1"]]);
        assert_eq!(server.lookup().addresses("a.example").await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_long_answer_comes_over_tcp() {
        let server = DnsServer::start().await;
        let many: Vec<String> = (0..100).map(|last| format!("8.8.8.{last}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        server.answer("many.example", &[&many, &["10.0.0.1"]]);
        assert_eq!(server.lookup().addresses("many.example").await.unwrap().len(), 100);
        assert_eq!((server.lookups("many.example"), server.over_tcp()), (1, 1));
        assert_eq!(server.lookup().addresses("many.example").await.unwrap().len(), 1);
    }
}
