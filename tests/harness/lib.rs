//! What tests share: temporary folders, free ports, a running server, a receiver of webhooks.
