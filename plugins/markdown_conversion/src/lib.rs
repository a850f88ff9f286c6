//! Turns a document into markdown.
