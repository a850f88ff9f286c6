//! Reads what users send into types.
//!
//! A struct with serde's `Deserialize` and utoipa's `ToSchema` or `IntoParams` says which names there are, their types, bounds, words
//! and defaults, for reading and for the OpenAPI document alike. [`read`] (JSON), [`read_texts`] (forms and queries) and [`read_table`]
//! (the operator's file) report every error at once, each with its path, and refuse unknown names with the nearest known one. No
//! error repeats a value: it may be a secret. An empty text and JSON's null count as absent, as HTML forms and generated clients
//! send them.

mod patch;
mod problem;
mod reader;
mod text_or;
mod types;
mod value;
mod words;

pub use morag_core::nearest;
pub use patch::{Json, Patch};
pub use problem::{Fault, PROBLEMS_MAX, Problem};
pub use reader::{read, read_table, read_text, read_texts};
pub use text_or::TextOr;
pub use types::{Cursor, Text, Time, Whole, WholeOr};
pub use value::{ELEMENT_BYTES_MAX, FieldObject, FieldValue, NAME_BYTES_MAX, NAMES_MAX};
pub use words::{DeliveryWord, FormatWord, OrderWord, TaskState, Word, Words};
