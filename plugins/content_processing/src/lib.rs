//! Language, summary and topics of a document.
