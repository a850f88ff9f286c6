//! Guarded HTTP client for webhooks.
