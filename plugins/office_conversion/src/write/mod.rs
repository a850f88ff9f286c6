//! Markdown, written block by block.

mod blocks;
mod inline;
pub mod numbers;

pub use blocks::Blocks;
pub use inline::{Inline, Style, escape, escape_cell, guard};
