//! Making a revision the document's content, or removing it.

use super::super::scripts;
use super::super::values::unexpected_reply;
use super::documents::Entry;
use super::keys::{Part, holder};
use super::stage::KEPT;
use super::store::RedisKnowledge;
use crate::store::knowledge::refusal::{self, REMEMBERED_MAX};
use morag_core::ports::{Revision, StoreError};
use std::time::Duration;

/// Times that publishing begins again because another revision of the document was published meanwhile. Even for a document that
/// several tasks replace, that happens once or twice.
const TRIES_MAX: usize = 16;

/// How long the revisions of a document that has become empty are remembered: longer than anything of them is staged.
const REMEMBERED: Duration = KEPT.saturating_mul(2);

/// The state of a revision, and what its document holds.
pub(super) struct RevisionState {
    /// Whether it is published, or was.
    published: bool,
    /// What the document holds, as it is stored: empty for nothing.
    stored: String,
    /// The same, parsed.
    pub(super) entry: Option<Entry>,
    /// Points it has staged.
    points: u64,
    /// Calls that have staged something.
    pub(super) calls: u64,
}

impl RedisKnowledge {
    /// Implements [`morag_core::ports::Knowledge::publish`].
    pub(super) async fn publish_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        if !self.own(revision).await? {
            return Err(refusal::published_elsewhere());
        }
        for _ in 0..TRIES_MAX {
            let seen = self.state_of(revision).await?;
            if seen.published {
                self.running.end(revision.id);
                return Ok(());
            }
            if seen.points > 0 && !self.pin_model(revision).await? {
                return Err(lost(revision));
            }
            match self.replace(revision, &seen).await?.as_str() {
                "done" => {
                    self.running.end(revision.id);
                    self.release_replaced(revision, seen.entry.as_ref()).await;
                    return Ok(());
                }
                "lost" => return Err(lost(revision)),
                "changed" => {}
                other => return Err(unexpected_reply(&other)),
            }
        }
        Err(StoreError::Unavailable(format!(
            "other tasks replace the document {} too often: nothing was published",
            revision.document
        )))
    }

    /// The state of a revision.
    pub(super) async fn state_of(&self, revision: &Revision) -> Result<RevisionState, StoreError> {
        let Revision { id, collection, document, .. } = revision;
        let part = Part::of(collection, document);
        let call = scripts::KnowledgeState {
            published: self.keys.published(collection, document),
            documents: self.keys.documents(part, collection),
            staged: self.keys.staged(part, *id),
            revision: *id,
            document: document.clone(),
        };
        let answer: [String; 4] = self.redis.call(call).await?;
        let number = |text: &String| text.parse::<u64>().map_err(|_| unexpected_reply(&answer));
        let [published, stored, points, calls] = &answer;
        let entry = if stored.is_empty() { None } else { Some(Entry::parse(stored)?) };
        let (points, calls) = (number(points)?, number(calls)?);
        Ok(RevisionState { published: published == "1", stored: stored.clone(), entry, points, calls })
    }

    /// Replaces what was seen by the revision. Returns the script's word for the outcome.
    async fn replace(&self, revision: &Revision, seen: &RevisionState) -> Result<String, StoreError> {
        let Revision { id, collection, document, .. } = revision;
        let part = Part::of(collection, document);
        let new = self.keys.content(part, *id);
        let call = scripts::KnowledgePublish {
            published: self.keys.published(collection, document),
            documents: self.keys.documents(part, collection),
            staged: self.keys.staged(part, *id),
            ids: self.keys.ids(part, *id),
            vectors: new.vectors,
            points: new.points,
            nodes: new.nodes,
            edges: new.edges,
            facts: new.facts,
            replaced: match &seen.entry {
                None => Vec::new(),
                Some(entry) => self.keys.content(part, entry.revision).into_keys().into(),
            },
            revision: *id,
            document: document.clone(),
            seen: seen.stored.clone(),
            // What was seen may have expired since, and what this process has staged may have been lost before.
            calls_min: seen.calls.max(self.running.calls(*id)),
            remembered_max: REMEMBERED_MAX + 1,
            remembered: REMEMBERED,
        };
        // Once this is answered, the task's log says that the document is stored, and is on another server of a Cluster.
        self.redis.call_replicated(call).await
    }

    /// Removes a replaced revision from the holders of the collection's model. Where this fails, it is removed by the next revision that
    /// wants another model.
    async fn release_replaced(&self, revision: &Revision, replaced: Option<&Entry>) {
        let Some(entry) = replaced.filter(|entry| entry.points > 0) else { return };
        let old = holder(&Revision { id: entry.revision, ..revision.clone() });
        if let Err(error) = self.release_model(&revision.collection, &old, true).await {
            tracing::warn!(%error, "cannot remove a replaced revision from the holders of its collection's model");
        }
    }

    /// Implements [`morag_core::ports::Knowledge::discard`].
    pub(super) async fn discard_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        self.running.end(revision.id);
        let Revision { id, collection, document, .. } = revision;
        let part = Part::of(collection, document);
        let content = self.keys.content(part, *id);
        let mut staged_keys = vec![self.keys.staged(part, *id), self.keys.ids(part, *id)];
        staged_keys.extend(content.into_keys());
        let published = self.keys.published(collection, document);
        match self.redis.call(scripts::KnowledgeDiscard { published, staged_keys, revision: *id }).await? {
            false => Ok(()),
            true => self.release_model(collection, &holder(revision), true).await,
        }
    }
}

fn lost(revision: &Revision) -> StoreError {
    StoreError::Unavailable(format!(
        "some of what was staged for the document {} is missing: the step must run again",
        revision.document
    ))
}
