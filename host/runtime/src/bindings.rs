//! Generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "processing-step",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "morag:step/task.blob": crate::capabilities::task::GuestBlob,
        "morag:step/task.artifact-writer": crate::capabilities::task::GuestWriter,
    },
});
