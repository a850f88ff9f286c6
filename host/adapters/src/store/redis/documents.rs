//! Claims of documents: a document's id belongs to one task at a time.

use super::existence::{CHECK_PAUSE, CHECKS_MAX};
use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, unexpected_reply};
use morag_core::ports::{CommitError, StoreError};
use morag_core::task::{DocumentKey, StatusWord, TaskId, TaskRecord};
use std::collections::HashMap;

impl RedisStore {
    /// The document that a task claims, if it does.
    pub(super) async fn document_of(&self, task: TaskId) -> Result<Option<DocumentKey>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("document");
        let document: Option<String> = self.redis.query(&get).await?;
        Ok(document.filter(|document| !document.is_empty()).map(DocumentKey::stored))
    }

    /// Claims the document of a task that had ended and is to run again, before the commit that makes it run. Until that commit it is
    /// the claim of an ended task, which others tolerate for half a second.
    pub(super) async fn claim_again(&self, task: TaskId) -> Result<(), CommitError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["record", "number"]);
        let (record, number): (Option<String>, Option<String>) = self.redis.query(&get).await?;
        let (Some(record), Some(number)) = (record, number) else { return Err(CommitError::Unknown) };
        if self.document_of(task).await?.is_none() {
            return Ok(());
        }
        let record: TaskRecord = from_json(&record)?;
        match self.claim_document(&record, &number).await? {
            None => Ok(()),
            Some(holder) => Err(CommitError::DuplicateDocument(holder)),
        }
    }

    /// Releases what [`Self::claim_again`] claimed, where the task does not run again.
    pub(super) async fn release_claim(&self, task: TaskId) {
        let released = async {
            match (self.status_of(task).await?, self.document_of(task).await?) {
                (Some(status), Some(document)) if status.is_ended() => {
                    self.settle_document(&document, task, status).await
                }
                _ => Ok(()),
            }
        };
        if let Err(error) = released.await {
            tracing::warn!(%task, %error, "cannot release the claim of a document: the next task that wants it does that");
        }
    }

    /// Claims a document's id. Returns its holder, where that is not to be replaced.
    pub(super) async fn claim_document(&self, record: &TaskRecord, number: &str) -> Result<Option<TaskId>, StoreError> {
        let document = DocumentKey::of(record);
        let mut void_task = None;
        let mut checks = CHECKS_MAX;
        loop {
            let call = scripts::ClaimDocument {
                claims: self.keys.document(&document),
                task: record.id,
                number: number.to_owned(),
                replaces: record.replace_existing,
                void_task,
            };
            let holder: Vec<String> = self.redis.call_replicated(call).await?;
            let [task, state] = holder.as_slice() else { return Ok(None) };
            let task: TaskId = task.parse().map_err(|_| unexpected_reply(task))?;
            // The claim of a completed task stands whether or not the task still exists.
            if state == "completed" {
                return Ok(Some(task));
            }
            void_task = match self.await_existence(task).await? {
                Some(status) if status.is_ended() && checks > 0 => {
                    // Its claim is about to be settled, or the task to run again.
                    checks -= 1;
                    tokio::time::sleep(CHECK_PAUSE).await;
                    None
                }
                Some(status) if status.is_ended() => {
                    // The process that ended it, or was to run it again, died before it settled the claim.
                    self.settle_document(&document, task, status).await?;
                    None
                }
                Some(_) => return Ok(Some(task)),
                None => Some(task),
            }
        }
    }

    /// Settles the claim of a task that has ended, or was not accepted.
    pub(super) async fn settle_document(
        &self,
        document: &DocumentKey,
        task: TaskId,
        status: StatusWord,
    ) -> Result<(), StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("number");
        let call = scripts::SettleDocument {
            claims: self.keys.document(document),
            task,
            completed: status == StatusWord::Completed,
            number: self.redis.query(&get).await?,
        };
        self.redis.call::<i64>(call).await.map(drop)
    }

    /// The task that holds a document's id: the newest that runs, else the one that completed last.
    pub(super) async fn holder(&self, document: &DocumentKey) -> Result<Option<TaskId>, StoreError> {
        let mut get = redis::cmd("HGETALL");
        get.arg(self.keys.document(document));
        let claims: HashMap<String, String> = self.redis.query(&get).await?;
        let mut ordered = Vec::new();
        for (task, claim) in &claims {
            let (number, state) = claim.split_once(' ').ok_or_else(|| unexpected_reply(claim))?;
            let number: u64 = number.parse().map_err(|_| unexpected_reply(claim))?;
            let task: TaskId = task.parse().map_err(|_| unexpected_reply(task))?;
            ordered.push((state == "running", number, task));
        }
        ordered.sort_unstable_by(|one, other| other.cmp(one));
        for (running, _, task) in ordered {
            if !running {
                return Ok(Some(task));
            }
            match self.status_of(task).await? {
                // A reservation whose task was not stored, or a claim that is about to be released.
                None | Some(StatusWord::Failed | StatusWord::Cancelled) => {}
                Some(_) => return Ok(Some(task)),
            }
        }
        Ok(None)
    }
}
