//! What is rendered, and that the dashboard and the documentation have it.

use super::*;
use crate::testing::{NOW, record};
use morag_core::Timestamp;
use morag_core::ports::StepSuccess;
use morag_core::task::Resources;
use std::collections::BTreeSet;

fn outcome(status: Option<u16>, error: Option<ErrorClass>) -> AttemptOutcome {
    AttemptOutcome { status, error, retry_after_ms: None, excerpt: String::new(), duration_ms: 7 }
}

#[test]
fn attempts_are_counted_by_what_came_of_them() {
    let metrics = Metrics::default();
    let later = Verdict::Retry(Timestamp::from_millis(0));
    for (outcome, verdict) in [
        (outcome(Some(204), None), Verdict::Delivered),
        (outcome(Some(503), None), later),
        (outcome(Some(503), None), Verdict::Dead),
        (outcome(Some(410), None), Verdict::Gone),
        (outcome(Some(200), Some(ErrorClass::Timeout)), later),
    ] {
        metrics.attempt(&outcome, verdict, Duration::from_millis(30));
    }
    let text = metrics.render().unwrap();
    for line in [
        "morag_webhook_attempts_total{outcome=\"success\"} 1",
        "morag_webhook_attempts_total{outcome=\"http_5xx\"} 2",
        "morag_webhook_attempts_total{outcome=\"timeout\"} 1",
        "morag_webhook_attempts_total{outcome=\"tls\"} 0",
        "morag_webhook_settled_total{state=\"dead\"} 1",
        "morag_webhook_exchange_seconds_bucket{le=\"0.01\"} 5",
        "morag_webhook_age_seconds_bucket{le=\"0.025\"} 0",
        "morag_webhook_age_seconds_count 5",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
}

#[test]
fn room_on_the_disk_is_told_by_who_has_one() {
    let without = Metrics::default();
    without.disk(5);
    assert!(!without.render().unwrap().contains("disk_free"));
    let with = Metrics::default().with_disk();
    with.disk(5 << 30);
    let text = with.render().unwrap();
    assert!(text.lines().any(|line| line == "morag_disk_free_bytes 5368709120"), "{text}");
}

#[test]
fn what_the_store_said_stays_while_it_is_away() {
    let metrics = Metrics::default();
    let facts = StoreFacts {
        deliveries: [3, 2, 1],
        oldest_delivery: Duration::from_millis(1500),
        tasks: vec![(StatusWord::Failed, 4)],
        endpoints: [5, 1, 2],
        ..StoreFacts::default()
    };
    metrics.store(Some(&facts));
    metrics.store(None);
    metrics.breakers([1, 2, 3]);
    let text = metrics.render().unwrap();
    for line in [
        "morag_webhook_queue{state=\"waiting\"} 3",
        "morag_webhook_oldest_waiting_seconds 1.5",
        "morag_tasks{status=\"failed\"} 4",
        "morag_tasks{status=\"pending\"} 0",
        "morag_webhook_endpoints{state=\"disabled\"} 2",
        "morag_webhook_breakers{state=\"half_open\"} 3",
        "morag_store_up 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
}

/// The metrics of a process with every role, each with a value.
fn everything() -> String {
    let loads = ComponentLoads::default();
    let metrics = Metrics::default().with_disk().with_process().with_component_loads(&loads);
    metrics.disk(5);
    metrics.process(&usage());
    metrics.store(Some(&StoreFacts::default()));
    metrics.breakers([0; 3]);
    metrics.http.answered("GET", "/health", 200, Some(Duration::from_millis(1)));
    metrics.steps.ended("chunking", "chunking", true, &Resources::default());
    let success = StepSuccess { data: morag_core::JsonObject::new(), artifacts: vec![], revision: None };
    metrics.conversions.ended(&morag_core::pipeline::Pipeline::standard().steps()[0], &record().source, &Ok(success));
    metrics.commits.ended(&Ok(()), Duration::from_millis(1));
    metrics.render().unwrap()
}

fn usage() -> ProcessUsage {
    ProcessUsage { resident_bytes: 64 << 20, cpu: Duration::from_millis(1500), open_files: 12, started: NOW }
}

/// The names in a text that are those of metrics: `morag_…` and `process_…`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("morag_") || word.starts_with("process_"))
}

#[test]
fn the_process_is_told_under_the_names_that_others_use() {
    let metrics = Metrics::default().with_process();
    metrics.process(&usage());
    metrics.process(&usage());
    let text = metrics.render().unwrap();
    for line in [
        "process_resident_memory_bytes 67108864",
        "process_cpu_seconds_total 1.5",
        "process_open_fds 12",
        "process_start_time_seconds 1769853600.0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
    }
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    assert!(!Metrics::default().render().unwrap().contains("process_"), "nothing is said where nothing is known");
}

#[test]
fn the_dashboard_asks_only_for_what_is_there() {
    let text = everything();
    let told: BTreeSet<_> = text.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../../../deploy/grafana/morag.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(queries.len() >= 20, "{queries:?}");
    for name in queries.iter().flat_map(|query| names(query)) {
        assert!(told.contains(name), "the dashboard asks for {name}, which /metrics does not have");
    }
}

#[test]
fn every_metric_is_documented() {
    let documented: BTreeSet<_> = names(include_str!("../../../../docs/http-api.md")).collect();
    let text = everything();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(documented.contains(name.as_str()), "docs/http-api.md does not have {name}");
    }
}
