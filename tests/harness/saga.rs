//! Fault scenarios: a fleet under load, a counting receiver, and a check of the results.

mod contents;
mod load;
mod report;
mod store;

pub use load::Load;
pub use report::Report;
pub use store::Store;

use crate::fleet::Fleet;
use crate::server::{API_KEY, client};
use crate::tally::Tally;
use crate::tally::judge::Rules;
use reqwest::StatusCode;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time without deliveries after which the results are checked as they are. Longer than leases, retry delays (doubling from 50 ms)
/// and a slow query of the queues together: later nothing can arrive.
const STALL: Duration = Duration::from_secs(60);
/// Interval for polling the queues of a fleet that drains. A query reads all of their buckets, and the result is not urgent.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A running scenario. All of its parts end when dropped.
pub struct Saga {
    /// The processes.
    pub fleet: Fleet,
    /// The receiver.
    pub tally: Arc<Tally>,
    /// Random choices.
    pub rng: fastrand::Rng,
    /// The store. After the fleet, so that processes end first.
    pub store: Store,
    name: String,
    started: Instant,
}

impl Saga {
    /// A scenario without processes. `settings` override those of the fleet and the store.
    pub async fn new(name: &str, seed: u64, store: Store, settings: &[(&str, &str)]) -> Self {
        let own = store.settings();
        let all: Vec<_> =
            own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied()).collect();
        let (fleet, tally) = (Fleet::new(&all), Arc::new(Tally::start().await));
        let rng = fastrand::Rng::with_seed(seed);
        let this = Self { fleet, tally, rng, store, name: name.to_owned(), started: Instant::now() };
        this.say(&format!("seed {seed}, store {}", this.store.name()));
        this
    }

    /// Prints a line.
    pub fn say(&self, text: &str) {
        println!("{} {:6.1} s  {text}", self.name, self.started.elapsed().as_secs_f64());
    }

    /// A client that submits documents to the processes with the `api` role.
    pub fn load(&self) -> Arc<Load> {
        Arc::new(Load::new(self.fleet.api_urls(), &self.tally.url))
    }

    /// Restarts all processes, waits for the end of all tasks and for empty queues, stops the fleet and checks the results. Prints
    /// the report.
    pub async fn finish(mut self, accepted: &[String], rules: Rules) -> Report {
        self.fleet.heal().await;
        self.tally.take_all();
        self.tally.let_go();
        // Tasks lost by a failover deliver nothing more.
        let known = match rules.failover {
            true => Report::known(&self.fleet, &self.tally, accepted).await,
            false => accepted.to_vec(),
        };
        let came = self.tally.wait_for_ends(&known, STALL).await;
        self.say(if came { "all tasks have ended" } else { "some tasks have not ended, and deliveries have stopped" });
        let rests = self.comes_to_rest().await;
        self.say(if rests { "the queues are empty" } else { "the queues do not become empty" });
        let mut report = Report::collect(&self.fleet, &self.tally, accepted, rules).await;
        self.fleet.terminate().await;
        report.queues = self.store.queue_counts(self.fleet.data_dir()).await;
        report.compare_contents(&*self.store.knowledge(self.fleet.data_dir()).await).await;
        report.print(&self.name);
        self.say("checked");
        report
    }

    /// Waits until the queues are empty, at most [`STALL`]. A dispatcher killed after the receiver took an event and before it
    /// recorded that leaves its cursor leased; once the lease expires, the event is delivered again. Queries the API, because
    /// only its process can open the embedded store.
    async fn comes_to_rest(&self) -> bool {
        let url = format!("{}/api/v1/status/stats/queues", self.fleet.api_urls().swap_remove(0));
        let (client, started) = (client(), Instant::now());
        loop {
            let answer = client.get(&url).bearer_auth(API_KEY).send().await.expect("an answer");
            // A restarted process may report that it is unavailable for a moment.
            if answer.status() == StatusCode::OK {
                let body: Value = answer.json().await.expect("a JSON body");
                let count = |queue: &str, which: &str| body["queues"][queue][which].as_u64().expect("a count");
                let all = |queue: &str| ["due", "leased", "later"].iter().map(|which| count(queue, which)).sum::<u64>();
                if all("tasks") + all("deliveries") == 0 {
                    return true;
                }
            }
            if started.elapsed() > STALL {
                return false;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
