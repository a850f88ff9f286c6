//! Runs the components of a step: of several, the first that takes the document. Which are asked is decided by [`Hints`]; this reads the
//! document's first bytes and runs them.

use crate::budget::Ledger;
use crate::capabilities;
use crate::failure;
use crate::inner_documents::InnerDocuments;
use crate::plugin::Plugin;
use crate::run_time::Share;
use crate::sandbox::{Run, Sandbox};
use crate::stopwatch::Stopwatch;
use crate::threads::GuestThreads;
use async_trait::async_trait;
use morag_core::plugin::{Descriptor, FailureCode, Hints, supported};
use morag_core::ports::{BlobPath, StepCall, StepReport};
use morag_core::task::{Resources, StepFailure};
use morag_formats::{Content, Format, HEAD_BYTES, essence, extension, sniff};
use serde_json::json;
use std::sync::Arc;
use tracing::Instrument as _;
use uuid::Uuid;

/// The components of a step, in the order in which they are asked.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) sandbox: Sandbox,
    pub(crate) threads: Arc<GuestThreads>,
    pub(crate) members: Vec<Arc<Plugin>>,
    /// Those that are asked for documents inside its document: the same, but where one component is tried.
    pub(crate) inside: Arc<[Arc<Plugin>]>,
    /// How many documents the document is in: 0 for the task's own.
    pub(crate) depth: u32,
    /// What the step's run has used of its budgets.
    pub(crate) ledger: Ledger,
    /// The clock of the step's run.
    pub(crate) clock: Stopwatch,
}

impl Chain {
    /// Runs the first component that takes the document, each within its own limits, all of them together within `share`. With the report
    /// comes the id that it has staged its files under: each component has its own, for what one that passes the document on has staged
    /// is discarded while the next one runs.
    pub(crate) async fn run(&self, call: StepCall, share: &Share) -> (StepReport, Uuid) {
        let mut run = Uuid::new_v4();
        if let [only] = self.members.as_slice() {
            return (self.run_member(only, call, run, share).await, run);
        }
        let descriptors: Vec<Arc<Descriptor>> = self.members.iter().map(|member| member.descriptor.clone()).collect();
        let hints = self.hints(&call).await;
        let (mut used, mut log, mut passed_on) = (Resources::default(), Vec::new(), Vec::new());
        for place in hints.choose(&descriptors) {
            let Some(member) = self.members.get(place) else { continue };
            let mut report = self.run_member(member, call.clone(), run, share).await;
            used = used.and(&report.resources);
            log.append(&mut report.log);
            let name = json!(member.descriptor.name);
            match &mut report.result {
                Err(failure) if failure.code == FailureCode::UnsupportedFormat.as_str() => {
                    passed_on.push(failure.clone());
                    self.delete_staged(&call, run).await;
                    run = Uuid::new_v4();
                    continue;
                }
                Err(failure) => drop(failure.details.entry("component").or_insert(name)),
                Ok(success) => drop(success.data.entry("component").or_insert(name)),
            }
            return (StepReport { resources: used, log, ..report }, run);
        }
        let refused = unsupported(passed_on, hints.attempted(), &supported(&descriptors));
        (StepReport { result: Err(refused), component: None, resources: used, log }, run)
    }

    /// Deletes the files of a component that has passed the document on.
    async fn delete_staged(&self, call: &StepCall, run: Uuid) {
        let folder = BlobPath::staged_run(call.record.id, run);
        if let Err(error) = self.sandbox.services.blobs.delete_all(&folder).await {
            tracing::warn!(%error, "files of a component that passed the document on stay until the task has ended");
        }
    }

    async fn run_member(&self, member: &Arc<Plugin>, call: StepCall, run: Uuid, share: &Share) -> StepReport {
        // Of the highest level: with `RUST_LOG=error` too, a line says which task and step it is about.
        let of_log = tracing::error_span!("guest", component = member.descriptor.name);
        let linked = match self.clock.stopped_for(member.linked()).instrument(of_log.clone()).await {
            Ok(linked) => linked,
            Err(reason) => {
                let component = Some(member.descriptor.name.clone());
                return StepReport { component, ..failed(failure::not_compiled(&member.descriptor.name, &reason)) };
            }
        };
        // With the caller's span, below which those of capabilities are, and one of the log, which finds only its own: a thread of guests
        // has none.
        let run = Run { call, id: run, share: share.clone() };
        let called = self.sandbox.clone().call(Arc::new(self.clone()), member.clone(), linked, run);
        let called = called.in_current_span().instrument(of_log);
        let component = Some(member.descriptor.name.clone());
        let report = self.threads.run(called).await;
        let mut report = report.unwrap_or_else(|error| failed(failure::host_error(&error)));
        report.component = component;
        report
    }

    /// What is known of the document. Where its bytes cannot be read now, its name and media type; the component that is asked finds the
    /// same error, and says so.
    async fn hints(&self, call: &StepCall) -> Hints {
        let source = &call.record.source;
        let head = self.sandbox.services.blobs.read(&call.inputs.source, 0..HEAD_BYTES as u64).await;
        let content = head.map_or(Content::Unknown, |head| sniff(&head));
        let mut hints = Hints {
            is_text: content == Content::Text,
            extension: extension(&source.file_name),
            media_type: essence(&source.media_type).to_ascii_lowercase(),
            ..Hints::default()
        };
        match content {
            Content::Known(format) => hints.content = pairs(format),
            Content::Other(media_type, extension) => hints.content = vec![(media_type.into(), extension.into())],
            Content::Container(formats) => hints.container = formats.iter().copied().flat_map(pairs).collect(),
            Content::Text | Content::Unknown => {}
        }
        hints
    }
}

#[async_trait]
impl InnerDocuments for Chain {
    fn deeper(&self) -> Arc<dyn InnerDocuments> {
        // What a converter stores would be of a document that is none of the collection's.
        let is_asked = |member: &&Arc<Plugin>| !capabilities::is_staging(&member.granted);
        let members = self.inside.iter().filter(is_asked).cloned().collect();
        Arc::new(Self { members, depth: self.depth + 1, ..self.clone() })
    }

    fn depth(&self) -> u32 {
        self.depth
    }

    fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    fn clock(&self) -> Stopwatch {
        self.clock.clone()
    }

    async fn convert(&self, call: StepCall, share: &Share) -> (StepReport, Uuid) {
        self.run(call, share).await
    }
}

/// A report of a step of which no component was run.
pub(crate) fn failed(failure: StepFailure) -> StepReport {
    StepReport { result: Err(failure), component: None, resources: Resources::default(), log: Vec::new() }
}

/// Media types of a format, each with its extension.
fn pairs(format: &'static Format) -> Vec<(String, String)> {
    format.media_types.iter().map(|media_type| ((*media_type).to_owned(), format.name.to_owned())).collect()
}

/// No component takes the document. `passed_on`: what those that were asked said. Of one its words are kept, for it knows the format; of
/// several none knows more than the others.
fn unsupported(mut passed_on: Vec<StepFailure>, attempted: &str, supported: &[String]) -> StepFailure {
    let only = passed_on.pop().filter(|_| passed_on.is_empty());
    let (message, mut details) = only.map(|said| (said.message, said.details)).unwrap_or_default();
    let message = match message.trim().is_empty() {
        true => format!("Unsupported file format: .{attempted} files cannot be converted to markdown"),
        false => message,
    };
    details.entry("attempted_format").or_insert(json!(attempted));
    // The component knows its own alone.
    details.insert("supported_formats".into(), json!(supported));
    StepFailure { code: FailureCode::UnsupportedFormat.as_str().into(), message, details, retryable: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::JsonObject;

    fn said(message: &str, details: JsonObject) -> StepFailure {
        StepFailure { code: "UNSUPPORTED_FORMAT".into(), message: message.into(), details, retryable: false }
    }

    #[test]
    fn the_words_of_the_only_component_that_was_asked_are_kept() {
        let general = "Unsupported file format: .abc files cannot be converted to markdown";
        let of = |passed_on: &[StepFailure]| unsupported(passed_on.to_vec(), "abc", &["pdf".into(), "txt".into()]);
        let one =
            said("only version 3", json!({"version": 2, "supported_formats": ["pdf"]}).as_object().unwrap().clone());
        for (passed_on, message) in [
            (vec![], general),
            (vec![one.clone()], "only version 3"),
            (vec![said(" ", JsonObject::new())], general),
            (vec![one.clone(), said("not mine", JsonObject::new())], general),
        ] {
            let failure = of(&passed_on);
            assert_eq!((failure.code.as_str(), failure.message.as_str()), ("UNSUPPORTED_FORMAT", message));
            assert_eq!(failure.details["attempted_format"], "abc");
            assert_eq!(failure.details["supported_formats"], json!(["pdf", "txt"]));
        }
        assert_eq!(of(&[one]).details["version"], 2);
        let named = said("x", json!({"attempted_format": "abc2"}).as_object().unwrap().clone());
        assert_eq!(of(&[named]).details["attempted_format"], "abc2", "it knows better than the first bytes do");
    }
}
