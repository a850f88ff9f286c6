//! Idle connections, and requests from another site's page.

use crate::Size;
use crate::report::Outcome;
use crate::target::Target;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// So many blocked `/health` for everyone.
const CONNECTIONS: usize = 2048;
/// How long they are held: several tens of probes.
const HELD: Duration = Duration::from_secs(4);

/// Connections without any data.
pub async fn silent(target: &mut Target, _: Size) -> Outcome {
    hold(target, b"").await
}

/// Connections with endless request heads.
pub async fn unfinished_heads(target: &mut Target, _: Size) -> Outcome {
    hold(target, b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX-A: ").await
}

/// Opens and holds all connections, and counts those that the server has closed. The verdict comes from the probes.
async fn hold(target: &mut Target, head: &[u8]) -> Outcome {
    let opened = Instant::now();
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(target.address()).await.map_err(|error| format!("{number}: {error}"))?;
        // A connection that is closed at once is refused too.
        let _ = stream.write_all(head).await;
        held.push(stream);
    }
    let opened = opened.elapsed();
    tokio::time::sleep(HELD).await;
    let closed = held.iter().filter(|stream| is_closed(stream)).count();
    // Checked while all of them are held.
    let refused = target.refused(
        format!("{CONNECTIONS} in {:.1} s, held {} s", opened.as_secs_f64(), HELD.as_secs()),
        format!("{closed} were closed"),
    );
    let refused = refused.await;
    drop(held);
    refused
}

/// Whether the server has closed it.
fn is_closed(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 512]) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

/// No keys are configured: on loopback the default key is accepted then.
pub fn with_the_default_key(_: &Path, command: &mut Command) {
    command.env_remove("MORAG_API_KEYS");
}

/// Requests that a page of another site can send through a name that it resolves to this machine.
pub async fn foreign_host(target: &mut Target, _: Size) -> Outcome {
    let ask = async |host: &str| {
        let mut stream = TcpStream::connect(target.address()).await?;
        let head = format!(
            "GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer test-api-key\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer.lines().next().unwrap_or_default().to_owned())
    };
    let port = target.address().port();
    let own = ask(&format!("127.0.0.1:{port}")).await.map_err(|error| error.to_string())?;
    if !own.contains(" 200 ") {
        return Err(format!("its own address is answered {own:?}"));
    }
    let foreign = ask(&format!("rebound.example:{port}")).await.map_err(|error| error.to_string())?;
    match foreign.contains(" 4") {
        true => Ok(crate::report::Refused { after: "1 request".into(), how: foreign }),
        false => Err(format!("Host: rebound.example is answered {foreign:?}")),
    }
}
