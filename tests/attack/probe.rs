//! Probes `/health` continuously from another address than the attacker's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Address of the prober; the attacker's is 127.0.0.1.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Interval between probes.
const BETWEEN: Duration = Duration::from_millis(100);
/// Timeout of a probe: orchestrators give up after 1 to 10 s.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Running probes.
pub struct Probing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Probes>,
}

/// Results of probes.
#[derive(Debug, Default)]
pub struct Probes {
    /// Latencies of those that were answered 200.
    pub answered: Vec<Duration>,
    /// Number of failed probes.
    pub failed: usize,
    /// The last failure.
    pub last_failure: Option<String>,
}

impl Probes {
    /// Median and maximum of the latencies.
    pub fn median_and_longest(&self) -> Option<(Duration, Duration)> {
        let mut times = self.answered.clone();
        times.sort_unstable();
        Some((*times.get(times.len() / 2)?, *times.last()?))
    }
}

/// Starts probing.
pub fn start(server: SocketAddr) -> Probing {
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut probes = Probes::default();
        loop {
            let started = Instant::now();
            match tokio::time::timeout(ANSWER_MAX, probe(server)).await {
                Ok(Ok(())) => probes.answered.push(started.elapsed()),
                Ok(Err(why)) => fail(&mut probes, why),
                Err(_) => fail(&mut probes, format!("no answer within {} s", ANSWER_MAX.as_secs())),
            }
            tokio::select! {
                () = tokio::time::sleep(BETWEEN) => {}
                _ = &mut stopped => return probes,
            }
        }
    });
    Probing { stop, task }
}

impl Probing {
    /// Stops after the current probe.
    pub async fn end(self) -> Probes {
        // Cannot fail: the receiver lives as long as the task.
        let _ = self.stop.send(());
        self.task.await.expect("the prober does not panic")
    }
}

fn fail(probes: &mut Probes, why: String) {
    probes.failed += 1;
    probes.last_failure = Some(why);
}

/// One probe on a new connection.
async fn probe(server: SocketAddr) -> Result<(), String> {
    let connected = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(FROM, 0))?;
        let mut stream = socket.connect(server).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = connected.await.map_err(|error| error.to_string())?;
    match answer.starts_with("HTTP/1.1 200 ") {
        true => Ok(()),
        false => Err(format!("answered {:?}", answer.lines().next().unwrap_or_default())),
    }
}
