//! Settings of wasmtime that compiling and running share.

use wasmtime::{Config, Engine, Strategy};

/// How much work goes into native code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// By Cranelift: what steps run on.
    Optimised,
    /// By Winch, in one pass: made many times faster, and slower when it runs. Only for a component's description of itself. It takes
    /// less of WebAssembly than Cranelift, and not every processor.
    Baseline,
}

impl Tier {
    /// Its name, as the compiling process takes it: `optimised` or `baseline`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Optimised => "optimised",
            Self::Baseline => "baseline",
        }
    }
}

impl std::str::FromStr for Tier {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = [Self::Optimised, Self::Baseline].into_iter().find(|tier| tier.as_str() == name);
        named.ok_or("a tier is optimised or baseline")
    }
}

/// Stack of a guest. Deep recursion in a parser of nested documents needs more than wasmtime's own 512 KiB; the fibre
/// that carries it is [`FIBRE_STACK_BYTES`].
pub(crate) const WASM_STACK_BYTES: usize = 1 << 20;

/// Stack of the fibre: the guest's and 1 MiB for the host functions it calls.
const FIBRE_STACK_BYTES: usize = 2 << 20;

/// The settings that decide how components are compiled. The allocation of instances does not, so it is not here.
pub(crate) fn config(tier: Tier) -> Config {
    let mut config = Config::new();
    let strategy = match tier {
        Tier::Optimised => Strategy::Cranelift,
        Tier::Baseline => Strategy::Winch,
    };
    config
        .strategy(strategy)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBRE_STACK_BYTES)
        .wasm_memory64(false)
        .concurrency_support(false);
    config
}

/// An engine that only compiles, without memory for instances: its code fits every engine of this program.
pub(crate) fn for_compiling(tier: Tier) -> wasmtime::Result<Engine> {
    Engine::new(&config(tier))
}
