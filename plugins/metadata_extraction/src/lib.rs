//! Title, author, dates and size of a document.
