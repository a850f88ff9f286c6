//! Loaded components.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Upper bounds, seconds: milliseconds out of the cache, seconds to compile a standard step, minutes at the limit.
const SECONDS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// What becomes of a component: each is there from the start, because a rate needs its zero.
const OUTCOMES: [&str; 4] = ["compiled", "cached", "deferred", "refused"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// Counts components that are loaded, at the start and later. A worker has it before it has its other metrics, which count into the
/// same numbers: clones share them.
#[derive(Debug, Clone)]
pub struct ComponentLoads {
    seconds: Family<ByOutcome, Histogram>,
}

impl Default for ComponentLoads {
    fn default() -> Self {
        let seconds = Family::<ByOutcome, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        for outcome in OUTCOMES {
            drop(seconds.get_or_create(&ByOutcome { outcome }));
        }
        Self { seconds }
    }
}

impl ComponentLoads {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "component_compile",
            "Time until a component was loaded or refused: its code was compiled, cached by an earlier start, or deferred until a \
             document needs it; linking and its description are in it",
            Unit::Seconds,
            self.seconds.clone(),
        );
    }

    /// A component can run, with code that was compiled now.
    pub fn compiled(&self, took: Duration) {
        self.observe("compiled", took);
    }

    /// A component can run, with code out of the compile cache.
    pub fn cached(&self, took: Duration) {
        self.observe("cached", took);
    }

    /// A component has described itself, and is compiled when a document first needs it.
    pub fn deferred(&self, took: Duration) {
        self.observe("deferred", took);
    }

    /// A component was refused: it could not be compiled, or not be used.
    pub fn refused(&self, took: Duration) {
        self.observe("refused", took);
    }

    fn observe(&self, outcome: &'static str, took: Duration) {
        self.seconds.get_or_create(&ByOutcome { outcome }).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_before_it_was_registered_is_told() {
        let (loads, mut registry) = (ComponentLoads::default(), Registry::with_prefix("morag"));
        loads.clone().compiled(Duration::from_secs(2));
        loads.clone().cached(Duration::from_millis(20));
        loads.deferred(Duration::from_millis(2));
        loads.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "morag_component_compile_seconds_count{outcome=\"compiled\"} 1",
            "morag_component_compile_seconds_bucket{le=\"0.025\",outcome=\"cached\"} 1",
            "morag_component_compile_seconds_bucket{le=\"0.01\",outcome=\"deferred\"} 1",
            "morag_component_compile_seconds_count{outcome=\"refused\"} 0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
        }
    }
}
