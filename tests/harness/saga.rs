//! A saga of failure: a fleet under load on a store, a receiver that counts, and the verdict at the end.

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

/// Silence of the receiver after which a saga is judged as it stands. Longer than any lease, wait between retries (they
/// double, from 50 ms) and slow look at the queues together: what has not come by then does not come.
const STALL: Duration = Duration::from_secs(60);
/// Between two looks at the queues of a fleet that comes to rest. A look reads all of their buckets, and nobody needs the
/// answer sooner.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// A running saga. Everything of it ends when dropped.
pub struct Saga {
    /// Its processes.
    pub fleet: Fleet,
    /// Its receiver.
    pub tally: Arc<Tally>,
    /// Its choices.
    pub rng: fastrand::Rng,
    /// Its store. After the fleet: processes go first.
    pub store: Store,
    name: String,
    started: Instant,
}

impl Saga {
    /// A saga without processes. `settings` win over the fleet's and the store's.
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

    /// Prints a line of the saga.
    pub fn say(&self, text: &str) {
        println!("{} {:6.1} s  {text}", self.name, self.started.elapsed().as_secs_f64());
    }

    /// Submits documents to the processes that serve the interface, whichever answers.
    pub fn load(&self) -> Arc<Load> {
        Arc::new(Load::new(self.fleet.api_urls(), &self.tally.url))
    }

    /// Heals what does not run, waits for the end of everything and for empty queues, stops the fleet and judges. Prints the
    /// verdict.
    pub async fn finish(mut self, accepted: &[String], rules: Rules) -> Report {
        self.fleet.heal().await;
        self.tally.take_all();
        self.tally.let_go();
        // Of what a failover has lost nothing comes.
        let known = match rules.failover {
            true => Report::known(&self.fleet, &self.tally, accepted).await,
            false => accepted.to_vec(),
        };
        let came = self.tally.wait_for_ends(&known, STALL).await;
        self.say(if came { "every task's end has come" } else { "some ends have not come: nothing comes any more" });
        let rests = self.comes_to_rest().await;
        self.say(if rests { "the queues are empty" } else { "the queues do not become empty" });
        let mut report = Report::collect(&self.fleet, &self.tally, accepted, rules).await;
        self.fleet.terminate().await;
        report.queues = self.store.queue_counts(self.fleet.data_dir()).await;
        report.compare_contents(&*self.store.knowledge(self.fleet.data_dir()).await).await;
        report.print(&self.name);
        self.say("judged");
        report
    }

    /// Waits until nothing is in the queues, at most [`STALL`]. A dispatcher that was killed after the receiver took an event and
    /// before it could record that leaves its cursor leased: when the lease has run out, the event comes once more. Asks over
    /// the interface, because the embedded store is its process's alone.
    async fn comes_to_rest(&self) -> bool {
        let url = format!("{}/api/v1/status/stats/queues", self.fleet.api_urls().swap_remove(0));
        let (client, started) = (client(), Instant::now());
        loop {
            let answer = client.get(&url).bearer_auth(API_KEY).send().await.expect("an answer");
            // A process that has just been healed may still say that it is unavailable.
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
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}
