//! Entities, relations and facts of a document, with their evidence.
//!
//! Rules and word lists, no model: see the crate's README for what they find and how often they are right. The text is read
//! twice. The first reading ([`words`]) learns how each word of the document is written and which acronyms it explains; the
//! second ([`mentions`]) finds names and values sentence by sentence, each with how much it proves, and what the sentence says
//! about them ([`statements`]). At the end ([`builder`]) names with enough proof become entities.
//!
//! Below them: [`morag_text::blocks`] (markdown), [`tokens`], [`mod@sentences`], [`language`] and [`votes`], [`values`] (dates and amounts),
//! [`lexicon`] and [`patterns`] (the lists in `src/lists`), [`kinds`] (types of entities), [`graph`] (the output).

pub mod builder;
pub mod extract;
pub mod graph;
pub mod kinds;
pub mod language;
pub mod lexicon;
pub mod mentions;
pub mod patterns;
pub mod sentences;
pub mod statements;
pub mod step;
pub mod tokens;
pub mod values;
pub mod votes;
pub mod words;

pub use extract::{Extraction, extract};
pub use step::GraphExtraction;

morag_step::export_step!(GraphExtraction);
