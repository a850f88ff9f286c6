//! Start and end of every scenario.

use morag_tests::saga::{Report, Saga, Store};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// Default number of tasks in a scenario: all scenarios together then take a few minutes on two cores.
const TASKS: u64 = 60;

/// Time without deliveries after which a waiting scenario has failed.
pub const STALL: Duration = Duration::from_secs(60);

/// Lock that lets one scenario run at a time.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Number of tasks in each scenario.
pub fn tasks() -> u64 {
    number("MORAG_FAULT_TASKS", TASKS)
}

/// A scenario with the seed of this run.
pub async fn saga(name: &str, store: Store, settings: &[(&str, &str)]) -> Saga {
    Saga::new(name, number("MORAG_FAULT_SEED", 1), store, settings).await
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Asserts that every task has completed and the check found nothing.
#[track_caller]
pub fn assert_clean(report: &Report, tasks: u64) {
    assert!(report.is_clean(), "see the findings above");
    assert_eq!((report.accepted, report.ended, report.completed), (tasks, tasks, tasks));
}
