//! From the bytes of a component to one that can be linked: out of the cache, or compiled, or refused for a remembered reason.

use crate::cache::CompileCache;
use crate::compile::{self, CompileError, Turn, check_size};
use crate::engine::StepEngine;
use crate::engine_config::Tier;
use bytes::Bytes;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Origin of a component's native code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeOrigin {
    /// It was compiled now.
    Compiled,
    /// It was in the compile cache.
    Cached,
    /// It is made when a document first needs it.
    Deferred,
}

impl CodeOrigin {
    /// Its name in logs: `compiled`, `cached` or `deferred`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Cached => "cached",
            Self::Deferred => "deferred",
        }
    }
}

/// A component that can be linked, with optimised code and its origin. `digest` must be its own.
///
/// # Errors
/// Why it is not compiled. A failure that would happen again is remembered in the cache, if there is one.
pub(crate) async fn component(
    engine: &StepEngine,
    cache: Option<&CompileCache>,
    wasm: Bytes,
    digest: &str,
) -> Result<(Component, CodeOrigin), CompileError> {
    let Some(cache) = cache else {
        let wasm = counted(wasm).await?;
        let code = engine.compiler().compile(engine.inner(), Tier::Optimised, wasm).await?;
        return Ok((runnable(engine.inner(), code).await?, CodeOrigin::Compiled));
    };
    if let Some(component) = cached(engine, cache, digest).await? {
        return Ok((component, CodeOrigin::Cached));
    }
    let wasm = counted(wasm).await?;
    let turn = turn(engine, engine.inner(), cache, digest).await?;
    // Another process may have compiled it meanwhile.
    if let Some(component) = cached(engine, cache, digest).await? {
        return Ok((component, CodeOrigin::Cached));
    }
    let compiled = engine.compiler().compile(engine.inner(), Tier::Optimised, wasm).await;
    let made = match compiled {
        Ok(code) => {
            let (cache, inner, digest) = (cache.clone(), engine.inner().clone(), digest.to_owned());
            let code = blocking(move || {
                cache.write(&inner, &digest, &code);
                code
            });
            runnable(engine.inner(), code.await?).await
        }
        Err(error) => Err(error),
    };
    if let Some(turn) = turn {
        turn.end(made.as_ref().err(), compile::now());
    }
    Ok((made?, CodeOrigin::Compiled))
}

/// A component with baseline code, which is not kept; none where it has no such code, and must have optimised code to be run at all:
/// the processor or the component is beyond the baseline compiler, now or by a remembered refusal. `digest` must be its own.
///
/// # Errors
/// Why it was not compiled this time, though it may be the next: the machine was short of something.
pub(crate) async fn baseline(
    engine: &StepEngine,
    cache: Option<&CompileCache>,
    wasm: Bytes,
    digest: &str,
) -> Result<Option<Component>, CompileError> {
    let Some(inner) = engine.baseline() else { return Ok(None) };
    let wasm = counted(wasm).await?;
    let turn = match cache {
        Some(cache) => match turn(engine, inner, cache, digest).await {
            Ok(turn) => turn,
            Err(CompileError::Remembered { .. }) => return Ok(None),
            Err(error) => return Err(error),
        },
        None => None,
    };
    let made = match engine.compiler().compile(inner, Tier::Baseline, wasm).await {
        Ok(code) => runnable(inner, code).await,
        Err(error) => Err(error),
    };
    if let Some(turn) = turn {
        turn.end(made.as_ref().err(), compile::now());
    }
    match made {
        Ok(component) => Ok(Some(component)),
        // As at a later start, which finds it remembered: what is beyond one compiler is not beyond the other.
        Err(error) if error.is_final() => {
            tracing::debug!(digest, %error, "no baseline code for a component: its optimised code is compiled now");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The turn to compile a component for one of the engines; none where the cache's folder cannot be trusted.
///
/// # Errors
/// The remembered refusal.
async fn turn(
    engine: &StepEngine,
    inner: &Engine,
    cache: &CompileCache,
    digest: &str,
) -> Result<Option<Turn>, CompileError> {
    let Some(refusals) = cache.refusals(inner, digest, engine.compiler().limits()) else { return Ok(None) };
    let taken = blocking(move || {
        let turn = refusals.begin(compile::now());
        // Another process may have refused it while this one waited.
        match refusals.remembered(compile::now()) {
            Some(refused) => Err(refused),
            None => turn,
        }
    });
    taken.await?.map(Some)
}

async fn cached(engine: &StepEngine, cache: &CompileCache, digest: &str) -> Result<Option<Component>, CompileError> {
    let (cache, engine, digest) = (cache.clone(), engine.inner().clone(), digest.to_owned());
    blocking(move || cache.read(&engine, &digest, compile::now())).await
}

async fn counted(wasm: Bytes) -> Result<Bytes, CompileError> {
    blocking(move || check_size(&wasm).map(|()| wasm)).await?
}

async fn runnable(engine: &Engine, code: Vec<u8>) -> Result<Component, CompileError> {
    let engine = engine.clone();
    blocking(move || {
        // SAFETY: the compiler of this program has just made it, in this process or in one that this process started and that
        // has no other connection. That its engine is set up as this one is checked by wasmtime.
        #[expect(unsafe_code, reason = "wasmtime cannot check native code; this is our own compiler's")]
        let component = unsafe { Component::deserialize(&engine, &code) };
        component.map_err(|error| CompileError::NotRun(format!("its code is not for this server: {error:#}")))
    })
    .await?
}

/// Work that holds a thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CompileError> {
    spawn_blocking(work).await.map_err(|failed| CompileError::NotRun(failed.to_string()))
}
