//! The wasmtime store of one instance.

use crate::guest::{Guest, Instance};
use wasmtime::{Engine, Store, UpdateDeadline};

/// Bytes of host memory for the arguments or results of one call: a text of 1 MiB, with room for lists of vectors.
pub(crate) const HOSTCALL_BYTES_MAX: usize = 32 << 20;

/// A store for one instance, whose calls may take so many bytes of host memory for arguments or results.
pub(crate) fn store(engine: &Engine, guest: Guest, hostcall_bytes_max: usize) -> Store<Instance> {
    /// Component handles a guest may hold.
    const HANDLES_MAX: usize = 1000;
    let mut store = Store::new(engine, Instance::new(guest));
    store.limiter(|instance| instance.meter());
    store.set_hostcall_fuel(hostcall_bytes_max);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| match &store.data().guest().meter.reached {
        // The guest received the limit as an error and goes on: end it.
        Some(_) => Ok(UpdateDeadline::Interrupt),
        None => Ok(UpdateDeadline::Yield(1)),
    });
    store
}
