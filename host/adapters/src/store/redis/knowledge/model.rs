//! The one model of a collection.
//!
//! A collection lists its holders, the revisions that bind it to its model, in a slot of its own. A revision becomes a holder before
//! its first point is staged, for a limited time; without limit before it is published; and it is removed after its points are. So every
//! published revision is a holder, wherever a process dies. A holder that a process leaves behind expires or, if it was to be
//! published, is removed by a revision that wants another model and finds it neither staged nor published.

use super::super::scripts;
use super::keys::holder;
use super::publish::RevisionState;
use super::stage::KEPT;
use super::store::RedisKnowledge;
use crate::store::knowledge::refusal::{self, StageError};
use morag_core::ports::{Revision, StoreError};
use morag_core::task::{DocumentId, TaskId};
use std::time::Duration;

/// How long a staged revision holds the model: longer than what it staged is kept.
const HELD: Duration = KEPT.saturating_mul(2);

/// Holders checked, or removed, in one call: few enough that no other caller waits.
const HOLDERS_AT_ONCE: usize = 64;

/// Times in one reservation that abandoned holders are removed: each crash leaves at most one.
const REMOVALS_MAX: usize = 16;

impl RedisKnowledge {
    /// Reserves the collection's model. Refused where the collection has another.
    pub(super) async fn reserve_model(
        &self,
        revision: &Revision,
        model: &str,
        dimensions: usize,
    ) -> Result<(), StageError> {
        let name = &revision.collection;
        let mut removals = 0;
        loop {
            let call = scripts::KnowledgeReserve {
                model: self.keys.model(name),
                holders: self.keys.holders(name),
                now: None,
                holder: holder(revision),
                wanted_model: model.to_owned(),
                dimensions,
                held: HELD,
                removed_max: HOLDERS_AT_ONCE,
            };
            let has: Vec<String> = self.redis.call(call).await?;
            let [of, length] = has.as_slice() else { return Ok(()) };
            if removals < REMOVALS_MAX && self.remove_abandoned_holders(name).await? {
                removals += 1;
                continue;
            }
            return Err(match of == model {
                true => refusal::another_length(name, length, dimensions).into(),
                false => refusal::another_model(name, of, model).into(),
            });
        }
    }

    /// Makes a revision that is about to be published hold the model without limit. `false`: its time has run out.
    pub(super) async fn pin_model(&self, revision: &Revision) -> Result<bool, StoreError> {
        let holders = self.keys.holders(&revision.collection);
        self.redis.call(scripts::KnowledgePin { holders, now: None, holder: holder(revision) }).await
    }

    /// Removes a holder. `even_pinned`: its points are known to be removed.
    pub(super) async fn release_model(
        &self,
        collection: &str,
        holder: &str,
        even_pinned: bool,
    ) -> Result<(), StoreError> {
        let (model, holders) = (self.keys.model(collection), self.keys.holders(collection));
        let holder = holder.to_owned();
        self.redis.call(scripts::KnowledgeRelease { model, holders, holder, even_pinned }).await
    }

    /// Removes pinned holders that are neither staged nor published. Returns whether there were any, and no other among those checked.
    async fn remove_abandoned_holders(&self, collection: &str) -> Result<bool, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(self.keys.holders(collection)).arg(&["+inf", "+inf", "BYSCORE", "LIMIT", "0"]).arg(HOLDERS_AT_ONCE);
        let pinned: Vec<String> = self.redis.query(&range).await?;
        for holder in &pinned {
            if let Some(revision) = parse_holder(collection, holder)
                && self.state_of(&revision).await?.is_live(&revision)
            {
                return Ok(false);
            }
            tracing::warn!(
                collection,
                holder,
                "removed a holder of a collection's model whose revision does not exist"
            );
            self.release_model(collection, holder, true).await?;
        }
        Ok(!pinned.is_empty())
    }
}

impl RevisionState {
    /// Whether a revision is staged, or is the document's content.
    fn is_live(&self, revision: &Revision) -> bool {
        self.calls > 0 || self.entry.as_ref().is_some_and(|entry| entry.revision == revision.id)
    }
}

fn parse_holder(collection: &str, holder: &str) -> Option<Revision> {
    let (id, document) = holder.split_once('/')?;
    let document = DocumentId::try_from(document.to_owned()).ok()?;
    // The holder does not say its task, and nothing that is read here depends on it.
    Some(Revision { id: id.parse().ok()?, task: TaskId::random(), collection: collection.to_owned(), document })
}
