//! Summary of a task for lists, feeds and logs: small, however large the caller's metadata is.

use super::{DocumentId, TaskRecord};
use crate::Timestamp;
use crate::pipeline::share;
use crate::webhook::{Endpoint, EndpointId, redact};
use serde::{Deserialize, Serialize};

/// Fields of a record that lists show. Stored beside the record: fields may be added with a default, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSummary {
    /// The caller's id of the document, or a generated one.
    pub document_id: DocumentId,
    /// Name of the file as submitted.
    pub file_name: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// The pipeline's steps in order.
    pub steps: Vec<StepWeight>,
    /// The task's own webhook, without credentials and query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// A step's share of the progress bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepWeight {
    /// Name of the step.
    pub name: String,
    /// Its weight among the steps.
    pub weight: u32,
}

impl RecordSummary {
    /// Summary of a record.
    pub fn of(record: &TaskRecord) -> Self {
        let step = |step: &crate::pipeline::StepDefinition| StepWeight { name: step.name.clone(), weight: step.weight };
        Self {
            document_id: record.document_id.clone(),
            file_name: record.source.file_name.clone(),
            pipeline: record.pipeline.name().to_owned(),
            steps: record.pipeline.steps().iter().map(step).collect(),
            webhook_url: own_url(&record.endpoints),
            created_at: record.created_at,
        }
    }

    /// Summary of a stored record, without loading the rest of it: for tasks stored before summaries existed.
    pub fn of_stored(record: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Record {
            document_id: DocumentId,
            source: Source,
            pipeline: Pipeline,
            endpoints: Vec<Endpoint>,
            created_at: Timestamp,
        }
        #[derive(Deserialize)]
        struct Source {
            file_name: String,
        }
        #[derive(Deserialize)]
        struct Pipeline {
            name: String,
            steps: Vec<StepWeight>,
        }
        let Record { document_id, source, pipeline, endpoints, created_at } = serde_json::from_str(record)?;
        let webhook_url = own_url(&endpoints);
        let (file_name, Pipeline { name, steps }) = (source.file_name, pipeline);
        Ok(Self { document_id, file_name, pipeline: name, steps, webhook_url, created_at })
    }

    /// Overall progress, 0 to 100, equal to that of [`super::TaskStatus`]: the highest percentage that an event `reached`, or
    /// the `live` report of the `running` step within its range.
    pub fn progress_percent(&self, reached: f64, live: f64, running: Option<&str>) -> f64 {
        let position = running.and_then(|running| self.steps.iter().position(|step| step.name == running));
        // A pipeline has no weight 0, but a stored summary could.
        let weights = || self.steps.iter().map(|step| step.weight.max(1));
        position
            .map(|index| share(weights(), index))
            .map_or(reached, |range| reached.max(live.clamp(range.start, range.end)))
    }
}

fn own_url(endpoints: &[Endpoint]) -> Option<String> {
    let own = endpoints.iter().find(|endpoint| endpoint.id == EndpointId::of_task());
    own.map(|endpoint| redact(endpoint.url.as_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> TaskRecord {
        let url = "https://example.com/hook?token=s3cret".parse().unwrap();
        TaskRecord { endpoints: vec![Endpoint { url, ..Endpoint::sample() }], ..TaskRecord::sample() }
    }

    #[test]
    fn a_summary_of_what_is_stored_is_that_of_the_record() {
        let record = record();
        let stored = serde_json::to_string(&record).unwrap();
        let summary = RecordSummary::of(&record);
        assert_eq!(RecordSummary::of_stored(&stored).unwrap(), summary);
        assert!(!serde_json::to_string(&summary).unwrap().contains("s3cret"));
        assert!(RecordSummary::of_stored("{}").is_err());
    }

    #[test]
    fn a_running_step_is_shown_within_its_range() {
        let record = record();
        let summary = RecordSummary::of(&record);
        for (index, step) in record.pipeline.steps().iter().enumerate() {
            let range = record.pipeline.range(index);
            let shown = |live| summary.progress_percent(0.0, live, Some(&step.name));
            assert_eq!((shown(0.0), shown(100.0)), (range.start, range.end), "{}", step.name);
        }
        assert_eq!(summary.progress_percent(40.0, 99.0, None), 40.0);
        assert_eq!(summary.progress_percent(40.0, 99.0, Some("unknown")), 40.0);
    }

    #[test]
    fn steps_without_weights_have_equal_shares() {
        let step = |name: &str| StepWeight { name: name.to_owned(), weight: 0 };
        let summary = RecordSummary { steps: vec![step("a"), step("b")], ..RecordSummary::of(&record()) };
        assert_eq!(summary.progress_percent(0.0, 60.0, Some("a")), 50.0);
        assert_eq!(summary.progress_percent(0.0, 60.0, Some("b")), 60.0);
    }
}
