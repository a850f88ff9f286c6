//! Compares the content of the knowledge store with the tasks' histories.

use morag_core::ports::{Knowledge, KnowledgeCounts};
use morag_core::task::DocumentId;
use serde_json::Value;

/// Stored content according to a task.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) task: String,
    document: DocumentId,
    collection: String,
    counts: KnowledgeCounts,
}

impl Contents {
    /// From the event of a completed step; `None` if the step stored nothing.
    pub(super) fn reported(task: &str, document: &str, event: &Value) -> Option<Self> {
        let data = &event["metadata"]["data"];
        let collection = data["database_collection"].as_str()?.to_owned();
        let count = |key: &str| data[key].as_u64().unwrap_or_else(|| panic!("{task} does not report {key}"));
        let counts = KnowledgeCounts {
            points: count("embeddings_stored"),
            nodes: count("entities_stored"),
            edges: count("relations_stored"),
            facts: count("facts_stored"),
        };
        let document = DocumentId::try_from(document.to_owned()).expect("a document's id");
        Some(Self { task: task.to_owned(), document, collection, counts })
    }

    /// Difference from the store, if any.
    pub(super) async fn difference(&self, knowledge: &dyn Knowledge) -> Option<String> {
        let found = knowledge.counts(&self.collection, Some(&self.document)).await.expect("counts");
        (found != self.counts).then(|| format!("{:?} are reported, {found:?} are stored", self.counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_adapters::store::sqlite::SqliteKnowledge;
    use serde_json::json;

    #[tokio::test]
    async fn a_store_with_less_than_reported_differs() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteKnowledge::open(&folder.path().join("knowledge.db"), None).expect("a store");
        let reported = |points: u64| {
            let counts = json!({
                "database_collection": "documents", "embeddings_stored": points, "entities_stored": 0,
                "relations_stored": 0, "facts_stored": 0,
            });
            Contents::reported("task", "document", &json!({ "metadata": { "data": counts } }))
                .expect("a step that stores")
        };
        assert_eq!(reported(0).difference(&store).await, None);
        assert!(reported(1).difference(&store).await.is_some());
        assert!(Contents::reported("task", "document", &json!({ "metadata": { "data": {} } })).is_none());
    }
}
