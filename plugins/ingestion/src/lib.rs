//! Embeds chunks and stores them with the graph.
//!
//! Reads `chunks.json`, and `graph.json` and `metadata.json` where an earlier step has written them. Everything is staged
//! through the host's capabilities `embeddings`, `vectors` and `graph`; the host replaces the stored document by it in one
//! commit when the step succeeds, so a failure anywhere in here leaves the old document whole.
//!
//! - [`input`]: what is read of the artifacts.
//! - [`parts`]: chunks into texts to embed, and texts into batches. Pure.
//! - [`records`]: points, nodes, edges and facts as the host takes them, within its limits. Pure.
//! - [`store`]: the step itself.

pub mod input;
pub mod parts;
pub mod records;
pub mod store;

use morag_step::{Data, Descriptor, Failure, Step, host, json};
use store::Stores;

/// The step.
pub struct Ingestion;

impl Step for Ingestion {
    fn describe() -> Descriptor {
        Descriptor::new("ingestion", env!("CARGO_PKG_VERSION"), "Embeds chunks and stores them with the graph")
            .reads("chunks.json")
            .reads_if_present("graph.json")
            .reads_if_present("metadata.json")
            .wants("embeddings")
            .wants("vectors")
            .wants("graph")
            .configured_by(json!({ "type": "object", "additionalProperties": false }))
    }

    fn run() -> Result<Data, Failure> {
        let stores =
            Stores { embeddings: &host::EmbeddingsHandle, vectors: &host::VectorsHandle, graph: &host::GraphHandle };
        store::ingest(&host::TaskHandle, &stores)
    }
}

morag_step::export_step!(Ingestion);
