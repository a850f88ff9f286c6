//! The embedded store: SQLite (DESIGN section 4).
