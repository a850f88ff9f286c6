//! XML as the formats need it: a tree that is bounded, and that keeps what it has when its text is damaged.

mod decode;
mod tree;

pub use decode::decode;
pub use tree::{Element, Flavour, Item, Tree};

/// Elements within elements. Word writes under 100; what reads a tree recurses, and a step's stack is 512 KiB.
pub const DEPTH_MAX: usize = 256;
