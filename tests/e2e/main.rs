//! The binary over HTTP.
