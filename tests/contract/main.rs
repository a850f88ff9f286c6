//! One suite a port, run against every backend.
