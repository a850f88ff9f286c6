//! Capability `embeddings`: `morag:step/embeddings`.

use super::capability::{CallContext, CapabilityHost};
use super::items::check_items;
use crate::bindings::morag::step::embeddings::{Host, ModelInfo, add_to_linker};
use crate::budget::{Allowance, take_both};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::{Budget, Capability};
use morag_core::ports::Embedder;
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker};

/// Bytes of text that one call may carry. The WIT says so.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The host's side.
pub(super) struct Embeddings;

struct EmbeddingsState {
    embedder: Arc<dyn Embedder>,
    calls: Allowance,
    bytes: Allowance,
}

impl State for EmbeddingsState {}

impl CapabilityHost for Embeddings {
    fn capability(&self) -> Capability {
        Capability::Embeddings
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(EmbeddingsState {
            embedder: call.services.embedder.clone(),
            calls: call.allowance(Budget::EmbeddingCalls),
            bytes: call.allowance(Budget::EmbeddingBytes),
        })
    }
}

impl Host for Guest {
    async fn model(&mut self) -> wasmtime::Result<ModelInfo> {
        traced(self.calls.begin("embeddings.model"), async {
            let embedder = &self.state::<EmbeddingsState>()?.embedder;
            Ok(ModelInfo { name: embedder.model().to_owned(), dimensions: embedder.dimensions() })
        })
        .await
    }

    async fn embed(&mut self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, CallError> {
        traced(self.calls.begin("embeddings.embed"), async {
            let state = self.state::<EmbeddingsState>()?;
            check_items(&texts)?;
            let bytes = texts.iter().map(String::len).sum::<usize>();
            if bytes > TEXT_BYTES_MAX {
                return Err(CallError::limit(format!("at most {TEXT_BYTES_MAX} bytes of text a call")));
            }
            take_both(&mut state.calls, &mut state.bytes, bytes as u64)?;
            let embedder = state.embedder.clone();
            let vectors = embedder.embed(texts).await?;
            let received = vectors.iter().map(|vector| size_of_val(vector.as_slice()) as u64).sum();
            self.meter.count_in(received).map_err(CallError::limit)?;
            Ok(vectors)
        })
        .await
    }
}
