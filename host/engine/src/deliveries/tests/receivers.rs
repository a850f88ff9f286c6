//! Receivers that do what a test wants.

use async_trait::async_trait;
use morag_adapters::SystemClock;
use morag_core::Timestamp;
use morag_core::ports::{Clock as _, UrlRefused, WebhookRequest, WebhookSender};
use morag_core::webhook::{AttemptOutcome, WebhookUrl};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::Notify;

/// Longest time for what should happen: far more than it takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What a receiver does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    Answers(u16),
    /// Takes the connection and says nothing.
    Hangs,
    /// `429` and `Retry-After`, seconds.
    AsksToWait(u64),
}

/// Receivers by host; what came to each, in order, and how many exchanges were under way at most.
#[derive(Default)]
pub(super) struct Receivers {
    pub(super) manners: Mutex<BTreeMap<String, Manner>>,
    pub(super) came: Mutex<BTreeMap<String, Vec<(String, u64)>>>,
    /// From each event's commit to its first attempt, milliseconds.
    pub(super) ages: Mutex<BTreeMap<String, Vec<i64>>>,
    pub(super) under_way: Mutex<BTreeMap<String, (usize, usize)>>,
    /// What came as `Authorization`, in order.
    pub(super) tokens: Mutex<Vec<String>>,
    /// What came as `traceparent`, by host; empty: nothing.
    pub(super) traces: Mutex<BTreeMap<String, Vec<String>>>,
    pub(super) changed: Notify,
}

impl Receivers {
    pub(super) fn set(&self, host: &str, manner: Manner) {
        self.manners.lock().unwrap().insert(host.to_owned(), manner);
    }

    pub(super) fn came(&self, host: &str) -> Vec<(String, u64)> {
        self.came.lock().unwrap().get(host).cloned().unwrap_or_default()
    }

    pub(super) fn most_at_once(&self, host: &str) -> usize {
        self.under_way.lock().unwrap().get(host).map_or(0, |(_, most)| *most)
    }

    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }
}

#[async_trait]
impl WebhookSender for Receivers {
    async fn check(&self, _: &WebhookUrl) -> Result<(), UrlRefused> {
        Ok(())
    }

    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        let host = request.url.as_url().host_str().unwrap().to_owned();
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).unwrap().1.clone();
        let token = request.headers.iter().find(|(name, _)| name == "authorization");
        self.tokens.lock().unwrap().extend(token.map(|(_, token)| token.clone()));
        let trace = request.headers.iter().find(|(name, _)| name == "traceparent");
        let trace = trace.map(|(_, trace)| trace.clone()).unwrap_or_default();
        self.traces.lock().unwrap().entry(host.clone()).or_default().push(trace);
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let task = body["data"]["task_id"].as_str().unwrap().to_owned();
        self.came
            .lock()
            .unwrap()
            .entry(host.clone())
            .or_default()
            .push((task, header("x-morag-sequence").parse().unwrap()));
        let committed: Timestamp = body["timestamp"].as_str().unwrap().parse().unwrap();
        let age = SystemClock.now().as_millis() - committed.as_millis();
        self.ages.lock().unwrap().entry(host.clone()).or_default().push(age);
        {
            let mut under_way = self.under_way.lock().unwrap();
            let (now, most) = under_way.entry(host.clone()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        self.changed.notify_waiters();
        let manner = self.manners.lock().unwrap().get(&host).copied().unwrap_or(Manner::Answers(200));
        let (status, retry_after_ms) = match manner {
            Manner::Hangs => std::future::pending().await,
            Manner::Answers(status) => (status, None),
            Manner::AsksToWait(seconds) => (429, Some(seconds * 1000)),
        };
        tokio::task::yield_now().await;
        self.under_way.lock().unwrap().get_mut(&host).unwrap().0 -= 1;
        let excerpt = String::new();
        AttemptOutcome { status: Some(status), error: None, retry_after_ms, excerpt, duration_ms: 1 }
    }
}
