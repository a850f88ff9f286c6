//! What a guest can call: `task` and `log`, which every step has, and the capabilities, one file or folder each.
//!
//! [`ALL`] is the list of capabilities; nothing else in the runtime names one. To add a capability, see `docs/extending.md`.

mod capability;
mod completions;
mod conversion;
mod embeddings;
mod graph;
mod http;
mod items;
mod kv;
mod log;
mod ocr;
mod secrets;
mod staging;
pub(crate) mod task;
mod transcription;
mod vectors;

pub(crate) use capability::{CallContext, CapabilityHost};
pub(crate) use staging::StagedWrites;

use crate::bindings::morag::step as wit;
use crate::call_error::CallError;
use crate::guest::{Guest, Instance, NotUsable};
use crate::state::State;
use crate::store::HOSTCALL_BYTES_MAX;
use morag_core::plugin::Capability;
use morag_core::ports::CapabilityError;
use std::collections::BTreeSet;
use wasmtime::component::{HasSelf, Linker};

/// Every capability, in the order of [`Capability::ALL`].
pub(crate) const ALL: [&dyn CapabilityHost; Capability::ALL.len()] = [
    &embeddings::Embeddings,
    &vectors::Vectors,
    &graph::Graph,
    &completions::Completions,
    &transcription::Transcription,
    &kv::Kv,
    &secrets::Secrets,
    &conversion::Conversion,
    &ocr::Ocr,
    &http::Http,
];

fn of(granted: &BTreeSet<Capability>) -> impl Iterator<Item = &'static dyn CapabilityHost> {
    ALL.into_iter().filter(|host| granted.contains(&host.capability()))
}

/// Links WASI without anything behind it, `task` and `log`, and the granted capabilities. Nothing else.
/// Each is linked by [`Instance::called`], which counts its calls.
pub(crate) fn link(linker: &mut Linker<Instance>, granted: &BTreeSet<Capability>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wit::task::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?;
    wit::log::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?;
    wit::capability::add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)?;
    of(granted).try_for_each(|host| host.link(linker))
}

/// The states of the granted capabilities at the beginning of a call.
pub(crate) fn start(granted: &BTreeSet<Capability>, call: &CallContext<'_>) -> impl Iterator<Item = Box<dyn State>> {
    of(granted).map(|host| host.start(call))
}

/// Whether writes of a component with these capabilities are staged.
pub(crate) fn is_staging(granted: &BTreeSet<Capability>) -> bool {
    of(granted).any(CapabilityHost::is_staging)
}

/// Bytes of host memory for the arguments or results of one call of a component with these capabilities.
pub(crate) fn hostcall_bytes_max(granted: &BTreeSet<Capability>) -> usize {
    of(granted).map(CapabilityHost::hostcall_bytes_max).fold(HOSTCALL_BYTES_MAX, usize::max)
}

/// The capability that a component imports by this name.
pub(crate) fn imported(import: &str) -> Option<Capability> {
    ALL.into_iter().find(|host| host.is_import(import)).map(CapabilityHost::capability)
}

impl wit::capability::Host for Guest {
    fn convert_error(&mut self, error: CallError) -> wasmtime::Result<wit::capability::Error> {
        match error {
            CallError::Trap(error) => Err(error),
            CallError::Refused(CapabilityError::Invalid(text)) => Ok(wit::capability::Error::Invalid(text)),
            CallError::Refused(CapabilityError::Limit(text)) => Ok(wit::capability::Error::Limit(text)),
            CallError::Refused(CapabilityError::Unavailable(text)) => {
                self.not_usable = None;
                Ok(wit::capability::Error::Unavailable(text))
            }
            CallError::Refused(CapabilityError::NotUsable { code, text }) => {
                self.not_usable = Some(NotUsable { code, text: text.clone() });
                Ok(wit::capability::Error::Unavailable(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_its_host() {
        assert_eq!(ALL.map(CapabilityHost::capability), Capability::ALL);
    }

    #[test]
    fn a_capability_is_found_by_the_name_of_its_import() {
        for (import, found) in [
            ("morag:step/kv@1.1.0", Some(Capability::Kv)),
            ("morag:step/kv", Some(Capability::Kv)),
            ("wasi:http/outgoing-handler@0.2.3", Some(Capability::Http)),
            ("morag:step/http@1.1.0", None),
            ("morag:step/task@1.1.0", None),
            ("wasi:io/streams@0.2.3", None),
            ("evil:pkg/kv@1.1.0", None),
        ] {
            assert_eq!(imported(import), found, "{import}");
        }
    }

    #[test]
    fn only_what_is_granted_is_linked() {
        let engine = wasmtime::Engine::default();
        for granted in Capability::ALL {
            let mut linker = Linker::new(&engine);
            link(&mut linker, &[granted].into()).unwrap();
            for host in ALL {
                // A function that is linked already cannot be linked again.
                let is_linked = host.link(&mut linker).is_err();
                assert_eq!(is_linked, host.capability() == granted, "{granted:?} {:?}", host.capability());
            }
        }
    }
}
