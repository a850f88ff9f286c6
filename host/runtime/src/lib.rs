//! Runs steps: sandboxed WebAssembly components behind the step_runner port.
