//! Ports for servers that cannot choose a free one.

use std::net::TcpListener;

/// Below the ephemeral port range of Linux (from 32768), so that no outgoing connection can take the port of a server that is
/// restarting; with room for the Cluster bus, which listens 10,000 above.
const PORTS: std::ops::Range<u16> = 11_000..22_000;
/// Distance from a server's port to that of its Cluster bus, fixed in Redis.
const BUS: u16 = 10_000;
/// Maximum ports to try; most are free.
const TRIES: usize = 1000;

/// A port of 127.0.0.1 that is free together with its Cluster bus port.
pub fn free_port() -> u16 {
    let free = |port: &u16| [*port, *port + BUS].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    std::iter::repeat_with(random).take(TRIES).find(free).expect("a free port")
}

/// A random port, because tests of several processes choose at the same time.
fn random() -> u16 {
    let number = uuid::Uuid::new_v4().as_u128() % u128::from(PORTS.end - PORTS.start);
    PORTS.start + u16::try_from(number).expect("below the range's length")
}
