//! Loading a component: it describes itself, and is linked with what it was granted.
//!
//! A component without formats is needed for every document: it is compiled when it is loaded. A converter is needed for some:
//! it describes itself by baseline code, which is made fast and then discarded, and its optimised code is made when the first
//! document needs it ([`Code`]). What it says of itself is kept in the cache, so that a later start compiles and runs nothing of it.

use crate::cache::CompileCache;
use crate::code::{Code, Deferred, Linked};
use crate::compile;
use crate::compiled::{self, CodeOrigin};
use crate::component_file::{check_kind, is_converter, read};
use crate::describe::describe;
use crate::description::Description;
use crate::engine::StepEngine;
use crate::link::{capability_imports, check_imports, link};
use crate::load_error::{LoadError, LoadErrorReason};
use crate::threads::GuestThreads;
use bytes::Bytes;
use morag_core::plugin::{Capability, ConfigSchema, Descriptor, Digest, Grant, Limits};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::OnceCell;
use tokio::task::{JoinError, spawn_blocking};
use wasmtime::Engine;
use wasmtime::component::Component;

/// When the native code of a converter is made. That of other components is made when they are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConverterCode {
    /// When a document first needs it, or by [`Plugin::prepare`].
    WhenNeeded,
    /// When it is loaded. It describes itself by the same code then, so that it is compiled once.
    Now,
}

/// A loaded component.
pub struct Plugin {
    pub(crate) code: Code,
    /// Its own description.
    pub descriptor: Arc<Descriptor>,
    /// How much a run may take.
    pub limits: Limits,
    /// What the operator allows it.
    pub grant: Arc<Grant>,
    /// Capabilities that it is linked with: those that it asks for, all of which are allowed.
    pub(crate) granted: BTreeSet<Capability>,
    /// Capabilities it imports.
    pub used: BTreeSet<Capability>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Origin of its native code when it was loaded.
    pub origin: CodeOrigin,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.descriptor.name).field("digest", &self.digest).finish()
    }
}

impl Plugin {
    /// Loads a component from a file. `grant` is asked for what the operator allows the step of that name.
    pub(crate) async fn load(
        engine: &StepEngine,
        threads: &GuestThreads,
        cache: Option<&CompileCache>,
        path: &Path,
        code: ConverterCode,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Self, LoadError> {
        let loaded = async {
            let wasm = Bytes::from(read(path)?);
            let digest = Digest::of(&wasm);
            let loader = Loader { engine, threads, cache, digest: digest.as_str(), code, memory_bytes_max: u64::MAX };
            Self::of_bytes(&loader, wasm, grant).await
        };
        loaded.await.map_err(|reason| LoadError::Component { path: path.to_owned(), reason })
    }

    /// Loads a component that has been read. It describes itself on a thread of guests.
    pub(crate) async fn of_bytes(
        loader: &Loader<'_>,
        wasm: Bytes,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Self, LoadErrorReason> {
        check_kind(&wasm)?;
        let &Loader { engine, cache, digest, .. } = loader;
        let size = wasm.len() as u64;
        let (Description { descriptor, used }, optimised) = loader.describe(&wasm).await?;
        let descriptor = Arc::new(descriptor);
        check_schema(&descriptor).await?;
        let grant = grant(&descriptor.name);
        let granted = grant.decide(&descriptor)?;
        if let Some(undeclared) = used.difference(&granted).next() {
            return Err(LoadErrorReason::UndeclaredImport(undeclared.as_str().into()));
        }
        let (code, origin) = match optimised {
            Some((component, origin)) => (Code::Ready(link(engine.inner(), &component, &granted)?), origin),
            None => {
                let (engine, cache, granted) = (engine.clone(), cache.cloned(), granted.clone());
                let deferred = Deferred { engine, cache, digest: digest.to_string(), granted, wasm: Mutex::new(wasm) };
                (Code::Deferred(OnceCell::new(), Box::new(deferred)), CodeOrigin::Deferred)
            }
        };
        let (limits, digest) = (grant.limits.clone(), digest.to_string());
        Ok(Self { code, descriptor, limits, grant: Arc::new(grant), granted, used, digest, size, origin })
    }

    /// Makes its code where it was deferred. Without it the first document that needs the component waits for it.
    ///
    /// # Errors
    /// Why the component cannot be compiled or linked.
    pub async fn prepare(&self) -> Result<(), LoadErrorReason> {
        self.linked().await.map(drop)
    }

    /// Its code, made now if this is the first time that it is needed.
    pub(crate) async fn linked(&self) -> Result<Linked, LoadErrorReason> {
        let started = Instant::now();
        let (linked, made) = self.code.get().await?;
        if let Some(origin) = made {
            tracing::info!(plugin = %self.descriptor.name, digest = %self.digest, code = origin.as_str(),
                elapsed_ms = started.elapsed().as_millis() as u64, "component is needed for the first time");
        }
        Ok(linked.clone())
    }
}

/// What describing a component takes.
pub(crate) struct Loader<'a> {
    pub(crate) engine: &'a StepEngine,
    pub(crate) threads: &'a GuestThreads,
    pub(crate) cache: Option<&'a CompileCache>,
    /// The component's own.
    pub(crate) digest: &'a str,
    pub(crate) code: ConverterCode,
    /// Memory with which it describes itself; never more than the default.
    pub(crate) memory_bytes_max: u64,
}

impl Loader<'_> {
    /// What the component says of itself; with its optimised code, unless that is made when it is first needed.
    async fn describe(&self, wasm: &Bytes) -> Result<(Description, Option<(Component, CodeOrigin)>), LoadErrorReason> {
        let is_converter = is_converter(wasm.clone()).await?;
        if is_converter && self.code == ConverterCode::WhenNeeded {
            if let Some(kept) = self.kept().await? {
                return Ok((kept, None));
            }
            let component = compiled::baseline(self.engine, self.cache, wasm.clone(), self.digest).await?;
            if let Some((component, engine)) = component.zip(self.engine.baseline()) {
                let description = self.ask(engine, &component).await?;
                self.keep(&description).await?;
                return Ok((description, None));
            }
        }
        let made = compiled::component(self.engine, self.cache, wasm.clone(), self.digest).await?;
        let description = self.ask(self.engine.inner(), &made.0).await?;
        if is_converter {
            self.keep(&description).await?;
        }
        Ok((description, Some(made)))
    }

    /// Lets the component describe itself. `engine` is that of its code.
    async fn ask(&self, engine: &Engine, component: &Component) -> Result<Description, LoadErrorReason> {
        check_imports(engine, component)?;
        // Every capability is linked while it describes itself: a call of one traps, for there is no task.
        let everything = Capability::ALL.into_iter().collect();
        let linked = link(engine, component, &everything)?;
        let descriptor = self.threads.run(describe(engine.clone(), linked, self.memory_bytes_max)).await??;
        Ok(Description { descriptor, used: capability_imports(engine, component) })
    }

    /// What it said of itself when it was first loaded.
    async fn kept(&self) -> Result<Option<Description>, JoinError> {
        let Some(cache) = self.cache.cloned() else { return Ok(None) };
        let (engine, digest) = (self.engine.inner().clone(), self.digest.to_owned());
        spawn_blocking(move || cache.description(&engine, &digest, compile::now())).await
    }

    async fn keep(&self, description: &Description) -> Result<(), JoinError> {
        let Some(cache) = self.cache.cloned() else { return Ok(()) };
        let (engine, digest) = (self.engine.inner().clone(), self.digest.to_owned());
        let description = description.clone();
        spawn_blocking(move || cache.keep_description(&engine, &digest, &description)).await
    }
}

/// Compiles the schema of its configuration, to refuse now a component that no pipeline could use. Not on the server's own threads:
/// the schema is untrusted, and takes some ms at its limits.
async fn check_schema(descriptor: &Arc<Descriptor>) -> Result<(), LoadErrorReason> {
    let descriptor = descriptor.clone();
    spawn_blocking(move || ConfigSchema::new(&descriptor.config_schema)).await??;
    Ok(())
}
