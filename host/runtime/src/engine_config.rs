//! Settings of wasmtime that compiling and running share.

use wasmtime::{Config, Engine};

/// Stack of a guest. Deep recursion in a parser of nested documents needs more than wasmtime's own 512 KiB; the fibre
/// that carries it is [`FIBRE_STACK_BYTES`].
pub(crate) const WASM_STACK_BYTES: usize = 1 << 20;

/// Stack of the fibre: the guest's and 1 MiB for the host functions it calls.
const FIBRE_STACK_BYTES: usize = 2 << 20;

/// The settings that decide how components are compiled. The allocation of instances does not, so it is not here.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBRE_STACK_BYTES)
        .wasm_memory64(false)
        .concurrency_support(false);
    config
}

/// An engine that only compiles, without memory for instances: its code fits every engine of this program.
pub(crate) fn for_compiling() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}
