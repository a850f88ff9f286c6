//! What the knowledge store holds of a saga's documents, against what the histories of their tasks say.

use morag_core::ports::{Knowledge, KnowledgeCounts};
use morag_core::task::DocumentId;
use serde_json::Value;

/// What a task says it has stored.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) task: String,
    document: DocumentId,
    collection: String,
    counts: KnowledgeCounts,
}

impl Contents {
    /// From the event of a completed step; none where the step stored nothing.
    pub(super) fn told(task: &str, document: &str, event: &Value) -> Option<Self> {
        let data = &event["metadata"]["data"];
        let collection = data["database_collection"].as_str()?.to_owned();
        let count = |key: &str| data[key].as_u64().unwrap_or_else(|| panic!("{task} does not tell {key}"));
        let counts = KnowledgeCounts {
            points: count("embeddings_stored"),
            nodes: count("entities_stored"),
            edges: count("relations_stored"),
            facts: count("facts_stored"),
        };
        let document = DocumentId::try_from(document.to_owned()).expect("a document's id");
        Some(Self { task: task.to_owned(), document, collection, counts })
    }

    /// How the store differs, if it does.
    pub(super) async fn difference(&self, knowledge: &dyn Knowledge) -> Option<String> {
        let found = knowledge.counts(&self.collection, Some(&self.document)).await.expect("counts");
        (found != self.counts).then(|| format!("{:?} are told, {found:?} are stored", self.counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_adapters::store::sqlite::SqliteKnowledge;
    use serde_json::json;

    #[tokio::test]
    async fn a_store_that_holds_less_than_is_told_differs() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteKnowledge::open(&folder.path().join("knowledge.db"), None).expect("a store");
        let told = |points: u64| {
            let counts = json!({
                "database_collection": "documents", "embeddings_stored": points, "entities_stored": 0,
                "relations_stored": 0, "facts_stored": 0,
            });
            Contents::told("task", "document", &json!({ "metadata": { "data": counts } })).expect("a step that stores")
        };
        assert_eq!(told(0).difference(&store).await, None);
        assert!(told(1).difference(&store).await.is_some());
        assert!(Contents::told("task", "document", &json!({ "metadata": { "data": {} } })).is_none());
    }
}
