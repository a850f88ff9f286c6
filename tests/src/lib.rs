//! Test harness, contract suites and end-to-end tests.
