//! The embedded vector store and knowledge graph: a database of its own.
//!
//! Everything a run writes belongs to its revision, and is written once: publishing makes the revision the document's and
//! deletes the rows of the one before, in one commit that waits for the disk. Search is exact: it reads every published
//! vector of the collection, row by row, and holds no more than the best.
//!
//! The published revisions of a document are remembered (the last few), so that publishing one again, even after another
//! has taken its place, changes nothing.

mod publish;
mod schema;
mod search;
mod stage;
mod store;

pub(super) use schema::KNOWLEDGE;
pub use store::SqliteKnowledge;
