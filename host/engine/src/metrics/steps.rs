//! Runs of steps, by step and plugin.

use morag_core::task::Resources;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds, seconds: a step takes milliseconds for a page, and is ended after 300 s by default.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 300.0];

/// Pairs of step and plugin with series of their own. The standard pipeline has six; configured ones may have any number, tasks keep
/// the pipeline that they were accepted with, and each pair takes some thirty series for as long as the process runs.
const PAIRS_MAX: usize = 64;

/// Step and plugin of what comes after these.
const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStep {
    step: String,
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStepOutcome {
    step: String,
    plugin: String,
    outcome: &'static str,
}

/// Counts runs of steps.
#[derive(Debug)]
pub struct StepRuns {
    known: Mutex<HashSet<ByStep>>,
    seconds: Family<ByStepOutcome, Histogram>,
    cpu: Family<ByStep, Counter<f64, AtomicU64>>,
}

impl Default for StepRuns {
    fn default() -> Self {
        let seconds = Family::<ByStepOutcome, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        Self { known: Mutex::default(), seconds, cpu: Family::default() }
    }
}

impl StepRuns {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "step",
            "Wall-clock time of a step's run; each run counts, also a repeated one, but none that was interrupted",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register_with_unit(
            "step_cpu",
            "Processor time of steps' runs, of the guest and of the host on its thread, each to the millisecond",
            Unit::Seconds,
            self.cpu.clone(),
        );
    }

    /// A run of a step has ended.
    pub fn ended(&self, step: &str, plugin: &str, is_completed: bool, resources: &Resources) {
        let pair = self.bounded(ByStep { step: step.to_owned(), plugin: plugin.to_owned() });
        let cpu = Duration::from_millis(resources.cpu_ms);
        self.cpu.get_or_create(&pair).inc_by(cpu.as_secs_f64());
        let ByStep { step, plugin } = pair;
        let outcome = if is_completed { "completed" } else { "failed" };
        let wall = Duration::from_millis(resources.wall_ms);
        self.seconds.get_or_create(&ByStepOutcome { step, plugin, outcome }).observe(wall.as_secs_f64());
    }

    /// The pair, or the one that stands for all beyond the limit.
    fn bounded(&self, pair: ByStep) -> ByStep {
        // No code panics under the lock.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&pair) {
            return pair;
        }
        if known.len() >= PAIRS_MAX {
            return ByStep { step: OTHER.to_owned(), plugin: OTHER.to_owned() };
        }
        known.insert(pair.clone());
        pair
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_beyond_the_limit_share_their_series() {
        let (steps, mut registry) = (StepRuns::default(), Registry::with_prefix("morag"));
        steps.register(&mut registry);
        let resources = Resources { wall_ms: 1500, cpu_ms: 250, ..Resources::default() };
        for number in 0..PAIRS_MAX + 3 {
            steps.ended(&format!("s{number}"), "p", true, &resources);
        }
        steps.ended("s0", "p", false, &resources);
        steps.ended("s0", "p", true, &resources);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "morag_step_seconds_count{step=\"s0\",plugin=\"p\",outcome=\"completed\"} 2",
            "morag_step_seconds_sum{step=\"s0\",plugin=\"p\",outcome=\"failed\"} 1.5",
            "morag_step_cpu_seconds_total{step=\"s0\",plugin=\"p\"} 0.75",
            "morag_step_seconds_count{step=\"other\",plugin=\"other\",outcome=\"completed\"} 3",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
        }
        let pairs = text.lines().filter(|line| line.starts_with("morag_step_cpu_seconds_total{")).count();
        assert_eq!(pairs, PAIRS_MAX + 1);
    }
}
