//! Instantiate, call and drop a step that does nothing: ours with limits, log, guest threads and report, beside raw
//! wasmtime (pooling, async, WASI linked) doing the same with the same component in the same process.
//!
//! Needs `cargo xtask plugins --guests`.

use criterion::{Criterion, criterion_group, criterion_main};
use morag_core::plugin::Limits;
use morag_core::ports::StepRunner as _;
use morag_tests::sandbox::{Sandbox, guest};
use tokio::runtime::Runtime;
use wasmtime::component::{Component, InstancePre, Linker, Val};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

struct Raw {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Raw {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The component linked with WASI alone: the step that does nothing imports nothing of ours.
fn raw() -> (Engine, InstancePre<Raw>) {
    let mut pool = PoolingAllocationConfig::default();
    pool.linear_memory_keep_resident(4 << 20);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).expect("an engine");
    let wasm = std::fs::read(guest("noop")).expect("the guest");
    let component = Component::new(&engine, &wasm).expect("it compiles");
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI links");
    let pre = linker.instantiate_pre(&component).expect("it links");
    (engine, pre)
}

async fn raw_call(engine: &Engine, pre: &InstancePre<Raw>) {
    let state = Raw { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
    let mut store = Store::new(engine, state);
    let instance = pre.instantiate_async(&mut store).await.expect("an instance");
    let step = instance.get_export_index(&mut store, None, "morag:step/step@1.0.0").expect("the interface");
    let run = instance.get_export_index(&mut store, Some(&step), "run").expect("the function");
    let run = instance.get_func(&mut store, run).expect("the function");
    let mut results = [Val::Bool(false)];
    run.call_async(&mut store, &[], &mut results).await.expect("it returns");
    assert!(matches!(results[0], Val::Result(Ok(_))));
}

fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let sandbox = runtime.block_on(Sandbox::load(vec![guest("noop")], Limits::default())).expect("the guest loads");
    let mut call = runtime.block_on(sandbox.call("none", b"document"));
    call.component = "noop".into();
    let (engine, pre) = raw();

    let mut group = criterion.benchmark_group("instantiate, call, drop");
    group.bench_function("ours: StepRunner::run", |bencher| {
        bencher.to_async(&runtime).iter(|| async { assert!(sandbox.runner.run(call.clone()).await.result.is_ok()) });
    });
    group.bench_function("outside us: raw wasmtime", |bencher| {
        bencher.to_async(&runtime).iter(|| raw_call(&engine, &pre));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
