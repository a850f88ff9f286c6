//! Servers that all test processes share, so that a run does not start them once a test: each test is a process of its own.
//!
//! The program `shared-servers` starts them, prints a line `VARIABLE=VALUE` for each, and ends with its standard input.
//! `cargo xtask test` hands the lines to the tests as their environment. Without them, each test process starts its own.

use crate::redis::{RedisCluster, RedisServer, SHARED_CLUSTER, SHARED_SINGLE};
use crate::s3::{self, S3Server};
use std::io::{Read as _, Write as _};

/// Starts the servers, tells where they are, and returns when the standard input ends.
///
/// # Errors
///
/// The standard input or output fails.
pub fn serve() -> std::io::Result<()> {
    let (single, cluster, s3) = (RedisServer::start(), RedisCluster::start(), S3Server::start(&[]));
    let masters: Vec<_> = cluster.nodes().iter().map(|node| node.port().to_string()).collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{SHARED_SINGLE}={}", single.port())?;
    writeln!(out, "{SHARED_CLUSTER}={}", masters.join(","))?;
    writeln!(out, "{}={}", s3::SHARED, s3.endpoint)?;
    // The end of the list.
    writeln!(out)?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new()).map(drop)
}
