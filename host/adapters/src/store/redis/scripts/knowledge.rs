//! Scripts on vectors and graph.

use super::scripts;
use morag_core::task::DocumentId;
use std::time::Duration;
use uuid::Uuid;

scripts! {
    KnowledgeStagePoints("knowledge_stage", "knowledge_stage_points") {
        keys: [published, staged, ids, vectors, points, nodes, edges, facts],
        args: [revision: Uuid, token: String, kept: Duration, rows_max: i64, dimensions: usize],
        more_args: rows,
    }
    KnowledgeStageNodes("knowledge_stage", "knowledge_stage_nodes") {
        keys: [published, staged, ids, vectors, points, nodes, edges, facts],
        args: [revision: Uuid, token: String, kept: Duration, rows_max: i64],
        more_args: rows,
    }
    KnowledgeStageEdges("knowledge_stage", "knowledge_stage_edges") {
        keys: [published, staged, ids, vectors, points, nodes, edges, facts],
        args: [revision: Uuid, token: String, kept: Duration, rows_max: i64],
        more_args: rows,
    }
    KnowledgeStageFacts("knowledge_stage", "knowledge_stage_facts") {
        keys: [published, staged, ids, vectors, points, nodes, edges, facts],
        args: [revision: Uuid, token: String, kept: Duration, rows_max: i64],
        more_args: rows,
    }
    KnowledgeState("knowledge_state") {
        keys: [published, documents, staged],
        args: [revision: Uuid, document: DocumentId],
    }
    KnowledgePublish("knowledge_publish") {
        keys: [published, documents, staged, ids, vectors, points, nodes, edges, facts],
        // Content of the revision that is replaced.
        more_keys: replaced,
        args: [
            revision: Uuid,
            document: DocumentId,
            /// What the document held when the caller looked.
            seen: String,
            /// Fewest calls that must have staged something.
            calls_min: u64,
            /// Published revisions that are remembered, and for how long once the document is empty.
            remembered_max: i64,
            remembered: Duration,
        ],
    }
    KnowledgeDiscard("knowledge_discard") {
        keys: [published],
        more_keys: staged_keys,
        args: [revision: Uuid],
    }
    KnowledgeOwner("knowledge_owner") {
        keys: [owner],
        args: [
            /// Collection and document.
            document: String,
            kept: Duration,
        ],
    }
    KnowledgeReserve("exact", "now", "knowledge_reserve") {
        keys: [model, holders],
        args: [
            now: Option<i64>,
            holder: String,
            wanted_model: String,
            dimensions: usize,
            held: Duration,
            /// Expired holders that are removed at most.
            removed_max: usize,
        ],
    }
    KnowledgePin("now", "knowledge_pin") {
        keys: [holders],
        args: [now: Option<i64>, holder: String],
    }
    KnowledgeRelease("knowledge_release") {
        keys: [model, holders],
        args: [holder: String, even_pinned: bool],
    }
    KnowledgeNodeKeys("knowledge_node_keys") {
        keys: [nodes],
        args: [position: String, count: usize],
    }
}
