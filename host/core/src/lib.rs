//! Vocabulary and decisions of MoRAG: no network, no disk, no wasm.
