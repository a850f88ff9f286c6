//! Ports for servers that cannot choose one themselves.

use std::net::TcpListener;

/// Below the range from which Linux takes ports of outgoing connections (32768), so that none of those can sit on a port
/// whose server is down for a moment; with room for the Cluster bus, which listens 10,000 above.
const PORTS: std::ops::Range<u16> = 11_000..22_000;
/// From a server's port to that of its Cluster bus; Redis has it fixed.
const BUS: u16 = 10_000;
/// Ports that are tried before giving up: most are free.
const TRIES: usize = 1000;

/// A port of 127.0.0.1 that is free, and so is its Cluster bus port.
pub fn free_port() -> u16 {
    let free = |port: &u16| [*port, *port + BUS].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    std::iter::repeat_with(random).take(TRIES).find(free).expect("a free port")
}

/// A random one: tests of several processes look at the same time.
fn random() -> u16 {
    let number = uuid::Uuid::new_v4().as_u128() % u128::from(PORTS.end - PORTS.start);
    PORTS.start + u16::try_from(number).expect("below the range's length")
}
