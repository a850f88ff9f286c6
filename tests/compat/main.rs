//! The step interface is a promise: released versions do not change, components built for them run, and the documentation matches. The
//! rules are in `docs/wit-versioning.md`.
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod bindings;
mod c;
mod languages;
mod old_component;
mod package;
mod reference;
mod released;
mod sdks;
