//! Making a revision the document's content, or forgetting it.

use super::super::scripts;
use super::super::store::strange;
use super::documents::Entry;
use super::keys::{Part, holder};
use super::stage::KEPT_MILLIS;
use super::store::RedisKnowledge;
use crate::store::knowledge::refusal::{self, REMEMBERED_MAX};
use morag_core::ports::{Revision, StoreError};

/// Times that publishing begins again because another revision of the document came in between. Even a document that
/// several tasks replace meets one or two.
const TRIES_MAX: usize = 16;

/// How long the revisions of a document that has become empty are remembered: longer than anything of them is staged.
const REMEMBERED_MILLIS: u64 = 2 * KEPT_MILLIS;

/// How a revision stands, and what its document holds.
pub(super) struct Look {
    /// Whether it is published, or was.
    published: bool,
    /// What the document holds, as it is stored: empty for nothing.
    stored: String,
    /// The same, read.
    pub(super) entry: Option<Entry>,
    /// Points it has staged.
    points: u64,
    /// Calls that have staged something.
    pub(super) calls: u64,
}

impl RedisKnowledge {
    /// What is behind [`morag_core::ports::Knowledge::publish`].
    pub(super) async fn publish_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        if !self.own(revision).await? {
            return Err(refusal::published_elsewhere());
        }
        for _ in 0..TRIES_MAX {
            let seen = self.look(revision).await?;
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
                    self.let_go(revision, seen.entry.as_ref()).await;
                    return Ok(());
                }
                "lost" => return Err(lost(revision)),
                "changed" => {}
                other => return Err(strange(&other)),
            }
        }
        Err(StoreError::Unavailable(format!(
            "the document {} is replaced by others all the time: nothing was published",
            revision.document
        )))
    }

    /// How a revision stands.
    pub(super) async fn look(&self, revision: &Revision) -> Result<Look, StoreError> {
        let Revision { id, collection, document, .. } = revision;
        let part = Part::of(collection, document);
        let keys = [
            self.keys.published(collection, document),
            self.keys.documents(part, collection),
            self.keys.staged(part, *id),
        ];
        let call = scripts::KNOWLEDGE_LOOK.on(keys).arg(id).arg(document);
        let answer: [String; 4] = self.redis.call(call).await?;
        let number = |text: &String| text.parse::<u64>().map_err(|_| strange(&answer));
        let [published, stored, points, calls] = &answer;
        let entry = if stored.is_empty() { None } else { Some(Entry::parse(stored)?) };
        let (points, calls) = (number(points)?, number(calls)?);
        Ok(Look { published: published == "1", stored: stored.clone(), entry, points, calls })
    }

    /// Puts the revision in the place of what was seen. Says what came of it.
    async fn replace(&self, revision: &Revision, seen: &Look) -> Result<String, StoreError> {
        let Revision { id, collection, document, .. } = revision;
        let part = Part::of(collection, document);
        let new = self.keys.content(part, *id);
        let published = self.keys.published(collection, document);
        let documents = self.keys.documents(part, collection);
        let (staged, ids) = (self.keys.staged(part, *id), self.keys.ids(part, *id));
        let script = &scripts::KNOWLEDGE_PUBLISH;
        let call = match &seen.entry {
            None => {
                script.on([published, documents, staged, ids, new.vectors, new.points, new.nodes, new.edges, new.facts])
            }
            Some(entry) => {
                let old = self.keys.content(part, entry.revision);
                script.on([
                    published,
                    documents,
                    staged,
                    ids,
                    new.vectors,
                    new.points,
                    new.nodes,
                    new.edges,
                    new.facts,
                    old.vectors,
                    old.points,
                    old.nodes,
                    old.edges,
                    old.facts,
                ])
            }
        };
        // What was seen may have expired since, and what this process has staged may have been lost before.
        let calls = seen.calls.max(self.running.calls(*id));
        let call =
            call.arg(id).arg(document).arg(&seen.stored).arg(calls).arg(REMEMBERED_MAX + 1).arg(REMEMBERED_MILLIS);
        // The log says that the document is stored once this is answered, and lies on another server of a Cluster.
        self.redis.call_kept(call).await
    }

    /// Lets a replaced revision go of the collection's model. It is replaced even where this fails; then it is set aside
    /// by who finds it in the way.
    async fn let_go(&self, revision: &Revision, replaced: Option<&Entry>) {
        let Some(entry) = replaced.filter(|entry| entry.points > 0) else { return };
        let old = holder(&Revision { id: entry.revision, ..revision.clone() });
        if let Err(error) = self.release_model(&revision.collection, &old, true).await {
            tracing::warn!(%error, "a replaced revision still holds its collection's model");
        }
    }

    /// What is behind [`morag_core::ports::Knowledge::discard`].
    pub(super) async fn discard_revision(&self, revision: &Revision) -> Result<(), StoreError> {
        self.running.end(revision.id);
        let Revision { id, collection, document, .. } = revision;
        let part = Part::of(collection, document);
        let content = self.keys.content(part, *id);
        let keys = [
            self.keys.published(collection, document),
            self.keys.staged(part, *id),
            self.keys.ids(part, *id),
            content.vectors,
            content.points,
            content.nodes,
            content.edges,
            content.facts,
        ];
        match self.redis.call(scripts::KNOWLEDGE_DISCARD.on(keys).arg(id)).await? {
            false => Ok(()),
            true => self.release_model(collection, &holder(revision), true).await,
        }
    }
}

fn lost(revision: &Revision) -> StoreError {
    StoreError::Unavailable(format!(
        "what was staged for the document {} is not all there any more: the step must run again",
        revision.document
    ))
}
