//! A webhook receiver that verifies and deduplicates.
fn main() {}
