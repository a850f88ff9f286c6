//! Native code of a component, linked with what it was granted: there from the start, or made when a document first needs it.

use crate::bindings::ProcessingStepPre;
use crate::cache::CompileCache;
use crate::compiled::{self, CodeOrigin};
use crate::engine::StepEngine;
use crate::guest::Instance;
use crate::link::link;
use crate::load_error::LoadErrorReason;
use bytes::Bytes;
use morag_core::plugin::Capability;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::OnceCell;

/// A component that can be instantiated.
pub(crate) type Linked = ProcessingStepPre<Instance>;

/// Native code of one component.
pub(crate) enum Code {
    /// It is there.
    Ready(Linked),
    /// It is made when it is first needed. Calls that need it at once wait for one compilation.
    Deferred(OnceCell<Linked>, Box<Deferred>),
}

/// A component that is not compiled yet.
pub(crate) struct Deferred {
    pub(crate) engine: StepEngine,
    pub(crate) cache: Option<CompileCache>,
    pub(crate) digest: String,
    pub(crate) granted: BTreeSet<Capability>,
    /// The component, until it is compiled: at most [`COMPONENT_BYTES_MAX`]. Its file may be another by then.
    ///
    /// [`COMPONENT_BYTES_MAX`]: morag_core::plugin::COMPONENT_BYTES_MAX
    pub(crate) wasm: Mutex<Bytes>,
}

impl Code {
    /// The code, and its origin where this call made it.
    ///
    /// # Errors
    /// Why it cannot be made. A later call tries again; a failure that would happen again is remembered in the cache.
    pub(crate) async fn get(&self) -> Result<(&Linked, Option<CodeOrigin>), LoadErrorReason> {
        let (cell, deferred) = match self {
            Self::Ready(linked) => return Ok((linked, None)),
            Self::Deferred(cell, deferred) => (cell, deferred),
        };
        let mut made = None;
        let make = async || {
            let (linked, origin) = deferred.make().await?;
            made = Some(origin);
            Ok::<_, LoadErrorReason>(linked)
        };
        let linked = cell.get_or_try_init(make).await?;
        Ok((linked, made))
    }
}

impl Deferred {
    async fn make(&self) -> Result<(Linked, CodeOrigin), LoadErrorReason> {
        let wasm = self.wasm.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (component, origin) = compiled::component(&self.engine, self.cache.as_ref(), wasm, &self.digest).await?;
        let linked = link(self.engine.inner(), &component, &self.granted)?;
        *self.wasm.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::new();
        Ok((linked, origin))
    }
}
