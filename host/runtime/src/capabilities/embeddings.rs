//! `morag:step/embeddings`.

use super::{check_items, wit_error};
use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::embeddings::{Host, ModelInfo};
use crate::guest::Guest;
use morag_core::ports::CapabilityError;

/// Text one call may carry; the WIT says so.
const TEXT_BYTES_MAX: usize = 1 << 20;

impl Host for Guest {
    async fn model(&mut self) -> wasmtime::Result<ModelInfo> {
        let embedder = &self.scope()?.services.embedder;
        Ok(ModelInfo { name: embedder.model().to_owned(), dimensions: embedder.dimensions() })
    }

    async fn embed(&mut self, texts: Vec<String>) -> wasmtime::Result<Result<Vec<Vec<f32>>, Error>> {
        let scope = self.scope()?;
        let embedder = scope.services.embedder.clone();
        if let Err(error) = check_items(&texts) {
            return Ok(Err(wit_error(error)));
        }
        let bytes = texts.iter().map(String::len).sum::<usize>();
        if bytes > TEXT_BYTES_MAX {
            let error = CapabilityError::Limit(format!("at most {TEXT_BYTES_MAX} bytes of text a call"));
            return Ok(Err(wit_error(error)));
        }
        if let Err(error) = scope.budget.embed(bytes as u64) {
            return Ok(Err(wit_error(error)));
        }
        let vectors = match embedder.embed(texts).await {
            Ok(vectors) => vectors,
            Err(error) => return Ok(Err(wit_error(error))),
        };
        let brought = vectors.iter().map(|vector| size_of_val(vector.as_slice()) as u64).sum();
        match self.meter.count_in(brought) {
            Ok(()) => Ok(Ok(vectors)),
            Err(text) => Ok(Err(Error::Limit(text))),
        }
    }
}
