//! From the bytes of a component to what can be linked: out of the cache, or compiled, or refused for what is known already.

use crate::cache::CompileCache;
use crate::compile::{self, CompileError, check_size};
use crate::engine::StepEngine;
use bytes::Bytes;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::Component;

/// A component that can be linked. `digest` must be its own.
///
/// # Errors
/// Why it is not compiled. What would fail again is remembered in the cache, if there is one.
pub(crate) async fn component(
    engine: &StepEngine,
    cache: Option<&CompileCache>,
    wasm: Bytes,
    digest: &str,
) -> Result<Component, CompileError> {
    let Some(cache) = cache else {
        let wasm = counted(wasm).await?;
        let code = engine.compiler().compile(engine.inner(), wasm).await?;
        return runnable(engine.inner(), code).await;
    };
    if let Some(component) = kept(engine, cache, digest).await? {
        return Ok(component);
    }
    let wasm = counted(wasm).await?;
    let refusals = cache.refusals(engine.inner(), digest, engine.compiler().limits());
    let turn = match refusals {
        Some(refusals) => {
            let taken = blocking(move || {
                let turn = refusals.begin(compile::now());
                // It may have been refused while this one waited for its turn.
                match refusals.remembered(compile::now()) {
                    Some(refused) => Err(refused),
                    None => turn,
                }
            });
            Some(taken.await??)
        }
        None => None,
    };
    // Or compiled.
    if let Some(component) = kept(engine, cache, digest).await? {
        return Ok(component);
    }
    let compiled = engine.compiler().compile(engine.inner(), wasm).await;
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
    made
}

async fn kept(engine: &StepEngine, cache: &CompileCache, digest: &str) -> Result<Option<Component>, CompileError> {
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
        // nobody else speaks to. That its engine is set up as this one is checked by wasmtime.
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
