//! A saga of failure: a fleet under load on a store, a receiver that counts, and the verdict at the end.

mod load;
mod report;
mod store;

pub use load::Load;
pub use report::Report;
pub use store::Store;

use crate::fleet::Fleet;
use crate::tally::Tally;
use crate::tally::judge::Rules;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Silence of the receiver after which a saga is judged as it stands. Longer than any lease, wait between retries (they
/// double, from 50 ms) and slow look at the queues together: what has not come by then does not come.
const STALL: Duration = Duration::from_secs(60);

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

    /// Heals what does not run, waits for the end of everything, stops the fleet and judges. Prints the verdict.
    pub async fn finish(mut self, accepted: &[String], rules: Rules) -> Report {
        self.fleet.heal().await;
        self.tally.take_all();
        self.tally.let_go();
        let came = self.tally.wait_for_ends(accepted, STALL).await;
        self.say(if came { "every task's end has come" } else { "some ends have not come: nothing comes any more" });
        let mut report = Report::collect(&self.fleet, &self.tally, accepted, rules).await;
        // Cursors settle a moment after their last delivery; a stop waits for them.
        self.fleet.terminate().await;
        report.queues = self.store.queue_counts(self.fleet.data_dir()).await;
        report.print(&self.name);
        self.say("judged");
        report
    }
}
