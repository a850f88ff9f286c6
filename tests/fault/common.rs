//! What every saga begins and ends with.

use morag_tests::saga::{Report, Saga, Store};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// Tasks of a saga where nothing else is said: with this, all sagas together take a few minutes on two cores.
const TASKS: u64 = 60;

/// Silence of the receiver after which a saga that waits for it has failed.
pub const STALL: Duration = Duration::from_secs(60);

/// One saga at a time.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Tasks of each saga.
pub fn tasks() -> u64 {
    number("MORAG_FAULT_TASKS", TASKS)
}

/// A saga with the seed of this run.
pub async fn saga(name: &str, store: Store, settings: &[(&str, &str)]) -> Saga {
    Saga::new(name, number("MORAG_FAULT_SEED", 1), store, settings).await
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Every task has completed and nothing is amiss.
#[track_caller]
pub fn assert_clean(report: &Report, tasks: u64) {
    assert!(report.is_clean(), "see the findings above");
    assert_eq!((report.accepted, report.ended, report.completed), (tasks, tasks, tasks));
}
