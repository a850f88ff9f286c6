//! Components that are compiled in a separate process, by the binary `morag`.

use super::hostile::lab::{assert_good, wide_limits};
use morag_core::plugin::{Capability, CompileLimits, Digest, Grant, Limits};
use morag_core::ports::{Blobs as _, StepRunner as _};
use morag_runtime::{
    CodeOrigin, Compiler, CompilerProgram, ConverterCode, EngineOptions, PluginRegistry, PluginRunner, StepEngine,
};
use morag_tests::bombs::{empty_functions, slow_functions};
use morag_tests::guests::write_component;
use morag_tests::sandbox::{Sandbox, guest, services};
use morag_tests::server::{binary, plugins_dir};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// A missing program: any attempt to compile fails with an error.
const NOWHERE: &str = "/nowhere/morag";

fn limits(memory_mib: u64, cpu_seconds: u64) -> CompileLimits {
    CompileLimits { memory_bytes_max: memory_mib << 20, cpu_time_max: Duration::from_secs(cpu_seconds) }
}

fn engine(program: impl AsRef<Path>, limits: CompileLimits) -> StepEngine {
    let engine = StepEngine::new(EngineOptions { instances_max: 4 }).unwrap();
    engine.compiling_by(Compiler::children(CompilerProgram::at(program.as_ref()), limits))
}

/// The error for a component that is refused, with a cache.
async fn refused(engine: StepEngine, wasm: &[u8], cache: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.wasm");
    std::fs::write(&path, wasm).unwrap();
    let grant = |_: &str| Grant::default();
    let loaded = PluginRunner::load(engine, services(folder.path()), Some(cache), vec![path], grant, 1).await;
    let line = loaded.err().expect("it is refused").to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_compiles_runs_here_and_comes_from_the_cache_the_next_time() {
    let (components, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let good = || vec![write_component("good", components.path())];
    let sandbox = Sandbox::load_on(engine(binary(), CompileLimits::default()), good(), wide_limits(), 1).await.unwrap();
    assert_good(&sandbox).await;
    for (program, origin) in [(binary().as_path(), CodeOrigin::Compiled), (Path::new(NOWHERE), CodeOrigin::Cached)] {
        let (engine, services) = (engine(program, CompileLimits::default()), services(components.path()));
        let grant = |_: &str| Grant::default();
        let loaded = PluginRunner::load(engine, services, Some(cache.path()), good(), grant, 1).await;
        let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
        let origins: Vec<_> = loaded.plugins().values().map(|plugin| plugin.origin).collect();
        assert_eq!(origins, [origin]);
    }
}

/// The largest standard step, at a quarter of the limits, so that it has room to grow.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_standard_step_stays_far_below_the_limits() {
    let CompileLimits { memory_bytes_max, cpu_time_max } = CompileLimits::default();
    let limits = CompileLimits { memory_bytes_max: memory_bytes_max / 4, cpu_time_max: cpu_time_max / 4 };
    let (path, folder) = (vec![plugins_dir().join("pdf_conversion.wasm")], tempfile::tempdir().unwrap());
    let grant = |_: &str| Grant::of([Capability::Ocr]);
    let loaded = PluginRunner::load(engine(binary(), limits), services(folder.path()), None, path, grant, 1).await;
    let loaded = loaded.unwrap_or_else(|error| panic!("{error}"));
    let prepared = loaded.plugins()["pdf_conversion"].prepare().await;
    assert!(prepared.is_ok(), "{}", prepared.err().unwrap());
}

/// A converter is described without its optimised code, which is made when a document first needs it and found in the cache later.
#[tokio::test(flavor = "multi_thread")]
async fn a_converter_is_compiled_when_a_document_first_needs_it() {
    let (files, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = || vec![plugins_dir().join("text_conversion.wasm")];
    let load = |program: &Path| {
        let engine = engine(program, CompileLimits::default());
        PluginRunner::load(engine, services(files.path()), Some(cache.path()), paths(), |_| Grant::default(), 1)
    };
    let files_of = |extension: &str| {
        let names = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|found| found == extension)).count()
    };
    let (first, second) = (load(&binary()).await.unwrap(), load(&binary()).await.unwrap());
    let of = |runner: &PluginRunner| runner.plugins()["text_conversion"].clone();
    assert_eq!((of(&first).origin, of(&second).origin), (CodeOrigin::Deferred, CodeOrigin::Deferred));
    assert_eq!(of(&first).descriptor, of(&second).descriptor, "the second is out of the cache");
    assert_eq!((files_of("described"), files_of("cwasm")), (1, 0));
    // Its description is in the cache; its code is not, and this process cannot make it.
    let unable = load(Path::new(NOWHERE)).await.unwrap();
    let said = of(&unable).prepare().await.unwrap_err().to_string();
    assert!(said.contains("the compiler could not be run"), "{said}");
    of(&second).prepare().await.unwrap();
    assert_eq!(files_of("cwasm"), 1);
    of(&unable).prepare().await.unwrap();
    of(&first).prepare().await.unwrap();
    assert_eq!(files_of("cwasm"), 1, "of three that needed it one has compiled it");
}

/// A `morag` that compiles as `binary` does, and notes what it was asked for. `first`: what it does before, in the shell's words.
fn noting_compiler(folder: &Path, first: &str) -> std::path::PathBuf {
    let (path, notes) = (folder.join("morag"), folder.join("tiers"));
    let script =
        format!("#!/bin/sh\necho \"$4\" >> {}\n{first}\nexec {} \"$@\"\n", notes.display(), binary().display());
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// A reload wants its optimised code at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_converter_whose_code_is_wanted_at_once_is_compiled_once() {
    let files = tempfile::tempdir().unwrap();
    let program = noting_compiler(files.path(), "");
    let wasm = bytes::Bytes::from(std::fs::read(plugins_dir().join("text_conversion.wasm")).unwrap());
    for (code, origin, tiers) in [
        (ConverterCode::Now, CodeOrigin::Compiled, "optimised\n"),
        (ConverterCode::WhenNeeded, CodeOrigin::Deferred, "baseline\n"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let (engine, services) = (engine(&program, CompileLimits::default()), services(files.path()));
        let registry = PluginRegistry::new(engine, services, Some(cache.path()), 1).unwrap();
        let plugin = registry.load(wasm.clone(), &Digest::of(&wasm), code, Grant::default()).await.unwrap();
        assert_eq!((plugin.descriptor.name.as_str(), plugin.origin), ("text_conversion", origin));
        let notes = files.path().join("tiers");
        assert_eq!(std::fs::read_to_string(&notes).unwrap(), tiers);
        std::fs::remove_file(notes).unwrap();
    }
}

/// Compiling takes longer than the run that needs the component may take.
#[tokio::test(flavor = "multi_thread")]
async fn compiling_a_converter_takes_no_time_of_the_document_that_first_needs_it() {
    let (files, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = || vec![guest("bundle"), plugins_dir().join("text_conversion.wasm")];
    let able = engine(binary(), CompileLimits::default());
    let granted = |_: &str| Grant {
        limits: Limits { wall_time_max: Duration::from_secs(10), ..Limits::default() },
        ..Grant::of([Capability::Conversion])
    };
    let described =
        PluginRunner::load(able, services(files.path()), Some(cache.path()), paths(), granted, 1).await.unwrap();
    described.plugins()["bundle"].prepare().await.unwrap();
    let slow = engine(noting_compiler(files.path(), "sleep 12"), CompileLimits::default());
    let sandbox = Sandbox::granted_with_cache(slow, paths(), granted, cache.path()).await.unwrap();
    let document = br#"{"parts": [{"name": "a.txt", "text": "one"}, {"name": "b.txt", "text": "two"}]}"#;
    let mut call = sandbox.plain_call("markdown_conversion", document).await;
    std::sync::Arc::make_mut(&mut call.record).source.file_name = "a.bundle".into();
    let report = sandbox.runner.run(call).await;
    let success = report.result.unwrap_or_else(|failure| panic!("{failure:?}"));
    let markdown = &success.artifacts[0];
    let markdown = sandbox.blobs.read(&markdown.path, 0..markdown.artifact.size).await.unwrap();
    assert_eq!(&markdown[..], b"[a.txt: text_conversion|one]\n[b.txt: text_conversion|two]\n");
    assert_eq!(std::fs::read_to_string(files.path().join("tiers")).unwrap(), "optimised\n", "it was compiled then");
}

/// The component is good, and too much for the limits of this server.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_whose_converter_cannot_be_compiled_fails_with_the_reason() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = || vec![plugins_dir().join("text_conversion.wasm")];
    // Fills the cache with its description.
    let (able, services) = (engine(binary(), CompileLimits::default()), services(folder.path()));
    PluginRunner::load(able, services, Some(cache.path()), paths(), |_| Grant::default(), 1).await.unwrap();
    let unable = engine(NOWHERE, CompileLimits::default());
    let sandbox = Sandbox::load_with_cache(unable, paths(), cache.path()).await.unwrap();
    let report = sandbox.runner.run(sandbox.plain_call("text_conversion", b"a document").await).await;
    let failure = report.result.unwrap_err();
    assert_eq!(failure.code, "PLUGIN_NOT_COMPILED");
    assert!(failure.message.contains("text_conversion") && failure.message.contains("could not be run"), "{failure:?}");
    assert!(failure.retryable, "the machine may be short of something now");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_functions_are_refused_before_anything_is_compiled() {
    let cache = tempfile::tempdir().unwrap();
    let engine = engine(NOWHERE, CompileLimits::default());
    let said = refused(engine, &empty_functions(400_000), cache.path()).await;
    assert!(said.contains("it has 400000 functions; a component has at most 100000"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn expensive_components_are_refused_until_the_limits_change() {
    let bomb = slow_functions(1, 10_000, 20_000);
    for (limits, says) in [(limits(4096, 1), "more than 1 s of processor time"), (limits(64, 240), "64 MiB of memory")]
    {
        let cache = tempfile::tempdir().unwrap();
        let said = refused(engine(binary(), limits), &bomb, cache.path()).await;
        assert!(said.contains(says) && !said.contains("known since"), "{said}");
        // Another process, which cannot compile.
        let said = refused(engine(NOWHERE, limits), &bomb, cache.path()).await;
        assert!(said.contains(says) && said.contains("known since") && said.contains(".refused"), "{said}");
        let others = CompileLimits { memory_bytes_max: limits.memory_bytes_max * 2, ..limits };
        let said = refused(engine(NOWHERE, others), &bomb, cache.path()).await;
        assert!(said.contains("the compiler could not be run"), "with other limits it is tried again: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_webassembly_is_refused_and_remembered() {
    let cache = tempfile::tempdir().unwrap();
    // A function whose code pops from an empty stack.
    let mut wasm = empty_functions(1);
    let last = wasm.len() - 2;
    wasm[last] = 0x1a;
    let said = refused(engine(binary(), CompileLimits::default()), &wasm, cache.path()).await;
    assert!(said.contains("not a WebAssembly component"), "{said}");
    let said = refused(engine(NOWHERE, CompileLimits::default()), &wasm, cache.path()).await;
    assert!(said.contains("not a WebAssembly component") && said.contains("known since"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiler_that_cannot_be_run_is_not_the_components_fault() {
    let cache = tempfile::tempdir().unwrap();
    let good = morag_tests::guests::component("good");
    for _ in 0..2 {
        let said = refused(engine(NOWHERE, CompileLimits::default()), good, cache.path()).await;
        assert!(said.contains("the compiler could not be run") && !said.contains("known since"), "{said}");
    }
}
