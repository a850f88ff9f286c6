//! Entities, relations and facts of a document, with their evidence.
