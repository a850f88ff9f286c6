//! The step interface as a promise: what is released stays as it is, what was built for it runs, and what is written about it
//! is so. `docs/wit-versioning.md` has the rules.
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod bindings;
mod c;
mod languages;
mod old_component;
mod package;
mod reference;
mod released;
