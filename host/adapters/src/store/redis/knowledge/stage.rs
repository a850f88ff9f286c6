//! Staging.

use super::super::link::call::Call;
use super::super::scripts;
use super::super::values::{to_json, token, unexpected_reply};
use super::keys::{Content, Part};
use super::store::RedisKnowledge;
use crate::store::knowledge::batch::{PointRow, Rows};
use crate::store::knowledge::refusal::{self, ROWS_MAX, StageError};
use morag_core::ports::{Edge, Fact, Node, Revision, StoreError};
use std::time::Duration;

/// How long what is staged is kept after the last call: a day, longer than any step runs.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a revision's owner is remembered, from its first call in a process.
const OWNER_KEPT: Duration = KEPT.saturating_mul(2);

impl RedisKnowledge {
    /// Implements [`morag_core::ports::Knowledge::stage`].
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
            _ => return Err(unexpected_reply(&answer).into()),
        };
        // A refused call changes nothing, so it must not bind the collection to its model either.
        if kind == "points" && points == "0" {
            self.release_model(&revision.collection, &super::keys::holder(revision), false).await?;
        }
        Err(refused.into())
    }

    /// Whether the revision belongs to its collection and document, and to no others.
    pub(super) async fn own(&self, revision: &Revision) -> Result<bool, StoreError> {
        if let Some(owns) = self.running.owns(revision) {
            return Ok(owns);
        }
        let Revision { id, collection, document, .. } = revision;
        let document = format!("{}:{collection}:{document}", collection.len());
        let call = scripts::KnowledgeOwner { owner: self.keys.owner(*id), document, kept: OWNER_KEPT };
        let owns = self.redis.call(call).await?;
        if owns {
            self.running.begin(revision);
        }
        Ok(owns)
    }

    fn stage_call(&self, revision: &Revision, batch: &Rows) -> Result<Call, StoreError> {
        let Revision { id: revision, collection, document, .. } = revision.clone();
        let part = Part::of(&collection, &document);
        let published = self.keys.published(&collection, &document);
        let (staged, ids) = (self.keys.staged(part, revision), self.keys.ids(part, revision));
        let Content { vectors, points, nodes, edges, facts } = self.keys.content(part, revision);
        let (token, kept, rows_max) = (token(), KEPT, ROWS_MAX);
        let mut rows = Vec::new();
        let mut add = |text: String| rows.push(text.into_bytes());
        macro_rules! stage {
            ($script:ident $(, $more:ident)?) => {
                scripts::$script {
                    published, staged, ids, vectors, points, nodes, edges, facts, revision, token, kept, rows_max, $($more,)? rows,
                }
                .into()
            };
        }
        Ok(match batch {
            Rows::Points { dimensions, rows: of, .. } => {
                for PointRow { id, text, payload, vector, length } in of {
                    rows.push(id.clone().into_bytes());
                    rows.push([length.to_le_bytes().as_slice(), vector].concat());
                    rows.push(to_json(&(id, text, payload))?.into_bytes());
                }
                let dimensions = *dimensions;
                stage!(KnowledgeStagePoints, dimensions)
            }
            Rows::Nodes(of) => {
                for (Node { key, name, kind, mentions, .. }, properties) in of {
                    add(key.clone());
                    add(to_json(&(name, kind, mentions, properties))?);
                }
                stage!(KnowledgeStageNodes)
            }
            Rows::Edges(of) => {
                for (Edge { source, target, kind, .. }, properties) in of {
                    add(source.clone());
                    add(target.clone());
                    add(to_json(&(source, target, kind, properties))?);
                }
                stage!(KnowledgeStageEdges)
            }
            Rows::Facts(of) => {
                for (Fact { subject, predicate, object, .. }, properties) in of {
                    add(to_json(&(subject, predicate, object, properties))?);
                }
                stage!(KnowledgeStageFacts)
            }
        })
    }
}
