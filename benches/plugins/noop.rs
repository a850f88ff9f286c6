//! Instantiates, calls and drops a step that does nothing: ours with limits, log, guest threads and report. The baselines are raw wasmtime
//! (pooling, async, WASI linked) with the same component in the same process, on the caller's thread and on other threads, and Extism with
//! a module of its own.

use crate::extism::Extism;
use crate::measure::{Took, line, ratio, steps, take_turns};
use morag_core::plugin::Limits;
use morag_tests::sandbox::{Sandbox, guest};
use std::sync::Arc;
use tokio::runtime::Runtime;
use wasmtime::component::{Component, ComponentType, InstancePre, Lift, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

/// Measured rounds, and calls in each.
const ROUNDS: usize = 30;
const CALLS: u32 = 300;

/// Result of a step, as the interface defines it.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Outcome {
    #[expect(dead_code, reason = "lifted, as in ours, and not read")]
    data: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "lifted, as in ours, and not read")]
struct Failure {
    code: String,
    message: String,
    details: String,
    retryable: bool,
}

struct Raw {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Raw {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The component linked with WASI alone: the step imports none of our interfaces.
fn raw() -> wasmtime::Result<(Engine, InstancePre<Raw>)> {
    let mut pool = PoolingAllocationConfig::default();
    // The same settings as ours: the bench measures our overhead, not a setting.
    pool.linear_memory_keep_resident(4 << 20).decommit_batch_size(1);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, guest("noop"))?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let pre = linker.instantiate_pre(&component)?;
    Ok((engine, pre))
}

async fn raw_call(engine: &Engine, pre: &InstancePre<Raw>) -> wasmtime::Result<()> {
    let state = Raw { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
    let mut store = Store::new(engine, state);
    let instance = pre.instantiate_async(&mut store).await?;
    let name = "morag:step/step@1.1.0";
    let step = instance.get_export_index(&mut store, None, name).ok_or_else(|| wasmtime::format_err!("no {name}"))?;
    let run =
        instance.get_export_index(&mut store, Some(&step), "run").ok_or_else(|| wasmtime::format_err!("no run"))?;
    let run = instance.get_typed_func::<(), (Result<Outcome, Failure>,)>(&mut store, run)?;
    let (result,) = run.call_async(&mut store, ()).await?;
    result.map(drop).map_err(|_| wasmtime::format_err!("the step failed"))
}

/// Measures and prints.
///
/// # Errors
/// If a guest or the program of Extism is missing.
pub fn run(runtime: &Runtime) -> anyhow::Result<()> {
    let sandbox = runtime.block_on(Sandbox::load(vec![guest("noop")], Limits::default()))?;
    let mut call = runtime.block_on(sandbox.call("none", b"document"));
    call.components = vec!["noop".into()];
    let (engine, pre) = raw().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let raw_of_threads = raw().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let mut extism = Extism::start()?;

    let mut ours = steps(runtime, &sandbox, &call);
    let mut raw = |calls| {
        Took::of(|| {
            runtime.block_on(async {
                for _ in 0..calls {
                    raw_call(&engine, &pre).await.map_err(|error| anyhow::anyhow!("{error:#}"))?;
                }
                Ok(())
            })
        })
    };
    // The same on other threads than the caller's, where guests must run: the cost of the thread switch alone.
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let shared = Arc::new(raw_of_threads);
    let mut raw_apart = |calls| {
        Took::of(|| {
            runtime.block_on(async {
                for _ in 0..calls {
                    let shared = shared.clone();
                    let call = threads.spawn(async move { raw_call(&shared.0, &shared.1).await });
                    call.await?.map_err(|error| anyhow::anyhow!("{error:#}"))?;
                }
                Ok(())
            })
        })
    };
    let mut extism = |calls| extism.calls(calls);
    let [ours, raw, raw_apart, extism] = take_turns(ROUNDS, CALLS, [&mut ours, &mut raw, &mut raw_apart, &mut extism])?;
    println!("instantiate, call and drop a step that does nothing");
    line("ours (StepRunner::run)", ours);
    line("baseline: raw wasmtime, async", raw);
    line("baseline: raw wasmtime, on other threads", raw_apart);
    line("baseline: Extism, an empty module", extism);
    ratio("ours : raw wasmtime (at most 1.15)", ours, raw);
    ratio("ours : raw wasmtime on other threads", ours, raw_apart);
    ratio("Extism : ours (at least 2.8)", extism, ours);
    Ok(())
}
