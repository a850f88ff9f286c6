//! Collects the facts about a scenario's tasks over the API, and summarises their check.

use super::contents::Contents;
use crate::child::LOOK;
use crate::fleet::Fleet;
use crate::server::{API_KEY, PATIENCE, client};
use crate::tally::judge::{Facts, Finding, HistoryEvent, Rules, TaskVerdict, is_end, judge};
use crate::tally::{Arrived, Tally};
use futures::StreamExt as _;
use morag_adapters::blobs::ObjectBlobs;
use morag_core::ports::{BlobPath, Blobs as _, Knowledge, QueueCounts};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

/// Tasks queried concurrently.
const AT_ONCE: usize = 8;
/// Maximum findings printed individually.
const SHOWN: usize = 20;

/// Results of a scenario.
#[derive(Debug, Default)]
pub struct Report {
    /// Accepted tasks.
    pub accepted: u64,
    /// Accepted tasks that ended.
    pub ended: u64,
    /// Accepted tasks that completed.
    pub completed: u64,
    /// Number of failed tasks by error code and message.
    pub failed: BTreeMap<String, u64>,
    /// Accepted tasks that the server does not know.
    pub lost: u64,
    /// Tasks whose id no client received: a submission created two.
    pub duplicated: u64,
    /// Events in the histories.
    pub events: u64,
    /// Files compared with their digests.
    pub files: u64,
    /// Deliveries repeated immediately.
    pub repeats: u64,
    /// Deliveries repeated after a later one.
    pub late_repeats: u64,
    /// Events delivered again with another body, because the first version was undone by a failover.
    pub changed_repeats: u64,
    /// Counts of the receiver.
    pub arrived: Arrived,
    /// Queues of tasks and of deliveries after the stop.
    pub queues: [QueueCounts; 2],
    /// Violations, with their task.
    pub findings: Vec<(String, Finding)>,
    /// Stored content according to the tasks.
    contents: Vec<Contents>,
}

impl Report {
    /// Collects and checks everything.
    pub(super) async fn collect(fleet: &Fleet, tally: &Tally, accepted: &[String], rules: Rules) -> Self {
        let known: HashSet<&String> = accepted.iter().collect();
        let duplicated = tally.tasks().iter().filter(|task| !known.contains(task)).count() as u64;
        let mut report = Self { accepted: known.len() as u64, duplicated, arrived: tally.arrived(), ..Self::default() };
        let source = Source::of(fleet, tally);
        let mut all =
            futures::stream::iter(known).map(async |task| (task, source.facts(task).await)).buffer_unordered(AT_ONCE);
        while let Some((task, Fetched { facts, files, contents, failure })) = all.next().await {
            report.files += files;
            report.contents.extend(contents);
            if let Some(failure) = failure {
                *report.failed.entry(failure).or_default() += 1;
            }
            report.add(task, &facts, rules);
        }
        report
    }

    fn add(&mut self, task: &str, facts: &Facts, rules: Rules) {
        let last = facts.history.last().map_or("", |event| event.event_type.as_str());
        self.ended += u64::from(is_end(last));
        self.completed += u64::from(last == "task_completed");
        self.lost += u64::from(facts.is_unknown);
        self.events += facts.history.len() as u64;
        let TaskVerdict { findings, repeats, late_repeats, changed_repeats } = judge(facts, rules);
        self.changed_repeats += changed_repeats;
        self.repeats += repeats;
        self.late_repeats += late_repeats;
        self.findings.extend(findings.into_iter().map(|finding| (task.to_owned(), finding)));
    }

    /// Compares the stored content with that reported by the tasks.
    pub(super) async fn compare_contents(&mut self, knowledge: &dyn Knowledge) {
        for contents in &self.contents {
            if let Some(how) = contents.difference(knowledge).await {
                self.findings.push((contents.task.clone(), Finding::ContentDiffers(how)));
            }
        }
    }

    /// Number of findings of a kind.
    pub fn count(&self, sort: impl Fn(&Finding) -> bool) -> u64 {
        self.findings.iter().filter(|(_, finding)| sort(finding)).count() as u64
    }

    /// Whether nothing is lost, duplicated, out of order or left over.
    pub fn is_clean(&self) -> bool {
        let rest = self.queues.iter().map(|queue| queue.due + queue.leased + queue.later).sum::<u64>();
        self.findings.is_empty() && self.duplicated == 0 && self.arrived.unsigned == 0 && rest == 0
    }

    /// The tasks that the server knows, among these.
    pub(super) async fn known(fleet: &Fleet, tally: &Tally, tasks: &[String]) -> Vec<String> {
        let source = Source::of(fleet, tally);
        let source = &source;
        let known = futures::stream::iter(tasks)
            .map(async |task| (task, source.ask(task).await.status() != StatusCode::NOT_FOUND))
            .buffer_unordered(AT_ONCE);
        known.filter_map(async |(task, known)| known.then(|| task.clone())).collect().await
    }

    /// Prints the counts and the first findings.
    pub fn print(&self, name: &str) {
        let history = self.count(|finding| {
            use Finding::{EndedTwice, HistoryGap, HistoryRepeats, NoStart, StepNotCompleted};
            matches!(finding, HistoryGap | NoStart | HistoryRepeats(_) | EndedTwice | StepNotCompleted(_))
        });
        let order = self.count(|finding| matches!(finding, Finding::OutOfOrder(_) | Finding::LateRepeat(_)));
        let missing = self.count(|finding| matches!(finding, Finding::DeliveryMissing(_)));
        let unknown = self.count(|finding| matches!(finding, Finding::DeliveryUnknown(_) | Finding::RepeatDiffers(_)));
        let damaged = self.count(|finding| matches!(finding, Finding::FileDiffers(_)));
        let different = self.count(|finding| matches!(finding, Finding::ContentDiffers(_)));
        let Self { accepted, ended, completed, lost, duplicated, events, files, repeats, late_repeats, .. } = self;
        let Arrived { taken, refused, unsigned, .. } = self.arrived;
        println!(
            "{name} tasks       {accepted} accepted, {ended} ended ({completed} completed), {lost} lost, {duplicated} duplicated"
        );
        println!("{name} events      {events} in the histories, {history} missing, duplicated or out of place");
        println!(
            "{name} deliveries  {taken} taken, {missing} missing, {order} out of order, {unknown} differ from the history"
        );
        println!(
            "{name}             {repeats} repeated at once, {late_repeats} late, {} with another body, {refused} refused on purpose, {unsigned} unsigned",
            self.changed_repeats
        );
        println!("{name} files       {files} compared, {damaged} differ from their digest");
        println!("{name} documents   {} compared, {different} differ from the history", self.contents.len());
        for (queue, counts) in ["tasks", "deliveries"].into_iter().zip(self.queues) {
            let QueueCounts { due, leased, later, .. } = counts;
            println!("{name} queue       {queue}: {due} due, {leased} leased, {later} later");
        }
        for (why, count) in &self.failed {
            println!("{name} failed      {count} {why}");
        }
        for (task, finding) in self.findings.iter().take(SHOWN) {
            println!("{name} FINDING     {task} {finding:?}");
        }
    }
}

/// Collected data of a task.
#[derive(Default)]
struct Fetched {
    facts: Facts,
    /// Number of compared files.
    files: u64,
    /// Stored content according to the task.
    contents: Vec<Contents>,
    /// Why it failed.
    failure: Option<String>,
}

/// Source of the facts.
struct Source<'a> {
    client: Client,
    url: String,
    files: ObjectBlobs,
    tally: &'a Tally,
}

impl<'a> Source<'a> {
    fn of(fleet: &Fleet, tally: &'a Tally) -> Self {
        Self {
            client: client(),
            url: fleet.api_urls().swap_remove(0),
            files: ObjectBlobs::local(fleet.data_dir().join("files")).expect("the files"),
            tally,
        }
    }

    async fn facts(&self, task: &str) -> Fetched {
        let seen = self.tally.seen(task);
        let answer = self.ask(&format!("{task}/history?order=asc")).await;
        if answer.status() == StatusCode::NOT_FOUND {
            return Fetched { facts: Facts { seen, is_unknown: true, ..Facts::default() }, ..Fetched::default() };
        }
        assert_eq!(answer.status(), StatusCode::OK, "history of {task}");
        let body: Value = answer.json().await.expect("a JSON body");
        let items = body["history"].as_array().expect("a list of events");
        let history = items.iter().map(event).collect();
        let artifacts = items.iter().filter_map(|item| item["metadata"]["artifacts"].as_array()).flatten();
        let (mut files, mut damaged_files) = (0, Vec::new());
        for artifact in artifacts {
            let name = text(&artifact["name"]);
            files += 1;
            if self.digest(task, &name).await.as_deref() != artifact["sha256"].as_str() {
                damaged_files.push(name);
            }
        }
        let failed = items.iter().find(|item| item["event_type"] == "task_failed").map(|item| &item["metadata"]);
        let failure =
            failed.map(|why| format!("{}: {}", text(&why["error_details"]["error_code"]), text(&why["error"])));
        let status: Value = self.ask(task).await.json().await.expect("a JSON body");
        let document = text(&status["document_id"]);
        let contents = items.iter().filter_map(|item| Contents::reported(task, &document, item)).collect();
        Fetched { facts: Facts { history, seen, damaged_files, is_unknown: false }, files, contents, failure }
    }

    /// Response about a task. Retries while a restarted server is unavailable.
    async fn ask(&self, what: &str) -> Response {
        let path = format!("{}/api/v1/status/{what}", self.url);
        let started = Instant::now();
        loop {
            let answer = self.client.get(&path).bearer_auth(API_KEY).send().await.expect("an answer");
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE || started.elapsed() > PATIENCE {
                return answer;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Digest of a task's file. Reads the storage, because the API only serves published files.
    async fn digest(&self, task: &str, name: &str) -> Option<String> {
        let path = BlobPath::file(task.parse().expect("a task's id"), &name.parse().expect("a file name"));
        let size = self.files.stat(&path).await.ok()?.size;
        let bytes = self.files.read(&path, 0..size).await.ok()?;
        Some(hex::encode(Sha256::digest(&bytes)))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn event(item: &Value) -> HistoryEvent {
    HistoryEvent {
        sequence: item["sequence"].as_u64().expect("a sequence"),
        event_type: text(&item["event_type"]),
        // A milestone is identified by its number; the step that reaches it depends on timing.
        place: match item["metadata"]["milestone"].as_u64() {
            Some(milestone) => milestone.to_string(),
            None => text(&item["step"]),
        },
    }
}
