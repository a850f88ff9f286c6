//! Generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "processing-step",
    imports: { default: async | trappable },
    exports: { default: async },
    trappable_error_type: {
        "morag:step/capability.error" => crate::call_error::CallError,
        "morag:step/task.file-error" => crate::call_error::FileCallError,
    },
    with: {
        "morag:step/task.blob": crate::files::GuestBlob,
        "morag:step/task.artifact-writer": crate::files::GuestWriter,
    },
});

/// Of what a converter exports beside `step`.
pub(crate) mod converter {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "converter-exports",
        exports: { default: async },
    });
}
