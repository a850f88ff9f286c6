//! Staging.

use super::super::link::Call;
use super::super::scripts;
use super::super::store::{strange, to_json, token};
use super::keys::Part;
use super::store::RedisKnowledge;
use crate::store::knowledge::batch::{PointRow, Rows};
use crate::store::knowledge::refusal::{self, ROWS_MAX, StageError};
use morag_core::ports::{Edge, Fact, Node, Revision, StoreError};

/// How long what is staged is kept after the last call: a day, longer than any step runs.
pub(super) const KEPT_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// How long a revision's owner is remembered, from its first call in a process.
const OWNER_KEPT_MILLIS: u64 = 2 * KEPT_MILLIS;

impl RedisKnowledge {
    /// What is behind [`morag_core::ports::Knowledge::stage`].
    pub(super) async fn stage_rows(&self, revision: &Revision, rows: &Rows) -> Result<u32, StageError> {
        if !self.own(revision).await? {
            return Err(refusal::other_document().into());
        }
        let (kind, items) = match rows {
            Rows::Points { model, dimensions, rows } => {
                if !rows.is_empty() {
                    self.reserve_model(revision, model, *dimensions).await?;
                }
                ("points", rows.len())
            }
            Rows::Nodes(rows) => ("nodes", rows.len()),
            Rows::Edges(rows) => ("edges", rows.len()),
            Rows::Facts(rows) => ("facts", rows.len()),
        };
        let answer: [String; 3] = self.redis.call(self.stage_call(revision, rows)?).await?;
        let [word, what, points] = &answer;
        let refused = match word.as_str() {
            "done" => {
                self.running.count(revision.id);
                return Ok(u32::try_from(items).unwrap_or(u32::MAX));
            }
            "published" => refusal::published(),
            "twice" => refusal::staged_already(what),
            "end" => refusal::missing_end(what),
            "many" => refusal::too_many(what, kind),
            _ => return Err(strange(&answer).into()),
        };
        // A refused call changes nothing: nor does it hold the collection to its model.
        if kind == "points" && points == "0" {
            self.release_model(&revision.collection, &super::keys::holder(revision), false).await?;
        }
        Err(refused.into())
    }

    /// Whether the revision is of its collection and document, and of no others.
    pub(super) async fn own(&self, revision: &Revision) -> Result<bool, StoreError> {
        if let Some(owns) = self.running.owns(revision) {
            return Ok(owns);
        }
        let Revision { id, collection, document, .. } = revision;
        let call = scripts::KNOWLEDGE_OWNER
            .on([self.keys.owner(*id)])
            .arg(format!("{}:{collection}:{document}", collection.len()))
            .arg(OWNER_KEPT_MILLIS);
        let owns = self.redis.call(call).await?;
        if owns {
            self.running.begin(revision);
        }
        Ok(owns)
    }

    fn stage_call(&self, revision: &Revision, rows: &Rows) -> Result<Call<'static>, StoreError> {
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
        let script = match rows {
            Rows::Points { .. } => &scripts::KNOWLEDGE_STAGE_POINTS,
            Rows::Nodes(_) => &scripts::KNOWLEDGE_STAGE_NODES,
            Rows::Edges(_) => &scripts::KNOWLEDGE_STAGE_EDGES,
            Rows::Facts(_) => &scripts::KNOWLEDGE_STAGE_FACTS,
        };
        let mut call = script.on(keys).arg(id).arg(token()).arg(KEPT_MILLIS).arg(ROWS_MAX);
        match rows {
            Rows::Points { dimensions, rows, .. } => {
                call = call.arg(dimensions);
                for PointRow { id, text, payload, vector, length } in rows {
                    let stored = [length.to_le_bytes().as_slice(), vector].concat();
                    call = call.arg(id).bytes(stored).arg(to_json(&(id, text, payload))?);
                }
            }
            Rows::Nodes(rows) => {
                for (Node { key, name, kind, mentions, .. }, properties) in rows {
                    call = call.arg(key).arg(to_json(&(name, kind, mentions, properties))?);
                }
            }
            Rows::Edges(rows) => {
                for (Edge { source, target, kind, .. }, properties) in rows {
                    call = call.arg(source).arg(target).arg(to_json(&(source, target, kind, properties))?);
                }
            }
            Rows::Facts(rows) => {
                for (Fact { subject, predicate, object, .. }, properties) in rows {
                    call = call.arg(to_json(&(subject, predicate, object, properties))?);
                }
            }
        }
        Ok(call)
    }
}
