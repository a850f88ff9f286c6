//! What a guest can call, one file a WIT import. Each links itself; [`link`] decides which.

mod completions;
mod embeddings;
mod graph;
pub(crate) mod http;
mod kv;
mod log;
mod secrets;
pub(crate) mod task;
mod transcription;
mod vectors;

use crate::bindings::morag::step as wit;
use crate::guest::{Guest, Instance};
use morag_core::plugin::Capability;
use morag_core::ports::CapabilityError;
use std::collections::BTreeSet;
use wasmtime::component::{HasSelf, Linker};

/// Items one call may carry: bounds the memory of a call; the WIT says so.
const ITEMS_MAX: usize = 256;

/// Bytes of JSON one item may carry; the WIT says so.
const JSON_BYTES_MAX: usize = 64 << 10;

/// Links WASI without anything behind it, `task` and `log`, and the granted capabilities. Nothing else.
/// Each is linked by [`Instance::called`], which counts its calls.
pub(crate) fn link(linker: &mut Linker<Instance>, granted: &BTreeSet<Capability>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wit::task::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?;
    wit::log::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?;
    wit::capability::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?;
    for capability in granted {
        match capability {
            Capability::Embeddings => wit::embeddings::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?,
            Capability::Vectors => wit::vectors::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?,
            Capability::Graph => wit::graph::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?,
            Capability::Completions => wit::completions::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?,
            Capability::Transcription => {
                wit::transcription::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?
            }
            Capability::Kv => wit::kv::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?,
            Capability::Secrets => wit::secrets::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?,
            Capability::Http => wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?,
        }
    }
    Ok(())
}

impl wit::capability::Host for Guest {}

fn wit_error(error: CapabilityError) -> wit::capability::Error {
    match error {
        CapabilityError::Invalid(text) => wit::capability::Error::Invalid(text),
        CapabilityError::Limit(text) => wit::capability::Error::Limit(text),
        CapabilityError::Unavailable(text) => wit::capability::Error::Unavailable(text),
    }
}

/// Parses the JSON object text of an item.
fn properties(text: &str) -> Result<morag_core::JsonObject, CapabilityError> {
    if text.len() > JSON_BYTES_MAX {
        return Err(CapabilityError::Limit(format!("at most {JSON_BYTES_MAX} bytes of JSON an item")));
    }
    serde_json::from_str(text).map_err(|error| CapabilityError::Invalid(format!("not a JSON object: {error}")))
}

/// Refuses a call with too many items.
fn check_items<T>(items: &[T]) -> Result<(), CapabilityError> {
    match items.len() <= ITEMS_MAX {
        true => Ok(()),
        false => Err(CapabilityError::Limit(format!("at most {ITEMS_MAX} items a call"))),
    }
}
