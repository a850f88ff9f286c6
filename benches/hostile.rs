//! Fifty good steps alone, and beside fifty hostile ones: their latency, the latency of requests to the host meanwhile, and the memory of
//! the process. Prints ratios; the last lines explain how to read them.
//!
//! `cargo bench -p morag-benches --bench hostile`.

use morag_tests::crowd::{Crowd, Round, resident_bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Worker threads, as on a small machine.
const WORKERS: usize = 8;

/// Pause between two requests to the host.
const PAUSE: Duration = Duration::from_millis(5);

/// Echoes a byte on the server's own runtime: the fixed cost of a request.
async fn answer(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
        });
    }
}

/// Sends requests until `stop` is set, and returns their latencies.
fn ask(address: std::net::SocketAddr, stop: Arc<AtomicBool>) -> Vec<Duration> {
    // On a thread of its own, like a separate client.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("an option");
        let (mut times, mut byte) = (Vec::new(), [0]);
        while !stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            stream.write_all(&[1]).await.expect("it reads");
            stream.read_exact(&mut byte).await.expect("it answers");
            times.push(started.elapsed());
            tokio::time::sleep(PAUSE).await;
        }
        times
    })
}

fn at(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share).round() as usize]
}

/// Runs a round with concurrent requests.
fn measure(runtime: &Runtime, crowd: &Crowd, hostile: usize) -> (Round, Vec<Duration>) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = runtime.spawn(answer(listener));
    let stop = Arc::new(AtomicBool::new(false));
    let (mut total, stopped) = (Round::default(), stop.clone());
    let client = std::thread::spawn(move || ask(address, stopped));
    // Good steps alone end at once: more rounds, so that there are requests meanwhile.
    for _ in 0..if hostile == 0 { 20 } else { 3 } {
        let round = runtime.block_on(crowd.round(50, hostile));
        total.good.extend(round.good);
        total.hostile.extend(round.hostile);
    }
    stop.store(true, Ordering::Relaxed);
    let times = client.join().expect("the client ends");
    server.abort();
    (total, times)
}

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let crowd = runtime.block_on(Crowd::new(WORKERS));
    // The first rounds fill the pool's slots.
    for _ in 0..3 {
        runtime.block_on(crowd.round(50, 50));
    }
    let rss = resident_bytes();
    let (alone, requests_alone) = measure(&runtime, &crowd, 0);
    let (beside, requests_beside) = measure(&runtime, &crowd, 50);
    let rss_after = resident_bytes();
    let line = |what: &str, alone: Duration, beside: Duration| {
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        println!("{what:<28} alone {alone:>10.1?}   beside 50 hostile {beside:>10.1?}   ratio {ratio:.2}");
    };
    println!(
        "{} good steps alone, {} beside {} hostile ones",
        alone.good.len(),
        beside.good.len(),
        beside.hostile.len()
    );
    line("good step, median", alone.good_at(0.5), beside.good_at(0.5));
    line("good step, 95 of 100", alone.good_at(0.95), beside.good_at(0.95));
    line("request to the host, median", at(requests_alone.clone(), 0.5), at(requests_beside.clone(), 0.5));
    line("request to the host, 99", at(requests_alone, 0.99), at(requests_beside, 0.99));
    let ratio = rss_after as f64 / rss as f64;
    println!(
        "memory of the process        before {} MiB   after {} MiB   ratio {ratio:.2}",
        rss >> 20,
        rss_after >> 20
    );
    println!(
        "A good step shares the cores with {WORKERS} workers' guests; a request to the host should not notice them."
    );
}
