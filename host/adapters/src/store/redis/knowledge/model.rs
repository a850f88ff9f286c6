//! The one model of a collection.
//!
//! A collection lists the revisions that hold it to its model, in a slot of its own. A revision is listed before its first
//! point is staged, for a time; without limit before it is published; and it is taken off after its points are gone. So
//! whatever is published is listed, wherever a process dies. What it leaves listed runs out or, if it was to be published,
//! is set aside by who wants another model and finds it neither staged nor published.

use super::super::scripts;
use super::keys::holder;
use super::publish::Look;
use super::stage::KEPT_MILLIS;
use super::store::RedisKnowledge;
use crate::store::knowledge::refusal::{self, StageError};
use morag_core::ports::{Revision, StoreError};
use morag_core::task::{DocumentId, TaskId};

/// How long a staged revision holds the model: longer than what it staged is kept.
const HELD_MILLIS: u64 = 2 * KEPT_MILLIS;

/// Holders looked at, or removed, at once: few enough that no other caller waits.
const HOLDERS_AT_ONCE: usize = 64;

/// Times in one call that left holders are looked for: each crash leaves at most one.
const LOOKS_MAX: usize = 16;

impl RedisKnowledge {
    /// Reserves the collection's model. Refused where the collection has another.
    pub(super) async fn reserve_model(
        &self,
        revision: &Revision,
        model: &str,
        dimensions: usize,
    ) -> Result<(), StageError> {
        let name = &revision.collection;
        let mut looks = 0;
        loop {
            let call = scripts::KNOWLEDGE_RESERVE
                .on([self.keys.model(name), self.keys.holders(name)])
                .arg("")
                .arg(holder(revision))
                .arg(model)
                .arg(dimensions)
                .arg(HELD_MILLIS)
                .arg(HOLDERS_AT_ONCE);
            let has: Vec<String> = self.redis.call(call).await?;
            let [of, length] = has.as_slice() else { return Ok(()) };
            if looks < LOOKS_MAX && self.set_left_holders_aside(name).await? {
                looks += 1;
                continue;
            }
            return Err(match of == model {
                true => refusal::another_length(name, length, dimensions).into(),
                false => refusal::another_model(name, of, model).into(),
            });
        }
    }

    /// Holds the model for a revision that is about to be published. `false`: its time has run out.
    pub(super) async fn pin_model(&self, revision: &Revision) -> Result<bool, StoreError> {
        let holders = self.keys.holders(&revision.collection);
        self.redis.call(scripts::KNOWLEDGE_PIN.on([holders]).arg("").arg(holder(revision))).await
    }

    /// Lets go of the model. `even_pinned`: the points are known to be gone.
    pub(super) async fn release_model(
        &self,
        collection: &str,
        holder: &str,
        even_pinned: bool,
    ) -> Result<(), StoreError> {
        let keys = [self.keys.model(collection), self.keys.holders(collection)];
        self.redis.call(scripts::KNOWLEDGE_RELEASE.on(keys).arg(holder).arg(u8::from(even_pinned))).await
    }

    /// Takes holders off that are pinned and hold nothing. Says whether all of those looked at were such, and any.
    async fn set_left_holders_aside(&self, collection: &str) -> Result<bool, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(self.keys.holders(collection)).arg(&["+inf", "+inf", "BYSCORE", "LIMIT", "0"]).arg(HOLDERS_AT_ONCE);
        let pinned: Vec<String> = self.redis.query(&range).await?;
        for holder in &pinned {
            if let Some(revision) = parse_holder(collection, holder)
                && self.look(&revision).await?.is_live(&revision)
            {
                return Ok(false);
            }
            tracing::warn!(collection, holder, "a revision that is gone held its collection's model: set aside");
            self.release_model(collection, holder, true).await?;
        }
        Ok(!pinned.is_empty())
    }
}

impl Look {
    /// Whether a revision is staged, or is the document's content.
    fn is_live(&self, revision: &Revision) -> bool {
        self.calls > 0 || self.entry.as_ref().is_some_and(|entry| entry.revision == revision.id)
    }
}

fn parse_holder(collection: &str, holder: &str) -> Option<Revision> {
    let (id, document) = holder.split_once('/')?;
    let document = DocumentId::try_from(document.to_owned()).ok()?;
    // Whose it was is not known, and nothing that is read depends on it.
    Some(Revision { id: id.parse().ok()?, task: TaskId::random(), collection: collection.to_owned(), document })
}
